"""Regions in regions, STC-S, outlines and boxes row by row, the triangular mesh, functions of texts and bits."""

from __future__ import annotations

import math

import numpy as np
import pytest
from astropy import units as u
from astropy_healpix import core

from portal.adql.compile import compile_adql
from portal.adql.cover import unit_vectors
from portal.adql.functions import FUNCTIONS, LANGUAGE_FEATURES, find_function
from portal.errors import QueryError

SQUARE = "POLYGON(61, -38, 63, -38, 63, -36, 61, -36)"
# A region, another, whether the first lies in the second, whether they touch.
PAIRS = [
    ("CIRCLE(62, -37, 0.1)", SQUARE, 1, 1),
    ("CIRCLE(62, -37, 1.2)", SQUARE, 0, 1),
    ("CIRCLE(63.2, -37, 0.5)", SQUARE, 0, 1),
    ("CIRCLE(66, -37, 0.5)", SQUARE, 0, 0),
    (SQUARE, "CIRCLE(62, -37, 2)", 1, 1),
    (SQUARE, "CIRCLE(62, -37, 1.1)", 0, 1),
    ("CIRCLE(62, -37, 0.5)", "CIRCLE(62, -37.4, 1)", 1, 1),
    ("CIRCLE(62, -37, 0.7)", "CIRCLE(62, -37.4, 1)", 0, 1),
    ("POLYGON(61.5, -37.5, 62.5, -37.5, 62, -36.5)", SQUARE, 1, 1),
    ("POLYGON(61.5, -37.5, 63.5, -37.5, 62, -36.5)", SQUARE, 0, 1),
    # All corners in, but an edge leaves through the notch of a concave region.
    ("POLYGON(0.5, 4, 9.5, 4, 5, 0.5)", "POLYGON(0, 0, 10, 0, 10, 5, 5, 1, 0, 5)", 0, 1),
    (SQUARE, "BOX(62, -37, 4, 4)", 1, 1),
    ("BOX(62, -37, 0.5, 0.5)", SQUARE, 1, 1),
    ("REGION('CIRCLE ICRS GEOCENTER 62 -37 0.1')", "REGION('Polygon ICRS 61 -38 63 -38 63 -36 61 -36')", 1, 1),
    ("POLYGON(242, 38, 240, 37, 242, 36, 244, 37)", SQUARE, 0, 0),
]


def as_text(region: str) -> str:
    """The region as an outline that is known only row by row."""
    name, _, inside = region.partition("(")
    return f"{name} ICRS {inside.rstrip(')').replace(',', '')}"


@pytest.fixture
def outlines(sky):
    """``outlines(a, b)`` makes sky.ObsCore hold two rows with these texts."""
    connection, catalog, _, _ = sky

    def fill(*texts: str | None) -> None:
        connection.execute('DELETE FROM "sky.ObsCore"')
        for number, text in enumerate(texts):
            connection.execute('INSERT INTO "sky.ObsCore" VALUES (?, ?)', [str(number), text])

    def run(adql: str) -> list[tuple]:
        return connection.execute(compile_adql(adql, catalog).sql).fetchall()

    return fill, run


@pytest.mark.parametrize(("one", "other", "inside", "touching"), PAIRS)
def test_regions_in_regions(outlines, one, other, inside, touching) -> None:
    fill, run = outlines
    values = f"CONTAINS({one}, {other}) AS c, INTERSECTS({one}, {other}) AS t, INTERSECTS({other}, {one}) AS u"
    assert run(f"SELECT {values}") == [(inside, touching, touching)]
    if "BOX" in one + other or "REGION" in one + other:
        return
    fill(as_text(one), as_text(other))
    text = (
        "SELECT CONTAINS(a.s_region, b.s_region) AS c, INTERSECTS(a.s_region, b.s_region) AS t, "
        f"CONTAINS(a.s_region, {other}) AS d, INTERSECTS({other}, a.s_region) AS u "
        "FROM sky.ObsCore AS a, sky.ObsCore AS b WHERE a.obs_id = '0' AND b.obs_id = '1'"
    )
    assert run(text) == [(inside, touching, inside, touching)]


