"""Values along a line on an image: read with its neighbours between pixels, averaged over a width."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from portal.errors import FormatError, LimitError

MOST_STEPS = 20_000  # samples along a line: more than an image is wide, and than a chart shows
MOST_WIDTH = 500  # pixels across
LEAST_WEIGHT = 1e-9  # of a pixel: less is rounding, by which a line along a row must not touch the next row


class Profile(NamedTuple):
    """``distance`` in pixels from the first end, ``x`` and ``y`` the places on the line (pixels from 0).

    ``value`` is the mean over the width, NaN where nothing counts; ``count`` how many samples across it is of.
    """

    distance: np.ndarray
    x: np.ndarray
    y: np.ndarray
    value: np.ndarray
    count: np.ndarray


def profile(
    pixels: np.ndarray,
    start: tuple[float, float],
    end: tuple[float, float],
    width: float = 1.0,
    mask: np.ndarray | None = None,
    leave_out: int = 0,
) -> Profile:
    """Samples one pixel apart from ``start`` to ``end`` (x, y), both included, of an image (ny, nx).

    Each sample is bilinear between the four pixels around it; across the line there are as many as ``width`` has whole
    pixels, one pixel apart, and their mean is taken. A sample counts when it lies within the pixel centres of the image
    and all pixels that weigh in are finite and have no bit of ``leave_out`` in ``mask`` (ny, nx). Raises FormatError
    for a line without length and LimitError for one of more than 20,000 samples or 500 pixels across.
    """
    (x0, y0), (x1, y1) = start, end
    length = math.hypot(x1 - x0, y1 - y0)
    across = max(1, round(width))
    if not length > 0:
        raise FormatError("The line has no length.", "Draw it from one place to another.")
    if length > MOST_STEPS or across > MOST_WIDTH:
        raise LimitError(f"A profile is at most {MOST_STEPS:,} pixels long and {MOST_WIDTH} wide.")
    distance = np.linspace(0.0, length, max(2, math.ceil(length) + 1))
    ux, uy = (x1 - x0) / length, (y1 - y0) / length
    x, y = x0 + distance * ux, y0 + distance * uy
    total, count = np.zeros(len(x)), np.zeros(len(x), int)
    for step in np.arange(across) - (across - 1) / 2:  # line by line: never more than one line of samples in memory
        found = bilinear(pixels, x - step * uy, y + step * ux, mask, leave_out)
        good = np.isfinite(found)
        total[good] += found[good]
        count += good
    with np.errstate(invalid="ignore", divide="ignore"):
        value = total / count
    return Profile(distance, x, y, value, count)


def bilinear(
    pixels: np.ndarray, x: np.ndarray, y: np.ndarray, mask: np.ndarray | None = None, leave_out: int = 0
) -> np.ndarray:
    """Values (float64) between pixel centres; NaN outside of them and where a pixel that weighs in does not count."""
    ny, nx = pixels.shape
    edge = LEAST_WEIGHT
    within = (x >= -edge) & (x <= nx - 1 + edge) & (y >= -edge) & (y <= ny - 1 + edge)
    column = np.clip(np.floor(np.where(within, x, 0)).astype(int), 0, max(nx - 2, 0))
    row = np.clip(np.floor(np.where(within, y, 0)).astype(int), 0, max(ny - 2, 0))
    fx, fy = np.clip(x - column, 0, 1), np.clip(y - row, 0, 1)
    out = np.zeros(len(x))
    for dx, dy, weight in ((0, 0, (1 - fx) * (1 - fy)), (1, 0, fx * (1 - fy)), (0, 1, (1 - fx) * fy), (1, 1, fx * fy)):
        at = np.minimum(row + dy, ny - 1), np.minimum(column + dx, nx - 1)
        part = pixels[at].astype(float)
        if mask is not None and leave_out:
            part[(mask[at] & leave_out) != 0] = np.nan
        part[~np.isfinite(part)] = np.nan  # infinite is no value either
        out += np.where(weight > LEAST_WEIGHT, part * weight, 0.0)
    return np.where(within, out, np.nan)
