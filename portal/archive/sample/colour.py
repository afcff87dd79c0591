"""From surface brightness to bytes: an asinh colour composite of three bands, and an asinh grey of one.

The composite follows Lupton et al. 2004: one stretch for the mean of the three, so that hue does not depend on
brightness. Only the very bright cores turn towards white, as eyes and cameras show them.
"""

from __future__ import annotations

import math

import numba as nb
import numpy as np

WHITE_FROM = 30.0  # means over this many stretches begin to lose their hue
WHITE_RATE, WHITE_MOST = 0.13, 0.6  # per factor e, and at most


@nb.njit(cache=True, nogil=True)
def lupton(red, green, blue, black, stretch, softening):
    """RGB bytes (ny, nx, 3) of three images in one unit.

    ``black`` is shown as 0, ``stretch`` sets where the curve bends, ``softening`` (Q) how far it keeps rising.
    """
    ny, nx = red.shape
    out = np.empty((ny, nx, 3), np.uint8)
    # asinh(Q (I - black) / stretch) / Q has the slope 1 / stretch at black; it reaches 1 at sinh(Q) / Q * stretch.
    for j in range(ny):
        for i in range(nx):
            r, g, b = red[j, i] - black, green[j, i] - black, blue[j, i] - black
            mean = (r + g + b) / 3.0
            if mean <= 0.0:
                factor = 1.0 / stretch
            else:
                factor = math.asinh(softening * mean / stretch) / softening / mean
            r, g, b = max(r * factor, 0.0), max(g * factor, 0.0), max(b * factor, 0.0)
            top = max(r, g, b)
            if top > 1.0:
                r, g, b, top = r / top, g / top, b / top, 1.0
            if mean > WHITE_FROM * stretch:
                white = min(WHITE_RATE * math.log(mean / (WHITE_FROM * stretch)), WHITE_MOST)
                r, g, b = r + (top - r) * white, g + (top - g) * white, b + (top - b) * white
            out[j, i, 0] = np.uint8(r * 255.0)
            out[j, i, 1] = np.uint8(g * 255.0)
            out[j, i, 2] = np.uint8(b * 255.0)
    return out


@nb.njit(cache=True, nogil=True)
def grey(image, black, stretch, softening):
    """Bytes (ny, nx) of one image on the same curve."""
    ny, nx = image.shape
    out = np.empty((ny, nx), np.uint8)
    for j in range(ny):
        for i in range(nx):
            value = math.asinh(softening * max(image[j, i] - black, 0.0) / stretch) / softening
            out[j, i] = np.uint8(min(value, 1.0) * 255.0)
    return out
