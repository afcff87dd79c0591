"""Images as FITS files in the layout of Rubin's MaskedImage: PRIMARY, IMAGE, MASK, VARIANCE.

Knows headers, planes and compression; the pixels come from ``coadd`` and ``visitimage``.
"""

from __future__ import annotations

import io

import numpy as np
from astropy.io import fits

from portal.archive.sample.bands import BANDS, COADD_DEPTH, PHYSICAL_FILTER
from portal.archive.sample.coadd import EXPOSURE, PLANES, RECIPES, TEMPLATE_INPUTS, Box
from portal.archive.sample.exposure import Exposure
from portal.archive.sample.geometry import SKYMAP, Patch
from portal.archive.sample.steps import steps
from portal.archive.sample.visitimage import BIAS, DIFFERENCE_PLANES, GAIN

MAGNITUDE_ZERO = 31.4  # AB magnitude of 1 nJy
TAI_MINUS_UTC = 37.0  # seconds, since 2017


def _wcs_cards(header: fits.Header, where: Patch | Exposure, x0: int, y0: int) -> None:
    """TAN WCS of a box, LTV (offset to the parent's pixels) and the pixel WCS ``A`` of afw."""
    wcs = where.wcs()
    centre = "tract centre" if isinstance(where, Patch) else "boresight"
    header["WCSAXES"] = 2
    header["RADESYS"] = ("ICRS", "celestial reference system")
    header["EQUINOX"] = 2000.0
    header["CTYPE1"], header["CTYPE2"] = "RA---TAN", "DEC--TAN"
    header["CUNIT1"], header["CUNIT2"] = "deg", "deg"
    header["CRVAL1"] = (float(wcs.wcs.crval[0]), f"[deg] RA of the {centre}")
    header["CRVAL2"] = (float(wcs.wcs.crval[1]), f"[deg] Dec of the {centre}")
    header["CRPIX1"] = (float(wcs.wcs.crpix[0]) - x0, f"{centre} in pixels of this image, from 1")
    header["CRPIX2"] = float(wcs.wcs.crpix[1]) - y0
    for i in (1, 2):
        for j in (1, 2):
            header[f"CD{i}_{j}"] = float(wcs.wcs.cd[i - 1, j - 1])
    # Parent pixel = pixel of this image - LTV; a coadd's parents are tract pixels, as the pipelines have it.
    if isinstance(where, Patch):
        parent, x0, y0 = "tract", where.x0 + x0, where.y0 + y0
    else:
        parent = "detector"
    header["LTV1"] = (float(-x0), f"pixel of this image = {parent} pixel + LTV")
    header["LTV2"] = float(-y0)
    for axis, start in ((1, x0), (2, y0)):
        header[f"CRVAL{axis}A"] = (float(start), f"{parent} pixel of the first column" if axis == 1 else "first row")
        header[f"CRPIX{axis}A"] = 1.0
        header[f"CDELT{axis}A"] = 1.0
        header[f"CTYPE{axis}A"] = "LINEAR"
        header[f"CUNIT{axis}A"] = "pixel"


def _coadd_cards(header: fits.Header, kind: str, patch: Patch, band: str) -> None:
    k = BANDS.index(band)
    recipe = RECIPES[kind]
    loss = 0.0 if kind == "deep_coadd" else 1.25 * np.log10(RECIPES["deep_coadd"].inputs[k] / TEMPLATE_INPUTS)
    header["TRACT"], header["PATCH"] = patch.tract, patch.patch
    header["SKYMAP"] = (SKYMAP, "our own tracts, not those of a Rubin release")
    header["DEPTH"] = (round(float(COADD_DEPTH[k] - loss), 4), "5-sigma point source, AB")
    header["PSFFWHM"] = (round(float(recipe.seeing[k]), 4), "[arcsec] seeing")
    header["NINPUTS"] = (int(recipe.inputs[k]), "visits in the coadd")


def iso(mjd: float) -> str:
    """An MJD as ISO 8601 to the millisecond, in its own time scale."""
    milli = np.timedelta64(round(mjd * 86400e3), "ms")
    return str(np.datetime64("1858-11-17", "ms") + milli)


