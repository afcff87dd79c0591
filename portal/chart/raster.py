"""Counts any number of points into the pixels of a chart, and finds the points in a box, a lasso or under the pointer.

Knows numbers only. Works on linear axes: for a logarithmic one ``Points`` takes the logarithms once.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from portal.background import worker_pool
from portal.chart import kernels
from portal.chart.cells import CellIndex

MANY_POINTS = 30_000
"""Above this many in view a chart shows density: a browser redraws 30,000 markers in about 70 ms, 200,000 in 400."""
INDEX_FROM = 10_000_000
"""From here a cell index pays: a zoomed frame of 10 million points takes 20 to 40 ms without it, 2 ms with it."""
SPLIT_FROM = 1_000_000
"""Below this many points two threads gain less than starting them costs."""
MOST_PIXELS = 4096
"""A browser window is not wider; sizes from outside are cut to it."""

Range = tuple[float, float]
_threads = worker_pool(2, "raster")
_builder = worker_pool(1, "cells")


class Extent(NamedTuple):
    """Smallest and largest finite value and how many there are."""

    low: float
    high: float
    n: int


def density(x: np.ndarray, y: np.ndarray, x_range: Range, y_range: Range, width: int, height: int) -> np.ndarray:
    """Points per pixel, uint32 of shape (height, width), row 0 at the low end of y.

    Ranges are (low, high) in data units, both ends inside; NaN and infinite values are outside. Runs without the
    Python lock, in two threads when there are many points.
    """
    width, height = clipped(width), clipped(height)
    sx, sy = width / (x_range[1] - x_range[0]), height / (y_range[1] - y_range[0])

    def part(begin: int, end: int) -> np.ndarray:
        counts = np.zeros((height, width), np.uint32)
        kernels.count(x[begin:end], y[begin:end], x_range[0], y_range[0], sx, sy, counts)
        return counts

    if x.size < SPLIT_FROM:
        return part(0, x.size)
    half = x.size // 2
    other = _threads.submit(part, half, x.size)
    counts = part(0, half)
    counts += other.result()
    return counts


def clipped(pixels: int) -> int:
    return max(1, min(int(pixels), MOST_PIXELS))


def shade(counts: np.ndarray, how: str = "eq_hist") -> np.ndarray:
    """Counts as uint8 for a palette: 0 is empty, 1 to 255 from few to many. ``how``: eq_hist, log or linear.

    ``eq_hist`` gives every colour about as many pixels, so that both the thin and the dense show their structure.
    """
    image = np.zeros(counts.shape, np.uint8)
    full = counts > 0
    values = counts[full]
    if not values.size:
        return image
    top = int(values.max())
    if how == "eq_hist":
        if top < 1 << 20:
            steps = np.cumsum(np.bincount(values, minlength=top + 1)).astype(np.float64)
            place = steps[values]
            lowest = steps[int(values.min())]
        else:
            _, inverse, often = np.unique(values, return_inverse=True, return_counts=True)
            steps = np.cumsum(often).astype(np.float64)
            place, lowest = steps[inverse], steps[0]
        scaled = (place - lowest) / max(values.size - lowest, 1.0)
    elif how == "log":
        scaled = np.log(values) / max(math.log(top), 1e-9)
    elif how == "linear":
        scaled = (values - 1) / max(top - 1, 1)
    else:
        raise ValueError(f"how is {how!r}; it can be eq_hist, log or linear")
    image[full] = 1 + np.rint(scaled * 254).astype(np.uint8)
    return image


def extent(values: np.ndarray) -> Extent:
    low, high, n = kernels.finite_extent(values)
    return Extent(float(low), float(high), int(n))


def finite_range(values: np.ndarray, margin: float = 0.03) -> Range | None:
    """(low, high) that shows every finite value with a margin; None when there is none."""
    found = extent(values)
    return padded(found, margin) if found.n else None


def padded(found: Extent, margin: float = 0.03) -> Range:
    """A single value gets room on both sides, so that a range is never empty."""
    room = (found.high - found.low) * margin or abs(found.high) * 0.05 or 0.5
    return found.low - room, found.high + room


class Points:
    """The points of a chart: two arrays of numbers (float32 or float64), row number = place in the array.

    With ``x_log`` or ``y_log`` that axis is logarithmic; ranges stay in data units everywhere, values of 0 and less
    are nowhere. Methods run without the Python lock and may be called from several threads.
    """

    def __init__(self, x: np.ndarray, y: np.ndarray, x_log: bool = False, y_log: bool = False) -> None:
        if x.shape != y.shape or x.ndim != 1:
            raise ValueError(f"x has shape {x.shape}, y {y.shape}")
        self.x_log, self.y_log = x_log, y_log
        self._x, self._y = _axis(x, x_log), _axis(y, y_log)
        # Built aside: the first picture does not wait for it.
        self._index = _builder.submit(CellIndex, self._x, self._y) if x.size >= INDEX_FROM else None

    def __len__(self) -> int:
        return self._x.size

    @property
    def _cells(self) -> CellIndex | None:
        return self._index.result() if self._index is not None and self._index.done() else None

    def wait(self) -> None:
        """Until the cell index stands, if there is to be one."""
        if self._index is not None:
            self._index.result()

    def ranges(self) -> tuple[Range, Range] | None:
        """Ranges that show every point that can be drawn; None when an axis has no finite value."""
        x, y = extent(self._x), extent(self._y)
        if not x.n or not y.n:
            return None
        return _back(padded(x), self.x_log), _back(padded(y), self.y_log)

    def density(self, x_range: Range, y_range: Range, width: int, height: int) -> np.ndarray:
        """Like the function ``density``, with pixels of equal size on the screen whatever the scale."""
        box = self._box(x_range, y_range)
        if (cells := self._cells) is not None and 2 * cells.held(*box) < len(self):
            return cells.density(*box, clipped(width), clipped(height))
        return density(self._x, self._y, *box, width, height)

    def density_of(self, rows: np.ndarray, x_range: Range, y_range: Range, width: int, height: int) -> np.ndarray:
        """The density of some rows alone, for example the selected ones."""
        return density(self._x[rows], self._y[rows], *self._box(x_range, y_range), width, height)

    def points_in(self, x_range: Range, y_range: Range, limit: int = MANY_POINTS) -> np.ndarray | None:
        """Row numbers (uint32, ascending) of the points in view; None when there are more than ``limit``."""
        box = self._box(x_range, y_range)
        if (cells := self._cells) is not None:
            return cells.points_in(*box, limit)
        out = np.empty(limit, np.uint32)
        n = kernels.rows_in_box(self._x, self._y, *box[0], *box[1], 0, out)
        return out[:n].copy() if n <= limit else None

    def nearest(
        self, x: float, y: float, x_range: Range, y_range: Range, width: int, height: int, radius: float = 12.0
    ) -> int:
        """The row drawn nearest to (x, y), within ``radius`` pixels of the view; -1 when there is none."""
        (x0, x1), (y0, y1) = self._box(x_range, y_range)
        place = _box((x, x), self.x_log)[0], _box((y, y), self.y_log)[0]
        sx, sy = clipped(width) / (x1 - x0), clipped(height) / (y1 - y0)
        if not all(map(math.isfinite, (*place, sx, sy))):
            return -1
        if (cells := self._cells) is not None:
            return cells.nearest(*place, sx, sy, radius)
        return int(kernels.nearest_to(self._x, self._y, *place, sx, sy, radius * radius)[0])

    def rows_in_box(self, x_range: Range, y_range: Range) -> np.ndarray:
        """Row numbers (uint32) of all points in the box, however many."""
        (x0, x1), (y0, y1) = self._box(x_range, y_range)
        inside = (self._x >= x0) & (self._x <= x1) & (self._y >= y0) & (self._y <= y1)
        return np.flatnonzero(inside).astype(np.uint32)

    def rows_in_polygon(self, xs: np.ndarray, ys: np.ndarray) -> np.ndarray:
        """Row numbers (uint32) inside the polygon; straight edges are straight on the screen, also on log axes."""
        xs, ys = np.asarray(xs, np.float64), np.asarray(ys, np.float64)
        if xs.size < 3 or xs.size != ys.size:
            return np.empty(0, np.uint32)
        inside = np.zeros(self._x.size, np.bool_)
        kernels.mark_in_polygon(self._x, self._y, _axis(xs, self.x_log), _axis(ys, self.y_log), inside)
        return np.flatnonzero(inside).astype(np.uint32)

    def _box(self, x_range: Range, y_range: Range) -> tuple[Range, Range]:
        return _box(x_range, self.x_log), _box(y_range, self.y_log)


def warm() -> None:
    """Compile (or load from disk) the loops for both kinds of numbers, so that the first chart does not wait."""
    for kind in (np.float32, np.float64):
        points = Points(np.zeros(1, kind), np.zeros(1, kind))
        box = (-1.0, 1.0), (-1.0, 1.0)
        points.ranges()
        points.density(*box, 1, 1)
        points.points_in(*box)
        points.nearest(0.0, 0.0, *box, 1, 1)
        points.rows_in_polygon([0.0, 1.0, 1.0], [0.0, 0.0, 1.0])


def _axis(values: np.ndarray, log: bool) -> np.ndarray:
    if not log:
        return np.ascontiguousarray(values)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(values > 0, np.log10(values), np.nan).astype(values.dtype)


def _box(ends: Range, log: bool) -> Range:
    """A range as low and high on the linear axis the points lie on."""
    low, high = min(ends), max(ends)
    if log:
        low, high = (math.log10(end) if end > 0 else math.nan for end in (low, high))
    return low, high


def _back(ends: Range, log: bool) -> Range:
    return (10.0 ** ends[0], 10.0 ** ends[1]) if log else ends
