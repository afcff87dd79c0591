"""One image as shown, DS9's frame: its planes, their names and units, and where on the sky each pixel lies."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from astropy.wcs import WCS

from portal.errors import FormatError
from portal.image import cuts, lattice, tiles
from portal.image.masks import MaskBit

PLANES = ("image", "mask", "variance")
OFFERED = ("zscale", "minmax", "sigma", "99.5", "99", "98", "95", "90")  # the cuts of ``meta``
EXACT = 1 << 53  # whole numbers from here on lose digits in a browser


class Lsst(NamedTuple):
    """Pixel of the parent image (LSST convention, counted from 0) that this image's first pixel is."""

    x0: int
    y0: int


class Reading(NamedTuple):
    """What lies under one pixel. ``x``, ``y``: its 0-based number; ``value``, ``variance`` None where not finite.

    ``text`` is the value in all its digits. ``ra``, ``dec``: ICRS degrees of the asked place itself (not of the
    pixel's centre), None without world coordinates.
    """

    x: int
    y: int
    value: float | None
    text: str
    variance: float | None
    mask: int
    names: tuple[str, ...]
    ra: float | None
    dec: float | None
    fits: tuple[float, float]
    lsst: tuple[float, float]


@dataclass(frozen=True)
class Planes:
    """What a file gives for one frame: arrays (ny, nx), row 0 at the bottom, and what its headers say of them.

    ``mask`` is int32. ``cube`` is {"axes": [{"name", "size"}, ...], "at": [plane, ...]} (FITS axes 3 and up).
    """

    image: np.ndarray
    mask: np.ndarray | None = None
    variance: np.ndarray | None = None
    bits: tuple[MaskBit, ...] = ()
    unit: str = ""
    band: str = ""
    lsst: Lsst = Lsst(0, 0)
    wcs: WCS | None = None
    hdu: int = 0
    cube: dict[str, Any] | None = None
    notes: tuple[str, ...] = ()


