"""One image as shown, DS9's frame: its planes, their names and units, and where on the sky each pixel lies."""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple, Protocol

import numpy as np
from astropy.wcs import WCS

from portal.errors import FormatError
from portal.image import cuts, lattice, tiles
from portal.image.headers import Card
from portal.image.planes import PLANES, Planes

OFFERED = ("zscale", "minmax", "sigma", "99.5", "99", "98", "95", "90")  # the cuts of ``meta``


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


class File(Protocol):
    """What a frame asks of the file it is from (see ``file.ImageFile``)."""

    source: str
    hdus: tuple[dict[str, Any], ...]

    def cards(self, hdu: int) -> list[Card]: ...

    def frame(self, hdu: int, at: Sequence[int], stop: threading.Event | None) -> Frame: ...

    def close(self) -> None: ...


@dataclass(eq=False)
class Described:
    """Of a frame made from arrays: what it shall say of a file."""

    source: str = ""
    hdus: tuple[dict[str, Any], ...] = ()
    headers: Sequence[list[Card]] = ()

    def cards(self, hdu: int) -> list[Card]:
        return self.headers[hdu] if 0 <= hdu < len(self.headers) else []

    def frame(self, hdu: int, at: Sequence[int], stop: threading.Event | None) -> Frame:
        raise FormatError("This image was not read from a file.")

    def close(self) -> None:
        """There is nothing to let go of."""


@dataclass(eq=False)
class Frame:
    """A frame of a page. Pixels are read when first needed; calls that need them can take a second then."""

    title: str
    planes: Planes
    file: File = field(default_factory=Described, repr=False)
    id: str = ""

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
    def unit(self) -> str:
        return self.planes.unit

    @property
    def nbytes(self) -> int:
        """Of all planes, also of those that are not read yet."""
        return sum(getattr(self.planes, name).nbytes for name in self.names)

    @property
    def is_quick(self) -> bool:
        """Whether ``quick`` gives a first picture sooner than ``tile`` would."""
        return self.planes.image.has_rows and not self.planes.image.ready

    @property
    def names(self) -> tuple[str, ...]:
        """Those of ``PLANES`` that there are."""
        return tuple(name for name in PLANES if getattr(self.planes, name) is not None)

    def plane(self, name: str) -> np.ndarray:
        """Pixels (ny, nx) of one of ``PLANES`` in the file's own type. Raises FormatError when there is none."""
        found = getattr(self.planes, name) if name in PLANES else None
        if found is None:
            raise FormatError(f"The image has no plane {name[:40]!r}.", f"It has {', '.join(self.names)}.")
        return found.pixels()

    def cards(self, hdu: int = -1) -> list[Card]:
        """The cards of an HDU (-1: of the one shown). Raises FormatError for an HDU that there is not."""
        return self.file.cards(self.planes.hdu if hdu == -1 else hdu)

    def quick(self) -> np.ndarray:
        """The tile of the last level, float32, from some of the rows where that ``is_quick``: for a first picture."""
        level = tiles.levels(self.nx, self.ny) - 1
        if self.is_quick and level:
            return tiles.of_rows(self.planes.image.rows(1 << level), level)
        return self.tile("image", level, 0, 0)

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
        value = self.plane("image")[row, column]
        variance = None if planes.variance is None else self.plane("variance")[row, column].item()
        mask = 0 if planes.mask is None else int(self.plane("mask")[row, column])
        ra = dec = math.nan
        if planes.wcs is not None:
            ra, dec = (float(one) for one in lattice.sky_of(planes.wcs, x, y))
        return Reading(
            column,
            row,
            _finite(value.item()),
            str(value.item() if value.dtype.kind in "iu" else value),
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
        """What the viewer draws the frame by, for JSON.

        ``levels`` and ``tile``: see ``tiles``; ``masks``: {"name", "bit", "doc"}; ``cuts``: kind to [black, white] (of
        a ``quick`` frame without "minmax", for which all pixels are needed); ``lattice``, ``scale_arcsec`` and
        ``north_angle``: see ``lattice.sky_lattice``, null without one; ``lsst``: {"x0", "y0"}; ``hdus``, ``hdu`` and
        ``cube``: what else the file holds, and which of it is shown; ``notes``: sentences for the user.
        """
        planes, sky = self.planes, dict(self.lattice or {})
        scale, north = sky.pop("scale_arcsec", None), sky.pop("north_angle", None)
        return {
            "id": self.id,
            "title": self.title,
            "source": self.file.source,
            "band": planes.band,
            "nx": self.nx,
            "ny": self.ny,
            "unit": planes.unit,
            "levels": tiles.levels(self.nx, self.ny),
            "tile": tiles.TILE,
            "planes": list(self.names),
            "masks": [bit._asdict() for bit in planes.bits],
            "cuts": {kind: list(self.cuts(kind)) for kind in OFFERED if kind != "minmax" or not self.is_quick},
            "lattice": sky or None,
            "lsst": planes.lsst._asdict(),
            "scale_arcsec": scale,
            "north_angle": north,
            "hdus": list(self.file.hdus),
            "hdu": planes.hdu,
            "cube": planes.cube,
            "bounds": self.bounds(),
            "notes": [*planes.notes, *([] if self._sample.size else ["No pixel of the image has a value."])],
            "quick": self.is_quick,
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
        image = self.planes.image
        if image.has_rows:  # the same values before and after all pixels are there
            return cuts.sample(image.rows(1 << (tiles.levels(self.nx, self.ny) - 1)))
        return cuts.sample(image.pixels())

    @cached_property
    def _extent(self) -> tuple[float, float] | None:
        low, high = math.inf, -math.inf
        pixels = self.plane("image")
        for start in range(0, self.ny, 256):  # bands: no second copy of a large image
            part = pixels[start : start + 256]
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
