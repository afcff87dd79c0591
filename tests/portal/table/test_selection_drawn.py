"""Lassos and circles drawn anywhere on the sky, across RA 0 and over the poles, against plain vectors."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.table.columns import Column, TableMeta
from portal.table.result import ResultTable
from portal.table.selection import circle_clause, sky_polygon_clause

CENTRES = [(0.0, 0.0), (359.9, -37.0), (0.1, 60.0), (123.0, 90.0), (10.0, 89.5), (200.0, -90.0), (300.0, -88.0)]
angles = st.floats(0.12, 0.9)


def unit(ra: np.ndarray, dec: np.ndarray) -> np.ndarray:
    a, d = np.radians(ra), np.radians(dec)
    return np.stack([np.cos(d) * np.cos(a), np.cos(d) * np.sin(a), np.sin(d)], -1)


def about(centre: tuple[float, float], radius: np.ndarray, angle: np.ndarray) -> np.ndarray:
    """Directions at distances (degrees) and angles (radians) about a centre."""
    middle = unit(*centre)
    east = np.array([-np.sin(np.radians(centre[0])), np.cos(np.radians(centre[0])), 0.0])
    north = np.cross(middle, east)
    r = np.radians(radius)[:, None]
    return np.cos(r) * middle + np.sin(r) * (np.cos(angle)[:, None] * east + np.sin(angle)[:, None] * north)


def degrees(v: np.ndarray) -> np.ndarray:
    return np.stack([np.degrees(np.arctan2(v[:, 1], v[:, 0])) % 360, np.degrees(np.arcsin(v[:, 2].clip(-1, 1)))], 1)


@pytest.fixture(scope="module")
def sky(tmp_path_factory: pytest.TempPathFactory) -> tuple[ResultTable, np.ndarray]:
    rng = np.random.default_rng(6)
    places = [about(c, 8 * np.sqrt(rng.random(600)), rng.random(600) * 2 * np.pi) for c in CENTRES]
    ra, dec = degrees(np.concatenate(places)).T
    meta = TableMeta((Column("ra", unit="deg"), Column("dec", unit="deg")))
    rows = pa.table([pa.array(ra), pa.array(dec)], schema=meta.to_schema())
    return ResultTable.from_arrow(tmp_path_factory.mktemp("drawn") / "r", meta, rows), unit(ra, dec)


@settings(max_examples=30, deadline=None)
@given(st.sampled_from(CENTRES), st.lists(angles, min_size=3, max_size=24), st.floats(0.3, 7))
def test_a_lasso_marks_what_lies_on_the_inner_side_of_its_edges(sky, centre, turns, size) -> None:
    table, points = sky
    turn = np.cumsum(turns) * 2 * np.pi / np.sum(turns)
    reach = size * (0.4 + 0.6 * np.abs(np.sin(3 * turn + turns)))  # a star: concave, seen whole from its centre
    if np.diff(turn, prepend=turn[-1] - 2 * np.pi).max() > 2.5:
        return  # an edge would pass the centre on its other side
    corners = about(centre, reach, turn)
    kept = np.zeros(len(points), bool)
    kept[table.where(sky_polygon_clause("ra", "dec", degrees(corners).tolist()).sql)] = True
    middle, near = unit(*centre), points @ unit(*centre) > 0.5
    inside, border = np.zeros(len(points), bool), np.zeros(len(points), bool)
    for a, b in zip(corners, np.roll(corners, -1, 0)):
        # The wedge from the centre to this edge, and the side of the edge on which the centre lies.
        left, right, edge = np.cross(middle, a), np.cross(b, middle), np.cross(a, b)
        inside |= (points @ left >= 0) & (points @ right > 0) & (points @ edge > 0) & near
        border |= np.abs(points @ (edge / np.linalg.norm(edge))) < 1e-9
    assert np.array_equal(kept[~border], inside[~border])


@settings(max_examples=20, deadline=None)
@given(st.sampled_from(CENTRES), st.floats(-4, 1.5).map(lambda power: 10**power))
def test_a_circle_marks_what_is_no_farther_than_its_radius(sky, centre, radius) -> None:
    table, points = sky
    kept = np.zeros(len(points), bool)
    kept[table.where(circle_clause("ra", "dec", centre, radius).sql)] = True
    chord = np.linalg.norm(points - unit(*centre), axis=1)
    away = np.degrees(2 * np.arcsin(np.minimum(1, chord / 2)))
    clear = np.abs(away - radius) > 1e-9
    assert np.array_equal(kept[clear], (away <= radius)[clear])