@dataclass
class Frame:
    """A frame of a page. ``source`` says where the image is from; ``hdus`` what else the file holds."""

    title: str
    planes: Planes
    source: str = ""
    hdus: tuple[dict[str, Any], ...] = ()
    id: str = ""
    cards: list[list[list[str]]] = field(default_factory=list, repr=False)

    def header(self, hdu: int = -1) -> list[list[str]]:
        """The cards of an HDU (-1: of the one shown): keyword, value, comment. Raises FormatError for no such HDU."""
        number = self.planes.hdu if hdu == -1 else hdu
        if not 0 <= number < len(self.cards):
            raise FormatError(f"The file has no HDU {number}.")
        return self.cards[number]

    @property
    def nx(self) -> int:
        return self.planes.image.shape[1]

    @property
    def ny(self) -> int:
        return self.planes.image.shape[0]

    @property
    def wcs(self) -> WCS | None:
        """Celestial world coordinates (astropy), None when there are none."""
        return self.planes.wcs

    @property
    def band(self) -> str:
        return self.planes.band

    @property
    def nbytes(self) -> int:
        return sum(self.plane(name).nbytes for name in self.names)

    @property
    def names(self) -> tuple[str, ...]:
        """Those of ``PLANES`` that there are."""
        return tuple(name for name in PLANES if getattr(self.planes, name) is not None)

    def plane(self, name: str) -> np.ndarray:
        """Pixels (ny, nx) of one of ``PLANES`` in the file's own type. Raises FormatError when there is none."""
        found = getattr(self.planes, name) if name in PLANES else None
        if found is None:
            raise FormatError(f"The image has no plane {name[:40]!r}.", f"It has {', '.join(self.names)}.")
        return found

    def tile(self, plane: str, level: int, x: int, y: int) -> np.ndarray:
        """See ``tiles.tile``."""
        return tiles.tile(self.plane(plane), plane == "mask", level, x, y)

    def cuts(
        self, kind: str, plane: str = "image", box: tuple[int, int, int, int] | None = None
    ) -> tuple[float, float]:
        """(black, white) of a plane, or of its pixels ``box`` = (x0, y0, x1, y1), the last ones not included."""
        if box is None and plane == "image":
            return cuts.cuts(self._sample, kind, self._extent if kind == "minmax" else None)
        return cuts.cuts(cuts.sample(self._box(plane, box)), kind)

    def histogram(
        self, low: float, high: float, plane: str = "image", box: tuple[int, int, int, int] | None = None
    ) -> dict[str, Any]:
        """Counts between two levels (of a million pixels spread evenly, when there are more)."""
        if not (math.isfinite(low) and math.isfinite(high) and low < high):
            raise FormatError("A histogram needs two levels, the lower one first.")
        whole = box is None and plane == "image"
        return cuts.histogram(self._sample if whole else cuts.sample(self._box(plane, box)), low, high)

    def at(self, x: float, y: float) -> Reading | None:
        """What is at a 0-based pixel (centres at whole numbers); None beside the image."""
        column, row = math.floor(x + 0.5), math.floor(y + 0.5)
        if not (0 <= column < self.nx and 0 <= row < self.ny):
            return None
        planes = self.planes
        value = planes.image[row, column].item()
        variance = None if planes.variance is None else planes.variance[row, column].item()
        mask = 0 if planes.mask is None else int(planes.mask[row, column])
        ra = dec = math.nan
        if planes.wcs is not None:
            ra, dec = (float(one[0]) for one in lattice.sky_of(planes.wcs, np.array([x]), np.array([y])))
        return Reading(
            column,
            row,
            _finite(value),
            str(planes.image[row, column]),
            _finite(variance),
            mask,
            tuple(bit.name for bit in planes.bits if mask >> bit.bit & 1),
            _finite(ra),
            _finite(dec),
            (x + 1, y + 1),
            (x + planes.lsst.x0, y + planes.lsst.y0),
        )

    def sky_of(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """ICRS degrees of 0-based pixels, NaN where there is no sky. Raises FormatError without world coordinates."""
        return lattice.sky_of(self._wcs(), np.asarray(x, float), np.asarray(y, float))

    def pixels_of(self, ra: np.ndarray, dec: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """0-based pixels of ICRS degrees, NaN for places that do not project. Raises FormatError as ``sky_of``."""
        return lattice.pixels_of(self._wcs(), ra, dec)

    def onto(self, other: Frame) -> dict[str, Any] | None:
        """Where this frame's pixels lie in another one: see ``lattice.warp``. Raises FormatError as ``sky_of``."""
        return lattice.warp(self._wcs(), other._wcs(), other.nx, other.ny)

    @cached_property
    def lattice(self) -> dict[str, Any] | None:
        return None if self.wcs is None else lattice.sky_lattice(self.wcs, self.nx, self.ny)

    def meta(self) -> dict[str, Any]:
        """What the viewer draws the frame by, for JSON: see README, "Images"."""
        planes, sky = self.planes, dict(self.lattice or {})
        scale, north = sky.pop("scale_arcsec", None), sky.pop("north_angle", None)
        return {
            "id": self.id,
            "title": self.title,
            "source": self.source,
            "band": planes.band,
            "nx": self.nx,
            "ny": self.ny,
            "unit": planes.unit,
            "levels": tiles.levels(self.nx, self.ny),
            "tile": tiles.TILE,
            "planes": list(self.names),
            "masks": [bit._asdict() for bit in planes.bits],
            "cuts": {kind: list(self.cuts(kind)) for kind in OFFERED},
            "lattice": sky or None,
            "lsst": planes.lsst._asdict(),
            "scale_arcsec": scale,
            "north_angle": north,
            "hdus": list(self.hdus),
            "hdu": planes.hdu,
            "cube": planes.cube,
            "bounds": self.bounds(),
            "notes": list(planes.notes),
        }

    def bounds(self) -> dict[str, Any] | None:
        """Middle, and the corners of the outer pixels (lower left, lower right, upper right, upper left), degrees."""
        if self.lattice is None:
            return None
        nx, ny = self.nx - 0.5, self.ny - 0.5
        x, y = np.array([-0.5, nx, nx, -0.5, (nx - 0.5) / 2]), np.array([-0.5, -0.5, ny, ny, (ny - 0.5) / 2])
        ra, dec = self.sky_of(x, y)
        corners = np.stack([ra, dec], axis=1)
        return {"centre": corners[4].tolist(), "corners": corners[:4].tolist()}

    @cached_property
    def _sample(self) -> np.ndarray:
        return cuts.sample(self.planes.image)

    @cached_property
    def _extent(self) -> tuple[float, float] | None:
        low, high = math.inf, -math.inf
        for start in range(0, self.ny, 256):  # bands: no second copy of a large image
            part = np.asarray(self.planes.image[start : start + 256])
            part = part[np.isfinite(part)]
            if part.size:
                low, high = min(low, float(part.min())), max(high, float(part.max()))
        return (low, high) if low <= high else None

    def _box(self, plane: str, box: tuple[int, int, int, int] | None) -> np.ndarray:
        pixels = self.plane(plane)
        if box is None:
            return pixels
        x0, y0, x1, y1 = box
        return pixels[max(0, y0) : max(0, y1), max(0, x0) : max(0, x1)]

    def _wcs(self) -> WCS:
        if self.planes.wcs is None:
            raise FormatError(f"{self.title or 'The image'} has no world coordinates.", "Lock by pixels instead.")
        return self.planes.wcs


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
