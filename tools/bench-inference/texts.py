"""The texts that every engine is given: pieces of clinical notes, of exact lengths in tokens."""

import json
from math import exp
from pathlib import Path
from statistics import NormalDist
from typing import Any, Callable, Iterator

from tokenizers import Tokenizer

LENGTHS = (32, 128, 256)
BATCH = 32
# Batches of one text in a pass, so that the shortest pass is not one text over and over.
SINGLES = 4
MIXED = "mixed"
# So many texts of mixed lengths that sorting them leaves little padding.
MIXED_BATCHES = 4
# Of sorted texts. Of 1, 2, 4, 8, 16 and 32 ONNX Runtime was fastest with so many in f32 (twice as fast as with 32);
# in int8 with 2, by a twentieth.
SORTED_BATCH = 4

Cell = dict[str, Any]


def name(tokens: int | str, batch: int) -> str:
    return f"{tokens}x{batch}"


# For the engines that compute no padding.
MIXED_CELL = name(MIXED, BATCH)
# The same texts for those that pad.
AS_THEY_COME, SORTED, SINGLY = f"{MIXED}-as-they-come", f"{MIXED}-sorted", f"{MIXED}-singly"
WAYS = (AS_THEY_COME, SORTED, SINGLY)


def cells(model: Path, notes: Path) -> list[Cell]:
    """`{"name", "batches": [[{"text", "ids", "type_ids"}]]}`, each batch in the order of arrival."""
    tokenizer = Tokenizer.from_file(str(model / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    greatest = json.loads((model / "config.json").read_text())["max_position_embeddings"]
    if greatest < max(LENGTHS):
        raise SystemExit(f"{model} takes {greatest} tokens, and {max(LENGTHS)} are measured")
    words = _words(tokenizer, notes)
    result = []
    for tokens in LENGTHS:
        for batch, batches in ((1, SINGLES), (BATCH, 1)):
            result.append(_cell(tokenizer, words, name(tokens, batch), batch, batches, lambda _: tokens))
    mixed = _cell(tokenizer, words, MIXED_CELL, BATCH, MIXED_BATCHES, mixed_length)
    items = [item for batch in mixed["batches"] for item in batch]
    by_length = sorted(items, key=lambda item: len(item["ids"]))
    return result + [
        mixed,
        {"name": AS_THEY_COME, "batches": mixed["batches"]},
        {"name": SORTED, "batches": _batches(by_length, SORTED_BATCH)},
        {"name": SINGLY, "batches": _batches(items, 1)},
    ]


def mixed_length(index: int) -> int:
    """8 to 250, most of them short, 55 on average: log-normal, as lengths of texts are."""
    # The golden ratio's multiples are spread evenly over 0 to 1.
    even = ((index + 0.5) * 0.618033988749895) % 1
    return min(max(round(44.5 * exp(0.65 * NormalDist().inv_cdf(even))), 8), 250)


def lengths(cell: Cell) -> list[int]:
    return [len(item["ids"]) for batch in cell["batches"] for item in batch]


def padding(cell: Cell) -> float:
    """Tokens that are computed for each token of a text, if each batch is padded to its longest text."""
    padded = sum(len(batch) * max(len(item["ids"]) for item in batch) for batch in cell["batches"])
    return padded / sum(lengths(cell))


def _cell(
    tokenizer: Tokenizer,
    words: list[tuple[str, int]],
    cell: str,
    batch: int,
    batches: int,
    length: Callable[[int], int],
) -> Cell:
    items = [_item(tokenizer, words, index, length(index)) for index in range(batch * batches)]
    return {"name": cell, "batches": _batches(items, batch)}


def _batches(items: list[dict[str, Any]], size: int) -> list[list[dict[str, Any]]]:
    return [items[start : start + size] for start in range(0, len(items), size)]


def _item(tokenizer: Tokenizer, words: list[tuple[str, int]], index: int, tokens: int) -> dict[str, Any]:
    left = tokens - tokenizer.num_special_tokens_to_add(False)
    chosen = []
    for word, count in _from(words, index * 97):
        if count <= left:
            chosen.append(word)
            left -= count
        if left == 0:
            break
    text = " ".join(chosen)
    encoding = tokenizer.encode(text)
    if len(encoding.ids) != tokens:
        raise SystemExit(f"a text of {tokens} tokens cannot be made of words: it has {len(encoding.ids)}")
    return {"text": text, "ids": encoding.ids, "type_ids": encoding.type_ids}


def _words(tokenizer: Tokenizer, notes: Path) -> list[tuple[str, int]]:
    """The notes' words, each with its tokens."""
    texts = [json.loads(line)["text"] for line in notes.read_text().splitlines()]
    words = [word for text in texts for word in text.split()]
    counted = [(word, len(tokenizer.encode(word, add_special_tokens=False).ids)) for word in words]
    counted = [(word, count) for word, count in counted if count > 0]
    if not any(count == 1 for _, count in counted):
        raise SystemExit(f"{notes} has no word of one token")
    return counted


def _from(words: list[tuple[str, int]], start: int) -> Iterator[tuple[str, int]]:
    """From somewhere on, around, and again."""
    while True:
        yield words[start % len(words)]
        start += 1
