#!/usr/bin/env python3
"""What the client costs: time to the first result, whatever the input's size, and memory of a long run.

usage: bench.py PROGRAMS MODEL [RECORDS]
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

PROGRAMS, MODEL = Path(sys.argv[1]), sys.argv[2]
RECORDS = int(sys.argv[3]) if len(sys.argv) > 3 else 10_000_000


def generated(path, records):
    with open(path, "w", encoding="utf-8") as out:
        for number in range(records):
            out.write(f'{{"id":{number},"text":"fever and cough for {number % 90} days"}}\n')


def serve(folder, name, marker, *arguments):
    path = folder / f"{name}.log"
    with open(path, "w", encoding="utf-8") as log:
        process = subprocess.Popen([PROGRAMS / f"sealnote-{name}", *arguments], stdout=subprocess.DEVNULL, stderr=log)
    for _ in range(600):
        if marker in path.read_text():
            return process
        time.sleep(0.1)
    sys.exit(f"the {name} does not start: {path.read_text()}")


def command(folder, *arguments):
    return [PROGRAMS / "sealnote", "submit", "--server", f"unix:{folder}/parent", "--policy",
            folder / "measurements.json", "--danger-accept-software-root", folder / "root.pem", *arguments]


def first_result(folder, notes):
    """Seconds from the client's start to its first row."""
    begun = time.monotonic()
    client = subprocess.Popen(command(folder, notes), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    client.stdout.readline()
    took = time.monotonic() - begun
    client.kill()
    client.wait()
    client.stdout.close()
    return took


def peak(process):
    """The most memory that a process has had, in MiB, looked at until it ends."""
    most = 0
    while process.poll() is None:
        try:
            status = Path(f"/proc/{process.pid}/status").read_text()
            most = max(most, *(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")), 0)
        except (OSError, ValueError, TypeError):
            pass
        time.sleep(0.5)
    return most / 1024


def main():
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        enclave = serve(folder, "enclave", "ready on", "--listen", f"unix:{folder}/enclave", "--model", MODEL,
                        "--attester", "software", "--software-root-out", f"{folder}/root.pem",
                        "--measurements-out", f"{folder}/measurements.json")
        parent = serve(folder, "parent", "listening on", "--listen", f"unix:{folder}/parent",
                       "--enclave", f"unix:{folder}/enclave")
        try:
            small, large = folder / "small.jsonl", folder / "large.jsonl"
            generated(small, 10)
            generated(large, RECORDS)
            for name, notes in (("10 records", small), (f"{RECORDS} records", large)):
                times = sorted(first_result(folder, notes) for _ in range(9))
                print(f"first result of {name}: {1000 * median(times):.0f} ms ({1000 * times[0]:.0f} to {1000 * times[-1]:.0f})")
            begun = time.monotonic()
            client = subprocess.Popen(command(folder, large, "-o", folder / "results.jsonl"))
            memory = peak(client)
            took = time.monotonic() - begun
            if client.returncode != 0:
                sys.exit(f"the client ended with {client.returncode}")
            print(f"{RECORDS} records in {took:.0f} s, {RECORDS / took:.0f} a second; the client had {memory:.1f} MiB at most")
        finally:
            parent.kill()
            enclave.kill()


main()
