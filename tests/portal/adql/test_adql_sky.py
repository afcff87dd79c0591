"""Geometry against brute force in numpy: cones, polygons, outlines, positional joins."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from portal.adql.compile import Catalog, TableDef, compile_adql
from portal.adql.cover import cone_ranges, unit_vectors
from portal.errors import QueryError
from portal.table.columns import Column

FIRST_ID = 2**60
PLACES = [
    (0, 90),
    (10, -90),
    (0, 0),
    (359.9999, 0),
    (45, 41.8103149),
    (90, 0),
    (180, 89.9),
    (62, -37),
    (0.0001, -89.99),
]


def ids(run, condition: str, **options) -> set[int]:
    return set(run(f"SELECT objectId FROM sky.Object WHERE {condition}", **options)["objectId"].to_pylist())


def separation(ra, dec, ra0, dec0) -> np.ndarray:
    """Degrees, by vectors rather than by the haversine of the compiler."""
    one, other = unit_vectors(ra, dec), unit_vectors(ra0, dec0)
    return np.degrees(np.arctan2(np.linalg.norm(np.cross(one, other), axis=-1), (one * other).sum(axis=-1)))


def as_ids(mask: np.ndarray) -> set[int]:
    return set((FIRST_ID + np.flatnonzero(mask)).tolist())


def cones(count: int, seed: int) -> list[tuple[float, float, float]]:
    rng = np.random.default_rng(seed)
    found = []
    for number in range(count):
        ra, dec = PLACES[number % len(PLACES)] if number % 2 else (rng.uniform(0, 360), rng.uniform(-90, 90))
        found.append((float(ra), float(dec), float(10 ** rng.uniform(-3, 1.9))))
    return found


def test_cones_are_exact_everywhere(run, sky):
    _, _, ra, dec = sky
    found = 0
    for ra0, dec0, radius in cones(90, 3):
        got = ids(
            run, f"CONTAINS(POINT('ICRS', coord_ra, coord_dec), CIRCLE('ICRS', {ra0!r}, {dec0!r}, {radius!r})) = 1"
        )
        want = as_ids(separation(ra, dec, ra0, dec0) <= radius)
        assert got == want, (ra0, dec0, radius)
        found += len(want)
    assert found > 5_000


@pytest.mark.parametrize(
    "condition",
    [
        "CONTAINS(POINT(coord_ra, coord_dec), CIRCLE(62, -37, 0.7)) = 1",
        "1 = CONTAINS(POINT('ICRS', coord_ra, coord_dec), CIRCLE(POINT(62, -37), 0.7))",
        "CONTAINS(POINT('ICRS', coord_ra, coord_dec), CIRCLE('ICRS', 62., -37e0, 7/10.)) <> 0",
        "NOT CONTAINS(POINT(coord_ra, coord_dec), CIRCLE(62, -37, 0.7)) = 0",
        "(CONTAINS(POINT(coord_ra, coord_dec), CIRCLE(422, -37, 0.7)) = 1)",
        "DISTANCE(POINT(coord_ra, coord_dec), POINT(62, -37)) < 0.7",
        "0.7 >= DISTANCE(coord_ra, coord_dec, 62, -37)",
        "DISTANCE(POINT(62, -37), POINT(coord_ra, coord_dec)) + 0 < 0.7",
        "scisql_s2PtInCircle(coord_ra, coord_dec, 62, -37, 0.7) = 1",
        "scisql_angSep(coord_ra, coord_dec, 62, -37) < 0.7",
        "CONTAINS(POINT(62, -37), CIRCLE(coord_ra, coord_dec, 0.7)) = 1",
        "INTERSECTS(CIRCLE(coord_ra, coord_dec, 0.3), CIRCLE(62, -37, 0.4)) = 1",
        "CONTAINS(CIRCLE(coord_ra, coord_dec, 0.3), CIRCLE(62, -37, 1)) = 1",
        "CONTAINS(POINT(coord_ra, coord_dec), CIRCLE(62, -37, 0.7)) = 1 OR objectId = 0",
    ],
)
def test_every_spelling_of_a_cone(run, sky, condition):
    _, _, ra, dec = sky
    assert ids(run, condition) == as_ids(separation(ra, dec, 62, -37) <= 0.7)


def test_outside_a_cone_and_the_value_of_contains(run, sky):
    _, _, ra, dec = sky
    far = separation(ra, dec, 62, -37) > 0.7
    assert ids(run, "CONTAINS(POINT(coord_ra, coord_dec), CIRCLE(62, -37, 0.7)) = 0") == as_ids(far)
    got = run("SELECT CONTAINS(POINT(coord_ra, coord_dec), CIRCLE(62, -37, 0.7)) AS c, COUNT(*) AS n "
              "FROM sky.Object GROUP BY c ORDER BY c")  # fmt: skip
    assert got.to_pylist() == [{"c": 0, "n": int(far.sum())}, {"c": 1, "n": int((~far).sum())}]


def test_the_pixel_column_is_used_for_the_tables_own_position_only(sky):
    _, catalog, _, _ = sky
    own = "SELECT objectId FROM sky.Object WHERE CONTAINS(POINT(coord_ra, coord_dec), CIRCLE(62, -37, 0.1)) = 1"
    assert compile_adql(own, catalog).sql.count("_healpix_29") <= 5
    assert "_healpix_29" in compile_adql(own, catalog).sql
    other = own.replace("coord_ra,", "coord_ra + 1,")
    assert "_healpix_29" not in compile_adql(other, catalog).sql


def test_few_ranges_and_not_much_more_sky_than_asked():
    ratios = []
    for ra, dec, radius in cones(300, 5):
        ranges = cone_ranges(ra, dec, radius)
        assert 1 <= len(ranges) <= 4
        part = sum(last - first + 1 for first, last in ranges) / (12 * 4**29)
        ratios.append(part / ((1 - np.cos(np.radians(radius))) / 2))
    assert np.median(ratios) < 4


def winding(ra: np.ndarray, dec: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """Inside by the sum of angles under which the edges are seen, on the gnomonic plane about the corners' mean."""
    middle = unit_vectors(corners[:, 0], corners[:, 1]).sum(axis=0)
    middle /= np.linalg.norm(middle)
    east = np.cross([0.123, 0.456, 0.789], middle)
    east /= np.linalg.norm(east)
    north = np.cross(middle, east)

    def plane(ra, dec):
        v = unit_vectors(ra, dec)
        depth = v @ middle
        with np.errstate(invalid="ignore"):
            return (v @ east + 1j * (v @ north)) / np.where(depth > 0, depth, np.nan), depth > 0

    points, front = plane(ra, dec)
    edges, _ = plane(corners[:, 0], corners[:, 1])
    with np.errstate(invalid="ignore", divide="ignore"):
        angles = np.angle((np.roll(edges, -1)[None, :] - points[:, None]) / (edges[None, :] - points[:, None]))
    return front & (np.abs(np.nansum(angles, axis=1)) > np.pi)


