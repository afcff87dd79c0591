"""A cutout as a picture (PNG, JPEG) and without the pixels outside its stencil.

Knows pixel values and files; the pixels themselves come from ``images``. Pictures stand as the pixels do, y upwards:
north is where the image has it.
"""

from __future__ import annotations

import io

import numpy as np
from astropy.io import fits
from astropy.visualization import ZScaleInterval
from PIL import Image

from .cutouts import STRETCHES
from .params import Parameters, UsageError

CUTS = ("zscale", "minmax")
SOFT = 0.1  # of the range between black and white: where asinh turns from linear to logarithmic
BRIGHT = 99.8  # per cent of the pixels below white when the stretch shows faint and bright alike
NO_VALUE = -(2**31)  # BLANK of whole numbers
QUALITY = 92  # of JPEG: above it files grow and nothing is seen
NO_DATA = 8  # bit of NO_DATA in masks whose header does not tell (Rubin's default planes)


def blanked(content: bytes, inside: np.ndarray) -> bytes:
    """The FITS file ``content`` with nothing outside the shape ``inside`` (ny, nx).

    Image and variance become NaN there (BLANK for whole numbers), the mask gets NO_DATA.
    """
    with fits.open(io.BytesIO(content), memmap=False) as hdus:
        for hdu in hdus[1:]:
            if hdu.data is None or hdu.data.shape != inside.shape:
                continue
            if hdu.name == "MASK":
                hdu.data[~inside] |= 1 << int(hdu.header.get("MP_NO_DATA", NO_DATA))
            elif hdu.data.dtype.kind == "f":
                hdu.data[~inside] = np.nan
            else:
                hdu.data[~inside] = NO_VALUE
                hdu.header["BLANK"] = (NO_VALUE, "outside of what was asked for")
            hdu.header["OUTSIDE"] = ("blank", "pixels outside the stencil are blank")
            hdu.add_checksum(when="of these pixels")
        out = io.BytesIO()
        hdus.writeto(out)
    return out.getvalue()


def levels(image: np.ndarray, asked: Parameters) -> np.ndarray:
    """Brightness from 0 to 1 of the pixels of an image, NaN where it has no value.

    By STRETCH (asinh, linear, sqrt, log) and LIMITS (zscale, minmax or two values). Raises UsageError.
    """
    stretch = asked.choice("STRETCH", STRETCHES, "asinh")
    black, white = _limits(image, asked.get("LIMITS") or "zscale", wide=stretch != "linear")
    with np.errstate(invalid="ignore"):
        share = np.clip((image.astype(np.float32) - black) / (white - black), 0, 1)
    if stretch == "asinh":
        return np.arcsinh(share / SOFT) / np.arcsinh(1 / SOFT)
    if stretch == "log":
        return np.log1p(1000 * share) / np.log(1001)
    return np.sqrt(share) if stretch == "sqrt" else share


def _limits(image: np.ndarray, text: str, wide: bool) -> tuple[float, float]:
    words = text.replace(",", " ").split()
    if len(words) == 2:
        try:
            black, white = (float(word) for word in words)
        except ValueError:
            black = white = 0.0
        if not (np.isfinite([black, white]).all() and black < white):
            raise UsageError(f"LIMITS={text[:60]!r} are no two growing numbers.", "Send LIMITS=zscale or two values.")
        return black, white
    kind = Parameters([("LIMITS", text)]).choice("LIMITS", CUTS, "zscale")
    good = image[np.isfinite(image)]
    if not good.size:
        return 0.0, 1.0
    if kind == "minmax":
        black, white = float(good.min()), float(good.max())
    else:
        try:
            black, white = map(float, ZScaleInterval().get_limits(good))
        except (ValueError, IndexError):  # too few pixels for it
            black, white = float(good.min()), float(good.max())
        if wide:
            white = max(white, float(np.percentile(good, BRIGHT)))
    return (black, white) if white > black else (black, black + 1.0)


def picture(content: bytes, form: str, asked: Parameters, inside: np.ndarray | None = None) -> bytes:
    """The IMAGE plane of a FITS file as ``form``, png or jpeg, 8 bits grey.

    Pixels without value or not ``inside`` are transparent in PNG and black in JPEG. Raises UsageError (``levels``).
    """
    with fits.open(io.BytesIO(content), memmap=False) as hdus:
        image = np.asarray(hdus["IMAGE"].data)
    shown = np.isfinite(image) if inside is None else np.isfinite(image) & inside
    grey = np.nan_to_num(levels(np.where(shown, image, np.nan), asked)) * 255
    grey = np.round(grey).astype(np.uint8)[::-1]
    out = io.BytesIO()
    if form == "png":
        alpha = np.where(shown, 255, 0).astype(np.uint8)[::-1]
        pixels = grey if shown.all() else np.stack([grey, alpha], axis=-1)
        Image.fromarray(np.ascontiguousarray(pixels)).save(out, "PNG", compress_level=3)
    else:
        Image.fromarray(np.ascontiguousarray(grey)).save(out, "JPEG", quality=QUALITY)
    return out.getvalue()
