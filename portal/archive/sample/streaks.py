"""Trails of artificial satellites: straight lines of light that cross the whole camera in one visit out of sixteen."""

from __future__ import annotations

import math

import numba as nb
import numpy as np

from portal.archive.sample.bands import flux_of
from portal.archive.sample.camera import SCALE
from portal.archive.sample.exposure import Exposure
from portal.archive.sample.streams import stream

SHARE = 1.0 / 16.0  # of the visits
BRIGHT, FAINT = 21.0, 24.0  # AB of a stretch of one arcsec
WIDE = 0.25  # arcsec2: out of focus at a few hundred kilometres
REACH = 30.0  # pixels to either side


def streaks(seed: int, exposure: Exposure, boresight: tuple[float, float]) -> np.ndarray:
    """The trails of a visit, rows of cosine and sine of the normal, distance from pixel (0, 0) along it, nJy per pixel
    of length; ``boresight`` in pixels of the detector.
    """
    rng = stream(seed, "streaks", exposure.visit)
    if rng.random() > SHARE:
        return np.zeros((0, 4))
    angle = rng.uniform(0.0, 2.0 * np.pi)
    c, s = float(np.cos(angle)), float(np.sin(angle))
    away = rng.uniform(-0.7, 0.7) * exposure.camera.radius_deg * 3600.0 / SCALE
    light = float(flux_of(rng.uniform(BRIGHT, FAINT))) * SCALE
    return np.array([[c, s, boresight[0] * c + boresight[1] * s + away, light]])


@nb.njit(cache=True, nogil=True)
def draw_streaks(image, bx, by, rows, weight, variance):
    """Add trails to a box; ``weight`` and ``variance`` (pixel2) are the Gaussians across them."""
    for k in range(rows.shape[0]):
        c, s, away, light = rows[k]
        for j in range(image.shape[0]):
            for i in range(image.shape[1]):
                off = (bx + i) * c + (by + j) * s - away
                if abs(off) > REACH:
                    continue
                for m in range(weight.size):
                    v = variance[m]
                    image[j, i] += light * weight[m] * math.exp(-0.5 * off * off / v) / math.sqrt(2.0 * math.pi * v)
