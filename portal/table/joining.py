"""Two results made one: pairs of rows by a key, and the rows of pairs side by side as a new table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from portal.errors import CancelledError, LimitError, QueryError
from portal.table.columns import Column, Info, TableMeta
from portal.table.engine import Stop
from portal.table.match import PAIRS_LIMIT, Pairs
from portal.table.names import unique_names
from portal.table.positions import position_columns
from portal.table.result import ResultTable

CHUNK = 65_536  # rows put side by side at once: 20 MB of two usual catalogue rows
COLUMNS_LIMIT = 5_000  # of the table made; as many as a result may have

Keep = Literal["matches", "first", "unmatched"]
KEEPS: dict[str, str] = {
    "matches": "matched rows only",
    "first": "all rows of the first, with what matches",
    "unmatched": "rows of the first without a match",
}
SEPARATION = Column(
    "separation",
    "double",
    unit="arcsec",
    ucd="pos.angDistance",
    description="Angular distance of the matched positions",
)


def match_keys(left: pa.ChunkedArray, right: pa.ChunkedArray, stop: Stop | None = None) -> Pairs:
    """Pairs of rows whose keys are equal: whole numbers digit by digit, or text; a null equals nothing.

    Ordered by left row, then right row. Raises QueryError when the keys cannot be equal, LimitError for too many pairs.
    """
    a, b = _keys(left, "first"), _keys(right, "second")
    if a.schema.field("key").type != b.schema.field("key").type:
        raise QueryError("A number cannot equal text.", "Choose two id columns of the same kind.")
    if stop is not None and stop.is_set:
        raise CancelledError("Stopped.")
    counts = [table.group_by("key").aggregate([("row", "count")]) for table in (a, b)]
    both = counts[0].join(counts[1].rename_columns(["key", "others"]), "key", join_type="inner")
    pairs = pc.sum(pc.multiply(both["row_count"], both["others"])).as_py() or 0
    if pairs > PAIRS_LIMIT:
        raise LimitError(
            f"{pairs:,} pairs have equal keys; at most {PAIRS_LIMIT:,} can be made.",
            "Choose a key that names few rows in at least one of the tables.",
        )
    joined = a.join(b.rename_columns(["key", "other"]), "key", join_type="inner")
    rows, others = joined["row"].to_numpy(), joined["other"].to_numpy()
    order = np.lexsort((others, rows))
    return Pairs(rows[order], others[order])


def _keys(values: pa.ChunkedArray, which: str) -> pa.Table:
    """Keys (int64 or text) and row numbers, nulls left out."""
    if pa.types.is_integer(values.type):
        values = pc.cast(values, pa.int64())
    elif not pa.types.is_string(values.type):
        raise QueryError(
            f"The key of the {which} table is neither a whole number nor text.",
            "Ids are whole numbers or text; match by position?",
        )
    rows = np.arange(len(values), dtype=np.int64)
    table = pa.table({"key": values, "row": rows})
    return table.filter(pc.is_valid(table["key"])) if values.null_count else table


def kept_pairs(pairs: Pairs, rows: np.ndarray, keep: Keep) -> Pairs:
    """The pairs of a table of this kind: right is -1 where a row of the first, one of ``rows``, has no match."""
    if keep == "matches":
        return pairs
    if keep not in KEEPS:
        raise QueryError(f"There is no such join as {keep!r}.", f"Choose one of {', '.join(KEEPS)}.")
    alone = np.setdiff1d(rows, pairs.left)
    nothing = np.full(len(alone), -1, np.int64)
    gap = np.full(len(alone), np.nan)
    if keep == "unmatched":
        return Pairs(alone.astype(np.int64), nothing, None)
    left = np.r_[pairs.left, alone]
    order = np.argsort(left, kind="stable")
    apart = None if pairs.separation is None else np.r_[pairs.separation, gap][order]
    return Pairs(left[order], np.r_[pairs.right, nothing][order], apart)


def joined_meta(
    first: TableMeta, second: TableMeta, keep: Keep, titles: Sequence[str], how: str, separation: bool
) -> TableMeta:
    """The columns of both, those of equal names told apart by ``_1`` and ``_2``, and what was done as an INFO.

    References between columns and descriptors stay with the first table's; the second's rows are no longer its own.
    """
    right = () if keep == "unmatched" else second.columns
    both = {item.name.casefold() for item in first.columns} & {item.name.casefold() for item in right}
    # Positions found by their names must be found under the new names too.
    said = dict(zip(position_columns(first.columns) or (), ("pos.eq.ra;meta.main", "pos.eq.dec;meta.main")))
    left_columns = [replace(item, ucd=item.ucd or said.get(item.name, "")) for item in first.columns]
    left_columns = [_renamed(item, 1, both) for item in left_columns]
    right_columns = [replace(_renamed(item, 2, both), id="", ref="") for item in right]
    columns = (*left_columns, *right_columns, *((SEPARATION,) if separation and keep != "unmatched" else ()))
    if len(columns) > COLUMNS_LIMIT:
        raise LimitError(f"The table would have {len(columns):,} columns; at most {COLUMNS_LIMIT:,} are possible.")
    columns, labels = unique_names(columns)
    infos = (
        *first.infos,
        Info("JOIN", how, f"{titles[0]} with {titles[1]}: {KEEPS[keep]}"),
        *(Info(f"{item.name}_2", item.value, item.text) for item in second.infos if item.name in ("QUERY", "SERVICE")),
    )
    return replace(
        first,
        columns=columns,
        name=f"{titles[0]} × {titles[1]}",
        infos=infos,
        coosys=(*first.coosys, *(item for item in second.coosys if item not in first.coosys)),
        timesys=(*first.timesys, *(item for item in second.timesys if item not in first.timesys)),
        overflow=first.overflow or second.overflow,
        extra={**first.extra, **labels},
    )


def _renamed(column: Column, which: int, both: set[str]) -> Column:
    return replace(column, name=f"{column.name}_{which}") if column.name.casefold() in both else column


def joined_batches(
    first: ResultTable, second: ResultTable, pairs: Pairs, meta: TableMeta, stop: Stop | None = None
) -> Iterator[pa.RecordBatch]:
    """The rows of ``joined_meta``, in the order of the pairs; a missing partner gives nulls."""
    schema = pa.schema([pa.field(item.name, item.arrow) for item in meta.columns])
    lefts = [item.name for item in first.meta.columns]
    with_right = len(meta.columns) > len(lefts)
    rights = [item.name for item in second.meta.columns] if with_right else []
    for begin in range(0, len(pairs.left), CHUNK):
        if stop is not None and stop.is_set:
            raise CancelledError("Stopped.")
        left, right = pairs.left[begin : begin + CHUNK], pairs.right[begin : begin + CHUNK]
        arrays = list(first.take(left, lefts).combine_chunks().columns)
        if with_right:
            arrays += _partners(second, right, rights)
        if len(arrays) < len(schema):
            apart = pairs.separation[begin : begin + CHUNK]
            arrays.append(pa.array(apart, mask=np.isnan(apart)))
        table = pa.table([array.cast(field.type) for array, field in zip(arrays, schema)], schema=schema)
        yield from table.combine_chunks().to_batches()


def _partners(table: ResultTable, rows: np.ndarray, names: list[str]) -> list[pa.ChunkedArray]:
    there = rows >= 0
    if there.all():
        return list(table.take(rows, names).combine_chunks().columns)
    found = table.take(rows[there], names).combine_chunks()
    # The place of each partner among those found; null where there is none, which take() turns into null cells.
    places = pa.array(np.cumsum(there) - 1, mask=~there)
    return list(found.take(places).columns)
