"""What a coadd pipeline measures of the objects in one band: fluxes, magnitudes, shapes, flags, in DP1 names."""

from __future__ import annotations

import numpy as np

from portal.archive.sample.bands import (
    BANDS,
    CALIBRATION_SCATTER,
    COADD_INPUTS,
    COADD_SEEING,
    FWHM_OVER_SIGMA,
    PIXEL_SCALE,
    coadd_psf_sigma,
    electron_flux,
)
from portal.archive.sample.detection import Detected
from portal.archive.sample.forced import psf_fraction
from portal.archive.sample.noise import pixel_sigma
from portal.archive.sample.profiles import aperture_share, aperture_shares, second_moments
from portal.archive.sample.streams import normal, uniform
from portal.archive.sample.visits import EXPOSURE_S, FIRST_DAY
from portal.archive.sample.writing import ERROR_BITS, FLUX_BITS, keep_bits

EXTENDED_RATIO = 0.985  # PSF over model flux below this: extended
SATURATED_MAG = np.array([14.6, 15.9, 15.7, 15.4, 15.0, 14.2])
APERTURES_PX = {
    "ap03": 3.0,
    "ap06": 6.0,
    "ap09": 9.0,
    "ap12": 12.0,
    "ap17": 17.0,
    "ap25": 25.0,
    "ap35": 35.0,
    "ap50": 50.0,
}


def magnitude(flux: np.ndarray, error: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    with np.errstate(invalid="ignore", divide="ignore"):
        mag = 31.4 - 2.5 * np.log10(np.where(flux > 0, flux, np.nan).astype(np.float64))
        return mag.astype(np.float32), (1.0857362 * error / np.where(flux > 0, flux, np.nan)).astype(np.float32)


def to_noise(value: np.ndarray, error: np.ndarray) -> np.ndarray:
    """Values on steps of 1/256 to 1/128 of their errors, powers of two: finer digits say nothing and take room."""
    step = np.ldexp(1.0, np.frexp(error)[1] - 8)
    return np.rint(value / step) * step


class Measured:
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
            keep_bits(np.where(gone, np.nan, to_noise(value, error)), FLUX_BITS),
            keep_bits(np.where(gone, np.nan, error), ERROR_BITS),
        )


def band_columns(m: Measured) -> dict[str, np.ndarray]:
    b, name, found = m.band, m.name, m.found
    sky, out = m.sky, {}
    seeing, sigma_psf, sigma_pix = float(COADD_SEEING[b]), coadd_psf_sigma()[b], pixel_sigma()[b]
    spread = 2 * (seeing / FWHM_OVER_SIGMA) ** 2
    shape = (sky["r_e"], sky["bulge"], sky["q"], seeing)
    point = (np.zeros(1), np.zeros(1), np.ones(1), seeing)
    fraction = psf_fraction(found.width2[:, b], seeing)
    psf, psf_err = m.draw("psf-own", m.total * fraction, sigma_psf, 0.0)
    widening = np.sqrt(1 + 1.2 * found.width2[:, b] / spread)
    model, model_err = m.draw("model", m.total * (1 - 0.3 * found.blend[:, b] ** 2), sigma_psf * widening, 0.2)
    model_failed = uniform(m.seed, f"object/modelflag/{b}", sky["tid"]) < 0.002
    model[model_failed], model_err[model_failed] = np.nan, np.nan
    for label, value, error in (("psf", psf, psf_err), ("cModel", model, model_err)):
        out[f"{name}_{label}Flux"], out[f"{name}_{label}FluxErr"] = value, error
        mag, mag_err = magnitude(value, error)
        out[f"{name}_{label}Mag"], out[f"{name}_{label}MagErr"] = keep_bits(mag, 16), keep_bits(mag_err, ERROR_BITS)
    shares = aperture_shares(*shape, np.array(list(APERTURES_PX.values())) * PIXEL_SCALE)
    for k, (label, radius_px) in enumerate(APERTURES_PX.items()):
        light = m.total * shares[:, k] * (1 + found.blend[:, b])
        value, error = m.draw(label, light, sigma_pix * np.sqrt(np.pi) * radius_px, 0.8)
        out[f"{name}_{label}Flux"], out[f"{name}_{label}FluxErr"] = value, error
        if label == "ap12":
            scale = np.float32(1.0 / aperture_share(*point, radius_px * PIXEL_SCALE)[0])
            out[f"{name}_calibFlux"] = keep_bits(to_noise(value * scale, error * scale), FLUX_BITS)
            out[f"{name}_calibFluxErr"] = keep_bits(error * scale, ERROR_BITS)
    size = np.sqrt(spread / 2 + (0.85 * sky["r_e"]) ** 2 * sky["q"])
    with np.errstate(invalid="ignore", divide="ignore"):
        wobble = np.where(psf > 5 * psf_err, 0.5 * psf_err / psf, 0.1)  # the radius is measured, too
    kron = np.clip(2.5 * 1.15 * size * (1 + wobble * m.shared), 1.2, 12.0)
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
    out.update(_model_columns(m, psf, psf_err, model, model_err))
    out[f"{name}_extendedness"] = extended.astype(np.float32)
    out[f"{name}_sizeExtendedness"] = keep_bits(certainty, 8)
    out[f"{name}_blendedness"] = keep_bits(np.where(m.missing, np.nan, found.blend[:, b]), 10)
    out.update(_moments(m, psf, psf_err))
    inputs = COADD_INPUTS[b] * (0.9 + 0.2 * uniform(m.seed, f"object/inputs/{b}", found.leaf >> 30))
    out[f"{name}_inputCount"] = np.where(m.missing, 0, inputs).astype(np.int32)
    out[f"{name}_epoch"] = np.where(m.missing, np.nan, FIRST_DAY + 540.0 + np.floor(inputs))
    out[f"{name}_psfFlux_flag"] = m.missing.copy()
    out[f"{name}_cModel_flag"] = m.missing | model_failed
    out[f"{name}_kronFlux_flag"] = m.missing | (kron >= 12.0)
    out[f"{name}_kronFlux_flag_bad_radius"] = m.missing.copy()
    out[f"{name}_kronFlux_flag_small_radius"] = kron <= 1.2
    out[f"{name}_gaapFlux_flag"] = m.missing.copy()
    out[f"{name}_centroid_flag"] = m.missing.copy()
    out[f"{name}_sizeExtendedness_flag"] = m.missing | model_failed
    out[f"{name}_extendedness_flag"] = m.missing | model_failed
    out[f"{name}_blendedness_flag"] = m.missing.copy()
    out[f"{name}_pixelFlags_saturatedCenter"] = m.saturated & ~m.missing
    out[f"{name}_pixelFlags_inexact_psfCenter"] = uniform(m.seed, f"object/inexact/{b}", sky["tid"]) < 0.03
    lone = (sky["type"] != 1) & (found.family == 1) & ~m.saturated & ~m.missing
    out[f"{name}_calib_psf_used"] = lone & (psf > 60 * psf_err) & (extended == 0)
    return out


