"""Pictures of the sky: pixels from the right places of HiPS tiles, rows and outlines where they belong."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy_healpix import core
from PIL import Image

from portal.errors import FormatError
from portal.sky.compose import DOTS, GROUND, Loops, Rows, draw_loops, draw_rows, draw_sky, png_of, rgb_of
from portal.sky.density import SkyIndex
from portal.sky.sight import Sight

WIDTH = 16
PROPERTIES = {"hips_order": "7", "hips_order_min": "0", "hips_tile_width": str(WIDTH), "hips_tile_format": "png"}
CHOSEN = (255, 159, 46)


@pytest.fixture(scope="module")
def pool():
    with ThreadPoolExecutor(2) as made:
        yield made


def told(lon: np.ndarray, lat: np.ndarray) -> np.ndarray:
    """A colour that tells a place: smooth, and another one everywhere within some degrees."""
    return np.stack([(lon * 8) % 256, (lat + 90) * 8 % 256, (lon + lat) * 3 % 256], axis=-1).astype(np.uint8)


def tile(path: str) -> bytes:
    """A tile whose pixels tell the middle of their HEALPix pixel, laid out as the portal's own density tiles are."""
    order, npix = map(int, re.fullmatch(r"Norder(\d+)/Dir\d+/Npix(\d+)\.png", path).groups())
    inner = np.arange(WIDTH * WIDTH) + npix * WIDTH * WIDTH
    lon, lat = core.healpix_to_lonlat(inner, 2**order * WIDTH, order="nested")
    x = sum(((np.arange(WIDTH * WIDTH) >> 2 * bit) & 1) << bit for bit in range(4))
    y = sum(((np.arange(WIDTH * WIDTH) >> (2 * bit + 1)) & 1) << bit for bit in range(4))
    picture = np.empty((WIDTH, WIDTH, 3), np.uint8)
    picture[x, y] = told(lon.to_value(u.deg), lat.to_value(u.deg))
    out = BytesIO()
    Image.fromarray(picture).save(out, "PNG")
    return out.getvalue()


def test_tiles_lie_as_those_of_the_portals_own_surveys() -> None:
    """The layout above is that of density tiles (FITS, lowest row first), which are held against reproject."""
    rng = np.random.default_rng(4)
    ra, dec = rng.uniform(44, 46, 400), rng.uniform(1, 3, 400)
    index = SkyIndex(ra, dec, np.arange(400, dtype=np.uint32))
    npix = int(core.lonlat_to_healpix(45 * u.deg, 2 * u.deg, 2**3, order="nested"))
    counts = index.counts(3, npix)[::-1]  # a picture begins at the top
    pixels = core.lonlat_to_healpix(ra * u.deg, dec * u.deg, 2**11, order="nested")
    inner = pixels[pixels >> 16 == npix] & 0xFFFF
    x = sum(((inner >> 2 * bit) & 1) << bit for bit in range(8))
    y = sum(((inner >> (2 * bit + 1)) & 1) << bit for bit in range(8))
    assert counts.sum() == len(inner) and (counts[x, y] > 0).all()


@pytest.mark.parametrize(
    "view", [(62, -37, 3, "TAN"), (359.9, 0.1, 8, "TAN"), (10, 89.9, 20, "TAN"), (120, -60, 170, "AIT")]
)
def test_each_pixel_shows_its_place(pool, view) -> None:
    sight = Sight.checked(*view[:3], 160, 120, view[3])
    picture = draw_sky(sight, PROPERTIES, tile, pool)
    x, y = np.meshgrid(np.arange(160) + 0.5, np.arange(120) + 0.5)
    lon, lat = sight.sky(x.ravel(), y.ravel())
    seen = np.isfinite(lon)
    shown = picture.reshape(-1, 3)
    # The order is not told: some order of the survey must agree everywhere, that of pixels about as large as ours.
    fits = []
    for order in range(8):
        nside = 2**order * WIDTH
        pixels = core.lonlat_to_healpix(lon[seen] * u.deg, lat[seen] * u.deg, nside, order="nested")
        centres = core.healpix_to_lonlat(pixels, nside, order="nested")
        fits.append(float((told(*(part.to_value(u.deg) for part in centres)) == shown[seen]).all(axis=1).mean()))
    assert max(fits) > 0.9999
    assert (shown[~seen] == GROUND).all()


