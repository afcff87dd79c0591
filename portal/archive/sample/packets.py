"""The three stamps of an alert packet, as Rubin lays them out: PRIMARY (nJy), UNCERT (variance), PSFIMAGE.

Knows pixels and FITS; nothing of packets' other fields.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from portal.archive.sample.mixtures import mixture

if TYPE_CHECKING:
    from portal.archive.sample.exposure import Exposure
    from portal.archive.sample.render import SkyPixels

Card = tuple[str, Any, str]  # keyword, value, comment
BLOCK = 2880  # bytes: FITS comes in these
SIDE = 30  # pixels of a stamp
PSF_SIDE = 41
BEFORE = SIDE // 2 - 1  # pixels to the left of the source's own


def cutouts(pixels: SkyPixels, source: Mapping[str, Any]) -> dict[str, bytes | None]:
    """The fields cutoutDifference, cutoutScience and cutoutTemplate of a DiaSource (visit, detector, ra, dec).

    The template is the visit minus the difference: what was taken away, in the visit's seeing and on its pixels.
    All None when the source does not lie on the detector.
    """
    exposure = pixels.exposure(source["visit"], source["detector"])
    x, y = (float(value) for value in exposure.to_pixel(source["ra"], source["dec"]))
    x0, y0 = math.floor(x) - BEFORE, math.floor(y) - BEFORE
    # A stamp that reaches over the rim is NaN there.
    left, right = max(x0, 0), min(x0 + SIDE, exposure.nx)
    low, high = max(y0, 0), min(y0 + SIDE, exposure.ny)
    if left >= right or low >= high:
        return dict.fromkeys(("cutoutDifference", "cutoutScience", "cutoutTemplate"))
    part = slice(low - y0, high - y0), slice(left - x0, right - x0)
    planes = {}
    for kind in ("visit_image", "difference_image"):
        box = pixels.box(kind, exposure, exposure.band, left, low, right - left, high - low)
        image, variance = (np.full((SIDE, SIDE), np.nan, np.float32) for _ in range(2))
        image[part], variance[part] = box.image, box.variance
        planes[kind] = image, variance
    science, difference = planes["visit_image"], planes["difference_image"]
    template = science[0] - difference[0], np.maximum(difference[1] - science[1], 0)
    psf = psf_image(exposure.seeing, exposure.scale)
    head = _header(exposure, source, x, y, x0, y0)
    return {
        "cutoutDifference": _file(head, *difference, psf),
        "cutoutScience": _file(head, *science, psf),
        "cutoutTemplate": _file(head, *template, psf),
    }


def psf_image(seeing: float, scale: float) -> np.ndarray:
    """The PSF (FWHM in arcsec) on pixels of ``scale`` arcsec, (41, 41) float64 of sum 1."""
    weight, variance = mixture("moffat")
    along = np.arange(PSF_SIDE) - PSF_SIDE // 2
    pixel = variance * (seeing / scale) ** 2 + 1 / 12  # a pixel's own second moment
    profiles = np.exp(-0.5 * along[:, None] ** 2 / pixel) / np.sqrt(2 * np.pi * pixel)
    image = np.einsum("k,yk,xk->yx", weight, profiles, profiles)
    return image / image.sum()


def _header(exposure: Exposure, source: Mapping[str, Any], x: float, y: float, x0: int, y0: int) -> list[Card]:
    """Cards of a stamp: the tangent plane about the source, on the pixels of the detector."""
    near = np.array([0.0, 1.0, 0.0]), np.array([0.0, 0.0, 1.0])
    ra, dec = exposure.to_sky(x + near[0], y + near[1])
    east, north = (ra - ra[0]) * math.cos(math.radians(source["dec"])), dec - dec[0]
    return [
        # A detector pixel (counted from 0) is the stamp's pixel (counted from 1) plus these.
        ("CUTMINX", x0 - 1, "detector x of the column before the first"),
        ("CUTMINY", y0 - 1, "detector y of the row before the first"),
        ("ROTPA", exposure.rotation, "[deg] position angle of the detector's y axis"),
        ("BUNIT", "nJy", ""),
        ("WCSAXES", 2, ""),
        ("CTYPE1", "RA---TAN", ""),
        ("CTYPE2", "DEC--TAN", ""),
        ("CUNIT1", "deg", ""),
        ("CUNIT2", "deg", ""),
        ("CRPIX1", x - x0 + 1, "the source, pixels from 1"),
        ("CRPIX2", y - y0 + 1, ""),
        ("PC1_1", float(east[1]), "[deg/pixel]"),
        ("PC1_2", float(east[2]), ""),
        ("PC2_1", float(north[1]), ""),
        ("PC2_2", float(north[2]), ""),
        ("CDELT1", 1.0, ""),
        ("CDELT2", 1.0, ""),
        ("CRVAL1", float(source["ra"]), "[deg] the source"),
        ("CRVAL2", float(source["dec"]), ""),
        ("RADESYS", "ICRS", ""),
    ]


def _file(head: list[Card], image: np.ndarray, variance: np.ndarray, psf: np.ndarray) -> bytes:
    """A stamp as a FITS file, written here: astropy takes as long for it as drawing and all queries do (10 ms)."""
    primary = [("SIMPLE", True, "conforms to FITS standard"), *_axes(image), ("EXTEND", True, ""), *head]
    uncertainty = [*_extension(variance), ("UTYPE", "VarianceUncertainty", ""), ("EXTNAME", "UNCERT", "nJy2")]
    kernel = [*_extension(psf), ("EXTNAME", "PSFIMAGE", "sum 1")]
    return b"".join([_head(primary), _data(image), _head(uncertainty), _data(variance), _head(kernel), _data(psf)])


def _axes(array: np.ndarray) -> list[Card]:
    ny, nx = array.shape
    return [("BITPIX", -8 * array.itemsize, ""), ("NAXIS", 2, ""), ("NAXIS1", nx, ""), ("NAXIS2", ny, "")]


def _extension(array: np.ndarray) -> list[Card]:
    return [("XTENSION", "IMAGE", ""), *_axes(array), ("PCOUNT", 0, ""), ("GCOUNT", 1, "")]


def _head(cards: list[Card]) -> bytes:
    """Cards in FITS's 80 columns, filled up to whole blocks."""
    lines = []
    for name, value, about in cards:
        if isinstance(value, str):
            text = f"'{value:<8}'"
        elif isinstance(value, bool):
            text = f"{'T' if value else 'F':>20}"
        else:
            text = f"{repr(value).upper():>20}"
        lines.append(f"{name:<8}= {text}{f' / {about}' if about else ''}"[:80].ljust(80))
    text = "".join([*lines, "END".ljust(80)])
    return text.ljust(-(-len(text) // BLOCK) * BLOCK).encode("ascii")


def _data(array: np.ndarray) -> bytes:
    data = array.astype(array.dtype.newbyteorder(">")).tobytes()
    return data.ljust(-(-len(data) // BLOCK) * BLOCK, b"\0")
