"""HiPS tiles as FITS files: the values behind the pictures, and where they lie on the sky.

The first row of a FITS tile is the lowest, that of a PNG tile the highest: so the rows are those of the picture
turned upside down (HiPS 1.0, section 4.2.1). The WCS is the HPX projection of Calabretta & Roukema 2007.
"""

from __future__ import annotations

import io

import numpy as np
from astropy.io import fits

from portal.archive.sample.hips import ALLSKY_COLUMNS, ALLSKY_ORDER, ALLSKY_WIDTH, Light
from portal.archive.sample.tilegrid import BITS, WIDTH, deinterleave

UNIT = "nJy/arcsec2"


def tile_header(order: int, npix: int) -> fits.Header:
    """ORDER, NPIX and the WCS of a tile, exact at every pixel. Raises ValueError when there is no such tile."""
    face, x, y = deinterleave(npix, order)
    side = 2 ** (order + BITS)  # pixels along a base face
    # The middle of the base face on the HPX plane, in degrees from the meridian given as CRVAL1: one of its own, so
    # that no tile lies across the seam opposite to it.
    quarter, belt = face % 4, face // 4
    middle_x, middle_y = (0.0 if belt == 1 else 45.0), 45.0 * (1 - belt)
    # Along a face, x runs to the north-east and y to the north-west; FITS columns count y, rows count x downwards.
    column = side * (1.0 - middle_y / 45.0 + middle_x / 45.0) / 2.0 - y * WIDTH - 0.5
    row = (x + 1) * WIDTH - 0.5 - side * (1.0 - middle_y / 45.0 - middle_x / 45.0) / 2.0
    step = 45.0 / side
    header = fits.Header()
    header["ORDER"], header["NPIX"] = (order, "HEALPix order of the tile"), (npix, "its number, nested")
    header["BUNIT"] = UNIT
    header["RADESYS"] = "ICRS"
    header["CTYPE1"], header["CTYPE2"] = "RA---HPX", "DEC--HPX"
    header["CUNIT1"], header["CUNIT2"] = "deg", "deg"
    header["CRPIX1"], header["CRPIX2"] = column + 1.0, row + 1.0
    header["CRVAL1"], header["CRVAL2"] = 90.0 * quarter, 0.0
    header["CD1_1"], header["CD1_2"], header["CD2_1"], header["CD2_2"] = -step, -step, step, -step
    header["PV2_1"], header["PV2_2"] = 4, 3
    return header


def values(light: Light) -> np.ndarray:
    """What a FITS tile holds: float32 (512, 512), NaN where nothing was observed, the lowest row first."""
    plane = light.planes[0].astype(np.float32)
    if light.seen is not None:
        plane[~light.seen] = np.nan
    return plane[::-1]


def tile_fits(data: np.ndarray, order: int, npix: int, band: str) -> bytes:
    """A FITS tile of ``data`` as ``values`` gives it."""
    return _file(data, tile_header(order, npix), band)


def blank_fits(order: int, npix: int, band: str) -> bytes:
    """A FITS tile where nothing was observed: all NaN."""
    return tile_fits(np.full((WIDTH, WIDTH), np.nan, np.float32), order, npix, band)


def allsky_fits(tiles: dict[int, np.ndarray], band: str) -> bytes:
    """The order 3 preview of tiles as ``values`` gives them: each pixel the mean of what was observed of 8 x 8."""
    rows = -(-12 * 4**ALLSKY_ORDER // ALLSKY_COLUMNS)
    sheet = np.full((rows * ALLSKY_WIDTH, ALLSKY_COLUMNS * ALLSKY_WIDTH), np.nan, np.float32)
    block = WIDTH // ALLSKY_WIDTH
    for npix, data in tiles.items():
        parts = data.reshape(ALLSKY_WIDTH, block, ALLSKY_WIDTH, block).astype(float)
        seen = np.isfinite(parts).sum(axis=(1, 3))
        mean = np.where(seen > 0, np.nansum(parts, axis=(1, 3)) / np.maximum(seen, 1), np.nan)
        # The sheet counts its tiles from the top, FITS its rows from the bottom.
        low, left = (rows - 1 - npix // ALLSKY_COLUMNS) * ALLSKY_WIDTH, npix % ALLSKY_COLUMNS * ALLSKY_WIDTH
        sheet[low : low + ALLSKY_WIDTH, left : left + ALLSKY_WIDTH] = mean
    header = fits.Header()
    header["ORDER"], header["BUNIT"] = ALLSKY_ORDER, UNIT
    return _file(sheet, header, band)


def _file(data: np.ndarray, header: fits.Header, band: str) -> bytes:
    hdu = fits.PrimaryHDU(data, header)
    hdu.header["BAND"] = band
    hdu.header["ORIGIN"] = ("Triview sample sky", "simulated: these are not Rubin data")
    out = io.BytesIO()
    hdu.writeto(out)
    return out.getvalue()
