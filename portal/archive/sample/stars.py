"""Stars along the line of sight: discs, halo and white dwarfs, with a luminosity function and a colour locus.

Counts follow from integrating the densities of the components over distance, so they depend on galactic
latitude and longitude. Colours follow from the absolute magnitude through a main sequence.
"""

from __future__ import annotations

import numpy as np

from portal.archive.sample.bands import EXTINCTION, flux_of
from portal.archive.sample.cells import CELL_AREA_DEG2, centre_of, galactic, places_in, reddening
from portal.archive.sample.streams import stream

BRIGHT, FAINT = 13.0, 26.0
SUN_R_PC, SUN_Z_PC = 8200.0, 20.0
ABSOLUTE = np.arange(-1.0, 17.01, 0.25)
DISTANCE_PC = np.geomspace(15.0, 1.2e5, 160)
# Stars per pc3 and magnitude near the Sun, at absolute r magnitudes -1, 0, ... 17.
DISC_LUMINOSITY = np.array(
    [1e-5, 2e-5, 5e-5, 2e-4, 6e-4, 1.6e-3, 2.4e-3, 2.6e-3, 2.8e-3, 3.6e-3, 5e-3, 7.5e-3, 8.5e-3, 7e-3, 5e-3,
     3.5e-3, 2.5e-3, 2e-3, 1.5e-3]
)  # fmt: skip
# r - i of the main sequence at absolute r magnitude.
_SEQUENCE_M = np.array([-1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18.5])
_SEQUENCE_RI = np.array([-0.18, -0.15, -0.12, -0.06, 0.02, 0.08, 0.14, 0.21, 0.33, 0.52, 0.76, 1.03, 1.3, 1.57, 1.82,
                         2.05, 2.26, 2.45, 2.6, 2.75])  # fmt: skip
_UG_AT_GR = np.array([[-0.6, -0.4], [-0.35, 0.1], [-0.15, 0.95], [0.1, 1.0], [0.25, 0.97], [0.4, 1.15], [0.6, 1.5],
                      [0.8, 1.85], [1.0, 2.15], [1.2, 2.42], [1.4, 2.6], [1.6, 2.7]])  # fmt: skip
THIN, THICK, HALO, DWARF = range(4)


def locus_gr(ri: np.ndarray) -> np.ndarray:
    """g - r on the stellar locus at r - i."""
    x = np.clip(ri, -0.25, 2.8)
    return 1.39 * (1.0 - np.exp(-4.9 * x**3 - 2.45 * x**2 - 1.68 * x - 0.05))


def _densities(longitude: float, latitude: float) -> np.ndarray:
    """Relative density of the four components along the line of sight, shape (4, distances)."""
    b, direction = np.radians(latitude), np.radians(longitude)
    flat = DISTANCE_PC * np.cos(b)
    radius = np.sqrt(SUN_R_PC**2 - 2 * SUN_R_PC * flat * np.cos(direction) + flat**2)
    height = np.abs(DISTANCE_PC * np.sin(b) + SUN_Z_PC)
    thin = np.exp(-(radius - SUN_R_PC) / 2600.0 - height / 300.0)
    thick = 0.11 * np.exp(-(radius - SUN_R_PC) / 3600.0 - height / 850.0)
    halo = 0.0038 * (np.hypot(radius, height / 0.64) / SUN_R_PC + 0.02) ** -2.9
    return np.stack([thin, thick, halo, thin + thick])


def _luminosity() -> np.ndarray:
    """Luminosity functions of the components on ABSOLUTE, stars per pc3 and bin, shape (4, magnitudes)."""
    step = ABSOLUTE[1] - ABSOLUTE[0]
    disc = np.exp(np.interp(ABSOLUTE, np.arange(-1.0, 18.0), np.log(DISC_LUMINOSITY))) * step
    old = disc * 1.0 / (1.0 + np.exp(-(ABSOLUTE - 4.1) * 6.0))  # the turn-off of an old population
    branch = np.where(ABSOLUTE < 4.0, 8e-4 * step * 10 ** (0.3 * (ABSOLUTE - 4.0)), 0.0)  # its giants
    cooling = np.where((ABSOLUTE > 10.5) & (ABSOLUTE < 16), 4.5e-3 / 5.5 * step, 0.0)
    return np.stack([disc, old + branch, old + branch, cooling])