def polygons(count: int, seed: int) -> list[np.ndarray]:
    """Stars about a centre, most of them concave: corners (n, 2) in degrees."""
    rng = np.random.default_rng(seed)
    found = []
    for number in range(count):
        ra0, dec0 = PLACES[number % len(PLACES)] if number % 2 else (rng.uniform(0, 360), rng.uniform(-90, 90))
        corners = rng.integers(3, 9)
        turns = np.sort(rng.uniform(0, 2 * np.pi, corners)) + rng.uniform(0, 6)
        if np.diff(np.append(turns, turns[0] + 2 * np.pi)).max() > 2.9:
            continue
        size = 10 ** rng.uniform(-1, 1.3)
        reach = np.radians(size * rng.uniform(0.3, 1, corners))
        middle = unit_vectors(ra0, dec0)
        east = unit_vectors(ra0 + 90, 0)
        north = np.cross(middle, east)
        v = np.cos(reach)[:, None] * middle + np.sin(reach)[:, None] * (
            np.cos(turns)[:, None] * north + np.sin(turns)[:, None] * east
        )
        ra, dec = np.degrees(np.arctan2(v[:, 1], v[:, 0])) % 360, np.degrees(np.arcsin(v[:, 2]))
        found.append(np.column_stack([ra, dec])[:: rng.choice([-1, 1])])
    return found


