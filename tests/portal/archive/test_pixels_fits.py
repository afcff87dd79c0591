"""Cutouts as FITS files: planes, units, mask bits, and a WCS that follows the box."""

from __future__ import annotations

import importlib.util
import io
import sys
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS

from portal.archive.sample.geometry import patch_at, patch_of
from portal.archive.sample.render import SkyPixels

_spec = importlib.util.spec_from_file_location("sky_fixture", Path(__file__).with_name("sky_fixture.py"))
sky_fixture = sys.modules.setdefault("sky_fixture", importlib.util.module_from_spec(_spec))
_spec.loader.exec_module(sky_fixture)

BOX = (1650, 1680, 90, 60)


@pytest.fixture(scope="module")
def sky(tmp_path_factory: pytest.TempPathFactory) -> SkyPixels:
    return SkyPixels(sky_fixture.write_sky(tmp_path_factory.mktemp("fits"), sky_fixture.crowd(300, 0.05)))


@pytest.fixture(scope="module")
def patch():
    tract, number = patch_at(np.array([62.0]), np.array([-37.0]))
    return patch_of(int(tract[0]), int(number[0]))


def test_masked_image_layout(sky: SkyPixels, patch) -> None:
    data = sky.coadd_fits("i", patch, BOX)
    with fits.open(io.BytesIO(data), checksum=True) as hdus:
        hdus.verify("exception")
        assert [hdu.name for hdu in hdus] == ["PRIMARY", "IMAGE", "MASK", "VARIANCE"]
        assert hdus["IMAGE"].header["BUNIT"] == "nJy" and hdus["VARIANCE"].header["BUNIT"] == "nJy**2"
        mask = hdus["MASK"]
        assert (mask.header["MP_BAD"], mask.header["MP_DETECTED"], mask.header["MP_NO_DATA"]) == (0, 5, 8)
        for name, plane in zip(("IMAGE", "MASK", "VARIANCE"), sky.coadd("i", patch, *BOX)):
            assert hdus[name].data.shape == (60, 90)
            assert np.array_equal(hdus[name].data, plane, equal_nan=True)
        assert hdus[0].header["BAND"] == "i" and hdus[0].header["TRACT"] == patch.tract
    assert data == sky.coadd_fits("i", patch, BOX)


def test_image_detail_has_no_planes(sky: SkyPixels, patch) -> None:
    with fits.open(io.BytesIO(sky.coadd_fits("i", patch, BOX, "Image"))) as hdus:
        assert [hdu.name for hdu in hdus] == ["PRIMARY", "IMAGE"]
    with pytest.raises(ValueError, match="Image or MaskedImage"):
        sky.coadd_fits("i", patch, BOX, "Exposure")


def test_wcs_follows_the_box(sky: SkyPixels, patch) -> None:
    with fits.open(io.BytesIO(sky.coadd_fits("i", patch, BOX))) as hdus:
        header = hdus["IMAGE"].header
        wcs = WCS(header)
        x, y = np.array([0.0, 89.0, 40.0]), np.array([0.0, 59.0, 12.0])
        ra, dec = wcs.wcs_pix2world(x, y, 0)
        expected = patch.to_sky(x + BOX[0], y + BOX[1])
        assert np.allclose(ra, expected[0], atol=1e-10) and np.allclose(dec, expected[1], atol=1e-10)
        back = wcs.wcs_world2pix(ra, dec, 0)
        assert np.allclose(back[0], x, atol=1e-6) and np.allclose(back[1], y, atol=1e-6)
        # East to the left, north up, 0.2 arcsec per pixel.
        assert wcs.wcs.cd[0, 0] < 0 < wcs.wcs.cd[1, 1]
        assert header["LTV1"] == -(patch.x0 + BOX[0]) and header["LTV2"] == -(patch.y0 + BOX[1])
        parent = WCS(header, key="A").wcs_pix2world([[0.0, 0.0]], 0)[0]
        assert parent.tolist() == [patch.x0 + BOX[0], patch.y0 + BOX[1]]