def _counts(ra: float, dec: float) -> np.ndarray:
    """Expected stars per deg2 in (component, distance, absolute magnitude)."""
    steradian = np.radians(1.0) ** 2
    volume = steradian * DISTANCE_PC**3 * np.log(DISTANCE_PC[1] / DISTANCE_PC[0])
    apparent = ABSOLUTE[None, :] + 5 * np.log10(DISTANCE_PC)[:, None] - 5
    seen = (apparent > BRIGHT) & (apparent < FAINT)
    density = _densities(*galactic(ra, dec))
    return density[:, :, None] * _luminosity()[:, None, :] * volume[None, :, None] * seen[None]


def star_colours(
    component: np.ndarray, absolute: np.ndarray, noise: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """u-g, g-r, r-i, i-z, z-y of stars; ``noise`` is standard normal, shape (n, 3)."""
    poor = np.choose(component, [0.0, 0.4, 1.1, 0.0])
    ri = np.interp(absolute + 0.0 - poor, _SEQUENCE_M, _SEQUENCE_RI)
    giant = (component != THIN) & (component != DWARF) & (absolute < 3.9)
    ri = np.where(giant, np.clip(0.16 + 0.045 * (3.9 - absolute), 0, 0.5), ri)
    white = component == DWARF
    ri = np.where(white, np.interp(absolute, [10.5, 12, 14, 16], [-0.3, -0.17, 0.08, 0.3]), ri)
    ri = ri + 0.008 * noise[:, 0]
    gr = np.where(white, 1.55 * ri + 0.02, locus_gr(ri)) + 0.018 * noise[:, 1]
    ug = np.interp(gr, _UG_AT_GR[:, 0], _UG_AT_GR[:, 1]) - 0.12 * (component == HALO) * (gr < 1.0)
    ug = np.where(white, np.interp(gr, [-0.5, -0.2, 0.4], [-0.4, 0.35, 0.9]), ug) + 0.03 * noise[:, 2]
    iz = 0.54 * ri + 0.01 * noise[:, 2]
    zy = 0.25 * ri + 0.012 + 0.01 * noise[:, 1]
    return ug, gr, ri, iz, zy


def fluxes_from(r: np.ndarray, colours: tuple[np.ndarray, ...], ebv: np.ndarray) -> np.ndarray:
    """nJy in six bands after extinction, shape (n, 6), from the r magnitude before it and five colours."""
    ug, gr, ri, iz, zy = colours
    mags = np.stack([r + gr + ug, r + gr, r, r - ri, r - ri - iz, r - ri - iz - zy], axis=1)
    return flux_of(mags + np.asarray(ebv)[:, None] * EXTINCTION)


def stars_in(seed: int, cell: int) -> dict[str, np.ndarray]:
    """The stars of one cell: ra, dec (deg), flux (nJy, (n, 6))."""
    rng = stream(seed, "stars", cell)
    counts = _counts(*centre_of(cell))
    total = counts.sum() * CELL_AREA_DEG2
    n = int(rng.poisson(total))
    ladder = np.cumsum(counts.ravel())
    chosen = np.searchsorted(ladder, rng.random(n) * ladder[-1], side="right")
    component, place, level = np.unravel_index(np.minimum(chosen, ladder.size - 1), counts.shape)
    absolute = ABSOLUTE[level] + rng.uniform(-0.125, 0.125, n)
    step = np.log10(DISTANCE_PC[1] / DISTANCE_PC[0])
    modulus = 5 * (np.log10(DISTANCE_PC[place]) + step * rng.uniform(-0.5, 0.5, n)) - 5
    colours = star_colours(component, absolute, rng.standard_normal((n, 3)))
    ra, dec = places_in(cell, n, rng)
    return {"ra": ra, "dec": dec, "flux": fluxes_from(absolute + modulus, colours, reddening(ra, dec))}
