"""World coordinates to test on: turned, sheared a little, and distorted by SIP polynomials."""

from __future__ import annotations

import numpy as np
from astropy.wcs import WCS, Sip


def tan_sip(ra: float = 62.0, dec: float = -37.0, turn: float = 25.0, scale: float = 0.2, size: int = 400) -> WCS:
    """TAN-SIP of ``scale`` arcsec a pixel, turned by ``turn`` degrees, off by some pixels at the corners."""
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN-SIP", "DEC--TAN-SIP"]
    wcs.wcs.crpix = [size / 2 + 0.3, size / 2 - 0.7]
    wcs.wcs.crval = [ra, dec]
    c, s = np.cos(np.radians(turn)), np.sin(np.radians(turn))
    wcs.wcs.cd = scale / 3600 * np.array([[-c, s], [s, c]])
    a, b = np.zeros((3, 3)), np.zeros((3, 3))
    a[2, 0], a[1, 1], b[0, 2] = 2e-5, -1e-5, 1.5e-5
    wcs.sip = Sip(a, b, None, None, wcs.wcs.crpix)
    wcs.pixel_shape = (size, size)
    wcs.wcs.set()
    return wcs
