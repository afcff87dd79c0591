"""Draws objects as sums of two-dimensional Gaussians onto any pixel grid, compiled and without the GIL.

What a pixel receives depends on the object and the pixel alone, never on the box that was asked for: Gaussians are
walked from fixed places of the grid, their support is set by the object, and objects come in catalogue order.

Compiled functions here call none of other modules: numba keeps compiled code by the file of the caller alone, and
would go on using what a changed helper elsewhere used to say.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numba as nb
import numpy as np

from portal.archive.sample.bands import COADD_SEEING
from portal.archive.sample.mixtures import mixture
from portal.archive.sample.spiral import ARM_SHARE, OUTER, arm_patterns

# Columns of the float32 array of shapes (see sources.py); the six fluxes come first.
R_E, BULGE, Q, PA, STAR = 6, 7, 8, 9, 10
# Walks along a row restart at multiples of this: a cutout pays at most this many pixels of run-up, and rounding
# cannot pile up.
RESTART = 64
# Around the core, some light of bright stars is scattered, on top of the flux that a PSF fit finds: share, variance
# along, variance across (arcsec2), position angle (deg). Two thin ones are the spikes of the spider. All fade below
# the floor for ordinary stars.
GLARE = np.array(
    [
        [0.0016, 2.6**2, 2.6**2, 0.0],
        [0.0008, 8.0**2, 8.0**2, 0.0],
        [0.0005, 24.0**2, 24.0**2, 0.0],
        [0.0005, 7.0**2, 0.35**2, 38.0],
        [0.0005, 7.0**2, 0.35**2, 128.0],
    ]
)


SPIRAL_FROM = 0.8  # arcsec: arms of smaller discs drown in the seeing


class Optics(NamedTuple):
    """The mixtures of one band: PSF variances in arcsec2, profiles in squared half-light radii."""

    psf_weight: np.ndarray
    psf_variance: np.ndarray
    disc_weight: np.ndarray
    disc_variance: np.ndarray
    bulge_weight: np.ndarray
    bulge_variance: np.ndarray
    glare: np.ndarray
    arms: float  # share of a spiral's disc that lies in its arms
    patterns: np.ndarray  # their knots (see spiral.py)
    widest: float  # half-light radii within which all knots lie


def optics(band: int, seeing: float = 0.0) -> Optics:
    """The mixtures of band number ``band`` for a seeing of that many arcsec FWHM (0: that of its coadds)."""
    fwhm = seeing or float(COADD_SEEING[band])
    psf, disc, bulge = mixture("moffat"), mixture("exponential"), mixture("de_vaucouleurs")
    return Optics(
        psf.weight, psf.variance * fwhm**2, *disc, *bulge, GLARE, float(ARM_SHARE[band]), arm_patterns(), 1.5 * OUTER
    )


@nb.njit(cache=True, nogil=True)
def draw(image, bx, by, xc, yc, cxx, cxy, cyy, flux, floor):
    """Add one Gaussian of total ``flux`` at (xc, yc) with a covariance in pixel2 down to ``floor`` per pixel.

    ``image`` is a box whose lower left pixel is (bx, by) of the grid. A negative flux takes light away.
    """
    det = cxx * cyy - cxy * cxy
    signed = flux / (2.0 * math.pi * math.sqrt(det))
    peak = abs(signed)
    if peak <= floor:
        return
    ny, nx = image.shape
    n2 = 2.0 * math.log(peak / floor)
    a, b = cyy / det, -cxy / det
    high = math.sqrt(n2 * cyy)
    wide = math.sqrt(n2 * cxx)
    if xc + wide < bx or xc - wide > bx + nx - 1:
        return
    y_first = max(math.ceil(yc - high), by)
    y_last = min(math.floor(yc + high), by + ny - 1)
    x_restart = bx // RESTART * RESTART
    fall = math.exp(-a)
    for y in range(y_first, y_last + 1):
        dy = y - yc
        left = n2 - dy * dy / cyy
        if left <= 0.0:
            continue
        half = math.sqrt(left / a)
        middle = xc - b / a * dy
        x = max(math.ceil(middle - half), x_restart)
        x_last = min(math.floor(middle + half), bx + nx - 1)
        row = image[y - by]
        while x <= x_last:
            d = x - middle
            value = signed * math.exp(-0.5 * (dy * dy / cyy + a * d * d))
            ratio = math.exp(-a * (d + 0.5))
            end = min((x // RESTART + 1) * RESTART, x_last + 1)
            while x < end and x < bx:
                value *= ratio
                ratio *= fall
                x += 1
            while x < end:
                row[x - bx] += value
                value *= ratio
                ratio *= fall
                x += 1


@nb.njit(cache=True, nogil=True, inline="always")
def _spread(image, bx, by, xc, yc, jac, ee, en, nn, blur, flux, floor):
    """Draw a Gaussian whose covariance is given on the sky (east, north, arcsec2), widened by ``blur`` pixel2."""
    j00, j01, j10, j11 = jac
    cxx = j00 * j00 * ee + 2.0 * j00 * j01 * en + j01 * j01 * nn + blur
    cyy = j10 * j10 * ee + 2.0 * j10 * j11 * en + j11 * j11 * nn + blur
    cxy = j00 * j10 * ee + (j00 * j11 + j01 * j10) * en + j01 * j11 * nn
    draw(image, bx, by, xc, yc, cxx, cxy, cyy, flux, floor)


@nb.njit(cache=True, nogil=True)
def _profile(image, bx, by, xc, yc, jac, weight, variance, major2, minor2, s, c, opt, psf_moment, blur, flux, floor):
    """Draw one elliptical profile convolved with the PSF: wide parts need only the PSF's second moment, and parts
    far narrower than the PSF are one point.
    """
    point, inner = 0.0, 0.0
    for k in range(weight.size):
        if variance[k] * major2 < 0.15 * psf_moment:
            point += weight[k]
            inner += weight[k] * variance[k]
            continue
        ee = variance[k] * (major2 * s * s + minor2 * c * c)
        nn = variance[k] * (major2 * c * c + minor2 * s * s)
        en = variance[k] * (major2 - minor2) * s * c
        if variance[k] * minor2 > 3.0 * psf_moment:
            _spread(image, bx, by, xc, yc, jac, ee + psf_moment, en, nn + psf_moment, blur, flux * weight[k], floor)
            continue
        for j in range(opt.psf_weight.size):
            v = opt.psf_variance[j]
            part = flux * weight[k] * opt.psf_weight[j]
            _spread(image, bx, by, xc, yc, jac, ee + v, en, nn + v, blur, part, floor)
    if point > 0.0:
        v = inner / point
        ee, nn = v * (major2 * s * s + minor2 * c * c), v * (major2 * c * c + minor2 * s * s)
        en = v * (major2 - minor2) * s * c
        for j in range(opt.psf_weight.size):
            p = opt.psf_variance[j]
            part = flux * point * opt.psf_weight[j]
            _spread(image, bx, by, xc, yc, jac, ee + p, en, nn + p, blur, part, floor)


@nb.njit(cache=True, nogil=True)
def _arms(image, bx, by, xc, yc, jac, shape, s, c, opt, psf_moment, blur, flux, floor):
    """Draw the knots of a disc's spiral arms with ``flux`` in all."""
    r_e, q = float(shape[R_E]), float(shape[Q])
    pattern = opt.patterns[(int(r_e * 1e6) * 31 + int(float(shape[PA]) * 1e3)) % opt.patterns.shape[0]]
    for k in range(pattern.shape[0]):
        along, across, sigma, weight = pattern[k]
        major, minor = along * r_e, across * r_e * q
        east, north = major * s + minor * c, major * c - minor * s
        x = xc + jac[0] * east + jac[1] * north
        y = yc + jac[2] * east + jac[3] * north
        long2 = (sigma * r_e) ** 2
        short2 = long2 * q * q
        ee, nn = long2 * s * s + short2 * c * c, long2 * c * c + short2 * s * s
        en = (long2 - short2) * s * c
        _spread(image, bx, by, x, y, jac, ee + psf_moment, en, nn + psf_moment, blur, flux * weight, floor)