def _moments(m: Measured, psf: np.ndarray, psf_err: np.ndarray) -> dict[str, np.ndarray]:
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


def _model_columns(
    m: Measured, psf: np.ndarray, psf_err: np.ndarray, model: np.ndarray, model_err: np.ndarray
) -> dict[str, np.ndarray]:
    """Fits with a free centre, the bulge and disc fit, deblender sums and the shape for lensing."""
    name, sky, found, tid = m.name, m.sky, m.found, m.sky["tid"]
    out: dict[str, np.ndarray] = {}
    shift = 0.25 * normal(m.seed, f"object/free/{m.band}", tid)
    for label, value, error in (("psf", psf, psf_err), ("cModel", model, model_err)):
        out[f"{name}_free_{label}Flux"] = keep_bits(to_noise(value + shift * error, error), FLUX_BITS)
        out[f"{name}_free_{label}FluxErr"] = error
        out[f"{name}_free_{label}Flux_flag"] = ~np.isfinite(value)
    squeeze = (1 - sky["q"] ** 2) / (1 + sky["q"] ** 2)
    angle = 2 * np.radians(sky["pa"])
    width = (np.maximum(sky["r_e"], 0.02) / PIXEL_SCALE) ** 2
    # x runs west, so e1 = -e cos(2 (90 - pa)) and e2 = -e sin(2 pa).
    e1, e2 = -squeeze * np.cos(angle), -squeeze * np.sin(angle)
    with np.errstate(invalid="ignore", divide="ignore"):
        noise = np.clip(1.6 * psf_err / np.where(psf > 3 * psf_err, psf, np.nan), 0, 0.8)
    unsure = np.where(np.isfinite(noise), noise, 0.8)
    fitted = width * np.exp(0.6 * unsure * normal(m.seed, f"object/bd/{m.band}", tid))
    e1, e2 = (
        true + unsure * normal(m.seed, f"object/hsm{label}/{m.band}", tid) for label, true in (("e1", e1), ("e2", e2))
    )
    shrink = np.minimum(0.95 / np.maximum(np.hypot(e1, e2), 1e-9), 1.0)
    for label, value in (("e1", e1), ("e2", e2)):
        # Determinant-like second moments of the better component, as the fit gives them.
        out[f"{name}_bd{label.upper()}"] = keep_bits(np.where(m.missing, np.nan, value * shrink * fitted), 8)
        value = np.where((np.abs(value) < 1.5) & (sky["r_e"] > 0) & np.isfinite(noise), value, np.nan)
        out[f"{name}_hsmShapeRegauss_{label}"] = keep_bits(value, 9)
    out[f"{name}_hsmShapeRegauss_sigma"] = keep_bits(noise, ERROR_BITS)
    out[f"{name}_hsmShapeRegauss_flag"] = ~np.isfinite(out[f"{name}_hsmShapeRegauss_e1"])
    # A de Vaucouleurs profile of the same light has a larger half-light radius than an exponential one.
    larger = 1.0 + 0.5 * (1.0 - sky["bulge"])
    for label, size in (("ReB", fitted * larger), ("ReD", fitted * (larger - 0.3))):
        out[f"{name}_bd{label}"] = keep_bits(np.where(m.missing, np.nan, size), 8)
    shared = found.blend[:, m.band]
    out[f"{name}_deblend_blendedness"] = keep_bits(shared, 9)
    out[f"{name}_deblend_fluxOverlap"] = keep_bits(shared * m.total, 9)
    out[f"{name}_deblend_fluxOverlapFraction"] = keep_bits(shared * 0.8, 9)
    return out
