"""Blemishes of detectors and exposures: dead columns, cosmic rays, and the trails of charge of overfull stars.

All are pure functions of the seed and of the detector or exposure; they come as bits of the mask and as electrons.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numba as nb
import numpy as np

from portal.archive.sample.exposure import Exposure
from portal.archive.sample.streams import stream

RAYS = 36.0  # cosmic rays per detector in 30 s
FULL_WELL = 1.0e5  # electrons
COLUMN_EDGE = 16  # pixels from the rims that have no bad columns
BLEED_ROWS, BLEED_LARGEST = 9.0, 1500.0  # rows: of a star just overfull by as much as its peak, and at most


@lru_cache(maxsize=256)
def bad_columns(seed: int, detector: int, nx: int, ny: int) -> np.ndarray:
    """Runs of dead pixels of a detector, rows of column, first and last row, int64 (n, 3)."""
    rng = stream(seed, "defects/columns", detector)
    n = int(rng.poisson(5.0))
    start = rng.integers(0, 2 * ny, n)
    # Half of them are dead over the whole height, the others from a trap to the readout at row 0.
    column = COLUMN_EDGE + rng.permutation((nx - 2 * COLUMN_EDGE) // 4)[:n] * 4
    return np.stack([column, np.zeros(n, np.int64), np.minimum(start, ny - 1)], axis=1).astype(np.int64)


def cosmic_rays(seed: int, exposure: Exposure) -> np.ndarray:
    """Tracks of an exposure, rows of x, y, cosine and sine of the direction, length (pixels), electrons per pixel."""
    rng = stream(seed, "defects/rays", exposure.key)
    n = int(rng.poisson(RAYS))
    x, y = rng.uniform(-20, exposure.nx, n), rng.uniform(-20, exposure.ny, n)
    angle = rng.uniform(0.0, 2.0 * np.pi, n)
    length = 1.0 + np.minimum(rng.exponential(9.0, n), 250.0)
    return np.stack([x, y, np.cos(angle), np.sin(angle), length, np.exp(rng.normal(6.9, 0.7, n))], axis=1)


@nb.njit(cache=True, nogil=True)
def draw_rays(charge, bx, by, rays):
    """Add the electrons of tracks to a box ``charge`` whose lower left pixel is (bx, by)."""
    ny, nx = charge.shape
    for k in range(rays.shape[0]):
        x, y, c, s, length, electrons = rays[k]
        if x + length < bx or x - length > bx + nx or y + length < by or y - length > by + ny:
            continue
        steps = math.ceil(2.0 * length)
        last_i, last_j = -(1 << 30), -(1 << 30)
        for step in range(steps + 1):
            i = math.floor(x + 0.5 * step * c + 0.5)
            j = math.floor(y + 0.5 * step * s + 0.5)
            if i == last_i and j == last_j:
                continue
            last_i, last_j = i, j
            if bx <= i < bx + nx and by <= j < by + ny:
                # Loss along the track is uneven; the pixel's own number decides.
                charge[j - by, i - bx] += electrons * (0.6 + 0.1 * ((i * 7 + j * 13) % 9))


def bleed_trails(x: np.ndarray, y: np.ndarray, overfull: np.ndarray, ny: int) -> np.ndarray:
    """Rectangles of pixels that overfull stars flood along their columns: first and last x, first and last y.

    ``overfull`` is the star's peak over the full well; stars with less than 1 flood nothing.
    """
    much = overfull > 1.0
    x, y, overfull = x[much], y[much], overfull[much]
    half = np.minimum(BLEED_ROWS * (overfull - 1.0) ** 0.6, BLEED_LARGEST)
    wide = np.minimum(0.25 * np.log2(overfull), 2.0)
    out = np.stack([np.rint(x - wide), np.rint(x + wide), np.rint(y - half), np.rint(y + half)], axis=1)
    out[:, 2:] = np.clip(out[:, 2:], -1, ny)
    return out.astype(np.int64)


def flood(bits: np.ndarray, bx: int, by: int, boxes: np.ndarray, bit: int) -> None:
    """Set ``bit`` in the part of ``bits`` that lies in rectangles (first and last x, first and last y)."""
    ny, nx = bits.shape
    for x0, x1, y0, y1 in boxes.tolist():
        left, right = max(x0 - bx, 0), min(x1 + 1 - bx, nx)
        low, high = max(y0 - by, 0), min(y1 + 1 - by, ny)
        if left < right and low < high:
            bits[low:high, left:right] |= bit
