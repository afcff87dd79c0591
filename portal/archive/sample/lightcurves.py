"""Shapes of variable light: pulsation, eclipses, damped random walks and supernovae, as formulas of time."""

from __future__ import annotations

import numpy as np

from portal.archive.sample.bands import EXTINCTION, WAVELENGTH_NM, flux_of
from portal.archive.sample.streams import stream
from portal.archive.sample.templates import distance_modulus

CLASSES = ("constant", "RRab", "RRc", "CEP", "DSCT", "EA", "EW", "LPV", "AGN", "SNIa", "SNII")
CLASS_ID = {name: k for k, name in enumerate(CLASSES)}
# Amplitude in each band relative to r.
_BAND_AMPLITUDE = {
    "RRab": [1.35, 1.40, 1.0, 0.79, 0.71, 0.68],
    "RRc": [1.35, 1.38, 1.0, 0.80, 0.72, 0.69],
    "CEP": [1.6, 1.45, 1.0, 0.78, 0.68, 0.63],
    "DSCT": [1.3, 1.35, 1.0, 0.78, 0.70, 0.67],
    "EA": [1.05, 1.03, 1.0, 0.98, 0.97, 0.96],
    "EW": [1.05, 1.02, 1.0, 0.98, 0.97, 0.96],
    "LPV": [1.25, 1.2, 1.0, 0.75, 0.6, 0.5],
    "AGN": [1.35, 1.18, 1.0, 0.9, 0.83, 0.78],
}
# Sine series of the magnitude: relative amplitudes and phases (sin(2 pi k p + phase)).
_SERIES = {
    "RRab": ([1.0, 0.46, 0.34, 0.22, 0.13, 0.08, 0.05], [0.0, 2.42, 5.05, 1.45, 4.25, 0.7, 3.4]),
    "RRc": ([1.0, 0.16, 0.07, 0.04], [0.0, 3.0, 5.9, 3.0]),
    "CEP": ([1.0, 0.42, 0.2, 0.1], [0.0, 2.55, 5.2, 1.6]),
    "DSCT": ([1.0, 0.25, 0.08], [0.0, 2.4, 5.0]),
}
_GRID_DAY0, _GRID_DAYS = 60900, 1300
_PHASES = np.linspace(0, 1, 400, endpoint=False)


def _series(name: str, phase: np.ndarray) -> np.ndarray:
    total = np.zeros(np.shape(phase))
    for k, (size, shift) in enumerate(zip(*_SERIES[name], strict=True), start=1):
        total += size * np.sin(2 * np.pi * k * phase + shift)
    return total


def _unit_shape(name: str, phase: np.ndarray, odd: np.ndarray) -> np.ndarray:
    """Magnitude change of full range 1 at a phase; ``odd`` in 0 ... 1 varies the shape from star to star."""
    if name in _SERIES:
        reference = _series(name, _PHASES)
        return _series(name, phase) / (reference.max() - reference.min())
    if name == "EW":
        second = 0.5 * (1 + np.cos(2 * np.pi * phase)) * (0.25 * odd)
        return (0.5 * (1 + np.cos(4 * np.pi * phase))) ** 1.25 - second
    if name == "EA":
        width = 0.022 + 0.05 * odd
        first = np.exp(-(np.abs((phase + 0.5) % 1 - 0.5) ** 3) / width**3)
        other = np.exp(-(np.abs(phase % 1 - 0.5) ** 3) / width**3)
        return first + (0.15 + 0.5 * odd) * other
    return 0.5 * np.sin(2 * np.pi * phase) + 0.06 * np.sin(2 * np.pi * (phase * 2 + odd))


def periodic_ratio(
    name: str, mjd: np.ndarray, band: np.ndarray, period: np.ndarray, amplitude: np.ndarray, epoch: np.ndarray,
    odd: np.ndarray,
) -> np.ndarray:  # fmt: skip
    """Flux over mean flux, shape (stars, times). ``amplitude`` is the full range in r, mag; phase 0 at ``epoch``."""
    height = amplitude[:, None] * np.array(_BAND_AMPLITUDE[name])[band][None, :]
    phase = (mjd[None, :] - epoch[:, None]) / period[:, None]
    bright = 10 ** (-0.4 * height * _unit_shape(name, phase, odd[:, None]))
    cycle = _unit_shape(name, _PHASES[None, :], odd[:, None])
    mean = np.empty_like(bright)
    for b in np.unique(band):
        tall = (amplitude * _BAND_AMPLITUDE[name][b])[:, None]
        mean[:, band == b] = (10 ** (-0.4 * tall * cycle)).mean(axis=1)[:, None]
    return bright / mean


