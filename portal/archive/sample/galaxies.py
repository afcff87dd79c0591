"""Galaxies and quasars: counts, redshifts, types, sizes and shapes, gathered into groups and rich clusters.

Numbers, redshifts and colours follow DC2 (LSST DESC 2021, ApJS 253, 31; its galaxies are those of cosmoDC2,
Korytov et al. 2019, ApJS 245, 26): laws of magnitude and redshift fitted to its catalogue, no row of which is here.
"""

from __future__ import annotations

import numpy as np

from portal.archive.sample.bands import EXTINCTION, flux_of
from portal.archive.sample.cells import CELL_AREA_DEG2, CELL_SHIFT, centre_of, leaf_of, offset, places_in, reddening
from portal.archive.sample.streams import stream
from portal.archive.sample.templates import BLUEST, REDDEST, colours_at, comoving_mpc, distance_modulus

BRIGHT, FAINT = 15.0, 26.0
COUNT_AT_25 = 39.5 * 3600.0  # galaxies per deg2 brighter than i = 25
# Groups: share of the galaxies in them, i of their heads, radius, and how far a galaxy looks for a rich head.
IN_GROUPS, GROUP_HEAD, GROUP_MPC, GROUP_CHOICE = 0.55, 22.3, 0.7, 8
CLUSTERS_PER_DEG2 = 9.0
TEMPLATE_SCATTER = 0.025  # mag in each band
# Quasars to i = 24; their counts rise by 0.3 dex a magnitude, and more steeply before i = 20 (Richards et al. 2006).
QUASARS_PER_DEG2, QUASAR_SLOPE, QUASAR_SLOPE_BRIGHT, QUASAR_KNEE = 420.0, 0.30, 0.75, 20.0
_MAGS = np.arange(BRIGHT, FAINT + 0.01, 0.05)
# Logarithmic slope of the counts at i, and the median redshift at i.
_SLOPE_I, _SLOPE = np.array([15.0, 18.0, 20.0, 22.0, 24.0, 26.0]), np.array([0.50, 0.43, 0.355, 0.33, 0.30, 0.25])
_Z_I = np.array([15.0, 18.5, 19.5, 20.5, 21.5, 22.5, 23.5, 24.5, 26.0])
_Z_MEDIAN = np.array([0.1, 0.26, 0.305, 0.435, 0.64, 0.77, 0.86, 0.95, 1.05])
_Z_SHAPE = np.array([3.8, 3.7, 3.7, 2.75, 2.4, 2.4, 2.4, 2.35, 2.3])  # of the Weibull law of redshifts
# Beyond its tail: the share of galaxies of i > 23.5 seen at the Lyman break, and where.
DROPOUTS, DROPOUT_Z = 0.012, (2.6, 4.8)
# Mean type of galaxies off the red sequence at redshift z, for absolute i magnitude -21 (without K correction).
_BLUE_Z = np.array([0.0, 0.3, 0.6, 0.9, 1.2, 1.6, 2.0, 3.0])
_BLUE_TYPE = np.array([0.64, 0.9, 1.24, 1.56, 2.13, 2.3, 2.6, 3.0])


def _ladder() -> np.ndarray:
    """Cumulative galaxies per deg2 brighter than each of _MAGS."""
    slope = np.interp(_MAGS, _SLOPE_I, _SLOPE)
    log_density = np.concatenate([[0.0], np.cumsum((slope[1:] + slope[:-1]) / 2 * 0.05)])
    density = 10**log_density
    total = np.concatenate([[0.0], np.cumsum((density[1:] + density[:-1]) / 2 * 0.05)])
    return total * COUNT_AT_25 / np.interp(25.0, _MAGS, total)


