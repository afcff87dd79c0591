"""Galaxies and quasars: counts, redshifts, types, sizes and shapes, gathered into groups and rich clusters."""

from __future__ import annotations

import numpy as np

from portal.archive.sample.bands import EXTINCTION, flux_of
from portal.archive.sample.cells import CELL_AREA_DEG2, offset, places_in, reddening
from portal.archive.sample.streams import stream
from portal.archive.sample.templates import colours_at, comoving_mpc, distance_modulus

BRIGHT, FAINT = 15.0, 26.0
COUNT_AT_25 = 39.5 * 3600.0  # galaxies per deg2 brighter than i = 25
IN_GROUPS = 0.3
CLUSTERS_PER_DEG2 = 9.0
QUASARS_PER_DEG2 = 420.0  # to i = 24
_MAGS = np.arange(BRIGHT, FAINT + 0.01, 0.05)
# Logarithmic slope of the counts at i, and the median redshift at i.
_SLOPE_I, _SLOPE = np.array([15.0, 18.0, 20.0, 22.0, 24.0, 26.0]), np.array([0.50, 0.43, 0.355, 0.33, 0.30, 0.25])
_Z_I, _Z_MEDIAN = (
    np.array([15.0, 18.0, 20.0, 22.0, 23.0, 24.0, 26.0]),
    np.array([0.1, 0.28, 0.5, 0.74, 0.86, 0.96, 1.1]),
)


def _ladder() -> np.ndarray:
    """Cumulative galaxies per deg2 brighter than each of _MAGS."""
    slope = np.interp(_MAGS, _SLOPE_I, _SLOPE)
    log_density = np.concatenate([[0.0], np.cumsum((slope[1:] + slope[:-1]) / 2 * 0.05)])
    density = 10**log_density
    total = np.concatenate([[0.0], np.cumsum((density[1:] + density[:-1]) / 2 * 0.05)])
    return total * COUNT_AT_25 / np.interp(25.0, _MAGS, total)


def _types(rng: np.random.Generator, i: np.ndarray, z: np.ndarray, extra: np.ndarray | float = 0.0) -> np.ndarray:
    """Spectral type 0 (red) ... 4 (blue): red ones are luminous and rarer at high redshift."""
    luminous = i - distance_modulus(np.maximum(z, 0.01))
    share = 0.62 / (1 + np.exp((luminous + 21.0) / 0.8)) * np.exp(-((z / 1.1) ** 2)) + 0.05 * np.exp(-z) + extra
    red = rng.random(len(i)) < share
    blue = np.clip(rng.normal(2.55 + 0.25 * np.clip(i - 22, -3, 3), 0.75, len(i)), 1.0, 3.99)
    return np.where(red, np.abs(rng.normal(0.0, 0.18, len(i))), blue)


def _shapes(rng: np.random.Generator, i: np.ndarray, z: np.ndarray, kind: np.ndarray) -> dict[str, np.ndarray]:
    n, red = len(i), kind < 0.8
    size = 10 ** (-0.29 + -0.125 * (np.clip(i, 17, 27) - 22.0) + 0.18 * rng.standard_normal(n))
    bulge = np.where(red, np.clip(rng.normal(0.75, 0.2, n), 0, 1), np.clip(rng.exponential(0.13, n), 0, 0.8))
    tilt = rng.random(n)
    disc = np.sqrt(tilt**2 * (1 - 0.2**2) + 0.2**2)
    q = np.where(red, np.clip(rng.normal(0.72, 0.15, n), 0.3, 1.0), np.clip(disc, 0.2, 1.0))
    return {"r_e": np.clip(size, 0.04, 9.0), "bulge": bulge, "q": q, "pa": rng.uniform(0, 180, n), "z": z}


