"""Tables of what was observed and where the coadds lie: Visit, CcdVisit and CoaddPatches."""

from __future__ import annotations

import numpy as np

from portal.archive.sample import cells, footprints, geometry
from portal.archive.sample import visits as vis
from portal.archive.sample.bands import (
    BANDS,
    DARK_SKY_MAG,
    EXTINCTION_PER_AIRMASS,
    FWHM_OVER_SIGMA,
    PHYSICAL_FILTER,
    PIXEL_SCALE,
    ZERO_POINT_1S,
)
from portal.archive.sample.camera import CCD_X, CCD_Y
from portal.archive.sample.obscore import obscore_columns as obscore_columns
from portal.archive.sample.presets import Field
from portal.archive.sample.streams import normal, uniform
from portal.archive.sample.times import timestamps as timestamps

GAIN = 1.6  # electrons per adu
CCD_VISIT_FACTOR = 1000  # ccdVisitId = visit * 1000 + detector


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


def ccd_visit_columns(v: vis.Visits, field: Field, seed: int) -> dict[str, object]:
    """dp1.CcdVisit: a row per visit and detector, by visit then detector."""
    i, d = footprints.detector_rows(v)
    band = v.band[i]
    seeing, depth = v.seeing[i, d], v.depth[i, d]
    key = v.visit[i] * CCD_VISIT_FACTOR + d

    def share(name: str) -> np.ndarray:
        return uniform(seed, f"ccd/{name}", key)

    def scatter(name: str) -> np.ndarray:
        return normal(seed, f"ccd/{name}", key)

    ra, dec = footprints.on_sky(v, i, d, footprints.CENTRE)
    altitude = vis.horizontal(v.mjd[i], ra, dec)[0]
    corners = {}
    for name, at in zip(("llc", "lrc", "urc", "ulc"), footprints.CORNERS):
        corners[f"{name}ra"], corners[f"{name}dec"] = footprints.on_sky(v, i, d, at)
    loss = EXTINCTION_PER_AIRMASS[band] * (v.airmass[i] - 1) + v.cloud[i]
    zero = ZERO_POINT_1S[band] + 2.5 * np.log10(vis.EXPOSURE_S / GAIN) - loss + 0.003 * scatter("zero")
    sky = 10 ** (0.4 * (zero - v.sky[i])) * PIXEL_SCALE**2
    sigma = seeing / FWHM_OVER_SIGMA / PIXEL_SCALE
    size_scatter = 0.008 + 0.01 * share("size")
    scale_psf = (0.9 / seeing) ** 2
    scale_sky = np.minimum(10 ** (0.4 * (v.sky[i] - DARK_SKY_MAG[band])), 4.0)
    scale_zero = 10 ** (-0.8 * loss)
    start = v.mjd - vis.EXPOSURE_S / 2 / 86400
    m = len(i)
    return {
        "ccdVisitId": key,
        "visitId": v.visit[i],
        "detector": d,
        "physical_filter": np.array(PHYSICAL_FILTER)[band],
        "band": np.array(list(BANDS))[band],
        "ra": ra,
        "dec": dec,
        "pixelScale": (PIXEL_SCALE + 2e-5 * scatter("scale")).astype(np.float32),
        "zenithDistance": (90.0 - altitude).astype(np.float32),
        "zeroPoint": zero.astype(np.float32),
        "psfSigma": sigma.astype(np.float32),
        "skyBg": sky.astype(np.float32),
        "skyNoise": np.sqrt(sky / GAIN + 30.0).astype(np.float32),
        "astromOffsetMean": 0.004 + 0.002 * share("astrom"),
        "astromOffsetStd": 0.009 + 0.004 * share("astrom std"),
        "nPsfStar": (40 + 40 * share("psf stars")).astype(np.int32),
        "psfStarDeltaE1Median": 2e-4 * scatter("e1"),
        "psfStarDeltaE2Median": 1.6e-4 * scatter("e2"),
        "psfStarDeltaE1Scatter": 0.007 + 0.004 * share("e1"),
        "psfStarDeltaE2Scatter": 0.007 + 0.003 * share("e2"),
        "psfStarDeltaSizeMedian": 1e-3 * scatter("size"),
        "psfStarDeltaSizeScatter": size_scatter,
        "psfStarScaledDeltaSizeScatter": size_scatter / sigma,
        "psfTraceRadiusDelta": 0.02 + 0.03 * share("trace"),
        "psfApFluxDelta": 0.004 + 0.006 * share("aperture"),
        "psfApCorrSigmaScaledDelta": 0.002 + 0.004 * share("correction"),
        "maxDistToNearestPsf": 500.0 + 500.0 * share("nearest"),
        "seeing": seeing,
        "skyRotation": v.rotation[i],
        "expTime": np.full(m, vis.EXPOSURE_S),
        "expMidpt": np.array(timestamps(v.mjd))[i],
        "expMidptMJD": v.mjd[i],
        "obsStart": np.array(timestamps(start))[i],
        "obsStartMJD": start[i],
        "darkTime": np.full(m, vis.EXPOSURE_S + 1.5),
        "xSize": np.full(m, CCD_X, np.int64),
        "ySize": np.full(m, CCD_Y, np.int64),
        **corners,
        "effTime": vis.EXPOSURE_S * np.minimum(scale_psf * scale_sky * scale_zero, 3.0),
        "effTimePsfSigmaScale": scale_psf,
        "effTimeSkyBgScale": scale_sky,
        "effTimeZeroPointScale": scale_zero,
        "magLim": depth,
        "_healpix_29": cells.leaf_of(ra, dec),
    }


def patch_columns(field: Field) -> dict[str, object]:
    """dp1.CoaddPatches of the field."""
    patches = geometry.patches_of(field.ra, field.dec, field.radius_deg)
    centre = np.array([p.centre() for p in patches])
    return {
        "lsst_tract": np.array([p.tract for p in patches], np.int64),
        "lsst_patch": np.array([p.patch for p in patches], np.int64),
        "s_ra": centre[:, 0],
        "s_dec": centre[:, 1],
        "s_region": np.array([p.s_region() for p in patches]),
        "_healpix_29": cells.leaf_of(centre[:, 0], centre[:, 1]),
    }
