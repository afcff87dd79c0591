"""Pixels of an image HDU that is not compressed, and what BSCALE, BZERO and BLANK make of whole numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from portal.errors import FormatError
from portal.image.headers import Part
from portal.image.plane import room

TYPES = {8: ">u1", 16: ">i2", 32: ">i4", 64: ">i8", -32: ">f4", -64: ">f8"}
UNSIGNED = {(8, -128.0): "i1", (16, 2.0**15): "u2", (32, 2.0**31): "u4", (64, 2.0**63): "u8"}
BAND = 1 << 22  # pixels at a time


def plain_pixels(buffer: np.ndarray, part: Part, plane: int) -> np.ndarray:
    """A plane (counted over axes 3 and up) as it lies in the file: big-endian, not scaled, not copied."""
    nx, ny = part.axes[:2]
    kind = np.dtype(TYPES[part.bitpix])
    return np.ndarray((ny, nx), kind, buffer, part.hdu.start + plane * nx * ny * kind.itemsize)


def scaled(raw: np.ndarray, part: Part, scratch: Path) -> np.ndarray:
    """The values that whole numbers stand for (FITS 4.0, 4.4.2.5): floats, whole numbers where they are shifted only.

    Floats that are not scaled come back as they are, as do whole numbers without BSCALE, BZERO and BLANK.
    """
    scale, zero = part.hdu.number_of("BSCALE", 1.0), part.hdu.number_of("BZERO", 0.0)
    blank = part.hdu.number_of("BLANK", np.nan) if part.bitpix > 0 else np.nan
    if scale == 1 and zero == 0 and blank != blank:
        return raw
    if not np.isfinite([scale, zero]).all():
        raise FormatError(f"The image has BSCALE = {scale} and BZERO = {zero}.", "The file is damaged.")
    kind = UNSIGNED.get((part.bitpix, float(zero))) if scale == 1 and blank != blank else None
    out = room(
        raw.shape, np.dtype(kind or ("f4" if abs(part.bitpix) in (8, 16) or part.bitpix == -32 else "f8")), scratch
    )
    step = max(1, BAND // raw.shape[1])
    for row in range(0, raw.shape[0], step):
        some = raw[row : row + step]
        if kind:
            # The sign bit turned over is the shift by half the range, whatever the type.
            bits = some.astype(f"u{some.itemsize}")
            out[row : row + step] = (bits ^ (1 << (some.itemsize * 8 - 1))).astype(out.dtype)
            continue
        value = some.astype("f8") * scale + zero
        if blank == blank:
            value[some == blank] = np.nan
        out[row : row + step] = value
    return out
