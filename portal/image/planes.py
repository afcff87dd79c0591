"""What a file gives for one frame: image, mask and variance, and what its headers say of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from astropy.wcs import WCS

from portal.image.masks import MaskBit
from portal.image.plane import Plane

PLANES = ("image", "mask", "variance")


class Lsst(NamedTuple):
    """Pixel of the parent image (LSST convention, counted from 0) that this image's first pixel is."""

    x0: int
    y0: int


@dataclass(frozen=True)
class Planes:
    """What a file gives for one frame: pixels (ny, nx), row 0 at the bottom, and what its headers say of them.

    ``mask`` is int32. ``cube`` is {"axes": [{"name", "size"}, ...], "at": [plane, ...]} (FITS axes 3 and up).
    ``notes`` are sentences for the user.
    """

    image: Plane | np.ndarray
    mask: Plane | np.ndarray | None = None
    variance: Plane | np.ndarray | None = None
    bits: tuple[MaskBit, ...] = ()
    unit: str = ""
    band: str = ""
    lsst: Lsst = Lsst(0, 0)
    wcs: WCS | None = None
    hdu: int = 0
    cube: dict[str, Any] | None = None
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in PLANES:
            if isinstance(pixels := getattr(self, name), np.ndarray):
                object.__setattr__(self, name, Plane.of(pixels))
