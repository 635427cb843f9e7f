"""What the benchmark runs on, and who else does."""

import contextlib
import os
import platform
import re
import subprocess
import time
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

from engines import HERE, Worker

# That matter to one engine or another, as the kernel names them.
FLAGS = ("avx2", "fma", "avx512f", "avx512_vnni", "avx_vnni", "avx512_bf16", "amx_int8", "asimddp", "i8mm")
PACKAGES = ("onnxruntime", "onnx", "torch", "transformers", "tokenizers", "numpy")
CRATES = ("candle-core", "candle-transformers")


def processors() -> int:
    return len(os.sched_getaffinity(0))


def cores() -> int | None:
    """Of those processors; fewer where two threads share a core. None where the kernel does not say."""
    siblings = "/sys/devices/system/cpu/cpu{}/topology/thread_siblings_list"
    try:
        return len({Path(siblings.format(cpu)).read_text() for cpu in os.sched_getaffinity(0)})
    except OSError:
        return None


def describe() -> dict[str, object]:
    info = Path("/proc/cpuinfo").read_text()
    fields = dict(re.findall(r"^([^\t:]+)\t*: *(.*)$", info, re.MULTILINE))
    present = (fields.get("flags") or fields.get("Features") or "").split()
    numbers = ", ".join(
        f"{name} {fields[key]}"
        for name, key in (("family", "cpu family"), ("model", "model"), ("stepping", "stepping"))
        if key in fields
    )
    cpu = fields.get("model name", platform.machine())
    return {
        "cpu": f"{cpu} ({numbers})" if numbers else cpu,
        "processors": processors(),
        "cores": cores(),
        "flags": [flag for flag in FLAGS if flag in present],
        "system": f"{platform.system()} {platform.machine()}",
    }


def versions() -> dict[str, str]:
    lock = (HERE.parent.parent / "Cargo.lock").read_text()
    locked = dict(re.findall(r'name = "([^"]+)"\nversion = "([^"]+)"', lock))
    rustc = subprocess.run(["rustc", "--version"], capture_output=True, text=True).stdout.split()
    return (
        {"Python": platform.python_version()}
        | {name: version(name) for name in PACKAGES}
        | {name: locked[name] for name in CRATES}
        | {"rustc": rustc[1] if len(rustc) > 1 else "unknown"}
    )


class Meter:
    """Who used the processors while a worker was measured."""

    def __init__(self, workers: list[Worker]) -> None:
        self.workers = workers
        self.idle_used = dict.fromkeys(range(len(workers)), 0.0)
        self.idle_time = dict.fromkeys(range(len(workers)), 0.0)
        self.capacity = self.others = self.stolen = 0.0

    @contextlib.contextmanager
    def running(self, measured: Worker) -> Iterator[None]:
        used, start, (busy, stolen) = self._used(), time.monotonic(), _processors()
        yield
        took, (busy_after, stolen_after) = time.monotonic() - start, _processors()
        ours = 0.0
        for index, (before, after) in enumerate(zip(used, self._used())):
            ours += after - before
            if self.workers[index] is not measured:
                self.idle_used[index] += after - before
                self.idle_time[index] += took
        self.capacity += took * processors()
        self.others += max(busy_after - busy - ours, 0.0)
        self.stolen += stolen_after - stolen

    def idle_shares(self) -> dict[str, float]:
        """Of a processor, that each worker used while others were measured."""
        return {
            worker.name: self.idle_used[index] / self.idle_time[index] if self.idle_time[index] else 0.0
            for index, worker in enumerate(self.workers)
        }

    def taken_by_others(self) -> dict[str, float]:
        """Shares of all processors: by other programs, and by the machine's host."""
        return {"programs": self.others / self.capacity, "host": self.stolen / self.capacity}

    def _used(self) -> list[float]:
        return [worker.processor_seconds() for worker in self.workers]


def _processors() -> tuple[float, float]:
    """Seconds that all processors were busy, and that they were wanted but not had."""
    user, nice, system, _idle, _wait, irq, softirq, steal, *_ = (
        int(field) for field in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]
    )
    tick = os.sysconf("SC_CLK_TCK")
    return (user + nice + system + irq + softirq) / tick, steal / tick
