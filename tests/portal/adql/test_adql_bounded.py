"""Positions bound what is read, whatever the form of the query: counted in the row groups the engine opens."""

from __future__ import annotations

import re
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy import units as u
from astropy_healpix import core

from portal.adql.bounds import rectangle
from portal.adql.catalog import Catalog, TableDef
from portal.adql.compile import compile_adql
from portal.adql.cover import merged, points_ranges, unit_vectors
from portal.table.columns import Column

GROUPS = 80
FIELD = "POINT(62, -37)"


def pixels(ra: np.ndarray, dec: np.ndarray) -> np.ndarray:
    return core.lonlat_to_healpix(ra * u.deg, dec * u.deg, 2**29, order="nested")


def separation(ra, dec, ra0, dec0) -> np.ndarray:
    one, other = unit_vectors(ra, dec), unit_vectors(ra0, dec0)
    return np.degrees(np.arctan2(np.linalg.norm(np.cross(one, other), axis=-1), (one * other).sum(axis=-1)))


def sky_points(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Positions over the whole sky, and a quarter of them about (62, -37)."""
    rng = np.random.default_rng(seed)
    ra, dec = rng.uniform(0, 360, count), np.degrees(np.arcsin(rng.uniform(-1, 1, count)))
    ra[: count // 4], dec[: count // 4] = 62 + rng.normal(0, 1, count // 4), -37 + rng.normal(0, 1, count // 4)
    return ra, dec


class Sky:
    """Objects in a file of 80 row groups, in the order of their pixels, and an upload of five positions in a field."""

    def __init__(self, folder: Path) -> None:
        self.ra, self.dec = sky_points(20_000, 21)
        order = np.argsort(pixels(self.ra, self.dec))
        self.ra, self.dec = self.ra[order], self.dec[order]
        n = np.arange(20_000)
        table = pa.table({"n": n, "ra": self.ra, "dec": self.dec, "k": n % 7, "_healpix_29": pixels(self.ra, self.dec)})
        path = folder / "objects.parquet"
        pq.write_table(table, path, row_group_size=20_000 // GROUPS)
        self.connection = duckdb.connect()
        self.connection.execute(f"CREATE VIEW objects AS SELECT * FROM read_parquet('{path}')")
        self.up = (np.array([61.9, 62.0, 62.05, 62.1, 61.95]), np.array([-37.0, -37.1, -36.95, -37.05, -36.9]))
        up = pa.table({"i": np.arange(5), "ra": self.up[0], "dec": self.up[1]})
        self.connection.register("up_arrow", up)
        self.connection.execute("CREATE TABLE up AS FROM up_arrow")
        names = [Column("n", "long"), Column("ra", "double"), Column("dec", "double"), Column("k", "long")]
        objects = TableDef("s", "Object", tuple(names), "objects", ("ra", "dec"), "_healpix_29")
        plain = TableDef("TAP_UPLOAD", "up", (Column("i", "long"), *names[1:3]), "up", ("ra", "dec"))
        self.catalog, self.uploads = Catalog([objects]), {"up": plain}

    def run(self, adql: str, uploads: dict[str, TableDef] | None = None) -> tuple[list[tuple], list[int]]:
        """The rows in order, and the row groups opened by each scan of the file."""
        sql = compile_adql(adql, self.catalog, uploads or self.uploads).sql
        rows = self.connection.execute(sql).fetchall()
        plan = self.connection.execute(f"EXPLAIN ANALYZE {sql}").fetchall()[0][1]
        # A scan that is never started opens nothing and says nothing.
        return sorted(rows, key=str), [int(x) for x in re.findall(rf"Row Groups Scanned: (\d+) / {GROUPS}", plan)]


@pytest.fixture(scope="module")
def sky_file(tmp_path_factory) -> Sky:
    return Sky(tmp_path_factory.mktemp("bounded"))


def cone(ra: str, dec: str, radius: float = 0.2) -> str:
    return f"CONTAINS(POINT({ra}, {dec}), CIRCLE(62, -37, {radius})) = 1"


OWN = cone("o.ra", "o.dec")
INNER = cone("q.ra", "q.dec")
# Queries whose answer is the objects within 0.2 degrees of the field's centre.
CONES = [
    f"SELECT o.n FROM s.Object o WHERE {OWN}",
    f"SELECT o.n FROM s.Object o WHERE NOT ({OWN.replace('= 1', '= 0')})",
    f"SELECT o.n FROM s.Object o WHERE {OWN.replace('= 1', '> 0')}",
    f"SELECT o.n FROM s.Object o WHERE {OWN.replace('= 1', 'IN (1)')}",
    f"SELECT o.n FROM s.Object o WHERE {OWN.removesuffix(' = 1')}",
    f"SELECT o.n FROM s.Object o WHERE DISTANCE(POINT(o.ra, o.dec), {FIELD}) <= 0.2",
    f"SELECT o.n FROM s.Object o WHERE 0.2 >= DISTANCE({FIELD}, POINT(o.ra, o.dec))",
    f"SELECT o.n FROM s.Object o WHERE NOT DISTANCE({FIELD}, POINT(o.ra, o.dec)) > 0.2",
    f"SELECT o.n FROM s.Object o WHERE DISTANCE({FIELD}, POINT(o.ra, o.dec)) * 3600 <= 720",
    f"SELECT o.n FROM s.Object o WHERE DISTANCE({FIELD}, POINT(o.ra, o.dec)) BETWEEN 0 AND 0.2",
    "SELECT o.n FROM s.Object o WHERE DISTANCE(62, -37, o.ra, o.dec) <= 720 / 3600.",
    "SELECT o.n FROM s.Object o WHERE scisql_angSep(o.ra, o.dec, 62, -37) <= 0.2",
    "SELECT o.n FROM s.Object o WHERE INTERSECTS(CIRCLE(62, -37, 0.15), CIRCLE(o.ra, o.dec, 0.05)) = 1",
    "SELECT o.n FROM s.Object o WHERE CONTAINS(CIRCLE(o.ra, o.dec, 0.1), CIRCLE(62, -37, 0.3)) = 1",
    "SELECT o.n FROM s.Object o WHERE CONTAINS(POINT(o.ra, o.dec), REGION('CIRCLE ICRS 62 -37 0.2')) = 1",
    f"SELECT q.n FROM (SELECT n, ra, dec FROM s.Object) AS q WHERE {INNER}",
    f"SELECT q.n FROM (SELECT n, ra AS a, dec AS d FROM s.Object) AS q WHERE {cone('q.a', 'q.d')}",
    f"SELECT r.n FROM (SELECT * FROM (SELECT * FROM s.Object) AS q) AS r WHERE {cone('r.ra', 'r.dec')}",
    f"SELECT q.n FROM (SELECT DISTINCT n, ra, dec FROM s.Object) AS q WHERE {INNER}",
    f"SELECT q.n FROM (SELECT ra, dec, MIN(n) AS n FROM s.Object GROUP BY ra, dec) AS q WHERE {INNER}",
    "SELECT q.n FROM (SELECT n, POINT(ra, dec) AS p FROM s.Object) AS q WHERE CONTAINS(q.p, CIRCLE(62, -37, 0.2)) = 1",
    f"SELECT q.n FROM (SELECT n, ra, dec FROM s.Object WHERE k < 3 UNION ALL SELECT n, ra, dec FROM s.Object "
    f"WHERE k >= 3) AS q WHERE {INNER}",
    f"SELECT q.n FROM (SELECT n, ra, dec FROM s.Object UNION SELECT n, ra, dec FROM s.Object) AS q WHERE {INNER}",
    f"WITH q AS (SELECT n, ra, dec FROM s.Object) SELECT q.n FROM q WHERE {INNER}",
    f"WITH q (m, a, d) AS (SELECT n, ra, dec FROM s.Object) SELECT q.m AS n FROM q WHERE {cone('q.a', 'q.d')}",
    f"WITH p AS (SELECT * FROM s.Object), q AS (SELECT * FROM p) SELECT q.n FROM q WHERE {INNER}",
    f"WITH q AS (SELECT n, ra, dec FROM s.Object) SELECT q.n FROM q JOIN q AS r ON q.n = r.n WHERE {INNER} "
    f"AND {cone('r.ra', 'r.dec')}",
    f"SELECT o.n FROM s.Object o LEFT JOIN TAP_UPLOAD.up u ON o.k = u.i + 100 WHERE {OWN}",
    f"SELECT o.n FROM TAP_UPLOAD.up u RIGHT JOIN s.Object o ON o.k = u.i + 100 WHERE {OWN}",
    f"SELECT o.n FROM TAP_UPLOAD.up u FULL JOIN s.Object o ON o.k = u.i + 100 WHERE {OWN}",
    f"SELECT o.n FROM s.Object o FULL JOIN TAP_UPLOAD.up u ON o.k = u.i + 100 WHERE {OWN}",
    f"SELECT n FROM s.Object o JOIN s.Object p USING (n) WHERE {OWN} AND {cone('p.ra', 'p.dec')}",
    f"SELECT n FROM s.Object o NATURAL JOIN s.Object p WHERE {OWN}",
    f"SELECT n FROM s.Object NATURAL JOIN (SELECT n, ra, dec FROM s.Object) AS q WHERE {cone('ra', 'dec')}",
    f"SELECT n FROM s.Object o WHERE {OWN} OR ({OWN} AND k = 1)",
    "SELECT n FROM s.Object o WHERE " + " OR ".join(cone("o.ra", "o.dec", r) for r in (0.05, 0.2, 0.1)),
]  # fmt: skip


@pytest.mark.parametrize("adql", CONES)
def test_a_cone_reads_few_row_groups_in_every_form(sky_file: Sky, adql: str) -> None:
    rows, groups = sky_file.run(adql)
    want = np.flatnonzero(separation(sky_file.ra, sky_file.dec, 62, -37) <= 0.2)
    assert {row[0] for row in rows} == set(want.tolist()) and len(rows) == len(want) > 20
    assert groups and max(groups) <= GROUPS // 8, groups


def within(sky: Sky, west: float, east: float, south: float, north: float) -> np.ndarray:
    return (sky.ra >= west) & (sky.ra <= east) & (sky.dec >= south) & (sky.dec <= north)


BOXES = [
    "ra BETWEEN 61.8 AND 62.2 AND dec BETWEEN -37.2 AND -36.8",
    "ra >= 61.8 AND ra <= 62.2 AND -37.2 <= dec AND -36.8 >= dec",
    "(dec BETWEEN -37.2 AND -36.8) AND ra > 61.8 AND (ra BETWEEN 0 AND 62.2)",
    "scisql_s2PtInBox(ra, dec, 61.8, -37.2, 62.2, -36.8) = 1",
    "(k < 3 AND ra BETWEEN 61.8 AND 62.2 OR k >= 3 AND ra BETWEEN 61.8 AND 62.2) AND dec BETWEEN -37.2 AND -36.8 "
    "AND ra BETWEEN 60 AND 63",
]


@pytest.mark.parametrize("condition", BOXES)
def test_limits_of_coordinates_read_few_row_groups(sky_file: Sky, condition: str) -> None:
    rows, groups = sky_file.run(f"SELECT n FROM s.Object WHERE {condition}")
    assert {row[0] for row in rows} == set(np.flatnonzero(within(sky_file, 61.8, 62.2, -37.2, -36.8)).tolist()) != set()
    assert groups and max(groups) <= GROUPS // 4, groups


def test_polygons_boxes_and_cones_far_apart_joined_by_or(sky_file: Sky) -> None:
    places = [(62.0, -37.0), (10.0, 2.0), (200.0, 89.0), (120.0, -88.5)]
    near = [separation(sky_file.ra, sky_file.dec, ra, dec) <= 0.3 for ra, dec in places]
    condition = " OR ".join(f"CONTAINS(POINT(ra, dec), CIRCLE({ra}, {dec}, 0.3)) = 1" for ra, dec in places)
    rows, groups = sky_file.run(f"SELECT n FROM s.Object WHERE k >= 0 AND ({condition})")
    assert {row[0] for row in rows} == set(np.flatnonzero(np.any(near, axis=0)).tolist())
    assert groups and max(groups) <= GROUPS // 4
    for region in ("POLYGON(61.8, -37.2, 62.2, -37.2, 62, -36.8)", "BOX(62, -37, 0.4, 0.4)",
                   "REGION('BOX ICRS 62 -37 0.4 0.4')", "BOX(POINT(62, -37), 0.4, 0.4)"):  # fmt: skip
        rows, groups = sky_file.run(f"SELECT n FROM s.Object WHERE CONTAINS(POINT(ra, dec), {region}) = 1")
        assert rows and groups and max(groups) <= GROUPS // 8
    rows, groups = sky_file.run("SELECT n FROM s.Object WHERE CONTAINS(POINT(62, -37), BOX(ra, dec, 0.2, 0.2)) = 1")
    assert rows and groups and max(groups) <= GROUPS // 8


def pairs(sky: Sky, radius: float) -> list[tuple[int, int]]:
    return [
        (int(n), i) for i in range(5)
        for n in np.flatnonzero(separation(sky.ra, sky.dec, sky.up[0][i], sky.up[1][i]) <= radius)
    ]  # fmt: skip


NEAR = "DISTANCE(POINT(o.ra, o.dec), POINT(u.ra, u.dec)) <= {r}"
JOINS = [
    "FROM s.Object o JOIN TAP_UPLOAD.up u ON {near}",
    "FROM s.Object o, TAP_UPLOAD.up u WHERE {near}",
    "FROM TAP_UPLOAD.up u JOIN s.Object o ON CONTAINS(POINT(u.ra, u.dec), CIRCLE(o.ra, o.dec, {r})) = 1",
    "FROM TAP_UPLOAD.up u LEFT JOIN s.Object o ON {near}",
    "FROM s.Object o RIGHT JOIN TAP_UPLOAD.up u ON {near}",
    "FROM s.Object o JOIN (SELECT i, ra, dec FROM TAP_UPLOAD.up) AS u ON {near}",
    "FROM (SELECT n, ra, dec FROM s.Object) AS o JOIN TAP_UPLOAD.up AS u ON {near}",
]


@pytest.mark.parametrize("radius", [0.01, 0.1])
@pytest.mark.parametrize("form", JOINS)
def test_pairs_with_an_upload_read_few_row_groups(sky_file: Sky, form: str, radius: float) -> None:
    text = form.replace("{near}", NEAR).replace("{r}", str(radius))
    rows, groups = sky_file.run(f"SELECT o.n AS n, u.i AS i {text}")
    want = pairs(sky_file, radius)
    if "LEFT" in form or "RIGHT" in form:
        want += [(None, i) for i in range(5) if i not in {pair[1] for pair in want}]
    assert rows == sorted(want, key=str)
    assert groups and max(groups) <= GROUPS // 4, groups


OUTER = [
    ("LEFT JOIN s.Object b ON {near}", True, False),
    ("RIGHT JOIN s.Object b ON {near}", False, True),
    ("FULL JOIN s.Object b ON {near}", True, True),
]


@pytest.mark.parametrize(("join", "left", "right"), OUTER)
@pytest.mark.parametrize("cut", ["a", "b"])
def test_outer_joins_by_position_give_the_unmatched_once(sky_file: Sky, join: str, left: bool, right: bool, cut: str):
    near = "DISTANCE(POINT(a.ra, a.dec), POINT(b.ra, b.dec)) <= 0.02 AND a.n <> b.n"
    text = f"SELECT a.n AS x, b.n AS y FROM s.Object a {join.format(near=near)} WHERE {cone(f'{cut}.ra', f'{cut}.dec')}"
    rows, groups = sky_file.run(text)
    sky = sky_file
    here = np.flatnonzero(separation(sky.ra, sky.dec, 62, -37) <= 0.2)
    want = []
    for i in here.tolist():
        found = [
            j for j in np.flatnonzero(separation(sky.ra, sky.dec, sky.ra[i], sky.dec[i]) <= 0.02).tolist() if j != i
        ]
        keeps = left if cut == "a" else right
        want += [(i, j) if cut == "a" else (j, i) for j in found or ([None] if keeps else [])]
    assert rows == sorted(want, key=str)
    assert groups and max(groups) <= GROUPS // 8, groups


@pytest.mark.parametrize("form", ["JOIN", "LEFT JOIN"])
def test_an_upload_scattered_over_the_sky_reads_only_about_its_positions(sky_file: Sky, form: str) -> None:
    at = np.array([10, 6000, 12000, 18000])
    up = {"ra": np.append(sky_file.ra[at], np.nan), "dec": np.append(sky_file.dec[at], 0.0), "i": np.arange(5)}
    sky_file.connection.register("far", pa.table(up))
    columns = sky_file.uploads["up"].columns
    table = TableDef("TAP_UPLOAD", "up", columns, "far", values=up.__getitem__)
    text = f"SELECT o.n AS n, u.i AS i FROM TAP_UPLOAD.up u {form} s.Object o ON {NEAR.format(r=0.001)}"
    rows, groups = sky_file.run(text, {"up": table})
    want = [
        (int(n), i) for i in range(4)
        for n in np.flatnonzero(separation(sky_file.ra, sky_file.dec, up["ra"][i], up["dec"][i]) <= 0.001)
    ]  # fmt: skip
    assert rows == sorted(want + ([(None, 4)] if form == "LEFT JOIN" else []), key=str)
    assert groups and max(groups) <= GROUPS // 8, groups


def test_circles_about_many_positions_are_covered() -> None:
    rng = np.random.default_rng(3)
    for radius in (1e-4, 0.01, 1.0, 20.0):
        ra, dec = rng.uniform(0, 360, 20), np.degrees(np.arcsin(rng.uniform(-1, 1, 20)))
        ranges = points_ranges(ra, dec, radius, 64)
        near_dec = np.clip(dec + rng.uniform(-1, 1, 20) * radius, -90, 90)
        reach = np.sqrt(np.maximum(0, radius**2 - (near_dec - dec) ** 2)) * 0.99
        at = pixels((ra + rng.uniform(-1, 1, 20) * reach) % 360, near_dec)
        assert len(ranges) <= 64 and all(any(first <= p <= last for first, last in ranges) for p in at)
    assert points_ranges(np.array([1.0]), np.array([2.0]), 60.0, 64) is None


def test_outer_joins_of_uploads_keep_rows_without_a_position(sky_file: Sky) -> None:
    sky_file.connection.execute("CREATE OR REPLACE TABLE up_null AS FROM up UNION ALL SELECT 5, NULL, -37.0")
    table = sky_file.uploads["up"]
    uploads = {"up": TableDef("TAP_UPLOAD", "up", table.columns, "up_null", ("ra", "dec"))}
    near = NEAR.format(r=0.001)
    for text in (f"TAP_UPLOAD.up u LEFT JOIN s.Object o ON {near}", f"s.Object o RIGHT JOIN TAP_UPLOAD.up u ON {near}"):
        sql = compile_adql(f"SELECT DISTINCT u.i FROM {text}", sky_file.catalog, uploads).sql
        assert sorted(row[0] for row in sky_file.connection.execute(sql).fetchall()) == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize("seed", range(3))
def test_rectangles_are_covered(seed: int) -> None:
    rng = np.random.default_rng(seed)
    for _ in range(25):
        west, width = rng.uniform(0, 360), 10 ** rng.uniform(-3, 2.2)
        south = rng.uniform(-90, 89)
        north = min(90.0, south + 10 ** rng.uniform(-3, 1.8))
        ranges = rectangle(west, west + width, south, north)
        ra, dec = rng.uniform(west, west + width, 300) % 360, rng.uniform(south, north, 300)
        at = pixels(ra, dec)
        inside = np.zeros(300, bool)
        for first, last in ranges:
            inside |= (at >= first) & (at <= last)
        assert inside.all() and len(ranges) <= 4


def test_ranges_are_merged_over_the_narrowest_gaps() -> None:
    ranges = [(0, 4), (5, 9), (20, 30), (25, 40), (100, 110), (113, 120)]
    assert merged(ranges, 9) == [(0, 9), (20, 40), (100, 110), (113, 120)]
    assert merged(ranges, 3) == [(0, 9), (20, 40), (100, 120)]
    assert merged(ranges, 1) == [(0, 120)] and merged([], 3) == []


def test_pixels_are_handed_on_only_where_they_are_asked_for(sky_file: Sky) -> None:
    def sql(adql: str) -> str:
        return compile_adql(adql, sky_file.catalog).sql

    assert "pixel" not in sql("SELECT q.n FROM (SELECT n, ra, dec FROM s.Object) AS q WHERE q.n = 1")
    assert "pixel" not in sql(f"SELECT q.n FROM (SELECT n, ra + 1 AS ra, dec FROM s.Object) AS q WHERE {INNER}")
    # Merged by an outer join a column may be the other table's, of which the pixel says nothing.
    full = "SELECT n FROM s.Object FULL JOIN (SELECT ra, dec, k AS c FROM s.Object) AS q USING (ra, dec) WHERE "
    assert "_healpix_29" not in sql(full + cone("ra", "dec"))
    assert _names(sky_file, f"SELECT * FROM (SELECT * FROM s.Object) AS q WHERE {INNER}") == ["n", "ra", "dec", "k"]


def _names(sky: Sky, adql: str) -> list[str]:
    return [column[0] for column in sky.connection.execute(compile_adql(adql, sky.catalog).sql).description]


def test_a_query_that_draws_by_lot_is_drawn_once(sky_file: Sky) -> None:
    text = (
        "WITH q AS (SELECT n, ra, dec, RAND() AS x FROM s.Object) "
        f"SELECT q.x - r.x AS d FROM q JOIN q AS r ON q.n = r.n WHERE {INNER}"
    )
    rows, _ = sky_file.run(text)
    assert rows and {row[0] for row in rows} == {0.0}
