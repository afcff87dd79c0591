"""Periodic light as formulas of phase: pulsation, eclipses, star spots, and the names of all variable classes."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from portal.archive.sample.bands import WAVELENGTH_NM

STARS = ("RRab", "RRc", "CEP", "DSCT", "EA", "EW", "ROT", "LPV", "FLARE", "CV", "ULENS")
ON_HOSTS = ("SNIa", "SNII", "SNIbc", "TDE")
CLASSES = ("constant", *STARS, "AGN", *ON_HOSTS)
CLASS_ID = {name: k for k, name in enumerate(CLASSES)}
PERIODIC = STARS[:8]
PULSATING = ("RRab", "RRc", "CEP", "DSCT", "LPV")
# Amplitude in each band relative to r: hot and cool phases differ most in the blue.
BAND_AMPLITUDE = {
    "RRab": np.array([1.35, 1.40, 1.0, 0.79, 0.71, 0.68]),
    "RRc": np.array([1.35, 1.38, 1.0, 0.80, 0.72, 0.69]),
    "CEP": np.array([1.6, 1.45, 1.0, 0.78, 0.68, 0.63]),
    "DSCT": np.array([1.3, 1.35, 1.0, 0.78, 0.70, 0.67]),
    "LPV": np.array([1.25, 1.2, 1.0, 0.75, 0.6, 0.5]),
}
# Sine series of the magnitude: relative amplitudes and phases (sin(2 pi k p + phase)).
_SERIES = {
    "RRab": ([1.0, 0.46, 0.34, 0.22, 0.13, 0.08, 0.05], [0.0, 2.42, 5.05, 1.45, 4.25, 0.7, 3.4]),
    "RRc": ([1.0, 0.16, 0.07, 0.04], [0.0, 3.0, 5.9, 3.0]),
    "CEP": ([1.0, 0.40, 0.17, 0.06], [0.0, 2.55, 5.1, 1.4]),
    "DSCT": ([1.0, 0.25, 0.08], [0.0, 2.4, 5.0]),
    "LPV": ([1.0, 0.18], [0.0, 2.1]),
}
_PHASES = np.linspace(0, 1, 400, endpoint=False)
OVERTONE = 0.773  # period of the first overtone of delta Scuti stars over that of the fundamental
_OVERTONE_PART = 0.3
_HC_OVER_K = 1.438777e7  # h c / k in nm K


def _sum_of_sines(name: str, phase: np.ndarray) -> np.ndarray:
    total = np.zeros(np.shape(phase))
    for k, (size, shift) in enumerate(zip(*_SERIES[name], strict=True), start=1):
        total += size * np.sin(2 * np.pi * k * phase + shift)
    return total


@lru_cache(maxsize=8)
def _normal_series(name: str) -> tuple[float, float]:
    """Phase of the brightest moment of a series and its full range."""
    cycle = _sum_of_sines(name, _PHASES)
    return float(_PHASES[np.argmin(cycle)]), float(np.ptp(cycle))


def _series(name: str, phase: np.ndarray) -> np.ndarray:
    """Magnitude change of full range 1, brightest at phase 0."""
    first, whole = _normal_series(name)
    return _sum_of_sines(name, phase + first) / whole


def _bump(phase: np.ndarray, period: np.ndarray) -> np.ndarray:
    """The bump of Cepheids, in mag per full range: on the fall of short periods, at the top near ten days, on the
    rise of longer ones (the progression that Hertzsprung found in 1926)."""
    place = np.clip(0.07 * (10.0 - period), -0.3, 0.42)
    height = 0.16 * np.exp(-(((period - 9.0) / 5.0) ** 2))
    away = (phase - place + 0.5) % 1 - 0.5
    return -height * np.exp(-((away / 0.07) ** 2))


def pulsation_ratio(
    name: str, mjd: np.ndarray, band: np.ndarray, period: np.ndarray, amplitude: np.ndarray, epoch: np.ndarray,
    odd: np.ndarray,
) -> np.ndarray:  # fmt: skip
    """Flux over mean flux of pulsating stars, shape (stars, times).

    ``amplitude`` is the full range in r in mag, ``epoch`` a time of maximum light, ``odd`` (0 ... 1) what
    differs from star to star: delta Scuti stars above 0.7 also pulsate in the overtone.
    """
    cycles = (mjd[None, :] - epoch[:, None]) / period[:, None]
    shape, cycle = _series(name, cycles), np.broadcast_to(_series(name, _PHASES), (len(period), len(_PHASES)))
    if name == "CEP":
        shape = shape + _bump(cycles, period[:, None])
        cycle = cycle + _bump(_PHASES[None, :], period[:, None])
        whole = np.ptp(cycle, axis=1)[:, None]
        shape, cycle = shape / whole, cycle / whole
    elif name == "DSCT":
        shape = shape + _OVERTONE_PART * (odd[:, None] > 0.7) * 0.5 * np.cos(2 * np.pi * cycles / OVERTONE)
    elif name == "LPV":  # no two cycles are alike
        shape = shape * (1 + 0.18 * np.sin(2 * np.pi * (cycles * 0.137 + odd[:, None])))
    bright = 10 ** (-0.4 * amplitude[:, None] * BAND_AMPLITUDE[name][band] * shape)
    tall = -0.921034 * amplitude[:, None] * BAND_AMPLITUDE[name]  # (stars, 6)
    mean = np.exp(tall[:, :, None] * cycle[:, None, :]).mean(axis=2)
    return bright / mean[:, band]


def planck(nm: np.ndarray, kelvin: np.ndarray) -> np.ndarray:
    """Blackbody energy per frequency, up to a factor."""
    return nm**-3.0 / np.expm1(np.minimum(_HC_OVER_K / (nm * kelvin), 600.0))


def _covered(distance: np.ndarray, own: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Part of a disc of radius ``own`` that a disc of radius ``other`` covers at a distance of their centres."""
    d = np.maximum(distance, 1e-9)
    a = np.arccos(np.clip((d * d + own**2 - other**2) / (2 * d * own), -1, 1))
    b = np.arccos(np.clip((d * d + other**2 - own**2) / (2 * d * other), -1, 1))
    corner = (own + other - d) * (d + own - other) * (d - own + other) * (d + own + other)
    lens = own**2 * a + other**2 * b - 0.5 * np.sqrt(np.maximum(corner, 0))
    return np.where(d >= own + other, 0.0, lens / (np.pi * own**2))


