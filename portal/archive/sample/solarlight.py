"""The light of asteroids: surfaces and their colours, brightness against phase angle, rotation, trails."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from scipy.interpolate import CubicSpline
from scipy.special import erf

from portal.archive.sample.bands import FWHM_OVER_SIGMA, flux_of

# The Sun's AB magnitudes in ugrizy less its V (Willmer 2018).
SUN_LESS_V = np.array([1.58, 0.30, -0.16, -0.28, -0.31, -0.32])
TYPES = ("C", "S", "X", "D", "V", "RR", "BB")
# Reflectance in ugrizy against that at 0.55 micron: rounded class means in the manner of DeMeo & Carry (2013); the
# last two are the very red and the neutral surfaces beyond Neptune.
REFLECTANCE = np.array(
    [
        [0.87, 0.98, 1.01, 1.02, 1.02, 1.03],
        [0.73, 0.93, 1.09, 1.17, 1.10, 1.07],
        [0.88, 0.97, 1.03, 1.07, 1.10, 1.12],
        [0.82, 0.95, 1.06, 1.16, 1.26, 1.32],
        [0.74, 0.93, 1.10, 1.15, 0.88, 0.83],
        [0.60, 0.87, 1.17, 1.48, 1.72, 1.85],
        [0.90, 0.97, 1.04, 1.10, 1.15, 1.19],
    ]
)
G12_OF_TYPE = np.array([0.64, 0.41, 0.48, 0.62, 0.40, 0.50, 0.60])  # means of Oszkiewicz et al. (2012)
G12_SCATTER = 0.12
# Knots of the basis functions, degrees: Muinonen et al. (2010), table 3.
_WIDE = np.array([7.5, 30, 60, 90, 120, 150])
_PHI1 = (0.75, 0.33486016, 0.13410560, 0.051104756, 0.021465687, 0.0036396989)
_PHI2 = (0.925, 0.62884169, 0.31755495, 0.12716367, 0.022373903, 0.00016505689)
_NARROW = np.array([0, 0.3, 1, 2, 4, 8, 12, 20, 30])
_PHI3 = (1, 0.83381185, 0.57735424, 0.42144772, 0.23174230, 0.10348178, 0.061733473, 0.016107006, 0)


def _spline(degrees: np.ndarray, values: tuple[float, ...], first: float, last: float) -> CubicSpline:
    return CubicSpline(np.radians(degrees), values, bc_type=((1, first), (1, last)))


_SPLINES = (
    _spline(_WIDE, _PHI1, -1.9098593171, -0.091328612),
    _spline(_WIDE, _PHI2, -0.5729577951, -8.6573138e-8),
    _spline(_NARROW, _PHI3, -0.10630097, 0.0),
)


def _basis(phase: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The three basis functions of the H, G1, G2 system at phase angles in degrees (0 ... 150)."""
    a = np.radians(np.clip(phase, 0.0, 150.0))
    low = a < np.radians(7.5)
    one = np.where(low, 1 - 6 * a / np.pi, _SPLINES[0](a))
    two = np.where(low, 1 - 9 * a / (5 * np.pi), _SPLINES[1](a))
    return one, two, np.where(a < np.radians(30.0), _SPLINES[2](a), 0.0)


