"""False detections of difference imaging: noise peaks, dipoles of bright stars, cosmic rays and other artefacts.

About as many as there are real detections, as in the public alerts of 2025, of which half have a low reliability.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from portal.archive.sample import forced as fp
from portal.archive.sample import visits as vis
from portal.archive.sample.camera import CCD_X, CCD_Y
from portal.archive.sample.detection import Detected
from portal.archive.sample.presets import Field
from portal.archive.sample.streams import stream, uniform

REAL, NOISE, DIPOLE, ARTEFACT, MOVING = range(5)  # the hidden column _origin
FALSE_TID = 1 << 51
NOISE_SHARE, DIPOLE_SHARE = 0.25, 0.53  # of the false detections; the others are artefacts
NEAR_STAR = 0.6  # of the artefacts: bleeds, spikes and ghosts; the others are cosmic rays anywhere
BRIGHT_NJY = 1.1e5  # in r: stars from magnitude 18.8 leave residues
_SKY_DEG2 = 41252.96
MOVING_SEEN = 0.04  # share of (asteroid, visit) pairs that are detected, roughly


def false_events(
    seed: int, field: Field, visits: vis.Visits, found: Detected, photometry: fp.ForcedPhotometry, real: int
) -> dict[str, np.ndarray]:
    """About ``real`` false detections in a field, and some for its moving bodies.

    Columns: key (the same for events at one place), x, y (arcsec, field plane), visit (row), flux (nJy), origin.
    Dipoles of one star lie at one place; some stars, of high proper motion, have many.
    """
    pixel = getattr(field, "pixel", 0)
    rng = stream(seed, f"false/{field.name}", pixel)
    part = min(
        1.0, _SKY_DEG2 / (12 * 4**field.tile_order) / (np.pi * field.radius_deg**2)
    )  # of the field, in this tile
    n = int(rng.poisson(real + MOVING_SEEN * field.orbits * len(visits) * part))
    kinds = rng.multinomial(n, [NOISE_SHARE, DIPOLE_SHARE, 1 - NOISE_SHARE - DIPOLE_SHARE])
    stars = np.flatnonzero(
        (found.width2[:, 3] == 0) & (found.flux[:, 2] > BRIGHT_NJY) & (found.flux[:, 2] < 60 * BRIGHT_NJY)
    )
    near = int(NEAR_STAR * kinds[2])
    parts = [_anywhere(rng, field, visits, int(kinds[0]), NOISE)]
    parts.append(_anywhere(rng, field, visits, int(kinds[2]) - near, ARTEFACT))
    parts.append(_at_stars(seed, rng, found, stars, photometry, near, ARTEFACT))
    parts.append(_at_stars(seed, rng, found, stars, photometry, int(kinds[1]), DIPOLE))
    out = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    own = out["key"] < 0
    out["key"] = np.where(own, FALSE_TID + (np.int64(pixel) << 26) + np.arange(len(own)), out["key"])
    inside = field.holds_well(*fp.unplane(out["x"], out["y"], field.ra, field.dec))
    _, first = np.unique(np.stack([out["key"], out["visit"]]), axis=1, return_index=True)
    kept = np.intersect1d(np.flatnonzero(inside), first)
    return {name: values[kept] for name, values in out.items()}


def _heights(rng: np.random.Generator, n: int, origin: int) -> np.ndarray:
    """Signed signal-to-noise before the noise of the measurement."""
    if origin == NOISE:  # the tail of the noise above the threshold
        return (5.3 + rng.exponential(0.7, n)) * np.where(rng.random(n) < 0.55, 1.0, -1.0)
    if origin == DIPOLE:
        return (5.5 + rng.exponential(5.0, n)) * np.where(rng.random(n) < 0.5, 1.0, -1.0)
    return 5.5 + 4.0 * rng.pareto(1.3, n).clip(0, 100)


def _anywhere(rng: np.random.Generator, field: Field, visits: vis.Visits, n: int, origin: int) -> dict[str, np.ndarray]:
    """Events at random pixels of random images, as many of them as fall into the field."""
    share = 0.0
    tried = max(4 * n, 2000)
    while True:
        visit, detector = rng.integers(0, len(visits), tried), rng.integers(0, visits.camera.detectors, tried)
        px, py = rng.uniform(0.01, 0.99, tried) * CCD_X, rng.uniform(0.01, 0.99, tried) * CCD_Y
        pointing = visits.ra[visit], visits.dec[visit], visits.rotation[visit]
        ra, dec = visits.camera.to_sky(*pointing, detector, px, py)
        kept = np.flatnonzero(field.holds(ra, dec))[:n]
        share = len(kept) / max(n, 1)
        if share >= 1 or tried > 400 * n + 10**5 or n == 0:
            break
        tried *= 4
    visit, detector = visit[kept], detector[kept]
    x, y = fp.plane(ra[kept], dec[kept], field.ra, field.dec)
    flux = visits.sigma[visit, detector] * _heights(rng, len(kept), origin)
    return _columns(np.full(len(kept), -1), x, y, visit, flux, origin)


def _at_stars(
    seed: int, rng: np.random.Generator, found: Detected, stars: np.ndarray, photometry: fp.ForcedPhotometry, n: int,
    origin: int,
) -> dict[str, np.ndarray]:  # fmt: skip
    """Events at (dipoles) or near (artefacts) bright stars, in images that show them unsaturated."""
    targets = fp.Targets(
        found.object_id[stars], found.x[stars], found.y[stars], found.flux[stars], found.width2[stars],
        np.full(len(stars), -1), np.zeros((1, len(photometry.visits))),
    )  # fmt: skip
    counts = photometry.counts(targets.x, targets.y)
    made = photometry.measure(targets, np.arange(len(stars)), int(counts.sum()))
    usable = (made["flags"] & (fp.FLAG_NO_FLUX | fp.FLAG_NO_TEMPLATE | fp.FLAG_SATURATED | fp.FLAG_EDGE)) == 0
    rows = np.flatnonzero(usable)
    weight = uniform(seed, f"false/star/{origin}", targets.key)[made["target"][rows]] ** 4
    if len(rows) == 0:
        return _columns(*(np.empty(0, np.int64) for _ in range(5)), origin)
    ladder = np.cumsum(weight)
    row = rows[np.searchsorted(ladder, rng.random(n) * ladder[-1])]
    t = made["target"][row]
    flux = made["psfDiffFluxErr"][row] * _heights(rng, n, origin)
    x, y, key = targets.x[t], targets.y[t], targets.key[t] + FALSE_TID
    if origin == ARTEFACT:
        x, y = x + rng.normal(0, 4.0, n), y + rng.normal(0, 4.0, n)
        key = np.full(n, -1)
    return _columns(key, x, y, made["visit"][row].astype(np.int64), flux, origin)


def _columns(
    key: np.ndarray, x: np.ndarray, y: np.ndarray, visit: np.ndarray, flux: np.ndarray, origin: int
) -> dict[str, np.ndarray]:
    return {"key": key, "x": x, "y": y, "visit": visit, "flux": flux, "origin": np.full(len(x), origin)}


def reliability(origin: np.ndarray, snr: np.ndarray, luck: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """What a classifier says of detections, 0 ... 1: high for real ones, the more so the brighter, with scatter; mostly
    under a half for false ones. ``luck`` is uniform, ``noise`` normal."""
    real = 1 / (1 + np.exp(-(1.1 + 1.9 * np.log10(np.maximum(snr, 1) / 5.0) + 1.0 * noise)))
    ceiling = np.select([origin == DIPOLE, origin == ARTEFACT], [0.8, 0.7], 0.95)
    return np.where((origin == REAL) | (origin == MOVING), real, 0.01 + ceiling * luck**2.4)


_FALSE: Mapping[int, float] = {NOISE: 0.06, DIPOLE: 1.1, ARTEFACT: 3.0}


def badness(origin: np.ndarray) -> np.ndarray:
    """By how much the PSF fits worse than its chi-squared should be, as a part of it."""
    return np.select([origin == kind for kind in _FALSE], list(_FALSE.values()), 0.0)