def eclipse_ratio(
    phase: np.ndarray, band: np.ndarray, radii: np.ndarray, cos_i: np.ndarray, kelvin: np.ndarray, tide: np.ndarray
) -> np.ndarray:
    """Flux over flux outside of eclipse of two round stars in a circular orbit, (stars, times).

    ``radii`` (stars, 2) in units of the orbit, ``kelvin`` (stars, 2) their temperatures: the star 0 is eclipsed at
    phase 0, and each band sees eclipses as deep as the blackbodies make them. ``tide`` is the half range of the
    ellipsoidal variation (Morris 1985, ApJ 295, 143), for stars that nearly touch.
    """
    angle = 2 * np.pi * phase
    apart = np.sqrt(np.sin(angle) ** 2 + (cos_i[:, None] * np.cos(angle)) ** 2)
    light = planck(WAVELENGTH_NM[band][None, None, :], kelvin.T[:, :, None]) * (radii.T**2)[:, :, None]
    part = light / light.sum(axis=0)
    front = np.cos(angle) > 0  # star 1 stands before star 0
    r0, r1 = radii[:, 0, None], radii[:, 1, None]
    hidden = np.where(front, part[0] * _covered(apart, r0, r1), part[1] * _covered(apart, r1, r0))
    return (1 - hidden) * (1 - tide[:, None] * (1 + np.cos(2 * angle)))


def spot_ratio(
    mjd: np.ndarray, band: np.ndarray, period: np.ndarray, depth: np.ndarray, epoch: np.ndarray, odd: np.ndarray
) -> np.ndarray:
    """Flux over mean flux of rotating stars with two cool spots, (stars, times).

    Spots are 800 K cooler than a star of 4500 K, so they dim the blue more; the second one lags by differential
    rotation. ``depth`` is the dimming in r by the first spot at the middle of the disc.
    """
    contrast = 1 - planck(WAVELENGTH_NM, np.full(6, 3700.0)) / planck(WAVELENGTH_NM, np.full(6, 4500.0))
    depth_b = depth[:, None] * (contrast / contrast[2])[band]
    turn = 2 * np.pi * (mjd[None, :] - epoch[:, None]) / period[:, None]
    lag = 2 * np.pi * (0.3 + 0.4 * odd[:, None]) + 0.0001 * (mjd[None, :] - epoch[:, None])
    tilt = 0.25 + 0.4 * odd[:, None]  # sin(latitude) cos(inclination): spots nearer to the pole set for less long
    one = np.maximum(tilt + (1 - tilt) * np.cos(turn + np.pi), 0.0)
    two = np.maximum(tilt + (1 - tilt) * np.cos(turn + np.pi + lag), 0.0)
    ratio = 1 - depth_b * (one + 0.5 * two)
    mean_one = np.maximum(tilt + (1 - tilt) * np.cos(2 * np.pi * _PHASES), 0.0).mean(axis=1, keepdims=True)
    return ratio / (1 - depth_b * 1.5 * mean_one)
