"""The simulated galaxies against DC2: counts, redshifts, colours and their red tails, clustering, clusters, quasars."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import h5py
import numpy as np
import pytest
from scipy.spatial import cKDTree

from portal.archive.sample import cells
from portal.archive.sample.bands import BANDS, EXTINCTION, mag_of
from portal.archive.sample.galaxies import galaxies_in, magnitudes_of, quasars_in, rich_cluster
from portal.archive.sample.templates import colours_at

DC2 = Path(__file__).resolve().parents[4] / "shared" / "data" / "real" / "catalogs" / "dc2_mags_z_10k.hdf5"
COLOURS = ("u-g", "g-r", "r-i", "i-z", "z-y")


class Galaxies(NamedTuple):
    """``mags`` before extinction, (n, 6); ``area`` in deg2; the rest as galaxies_in has it."""

    mags: np.ndarray
    z: np.ndarray
    ra: np.ndarray
    dec: np.ndarray
    r_e: np.ndarray
    bulge: np.ndarray
    q: np.ndarray
    cell: np.ndarray
    area: float


@pytest.fixture(scope="module")
def sky() -> Galaxies:
    some = cells.cells_of(62.0, -37.0, 0.5)
    parts = [galaxies_in(3, int(cell)) for cell in some]
    flux, z, ra, dec, r_e, bulge, q = (
        np.concatenate([part[name] for part in parts]) for name in ("flux", "z", "ra", "dec", "r_e", "bulge", "q")
    )
    mags = mag_of(flux) - cells.reddening(ra, dec)[:, None] * EXTINCTION
    cell = np.repeat(some, [len(part["ra"]) for part in parts])
    return Galaxies(mags, z, ra, dec, r_e, bulge, q, cell, len(some) * cells.CELL_AREA_DEG2)


class Catalog(NamedTuple):
    mags: np.ndarray
    error: np.ndarray
    z: np.ndarray


@pytest.fixture(scope="module")
def dc2() -> Catalog:
    if not DC2.exists():
        pytest.skip(f"{DC2.name} is not on this machine")
    with h5py.File(DC2) as file:
        group = file["photometry"]
        mags = np.stack([group[f"mag_{b}_lsst"][:] for b in BANDS], axis=1).astype(float)
        error = np.stack([group[f"mag_err_{b}_lsst"][:] for b in BANDS], axis=1).astype(float)
        return Catalog(mags, error, group["redshift"][:].astype(float))


@pytest.fixture(scope="module")
def observed(sky: Galaxies, dc2: Catalog) -> np.ndarray:
    """Magnitudes of ours with the noise of DC2: its median error at each magnitude, as noise of the flux."""
    rng, out = np.random.default_rng(8), np.empty_like(sky.mags)
    centres = np.arange(17.25, 29.0, 0.5)
    for k in range(6):
        near = [np.abs(dc2.mags[:, k] - centre) < 0.25 for centre in centres]
        known = np.array([mask.sum() > 5 for mask in near])
        error = [np.median(dc2.error[mask, k]) for mask in np.array(near)[known]]
        noise = np.interp(sky.mags[:, k], centres[known], error) * rng.standard_normal(len(sky.mags)) / 1.0857
        out[:, k] = sky.mags[:, k] - 2.5 * np.log10(np.where(noise > -1, 1 + noise, np.nan))
    return out


def test_counts_and_their_slope(sky: Galaxies) -> None:
    i = sky.mags[:, 3]
    assert (i < 25.3).sum() / sky.area / 3600 == pytest.approx(48, rel=0.05)  # the gold sample of the Science Book
    steps = [np.log10((i < bright + 1).sum() / (i < bright).sum()) for bright in range(20, 24)]
    assert 0.30 < np.mean(steps) < 0.36
    assert min(steps) > 0.29 and max(steps) < 0.42


def test_redshifts(sky: Galaxies, dc2: Catalog, observed: np.ndarray) -> None:
    for bright in range(19, 25):
        ours, theirs = (_in_bin(mags, bright) for mags in (observed, dc2.mags))
        for part in (25, 50, 75):
            z = np.percentile(dc2.z[theirs], part)
            assert np.percentile(sky.z[ours], part) == pytest.approx(z, abs=0.05 + 0.1 * z), (bright, part)


def _in_bin(mags: np.ndarray, bright: int) -> np.ndarray:
    return (mags[:, 3] >= bright) & (mags[:, 3] < bright + 1)


def _colour(mags: np.ndarray, colour: int, bright: int) -> np.ndarray:
    """The measured values of one colour in a bin of i; DC2 has absurd magnitudes for what it did not see."""
    values = (mags[:, colour] - mags[:, colour + 1])[_in_bin(mags, bright)]
    return values[np.abs(values) < 8]


@pytest.mark.parametrize("colour", range(5), ids=COLOURS)
def test_median_colours(colour: int, dc2: Catalog, observed: np.ndarray) -> None:
    for bright in range(18, 26):
        ours, theirs = (np.median(_colour(mags, colour, bright)) for mags in (observed, dc2.mags))
        assert abs(ours - theirs) < 0.15, (bright, ours, theirs)


@pytest.mark.parametrize("colour", range(3), ids=COLOURS[:3])
def test_red_tails(colour: int, dc2: Catalog, observed: np.ndarray) -> None:
    # Fainter than i = 23 the red end of u - g is not seen in DC2; before it, it rests on noisy u of few galaxies.
    for bright in range(19, 25 if colour else 23):
        for part in (90, 95):
            ours, theirs = (np.percentile(_colour(mags, colour, bright), part) for mags in (observed, dc2.mags))
            assert abs(ours - theirs) < (0.15 if colour else 0.2), (bright, part, ours, theirs)


def test_clustering_falls_with_angle(sky: Galaxies) -> None:
    x = (sky.ra - 62.0) * np.cos(np.radians(-37.0)) * 3600
    y = (sky.dec + 37.0) * 3600
    edges = np.array([5.0, 20.0, 80.0, 320.0])
    inside = np.hypot(x, y) < 1500
    rng = np.random.default_rng(2)
    radius, angle = 1500 * np.sqrt(rng.random(20000)), rng.uniform(0, 2 * np.pi, 20000)
    random = cKDTree(np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1))
    for bright, faint, at_40 in ((20.0, 21.5, 0.08), (21.5, 23.0, 0.05), (23.0, 24.0, 0.03)):
        some = inside & (sky.mags[:, 3] >= bright) & (sky.mags[:, 3] < faint)
        points = cKDTree(np.stack([x, y], axis=1)[some])
        n, m = points.n, random.n
        dd = np.diff(points.count_neighbors(points, edges)) / (n * (n - 1))
        dr = np.diff(points.count_neighbors(random, edges)) / (n * m)
        rr = np.diff(random.count_neighbors(random, edges)) / (m * (m - 1))
        w = (dd - 2 * dr + rr) / rr  # Landy & Szalay 1993
        assert w[0] > w[1] > w[2], bright
        assert 0.4 * at_40 < w[1] < 2.0 * at_40, bright
        assert abs(w[2]) < 0.03


def test_a_cluster_shows_a_narrow_red_sequence() -> None:
    rng, cell = np.random.default_rng(6), int(cells.cells_of(62.0, -37.0, 0.01)[0])
    for _ in range(12):
        ra, dec, i, z, kind = rich_cluster(rng, cell)
        redshift = np.median(z)
        mags = magnitudes_of(rng, i, z, kind)
        k = 1 if redshift < 0.35 else 2  # the colour across the 400 nm break
        colour, bright = mags[:, k] - mags[:, k + 1], i < i[0] + 4
        assert len(i) > 30 and i[0] < np.percentile(i, 5)
        # Brighter is redder, a little: the slope is taken out before the width is.
        red = bright & (np.abs(colour - colour[0]) < 0.25)
        slope, level = np.polyfit(i[red] - i[0], colour[red], 1)
        ridge = colour - level - slope * (i - i[0])
        assert -0.08 < slope < 0.03
        assert 1.4826 * np.median(np.abs(ridge[red])) < 0.075, redshift
        assert (np.abs(ridge[bright]) < 0.15).mean() > 0.5, redshift
        # What is no member is mostly bluer.
        field = galaxies_in(3, cell)
        field_mags = mag_of(field["flux"])[mag_of(field["flux"][:, 3]) < 23.5]
        assert np.median(field_mags[:, k] - field_mags[:, k + 1]) < level - 0.04
        distance = cells.separation(ra, dec, ra[0], dec[0]) * 3600
        assert np.median(distance) < 120


def test_red_sequence_moves_with_redshift() -> None:
    z = np.array([0.2, 0.4, 0.6, 0.8])
    colours = -np.diff(colours_at(-0.4 + 0.67 * z, z), axis=1)
    assert (np.diff(colours[:2, 1]) > 0.2).all()  # g - r rises until the break leaves g
    assert (np.diff(colours[1:, 2]) > 0.1).sum() >= 1 and colours[3, 2] > 0.9


def test_sizes_and_shapes(sky: Galaxies) -> None:
    i = sky.mags[:, 3]
    for at, size in ((20.5, 0.8), (22.5, 0.45), (24.5, 0.25)):  # HST: Griffith et al. 2012 and others
        assert np.median(sky.r_e[np.abs(i - at) < 0.5]) == pytest.approx(size, rel=0.25)
    assert sky.q.min() >= 0.2 and sky.q.max() <= 1 and 0.5 < np.median(sky.q) < 0.75
    gr = sky.mags[:, 1] - sky.mags[:, 2]
    bright = (i < 21) & (sky.z > 0.2) & (sky.z < 0.4)
    assert np.median(sky.bulge[bright & (gr > 1.4)]) > 0.6 > 0.3 > np.median(sky.bulge[bright & (gr < 1.0)])


def test_quasars() -> None:
    some = cells.cells_of(62.0, -37.0, 1.2)
    parts = [quasars_in(3, int(cell)) for cell in some]
    flux, z = np.concatenate([part["flux"] for part in parts]), np.concatenate([part["z"] for part in parts])
    mags, area = mag_of(flux), len(some) * cells.CELL_AREA_DEG2
    for faint, number in ((20.0, 26), (22.0, 105), (24.0, 410)):
        assert (mags[:, 3] < faint).sum() / area == pytest.approx(number, rel=0.25)
    ug = mags[:, 0] - mags[:, 1]
    assert np.median(ug[(z > 0.5) & (z < 2)]) < 0.4  # the ultraviolet excess
    assert np.median(ug[(z > 3.2)]) > 1.2  # gone beyond the Lyman limit


def test_nothing_leaves_its_cell(sky: Galaxies) -> None:
    assert (cells.leaf_of(sky.ra, sky.dec) >> cells.CELL_SHIFT == sky.cell).all()
    one, again = (galaxies_in(3, int(sky.cell[0])) for _ in range(2))
    assert all((one[name] == again[name]).all() for name in one)
