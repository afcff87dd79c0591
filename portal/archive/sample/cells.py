"""The sky in HEALPix cells of order 9 (6.9'): which a field needs, and keyed random places in one.

Everything true about the sky is drawn cell by cell, so a field's content does not depend on its size.
"""

from __future__ import annotations

from collections.abc import Iterator

import numba as nb
import numpy as np
from astropy import units as u
from astropy_healpix import HEALPix

CELL_ORDER = 9
LEAF_ORDER = 29
CELL_SHIFT = 2 * (LEAF_ORDER - CELL_ORDER)
CELL_AREA_DEG2 = 41252.96124941927 / (12 * 4**CELL_ORDER)
CELL_DEG = CELL_AREA_DEG2**0.5
# Positions are kept to 2^-24 deg (0.2 mas): far below any measurement, and Parquet packs them well.
POSITION_STEP = 2.0**-24

_CELLS = HEALPix(nside=2**CELL_ORDER, order="nested")
_LEAVES = HEALPix(nside=2**LEAF_ORDER, order="nested")


def cells_of(ra: float, dec: float, radius_deg: float) -> np.ndarray:
    """Cells that a circle may touch, ascending int64."""
    return np.sort(_CELLS.cone_search_lonlat(ra * u.deg, dec * u.deg, (radius_deg + 0.01) * u.deg))


def leaf_of(ra: np.ndarray, dec: np.ndarray) -> np.ndarray:
    """Nested pixel of order 29 of each position in degrees, int64."""
    ra, dec = (np.ascontiguousarray(values, dtype=np.float64) for values in (ra, dec))
    out = np.empty(len(ra), dtype=np.int64)
    _leaves(ra, dec, out)
    return out


@nb.njit(cache=True, nogil=True)
def _leaves(ra, dec, out):
    """The nested scheme of Gorski et al. 2005 (ApJ 622, 759): base face, then x and y in it bit by bit."""
    side = 1 << LEAF_ORDER
    for k in range(ra.size):
        d = np.radians(dec[k])
        z, turn = np.sin(d), (ra[k] / 90.0) % 4.0
        if abs(z) <= 2.0 / 3.0:
            rising, falling = int(side * (0.5 + turn - 0.75 * z)), int(side * (0.5 + turn + 0.75 * z))
            first, second = rising >> LEAF_ORDER, falling >> LEAF_ORDER
            if first == second:
                face = (first & 3) | 4
            elif first < second:
                face = first
            else:
                face = second + 8
            x, y = falling & (side - 1), side - 1 - (rising & (side - 1))
        else:
            quarter = min(int(turn), 3)
            size = side * np.cos(d) * np.sqrt(3.0 / (1.0 + abs(z)))
            rising = min(int((turn - quarter) * size), side - 1)
            falling = min(int((1.0 - turn + quarter) * size), side - 1)
            if z > 0:
                face, x, y = quarter, side - 1 - falling, side - 1 - rising
            else:
                face, x, y = quarter + 8, rising, falling
        out[k] = (face << 2 * LEAF_ORDER) + _spread(x) + (_spread(y) << 1)


@nb.njit(inline="always", cache=True)
def _spread(bits):
    """Bits moved apart: a zero after each."""
    bits = (bits | (bits << 16)) & 0x0000FFFF0000FFFF
    bits = (bits | (bits << 8)) & 0x00FF00FF00FF00FF
    bits = (bits | (bits << 4)) & 0x0F0F0F0F0F0F0F0F
    bits = (bits | (bits << 2)) & 0x3333333333333333
    return (bits | (bits << 1)) & 0x5555555555555555


def places_in(cell: int, count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Uniform positions in a cell: ra, dec in degrees."""
    leaves = (np.int64(cell) << CELL_SHIFT) + rng.integers(0, 1 << CELL_SHIFT, count)
    lon, lat = _LEAVES.healpix_to_lonlat(leaves)
    return rounded(lon.deg), rounded(lat.deg)


def centre_of(cell: int) -> tuple[float, float]:
    """Centre of a cell, ra and dec in degrees."""
    lon, lat = _CELLS.healpix_to_lonlat(int(cell))
    return float(lon.deg), float(lat.deg)


def centres_of(pixels: np.ndarray, order: int = CELL_ORDER) -> tuple[np.ndarray, np.ndarray]:
    """Centres of nested pixels, ra and dec in degrees."""
    lon, lat = HEALPix(nside=2**order, order="nested").healpix_to_lonlat(np.asarray(pixels))
    return lon.deg, lat.deg


def rounded(angle: np.ndarray) -> np.ndarray:
    """Degrees on the grid that the tables keep."""
    return np.round(np.asarray(angle) / POSITION_STEP) * POSITION_STEP


def offset(ra: np.ndarray, dec: np.ndarray, east: np.ndarray, north: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Positions moved by small steps in arcsec to the east and north, degrees."""
    dec = np.asarray(dec)
    return rounded(ra + east / 3600.0 / np.cos(np.radians(dec))), rounded(dec + north / 3600.0)


def around(
    ra: np.ndarray, dec: np.ndarray, reach_arcsec: float, points: int = 8
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Positions on the circle about each one: what has one of them inside lies within reach of a border."""
    step = reach_arcsec / 3600.0
    for angle in 2 * np.pi * np.arange(points) / points:
        yield ra + step * np.cos(angle) / np.cos(np.radians(dec)), dec + step * np.sin(angle)


def separation(ra: np.ndarray, dec: np.ndarray, ra0: float, dec0: float) -> np.ndarray:
    """Angle from one place in degrees (haversine)."""
    a, b = np.radians(ra), np.radians(dec)
    a0, b0 = np.radians(ra0), np.radians(dec0)
    h = np.sin((b - b0) / 2) ** 2 + np.cos(b) * np.cos(b0) * np.sin((a - a0) / 2) ** 2
    return np.degrees(2 * np.arcsin(np.sqrt(np.clip(h, 0, 1))))


def galactic(ra: np.ndarray | float, dec: np.ndarray | float) -> tuple[np.ndarray, np.ndarray]:
    """Galactic longitude and latitude in degrees of ICRS positions (J2000 pole)."""
    a, d = np.radians(ra), np.radians(dec)
    pole_a, pole_d, node = np.radians(192.85948), np.radians(27.12825), np.radians(122.93192)
    b = np.arcsin(np.sin(d) * np.sin(pole_d) + np.cos(d) * np.cos(pole_d) * np.cos(a - pole_a))
    y = np.cos(d) * np.sin(a - pole_a)
    x = np.sin(d) * np.cos(pole_d) - np.cos(d) * np.sin(pole_d) * np.cos(a - pole_a)
    return np.degrees(node - np.arctan2(y, x)) % 360.0, np.degrees(b)


def reddening(ra: np.ndarray, dec: np.ndarray) -> np.ndarray:
    """E(B-V) in mag: a smooth made-up screen, 0.012 +- 0.005 at high latitude and thicker to the plane."""
    x, y = np.asarray(ra) * np.cos(np.radians(37.0)), np.asarray(dec)
    wave = np.sin(5.1 * x + 1.3 * y) + np.sin(11.7 * y - 6.3 * x + 0.7) + 0.5 * np.sin(29.0 * x + 23.0 * y)
    depth = np.sin(np.radians(np.abs(galactic(ra, dec)[1])))
    return 0.009 / np.maximum(depth, 0.03) * (1.0 + 0.18 * wave)
