"""Medians, ratios, the limit and the goals, of what run.py has measured."""

from dataclasses import dataclass
from statistics import median, quantiles
from typing import Any

from engines import ENGINES
from texts import MIXED_CELL, WAYS

BASE = "ort-f32*"
INT8 = "ort-int8*"
# A name for the faster of two, which is settled for each cell.
FASTER = {BASE: ("ort-f32", "ort-f32-fused"), INT8: ("ort-int8", "ort-int8-fused")}
PADDING = {engine.key for engine in ENGINES if engine.pads} | set(FASTER)


@dataclass(frozen=True)
class Spread:
    """A median; the quartiles around it, or of fewer than four rounds the least and the greatest."""

    middle: float
    low: float
    high: float

    def written(self, form: str) -> str:
        around = "" if self.low == self.high else f" ({self.low:{form}}–{self.high:{form}})"
        return f"{self.middle:{form}}{around}"

    @classmethod
    def of(cls, values: list[float]) -> "Spread":
        low, high = min(values), max(values)
        if len(values) >= 4:
            low, _, high = quantiles(values, n=4, method="inclusive")
        return cls(median(values), low, high)


@dataclass(frozen=True)
class Limit:
    """At 128 tokens on one thread, texts a second."""

    cell: str
    int8_peak: float
    f32_peak: float
    possible: float
    reached: float
    share: Spread
    # The same, of the operations that are left when what nothing reads is left out.
    share_of_needed: Spread


@dataclass(frozen=True)
class Goal:
    cell: str
    what: str
    least: float
    found: Spread | None
    # Whether this is a processor that it is set for.
    here: bool

    @property
    def reached(self) -> str:
        if self.found is None:
            return "not measured"
        if not self.here:
            return "not set here"
        return "yes" if self.found.middle >= self.least else "no"


class Figures:
    def __init__(self, results: dict[str, Any]) -> None:
        self.results = results
        self.rounds: list[dict[str, Any]] = results["rounds"]
        self.threads: list[int] = results["threads"]
        # As they are shown: the ways of mixed lengths are one.
        self.cells = [cell for cell in results["lengths"] if cell not in WAYS]

    def rate(self, threads: int, cell: str, key: str) -> Spread:
        return Spread.of([rate for rate in self._rates(threads, cell, key) if rate])

    def ratio(self, threads: int, cell: str, key: str, base: str = BASE) -> Spread:
        return self.ratio_of((threads, cell, key), (threads, cell, base))

    def scaling(self, cell: str, key: str) -> Spread:
        return self.ratio_of((2, cell, key), (1, cell, key))

    def ratio_of(self, above: tuple[int, str, str], below: tuple[int, str, str]) -> Spread:
        """Of threads, cell and engine: the ratios of the rounds that have both."""
        pairs = zip(self._rates(*above), self._rates(*below))
        return Spread.of([a / b for a, b in pairs if a and b])

    def way(self, threads: int, cell: str, key: str) -> str:
        """The cell whose rates are an engine's in `cell`: that of the fastest way, if it has several."""
        if cell != MIXED_CELL or key not in PADDING:
            return cell
        return max(WAYS, key=lambda way: self.rate(threads, way, key).middle)

    def fused_is_faster(self, threads: int, cell: str, name: str) -> bool:
        return self.fused_ratio(threads, cell, name) > 1

    def fused_ratio(self, threads: int, cell: str, name: str) -> float:
        plain, fused = FASTER[name]
        return self.ratio_of((threads, cell, fused), (threads, cell, plain)).middle

    def _rates(self, threads: int, cell: str, key: str) -> list[float | None]:
        """By round; None of one that has them not."""
        cell = self.way(threads, cell, key)
        if key in FASTER:
            key = FASTER[key][self.fused_is_faster(threads, cell, key)]
        return [found[str(threads)].get(cell, {}).get(key) for found in self.rounds]

    def has_vnni(self) -> bool:
        return "avx512_vnni" in self.results["machine"]["flags"]

    def has_int8_peak(self) -> bool:
        return any(found["peak"]["int8"] for found in self._with_peak())

    def limits(self) -> list[Limit]:
        return [self._limit(cell) for cell in self.cells if self._with_peak(cell)] if self.has_int8_peak() else []

    def goals(self) -> list[Goal]:
        goals = []
        for cell, int8, over_int8, f32 in (
            ("32x1", 4.0, 1.6, 1.0),
            ("128x32", 3.2, 1.3, 1.1),
            (MIXED_CELL, 3.2, 1.3, 1.0),
        ):
            for what, least, key, base in (
                ("sealnote int8 ÷ ONNX Runtime f32", int8, "int8", BASE),
                ("sealnote int8 ÷ ONNX Runtime int8", over_int8, "int8", INT8),
                ("sealnote f32 ÷ ONNX Runtime f32", f32, "f32", BASE),
            ):
                goals.append(Goal(cell, what, least, self.ratio(1, cell, key, base), self.has_vnni()))
        shares = {limit.cell: limit.share for limit in self.limits()}
        for cell in ("128x1", "128x32"):
            goals.append(Goal(cell, "sealnote int8 ÷ the limit of a core", 0.85, shares.get(cell), self.has_vnni()))
        return goals

    def _with_peak(self, cell: str | None = None) -> list[dict[str, Any]]:
        of_cells = (found["1"].get(name, {}) for found in self.rounds for name in ([cell] if cell else self.cells))
        return [rates for rates in of_cells if "peak" in rates]

    def _limit(self, cell: str) -> Limit:
        tokens = self.results["lengths"][cell][0]
        found = self._with_peak(cell)

        def possible(rates: dict[str, Any], linear: float, attention: float) -> float:
            return 1e9 / (linear / rates["peak"]["int8"] + attention / rates["peak"]["f32"])

        whole, needed = self.operations(tokens), self.needed_operations(tokens)
        return Limit(
            cell,
            median(rates["peak"]["int8"] for rates in found),
            median(rates["peak"]["f32"] for rates in found),
            median(possible(rates, *whole) for rates in found),
            median(rates["int8"] for rates in found),
            Spread.of([rates["int8"] / possible(rates, *whole) for rates in found]),
            Spread.of([rates["int8"] / possible(rates, *needed) for rates in found]),
        )

    def operations(self, tokens: int) -> tuple[float, float]:
        """Of the encoder's linear layers, and of attention, for a text."""
        hidden, between, layers = self._shape()
        return 2 * layers * (4 * hidden**2 + 2 * hidden * between) * tokens, 4 * tokens**2 * hidden * layers

    def needed_operations(self, tokens: int) -> tuple[float, float]:
        """The same, if of the last layer all but keys and values is computed for one token only."""
        hidden, between, layers = self._shape()
        linear, attention = self.operations(tokens)
        linear -= 2 * (2 * hidden**2 + 2 * hidden * between) * (tokens - 1)
        return linear, attention - 4 * tokens * (tokens - 1) * hidden

    def _shape(self) -> tuple[int, int, int]:
        model = self.results["model"]
        return model["hidden_size"], model["intermediate_size"], model["num_hidden_layers"]
