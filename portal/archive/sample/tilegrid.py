"""The pixel grid of a HiPS tile: where a sky position falls, and how the sky is stretched there.

Follows Calabretta & Roukema 2007 (HPX projection) and HiPS 1.0. In a PNG tile the row counts HEALPix's x (to the
north-east) from the top and the column its y (to the north-west) from the left; checked against Aladin Lite.
"""

from __future__ import annotations

import math

import numba as nb
import numpy as np

WIDTH = 512  # pixels on a side of a tile
BITS = 9  # 2**9 = 512
CELL = math.sqrt(math.pi / 3.0) * 180.0 / math.pi * 3600.0  # arcsec: side of a base cell, as root of its area


def pixel_scale(order: int) -> float:
    """Side of a pixel of an order's tiles in arcsec (root of its area; all HEALPix cells have the same)."""
    return CELL / 2.0 ** (order + BITS)


def deinterleave(npix: int, order: int) -> tuple[int, int, int]:
    """(base face, x, y) of a nested HEALPix number. Raises ValueError when the order has no such cell."""
    if not 0 <= npix < 12 * 4**order:
        raise ValueError(f"HiPS order {order} has no tile {npix}")
    face, rest = divmod(npix, 4**order)
    x = sum(((rest >> (2 * bit)) & 1) << bit for bit in range(order))
    y = sum(((rest >> (2 * bit + 1)) & 1) << bit for bit in range(order))
    return face, x, y


def pixel_numbers(npix: int) -> np.ndarray:
    """Nested HEALPix numbers (order of the tile + 9) of a tile's pixels as they lie in a PNG, shape (512, 512)."""
    spread = np.zeros(WIDTH, np.int64)
    for bit in range(BITS):
        spread |= ((np.arange(WIDTH) >> bit) & 1) << (2 * bit)
    return (npix << (2 * BITS)) + spread[:, None] + (spread[None, :] << 1)


@nb.njit
def locate(ra, dec, face, corner_x, corner_y, nside):
    """Place of a position (deg) on the pixel grid of a base face, and the sky's stretch there.

    Returns (column, row, (dcol/deast, dcol/dnorth, drow/deast, drow/dnorth)) in pixels and pixels per arcsec, with
    pixel centres at whole numbers counted from (corner_x, corner_y); ``nside`` is in pixels. Positions off the face
    are continued smoothly.
    """
    lat = math.radians(dec)
    z, cos_lat = math.sin(lat), max(math.cos(lat), 1e-9)
    quarter = face % 4
    middle = quarter + 0.5 if face < 4 or face >= 8 else float(quarter)
    tt = (ra / 90.0 - middle + 2.0) % 4.0 - 2.0 + middle
    # d(tt)/d(east) and so on per radian
    turn = 2.0 / math.pi / cos_lat
    north = face < 4
    if (3 < face < 8) or (abs(z) <= 2.0 / 3.0) or (north and z < 0) or (face >= 8 and z > 0):
        first = quarter + (1 if face >= 8 else 0)
        second = quarter + (1 if north else 0)
        x = 0.5 + tt + 0.75 * z - second
        y = 1.0 - (0.5 + tt - 0.75 * z - first)
        xe, xn, ye, yn = turn, 0.75 * cos_lat, -turn, 0.75 * cos_lat
    else:
        part = tt - quarter
        size = math.sqrt(3.0 * (1.0 - abs(z)))
        slope = 1.5 * cos_lat / max(size, 1e-9)
        if north:
            x, y = 1.0 - (1.0 - part) * size, 1.0 - part * size
            xe, xn, ye, yn = size * turn, (1.0 - part) * slope, -size * turn, part * slope
        else:
            x, y = part * size, (1.0 - part) * size
            xe, xn, ye, yn = size * turn, part * slope, -size * turn, (1.0 - part) * slope
    unit = nside * math.pi / 180.0 / 3600.0
    column = y * nside - corner_y - 0.5
    row = x * nside - corner_x - 0.5
    return column, row, (ye * unit, yn * unit, xe * unit, xn * unit)


@nb.njit(cache=True, nogil=True)
def places(position, rows, face, corner_x, corner_y, nside):
    """``locate`` for some rows of positions (n, 2): column, row and the four terms of the stretch, (len(rows), 6)."""
    out = np.empty((rows.size, 6))
    for k in range(rows.size):
        column, row, jac = locate(position[rows[k], 0], position[rows[k], 1], face, corner_x, corner_y, nside)
        out[k, 0], out[k, 1] = column, row
        out[k, 2], out[k, 3], out[k, 4], out[k, 5] = jac
    return out
