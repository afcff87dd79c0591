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


def test_a_place_on_the_sky_opens_the_files_it_touches(sample: Path, store: Store, tmp_path: Path) -> None:
    apart = Store(sample, tmp_path / "x", Limits(resident_bytes=0))
    circle = "CONTAINS(POINT('ICRS', {0}.coord_ra, {0}.coord_dec), CIRCLE('ICRS', {1}, {2}, {3})) = 1"
    forced = "dp1.Object AS o JOIN dp1.ForcedSource AS f ON o.objectId = f.objectId"
    named = {len(apart._parts[name]) for name in ("Object", "ForcedSource")}
    assert min(named) > 1
    fewer = 0
    for ra, dec, radius in ((62.0, -37.0, 0.01), (62.0, -37.0, 0.2), (38.0, 7.0, 0.1), (200.0, 40.0, 1.0)):
        where = circle.format("o", ra, dec, radius)
        for adql, confined in (
            (f"SELECT COUNT(*) AS n, MIN(o.objectId) AS m FROM dp1.Object AS o WHERE {where}", 1),
            (f"SELECT COUNT(*) AS n, MIN(f.visit) AS m FROM {forced} WHERE {where}", 1),
            (f"SELECT COUNT(*) AS n FROM dp1.Object AS o JOIN dp1.Object AS p ON o.patch = p.patch WHERE {where}", 0),
            (f"SELECT COUNT(*) AS n FROM dp1.Object AS o WHERE NOT ({where})", 0),
            (f"SELECT COUNT(*) AS n FROM dp1.Object AS o WHERE {where} OR o.r_psfFlux > 1e4", 0),
        ):
            query = Query(apart, adql, ANY)
            assert len(query._compiled.confined) == confined, adql
            fewer += any(apart._holding("Object", pixels) for pixels in query._compiled.confined.values())
            rows = [b"".join(encoded(Query(of, adql, ANY), FORMATS[2])) for of in (apart, store)]
            assert rows[0] == rows[1], adql
    assert fewer
    apart.close()


def test_which_queries_are_short(store: Store, monkeypatch) -> None:
    monkeypatch.setattr("portal.archive.query.SHORT_ROWS", 100)
    near = "SELECT objectId FROM dp1.Object WHERE CONTAINS(POINT(coord_ra, coord_dec), CIRCLE(62, -37, {0})) = 1"
    here, inside = (
        "SELECT o.objectId FROM dp1.Object AS o",
        ("CONTAINS(POINT(o.coord_ra, o.coord_dec), CIRCLE(62, -37, 0.1)) = 1"),
    )
    for adql, short in (
        (near.format(0.1), True),
        (near.format(5), False),
        (near.format(5).replace("= 1", "= 0"), False),
        ("SELECT psfFlux FROM dp1.ForcedSource WHERE objectId = 5", True),
        ("SELECT schema_name FROM tap_schema.schemas", True),
        (f"{here}, dp1.ForcedSource AS s WHERE {inside}", False),
        (f"{here}, tap_schema.schemas AS s WHERE {inside}", True),
        ("SELECT a.psfFlux FROM dp1.ForcedSource AS a, dp1.ForcedSource AS b WHERE a.objectId = 5", False),
        ("SELECT b.psfFlux FROM dp1.Object AS a, dp1.ForcedSource AS b WHERE a.objectId = 5", False),
        ("SELECT s.psfFlux FROM dp1.ForcedSource AS s, tap_schema.schemas AS t WHERE s.objectId = 5", True),
        ("SELECT COUNT(*) AS n FROM dp1.ForcedSource AS a, dp1.ForcedSource AS b", False),
        ("SELECT COUNT(*) AS n FROM tap_schema.schemas AS a, tap_schema.schemas AS b", False),
    ):
        assert Query(store, adql, ANY).short is short, adql