def red_sequence(i: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Type of the passive galaxies: redder when brighter, younger at high redshift."""
    luminous = np.clip(i - distance_modulus(np.maximum(z, 0.01)) + 21.0, -3.5, 4.0)
    return -0.40 + 0.67 * np.asarray(z) + 0.08 * luminous


def _types(rng: np.random.Generator, i: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Spectral type: on the red sequence or beside it; red ones are luminous and rarer at high redshift."""
    luminous = np.clip(i - distance_modulus(np.maximum(z, 0.01)) + 21.0, -5.0, 8.0)
    share = 1.0 / (1.0 + np.exp(np.clip(-0.28 + 0.45 * luminous + 3.7 * z**2, -30, 30)))
    blue = np.interp(z, _BLUE_Z, _BLUE_TYPE) + 0.022 * luminous**2 - 0.1 * np.clip(luminous, 0.0, 2.5)
    width = np.minimum(0.48 + 0.22 * z, 0.9)
    spread = rng.standard_normal(len(i))
    kind = np.where(rng.random(len(i)) < share, red_sequence(i, z) + 0.12 * spread, blue + width * spread)
    return np.clip(kind, REDDEST, BLUEST)


def _shapes(rng: np.random.Generator, i: np.ndarray, z: np.ndarray, kind: np.ndarray) -> dict[str, np.ndarray]:
    n, red = len(i), kind < red_sequence(i, z) + 0.4
    size = 10 ** (-0.29 + -0.125 * (np.clip(i, 17, 27) - 22.0) + 0.18 * rng.standard_normal(n))
    bulge = np.where(red, np.clip(rng.normal(0.75, 0.2, n), 0, 1), np.clip(rng.exponential(0.13, n), 0, 0.8))
    tilt = rng.random(n)
    disc = np.sqrt(tilt**2 * (1 - 0.2**2) + 0.2**2)
    q = np.where(red, np.clip(rng.normal(0.72, 0.15, n), 0.3, 1.0), np.clip(disc, 0.2, 1.0))
    return {"r_e": np.clip(size, 0.04, 9.0), "bulge": bulge, "q": q, "pa": rng.uniform(0, 180, n), "z": z}


def _within(cell: int, ra: np.ndarray, dec: np.ndarray) -> np.ndarray:
    """Mask of the positions in the cell: nothing leaves the cell it is drawn for, so a field needs no others."""
    return leaf_of(ra, dec) >> CELL_SHIFT == cell


def _grouped(
    rng: np.random.Generator, cell: int, ra: np.ndarray, dec: np.ndarray, i: np.ndarray, z: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Move a part of the galaxies round a brighter one of nearly their redshift.

    Surface density falls as r^-0.8, the slope of the angular correlation function (Groth & Peebles 1977).
    """
    n = len(i)
    chosen = rng.random(n) < IN_GROUPS
    heads = np.flatnonzero((i < GROUP_HEAD) & ~chosen)
    if len(heads) < 3:
        return ra, dec, z
    heads = heads[np.argsort(z[heads])]
    rich = rng.pareto(1.6, len(heads))
    members = np.flatnonzero(chosen)
    near = np.searchsorted(z[heads], z[members])
    tries = np.clip(near[:, None] + rng.integers(-GROUP_CHOICE, GROUP_CHOICE + 1, (len(members), 6)), 0, len(heads) - 1)
    best = tries[np.arange(len(members)), np.argmax(rich[tries], axis=1)]
    close = np.abs(z[heads[best]] - z[members]) < 0.06 * (1 + z[members])
    members, best = members[close], heads[best[close]]
    reach = GROUP_MPC / (comoving_mpc(z[best]) / (1 + z[best]) + 30.0) * 206265.0  # arcsec
    radius = np.minimum(reach, 300.0) * rng.random(len(members)) ** (1.0 / 1.2)
    angle = rng.uniform(0, 2 * np.pi, len(members))
    new_ra, new_dec = offset(ra[best], dec[best], radius * np.cos(angle), radius * np.sin(angle))
    new_z = z[best] + rng.normal(0, 0.0015, len(members)) * (1 + z[best])
    kept = _within(cell, new_ra, new_dec)
    members = members[kept]
    ra, dec, z = ra.copy(), dec.copy(), z.copy()
    ra[members], dec[members], z[members] = new_ra[kept], new_dec[kept], new_z[kept]
    return ra, dec, np.maximum(z, 0.01)


def rich_cluster(rng: np.random.Generator, cell: int) -> tuple[np.ndarray, ...]:
    """One rich cluster in a cell: ra, dec (deg), i, z and type, the brightest galaxy first."""
    ra0, dec0 = (np.full(1, angle) for angle in centre_of(cell))
    ra0, dec0 = offset(ra0, dec0, *rng.uniform(-80.0, 80.0, (2, 1)))
    z0, n = rng.uniform(0.18, 0.85), int(rng.integers(40, 140))
    knee = distance_modulus(z0) - 22.0 + 1.4 * z0
    i = np.concatenate([[knee - 1.6], knee - 0.6 + 4.2 * rng.random(n - 1) ** 0.6])
    scale = 0.25 / (comoving_mpc(z0) / (1 + z0)) * 206265.0
    radius = scale * np.sqrt(1.0 / (1.0 - 0.96 * rng.random(n)) - 1.0)
    radius[0] = 0.0
    angle = rng.uniform(0, 2 * np.pi, n)
    ra, dec = offset(ra0[0], dec0[0], radius * np.cos(angle), 0.75 * radius * np.sin(angle))
    red = rng.random(n) < 0.75
    red[0] = True
    kind = np.where(red, red_sequence(i, np.full(n, z0)) + rng.normal(0, 0.045, n), rng.uniform(0.8, 2.5, n))
    kept = _within(cell, ra, dec)
    z = z0 + rng.normal(0, 0.004, n)
    return ra[kept], dec[kept], i[kept], z[kept], np.clip(kind, REDDEST, BLUEST)[kept]


def magnitudes_of(rng: np.random.Generator, i: np.ndarray, z: np.ndarray, kind: np.ndarray) -> np.ndarray:
    """AB magnitudes before extinction, (n, 6), with the scatter of real spectra about the templates."""
    return i[:, None] + colours_at(kind, z) + rng.normal(0, TEMPLATE_SCATTER, (len(i), 6))


def galaxies_in(seed: int, cell: int) -> dict[str, np.ndarray]:
    """The galaxies of one cell: ra, dec (deg), flux (nJy, (n, 6)), r_e (arcsec), bulge, q, pa (deg), z."""
    rng = stream(seed, "galaxies", cell)
    ladder = _ladder()
    n = int(rng.poisson(ladder[-1] * CELL_AREA_DEG2))
    i = np.interp(rng.random(n) * ladder[-1], ladder, _MAGS)
    shape = np.interp(i, _Z_I, _Z_SHAPE)
    z = np.interp(i, _Z_I, _Z_MEDIAN) * (rng.weibull(1.0, n) / np.log(2.0)) ** (1 / shape)
    broken = (i > 23.5) & (rng.random(n) < DROPOUTS)
    z = np.clip(np.where(broken, rng.uniform(*DROPOUT_Z, n), z), 0.01, 5.5)
    ra, dec = places_in(cell, n, rng)
    ra, dec, z = _grouped(rng, cell, ra, dec, i, z)
    kind = _types(rng, i, z)
    clusters = [rich_cluster(rng, cell) for _ in range(int(rng.poisson(CLUSTERS_PER_DEG2 * CELL_AREA_DEG2)))]
    if clusters:
        ra, dec, i, z, kind = (
            np.concatenate([old, *new]) for old, new in zip((ra, dec, i, z, kind), zip(*clusters, strict=True))
        )
    mags = magnitudes_of(rng, i, z, kind) + reddening(ra, dec)[:, None] * EXTINCTION
    return {"ra": ra, "dec": dec, "flux": flux_of(mags), **_shapes(rng, i, z, kind)}


def quasars_in(seed: int, cell: int) -> dict[str, np.ndarray]:
    """The quasars of one cell, point-like: ra, dec (deg), flux (nJy, (n, 6)), z."""
    rng = stream(seed, "quasars", cell)
    n = int(rng.poisson(QUASARS_PER_DEG2 * CELL_AREA_DEG2))
    rank = np.log10(np.maximum(rng.random(n), 1e-6))
    i = 24.0 + rank / QUASAR_SLOPE
    i = np.where(i < QUASAR_KNEE, QUASAR_KNEE + (i - QUASAR_KNEE) * QUASAR_SLOPE / QUASAR_SLOPE_BRIGHT, i)
    z = np.clip(rng.gamma(4.0, 0.42, n), 0.15, 5.0)
    ra, dec = places_in(cell, n, rng)
    mags = i[:, None] + colours_at(np.full(n, 5.0), z) + rng.normal(0, 0.07, (n, 6))
    return {"ra": ra, "dec": dec, "flux": flux_of(mags + reddening(ra, dec)[:, None] * EXTINCTION), "z": z}
