#!/usr/bin/env python3
"""Classifies a table of notes with Spark: each Python worker has a client of its own, and seals the notes itself.

usage: classify.py --server ADDR --policy FILE NOTES RESULTS

NOTES is JSON Lines or Parquet with a column `id` and a column `text`; RESULTS is a folder of Parquet files with a row for
each note: id, label, score, known, error, model. It needs sealnote, pandas and pyarrow where the workers run.
"""

from __future__ import annotations

import argparse
import functools
import warnings
from collections import deque
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Optional

import pandas
from pyspark.sql import SparkSession

import sealnote

SCHEMA = "id string, label string, score double, known double, error string, model string"


def main() -> None:
    arguments = parse()
    # Workers are sent what these files hold: they need not have the files.
    policy = arguments.policy.read_text()
    root = arguments.danger_accept_software_root and arguments.danger_accept_software_root.read_text()

    spark = SparkSession.builder.appName("sealnote").getOrCreate()
    spark.sparkContext.addPyFile(__file__)
    # A server that is not the right one is refused here, before any work.
    evidence = worker_client(arguments.server, policy, root).verify()
    print(f"verified: measured as {evidence.measurement_set!r}, model {evidence.model}")

    read = spark.read.parquet if arguments.notes.endswith(".parquet") else spark.read.schema("id string, text string").json
    notes = read(arguments.notes).select("id", "text")
    results = notes.mapInPandas(classifier(arguments.server, policy, root), SCHEMA)
    results.write.mode("errorifexists").parquet(arguments.results)
    spark.stop()


@functools.cache
def worker_client(server: str, policy: str, root: Optional[str]) -> sealnote.Client:
    """One for each process."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", sealnote.SoftwareRootWarning)
        return sealnote.Client(server, policy, danger_accept_software_root=root)


def classifier(
    server: str, policy: str, root: Optional[str]
) -> Callable[[Iterator[pandas.DataFrame]], Iterator[pandas.DataFrame]]:
    """What Spark calls for each partition: batches of notes in, batches of results out.

    All batches of a partition go through one stream, so there is one session for it, and no wait between two batches.
    """

    def classify(batches: Iterator[pandas.DataFrame]) -> Iterator[pandas.DataFrame]:
        ids: deque[pandas.Series[str]] = deque()

        def texts() -> Iterator[object]:
            for batch in batches:
                if len(batch):
                    ids.append(batch["id"])
                    yield from batch["text"]

        with worker_client(server, policy, root).stream(texts()) as stream:
            for first in stream:
                own = ids.popleft()
                yield table(own, [first, *islice(stream, len(own) - 1)])

    return classify


def table(ids: pandas.Series[str], results: list[sealnote.Result]) -> pandas.DataFrame:
    return pandas.DataFrame(
        {
            "id": list(ids),
            "label": [result.label for result in results],
            "score": [result.score for result in results],
            "known": [result.known for result in results],
            "error": [result.error for result in results],
            "model": [result.model for result in results],
        }
    )


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Classifies a table of notes with Spark.")
    parser.add_argument("--server", metavar="ADDR", required=True, help="tcp:HOST:PORT, as the workers reach it")
    parser.add_argument("--policy", metavar="FILE", type=Path, required=True)
    parser.add_argument("--danger-accept-software-root", metavar="FILE", type=Path, help="DANGER: it protects nothing")
    parser.add_argument("notes", metavar="NOTES", help="JSON Lines, or Parquet if it ends in .parquet")
    parser.add_argument("results", metavar="RESULTS", help="a folder that is not there yet")
    return parser.parse_args()


if __name__ == "__main__":
    # By its name, so that workers import it and keep their client, instead of getting a copy of it with each task.
    import classify

    classify.main()
