#!/usr/bin/env python3
"""Records for the Spark example, and what must be true of its results.

usage: spark_records.py make NOTES COUNT OUT
       spark_records.py check RECORDS RESULTS SERVER POLICY ROOT
"""

import json
import random
import sys
import warnings
from pathlib import Path

# Of the records that are classified once more, by the plain client.
SAMPLE = 1000


def main(what: str, *arguments: str) -> None:
    {"make": make, "check": check}[what](*arguments)


def make(notes: str, count: str, out: str) -> None:
    """Two sentences of the example notes each; some have no text."""
    texts = [json.loads(line)["text"] for line in Path(notes).read_text().splitlines()]
    sentences = [sentence.strip() for text in texts for sentence in text.split(". ") if sentence.strip()]
    draw = random.Random(1)
    with open(out, "w") as file:
        for number in range(int(count)):
            text = None if number % 1000 == 7 else ". ".join(draw.sample(sentences, 2))
            file.write(json.dumps({"id": f"r{number}", "text": text}) + "\n")


def check(records: str, results: str, server: str, policy: str, root: str) -> None:
    import pyarrow.parquet

    import sealnote

    given = {record["id"]: record["text"] for record in map(json.loads, Path(records).read_text().splitlines())}
    table = pyarrow.parquet.read_table(results)
    rows = {row["id"]: row for row in table.to_pylist()}
    assert table.num_rows == len(rows) == len(given), f"{table.num_rows} rows, {len(rows)} ids, {len(given)} records"
    assert rows.keys() == given.keys(), "other ids"
    for id, text in given.items():
        expected = "missing" if text is None else None
        assert rows[id]["error"] == expected, f"{id} has the error {rows[id]['error']}, expected {expected}"
    warnings.simplefilter("ignore", sealnote.SoftwareRootWarning)
    client = sealnote.Client(server, policy, danger_accept_software_root=root)
    model = client.verify().model
    sample = random.Random(2).sample(sorted(given), SAMPLE)
    differ = 0
    for id, result in zip(sample, client.classify([given[id] for id in sample])):
        row = rows[id]
        assert row["error"] == result.error and row["model"] == result.model
        assert result.model == (model if result.ok else None)
        # In which company a note is computed may change its last digits.
        assert result.score is None or abs(row["score"] - result.score) < 1e-3, f"{id} has another score"
        differ += row["label"] != result.label
    assert differ == 0, f"{differ} labels of {SAMPLE} differ"
    print(f"{len(rows)} records have their result; {SAMPLE} of them are as the plain client has them")


if __name__ == "__main__":
    main(*sys.argv[1:])
