"""HAProxy in front of parents with an enclave each, in network namespaces of this machine: what `run.py` and `soak.py`
kill parts of."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

CLIENTS_GO_TO = "tcp:10.77.0.1:7000"


def need(*programs):
    """Ends with a line that says what is missing."""
    if os.geteuid() != 0:
        sys.exit("network namespaces need root; run this as root")
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    for program in programs:
        if shutil.which(program) is None:
            sys.exit(f"{program} is missing")


class Namespace:
    """A network namespace; all of a farm are joined by a bridge in the first."""

    def __init__(self, farm, name, address):
        self.name = f"sealnote-{os.getpid()}-{name}"
        ip("netns", "add", self.name)
        farm.namespaces.append(self)
        self.ip("link", "set", "lo", "up")
        if self is farm.namespaces[0]:
            self.ip("link", "add", "bridge", "type", "bridge")
            self.ip("address", "add", f"{address}/24", "dev", "bridge")
            self.ip("link", "set", "bridge", "up")
            return
        front, end = farm.namespaces[0], f"to-{name}"
        front.ip("link", "add", end, "type", "veth", "peer", "name", "eth", "netns", self.name)
        front.ip("link", "set", end, "master", "bridge", "up")
        self.ip("address", "add", f"{address}/24", "dev", "eth")
        self.ip("link", "set", "eth", "up")

    def ip(self, *arguments):
        ip("-n", self.name, *arguments)

    def start(self, command, log):
        with open(log, "a", encoding="utf-8") as out:
            return subprocess.Popen(
                ["ip", "netns", "exec", self.name, *map(str, command)], stdout=subprocess.DEVNULL, stderr=out)


class Node:
    """A parent in a namespace of its own, and its enclave."""

    def __init__(self, farm, number):
        self.farm, self.number = farm, number
        self.namespace = Namespace(farm, f"node-{number}", f"10.77.0.{10 + number}")
        self.socket = farm.folder / f"enclave-{number}"
        self.starts = 0
        self.start_enclave()
        self.start_parent()

    def start_enclave(self):
        """With a development root of its own, as each start has one."""
        self.socket.unlink(missing_ok=True)
        self.starts += 1
        self.root = self.farm.folder / f"root-{self.number}-{self.starts}.pem"
        self.enclave = self.farm.serve(
            self.namespace, f"enclave-{self.number}", "ready on", "sealnote-enclave", "--listen", f"unix:{self.socket}",
            "--model", self.farm.model, "--attester", "software", "--software-root-out", self.root,
            "--measurements-out", self.farm.policy)

    def start_parent(self):
        self.parent = self.farm.serve(
            self.namespace, f"parent-{self.number}", "listening on", "sealnote-parent", "--listen", "tcp:0.0.0.0:7000",
            "--enclave", f"unix:{self.socket}", "--metrics-listen", "tcp:0.0.0.0:9100", "--connect-timeout", "2")


class Farm:
    """All of it, until the `with` ends."""

    def __init__(self, programs, model, nodes=3):
        self.programs, self.model, self.count = Path(programs).resolve(), Path(model).resolve(), nodes

    def __enter__(self):
        self.folder = Path(tempfile.mkdtemp())
        self.policy = self.folder / "measurements.json"
        self.namespaces, self.processes = [], []
        try:
            front = Namespace(self, "front", "10.77.0.1")
            self.at_client = Namespace(self, "client", "10.77.0.2")
            self.nodes = [Node(self, number) for number in range(1, self.count + 1)]
            config = Path(__file__).parents[2] / "examples/haproxy/haproxy.cfg"
            self.processes.append(front.start(["haproxy", "-db", "-f", config], self.folder / "haproxy.log"))
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for process in self.processes:
            process.kill()
            process.wait()
        for namespace in self.namespaces:
            ip("netns", "delete", namespace.name)
        shutil.rmtree(self.folder)

    def serve(self, namespace, name, marker, program, *arguments):
        """Starts a program, and waits until it says `marker`."""
        log = self.folder / f"{name}.log"
        before = len(log.read_text()) if log.exists() else 0
        process = namespace.start([self.programs / program, *arguments], log)
        self.processes.append(process)
        for _ in range(600):
            if marker in log.read_text()[before:]:
                return process
            if process.poll() is not None:
                break
            time.sleep(0.05)
        sys.exit(f"{name} does not start: {log.read_text()[before:]}")

    def client(self, notes, results, log, *arguments):
        """A client that goes on with its run, if it has begun one."""
        roots = [part for node in self.nodes for part in ("--danger-accept-software-root", node.root)]
        return self.at_client.start(
            [self.programs / "sealnote", "submit", "--server", CLIENTS_GO_TO, "--policy", self.policy, *roots,
             notes, "-o", results, "--resume", *arguments], log)


def ip(*arguments):
    subprocess.run(["ip", *arguments], check=True)


def write_notes(path, name, count, draw):
    """Records whose ids are `name` and a number."""
    words = "fever cough pain wrist fracture stable chest acute chronic left right renal heart of the and for".split()
    with open(path, "w", encoding="utf-8") as out:
        for number in range(count):
            text = " ".join(draw.choices(words, k=draw.randint(1, 40)))
            out.write(json.dumps({"id": f"{name}-{number}", "text": text}) + "\n")


def account(results, name, count):
    """What `results` has of the records of `write_notes`: how many rows, and what is missing or there twice."""
    ids = []
    with open(results, encoding="utf-8") as rows:
        for row in map(json.loads, rows):
            if "error" not in row:
                ids.append(row["id"])
    asked = {f"{name}-{number}" for number in range(count)}
    return len(ids), len(asked - set(ids)), len(ids) - len(set(ids)), len(set(ids) - asked)
