"""Light of supernovae and tidal disruptions: a rise and a fall in the rest frame, the colour of a cooling body.

Each class has a light curve at one rest wavelength and a temperature at every phase; the blackbody, blanketed in
the ultraviolet, carries both to any band and redshift, and so is the K-correction.
"""

from __future__ import annotations

import numpy as np

from portal.archive.sample.bands import EXTINCTION, WAVELENGTH_NM, flux_of
from portal.archive.sample.lightcurves import planck
from portal.archive.sample.templates import distance_modulus

# Mean absolute AB magnitude at the peak of the reference wavelength (nm) and its scatter (Richardson et al. 2014,
# AJ 147, 118; van Velzen et al. 2021, ApJ 908, 4 for TDE), days from explosion to peak in the rest frame.
PEAK = {
    "SNIa": (-19.35, 0.12, 440.0, 18.0),
    "SNII": (-17.0, 0.75, 640.0, 9.0),
    "SNIbc": (-17.5, 0.6, 500.0, 17.0),
    "TDE": (-19.3, 0.5, 480.0, 35.0),
}
STRETCH_SLOPE = 1.5  # mag per unit of stretch: broader SNe Ia are brighter (Phillips 1993)
_DUST_SLOPE = -1.2  # of the dust of hosts with wavelength


def _logistic(x: np.ndarray) -> np.ndarray:
    return 1.0 / (1.0 + np.exp(-np.clip(x, -60, 60)))


def _rise_and_fall(t: np.ndarray, rise: float, fall: float) -> np.ndarray:
    """Exponential fall after a logistic rise (Bazin et al. 2009, A&A 499, 653) with its peak of 1 at t = 0."""
    top = rise * np.log(fall / rise - 1)
    height = np.exp(-top / fall) * _logistic(np.full(1, top / rise))
    return np.exp(np.clip(-(t + top) / fall, -60, 20)) * _logistic((t + top) / rise) / height


def _ignition(t: np.ndarray, start: float, width: float) -> np.ndarray:
    """From 0 at the explosion to 1, first with the square of time as an expanding ball of fire."""
    return 1 - np.exp(-((np.maximum(t + start, 0.0) / width) ** 2))


def _type_ia(t: np.ndarray, rest: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    shape = _rise_and_fall(t, 3.3, 11.2) + 0.043 * np.exp(-(t - 35.0) / 70.0) * _logistic((t - 32.0) / 5.0)
    shape = shape * _ignition(t, 18.0, 6.0)
    # Iron recombines: red bands dip two weeks after the peak and shine again in the fourth week.
    red = np.clip((rest - 600.0) / 150.0, 0, 1)
    shape = shape * (1 - red * (0.16 + 0.3 * np.exp(-(((t - 13.0) / 6.5) ** 2))))
    kelvin = 4250.0 + 8200.0 * _logistic(-(t - 9.5) / 4.8) + 9.0 * np.clip(t - 32.0, 0, 60)
    return shape, kelvin


def _type_ii(t: np.ndarray, length: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A plateau of about ``length`` days and the tail of radioactive cobalt."""
    plateau = np.exp(-np.maximum(t, 0) / 280.0)
    drop = _logistic((t - length) / 4.5)
    tail = 0.085 * np.exp(-(t - length) / 111.3)
    shape = _ignition(t, 9.0, 4.0) * (plateau * (1 - drop) + np.minimum(tail, 1.0) * drop)
    return shape, 5600.0 + 9000.0 * np.exp(-np.maximum(t + 9.0, 0) / 15.0)


def _type_ibc(t: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    shape = _rise_and_fall(t, 4.0, 14.0) + 0.07 * np.exp(-(t - 35.0) / 60.0) * _logistic((t - 28.0) / 5.0)
    return shape * _ignition(t, 17.0, 6.0), 4700.0 + 4300.0 * _logistic(-(t - 6.0) / 6.0)


def _disruption(t: np.ndarray, scale: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A Gaussian rise, then the return of the debris with t^-5/3; hot all the time."""
    rise = np.exp(-0.5 * (np.minimum(t, 0) / 11.0) ** 2) * (t > -35.0)
    return np.where(t < 0, rise, (1 + np.maximum(t, 0) / scale) ** (-5.0 / 3.0)), np.full(t.shape, 22000.0)


def event_flux(
    name: str, mjd: np.ndarray, band: np.ndarray, z: np.ndarray, epoch: np.ndarray, stretch: np.ndarray,
    offset_mag: np.ndarray, ebv: np.ndarray, host_ebv: np.ndarray | None = None,
) -> np.ndarray:  # fmt: skip
    """Flux in nJy of events of one class (a key of PEAK), shape (events, times).

    ``epoch`` is the MJD of the peak at the reference wavelength, ``stretch`` (about 1) widens the light curve,
    ``offset_mag`` is added to the mean peak, ``ebv`` dims by the Milky Way, ``host_ebv`` by the host's dust.
    """
    absolute, _, reference, _ = PEAK[name]
    wide = stretch[:, None]
    t = (mjd[None, :] - epoch[:, None]) / (1 + z[:, None])
    rest = WAVELENGTH_NM[band][None, :] / (1 + z[:, None])
    if name == "SNIa":
        shape, kelvin = _type_ia(t / wide, rest)
        offset_mag = offset_mag - STRETCH_SLOPE * (stretch - 1)
    elif name == "SNII":
        shape, kelvin = _type_ii(t, 90.0 * wide)
    elif name == "SNIbc":
        shape, kelvin = _type_ibc(t / wide)
    else:
        shape, kelvin = _disruption(t, 45.0 * wide)
    spectrum = planck(rest, kelvin) / planck(np.full(rest.shape, reference), kelvin)
    if name != "TDE":  # lines of metals swallow the ultraviolet
        spectrum = spectrum * np.exp(-np.clip(370.0 - rest, 0, None) / 45.0)
    dust = np.zeros((len(z), 1)) if host_ebv is None else host_ebv[:, None]
    magnitude = absolute + (offset_mag + distance_modulus(z))[:, None] + ebv[:, None] * EXTINCTION[band]
    magnitude = magnitude + 3.1 * dust * (rest / 550.0) ** _DUST_SLOPE
    return flux_of(magnitude) * (1 + z[:, None]) * spectrum * np.maximum(shape, 0.0)


def explosion(name: str, z: np.ndarray, epoch: np.ndarray, stretch: np.ndarray) -> np.ndarray:
    """MJD of the first light."""
    wide = stretch if name in ("SNIa", "SNIbc") else np.ones_like(stretch)
    return epoch - PEAK[name][3] * wide * (1 + z)
