"""Tables of what was observed: Visit, CcdVisit, CoaddPatches and ivoa.ObsCore of the deep coadds."""

from __future__ import annotations

import hashlib
import uuid

import numpy as np
import pyarrow as pa

from portal.archive.sample import cells, geometry
from portal.archive.sample import visits as vis
from portal.archive.sample.bands import (
    BANDS,
    COADD_INPUTS,
    COADD_SEEING,
    DARK_SKY_MAG,
    EXTINCTION_PER_AIRMASS,
    FWHM_OVER_SIGMA,
    HALF_WIDTH_NM,
    PHYSICAL_FILTER,
    PIXEL_SCALE,
    WAVELENGTH_NM,
    ZERO_POINT_1S,
)
from portal.archive.sample.forced import unplane
from portal.archive.sample.presets import Preset
from portal.archive.sample.streams import normal, uniform

TAI_MINUS_UTC_D = 37.0 / 86400.0
GAIN = 1.6  # electrons per adu
CCD_VISIT_FACTOR = 1000  # ccdVisitId = visit * 1000 + detector


def timestamps(mjd: np.ndarray) -> list[str]:
    """ISO 8601 texts to the millisecond, in the scale of the input."""
    milli = np.round(np.asarray(mjd) * 86400e3).astype("timedelta64[ms]")
    return np.datetime_as_string(np.datetime64("1858-11-17", "ms") + milli, unit="ms").tolist()


def visit_columns(v: vis.Visits) -> dict[str, object]:
    """dp1.Visit."""
    start = v.mjd - vis.EXPOSURE_S / 2 / 86400
    n = len(v)
    return {
        "visit": v.visit,
        "physical_filter": np.array(PHYSICAL_FILTER)[v.band],
        "band": np.array(list(BANDS))[v.band],
        "ra": v.ra,
        "dec": v.dec,
        "skyRotation": v.rotation,
        "azimuth": v.azimuth,
        "altitude": v.altitude,
        "zenithDistance": 90.0 - v.altitude,
        "airmass": v.airmass,
        "expTime": np.full(n, vis.EXPOSURE_S),
        "expMidpt": np.array(timestamps(v.mjd)),
        "expMidptMJD": v.mjd,
        "obsStart": np.array(timestamps(start)),
        "obsStartMJD": start,
        "_healpix_29": cells.leaf_of(v.ra, v.dec),
    }


def ccd_visit_columns(v: vis.Visits, preset: Preset, seed: int) -> dict[str, object]:
    """dp1.CcdVisit: a row per visit and detector, by visit then detector."""
    n = len(v)
    i, d = np.repeat(np.arange(n), vis.DETECTORS), np.tile(np.arange(vis.DETECTORS), n)
    band = v.band[i]
    seeing, depth = v.seeing[i, d], v.depth[i, d]
    key = v.visit[i] * CCD_VISIT_FACTOR + d
    u, g = uniform(seed, "ccd/u", key), normal(seed, "ccd/g", key)
    loss = EXTINCTION_PER_AIRMASS[band] * (v.airmass[i] - 1) + v.cloud[i]
    zero = ZERO_POINT_1S[band] + 2.5 * np.log10(vis.EXPOSURE_S / GAIN) - loss + 0.003 * g
    sky = 10 ** (0.4 * (zero - v.sky[i])) * PIXEL_SCALE**2
    sigma = seeing / FWHM_OVER_SIGMA / PIXEL_SCALE
    corner, ra, dec = {}, *_on_sky(v, preset, i, d, 0.0, 0.0)
    for name, sx, sy in (("llc", -1, -1), ("ulc", -1, 1), ("urc", 1, 1), ("lrc", 1, -1)):
        corner[f"{name}ra"], corner[f"{name}dec"] = _on_sky(v, preset, i, d, sx * vis.CCD_X * 0.1, sy * vis.CCD_Y * 0.1)
    scale_psf = (0.9 / seeing) ** 2
    scale_sky = np.minimum(10 ** (0.4 * (v.sky[i] - DARK_SKY_MAG[band])), 4.0)
    scale_zero = 10 ** (-0.8 * loss)
    start = v.mjd - vis.EXPOSURE_S / 2 / 86400
    m = len(i)
    return {
        "ccdVisitId": key,
        "visitId": v.visit[i],
        "detector": d.astype(np.int64),
        "physical_filter": np.array(PHYSICAL_FILTER)[band],
        "band": np.array(list(BANDS))[band],
        "ra": ra,
        "dec": dec,
        "pixelScale": np.full(m, PIXEL_SCALE, np.float32) + (2e-5 * g).astype(np.float32),
        "zenithDistance": (90.0 - v.altitude[i]).astype(np.float32),
        "zeroPoint": zero.astype(np.float32),
        "psfSigma": sigma.astype(np.float32),
        "skyBg": sky.astype(np.float32),
        "skyNoise": np.sqrt(sky / GAIN + 30.0).astype(np.float32),
        "astromOffsetMean": 0.004 + 0.002 * u,
        "astromOffsetStd": 0.009 + 0.004 * u,
        "nPsfStar": (40 + 40 * u).astype(np.int32),
        "psfStarDeltaE1Median": 2e-4 * g,
        "psfStarDeltaE2Median": -1.6e-4 * g,
        "psfStarDeltaE1Scatter": 0.007 + 0.004 * u,
        "psfStarDeltaE2Scatter": 0.007 + 0.003 * u,
        "psfStarDeltaSizeMedian": 1e-3 * g,
        "psfStarDeltaSizeScatter": 0.008 + 0.01 * u,
        "psfStarScaledDeltaSizeScatter": (0.008 + 0.01 * u) / sigma,
        "psfTraceRadiusDelta": 0.02 + 0.03 * u,
        "psfApFluxDelta": 0.004 + 0.006 * u,
        "psfApCorrSigmaScaledDelta": 0.002 + 0.004 * u,
        "maxDistToNearestPsf": 500.0 + 500.0 * u,
        "seeing": seeing,
        "skyRotation": v.rotation[i],
        "expTime": np.full(m, vis.EXPOSURE_S),
        "expMidpt": np.array(timestamps(v.mjd))[i],
        "expMidptMJD": v.mjd[i],
        "obsStart": np.array(timestamps(start))[i],
        "obsStartMJD": start[i],
        "darkTime": np.full(m, vis.EXPOSURE_S + 1.5),
        "xSize": np.full(m, vis.CCD_X, np.int64),
        "ySize": np.full(m, vis.CCD_Y, np.int64),
        **corner,
        "effTime": vis.EXPOSURE_S * np.minimum(scale_psf * scale_sky * scale_zero, 3.0),
        "effTimePsfSigmaScale": scale_psf,
        "effTimeSkyBgScale": scale_sky,
        "effTimeZeroPointScale": scale_zero,
        "magLim": depth,
        "_healpix_29": cells.leaf_of(ra, dec),
    }


