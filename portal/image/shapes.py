"""Where regions lie on an image: between a region's own system and pixels, and which pixels are inside.

A ``Shape`` is a region in pixels of one image, counted from 0 at the centre of the lower left one, as the viewer counts
them. On the way sizes and angles go through the image's local scale and rotation at the shape's centre, as in DS9.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from astropy.wcs import WCS

from portal.errors import FormatError
from portal.image.lattice import pixels_of, sky_of
from portal.image.regions import MOST_CORNERS, PIXEL, Region
from portal.table.foreign.sphere import from_icrs, to_icrs

STEP = 1 / 3600  # degrees: over which the local scale is taken; far above rounding, far below any distortion
SHAPES = ("circle", "annulus", "ellipse", "box", "line", "point", "polygon", "text")


class Lie(NamedTuple):
    """What places shapes on one image: its WCS (None without) and physical = (image - ltv) / ltm, counted from 1."""

    wcs: WCS | None
    ltv: tuple[float, float] = (0.0, 0.0)
    ltm: tuple[float, float] = (1.0, 1.0)


class Shape(NamedTuple):
    """A region in pixels of one image, counted from 0; ``angle`` in degrees from the x axis to the y axis."""

    kind: str
    points: tuple[tuple[float, float], ...]
    sizes: tuple[float, ...] = ()
    angle: float = 0.0

    @classmethod
    def from_json(cls, item: Any) -> Shape:
        """A shape from a browser. Raises FormatError for anything that is none."""
        try:
            kind = str(item["kind"])
            points = tuple((float(x), float(y)) for x, y in item["points"])
            sizes = tuple(float(size) for size in item.get("sizes", ()))
            angle = float(item.get("angle", 0.0))
        except (TypeError, ValueError, KeyError, AttributeError, OverflowError):
            raise FormatError("This is no shape on an image.") from None
        fewest = {"line": 2, "polygon": 3}.get(kind, 1)
        sized = {"circle": 1, "annulus": 2, "ellipse": 2, "box": 2}.get(kind, 0)
        numbers = np.array([*(v for point in points for v in point), *sizes, angle])
        good = kind in SHAPES and fewest <= len(points) <= MOST_CORNERS and sized <= len(sizes) <= 200
        if not good or not (np.abs(numbers) <= 1e7).all() or any(size < 0 for size in sizes):
            raise FormatError("This is no shape on an image.", "Draw it again.")
        return cls(kind, points, sizes, angle)

    def to_json(self) -> dict[str, Any]:
        return {"kind": self.kind, "points": self.points, "sizes": self.sizes, "angle": self.angle}

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """Corners (x0, y0, x1, y1) that hold it, whichever way it is turned."""
        x, y = np.array(self.points).T
        far = math.hypot(*self.sizes[-2:]) if self.kind == "box" else max(self.sizes, default=0.0)
        far = far / 2 if self.kind == "box" else far
        return float(x.min() - far), float(y.min() - far), float(x.max() + far), float(y.max() + far)

    def crossings(self, x0: int, y0: int, x1: int, y1: int) -> float:
        """What ``inside`` costs for these pixels: for a polygon how many of them lie on a row that an edge meets."""
        if self.kind != "polygon":
            return 0.0
        y = np.clip([y for _, y in (*self.points, self.points[0])], y0, y1)
        return float(np.abs(np.diff(y)).sum()) * (x1 - x0)

    def inside(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Whether pixel centres (arrays that broadcast) are inside: DS9's rule, the centre counts."""
        if self.kind == "polygon":
            return _in_polygon(self.points, x, y)
        if self.kind not in ("circle", "annulus", "ellipse", "box"):
            return np.zeros(np.broadcast_shapes(np.shape(x), np.shape(y)), bool)
        dx, dy = x - self.points[0][0], y - self.points[0][1]
        if self.kind in ("circle", "annulus"):
            far = dx * dx + dy * dy
            inner = self.sizes[0] if self.kind == "annulus" else None
            held = far <= self.sizes[-1] ** 2
            return held if inner is None else held & (far > inner**2)
        turn = math.radians(self.angle)
        along, across = dx * math.cos(turn) + dy * math.sin(turn), dy * math.cos(turn) - dx * math.sin(turn)

        def within(a: float, b: float) -> np.ndarray:
            if self.kind == "box":
                return (np.abs(along) <= a / 2) & (np.abs(across) <= b / 2)
            if not a or not b:
                return np.zeros(np.broadcast_shapes(np.shape(x), np.shape(y)), bool)
            return (along / a) ** 2 + (across / b) ** 2 <= 1

        held = within(*self.sizes[-2:])
        return held & ~within(*self.sizes[:2]) if len(self.sizes) >= 4 else held


