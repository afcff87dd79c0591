"""One ADQL query of the archive, from its text to Arrow batches: compiled, bounded in rows and time, cancelable.

Knows the engine and the catalogue; knows nothing of HTTP or of how rows are written.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from ..adql.catalog import OutColumn
from ..adql.compile import compile_adql
from ..adql.cover import ORDER
from ..errors import CancelledError, LimitError, QueryError, TriviewError
from ..table.columns import Column, Info, TableMeta
from .catalog import Store
from .datalink import ACCESS_URLS, descriptors
from .spark.answer import Answer
from .spark.engine import Spark

CELLS = 2_000_000  # cells of one batch: a few MB, whatever the number of columns
AGAIN_SECONDS = 0.2
SHORT_ROWS = 100_000  # of a table that is read in milliseconds
SHORT_PIXELS = 12 * 4**ORDER // 41253  # one square degree, some 100,000 Objects
FIRST_ROWS = 2048  # of the first batch, so that it leaves early


@dataclass(frozen=True)
class Bounds:
    """How many rows and seconds of engine time a query may take, and which server its links shall name.

    ``watched``: its progress will be asked for.
    """

    max_rows: int
    seconds: float
    base: str = ""
    watched: bool = False


class Query:
    """A compiled query. ``open`` starts it and tells its columns, ``batches`` gives its rows, ``close`` ends it.

    Raises QueryError when made (the text is at fault); running raises QueryError (the engine refuses a value),
    LimitError (out of time or memory) or CancelledError.
    """

    def __init__(
        self,
        store: Store,
        adql: str,
        bounds: Bounds,
        uploads: Mapping[str, pa.Table] | None = None,
        spark: Spark | None = None,
    ) -> None:
        self._store = store
        self._spark = spark
        self._far: Answer | None = None
        self._adql = adql
        self._bounds = bounds
        self._uploads = uploads or {}
        tables = {name: store.uploaded(name, table) for name, table in self._uploads.items()}
        self._compiled = compile_adql(adql, store.catalog, tables, bounds.max_rows)
        self._sources = tuple(item.source for item in self._compiled.columns)
        self._cursor: duckdb.DuckDBPyConnection | None = None
        self._reader: pa.RecordBatchReader | Answer | None = None
        self._lock = threading.Lock()
        self._left = bounds.seconds
        self._stopped: TriviewError | None = None
        self.rows = 0
        self.seconds = 0.0  # in the engine so far
        self.overflow = False

    @property
    def progress(self) -> float:
        """Per cent done as the engine guesses it, -1 when it cannot tell."""
        cursor, far = self._cursor, self._far
        if far is not None:
            return far.progress
        return cursor.query_progress() if cursor is not None else -1.0

    @property
    def rows_read(self) -> int:
        """Rows of all the tables it names: what it reads when nothing bounds it."""
        served = sum(self._store.rows.get(name, 0) for name in self._compiled.tables)
        return served + sum(table.num_rows for table in self._uploads.values())

    @property
    def short(self) -> bool:
        """Whether it should end at once: it is held to a small part of the sky or to ids, or asks one small table.

        A large table beside the one that is held may be read whole, many times over in a join without condition.
        """
        asked = self._compiled
        held = {
            name
            for name, ranges in asked.confined.items()
            if sum(last - first + 1 for first, last in ranges) <= SHORT_PIXELS
        }
        large = [name for name in asked.tables - held if self._size(name) > SHORT_ROWS]
        if held:
            return not large
        if asked.bounded and not asked.confined:
            # What an id holds is one of the large ones; named twice, the other is not held.
            return not large or (len(large) == 1 and asked.named == len(asked.tables))
        return asked.named <= 1 and self.rows_read <= SHORT_ROWS

    def _size(self, name: str) -> int:
        """Rows of a table it names; of an upload, those of the largest one."""
        rows = self._store.rows.get(name)
        return max((table.num_rows for table in self._uploads.values()), default=0) if rows is None else rows

    def cancel(self) -> None:
        """Stop it, from any thread; the running step raises CancelledError."""
        self._stop(CancelledError("The query was stopped."))

    def check(self) -> None:
        """Raises why the query was stopped, if it was."""
        if self._stopped:
            raise self._stopped

    def _stop(self, why: TriviewError) -> None:
        """Interrupt what runs until the engine holds nothing for this query.

        Once is not enough: the engine forgets an interrupt that comes just before a statement starts.
        """
        with self._lock:
            self._stopped = self._stopped or why
            if self._cursor is None:
                return
            self._cursor.interrupt()
            if self._far is not None:
                self._far.cancel()
        again = threading.Timer(AGAIN_SECONDS, self._stop, [why])
        again.daemon = True
        again.start()

    def open(self) -> TableMeta:
        """Start the query; its columns and what goes with them."""
        self._cursor = cursor = self._store.cursor(self._bounds.watched)
        size = max(1, min(100_000, CELLS // max(1, len(self._sources))))
        self._reader = reader = self._step(lambda: self._rows(cursor, size))
        self._columns = tuple(
            _column(place, item, field)
            for place, (item, field) in enumerate(zip(self._compiled.columns, reader.schema))
        )
        self.meta = TableMeta(
            self._columns,
            name="result",
            infos=(Info("QUERY", self._adql), Info("PROVIDER", "Triview embedded archive, simulated data")),
            services=descriptors(self._sources, self._bounds.base),
        )
        self._schema = TableMeta(self._columns).to_schema()  # what goes with the result is told once, by its writer
        return self.meta

    def batches(self) -> Iterator[pa.RecordBatch]:
        """The rows, in the types that ``meta`` declares; sets ``rows`` and ``overflow``."""
        reader = self._reader
        if self._bounds.max_rows == 0:
            self.overflow = True
            return
        while (batch := self._step(lambda: next(reader, None))) is not None:
            room = self._bounds.max_rows - self.rows
            if batch.num_rows > room:
                batch, self.overflow = batch.slice(0, room), True
            first = self.rows == 0 and batch.num_rows > FIRST_ROWS
            self.rows += batch.num_rows
            if first:
                yield self._typed(batch.slice(0, FIRST_ROWS))
                batch = batch.slice(FIRST_ROWS)
            yield self._typed(batch)
            if self.overflow:
                return

    def close(self) -> None:
        """Give back what the engine holds for it."""
        if self._reader is not None:
            self._reader.close()
            self._reader = None
        if self._far is not None:
            self._far.close()
        with self._lock:
            cursor, self._cursor = self._cursor, None
        if cursor is not None:
            self._store.release(cursor, self._bounds.watched)

    def _start(self, cursor: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyRelation:
        for name, table in self._uploads.items():
            self._store.attach(cursor, name, table)
        for name in self._compiled.tables:
            if name in self._store.tables:
                self._store.view(cursor, name, self._compiled.sql, self._compiled.confined.get(name))
        return cursor.sql(self._compiled.sql)

    def _rows(self, cursor: duckdb.DuckDBPyConnection, size: int) -> pa.RecordBatchReader | Answer:
        """The engine's rows: of the cluster when there is one and it takes the query, else DuckDB's."""
        relation = self._start(cursor)
        far = None
        if self._spark is not None and self._bounds.max_rows:
            far = self._spark.answer(self._compiled, self._uploads, relation, size)
        if far is None:
            return relation.to_arrow_reader(size)
        self._far = far
        try:
            if far.run():
                return far
        except CancelledError:
            self.check()
            raise
        self._far = None
        far.close()
        return relation.to_arrow_reader(size)

    def _step(self, call: Callable):
        """One call into the engine, stopped when the time given to the query is used up."""
        self.check()
        late = LimitError(
            f"The query took longer than its {self._bounds.seconds:g} s.",
            "Bound it by position or id, or run it as an asynchronous job.",
        )
        timer = threading.Timer(min(max(self._left, 0.0), threading.TIMEOUT_MAX), self._stop, [late])
        timer.daemon = True
        timer.start()
        started = time.monotonic()
        try:
            return call()
        except (duckdb.Error, OSError, pa.ArrowException) as error:
            raise (self._stopped or _told(error)) from None
        finally:
            timer.cancel()
            took = time.monotonic() - started
            self._left -= took
            self.seconds += took

    def _typed(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """``batch`` in the declared types; links to the archive get the address this client knows it by."""
        arrays = []
        for column, source, values in zip(self._columns, self._sources, batch.columns):
            values = _as(column, values)
            if source in ACCESS_URLS:
                values = pc.binary_join_element_wise(self._bounds.base, values, "")
            arrays.append(values)
        return pa.RecordBatch.from_arrays(arrays, schema=self._schema)


def _told(error: Exception) -> TriviewError:
    """The engine's refusal in our words."""
    text = str(error)
    if "No space left" in text or "max_temp_directory_size" in text:
        return LimitError("The disk on which the archive sorts and joins is full.", "Bound the query further.")
    if "Out of Memory" in text:
        return LimitError("The query needs more memory than the archive gives to one.", "Bound it further.")
    return QueryError(f"The engine cannot run this query: {text.splitlines()[0]}")


def _column(place: int, item: OutColumn, field: pa.Field) -> Column:
    """A result column as the compiler describes it; its type from the engine where the compiler leaves it open."""
    datatype, arraysize = item.datatype, item.arraysize
    if not datatype:
        found = Column.from_arrow(field)
        whole = pa.types.is_decimal(field.type) and field.type.scale == 0
        datatype, arraysize = "long" if whole else found.datatype, found.arraysize
    return Column(
        item.name,
        datatype,
        arraysize or "",
        item.unit or "",
        item.ucd or "",
        item.utype or "",
        item.xtype or "",
        item.description or "",
        id=f"col_{place}",
    )


def _as(column: Column, values: pa.Array) -> pa.Array:
    target = column.arrow
    if values.type == target:
        return values
    if pa.types.is_timestamp(values.type) and column.is_text:
        return pc.strftime(values, "%Y-%m-%dT%H:%M:%S")
    if pa.types.is_decimal(values.type) and pa.types.is_integer(target):
        values = values.cast(pa.decimal128(38, 0), safe=False)
    return values.cast(target, safe=pa.types.is_integer(target))
