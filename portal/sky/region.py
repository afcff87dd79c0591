"""Regions as services write them: a text in STC-S or a DALI shape becomes closed loops of great circle edges.

Knows one region at a time; columns of them are in ``outlines``.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence

import numpy as np

LONGEST_TEXT = 200_000  # characters of one region: a coadd's outline of 5,000 corners
ROUND = 64  # corners of a circle: its edges are within 0.12 % of the radius
PARALLEL = 1.0  # degrees between corners on a circle of constant declination
DEEPEST = 8  # unions within unions

TOKEN = re.compile(r"[()]|[^\s()]+")
NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d{1,3})?")
ICRS = ("ICRS", "UNKNOWNFRAME", "FK5", "J2000")  # FK5 is within 0.03 arcsec of ICRS
FRAMES = {"GALACTIC": "galactic", "GALACTIC_II": "galactic", "FK4": "fk4", "B1950": "fk4", "ECLIPTIC": "ecliptic"}
IGNORED = (
    "BARYCENTER", "GEOCENTER", "HELIOCENTER", "TOPOCENTER", "LSR", "UNKNOWNREFPOS", "SPHERICAL2", "SPHERICAL",
)  # fmt: skip
NOT_FINITE = ("NAN", "INF", "-INF", "+INF", "INFINITY", "-INFINITY", "+INFINITY")
UNITS = {"DEG": 1.0, "ARCMIN": 1 / 60, "ARCSEC": 1 / 3600, "RAD": math.degrees(1)}
GROUPS = ("UNION", "MULTISHAPE")
SHAPES = ("POLYGON", "CIRCLE", "BOX", "ELLIPSE", "RANGE", "POSITIONINTERVAL", "POSITION", "CONVEX", "MULTIPOLYGON")

Loop = np.ndarray  # (k, 2) ICRS degrees, not closed


def parse_region(text: str) -> list[Loop]:
    """The loops of one region in STC-S (of ADQL 2.0, ObsCore) or as a DALI 1.2 shape. Raises ValueError."""
    if len(text) > LONGEST_TEXT:
        raise ValueError(f"it is longer than {LONGEST_TEXT:,} characters")
    reader = _Reader(TOKEN.findall(text))
    loops = reader.region("ICRS", 0)
    if reader.rest():
        raise ValueError(f"{reader.rest()[:40]!r} follows its end")
    return loops


class _Reader:
    """Walks over the words of one region."""

    def __init__(self, words: Sequence[str]) -> None:
        self.words, self.at = words, 0

    def rest(self) -> str:
        return " ".join(self.words[self.at : self.at + 5])

    def next(self) -> str:
        return self.words[self.at].upper() if self.at < len(self.words) else ""

    def region(self, frame: str, depth: int) -> list[Loop]:
        name = self.next()
        if name in ("INTERSECTION", "NOT", "DIFFERENCE"):
            raise ValueError(f"{name} of regions is not drawn")
        if name not in GROUPS and name not in SHAPES:
            raise ValueError(f"{self.rest()[:30]!r} is no region" if name else "it is empty")
        self.at += 1
        frame = self.frame(frame)
        if name in GROUPS:
            return self.group(frame, depth)
        numbers = self.numbers()
        return [in_icrs(loop, frame) for loop in shape(name, numbers)]

    def frame(self, frame: str) -> str:
        while self.next() in ICRS or self.next() in FRAMES or self.next() in IGNORED:
            if self.next() not in IGNORED:
                frame = self.next()
            self.at += 1
        if self.next() == "FILLFACTOR":
            self.at += 2
        return frame

    def group(self, frame: str, depth: int) -> list[Loop]:
        if depth >= DEEPEST:
            raise ValueError("it has too many regions within regions")
        bracket = self.next() == "("
        self.at += bracket
        loops: list[Loop] = []
        while self.next() and self.next() != ")":
            loops += self.region(frame, depth + 1)
        if bracket and self.next() != ")":
            raise ValueError("a bracket is not closed")
        self.at += bracket
        return loops

    def numbers(self) -> np.ndarray:
        first = self.at
        while self.at < len(self.words) and (NUMBER.fullmatch(self.words[self.at]) or self.next() in NOT_FINITE):
            self.at += 1
        numbers = np.array([float(word) for word in self.words[first : self.at]])
        if self.next() == "UNIT":
            unit = self.words[self.at + 1].upper() if self.at + 1 < len(self.words) else ""
            if unit not in UNITS:
                raise ValueError(f"its unit {unit!r} is not known")
            self.at += 2
            numbers = numbers * UNITS[unit]
        return numbers


def shape(name: str, numbers: np.ndarray) -> list[Loop]:
    """The loops of one shape from its numbers (degrees). Raises ValueError."""
    if name in ("POLYGON", "MULTIPOLYGON"):
        return [polygon(part) for part in _between_nans(numbers)]
    if not np.isfinite(numbers).all() and name not in ("RANGE", "POSITIONINTERVAL"):
        raise ValueError("a number of it is not finite")
    counts = {"CIRCLE": 3, "BOX": 4, "ELLIPSE": 5, "RANGE": 4, "POSITIONINTERVAL": 4, "POSITION": 2}
    if name not in counts:
        raise ValueError(f"{name} regions are not drawn")
    if len(numbers) != counts[name]:
        raise ValueError(f"{name} has {counts[name]} numbers, not {len(numbers)}")
    if name == "POSITION":
        return []
    if name in ("RANGE", "POSITIONINTERVAL"):
        a, b, c, d = numbers
        corners = (a, b, c, d) if name == "RANGE" else (a, c, b, d)  # STC-S: the lower corner, then the upper
        return _range(*corners)
    lon, lat = numbers[:2]
    if abs(lat) > 90:
        raise ValueError(f"a latitude of {lat:g}")
    if name == "CIRCLE":
        return [_round(lon, lat, numbers[2], numbers[2], 0.0)]
    if name == "ELLIPSE":
        return [_round(lon, lat, *numbers[2:])]
    return [_box(lon, lat, *numbers[2:])]


def _between_nans(numbers: np.ndarray) -> Iterator[np.ndarray]:
    """The parts of a DALI multipolygon, which pairs of NaN keep apart."""
    holes = np.flatnonzero(np.isnan(numbers))
    if len(holes) % 2 or (len(holes) and (np.diff(holes)[::2] != 1).any()):
        raise ValueError("a coordinate is not a number")
    start = 0
    for hole in holes[::2]:
        yield numbers[start:hole]
        start = hole + 2
    yield numbers[start:]


def polygon(numbers: np.ndarray) -> Loop:
    if len(numbers) % 2:
        raise ValueError("a polygon has an even count of numbers")
    corners = numbers.reshape(-1, 2)
    if len(corners) and (corners[0] == corners[-1]).all():
        corners = corners[:-1]
    if len(corners) < 3:
        raise ValueError("a polygon has at least three corners")
    if not np.isfinite(corners).all() or (np.abs(corners[:, 1]) > 90).any():
        raise ValueError("a corner is not on the sky")
    return corners


def _placed(lon: float, lat: float, across: np.ndarray, up: np.ndarray, depth: np.ndarray | float) -> Loop:
    """Directions in degrees of vectors given along east, north and outwards at a place."""
    a, d = math.radians(lon), math.radians(lat)
    out = np.array([math.cos(d) * math.cos(a), math.cos(d) * math.sin(a), math.sin(d)])
    east = np.array([-math.sin(a), math.cos(a), 0.0])
    north = np.cross(out, east)
    v = np.multiply.outer(across, east) + np.multiply.outer(up, north)
    v += np.multiply.outer(np.broadcast_to(depth, np.shape(across)), out)
    spots = [np.arctan2(v[:, 1], v[:, 0]) % (2 * math.pi), np.arctan2(v[:, 2], np.hypot(v[:, 0], v[:, 1]))]
    return np.degrees(np.stack(spots, axis=1))


def _round(lon: float, lat: float, major: float, minor: float, angle: float) -> Loop:
    """A circle or an ellipse (semi-axes in degrees, position angle of the first from north to east)."""
    if not 0 < minor <= 180 or not 0 < major <= 180:
        raise ValueError("its radius is not between 0 and 180 degrees")
    t = np.arange(ROUND) * (2 * math.pi / ROUND)
    along, beside, turn = major * np.cos(t), minor * np.sin(t), math.radians(angle)
    reach = np.radians(np.hypot(along, beside))
    towards = np.arctan2(beside, along) + turn
    return _placed(lon, lat, np.sin(reach) * np.sin(towards), np.sin(reach) * np.cos(towards), np.cos(reach))


def _box(lon: float, lat: float, width: float, height: float) -> Loop:
    """Great circles square to the arms of a cross about the centre (ADQL 2.0, section 2.4.3)."""
    if not 0 < width < 180 or not 0 < height < 180:
        raise ValueError("its sides are not between 0 and 180 degrees")
    across, up = math.tan(math.radians(width / 2)), math.tan(math.radians(height / 2))
    signs = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)])
    return _placed(lon, lat, signs[:, 0] * across, signs[:, 1] * up, 1.0)


def _range(west: float, east: float, south: float, north: float) -> list[Loop]:
    """Between two longitudes and two latitudes (DALI 1.2): sides along parallels are cut into short edges."""
    south, north = max(-90.0, float(south)), min(90.0, float(north))  # infinite: to the pole
    full = not (math.isfinite(west) and math.isfinite(east)) or east - west >= 360
    if not south < north or (not full and not west < east):
        raise ValueError("its limits are not in order")
    west, east = (0.0, 360.0) if full else (float(west), float(east))
    steps = max(2, math.ceil((east - west) / PARALLEL)) + 1
    lon = np.linspace(west, east, steps)
    sides = [(lon, south), (lon[::-1], north)]
    if full:
        loops = [np.stack([x[:-1] % 360, np.full(steps - 1, y)], axis=1) for x, y in sides if abs(y) < 90]
        return loops
    # Meridians are great circles; in halves, so that no edge is longer than half the sky.
    middle = (south + north) / 2
    low, high = (np.stack([x % 360, np.full(steps, y)], axis=1) for x, y in sides)
    return [np.concatenate([low, [[east % 360, middle]], high, [[west % 360, middle]]])]


def in_icrs(loop: Loop, frame: str) -> Loop:
    """Corners given in a frame of STC-S, as ICRS."""
    if frame in ICRS:
        return np.stack([loop[:, 0] % 360.0, loop[:, 1]], axis=1)
    from astropy.coordinates import SkyCoord

    known = {"galactic": "galactic", "fk4": "fk4", "ecliptic": "barycentricmeanecliptic"}[FRAMES[frame]]
    spots = SkyCoord(loop[:, 0], loop[:, 1], unit="deg", frame=known).icrs
    return np.stack([spots.ra.deg, spots.dec.deg], axis=1)
