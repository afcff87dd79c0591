"""Small pictures of images: which way is up, and what they make of images without values."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from astropy import units as u
from astropy.io import fits
from astropy.wcs import WCS
from PIL import Image

from portal.errors import FormatError
from portal.image.thumbnail import thumbnail

TURNS = [
    ((-1, 0), (0, 1)), ((1, 0), (0, -1)), ((1, 0), (0, 1)), ((0, 1), (1, 0)), ((0, -1), (1, 0)), ((0, 1), (-1, 0)),
    ((-0.98, 0.2), (0.2, 0.98)),
]  # fmt: skip


def written(pixels: np.ndarray, header: fits.Header | None = None) -> bytes:
    out = BytesIO()
    fits.HDUList([fits.PrimaryHDU(), fits.ImageHDU(pixels, header, name="IMAGE")]).writeto(out)
    return out.getvalue()


@pytest.mark.parametrize("cd", TURNS)
def test_north_is_up_and_east_left(cd: tuple) -> None:
    wcs = WCS(naxis=2)
    wcs.wcs.ctype, wcs.wcs.crval, wcs.wcs.crpix = ["RA---TAN", "DEC--TAN"], [62.0, -37.0], [9000.0, -5000.0]
    wcs.wcs.cd = np.array(cd) * 0.2 / 3600
    pixels = np.random.default_rng(0).normal(0, 1, (60, 60)).astype("f4")
    middle = wcs.pixel_to_world(29.5, 29.5)
    star = wcs.world_to_pixel(middle.directional_offset_by(90 * u.deg, 4 * u.arcsec))
    x, y = (round(float(one)) for one in star)
    pixels[y, x] = 1e6  # 4" to the east
    shown = np.asarray(Image.open(BytesIO(thumbnail(written(pixels, wcs.to_header())))))
    row, column = np.unravel_index(shown.astype(int).argmax(), shown.shape)
    assert shown[row, column] == 255 and column < 15 and abs(row - 29.5) < 8
    assert max(thumbnail_size(written(pixels, wcs.to_header()), 20)) == 20


def thumbnail_size(content: bytes, size: int) -> tuple[int, int]:
    return Image.open(BytesIO(thumbnail(content, size))).size


@pytest.mark.parametrize("pixels", [np.full((9, 12), np.nan, "f4"), np.zeros((9, 12), "i2")])
def test_images_without_values_or_places_are_dark(pixels: np.ndarray) -> None:
    shown = np.asarray(Image.open(BytesIO(thumbnail(written(pixels)))))
    assert shown.shape == (9, 12) and not shown.any()
    with pytest.raises(FormatError):
        thumbnail(b"<VOTABLE/>")