def _on_sky(
    v: vis.Visits, preset: Preset, i: np.ndarray, d: np.ndarray, dx: float, dy: float
) -> tuple[np.ndarray, ...]:
    """Degrees of a place on detectors, given in arcsec from their centres along the camera axes."""
    cx, cy = vis.detector_centre(d)
    u, w = cx + dx, cy + dy
    c, s = np.cos(np.radians(v.rotation[i])), np.sin(np.radians(v.rotation[i]))
    return unplane(v.x[i] + u * c - w * s, v.y[i] + u * s + w * c, preset.ra, preset.dec)


def patch_columns(preset: Preset) -> dict[str, object]:
    """dp1.CoaddPatches of the field."""
    patches = geometry.patches_of(preset.ra, preset.dec, preset.radius_deg)
    centre = np.array([p.centre() for p in patches])
    return {
        "lsst_tract": np.array([p.tract for p in patches], np.int64),
        "lsst_patch": np.array([p.patch for p in patches], np.int64),
        "s_ra": centre[:, 0],
        "s_dec": centre[:, 1],
        "s_region": np.array([p.s_region() for p in patches]),
        "_healpix_29": cells.leaf_of(centre[:, 0], centre[:, 1]),
    }


def obscore_columns(preset: Preset, seed: int, v: vis.Visits) -> dict[str, object]:
    """ivoa.ObsCore: one deep coadd per patch and band. Times are UTC; the archive adds access_url."""
    columns: dict[str, list[object]] = {}
    for patch in geometry.patches_of(preset.ra, preset.dec, preset.radius_deg):
        for b, band in enumerate(BANDS):
            row = _coadd_row(patch, b, band, seed, v)
            for name, value in row.items():
                columns.setdefault(name, []).append(value)
    arrays: dict[str, object] = {name: np.array(values) for name, values in columns.items() if values[0] is not None}
    n = len(columns["obs_id"])
    for name in ("lsst_visit", "lsst_detector"):
        arrays[name] = pa.nulls(n, pa.int64())
    for name in ("t_resolution", "em_res_power"):
        arrays[name] = pa.nulls(n, pa.float64())
    for name in ("t_xel", "em_xel", "pol_xel"):
        arrays[name] = pa.nulls(n, pa.int64())
    arrays["target_name"] = pa.nulls(n, pa.string())
    arrays["_healpix_29"] = cells.leaf_of(np.asarray(arrays["s_ra"]), np.asarray(arrays["s_dec"]))
    return arrays


def _coadd_row(patch: geometry.Patch, b: int, band: str, seed: int, v: vis.Visits) -> dict[str, object]:
    ra, dec = patch.centre()
    name = f"deep_coadd/{patch.tract}/{patch.patch}/{band}"
    ident = uuid.UUID(bytes=hashlib.blake2b(f"{seed}/{name}".encode(), digest_size=16).digest(), version=4)
    return {
        "dataproduct_type": "image",
        "dataproduct_subtype": "lsst.deep_coadd",
        "obs_title": f"deep_coadd - {band} - tract {patch.tract} patch {patch.patch}",
        "facility_name": "Rubin:Simonyi",
        "instrument_name": "LSSTComCam",
        "calib_level": np.int32(3),
        "obs_id": f"{band}-{patch.tract}-{patch.patch}",
        "obs_collection": "LSST.DP1",
        "obs_publisher_did": f"ivo://org.rubinobs/usdac/lsst-dp1?repo=dp1&id={ident}",
        "access_format": "application/x-votable+xml;content=datalink",
        "s_ra": ra,
        "s_dec": dec,
        "s_fov": float(np.hypot(patch.nx, patch.ny) * patch.scale / 3600),
        "s_region": patch.s_region(),
        "s_resolution": float(COADD_SEEING[b]),
        "s_xel1": patch.nx,
        "s_xel2": patch.ny,
        "t_min": float(v.mjd[0] - TAI_MINUS_UTC_D),
        "t_max": float(v.mjd[-1] - TAI_MINUS_UTC_D),
        "t_exptime": float(COADD_INPUTS[b] * vis.EXPOSURE_S),
        "em_min": float((WAVELENGTH_NM[b] - HALF_WIDTH_NM[b]) * 1e-9),
        "em_max": float((WAVELENGTH_NM[b] + HALF_WIDTH_NM[b]) * 1e-9),
        "o_ucd": "phot.flux.density",
        "lsst_tract": patch.tract,
        "lsst_patch": patch.patch,
        "lsst_band": band,
        "lsst_filter": PHYSICAL_FILTER[b],
    }
