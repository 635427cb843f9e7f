"""pandas and pyarrow columns in, tables out."""

from __future__ import annotations

import pytest

import sealnote

pandas = pytest.importorskip("pandas")
pyarrow = pytest.importorskip("pyarrow")

TEXTS = ["Acute bronchitis with wheeze.", None, "Fracture of the left wrist after a fall from a ladder.", ""]
LABELS = ["10 Diseases of the respiratory system", None, "19 Injury and poisoning", None]
ERRORS = [None, "missing", None, "empty"]
COLUMNS = ["label", "score", "labels", "known", "error", "model", "evidence"]


@pytest.mark.parametrize("dtype", ["object", "string", "str"])
def test_a_series_gives_a_frame_with_its_index(client: sealnote.Client, dtype: str) -> None:
    index = pandas.MultiIndex.from_tuples([("a", 3), ("a", 1), ("b", 2), ("b", 2)])
    frame = client.classify_column(pandas.Series(TEXTS, index=index, dtype=dtype))
    assert frame.index.equals(index)
    assert list(frame.columns) == COLUMNS
    assert list(frame["label"]) == LABELS
    assert list(frame["error"]) == ERRORS
    assert list(frame["score"].notna()) == [True, False, True, False]
    assert list(frame["labels"]) == [label and [label] for label in LABELS]
    assert frame["score"].dtype == frame["known"].dtype == "float64"


def test_scores_have_a_column_each(client: sealnote.Client) -> None:
    labels = client.verify().labels
    series = pandas.Series([*TEXTS, float("nan"), pandas.NA, pandas.NaT], dtype="object")
    frame = client.classify_column(series, scores=True)
    assert list(frame["error"]) == [*ERRORS, "missing", "missing", "missing"]
    assert list(frame.columns) == COLUMNS + [f"score: {label}" for label in labels]
    scores = frame[[f"score: {label}" for label in labels]]
    assert list(scores.sum(axis=1).round(3)) == [1, 0, 1, 0, 0, 0, 0]
    assert frame["score"][0] == frame[f"score: {LABELS[0]}"][0]


def test_an_empty_series_gives_an_empty_frame_of_the_same_columns(client: sealnote.Client) -> None:
    frame = client.classify_column(pandas.Series([], dtype="object"))
    assert len(frame) == 0
    assert list(frame.columns) == COLUMNS


@pytest.mark.parametrize(
    "column",
    [
        pyarrow.array(TEXTS),
        pyarrow.array(TEXTS, type=pyarrow.large_string()),
        pyarrow.array(TEXTS, type=pyarrow.string_view()),
        pyarrow.array(TEXTS).dictionary_encode(),
        pyarrow.chunked_array([TEXTS[:1], [], TEXTS[1:]]),
    ],
    ids=lambda column: str(column.type).split("<")[0] + type(column).__name__,
)
def test_an_arrow_column_gives_a_table(client: sealnote.Client, column: object) -> None:
    table = client.classify_column(column)
    assert table.column_names == COLUMNS
    assert table["label"].to_pylist() == LABELS
    assert table["error"].to_pylist() == ERRORS
    assert table["labels"].to_pylist() == [label and [label] for label in LABELS]
    assert table["score"].null_count == table["known"].null_count == 2
    assert [str(table.schema.field(name).type) for name in ("label", "score", "labels")] == [
        "string",
        "double",
        "list<item: string>",
    ]


def test_arrow_scores(client: sealnote.Client) -> None:
    table = client.classify_column(pyarrow.array(TEXTS), scores=True)
    assert table.num_columns == len(COLUMNS) + 21
    assert table[f"score: {LABELS[0]}"].to_pylist()[0] == table["score"].to_pylist()[0]


def test_arrow_values_are_texts_everywhere(client: sealnote.Client) -> None:
    column = pyarrow.chunked_array([TEXTS, TEXTS])
    assert [result.error for result in client.classify(column)] == ERRORS * 2
    assert [result.error for result in client.stream(column)] == ERRORS * 2


@pytest.mark.parametrize("column", [TEXTS, pandas.DataFrame({"text": TEXTS}), pyarrow.table({"text": TEXTS}), "text"])
def test_anything_else_is_no_column(client: sealnote.Client, column: object) -> None:
    with pytest.raises(TypeError, match="a column is"):
        client.classify_column(column)
    if not isinstance(column, list):
        with pytest.raises(TypeError, match="where a list of texts is wanted"):
            client.classify(column)  # type: ignore[arg-type]
