"""Which queries go to the Spark cluster, and how the served tables are read there."""

from __future__ import annotations

import itertools
import logging
import re
import secrets
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING
from weakref import WeakSet

import duckdb

from portal.adql.compile import Compiled
from portal.adql.spark import NotInSparkError, SparkQuery, spark_query

from ..sample.stored import manifest
from ..schema.views import HIDDEN, stored_name, view_sql
from .answer import Answer
from .session import Link

if TYPE_CHECKING:
    from ..catalog import Store

log = logging.getLogger(__name__)
MOST_BYTES = 20 << 30  # of an answer on its way: a sort of the largest table fits
POOLS = 16  # among which Spark divides the cores evenly: more queries at once than workers for queries


class Spark:
    """The cluster at ``url`` for the sample in ``folder``; answers pass through ``scratch``, which it must share.

    A query goes there unless a position or an id bounds it, it reads uploads or tables that DuckDB holds in memory
    (those of up to ``resident_bytes``) alone, it asks for the first rows of a table as they come, or Spark's SQL has no
    word for a part of it. Those, and all of them while the cluster cannot be reached, are answered by DuckDB.
    """

    def __init__(
        self, url: str, folder: Path, store: Store, scratch: Path, resident_bytes: int, conf: Path | None = None
    ) -> None:
        self._store, self._folder, self._resident = store, (scratch / "spark").resolve(), resident_bytes
        tables = manifest(folder)["tables"]
        self._bytes = {name: item["bytes"] for name, item in tables.items() if not name.startswith("_")}
        self._rows = {name: item["rows"] for name, item in tables.items()}
        self._running: WeakSet[Answer] = WeakSet()
        self._pools = itertools.cycle(range(POOLS))
        self._types = _types(store)
        root = folder.resolve() / "tables"
        files = {name: [str(root / file) for file in tables[name]["files"]] for name in self._types}
        self.link = Link(url, files, self._types, self._folder / "driver", conf)

    def query(self, compiled: Compiled, uploads: Mapping[str, object]) -> SparkQuery | None:
        """The query in Spark's SQL, None when it stays on DuckDB."""
        if compiled.bounded or uploads or any(name not in self._store.tables for name in compiled.tables):
            return None
        try:
            query = spark_query(compiled.sql, self._views(compiled), self._types)
        except NotInSparkError as error:
            log.info("a query stays on DuckDB: %s", error)
            return None
        large = any(self._bytes.get(name, 0) > self._resident for name in set(query.reads))
        return query if large and not query.plain else None

    def answer(
        self, compiled: Compiled, uploads: Mapping[str, object], relation: duckdb.DuckDBPyRelation, rows: int
    ) -> Answer | None:
        """The answer to be run, with the types ``relation`` has; None when DuckDB is to give it."""
        query = self.query(compiled, uploads)
        driver = self.link.driver if query is not None else None
        if driver is None:
            return None
        schema = relation.limit(0).to_arrow_table().schema
        folder = self._folder / f"answer-{secrets.token_hex(8)}"
        total = sum(self._rows[name] for name in query.reads)
        pool = f"pool{next(self._pools)}"
        answer = Answer(driver, query, schema, folder, batch=rows, most_bytes=MOST_BYTES, total=total, pool=pool)
        self._running.add(answer)
        return answer

    def close(self) -> None:
        """Stop what runs and leave the cluster."""
        for answer in list(self._running):
            answer.cancel()
        self.link.close()

    def _views(self, compiled: Compiled) -> dict[str, str]:
        """The SELECTs of the tables asked, with the columns that the SQL may mean."""
        words = set(re.findall(r"\w+", compiled.sql))
        views = {}
        for name in compiled.tables:
            table = self._store.tables[name]
            if table.schema == "tap_schema":
                raise NotInSparkError("TAP_SCHEMA is held by DuckDB")
            if "access_url" in words and table.short == "ObsCore":
                raise NotInSparkError("links are written by DuckDB")
            columns = tuple(column for column in table.columns if column.name in words) or table.columns[:1]
            only = (words & {HIDDEN}) | {column.name for column in columns}
            if stored_name(table, self._types) is None:
                raise NotInSparkError(f"{name} is empty")
            views[name] = view_sql(replace(table, columns=columns), self._types, only=only)
        return views


def _types(store: Store) -> dict[str, dict[str, str]]:
    """DuckDB's types of the columns of every stored table."""
    cursor = store.cursor()
    try:
        rows = cursor.execute(
            "SELECT table_name, column_name, data_type FROM duckdb_columns() WHERE schema_name = 'stored' "
            "ORDER BY table_name, column_index"
        ).fetchall()
    finally:
        store.release(cursor)
    types: dict[str, dict[str, str]] = {}
    for table, column, kind in rows:
        types.setdefault(table, {})[column] = kind
    return types
