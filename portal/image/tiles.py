"""A plane cut into tiles, at full resolution and binned: level k has bins of 2^k pixels a side."""

from __future__ import annotations

import numpy as np

from portal.errors import FormatError

TILE = 512  # pixels a side: 1 MB, a picture of 4k x 4k at full resolution is 64 of them
STRIP = 1 << 21  # pixels copied at a time


def levels(nx: int, ny: int) -> int:
    """How many levels an image has: the last one fits into one tile."""
    count = 1
    while max(nx, ny) > TILE << (count - 1):
        count += 1
    return count


def tile(pixels: np.ndarray, is_mask: bool, level: int, x: int, y: int) -> np.ndarray:
    """Tile (x, y) of a level, float32 or (mask) int32, at most 512 x 512, smaller at the right and upper edge.

    Row 0 is the bottom. Bins are means of the finite pixels, of a mask the union of the bits; NaN and infinities
    stay where nothing is binned. Raises FormatError for a tile that there is not.
    """
    return binned(_part(pixels, level, x, y), is_mask, level)


def binned(part: np.ndarray, is_mask: bool, level: int) -> np.ndarray:
    """All bins of ``part``, which begins where a bin begins; as ``tile`` has them."""
    from portal.image.kernels import mean_of_bins, union_of_bins  # the process that reads a file needs none

    kind = np.int32 if is_mask else np.float32
    with np.errstate(over="ignore"):  # doubles beyond the largest float become infinite: they are as white
        if not level:
            return np.ascontiguousarray(part, kind)
        step = 1 << level
        out = np.empty((-(-part.shape[0] // step), -(-part.shape[1] // step)), kind)
        strip = max(1, STRIP // (step * part.shape[1]))  # rows of bins at a time, so that no large copy is made
        for row in range(0, out.shape[0], strip):
            some = np.ascontiguousarray(part[row * step : (row + strip) * step], kind)
            if is_mask:
                union_of_bins(some, step, out[row : row + strip])
            else:
                mean_of_bins(some, step, step, out[row : row + strip])
        return out


def of_rows(rows: np.ndarray, level: int) -> np.ndarray:
    """The tile of the last level from one row of each row of bins: the same scene, with more noise."""
    from portal.image.kernels import mean_of_bins

    step = 1 << level
    out = np.empty((rows.shape[0], -(-rows.shape[1] // step)), np.float32)
    mean_of_bins(np.ascontiguousarray(rows, np.float32), 1, step, out)
    return out


def _part(pixels: np.ndarray, level: int, x: int, y: int) -> np.ndarray:
    ny, nx = pixels.shape
    size = TILE << level if 0 <= level < levels(nx, ny) else 0
    if not size or x < 0 or y < 0 or x * size >= nx or y * size >= ny:
        raise FormatError(f"The image has no tile {x}, {y} on level {level}.")
    return pixels[y * size : (y + 1) * size, x * size : (x + 1) * size]
