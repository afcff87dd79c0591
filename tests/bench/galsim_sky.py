"""The objects of a coadd box drawn by GalSim (Rowe et al. 2015, A&C 10, 121): oracle and yardstick of the renderer."""

from __future__ import annotations

from typing import Any

import galsim
import numpy as np

from portal.archive.sample.bands import BANDS, COADD_SEEING
from portal.archive.sample.coadd import places
from portal.archive.sample.draw import BULGE, PA, R_E, STAR, Q
from portal.archive.sample.geometry import Patch
from portal.archive.sample.mixtures import DEV_OUTER, MOFFAT_BETA
from portal.archive.sample.render import SkyPixels

SCALE = 0.2


def psf(fwhm: float) -> Any:
    """The seeing disc whose Gaussians we draw. Uncut: what lies beyond is nothing, and GalSim is ten times as quick."""
    return galsim.Moffat(beta=MOFFAT_BETA, fwhm=fwhm)


def profile(shape: np.ndarray, flux: float, seeing: float) -> Any:
    """One row of shapes (see sources.py) after the seeing; no spiral arms, no glare."""
    point = psf(seeing)
    if shape[STAR] > 0.5:
        return point.withFlux(flux)
    r_e, q, bulge = (float(shape[k]) for k in (R_E, Q, BULGE))
    parts = []
    if bulge < 1.0:
        parts.append(galsim.Exponential(half_light_radius=r_e, flux=flux * (1.0 - bulge)))
    if bulge > 0.0:
        # Cut where ours fades out; ``r_e`` stays the half-light radius of the law without end.
        spheroid = galsim.DeVaucouleurs(half_light_radius=r_e, trunc=(DEV_OUTER - 0.5) * r_e, flux_untruncated=True)
        parts.append(spheroid.withFlux(flux * bulge))
    # Our axes: r_e is the major one; GalSim's shear keeps the area. East is to the left.
    light = galsim.Add(parts).dilate(np.sqrt(q)).shear(q=q, beta=(90.0 + float(shape[PA])) * galsim.degrees)
    return galsim.Convolve(light, point)


def galsim_coadd(sky: SkyPixels, patch: Patch, band: str, x0: int, y0: int, n: int) -> tuple[np.ndarray, int]:
    """The noiseless light (nJy) of an n x n box of a deep coadd, and how many objects were drawn.

    The objects are those that ``SkyPixels.box`` draws there; stamps are as large as GalSim chooses.
    """
    k = BANDS.index(band)
    sources = sky._open()
    ra, dec = patch.to_sky(x0 + (n - 1) / 2, y0 + (n - 1) / 2)
    rows = sources.near(float(ra), float(dec), 0.5 * np.hypot(n, n) * SCALE / 3600.0)
    place = places(sources.position, rows, patch.ra0, patch.dec0, SCALE)
    x, y = place[:, 0] - patch.x0 - x0 + 1, place[:, 1] - patch.y0 - y0 + 1
    image = galsim.ImageD(n, n, scale=SCALE)
    drawn = 0
    for row, cx, cy in zip(rows, x, y):
        if not (-30 < cx < n + 31 and -30 < cy < n + 31):
            continue
        shape = np.asarray(sources.shape[row])
        stamp = profile(shape, float(shape[k]), float(COADD_SEEING[k])).drawImage(
            center=galsim.PositionD(float(cx), float(cy)), scale=SCALE
        )
        shared = stamp.bounds & image.bounds
        if shared.isDefined():
            image[shared] += stamp[shared]
            drawn += 1
    return image.array, drawn
