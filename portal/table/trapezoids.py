"""A region drawn by hand as strips between two straight edges, for languages that can only compare.

The even-odd rule, as ``portal.table.selection`` has it: a lasso that crosses itself leaves holes.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

Point = tuple[float, float]


class Edge(NamedTuple):
    """A line through (x, y) with dx/dy = ``slope``, from the lower ``low`` to ``high`` in y."""

    x: float
    y: float
    slope: float
    low: float
    high: float

    def at(self, y: float) -> float:
        return self.x + (y - self.y) * self.slope


class Trapezoid(NamedTuple):
    """low <= y < high, left(y) <= x < right(y)."""

    low: float
    high: float
    left: Edge
    right: Edge


def trapezoids(points: Sequence[Point]) -> list[Trapezoid]:
    """The inside of a closed line through the points; strips of the same two edges are joined."""
    edges = [
        Edge(x0, y0, (x1 - x0) / (y1 - y0), min(y0, y1), max(y0, y1))
        for (x0, y0), (x1, y1) in zip(points, [*points[1:], points[0]])
        if y0 != y1
    ]
    levels = sorted({edge.low for edge in edges} | {edge.high for edge in edges} | set(_crossings(edges)))
    strips: list[Trapezoid] = []
    open_at: dict[tuple[Edge, Edge], int] = {}
    for low, high in pairwise(levels):
        middle = low + (high - low) / 2
        across = sorted((edge for edge in edges if edge.low <= low and high <= edge.high), key=lambda e: e.at(middle))
        now: dict[tuple[Edge, Edge], int] = {}
        for left, right in zip(across[::2], across[1::2]):
            place = open_at.get((left, right))
            if place is None:
                strips.append(Trapezoid(low, high, left, right))
                place = len(strips) - 1
            else:
                strips[place] = strips[place]._replace(high=high)
            now[left, right] = place
        open_at = now
    return strips


def _crossings(edges: Sequence[Edge]) -> list[float]:
    """Where two edges meet within both."""
    found = []
    for n, one in enumerate(edges):
        for other in edges[n + 1 :]:
            low, high = max(one.low, other.low), min(one.high, other.high)
            if low >= high or one.slope == other.slope:
                continue
            before, after = one.at(low) - other.at(low), one.at(high) - other.at(high)
            if before * after < 0:
                found.append(low + (high - low) * before / (before - after))
    return found
