"""A FITS file in memory to the planes of a frame: which HDUs belong together, and what their headers say."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from portal.errors import FormatError
from portal.image.headers import Part, band_of, check_size, lsst_origin, unit_of
from portal.image.masks import mask_bits
from portal.image.pixels import plain_pixels, scaled
from portal.image.plane import Plane, room
from portal.image.planes import Lsst, Planes
from portal.image.world import celestial

SEVERAL = 1 << 20  # pixels from which some rows come noticeably sooner than all
IMAGES, MASKS, VARIANCES = ("IMAGE", "SCI"), ("MASK", "DQ"), ("VARIANCE", "VAR")
MOST_AXES = 8


class NotOursError(Exception):
    """A compression that the process of the portal does not unpack itself."""


def default_part(parts: Sequence[Part]) -> Part:
    """The HDU that is shown first. Raises FormatError for a file without one."""
    pictures = [part for part in parts if part.is_picture]
    if not pictures:
        lines = any(part.kind in ("image", "compressed") and sum(n > 1 for n in part.axes) == 1 for part in parts)
        tables = any(part.kind == "table" for part in parts)
        raise FormatError(
            "The file holds no image of two or more dimensions."
            + (" It has a one-dimensional array." if lines else ""),
            "It holds a table: open it as a table, under Upload." if tables else "Open another file.",
        )
    named = [part for part in pictures if part.name in IMAGES]
    return (named or [part for part in pictures if part.name not in MASKS + VARIANCES] or pictures)[0]


def planes_of(
    parts: Sequence[Part], buffer: np.ndarray, scratch: Path, number: int = -1, at: Sequence[int] = (),
    whole: Path | None = None,
) -> Planes:  # fmt: skip
    """The planes of an HDU (-1: the default one), of a cube those ``at`` (from 0) on axes 3 and up.

    Pixels are made when asked for. ``whole``: the file, for compressions that only the FITS library knows; without
    it these raise NotOursError. Raises FormatError and LimitError for anything that cannot be shown.
    """
    part = default_part(parts) if number < 0 else _chosen(parts, number)
    check_size(part)
    at, plane = _place(part, at)
    fellows = {} if part.name in MASKS + VARIANCES else _fellows(parts, part)
    for fellow in fellows.values():
        check_size(fellow)
    made = {name: _plane(buffer, one, plane, scratch, whole, name) for name, one in fellows.items()}
    header = part.header()
    wcs, note = celestial(header)
    names = (header.get(f"CTYPE{axis}", "") for axis in range(3, len(part.axes) + 1))
    axes = [{"name": str(name).strip(), "size": size} for name, size in zip(names, part.axes[2:])]
    return Planes(
        image=_plane(buffer, part, plane, scratch, whole, "image"),
        mask=made.get("mask"),
        variance=made.get("variance"),
        bits=mask_bits(fellows["mask"].hdu.header) if "mask" in fellows else (),
        unit=unit_of(part, parts[0]),
        band=band_of(part, parts[0]),
        lsst=Lsst(*lsst_origin(part)),
        wcs=wcs,
        hdu=part.number,
        cube={"axes": axes, "at": list(at)} if any(axis["size"] > 1 for axis in axes) else None,
        notes=(note,) if note else (),
    )


def _chosen(parts: Sequence[Part], number: int) -> Part:
    if number >= len(parts) or not parts[number].is_picture:
        raise FormatError(f"HDU {number} holds no image.", "Choose another one.")
    return parts[number]


def _place(part: Part, at: Sequence[int]) -> tuple[tuple[int, ...], int]:
    """Plane on each further axis, and its number counted over all of them."""
    sizes = part.axes[2:]
    if len(sizes) > MOST_AXES:
        raise FormatError(f"The image has {len(part.axes)} axes.", f"The viewer takes up to {MOST_AXES + 2}.")
    at = tuple(at) or (0,) * len(sizes)
    if len(at) != len(sizes) or any(not 0 <= one < size for one, size in zip(at, sizes)):
        raise FormatError(f"The image has no plane {', '.join(map(str, at))}.", f"Its axes have {sizes} planes.")
    number, stride = 0, 1
    for one, size in zip(at, sizes):
        number, stride = number + one * stride, stride * size
    return at, number


def _fellows(parts: Sequence[Part], part: Part) -> dict[str, Part]:
    """Mask and variance of an image: of the same size and version, the first ones after it."""
    found = {}
    version = part.hdu.whole("EXTVER", 1)
    for name, names in (("mask", MASKS), ("variance", VARIANCES)):
        for other in parts[part.number + 1 :]:
            same = other.is_picture and other.axes == part.axes and other.hdu.whole("EXTVER", 1) == version
            if same and other.name in names and (name == "variance" or other.bitpix > 0):
                found[name] = other
                break
    return found


def _plane(buffer: np.ndarray, part: Part, plane: int, scratch: Path, whole: Path | None, name: str) -> Plane:
    ny, nx = part.axes[1], part.axes[0]
    finish = (lambda raw: _as_mask(scaled(raw, part, scratch), scratch)) if name == "mask" else None
    finish = finish or (lambda raw: scaled(raw, part, scratch))
    if part.kind != "compressed":
        return Plane((ny, nx), lambda: finish(plain_pixels(buffer, part, plane)))
    from portal.image.compressed import OURS, Packed  # its compiled loops take half a second to load

    if part.hdu.value("ZCMPTYPE") not in OURS:
        if whole is None:
            raise NotOursError(part.hdu.value("ZCMPTYPE"))
        return Plane((ny, nx), lambda: _by_library(whole, part, plane))
    packed = Packed(buffer, part)
    soon = name == "image" and packed.has_rows and ny * nx >= SEVERAL
    rows = (lambda step: scaled(packed.rows(plane, step), part, scratch)) if soon else None
    return Plane((ny, nx), lambda: finish(packed.pixels(plane, scratch)), rows)


def _as_mask(raw: np.ndarray, scratch: Path) -> np.ndarray:
    """int32 with the lowest 32 bits as they are."""
    if raw.dtype == np.int32:
        return raw
    out = room(raw.shape, np.dtype(np.int32), scratch)
    out[:] = raw.astype(np.int64).astype(np.int32) if raw.dtype.kind in "iu" else 0
    return out


def _by_library(whole: Path, part: Part, plane: int) -> np.ndarray:
    from astropy.io import fits

    with fits.open(whole, memmap=False) as hdus:
        found: Any = hdus[part.number].data
    return np.asarray(found).reshape(-1, part.axes[1], part.axes[0])[plane]
