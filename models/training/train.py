"""Fine-tune the encoder on ICD-10-CM chapters and save a Hugging Face folder in f16.

    python models/training/train.py --out models/icd10-chapter

The model is a stock `BertForSequenceClassification`: anyone can check the answers of another
implementation against `transformers`.
"""

import argparse
import json
import os
import random
import time
from pathlib import Path

# Threads that wait should sleep: spinning ones steal the core from those that work when the
# machine is shared. Read once, when torch is imported.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

import torch
from safetensors.torch import save_file
from transformers import AutoTokenizer, BertConfig, BertForSequenceClassification

import augment
from data import DEFAULT_CACHE, LABELS, Example, encoder_folder, load_examples, split

# A few categories (fractures, transport accidents) have hundreds of near-identical texts.
TEXTS_PER_CATEGORY = 16
MAX_TOKENS = 96
WARM_UP = 0.06
# The pooler was never used by the encoder's own training and the classifier is new: both have
# further to go than the layers below.
HEAD_FACTOR = 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--cache", type=Path, default=DEFAULT_CACHE)
    parser.add_argument("--epochs", type=float, default=1.8)
    parser.add_argument("--augmented", type=float, default=0.15, help="share of generated notes on codes")
    parser.add_argument("--vignettes", type=float, default=0.19, help="share of generated notes on conditions")
    parser.add_argument("--learning-rate", type=float, default=3e-4)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()

    torch.set_num_threads(arguments.threads)
    torch.manual_seed(arguments.seed)
    rng = random.Random(arguments.seed)
    encoder = encoder_folder(arguments.cache)
    tokenizer = AutoTokenizer.from_pretrained(encoder)
    model = BertForSequenceClassification.from_pretrained(encoder, config=configuration(encoder), dtype=torch.float32)

    train = split(load_examples(arguments.cache)).train
    texts = training_texts(train, arguments, rng)
    batches = bucket(texts, tokenizer, arguments.batch, rng)
    tokens = sum(sum(map(len, ids)) for ids, _ in batches)
    print(f"{len(texts)} texts, {tokens} tokens, {len(batches)} steps", flush=True)
    fit(model, batches, arguments.learning_rate)
    save(model, encoder, arguments.out)


def configuration(encoder: Path) -> BertConfig:
    """The encoder's configuration with our labels."""
    return BertConfig.from_pretrained(
        encoder,
        id2label=dict(enumerate(LABELS)),
        label2id={label: index for index, label in enumerate(LABELS)},
        problem_type="single_label_classification",
    )


def training_texts(train: list[Example], arguments: argparse.Namespace, rng: random.Random) -> list[tuple[str, int]]:
    """Descriptions as they are, generated notes on other descriptions, and vignettes."""
    plain: list[Example] = []
    remaining = arguments.epochs
    while remaining > 0:
        epoch = one_epoch(train, rng)
        rng.shuffle(epoch)
        plain += epoch[: round(len(epoch) * min(1, remaining))]
        remaining -= 1
    total = len(plain) / (1 - arguments.augmented - arguments.vignettes)
    texts = [(example.text, example.label) for example in plain]
    sources: list[Example] = []
    while len(sources) < total * arguments.augmented:
        sources += one_epoch(train, rng)
    for example in rng.sample(sources, round(total * arguments.augmented)):
        texts.append((augment.make_note(example, train, rng), example.label))
    for _ in range(round(total * arguments.vignettes)):
        texts.append(augment.make_vignette(train, rng))
    rng.shuffle(texts)
    return texts


def one_epoch(train: list[Example], rng: random.Random) -> list[Example]:
    """At most `TEXTS_PER_CATEGORY` texts of each category, drawn anew."""
    by_category: dict[str, list[Example]] = {}
    for example in train:
        by_category.setdefault(example.category, []).append(example)
    return [
        example
        for members in by_category.values()
        for example in rng.sample(members, min(TEXTS_PER_CATEGORY, len(members)))
    ]