def walk_ratio(
    seed: int, tid: np.ndarray, mjd: np.ndarray, band: np.ndarray, amplitude: np.ndarray, tau: np.ndarray
) -> np.ndarray:
    """Flux over mean flux of damped random walks in magnitude, one daily walk per object, (objects, times)."""
    if len(tid) == 0:
        return np.ones((0, len(mjd)))
    kicks = np.stack([stream(seed, "walk", int(t)).standard_normal(_GRID_DAYS) for t in tid])
    walk = np.empty_like(kicks)
    walk[:, 0] = kicks[:, 0]
    keep = np.exp(-1.0 / tau)
    push = np.sqrt(1 - keep**2)
    for day in range(1, _GRID_DAYS):
        walk[:, day] = keep * walk[:, day - 1] + push * kicks[:, day]
    place = np.clip(mjd - _GRID_DAY0, 0, _GRID_DAYS - 1.001)
    low = place.astype(int)
    part = place - low
    level = walk[:, low] * (1 - part) + walk[:, low + 1] * part
    sigma = amplitude[:, None] * np.array(_BAND_AMPLITUDE["AGN"])[band][None, :]
    return np.exp(-0.921034 * sigma * level - 0.5 * (0.921034 * sigma) ** 2)


def _planck(nm: np.ndarray, kelvin: np.ndarray) -> np.ndarray:
    return nm**-3.0 / np.expm1(np.minimum(1.438777e7 / (nm * kelvin), 600.0))


def supernova_flux(
    name: str, mjd: np.ndarray, band: np.ndarray, z: np.ndarray, epoch: np.ndarray, stretch: np.ndarray,
    offset_mag: np.ndarray, ebv: np.ndarray,
) -> np.ndarray:  # fmt: skip
    """Flux in nJy of supernovae that peak at ``epoch`` (blue rest light), shape (supernovae, times)."""
    t = (mjd[None, :] - epoch[:, None]) / (1 + z[:, None])
    rest = WAVELENGTH_NM[band][None, :] / (1 + z[:, None])
    if name == "SNIa":
        t = t / stretch[:, None]
        fall = np.exp(np.clip(-(t + 4.5) / 19.0, -50, 5)) / (1 + np.exp(np.clip(-(t + 4.5) / 3.6, -50, 50)))
        peak = np.exp(-4.0 / 19.0) / (1 + np.exp(-4.0 / 3.6))
        shape = np.where(t > -19, fall / peak + 0.035 * np.exp(-np.abs(t - 45) / 40.0) * (t > 25), 0.0)
        kelvin = np.clip(6100 + 7200 * np.exp(-(np.maximum(t, -15) + 10) / 15.0), 6000, 14000)
        shape = shape + 0.24 * np.exp(-(((t - 25) / 7.5) ** 2)) * np.clip((rest - 580) / 200, 0, 1)
        absolute = -19.25
    else:
        rise = 1 / (1 + np.exp(np.clip(-(t + 6) / 1.6, -50, 50)))
        drop = 1 / (1 + np.exp(np.clip((t - 85 * stretch[:, None]) / 4.5, -50, 50)))
        shape = np.where(t > -15, rise * (drop * np.exp(-np.maximum(t, 0) / 160.0) + 0.06 * (1 - drop)), 0.0)
        kelvin = np.clip(5600 + 7500 * np.exp(-(np.maximum(t, -10) + 6) / 16.0), 5500, 14000)
        absolute = -17.2
    spectrum = _planck(rest, kelvin) / _planck(np.full_like(rest, 440.0), kelvin)
    spectrum = spectrum * np.exp(-np.clip(365.0 - rest, 0, None) / 55.0)
    magnitude = absolute + offset_mag[:, None] + distance_modulus(z)[:, None] + ebv[:, None] * EXTINCTION[band][None, :]
    return flux_of(magnitude) * (1 + z[:, None]) * spectrum * np.maximum(shape, 0.0)
