"""One result of a query or upload: its rows by number, in any order, filtered, and as numbers for charts."""

from __future__ import annotations

import itertools
import re
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from portal.errors import CancelledError, QueryError
from portal.table import order
from portal.table.columns import TableMeta
from portal.table.engine import Stop, run
from portal.table.kept import Kept
from portal.table.names import ROW, quoted
from portal.table.order import NATURAL, RowView
from portal.table.positions import position_columns
from portal.table.store import RowStore, Snapshot

FIRST_PAGES = 2_000  # rows up to here come without ordering the rest (12 ms at 10M rows)
ORDERS = Kept(512 << 20)  # row orders of all results: a dozen of 10M rows
NUMBERS = Kept(1 << 30)  # chart columns of all results: 134M float64 values

PLAIN = re.compile(r'"((?:[^"]|"")+)"')
_serial = itertools.count(1)


class ResultTable:
    """Rows stay in a memory-mapped file; what is built over them are vectors of row numbers.

    Safe for any number of threads, also while one of them appends: every answer is about the rows of one moment.
    ``version`` grows whenever rows come. Long answers take a ``stop`` and raise CancelledError when it is set.
    """

    def __init__(self, store: RowStore) -> None:
        """Use ``create``, ``open`` or ``from_arrow``."""
        self._store = store
        self._id = next(_serial)

    @classmethod
    def create(cls, folder: Path, meta: TableMeta) -> ResultTable:
        """An empty result in a new folder, to be appended to."""
        return cls(RowStore.create(Path(folder), meta))

    @classmethod
    def open(cls, folder: Path) -> ResultTable:
        """A result written before, whole or as far as it got. Raises FormatError when it cannot be read."""
        return cls(RowStore.open(Path(folder)))

    @classmethod
    def from_arrow(cls, folder: Path, meta: TableMeta, table: pa.Table) -> ResultTable:
        """A complete result of the rows of an Arrow table; columns go by position."""
        result = cls.create(folder, meta)
        for batch in table.to_batches(max_chunksize=131_072):
            result.append(batch)
        result.finish(meta)
        return result

    # what it is

    @property
    def folder(self) -> Path:
        return self._store.folder

    @property
    def meta(self) -> TableMeta:
        return self._store.meta

    @property
    def n_rows(self) -> int:
        return self._store.n_rows

    @property
    def complete(self) -> bool:
        return self._store.complete

    @property
    def version(self) -> int:
        return self._store.version

    def positions(self) -> tuple[str, str] | None:
        """Names of the columns of right ascension and declination (degrees), or None."""
        return position_columns(self.meta.columns)

    # growing and ending

    def append(self, batch: pa.RecordBatch) -> None:
        """Add rows at the end; they can be read at once."""
        self._store.append(batch)

    def finish(self, meta: TableMeta | None = None) -> None:
        """All rows are here; ``meta`` adds what came after them (overflow, infos, services)."""
        self._store.finish(meta)

    def abandon(self) -> None:
        """The rows ended early; they stay, marked as not complete."""
        self._store.abandon()

    def close(self) -> None:
        """Let go of files and memory; the folder stays."""
        self._forget()
        self._store.close()

    def delete(self) -> None:
        """Close and remove the folder."""
        self.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    # rows

    def take(self, rows: np.ndarray, columns: Sequence[str] | None = None) -> pa.Table:
        """Rows by number, in that order; IndexError for one that is not there."""
        return order.gather_rows(self._cells(self._store.snapshot(), columns), rows)

    def rows(self, view: RowView = NATURAL, stop: Stop | None = None) -> np.ndarray | None:
        """Row numbers (uint32) of the view in its order; None when that is all rows as they came."""
        return self._rows(self._store.snapshot(), view, stop)

    def page(
        self,
        view: RowView,
        start: int,
        count: int,
        columns: Sequence[str] | None = None,
        stop: Stop | None = None,
    ) -> tuple[np.ndarray, pa.Table]:
        """(row numbers, cells) of positions ``start`` to ``start + count`` of the view; fewer at its end.

        The first pages of a new order do not wait for the order of the rest.
        """
        now = self._store.snapshot()
        start, end = max(0, start), max(0, start) + max(0, count)
        if view == NATURAL:
            end = min(end, now.table.num_rows)
            chosen = np.arange(start, max(start, end), dtype=np.uint32)
            return chosen, self._cells(now, columns).slice(start, len(chosen))
        ordered = ORDERS.get(self._key(now, view))
        if ordered is None and end <= FIRST_PAGES < now.table.num_rows:
            chosen = order.first_rows(now.table, view, end, stop)[start:]
        else:
            chosen = self._rows(now, view, stop)[start:end]
        return chosen, order.gather_rows(self._cells(now, columns), chosen)

    def count(self, view: RowView = NATURAL, stop: Stop | None = None) -> int:
        """The number of rows of the view."""
        now = self._store.snapshot()
        return len(self._rows(now, RowView((), view.where), stop)) if view.where else now.table.num_rows

    def place(self, view: RowView, row: int, stop: Stop | None = None) -> int:
        """The position of a row number in the view, -1 when it is filtered out or not there."""
        now = self._store.snapshot()
        if not 0 <= row < now.table.num_rows:
            return -1
        if view == NATURAL:
            return row
        rows = self._rows(now, view, stop)
        if view.sort:
            return int(order.place_of(rows, np.uint32(row)))
        at = int(np.searchsorted(rows, np.uint32(row)))
        return at if at < len(rows) and rows[at] == row else -1

    def where(self, sql: str, stop: Stop | None = None) -> np.ndarray:
        """Row numbers (uint32, ascending) that satisfy a checked predicate; all of them for ""."""
        now = self._store.snapshot()
        if not sql:
            return np.arange(now.table.num_rows, dtype=np.uint32)
        return self._rows(now, RowView((), sql), stop)

    # values

    def numbers(self, expressions: Sequence[str], where: str = "", stop: Stop | None = None) -> list[np.ndarray]:
        """One array per checked expression (float64, or float32 where the engine has it), NaN for null.

        All have the same length: one value per row in order of arrival, of the rows ``where`` keeps.
        """
        now = self._store.snapshot()
        self._forget(before=now.version)
        arrays = []
        for text in expressions:
            key = (self._id, now.version, "n", text)
            arrays.append(NUMBERS.make(key, lambda text=text: _numbers(now.table, text, stop)))
        if not where:
            return arrays
        rows = self._rows(now, RowView((), where), stop)
        return [array[rows] for array in arrays]

    def distinct(self, column: str, limit: int = 100, where: str = "") -> list[tuple[object, int]]:
        """The most frequent values of a column (None for null) with their counts, at most ``limit``."""
        self.meta.column(column)
        name = quoted(column)
        sql = (
            f"SELECT {name}, count(*) AS n FROM t{order.condition(where)} GROUP BY {name} "
            f"ORDER BY n DESC, {name} NULLS LAST LIMIT {int(limit)}"
        )
        found = run(sql, self._store.snapshot().table)
        return list(zip(found[0].to_pylist(), found[1].to_pylist()))

    def is_ascii(self, column: str) -> bool:
        """Whether all text of a column is ASCII."""
        chunks = self._store.snapshot().table[column].chunks
        return all(pc.all(pc.string_is_ascii(chunk)).as_py() is not False for chunk in chunks)

    # inside

    def _cells(self, now: Snapshot, columns: Sequence[str] | None) -> pa.Table:
        return now.table.select(list(columns) if columns is not None else now.table.column_names[:-1])

    def _key(self, now: Snapshot, view: RowView) -> tuple:
        return (self._id, now.version, "v", view)

    def _rows(self, now: Snapshot, view: RowView, stop: Stop | None) -> np.ndarray | None:
        if view == NATURAL:
            return None
        if stop is not None and stop.is_set:
            raise CancelledError("Stopped.")
        self._forget(before=now.version)
        return ORDERS.make(self._key(now, view), lambda: order.permutation(now.table, view, stop))

    def _forget(self, before: int | None = None) -> None:
        """Drop what was built over rows that have grown since."""

        def old(key: tuple) -> bool:
            return key[0] == self._id and (before is None or key[1] < before)

        ORDERS.drop(old)
        NUMBERS.drop(old)


def _numbers(table: pa.Table, text: str, stop: Stop | None) -> np.ndarray:
    plain = PLAIN.fullmatch(text)
    name = plain.group(1).replace('""', '"') if plain else ""
    if name in table.column_names and name != ROW:
        column = table[name]
    else:
        column = run(f"SELECT ({text}) AS v FROM t", table, stop)[0]
    if pa.types.is_string(column.type) or pa.types.is_nested(column.type):
        raise QueryError(f"{text} gives no numbers.")
    small = pa.types.is_float32(column.type)
    wanted = pa.float32() if small else pa.float64()
    out = np.empty(len(column), np.float32 if small else np.float64)
    at = 0
    for chunk in column.chunks:
        values = pc.cast(chunk, wanted, safe=False) if chunk.type != wanted else chunk
        out[at : at + len(chunk)] = values.fill_null(np.nan).to_numpy(zero_copy_only=False)
        at += len(chunk)
    return out
