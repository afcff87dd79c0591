"""Gaussian mixtures fitted to light profiles: exponential disc, de Vaucouleurs bulge and the seeing disc.

Knows radii in units of the half-light radius (or FWHM) only. Every mixture has weight 1, so that fluxes are totals.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from scipy.optimize import nnls

MOFFAT_BETA = 4.765  # closest to the long-exposure (Kolmogorov) seeing disc
# de Vaucouleurs' law has no end; like the usual pipelines we let it fade out between 7 and 8 half-light radii.
DEV_INNER, DEV_OUTER = 7.0, 8.0


class Mixture(NamedTuple):
    """``weight`` (n) sums to 1, ``variance`` (n) per axis in squared units of the profile's radius, rising."""

    weight: np.ndarray
    variance: np.ndarray


def exponential(r: np.ndarray) -> np.ndarray:
    """Surface brightness of a disc at ``r`` half-light radii (centre 1)."""
    return np.exp(-1.67834699 * r)


def de_vaucouleurs(r: np.ndarray) -> np.ndarray:
    """Surface brightness of a bulge at ``r`` half-light radii (1 at radius 1), fading to nothing at 8."""
    taper = np.clip((DEV_OUTER - r) / (DEV_OUTER - DEV_INNER), 0.0, 1.0)
    return np.exp(-7.66924944 * (r**0.25 - 1.0)) * taper


def moffat(r: np.ndarray) -> np.ndarray:
    """Surface brightness of the seeing disc at ``r`` FWHM (centre 1)."""
    return (1.0 + (2.0 ** (1.0 / MOFFAT_BETA) - 1.0) * (2.0 * r) ** 2) ** -MOFFAT_BETA


class _Shape(NamedTuple):
    profile: Callable[[np.ndarray], np.ndarray]
    sigmas: np.ndarray  # offered to the fit
    reach: float
    terms: int  # wanted at most


_SHAPES = {
    "exponential": _Shape(exponential, np.geomspace(0.06, 2.6, 24), 8.0, 6),
    "de_vaucouleurs": _Shape(de_vaucouleurs, np.geomspace(0.01, 4.5, 34), DEV_OUTER, 8),
    # Widths from a fit of weights and widths together: within 0.3 % out to a FWHM and 1.5 % to two and a half.
    "moffat": _Shape(moffat, np.array([0.3294, 0.4642, 0.6706, 1.0282, 1.7942]), 8.0, 5),
}


def _solve(profile: Callable, sigmas: np.ndarray, reach: float) -> np.ndarray:
    """Non-negative weights of Gaussians ``sigmas`` that give the light of every annulus out to ``reach``."""
    edge = np.concatenate([[0.0], np.geomspace(1e-3, reach, 400)])
    fine = (edge[:-1, None] + (edge[1:] - edge[:-1])[:, None] * (np.arange(8) + 0.5) / 8).ravel()
    light = (profile(fine) * fine).reshape(-1, 8).mean(axis=1) * (edge[1:] - edge[:-1])
    light /= light.sum()
    shares = -np.diff(np.exp(-0.5 * (edge[:, None] / sigmas) ** 2), axis=0)
    # Square-root weights: the core sets the peak, yet the faint wings of bright objects must not vanish.
    weight = 1.0 / np.sqrt(light + 1e-6)
    # The last row holds the total, so that no light lies outside ``reach``.
    rows = np.vstack([shares * weight[:, None], 100.0 * np.ones((1, len(sigmas)))])
    return nnls(rows, np.concatenate([light * weight, [100.0]]), maxiter=2000)[0]


@lru_cache
def mixture(shape: str) -> Mixture:
    """The Gaussians of ``exponential``, ``de_vaucouleurs`` (unit: half-light radius) or ``moffat`` (unit: FWHM)."""
    profile, sigmas, reach, terms = _SHAPES[shape]
    while True:
        weight = _solve(profile, sigmas, reach)
        sigmas, weight = sigmas[weight > 1e-6], weight[weight > 1e-6]
        if len(sigmas) <= terms:
            break
        # Join the two closest Gaussians and fit again.
        near = int(np.argmin(sigmas[1:] / sigmas[:-1]))
        both = weight[near : near + 2]
        joined = np.sqrt((both * sigmas[near : near + 2] ** 2).sum() / both.sum())
        sigmas = np.concatenate([sigmas[:near], [joined], sigmas[near + 2 :]])
    return Mixture(weight / weight.sum(), sigmas**2)


def sharpness(shape: str) -> float:
    """The integral of the squared profile, in inverse squared profile units: one over the noise-equivalent area."""
    weight, variance = mixture(shape)
    pairs = weight[:, None] * weight / (2.0 * np.pi * (variance[:, None] + variance))
    return float(pairs.sum())


def encircled(shape: str, radius: float) -> float:
    """The share of the light within ``radius`` (profile units) of the mixture."""
    weight, variance = mixture(shape)
    return float((weight * -np.expm1(-0.5 * radius**2 / variance)).sum())
