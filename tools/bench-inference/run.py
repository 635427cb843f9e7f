"""`make bench-inference`: the engines side by side, in interleaved rounds.

    run.py BINARY MODEL NOTES OUT [--rounds N] [--seconds S]

Writes OUT/results.json, which report.py makes the tables of. BINARY is `inference` of sealnote-bench.
"""

import argparse
import hashlib
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import export
import machine
import texts
from agreement import Answers
from engines import ENGINES, HERE, PEAK, REFERENCE, Engine, Paths, Worker

ROOT = HERE.parent.parent
DEFAULT_MODEL = ROOT / "models/icd10-chapter"
DEFAULT_NOTES = ROOT / "examples/notes.jsonl"

THREADS = (1, 2)
# Where the share of the limit is computed.
LIMIT_CELLS = (texts.name(128, 1), texts.name(128, texts.BATCH))
# These take as long as all others together, and no goal is set for them.
SELDOM = (texts.name(256, texts.BATCH), texts.AS_THEY_COME)
SELDOM_ROUNDS = 4
# Greatest share of a processor that a worker may use while it is not asked.
IDLE_SHARE = 0.02


def main() -> None:
    parser = argparse.ArgumentParser()
    for name in ("binary", "model", "notes", "out"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=0.25, help="least time for each engine and cell in a round")
    arguments = parser.parse_args()
    if arguments.rounds < 1:
        parser.error("there is nothing to measure in no round")

    began = time.monotonic()
    out: Path = arguments.out
    out.mkdir(parents=True, exist_ok=True)
    cells = texts.cells(arguments.model, arguments.notes)
    paths = Paths(arguments.binary, arguments.model, onnx_files(arguments.model, out), out / "cells.json")
    paths.cells.write_text(json.dumps(cells))

    threads = [count for count in THREADS if count <= machine.processors()]
    for count in sorted(set(THREADS) - set(threads)):
        progress(f"{count} threads are not measured: there are {machine.processors()} processors")
    workers = [Worker(engine, count, paths) for count in threads for engine in ENGINES]
    workers.append(Worker(PEAK, 1, paths))
    try:
        for worker in workers:
            worker.wait_until_ready()
        answers = compare(workers, cells)
        meter = machine.Meter(workers)
        rounds = [
            one_round(index, arguments.rounds, arguments.seconds, workers, cells, meter)
            for index in range(arguments.rounds)
        ]
        idle = meter.idle_shares()
        busiest = max(idle, key=idle.__getitem__)
        if idle[busiest] > IDLE_SHARE:
            raise SystemExit(f"{busiest}: used {idle[busiest]:.0%} of a processor while others were measured")
        results = {
            "date": time.strftime("%Y-%m-%d", time.gmtime()),
            "machine": machine.describe(),
            "versions": machine.versions(),
            "model": describe_model(arguments.model),
            "default": arguments.model.samefile(DEFAULT_MODEL) and arguments.notes.samefile(DEFAULT_NOTES),
            "lengths": {cell["name"]: texts.lengths(cell) for cell in cells},
            "batches": {cell["name"]: len(cell["batches"][0]) for cell in cells},
            "padding": {cell["name"]: texts.padding(cell) for cell in cells},
            "seldom": {"cells": SELDOM, "rounds": SELDOM_ROUNDS},
            "threads": threads,
            "seconds": arguments.seconds,
            "agreement": {key: found.as_dict() for key, found in answers.agreements.items()},
            "idle": idle[busiest],
            "taken": meter.taken_by_others(),
            "minutes": (time.monotonic() - began) / 60,
            "rounds": rounds,
        }
    finally:
        for worker in workers:
            worker.stop()
    (out / "results.json").write_text(json.dumps(results, indent=1))
    progress(f"{time.monotonic() - began:.0f} s in all")


def compare(workers: list[Worker], cells: list[texts.Cell]) -> Answers:
    """Every engine's answers, which warms it up too."""
    answers = Answers()
    # The reference first, for it is what the others are compared with.
    measured = sorted((w for w in workers if w.engine != PEAK), key=lambda worker: worker.engine != REFERENCE)
    for place, worker in enumerate(measured):
        progress(f"answers: {place + 1} of {len(measured)}, {worker.name}")
        # The reference answers to every cell, for every other is compared with it.
        for cell in (cell for cell in cells if worker.engine == REFERENCE or worker.engine.takes(cell["name"])):
            answers.add(worker.engine, worker.threads, cell["name"], worker.check(cell["name"]))
    answers.settle(ENGINES)
    return answers


def one_round(
    index: int,
    rounds: int,
    seconds: float,
    workers: list[Worker],
    cells: list[texts.Cell],
    meter: machine.Meter,
) -> dict[str, Any]:
    """Texts a second by threads, cell and engine; and the peaks beside them."""
    rates: dict[str, Any] = {}
    for count in sorted({worker.threads for worker in workers}):
        for place, cell in enumerate(cells):
            name = cell["name"]
            if name in SELDOM and index % SELDOM_ROUNDS:
                continue
            progress(f"round {index + 1} of {rounds}: {count} thread(s), {name}")
            here = [w for w in workers if w.threads == count and measured_in(w.engine, name)]
            measured = rates.setdefault(str(count), {}).setdefault(name, {})
            # Another engine is first in each round, and in each cell.
            turn = (index * 2 + place) % len(here)
            for worker in here[turn:] + here[:turn]:
                with meter.running(worker):
                    answer = worker.run(name, seconds)
                measured[worker.engine.key] = (
                    answer if worker.engine == PEAK else answer["texts"] / answer["seconds"]
                )
    return rates


def measured_in(engine: Engine, cell: str) -> bool:
    return cell in LIMIT_CELLS if engine == PEAK else engine.takes(cell)


def onnx_files(model: Path, out: Path) -> Path:
    """A folder of the model's ONNX files, made once for each model, exporter and version."""
    digest = hashlib.sha256(json.dumps(machine.versions()).encode())
    for file in (model / "config.json", model / "model.safetensors", Path(export.__file__)):
        digest.update(file.read_bytes())
    folder = out / "onnx" / digest.hexdigest()[:16]
    if not all((folder / f"{form}.onnx").is_file() for form in export.FORMS):
        progress("exporting the model to ONNX")
        partial = folder.with_suffix(".partial")
        exported = subprocess.run([sys.executable, HERE / "export.py", model, partial], capture_output=True, text=True)
        if exported.returncode:
            raise SystemExit(f"the model could not be exported:\n{exported.stderr}")
        partial.rename(folder)
    return folder


def describe_model(model: Path) -> dict[str, Any]:
    config = json.loads((model / "config.json").read_text())
    keys = ("hidden_size", "intermediate_size", "num_hidden_layers")
    return {"name": model.name} | {key: config[key] for key in keys}


def progress(text: str) -> None:
    print(f"bench-inference: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