def _weights(g12: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    small = g12 < 0.2
    return (
        np.where(small, 0.7527, 0.9529) * g12 + np.where(small, 0.06164, 0.02162),
        np.where(small, -0.9612, -0.6125) * g12 + np.where(small, 0.6270, 0.5572),
    )


def phase_flux(phase: np.ndarray, g12: np.ndarray) -> np.ndarray:
    """Brightness against that at phase 0 in the H, G12 system of Muinonen et al. (2010); degrees."""
    one, two, three = _basis(phase)
    g1, g2 = _weights(np.asarray(g12))
    return g1 * one + g2 * two + (1 - g1 - g2) * three


def phase_slope(phase: np.ndarray, g12: np.ndarray) -> np.ndarray:
    """Derivative of ``phase_flux`` by G12."""
    one, two, three = _basis(phase)
    small = np.asarray(g12) < 0.2
    d1, d2 = np.where(small, 0.7527, 0.9529), np.where(small, -0.9612, -0.6125)
    return d1 * (one - three) + d2 * (two - three)


def _bowell(phase: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    half = np.tan(np.radians(np.clip(phase, 0.0, 150.0)) / 2)
    return np.exp(-3.33 * half**0.63), np.exp(-1.87 * half**1.22)


def bowell_flux(phase: np.ndarray, g: np.ndarray) -> np.ndarray:
    """Brightness against that at phase 0 in the older H, G system (Bowell et al. 1989), which the MPC uses."""
    one, two = _bowell(phase)
    return (1 - g) * one + g * two


def bowell_g(g12: np.ndarray) -> np.ndarray:
    """The G with which H, G and H, G12 agree at a phase of 20 degrees."""
    one, two = _bowell(np.full(len(g12), 20.0))
    return (phase_flux(np.full(len(g12), 20.0), g12) - one) / (two - one)


@dataclass(frozen=True)
class Lights:
    """Light of n bodies: absolute magnitude ``h`` (V), ``g12``, ``colour`` (n, 6) magnitudes in ugrizy less V,
    rotation ``period`` (hours), ``amplitude`` (mag, peak to peak) and ``turn`` (0 ... 1)."""

    kind: np.ndarray  # index into TYPES
    h: np.ndarray
    g12: np.ndarray
    colour: np.ndarray
    period: np.ndarray
    amplitude: np.ndarray
    turn: np.ndarray

    def __getitem__(self, rows: np.ndarray) -> Lights:
        return Lights(*(getattr(self, f.name)[rows] for f in fields(self)))

    def flux(
        self, row: np.ndarray, band: np.ndarray, r: np.ndarray, delta: np.ndarray, phase: np.ndarray, t: np.ndarray
    ) -> np.ndarray:
        """nJy of bodies ``row`` in bands ``band`` at distances (au), phase angle (degrees) and times (days)."""
        mag = self.h[row] + self.colour[row, band] + 5 * np.log10(r * delta) + self.wobble(row, t)
        return flux_of(mag) * phase_flux(phase, self.g12[row])

    def wobble(self, row: np.ndarray, t: np.ndarray) -> np.ndarray:
        """Magnitudes that the rotation adds; two unlike humps a turn, mean zero."""
        angle = 2 * np.pi * (self.turn[row] + t * 24.0 / self.period[row])
        return 0.5 * self.amplitude[row] * (np.cos(2 * angle) + 0.25 * np.sin(angle)) / 1.07


def draw_lights(rng: np.random.Generator, kind: np.ndarray, h: np.ndarray) -> Lights:
    """Surfaces of bodies of the given types and absolute magnitudes. Small ones turn faster and are longer."""
    n = len(kind)
    slope = rng.normal(0, 0.03, n)  # bodies of a class are not all of one colour
    colour = (
        SUN_LESS_V - 2.5 * np.log10(REFLECTANCE[kind]) + slope[:, None] * np.array([1.2, 0.6, -0.2, -0.6, -1, -1.3])
    )
    period = np.clip(np.exp(rng.normal(np.log(8.0), 0.7, n)), 2.3, 300.0)  # 2.3 h: faster rubble flies apart
    long = np.clip(0.16 + 0.02 * (h - 14.0), 0.1, 0.35)
    return Lights(
        kind, h, np.clip(G12_OF_TYPE[kind] + rng.normal(0, G12_SCATTER, n), 0.02, 0.98), colour, period,
        np.clip(rng.rayleigh(1.0, n) * long, 0.02, 1.2), rng.random(n),
    )  # fmt: skip


def trail_loss(length: np.ndarray, fwhm: np.ndarray) -> np.ndarray:
    """Part of a trail's flux that a fit of the PSF finds; arcsec.

    The mean of exp(-s**2 / 4 sigma**2) along the trail, which is what a matched Gaussian sees of it.
    """
    x = np.maximum(length * FWHM_OVER_SIGMA / (4 * fwhm), 1e-6)
    return np.sqrt(np.pi) / 2 * erf(x) / x
