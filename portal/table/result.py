"""One result of a query or upload: its rows by number, in any order, filtered, and as numbers for charts."""

from __future__ import annotations

import itertools
import re
import shutil
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from portal.errors import CancelledError, QueryError
from portal.table import derive, derived_list, order
from portal.table.columns import Column, TableMeta
from portal.table.derive import Definition, Derived
from portal.table.engine import Stop
from portal.table.kept import Kept
from portal.table.moment import Moment
from portal.table.names import quoted
from portal.table.order import NATURAL, RowView
from portal.table.positions import position_columns
from portal.table.store import RowStore

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
        self._naming = threading.Lock()
        self._derived: tuple[Derived, ...] = derived_list.load(store.folder, store.meta.columns)
        self._meaning = 0  # grows when a name comes to mean another column
        self._meta: tuple[TableMeta, tuple[Derived, ...], TableMeta] | None = None

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
        """The table and all its columns, those that came first, then the derived ones."""
        return self._meta_with(self._derived)

    @property
    def meaning(self) -> int:
        """Grows when a name comes to mean another column than before."""
        return self._meaning

    @property
    def derived(self) -> tuple[Derived, ...]:
        """The columns computed here, in the order in which they were made."""
        return self._derived

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

    # columns computed from others

    def derive(
        self, name: str, expression: str, unit: str = "", ucd: str = "", description: str = "", datatype: str = ""
    ) -> Column:
        """Add a column computed from others; from then on it is a column like any other, also after a restart.

        Raises QueryError for a name that is taken or an expression that is wrong, LimitError when there are too many.
        """
        said = Definition(name, expression, unit, ucd, description, datatype)
        with self._naming:
            self._keep(derived_list.added(self._derived, self._store.meta.columns, said))
            return derive.described(self._derived[-1])

    def change_derived(self, old: str, said: Definition) -> Column:
        """Put another definition in the place of a derived column; it may use those before it only.

        Raises KeyError when there is none called ``old``, QueryError when the new one is wrong or those that use it
        would no longer be right.
        """
        with self._naming:
            self._keep(derived_list.changed(self._derived, self._store.meta.columns, old, said), afresh=True)
            return self.meta.column(said.name.strip())

    def drop_derived(self, name: str) -> None:
        """Take a derived column away. Raises KeyError when there is none, QueryError while others are made of it."""
        with self._naming:
            self._keep(derived_list.dropped(self._derived, name), afresh=True)

    def defined(self, said: Definition, old: str = "") -> Derived:
        """What ``derive`` or ``change_derived`` would make, checked the same way, and not kept."""
        stored = self._store.meta.columns
        if old:
            return derived_list.redefined(self._derived, stored, old, said)
        return derived_list.added(self._derived, stored, said)[-1]

    # rows

    def now(self) -> Moment:
        """All rows that are here, with all columns, to be asked at leisure."""
        meaning, derived = self._meaning, self._derived
        rows = self._store.snapshot()
        return Moment((rows.version, meaning), rows.table, self._meta_with(derived), derived)

    def take(self, rows: np.ndarray, columns: Sequence[str] | None = None) -> pa.Table:
        """Rows by number, in that order; IndexError for one that is not there."""
        return self.now().cells(columns, rows)

    def rows(self, view: RowView = NATURAL, stop: Stop | None = None, now: Moment | None = None) -> np.ndarray | None:
        """Row numbers (uint32) of the view in its order, ``now`` or at a moment of this result taken before.

        None when that is all rows as they came.
        """
        return self._rows(now or self.now(), view, stop)

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
        now = self.now()
        start, end = max(0, start), max(0, start) + max(0, count)
        if view == NATURAL:
            end = min(end, now.n_rows)
            chosen = np.arange(start, max(start, end), dtype=np.uint32)
            return chosen, now.cells(columns, slice(start, start + len(chosen)))
        ordered = ORDERS.get(self._key(now, view))
        if ordered is None and end <= FIRST_PAGES < now.n_rows:
            chosen = order.first_rows(now, view, end, stop)[start:]
        else:
            chosen = self._rows(now, view, stop)[start:end]
        return chosen, now.cells(columns, chosen)

    def count(self, view: RowView = NATURAL, stop: Stop | None = None) -> int:
        """The number of rows of the view."""
        now = self.now()
        return len(self._rows(now, RowView((), view.where), stop)) if view.where else now.n_rows

    def place(self, view: RowView, row: int, stop: Stop | None = None) -> int:
        """The position of a row number in the view, -1 when it is filtered out or not there."""
        now = self.now()
        if not 0 <= row < now.n_rows:
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
        now = self.now()
        if not sql:
            return np.arange(now.n_rows, dtype=np.uint32)
        return self._rows(now, RowView((), sql), stop)

    # values

    def numbers(self, expressions: Sequence[str], where: str = "", stop: Stop | None = None) -> list[np.ndarray]:
        """One array per checked expression (float64, or float32 where the engine has it), NaN for null.

        All have the same length: one value per row in order of arrival, of the rows ``where`` keeps.
        """
        now = self.now()
        self._forget(before=now.version)
        arrays = []
        for text in expressions:
            key = (self._id, now.version, "n", text)
            arrays.append(NUMBERS.make(key, lambda text=text: _numbers(now, text, stop)))
        if not where:
            return arrays
        rows = self._rows(now, RowView((), where), stop)
        return [array[rows] for array in arrays]

    def distinct(
        self, column: str, limit: int = 100, where: str = "", stop: Stop | None = None
    ) -> list[tuple[object, int]]:
        """The most frequent values of a column (None for null) with their counts, at most ``limit``."""
        self.meta.column(column)
        name = quoted(column)
        sql = (
            f"SELECT {name}, count(*) AS n FROM t{order.condition(where)} GROUP BY {name} "
            f"ORDER BY n DESC, {name} NULLS LAST LIMIT {int(limit)}"
        )
        found = self.now().run(sql, stop)
        return list(zip(found[0].to_pylist(), found[1].to_pylist()))

    def is_ascii(self, column: str) -> bool:
        """Whether all text of a column is ASCII."""
        chunks = self.now().column(column).chunks
        return all(pc.all(pc.string_is_ascii(chunk)).as_py() is not False for chunk in chunks)

    # inside

    def _meta_with(self, derived: tuple[Derived, ...]) -> TableMeta:
        stored, known = self._store.meta, self._meta
        if not derived:
            return stored
        if known is None or known[0] is not stored or known[1] is not derived:
            columns = (*stored.columns, *map(derive.described, derived))
            known = self._meta = (stored, derived, replace(stored, columns=columns))
        return known[2]

    def _keep(self, derived: tuple[Derived, ...], afresh: bool = False) -> None:
        """Make these the derived columns; ``afresh`` forgets what was built over names that may mean another now."""
        derived_list.save(self.folder, derived)
        self._derived = derived
        if afresh:
            self._meaning += 1
            self._forget(before=self.now().version)

    def _key(self, now: Moment, view: RowView) -> tuple:
        return (self._id, now.version, "v", view)

    def _rows(self, now: Moment, view: RowView, stop: Stop | None) -> np.ndarray | None:
        if view == NATURAL:
            return None
        if stop is not None and stop.is_set:
            raise CancelledError("Stopped.")
        self._forget(before=now.version)
        return ORDERS.make(self._key(now, view), lambda: order.permutation(now, view, stop))

    def _forget(self, before: tuple[int, int] | None = None) -> None:
        """Drop what was built over rows that have grown since."""

        def old(key: tuple) -> bool:
            return key[0] == self._id and (before is None or key[1] < before)

        ORDERS.drop(old)
        NUMBERS.drop(old)


def _numbers(now: Moment, text: str, stop: Stop | None) -> np.ndarray:
    plain = PLAIN.fullmatch(text)
    name = plain.group(1).replace('""', '"') if plain else ""
    if now.kind(name) is not None:
        column = now.column(name, stop)
    else:
        column = now.run(f"SELECT ({text}) AS v FROM t", stop)[0]
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