@nb.njit(cache=True, nogil=True)
def add_object(image, bx, by, xc, yc, jac, shape, flux, opt, blur, floor):
    """Add one object. ``jac`` maps (east, north) arcsec to (x, y) pixels, ``shape`` is its row of shapes."""
    psf_moment = 0.0
    for j in range(opt.psf_weight.size):
        psf_moment += opt.psf_weight[j] * opt.psf_variance[j]
    area = abs(jac[0] * jac[3] - jac[1] * jac[2])
    r_e = float(shape[R_E])
    star = shape[STAR] > 0.5
    if (star or r_e * r_e < 4.0 * psf_moment) and area * (psf_moment + r_e * r_e) < 0.12:
        # Far below a pixel (only on coarse tiles): one Gaussian says all.
        v = psf_moment + (0.0 if star else 0.5 * r_e * r_e)
        _spread(image, bx, by, xc, yc, jac, v, 0.0, v, blur, flux, floor)
        return
    if star:
        for j in range(opt.psf_weight.size):
            v = opt.psf_variance[j]
            _spread(image, bx, by, xc, yc, jac, v, 0.0, v, blur, flux * opt.psf_weight[j], floor)
        for j in range(opt.glare.shape[0]):
            share, along, across, angle = opt.glare[j]
            s, c = math.sin(math.radians(angle)), math.cos(math.radians(angle))
            ee, nn = along * s * s + across * c * c, along * c * c + across * s * s
            en = (along - across) * s * c
            _spread(image, bx, by, xc, yc, jac, ee + psf_moment, en, nn + psf_moment, blur, flux * share, floor)
        return
    s, c = math.sin(math.radians(shape[PA])), math.cos(math.radians(shape[PA]))
    major2 = r_e * r_e
    minor2 = major2 * float(shape[Q]) ** 2
    bulge = float(shape[BULGE])
    disc = flux * (1.0 - bulge)
    # Arms: in large discs, not edge-on, and blue enough (g against i) to form stars.
    young = float(shape[1]) > 0.33 * float(shape[3])
    if area * major2 > 9.0 and r_e > SPIRAL_FROM and bulge < 0.5 and shape[Q] > 0.3 and young:
        arms = disc * opt.arms
        disc -= arms
        _arms(image, bx, by, xc, yc, jac, shape, s, c, opt, psf_moment, blur, arms, floor)
    if disc > 0.0:
        _profile(image, bx, by, xc, yc, jac, opt.disc_weight, opt.disc_variance, major2, minor2, s, c, opt,
                 psf_moment, blur, disc, floor)  # fmt: skip
    if bulge > 0.0:
        _profile(image, bx, by, xc, yc, jac, opt.bulge_weight, opt.bulge_variance, major2, minor2, s, c, opt,
                 psf_moment, blur, flux * bulge, floor)  # fmt: skip


