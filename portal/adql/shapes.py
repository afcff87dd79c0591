"""Points, circles and polygons as a query writes them, with their constants worked out."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from sqlglot import exp

from portal.adql.cover import Overlap, unit_vectors
from portal.adql.place import error_at

FRAMES = ("ICRS", "UNKNOWNFRAME", "")
_STC = "For example REGION('CIRCLE ICRS 62 -37 0.5'); POLYGON, BOX and POSITION are known too."
_STC_WORDS = re.compile(
    r"\s*(?P<shape>CIRCLE|POLYGON|BOX|POSITION)\s+(?P<frame>[A-Z]\w*|)\s*"
    r"(?P<place>(?:(?:BARYCENTER|GEOCENTER|HELIOCENTER|TOPOCENTER|LSR|UNKNOWNREFPOS|SPHERICAL2)\s+)*)"
    r"((?:[-+]?(?:\d+\.?\d*|\.\d+)(?:E[-+]?\d{1,3})?(?:\s+|$))+)",
    re.IGNORECASE,
)
MAX_VERTICES = 500  # each edge is a term of the generated SQL


@dataclass(frozen=True)
class Part:
    """One number, counted from 1, of an expression that gives a list of them: a column of points, a CENTROID."""

    node: exp.Expr
    index: int


Number = float | exp.Expr | Part


@dataclass(frozen=True)
class Point:
    """Right ascension and declination in degrees: numbers where the query has constants, else expressions."""

    ra: Number
    dec: Number

    @property
    def constant(self) -> bool:
        return isinstance(self.ra, float) and isinstance(self.dec, float)


@dataclass(frozen=True)
class Circle:
    """A circle; the radius in degrees."""

    centre: Point
    radius: Number


@dataclass(frozen=True)
class Outline:
    """A column that holds outlines: text such as ObsCore's ``s_region``, or else lists of degrees."""

    column: exp.Column
    text: bool = True


@dataclass(frozen=True)
class Box:
    """A box that differs from row to row; sides in degrees."""

    centre: Point
    width: Number
    height: Number


@dataclass(frozen=True)
class Polygon:
    """Great circle edges through the points, the inside being the smaller part."""

    points: tuple[Point, ...]

    @property
    def constant(self) -> bool:
        return all(point.constant for point in self.points)

    @cached_property
    def corners(self) -> np.ndarray:
        """Unit vectors (n, 3) of constant corners, counter-clockwise seen from outside the sphere."""
        vectors = unit_vectors(np.array([p.ra for p in self.points]), np.array([p.dec for p in self.points]))
        keep = np.linalg.norm(vectors - np.roll(vectors, 1, axis=0), axis=1) > 1e-13
        vectors = vectors[keep]
        if len(vectors) < 3:
            return vectors
        middle = vectors.sum(axis=0)
        turn = np.cross(vectors, np.roll(vectors, -1, axis=0)) @ middle
        return vectors[::-1] if turn.sum() < 0 else vectors

    @cached_property
    def centre(self) -> tuple[float, float, float]:
        """RA, Dec and radius (degrees) of a circle about all corners."""
        middle = self.corners.sum(axis=0)
        middle = middle / max(np.linalg.norm(middle), 1e-300)
        far = np.linalg.norm(self.corners - middle, axis=1).max()
        ra = math.degrees(math.atan2(middle[1], middle[0])) % 360
        return ra, math.degrees(math.asin(max(-1, min(1, middle[2])))), math.degrees(2 * math.asin(min(1, far / 2)))

    @cached_property
    def parts(self) -> list[tuple[int, np.ndarray]]:
        """Convex parts: (sign, inward normals (k, 3) of the edges).

        A convex polygon is one part. Any other is the fan of triangles from its first corner: a position is inside
        when the signs of the triangles it lies in do not cancel.
        """
        corners = self.corners
        normals = _normals(corners)
        if (normals @ corners.T >= -1e-13).all():
            return [(1, normals)]
        parts = []
        for one, other in pairwise(corners[1:]):
            triangle = np.array([corners[0], one, other])
            turn = float(np.dot(np.cross(one, other), corners[0]))
            if abs(turn) > 1e-18:
                parts.append((1, _normals(triangle)) if turn > 0 else (-1, _normals(triangle[::-1])))
        return parts

    @property
    def overlap(self) -> Overlap:
        """The test that ``cover`` asks for."""
        ra, dec, radius = self.centre
        middle = unit_vectors(ra, dec)
        parts = self.parts

        def test(vectors: np.ndarray, reach: float) -> np.ndarray:
            limit = min(math.pi, math.radians(radius) + reach)
            near = ((vectors - middle) ** 2).sum(axis=1) <= (2 * math.sin(limit / 2)) ** 2 * (1 + 1e-9)
            if len(parts) == 1 and reach < math.pi / 2:
                near &= (vectors @ parts[0][1].T >= -math.sin(reach) - 1e-12).all(axis=1)
            return near

        return test

    @property
    def area(self) -> float:
        """Square degrees (Girard), of constant corners."""
        corners = self.corners
        total = 0.0
        for one, other in pairwise(corners[1:]):
            first = corners[0]
            volume = float(np.dot(first, np.cross(one, other)))
            total += 2 * math.atan2(volume, 1 + first @ one + one @ other + other @ first)
        return abs(total) * math.degrees(1) ** 2