def test_a_galactic_survey_and_tiles_that_are_missing_or_broken(pool) -> None:
    sight = Sight.checked(266.4, -29.0, 4, 90, 60, "TAN")
    galactic = {**PROPERTIES, "hips_frame": "galactic", "hips_order": "5"}
    picture = draw_sky(sight, galactic, tile, pool)
    x, y = np.array([20.5, 70.5]), np.array([15.5, 40.5])
    place = SkyCoord(*sight.sky(x, y), unit="deg").galactic
    pixels = core.lonlat_to_healpix(place.l, place.b, 2**5 * WIDTH, order="nested")
    centres = core.healpix_to_lonlat(pixels, 2**5 * WIDTH, order="nested")
    assert (told(*(part.to_value(u.deg) for part in centres)) == picture[y.astype(int), x.astype(int)]).all()
    for content in (None, b"", b"<html>", tile("Norder1/Dir0/Npix3.png")[:80]):
        assert (draw_sky(sight, galactic, lambda _, c=content: c, pool) == GROUND).all()


def test_a_survey_that_cannot_be_drawn(pool) -> None:
    sight = Sight.checked(0, 0, 1, 10, 10, "TAN")
    for wrong in ({"hips_tile_format": "fits"}, {"hips_order": "many"}, {"hips_tile_width": "100"}):
        with pytest.raises(FormatError):
            draw_sky(sight, {**PROPERTIES, **wrong}, tile, pool)


def test_a_survey_that_claims_more_orders_than_there_are_is_drawn_dark(pool) -> None:
    sight = Sight.checked(1, 2, 1e-5, 40, 30, "TAN")
    for least in ("0", "29"):
        claims = {**PROPERTIES, "hips_order": "29", "hips_order_min": least}
        assert (draw_sky(sight, claims, lambda _: None, pool) == GROUND).all()


def test_a_wide_view_of_a_survey_without_coarse_orders_asks_for_few_tiles(pool) -> None:
    asked = []
    sight = Sight.checked(0, 0, 360, 200, 100, "AIT")
    draw_sky(sight, {**PROPERTIES, "hips_order_min": "5"}, lambda path: asked.append(path), pool)
    assert len(asked) == 64


def blank() -> np.ndarray:
    return np.zeros((100, 200, 3), np.uint8)


def test_few_rows_are_dots_and_marked_ones_lie_on_top() -> None:
    sight = Sight.checked(62, -37, 1, 200, 100, "TAN")
    ra, dec = sight.sky(np.array([50.5, 50.5, 150.5]), np.array([20.5, 20.5, 60.5]))
    ra, dec = np.append(ra, [242.0, 62.0]), np.append(dec, [37.0, np.nan])  # behind the view, and nowhere
    picture, colour = blank(), rgb_of("#0077bb")
    seen = draw_rows(picture, sight, Rows(ra, dec, colour, np.array([True, False, False, True, True])), CHOSEN)
    assert seen == 3
    assert tuple(picture[20, 50]) == CHOSEN and tuple(picture[60, 150]) == colour
    own = np.array([[1, 2, 3]] * 5, np.uint8)
    draw_rows(picture, sight, Rows(ra, dec, colour, None, own), CHOSEN)
    assert tuple(picture[60, 150]) == (1, 2, 3)


def test_many_rows_are_shaded_by_their_number() -> None:
    sight = Sight.checked(62, -37, 1, 200, 100, "TAN")
    ra, dec = sight.sky(np.repeat([10.5, 90.5], [DOTS, 10]), np.full(DOTS + 10, 50.5))
    picture = blank()
    assert draw_rows(picture, sight, Rows(ra, dec, (0, 119, 187)), CHOSEN) == DOTS + 10
    many, few = picture[50, 10].sum(dtype=int), picture[50, 90].sum(dtype=int)
    assert many > few > 0 and np.count_nonzero(picture.any(axis=2)) == 2


def test_outlines_pass_through_their_corners_and_across_ra_0() -> None:
    sight = Sight.checked(0, 0, 2, 200, 100, "TAN")
    ra, dec = np.array([359.5, 0.5, 0.5, 359.5]), np.array([-0.2, -0.2, 0.2, 0.2])
    loops = Loops(ra, dec, np.array([0, 4]), [(9, 8, 7)])
    picture = draw_loops(blank(), sight, loops)
    x, y = sight.pixels(np.array([0.0, 0.5]), np.array([0.2, 0.0]))
    for column, row in zip(x, y):
        near = picture[int(row) - 1 : int(row) + 2, int(column) - 1 : int(column) + 2].reshape(-1, 3)
        assert (near == (9, 8, 7)).all(axis=1).any()
    assert not picture[50, 100].any()
    with Image.open(BytesIO(png_of(picture))) as image:
        assert (np.asarray(image) == picture).all()
