"""Rows counted into HiPS tiles: against astropy-healpix bin by bin, across RA 0, at the poles and at any depth."""

from __future__ import annotations

import io

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.wcs import WCS
from astropy_healpix import HEALPix
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.sky.density import BITS, DEEPEST, WIDTH, SkyIndex
from portal.sky.tilefile import properties, tile_fits
from portal.vo.hips import parse_list

PLACES = [(0.02, 5.0), (359.99, -0.01), (62.0, -37.0), (10.0, 89.9), (200.0, -89.95), (45.0, 41.8)]


def cloud(n: int = 4000, spread: float = 0.3, places: list = PLACES, seed: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Positions about some places, as many about each."""
    rng = np.random.default_rng(seed)
    at = SkyCoord(*np.array([places[i % len(places)] for i in range(n)]).T, unit="deg")
    moved = at.directional_offset_by(rng.random(n) * 360 * u.deg, spread * np.sqrt(rng.random(n)) * u.deg)
    return moved.ra.deg, moved.dec.deg


def bins_of(ra: np.ndarray, dec: np.ndarray, order: int) -> np.ndarray:
    return HEALPix(2**order, "nested").lonlat_to_healpix(ra * u.deg, dec * u.deg)


def test_every_bin_holds_as_many_rows_as_healpix_says_and_they_add_up() -> None:
    ra, dec = cloud()
    index = SkyIndex(ra, dec, np.arange(len(ra)))
    for order in (0, 4, 11):
        mine = bins_of(ra, dec, order + BITS)
        tiles = np.unique(mine >> 2 * BITS)
        total = 0
        for npix in tiles:
            counts = index.counts(order, int(npix))
            total += counts.sum()
            expected = np.bincount(mine[mine >> 2 * BITS == npix] - (npix << 2 * BITS), minlength=WIDTH * WIDTH)
            assert np.array_equal(np.sort(counts.ravel()), np.sort(expected))
        assert total == len(ra)
    assert index.counts(9, 3).sum() == 0
    for order, npix in ((-1, 0), (15, 0), (3, 768), (3, -1)):
        with pytest.raises(ValueError, match="no tile"):
            index.counts(order, npix)


def test_bins_lie_where_the_hpx_projection_puts_them() -> None:
    """Each bin with rows, sent to the sky by wcslib, holds its rows; and no row lies outside of all of them."""
    ra, dec = cloud(600)
    index = SkyIndex(ra, dec, np.arange(len(ra)))
    rows_at = SkyCoord(ra, dec, unit="deg")
    for order in (3, 9):
        width = 58.63 / 2 ** (order + BITS)
        for npix in np.unique(bins_of(ra, dec, order))[:12]:
            made = fits.open(io.BytesIO(tile_fits(order, int(npix), index.tile(order, int(npix)))))[0]
            assert (made.header["ORDER"], made.header["NPIX"]) == (order, npix)
            bins = np.argwhere(made.data)[:, ::-1]
            there = SkyCoord(*WCS(made.header).wcs_pix2world(bins, 0).T, unit="deg")
            apart = there[:, None].separation(rows_at[None]).deg
            assert (apart.min(1) < 1.2 * width).all(), "the farthest corner of a bin near a pole"
            assert (apart < 0.2 * width).any() or len(bins) < 10


def test_marks_means_and_classes_are_those_of_the_rows_in_the_bin() -> None:
    rng = np.random.default_rng(8)
    ra, dec = cloud(3000, 0.05, [(62.0, -37.0)])
    rows = rng.permutation(5000)[:3000].astype(np.uint32)
    index = SkyIndex(ra, dec, rows)
    marked, values = rng.random(5000) < 0.2, rng.normal(20, 3, 5000).astype(np.float32)
    values[::7] = np.nan
    codes = rng.integers(-1, 3, 5000).astype(np.int16)
    npix = int(bins_of(ra[:1], dec[:1], 4)[0])
    tile = index.tile(4, npix, marked[index.rows], values[index.rows])
    kinds = index.tile(4, npix, None, codes[index.rows], 3)
    pixel = bins_of(index.ra, index.dec, 4 + BITS)
    seen = 0
    for at in np.unique(pixel[pixel >> 2 * BITS == npix]):
        own = index.rows[pixel == at]
        x, y = (sum(((int(at) >> (2 * b + s)) & 1) << b for b in range(BITS)) for s in (0, 1))
        place = WIDTH - 1 - x, y
        assert tile.count[place] == len(own) and tile.marked[place] == marked[own].sum()
        good = values[own][np.isfinite(values[own])]
        assert tile.value[place] == pytest.approx(good.mean(), rel=1e-5) if len(good) else np.isnan(tile.value[place])
        often = [np.count_nonzero(codes[own] == code) for code in range(3)]
        assert kinds.value[place] == (int(np.argmax(often)) if max(often) else -1)
        seen += len(own)
    assert seen == tile.count.sum() > 2000
    assert np.isnan(tile.value[tile.count == 0]).all() and (kinds.value[kinds.count == 0] == -1).all()


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from([*PLACES, (0.0, 90.0), (77.0, -90.0), (180.0, 0.0)]),
    st.floats(-3.3, 2.2).map(lambda power: 10**power),
)
def test_the_rows_of_a_circle_are_those_astropy_finds(centre: tuple[float, float], radius: float) -> None:
    index = INDEX
    away = SkyCoord(*centre, unit="deg").separation(SkyCoord(index.ra, index.dec, unit="deg")).deg
    expected = np.flatnonzero(away <= radius)
    near_border = np.abs(away - radius) < 1e-9
    found = index.within(*centre, radius, len(index))
    assert set(found) ^ set(expected) <= set(np.flatnonzero(near_border))
    assert index.roughly(*centre, radius) >= len(found)
    nearest = index.nearest(*centre, radius)
    assert (nearest >= 0) == bool(len(found))
    if nearest >= 0:
        assert away[index.rows == nearest][0] == pytest.approx(away.min(), abs=1e-9)
    if len(found) > 1000:
        assert index.within(*centre, radius, len(found) // 4) is None


INDEX = SkyIndex(*cloud(6000, 4.0, seed=4), np.arange(6000)[::-1])


def test_rows_without_a_position_are_counted_and_left_out() -> None:
    ra, dec = np.array([1.0, np.nan, 3.0, 4.0, np.inf]), np.array([1.0, 2.0, 91.0, -4.0, 0.0])
    index = SkyIndex(ra, dec, np.array([10, 11, 12, 13, 14]))
    assert (len(index), index.without, sorted(index.rows)) == (2, 3, [10, 13])
    empty = SkyIndex(ra[:0], ra[:0], np.empty(0, np.uint32))
    assert empty.bounds() is None and empty.within(0, 0, 1, 5).size == 0 and empty.nearest(0, 0, 1) == -1
    assert empty.tile(0, 0, np.empty(0, bool), np.empty(0, np.float32)).count.sum() == 0


def test_the_circle_around_all_rows_holds_them_also_when_they_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    for places in ([(359.9, 1.0), (0.2, 1.0)], [(10.0, 89.8), (190.0, 89.8)], [(62.0, -37.0)]):
        index = SkyIndex(*cloud(3000, 0.1, places), np.arange(3000))
        for most in (200_000, 400):
            monkeypatch.setattr("portal.sky.density.COARSE_ROWS", most)
            ra, dec, radius = index.bounds()
            away = SkyCoord(ra, dec, unit="deg").separation(SkyCoord(index.ra, index.dec, unit="deg")).deg
            assert away.max() <= radius < 1.3 * away.max()
    corners = np.radians([90.0, 210.0, 330.0])
    ra, dec, radius = SkyIndex(50 + np.cos(corners), np.sin(corners), np.arange(3)).bounds()
    assert (ra, dec) == pytest.approx((50, 0), abs=0.1) and 1 <= radius < 1.1
    around = SkyIndex(np.arange(0, 360, 30.0), np.zeros(12), np.arange(12)).bounds()
    assert 90 - 1e-6 <= around[2] <= 180.1


def test_a_tile_is_a_fits_file_and_its_properties_a_hips_record() -> None:
    ra, dec = cloud(500)
    index = SkyIndex(ra, dec, np.arange(500))
    npix = int(bins_of(ra[:1], dec[:1], 2)[0])
    values = np.arange(500, dtype=np.float32)[index.rows]
    tile = index.tile(2, npix, values > 250, values)
    with fits.open(io.BytesIO(tile_fits(2, npix, tile))) as hdus:
        hdus.verify("exception")
        assert [hdu.name for hdu in hdus] == ["PRIMARY", "MARKED", "VALUE"]
        assert np.array_equal(hdus[0].data, tile.count) and np.array_equal(hdus["MARKED"].data, tile.marked)
        assert np.array_equal(hdus["VALUE"].data, tile.value, equal_nan=True)
    (record,) = parse_list(properties("Ünïts = odd\nhips_order = 1", 500, index.bounds()))
    assert record["hips_tile_width"] == str(WIDTH) and record["hips_order"] == "14"
    assert DEEPEST - 14 - BITS >= 0
