"""The Object table: the detected sources of a field and what is common to all their bands, in DP1 names and types."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from portal.archive.sample import cells, detection, geometry
from portal.archive.sample.bands import BANDS, COADD_SEEING, FWHM_OVER_SIGMA, PIXEL_SCALE, coadd_psf_sigma
from portal.archive.sample.detection import Detected
from portal.archive.sample.forced import plane, psf_fraction
from portal.archive.sample.measure import Measured, band_columns
from portal.archive.sample.presets import Field
from portal.archive.sample.streams import normal, uniform
from portal.archive.sample.writing import ERROR_BITS, TableFile, keep_bits

# Small row groups: a cone of an arcminute reads one of them, and 500 columns of more rows fill memory.
ROWS_PER_BLOCK = 32768
REFERENCE_ORDER = "irzygu"


def find_objects(seed: int, field: Field, sky: dict[str, np.ndarray]) -> Detected:
    """Detect, melt, number and cut to the field."""
    width2 = detection.width2_of(sky)
    seen = np.flatnonzero(detection.detected(sky, width2, seed))
    rows, flux, place = detection.melted(sky, seen, field)
    signal = (flux * psf_fraction(width2[rows], COADD_SEEING) / coadd_psf_sigma()).max(axis=1)
    ra, dec, error = detection.measured_places(sky, rows, signal, seed)
    leaf = cells.leaf_of(ra, dec)
    order = np.argsort(leaf, kind="stable")
    new_place = np.empty(len(order), dtype=np.int64)
    new_place[order] = np.arange(len(order))
    rows, flux, ra, dec, error, leaf = (a[order] for a in (rows, flux, ra, dec, error, leaf))
    ids = detection.object_ids(leaf, sky["tid"][rows], seed)
    x, y = plane(ra, dec, field.ra, field.dec)
    pairs, distance, family = detection.neighbours(x, y)
    members = np.bincount(family)
    first = np.full(len(members), np.iinfo(np.int64).max)
    np.minimum.at(first, family, ids)
    parent = np.where(members[family] > 1, first[family] // detection.ID_STEP * detection.ID_STEP + 3, 0)
    blend = np.zeros_like(flux)
    if len(pairs):
        reach = np.exp(-(distance[:, None] ** 2) / (4 * (COADD_SEEING / FWHM_OVER_SIGMA) ** 2 + 0.05))
        np.add.at(blend, pairs[:, 0], reach * flux[pairs[:, 1]])
        np.add.at(blend, pairs[:, 1], reach * flux[pairs[:, 0]])
    inside = field.holds(ra, dec)
    kept = np.cumsum(inside) - 1
    of_sky = np.full(len(sky["tid"]), -1, dtype=np.int64)
    at = new_place[place]
    of_sky[seen] = np.where(inside[at], kept[at], -1)
    everything = (
        rows,
        flux,
        width2[rows],
        ids,
        parent,
        leaf,
        ra,
        dec,
        error,
        x,
        y,
        blend / (blend + flux),
        members[family],
    )
    return Detected(*(a[inside] for a in everything), of_sky)


def object_columns(seed: int, sky: dict[str, np.ndarray], found: Detected) -> dict[str, np.ndarray]:
    """The stored columns of Object, in DP1 names; extra ones begin with an underscore."""
    bands: dict[str, np.ndarray] = {}
    for b in range(6):
        bands.update(band_columns(Measured(seed, sky, found, b)))
    return {**_common_columns(seed, sky, found, bands), **bands}


def write_objects(
    path: Path, seed: int, sky: dict[str, np.ndarray], found: Detected
) -> tuple[dict[str, Any], np.ndarray, np.ndarray]:
    """Write Object block by block; gives its line of the manifest, and tract and patch of every object."""
    file, tracts, patches = TableFile(path), [], []
    with ThreadPoolExecutor(1, thread_name_prefix="parquet") as pool:
        waiting: Future[None] | None = None
        for start in range(0, len(found), ROWS_PER_BLOCK):
            columns = object_columns(seed, sky, found.part(start, start + ROWS_PER_BLOCK))
            tracts.append(columns["tract"])
            patches.append(columns["patch"])
            if waiting is not None:
                waiting.result()
            waiting = pool.submit(file.add, columns)
        if waiting is not None:
            waiting.result()
    return file.close(), np.concatenate(tracts), np.concatenate(patches)


def _reference(bands: dict[str, np.ndarray], n: int) -> tuple[np.ndarray, np.ndarray]:
    """Index into BANDS of the reference band: the first of i r z y g u above ten sigma, else the best."""
    signal = np.stack([bands[f"{b}_psfFlux"] / bands[f"{b}_psfFluxErr"] for b in BANDS], axis=1)
    signal = np.where(np.isfinite(signal), signal, -np.inf)
    order = np.array([BANDS.index(b) for b in REFERENCE_ORDER])
    strong = signal[:, order] > 10
    chosen = np.where(strong.any(axis=1), order[np.argmax(strong, axis=1)], np.argmax(signal, axis=1))
    return chosen, signal[np.arange(n), chosen]


def _common_columns(
    seed: int, sky: dict[str, np.ndarray], found: Detected, bands: dict[str, np.ndarray]
) -> dict[str, np.ndarray]:
    n, rows = len(found), found.rows
    reference, signal = _reference(bands, n)
    every = np.arange(n)

    def at_reference(column: str) -> np.ndarray:
        return np.stack([bands[f"{b}_{column}"] for b in BANDS], axis=1)[every, reference]

    tract, patch = geometry.patch_at(found.ra, found.dec)
    x, y = np.empty(n), np.empty(n)
    for t, p in np.unique(np.stack([tract, patch], axis=1), axis=0):
        here = (tract == t) & (patch == p)
        place = geometry.patch_of(int(t), int(p))
        px, py = place.to_pixel(found.ra[here], found.dec[here])
        x[here], y[here] = px + place.x0, py + place.y0
    error = found.error / 3600.0
    reach = 0.94 + 2.2 * sky["r_e"][rows]
    area = np.pi * (reach / PIXEL_SCALE) ** 2 * np.clip(np.log10(np.maximum(signal, 3.0)), 0.6, 3.5) * 0.8
    shape_bad = uniform(seed, "object/shape", sky["tid"][rows]) < 0.004
    r_px = np.maximum(sky["r_e"][rows], 0.02) / PIXEL_SCALE
    axis = np.radians(sky["pa"][rows])
    q = sky["q"][rows]
    sx = r_px * np.sqrt(np.sin(axis) ** 2 + (q * np.cos(axis)) ** 2)
    sy = r_px * np.sqrt(np.cos(axis) ** 2 + (q * np.sin(axis)) ** 2)
    rho = (q * q - 1) * np.sin(axis) * np.cos(axis) * r_px**2 / (sx * sy)
    index = np.where(sky["r_e"][rows] > 0, 1 + 3 * sky["bulge"][rows], 1.0)
    index = np.clip(
        index * np.exp(0.6 / np.maximum(signal, 3) * normal(seed, "object/index", sky["tid"][rows])), 0.5, 8
    )
    out: dict[str, np.ndarray] = {
        "objectId": found.object_id,
        "coord_ra": found.ra,
        "coord_dec": found.dec,
        "coord_raErr": keep_bits(error / np.cos(np.radians(found.dec)), ERROR_BITS),
        "coord_decErr": keep_bits(error, ERROR_BITS),
        "coord_ra_dec_Cov": keep_bits(0.05 * error**2, ERROR_BITS),
        "parentObjectId": found.parent_id,
        "tract": tract,
        "patch": patch,
        "x": np.round(x * 256) / 256,
        "y": np.round(y * 256) / 256,
        "xErr": keep_bits(found.error / PIXEL_SCALE, ERROR_BITS),
        "yErr": keep_bits(found.error / PIXEL_SCALE, ERROR_BITS),
        "xy_flag": np.zeros(n, bool),
        "refBand": np.array(list(BANDS))[reference],
        "refExtendedness": at_reference("extendedness"),
        "refSizeExtendedness": at_reference("sizeExtendedness"),
        "ebv": keep_bits(cells.reddening(found.ra, found.dec), 12),
        "footprintArea": area.astype(np.int32),
        "shape_xx": np.where(shape_bad, np.nan, at_reference("ixx")).astype(np.float32),
        "shape_yy": np.where(shape_bad, np.nan, at_reference("iyy")).astype(np.float32),
        "shape_xy": np.where(shape_bad, np.nan, at_reference("ixy")).astype(np.float32),
        "shape_flag": shape_bad,
        "detect_isIsolated": found.family == 1,
        "detect_fromBlend": found.family > 1,
        "detect_isDeblendedModelSource": found.family > 1,
        "deblend_nChild": np.zeros(n, np.int32),
        "deblend_nPeaks": np.where(found.family > 1, found.family, 0).astype(np.int32),
        "deblend_failed": np.zeros(n, bool),
        "deblend_skipped": np.zeros(n, bool),
        "sersic_index": keep_bits(index, 10),
        "sersic_reff_x": keep_bits(sx, 12),
        "sersic_reff_y": keep_bits(sy, 12),
        "sersic_rho": keep_bits(rho, 12),
        "sersic_no_data_flag": np.zeros(n, bool),
        "_detect_isPrimary": np.ones(n, bool),
        "_healpix_29": found.leaf,
    }
    return out