def test_areas_and_centres_row_by_row_are_those_of_constants(outlines) -> None:
    fill, run = outlines
    shapes = [
        SQUARE,
        "CIRCLE(10, 80, 3)",
        "POLYGON(350, -5, 10, -5, 10, 5, 350, 5)",
        "POLYGON(5, 85, 125, 85, 245, 85)",
    ]
    for shape in shapes:
        fill(as_text(shape))
        got = run(f"SELECT AREA(s_region) AS a, COORD1(CENTROID(s_region)) AS x, COORD2(CENTROID(s_region)) AS y, "
                  f"AREA({shape}) AS b, COORD1(CENTROID({shape})) AS v, COORD2(CENTROID({shape})) AS w, "
                  "COORDSYS(s_region) AS c FROM sky.ObsCore")[0]  # fmt: skip
        assert got[0] == pytest.approx(got[3], rel=1e-9) and got[2] == pytest.approx(got[5], abs=1e-9)
        assert math.cos(math.radians(got[1] - got[4])) == pytest.approx(1) or abs(got[2]) > 89.99
        assert got[6] == "ICRS"
    fill(None, "nothing")
    assert run("SELECT AREA(s_region) AS a, CENTROID(s_region) AS c FROM sky.ObsCore") == [(None, None)] * 2


def test_boxes_about_columns_are_boxes_about_constants(outlines) -> None:
    _, run = outlines
    for ra, dec in ((62.0, -37.0), (0.1, 0.0), (200.0, 88.0)):
        got = run(
            f"SELECT BOX({ra}, {dec}, 2, 1) AS a, BOX(q.x, q.y, 2, 1) AS b FROM (SELECT {ra} AS x, {dec} AS y) AS q"
        )[0]
        assert got[0] == pytest.approx(got[1], abs=1e-9)


def test_points_and_circles_that_a_query_hands_on(run, sky) -> None:
    text = (
        "SELECT COUNT(*) AS n FROM (SELECT POINT(coord_ra, coord_dec) AS p, CIRCLE(coord_ra, coord_dec, 0.1) AS c, "
        "POLYGON(coord_ra, coord_dec, coord_ra + 1, coord_dec, coord_ra, coord_dec + 1) AS g "
        "FROM sky.Object WHERE coord_dec BETWEEN -60 AND 60) AS q WHERE {}"
    )
    near = run(text.format("DISTANCE(q.p, POINT(62, -37)) <= 0.4"))["n"].to_pylist()
    assert near == run(text.format("CONTAINS(q.p, CIRCLE(62, -37, 0.4)) = 1"))["n"].to_pylist() != [0]
    assert near == run(text.format("INTERSECTS(CIRCLE(62, -37, 0.3), q.c) = 1"))["n"].to_pylist()
    assert run(text.format("CONTAINS(POINT(62, -37), q.g) = 1"))["n"].to_pylist()[0] > 100


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("REGION('UNION ICRS (CIRCLE 1 2 3 CIRCLE 4 5 6)')", "not simple STC-S"),
        ("REGION('CIRCLE FK5 1 2 3')", "ICRS, not FK5"),
        ("REGION('CIRCLE ICRS 1 2')", "does not have 2 numbers"),
        ("REGION('CIRCLE ICRS 1 2 -3')", "negative"),
        ("REGION('POLYGON ICRS 1 2 3 4 5')", "does not have 5 numbers"),
        ("REGION(band)", "single quotes"),
        ("CIRCLE('GALACTIC', 1, 2, 3)", "ICRS, not GALACTIC"),
        ("BOX(1, 2, 300, 4)", "between 0 and 170"),
        ("CENTROID(band)", "neither a point nor a region"),
    ],
)
def test_regions_that_are_none(sky, text, message) -> None:
    with pytest.raises(QueryError, match=message) as caught:
        compile_adql(f"SELECT {text} AS x FROM sky.Object", sky[1])
    assert caught.value.line == 1 and caught.value.column >= 8


def mesh(ra: float, dec: float, level: int) -> int:
    """The triangle of a position, by the definition: roots in the order of the ids, then four parts at each level."""
    p = unit_vectors(ra, dec)
    v = np.array([[0, 0, 1], [1, 0, 0], [0, 1, 0], [-1, 0, 0], [0, -1, 0], [0, 0, -1]], float)
    roots = [(1, 5, 2), (2, 5, 3), (3, 5, 4), (4, 5, 1), (1, 0, 4), (4, 0, 3), (3, 0, 2), (2, 0, 1)]

    def holds(t) -> float:
        return min(np.dot(np.cross(t[i], t[(i + 1) % 3]), p) for i in range(3))

    best = max(range(8), key=lambda i: holds(v[list(roots[i])]))
    found, t = 8 + best, v[list(roots[best])]
    for _ in range(level):
        w = [t[1] + t[2], t[0] + t[2], t[0] + t[1]]
        w = [x / np.linalg.norm(x) for x in w]
        parts = [np.array(x) for x in ((t[0], w[2], w[1]), (t[1], w[0], w[2]), (t[2], w[1], w[0]), tuple(w))]
        part = max(range(4), key=lambda i: holds(parts[i]))
        found, t = found * 4 + part, parts[part]
    return found