def bucket(texts: list[tuple[str, int]], tokenizer, size: int, rng: random.Random):
    """Batches of texts of similar length: little padding, yet a random order of batches."""
    ids = tokenizer([text for text, _ in texts], truncation=True, max_length=MAX_TOKENS, padding=False)["input_ids"]
    rows = list(zip(ids, (label for _, label in texts)))
    batches = []
    pool = size * 50
    for start in range(0, len(rows), pool):
        chunk = sorted(rows[start : start + pool], key=lambda row: len(row[0]))
        groups = [chunk[i : i + size] for i in range(0, len(chunk), size)]
        rng.shuffle(groups)
        batches += [([row[0] for row in group], [row[1] for row in group]) for group in groups]
    return batches


def fit(model: BertForSequenceClassification, batches, learning_rate: float) -> None:
    """AdamW with a linear warm-up and decay; the forward pass in bf16."""
    head = [*model.bert.pooler.parameters(), *model.classifier.parameters()]
    in_head = {id(parameter) for parameter in head}
    body = [parameter for parameter in model.parameters() if id(parameter) not in in_head]
    optimizer = torch.optim.AdamW(
        [{"params": body, "lr": learning_rate}, {"params": head, "lr": learning_rate * HEAD_FACTOR}],
        weight_decay=0.01,
        fused=True,
    )
    warm = max(1, round(len(batches) * WARM_UP))
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min((step + 1) / warm, (len(batches) - step) / (len(batches) - warm))
    )
    model.train()
    started, running = time.time(), 0.0
    for step, (ids, labels) in enumerate(batches, 1):
        longest = max(map(len, ids))
        inputs = torch.tensor([row + [0] * (longest - len(row)) for row in ids])
        mask = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in ids])
        with torch.autocast("cpu", torch.bfloat16):
            logits = model(input_ids=inputs, attention_mask=mask).logits
        loss = torch.nn.functional.cross_entropy(logits.float(), torch.tensor(labels))
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        schedule.step()
        running += loss.item()
        if step % 50 == 0:
            print(f"step {step}/{len(batches)} loss {running / 50:.3f} {time.time() - started:.0f} s", flush=True)
            running = 0.0


def save(model: BertForSequenceClassification, encoder: Path, out: Path) -> None:
    """Write config.json, the tokenizer's files and the weights in f16."""
    out.mkdir(parents=True, exist_ok=True)
    weights = {name: tensor.detach().half().contiguous() for name, tensor in model.state_dict().items()}
    save_file(weights, out / "model.safetensors", metadata={"format": "pt"})
    (out / "model.safetensors").chmod(0o644)  # safetensors writes 0600

    # Written by hand: what `save_pretrained` leaves out depends on the version of transformers,
    # and other readers (candle) need every key.
    config = json.loads((encoder / "config.json").read_text())
    for key in ("_name_or_path", "transformers_version", "gradient_checkpointing"):
        config.pop(key, None)
    config["architectures"] = ["BertForSequenceClassification"]
    config["problem_type"] = "single_label_classification"
    config["classifier_dropout"] = None
    # The type to compute in. The file stores f16 for its size; CPUs are at home in f32.
    config["torch_dtype"] = "float32"
    config["id2label"] = {str(index): label for index, label in enumerate(LABELS)}
    config["label2id"] = {label: index for index, label in enumerate(LABELS)}
    write_json(out / "config.json", dict(sorted(config.items())))

    # The encoder's file silently cuts and pads every text to 128 tokens; that is for the caller
    # to decide.
    tokenizer = json.loads((encoder / "tokenizer.json").read_text())
    tokenizer["truncation"] = tokenizer["padding"] = None
    (out / "tokenizer.json").write_text(json.dumps(tokenizer, ensure_ascii=False), encoding="utf-8")
    settings = json.loads((encoder / "tokenizer_config.json").read_text())
    settings.pop("name_or_path", None)
    write_json(out / "tokenizer_config.json", settings)
    write_json(out / "special_tokens_map.json", json.loads((encoder / "special_tokens_map.json").read_text()))


def write_json(path: Path, content: dict) -> None:
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
