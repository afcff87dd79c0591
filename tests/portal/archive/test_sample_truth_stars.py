"""The simulated stars against the Galaxy of TRILEGAL: counts by magnitude and place, colours, rare kinds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from astropy_healpix import HEALPix

from portal.archive.sample import cells
from portal.archive.sample.bands import EXTINCTION, mag_of
from portal.archive.sample.stars import DWARF, THICK, THIN, expected_counts, locus_gr, stars_in

CATALOGS = Path(__file__).resolve().parents[4] / "shared" / "data" / "real" / "catalogs"
# TRILEGAL (lsst_sim.simdr2, r < 27.5): stars in some ring-ordered HEALPix pixels of nside 32, 3.357 deg2 each.
PIXEL_DEG2 = 3.357174580844667
TRILEGAL = {9812: 82797, 9672: 68165, 9652: 162976, 9648: 240900, 9644: 417661, 9680: 73270, 9686: 89845,
            9691: 117896, 9695: 160272, 9698: 225206, 9597: 248520, 9609: 348473, 9613: 487101}  # fmt: skip
TRILEGAL_PLANE = {9630: 76390768, 9636: 2603566, 9623: 2529276, 9580: 3649475, 9586: 522378}


def middle_of(pixel: int) -> tuple[float, float]:
    lon, lat = HEALPix(32, order="ring").healpix_to_lonlat(pixel)
    return float(lon.deg), float(lat.deg)


def stars_about(ra: float, dec: float, radius: float) -> tuple[np.ndarray, float]:
    """Magnitudes before extinction, (n, 6), and the area in deg2."""
    some = cells.cells_of(ra, dec, radius)
    parts = [stars_in(11, int(cell)) for cell in some]
    reddened = np.concatenate([mag_of(part["flux"]) for part in parts])
    ebv = np.concatenate([cells.reddening(part["ra"], part["dec"]) for part in parts])
    return reddened - ebv[:, None] * EXTINCTION, len(some) * cells.CELL_AREA_DEG2


@pytest.fixture(scope="module")
def trilegal_field() -> tuple[np.ndarray, float]:
    return stars_about(*middle_of(9812), 0.8)


def test_counts_by_magnitude_are_those_of_the_trilegal_sample(trilegal_field: tuple[np.ndarray, float]) -> None:
    path = CATALOGS / "trilegal_9812.parquet"
    if not path.exists():
        pytest.skip(f"{path.name} is not on this machine")
    sample = pq.read_table(path, columns=["rmag"])["rmag"].to_numpy()
    per_deg2 = TRILEGAL[9812] / PIXEL_DEG2 / len(sample)  # the file holds a random part of the pixel
    mags, area = trilegal_field
    r = mags[:, 2]
    for bright in range(16, 26):
        there = int(((sample >= bright) & (sample < bright + 1)).sum())
        ours = ((r >= bright) & (r < bright + 1)).sum() / area / per_deg2
        # 20 % and twice the Poisson error of the few stars of the sample
        assert abs(ours - there) < 0.2 * there + 2 * np.sqrt(there), bright
    for faint in range(20, 27):
        there = (sample < faint).sum()
        assert (r < faint).sum() / area / per_deg2 == pytest.approx(there, rel=0.2), faint


def test_counts_over_the_sky_are_those_of_trilegal() -> None:
    def ratio(pixel: int, there: int) -> float:
        return expected_counts(*middle_of(pixel), -5.0, 27.5).sum() * PIXEL_DEG2 / there

    for pixel, there in TRILEGAL.items():
        assert 0.85 < ratio(pixel, there) < 1.15, pixel
    for pixel, there in TRILEGAL_PLANE.items():
        assert 0.5 < ratio(pixel, there) < 2.5, pixel


def test_more_stars_nearer_to_the_plane_and_to_the_centre() -> None:
    def at(pixel: int) -> np.ndarray:
        return expected_counts(*middle_of(pixel)).sum(axis=(1, 2))

    rising = [at(pixel) for pixel in (9672, 9680, 9686, 9691, 9695, 9698, 9701, 9580)]  # b = -77 ... 0
    assert (np.diff([counts.sum() for counts in rising]) > 0).all()
    centre = [at(pixel).sum() for pixel in (9657, 9652, 9648, 9644, 9640, 9636, 9630)]  # l near 0, b = -61 ... -1
    assert (np.diff(centre) > 0).all()
    assert centre[-1] > 100 * centre[0]
    discs = [counts[[THIN, THICK]].sum() / counts.sum() for counts in rising]
    assert discs[-1] > 0.85 and discs[0] < 0.45


def test_the_locus_is_narrow(trilegal_field: tuple[np.ndarray, float]) -> None:
    mags, _ = trilegal_field
    gr, ri = mags[:, 1] - mags[:, 2], mags[:, 2] - mags[:, 3]
    on = np.linspace(-0.1, 1.2, 400)
    main = (gr > 0.3) & (gr < 1.1)
    width = (ri - np.interp(gr, locus_gr(on), on))[main]
    spread = 1.4826 * np.median(np.abs(width - np.median(width)))
    assert 0.01 < spread < 0.02
    assert abs(np.median(width)) < 0.005
    red = gr > 1.25  # M dwarfs: g - r stands still while r - i runs on
    assert np.percentile(ri[red], 95) - np.percentile(ri[red], 5) > 0.8
    assert np.std(gr[red & (ri > 0.8)]) < 0.05


def test_white_dwarfs_giants_and_the_blue_branch_are_there(trilegal_field: tuple[np.ndarray, float]) -> None:
    mags, area = trilegal_field
    ug, gr, r = mags[:, 0] - mags[:, 1], mags[:, 1] - mags[:, 2], mags[:, 2]
    white = (gr < -0.05) & (ug < 0.6) & (r < 23)
    blue = (gr > -0.4) & (gr < 0.0) & (ug > 0.9) & (r < 20)
    assert 5 < white.sum() / area < 80  # SDSS finds some ten hot ones per deg2 to 20.5
    assert 0.5 < blue.sum() / area < 15
    dwarfs = expected_counts(*middle_of(9812))[DWARF].sum()
    assert 50 < dwarfs < 600
    halo = stars_in(11, int(cells.cells_of(*middle_of(9812), 0.01)[0]))
    assert np.isfinite(halo["flux"]).all() and (halo["flux"] > 0).all()


def test_a_cell_is_the_same_whatever_is_drawn_before_it() -> None:
    cell = int(cells.cells_of(62.0, -37.0, 0.01)[0])
    first = stars_in(4, cell)
    stars_in(4, cell + 1)
    again, other = stars_in(4, cell), stars_in(5, cell)
    assert all((first[name] == again[name]).all() for name in first)
    assert len(other["ra"]) != len(first["ra"]) or (other["ra"] != first["ra"]).any()
    assert (cells.leaf_of(first["ra"], first["dec"]) >> cells.CELL_SHIFT == cell).all()
