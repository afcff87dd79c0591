"""Stars along the line of sight: two discs, a halo with its giants and blue branch, and white dwarfs.

Counts follow from integrating the densities of the components over distance, so they depend on galactic
latitude and longitude. Forms after Juric et al. 2008 (ApJ 673, 864); scales and luminosity functions are set so
that counts agree with TRILEGAL (Girardi et al. 2005, A&A 436, 895; Dal Tio et al. 2022, ApJS 262, 22) within
about 10 % away from the plane (|b| > 20 deg), and within a factor of two in it. Colours follow from the absolute
magnitude through main sequences for disc and halo, g - r from r - i as in Covey et al. 2007 (AJ 134, 2398).
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
# Stars per pc3 and magnitude at absolute r magnitudes -1, 0, ... 17: of the disc near the Sun, and of the halo
# where its density is 1.
DISC_LUMINOSITY = np.array(
    [8e-6, 1.7e-5, 4.3e-5, 1.8e-4, 5.5e-4, 1.5e-3, 2.4e-3, 2.4e-3, 2.5e-3, 3.0e-3, 4.2e-3, 7.1e-3, 1.0e-2, 1.1e-2,
     8.6e-3, 6.8e-3, 5.7e-3, 4.9e-3, 3.9e-3]
)  # fmt: skip
HALO_LUMINOSITY = np.array(
    [2.1e-5, 4.3e-5, 8.2e-5, 1.6e-4, 3.4e-4, 4.5e-4, 1.5e-3, 1.5e-3, 1.8e-3, 3.4e-3, 7.4e-3, 1.1e-2, 1.1e-2, 7.1e-3,
     4.4e-3, 3.0e-3, 2.2e-3, 1.7e-3, 1.3e-3]
)  # fmt: skip
# r - i of the main sequences of disc and halo at absolute r magnitude.
_DISC_M = np.array([-1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18.5])
_DISC_RI = np.array([-0.18, -0.15, -0.12, -0.06, 0.02, 0.1, 0.16, 0.25, 0.4, 0.62, 0.82, 1.03, 1.24, 1.43, 1.61, 1.87,
                     2.16, 2.4, 2.6, 2.75])  # fmt: skip
_HALO_M = np.array([2.5, 3.5, 4.5, 5.5, 6.5, 7.5, 8.5, 9.5, 10.5, 11.5, 12.5, 14.0, 17.0])
_HALO_RI = np.array([-0.02, 0.05, 0.084, 0.141, 0.223, 0.302, 0.386, 0.454, 0.531, 0.64, 0.76, 1.05, 1.6])
THICK_IS_FAINTER = 0.9  # a thick-disc dwarf against one of the thin disc and the same colour, mag
BLUE_BRANCH = 0.15  # share of the halo's evolved stars near absolute magnitude 0.6 on the blue horizontal branch
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
    inner = np.maximum(radius, 3500.0) - SUN_R_PC  # the discs do not go on rising within the bar
    thin = np.exp(-inner / 2600.0 - height / 334.0)
    thick = 0.104 * np.exp(-inner / 3600.0 - height / 681.0)
    halo = 0.0037 * np.hypot(np.hypot(radius, height / 0.64) / SUN_R_PC, 0.3) ** -2.75
    return np.stack([thin, thick, halo, thin + thick])


def _luminosity() -> np.ndarray:
    """Luminosity functions of the components on ABSOLUTE, stars per pc3 and bin, shape (4, magnitudes)."""
    step = ABSOLUTE[1] - ABSOLUTE[0]
    disc, halo = (
        np.exp(np.interp(ABSOLUTE, np.arange(-1.0, 18.0), np.log(values))) * step
        for values in (DISC_LUMINOSITY, HALO_LUMINOSITY)
    )
    old = disc * 1.0 / (1.0 + np.exp(-(ABSOLUTE - 4.1) * 6.0))  # the turn-off of an old population
    branch = np.where(ABSOLUTE < 4.0, 8e-4 * step * 10 ** (0.3 * (ABSOLUTE - 4.0)), 0.0)  # its giants
    # White dwarfs, 4.7e-3 per pc3, most of them cool and faint.
    cooling = np.where((ABSOLUTE > 10.5) & (ABSOLUTE < 16), 1e-4 * step * 10 ** (0.27 * (ABSOLUTE - 10.5)), 0.0)
    return np.stack([disc, old + branch, halo, cooling])


def expected_counts(ra: float, dec: float, bright: float = BRIGHT, faint: float = FAINT) -> np.ndarray:
    """Expected stars per deg2 with r (before extinction) between two magnitudes.

    Shape (component THIN ... DWARF, DISTANCE_PC, ABSOLUTE); ``ra`` and ``dec`` in degrees (ICRS).
    """
    steradian = np.radians(1.0) ** 2
    volume = steradian * DISTANCE_PC**3 * np.log(DISTANCE_PC[1] / DISTANCE_PC[0])
    apparent = ABSOLUTE[None, :] + 5 * np.log10(DISTANCE_PC)[:, None] - 5
    seen = (apparent > bright) & (apparent < faint)
    density = _densities(*galactic(ra, dec))
    return density[:, :, None] * _luminosity()[:, None, :] * volume[None, :, None] * seen[None]


def star_colours(
    component: np.ndarray, absolute: np.ndarray, blue: np.ndarray, noise: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """u-g, g-r, r-i, i-z, z-y of stars; ``blue`` marks blue horizontal-branch stars, ``noise`` is normal, (n, 3)."""
    halo, white = component == HALO, component == DWARF
    ri = np.interp(absolute - THICK_IS_FAINTER * (component == THICK), _DISC_M, _DISC_RI)
    ri = np.where(halo, np.interp(absolute, _HALO_M, _HALO_RI), ri)
    giant = (halo & (absolute < 3.6)) | ((component == THICK) & (absolute < 3.9))
    ri = np.where(giant, np.clip(0.09 + 0.038 * (3.75 - absolute) + 0.06 * (component == THICK), 0.08, 0.5), ri)
    ri = np.where(blue, -0.2 + 0.1 * absolute, ri)
    ri = np.where(white, np.interp(absolute, [10.5, 12, 14, 16], [-0.3, -0.17, 0.08, 0.3]), ri)
    gr = np.where(white, 1.55 * ri + 0.02, locus_gr(ri)) + 0.018 * noise[:, 1]
    gr = np.where(blue, gr - 0.04, gr)
    ug = np.interp(gr, _UG_AT_GR[:, 0], _UG_AT_GR[:, 1]) - 0.12 * (halo & ~blue) * (gr < 1.0)
    ug = np.where(white, np.interp(gr, [-0.5, -0.2, 0.4], [-0.4, 0.35, 0.9]), ug) + 0.03 * noise[:, 2]
    ri = ri + 0.012 * noise[:, 0]
    ug = np.where(blue, 1.1 + 0.03 * noise[:, 2], ug)  # the Balmer break of an A star of low gravity
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
    counts = expected_counts(*centre_of(cell))
    total = counts.sum() * CELL_AREA_DEG2
    n = int(rng.poisson(total))
    ladder = np.cumsum(counts.ravel())
    chosen = np.searchsorted(ladder, rng.random(n) * ladder[-1], side="right")
    component, place, level = np.unravel_index(np.minimum(chosen, ladder.size - 1), counts.shape)
    absolute = ABSOLUTE[level] + rng.uniform(-0.125, 0.125, n)
    step = np.log10(DISTANCE_PC[1] / DISTANCE_PC[0])
    modulus = 5 * (np.log10(DISTANCE_PC[place]) + step * rng.uniform(-0.5, 0.5, n)) - 5
    blue = (component == HALO) & (np.abs(absolute - 0.6) < 0.5) & (rng.random(n) < BLUE_BRANCH)
    colours = star_colours(component, absolute, blue, rng.standard_normal((n, 3)))
    ra, dec = places_in(cell, n, rng)
    return {"ra": ra, "dec": dec, "flux": fluxes_from(absolute + modulus, colours, reddening(ra, dec))}
