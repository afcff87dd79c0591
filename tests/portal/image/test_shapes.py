"""Regions on images: places against astropy, sizes and angles by the sky, insides by counting."""

from __future__ import annotations

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.wcs import WCS
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.errors import FormatError
from portal.image.regions import Region
from portal.image.shapes import Lie, Shape, to_region, to_shape
from tests.portal.image.wcs_kit import tan_sip

LIE = Lie(tan_sip(), (-1000.0, -2000.0))
inside = st.floats(20, 380)
size = st.floats(0.5, 40)


@settings(max_examples=60, deadline=None)
@given(
    kind=st.sampled_from(["circle", "annulus", "ellipse", "box", "line", "point", "polygon", "text"]),
    system=st.sampled_from(["image", "physical", "icrs", "fk5", "galactic", "ecliptic"]),
    places=st.lists(st.tuples(inside, inside), min_size=3, max_size=5),
    sizes=st.tuples(size, size),
    angle=st.floats(0, 359),
)
def test_there_and_back(kind: str, system: str, places: list, sizes: tuple, angle: float) -> None:
    count = {"line": 2, "polygon": len(places)}.get(kind, 1)
    many = {"circle": 1, "annulus": 2, "ellipse": 2, "box": 2}.get(kind, 0)
    shape = Shape(
        kind, tuple(places[:count]), tuple(sorted(sizes)[:many]), angle if kind in ("ellipse", "box") else 0.0
    )
    back = to_shape(to_region(shape, LIE, system), LIE)
    assert np.array(back.points) == pytest.approx(np.array(shape.points), abs=1e-5)
    assert back.sizes == pytest.approx(shape.sizes, rel=2e-3)
    assert np.cos(np.radians(back.angle - shape.angle)) == pytest.approx(1, abs=1e-5)


def test_a_region_of_the_sky_lies_as_astropy_says() -> None:
    centre = SkyCoord(62.004, -37.003, unit="deg")
    box = to_shape(Region("box", "icrs", ((62.004, -37.003),), (10 / 3600, 4 / 3600), "degree", 30.0), LIE)
    end = centre.directional_offset_by((30.0 - 90.0) * u.deg, 5 * u.arcsec)
    x, y = map(float, LIE.wcs.world_to_pixel(end))
    x0, y0 = map(float, LIE.wcs.world_to_pixel(centre))
    assert box.points[0] == pytest.approx((x0, y0), abs=1e-6)
    turn = np.radians(box.angle)
    assert (x0 + box.sizes[0] / 2 * np.cos(turn), y0 + box.sizes[0] / 2 * np.sin(turn)) == pytest.approx(
        (x, y), rel=2e-4
    )
    assert box.sizes[0] / box.sizes[1] == pytest.approx(2.5, rel=0.02)
    physical = to_shape(Region("circle", "physical", ((1011.0, 2021.0),), (3.0,)), LIE)
    assert physical.points == ((10.0, 20.0),), "pixel 1011 of the parent is the eleventh of this image"
    with pytest.raises(FormatError, match="no sky"):
        to_shape(Region("point", "icrs", ((62.0, -37.0),)), Lie(None))
    with pytest.raises(FormatError, match="outside"):
        to_shape(Region("point", "icrs", ((242.0, 37.0),)), LIE)


def test_a_region_at_the_pole_and_across_ra_0() -> None:
    for ra, dec in ((0.0, 89.9995), (359.9999, 10.0)):
        lie = Lie(tan_sip(ra, dec))
        for system in ("icrs", "galactic"):
            shape = Shape("ellipse", ((180.0, 230.0),), (20.0, 10.0), 40.0)
            back = to_shape(to_region(shape, lie, system), lie)
            assert back.points[0] == pytest.approx(shape.points[0], abs=1e-4)
            assert (*back.sizes, back.angle) == pytest.approx((20.0, 10.0, 40.0), rel=2e-2)


def test_insides_by_counting() -> None:
    x, y = np.arange(200)[None, :], np.arange(160)[:, None]
    far = np.hypot(x - 90.3, y - 70.8)
    assert (Shape("circle", ((90.3, 70.8),), (20.5,)).inside(x, y) == (far <= 20.5)).all()
    ring = Shape("annulus", ((90.3, 70.8),), (5.0, 12.0, 30.0)).inside(x, y)
    assert (ring == ((far <= 30) & (far > 5))).all()
    assert Shape("ellipse", ((90.3, 70.8),), (30.0, 12.0), 33.0).inside(x, y).sum() == pytest.approx(
        np.pi * 360, rel=0.01
    )
    box = Shape("box", ((90.3, 70.8),), (31.0, 17.0), 33.0)
    turn = np.radians(33.0)
    (ax, ay), (bx, by) = 15.5 * np.array([np.cos(turn), np.sin(turn)]), 8.5 * np.array([-np.sin(turn), np.cos(turn)])
    corners = [(90.3 + j * ax + k * bx, 70.8 + j * ay + k * by) for j, k in ((1, 1), (-1, 1), (-1, -1), (1, -1))]
    assert (box.inside(x, y) == Shape("polygon", tuple(corners)).inside(x, y)).all()
    assert not Shape("line", ((0.0, 0.0), (9.0, 9.0))).inside(x, y).any()
    for held in (box, Shape("polygon", tuple(corners)), Shape("ellipse", ((90.3, 70.8),), (30.0, 12.0), 33.0)):
        rows, columns = np.nonzero(held.inside(x, y))
        x0, y0, x1, y1 = held.bounds
        assert columns.min() >= x0 and columns.max() <= x1 and rows.min() >= y0 and rows.max() <= y1
    for wrong in ({}, {"kind": "circle", "points": [[1, 2]]}, {"kind": "box", "points": [[1, "x"]]}, [], None,
                  {"kind": "circle", "points": [[1, 2]], "sizes": [float("nan")]}):  # fmt: skip
        with pytest.raises(FormatError):
            Shape.from_json(wrong)


def test_another_frame_of_the_wcs() -> None:
    wcs = WCS(naxis=2)
    wcs.wcs.ctype, wcs.wcs.crpix, wcs.wcs.crval, wcs.wcs.cdelt = (
        ["GLON-TAN", "GLAT-TAN"],
        [50, 50],
        [120, -30],
        [-1e-4, 1e-4],
    )
    shape = to_shape(Region("point", "galactic", ((120.0, -30.0),)), Lie(wcs))
    assert shape.points[0] == pytest.approx((49, 49), abs=1e-6)
