"""Columns of few values, with how many rows have each under the filters of the other columns.

What is ticked becomes the text of the column's filter box, so that it can be read, changed and taken back there.
"""

from __future__ import annotations

import re
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from portal.table.columns import Column
from portal.table.engine import Stop, run
from portal.table.filters import column_filter
from portal.table.names import quoted
from portal.table.result import ResultTable

FACET_VALUES = 50  # more are no list to tick
TRIAL_ROWS = 20_000  # a column with more different values in these is no facet; saves reading it all
PLAIN = re.compile(r"(?!(?:null|and|or|not|in|like)$)[\w.+:-]+", re.ASCII | re.IGNORECASE)


class Value(NamedTuple):
    """A value as text (None for null), its rows under the other filters, and whether the column's own keeps it."""

    text: str | None
    count: int
    ticked: bool


def facet_columns(result: ResultTable, stop: Stop | None = None) -> list[str]:
    """Names of the columns with at most 50 different values: booleans, whole numbers and text, in their order."""
    now = result.now()
    asked = [item for item in now.meta.columns if _may_be(item)]
    if not asked or not now.n_rows:
        return []
    trial = now.cells([item.name for item in asked], slice(0, min(TRIAL_ROWS, now.n_rows)))
    few = [name for name in trial.column_names if pc.count_distinct(trial[name]).as_py() <= FACET_VALUES]
    if not few or now.n_rows <= TRIAL_ROWS:
        return few
    estimates = now.run(
        "SELECT " + ", ".join(f"approx_count_distinct({quoted(name)})" for name in few) + " FROM t", stop
    )
    near = {name: column[0].as_py() for name, column in zip(few, estimates.columns)}
    # Estimates are good to a few per cent: only those near the limit are counted.
    return [
        name
        for name, n in near.items()
        if n <= 0.8 * FACET_VALUES or (n <= 1.2 * FACET_VALUES and _few(result, name, stop))
    ]


def _few(result: ResultTable, name: str, stop: Stop | None) -> bool:
    return sum(value is not None for value, _ in result.distinct(name, FACET_VALUES + 2, stop=stop)) <= FACET_VALUES


def facet_values(
    result: ResultTable, name: str, filter_text: str = "", others: str = "", stop: Stop | None = None
) -> list[Value]:
    """Every value of a column, those of most rows first, also values no row has under the ``others`` (checked SQL).

    Raises KeyError for a column that is not there, QueryError for a filter text that is wrong.
    """
    column = result.meta.column(name)
    whole = result.distinct(name, FACET_VALUES + 1, stop=stop)
    counts = dict(result.distinct(name, FACET_VALUES + 1, others, stop) if others else whole)
    every = [value for value, _ in whole]
    every += [value for value in counts if value not in every]
    kept: set[object] = set()
    if own := column_filter(column, filter_text):
        small = pa.table({name: pa.array(every, column.arrow)})
        kept = set(run(f"SELECT {quoted(name)} FROM t WHERE {own}", small, stop)[0].to_pylist())
    texts = [None if value is None else _text(value) for value in every]
    values = [Value(text, counts.get(value, 0), value in kept) for text, value in zip(texts, every)]
    return sorted(values, key=lambda item: -item.count)


def facet_filter(column: Column, values: list[str | None]) -> str:
    """The text of a filter box that keeps these values (None for null); "" for none."""
    if values == [None]:
        return "null"
    words = [_word(column, text) for text in values]
    return "in " + ", ".join(words) if words else ""


def _word(column: Column, text: str | None) -> str:
    if text is None:
        return "null"
    if not column.is_text or PLAIN.fullmatch(text):
        return text
    return "'" + text.replace("'", "''") + "'"


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _may_be(item: Column) -> bool:
    if item.is_array or item.ucd.lower().startswith("meta.id;meta.main"):
        return False
    return item.is_text or item.datatype in ("boolean", "bit", "unsignedByte", "short", "int", "long")
