"""A development enclave and its parent, as processes; and a relay before them that can cut and tamper."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Optional

ROOT = Path(__file__).resolve().parents[3]
PROGRAMS = Path(os.environ.get("SEALNOTE_PROGRAMS", ROOT / "target/programs"))
MODEL = ROOT / "models/icd10-chapter"


class Stack:
    def __init__(self, model: Path = MODEL) -> None:
        self.files = Path(tempfile.mkdtemp(prefix="sealnote-"))
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.policy = self.files / "measurements.json"
        self.root = self.files / "root.pem"
        self._model = model
        self.server = f"unix:{self.files}/parent"
        self.start_enclave()
        self.start_parent()

    @property
    def trust(self) -> dict[str, Any]:
        return {"danger_accept_software_root": self.root}

    def sealnote(self, command: str, *arguments: object) -> list[str]:
        """What the command line prints, with this policy and root."""
        trust = ["--policy", self.policy, "--danger-accept-software-root", self.root]
        program = [str(word) for word in (PROGRAMS / "sealnote", command, *trust, *arguments)]
        return subprocess.run(program, check=True, capture_output=True, text=True).stdout.splitlines()

    def start_enclave(self) -> None:
        self._start(
            "enclave",
            "ready on",
            ["--listen", f"unix:{self.files}/enclave", "--peer-cid", "1", "--model", str(self._model), "--attester", "software"]
            + ["--software-root-out", str(self.root), "--measurements-out", str(self.policy)],
        )

    def start_parent(self) -> None:
        self._start("parent", "listening on", ["--listen", self.server, "--enclave", f"unix:{self.files}/enclave"])

    def stop(self, name: str) -> None:
        process = self.processes.pop(name)
        process.kill()
        process.wait()

    def close(self) -> None:
        for name in list(self.processes):
            self.stop(name)
        shutil.rmtree(self.files)

    def _start(self, name: str, marker: str, arguments: list[str]) -> None:
        (self.files / name).unlink(missing_ok=True)
        log = self.files / f"{name}.log"
        with open(log, "wb") as out:
            self.processes[name] = subprocess.Popen(
                [PROGRAMS / f"sealnote-{name}", *arguments], stdout=subprocess.DEVNULL, stderr=out
            )
        for _ in range(600):
            if marker in log.read_text():
                return
            assert self.processes[name].poll() is None, log.read_text()[-2000:]
            time.sleep(0.05)
        raise AssertionError(f"the {name} does not start")


# What becomes of a frame that the server sends: itself, another, or None, which cuts the connection.
Act = Callable[[int, int, bytes], Optional[bytes]]


class Relay:
    """Passes frames; what comes from the server goes through ``act(connection, frame's number, frame)``."""

    def __init__(self, server: str, act: Act) -> None:
        self.server = server
        self._act = act
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"tcp:127.0.0.1:{self._listener.getsockname()[1]}"
        self.connections = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.socket(socket.AF_UNIX)
            server.connect(self.server[len("unix:") :])
            number = self.connections
            self.connections += 1
            threading.Thread(target=self._up, args=(client, server), daemon=True).start()
            threading.Thread(target=self._down, args=(number, client, server), daemon=True).start()

    def _up(self, client: socket.socket, server: socket.socket) -> None:
        try:
            while data := client.recv(65536):
                server.sendall(data)
            server.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def _down(self, number: int, client: socket.socket, server: socket.socket) -> None:
        frames = server.makefile("rb")
        count = 0
        try:
            while header := frames.read(8):
                frame = self._act(number, count, header + frames.read(int.from_bytes(header[4:8], "big")))
                count += 1
                if frame is None:
                    break
                client.sendall(frame)
        except OSError:
            pass
        finally:
            for end in (client, server):
                try:
                    end.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
                end.close()


def flipped(frame: bytes) -> bytes:
    """The frame with its last byte changed."""
    return frame[:-1] + bytes([frame[-1] ^ 1])
