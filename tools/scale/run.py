#!/usr/bin/env python3
"""A run through HAProxy over three parents, one of which is killed under load, and the enclave of another: the client
loses no record and does none twice.

usage: run.py PROGRAMS MODEL [RECORDS]
"""

import random
import sys
import time

from farm import Farm, account, need, write_notes

PROGRAMS, MODEL = sys.argv[1], sys.argv[2]
RECORDS = int(sys.argv[3]) if len(sys.argv) > 3 else 60_000


def answered(path):
    """How many rows there are by now."""
    partial = path.with_name(path.name + ".partial")
    for file in (partial, path):
        if file.exists():
            with open(file, "rb") as rows:
                return sum(1 for _ in rows)
    return 0


def main():
    need("ip", "haproxy")
    with Farm(PROGRAMS, MODEL) as farm:
        notes, results, log = farm.folder / "notes.jsonl", farm.folder / "results.jsonl", farm.folder / "client.log"
        write_notes(notes, "note", RECORDS, random.Random(16))
        begun = time.monotonic()
        client = farm.client(notes, results, log, "--connections", "6", "--retry", "30")
        for share, what, kill in [
                (0.2, "parent 2", farm.nodes[1].parent.kill),
                (0.5, "the enclave of parent 3", farm.nodes[2].enclave.kill)]:
            while client.poll() is None and answered(results) < share * RECORDS:
                time.sleep(0.05)
            if client.poll() is not None:
                sys.exit(f"the run ended before {what} was killed: {log.read_text()[-2000:]}")
            print(f"{time.monotonic() - begun:5.1f} s: {answered(results)} rows; {what} is killed")
            kill()
        code = client.wait(timeout=600)
        took = time.monotonic() - begun
        if code != 0:
            sys.exit(f"the client ended with {code}: {log.read_text()[-2000:]}")
        rows, missing, twice, others = account(results, "note", RECORDS)
        print(f"{took:5.1f} s: {rows} rows of {RECORDS} records; {missing} missing, {twice} twice, {others} of no record")
        if (rows, missing, twice, others) != (RECORDS, 0, 0, 0):
            sys.exit(1)


main()
