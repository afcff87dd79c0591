"""The noise of a template as a difference image sees it: brought to the detector's pixels and seeing.

Made in fixed blocks of 128 x 128 detector pixels, so that a cutout carries the noise of the whole.
"""

from __future__ import annotations

from collections import OrderedDict
from functools import lru_cache
from threading import Lock

import numba as nb
import numpy as np

from portal.archive.sample.bands import BANDS, FWHM_OVER_SIGMA
from portal.archive.sample.coadd import RECIPES
from portal.archive.sample.exposure import Exposure
from portal.archive.sample.geometry import SCALE, patch_at, tract_pixels
from portal.archive.sample.noise import Noise, from_blocks, pixel_noise

KIND = "template_coadd"
BLOCK = 128
KEPT = 64  # blocks kept in memory: 4 MB, a cutout and its neighbours
# Second moment that reading between pixels adds on average, pixel2.
BETWEEN = 1.0 / 6.0
NARROWEST = 0.6  # pixels: the kernel of a template that is no sharper than the visit


@lru_cache(maxsize=256)
def kernel(seeing: float, template: float) -> np.ndarray:
    """Weights (odd in number, read only) of the Gaussian from a template's seeing (FWHM, arcsec) to a visit's."""
    wanted = (seeing**2 - template**2) / (FWHM_OVER_SIGMA * SCALE) ** 2
    sigma2 = max(wanted, NARROWEST**2) - BETWEEN
    reach = int(np.ceil(3.5 * np.sqrt(sigma2)))
    weight = np.exp(-0.5 * np.arange(-reach, reach + 1) ** 2 / sigma2)
    weight /= weight.sum()
    weight.flags.writeable = False
    return weight


def softening(weight: np.ndarray) -> float:
    """Variance that white noise of variance 1 keeps, on average over where pixels fall between pixels."""
    along = 2.0 / 3.0 * (weight**2).sum() + 1.0 / 3.0 * (weight[1:] * weight[:-1]).sum()
    return float(along**2)


@nb.njit(cache=True, nogil=True)
def _resample(grain, weight, corner, out):
    """Smooth ``grain`` along x and y and read it between its pixels.

    ``corner`` (2, 2, 2): x and y in ``grain`` of the first and last pixels of ``out`` along y, x.
    """
    ny, nx = grain.shape
    reach = weight.size // 2
    wide = np.zeros((ny, nx), np.float32)
    for j in range(ny):
        for i in range(reach, nx - reach):
            total = np.float32(0.0)
            for k in range(weight.size):
                total += weight[k] * grain[j, i + k - reach]
            wide[j, i] = total
    soft = np.zeros((ny, nx), np.float32)
    for j in range(reach, ny - reach):
        for k in range(weight.size):
            w = weight[k]
            for i in range(nx):
                soft[j, i] += w * wide[j + k - reach, i]
    n = out.shape[0]
    for j in range(n):
        t = j / (n - 1)
        x0 = corner[0, 0, 0] * (1 - t) + corner[1, 0, 0] * t
        x1 = corner[0, 1, 0] * (1 - t) + corner[1, 1, 0] * t
        y0 = corner[0, 0, 1] * (1 - t) + corner[1, 0, 1] * t
        y1 = corner[0, 1, 1] * (1 - t) + corner[1, 1, 1] * t
        for i in range(n):
            s = i / (n - 1)
            x, y = x0 * (1 - s) + x1 * s, y0 * (1 - s) + y1 * s
            ix, iy = int(x), int(y)
            fx, fy = x - ix, y - iy
            low = soft[iy, ix] * (1 - fx) + soft[iy, ix + 1] * fx
            high = soft[iy + 1, ix] * (1 - fx) + soft[iy + 1, ix + 1] * fx
            out[j, i] = low * (1 - fy) + high * fy


@lru_cache(maxsize=256)
def _tract(exposure: Exposure) -> int:
    """One tract for the whole detector: its grid of noise goes on beyond its edges."""
    return int(patch_at(*(np.array([value]) for value in exposure.centre()))[0][0])


class TemplateGrain:
    """Template noise in nJy on detectors. Safe to share between threads."""

    def __init__(self, noise: Noise) -> None:
        self._noise = noise
        self._kept: OrderedDict[tuple[int, int, int], np.ndarray] = OrderedDict()
        self._lock = Lock()

    @staticmethod
    def variance(exposure: Exposure) -> float:
        """nJy2 that the template adds to a pixel of a difference image."""
        seeing, psf_sigma, _ = (float(values[BANDS.index(exposure.band)]) for values in RECIPES[KIND])
        return pixel_noise(psf_sigma, seeing) ** 2 * softening(kernel(exposure.seeing, seeing))

    def _block(self, exposure: Exposure, ix: int, iy: int) -> np.ndarray:
        key = (exposure.key, ix, iy)
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        seeing, psf_sigma, _ = (float(values[BANDS.index(exposure.band)]) for values in RECIPES[KIND])
        weight = kernel(exposure.seeing, seeing)
        tract = _tract(exposure)
        x, y = np.meshgrid(np.array([0, BLOCK - 1]) + ix * BLOCK, np.array([0, BLOCK - 1]) + iy * BLOCK)
        corner = np.stack(tract_pixels(tract, *exposure.to_sky(x, y)), axis=2)
        margin = len(weight) // 2 + 2
        x0, y0 = (int(value) for value in np.floor(corner.min(axis=(0, 1))) - margin)
        nx, ny = (int(value) for value in np.ceil(corner.max(axis=(0, 1))) + margin - (x0, y0))
        grain = self._noise.box(KIND, exposure.band, tract, x0, y0, nx, ny)
        made = np.empty((BLOCK, BLOCK), np.float32)
        _resample(grain, weight.astype(np.float32), corner - (x0, y0), made)
        made *= np.float32(pixel_noise(psf_sigma, seeing))
        made.flags.writeable = False
        with self._lock:
            self._kept[key] = made
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return made

    def box(self, exposure: Exposure, x0: int, y0: int, nx: int, ny: int) -> np.ndarray:
        """Pixels [y0, y0+ny) x [x0, x0+nx) of a detector, shape (ny, nx)."""
        return from_blocks(lambda ix, iy: self._block(exposure, ix, iy), BLOCK, x0, y0, nx, ny)
