"""Whether all engines say the same: a benchmark of wrong answers is worthless."""

from dataclasses import asdict, dataclass
from typing import Any

from engines import REFERENCE, Engine

# Of an f32 engine's logits from the reference's, as the enclave promises.
TOLERANCE = 1e-4


@dataclass
class Agreement:
    texts: int = 0
    same: int = 0
    greatest: float | None = None

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


class Disagreement(SystemExit):
    pass


class Answers:
    """Collects the engines' rows, the reference's of each cell first."""

    def __init__(self) -> None:
        self.reference: dict[str, list[list[float]]] = {}
        self.agreements: dict[str, Agreement] = {}

    def add(self, engine: Engine, threads: int, cell: str, rows: list[list[float]]) -> None:
        if engine == REFERENCE and cell not in self.reference:
            self.reference[cell] = rows
        expected = self.reference[cell]
        if len(rows) != len(expected):
            raise Disagreement(f"{engine.title}: {len(rows)} answers to {len(expected)} texts of {cell}")
        same = sum(best(a) == best(b) for a, b in zip(rows, expected))
        agreement = self.agreements.setdefault(engine.key, Agreement())
        agreement.texts += len(rows)
        agreement.same += same
        if engine.logits:
            differences = (abs(x - y) for a, b in zip(rows, expected) for x, y in zip(a, b, strict=True))
            # A NaN must not be lost in a maximum.
            greatest = max((d if d == d else float("inf") for d in differences), default=0.0)
            agreement.greatest = max(agreement.greatest or 0.0, greatest)
        where = f"{engine.title}, {threads} thread(s), {cell}"
        if engine.exact and same < len(rows):
            raise Disagreement(f"{where}: {len(rows) - same} labels are not those of {REFERENCE.title}")
        if engine.exact and engine.logits and greatest > TOLERANCE:
            raise Disagreement(f"{where}: a logit is {greatest:.5f} from that of {REFERENCE.title}")

    def settle(self, engines: tuple[Engine, ...]) -> None:
        """When all has been added."""
        for engine in engines:
            agreement = self.agreements[engine.key]
            if agreement.same < engine.least_share * agreement.texts:
                said = f"{agreement.same} of {agreement.texts}"
                raise Disagreement(f"{engine.title}: only {said} labels are those of {REFERENCE.title}")


def best(row: list[float]) -> int:
    return max(range(len(row)), key=row.__getitem__)