def test_polygons_convex_and_concave(run, sky):
    _, _, ra, dec = sky
    total = 0
    for corners in polygons(50, 7):
        want = as_ids(winding(ra, dec, corners))
        listed = ", ".join(repr(float(x)) for x in corners.ravel())
        got = ids(run, f"CONTAINS(POINT('ICRS', coord_ra, coord_dec), POLYGON('ICRS', {listed})) = 1")
        assert got == want, corners
        total += len(want)
    assert total > 1000


def test_polygon_of_points_and_box(run, sky):
    _, _, ra, dec = sky
    square = np.array([[61, -38], [63, -38], [63, -36], [61, -36]], float)
    points = ", ".join(f"POINT({a}, {d})" for a, d in square)
    want = as_ids(winding(ra, dec, square))
    assert ids(run, f"CONTAINS(POINT(coord_ra, coord_dec), POLYGON({points})) = 1") == want
    listed = ", ".join(str(x) for x in square.ravel())
    assert ids(run, f"scisql_s2PtInCPoly(coord_ra, coord_dec, {listed}) = 1") == want
    # The middle of a side of a box is half its size away from the centre.
    near = separation(ra, dec, 62, -37) < 0.5
    box = ids(run, "CONTAINS(POINT(coord_ra, coord_dec), BOX(62, -37, 1, 1)) = 1")
    assert as_ids(near) <= box <= as_ids(separation(ra, dec, 62, -37) < 0.7072)
    assert len(box) / near.sum() == pytest.approx(4 / np.pi, rel=0.1)
    inside = (ra > 61) & (ra < 63) & (dec > -38) & (dec < -36)
    assert ids(run, "scisql_s2PtInBox(coord_ra, coord_dec, 61, -38, 63, -36) = 1") == as_ids(inside)
    circle = ids(run, "scisql_s2PtInEllipse(coord_ra, coord_dec, 62, -37, 2520, 2520, 30) = 1")
    assert circle == as_ids(separation(ra, dec, 62, -37) <= 0.7)


def test_outlines_of_images(sky):
    connection, catalog, _, _ = sky
    shapes = polygons(40, 11)
    rows = [("POLYGON ICRS " + " ".join(repr(float(x)) for x in shape.ravel())) for shape in shapes]
    rows += ["CIRCLE ICRS 62 -37 0.5", "POLYGON FK5 61 -38 63 -38 63 -36 61 -36", None, "", "nothing"]
    cursor = connection.cursor()
    cursor.execute('DELETE FROM "sky.ObsCore"')
    cursor.register("outlines", pa.table({"obs_id": [str(i) for i in range(len(rows))], "s_region": rows}))
    cursor.execute('INSERT INTO "sky.ObsCore" FROM outlines')
    rng = np.random.default_rng(4)
    hits = 0
    for ra, dec in [*PLACES, *((rng.uniform(0, 360), rng.uniform(-90, 90)) for _ in range(30))]:
        sql = compile_adql(
            f"SELECT obs_id FROM sky.ObsCore WHERE CONTAINS(POINT({float(ra)!r}, {float(dec)!r}), s_region) = 1",
            catalog,
        ).sql
        got = {int(row[0]) for row in cursor.execute(sql).fetchall()}
        want = {i for i, shape in enumerate(shapes) if winding(np.array([ra]), np.array([dec]), shape)[0]}
        if separation(ra, dec, 62, -37) < 0.5:
            want |= {len(shapes), len(shapes) + 1}
        assert got == want
        hits += len(got)
    assert hits > 10


