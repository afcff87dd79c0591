"""Positions as ranges of pixels: what keeps the engine from reading rows that cannot be in an answer."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

from sqlglot import exp

from portal.adql.cover import cone_ranges
from portal.adql.places import want
from portal.adql.scope import Source
from portal.adql.shapes import Number, Part, Point
from portal.adql.words import number, quote

if TYPE_CHECKING:
    from portal.adql.bind import Binding

Place = tuple[Source, str]  # a source and its pixel column


class Pixels:
    """Writes pixel ranges and boxes of one bound query. ``write`` makes SQL of any other expression."""

    def __init__(self, binding: Binding, write: Callable[[exp.Expr], str]) -> None:
        self.binding, self.write = binding, write

    def place_of(self, point: Point) -> Place | None:
        """The source whose own position a point is, with its pixel column, if it has one."""
        ra, dec = point.ra, point.dec
        if isinstance(ra, Part) and isinstance(dec, Part) and ra.node is dec.node:
            ra = dec = ra.node
        if not isinstance(ra, exp.Column) or not isinstance(dec, exp.Column):
            return None
        one, other = (self.binding.columns.get(id(item)) for item in (ra, dec))
        if one is None or other is None or one.source is not other.source or not (one.whole and other.whole):
            return None
        pixel = one.source.places.get((one.column.name.lower(), other.column.name.lower()))
        return (one.source, pixel) if pixel else None

    def cone(self, point: Point, centre: Point, radius: float) -> str:
        """Pixel ranges and box of a circle about constants, ending in AND; "" when there is no pixel column."""
        place = self.place_of(point)
        if place is None or radius >= 180:
            return ""
        ranges = cone_ranges(centre.ra, centre.dec, radius)
        return self.ranges(place, ranges) + self.box(point, centre.ra, centre.dec, radius)

    def ranges(self, place: Place, ranges: list[tuple[int, int]]) -> str:
        """A condition on the pixel, ending in AND. ``ranges`` are in order."""
        source, name = place
        want(self.binding, source, name)
        pixel = f"{quote(source.alias)}.{quote(name)}"
        if not ranges:
            return "FALSE AND "
        tests = " OR ".join(f"{pixel} BETWEEN {first} AND {last}" for first, last in ranges)
        if len(ranges) == 1:
            return f"{tests} AND "
        # The outer limits are what DuckDB compares with the row groups' minima and maxima.
        return f"{pixel} BETWEEN {ranges[0][0]} AND {ranges[-1][1]} AND ({tests}) AND "

    def box(self, point: Point, ra: float, dec: float, radius: float) -> str:
        """Limits of declination and right ascension about a circle, ending in AND."""
        reach = radius * (1 + 1e-12) + 1e-9
        low, high = dec - reach, dec + reach
        text = f"{self.sql(point.dec)} BETWEEN {number(low)} AND {number(high)} AND "
        if low <= -90 or high >= 90:
            return text
        width = math.degrees(math.asin(min(1.0, math.sin(math.radians(reach)) / math.cos(math.radians(dec))))) + 1e-9
        first, last = ra - width, ra + width
        column = self.sql(point.ra)
        if first < 0 or last >= 360:
            return f"{text}({column} >= {number(first % 360)} OR {column} <= {number(last % 360)}) AND "
        return f"{text}{column} BETWEEN {number(first)} AND {number(last)} AND "

    def sql(self, value: Number) -> str:
        """A constant, or what the query writes."""
        if isinstance(value, Part):
            return f"({self.write(value.node)})[{value.index}]"
        return number(value) if isinstance(value, float) else self.write(value)
