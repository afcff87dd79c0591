"""DiaSource: the columns of what was detected in difference images, real, false or moving."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from portal.archive.sample import cells
from portal.archive.sample import forced as fp
from portal.archive.sample import visits as vis
from portal.archive.sample.bands import BANDS, FWHM_OVER_SIGMA, PIXEL_SCALE
from portal.archive.sample.bogus import ARTEFACT, DIPOLE, MOVING, REAL, badness, reliability
from portal.archive.sample.diaplaces import DiaPlaces, detections, dia_places, image_places
from portal.archive.sample.products import timestamps
from portal.archive.sample.streams import normal, uniform
from portal.archive.sample.writing import ERROR_BITS, FLUX_BITS, as_double, keep_bits

OF_OBJECT = 1 << 26  # numbers in an image from here on belong to DiaObjects, below to moving bodies


__all__ = ["MOVING", "DiaPlaces", "detections", "dia_places", "dia_sources", "in_sky_order", "source_columns"]
# Flags that nothing in the simulation raises.
_NEVER = (
    "apFlux_flag_apertureTruncated", "psfFlux_flag_noGoodPixels", "psfFlux_flag_edge",
    "forced_PsfFlux_flag_noGoodPixels",
    "forced_PsfFlux_flag_edge", "shape_flag_no_pixels", "shape_flag_not_contained", "shape_flag_parent_source",
    "pixelFlags_streakCenter", "pixelFlags_injected", "pixelFlags_injectedCenter", "pixelFlags_injected_template",
    "pixelFlags_injected_templateCenter", "pixelFlags_nodataCenter",
)  # fmt: skip


def dia_sources(seed: int, places: DiaPlaces, photometry: fp.ForcedPhotometry) -> dict[str, Any]:
    """dp1.DiaSource, in the order of the DiaObjects and time; ``_dia_row`` is the row of the DiaObject."""
    rows = places.rows
    t, v, d = rows["target"], rows["visit"].astype(np.int64), rows["detector"].astype(np.int64)
    number = OF_OBJECT + image_places(places.leaf)[t]
    columns = source_columns(
        seed, photometry.visits, v, d, number, rows["ra"], rows["dec"], rows, rows["origin"],
        places.dia_object_id[t], np.zeros(len(t), np.int64), shift=(rows["east"], rows["north"]),
    )  # fmt: skip
    return {**columns, "_dia_row": t}


def source_columns(
    seed: int, visits: vis.Visits, v: np.ndarray, d: np.ndarray, number: np.ndarray, ra: np.ndarray, dec: np.ndarray,
    rows: Mapping[str, np.ndarray], origin: np.ndarray, dia_object_id: np.ndarray, ss_object_id: np.ndarray,
    trail: tuple[np.ndarray, np.ndarray] | None = None, shift: tuple[np.ndarray, np.ndarray] | None = None,
) -> dict[str, Any]:  # fmt: skip
    """The columns of dp1.DiaSource for detections of any origin; all arrays have one value per detection.

    ``v`` rows of the visits, ``d`` detectors, ``number`` telling them apart in the image (1 ... 2^27 - 1),
    ``ra, dec`` where the light is (degrees; the measured place is scattered about it), ``rows`` the measured
    psfFlux, psfFluxErr, psfDiffFlux, psfDiffFluxErr (nJy) and flags, ``origin`` REAL ... MOVING, ``trail`` the
    length (arcsec) and position angle (deg) of what moves, ``shift`` the scatter (arcsec east and north) if known.
    """
    n = len(v)
    flux, err = rows["psfDiffFlux"].astype(np.float64), rows["psfDiffFluxErr"].astype(np.float64)
    ident = vis.image_numbers(visits, v, d) + number
    snr = np.abs(flux / err)
    seeing = visits.seeing[v, d]
    error = np.hypot(0.5 * seeing / snr, 0.02)
    if shift is None:
        shift = error * normal(seed, "dia/source/east", ident), error * normal(seed, "dia/source/north", ident)
    ra, dec = cells.offset(ra, dec, *shift)
    luck, noise = uniform(seed, "dia/reliability", ident), normal(seed, "dia/ap", ident)
    score = reliability(origin, snr, luck, normal(seed, "dia/score", ident))
    false, dipole = (origin != REAL) & (origin != MOVING), origin == DIPOLE
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
        "psfChi2": keep_bits(1681 * (1 + badness(origin)) * (1 + 0.035 * noise), 12),
        "psfNdata": np.full(n, 1681, np.int32),
        "dipoleFitAttempted": dipole, "isDipole": dipole,
        "dipoleLength": np.where(dipole, 1.0 + 2.0 * luck, np.nan),
        "dipoleAngle": np.where(dipole, 360.0 * luck, np.nan),
        "dipoleFluxDiff": np.where(dipole, flux * (1 + 0.1 * noise), np.nan),
        "dipoleFluxDiffErr": np.where(dipole, 1.4 * err, np.nan),
        "dipoleMeanFlux": np.where(dipole, (1.2 + 2.5 * luck) * np.abs(flux), np.nan),
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
        "reliability": keep_bits(score, 12),
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
