"""The engines, and the processes that they are measured in."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from texts import MIXED_CELL, WAYS

HERE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Engine:
    key: str
    title: str
    # Computes in f32, so its labels and logits must be the reference's.
    exact: bool = True
    # Of the labels that must be the reference's; rounding changes that of a text which is near two.
    least_share: float = 1.0
    # Its rows are logits (else scores), so they can be compared.
    logits: bool = True
    ours: bool = False
    # Computes each text of a batch to the length of the longest, so mixed lengths are given to it in three ways.
    pads: bool = False

    def takes(self, cell: str) -> bool:
        if cell in WAYS:
            return self.pads
        return not (self.pads and cell == MIXED_CELL)


REFERENCE = Engine("reference", "candle f32", ours=True)
PIPELINE = Engine("pipeline", "transformers pipeline, from text", pads=True)
ENGINES = (
    Engine("int8", "sealnote int8", exact=False, least_share=0.95, ours=True),
    Engine("f32", "sealnote f32", ours=True),
    Engine("ort-int8", "ONNX Runtime int8", exact=False, least_share=0.5, pads=True),
    Engine("ort-int8-fused", "ONNX Runtime int8, fused", exact=False, least_share=0.5, pads=True),
    Engine("ort-f32", "ONNX Runtime f32", pads=True),
    Engine("ort-f32-fused", "ONNX Runtime f32, fused", pads=True),
    REFERENCE,
    Engine("int8-text", "sealnote int8, from text", exact=False, least_share=0.95, logits=False, ours=True),
    PIPELINE,
)
# Not an engine: what a core can do.
PEAK = Engine("peak", "peak", ours=True)


@dataclass(frozen=True)
class Paths:
    binary: Path
    model: Path
    onnx: Path
    cells: Path


class Worker:
    """A process of one engine on so many threads. It sleeps until it is asked."""

    def __init__(self, engine: Engine, threads: int, paths: Paths) -> None:
        self.engine, self.threads = engine, threads
        self.process = subprocess.Popen(
            _command(engine, threads, paths),
            env=os.environ | _environment(threads),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    @property
    def name(self) -> str:
        return f"{self.engine.title}, {self.threads} thread(s)"

    def wait_until_ready(self) -> None:
        assert "ready" in self._answer()

    def check(self, cell: str) -> list[list[float]]:
        return self._ask(f"check {cell}")["rows"]

    def run(self, cell: str, seconds: float) -> dict[str, Any]:
        return self._ask(f"run {cell} {seconds}")

    def processor_seconds(self) -> float:
        """That it has used since it was started, all its threads together."""
        # The command's name may have spaces, and ends with the last parenthesis.
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()

    def _ask(self, question: str) -> dict[str, Any]:
        assert self.process.stdin
        try:
            print(question, file=self.process.stdin, flush=True)
        except BrokenPipeError:
            pass  # It says why itself, and _answer that it has ended.
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self.process.stdout
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.name}: its process has ended, with exit code {self.process.wait()}")
        return json.loads(line)


def _command(engine: Engine, threads: int, paths: Paths) -> list[str]:
    if engine.ours:
        return [str(paths.binary), str(paths.model), "--worker", engine.key, str(threads), str(paths.cells)]
    worker = [sys.executable, str(HERE / "worker.py"), engine.key.removeprefix("ort-"), str(threads)]
    return worker + [str(paths.cells), str(paths.model), str(paths.onnx)]


def _environment(threads: int) -> dict[str, str]:
    """Every library's own threads: candle's and the tokenizers', OpenMP's, MKL's."""
    counts = ("RAYON_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    return {name: str(threads) for name in counts} | {
        "TOKENIZERS_PARALLELISM": "false",
        "CUDA_VISIBLE_DEVICES": "",
        "HF_HUB_OFFLINE": "1",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "TQDM_DISABLE": "1",
        "TRANSFORMERS_VERBOSITY": "error",
    }
