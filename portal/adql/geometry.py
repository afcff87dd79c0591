"""Geometry conditions as DuckDB SQL: pixel ranges, a box and exact arithmetic, without any function of our own."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlglot import exp

from portal.adql.cover import cone_ranges, cover
from portal.adql.outline import inside_list, intersects_list, outline_list, outline_overlap, overlap_list
from portal.adql.place import error_at
from portal.adql.shapes import Circle, Number, Outline, Point, Polygon, Shape, ShapeReader, constant

if TYPE_CHECKING:
    from portal.adql.bind import Binding, Source

HALF = f"{math.pi / 360!r}e0"  # half a degree in radians
DEGREE = f"{math.pi / 180!r}e0"
SLACK = 1.005  # of a row's extent, in case it was rounded
PREDICATES = ("CONTAINS", "INTERSECTS", "SCISQL_S2PTINCIRCLE", "SCISQL_S2PTINCPOLY", "SCISQL_S2PTINBOX",
              "SCISQL_S2PTINELLIPSE")  # fmt: skip
DISTANCES = ("DISTANCE", "SCISQL_ANGSEP")


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
        self.shapes = ShapeReader(binding.text, self._is_region)
        self.join_keys: dict[int, str] = {}  # extra condition of a call, by its identity: see match.py

    def near(self, node: exp.Expr) -> Near | None:
        """The nearness a condition asks for, or None when it asks for something else."""
        test = self._test(node)
        if test is None:
            return None
        call, wanted, limit, strict = test
        name = call.name.upper()
        if name in DISTANCES:
            one, other = self._distance_points(call)
            return Near(one, other, limit, strict)
        if not wanted:
            return None
        if name == "SCISQL_S2PTINCIRCLE":
            one, other = (self.shapes.point(call.expressions[at : at + 2], call) for at in (0, 2))
            return Near(one, other, self.shapes.radius(call.expressions[4]))
        if name == "CONTAINS":
            inner, outer = (self.shapes.shape(item) for item in call.expressions)
            if isinstance(inner, Point) and isinstance(outer, Circle):
                return Near(inner, outer.centre, outer.radius)
        return None

    def condition(self, node: exp.Expr) -> str | None:
        """SQL of a comparison that holds geometry, or None when there is none in it."""
        test = self._test(node)
        if test is None:
            return None
        call, wanted, limit, strict = test
        if call.name.upper() in DISTANCES:
            one, other = self._distance_points(call)
            return self._near(Near(one, other, limit, strict), call)
        inside = self.predicate(call, wanted)
        return inside if wanted else f"NOT {inside}"

    def wants_inside(self, node: exp.Expr) -> bool:
        """Whether a condition asks for what lies in a region."""
        test = self._test(node)
        return test is not None and test[1] and test[0].name.upper() not in DISTANCES

    def value(self, node: exp.Anonymous) -> str:
        """SQL of a geometry call that stands where a value does."""
        name = node.name.upper()
        if name in PREDICATES:
            return f"(CASE WHEN {self.predicate(node, False)} THEN 1 ELSE 0 END)"
        if name in DISTANCES:
            one, other = self._distance_points(node)
            return f"(2 * degrees(asin(least(1e0, sqrt({self._haversine(one, other)})))))"
        if name in ("COORD1", "COORD2"):
            shape = self.shapes.shape(node.expressions[0])
            if not isinstance(shape, Point):
                raise error_at(self.binding.text, node, f"{name} needs a point.", "", ("POINT",))
            return self._sql(shape.ra if name == "COORD1" else shape.dec)
        if name == "AREA":
            return self._area(node)
        return self._list(self.shapes.shape(node))

    def predicate(self, node: exp.Anonymous, index: bool) -> str:
        """SQL that is true inside. ``index`` adds the pixel ranges, which only help when the answer must be yes."""
        name = node.name.upper()
        items = node.expressions
        if name == "SCISQL_S2PTINCIRCLE":
            one, other = (self.shapes.point(items[at : at + 2], node) for at in (0, 2))
            return self._near(Near(one, other, self.shapes.radius(items[4])), node, index)
        if name == "SCISQL_S2PTINCPOLY":
            return self._in_polygon(self.shapes.point(items[:2], node), self.shapes.polygon(items[2:], node), index)
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

    def cone(self, point: Point, centre: Point, radius: float) -> str:
        """Pixel ranges and box of a circle about constants, ending in AND; "" when the table has no pixel column."""
        source = self.source_of(point)
        if source is None or radius >= 180:
            return ""
        return self._ranges(source, cone_ranges(centre.ra, centre.dec, radius)) + self._box(
            point, centre.ra, centre.dec, radius
        )

    def source_of(self, point: Point) -> Source | None:
        """The table whose own position a point is, if it is sorted by pixel."""
        if not isinstance(point.ra, exp.Column) or not isinstance(point.dec, exp.Column):
            return None
        ra, dec = (self.binding.columns.get(id(item)) for item in (point.ra, point.dec))
        if ra is None or dec is None or ra.source is not dec.source or ra.source.table is None:
            return None
        table = ra.source.table
        return ra.source if table.healpix and table.is_position(ra.column.name, dec.column.name) else None

    def _test(self, node: exp.Expr) -> tuple[exp.Anonymous, bool, Number, bool] | None:
        """(call, whether inside is wanted, limit of a distance, whether equality is out) of a condition."""
        if isinstance(node, exp.Paren):
            return self._test(node.this)
        if isinstance(node, exp.Anonymous):
            return (node, True, 0.0, False) if node.name.upper() in PREDICATES else None
        if not isinstance(node, (exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE)):
            return None
        call, value, kind = node.this, node.expression, type(node)
        if not isinstance(call, exp.Anonymous):
            call, value = value, call
            kind = {exp.LT: exp.GT, exp.GT: exp.LT, exp.LTE: exp.GTE, exp.GTE: exp.LTE}.get(kind, kind)
        if not isinstance(call, exp.Anonymous):
            return None
        if call.name.upper() in DISTANCES and kind in (exp.LT, exp.LTE):
            limit = constant(value)
            return call, True, value if limit is None else max(limit, 0.0), kind is exp.LT or (limit or 0) < 0
        if call.name.upper() not in PREDICATES:
            return None
        wanted = _truth(value)
        if wanted is None or kind not in (exp.EQ, exp.NEQ):
            return None
        return call, wanted == (kind is exp.EQ), 0.0, False

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
        if isinstance(one, Point) and isinstance(other, Outline):
            inside = outline_list(self.write(other.column), self._sql(one.ra), self._sql(one.dec))
            return self._close(other, one, 0.0, index) + inside + ")"
        if isinstance(one, Circle) and isinstance(other, Circle):
            limit = f"(({self._sql(other.radius)}) - ({self._sql(one.radius)}))"
            apart = f"2 * degrees(asin(least(1e0, sqrt({self._haversine(one.centre, other.centre)}))))"
            return f"({apart} <= {limit})"
        raise error_at(
            self.binding.text, node, "CONTAINS needs a point in a region, or a circle in a circle.",
            "It is written CONTAINS(POINT(ra, dec), CIRCLE(ra0, dec0, radius)) = 1.", ("POINT",),
        )  # fmt: skip

    def _intersects(self, one: Shape, other: Shape, node: exp.Anonymous, index: bool) -> str:
        if isinstance(one, Point) or isinstance(other, Point):
            point, region = (one, other) if isinstance(one, Point) else (other, one)
            return self._contains(point, region, node, index)
        if isinstance(one, Circle) and isinstance(other, Circle):
            if isinstance(one.radius, float) and isinstance(other.radius, float):
                return self._near(Near(one.centre, other.centre, one.radius + other.radius), node, index)
            limit = f"(({self._sql(one.radius)}) + ({self._sql(other.radius)}))"
            return f"(2 * degrees(asin(least(1e0, sqrt({self._haversine(one.centre, other.centre)})))) <= {limit})"
        if isinstance(one, Circle) or isinstance(other, Circle):
            circle, region = (one, other) if isinstance(one, Circle) else (other, one)
            where = (self._sql(circle.centre.ra), self._sql(circle.centre.dec), self._sql(circle.radius))
            if isinstance(region, Outline):
                touching = outline_list(self.write(region.column), *where)
                return self._close(region, circle.centre, circle.radius, index) + touching + ")"
            return intersects_list(self._list(region), *where)
        if isinstance(one, Outline) and isinstance(other, Outline):
            hint = "Use a CIRCLE or a POLYGON for one of them."
            raise error_at(self.binding.text, node, "INTERSECTS of two outlines is not known.", hint, ("CIRCLE",))
        if isinstance(one, Polygon) and isinstance(other, Polygon):
            return overlap_list(self._list(one), self._list(other))
        outline, polygon = (one, other) if isinstance(one, Outline) else (other, one)
        meeting = outline_overlap(self.write(outline.column), self._list(polygon))
        if not polygon.constant or polygon.centre[2] >= 90:
            return meeting
        ra, dec, radius = polygon.centre
        return self._close(outline, Point(ra, dec), radius, index) + meeting + ")"

    def _close(self, outline: Outline, place: Point, radius: Number, index: bool) -> str:
        """ "(", and where the table tells how wide its outlines are, a quick test ending in AND.

        It only looks at the circle about each outline: reading the corners out of a text is fifty times the work.
        """
        bound = self.binding.columns.get(id(outline.column))
        table = bound.source.table if bound is not None else None
        if not index or table is None or table.extent is None or table.position is None:
            return "("
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
        return f"(coalesce({apart} <= pow(sin({reach} * {HALF}), 2), TRUE) AND "

    def _near(self, near: Near, node: exp.Expr, index: bool = True) -> str:
        """Haversine against a limit, with what narrows the search before it."""
        first = self.join_keys.get(id(node), "")
        one, other = near.one, near.other
        if one.constant and not other.constant:
            one, other = other, one
        sign = "<" if near.strict else "<="
        formula = self._haversine(one, other)
        if not isinstance(near.radius, float):
            limit = f"pow(sin(least(180e0, greatest(0e0, {self._sql(near.radius)})) * {HALF}), 2)"
            return f"({first}{formula} {sign} {limit} AND ({self._sql(near.radius)}) >= 0)"
        if index and other.constant and not one.constant:
            first += self.cone(one, other, near.radius)
        limit = math.sin(math.radians(min(near.radius, 180)) / 2) ** 2
        return f"({first}{formula} {sign} {number(limit)})"

    def _in_polygon(self, point: Point, polygon: Polygon, index: bool) -> str:
        if not polygon.constant:
            return inside_list(self._list(polygon), self._sql(point.ra), self._sql(point.dec))
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
        source = self.source_of(point) if index else None
        if source is not None:
            ranges = cover(middle_ra, middle_dec, radius, polygon.overlap)
            first = self._ranges(source, ranges) + self._box(point, middle_ra, middle_dec, radius)
        # The circle keeps out the other side of the sphere, where every sign is turned.
        around = self._near(Near(point, Point(middle_ra, middle_dec), radius + 1e-9), point.ra, False) \
            if not point.constant else "TRUE"  # fmt: skip
        return f"({first}{around} AND {exact})"

    def _in_ellipse(self, node: exp.Anonymous) -> str:
        """Distance and position angle from the centre, then the ellipse in that tangent plane."""
        items = [self.write(item) for item in node.expressions]
        point, centre = (self.shapes.point(node.expressions[at : at + 2], node) for at in (0, 2))
        apart = f"(7200 * degrees(asin(least(1e0, sqrt({self._haversine(point, centre)})))))"
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
        raise error_at(self.binding.text, node, "AREA is known for circles and for polygons of constants.")

    def _list(self, shape: Shape) -> str:
        """The DALI array of a shape."""
        if isinstance(shape, Outline):
            return self.write(shape.column)
        if isinstance(shape, Point):
            values = [shape.ra, shape.dec]
        elif isinstance(shape, Circle):
            values = [shape.centre.ra, shape.centre.dec, shape.radius]
        else:
            values = [value for point in shape.points for value in (point.ra, point.dec)]
        return f"CAST([{', '.join(self._sql(value) for value in values)}] AS DOUBLE[])"

    def _haversine(self, one: Point, other: Point) -> str:
        """The square of the sine of half the angle between two points."""
        a1, d1, a2, d2 = (f"({self._sql(item)})" for item in (one.ra, one.dec, other.ra, other.dec))
        cosines = " * ".join(
            number(math.cos(math.radians(item))) if isinstance(item, float) else f"cos({text} * {DEGREE})"
            for item, text in ((one.dec, d1), (other.dec, d2))
        )
        return f"pow(sin(({d1} - {d2}) * {HALF}), 2) + {cosines} * pow(sin(({a1} - {a2}) * {HALF}), 2)"

    def _ranges(self, source: Source, ranges: list[tuple[int, int]]) -> str:
        pixel = f"{quote(source.alias)}.{quote(source.table.healpix)}"
        self.binding.use(source, source.table.healpix)
        if not ranges:
            return "FALSE AND "
        tests = " OR ".join(f"{pixel} BETWEEN {first} AND {last}" for first, last in ranges)
        if len(ranges) == 1:
            return f"{tests} AND "
        # The outer limits are what DuckDB compares with the row groups' minima and maxima.
        return f"{pixel} BETWEEN {ranges[0][0]} AND {ranges[-1][1]} AND ({tests}) AND "

    def _box(self, point: Point, ra: float, dec: float, radius: float) -> str:
        """Limits of declination and right ascension about a circle, ending in AND."""
        reach = radius * (1 + 1e-12) + 1e-9
        low, high = dec - reach, dec + reach
        text = f"{self._sql(point.dec)} BETWEEN {number(low)} AND {number(high)} AND "
        if low <= -90 or high >= 90:
            return text
        width = math.degrees(math.asin(min(1.0, math.sin(math.radians(reach)) / math.cos(math.radians(dec))))) + 1e-9
        first, last = ra - width, ra + width
        column = self._sql(point.ra)
        if first < 0 or last >= 360:
            return f"{text}({column} >= {number(first % 360)} OR {column} <= {number(last % 360)}) AND "
        return f"{text}{column} BETWEEN {number(first)} AND {number(last)} AND "

    def _is_region(self, node: exp.Column) -> bool:
        bound = self.binding.columns.get(id(node))
        if bound is None:
            return False
        if bound.source.table is not None:
            return bound.source.table.is_region(bound.column)
        return bound.column.name.lower() == "s_region" or "region" in bound.column.xtype.lower()

    def _sql(self, value: Number) -> str:
        return number(value) if isinstance(value, float) else self.write(value)


def number(value: float) -> str:
    """A DuckDB literal that is a DOUBLE: without the exponent it would be a DECIMAL."""
    text = repr(float(value))
    return text if "e" in text else f"{text}e0"


def quote(name: str) -> str:
    """A name between double quotes."""
    return '"' + name.replace('"', '""') + '"'


def _truth(node: exp.Expr) -> bool | None:
    if isinstance(node, exp.Boolean):
        return bool(node.this)
    if isinstance(node, exp.Literal):
        return {"1": True, "0": False, "TRUE": True, "FALSE": False}.get(str(node.this).upper())
    return None
