"""Geometry conditions as DuckDB SQL: pixel ranges, a box and exact arithmetic, without any function of our own."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlglot import exp

from portal.adql import outline
from portal.adql.cover import cone_ranges, cover
from portal.adql.meeting import meets, quick
from portal.adql.nearness import DISTANCES, PREDICATES, Test, asked
from portal.adql.pixels import Pixels
from portal.adql.place import error_at
from portal.adql.shapes import Box, Circle, Number, Outline, Point, Polygon, Shape, ShapeReader
from portal.adql.words import number, quote

if TYPE_CHECKING:
    from portal.adql.bind import Binding

HALF = f"{math.pi / 360!r}e0"  # half a degree in radians
DEGREE = f"{math.pi / 180!r}e0"
SLACK = 1.005  # of a row's extent, in case it was rounded


@dataclass(frozen=True)
class Near:
    """Two points closer than a radius: what cones, positional joins and ``DISTANCE(...) < r`` all come to."""

    one: Point
    other: Point
    radius: Number
    strict: bool = False


class Geometry:
    """Writes the geometry of one bound query. ``write`` makes SQL of any other expression."""

    def __init__(self, binding: Binding, write: Callable[[exp.Expr], str]) -> None:
        self.binding, self.write = binding, write
        self.shapes = ShapeReader(binding.text, self._kind_of)
        self.pixels = Pixels(binding, write)
        self.join_keys: dict[int, str] = {}  # extra condition of a call, by its identity: see match.py
        self.index = False  # whether pixels may be named: only where rows are chosen, in WHERE and ON

    def near(self, node: exp.Expr) -> Near | None:
        """The nearness a condition asks for, or None when it asks for something else."""
        test = asked(node)
        return None if test is None else self._nearness(test)

    def condition(self, node: exp.Expr) -> str | None:
        """SQL of a condition that holds geometry, or None when there is none in it."""
        test = asked(node)
        if test is None:
            return None
        if test.call.name.upper() in DISTANCES:
            near = self._near(self._nearness(test), test.call)
            if test.low is None:
                return near
            return f"({near} AND {self.value(test.call)} >= {self.pixels.sql(test.low)})"
        inside = self.predicate(test.call, test.wanted)
        return inside if test.wanted else f"(NOT {inside})"

    def wants_inside(self, node: exp.Expr) -> bool:
        """Whether a condition asks for what lies in a region."""
        test = asked(node)
        return test is not None and test.wanted and test.call.name.upper() not in DISTANCES

    def bounds(self, node: exp.Expr) -> tuple[tuple, list[tuple[int, int]]] | None:
        """The (source, pixel column) and the ranges that a condition confines it to, if it does."""
        near = self.near(node)
        if near is not None and isinstance(near.radius, float) and near.one.constant != near.other.constant:
            point, centre = (near.other, near.one) if near.one.constant else (near.one, near.other)
            place = self.pixels.place_of(point)
            return (place, cone_ranges(centre.ra, centre.dec, near.radius)) if place and near.radius < 180 else None
        test = asked(node)
        if near is not None or test is None or not test.wanted:
            return None
        one, other = self._in_region(test.call)
        if isinstance(one, Point) and isinstance(other, Polygon) and other.constant:
            place = self.pixels.place_of(one)
            return (place, cover(*other.centre, other.overlap)) if place else None
        discs = [_disc(one), _disc(other)]
        if None in discs or discs[0][0].constant == discs[1][0].constant:
            return None
        (moving, near_), (fixed, far) = sorted(discs, key=lambda disc: disc[0].constant)
        place = self.pixels.place_of(moving)
        if place is None or not isinstance(near_, float) or not isinstance(far, float) or near_ + far >= 180:
            return None
        return place, cone_ranges(fixed.ra, fixed.dec, near_ + far)

    def _in_region(self, call: exp.Anonymous) -> tuple[Shape | None, Shape | None]:
        """A point and the region it shall be in, in any order INTERSECTS allows."""
        name, items = call.name.upper(), call.expressions
        if name == "SCISQL_S2PTINCPOLY":
            return self.shapes.point(items[:2], call), self._corners(call)
        if name not in ("CONTAINS", "INTERSECTS"):
            return None, None
        one, other = (self.shapes.shape(item) for item in items)
        if name == "INTERSECTS" and isinstance(other, Point):
            one, other = other, one
        return one, other

    def _corners(self, call: exp.Anonymous) -> Polygon:
        items = call.expressions[2:]
        if len(items) == 1:
            shape = self.shapes.shape(items[0])
            if not isinstance(shape, Polygon):
                raise error_at(self.binding.text, items[0], "A polygon is needed here.")
            return shape
        return self.shapes.polygon(items, call)

    def _nearness(self, test: Test) -> Near | None:
        call, name = test.call, test.call.name.upper()
        if name in DISTANCES:
            one, other = self._distance_points(call)
            return Near(one, other, test.limit, test.strict)
        if not test.wanted:
            return None
        if name == "SCISQL_S2PTINCIRCLE":
            one, other = (self.shapes.point(call.expressions[at : at + 2], call) for at in (0, 2))
            return Near(one, other, self.shapes.radius(call.expressions[4]))
        inner, outer = self._in_region(call)
        if isinstance(inner, Point) and isinstance(outer, Circle):
            return Near(inner, outer.centre, outer.radius)
        circles = isinstance(inner, Circle) and isinstance(outer, Circle)
        if circles and name == "INTERSECTS" and isinstance(inner.radius, float) and isinstance(outer.radius, float):
            return Near(inner.centre, outer.centre, inner.radius + outer.radius)
        return None

    def value(self, node: exp.Anonymous) -> str:
        """SQL of a geometry call that stands where a value does."""
        name = node.name.upper()
        if name in PREDICATES:
            return f"(CASE WHEN {self.predicate(node, False)} THEN 1 ELSE 0 END)"
        if name in DISTANCES:
            one, other = self._distance_points(node)
            return self._angle(one, other)
        if name in ("COORD1", "COORD2"):
            shape = self.shapes.shape(node.expressions[0])
            if not isinstance(shape, Point):
                raise error_at(self.binding.text, node, f"{name} needs a point.", "", ("POINT",))
            return f"({self._sql(shape.ra if name == 'COORD1' else shape.dec)})"
        if name == "COORDSYS":
            self.shapes.shape(node.expressions[0])
            return "'ICRS'"
        if name == "AREA":
            return self._area(node)
        shape = self.shapes.shape(node)
        if name == "CENTROID" and not (isinstance(shape, Point) and isinstance(shape.ra, (float, exp.Expr))):
            return outline.centroid(self._list(self.shapes.shape(node.expressions[0])))
        return self._list(shape)

    def predicate(self, node: exp.Anonymous, index: bool) -> str:
        """SQL that is true inside. ``index`` adds the pixel ranges, which only help when the answer must be yes."""
        name = node.name.upper()
        items = node.expressions
        index = index and self.index
        if name == "SCISQL_S2PTINCIRCLE":
            one, other = (self.shapes.point(items[at : at + 2], node) for at in (0, 2))
            return self._near(Near(one, other, self.shapes.radius(items[4])), node, index)
        if name == "SCISQL_S2PTINCPOLY":
            return self._in_polygon(self.shapes.point(items[:2], node), self._corners(node), index)
        if name == "SCISQL_S2PTINBOX":
            ra, dec, low_ra, low_dec, high_ra, high_dec = (f"({self.write(item)})" for item in items)
            width = f"((({high_ra} - {low_ra}) % 360 + 360) % 360)"
            return f"({dec} BETWEEN {low_dec} AND {high_dec} AND (({ra} - {low_ra}) % 360 + 360) % 360 <= {width})"
        if name == "SCISQL_S2PTINELLIPSE":
            return self._in_ellipse(node)
        one, other = (self.shapes.shape(item) for item in items)
        if name == "CONTAINS":
            return self._contains(one, other, node, index)
        return self._intersects(one, other, node, index)

    def _distance_points(self, node: exp.Anonymous) -> tuple[Point, Point]:
        items = node.expressions
        if len(items) == 4:
            return self.shapes.point(items[:2], node), self.shapes.point(items[2:], node)
        points = [self.shapes.shape(item) for item in items]
        if len(points) != 2 or not all(isinstance(point, Point) for point in points):
            raise error_at(self.binding.text, node, "DISTANCE is between two points.", "", ("POINT",))
        return points[0], points[1]

    def _contains(self, one: Shape, other: Shape, node: exp.Anonymous, index: bool) -> str:
        if isinstance(one, Point) and isinstance(other, Circle):
            return self._near(Near(one, other.centre, other.radius), node, index)
        if isinstance(one, Point) and isinstance(other, Polygon):
            return self._in_polygon(one, other, index)
        if isinstance(one, Point) and isinstance(other, (Outline, Box)):
            inside = outline.touches(self._list(other), self._sql(one.ra), self._sql(one.dec))
            return f"({self._apart(one, other, index)}{inside})"
        if isinstance(one, Point) or isinstance(other, Point):
            raise error_at(
                self.binding.text, node, "CONTAINS needs a point or a region, and the region it shall be in.",
                "It is written CONTAINS(POINT(ra, dec), CIRCLE(ra0, dec0, radius)) = 1.", ("POINT",),
            )  # fmt: skip
        # Whatever lies in a region touches it, which is the quicker question.
        return f"({self._apart(one, other, index)}{outline.contains(self._list(one), self._list(other))})"

    def _intersects(self, one: Shape, other: Shape, node: exp.Anonymous, index: bool) -> str:
        if isinstance(one, Point) or isinstance(other, Point):
            point, region = (one, other) if isinstance(one, Point) else (other, one)
            return self._contains(point, region, node, index)
        if isinstance(one, Circle) and isinstance(other, Circle):
            if isinstance(one.radius, float) and isinstance(other.radius, float):
                return self._near(Near(one.centre, other.centre, one.radius + other.radius), node, index)
            limit = f"(({self._sql(one.radius)}) + ({self._sql(other.radius)}))"
            return f"({self._angle(one.centre, other.centre)} <= {limit})"
        for circle, region in ((one, other), (other, one)):
            if isinstance(circle, Circle):
                where = (self._sql(circle.centre.ra), self._sql(circle.centre.dec), self._sql(circle.radius))
                touching = outline.touches(self._list(region), *where)
                return f"({self._apart(one, other, index)}{touching})"
        for polygon, region in ((one, other), (other, one)):
            if isinstance(polygon, Polygon) and isinstance(region, Outline) and quick(polygon):
                return f"({self._apart(one, other, index)}{meets(self._list(region), polygon.corners)})"
        return f"({self._apart(one, other, index)}{outline.intersects(self._list(one), self._list(other))})"

    def _apart(self, one: Shape, other: Shape, index: bool) -> str:
        """Quick tests, ending in AND, that two regions must pass to touch; "" when none is known."""
        if not index:
            return ""
        discs = [_disc(one), _disc(other)]
        text = ""
        for region, disc in ((one, discs[1]), (other, discs[0])):
            if isinstance(region, Outline) and disc is not None:
                text += self._close(region, *disc)
        if None not in discs and discs[0][0].constant != discs[1][0].constant:
            (moving, near), (fixed, far) = sorted(discs, key=lambda disc: disc[0].constant)
            if isinstance(near, float) and isinstance(far, float):
                text += self.pixels.cone(moving, fixed, near + far)
        return text

    def _close(self, region: Outline, place: Point, radius: Number) -> str:
        """Whether the circle about an outline touches a disc, ending in AND, if the table tells how wide outlines are.

        It saves reading the corners out of a text, which is fifty times the work.
        """
        bound = self.binding.columns.get(id(region.column))
        table = bound.source.table if bound is not None else None
        if table is None or table.extent is None or table.position is None:
            return ""
        for name in (*table.position, table.extent):
            self.binding.use(bound.source, name)
        alias = quote(bound.source.alias)
        ra, dec, extent = (f"{alias}.{quote(name)}" for name in (*table.position, table.extent))
        a, d = (f"({self._sql(item)})" for item in (place.ra, place.dec))
        apart = (
            f"pow(sin(({dec} - {d}) * {HALF}), 2) + "
            f"cos({dec} * {DEGREE}) * cos({d} * {DEGREE}) * pow(sin(({ra} - {a}) * {HALF}), 2)"
        )
        reach = f"least(180e0, {extent} * {SLACK / 2!r}e0 + ({self._sql(radius)}))"
        return f"coalesce({apart} <= pow(sin({reach} * {HALF}), 2), TRUE) AND "

    def _near(self, near: Near, node: exp.Expr, index: bool = True) -> str:
        """Haversine against a limit, with what narrows the search before it."""
        first = self.join_keys.get(id(node), "") if self.index else ""
        one, other = near.one, near.other
        if one.constant and not other.constant:
            one, other = other, one
        sign = "<" if near.strict else "<="
        formula = self._haversine(one, other)
        if not isinstance(near.radius, float):
            limit = f"pow(sin(least(180e0, greatest(0e0, {self._sql(near.radius)})) * {HALF}), 2)"
            return f"({first}{formula} {sign} {limit} AND ({self._sql(near.radius)}) >= 0)"
        if index and self.index and other.constant and not one.constant:
            first += self.pixels.cone(one, other, near.radius)
        limit = math.sin(math.radians(min(near.radius, 180)) / 2) ** 2
        return f"({first}{formula} {sign} {number(limit)})"

    def _in_polygon(self, point: Point, polygon: Polygon, index: bool) -> str:
        if not polygon.constant:
            return outline.inside_list(self._list(polygon), self._sql(point.ra), self._sql(point.dec))
        ra, dec = (f"({self._sql(item)}) * {DEGREE}" for item in (point.ra, point.dec))
        parts = []
        for sign, normals in polygon.parts:
            sides = " AND ".join(
                f"cos({dec}) * ({number(x)} * cos({ra}) + {number(y)} * sin({ra})) + {number(z)} * sin({dec}) >= 0"
                for x, y, z in normals.tolist()
            )
            parts.append((sign, f"({sides})"))
        if len(parts) == 1:
            exact = parts[0][1]
        else:
            terms = " + ".join(f"(CASE WHEN {sql} THEN {sign} ELSE 0 END)" for sign, sql in parts)
            exact = f"({terms}) <> 0"
        middle_ra, middle_dec, radius = polygon.centre
        first = ""
        place = self.pixels.place_of(point) if index else None
        if place is not None:
            ranges = cover(middle_ra, middle_dec, radius, polygon.overlap)
            first = self.pixels.ranges(place, ranges) + self.pixels.box(point, middle_ra, middle_dec, radius)
        # The circle keeps out the other side of the sphere, where every sign is turned.
        around = self._near(Near(point, Point(middle_ra, middle_dec), radius + 1e-9), point.ra, False) \
            if not point.constant else "TRUE"  # fmt: skip
        return f"({first}{around} AND {exact})"

    def _in_ellipse(self, node: exp.Anonymous) -> str:
        """Distance and position angle from the centre, then the ellipse in that tangent plane."""
        items = [self.write(item) for item in node.expressions]
        point, centre = (self.shapes.point(node.expressions[at : at + 2], node) for at in (0, 2))
        apart = f"(3600 * {self._angle(point, centre)})"
        ra, dec, ra0, dec0 = (f"(({item}) * {DEGREE})" for item in items[:4])
        angle = (
            f"atan2(sin({ra} - {ra0}) * cos({dec}), "
            f"cos({dec0}) * sin({dec}) - sin({dec0}) * cos({dec}) * cos({ra} - {ra0}))"
        )
        turned = f"({angle} - ({items[6]}) * {DEGREE})"
        along, across = (f"pow({apart} * {f}({turned}) / nullif({size}, 0), 2)" for f, size in
                         (("cos", items[4]), ("sin", items[5])))  # fmt: skip
        return f"({along} + {across} <= 1)"

    def _area(self, node: exp.Anonymous) -> str:
        shape = self.shapes.shape(node.expressions[0])
        if isinstance(shape, Circle):
            return f"({4 * math.pi * math.degrees(1) ** 2!r}e0 * pow(sin(({self._sql(shape.radius)}) * {HALF}), 2))"
        if isinstance(shape, Polygon) and shape.constant:
            return number(shape.area)
        return "0e0" if isinstance(shape, Point) else outline.area(self._list(shape))

    def _list(self, shape: Shape) -> str:
        """The DALI array of a shape."""
        if isinstance(shape, Outline):
            column = self.write(shape.column)
            return outline.numbers_in(column) if shape.text else column
        if isinstance(shape, Box):
            sides = (self._sql(item) for item in (shape.centre.ra, shape.centre.dec, shape.width, shape.height))
            return outline.box(*sides)
        if isinstance(shape, Point):
            values = [shape.ra, shape.dec]
        elif isinstance(shape, Circle):
            values = [shape.centre.ra, shape.centre.dec, shape.radius]
        else:
            values = [value for point in shape.points for value in (point.ra, point.dec)]
        return f"CAST([{', '.join(self._sql(value) for value in values)}] AS DOUBLE[])"

    def _angle(self, one: Point, other: Point) -> str:
        """Degrees between two points; NULL where one is. (``least(1, NULL)`` would be 1, and the angle 180.)"""
        square = self._haversine(one, other)
        return f"(2 * degrees(atan2(sqrt({square}), sqrt(abs(1e0 - ({square}))))))"

    def _haversine(self, one: Point, other: Point) -> str:
        """The square of the sine of half the angle between two points."""
        a1, d1, a2, d2 = (f"({self._sql(item)})" for item in (one.ra, one.dec, other.ra, other.dec))
        cosines = " * ".join(
            number(math.cos(math.radians(item))) if isinstance(item, float) else f"cos({text} * {DEGREE})"
            for item, text in ((one.dec, d1), (other.dec, d2))
        )
        return f"pow(sin(({d1} - {d2}) * {HALF}), 2) + {cosines} * pow(sin(({a1} - {a2}) * {HALF}), 2)"

    def _kind_of(self, node: exp.Column) -> str:
        """What outlines a column holds: "text" of STC-S or DALI, lists of a "point", "circle" or "polygon", or none."""
        bound = self.binding.columns.get(id(node))
        if bound is None:
            return ""
        column, table = bound.column, bound.source.table
        if column.datatype == "double" and column.xtype in ("point", "circle", "polygon"):
            return column.xtype
        if table is not None:
            return "text" if table.is_region(column) else ""
        return "text" if column.name.lower() == "s_region" or "region" in column.xtype.lower() else ""

    def _sql(self, value: Number) -> str:
        return self.pixels.sql(value)


def _disc(shape: Shape | None) -> tuple[Point, Number] | None:
    """A circle about all of a shape: its centre and radius; None where it is not known before the rows are read."""
    if isinstance(shape, Point):
        return shape, 0.0
    if isinstance(shape, Circle):
        return shape.centre, shape.radius
    if isinstance(shape, Polygon) and shape.constant:
        ra, dec, radius = shape.centre
        return (Point(ra, dec), radius) if radius < 90 else None
    if isinstance(shape, Box) and isinstance(shape.width, float) and isinstance(shape.height, float):
        sides = [math.tan(math.radians(min(side, 179.0) / 2)) for side in (shape.width, shape.height)]
        return shape.centre, math.degrees(math.atan(math.hypot(*sides))) + 1e-9
    return None
