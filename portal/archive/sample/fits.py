"""Deep coadds as FITS files in the layout of Rubin's MaskedImage: PRIMARY, IMAGE, MASK, VARIANCE.

Knows headers and planes; the pixels come from ``coadd``.
"""

from __future__ import annotations

import io

import numpy as np
from astropy.io import fits

from portal.archive.sample.bands import BANDS, COADD_DEPTH, COADD_INPUTS, COADD_SEEING, PHYSICAL_FILTER
from portal.archive.sample.coadd import DATASET, PLANES, Box
from portal.archive.sample.geometry import Patch

MAGNITUDE_ZERO = 31.4  # AB magnitude of 1 nJy


def _wcs_cards(header: fits.Header, patch: Patch, x0: int, y0: int) -> None:
    """TAN WCS of a box, LTV (offset to the patch's own pixels) and the pixel WCS ``A`` of afw."""
    wcs = patch.wcs()
    header["WCSAXES"] = 2
    header["RADESYS"] = ("ICRS", "celestial reference system")
    header["EQUINOX"] = 2000.0
    header["CTYPE1"], header["CTYPE2"] = "RA---TAN", "DEC--TAN"
    header["CUNIT1"], header["CUNIT2"] = "deg", "deg"
    header["CRVAL1"] = (float(wcs.wcs.crval[0]), "[deg] RA of the tract centre")
    header["CRVAL2"] = (float(wcs.wcs.crval[1]), "[deg] Dec of the tract centre")
    header["CRPIX1"] = (float(wcs.wcs.crpix[0]) - x0, "tract centre in pixels of this image, from 1")
    header["CRPIX2"] = float(wcs.wcs.crpix[1]) - y0
    for i in (1, 2):
        for j in (1, 2):
            header[f"CD{i}_{j}"] = float(wcs.wcs.cd[i - 1, j - 1])
    # Parent pixel = pixel of this image - LTV; parents are tract pixels, as in coadds of the pipelines.
    header["LTV1"] = (float(-(patch.x0 + x0)), "pixel of this image = tract pixel + LTV")
    header["LTV2"] = float(-(patch.y0 + y0))
    for axis, start in ((1, patch.x0 + x0), (2, patch.y0 + y0)):
        header[f"CRVAL{axis}A"] = (float(start), "tract pixel of the first column" if axis == 1 else "first row")
        header[f"CRPIX{axis}A"] = 1.0
        header[f"CDELT{axis}A"] = 1.0
        header[f"CTYPE{axis}A"] = "LINEAR"
        header[f"CUNIT{axis}A"] = "pixel"


def _plane(name: str, data: np.ndarray, unit: str, patch: Patch, x0: int, y0: int) -> fits.ImageHDU:
    hdu = fits.ImageHDU(data, name=name)
    if unit:
        hdu.header["BUNIT"] = unit
    _wcs_cards(hdu.header, patch, x0, y0)
    return hdu


def masked_image(box: Box, band: str, patch: Patch, x0: int, y0: int, detail: str = "MaskedImage") -> bytes:
    """A FITS file of a box whose lower left pixel is (x0, y0) of the patch.

    ``detail`` as in SODA's CUTOUTDETAIL: ``Image`` gives the IMAGE extension alone, ``MaskedImage`` all three planes.
    Units are nJy and nJy**2. Raises ValueError for another ``detail``.
    """
    if detail not in ("Image", "MaskedImage"):
        raise ValueError(f"no detail {detail!r}: ask for Image or MaskedImage")
    k = BANDS.index(band)
    primary = fits.PrimaryHDU()
    header = primary.header
    header["DATASET"] = (DATASET, "dataset type")
    header["ORIGIN"] = ("Triview sample sky", "simulated: these are not Rubin data")
    header["SIMULATE"] = (True, "every pixel is made by a model")
    header["TRACT"], header["PATCH"] = patch.tract, patch.patch
    header["BAND"], header["FILTER"] = band, PHYSICAL_FILTER[k]
    header["SKYMAP"] = ("triview_rings_v1", "our own tracts, not those of a Rubin release")
    header["MAGZERO"] = (MAGNITUDE_ZERO, "AB magnitude of 1 nJy")
    header["DEPTH"] = (float(COADD_DEPTH[k]), "5-sigma point source, AB")
    header["PSFFWHM"] = (float(COADD_SEEING[k]), "[arcsec] seeing")
    header["NINPUTS"] = (int(COADD_INPUTS[k]), "visits in the coadd")
    hdus = [primary, _plane("IMAGE", box.image, "nJy", patch, x0, y0)]
    if detail == "MaskedImage":
        mask = _plane("MASK", box.mask, "", patch, x0, y0)
        for plane, bit in PLANES.items():
            # Names over 8 letters need the HIERARCH convention, which astropy sets by itself.
            key = f"MP_{plane}"
            mask.header[key if len(key) <= 8 else f"HIERARCH {key}"] = bit
        hdus += [mask, _plane("VARIANCE", box.variance, "nJy**2", patch, x0, y0)]
    for hdu in hdus[1:]:
        hdu.header["BAND"] = band
        # The comment of a checksum is usually the time of day; the same box must give the same bytes.
        hdu.add_checksum(when="of these pixels")
    out = io.BytesIO()
    fits.HDUList(hdus).writeto(out)
    return out.getvalue()