def test_circle_that_touches_an_outline(sky):
    connection, catalog, _, _ = sky
    cursor = connection.cursor()
    cursor.execute('DELETE FROM "sky.ObsCore"')
    cursor.execute("INSERT INTO \"sky.ObsCore\" VALUES ('a', 'POLYGON ICRS 61 -38 63 -38 63 -36 61 -36')")

    def touches(ra: float, dec: float, radius: float) -> bool:
        query = f"SELECT obs_id FROM sky.ObsCore WHERE INTERSECTS(CIRCLE({ra}, {dec}, {radius}), s_region) = 1"
        return bool(cursor.execute(compile_adql(query, catalog).sql).fetchall())

    assert touches(62, -37, 0.1)  # within
    assert touches(62, -38.5, 0.6) and not touches(62, -38.5, 0.4)  # an edge
    assert touches(63.5, -38.3, 0.6) and not touches(63.5, -38.3, 0.3)  # a corner
    assert not touches(242, 37, 1)  # the other side of the sky


@pytest.mark.parametrize(
    ("polygon", "meets"),
    [
        ("61.5, -37.5, 62.5, -37.5, 62, -36.5", True),  # within
        ("50, -45, 75, -45, 75, -30, 50, -30", True),  # around
        ("62.5, -37, 65, -37, 65, -36.5", True),  # over an edge
        ("60, -37.2, 64, -37.2, 64, -36.8, 60, -36.8", True),  # across, no corner of one in the other
        ("63.5, -37, 65, -37, 65, -36.5", False),
        ("242, 38, 240, 37, 242, 36, 244, 37", False),  # the other side of the sky
    ],
)
def test_polygon_that_meets_an_outline(sky, polygon, meets):
    connection, catalog, _, _ = sky
    cursor = connection.cursor()
    cursor.execute('DELETE FROM "sky.ObsCore"')
    cursor.execute("INSERT INTO \"sky.ObsCore\" VALUES ('a', 'POLYGON ICRS 61 -38 63 -38 63 -36 61 -36')")
    fixed = "POLYGON(61, -38, 63, -38, 63, -36, 61, -36)"
    for pair in (f"s_region, POLYGON({polygon})", f"POLYGON({polygon}), {fixed}"):
        query = f"SELECT obs_id FROM sky.ObsCore WHERE INTERSECTS({pair}) = 1"
        assert bool(cursor.execute(compile_adql(query, catalog).sql).fetchall()) is meets


def upload(connection, ra, dec) -> dict[str, TableDef]:
    cursor = connection
    cursor.register("up", pa.table({"n": np.arange(len(ra)), "ra": ra, "dec": dec}))
    cursor.execute("CREATE OR REPLACE TABLE up_match AS FROM up")
    columns = (Column("n", "long"), Column("ra", "double", unit="deg"), Column("dec", "double", unit="deg"))
    return {"up": TableDef("TAP_UPLOAD", "up", columns, "up_match")}


@pytest.mark.parametrize("radius", [0.0003, 0.02, 2.0])
@pytest.mark.parametrize(
    "form",
    [
        "JOIN TAP_UPLOAD.up AS u WHERE CONTAINS(POINT(o.coord_ra, o.coord_dec), CIRCLE('ICRS', u.ra, u.dec, {r})) = 1",
        "JOIN TAP_UPLOAD.up AS u ON DISTANCE(POINT(o.coord_ra, o.coord_dec), POINT(u.ra, u.dec)) <= {r}",
        "LEFT JOIN TAP_UPLOAD.up AS u ON DISTANCE(POINT(o.coord_ra, o.coord_dec), POINT(u.ra, u.dec)) <= {r} "
        "WHERE u.n IS NOT NULL",
    ],
)
def test_positional_joins(sky, form, radius):
    connection, catalog, ra, dec = sky
    rng = np.random.default_rng(9)
    some = rng.choice(len(ra), 120, replace=False)
    up_ra = (ra[some] + rng.normal(0, radius, 120)) % 360
    up_dec = np.clip(dec[some] + rng.normal(0, radius, 120), -90, 90)
    up_ra[:4], up_dec[:4] = [0, 359.99999, 12, 200], [0, 0, 90, -90]
    uploads = upload(connection, up_ra, up_dec)
    text = f"SELECT o.objectId AS id, u.n AS n FROM sky.Object AS o {form.format(r=radius)}"
    compiled = compile_adql(text, catalog, uploads)
    got = sorted(connection.cursor().execute(compiled.sql).fetchall())
    want = sorted(
        (FIRST_ID + int(i), n)
        for n in range(120)
        for i in np.flatnonzero(separation(ra, dec, up_ra[n], up_dec[n]) <= radius)
    )
    assert got == want
    assert "_cell" in compiled.sql


