"""A part of a frame as a FITS file: all its planes, with their headers, world coordinates and parent pixels kept."""

from __future__ import annotations

import re
from io import BytesIO

import numpy as np
from astropy.io import fits

from portal.errors import FormatError, LimitError
from portal.image.frame import Frame

MOST_PIXELS = 1 << 26  # of one plane: a whole 8k x 8k mosaic, 800 MB with mask and variance
# Cards that say how a file is made rather than what it shows; astropy writes its own.
STRUCTURE = re.compile(
    r"SIMPLE|BITPIX|NAXIS\d*|EXTEND|XTENSION|PCOUNT|GCOUNT|GROUPS|BSCALE|BZERO|BLANK|CHECKSUM|DATASUM|END"
    r"|Z(IMAGE|SIMPLE|TENSION|BITPIX|NAXIS\d*|TILE\d+|CMPTYPE|NAME\d+|VAL\d+|QUANTIZ|DITHER0|BLANK|PCOUNT|GCOUNT"
    r"|EXTEND|HECKSUM|DATASUM)|EXTNAME|TFIELDS|T(TYPE|FORM|UNIT|NULL|ZERO|SCAL|DIM|DISP)\d+|INHERIT"
)
CORNER = re.compile(r"(CRPIX|LTV)([12])([A-Z]?)")


def cutout(frame: Frame, box: tuple[int, int, int, int]) -> bytes:
    """A FITS file of the pixels ``box`` = (x0, y0, x1, y1), from 0, the last ones not included.

    HDUs: PRIMARY without pixels, then IMAGE and, where there are, MASK and VARIANCE, in the file's own types; CRPIX,
    LTV and the LSST parent origin (CRVAL1A, CRVAL2A) are those of the part. Raises FormatError for a part without
    pixels and LimitError above 67 million.
    """
    x0, y0, x1, y1 = max(0, box[0]), max(0, box[1]), min(frame.nx, box[2]), min(frame.ny, box[3])
    if x0 >= x1 or y0 >= y1:
        raise FormatError("There are no pixels in this part.", "Move the image into view.")
    if (x1 - x0) * (y1 - y0) > MOST_PIXELS:
        raise LimitError(f"A cutout holds at most {MOST_PIXELS:,} pixels.", "Zoom in, or save the whole file.")
    hdus = [fits.PrimaryHDU(header=_header(frame, 0) if frame.planes.hdu else None)]
    for name in frame.names:
        header = _header(frame, frame.planes.hdu if name == "image" else _place(frame, name))
        if name == "mask":
            for bit in frame.planes.bits:
                header[f"MP_{bit.name}" if len(bit.name) < 6 else f"HIERARCH MP_{bit.name}"] = bit.bit
        if frame.wcs is not None and "CTYPE1" not in header:  # a plane whose place only another HDU tells
            header.update(frame.wcs.to_header(relax=True))
        _move(header, x0, y0)
        pixels = np.asarray(frame.plane(name)[y0:y1, x0:x1])
        hdus.append(fits.ImageHDU(pixels, header, name=name.upper()))
    out = BytesIO()
    fits.HDUList(hdus).writeto(out, output_verify="silentfix+ignore")
    return out.getvalue()


def _place(frame: Frame, name: str) -> int:
    """The HDU of a plane by its name; -1 when the file does not name it."""
    return next((hdu["index"] for hdu in frame.file.hdus if str(hdu["name"]).upper() == name.upper()), -1)


def _header(frame: Frame, place: int) -> fits.Header:
    """The cards of an HDU that say what it shows."""
    made = fits.Header()
    if place < 0:
        return made
    for keyword, value, comment in frame.cards(place):
        if not keyword or STRUCTURE.fullmatch(keyword):
            continue
        try:
            if keyword in ("COMMENT", "HISTORY"):
                made[keyword] = value
            else:
                made[keyword if len(keyword) <= 8 else f"HIERARCH {keyword}"] = (value, comment)
        except ValueError:
            continue  # a card that the standard does not allow is not written again
    return made


def _move(header: fits.Header, x0: int, y0: int) -> None:
    """Give a header the corner of a part: reference pixels move against it, the parent's pixel with it."""
    corner = {"1": x0, "2": y0}
    for axis in corner:
        if f"CTYPE{axis}" in header:
            header.setdefault(f"CRPIX{axis}", 0.0)  # what the standard takes for a card that is not there
    for key in list(header):
        found = CORNER.fullmatch(key)
        if found is None or isinstance(header[key], str | bool):
            continue
        origin = f"CRVAL{found[2]}{found[3]}"
        if found[1] == "CRPIX" and found[3] and header.get(f"CTYPE{found[2]}{found[3]}") == "LINEAR":
            header[origin] = header.get(origin, 0) + corner[found[2]]
        else:
            header[key] -= corner[found[2]]
