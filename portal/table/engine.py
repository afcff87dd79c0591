"""The query engine over results in memory or mapped: DuckDB, locked down, a cursor for every call.

Knows SQL text that others have checked and Arrow tables; nothing of files. One connection shared by threads
gives wrong answers in DuckDB 2.0, so none ever is.
"""

from __future__ import annotations

import tempfile
import threading
from functools import lru_cache

import duckdb
import pyarrow as pa

from portal.errors import CancelledError, LimitError, QueryError
from portal.table.sky_cell import macros

MEMORY_LIMIT = "2GB"  # sorting 10M rows by a number takes 258 MB; what is over spills to disk
TEMP_LIMIT = "20GB"  # a sort of 10^8 rows by name spills about 15 GB


class Stop:
    """A way to stop queries from another thread; once set, it stays set."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._cursors: set[duckdb.DuckDBPyConnection] = set()
        self.is_set = False

    def set(self) -> None:
        """Interrupt what runs under this stop and refuse what would start later."""
        with self._lock:
            self.is_set = True
            for cursor in self._cursors:
                cursor.interrupt()

    def _enter(self, cursor: duckdb.DuckDBPyConnection) -> None:
        with self._lock:
            if self.is_set:
                raise CancelledError("Stopped.")
            self._cursors.add(cursor)

    def _leave(self, cursor: duckdb.DuckDBPyConnection) -> None:
        with self._lock:
            self._cursors.discard(cursor)


_opening = threading.Lock()


@lru_cache(maxsize=1)
def _spill() -> tempfile.TemporaryDirectory:
    """Where sorts larger than memory go; removed when the process ends."""
    return tempfile.TemporaryDirectory(prefix="triview-engine-")


@lru_cache(maxsize=1)
def _connection() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(
        ":memory:",
        config={
            "memory_limit": MEMORY_LIMIT,
            "temp_directory": _spill().name,
            "max_temp_directory_size": TEMP_LIMIT,
            "python_enable_replacements": "false",
        },
    )
    for statement in macros():
        connection.execute(statement)
    # Predicates come from users: the engine itself must reach neither files nor settings.
    connection.execute("SET enable_external_access=false")
    connection.execute("SET lock_configuration=true")
    return connection


def run(sql: str, table: pa.Table, stop: Stop | None = None, over: str = "") -> pa.Table:
    """The rows of a SELECT over ``t``, which is ``table``, or the relation ``over`` made of it as ``stored``.

    Raises QueryError when the engine refuses it, CancelledError when stopped, LimitError when memory ends.
    """
    with _opening:
        cursor = _connection().cursor()
    try:
        if stop is not None:
            stop._enter(cursor)
        cursor.register("stored" if over else "t", table)
        # Not materialized: the engine reads and computes only the columns that the SELECT needs.
        text = f"WITH t AS NOT MATERIALIZED ({over}) {sql}" if over else sql
        return cursor.sql(text).to_arrow_table()
    except duckdb.InterruptException:
        raise CancelledError("Stopped.") from None
    except duckdb.OutOfMemoryException:
        raise LimitError(
            f"The engine reached its memory limit ({MEMORY_LIMIT}).",
            "Filter first, then sort.",
        ) from None
    except duckdb.Error as error:
        if stop is not None and stop.is_set:
            raise CancelledError("Stopped.") from None
        raise QueryError(str(error).partition("\n")[0]) from None
    finally:
        if stop is not None:
            stop._leave(cursor)
        cursor.close()
