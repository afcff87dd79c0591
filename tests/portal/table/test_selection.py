"""Selections: predicates that keep exactly the rows of a region, against independent geometry."""

import math

import numpy as np
import pyarrow as pa
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord

from portal.errors import LimitError, QueryError
from portal.table.columns import Column, TableMeta
from portal.table.result import ResultTable, RowView
from portal.table.selection import (
    Clause,
    box_clause,
    circle_clause,
    polygon_clause,
    range_clause,
    rows_clause,
    selection_sql,
    sky_polygon_clause,
    with_clause,
)


@pytest.fixture(scope="module")
def sky(tmp_path_factory):
    """20,000 positions over the whole sky and 20,000 near RA 0, with nulls."""
    random = np.random.default_rng(3)
    ra = np.r_[random.uniform(0, 360, 20_000), random.uniform(-2, 2, 20_000) % 360]
    dec = np.r_[np.degrees(np.arcsin(random.uniform(-1, 1, 20_000))), random.uniform(-2, 2, 20_000)]
    hole = random.random(len(ra)) < 0.01
    meta = TableMeta((Column("ra", unit="deg"), Column("dec", unit="deg")))
    table = pa.table([pa.array(ra, mask=hole), pa.array(dec)], schema=meta.to_schema())
    return ResultTable.from_arrow(tmp_path_factory.mktemp("sky") / "r", meta, table), np.where(hole, np.nan, ra), dec


@pytest.mark.parametrize(
    ("centre", "radius"), [((0.5, 0.1), 1.0), ((359.9, -1), 0.5), ((120, 89.5), 3), ((10, -90), 20), ((50, 20), 170)]
)
def test_circles_on_the_sky(sky, centre, radius):
    result, ra, dec = sky
    kept = result.where(circle_clause("ra", "dec", centre, radius).sql)
    good = ~np.isnan(ra)
    away = SkyCoord(np.nan_to_num(ra) * u.deg, dec * u.deg).separation(SkyCoord(*centre, unit="deg")).deg
    assert kept.tolist() == np.flatnonzero(good & (away <= radius)).tolist()


@pytest.mark.parametrize(
    "corners",
    [
        [(359, -1), (1, -1), (1, 1), (359, 1)],
        [(359, -1), (1.5, -1.2), (0, 0), (1, 1), (359, 1)],
        [(40, 20), (60, 20), (55, 45), (50, 25), (42, 50)],
        [(0, 80), (90, 80), (180, 80), (270, 80)],
    ],
)
def test_polygons_on_the_sky(sky, corners):
    """Against signed great-circle crossings of the line to a point outside, done with vectors."""
    result, ra, dec = sky
    kept = set(result.where(sky_polygon_clause("ra", "dec", corners).sql).tolist())

    def vector(lon, lat):
        lon, lat = np.radians(lon), np.radians(lat)
        return np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat) * np.ones_like(lon)], -1)

    points, nodes = vector(ra, dec), vector(*np.array(corners, float).T)
    middle = nodes.mean(0) / np.linalg.norm(nodes.mean(0))
    # Winding of the corners as seen from each point: 0 outside, ±2 pi inside.
    near = points @ middle > 0.05
    winding = np.zeros(len(points))
    for a, b in zip(nodes, np.roll(nodes, -1, 0)):
        left, right = np.cross(points, a), np.cross(points, b)
        winding += np.arctan2(np.einsum("ij,ij->i", points, np.cross(left, right)), np.einsum("ij,ij->i", left, right))
    inside = near & (np.abs(winding) > math.pi)
    assert kept == set(np.flatnonzero(inside).tolist()) and len(kept) > 20


def test_boxes_ranges_and_lassos_on_a_chart(sky):
    result, ra, dec = sky
    rows = result.where(box_clause('"ra"', '"dec"', (50, 30), (-10, 10)).sql)
    assert rows.tolist() == np.flatnonzero((ra >= 30) & (ra <= 50) & (dec >= -10) & (dec <= 10)).tolist()
    rows = result.where(range_clause('"ra" * 2e0', (60, 100)).sql)
    assert rows.tolist() == np.flatnonzero((ra * 2 >= 60) & (ra * 2 <= 100)).tolist()
    shape = [(20, -40), (80, -40), (80, 40), (50, 0), (20, 40)]
    rows = result.where(polygon_clause('"ra"', '"dec"', shape).sql)
    points, nodes = np.nan_to_num(ra, nan=-1) + 1j * dec, np.array([x + 1j * y for x, y in shape])
    turns = sum(np.angle((b - points) / (a - points)) for a, b in zip(nodes, np.roll(nodes, -1)))
    inside = np.abs(turns) > math.pi
    assert rows.tolist() == np.flatnonzero(inside).tolist()
    assert result.count(RowView((), box_clause('"ra"', '"dec"', (-math.inf, math.inf), (0, 1)).sql)) > 100


def test_rows_by_number(sky):
    result, _, _ = sky
    for rows in ([], [5], [7, 8], [3, 1, 2, 9, 10, 11, 200], list(range(0, 40_000, 3)), list(range(1000, 30_000))):
        assert result.where(rows_clause(rows).sql).tolist() == sorted(rows)
    assert len(rows_clause(range(1_000_000)).sql) < 100
    assert rows_clause([4]).label == "row 5" and rows_clause([4, 9]).label == "2 rows"
    with pytest.raises(LimitError):
        rows_clause(range(0, 1_000_000, 2))


def test_clauses_join_and_a_view_skips_its_own():
    chart, sky_, table = Clause("chart", "a > 1", ""), Clause("sky", "b OR c", ""), Clause("table", "", "")
    assert selection_sql((chart, sky_, table)) == "(a > 1) AND (b OR c)"
    assert selection_sql((chart, sky_), skip_source="sky") == "(a > 1)"
    assert selection_sql(()) == ""
    clauses = with_clause((chart, sky_), Clause("chart", "a > 2", ""))
    assert selection_sql(clauses) == "(b OR c) AND (a > 2)"
    assert with_clause(clauses, Clause("chart", "", "")) == (sky_,)


def test_regions_that_are_none():
    for points in ([], [(0, 0), (1, 1)], [(0, 0), (1, 1), (0, 0)], [(0, 0), (1, 1), (math.nan, 2)]):
        with pytest.raises(QueryError):
            polygon_clause('"x"', '"y"', points)
        with pytest.raises(QueryError):
            sky_polygon_clause("ra", "dec", points)
    for centre, radius in (((0, 91), 1), ((0, 0), -1), ((math.nan, 0), 1), ((0, 0), math.inf)):
        with pytest.raises(QueryError):
            circle_clause("ra", "dec", centre, radius)
    with pytest.raises(QueryError):
        box_clause('"x"', '"y"', (0, math.nan), (0, 1))
    with pytest.raises(QueryError, match="too large"):
        sky_polygon_clause("ra", "dec", [(0, 0), (120, 0), (240, 0)])
    with pytest.raises(LimitError):
        polygon_clause('"x"', '"y"', [(at, at % 7) for at in range(600)])
