"""False detections of difference imaging: noise peaks, dipoles of bright stars, cosmic rays and other artefacts.

About as many as there are real detections, as in the public alerts of 2025, of which half have a low reliability.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from portal.archive.sample import cells
from portal.archive.sample import forced as fp
from portal.archive.sample import visits as vis
from portal.archive.sample.camera import CCD_X, CCD_Y
from portal.archive.sample.detection import Detected
from portal.archive.sample.moving import detector_at
from portal.archive.sample.planting import CORE_DEC, CORE_DEG, CORE_RA
from portal.archive.sample.presets import Field
from portal.archive.sample.streams import normal, stream, uniform

REAL, NOISE, DIPOLE, ARTEFACT, MOVING = range(5)  # the hidden column _origin
FALSE_TID = 1 << 51
# False detections per square degree of an image, as many as there are real ones in the fields of the presets.
ANYWHERE = {NOISE: 36.0, ARTEFACT: 14.0}
CORE = {NOISE: 7.0, ARTEFACT: 5.0}  # more per image in the core of the main field, where variables are many
PER_ASTEROID = 2.0  # noise peaks more in all for each asteroid planted in the field: it is seen about so often
# Mean number per image and star of BRIGHT_NJY to SATURATED_NJY in r (magnitudes 18.8 to 14.3), at it or near it.
AT_STARS = {DIPOLE: 0.1, ARTEFACT: 0.021}
BRIGHT_NJY, SATURATED_NJY = 1.1e5, 6.6e6
NEAR_ARCSEC = 4.0
EDGE = 30.0  # pixels of a detector's rim where nothing is believed
_CELL_BITS, _STEP = 24, 1_000_003


def false_events(
    seed: int, field: Field, visits: vis.Visits, found: Detected, photometry: fp.ForcedPhotometry
) -> dict[str, np.ndarray]:
    """The false detections in a field, the same whichever part of the field is asked for.

    Columns: key (the same for events at one place), x, y (arcsec, field plane), visit (row), flux (nJy), origin.
    Dipoles of one star lie at one place; some stars, of high proper motion, have many.
    """
    stars = np.flatnonzero(
        (found.width2[:, 3] == 0) & (found.flux[:, 2] > BRIGHT_NJY) & (found.flux[:, 2] < SATURATED_NJY)
    )
    parts = [_anywhere(seed, field, visits), *_at_stars(seed, visits, found, stars, photometry)]
    out = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    inside = field.holds(*fp.unplane(out["x"], out["y"], field.ra, field.dec))
    return {name: values[inside] for name, values in out.items()}


def _heights(origin: np.ndarray, one: np.ndarray, two: np.ndarray) -> np.ndarray:
    """Signed signal-to-noise before the noise of the measurement, from two uniform numbers: the tail of the noise,
    wings of dipoles of either sign, and a few very bright cosmic rays."""
    tail = -np.log(one)
    size = np.select([origin == NOISE, origin == DIPOLE], [5.3 + 0.7 * tail, 5.5 + 5.0 * tail], 5.5)
    size = size + np.where(origin == ARTEFACT, 4.0 * np.minimum(one ** (-1 / 1.3) - 1, 100.0), 0.0)
    return np.where((two < 0.5) & (origin != ARTEFACT), -size, size)


def _anywhere(seed: int, field: Field, visits: vis.Visits) -> dict[str, np.ndarray]:
    """Events at random places of random images, drawn cell by cell."""
    n = len(visits)
    moving = PER_ASTEROID * field.orbits / (np.pi * field.radius_deg**2 * n)
    drawn = []
    for cell in np.asarray(field.cells()).tolist():
        rng = stream(seed, f"false/{field.name}", cell)
        expected = [(rate + moving * (kind == NOISE)) * cells.CELL_AREA_DEG2 * n for kind, rate in ANYWHERE.items()]
        origin = np.repeat(list(ANYWHERE), rng.poisson(expected))
        ra, dec = cells.places_in(cell, len(origin), rng)
        drawn.append((ra, dec, origin, rng.random((4, len(origin))), FALSE_TID + (cell << _CELL_BITS)))
    if field.number == 0:
        rng = stream(seed, f"false/core/{field.name}")
        origin = np.repeat(list(CORE), rng.poisson([rate * n for rate in CORE.values()]))
        radius, angle = CORE_DEG * np.sqrt(rng.random(len(origin))), rng.uniform(0, 2 * np.pi, len(origin))
        centre = np.full(len(origin), CORE_RA), np.full(len(origin), CORE_DEC)
        ra, dec = cells.offset(*centre, 3600 * radius * np.cos(angle), 3600 * radius * np.sin(angle))
        drawn.append((ra, dec, origin, rng.random((4, len(origin))), FALSE_TID))
    ra, dec, origin = (np.concatenate([part[k] for part in drawn]) for k in range(3))
    luck = np.concatenate([part[3] for part in drawn], axis=1)
    key = np.concatenate([part[4] + np.arange(len(part[0])) for part in drawn])
    visit = (luck[0] * n).astype(np.int64)
    pointing = visits.ra[visit], visits.dec[visit], visits.rotation[visit]
    detector, px, py = detector_at(visits.camera, *pointing, ra, dec)
    seen = np.flatnonzero((detector >= 0) & (np.minimum(px, py) > EDGE) & (px < CCD_X - EDGE) & (py < CCD_Y - EDGE))
    flux = visits.sigma[visit, np.maximum(detector, 0)] * _heights(origin, luck[1], luck[2])
    x, y = fp.plane(ra, dec, field.ra, field.dec)
    columns = {"key": key, "x": x, "y": y, "visit": visit, "flux": flux, "origin": origin}
    return {name: values[seen] for name, values in columns.items()}


def _at_stars(
    seed: int, visits: vis.Visits, found: Detected, stars: np.ndarray, photometry: fp.ForcedPhotometry
) -> list[dict[str, np.ndarray]]:
    """Dipoles at bright stars and artefacts near them, in images that show them unsaturated."""
    targets = fp.Targets(
        found.leaf[stars], found.x[stars], found.y[stars], found.flux[stars], found.width2[stars],
        np.full(len(stars), -1), np.zeros((1, len(visits))),
    )  # fmt: skip
    counts = photometry.counts(targets.x, targets.y)
    made = photometry.measure(targets, np.arange(len(stars)), int(counts.sum()))
    usable = (made["flags"] & (fp.FLAG_NO_FLUX | fp.FLAG_NO_TEMPLATE | fp.FLAG_SATURATED | fp.FLAG_EDGE)) == 0
    parts = []
    for origin, mean in AT_STARS.items():
        often = 5.0 * mean * uniform(seed, f"false/star/{origin}", targets.key) ** 4
        ident = targets.key[made["target"]] * _STEP + visits.visit[made["visit"]] + origin
        row = np.flatnonzero(usable & (uniform(seed, "false/happens", ident) < often[made["target"]]))
        t, ident = made["target"][row], ident[row]
        one, two = uniform(seed, "false/one", ident), uniform(seed, "false/two", ident)
        flux = made["psfDiffFluxErr"][row] * _heights(np.full(len(row), origin), one, two)
        x, y, key = targets.x[t], targets.y[t], targets.key[t] + FALSE_TID
        if origin == ARTEFACT:
            key = ident & ((1 << 62) - 1)
            x, y = (v + NEAR_ARCSEC * normal(seed, f"false/{way}", ident) for way, v in (("x", x), ("y", y)))
        visit = made["visit"][row].astype(np.int64)
        parts.append({"key": key, "x": x, "y": y, "visit": visit, "flux": flux, "origin": np.full(len(row), origin)})
    return parts


def reliability(origin: np.ndarray, snr: np.ndarray, luck: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """What a classifier says of detections, 0 ... 1: high for real ones, the more so the brighter, with scatter; mostly
    under a half for false ones. ``luck`` is uniform, ``noise`` normal."""
    real = 1 / (1 + np.exp(-(0.8 + 1.9 * np.log10(np.maximum(snr, 1) / 5.0) + 1.2 * noise)))
    ceiling = np.select([origin == DIPOLE, origin == ARTEFACT], [0.8, 0.7], 0.95)
    return np.where((origin == REAL) | (origin == MOVING), real, 0.01 + ceiling * luck**2.8)


_FALSE: Mapping[int, float] = {NOISE: 0.06, DIPOLE: 1.1, ARTEFACT: 3.0}


def badness(origin: np.ndarray) -> np.ndarray:
    """By how much the PSF fits worse than its chi-squared should be, as a part of it."""
    return np.select([origin == kind for kind in _FALSE], list(_FALSE.values()), 0.0)
