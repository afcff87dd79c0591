"""Difference imaging: what stands out of a visit minus the template, and the DiaObjects that it adds up to.

Real changes and false detections (noise peaks, dipoles of misaligned bright stars) go one way: each is a place
with a light curve, and whatever its forced difference flux lifts over the threshold becomes a DiaSource.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.spatial import cKDTree

from portal.archive.sample import cells
from portal.archive.sample import forced as fp
from portal.archive.sample import visits as vis
from portal.archive.sample.bands import BANDS, FWHM_OVER_SIGMA, PIXEL_SCALE
from portal.archive.sample.camera import CCD_X, CCD_Y
from portal.archive.sample.detection import DIA_ID_OFFSET, Detected, cell_numbers, object_ids
from portal.archive.sample.presets import Field
from portal.archive.sample.products import timestamps
from portal.archive.sample.streams import normal, stream, uniform
from portal.archive.sample.variables import Variables
from portal.archive.sample.writing import ERROR_BITS, FLUX_BITS, as_double, keep_bits

THRESHOLD = 5.0
FALSE_TID = 1 << 51
DIPOLE_SHARE = 0.3  # of the false detections
REAL, NOISE, DIPOLE, ARTEFACT, MOVING = range(5)  # the hidden column _origin
OF_OBJECT = 1 << 26  # numbers in an image from here on belong to DiaObjects, below to moving bodies


# Flags that nothing in the simulation raises.
_NEVER = (
    "apFlux_flag_apertureTruncated", "psfFlux_flag_noGoodPixels", "psfFlux_flag_edge",
    "forced_PsfFlux_flag_noGoodPixels",
    "forced_PsfFlux_flag_edge", "shape_flag_no_pixels", "shape_flag_not_contained", "shape_flag_parent_source",
    "pixelFlags_streakCenter", "pixelFlags_injected", "pixelFlags_injectedCenter", "pixelFlags_injected_template",
    "pixelFlags_injected_templateCenter", "pixelFlags_nodataCenter",
)  # fmt: skip


@dataclass(frozen=True)
class DiaPlaces:
    """Places with a changing light, in HEALPix order: columns for DiaObject and what to measure there."""

    dia_object_id: np.ndarray
    ra: np.ndarray
    dec: np.ndarray
    leaf: np.ndarray
    origin: np.ndarray  # REAL, NOISE or DIPOLE
    variable: np.ndarray  # row in the variables, -1 for false ones
    targets: fp.Targets

    def __len__(self) -> int:
        return len(self.ra)


def false_detections(seed: int, field: Field, visits: vis.Visits, found: Detected) -> dict[str, np.ndarray]:
    """Noise peaks and dipoles of a field: tid, x, y (arcsec), visit index, flux (nJy), origin."""
    rng = stream(seed, f"false/{field.name}")
    camera = visits.camera
    n = int(rng.poisson(field.false_detections * camera.detectors * len(visits)))
    visit, detector = rng.integers(0, len(visits), n), rng.integers(0, camera.detectors, n)
    px, py = rng.uniform(0.01, 0.99, n) * CCD_X, rng.uniform(0.01, 0.99, n) * CCD_Y
    ra, dec = camera.to_sky(visits.ra[visit], visits.dec[visit], visits.rotation[visit], detector, px, py)
    x, y = fp.plane(ra, dec, field.ra, field.dec)
    bright = np.flatnonzero((found.width2[:, 3] == 0) & (found.flux[:, 2] > 2.3e4))
    dipole = rng.random(n) < (DIPOLE_SHARE if len(bright) else 0.0)
    star = bright[rng.integers(0, max(len(bright), 1), n)] if len(bright) else np.zeros(n, int)
    x = np.where(dipole, found.x[star] + rng.normal(0, 0.12, n), x)
    y = np.where(dipole, found.y[star] + rng.normal(0, 0.12, n), y)
    sigma = visits.sigma[visit, detector]
    size = sigma * (4.6 + rng.exponential(1.6, n)) * np.where(dipole, 1.5, 1.0)
    sign = np.where(rng.random(n) < 0.65, 1.0, -1.0)
    inside = field.holds(*fp.unplane(x, y, field.ra, field.dec))
    columns = {
        "tid": FALSE_TID + np.arange(n), "x": x, "y": y, "visit": visit, "flux": sign * size,
        "origin": np.where(dipole, DIPOLE, NOISE),
    }  # fmt: skip
    return {name: values[inside] for name, values in columns.items()}


def dia_places(
    seed: int,
    field: Field,
    visits: vis.Visits,
    found: Detected,
    variables: Variables,
    photometry: fp.ForcedPhotometry,
) -> DiaPlaces:
    """All places that have at least one detection."""
    false = false_detections(seed, field, visits, found)
    x, y = fp.plane(variables.ra, variables.dec, field.ra, field.dec)
    n_real, n_false = len(x), len(false["x"])
    delta = np.zeros((n_real + n_false, len(visits)))
    delta[:n_real] = variables.delta
    delta[n_real + np.arange(n_false), false["visit"]] = false["flux"]
    x, y = np.concatenate([x, false["x"]]), np.concatenate([y, false["y"]])
    flux, width2 = _light_under(x, y, found)
    key = np.concatenate([variables.tid + 7, false["tid"]])
    targets = fp.Targets(key, x, y, flux, width2, np.arange(len(x)), delta)
    counts = photometry.counts(x, y)
    made = photometry.measure(targets, 0, len(x), int(counts.sum()))
    seen = np.unique(made["target"][detections(made)])
    ra, dec = fp.unplane(x[seen], y[seen], field.ra, field.dec)
    ra, dec = cells.offset(
        ra, dec, 0.03 * normal(seed, "dia/east", key[seen]), 0.03 * normal(seed, "dia/north", key[seen])
    )
    leaf = cells.leaf_of(ra, dec)
    order = np.argsort(leaf, kind="stable")
    seen, ra, dec, leaf = seen[order], ra[order], dec[order], leaf[order]
    variable = np.where(seen < n_real, seen, -1)
    origin = np.concatenate([np.full(n_real, REAL), false["origin"]])[seen]
    kept = fp.Targets(key[seen], x[seen], y[seen], flux[seen], width2[seen], np.arange(len(seen)), delta[seen])
    return DiaPlaces(object_ids(leaf, key[seen], seed, DIA_ID_OFFSET), ra, dec, leaf, origin, variable, kept)


def _light_under(x: np.ndarray, y: np.ndarray, found: Detected) -> tuple[np.ndarray, np.ndarray]:
    """Mean flux and width of the nearest object, dimmed by its distance."""
    distance, nearest = cKDTree(np.stack([found.x, found.y], axis=1)).query(np.stack([x, y], axis=1))
    width2 = found.width2[nearest]
    sigma2 = (1.0 / FWHM_OVER_SIGMA) ** 2
    near = np.exp(-np.minimum(distance[:, None] ** 2 / (4 * sigma2 + 2 * width2), 80.0))
    return np.where(near > 1e-6, found.flux[nearest] * near, 0.0), width2


def detections(made: dict[str, np.ndarray]) -> np.ndarray:
    """Mask of measured rows that a detection run would find."""
    usable = (made["flags"] & (fp.FLAG_NO_FLUX | fp.FLAG_NO_TEMPLATE | fp.FLAG_SATURATED)) == 0
    return usable & (np.abs(made["psfDiffFlux"]) > THRESHOLD * made["psfDiffFluxErr"])


def dia_sources(seed: int, places: DiaPlaces, photometry: fp.ForcedPhotometry) -> dict[str, Any]:
    """dp1.DiaSource, in the order of the DiaObjects and time."""
    counts = photometry.counts(places.targets.x, places.targets.y)
    made = photometry.measure(places.targets, 0, len(places), int(counts.sum()))
    rows = {name: values[detections(made)] for name, values in made.items()}
    t, v, d = rows["target"], rows["visit"].astype(np.int64), rows["detector"].astype(np.int64)
    number = OF_OBJECT + cell_numbers(places.dia_object_id)[t]
    columns = source_columns(
        seed, photometry.visits, v, d, number, places.ra[t], places.dec[t], rows, places.origin[t],
        places.dia_object_id[t], np.zeros(len(t), np.int64),
    )  # fmt: skip
    return {**columns, "_dia_row": t}


def source_columns(
    seed: int, visits: vis.Visits, v: np.ndarray, d: np.ndarray, number: np.ndarray, ra: np.ndarray, dec: np.ndarray,
    rows: Mapping[str, np.ndarray], origin: np.ndarray, dia_object_id: np.ndarray, ss_object_id: np.ndarray,
    trail: tuple[np.ndarray, np.ndarray] | None = None,
) -> dict[str, Any]:  # fmt: skip
    """The columns of dp1.DiaSource for detections of any origin; all arrays have one value per detection.

    ``v`` rows of the visits, ``d`` detectors, ``number`` telling them apart in the image (1 ... 2^27 - 1),
    ``ra, dec`` where the light is (degrees; the measured place is scattered about it), ``rows`` the measured
    psfFlux, psfFluxErr, psfDiffFlux, psfDiffFluxErr (nJy) and flags, ``origin`` REAL ... MOVING, ``trail`` the
    length (arcsec) and position angle (deg) of what moves.
    """
    n = len(v)
    flux, err = rows["psfDiffFlux"].astype(np.float64), rows["psfDiffFluxErr"].astype(np.float64)
    ident = vis.image_numbers(visits, v, d) + number
    snr = np.abs(flux / err)
    seeing = visits.seeing[v, d]
    error = np.hypot(0.5 * seeing / snr, 0.02)
    ra, dec = cells.offset(
        ra, dec, error * normal(seed, "dia/source/east", ident), error * normal(seed, "dia/source/north", ident)
    )
    luck, noise = uniform(seed, "dia/reliability", ident), normal(seed, "dia/ap", ident)
    good = np.clip(0.98 - 0.45 * np.exp(-(snr - 5) / 5.0) - 0.25 * luck**2, 0, 1)
    false, dipole = (origin != REAL) & (origin != MOVING), origin == DIPOLE
    reliability = np.where(false, 0.02 + 0.55 * luck**2, good)
    px, py = vis.pixels(visits, v, d, ra, dec)
    psf2, growth = (seeing / FWHM_OVER_SIGMA) ** 2, 1 + 0.3 / snr * normal(seed, "dia/shape", ident)
    size = psf2 * np.where(origin == ARTEFACT, 0.35, 1.0)
    length = np.abs(0.8 + 3.0 / snr * noise) if trail is None else trail[0]
    angle = np.pi * (luck - 0.5) if trail is None else np.radians(trail[1])
    return {
        "diaSourceId": ident,
        "visit": visits.visit[v],
        "detector": d.astype(np.int64),
        "band": np.array(list(BANDS))[visits.band[v]],
        "diaObjectId": dia_object_id,
        "ssObjectId": ss_object_id,
        "parentDiaSourceId": np.zeros(n, np.int64),
        "midpointMjdTai": visits.mjd[v],
        "bboxSize": (14 + np.minimum(np.log2(snr) * 4, 40)).astype(np.int64),
        "time_processed": np.array(timestamps(np.floor(visits.mjd[v]) + 1.5 + 0.2 * luck)),
        "ra": ra, "dec": dec,
        "raErr": keep_bits(error / 3600 / np.cos(np.radians(dec)), ERROR_BITS),
        "decErr": keep_bits(error / 3600, ERROR_BITS),
        "ra_dec_Cov": keep_bits(0.05 * (error / 3600) ** 2, ERROR_BITS),
        "x": px, "y": py,
        "xErr": keep_bits(error / PIXEL_SCALE, ERROR_BITS), "yErr": keep_bits(error / PIXEL_SCALE, ERROR_BITS),
        "apFlux": keep_bits(flux * 1.02 + 2.5 * err * noise, FLUX_BITS),
        "apFluxErr": keep_bits(2.7 * err, ERROR_BITS),
        "snr": as_double(snr, 12),
        "psfFlux": keep_bits(flux, FLUX_BITS), "psfFluxErr": keep_bits(err, ERROR_BITS),
        "psfChi2": keep_bits(1681 * (1 + 0.25 * false) * (1 + 0.035 * noise), 12),
        "psfNdata": np.full(n, 1681, np.int32),
        "dipoleFitAttempted": dipole, "isDipole": dipole,
        "dipoleLength": np.where(dipole, 1.0 + 2.0 * luck, np.nan),
        "dipoleAngle": np.where(dipole, 360.0 * luck, np.nan),
        "dipoleFluxDiff": np.where(dipole, 4.0 * np.abs(flux), np.nan),
        "dipoleFluxDiffErr": np.where(dipole, 2.0 * err, np.nan),
        "dipoleMeanFlux": np.where(dipole, 2.0 * np.abs(flux), np.nan),
        "dipoleMeanFluxErr": np.where(dipole, err, np.nan),
        "dipoleChi2": np.where(dipole, 1.0 + 0.2 * luck, np.nan),
        "dipoleNdata": np.where(dipole, 1681, 0).astype(np.int64),
        "trailFlux": keep_bits(flux * (1 + 0.02 * noise), FLUX_BITS),
        "trailRa": ra, "trailDec": dec, "trailLength": as_double(length, 10), "trailAngle": as_double(angle, 10),
        "scienceFlux": keep_bits(rows["psfFlux"], FLUX_BITS),
        "scienceFluxErr": keep_bits(rows["psfFluxErr"], ERROR_BITS),
        "ixx": as_double(size * growth, 10), "iyy": as_double(size / growth, 10),
        "ixy": as_double(size * 0.1 * noise / snr, 10),
        "ixxPSF": as_double(psf2, 10), "iyyPSF": as_double(psf2 * 1.01, 10), "ixyPSF": as_double(psf2 * 0.003, 10),
        "extendedness": (luck < np.where(false, 0.4, 0.02)).astype(np.float64),
        "reliability": keep_bits(reliability, 12),
        **_source_flags(rows["flags"]),
        "coord_ra": ra, "coord_dec": dec,
        "_healpix_29": cells.leaf_of(ra, dec),
        "_origin": origin.astype(np.int8),
    }  # fmt: skip


def in_sky_order(sources: dict[str, Any]) -> dict[str, Any]:
    """DiaSource as it is stored: by its own pixel, then time."""
    order = np.lexsort((sources["midpointMjdTai"], sources["_healpix_29"]))
    return {name: values[order] for name, values in sources.items() if name != "_dia_row"}


def _source_flags(flags: np.ndarray) -> dict[str, np.ndarray]:
    never = np.zeros(len(flags), bool)
    edge = (flags & fp.FLAG_EDGE) != 0
    cr = (flags & fp.FLAG_CR) != 0
    crc = (flags & fp.FLAG_CR_CENTER) != 0
    interpolated = (flags & fp.FLAG_INTERPOLATED) != 0
    suspect = (flags & fp.FLAG_SUSPECT) != 0
    return {
        "pixelFlags": edge | interpolated | suspect, "pixelFlags_edge": edge, "pixelFlags_cr": cr,
        "pixelFlags_crCenter": crc, "pixelFlags_interpolated": interpolated, "pixelFlags_interpolatedCenter": crc,
        "pixelFlags_suspect": suspect, "pixelFlags_suspectCenter": suspect, "pixelFlags_bad": never,
        "pixelFlags_saturated": never, "pixelFlags_saturatedCenter": never, "pixelFlags_offimage": never,
        "pixelFlags_streak": never, "pixelFlags_nodata": never, "centroid_flag": never, "apFlux_flag": edge,
        "psfFlux_flag": never, "forced_PsfFlux_flag": never, "shape_flag": never, "trail_flag_edge": edge,
        **dict.fromkeys(_NEVER, never),
    }  # fmt: skip
