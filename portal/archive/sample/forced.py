"""Forced photometry: which detector of which visit sees a position, and the flux measured there.

Compiled loops over (position, visit). The noise of a row is a hash of (object, visit), so any block of
rows can be made alone and always comes out the same.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba as nb
import numpy as np

from portal.archive.sample import visits as vis
from portal.archive.sample.bands import CALIBRATION_SCATTER, FWHM_OVER_SIGMA, electron_flux
from portal.archive.sample.camera import CCD_X, CCD_Y, PITCH_X, PITCH_Y, SCALE
from portal.archive.sample.presets import Field
from portal.archive.sample.streams import hash_key, mix, unit

TEMPLATE_NOISE = 0.25  # error of the template in units of the error of a visit
# Bits of the flags column.
FLAG_EDGE, FLAG_NO_FLUX, FLAG_NO_TEMPLATE, FLAG_CR, FLAG_CR_CENTER, FLAG_INTERPOLATED, FLAG_SATURATED = (
    1, 2, 4, 8, 16, 32, 64
)  # fmt: skip
FLAG_SUSPECT = 128
EDGE_PX, HALF_PSF_PX = 24.0, 6.0


@dataclass(frozen=True)
class Targets:
    """Positions to measure. ``x, y`` arcsec in the field plane; ``flux`` total nJy (n, 6); ``width2`` the
    squared effective width in arcsec2 (n, 6), 0 for points; ``light`` row in ``delta`` or -1; ``delta`` the
    departure from the mean flux in nJy (variables, visits).
    """

    key: np.ndarray
    x: np.ndarray
    y: np.ndarray
    flux: np.ndarray
    width2: np.ndarray
    light: np.ndarray
    delta: np.ndarray


def plane(ra: np.ndarray, dec: np.ndarray, ra0: float, dec0: float) -> tuple[np.ndarray, np.ndarray]:
    """Gnomonic coordinates in arcsec about the field centre, east and north positive."""
    a, d, d0 = np.radians(np.asarray(ra) - ra0), np.radians(dec), np.radians(dec0)
    bottom = np.sin(d0) * np.sin(d) + np.cos(d0) * np.cos(d) * np.cos(a)
    x = np.cos(d) * np.sin(a) / bottom
    y = (np.cos(d0) * np.sin(d) - np.sin(d0) * np.cos(d) * np.cos(a)) / bottom
    return np.degrees(x) * 3600.0, np.degrees(y) * 3600.0


def unplane(x: np.ndarray, y: np.ndarray, ra0: float, dec0: float) -> tuple[np.ndarray, np.ndarray]:
    """Inverse of ``plane``: degrees."""
    u, v = np.radians(np.asarray(x) / 3600.0), np.radians(np.asarray(y) / 3600.0)
    d0 = np.radians(dec0)
    rho = np.hypot(u, v)
    c = np.arctan(rho)
    ratio = np.where(rho > 0, np.sin(c) / np.maximum(rho, 1e-300), 1.0)
    dec = np.arcsin(np.cos(c) * np.sin(d0) + v * ratio * np.cos(d0))
    ra = np.arctan2(u * ratio, np.cos(d0) * np.cos(c) - v * ratio * np.sin(d0))
    return ra0 + np.degrees(ra), np.degrees(dec)


def frame(ra0: float, dec0: float) -> np.ndarray:
    """Unit vectors east, north and outward at a place, rows of a (3, 3) matrix."""
    a, d = np.radians(ra0), np.radians(dec0)
    return np.array([
        [-np.sin(a), np.cos(a), 0.0],
        [-np.sin(d) * np.cos(a), -np.sin(d) * np.sin(a), np.cos(d)],
        [np.cos(d) * np.cos(a), np.cos(d) * np.sin(a), np.sin(d)],
    ])  # fmt: skip


@nb.njit(inline="always", cache=True)
def _seen(t, k, bore, across, up, v, grid, camera):
    """Detector (or -1) of visit v that sees target k, and the distance to its nearest edge in arcsec."""
    w = bore[v, 0] * t[k, 0] + bore[v, 1] * t[k, 1] + bore[v, 2] * t[k, 2]
    if w < camera[5]:
        return -1, 0.0
    scale = 206264.80624709636 / w
    x = (across[v, 0] * t[k, 0] + across[v, 1] * t[k, 1] + across[v, 2] * t[k, 2]) * scale
    y = (up[v, 0] * t[k, 0] + up[v, 1] * t[k, 1] + up[v, 2] * t[k, 2]) * scale
    i = int(np.floor(x / camera[0] + camera[4] + 0.5))
    j = int(np.floor(y / camera[1] + camera[4] + 0.5))
    if i < 0 or i >= grid.shape[1] or j < 0 or j >= grid.shape[0]:
        return -1, 0.0
    edge = min(camera[2] - abs(x - (i - camera[4]) * camera[0]), camera[3] - abs(y - (j - camera[4]) * camera[1]))
    if edge < 0:
        return -1, 0.0
    return grid[j, i], edge


@nb.njit(cache=True, nogil=True)
def _count(t, bore, across, up, grid, camera, out):
    for k in range(t.shape[0]):
        n = 0
        for v in range(bore.shape[0]):
            d, _ = _seen(t, k, bore, across, up, v, grid, camera)
            if d >= 0:
                n += 1
        out[k] = n


@nb.njit(cache=True, nogil=True)
def _measure(
    key0, key, t, flux, width2, light, delta, bore, across, up, number, band, sigma, seeing, photon,
    grid, camera, sky_factor, saturation, scatter, obj, visit, detector, out_flux, out_err, out_diff, out_diff_err,
    flags,
):  # fmt: skip
    n = 0
    mixing = np.sqrt(1.0 - 0.9 * 0.9)
    for k in range(key.size):
        for v in range(bore.shape[0]):
            d, edge = _seen(t, k, bore, across, up, v, grid, camera)
            if d < 0:
                continue
            b = band[v]
            spread = (seeing[v, d] / 2.3548200450309493) ** 2 * 2.0
            mean = flux[k, b] * spread / (spread + width2[k, b])
            change = 0.0
            if light[k] >= 0:
                change = delta[light[k], v]
            true = mean + change
            own = photon[b] * max(true, 0.0) + (scatter * true) ** 2
            background = sigma[v, d] * sigma[v, d]
            h1 = mix((np.uint64(key[k]) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(number[v])) ^ key0)
            h2 = mix(h1 + np.uint64(0x9E3779B97F4A7C15))
            h3 = mix(h2 + np.uint64(0x9E3779B97F4A7C15))
            radius = np.sqrt(-2.0 * np.log(unit(h1)))
            g1 = radius * np.cos(2.0 * np.pi * unit(h2))
            g2 = radius * np.sin(2.0 * np.pi * unit(h2))
            err = np.sqrt(background + own)
            diff_err = np.sqrt(background * sky_factor + own)
            luck = unit(h3)
            flag = 0
            if edge < EDGE_PX * 0.2:
                flag |= FLAG_EDGE
                if edge < HALF_PSF_PX * 0.2:
                    flag |= FLAG_NO_FLUX
            if luck < 0.004:
                flag |= FLAG_CR | FLAG_INTERPOLATED
                if luck < 0.0008:
                    flag |= FLAG_CR_CENTER
            elif luck < 0.012:
                flag |= FLAG_INTERPOLATED
            elif luck < 0.016:
                flag |= FLAG_NO_TEMPLATE
            peak = true / (seeing[v, d] * seeing[v, d])
            if peak > saturation[b]:
                flag |= FLAG_SATURATED | FLAG_INTERPOLATED
            elif peak > 0.9 * saturation[b]:
                flag |= FLAG_SUSPECT
            obj[n] = k
            visit[n] = v
            detector[n] = d
            out_flux[n] = true + err * g1
            out_err[n] = err
            out_diff[n] = change + diff_err * (0.9 * g1 + mixing * g2)
            out_diff_err[n] = diff_err
            flags[n] = flag
            n += 1
    return n


class ForcedPhotometry:
    """Measures targets on the visits of a field; the same (seed, key, visit) always has the same noise."""

    def __init__(self, seed: int, name: str, field: Field, visits: vis.Visits) -> None:
        self.visits = visits
        self._key = hash_key(seed, name)
        self._axes = vis.axes(visits)
        self._frame = frame(field.ra, field.dec)
        camera = visits.camera
        self._grid = camera.grid
        # Pitch and half size of detectors in arcsec, the middle of the mosaic, the cosine of its reach.
        self._camera = np.array([PITCH_X, PITCH_Y, CCD_X * SCALE / 2, CCD_Y * SCALE / 2, (camera.side - 1) / 2,
                                 np.cos(np.radians(camera.radius_deg))])  # fmt: skip
        self._photon = electron_flux(vis.EXPOSURE_S)
        self._saturation = 1.0e5 * self._photon / 0.04 / 0.9  # nJy per arcsec2 of FWHM at full well

    def _units(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Unit vectors, (n, 3), of places in the plane of the field."""
        ray = np.stack([np.radians(x / 3600.0), np.radians(y / 3600.0), np.ones(len(x))], axis=1)
        return ray @ self._frame / np.linalg.norm(ray, axis=1)[:, None]

    def counts(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """How many visits see each position, int64."""
        out = np.empty(len(x), dtype=np.int64)
        _count(self._units(x, y), *self._axes, self._grid, self._camera, out)
        return out

    def measure(self, targets: Targets, chosen: np.ndarray, rows: int) -> dict[str, np.ndarray]:
        """Rows of the targets ``chosen`` (``rows`` = their summed counts), by target then time.

        ``target`` counts among the chosen, ``visit`` is an index of the visits, fluxes float32 nJy.
        """
        v = self.visits
        out = {
            "target": np.empty(rows, np.int32), "visit": np.empty(rows, np.int32), "detector": np.empty(rows, np.int16),
            "psfFlux": np.empty(rows, np.float32), "psfFluxErr": np.empty(rows, np.float32),
            "psfDiffFlux": np.empty(rows, np.float32), "psfDiffFluxErr": np.empty(rows, np.float32),
            "flags": np.empty(rows, np.uint8),
        }  # fmt: skip
        made = _measure(
            self._key, targets.key[chosen], self._units(targets.x[chosen], targets.y[chosen]), targets.flux[chosen],
            targets.width2[chosen], targets.light[chosen], targets.delta, *self._axes, v.visit, v.band, v.sigma,
            v.seeing, self._photon, self._grid, self._camera, 1.0 + TEMPLATE_NOISE**2, self._saturation,
            CALIBRATION_SCATTER, *out.values(),
        )  # fmt: skip
        if made != rows:
            raise ValueError(f"forced photometry made {made} rows where {rows} were counted")
        return out


def psf_fraction(width2: np.ndarray, seeing: np.ndarray | float) -> np.ndarray:
    """Share of the flux that a PSF fit at the centre finds, for an effective squared width in arcsec2."""
    spread = 2.0 * (np.asarray(seeing) / FWHM_OVER_SIGMA) ** 2
    return spread / (spread + width2)
