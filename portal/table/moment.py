"""All of a result at one moment: its stored rows and the columns derived from them, as one relation ``t``."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from portal.errors import QueryError
from portal.table.columns import TableMeta
from portal.table.derive import Derived, needed, view_sql
from portal.table.engine import Stop, run
from portal.table.names import ROW, quoted


class Moment(NamedTuple):
    """``version`` grows with the rows and with what columns mean; ``table`` holds the stored columns and ROW."""

    version: tuple[int, int]
    table: pa.Table
    meta: TableMeta
    derived: tuple[Derived, ...] = ()

    @property
    def n_rows(self) -> int:
        return self.table.num_rows

    def run(self, sql: str, stop: Stop | None = None) -> pa.Table:
        """The rows of a SELECT over ``t``: stored columns, derived columns and the row number."""
        return run(sql, self.table, stop, view_sql(self.derived))

    def kind(self, name: str) -> pa.DataType | None:
        """The Arrow type of a column, None when there is none of that name."""
        if name in self.table.column_names and name != ROW:
            return self.table.schema.field(name).type
        return next((item.column.arrow for item in self.derived if item.name == name), None)

    def has_nan(self, name: str) -> bool:
        """Whether a column holds a NaN; stops at the first. Derived columns have null instead."""
        if name not in self.table.column_names or not pa.types.is_floating(self.table.schema.field(name).type):
            return False
        return any(pc.any(pc.is_nan(chunk)).as_py() for chunk in self.table[name].chunks)

    def column(self, name: str, stop: Stop | None = None) -> pa.ChunkedArray:
        """All values of a column in order of arrival."""
        if name in self.table.column_names:
            return self.table[name]
        return self.run(f"SELECT {quoted(name)} FROM t", stop)[0]

    def cells(self, names: list[str] | None, rows: np.ndarray | slice) -> pa.Table:
        """Columns of some rows, by number in the order asked or as a slice; derived values are computed for these only.

        Raises IndexError for a row that is not there, QueryError for a column (a computed one may have been deleted).
        """
        if names is None:
            names = [item.name for item in self.meta.columns]
        elif gone := set(names).difference(self.table.column_names, (item.name for item in self.derived)):
            raise QueryError(f"There is no column {min(gone)} any more.", "Reload the page.")
        stored, used = needed(names, self.derived)
        if not used:
            return _pick(self.table.select(names), rows)
        picked = _pick(
            self.table.select([name for name in self.table.column_names if name in stored or name == ROW]), rows
        )
        computed = [item.name for item in used if item.name in names]
        inputs = picked.select([*dict.fromkeys([*needed(computed, self.derived)[0], ROW])])
        found = run("SELECT " + ", ".join(map(quoted, computed)) + " FROM t", inputs, None, view_sql(used))
        values = dict(zip(computed, found.columns))
        return pa.table([values[name] if name in values else picked[name] for name in names], names=names)


def _pick(table: pa.Table, rows: np.ndarray | slice) -> pa.Table:
    if isinstance(rows, slice):
        return table.slice(rows.start, rows.stop - rows.start)
    return gather_rows(table, rows)


def gather_rows(table: pa.Table, rows: np.ndarray) -> pa.Table:
    """Rows by number, in the order asked; each batch is touched once.

    Raises IndexError for a row that is not there.
    """
    rows = np.asarray(rows, np.int64)
    if len(rows) and (rows.min() < 0 or rows.max() >= table.num_rows):
        raise IndexError("a row number outside the result")
    batches = table.to_batches()
    ends = np.cumsum([batch.num_rows for batch in batches])
    if not len(rows) or len(batches) == 1:
        return pa.Table.from_batches([batches[0].take(pa.array(rows))], schema=table.schema) if batches else table
    upwards = bool((rows[1:] >= rows[:-1]).all())
    order = None if upwards else np.argsort(rows, kind="stable")
    sorted_rows = rows if upwards else rows[order]
    cuts = np.searchsorted(sorted_rows, ends)
    parts, begin, first = [], 0, 0
    for batch, cut, end in zip(batches, cuts, ends):
        if cut > begin:
            parts.append(batch.take(pa.array(sorted_rows[begin:cut] - first)))
        begin, first = cut, end
    joined = pa.Table.from_batches(parts, schema=table.schema)
    if upwards:
        return joined
    back = np.empty(len(rows), np.int64)
    back[order] = np.arange(len(rows))
    return joined.combine_chunks().take(pa.array(back))