def _exposure_cards(header: fits.Header, kind: str, exposure: Exposure) -> None:
    half = EXPOSURE / 2 / 86400.0
    header["TELESCOP"] = ("Simonyi Survey Telescope", "as simulated")
    header["INSTRUME"] = exposure.camera.name
    header["OBSTYPE"] = "science"
    header["OBSID"] = f"SIM_O_{exposure.visit // 100000}_{exposure.visit % 100000:06d}"
    header["VISIT"] = (exposure.visit, "visit number")
    header["EXPID"] = exposure.visit
    header["DETECTOR"] = (exposure.detector, "number of the detector")
    header["DAYOBS"] = str(exposure.visit // 100000)
    header["SEQNUM"] = exposure.visit % 100000
    header["TIMESYS"] = ("TAI", "time scale of all dates here")
    header["MJD"] = (exposure.mjd, "[d] middle of the exposure")
    header["MJD-OBS"] = (exposure.mjd, "[d] middle of the exposure")
    for name, shift, text in (("BEG", -half, "start"), ("AVG", 0.0, "middle"), ("END", half, "end")):
        header[f"DATE-{name}"] = (iso(exposure.mjd + shift), f"{text} of the exposure")
        header[f"MJD-{name}"] = (exposure.mjd + shift, f"[d] {text} of the exposure")
    header["DATE-OBS"] = iso(exposure.mjd - half)
    header["EXPTIME"] = (EXPOSURE, "[s] time the shutter was open")
    header["DARKTIME"] = (EXPOSURE + 1.5, "[s]")
    header["AIRMASS"] = round(exposure.airmass, 6)
    header["RA"] = (exposure.ra0, "[deg] boresight")
    header["DEC"] = (exposure.dec0, "[deg] boresight")
    header["ROTPA"] = (exposure.rotation, "[deg] of detector y from north through east")
    header["ROTCOORD"] = "sky"
    header["PSFFWHM"] = (exposure.seeing, "[arcsec] seeing")
    header["DEPTH"] = (exposure.depth, "5-sigma point source, AB")
    header["SKYMAG"] = (exposure.sky, "[mag/arcsec2] sky")
    header["ZEROPT"] = (exposure.zero_point, "AB magnitude of 1 adu")
    header["GAIN"] = (GAIN, "[electron/adu]")
    if kind == "raw":
        header["BIAS"] = (BIAS, "[adu] level without light")
        header["NAMPS"] = (1, "one amplifier, no overscan, no flat field")
    if kind == "difference_image":
        header["TEMPLATE"] = ("template_coadd", "subtracted at this visit's seeing")


def primary_header(kind: str, where: Patch | Exposure, band: str) -> fits.Header:
    """The cards of the PRIMARY HDU."""
    header = fits.Header()
    header["DATASET"] = (kind, "dataset type")
    header["ORIGIN"] = ("Triview sample sky", "simulated: these are not Rubin data")
    header["SIMULATE"] = (True, "every pixel is made by a model")
    header["BAND"], header["FILTER"] = band, PHYSICAL_FILTER[BANDS.index(band)]
    if kind != "raw":
        header["MAGZERO"] = (MAGNITUDE_ZERO, "AB magnitude of 1 nJy")
    if isinstance(where, Patch):
        _coadd_cards(header, kind, where, band)
    else:
        _exposure_cards(header, kind, where)
    return header


def _plane(name: str, data: np.ndarray, header: fits.Header, step: float | None) -> fits.ImageHDU | fits.CompImageHDU:
    """One plane, compressed when ``step`` is given: floats must be multiples of it, and are kept exactly."""
    if step is None:
        return fits.ImageHDU(data, header, name=name)
    if data.dtype.kind == "i":
        method = "GZIP_2" if name == "MASK" else "RICE_1"
        return fits.CompImageHDU(data, header, name=name, compression_type=method)
    # A negative level is the step itself, and without dithering nothing is added to the pixels.
    return fits.CompImageHDU(
        data, header, name=name, compression_type="RICE_1", quantize_level=-step,
        quantize_method=fits.hdu.compressed.NO_DITHER,
    )  # fmt: skip


def masked_image(
    box: Box, band: str, where: Patch | Exposure, x0: int, y0: int, detail: str = "MaskedImage",
    kind: str = "deep_coadd", compress: bool = False,
) -> bytes:  # fmt: skip
    """A FITS file of a box whose lower left pixel is (x0, y0) of the patch or detector.

    ``detail`` as in SODA's CUTOUTDETAIL: ``Image`` gives the IMAGE extension alone, ``MaskedImage`` all three planes
    (raw images have IMAGE only). Units are nJy and nJy**2, of raw images adu. ``compress`` writes tiles as the
    pipelines do: floats (rounded as in ``steps``) by RICE, masks by GZIP. Raises ValueError for another ``detail``.
    """
    if detail not in ("Image", "MaskedImage"):
        raise ValueError(f"no detail {detail!r}: ask for Image or MaskedImage")
    common = fits.Header()
    _wcs_cards(common, where, x0, y0)
    common["BAND"] = band
    unit = "adu" if kind == "raw" else "nJy"
    image = box.image.astype(np.int32) if kind == "raw" else box.image
    planes = [("IMAGE", image, [("BUNIT", unit)])]
    if detail == "MaskedImage" and kind != "raw":
        bits = DIFFERENCE_PLANES if kind == "difference_image" else PLANES
        # Names over 8 letters need the HIERARCH convention.
        names = [(f"MP_{name}" if len(name) < 6 else f"HIERARCH MP_{name}", bit) for name, bit in bits.items()]
        planes += [("MASK", box.mask, names), ("VARIANCE", box.variance, [("BUNIT", f"{unit}**2")])]
    hdus = [fits.PrimaryHDU(header=primary_header(kind, where, band))]
    step = dict(zip(("IMAGE", "VARIANCE"), steps(kind, where, band)))
    for name, data, cards in planes:
        header = common.copy()
        for key, value in cards:
            header[key] = value
        header["EXTTYPE"] = name
        hdus.append(_plane(name, data, header, step.get(name, 1.0) if compress else None))
    out = io.BytesIO()
    for hdu in hdus[1:]:
        if not compress:
            # The comment of a checksum is usually the time of day; the same box must give the same bytes.
            hdu.add_checksum(when="of these pixels")
    fits.HDUList(hdus).writeto(out)
    return out.getvalue()
