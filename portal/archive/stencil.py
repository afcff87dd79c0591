"""The shapes of a cutout request on the sky, and the pixels of an image that lie under them.

Knows shapes and pixel grids; nothing of files, requests over HTTP or jobs.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .images import Pixels
from .params import Parameters, UsageError

if TYPE_CHECKING:
    from .sample.exposure import Exposure
    from .sample.geometry import Patch

STENCILS = ("CIRCLE", "POLYGON", "RANGE", "POS")
UNSUPPORTED = ("BAND", "TIME", "POL")
STEP = 5e-4  # degrees between points of an outline: a cut arc is right to a hundredth of a pixel
LEAST, MOST = 64, 1 << 16  # points of an outline; at most, since a circle of 90 degrees needs no fine steps
MAX_VERTICES = 1000
ROWS = 256  # of an image looked at together: a million positions at most


class NoOverlap(UsageError):
    """The stencil does not touch the image."""


@dataclass(frozen=True)
class Stencil:
    """A shape: ``kind`` CIRCLE (ra, dec, radius), POLYGON (ra, dec, ...) or RANGE (ra0, ra1, dec0, dec1), degrees.

    Sides of polygons are great circles; of the two parts of the sky the smaller one is meant.
    """

    kind: str
    numbers: tuple[float, ...]

    def outline(self) -> tuple[np.ndarray, np.ndarray]:
        """ICRS degrees of points along the edge, the corners among them."""
        if self.kind == "CIRCLE":
            return _round(*self.numbers)
        if self.kind == "POLYGON":
            return _sides(np.array(self.numbers[0::2]), np.array(self.numbers[1::2]))
        return _frame(*self.numbers)

    def contains(self, ra: np.ndarray, dec: np.ndarray) -> np.ndarray:
        """Which positions (ICRS degrees, any shape) lie inside."""
        if self.kind == "RANGE":
            ra0, ra1, dec0, dec1 = self.numbers
            return ((ra - ra0) % 360.0 <= ra1 - ra0) & (dec >= dec0) & (dec <= dec1)
        if self.kind == "CIRCLE":
            ra0, dec0, radius = self.numbers
            d, d0 = np.radians(dec), math.radians(dec0)
            away = np.sin((d - d0) / 2) ** 2 + np.cos(d) * math.cos(d0) * np.sin(np.radians(ra - ra0) / 2) ** 2
            return away <= math.sin(math.radians(radius) / 2) ** 2
        return _turns(np.array(self.numbers[0::2]), np.array(self.numbers[1::2]), ra, dec)

    def box(self, image: Patch | Exposure) -> Pixels:
        """x0, y0, nx, ny of the smallest box of the image that holds what is inside. Raises NoOverlap."""
        x, y = image.to_pixel(*self.outline())
        within = (x > -0.5) & (x < image.nx - 0.5) & (y > -0.5) & (y < image.ny - 0.5)
        x, y = np.floor(x[within] + 0.5), np.floor(y[within] + 0.5)
        if not (within.all() and len(x)):  # the edge leaves the image, or goes around it
            rim_x, rim_y = _rim(image.nx, image.ny)
            rim = self._inside_pixels(image, rim_x, rim_y)
            x, y = np.concatenate([x, rim_x[rim]]), np.concatenate([y, rim_y[rim]])
        if not len(x):
            raise NoOverlap("The stencil does not overlap the image.")
        x0, y0 = int(x.min()), int(y.min())
        return x0, y0, int(x.max()) + 1 - x0, int(y.max()) + 1 - y0

    def inside(self, image: Patch | Exposure, box: Pixels) -> np.ndarray:
        """(ny, nx): which pixels of a box have their centre inside."""
        x0, y0, nx, ny = box
        made = np.empty((ny, nx), bool)
        for row in range(0, ny, ROWS):
            here = slice(row, min(row + ROWS, ny))
            x, y = np.meshgrid(np.arange(x0, x0 + nx, dtype=float), np.arange(y0 + here.start, y0 + here.stop))
            made[here] = self._inside_pixels(image, x, y)
        return made

    def _inside_pixels(self, image: Patch | Exposure, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        if self.kind == "POLYGON":
            corner_x, corner_y = image.to_pixel(np.array(self.numbers[0::2]), np.array(self.numbers[1::2]))
            if np.isfinite(corner_x).all():  # great circles are straight lines on a tangent plane: much quicker
                return _even_odd(corner_x, corner_y, x, y)
        return self.contains(*image.to_sky(x, y))


def stencils(asked: Parameters) -> list[Stencil]:
    """Every stencil of a request: CIRCLE, POLYGON, RANGE or POS, at least one. Raises UsageError."""
    if wrong := [name for name in UNSUPPORTED if name in asked]:
        raise UsageError(f"Parameter {wrong[0]} is not supported for these images.")
    found = [_read(name, value) for name in STENCILS for value in asked.all(name)]
    if not found:
        raise UsageError("A stencil is needed and none was given.", "Send CIRCLE=ra dec radius, in degrees.")
    return found


def _read(name: str, text: str) -> Stencil:
    words = text.split(maxsplit=2 * MAX_VERTICES + 1)
    if name == "POS":
        name, words = (words[0].upper(), words[1:]) if words else ("", [])
    if len(words) > 2 * MAX_VERTICES:
        raise UsageError(f"A stencil may have {MAX_VERTICES} corners and no more.")
    try:
        numbers = [float(word) for word in words]
    except ValueError:
        raise UsageError(f"{text[:80]!r} holds something that is no number.") from None
    if name == "RANGE" and len(numbers) == 4:
        return _range(*numbers)
    if not all(map(math.isfinite, numbers)):
        raise UsageError("A stencil must be made of finite numbers.")
    if name == "CIRCLE" and len(numbers) == 3:
        if not (0 < numbers[2] <= 90 and -90 <= numbers[1] <= 90):
            raise UsageError("A circle needs a declination from -90 to 90 and a radius above 0 up to 90, in degrees.")
        return Stencil(name, tuple(numbers))
    if name == "POLYGON" and len(numbers) >= 6 and len(numbers) % 2 == 0:
        if max(map(abs, numbers[1::2])) > 90:
            raise UsageError("A declination must lie from -90 to 90 degrees.")
        return Stencil(name, tuple(numbers))
    raise UsageError(
        f"The stencil {text[:80]!r} is not understood.",
        "Use CIRCLE ra dec radius, POLYGON ra1 dec1 ra2 dec2 ra3 dec3 ... or RANGE ra1 ra2 dec1 dec2, in degrees.",
    )


def _range(ra0: float, ra1: float, dec0: float, dec1: float) -> Stencil:
    """Infinite limits are open (SODA 1.0, section 3.3.2)."""
    if any(map(math.isnan, (ra0, ra1, dec0, dec1))) or ra0 > ra1 or dec0 > dec1:
        raise UsageError("RANGE needs the lower limits first: ra1 ra2 dec1 dec2, in degrees.")
    dec0, dec1 = max(dec0, -90.0), min(dec1, 90.0)
    if not (math.isfinite(ra0) and math.isfinite(ra1)):
        ra0, ra1 = (ra0 if math.isfinite(ra0) else min(0.0, ra1)), (ra1 if math.isfinite(ra1) else max(360.0, ra0))
        if not math.isfinite(ra0 + ra1):
            ra0, ra1 = 0.0, 360.0
    if dec0 > dec1:
        raise UsageError("A declination must lie from -90 to 90 degrees.")
    return Stencil("RANGE", (ra0, min(ra1, ra0 + 360.0), dec0, dec1))


def _count(length: float, most: int = MOST) -> int:
    return min(most, max(2, math.ceil(length / STEP) + 1))


def _round(ra: float, dec: float, radius: float) -> tuple[np.ndarray, np.ndarray]:
    around = 360.0 * math.sin(math.radians(radius))
    angle = np.linspace(0, 2 * np.pi, 4 * (max(LEAST, _count(around)) // 4), endpoint=False)
    d, r = math.radians(dec), math.radians(radius)
    sin_dec = np.sin(d) * np.cos(r) + np.cos(d) * np.sin(r) * np.cos(angle)
    shift = np.arctan2(np.sin(angle) * np.sin(r) * np.cos(d), np.cos(r) - np.sin(d) * sin_dec)
    return (ra + np.degrees(shift)) % 360, np.degrees(np.arcsin(np.clip(sin_dec, -1, 1)))


def _frame(ra0: float, ra1: float, dec0: float, dec1: float) -> tuple[np.ndarray, np.ndarray]:
    along, up = np.linspace(ra0, ra1, _count(ra1 - ra0, MOST // 4)), np.linspace(dec0, dec1, _count(dec1 - dec0))
    ra = np.concatenate([along, along, np.full(len(up), ra0), np.full(len(up), ra1)])
    dec = np.concatenate([np.full(len(along), dec0), np.full(len(along), dec1), up, up])
    return ra % 360, dec


def _sides(ra: np.ndarray, dec: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Points along great circles from corner to corner."""
    corners = _directions(ra, dec)
    parts = []
    for one, other in zip(corners, np.roll(corners, -1, axis=0)):
        angle = math.atan2(float(np.linalg.norm(np.cross(one, other))), float(one @ other))
        share = np.linspace(0, 1, _count(math.degrees(angle), max(2, MOST // len(corners))), endpoint=False)[:, None]
        if angle < 1e-12 or angle > math.pi - 1e-9:  # no length, or no one way between opposite corners
            parts.append(one[None])
        else:
            parts.append((np.sin((1 - share) * angle) * one + np.sin(share * angle) * other) / math.sin(angle))
    x, y, z = np.concatenate(parts).T
    return np.degrees(np.arctan2(y, x)) % 360, np.degrees(np.arcsin(np.clip(z, -1, 1)))


def _directions(ra: np.ndarray, dec: np.ndarray) -> np.ndarray:
    a, d = np.radians(ra), np.radians(dec)
    return np.stack([np.cos(d) * np.cos(a), np.cos(d) * np.sin(a), np.sin(d)], axis=-1)


def _turns(corner_ra: np.ndarray, corner_dec: np.ndarray, ra: np.ndarray, dec: np.ndarray) -> np.ndarray:
    """Whether the corners, seen from a position, turn once around it and lie on its side of the sphere."""
    ra, dec = np.radians(np.asarray(ra, float)), np.radians(np.asarray(dec, float))
    total, cosines = np.zeros(ra.shape), np.zeros(ra.shape)
    bearing = _bearing(ra, dec, *np.radians([corner_ra[-1], corner_dec[-1]]))
    for a, d in zip(np.radians(corner_ra), np.radians(corner_dec)):
        before, bearing = bearing, _bearing(ra, dec, a, d)
        total += (bearing - before + np.pi) % (2 * np.pi) - np.pi
        cosines += np.sin(dec) * np.sin(d) + np.cos(dec) * np.cos(d) * np.cos(a - ra)
    return (np.abs(total) > np.pi) & (cosines > 0)


def _bearing(ra: np.ndarray, dec: np.ndarray, a: float, d: float) -> np.ndarray:
    return np.arctan2(np.sin(a - ra) * np.cos(d), np.cos(dec) * np.sin(d) - np.sin(dec) * np.cos(d) * np.cos(a - ra))


def _even_odd(corner_x: Iterable[float], corner_y: Iterable[float], x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Whether a line to the left of a pixel crosses an odd number of sides."""
    corners = list(zip(corner_x, corner_y))
    inside = np.zeros(x.shape, bool)
    for (ax, ay), (bx, by) in zip(corners, corners[1:] + corners[:1]):
        if ay != by:
            inside ^= ((ay > y) != (by > y)) & (x > (bx - ax) * (y - ay) / (by - ay) + ax)
    return inside


def _rim(nx: int, ny: int) -> tuple[np.ndarray, np.ndarray]:
    """The pixels along the four edges of an image."""
    across, up = np.arange(nx, dtype=float), np.arange(ny, dtype=float)
    x = np.concatenate([across, across, np.zeros(ny), np.full(ny, nx - 1.0)])
    y = np.concatenate([np.zeros(nx), np.full(nx, ny - 1.0), up, up])
    return x, y
