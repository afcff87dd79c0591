"""The cameras: detectors numbered whole, and one map between pixels and the sky, the same as astropy's."""

from __future__ import annotations

import numpy as np
import pytest

from portal.archive.sample.camera import CCD_X, CCD_Y, COMCAM, LSSTCAM


def test_detectors_are_numbered_without_gaps():
    assert COMCAM.detectors == 9 and LSSTCAM.detectors == 189
    assert np.array_equal(np.sort(LSSTCAM.grid[LSSTCAM.grid >= 0]), np.arange(189))
    assert COMCAM.centres[4].tolist() == [0.0, 0.0]
    assert LSSTCAM.radius_deg == pytest.approx(2.05, abs=0.05)


@pytest.mark.parametrize("camera, ra0, dec0, rotation", [(COMCAM, 62.0, -37.0, 33.0), (LSSTCAM, 359.9, 88.2, 201.0)])
def test_the_map_is_that_of_the_header(camera, ra0, dec0, rotation):
    rng = np.random.default_rng(1)
    for detector in (0, camera.detectors - 1):
        x, y = rng.uniform(0, CCD_X, 50), rng.uniform(0, CCD_Y, 50)
        ra, dec = camera.to_sky(ra0, dec0, rotation, detector, x, y)
        wcs = camera.wcs(ra0, dec0, rotation, detector)
        oracle = np.array(wcs.pixel_to_world_values(x, y))
        assert np.allclose([ra, dec], oracle, rtol=0, atol=1e-10)
        assert np.allclose(camera.to_pixel(ra0, dec0, rotation, detector, ra, dec), [x, y], rtol=0, atol=1e-6)
        assert np.linalg.det(wcs.wcs.cd) < 0  # the parity of the sky


def test_y_turns_from_north_through_east():
    ra, dec = COMCAM.to_sky(62.0, -37.0, 90.0, 4, (CCD_X - 1) / 2, (CCD_Y - 1) / 2 + 1000)
    assert ra > 62.0 and dec == pytest.approx(-37.0, abs=1e-3)


def test_the_far_side_has_no_pixels():
    assert np.isnan(COMCAM.to_pixel(62.0, -37.0, 0.0, 4, 242.0, 37.0)).all()
