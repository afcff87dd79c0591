"""Where differences were detected, gathered to DiaObjects: detections nearer than ASSOCIATE_ARCSEC are one object.

Real changes and false detections go one way: each is a place with a light curve, and whatever its forced difference
flux lifts over the threshold, the noise of the host and of the sky included, becomes a DiaSource.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from portal.archive.sample import cells
from portal.archive.sample import forced as fp
from portal.archive.sample import visits as vis
from portal.archive.sample.bands import FWHM_OVER_SIGMA
from portal.archive.sample.bogus import ARTEFACT, DIPOLE, NOISE, REAL, false_events
from portal.archive.sample.detection import DIA_ID_OFFSET, ID_CELL, ID_SHIFT, Detected
from portal.archive.sample.presets import Field
from portal.archive.sample.streams import normal, uniform
from portal.archive.sample.variables import Variables

THRESHOLD = 5.0
ASSOCIATE_ARCSEC = 0.5
_DIPOLE_JITTER, _FLOOR = 0.12, 0.02  # arcsec of positions, beside the noise
_VISIT_STEP = 1_000_003  # makes keys of (place, visit)


@dataclass(frozen=True)
class DiaPlaces:
    """DiaObjects in HEALPix order, what to measure at each, and their detections by object and time."""

    dia_object_id: np.ndarray
    ra: np.ndarray  # mean of the detections, deg
    dec: np.ndarray
    leaf: np.ndarray
    variable: np.ndarray  # row in the variables, -1 for false ones
    targets: fp.Targets
    # As ForcedPhotometry measures them, and: origin; ra, dec (deg) of the light; east, north (arcsec) from there to
    # where it is measured.
    rows: dict[str, np.ndarray]

    def __len__(self) -> int:
        return len(self.ra)


def detections(made: dict[str, np.ndarray]) -> np.ndarray:
    """Mask of measured rows that a detection run would find."""
    usable = (made["flags"] & (fp.FLAG_NO_FLUX | fp.FLAG_NO_TEMPLATE | fp.FLAG_SATURATED)) == 0
    return usable & (np.abs(made["psfDiffFlux"]) > THRESHOLD * made["psfDiffFluxErr"])


def dia_places(
    seed: int, field: Field, visits: vis.Visits, found: Detected, variables: Variables,
    photometry: fp.ForcedPhotometry,
) -> DiaPlaces:  # fmt: skip
    """All places of a field that have at least one detection."""
    real = np.flatnonzero(field.holds(variables.ra, variables.dec))
    x, y = fp.plane(variables.ra[real], variables.dec[real], field.ra, field.dec)
    targets = _targets(variables.tid[real] + 7, x, y, found, variables.delta[real])
    made = _measured(photometry, targets)
    seen = np.unique(made["target"])
    false = false_events(seed, field, visits, found, photometry)
    key, first, of_event = np.unique(false["key"], return_index=True, return_inverse=True)
    x, y = np.concatenate([x[seen], false["x"][first]]), np.concatenate([y[seen], false["y"][first]])
    into = _associated(x, y)
    own, place = np.unique(into, return_inverse=True)
    delta = np.zeros((len(own), len(visits)))
    np.add.at(delta, place[: len(seen)], targets.delta[seen])
    event_place = place[len(seen) + of_event]
    np.add.at(delta, (event_place, false["visit"]), false["flux"])
    targets = _targets(np.concatenate([targets.key[seen], key])[own], x[own], y[own], found, delta)
    rows = _measured(photometry, targets)
    variable = np.concatenate([real[seen], np.full(len(key), -1)])[own]
    rows["origin"] = _origins(rows, event_place, false, variable, len(visits))
    return _in_order(seed, field, visits, targets, variable, rows)


def _targets(key: np.ndarray, x: np.ndarray, y: np.ndarray, found: Detected, delta: np.ndarray) -> fp.Targets:
    """Places over the mean light of the nearest object, dimmed by its distance."""
    distance, nearest = cKDTree(np.stack([found.x, found.y], axis=1)).query(np.stack([x, y], axis=1))
    width2 = found.width2[nearest]
    sigma2 = (1.0 / FWHM_OVER_SIGMA) ** 2
    near = np.exp(-np.minimum(distance[:, None] ** 2 / (4 * sigma2 + 2 * width2), 80.0))
    flux = np.where(near > 1e-6, found.flux[nearest] * near, 0.0)
    return fp.Targets(key, x, y, flux, width2, np.arange(len(x)), delta)


def _measured(photometry: fp.ForcedPhotometry, targets: fp.Targets) -> dict[str, np.ndarray]:
    """The detections among the measurements of all targets."""
    rows = int(photometry.counts(targets.x, targets.y).sum())
    made = photometry.measure(targets, np.arange(len(targets.x)), rows)
    found = detections(made)
    return {name: values[found] for name, values in made.items()}


def _associated(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """For each place the first of those that are one object with it."""
    if len(x) == 0:
        return np.empty(0, np.int64)
    pairs = cKDTree(np.stack([x, y], axis=1)).query_pairs(ASSOCIATE_ARCSEC, output_type="ndarray")
    graph = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(len(x), len(x)))
    label = connected_components(graph, directed=False)[1]
    first = np.full(label.max() + 1, len(x), dtype=np.int64)
    np.minimum.at(first, label, np.arange(len(x)))
    return first[label]


def _origins(
    rows: dict[str, np.ndarray], event_place: np.ndarray, false: dict[str, np.ndarray], variable: np.ndarray, n: int
) -> np.ndarray:
    """Origin of each detection: that of the false event in that image, else real or a peak of noise."""
    event = event_place * n + false["visit"]
    order = np.argsort(event, kind="stable")
    row = rows["target"].astype(np.int64) * n + rows["visit"]
    at = np.minimum(np.searchsorted(event[order], row), max(len(event) - 1, 0))
    plain = np.where(variable[rows["target"]] >= 0, REAL, NOISE)
    if len(event) == 0:
        return plain
    return np.where(event[order][at] == row, false["origin"][order][at], plain)


def dia_object_ids(leaf: np.ndarray) -> np.ndarray:
    """Ids of DiaObjects: the cell in the high bits, the place in it to 2 mas in the low ones: alike in every tile."""
    inside = (leaf & ((1 << cells.CELL_SHIFT) - 1)) >> 4
    return (ID_CELL + (leaf >> cells.CELL_SHIFT) << ID_SHIFT) + DIA_ID_OFFSET + inside


def image_places(leaf: np.ndarray) -> np.ndarray:
    """Numbers (26 bits) that tell apart places in one image: pixels of 0.2 arcsec in blocks larger than detectors."""
    return leaf >> 18 & ((1 << 26) - 1)


def _in_order(
    seed: int, field: Field, visits: vis.Visits, targets: fp.Targets, variable: np.ndarray, rows: dict[str, np.ndarray]
) -> DiaPlaces:
    """Places with detections, at the mean of their measured positions, in HEALPix order."""
    v, t, origin = rows["visit"], rows["target"], rows["origin"]
    key = targets.key[t] * _VISIT_STEP + visits.visit[v]
    snr = np.abs(rows["psfDiffFlux"] / rows["psfDiffFluxErr"]).astype(np.float64)
    error = np.hypot(0.5 * visits.seeing[v, rows["detector"]] / snr, _FLOOR)
    spread = np.where(origin == DIPOLE, np.hypot(error, _DIPOLE_JITTER), error)
    rows["east"], rows["north"] = (spread * normal(seed, f"dia/source/{way}", key) for way in ("east", "north"))
    hit = (origin == ARTEFACT) & (uniform(seed, "dia/cosmic", key) < 0.6)
    rows["flags"] = np.where(hit, rows["flags"] | fp.FLAG_CR | fp.FLAG_INTERPOLATED, rows["flags"])
    ra, dec = fp.unplane(targets.x, targets.y, field.ra, field.dec)
    rows["ra"], rows["dec"] = ra[t], dec[t]
    number = np.bincount(t, minlength=len(ra))
    east, north = (np.bincount(t, rows[way], len(ra)) / np.maximum(number, 1) for way in ("east", "north"))
    ra, dec = cells.offset(ra, dec, east, north)
    leaf = cells.leaf_of(ra, dec)
    order = np.argsort(leaf, kind="stable")
    order = order[number[order] > 0]
    rank = np.full(len(ra), -1)
    rank[order] = np.arange(len(order))
    rows["target"] = rank[t]
    sorting = np.argsort(rows["target"], kind="stable")
    kept = {name: getattr(targets, name)[order] for name in ("key", "x", "y", "flux", "width2", "delta")}
    return DiaPlaces(
        dia_object_ids(leaf[order]), ra[order], dec[order], leaf[order],
        variable[order], replace(targets, **kept, light=np.arange(len(order))),
        {name: values[sorting] for name, values in rows.items()},
    )  # fmt: skip
