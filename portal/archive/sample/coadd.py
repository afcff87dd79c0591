"""Boxes of deep coadds: image, mask and variance of any part of a patch.

A box is a pure function of (seed, band, tract, place): it equals the same part of the whole patch bit for bit.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numba as nb
import numpy as np

from portal.archive.sample.bands import (
    BANDS,
    COADD_INPUTS,
    COADD_SEEING,
    FWHM_OVER_SIGMA,
    coadd_psf_sigma,
    electron_flux,
    flux_of,
)
from portal.archive.sample.draw import draw_objects, optics
from portal.archive.sample.geometry import CENTRE, SCALE, Patch
from portal.archive.sample.noise import Noise, pixel_noise
from portal.archive.sample.sources import Sources

# Bit numbers as Rubin's pipelines give them by default; a reader must take them from the header all the same.
PLANES = {
    "BAD": 0, "SAT": 1, "INTRP": 2, "CR": 3, "EDGE": 4, "DETECTED": 5, "DETECTED_NEGATIVE": 6, "SUSPECT": 7,
    "NO_DATA": 8, "VIGNETTED": 9, "STREAK": 10, "CLIPPED": 11, "CROSSTALK": 12, "INEXACT_PSF": 13, "ITL_DIP": 14,
    "NOT_DEBLENDED": 15, "REJECTED": 16, "SENSOR_EDGE": 17, "UNMASKEDNAN": 18,
}  # fmt: skip
_SAT, _INTRP, _EDGE, _DETECTED, _NO_DATA, _SENSOR_EDGE, _INEXACT = (
    1 << PLANES[name] for name in ("SAT", "INTRP", "EDGE", "DETECTED", "NO_DATA", "SENSOR_EDGE", "INEXACT_PSF")
)
EXPOSURE = 30.0  # seconds of one visit
# Stars brighter than this (AB) fill a pixel in one visit of average seeing.
SATURATION_MAG = np.array([14.9, 16.2, 16.4, 16.2, 15.8, 14.9])
FLOOR = 0.003  # light below this share of the noise is not drawn
BLUR = 1.0 / 12.0  # pixel2: the pixel's own second moment
STRIP = 256  # rows drawn at a time, to keep memory small
EDGE_WIDTH = 4.0  # arcsec marked EDGE inside the end of the coverage


TEMPLATE_INPUTS = 16  # visits of the best seeing go into a template


class Recipe(NamedTuple):
    """What a kind of coadd is made of, per band: PSF FWHM in arcsec, background error of a PSF flux in nJy, visits."""

    seeing: np.ndarray
    psf_sigma: np.ndarray
    inputs: np.ndarray


RECIPES = {
    "deep_coadd": Recipe(COADD_SEEING, coadd_psf_sigma(), COADD_INPUTS),
    "template_coadd": Recipe(
        0.9 * COADD_SEEING,
        coadd_psf_sigma() * np.sqrt(COADD_INPUTS / TEMPLATE_INPUTS),
        np.full(len(BANDS), TEMPLATE_INPUTS),
    ),
}


class Box(NamedTuple):
    """``image`` float32 nJy, ``mask`` int32, ``variance`` float32 nJy2, each (ny, nx), row 0 lowest."""

    image: np.ndarray
    mask: np.ndarray
    variance: np.ndarray


class Field(NamedTuple):
    """The disc that was observed: ICRS degrees."""

    ra: float
    dec: float
    radius: float


@nb.njit(cache=True, nogil=True)
def places(position, rows, ra0, dec0, scale, cx=CENTRE, cy=CENTRE, c=1.0, s=0.0):
    """Where rows of positions (n, 2) fall on a grid about a tangent point: x, y and the sky's stretch there,
    (len(rows), 6).

    ``cx, cy`` is the tangent point's pixel and ``c, s`` cosine and sine of the angle that turns y from north through
    east; the defaults are those of a tract. The stretch maps (east, north) arcsec to pixels, in the order dx/deast,
    dx/dnorth, dy/deast, dy/dnorth. Positions a quarter of the sky away are NaN.
    """
    unit = 180.0 / math.pi * 3600.0 / scale
    sd0, cd0 = math.sin(math.radians(dec0)), math.cos(math.radians(dec0))
    out = np.empty((rows.size, 6))
    for k in range(rows.size):
        a, d = math.radians(position[rows[k], 0] - ra0), math.radians(position[rows[k], 1])
        sa, ca, sd, cd = math.sin(a), math.cos(a), math.sin(d), math.cos(d)
        w = sd0 * sd + cd0 * cd * ca
        if w <= 0.0:
            out[k] = np.nan
            continue
        u, v = cd * sa / w, (cd0 * sd - sd0 * cd * ca) / w
        out[k, 0] = cx + unit * (s * v - c * u)
        out[k, 1] = cy + unit * (s * u + c * v)
        # Derivatives of u = (cd sa) / w and v by right ascension (over cos dec) and by declination.
        we, wn = -cd0 * sa, sd0 * cd - cd0 * sd * ca
        ue, un = (ca - u * we) / w / scale, (-sd * sa - u * wn) / w / scale
        ve, vn = (sd0 * sa - v * we) / w / scale, (cd0 * cd + sd0 * sd * ca - v * wn) / w / scale
        out[k, 2] = s * ve - c * ue
        out[k, 3] = s * vn - c * un
        out[k, 4] = s * ue + c * ve
        out[k, 5] = s * un + c * vn
    return out


@nb.njit(cache=True, nogil=True)
def _finish(model, noise, bx, by, sigma, gain, detect, saturate, cosines, ra0, dec0, field, scale, image, mask, var):
    """From noiseless light to image, mask and variance."""
    unit = scale / 3600.0 * math.pi / 180.0
    sd0, cd0 = math.sin(math.radians(dec0)), math.cos(math.radians(dec0))
    # The field centre in the frame of the tangent point.
    a, d = math.radians(field[0] - ra0), math.radians(field[1])
    fx = math.cos(d) * math.sin(a)
    fy = cd0 * math.sin(d) - sd0 * math.cos(d) * math.cos(a)
    fz = sd0 * math.sin(d) + cd0 * math.cos(d) * math.cos(a)
    outer, inner = cosines
    ny, nx = model.shape
    for j in range(ny):
        eta = (by + j - CENTRE) * unit
        for i in range(nx):
            xi = -(bx + i - CENTRE) * unit
            near = (fx * xi + fy * eta + fz) / math.sqrt(1.0 + xi * xi + eta * eta)
            if near < outer:
                image[j, i] = np.nan
                var[j, i] = np.nan
                mask[j, i] = _NO_DATA
                continue
            light = model[j, i]
            v = sigma * sigma + light * gain
            var[j, i] = v
            image[j, i] = light + math.sqrt(v) * noise[j, i]
            bits = 0
            if near < inner:
                bits |= _EDGE | _SENSOR_EDGE | _INEXACT
            if light > detect:
                bits |= _DETECTED
            if light > saturate:
                bits |= _SAT | _INTRP
            mask[j, i] = bits


def coadd_box(
    sources: Sources, noise: Noise, field: Field, band: str, patch: Patch, x0: int, y0: int, nx: int, ny: int,
    kind: str = "deep_coadd",
) -> Box:  # fmt: skip
    """Pixels [y0, y0+ny) x [x0, x0+nx) of a patch (patch pixels from 0), ``kind`` a key of ``RECIPES``.

    Outside the field image and variance are NaN and the mask says NO_DATA. Raises ValueError when the box is empty
    or leaves the patch.
    """
    if nx < 1 or ny < 1 or x0 < 0 or y0 < 0 or x0 + nx > patch.nx or y0 + ny > patch.ny:
        raise ValueError(f"box x {x0}+{nx}, y {y0}+{ny} does not lie inside the {patch.nx} x {patch.ny} patch")
    k = BANDS.index(band)
    seeing, psf_sigma, inputs = (float(values[k]) for values in RECIPES[kind])
    opt = optics(k, seeing)
    sigma = pixel_noise(psf_sigma, seeing)
    gain = float(electron_flux(EXPOSURE)[k]) / inputs
    core = 2.0 * np.pi * (seeing / FWHM_OVER_SIGMA / SCALE) ** 2
    saturate = float(flux_of(SATURATION_MAG[k]) / core)
    cosines = tuple(float(np.cos(np.radians(field.radius - out / 3600.0))) for out in (0.0, EDGE_WIDTH))
    box = Box(np.empty((ny, nx), np.float32), np.empty((ny, nx), np.int32), np.empty((ny, nx), np.float32))
    for low in range(0, ny, STRIP):
        high = min(low + STRIP, ny)
        bx, by = patch.x0 + x0, patch.y0 + y0 + low
        middle = patch.to_sky(x0 + (nx - 1) / 2, y0 + (low + high - 1) / 2)
        radius = 0.5 * np.hypot(nx + 2, high - low + 2) * patch.scale / 3600.0
        model = np.zeros((high - low, nx))
        rows = sources.near(float(middle[0]), float(middle[1]), float(radius))
        place = places(sources.position, rows, patch.ra0, patch.dec0, patch.scale, CENTRE, CENTRE, 1.0, 0.0)
        draw_objects(model, bx, by, rows, place, sources.shape, k, opt, BLUR, FLOOR * sigma)
        grain = noise.box(kind, band, patch.tract, bx, by, nx, high - low)
        part = slice(low, high)
        _finish(model, grain, bx, by, sigma, gain, 0.9 * sigma, saturate, cosines, patch.ra0, patch.dec0,
                (field.ra, field.dec), patch.scale, box.image[part], box.mask[part], box.variance[part])  # fmt: skip
    return box