def _in_polygon(corners: tuple[tuple[float, float], ...], x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Crossing rule: a ray to the right meets an odd number of edges."""
    held = np.zeros(np.broadcast_shapes(np.shape(x), np.shape(y)), bool)
    of_image = held.ndim == 2 and np.shape(x) == (1, held.shape[1]) and np.shape(y) == (held.shape[0], 1)
    for (x0, y0), (x1, y1) in zip(corners, (*corners[1:], corners[0])):
        if y0 != y1:
            meets = (y0 > y) != (y1 > y)
            if of_image:  # most edges meet few of its rows
                rows = np.flatnonzero(meets)
                held[rows] ^= x < (x1 - x0) * (y[rows] - y0) / (y1 - y0) + x0
            else:
                held ^= meets & (x < (x1 - x0) * (y - y0) / (y1 - y0) + x0)
    return held


def to_shape(item: Region, lie: Lie) -> Shape:
    """A region on an image. Raises FormatError when the image has no WCS, or the place is not on its plane."""
    if item.system in PIXEL:
        points = np.array(item.places, float)
        scale = np.ones(2)
        if item.system == "physical":
            scale = np.array(lie.ltm)
            points = points * scale + np.array(lie.ltv)
        points = points - 1
        sizes = np.array(item.sizes, float) * abs(scale[0])
        angle = item.angle
        if item.sizes and item.sizes_in == "degree":
            east, north = local(lie, *points[0])
            sizes = np.array(item.sizes) * math.sqrt(abs(east[0] * north[1] - east[1] * north[0]))
        return Shape(item.shape, _pairs(points), tuple(sizes.tolist()), angle)
    wcs = _wcs(lie)
    lon, lat = np.array(item.places, float).T
    ra, dec = to_icrs(lon, lat, item.system)
    x, y = pixels_of(wcs, ra, dec)
    if not np.isfinite(x).all() or not np.isfinite(y).all():
        raise FormatError("A region lies outside of what this image's projection shows.")
    if not item.sizes:
        return Shape(item.shape, _pairs(np.column_stack([x, y])))
    if item.sizes_in == "pixel":
        return Shape(item.shape, ((float(x[0]), float(y[0])),), item.sizes, item.angle)
    east, north = local(lie, float(x[0]), float(y[0]), item.system)
    scale = math.sqrt(abs(east[0] * north[1] - east[1] * north[0]))
    if item.shape not in ("ellipse", "box"):
        return Shape(item.shape, ((float(x[0]), float(y[0])),), tuple(size * scale for size in item.sizes))
    # A region's angle runs from the west axis to the north, its position angle is 90 degrees less.
    first = _direction(item.angle - 90.0, east, north)
    second = _direction(item.angle, east, north)
    sizes = [size * math.hypot(*(second if at % 2 else first)) for at, size in enumerate(item.sizes)]
    angle = math.degrees(math.atan2(first[1], first[0])) % 360.0
    return Shape(item.shape, ((float(x[0]), float(y[0])),), tuple(sizes), angle)


def to_region(shape: Shape, lie: Lie, system: str, like: Region | None = None) -> Region:
    """A shape in a system; ``like`` lends label and colours. Raises FormatError for a sky system without WCS."""
    like = like or Region(shape.kind, system, ())
    points = np.array(shape.points, float)
    if system in PIXEL:
        points, sizes = points + 1, np.array(shape.sizes, float)
        if system == "physical":
            points, sizes = (points - np.array(lie.ltv)) / np.array(lie.ltm), sizes / abs(lie.ltm[0])
        return like._replace(
            shape=shape.kind, system=system, places=_pairs(points), sizes=tuple(sizes.tolist()),
            sizes_in="pixel", angle=shape.angle,
        )  # fmt: skip
    ra, dec = sky_of(_wcs(lie), *points.T)
    if not np.isfinite(ra).all():
        raise FormatError("A region has no place on the sky here.", "Save the regions in image coordinates.")
    lon, lat = from_icrs(ra, dec, system)
    sizes, angle = shape.sizes, 0.0
    if sizes:
        east, north = local(lie, *shape.points[0], system)
        scale = math.sqrt(abs(east[0] * north[1] - east[1] * north[0]))
        if shape.kind in ("ellipse", "box"):
            back = np.linalg.inv(np.array([east, north]).T)  # pixels to degrees (east, north)
            turn = math.radians(shape.angle)
            first = back @ [math.cos(turn), math.sin(turn)]
            second = back @ [-math.sin(turn), math.cos(turn)]
            sizes = tuple(size * float(np.hypot(*(second if at % 2 else first))) for at, size in enumerate(sizes))
            angle = (math.degrees(math.atan2(first[0], first[1])) + 90.0) % 360.0
        else:
            sizes = tuple(size / scale for size in sizes)
    return like._replace(
        shape=shape.kind, system=system, places=_pairs(np.column_stack([lon, lat])), sizes=sizes,
        sizes_in="degree" if sizes else "pixel", angle=angle,
    )  # fmt: skip


def local(lie: Lie, x: float, y: float, system: str = "icrs") -> tuple[np.ndarray, np.ndarray]:
    """Steps in pixels for one degree east and one north (of ``system``) at a pixel."""
    wcs = _wcs(lie)
    ra, dec = sky_of(wcs, np.array([x]), np.array([y]))
    lon, lat = from_icrs(ra, dec, system)
    if not np.isfinite(lon[0]):
        raise FormatError("A region lies outside of what this image's projection shows.")
    step = STEP if abs(lat[0]) < 90 - 2 * STEP else 1e-7
    away = step / max(math.cos(math.radians(float(lat[0]))), 1e-9)
    lons = np.array([lon[0] - away, lon[0] + away, lon[0], lon[0]])
    lats = np.clip(np.array([lat[0], lat[0], lat[0] - step, lat[0] + step]), -90, 90)
    px, py = pixels_of(wcs, *to_icrs(lons, lats, system))
    east = np.array([px[1] - px[0], py[1] - py[0]]) / (2 * step)
    north = np.array([px[3] - px[2], py[3] - py[2]]) / (2 * step)
    if not np.isfinite([east, north]).all() or not abs(east[0] * north[1] - east[1] * north[0]) > 0:
        raise FormatError("This image's WCS has no scale here.")
    return east, north


def _direction(position_angle: float, east: np.ndarray, north: np.ndarray) -> np.ndarray:
    turn = math.radians(position_angle)
    return math.sin(turn) * east + math.cos(turn) * north


def _wcs(lie: Lie) -> WCS:
    if lie.wcs is None:
        raise FormatError("This image has no sky coordinates.", "Use regions in image or physical coordinates.")
    return lie.wcs


def _pairs(array: np.ndarray) -> tuple[tuple[float, float], ...]:
    return tuple((float(a), float(b)) for a, b in array)
