"""Sky noise: how strong it is, and its pixels as a pure function of where they fall.

Standard normal numbers come in fixed blocks of 256 x 256 pixels, each with its own key, on a grid that does not
depend on what is asked for: so a cutout carries the noise of the whole.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable
from threading import Lock

import numpy as np

from portal.archive.sample.bands import COADD_SEEING, coadd_psf_sigma
from portal.archive.sample.geometry import SCALE
from portal.archive.sample.mixtures import sharpness

BLOCK = 256
KEPT = 96  # blocks kept in memory: 25 MB, the six bands of one cutout and its neighbours


def pixel_noise(psf_sigma: float, seeing: float) -> float:
    """1-sigma background noise of a pixel in nJy, such that a PSF fit has the error ``psf_sigma`` (nJy)."""
    return float(psf_sigma * np.sqrt(sharpness("moffat")) / seeing * SCALE)


def pixel_sigma() -> np.ndarray:
    """1-sigma background noise of a coadd pixel, nJy, shape (6,): a PSF fit to it has the depth of the catalogue."""
    return np.array([pixel_noise(*pair) for pair in zip(coadd_psf_sigma(), COADD_SEEING)])


def brightness_sigma() -> np.ndarray:
    """The same as surface brightness, nJy per arcsec2."""
    return pixel_sigma() / SCALE**2


def from_blocks(block: Callable[[int, int], np.ndarray], size: int, x0: int, y0: int, nx: int, ny: int) -> np.ndarray:
    """Pixels [y0, y0+ny) x [x0, x0+nx) of a grid, float32 (ny, nx), out of its square blocks ``block(ix, iy)``."""
    out = np.empty((ny, nx), np.float32)
    for iy in range(y0 // size, (y0 + ny - 1) // size + 1):
        for ix in range(x0 // size, (x0 + nx - 1) // size + 1):
            left, low = max(x0, ix * size), max(y0, iy * size)
            right, high = min(x0 + nx, (ix + 1) * size), min(y0 + ny, (iy + 1) * size)
            out[low - y0 : high - y0, left - x0 : right - x0] = block(ix, iy)[
                low - iy * size : high - iy * size, left - ix * size : right - ix * size
            ]
    return out


class Noise:
    """Standard normal float32 pixels for a seed. Safe to share between threads."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._kept: OrderedDict[tuple, np.ndarray] = OrderedDict()
        self._lock = Lock()

    def block(self, dataset: str, band: str, place: int, ix: int, iy: int) -> np.ndarray:
        """Block (ix, iy) of a dataset's grid ``place`` (its tract, or tile), shape (256, 256), read only."""
        key = (dataset, band, place, ix, iy)
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        text = "|".join(str(part) for part in (self._seed, *key))
        digest = hashlib.blake2b(text.encode(), digest_size=16).digest()
        generator = np.random.Generator(np.random.Philox(key=int.from_bytes(digest, "little")))
        made = generator.standard_normal((BLOCK, BLOCK), dtype=np.float32)
        made.flags.writeable = False
        with self._lock:
            self._kept[key] = made
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return made

    def box(self, dataset: str, band: str, place: int, x0: int, y0: int, nx: int, ny: int) -> np.ndarray:
        """Pixels [y0, y0+ny) x [x0, x0+nx) of the grid, shape (ny, nx)."""
        return from_blocks(lambda ix, iy: self.block(dataset, band, place, ix, iy), BLOCK, x0, y0, nx, ny)
