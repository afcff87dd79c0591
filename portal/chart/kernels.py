"""Compiled loops over millions of points. They hold no Python lock, so other pages go on while one runs.

All work on linear axes (the caller takes logarithms first) and treat a point with a NaN as being nowhere.
"""

from __future__ import annotations

import numpy as np
from numba import njit

BLOCK = 2048  # points at a time: their places stay in the first-level cache


@njit(nogil=True, cache=True)
def count(x, y, x0, y0, sx, sy, counts):
    """Add points to ``counts`` (uint32, height x width, row 0 at the bottom); ``sx``, ``sy`` are pixels per unit.

    Both ends of each axis are inside. No branch depends on the data: places are computed for all points, those
    outside are then written over, so that a zoomed view costs no more than a full one (mispredicted branches: 4x).
    """
    height, width = counts.shape
    flat = counts.reshape(-1)
    right, top = np.float64(width), np.float64(height)
    last_column, last_row = right - 1.0, top - 1.0
    stride = np.int32(width)
    places = np.empty(BLOCK + 1, np.int32)
    hits = np.empty(BLOCK, np.int32)
    for start in range(0, x.size, BLOCK):
        size = min(BLOCK, x.size - start)
        for i in range(size):
            u = (np.float64(x[start + i]) - x0) * sx
            v = (np.float64(y[start + i]) - y0) * sy
            inside = (u >= 0.0) & (u <= right) & (v >= 0.0) & (v <= top)
            u = u if inside else 0.0
            v = v if inside else 0.0
            u = u if u < last_column else last_column
            v = v if v < last_row else last_row
            places[i] = np.int32(v) * stride + np.int32(u)
            hits[i] = inside
        kept = 0
        for i in range(size):
            places[kept] = places[i]
            kept += hits[i]
        for i in range(kept):
            flat[places[i]] += np.uint32(1)


@njit(nogil=True, cache=True)
def rows_in_box(x, y, x0, x1, y0, y1, first, out):
    """Row numbers (``first`` + place) inside the box into ``out``; returns how many there are, at most out.size + 1."""
    n = 0
    for i in range(x.size):
        if (x[i] >= x0) & (x[i] <= x1) & (y[i] >= y0) & (y[i] <= y1):
            if n == out.size:
                return n + 1
            out[n] = first + i
            n += 1
    return n


@njit(nogil=True, cache=True)
def nearest_to(x, y, px, py, sx, sy, best):
    """(place, squared distance in pixels) of the point nearest to (px, py) and nearer than ``best``; place -1: none."""
    found = -1
    for i in range(x.size):
        du = (np.float64(x[i]) - px) * sx
        dv = (np.float64(y[i]) - py) * sy
        distance = du * du + dv * dv
        if distance < best:
            best = distance
            found = i
    return found, best


@njit(nogil=True, cache=True)
def mark_in_polygon(x, y, xs, ys, inside):
    """Set ``inside`` for points within the polygon (even-odd rule); its corners are (xs, ys)."""
    left, right, low, high = xs.min(), xs.max(), ys.min(), ys.max()
    corners = xs.size
    for i in range(x.size):
        px = np.float64(x[i])
        py = np.float64(y[i])
        if not ((px >= left) & (px <= right) & (py >= low) & (py <= high)):
            continue
        odd = False
        k = corners - 1
        for j in range(corners):
            if (ys[j] > py) != (ys[k] > py) and px < (xs[k] - xs[j]) * (py - ys[j]) / (ys[k] - ys[j]) + xs[j]:
                odd = not odd
            k = j
        inside[i] = odd


@njit(nogil=True, cache=True)
def finite_extent(values):
    """(smallest, largest, how many) of the finite values; the first two are NaN when there are none."""
    low, high, n = np.inf, -np.inf, 0
    for i in range(values.size):
        value = np.float64(values[i])
        if np.isfinite(value):
            n += 1
            low = min(low, value)
            high = max(high, value)
    if n == 0:
        return np.nan, np.nan, 0
    return low, high, n


@njit(nogil=True, cache=True)
def cells_of(x, y, x_edges, y_edges, cells):
    """The cell of each point in a grid with these inner edges; NaN goes to the one past the last."""
    columns = x_edges.size + 1
    last = columns * (y_edges.size + 1)
    for i in range(x.size):
        if np.isnan(x[i]) or np.isnan(y[i]):
            cells[i] = last
        else:
            cells[i] = np.searchsorted(y_edges, y[i], side="right") * columns + np.searchsorted(
                x_edges, x[i], side="right"
            )


@njit(nogil=True, cache=True)
def sorted_by_cell(cells, starts, x, y, order, xs, ys):
    """Counting sort: rows, x and y ordered by cell, and where each cell starts (starts has one place too many)."""
    for i in range(cells.size):
        starts[cells[i] + 1] += 1
    for c in range(1, starts.size):
        starts[c] += starts[c - 1]
    place = starts[:-1].copy()
    for i in range(cells.size):
        at = place[cells[i]]
        place[cells[i]] = at + 1
        order[at] = i
        xs[at] = x[i]
        ys[at] = y[i]
