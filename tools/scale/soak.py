#!/usr/bin/env python3
"""Clients that never stop, through HAProxy over three parents with an enclave each, all of which are killed at random and
started again: in the end every record that was asked for has one row.

usage: soak.py PROGRAMS MODEL MINUTES
"""

import collections
import random
import sys
import time

from farm import Farm, account, need, write_notes

PROGRAMS, MODEL, MINUTES = sys.argv[1], sys.argv[2], float(sys.argv[3])
CLIENTS = 4
# Of one run: some seconds' work.
RECORDS = 20_000
# Seconds between two kills, on average.
BETWEEN = 6


class Client:
    """Runs that follow each other; one that was killed is gone on with."""

    def __init__(self, farm, number, draw, totals):
        self.farm, self.number, self.draw, self.totals = farm, number, draw, totals
        self.log = farm.folder / f"client-{number}.log"
        self.runs = 0
        self.begin()

    def begin(self):
        self.runs += 1
        self.name = f"{self.number}-{self.runs}"
        self.notes = self.farm.folder / f"notes-{self.name}.jsonl"
        self.results = self.farm.folder / f"results-{self.name}.jsonl"
        write_notes(self.notes, self.name, RECORDS, self.draw)
        self.go_on()

    def go_on(self):
        self.totals["attempts"] += 1
        self.process = self.farm.client(self.notes, self.results, self.log, "--connections", "2", "--retry", "20")

    def look(self, last):
        """Counts a run that is complete, and begins the next; goes on with one that is not. Whether all is done."""
        code = self.process.poll()
        if code is None:
            return False
        self.totals[f"ended with {code}"] += 1
        # Killed; or rejected an enclave that has started anew, under a root that it was not told of; or reached none.
        if code in (-9, 3, 6):
            self.go_on()
            return False
        if code != 0:
            sys.exit(f"a client ended with {code}: {self.log.read_text()[-2000:]}")
        rows, missing, twice, others = account(self.results, self.name, RECORDS)
        self.totals["records"] += RECORDS
        self.totals["rows"] += rows
        self.totals["missing"] += missing
        self.totals["twice"] += twice
        self.totals["of no record"] += others
        for path in self.farm.folder.glob(f"*-{self.name}.jsonl*"):
            path.unlink()
        if last:
            return True
        self.begin()
        return False


def main():
    need("ip", "haproxy")
    draw, totals, killed = random.Random(), collections.Counter(), collections.Counter()
    with Farm(PROGRAMS, MODEL) as farm:
        clients = [Client(farm, number, draw, totals) for number in range(CLIENTS)]
        begun = time.monotonic()
        next_kill, said = begun + BETWEEN, 0
        restarts = []
        while clients:
            time.sleep(0.1)
            now = time.monotonic()
            last = now - begun > MINUTES * 60
            clients = [client for client in clients if not client.look(last)]
            for due, start in list(restarts):
                if now >= due:
                    restarts.remove((due, start))
                    start()
            if now >= next_kill and not last:
                next_kill = now + draw.expovariate(1 / BETWEEN)
                victim = draw.choice(["client", "parent", "enclave"])
                if victim == "client":
                    draw.choice(clients).process.kill()
                else:
                    # One node at most is away, as an operator has it; two kills of it at once are one.
                    if restarts:
                        continue
                    node = draw.choice(farm.nodes)
                    process = getattr(node, victim)
                    process.kill()
                    process.wait()
                    restarts.append((now + draw.uniform(0.5, 5), getattr(node, f"start_{victim}")))
                killed[victim] += 1
            if now - begun > 60 * (said + 1):
                said += 1
                print(f"minute {said}: killed {dict(killed)}; {dict(totals)}", flush=True)
    print(f"killed {dict(killed)}; {dict(totals)}")
    if totals["records"] != totals["rows"] or totals["missing"] + totals["twice"] + totals["of no record"]:
        sys.exit("the account does not balance")
    print(f"the account balances: {totals['rows']} rows for {totals['records']} records")


main()
