#!/usr/bin/env python3
"""A long run whose client, parent and enclave are killed again and again: its results must be those of an undisturbed
run, byte for byte, but for the field that names the session.

usage: interrupted.py PROGRAMS MODEL RECORDS KILLS
"""

import json
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PROGRAMS, MODEL, RECORDS, KILLS = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
WORDS = "fever cough pain wrist fracture stable chest acute chronic left right renal heart of the and for days".split()


def generated(path):
    """Records of all sorts, some of which fail."""
    draw = random.Random(14)
    with open(path, "w", encoding="utf-8") as out:
        for number in range(RECORDS):
            text = " ".join(draw.choices(WORDS, k=draw.randint(1, 40)))
            if number % 997 == 5:
                text = " "
            if number % 1009 == 7:
                out.write("not an object\n")
                continue
            identity = number if number % 3 else f"note-{number}"
            out.write(json.dumps({"id": identity, "text": text, "ward": number % 7}) + "\n")


class Stack:
    """An enclave and a parent that can be killed and started again, at the same addresses."""

    def __init__(self, folder):
        self.folder = folder
        self.address = f"unix:{folder}/parent"
        self.start_enclave()
        self.start_parent()

    def start_enclave(self):
        (self.folder / "enclave").unlink(missing_ok=True)
        self.enclave = self.serve(
            "enclave", "ready on", "--listen", f"unix:{self.folder}/enclave", "--model", MODEL,
            "--attester", "software", "--software-root-out", f"{self.folder}/root.pem",
            "--measurements-out", f"{self.folder}/measurements.json")

    def start_parent(self):
        (self.folder / "parent").unlink(missing_ok=True)
        self.parent = self.serve(
            "parent", "listening on", "--listen", self.address, "--enclave", f"unix:{self.folder}/enclave",
            "--connect-timeout", "1")

    def serve(self, name, marker, *arguments):
        log = open(self.folder / f"{name}.log", "w+", encoding="utf-8")
        process = subprocess.Popen([PROGRAMS / f"sealnote-{name}", *arguments], stdout=subprocess.DEVNULL, stderr=log)
        for _ in range(600):
            if marker in (self.folder / f"{name}.log").read_text():
                return process
            if process.poll() is not None:
                break
            time.sleep(0.1)
        sys.exit(f"the {name} does not start; see {log.name}")

    def client(self, roots, *arguments):
        return subprocess.Popen(
            [PROGRAMS / "sealnote", "submit", "--server", self.address, "--policy", self.folder / "measurements.json",
             "--danger-accept-software-root", roots, self.folder / "notes.jsonl", "--pass", "ward", *arguments],
            stderr=open(self.folder / "client.log", "a", encoding="utf-8"))

    def stop(self):
        for process in (self.parent, self.enclave):
            process.kill()
            process.wait()


def without_session(path):
    return re.sub(rb',"evidence":"[0-9a-f]{16}"', b"", path.read_bytes())


def lines(path):
    with open(path, "rb") as rows:
        return sum(1 for _ in rows)


def main():
    draw = random.Random()
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        generated(folder / "notes.jsonl")
        stack = Stack(folder)
        begun = time.monotonic()
        code = stack.client(folder / "root.pem", "-o", folder / "whole.jsonl").wait()
        whole = time.monotonic() - begun
        if code != 4:
            sys.exit(f"the undisturbed run ended with {code}: {(folder / 'client.log').read_text()}")
        print(f"undisturbed: {RECORDS} records in {whole:.1f} s")

        victims = ["client", "parent", "enclave"] * KILLS
        draw.shuffle(victims)
        killed = dict.fromkeys(victims, 0)
        kept, attempts, outside = [], 0, 0
        client = None
        begun = time.monotonic()
        # An enclave that starts anew has a development root of its own, which a client is told at its start: where it
        # is killed, so is the client's run, and the next attempt goes on.
        while True:
            if client is None:
                client = stack.client(folder / "root.pem", "-o", folder / "cut.jsonl", "--resume", "--connections", "2",
                                      "--retry", "5")
                attempts += 1
            try:
                code = client.wait(timeout=draw.uniform(0.1, 1.3 * whole / (3 * KILLS)) if victims else 600)
                client = None
                if code == 4 and not (folder / "cut.jsonl.partial").exists():
                    break
                if code not in (3, 6):
                    sys.exit(f"an attempt ended with {code}: {(folder / 'client.log').read_text()[-2000:]}")
                outside += 1
                continue
            except subprocess.TimeoutExpired:
                pass
            if not victims:
                sys.exit("the run does not end")
            victim = victims.pop()
            if (folder / "cut.jsonl.partial").exists():
                kept.append(lines(folder / "cut.jsonl.partial"))
            killed[victim] += 1
            if victim == "client":
                client.send_signal(signal.SIGKILL)
                client.wait()
                client = None
            else:
                process = getattr(stack, victim)
                process.kill()
                process.wait()
                getattr(stack, f"start_{victim}")()
        took = time.monotonic() - begun
        stack.stop()
        if victims:
            print(f"the run ended before {len(victims)} of the kills: more RECORDS are needed", file=sys.stderr)
        if without_session(folder / "whole.jsonl") != without_session(folder / "cut.jsonl"):
            os.system(f"cp {folder}/whole.jsonl {folder}/cut.jsonl /tmp")
            sys.exit("the results differ; they are in /tmp")
        manifest = json.loads((folder / "cut.jsonl.run.json").read_text())
        print(f"killed {killed}; {attempts} attempts in {took:.1f} s, {outside} ended by themselves; "
              f"{len(manifest['sessions'])} sessions gave the results")
        print("the results are the same to the byte, but for the field that names the session")


main()
