"""Light profiles as sums of Gaussians: what a PSF fit, an aperture and a second moment see of a galaxy."""

from __future__ import annotations

from functools import lru_cache

import numba as nb
import numpy as np

from portal.archive.sample.bands import FWHM_OVER_SIGMA
from portal.archive.sample.mixtures import mixture


@lru_cache
def _components() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Gaussian widths in half-light radii, and the shares of a disc's and of a bulge's light in them.

    They are the mixtures that the coadds are drawn with, so that catalogue and pixels agree.
    """
    disc, bulge = mixture("exponential"), mixture("de_vaucouleurs")
    widths = np.sqrt(np.concatenate([disc.variance, bulge.variance]))
    of_disc = np.concatenate([disc.weight, np.zeros(len(bulge.weight))])
    return widths, of_disc, np.concatenate([np.zeros(len(disc.weight)), bulge.weight])


@nb.njit(cache=True)
def _width2(r_e, bulge, q, spread, widths, disc, spheroid, out):
    for k in range(r_e.size):
        if r_e[k] <= 0:
            continue
        for b in range(spread.size):
            share = 0.0
            for j in range(widths.size):
                major = (r_e[k] * widths[j]) ** 2
                part = (1.0 - bulge[k]) * disc[j] + bulge[k] * spheroid[j]
                share += part * spread[b] / np.sqrt((spread[b] + major) * (spread[b] + major * q[k] * q[k]))
            out[k, b] = max(spread[b] * (1.0 / share - 1.0), 0.0)


def effective_width2(r_e: np.ndarray, bulge: np.ndarray, q: np.ndarray, seeing: np.ndarray) -> np.ndarray:
    """Squared width s2 in arcsec2, (n, bands), such that a PSF fit finds 2 sigma^2 / (2 sigma^2 + s2) of the light.

    ``r_e`` in arcsec (0 for points), ``seeing`` the FWHM in arcsec per band.
    """
    spread = 2.0 * (np.asarray(seeing, float) / FWHM_OVER_SIGMA) ** 2
    widths, disc, spheroid = _components()
    out = np.zeros((len(r_e), len(spread)))
    _width2(*(np.ascontiguousarray(v, float) for v in (r_e, bulge, q)), spread, widths, disc, spheroid, out)
    return out


@nb.njit(cache=True, nogil=True)
def _inside(r_e, bulge, q, core, radius, widths, disc, spheroid, out):
    for k in range(r_e.size):
        if r_e[k] <= 0:
            for m in range(out.shape[1]):
                out[k, m] = 1.0 - np.exp(-(radius[k % radius.shape[0], m] ** 2) / (2.0 * core))
            continue
        for j in range(widths.size):
            part = (1.0 - bulge[k]) * disc[j] + bulge[k] * spheroid[j]
            if part == 0.0:
                continue
            sigma2 = core + (r_e[k] * widths[j]) ** 2 * q[k]
            for m in range(out.shape[1]):
                out[k, m] += part * (1.0 - np.exp(-(radius[k % radius.shape[0], m] ** 2) / (2.0 * sigma2)))


def aperture_shares(r_e: np.ndarray, bulge: np.ndarray, q: np.ndarray, seeing: float, radius: np.ndarray) -> np.ndarray:
    """Share of the light inside circles after seeing (Gaussians made round), (n, m).

    ``radius`` in arcsec has shape (m,), the same circles about every source, or (n, m).
    """
    radius = np.atleast_2d(np.asarray(radius, float))
    sources = [np.ascontiguousarray(values, float) for values in (r_e, bulge, q)]
    out = np.zeros((len(r_e), radius.shape[1]))
    _inside(*sources, (seeing / FWHM_OVER_SIGMA) ** 2, radius, *_components(), out)
    return out


def aperture_share(
    r_e: np.ndarray, bulge: np.ndarray, q: np.ndarray, seeing: float, radius: np.ndarray | float
) -> np.ndarray:
    """Share of the light inside a circle of ``radius`` arcsec, one for all sources or one each, (n,)."""
    return aperture_shares(r_e, bulge, q, seeing, np.asarray(radius, float).reshape(-1, 1))[:, 0]


def second_moments(
    r_e: np.ndarray, bulge: np.ndarray, q: np.ndarray, pa: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """xx, yy, xy of the adaptive (core-weighted) moments in arcsec2, x to the west, y to the north."""
    core2 = (np.asarray(r_e) * (0.72 - 0.22 * np.asarray(bulge))) ** 2
    c, s = -np.sin(np.radians(pa)), np.cos(np.radians(pa))  # east of north; x runs west
    small = core2 * np.asarray(q) ** 2
    return core2 * c * c + small * s * s, core2 * s * s + small * c * c, (core2 - small) * c * s
