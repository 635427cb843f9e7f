"""Measure a model folder as it is on disk, on codes and on notes that it has never seen.

    python models/training/evaluate.py models/icd10-chapter

Prints accuracy, macro-F1, top-3 and the F1 of each chapter on the held-out categories, and
accuracy and top-3 on the hand-written notes. Exits with 1 when a required figure is missed.

conditions.py names common conditions, and some of them belong to held-out categories: the model
has met those, in other words. A second line therefore reports the held-out categories of which
that table names nothing.
"""

import argparse
import json
import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

import torch
from transformers import AutoTokenizer, BertForSequenceClassification

from conditions import CONDITIONS
from data import DEFAULT_CACHE, LABELS, REPOSITORY, Example, load_examples, split

REQUIRED_ACCURACY = 0.84
REQUIRED_MACRO_F1 = 0.76
BATCH = 64


@dataclass(frozen=True)
class Scores:
    """What is reported of one set of texts; `f1` has one value a chapter."""

    accuracy: float
    macro_f1: float
    top3: float
    f1: list[float]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("--notes", type=Path, default=REPOSITORY / "examples" / "notes.jsonl")
    parser.add_argument("--side", choices=("validation", "test"), default="test")
    parser.add_argument("--cache", type=Path, default=DEFAULT_CACHE)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--texts-out", type=Path, help="write the held-out texts and their labels here")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)

    model, tokenizer = load(arguments.model)
    held_out = getattr(split(load_examples(arguments.cache)), arguments.side)
    if arguments.texts_out:
        with arguments.texts_out.open("w", encoding="utf-8") as out:
            for text, label in zip(*columns(held_out)):
                print(json.dumps({"text": text, "expected": LABELS[label]}), file=out)
    codes = measure(model, tokenizer, *columns(held_out))
    strangers = unnamed(held_out)
    strange = measure(model, tokenizer, *columns(strangers))
    notes = [json.loads(line) for line in arguments.notes.read_text(encoding="utf-8").splitlines()]
    written = measure(
        model, tokenizer, [n["text"] for n in notes], [LABELS.index(n["expected"]) for n in notes]
    )

    report(f"held-out categories ({arguments.side}, {len(held_out)} texts)", codes)
    report(f"of these, categories that conditions.py does not name ({len(strangers)} texts)", strange)
    report(f"hand-written notes ({len(notes)} texts)", written)
    print("\nF1 per chapter: held-out categories, hand-written notes")
    for label, on_codes, on_notes in zip(LABELS, codes.f1, written.f1):
        print(f"  {on_codes:.3f}  {on_notes:.3f}  {label}")

    if codes.accuracy < REQUIRED_ACCURACY or codes.macro_f1 < REQUIRED_MACRO_F1:
        print(f"below the required accuracy {REQUIRED_ACCURACY} or macro-F1 {REQUIRED_MACRO_F1}")
        return 1
    return 0


def columns(examples: list[Example]) -> tuple[list[str], list[int]]:
    return [example.text for example in examples], [example.label for example in examples]


def unnamed(examples: list[Example]) -> list[Example]:
    """The examples of categories in which no text contains the name of a condition of the table.

    Spelling is levelled first; a synonym ("heart attack") is not recognised, so this is a close
    estimate and not a proof.
    """
    names = {level(name) for chapter in CONDITIONS for condition in chapter for name in condition.names}
    pattern = re.compile(r"\b(" + "|".join(sorted(map(re.escape, names), key=len, reverse=True)) + r")\b")
    named = {example.category for example in examples if pattern.search(level(example.text))}
    return [example for example in examples if example.category not in named]


def level(text: str) -> str:
    """Lower case and one spelling for British and American words."""
    return text.lower().replace("ae", "e").replace("oe", "e").replace("our", "or")


def load(folder: Path):
    """Load the folder as any user of `transformers` would; anything missing is an error."""
    model, loading = BertForSequenceClassification.from_pretrained(folder, output_loading_info=True)
    unloaded = {kind: keys for kind, keys in loading.items() if keys}
    if unloaded:
        raise ValueError(f"{folder} did not load cleanly: {unloaded}")
    if tuple(model.config.id2label[index] for index in range(len(LABELS))) != LABELS:
        raise ValueError(f"{folder} has other labels than this script")
    return model.float().eval(), AutoTokenizer.from_pretrained(folder)


def measure(model, tokenizer, texts: list[str], labels: list[int]) -> Scores:
    """Classify `texts`, each cut at what the model can hold, and compare with `labels`."""
    limit = model.config.max_position_embeddings
    ids = tokenizer(texts, truncation=True, max_length=limit)["input_ids"]
    ranked: list[list[int]] = [[] for _ in texts]
    # By length, to pad little: batching must not change an answer, only its price.
    order = sorted(range(len(texts)), key=lambda index: len(ids[index]))
    for start in range(0, len(order), BATCH):
        members = order[start : start + BATCH]
        padded = tokenizer.pad({"input_ids": [ids[m] for m in members]}, return_tensors="pt")
        with torch.inference_mode():
            logits = model(**padded).logits
        for member, row in zip(members, logits.topk(3).indices.tolist()):
            ranked[member] = row
    return score(ranked, labels)


def score(ranked: list[list[int]], labels: list[int]) -> Scores:
    """`ranked` holds the three likeliest labels of each text, the likeliest first."""
    f1 = []
    for label in range(len(LABELS)):
        hits = sum(row[0] == label == truth for row, truth in zip(ranked, labels))
        said = sum(row[0] == label for row in ranked)
        true = sum(truth == label for truth in labels)
        f1.append(2 * hits / (said + true) if said + true else 0.0)
    return Scores(
        accuracy=sum(row[0] == truth for row, truth in zip(ranked, labels)) / len(labels),
        macro_f1=sum(f1) / len(f1),
        top3=sum(truth in row for row, truth in zip(ranked, labels)) / len(labels),
        f1=f1,
    )


def report(name: str, scores: Scores) -> None:
    print(f"{name}: accuracy {scores.accuracy:.4f}, macro-F1 {scores.macro_f1:.4f}, top-3 {scores.top3:.4f}")


if __name__ == "__main__":
    sys.exit(main())
