"""The engine behind the archive: locked to the sample, cursors apart, nothing left behind."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from portal.archive.app import own_folder
from portal.archive.catalog import Store
from portal.archive.formats import FORMATS, encoded
from portal.archive.limits import Limits
from portal.archive.query import Bounds, Query
from portal.errors import CancelledError, LimitError

ANY = Bounds(100_000, 60.0, watched=True)


@pytest.fixture(scope="module")
def store(sample: Path, tmp_path_factory: pytest.TempPathFactory):
    it = Store(sample, tmp_path_factory.mktemp("scratch") / "x", Limits(async_workers=2))
    yield it
    it.close()


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM read_text('/etc/hostname')",
        "ATTACH '/tmp/other.db'",
        "COPY (SELECT 1) TO '/tmp/written.csv'",
        "SET threads = 64",
        "SET enable_external_access = true",
        "INSTALL httpfs",
        "SELECT * FROM store",  # a Python variable
    ],
)
def test_the_engine_reaches_nothing_but_the_sample(store: Store, sql: str) -> None:
    cursor = store.cursor()
    with pytest.raises(duckdb.Error):
        cursor.execute(sql).fetchall()
    store.release(cursor)


def test_every_served_table_can_be_read(store: Store) -> None:
    for name in store.tables:
        assert b"".join(encoded(Query(store, f"SELECT TOP 2 * FROM {name}", ANY), FORMATS[0]))


def test_cursors_come_back_clean(store: Store, endless: str) -> None:
    for step in range(6):
        query = Query(store, "SELECT objectId, band FROM dp1.ForcedSource", ANY)
        pieces = encoded(query, FORMATS[step % len(FORMATS)])
        next(pieces)
        if step % 2:
            query.cancel()
            with pytest.raises(CancelledError):
                list(pieces)
        else:
            pieces.close()
        assert len(store._watched) == 2 and not store._cursors
    cursor = store.cursor(watched=True)
    assert cursor.execute("SELECT COUNT(*) FROM duckdb_views() WHERE temporary AND NOT internal").fetchall() == [(0,)]
    store.release(cursor, watched=True)


def test_time_is_that_of_the_engine(store: Store, endless: str) -> None:
    with pytest.raises(LimitError, match=r"longer than its 0\.2 s"):
        list(encoded(Query(store, endless, Bounds(10, 0.2)), FORMATS[0]))


def test_types_the_compiler_leaves_open(store: Store) -> None:
    query = Query(
        store, "SELECT SUM(visit) AS s, AVG(psfFlux) AS a, MAX(band) AS m, 1.5 AS c FROM dp1.ForcedSource", ANY
    )
    meta = query.open()
    assert [column.datatype for column in meta.columns] == ["long", "double", "char", "double"]
    (batch,) = query.batches()
    row = batch.to_pylist()[0]
    assert row["s"] > 2**53 and isinstance(row["s"], int) and row["c"] == 1.5
    query.close()


def test_two_servers_do_not_share_a_folder(tmp_path: Path) -> None:
    one, first = own_folder(tmp_path / "state")
    two, second = own_folder(tmp_path / "state")
    assert one == tmp_path / "state" and two == tmp_path / "state" / "2"
    first.close()
    again, third = own_folder(tmp_path / "state")
    assert again == one
    second.close()
    third.close()