def test_neighbours_within_a_table(run, sky):
    _, _, ra, dec = sky
    got = run(
        "SELECT a.objectId AS one, b.objectId AS other, DISTANCE(POINT(a.coord_ra, a.coord_dec), "
        "POINT(b.coord_ra, b.coord_dec)) AS d FROM sky.Object a, sky.Object b "
        "WHERE CONTAINS(POINT(a.coord_ra, a.coord_dec), CIRCLE(62, -37, 0.3)) = 1 AND a.objectId <> b.objectId "
        "AND DISTANCE(POINT(a.coord_ra, a.coord_dec), POINT(b.coord_ra, b.coord_dec)) < 0.05"
    )
    pairs = set(zip(got["one"].to_pylist(), got["other"].to_pylist()))
    here = np.flatnonzero(separation(ra, dec, 62, -37) <= 0.3)
    want = {
        (FIRST_ID + int(i), FIRST_ID + int(j))
        for i in here
        for j in np.flatnonzero(separation(ra, dec, ra[i], dec[i]) < 0.05)
        if i != j
    }
    assert pairs == want and want


def test_values_of_geometry(run):
    row = run(
        "SELECT AREA(CIRCLE(0, 0, 180)) AS sphere, AREA(POLYGON(0, 0, 90, 0, 0, 90)) AS octant, "
        "COORD1(POINT(12, 34)) AS ra, COORD2(CENTROID(CIRCLE(1, 2, 3))) AS dec, POINT(5, 6) AS p, "
        "COORD2(CENTROID(POLYGON(0, 0, 90, 0, 0, 90))) AS middle, DISTANCE(POINT(0, 0), POINT(0, 90)) AS d"
    ).to_pylist()[0]
    assert row["sphere"] == pytest.approx(41252.96, abs=0.01)
    assert row["octant"] == pytest.approx(41252.96 / 8, abs=0.01)
    assert (row["ra"], row["dec"], row["p"]) == (12, 2, [5, 6])
    assert row["middle"] == pytest.approx(35.264, abs=0.001)
    assert row["d"] == pytest.approx(90)


@pytest.mark.parametrize(
    ("text", "column", "word"),
    [
        ("CONTAINS(POINT('GALACTIC', coord_ra, coord_dec), CIRCLE(62, -37, 0.1)) = 1", 53, "ICRS"),
        ("CONTAINS(POINT(coord_ra, coord_dec), CIRCLE(62, -137, 0.1)) = 1", 0, "declination"),
        ("CONTAINS(POINT(coord_ra, coord_dec), CIRCLE(62, -37, -1)) = 1", 0, "negative"),
        ("CONTAINS(POINT(coord_ra, coord_dec), POLYGON(62, -37, 63)) = 1", 0, "declination"),
        ("CONTAINS(POINT(coord_ra, coord_dec), POLYGON(62, -37, 63, -37)) = 1", 0, "corners"),
        ("CONTAINS(POINT(coord_ra, coord_dec), band) = 1", 0, "band"),
        ("CONTAINS(CIRCLE(1, 2, 3), POINT(coord_ra, coord_dec)) = 1", 0, "CONTAINS needs"),
    ],
)
def test_geometry_that_cannot_be(run, text, column, word):
    with pytest.raises(QueryError, match=word) as caught:
        ids(run, text)
    assert caught.value.line == 1 and caught.value.column >= max(column, 30)


def test_catalogue_without_pixels_gives_the_same(sky):
    connection, catalog, ra, dec = sky
    table = catalog.find("sky.object")
    plain = Catalog([TableDef("sky", "Object", table.columns, table.engine_name, table.position)])
    text = "SELECT objectId FROM sky.Object WHERE CONTAINS(POINT(coord_ra, coord_dec), CIRCLE(0, 0, 1.5)) = 1"
    got = {row[0] for row in connection.cursor().execute(compile_adql(text, plain).sql).fetchall()}
    assert got == as_ids(separation(ra, dec, 0, 0) <= 1.5)