@nb.njit(cache=True, nogil=True)
def draw_objects(image, bx, by, rows, place, shapes, band, opt, blur, floor):
    """Add the objects ``rows`` in this order to a box.

    ``place`` (len(rows), 6) holds x and y on the grid and the four terms of the sky's stretch there; NaN: not drawn.
    Fluxes below 0 take light away.
    """
    for k in range(rows.size):
        flux = float(shapes[rows[k], band])
        x, y = place[k, 0], place[k, 1]
        if flux != 0.0 and x == x:
            jac = (place[k, 2], place[k, 3], place[k, 4], place[k, 5])
            add_object(image, bx, by, x, y, jac, shapes[rows[k]], flux, opt, blur, floor)


@nb.njit(cache=True, nogil=True)
def draw_blobs(image, bx, by, blobs, floor):
    """Add bare Gaussians, rows of x, y, covariance xx, xy, yy (pixel2) and flux; no PSF is applied."""
    for k in range(blobs.shape[0]):
        x, y, cxx, cxy, cyy, flux = blobs[k]
        if flux != 0.0:
            draw(image, bx, by, x, y, cxx, cxy, cyy, flux, floor)


@nb.njit(cache=True, nogil=True)
def _reach(shape, flux, opt, floor):
    """How far an object's light lies above ``floor`` (nJy per arcsec2), in arcsec."""
    reach = 0.0
    if shape[STAR] < 0.5:
        reach = opt.widest * float(shape[R_E])
    psf_moment = 0.0
    for j in range(opt.psf_weight.size):
        psf_moment += opt.psf_weight[j] * opt.psf_variance[j]
    if shape[STAR] > 0.5:
        for j in range(opt.glare.shape[0]):
            along, across = opt.glare[j, 1] + psf_moment, opt.glare[j, 2] + psf_moment
            peak = flux * opt.glare[j, 0] / (2.0 * math.pi * math.sqrt(along * across))
            if peak > floor:
                reach = max(reach, math.sqrt(2.0 * math.log(peak / floor) * along))
    for j in range(opt.psf_weight.size):
        v, part = opt.psf_variance[j], flux * opt.psf_weight[j]
        if shape[STAR] > 0.5:
            peak = part / (2.0 * math.pi * v)
            if peak > floor:
                reach = max(reach, math.sqrt(2.0 * math.log(peak / floor) * v))
            continue
        major2 = float(shape[R_E]) ** 2
        for kind in range(2):
            variance = opt.disc_variance if kind == 0 else opt.bulge_variance
            for k in range(variance.size):
                # A bound: all the profile in this Gaussian, as wide as either way of convolving makes it.
                along = variance[k] * major2 + max(v, psf_moment)
                across = variance[k] * major2 * float(shape[Q]) ** 2 + min(v, psf_moment)
                peak = (part if v > psf_moment else flux) / (2.0 * math.pi * math.sqrt(along * across))
                if peak > floor:
                    reach = max(reach, math.sqrt(2.0 * math.log(peak / floor) * along))
    return reach


@nb.njit(cache=True, nogil=True)
def reaches(shapes, band, opt, floor, out):
    """Raise ``out`` (arcsec, one per object) to the reach of every object in one band."""
    for i in range(shapes.shape[0]):
        flux = float(shapes[i, band])
        if flux > 0.0:
            out[i] = max(out[i], _reach(shapes[i], flux, opt, floor))