def _grouped(
    rng: np.random.Generator, ra: np.ndarray, dec: np.ndarray, i: np.ndarray, z: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Move a part of the galaxies round a brighter one of nearly their redshift."""
    n = len(i)
    chosen = rng.random(n) < IN_GROUPS
    heads = np.flatnonzero((i < 22.5) & ~chosen)
    if len(heads) < 3:
        return ra, dec, z
    heads = heads[np.argsort(z[heads])]
    rich = rng.pareto(1.6, len(heads))
    members = np.flatnonzero(chosen)
    near = np.searchsorted(z[heads], z[members])
    tries = np.clip(near[:, None] + rng.integers(-4, 5, (len(members), 4)), 0, len(heads) - 1)
    best = tries[np.arange(len(members)), np.argmax(rich[tries], axis=1)]
    close = np.abs(z[heads[best]] - z[members]) < 0.06 * (1 + z[members])
    members, best = members[close], heads[best[close]]
    reach = 0.35 / (comoving_mpc(z[best]) / (1 + z[best]) + 30.0) * 206265.0  # 0.35 Mpc in arcsec
    radius = reach * rng.random(len(members)) ** 0.9 / (1e-3 + rng.random(len(members)) ** 0.35)
    radius = np.minimum(radius, 150.0)
    angle = rng.uniform(0, 2 * np.pi, len(members))
    new_ra, new_dec = offset(ra[best], dec[best], radius * np.cos(angle), radius * np.sin(angle))
    ra, dec, z = ra.copy(), dec.copy(), z.copy()
    ra[members], dec[members] = new_ra, new_dec
    z[members] = z[best] + rng.normal(0, 0.0015, len(members)) * (1 + z[best])
    return ra, dec, np.maximum(z, 0.01)


def _cluster(rng: np.random.Generator, cell: int) -> tuple[np.ndarray, ...]:
    """One rich cluster: places, magnitudes, redshifts and types, the brightest galaxy first."""
    ra0, dec0 = places_in(cell, 1, rng)
    z0, n = rng.uniform(0.18, 0.85), int(rng.integers(40, 140))
    knee = distance_modulus(z0) - 22.0 + 1.4 * z0
    i = np.concatenate([[knee - 1.6], knee - 0.6 + 4.2 * rng.random(n - 1) ** 0.6])
    scale = 0.25 / (comoving_mpc(z0) / (1 + z0)) * 206265.0
    radius = scale * np.sqrt(1.0 / (1.0 - 0.96 * rng.random(n)) - 1.0)
    radius[0] = 0.0
    angle = rng.uniform(0, 2 * np.pi, n)
    ra, dec = offset(ra0[0], dec0[0], radius * np.cos(angle), 0.75 * radius * np.sin(angle))
    kind = np.where(rng.random(n) < 0.75, np.abs(rng.normal(0, 0.1, n)), rng.uniform(1.2, 3.5, n))
    kind[0] = 0.0
    return ra, dec, i, z0 + rng.normal(0, 0.004, n), kind


def galaxies_in(seed: int, cell: int) -> dict[str, np.ndarray]:
    """The galaxies of one cell: ra, dec (deg), flux (nJy, (n, 6)), r_e (arcsec), bulge, q, pa (deg), z."""
    rng = stream(seed, "galaxies", cell)
    ladder = _ladder()
    n = int(rng.poisson(ladder[-1] * CELL_AREA_DEG2))
    i = np.interp(rng.random(n) * ladder[-1], ladder, _MAGS)
    z = rng.gamma(3.0, 1.0, n) * np.interp(i, _Z_I, _Z_MEDIAN) / 2.674
    z = np.clip(z, 0.01, 5.5)
    ra, dec = places_in(cell, n, rng)
    ra, dec, z = _grouped(rng, ra, dec, i, z)
    kind = _types(rng, i, z)
    clusters = [_cluster(rng, cell) for _ in range(int(rng.poisson(CLUSTERS_PER_DEG2 * CELL_AREA_DEG2)))]
    if clusters:
        ra, dec, i, z, kind = (
            np.concatenate([old, *new]) for old, new in zip((ra, dec, i, z, kind), zip(*clusters, strict=True))
        )
    n = len(i)
    mags = i[:, None] + colours_at(kind, z) + rng.normal(0, 0.04, (n, 6)) + reddening(ra, dec)[:, None] * EXTINCTION
    return {"ra": ra, "dec": dec, "flux": flux_of(mags), **_shapes(rng, i, z, kind)}


def quasars_in(seed: int, cell: int) -> dict[str, np.ndarray]:
    """The quasars of one cell, point-like: ra, dec (deg), flux (nJy, (n, 6)), z."""
    rng = stream(seed, "quasars", cell)
    n = int(rng.poisson(QUASARS_PER_DEG2 * CELL_AREA_DEG2))
    i = 24.0 + np.log10(np.maximum(rng.random(n), 1e-4)) / 0.42
    z = np.clip(rng.gamma(4.0, 0.42, n), 0.15, 5.0)
    ra, dec = places_in(cell, n, rng)
    mags = i[:, None] + colours_at(np.full(n, 5.0), z) + rng.normal(0, 0.07, (n, 6))
    return {"ra": ra, "dec": dec, "flux": flux_of(mags + reddening(ra, dec)[:, None] * EXTINCTION), "z": z}
