"""The steps to which pixels are rounded, so that files may be compressed and still hold every pixel exactly.

RICE compression of floating-point pixels is exact when all of them are multiples of one power of two: a whole file
then equals its cutouts bit for bit. The step is a sixteenth to a thirty-second of the background noise, as fine as the
rounding of Rubin's own files (Pence et al. 2010, PASP 122, 1065, show that it costs nothing).
"""

from __future__ import annotations

import numpy as np

from portal.archive.sample.bands import BANDS
from portal.archive.sample.coadd import RECIPES, Box
from portal.archive.sample.exposure import Exposure
from portal.archive.sample.geometry import Patch
from portal.archive.sample.noise import pixel_noise

LEVEL = 16.0  # steps at least in one sigma of the background
VARIANCE_LEVEL = 1024.0  # and in its square; variances are smooth, so that fine steps cost little


def steps(kind: str, where: Patch | Exposure, band: str) -> tuple[float, float]:
    """Of the image in nJy and of its variance in nJy2, powers of two. They depend on the whole image alone."""
    if isinstance(where, Exposure):
        sigma = pixel_noise(where.sigma, where.seeing)
    else:
        seeing, psf_sigma, _ = (float(values[BANDS.index(band)]) for values in RECIPES[kind])
        sigma = pixel_noise(psf_sigma, seeing)
    return _below(sigma / LEVEL), _below(sigma**2 / VARIANCE_LEVEL)


def round_box(box: Box, image: float, variance: float) -> Box:
    """The box itself, its image and variance rounded in place to multiples of these steps; NaN stays."""
    for values, step in ((box.image, image), (box.variance, variance)):
        # Exact in float32: the step is a power of two.
        np.divide(values, np.float32(step), out=values)
        np.rint(values, out=values)
        np.multiply(values, np.float32(step), out=values)
    return box


def _below(value: float) -> float:
    return float(2.0 ** np.floor(np.log2(value)))
