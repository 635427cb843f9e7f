"""Columns of pandas and pyarrow. Neither is imported unless the caller has."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Optional

from ._sealnote import Result

Table = Callable[[list[Result], bool], Any]

# Values of an Arrow column that are Python objects at the same time.
_SLICE = 1024


def texts_of(texts: Iterable[object]) -> Iterator[object]:
    """Values of an Arrow column are wrapped; everything else is taken as it comes."""
    arrow = sys.modules.get("pyarrow")
    if arrow is not None and isinstance(texts, (arrow.Array, arrow.ChunkedArray)):
        return _unwrapped(texts)
    return iter(texts)


def table_of(column: object) -> Table:
    """What makes the table that belongs to a column."""
    pandas = sys.modules.get("pandas")
    if pandas is not None and isinstance(column, pandas.Series):
        index = column.index
        return lambda results, scores: _frame(pandas, index, results, scores)
    arrow = sys.modules.get("pyarrow")
    if arrow is not None and isinstance(column, (arrow.Array, arrow.ChunkedArray)):
        return lambda results, scores: _table(arrow, results, scores)
    raise TypeError(f"a column is a pandas Series or a pyarrow Array or ChunkedArray, not {type(column).__name__}")


def _unwrapped(column: Any) -> Iterator[object]:
    for start in range(0, len(column), _SLICE):
        yield from column.slice(start, _SLICE).to_pylist()


def _frame(pandas: Any, index: Any, results: list[Result], scores: bool) -> Any:
    values = _values(results)
    columns = {name: pandas.Series(values[name], index=index, dtype="object") for name in _TEXTS}
    columns.update((name, pandas.Series(values[name], index=index, dtype="float64")) for name in _NUMBERS)
    frame = pandas.DataFrame({name: columns[name] for name in values}, index=index)
    if not scores:
        return frame
    more = {name: pandas.Series(value, index=index, dtype="float64") for name, value in _scores(results).items()}
    return pandas.concat([frame, pandas.DataFrame(more, index=index)], axis=1)


def _table(arrow: Any, results: list[Result], scores: bool) -> Any:
    text, number = arrow.string(), arrow.float64()
    types = {name: text for name in _TEXTS} | {name: number for name in _NUMBERS} | {"labels": arrow.list_(text)}
    values = _values(results)
    columns = {name: arrow.array(value, type=types[name]) for name, value in values.items()}
    if scores:
        columns.update((name, arrow.array(value, type=number)) for name, value in _scores(results).items())
    return arrow.table(columns)


_TEXTS = ("label", "labels", "error", "model", "evidence")
_NUMBERS = ("score", "known")


def _values(results: list[Result]) -> dict[str, list[Any]]:
    return {
        "label": [result.label for result in results],
        "score": [result.score for result in results],
        "labels": [result.labels if result.ok else None for result in results],
        "known": [result.known for result in results],
        "error": [result.error for result in results],
        "model": [result.model for result in results],
        "evidence": [result.evidence and result.evidence.digest[:16] for result in results],
    }


def _scores(results: list[Result]) -> dict[str, list[Optional[float]]]:
    """A column for each label that any result's model has."""
    columns: dict[str, list[Optional[float]]] = {}
    for row, result in enumerate(results):
        for label, score in result.scores.items():
            columns.setdefault(f"score: {label}", [None] * len(results))[row] = score
    return columns
