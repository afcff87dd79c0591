"""What headers say of images: which HDUs hold one, of what size and type, its unit, band and LSST origin.

A compressed image is described as the image it stands for. No size is believed before ``check_size``.
"""

from __future__ import annotations

import io
import math
import re
import warnings
from typing import Any, NamedTuple

import numpy as np
from astropy.io.fits import Header
from astropy.io.fits.card import Undefined
from astropy.io.fits.verify import VerifyError

from portal.errors import FormatError, LimitError
from portal.table.foreign.fits_file import Hdu, hdus

MAX_PIXELS = 256 << 20  # of one plane, 16k x 16k: 1 GiB as float32; the largest detector mosaics are cut to pieces
MAX_CARDS = 100_000  # of all headers of a file: an exposure with everything has 5,000
LSST_LIMIT = 1 << 31
TABLE_CARD = re.compile(
    r"(T(TYPE|FORM|UNIT|SCAL|ZERO|NULL|DIM|DISP)\d+|TFIELDS|THEAP|PCOUNT|GCOUNT|XTENSION|SIMPLE|EXTEND|BITPIX|NAXIS\d*"
    r"|Z(IMAGE|TENSION|SIMPLE|BITPIX|NAXIS\d*|TILE\d+|CMPTYPE|NAME\d+|VAL\d+|QUANTIZ|DITHER0|HECKSUM|DATASUM|PCOUNT"
    r"|GCOUNT|EXTEND|BLANK)|CHECKSUM|DATASUM)$"
)


Card = list[str | bool | int | float]
"""Keyword, value, comment."""


class Part(NamedTuple):
    """One HDU. ``kind``: image, compressed, table or empty; ``axes``: NAXIS1, NAXIS2, ... of the image or table."""

    hdu: Hdu
    name: str
    kind: str
    axes: tuple[int, ...]

    @property
    def number(self) -> int:
        return self.hdu.number

    @property
    def is_picture(self) -> bool:
        """Whether it has a plane of pixels: at least two axes, none of them empty."""
        return self.kind in ("image", "compressed") and len(self.axes) > 1 and min(self.axes) > 0

    @property
    def bitpix(self) -> int:
        return int(self.hdu.number_of("ZBITPIX" if self.kind == "compressed" else "BITPIX", 0))

    def listed(self) -> dict[str, Any]:
        kind = "compressed image" if self.kind == "compressed" else self.kind
        return {"index": self.number, "name": self.name, "kind": kind, "shape": list(self.axes)}

    def header(self) -> Header:
        """The header of the image that is compressed, without the cards of the table that holds it."""
        if self.kind != "compressed":
            return self.hdu.header
        found = Header([card for card in self.hdu.header.cards if not TABLE_CARD.match(card.keyword)], copy=False)
        for at, length in reversed(list(enumerate(self.axes, 1))):
            found.insert(0, (f"NAXIS{at}", length))
        found.insert(0, ("NAXIS", len(self.axes)))
        found.insert(0, ("BITPIX", self.bitpix))
        return found


def read_parts(buffer: np.ndarray) -> list[Part]:
    """The HDUs of a file in memory (uint8). Raises FormatError for what is no FITS file, LimitError for floods."""
    found, cards = [], 0
    for hdu in hdus(io.BufferedReader(_Bytes(buffer)), buffer.size):
        cards += len(hdu.header)
        if cards > MAX_CARDS:
            raise LimitError(f"The headers of the file have more than {MAX_CARDS:,} cards.", "It may be damaged.")
        found.append(_part(hdu))
    return found


def check_size(part: Part) -> None:
    """Raises FormatError for pixels that cannot be there, LimitError for more than the viewer takes."""
    size = part.axes[0] * part.axes[1]
    if size > MAX_PIXELS:
        raise LimitError(
            f"The image has {part.axes[0]:,} × {part.axes[1]:,} pixels; the viewer takes up to "
            f"{MAX_PIXELS >> 20:,} million.",
            "Ask for a cutout.",
        )
    if part.bitpix not in (8, 16, 32, 64, -32, -64):
        raise FormatError(f"The image has BITPIX = {part.bitpix}, which cannot be.", "The file is damaged.")
    if part.hdu.there < part.hdu.size:
        raise FormatError(
            f"The file ends early: {part.hdu.there:,} of {part.hdu.size:,} bytes of pixels are there.",
            "It was probably cut; fetch it again.",
        )


def cards_of(header: Header) -> list[Card]:
    """Every card; one that makes no sense is named as such."""
    found = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for card in header.cards:
            try:
                value = card.value
                if not isinstance(value, str | bool | int | float):  # complex numbers; values left open
                    value = "" if value is None or isinstance(value, Undefined) else str(value)
                found.append([card.keyword, value, card.comment])
            except (VerifyError, ValueError):
                found.append(["", "(a card that cannot be read)", ""])
    return found


def unit_of(part: Part, first: Part) -> str:
    return part.hdu.value("BUNIT") or first.hdu.value("BUNIT")


def band_of(part: Part, first: Part) -> str:
    """The band, from BAND or the beginning of FILTER (Rubin's physical filters are called like ``r_03``)."""
    for one in (part, first):
        if band := one.hdu.value("BAND"):
            return band[:16]
    for one in (part, first):
        if name := one.hdu.value("FILTER"):
            found = re.fullmatch(r"(?:HSC-)?([a-zA-Z])2?(?:_\d+|_sim_.*)?", name)
            return found[1] if found else "" if name.startswith("_") else name[:16]
    return ""


def lsst_origin(part: Part) -> tuple[int, int]:
    """Pixel of the parent image that the first pixel is (LSST counts from 0): CRVALnA of a linear system, else LTVn."""
    found = []
    for axis in "12":
        value = part.hdu.number_of(f"CRVAL{axis}A", math.nan)
        if part.hdu.value(f"CTYPE{axis}A") == "LINEAR" and math.isfinite(value):
            value += 1 - part.hdu.number_of(f"CRPIX{axis}A", 1.0)
        else:
            value = -part.hdu.number_of(f"LTV{axis}", 0.0)
        found.append(round(value) if math.isfinite(value) and abs(value) < LSST_LIMIT else 0)
    return found[0], found[1]


def _part(hdu: Hdu) -> Part:
    extension = hdu.value("XTENSION")
    name = hdu.name or hdu.value("EXTTYPE") or ("PRIMARY" if hdu.number == 0 else "")
    letter = ""
    if extension == "BINTABLE" and hdu.header.get("ZIMAGE") is True:
        kind, letter = "compressed", "Z"
    elif extension in ("", "IMAGE", "IUEIMAGE"):
        kind = "image"
    else:
        kind = "table"
    count = hdu.whole(f"{letter}NAXIS")
    if count > 999:
        raise FormatError(f"The FITS header has NAXIS = {count}, which cannot be.")
    axes = tuple(hdu.whole(f"{letter}NAXIS{axis}") for axis in range(1, count + 1))
    if kind == "image" and not count:
        kind = "empty"
    return Part(hdu, name.upper() if kind != "table" else name, kind, axes)


class _Bytes(io.RawIOBase):
    """A file over an array, without a copy of it."""

    def __init__(self, buffer: np.ndarray) -> None:
        self._view, self._at = memoryview(buffer), 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, to: int, whence: int = io.SEEK_SET) -> int:
        self._at = to if whence == io.SEEK_SET else self._at + to if whence == io.SEEK_CUR else len(self._view) + to
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, into: memoryview) -> int:
        part = self._view[self._at : self._at + len(into)]
        into[: len(part)] = part
        self._at += len(part)
        return len(part)
