"""Views of the sky held against astropy's WCS and against themselves."""

from __future__ import annotations

import math

import numpy as np
import pytest
from astropy.wcs import WCS
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.errors import QueryError
from portal.sky.sight import Sight


@settings(max_examples=40, deadline=None)
@given(st.floats(0, 359.9), st.floats(-89.9, 89.9), st.floats(0.001, 100), st.sampled_from([(900, 600), (301, 700)]))
def test_a_flat_view_is_astropys_tan(ra, dec, fov, size) -> None:
    sight = Sight.checked(ra, dec, fov, *size, "TAN")
    wcs = WCS(naxis=2)
    wcs.wcs.ctype, wcs.wcs.crval = ["RA---TAN", "DEC--TAN"], [ra, dec]
    wcs.wcs.crpix = [size[0] / 2 + 0.5, size[1] / 2 + 0.5]  # FITS counts from the middle of the first pixel as 1
    step = math.degrees(1 / sight.scale)
    wcs.wcs.cdelt = [-step, step]
    x, y = np.meshgrid(np.linspace(0, size[0], 5), np.linspace(0, size[1], 5))
    lon, lat = sight.sky(x.ravel(), y.ravel())
    px, py = wcs.all_world2pix(lon, lat, 1)
    assert np.allclose(px, x.ravel() + 0.5, atol=1e-4) and np.allclose(size[1] + 1 - py, y.ravel() + 0.5, atol=1e-4)


@settings(max_examples=40, deadline=None)
@given(st.floats(0, 359.9), st.floats(-90, 90), st.floats(111, 360))
def test_places_of_the_whole_sky_come_back(ra, dec, fov) -> None:
    sight = Sight.checked(ra, dec, fov, 800, 500, "AIT")
    x, y = np.meshgrid(np.linspace(250, 550, 7), np.linspace(150, 350, 5))
    lon, lat = sight.sky(x.ravel(), y.ravel())
    seen = np.isfinite(lon)
    back = sight.pixels(lon[seen], lat[seen])
    assert seen.sum() > 20
    assert np.allclose(back[0], x.ravel()[seen], atol=1e-5) and np.allclose(back[1], y.ravel()[seen], atol=1e-5)


def test_the_whole_sky_has_an_edge_and_east_is_left() -> None:
    sight = Sight.checked(0.0, 0.0, 360.0, 400, 300, "AIT")
    corner = sight.sky(np.array([2.0]), np.array([2.0]))
    assert np.isnan(corner[0][0])
    x, y = sight.pixels(np.array([10.0]), np.array([10.0]))
    assert x[0] < 200 and y[0] < 150
    assert sight.radius == 180


@pytest.mark.parametrize("wrong", [
    (math.nan, 0, 1, 10, 10, "TAN"), (0, 91, 1, 10, 10, "TAN"), (0, 0, 0, 10, 10, "TAN"), (0, 0, 170, 10, 10, "TAN"),
    (0, 0, 1, 0, 10, "TAN"), (0, 0, 1, 9000, 9000, "TAN"), (0, 0, 1, 10, 10, "XYZ"),
])  # fmt: skip
def test_what_is_no_view_is_refused(wrong) -> None:
    with pytest.raises(QueryError):
        Sight.checked(*wrong)
