"""The tables served: DuckDB in this process over the sample's Parquet files, seen in the spelling of each release.

Knows how served tables come from stored ones and locks the engine to the sample folder; knows nothing of HTTP.
"""

from __future__ import annotations

import re
import shutil
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from portal.background import run_aside

from ..adql.catalog import Catalog, TableDef
from ..adql.cover import ORDER, Ranges
from ..table.columns import TableMeta
from .limits import Limits
from .sample.stored import manifest
from .schema.load import Table, load, position_of
from .schema.standards import standard
from .schema.tap_schema import tap_schema
from .schema.views import HIDDEN, quoted, served, stored_name, view_sql

# Written without the server's address, which is put before it on the way out.
LINKS = "'/api/datalink/links?ID=' || url_encode(obs_publisher_did)"
_TILE = re.compile(r"Norder=(\d+)/Dir=\d+/Npix=(\d+)\.parquet$")  # HATS: all rows of a file lie in that pixel
MAX_SELECTS = 256  # texts of views that are kept; making the one of a whole Object takes 100 ms


class Store:
    """The engine and what it serves. ``cursor`` gives each caller its own: a shared one gives wrong answers.

    ``schemas`` are the served schemas, ``catalog`` the same for the ADQL compiler, ``rows`` the number of rows by
    table name.
    """

    def __init__(self, folder: Path, scratch: Path, limits: Limits) -> None:
        shutil.rmtree(scratch, ignore_errors=True)  # what a killed server spilled
        scratch.mkdir(parents=True)
        config: dict[str, Any] = {"memory_limit": limits.memory, "python_enable_replacements": False}
        if limits.threads:
            config["threads"] = limits.threads
        # The engine's own threads are made here; they give way to those that somebody waits for.
        self._database = run_aside(lambda: duckdb.connect(":memory:", config=config))
        self._lock = threading.Lock()
        self._cursors: dict[int, duckdb.DuckDBPyConnection] = {}
        self._watched = [self._database.cursor() for _ in range(limits.async_workers)]
        self._selects: dict[tuple[str, frozenset[str]], str] = {}
        self._kept: dict[str, Any] = {}
        self._parts: dict[str, list[tuple[int, int, str]]] = {}  # first and last pixel of each file of a table
        tables = manifest(folder)["tables"]
        self._stored = self._open(_files(tables, folder), limits.resident_bytes)
        self.schemas = served(standard(load()), self._stored, ("access_url",))
        self.tables = {table.name: table for schema in self.schemas.values() for table in schema.tables.values()}
        self.rows = self._describe({name: item["rows"] for name, item in tables.items()})
        self.catalog = Catalog(map(self._definition, self.tables.values()))
        self._lock_down(folder, scratch, limits)

    def cursor(self, watched: bool = False) -> duckdb.DuckDBPyConnection:
        """A connection of its own, for one call in one thread; give it back with ``release``.

        A watched one tells its progress; there are as many as async workers, for settings are locked later on.
        """
        with self._lock:
            cursor = self._watched.pop() if watched and self._watched else self._database.cursor()
            self._cursors[id(cursor)] = cursor
        return cursor

    def release(self, cursor: duckdb.DuckDBPyConnection, watched: bool = False) -> None:
        """Give a cursor back; nothing it was reading may still be held."""
        with self._lock:
            self._cursors.pop(id(cursor), None)
        if watched and cursor.execute("SELECT current_setting('enable_progress_bar')").fetchall() == [(True,)]:
            self._clean(cursor)
            with self._lock:
                self._watched.append(cursor)
        else:
            cursor.close()

    @staticmethod
    def _clean(cursor: duckdb.DuckDBPyConnection) -> None:
        """Take away the views and uploads of the query before."""
        views = "SELECT view_name FROM duckdb_views() WHERE temporary AND NOT internal"
        for (name,) in cursor.execute(views).fetchall():
            cursor.execute(f"DROP VIEW IF EXISTS temp.{quoted(name)}")

    def interrupt(self) -> None:
        """Stop everything that runs."""
        with self._lock:
            cursors = list(self._cursors.values())
        for cursor in cursors:
            cursor.interrupt()

    def close(self) -> None:
        self._database.close()

    def kept(self, key: str, make: Callable[..., Any], *values: Any) -> Any:
        """``make(*values)``, made once: the schemas do not change while the server runs."""
        if key not in self._kept:
            self._kept[key] = make(*values)
        return self._kept[key]

    def view(self, cursor: duckdb.DuckDBPyConnection, name: str, sql: str, pixels: Ranges | None = None) -> None:
        """Make the served table ``name`` readable on this cursor, with the columns that ``sql`` may use.

        Every word of ``sql`` counts as a possible column: planning over the few it names takes a millisecond, over
        all 1,296 of an Object twenty. Rows outside the ``pixels`` need not be there: opening only the files that
        hold the others saves a cone search most of its time.
        """
        table = self.tables[name]
        if table.schema == "tap_schema":
            return
        words = set(re.findall(r"\w+", sql))
        columns = tuple(column for column in table.columns if column.name in words) or table.columns[:1]
        key = (name, frozenset(words & {HIDDEN}) | {column.name for column in columns})
        if (select := self._selects.get(key)) is None:
            source = stored_name(table, self._stored)
            extra = {"access_url": LINKS} if source and "access_url" in words else {}
            select = view_sql(replace(table, columns=columns), self._stored, extra, only=key[1])
            if len(self._selects) < MAX_SELECTS:
                self._selects[key] = select
        if pixels is not None and (files := self._holding(stored_name(table, self._stored), pixels)):
            select = f"{select[: select.rindex(' FROM ')]} FROM {files}"
        cursor.execute(f"CREATE OR REPLACE TEMP VIEW {quoted(name)} AS {select}")

    def _holding(self, stored: str | None, pixels: Ranges) -> str:
        """The files of a stored table that hold any of the pixels, as SQL; "" when that is no fewer than all."""
        parts = self._parts.get(stored or "", ())
        chosen = [path for first, last, path in parts if any(a <= last and first <= b for a, b in pixels)]
        if len(chosen) == len(parts):
            return ""
        return _read(chosen or [parts[0][2]])  # no file holds any: the conditions let no row of any other through

    def uploaded(self, name: str, table: pa.Table) -> TableDef:
        """How the compiler sees an uploaded table. Columns that hold arrays cannot be asked for."""
        plain = tuple(column for column in TableMeta.from_schema(table.schema).columns if not column.is_array)
        return TableDef(
            "TAP_UPLOAD",
            name,
            plain,
            quoted(f"upload_{name}"),
            position_of(plain),
            values=lambda n: table[n].to_numpy(),
        )

    def attach(self, cursor: duckdb.DuckDBPyConnection, name: str, table: pa.Table) -> None:
        """Make an uploaded table readable on this cursor only."""
        cursor.register(f"upload_{name}", table)

    def _open(self, files: Mapping[str, tuple[list[str], int]], resident: int) -> dict[str, dict[str, str]]:
        """Columns and types by stored table: small ones in memory, larger ones read from their files when asked."""
        self._database.execute("CREATE SCHEMA stored")
        self._database.execute("SET GLOBAL parquet_metadata_cache = true")  # else each query reads it anew: 20 ms
        stored = {}
        for name, (paths, size) in files.items():
            kind = "TABLE" if size <= resident else "VIEW"
            self._database.execute(f"CREATE {kind} stored.{quoted(name)} AS SELECT * FROM {_read(paths)}")
            columns = self._database.execute(f"DESCRIBE stored.{quoted(name)}").fetchall()
            stored[name] = {row[0]: row[1] for row in columns}
            tiles = [_TILE.search(path) for path in paths]
            if kind == "VIEW" and HIDDEN in stored[name] and all(tiles):
                self._parts[name] = [(*tile_range(int(tile[1]), int(tile[2])), tile.string) for tile in tiles if tile]
        return stored

    def _describe(self, counts: Mapping[str, int]) -> dict[str, int]:
        """Make the tables of TAP_SCHEMA; rows of every served table."""
        rows = {name: counts.get(stored_name(table, self._stored) or "", 0) for name, table in self.tables.items()}
        self._database.execute("CREATE SCHEMA tap_schema")
        for name, table in tap_schema(self.schemas, rows).items():
            self._database.register("arriving", table)
            self._database.execute(f"CREATE TABLE tap_schema.{quoted(name)} AS SELECT * FROM arriving")
            self._database.unregister("arriving")
            rows[f"tap_schema.{name}"] = table.num_rows
        return rows

    def _definition(self, table: Table) -> TableDef:
        source = stored_name(table, self._stored)
        healpix = HIDDEN if source and HIDDEN in self._stored[source] else None
        if table.schema == "tap_schema":
            engine_name = f"tap_schema.{quoted(table.short)}"
        else:
            engine_name = quoted(table.name)  # made by ``view`` on the cursor of each query
        ids = frozenset(table.primary_key)
        extent = "s_fov" if table.short == "ObsCore" else None
        return TableDef(
            table.schema, table.short, table.columns, engine_name, table.position, healpix, None, ids, extent
        )

    def _lock_down(self, folder: Path, scratch: Path, limits: Limits) -> None:
        """From here on no query reads or writes anything but the sample, and none changes a setting."""
        text = str(folder.resolve()).replace("'", "''")
        spill = str(scratch.resolve()).replace("'", "''")
        for cursor in self._watched:
            cursor.execute("SET enable_progress_bar = true")
            cursor.execute("SET enable_progress_bar_print = false")
        for command in (
            f"SET temp_directory = '{spill}'",
            f"SET max_temp_directory_size = '{limits.scratch}'",
            f"SET allowed_directories = ['{text}/']",
            "SET enable_external_access = false",
            "SET lock_configuration = true",
        ):
            self._database.execute(command)


def _read(paths: Iterable[str]) -> str:
    source = ", ".join("'" + path.replace("'", "''") + "'" for path in paths)
    # The folders' names (Norder=3) are no columns.
    return f"read_parquet([{source}], hive_partitioning = false)"


def tile_range(order: int, pixel: int) -> tuple[int, int]:
    """First and last pixel of the hidden column's order in a nested HEALPix pixel."""
    width = 2 * (ORDER - order)
    return pixel << width, ((pixel + 1) << width) - 1


def _files(tables: Mapping[str, Mapping[str, Any]], folder: Path) -> dict[str, tuple[list[str], int]]:
    """Paths and bytes of each stored table. Names that start with "_" are not tables to be served."""
    return {
        name: ([str(folder / "tables" / file) for file in item["files"]], item["bytes"])
        for name, item in tables.items()
        if not name.startswith("_")
    }
