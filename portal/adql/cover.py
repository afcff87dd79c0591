"""Few ranges of nested HEALPix pixels that surely cover a part of the sky.

A table sorted by its order 29 pixel needs then to be read only in those ranges; what lies in them but outside the
region is sorted out by arithmetic. Pixels by Górski et al. 2005; the nested index of a coarse pixel is the common
prefix of those of its fine ones.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from itertools import pairwise

import numpy as np
from astropy import units as u
from astropy_healpix import core

ORDER = 29  # of the pixel column: 0.4 milliarcsec, and 4**29 * 12 still fits in a signed 64-bit integer
RANGES = 4  # more ranges cost more to test on each row than they save: 2.1 times the area of a cone in the median
STEPS = 3  # orders finer than the pixel that is as wide as the region: 9 pixels become at most 576
# A circle of this radius (radian, times nside) about any point of a pixel lies in it and its neighbours: the
# narrowest place measured between a pixel and those beyond its neighbours is 0.69.
NARROWEST = 0.65

Overlap = Callable[[np.ndarray, float], np.ndarray]
Ranges = list[tuple[int, int]]  # first and last pixel of order 29, both in it


def unit_vectors(ra: np.ndarray | float, dec: np.ndarray | float) -> np.ndarray:
    """Unit vectors (..., 3) of positions in degrees."""
    a, d = np.radians(ra), np.radians(dec)
    return np.stack([np.cos(d) * np.cos(a), np.cos(d) * np.sin(a), np.sin(d)], axis=-1)


@lru_cache(maxsize=32)
def pixel_radius(order: int) -> float:
    """No corner of any pixel of an order is farther from its centre than this (radian)."""
    nside = 2.0**order
    near = unit_vectors(np.degrees(np.pi / (4 * nside)), np.degrees(np.arcsin(2 / 3)))
    far = unit_vectors(0.0, np.degrees(np.arcsin(1 - (1 - 1 / nside) ** 2 / 3)))
    return float(2 * np.arcsin(np.linalg.norm(near - far) / 2)) * 1.01


@lru_cache(maxsize=4096)  # a condition is looked at by the planner and by the writer
def cone_ranges(ra: float, dec: float, radius: float) -> list[tuple[int, int]]:
    """At most four ranges (first, last pixel of order 29, both in it) that cover a circle; all in degrees."""
    centre = unit_vectors(ra, dec)

    def overlap(vectors: np.ndarray, reach: float) -> np.ndarray:
        limit = min(np.pi, np.radians(radius) + reach)
        return ((vectors - centre) ** 2).sum(axis=1) <= (2 * np.sin(limit / 2)) ** 2 * (1 + 1e-9) + 1e-28

    return cover(ra, dec, radius, overlap)


def cover(ra: float, dec: float, radius: float, overlap: Overlap) -> list[tuple[int, int]]:
    """Ranges that cover a region within ``radius`` of a centre (degrees).

    ``overlap(vectors, reach)`` tells for unit vectors (n, 3) which are within ``reach`` radian of the region; it may
    say yes too often but never no too often.
    """
    # A little more than asked, so that rounding at the edge can never lose a row.
    wide = np.radians(radius) * (1 + 1e-9) + 1e-12
    if wide > NARROWEST:
        order, pixels = 0, np.arange(12)
    else:
        order = min(ORDER - STEPS, int(np.floor(np.log2(NARROWEST / wide))))
        nside = 2**order
        centre = core.lonlat_to_healpix((ra % 360) * u.deg, dec * u.deg, nside, order="nested")
        with np.errstate(invalid="ignore"):  # pixels at eight corners of the sphere have only seven neighbours
            around = core.neighbours(centre, nside, order="nested")
        pixels = np.unique(np.append(around[around >= 0], centre))
    for _ in range(STEPS):
        order += 1
        pixels = (pixels[:, None] * 4 + np.arange(4)).ravel()
        lon, lat = core.healpix_to_lonlat(pixels, 2**order, order="nested")
        pixels = pixels[overlap(unit_vectors(lon.to_value(u.deg), lat.to_value(u.deg)), pixel_radius(order))]
    return _merged(pixels, order)


def _merged(pixels: np.ndarray, order: int) -> list[tuple[int, int]]:
    """Runs of sorted pixels, the narrowest gaps closed until few runs are left, as pixels of order 29."""
    if not len(pixels):
        return []
    gaps = np.diff(pixels)
    open_gaps = np.flatnonzero(gaps > 1)
    if len(open_gaps) > RANGES - 1:
        widest = np.argsort(gaps[open_gaps], kind="stable")[-(RANGES - 1) :]
        open_gaps = np.sort(open_gaps[widest])
    starts = pixels[np.append(0, open_gaps + 1)]
    ends = pixels[np.append(open_gaps, len(pixels) - 1)]
    shift = 2 * (ORDER - order)
    return [(int(start) << shift, ((int(end) + 1) << shift) - 1) for start, end in zip(starts, ends)]


def points_ranges(ra: np.ndarray, dec: np.ndarray, radius: float, most: int) -> Ranges | None:
    """At most so many ranges that cover circles of one size about many positions, all in degrees; None for all sky."""
    wide = np.radians(radius) * (1 + 1e-9) + 1e-12
    if wide > NARROWEST:
        return None
    order = min(ORDER - STEPS, int(np.floor(np.log2(NARROWEST / wide))))
    centre = np.unique(core.lonlat_to_healpix((ra % 360) * u.deg, dec * u.deg, 2**order, order="nested"))
    with np.errstate(invalid="ignore"):
        around = core.neighbours(centre, 2**order, order="nested")
    pixels = np.unique(np.append(around[around >= 0], centre))
    breaks = np.flatnonzero(np.diff(pixels) > 1)
    shift = 2 * (ORDER - order)
    starts, ends = pixels[np.append(0, breaks + 1)], pixels[np.append(breaks, len(pixels) - 1)]
    return merged([(int(a) << shift, ((int(b) + 1) << shift) - 1) for a, b in zip(starts, ends)], most)


def merged(ranges: Ranges, most: int) -> Ranges:
    """Ranges in order, those that touch made one, the narrowest gaps closed until no more than ``most`` are left."""
    found: list[list[int]] = []
    for first, last in sorted(ranges):
        if found and first <= found[-1][1] + 1:
            found[-1][1] = max(found[-1][1], last)
        else:
            found.append([first, last])
    gaps = sorted((after[0] - before[1], at) for at, (before, after) in enumerate(pairwise(found)))
    closed = {at for _, at in gaps[: max(0, len(found) - most)]}
    joined: Ranges = []
    for at, (first, last) in enumerate(found):
        if at - 1 in closed:
            joined[-1] = (joined[-1][0], last)
        else:
            joined.append((first, last))
    return joined
