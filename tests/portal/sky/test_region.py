"""Outlines: every spelling that services use, the places where longitudes and poles bite, and what is refused."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.errors import LimitError
from portal.sky import outlines, region
from portal.sky.outlines import read_outlines
from portal.sky.region import parse_region


def apart(loop: np.ndarray, ra: float, dec: float) -> np.ndarray:
    return SkyCoord(loop, unit="deg").separation(SkyCoord(ra, dec, unit="deg")).deg


@pytest.mark.parametrize(
    "text",
    [
        "POLYGON ICRS 10 20 11 20 11 21",
        "polygon 10 20 11 20 11 21 10 20",
        "Polygon ICRS TOPOCENTER SPHERICAL2 10 20 11 20 11 21 unit deg",
        "Polygon J2000 fillfactor 0.9 370 20 371 20 371 21",
        "POLYGON ICRS 600 1200 660 1200 660 1260 unit arcmin",
        "Union ICRS (Polygon 10 20 11 20 11 21)",
        "UNION ICRS ( UNION ( POLYGON UNKNOWNFRAME 1.0E1 20. 11 +20 11 21 ) )",
    ],
)
def test_a_polygon_is_read_in_every_spelling(text: str) -> None:
    (loop,) = parse_region(text)
    assert np.allclose(loop, [(10, 20), (11, 20), (11, 21)])


def test_round_shapes_lie_about_their_centre_also_at_the_pole_and_across_ra_zero() -> None:
    for ra, dec in ((0.0, 90.0), (359.9999, 0.0), (62.0, -37.0), (10.0, -89.9)):
        (circle,) = parse_region(f"CIRCLE ICRS {ra} {dec} 0.5")
        assert np.allclose(apart(circle, ra, dec), 0.5, atol=1e-9)
        (ellipse,) = parse_region(f"ELLIPSE ICRS {ra} {dec} 2 1 30")
        far = apart(ellipse, ra, dec)
        assert (far.min(), far.max()) == pytest.approx((1, 2), abs=1e-3)
    tip = SkyCoord(*ellipse[0], unit="deg")
    assert SkyCoord(10, -89.9, unit="deg").position_angle(tip).deg == pytest.approx(30, abs=1e-6)


def test_a_box_is_as_wide_as_it_says_in_the_middle() -> None:
    (box,) = parse_region("Box ICRS 30 60 4 2")
    spots = SkyCoord(box, unit="deg")
    sides = [spots[i].directional_offset_by(spots[i].position_angle(spots[j]), spots[i].separation(spots[j]) / 2)
             for i, j in ((0, 1), (1, 2), (2, 3), (3, 0))]  # fmt: skip
    assert sides[0].separation(sides[2]).deg == pytest.approx(2, rel=1e-6)
    assert sides[1].separation(sides[3]).deg == pytest.approx(4, rel=1e-6)


def test_ranges_follow_parallels_and_close_at_the_poles() -> None:
    (loop,) = parse_region("range 350 370 -60 60")
    assert set(loop[:, 1]) == {-60, 0, 60}
    assert loop[:, 0].min() == 0 and loop[:, 0].max() == 359  # 350 .. 359, 0 .. 10
    south, north = parse_region("RANGE -Inf +Inf 10 20")
    assert set(south[:, 1]) == {10} and set(north[:, 1]) == {20}
    (cap,) = parse_region("RANGE -Inf Inf 80 Inf")
    assert set(cap[:, 1]) == {80} and len(cap) == 360
    (old,) = parse_region("PositionInterval ICRS 10 -5 12 5")
    assert old[:, 0].min() == 10 and old[:, 0].max() == 12 and old[:, 1].max() == 5


def test_frames_become_icrs_and_unions_keep_all_their_parts() -> None:
    (loop,) = parse_region("Polygon GALACTIC 0 0 1 0 1 1")
    assert np.allclose(loop[0], (266.40499, -28.93617), atol=1e-4)
    parts = parse_region("Union ICRS (Circle 10 10 1 Polygon 1 1 2 1 2 2 Position 3 3)")
    assert [len(part) for part in parts] == [region.ROUND, 3]
    holes = parse_region("multipolygon 1 1 2 1 2 2 NaN NaN 4 4 5 4 5 5")
    assert [part[0].tolist() for part in holes] == [[1, 1], [4, 4]]


@pytest.mark.parametrize(
    "text",
    [
        "POLYGON ICRS 1 2 3 4", "POLYGON 1 2 3 4 5", "POLYGON ICRS 1 2 3 4 5 95", "CIRCLE ICRS 1 2", "CIRCLE 1 2 0",
        "CIRCLE 1 nan 1", "CIRCLE 1 2 -1", "BOX 1 2 200 1", "RANGE 20 10 0 1", "nothing at all",
        "UNION ICRS (CIRCLE 1 2 1", "POLYGON ICRS 1 2 3 4 5 6 garbage", "NOT (CIRCLE 1 2 1)",
        "CIRCLE 1 2 1 unit parsec", "POLYGON 1 2 NaN 4 5 6",
        "UNION (" * 30 + "CIRCLE 1 2 1" + ")" * 30, "CONVEX 1 2 3 4", "(", "CIRCLE 1 2 1e999",
    ],
)  # fmt: skip
def test_what_is_no_region_is_refused_with_a_reason(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        parse_region(text)


def test_columns_are_read_as_a_whole_and_row_by_row_alike() -> None:
    texts = ["POLYGON ICRS 359.9 0 0.1 0 0.1 0.2 359.9 0.2", None, "", "broken", "Circle ICRS 5 5 1",
             "POLYGON 1 1 2 1 2 2 1 1", "POLYGON 1 1 2 1 2 NaN",
             "Union (Circle 1 1 1 Circle 2 2 1)", "POLYGON 1 x 1 1 1 1"]  # fmt: skip
    found = read_outlines(pa.chunked_array([texts[:4], texts[4:]]))
    assert (found.bad, found.count) == (3, 5)
    assert found.why
    for i in range(found.count):
        part = slice(found.start[i], found.start[i + 1])
        loops = parse_region(texts[found.row[i]])
        assert any(
            len(loop) == found.start[i + 1] - found.start[i] and np.allclose(loop[:, 0], found.ra[part])
            for loop in loops
        )
    lists = read_outlines(pa.array([[1.0, 1, 2, 1, 2, 2], None, [1.0, 2], []], pa.list_(pa.float64())), "polygon")
    assert (lists.count, lists.bad, lists.row.tolist()) == (1, 1, [0])
    circles = read_outlines(pa.array([[62.0, -37, 0.5]]), "circle")
    assert np.allclose(apart(np.stack([circles.ra, circles.dec], 1), 62, -37), 0.5)
    empty = read_outlines(pa.array([], pa.string()))
    assert (empty.count, empty.bad, empty.start.tolist()) == (0, 0, [0])


def test_too_many_corners_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outlines, "MOST_CORNERS", 100)
    with pytest.raises(LimitError, match="corners"):
        read_outlines(pa.array(["CIRCLE ICRS 1 2 1"] * 3))


@settings(max_examples=50, deadline=None)
@given(st.text(st.sampled_from("POLYGNCIRCLEUNIONICRS ()0123456789.-+eE\t"), max_size=80))
def test_no_text_breaks_the_reader(text: str) -> None:
    found = read_outlines(pa.array([text]))
    assert found.bad + found.count >= 0 and np.isfinite(found.ra).all() and (np.abs(found.dec) <= 90).all()


def test_a_circle_is_round_enough() -> None:
    (loop,) = parse_region("CIRCLE ICRS 40 10 1")
    spots = SkyCoord(loop, unit="deg")
    middles = spots.directional_offset_by(
        spots.position_angle(np.roll(spots, -1)), spots.separation(np.roll(spots, -1)) / 2
    )
    assert (SkyCoord(40, 10, unit="deg").separation(middles) > 0.998 * u.deg).all()
