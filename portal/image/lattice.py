"""World coordinates as lattices, from which the viewer interpolates: pixel to sky, and pixel of one image to another's.

All pixels count from 0, centres at whole numbers.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from astropy.coordinates import SkyCoord
from astropy.wcs import WCS

POINTS = 65  # a side: a distortion of 10 pixels is met to 0.003 pixels
ARCSEC = 3600 * 180 / math.pi


def sky_of(wcs: WCS, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """ICRS degrees of pixels; NaN where a pixel lies on no sky."""
    ra, dec = wcs.wcs_pix2world(x, y, 0) if wcs.sip is None else wcs.all_pix2world(x, y, 0)
    if wcs.wcs.lng:
        ra, dec = dec, ra
    return _icrs(wcs, ra, dec)


def pixels_of(wcs: WCS, ra: np.ndarray, dec: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pixels of ICRS degrees; NaN for places that do not project."""
    place = SkyCoord(np.asarray(ra, float), np.asarray(dec, float), unit="deg")
    with np.errstate(all="ignore"):
        x, y = wcs.world_to_pixel(place)
    return np.asarray(x, float), np.asarray(y, float)


def sky_lattice(wcs: WCS, nx: int, ny: int, n: int = POINTS) -> dict[str, Any] | None:
    """Positions from the lower left to the upper right edge (-0.5 to n - 0.5), row by row upwards, n x n.

    ``xi`` (east) and ``eta`` (north): arcsec on the plane that touches the sky at ``ra0``, ``dec0`` (degrees).
    ``scale_arcsec`` is the size of the middle pixel, ``north_angle`` where north lies there: degrees from +y
    towards -x. None when parts of the image lie on no sky, or more than 60 degrees from its middle.
    """
    x, y = np.meshgrid(np.linspace(-0.5, nx - 0.5, n), np.linspace(-0.5, ny - 0.5, n))
    middle = n // 2
    ra, dec = sky_of(wcs, x, y)
    ra0, dec0 = float(ra[middle, middle]), float(dec[middle, middle])
    xi, eta, depth = plane(np.radians(ra), np.radians(dec), math.radians(ra0), math.radians(dec0))
    if not np.isfinite(xi).all() or not np.isfinite(eta).all() or depth.min() < 0.5:
        return None
    step_x, step_y = nx / (n - 1), ny / (n - 1)
    across = np.array([xi[middle, middle + 1], eta[middle, middle + 1]]) / step_x
    upwards = np.array([xi[middle + 1, middle], eta[middle + 1, middle]]) / step_y
    area = across[0] * upwards[1] - across[1] * upwards[0]
    if not area:
        return None
    north = np.linalg.solve(np.stack([across, upwards], axis=1), [0.0, 1.0])
    return {
        "n": n,
        "ra0": ra0,
        "dec0": dec0,
        "xi": np.round(xi.ravel(), 7).tolist(),
        "eta": np.round(eta.ravel(), 7).tolist(),
        "scale_arcsec": math.sqrt(abs(area)),
        "north_angle": math.degrees(math.atan2(-north[0], north[1])),
    }


def plane(ra: Any, dec: Any, ra0: float, dec0: float) -> tuple[Any, Any, Any]:
    """Tangent-plane coordinates (east, north) in arcsec, and the cosine of the distance; angles in radians."""
    depth = np.sin(dec) * math.sin(dec0) + np.cos(dec) * math.cos(dec0) * np.cos(ra - ra0)
    with np.errstate(all="ignore"):
        xi = np.cos(dec) * np.sin(ra - ra0) / depth
        eta = (np.sin(dec) * math.cos(dec0) - np.cos(dec) * math.sin(dec0) * np.cos(ra - ra0)) / depth
    return xi * ARCSEC, eta * ARCSEC, depth


def warp(wcs: WCS, other: WCS, nx: int, ny: int, n: int = POINTS) -> dict[str, Any] | None:
    """Where pixels of this image lie in another one, of ``nx`` x ``ny``: a lattice over the part the other covers.

    ``x0`` ... ``y1`` is the box in this image's pixels; ``x``, ``y`` are the other's pixels, row by row upwards,
    None where there are none. The whole is None when the other lies nowhere near.
    """
    edge = np.linspace(0, 1, 33)
    zero, one = np.zeros_like(edge), np.ones_like(edge)
    rim_x = np.concatenate([edge, one, edge, zero]) * nx - 0.5
    rim_y = np.concatenate([zero, edge, one, edge]) * ny - 0.5
    x, y = pixels_of(wcs, *sky_of(other, rim_x, rim_y))
    if not np.isfinite(x).all() or not np.isfinite(y).all():
        return None
    box = float(x.min()), float(y.min()), float(x.max()), float(y.max())
    over_x, over_y = np.meshgrid(np.linspace(box[0], box[2], n), np.linspace(box[1], box[3], n))
    x, y = pixels_of(other, *sky_of(wcs, over_x, over_y))
    return {"n": n, "x0": box[0], "y0": box[1], "x1": box[2], "y1": box[3], "x": _listed(x), "y": _listed(y)}


def _listed(values: np.ndarray) -> list[float | None]:
    return [round(value, 6) if math.isfinite(value) else None for value in values.ravel().tolist()]


def _icrs(wcs: WCS, ra: np.ndarray, dec: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    from astropy.wcs.utils import wcs_to_celestial_frame

    frame = wcs_to_celestial_frame(wcs)
    good = np.isfinite(ra) & np.isfinite(dec) & (np.abs(dec) <= 90)
    if frame.name == "icrs":
        return np.where(good, ra % 360, np.nan), np.where(good, dec, np.nan)
    place = SkyCoord(np.where(good, ra, 0), np.where(good, dec, 0), unit="deg", frame=frame).icrs
    return np.where(good, place.ra.deg, np.nan), np.where(good, place.dec.deg, np.nan)
