"""The coadds' own noise on the pixels of fine HiPS tiles, as bilinear resampling of the coadds brings it there.

Knows where tile pixels fall on the tracts; nothing of objects or of files.
"""

from __future__ import annotations

from typing import NamedTuple

import numba as nb
import numpy as np
from astropy_healpix import HEALPix

from portal.archive.sample.geometry import patch_at, tract_pixels
from portal.archive.sample.noise import Noise
from portal.archive.sample.tilegrid import BITS, WIDTH, pixel_numbers

DATASET = "deep_coadd"  # whose noise it is
FINEST = 11  # the order whose pixels are the coadds'
# Pixels between places that are projected exactly. Between them the grid is straight to 1e-4 of a pixel, over the
# 3 arcsec that this is.
STEP = 16


class Spots(NamedTuple):
    """Where a tile's pixels fall on the grid of one tract: ``x``, ``y`` (m, m), of which ``mine`` belong to it."""

    tract: int
    x: np.ndarray
    y: np.ndarray
    mine: np.ndarray | None  # None: all


def _weights(samples: int) -> np.ndarray:
    """Linear interpolation from every STEP-th of the 512 pixels (and the last) to ``samples`` a pixel."""
    knots = np.append(np.arange(0, WIDTH, STEP), WIDTH - 1).astype(float)
    at = (np.arange(WIDTH * samples) + 0.5) / samples - 0.5
    left = np.clip(np.searchsorted(knots, at, side="right") - 1, 0, len(knots) - 2)
    share = (at - knots[left]) / (knots[left + 1] - knots[left])  # beyond the ends the line goes on
    out = np.zeros((len(at), len(knots)))
    out[np.arange(len(at)), left] = 1 - share
    out[np.arange(len(at)), left + 1] = share
    return out


def coadd_spots(order: int, npix: int) -> list[Spots]:
    """Where the pixels of a tile, cut into those of order 11, fall on the tracts that own them."""
    grid = HEALPix(2 ** (order + BITS), order="nested")
    knots = np.append(np.arange(0, WIDTH, STEP), WIDTH - 1)
    lon, lat = grid.healpix_to_lonlat(pixel_numbers(npix)[np.ix_(knots, knots)])
    ra, dec = lon.deg, lat.deg
    weights = _weights(2 ** (FINEST - order))

    def spread(values: np.ndarray) -> np.ndarray:
        return weights @ values @ weights.T

    owners = np.unique(patch_at(ra.ravel(), dec.ravel())[0])
    found = []
    for tract in owners.tolist():
        x, y = (spread(plane) for plane in tract_pixels(tract, ra, dec))
        found.append(Spots(tract, x, y, None))
    if len(found) == 1:
        return found
    # A tile across tracts: whose each pixel is must be asked one by one. About the tile's own meridian, RA is smooth.
    middle = ra[0, 0]
    whole = spread((ra - middle + 180.0) % 360.0 - 180.0) + middle
    owner = patch_at(whole.ravel(), spread(dec).ravel())[0].reshape(whole.shape)
    return [spots._replace(mine=owner == spots.tract) for spots in found]


def coadd_grain(noise: Noise, band: str, spots: list[Spots]) -> np.ndarray:
    """The coadds' noise in units of a coadd pixel's sigma, (512, 512), as it lies in a PNG tile."""
    out = np.zeros((WIDTH, WIDTH))
    for tract, x, y, mine in spots:
        x0, y0 = int(np.floor(x.min())), int(np.floor(y.min()))
        nx, ny = int(np.floor(x.max())) + 2 - x0, int(np.floor(y.max())) + 2 - y0
        box = noise.box(DATASET, band, tract, x0, y0, nx, ny)
        _sample(box, x, y, x0, y0, np.ones((1, 1), bool) if mine is None else mine, out)
    return out


@nb.njit(cache=True, nogil=True)
def _sample(image, x, y, x0, y0, mine, out):
    """Add ``image`` (its lowest left pixel is (x0, y0)) between its pixels at x and y to ``out``, each of whose pixels
    is the mean of several; only where ``mine`` (a single True: everywhere).
    """
    side = x.shape[0] // out.shape[0]
    share = 1.0 / (side * side)
    everywhere = mine.shape[0] == 1
    for j in range(x.shape[0]):
        for i in range(x.shape[1]):
            if not (everywhere or mine[j, i]):
                continue
            across, up = x[j, i] - x0, y[j, i] - y0
            left, low = int(across), int(up)
            u, v = across - left, up - low
            lower = (1.0 - u) * image[low, left] + u * image[low, left + 1]
            upper = (1.0 - u) * image[low + 1, left] + u * image[low + 1, left + 1]
            out[j // side, i // side] += share * ((1.0 - v) * lower + v * upper)
