#!/usr/bin/env python3
"""Judges what the guest printed on its serial line.

usage: judge.py SERIAL_LOG NOTES LABELS_FROM_CONFIG_JSON

The guest passes if it says so, and if it printed exactly one result for each note that it was
given, with a label that the model has and finite scores.
"""

import json
import math
import sys

MARKER = "guest: PASS flow"
RESULT = "result: "


def main(log_path, notes_path, config_path):
    with open(log_path, encoding="utf-8", errors="replace") as log:
        lines = [line.strip("\r\n") for line in log]
    with open(notes_path, encoding="utf-8") as notes:
        submitted = [json.loads(line)["id"] for line in notes]
    with open(config_path, encoding="utf-8") as config:
        labels = set(json.load(config)["id2label"].values())

    if MARKER not in lines:
        sys.exit(f"vsock guest: no line `{MARKER}`")
    results = [json.loads(line[len(RESULT) :]) for line in lines if line.startswith(RESULT)]
    answered = [result["id"] for result in results]
    if sorted(answered) != sorted(submitted):
        sys.exit(f"vsock guest: results for {answered}, notes {submitted}")
    for result in results:
        if result.get("label") not in labels:
            sys.exit(f"vsock guest: no label of the model: {result}")
        scores = list(numbers(result["scores"]))
        if not scores or not all(math.isfinite(score) for score in scores):
            sys.exit(f"vsock guest: no scores: {result}")
    print(f"vsock guest: {len(results)} notes classified over AF_VSOCK")


def numbers(value):
    """Every number in a JSON value, however it is nested."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from numbers(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from numbers(inner)


if __name__ == "__main__":
    main(*sys.argv[1:])
