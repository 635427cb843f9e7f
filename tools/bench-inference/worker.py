"""A process that is one engine of others: it answers as `bench/src/bin/inference/worker.rs` does.

    worker.py ENGINE THREADS CELLS MODEL ONNX

ENGINE is `pipeline`, or a file of the folder ONNX without its ending.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any, Protocol

from texts import Cell

Batch = list[dict[str, Any]]


class Engine(Protocol):
    def prepare(self, batch: Batch) -> Any:
        """What the engine is given, made before it is measured."""

    def compute(self, prepared: Any) -> Any: ...

    def rows(self, prepared: Any) -> list[list[float]]:
        """The logits of each text."""


class OnnxRuntime:
    def __init__(self, file: Path, threads: int, pad: int) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
        self.session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
        self.pad = pad

    def prepare(self, batch: Batch) -> Any:
        """Contiguous int64, on the runtime's side already; padded to the longest of the batch."""
        import numpy
        from onnxruntime import OrtValue

        shape = (len(batch), max(len(item["ids"]) for item in batch))
        ids = numpy.full(shape, self.pad, dtype=numpy.int64)
        mask = numpy.zeros(shape, dtype=numpy.int64)
        type_ids = numpy.zeros(shape, dtype=numpy.int64)
        for row, item in enumerate(batch):
            length = len(item["ids"])
            ids[row, :length] = item["ids"]
            mask[row, :length] = 1
            type_ids[row, :length] = item["type_ids"]
        arrays = {"input_ids": ids, "attention_mask": mask, "token_type_ids": type_ids}
        return {name: OrtValue.ortvalue_from_numpy(array) for name, array in arrays.items()}

    def compute(self, prepared: Any) -> Any:
        return self.session.run_with_ort_values(["logits"], prepared)

    def rows(self, prepared: Any) -> list[list[float]]:
        return self.compute(prepared)[0].numpy().tolist()


class Pipeline:
    def __init__(self, model: Path, threads: int) -> None:
        import torch
        from transformers import pipeline

        torch.set_num_threads(threads)
        torch.set_num_interop_threads(1)
        self.inference_mode = torch.inference_mode
        self.pipeline = pipeline("text-classification", model=str(model), device="cpu", dtype=torch.float32)
        # Its rows are in the labels' order.
        self.labels = self.pipeline.model.config.label2id

    def prepare(self, batch: Batch) -> list[str]:
        return [item["text"] for item in batch]

    def compute(self, prepared: list[str]) -> Any:
        with self.inference_mode():
            return self.pipeline(prepared, batch_size=len(prepared))

    def rows(self, prepared: list[str]) -> list[list[float]]:
        with self.inference_mode():
            scored = self.pipeline(prepared, batch_size=len(prepared), top_k=None, function_to_apply="none")
        rows = []
        for text in scored:
            row = [0.0] * len(self.labels)
            for entry in text:
                row[self.labels[entry["label"]]] = entry["score"]
            rows.append(row)
        return rows


def main() -> None:
    name, threads, cells, model, onnx = sys.argv[1:]
    engine: Engine
    if name == "pipeline":
        engine = Pipeline(Path(model), int(threads))
    else:
        pad = json.loads((Path(model) / "config.json").read_text()).get("pad_token_id") or 0
        engine = OnnxRuntime(Path(onnx) / f"{name}.onnx", int(threads), pad)
    serve(engine, json.loads(Path(cells).read_text()))


def serve(engine: Engine, cells: list[Cell]) -> None:
    batches = {cell["name"]: [engine.prepare(batch) for batch in cell["batches"]] for cell in cells}
    first = {cell["name"]: engine.prepare(cell["batches"][0][:1]) for cell in cells}
    say({"ready": True})
    for line in sys.stdin:
        match line.split():
            case ["check", cell]:
                say({"rows": [row for batch in batches[cell] for row in engine.rows(batch)]})
            case ["run", cell, seconds]:
                texts = sum(len(batch) for batch in next(c for c in cells if c["name"] == cell)["batches"])
                say(run(engine, first[cell], batches[cell], texts, float(seconds)))
            case _:
                raise SystemExit(f"{line!r} is neither `check CELL` nor `run CELL SECONDS`")


def run(engine: Engine, first: Any, batches: list[Any], texts: int, least: float) -> dict[str, float]:
    """Passes over all of `batches`, after one text that is not counted."""
    engine.compute(first)
    passes, start = 0, time.perf_counter()
    while (took := time.perf_counter() - start) < least:
        for batch in batches:
            engine.compute(batch)
        passes += 1
    return {"texts": passes * texts, "seconds": took}


def say(answer: dict[str, Any]) -> None:
    print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
