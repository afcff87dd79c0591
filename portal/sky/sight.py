"""A view of the sky as a picture has it: which place is where in it. North is up, east is left.

The flat projection is the gnomonic one (TAN), the one for the whole sky Hammer's equal-area one (AIT), as in Aladin
Lite; Calabretta & Greisen 2002, A&A 395, 1077, sections 5.1.3 and 5.3.4.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from portal.errors import QueryError

KINDS = ("TAN", "AIT")
MOST_PIXELS = 4_000_000  # of a picture: two screens
WIDEST_TAN = 150.0  # degrees


class Sight(NamedTuple):
    """Centre and width in ICRS degrees, size in pixels. Pixel (0.5, 0.5) is the middle of the upper left one."""

    ra: float
    dec: float
    fov: float
    width: int
    height: int
    kind: str = "TAN"

    @classmethod
    def checked(cls, ra: float, dec: float, fov: float, width: int, height: int, kind: str) -> Sight:
        """Raises QueryError for what is no view of the sky, or a picture that is too large."""
        good = all(map(math.isfinite, (ra, dec, fov))) and abs(dec) <= 90 and 0 < fov <= 360
        if not good or kind not in KINDS or (kind == "TAN" and fov > WIDEST_TAN):
            raise QueryError("That is no view of the sky.", "Give ra, dec and fov in degrees.")
        if not (width >= 1 and height >= 1 and width * height <= MOST_PIXELS):
            raise QueryError(f"A picture has 1 to {MOST_PIXELS:,} pixels.")
        return cls(ra % 360.0, dec, fov, width, height, kind)

    @property
    def scale(self) -> float:
        """Pixels a radian at the centre."""
        half = math.radians(self.fov / 2)
        along = math.tan(half) if self.kind == "TAN" else _hammer(half)
        return self.width / 2 / along

    @property
    def radius(self) -> float:
        """Degrees from the centre within which all of the picture lies."""
        if self.kind == "AIT":
            return 180.0
        return math.degrees(math.atan(math.hypot(self.width, self.height) / 2 / self.scale))

    def sky(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """ICRS degrees of places in the picture, NaN beside the sky."""
        across, above = (np.asarray(x) - self.width / 2) / self.scale, (self.height / 2 - np.asarray(y)) / self.scale
        if self.kind == "TAN":
            depth = 1 / np.sqrt(1 + across**2 + above**2)
            local = across * depth, above * depth, depth
        else:
            z2 = 1 - (across / 4) ** 2 - (above / 2) ** 2
            z = np.sqrt(np.where(z2 >= 0.5, z2, np.nan))
            lon, sine = 2 * np.arctan2(z * across, 2 * (2 * z2 - 1)), np.clip(above * z, -1, 1)
            cosine = np.sqrt(1 - sine**2)
            local = cosine * np.sin(lon), sine, cosine * np.cos(lon)
        centre, right, up = self._axes()
        px, py, pz = (local[0] * right[i] + local[1] * up[i] + local[2] * centre[i] for i in range(3))
        return np.degrees(np.arctan2(py, px)) % 360.0, np.degrees(np.arctan2(pz, np.hypot(px, py)))

    def pixels(self, ra: np.ndarray, dec: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Places in the picture of ICRS degrees, NaN for what lies behind it."""
        a, d = np.radians(ra), np.radians(dec)
        v = np.cos(d) * np.cos(a), np.cos(d) * np.sin(a), np.sin(d)
        depth, across, above = (v[0] * axis[0] + v[1] * axis[1] + v[2] * axis[2] for axis in self._axes())
        if self.kind == "TAN":
            front = np.where(depth > 0.01, depth, np.nan)
            across, above = across / front, above / front
        else:
            half = np.arctan2(across, depth) / 2
            root = math.sqrt(2) / np.sqrt(1 + np.hypot(across, depth) * np.cos(half))
            across, above = 2 * np.hypot(across, depth) * np.sin(half) * root, above * root
        return self.width / 2 + across * self.scale, self.height / 2 - above * self.scale

    def _axes(self) -> tuple[tuple[float, float, float], ...]:
        """Unit vectors towards the centre, to the right (west) and up (north) of the picture."""
        a, d = math.radians(self.ra), math.radians(self.dec)
        centre = math.cos(d) * math.cos(a), math.cos(d) * math.sin(a), math.sin(d)
        right = math.sin(a), -math.cos(a), 0.0
        up = -math.sin(d) * math.cos(a), -math.sin(d) * math.sin(a), math.cos(d)
        return centre, right, up


def _hammer(angle: float) -> float:
    """Distance in the plane of a place ``angle`` radians beside the centre."""
    return 2 * math.sqrt(2) * math.sin(angle / 2) / math.sqrt(1 + math.cos(angle / 2))