Shape = Point | Circle | Polygon | Outline | Box


def _signed(text: str) -> exp.Expr:
    number = exp.Literal.number(text[1:])
    return exp.Neg(this=number) if text[0] == "-" else number


def _normals(corners: np.ndarray) -> np.ndarray:
    normals = np.cross(corners, np.roll(corners, -1, axis=0))
    return normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-300)


def constant(node: exp.Expr) -> float | None:
    """The value of an expression of numbers alone, or None."""
    if isinstance(node, exp.Literal) and not node.is_string:
        return float(node.this)
    if isinstance(node, exp.Paren):
        return constant(node.this)
    if isinstance(node, exp.Neg):
        value = constant(node.this)
        return None if value is None else -value
    if isinstance(node, (exp.Add, exp.Sub, exp.Mul, exp.Div)):
        left, right = constant(node.this), constant(node.expression)
        if left is None or right is None or (isinstance(node, exp.Div) and right == 0):
            return None
        if isinstance(node, exp.Add):
            return left + right
        if isinstance(node, exp.Sub):
            return left - right
        return left * right if isinstance(node, exp.Mul) else left / right
    return None


class ShapeReader:
    """Reads the geometry calls of one query (ADQL 2.1, section 4.2). Every method raises QueryError with a place."""

    def __init__(self, text: str, kind_of: Callable[[exp.Column], str]) -> None:
        self.text = text
        self.kind_of = kind_of  # of a column: "text" of an outline, "point", "circle", "polygon" or ""

    def shape(self, node: exp.Expr) -> Shape:
        if isinstance(node, exp.Paren):
            return self.shape(node.this)
        if isinstance(node, exp.Column):
            kind = self.kind_of(node)
            if kind in ("point", "circle"):
                centre = Point(Part(node, 1), Part(node, 2))
                return centre if kind == "point" else Circle(centre, Part(node, 3))
            if kind:
                return Outline(node, kind == "text")
            raise error_at(self.text, node, f"{node.name} is neither a point nor a region.", "", ("POINT", "CIRCLE"))
        name = node.name.upper() if isinstance(node, exp.Anonymous) else ""
        if name == "POINT":
            return self.point(self._arguments(node, 2), node)
        if name == "CENTROID":
            return self.centroid(node)
        if name == "CIRCLE":
            return self.circle(node)
        if name in ("POLYGON", "SCISQL_S2CPOLYTOBIN"):
            return self.polygon(self._arguments(node), node)
        if name == "BOX":
            return self._box(node)
        if name == "REGION":
            return self._region(node)
        shapes = ("POINT", "CIRCLE", "POLYGON")
        raise error_at(
            self.text, node, "A point or a region is needed here.", "For example CIRCLE(62, -37, 0.1).", shapes
        )

    def point(self, pair: list[exp.Expr], node: exp.Expr) -> Point:
        if len(pair) != 2:
            raise error_at(self.text, node, "A point is written POINT(ra, dec).", "Both are in degrees.")
        ra, dec = (self._number(item) for item in pair)
        if isinstance(dec, float) and abs(dec) > 90:
            raise error_at(
                self.text, pair[1], f"A declination of {dec:g} is outside -90..90.", "Angles are in degrees."
            )
        return Point(ra % 360 if isinstance(ra, float) else ra, dec)

    def circle(self, node: exp.Anonymous) -> Circle:
        items = self._arguments(node)
        if len(items) == 2:
            centre = self.shape(items[0])
            if not isinstance(centre, Point):
                raise error_at(self.text, items[0], "The centre of a circle is a point.", "", ("POINT",))
        elif len(items) == 3:
            centre = self.point(items[:2], node)
        else:
            raise error_at(self.text, node, "A circle is written CIRCLE(ra, dec, radius).", "All are in degrees.")
        return Circle(centre, self.radius(items[-1]))

    def radius(self, node: exp.Expr) -> Number:
        value = self._number(node)
        if isinstance(value, float) and value < 0:
            raise error_at(self.text, node, "A radius cannot be negative.")
        return value

    def polygon(self, items: list[exp.Expr], node: exp.Expr) -> Polygon:
        if items and isinstance(items[0], exp.Anonymous) and items[0].name.upper() == "POINT":
            points = tuple(self.shape(item) for item in items)
        elif len(items) % 2:
            raise error_at(self.text, node, "A polygon needs a declination for each right ascension.")
        else:
            points = tuple(self.point(items[at : at + 2], node) for at in range(0, len(items), 2))
        if not all(isinstance(point, Point) for point in points) or not 3 <= len(points) <= MAX_VERTICES:
            raise error_at(self.text, node, f"A polygon has 3 to {MAX_VERTICES} corners.")
        shape = Polygon(points)
        if shape.constant and (len(shape.corners) < 3 or shape.centre[2] >= 89.9):
            raise error_at(self.text, node, "A polygon has at least 3 corners, all within 90 degrees of its middle.")
        return shape

    def centroid(self, node: exp.Anonymous) -> Point:
        shape = self.shape(node.expressions[0])
        if isinstance(shape, Point):
            return shape
        if isinstance(shape, Circle):
            return shape.centre
        if isinstance(shape, Polygon) and shape.constant:
            # The area-weighted mean of the triangles of a fan.
            corners = shape.corners
            total = np.zeros(3)
            for one, other in pairwise(corners[1:]):
                weight = float(np.dot(corners[0], np.cross(one, other)))
                middle = corners[0] + one + other
                total += weight * middle / np.linalg.norm(middle)
            ra = math.degrees(math.atan2(total[1], total[0])) % 360
            return Point(ra, math.degrees(math.atan2(total[2], math.hypot(total[0], total[1]))))
        return Point(Part(node, 1), Part(node, 2))  # worked out row by row

    def _region(self, node: exp.Anonymous) -> Shape:
        """REGION of ADQL 2.0, section 2.4.14, with the shapes of STC-S that have one outline."""
        words = node.expressions[0]
        if not isinstance(words, exp.Literal) or not words.is_string:
            raise error_at(self.text, node, "REGION takes a text in single quotes.", _STC)
        found = _STC_WORDS.fullmatch(words.this)
        if found is None:
            raise error_at(self.text, words, "This region is not simple STC-S.", _STC)
        frame = found["frame"].upper()
        if frame not in FRAMES:
            raise error_at(self.text, words, f"Positions are in ICRS, not {found['frame']}.", "", ("ICRS",))
        numbers = [exp.Literal.number(item) if item[0] not in "+-" else _signed(item) for item in found[4].split()]
        name = found["shape"].upper()
        call = exp.Anonymous(this="POINT" if name == "POSITION" else name, expressions=numbers)
        call.meta.update(words.meta)
        counts = {"POSITION": (2,), "CIRCLE": (3,), "BOX": (4,), "POLYGON": range(6, 2 * MAX_VERTICES + 1, 2)}
        if len(numbers) not in counts[name]:
            raise error_at(self.text, words, f"{name} does not have {len(numbers)} numbers.", _STC)
        return self.shape(call)

    def _box(self, node: exp.Anonymous) -> Polygon | Box:
        """Great circles square to the arms of a cross of width and height about the centre."""
        items = self._arguments(node)
        centre = self.shape(items[0]) if len(items) == 3 else self.point(items[:2], node)
        if not isinstance(centre, Point) or len(items) not in (3, 4):
            raise error_at(self.text, node, "A box is written BOX(ra, dec, width, height).", "All are in degrees.")
        sizes = [self._number(item) for item in items[-2:]]
        if not centre.constant or not all(isinstance(size, float) for size in sizes):
            return Box(centre, *sizes)
        if not all(0 < size < 170 for size in sizes):
            raise error_at(self.text, node, "The sides of a box are between 0 and 170 degrees.")
        across, up = (math.tan(math.radians(size / 2)) for size in sizes)
        middle = unit_vectors(centre.ra, centre.dec)
        east = unit_vectors(centre.ra + 90, 0.0)
        north = np.cross(middle, east)
        points = []
        for x, y in ((-1, -1), (1, -1), (1, 1), (-1, 1)):
            corner = middle + x * across * east + y * up * north
            points.append(
                Point(
                    math.degrees(math.atan2(corner[1], corner[0])) % 360,
                    math.degrees(math.atan2(corner[2], math.hypot(corner[0], corner[1]))),
                )
            )
        return Polygon(tuple(points))

    def _arguments(self, node: exp.Anonymous, count: int = 0) -> list[exp.Expr]:
        """A call's arguments without the coordinate system, which must be ICRS."""
        items = list(node.expressions)
        if items and isinstance(items[0], exp.Literal) and items[0].is_string:
            frame = items[0].this.upper().split()
            if frame and frame[0] not in FRAMES:
                raise error_at(self.text, items[0], f"Positions are in ICRS, not {frame[0]}.", "", ("ICRS",))
            items = items[1:]
        if count and len(items) != count:
            raise error_at(self.text, node, f"{node.name.upper()} takes {count} numbers, not {len(items)}.")
        return items

    def _number(self, node: exp.Expr) -> Number:
        value = constant(node)
        if value is not None and not math.isfinite(value):
            raise error_at(self.text, node, "This number is too large.")
        if value is None and isinstance(node, exp.Literal):
            raise error_at(self.text, node, "A number is needed here.")
        return node if value is None else value
