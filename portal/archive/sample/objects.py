"""The Object table: what a coadd pipeline would measure of each detected source, in DP1 names and types."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from portal.archive.sample import cells, detection, geometry
from portal.archive.sample.bands import (
    BANDS,
    CALIBRATION_SCATTER,
    COADD_INPUTS,
    COADD_SEEING,
    FWHM_OVER_SIGMA,
    PIXEL_SCALE,
    coadd_pixel_sigma,
    coadd_psf_sigma,
    electron_flux,
)
from portal.archive.sample.forced import plane, psf_fraction
from portal.archive.sample.presets import Preset
from portal.archive.sample.profiles import aperture_share, second_moments
from portal.archive.sample.streams import normal, uniform
from portal.archive.sample.visits import EXPOSURE_S, FIRST_DAY
from portal.archive.sample.writing import ERROR_BITS, FLUX_BITS, keep_bits

EXTENDED_RATIO = 0.985  # PSF over model flux below this: extended
SATURATED_MAG = np.array([14.6, 15.9, 15.7, 15.4, 15.0, 14.2])
APERTURES_PX = {"ap03": 3.0, "ap06": 6.0, "ap09": 9.0, "ap12": 12.0, "ap17": 17.0, "ap25": 25.0, "ap35": 35.0}
REFERENCE_ORDER = "irzygu"


@dataclass(frozen=True)
class Detected:
    """The objects of a field in HEALPix order: rows of the sky, what they show, and where the pipeline puts them."""

    rows: np.ndarray  # row in the sky of the brightest source in each object
    flux: np.ndarray  # nJy, (n, 6), melted neighbours included
    width2: np.ndarray  # arcsec2, (n, 6)
    object_id: np.ndarray
    parent_id: np.ndarray
    leaf: np.ndarray
    ra: np.ndarray
    dec: np.ndarray
    error: np.ndarray  # of the position, arcsec
    x: np.ndarray  # field plane, arcsec
    y: np.ndarray
    blend: np.ndarray  # share of neighbours' light at the place of the object, (n, 6)
    family: np.ndarray  # objects in the same footprint
    of_sky: np.ndarray  # for each row of the sky the place of its object here, or -1

    def __len__(self) -> int:
        return len(self.rows)


def find_objects(seed: int, preset: Preset, sky: dict[str, np.ndarray]) -> Detected:
    """Detect, melt, number and cut to the field."""
    width2 = detection.width2_of(sky)
    seen = np.flatnonzero(detection.detected(sky, width2, seed))
    rows, flux, place = detection.melted(sky, seen, preset)
    signal = (flux * psf_fraction(width2[rows], COADD_SEEING) / coadd_psf_sigma()).max(axis=1)
    ra, dec, error = detection.measured_places(sky, rows, signal, seed)
    leaf = cells.leaf_of(ra, dec)
    order = np.argsort(leaf, kind="stable")
    new_place = np.empty(len(order), dtype=np.int64)
    new_place[order] = np.arange(len(order))
    rows, flux, ra, dec, error, leaf = (a[order] for a in (rows, flux, ra, dec, error, leaf))
    ids = detection.object_ids(leaf, sky["tid"][rows], seed)
    x, y = plane(ra, dec, preset.ra, preset.dec)
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
    inside = cells.separation(ra, dec, preset.ra, preset.dec) < preset.radius_deg
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


def _magnitude(flux: np.ndarray, error: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    with np.errstate(invalid="ignore", divide="ignore"):
        mag = 31.4 - 2.5 * np.log10(np.where(flux > 0, flux, np.nan).astype(np.float64))
        return mag.astype(np.float32), (1.0857362 * error / np.where(flux > 0, flux, np.nan)).astype(np.float32)


class _Measured:
    """Fluxes and errors of one band, with the noises that its columns share."""

    def __init__(self, seed: int, sky: dict[str, np.ndarray], found: Detected, band: int) -> None:
        self.band, self.name, self.found = band, BANDS[band], found
        self.sky = {name: sky[name][found.rows] for name in ("tid", "r_e", "bulge", "q", "pa", "type")}
        self.total = found.flux[:, band]
        self.seed = seed
        tid = self.sky["tid"]
        self.missing = uniform(seed, f"object/missing/{band}", tid) < (0.012, 0.002, 0.001, 0.001, 0.003, 0.008)[band]
        self.shared = normal(seed, f"object/psf/{band}", tid)
        self.saturated = self.total > 10 ** (0.4 * (31.4 - SATURATED_MAG[band]))

    def error_of(self, flux: np.ndarray, background: np.ndarray | float) -> np.ndarray:
        photon = electron_flux(EXPOSURE_S * COADD_INPUTS[self.band])[self.band]
        return np.sqrt(background**2 + photon * np.maximum(flux, 0) + (CALIBRATION_SCATTER * flux) ** 2)

    def draw(self, name: str, flux: np.ndarray, background: np.ndarray | float, own: float) -> tuple[np.ndarray, ...]:
        """Measured flux and error, float32: the shared noise plus a part ``own`` of independent noise."""
        error = self.error_of(flux, background)
        fresh = normal(self.seed, f"object/{name}/{self.band}", self.sky["tid"])
        value = flux + error * (np.sqrt(1 - own * own) * self.shared + own * fresh)
        gone = self.missing
        return (
            keep_bits(np.where(gone, np.nan, value), FLUX_BITS),
            keep_bits(np.where(gone, np.nan, error), ERROR_BITS),
        )


def _band_columns(m: _Measured) -> dict[str, np.ndarray]:
    b, name, found = m.band, m.name, m.found
    sky, out = m.sky, {}
    seeing, sigma_psf, sigma_pix = float(COADD_SEEING[b]), coadd_psf_sigma()[b], coadd_pixel_sigma()[b]
    spread = 2 * (seeing / FWHM_OVER_SIGMA) ** 2
    shape = (sky["r_e"], sky["bulge"], sky["q"], seeing)
    point = (np.zeros(1), np.zeros(1), np.ones(1), seeing)
    fraction = psf_fraction(found.width2[:, b], seeing)
    psf, psf_err = m.draw("psf-own", m.total * fraction, sigma_psf, 0.0)
    widening = np.sqrt(1 + 1.2 * found.width2[:, b] / spread)
    model, model_err = m.draw("model", m.total * (1 - 0.3 * found.blend[:, b] ** 2), sigma_psf * widening, 0.12)
    model_failed = uniform(m.seed, f"object/modelflag/{b}", sky["tid"]) < 0.002
    model[model_failed], model_err[model_failed] = np.nan, np.nan
    for label, value, error in (("psf", psf, psf_err), ("cModel", model, model_err)):
        out[f"{name}_{label}Flux"], out[f"{name}_{label}FluxErr"] = value, error
        mag, mag_err = _magnitude(value, error)
        out[f"{name}_{label}Mag"], out[f"{name}_{label}MagErr"] = keep_bits(mag, 16), keep_bits(mag_err, ERROR_BITS)
    for label, radius_px in APERTURES_PX.items():
        radius = radius_px * PIXEL_SCALE
        light = m.total * aperture_share(*shape, radius) * (1 + found.blend[:, b])
        value, error = m.draw(label, light, sigma_pix * np.sqrt(np.pi) * radius_px, 0.8)
        out[f"{name}_{label}Flux"], out[f"{name}_{label}FluxErr"] = value, error
        if label == "ap12":
            scale = np.float32(1.0 / aperture_share(*point, radius)[0])
            out[f"{name}_calibFlux"] = keep_bits(value * scale, FLUX_BITS)
            out[f"{name}_calibFluxErr"] = keep_bits(error * scale, ERROR_BITS)
    size = np.sqrt(spread / 2 + (0.85 * sky["r_e"]) ** 2 * sky["q"])
    kron = np.clip(2.5 * 1.15 * size * (1 + 0.03 * m.shared), 1.2, 12.0)
    out[f"{name}_kronRad"] = keep_bits(np.where(m.missing, np.nan, kron / PIXEL_SCALE), 12)
    out[f"{name}_kronFlux"], out[f"{name}_kronFluxErr"] = m.draw(
        "kron", m.total * aperture_share(*shape, kron), sigma_pix * np.sqrt(np.pi) * kron / PIXEL_SCALE, 0.6
    )
    for label, common in (("gaap1p0", 1.25), ("gaap1p5", 1.6), ("gaap3p0", 3.1)):
        ratio = psf_fraction(found.width2[:, b], common)
        noise = sigma_psf * np.sqrt((common / seeing) ** 2 * 0.9)
        out[f"{name}_{label}Flux"], out[f"{name}_{label}FluxErr"] = m.draw(label, m.total * ratio, noise, 0.35)
    bulge, noise = sky["bulge"] * (sky["r_e"] > 0), sigma_psf * widening * 1.6
    out[f"{name}_bdFluxB"] = m.draw("bdB", m.total * bulge, noise, 0.9)[0]
    out[f"{name}_bdFluxD"] = m.draw("bdD", m.total * (1 - bulge), noise, 0.9)[0]
    out[f"{name}_sersicFlux"], out[f"{name}_sersicFluxErr"] = m.draw("sersic", m.total, sigma_psf * widening, 0.3)
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = psf / model
        extended = np.where(np.isfinite(ratio), (ratio < EXTENDED_RATIO).astype(np.float32), np.nan)
        certainty = 1 / (1 + np.exp(np.clip(-(1 / ratio - 1.03) / (0.02 + 0.7 * model_err / np.abs(model)), -30, 30)))
    out[f"{name}_extendedness"] = extended.astype(np.float32)
    out[f"{name}_sizeExtendedness"] = keep_bits(certainty, 8)
    out[f"{name}_blendedness"] = keep_bits(np.where(m.missing, np.nan, found.blend[:, b]), 10)
    out.update(_moments(m, psf, psf_err))
    inputs = COADD_INPUTS[b] * (0.9 + 0.2 * uniform(m.seed, f"object/inputs/{b}", found.leaf >> 30))
    out[f"{name}_inputCount"] = np.where(m.missing, 0, inputs).astype(np.int32)
    out[f"{name}_epoch"] = np.where(m.missing, np.nan, np.round(FIRST_DAY + 540.0 + inputs, 2))
    out[f"{name}_psfFlux_flag"] = m.missing.copy()
    out[f"{name}_cModel_flag"] = m.missing | model_failed
    out[f"{name}_kronFlux_flag"] = m.missing | (kron >= 12.0)
    out[f"{name}_extendedness_flag"] = m.missing | model_failed
    out[f"{name}_blendedness_flag"] = m.missing.copy()
    out[f"{name}_pixelFlags_saturatedCenter"] = m.saturated & ~m.missing
    out[f"{name}_pixelFlags_inexact_psfCenter"] = uniform(m.seed, f"object/inexact/{b}", sky["tid"]) < 0.03
    lone = (sky["type"] != 1) & (found.family == 1) & ~m.saturated & ~m.missing
    out[f"{name}_calib_psf_used"] = lone & (psf > 60 * psf_err) & (extended == 0)
    return out


def _moments(m: _Measured, psf: np.ndarray, psf_err: np.ndarray) -> dict[str, np.ndarray]:
    """Adaptive moments of object and PSF in pixel2."""
    name, sky = m.name, m.sky
    seeing2 = (COADD_SEEING[m.band] / FWHM_OVER_SIGMA) ** 2
    xx, yy, xy = second_moments(sky["r_e"], sky["bulge"], sky["q"], sky["pa"])
    tilt = 0.01 * np.sin(m.found.x / 900.0), 0.01 * np.cos(m.found.y / 1100.0)
    px = np.stack([seeing2 * (1 + tilt[0]), seeing2 * (1 - tilt[0]), seeing2 * tilt[1]])
    signal = np.where(psf > 3 * psf_err, psf / psf_err, np.nan)
    out = {}
    for k, (label, own) in enumerate((("ixx", xx), ("iyy", yy), ("ixy", xy))):
        seen = (px[k] + own) / PIXEL_SCALE**2
        size = (seeing2 + (xx + yy) / 2) / PIXEL_SCALE**2
        noise = 1.4 * size / np.where(np.isfinite(signal), signal, 1.0) * (0.7 if k == 2 else 1.0)
        value = seen + noise * normal(m.seed, f"object/{label}/{m.band}", sky["tid"])
        good = np.isfinite(signal) & ((value > 0) if k < 2 else True)
        out[f"{name}_{label}"] = keep_bits(np.where(good, value, np.nan), 10)
        out[f"{name}_{label}PSF"] = keep_bits(np.where(m.missing, np.nan, px[k] / PIXEL_SCALE**2), 12)
    return out


def object_columns(seed: int, sky: dict[str, np.ndarray], found: Detected) -> dict[str, np.ndarray]:
    """The stored columns of Object, in DP1 names; extra ones begin with an underscore."""
    bands: dict[str, np.ndarray] = {}
    for b in range(6):
        bands.update(_band_columns(_Measured(seed, sky, found, b)))
    return {**_common_columns(seed, sky, found, bands), **bands}


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
        "x": np.round(x, 3),
        "y": np.round(y, 3),
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
