"""The six bands in numbers: wavelengths, extinction, photon rates, sky, and the depth of the deep coadds.

All fluxes of the sample sky are in nJy (AB): m = 31.4 - 2.5 log10(f).
"""

from __future__ import annotations

import numpy as np

BANDS = "ugrizy"
WAVELENGTH_NM = np.array([368.0, 480.0, 622.0, 754.0, 869.0, 971.0])
HALF_WIDTH_NM = np.array([27.0, 68.0, 68.0, 62.0, 50.0, 45.0])
# A_b / E(B-V) of a R_V = 3.1 dust law at these wavelengths.
EXTINCTION = np.array([4.81, 3.64, 2.70, 2.06, 1.58, 1.31])
PHYSICAL_FILTER = ("u_02", "g_01", "r_03", "i_06", "z_03", "y_04")
# AB magnitude that gives one electron per second at airmass 1.
ZERO_POINT_1S = np.array([27.03, 28.38, 28.16, 27.85, 27.46, 26.68])
DARK_SKY_MAG = np.array([22.95, 22.24, 21.20, 20.47, 19.60, 18.63])  # per arcsec2
DEPTH_CONSTANT = np.array([23.39, 24.51, 24.49, 24.37, 24.21, 23.77])  # m5 at 30 s, sky 21, 0.7" seeing
EXTINCTION_PER_AIRMASS = np.array([0.47, 0.21, 0.13, 0.10, 0.07, 0.17])
MOON_BRIGHTENING = np.array([2.2, 1.9, 1.2, 0.75, 0.4, 0.2])  # mag at full Moon

# The deep coadds hold a longer campaign than the listed visits, so all presets share one depth and one
# set of objects. 5-sigma point-source magnitude and PSF FWHM in arcsec:
COADD_DEPTH = np.array([24.6, 25.6, 25.3, 24.8, 24.1, 23.0])
COADD_SEEING = np.array([1.12, 1.04, 0.98, 0.94, 0.92, 0.90])
COADD_INPUTS = np.array([40, 80, 100, 100, 60, 40])
PIXEL_SCALE = 0.2  # arcsec
# Scatter of the flux scale from image to image; part of every error and of every simulated value.
CALIBRATION_SCATTER = 0.003
FWHM_OVER_SIGMA = 2.3548200450309493


def flux_of(mag: np.ndarray | float) -> np.ndarray:
    """AB magnitude to nJy."""
    return 10.0 ** (0.4 * (31.4 - np.asarray(mag, dtype=np.float64)))


def mag_of(flux: np.ndarray) -> np.ndarray:
    """nJy to AB magnitude; NaN where the flux is not positive."""
    flux = np.asarray(flux, dtype=np.float64)
    return 31.4 - 2.5 * np.log10(np.where(flux > 0, flux, np.nan))


def coadd_psf_sigma() -> np.ndarray:
    """1-sigma background error of a PSF flux on the coadd, nJy, shape (6,)."""
    return flux_of(COADD_DEPTH) / 5.0


def electron_flux(exposure_s: float) -> np.ndarray:
    """nJy that one electron stands for in an exposure of that many seconds, shape (6,)."""
    return flux_of(ZERO_POINT_1S + 2.5 * np.log10(exposure_s))
