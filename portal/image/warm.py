"""Loads the compiled loops once, so that the first image of a fresh server does not wait for them."""

from __future__ import annotations

import numpy as np

from portal.image import tiles
from portal.image.codec import DITHER, DITHER_2, rice_tiles


def warm() -> None:
    """Unpack and bin a few pixels of each kind. Takes two seconds where nothing is cached yet; call it in a thread."""
    code = np.zeros(64, np.uint8)
    code.flags.writeable = False  # as those of files are: for compiled loops that is another type
    places, boxes, skips = np.array([[0, 64]]), np.array([[0, 0, 1, 8]]), np.array([[0, 8]])
    for kind in (np.float32, np.int32):
        out = np.zeros((1, 8), kind)
        floats = kind is np.float32
        rice_tiles(
            code, places, np.ones((1, 2)), np.array([1 << 40]), DITHER_2, np.array([0]), DITHER, 4, 32, boxes, skips,
            floats, out,
        )  # fmt: skip
        pixels = np.zeros((tiles.TILE + 1, 2), kind)
        for writeable in (True, False):
            pixels.flags.writeable = writeable
            tiles.tile(pixels, not floats, 1, 0, 0)