def test_the_triangular_mesh(outlines) -> None:
    _, run = outlines
    rng = np.random.default_rng(8)
    for _ in range(12):
        ra, dec = float(rng.uniform(-10, 370)), float(rng.uniform(-90, 90))
        level = int(rng.integers(0, 21))
        text = (
            f"SELECT scisql_s2HtmId({ra!r}, {dec!r}, {level}) AS h, scisql_s2HtmLevel(scisql_s2HtmId({ra!r}, {dec!r}, "
        )
        assert run(f"{text}{level})) AS l") == [(mesh(ra, dec, level), level)]
    assert run("SELECT scisql_s2HtmId(1, 2, 99) AS a, scisql_s2HtmLevel(7) AS b, scisql_s2HtmLevel(20) AS c") == [
        (None, -1, -1)
    ]


@pytest.mark.parametrize("order", [0, 1, 6, 13, 29])
def test_healpix_of_any_position(sky, order) -> None:
    """Against the library and, but for edges, against the pixel that the table has."""
    connection, catalog, ra, dec = sky
    text = f"SELECT ivo_healpix_index({order}, coord_ra + 0, coord_dec + 0) AS p FROM sky.Object ORDER BY objectId"
    got = connection.sql(compile_adql(text, catalog).sql).to_arrow_table()["p"].to_numpy()
    want = core.lonlat_to_healpix(ra * u.deg, dec * u.deg, 2**order, order="nested")
    # At order 29 a pixel is as narrow as the last digits of a position.
    assert (got == want).mean() > (0.9999 if order < 20 else 0.5) and (np.abs(got - want) < 2**40).mean() > 0.99
    outside = "SELECT ivo_healpix_index(3, 1, 95) AS a, ivo_healpix_index(3, NULL, 5) AS b"
    with pytest.raises(QueryError, match="declination"):
        compile_adql(outside, catalog)


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("BIT_AND(6, 3)", 2), ("BIT_OR(6, 3)", 7), ("BIT_XOR(6, 3)", 5), ("BIT_NOT(5)", -6), ("BIT_AND(6, 3) * 2", 4),
        ("2 * MOD(5, 3)", 4), ("12 / TRUNCATE(3.9)", 4.0), ("- COORD2(POINT(1, -2))", 2.0),
        ("COORD1(POINT(1 + 2, 3)) * 2", 6.0), ("REPLACE('abc', 'b', 'x')", "axc"), ("INSTR('abc', 'c')", 3),
        ("LTRIM(' a ') || '|'", "a |"), ("RTRIM(' a ') || '|'", " a|"), ("CHARACTER_LENGTH('abc')", 3),
        ("ivo_nocasematch('Abc', 'a%')", 1), ("ivo_hasword('the Red star', 'red')", 1),
        ("ivo_hasword('startle', 'star')", 0), ("ivo_hashlist_has('a#B', 'b')", 1),
        ("ivo_interval_overlaps(1, 2, 2, 3)", 1), ("ivo_interval_overlaps(1, 2, 2.5, 3)", 0),
        ("NULLIF('{1}', '{0}')", "{1}"), ("CONCAT('{0}', '{*}', '{1}')", "{0}{*}{1}"),
        ("NULLIF('{1}', ') FROM x --')", "{1}"), ("DISTANCE(1, 2, NULL, 3)", None),
        ("scisql_s2PtInCPoly(1, 1, scisql_s2CPolyToBin(0, 0, 3, 0, 0, 3))", 1),
    ],
)  # fmt: skip
def test_values_of_functions(outlines, text, want) -> None:
    _, run = outlines
    got = run(f"SELECT {text} AS x")[0][0]
    assert got == want if not isinstance(want, float) else got == pytest.approx(want)


def test_a_group_by_the_name_of_a_number_is_not_by_place(outlines) -> None:
    _, run = outlines
    assert run("SELECT 8 AS o, COUNT(*) AS n FROM sky.Visit GROUP BY o") == [(8, 10)]


def test_the_list_of_functions_tells_all_that_others_need() -> None:
    for function in FUNCTIONS:
        assert function.form.upper().startswith(f"{function.name.upper()}(") and ") -> " in function.form
        assert "..." not in function.form and "'" not in function.form
    assert find_function("ivo_hasword").form == "ivo_hasword(text VARCHAR, word VARCHAR) -> INTEGER"
    assert find_function("bit_and").form == "BIT_AND(x BIGINT, y BIGINT) -> BIGINT"
    for words in LANGUAGE_FEATURES.values():
        assert words
