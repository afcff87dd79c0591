"""A small grey picture of an image, for lists."""

from __future__ import annotations

import math
import tempfile
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from portal.image.file import ImageFile
from portal.image.frame import Frame
from portal.image.lattice import plane

SIZE = 64  # pixels a side


def thumbnail(fits: bytes, size: int = SIZE) -> bytes:
    """PNG of a FITS image from a service, at most ``size`` pixels a side, asinh stretch between zscale cuts.

    North is up and east left, to the next quarter turn. Raises FormatError and LimitError as ``ImageFile.open``.
    """
    with tempfile.TemporaryDirectory(prefix="thumbnail-") as scratch:
        file = ImageFile.open(fits, "The image", Path(scratch), foreign=False)
        try:
            frame = file.frame()
            pixels = _turned(frame, np.asarray(frame.plane("image"), np.float32))
            low, high = frame.cuts("zscale")
        finally:
            file.close()
    level = np.arcsinh(10 * np.clip((np.nan_to_num(pixels, nan=low) - low) / (high - low), 0, None)) / math.asinh(30)
    grey = (255 * np.clip(level, 0, 1)).astype(np.uint8)[::-1]  # row 0 of a PNG is its top
    picture = Image.fromarray(grey)
    picture.thumbnail((size, size))
    out = BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


def _turned(frame: Frame, pixels: np.ndarray) -> np.ndarray:
    """Row 0 to the south, column 0 to the east, as nearly as quarter turns and mirrors bring them."""
    if frame.wcs is None:
        return pixels
    x, y = (frame.nx - 1) / 2, (frame.ny - 1) / 2
    ra, dec = np.radians(frame.sky_of([x, x + 1, x], [y, y, y + 1]))
    xi, eta, _ = plane(ra, dec, ra[0], dec[0])
    if not np.isfinite([xi, eta]).all() or not np.linalg.det([xi[1:], eta[1:]]):
        return pixels
    # Rows of the inverse: how far along x and y one step to the east and to the north leads.
    (east_x, north_x), (east_y, north_y) = np.linalg.inv([xi[1:], eta[1:]])
    if abs(north_x) > abs(north_y):
        pixels, east_x, north_y = pixels.T, east_y, north_x
    return pixels[:: -1 if north_y < 0 else 1, :: -1 if east_x > 0 else 1]
