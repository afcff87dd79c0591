"""Variable stars put into the sky, cell by cell, and a few of every class about the middle of the main field.

So every preset has some of each, and what a small field holds a larger one holds too.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from portal.archive.sample import cells
from portal.archive.sample.bands import EXTINCTION, flux_of
from portal.archive.sample.lightcurves import CLASS_ID
from portal.archive.sample.presets import Field
from portal.archive.sample.stars import locus_gr
from portal.archive.sample.streams import stream

PLANTED_TID = 1 << 50  # of the stars in the core; the others are numbered in their cells as kind 3
CORE_RA, CORE_DEC, CORE_DEG = 62.0, -37.0, 0.044
_CELL_BITS, _KIND_BITS, _CLASS_BITS = 24, 22, 16
_UG_AT_GR = ((0.2, 0.5, 0.8, 1.2, 1.45), (1.0, 1.35, 1.85, 2.4, 2.6))


@dataclass(frozen=True)
class Planted:
    """How one class is planted: stars in the core and per square degree; ranges of r (mag, before extinction),
    period (days, drawn in the logarithm) and amplitude (mag); colours u-g g-r r-i i-z z-y, or the range of r-i
    from which a main-sequence star's colours follow."""

    core: int
    per_deg2: float
    r: tuple[float, float]
    period: tuple[float, float]
    amplitude: tuple[float, float]
    colours: tuple[float, ...]


# Several times as common as in the real halo, so that a field of half a degree shows each class.
PLANTED = {
    "RRab": Planted(2, 24, (16.6, 19.8), (0.46, 0.72), (0.5, 0.95), (1.12, 0.22, 0.06, 0.02, 0.01)),
    "RRc": Planted(1, 14, (16.6, 19.8), (0.27, 0.38), (0.28, 0.42), (1.12, 0.12, 0.02, 0.0, 0.0)),
    "CEP": Planted(1, 7, (16.8, 18.6), (1.6, 20.0), (0.4, 0.9), (1.35, 0.5, 0.18, 0.08, 0.04)),
    "DSCT": Planted(1, 10, (16.6, 18.5), (0.06, 0.17), (0.15, 0.4), (1.0, 0.15, 0.02, 0.0, 0.0)),
    "EA": Planted(2, 20, (16.6, 19.5), (0.7, 6.0), (0.35, 0.9), (1.5, 0.55, 0.2, 0.1, 0.05)),
    "EW": Planted(2, 28, (16.6, 20.0), (0.25, 0.45), (0.25, 0.65), (1.7, 0.75, 0.28, 0.14, 0.07)),
    "ROT": Planted(1, 30, (16.6, 19.5), (0.6, 24.0), (0.03, 0.14), (0.3, 1.1)),
    "LPV": Planted(1, 8, (17.0, 18.5), (90.0, 420.0), (0.6, 2.2), (2.6, 1.4, 1.2, 0.65, 0.35)),
    "FLARE": Planted(1, 30, (17.5, 20.0), (np.nan, np.nan), (0.0, 0.0), (1.3, 1.9)),
    "CV": Planted(1, 8, (19.6, 21.6), (np.nan, np.nan), (2.5, 4.8), (0.1, 0.2, 0.15, 0.1, 0.08)),
    "ULENS": Planted(1, 6, (17.5, 20.0), (np.nan, np.nan), (0.4, 2.5), (0.25, 0.7)),
}


def _colours(plan: Planted, n: int, rng: np.random.Generator) -> list[np.ndarray]:
    if len(plan.colours) == 5:
        return [c + 0.03 * rng.standard_normal(n) for c in plan.colours]
    r_i = rng.uniform(*plan.colours, n)
    g_r = locus_gr(r_i) + 0.02 * rng.standard_normal(n)
    u_g = np.interp(g_r, *_UG_AT_GR) + 0.03 * rng.standard_normal(n)
    return [u_g, g_r, r_i, 0.54 * r_i, 0.25 * r_i + 0.012]


def _grown(name: str, first: int, ra: np.ndarray, dec: np.ndarray, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Stars of one class at those places."""
    plan, n, code = PLANTED[name], len(ra), CLASS_ID[name]
    r = rng.uniform(*plan.r, n)
    u_g, g_r, r_i, i_z, z_y = _colours(plan, n, rng)
    mags = np.stack([r + g_r + u_g, r + g_r, r, r - r_i, r - r_i - i_z, r - r_i - i_z - z_y], axis=1)
    period = np.exp(rng.uniform(*np.log(plan.period), n)) if np.isfinite(plan.period[0]) else np.full(n, np.nan)
    amplitude = rng.uniform(*plan.amplitude, n)
    if name == "RRab":  # the shorter the period, the larger the amplitude (Bailey)
        amplitude = np.clip(0.95 - 1.6 * (period - 0.46) + 0.08 * rng.standard_normal(n), 0.35, 1.05)
    return {
        "tid": first + (code << _CLASS_BITS) + np.arange(n, dtype=np.int64),
        "ra": ra,
        "dec": dec,
        "flux": flux_of(mags + cells.reddening(ra, dec)[:, None] * EXTINCTION),
        "kind": np.full(n, code),
        "period": period,
        "amplitude": amplitude,
    }


def planted_stars(seed: int, field: Field) -> dict[str, np.ndarray]:
    """The variable stars of the cells of a field: tid, ra, dec (deg), flux (nJy, (n, 6)), kind (row of CLASSES),
    period (days) and amplitude (mag; NaN and 0 where a class has none)."""
    wanted = np.asarray(field.cells())
    parts = []
    for cell in wanted.tolist():
        rng = stream(seed, "planted", cell)
        first = (cell << _CELL_BITS) + (3 << _KIND_BITS)
        for name, plan in PLANTED.items():
            ra, dec = cells.places_in(cell, int(rng.poisson(plan.per_deg2 * cells.CELL_AREA_DEG2)), rng)
            if len(ra):
                parts.append(_grown(name, first, ra, dec, rng))
    for name, plan in PLANTED.items():
        rng = stream(seed, f"planted/core/{name}")
        radius, angle = CORE_DEG * np.sqrt(rng.random(plan.core)), rng.uniform(0, 2 * np.pi, plan.core)
        centre = np.full(plan.core, CORE_RA), np.full(plan.core, CORE_DEC)
        ra, dec = cells.offset(*centre, 3600 * radius * np.cos(angle), 3600 * radius * np.sin(angle))
        star = _grown(name, PLANTED_TID, ra, dec, rng)
        here = np.isin(cells.leaf_of(ra, dec) >> cells.CELL_SHIFT, wanted)
        parts.append({key: values[here] for key, values in star.items()})
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def in_core(ra: np.ndarray, dec: np.ndarray) -> np.ndarray:
    """Mask of the places in the middle of the main field, where every class of event happens too."""
    return cells.separation(ra, dec, CORE_RA, CORE_DEC) < CORE_DEG
