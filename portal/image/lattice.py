"""World coordinates as lattices, from which the viewer interpolates: pixel to sky, and pixel of one image to another's.

All pixels count from 0, centres at whole numbers.
"""

from __future__ import annotations

import math
import threading
import warnings
from typing import Any

import numpy as np
from astropy.coordinates import ICRS, BarycentricMeanEcliptic, Galactic, SkyCoord, Supergalactic
from astropy.wcs import WCS
from astropy.wcs.utils import wcs_to_celestial_frame

POINTS = 65  # a side, of warps: a distortion of 10 pixels is met to 0.003 pixels
FEWEST, MOST = 9, 257  # a side, of positions: a cutout needs few, a whole detector with its distortion about 129
GOOD = 3e-4  # arcsec; how far off a place between the points may be before there are more of them
ASTRAY = 1e-5  # degrees
ARCSEC = 3600 * 180 / math.pi
LOCK = threading.RLock()  # the WCS library keeps what it works on in the object, and several threads ask at once


def frame_of(wcs: WCS) -> Any:
    """The frame of the sky that a WCS is in. Raises ValueError for another body's, one turning with it, and none.

    The axes decide, not RADESYS, which files in Galactic coordinates often carry as well and which astropy believes.
    """
    system = wcs.wcs.ctype[wcs.wcs.lng][:4]
    if system == "GLON":
        return Galactic()
    if system == "ELON":
        return BarycentricMeanEcliptic()
    if system == "SLON":
        return Supergalactic()
    if not system.startswith("RA"):
        raise ValueError(f"no frame of the sky is called {system}")
    return wcs_to_celestial_frame(wcs)


def sky_of(wcs: WCS, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """ICRS degrees of pixels; NaN where a pixel lies on no sky."""
    with LOCK, np.errstate(all="ignore"):
        ra, dec = wcs.all_pix2world(np.asarray(x, float), np.asarray(y, float), 0)
        if wcs.wcs.lng:
            ra, dec = dec, ra
        frame = frame_of(wcs)
    good = np.isfinite(ra) & np.isfinite(dec) & (np.abs(dec) <= 90)
    ra, dec = _turned(np.where(good, ra, 0), np.where(good, dec, 0), frame, ICRS())
    return np.where(good, ra % 360, np.nan), np.where(good, dec, np.nan)


def pixels_of(wcs: WCS, ra: np.ndarray, dec: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pixels of ICRS degrees; NaN for places that do not project."""
    ra, dec = np.asarray(ra, float), np.asarray(dec, float)
    good = np.isfinite(ra) & np.isfinite(dec) & (np.abs(dec) <= 90)
    with LOCK, warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        pair = _turned(np.where(good, ra, 0), np.where(good, dec, 0), ICRS(), frame_of(wcs))
        x, y = wcs.all_world2pix(*(pair[::-1] if wcs.wcs.lng else pair), 0, tolerance=1e-5, quiet=True)
    # Far outside an image its distortion leads astray: only a place that leads back is one.
    back = sky_of(wcs, np.where(np.isfinite(x), x, 0), np.where(np.isfinite(y), y, 0))
    with np.errstate(all="ignore"):
        apart = np.hypot((back[0] - ra + 180) % 360 - 180, back[1] - dec)
    good &= np.isfinite(x) & np.isfinite(y) & (np.where(np.abs(dec) > 89.9, np.abs(back[1] - dec), apart) < ASTRAY)
    return np.where(good, x, np.nan), np.where(good, y, np.nan)


def sky_lattice(wcs: WCS, nx: int, ny: int) -> dict[str, Any] | None:
    """Positions from the lower left to the upper right edge (-0.5 to n - 0.5), row by row upwards, n x n.

    ``n`` is as small as it can be for 0.3 mas. ``xi`` (east), ``eta`` (north): arcsec on the plane that touches the sky
    at ``ra0``, ``dec0`` (degrees). ``scale_arcsec`` is the size of the middle pixel, ``north_angle`` where north lies
    there: degrees from +y towards -x. None when parts of the image lie on no sky, or over 60 degrees from its middle.
    """
    ra0, dec0 = (float(one) for one in sky_of(wcs, (nx - 1) / 2, (ny - 1) / 2))
    n = FEWEST
    while True:
        # Twice as fine as asked: the points between tell how good the others are.
        x, y = np.meshgrid(np.linspace(-0.5, nx - 0.5, 2 * n - 1), np.linspace(-0.5, ny - 0.5, 2 * n - 1))
        ra, dec = sky_of(wcs, x, y)
        xi, eta, depth = plane(np.radians(ra), np.radians(dec), math.radians(ra0), math.radians(dec0))
        if not np.isfinite(xi).all() or not np.isfinite(eta).all() or depth.min() < 0.5:
            return None
        if n >= MOST or max(_off(xi), _off(eta)) < GOOD:
            break
        n = 2 * n - 1
    middle = n - 1
    step_x, step_y = nx / (2 * n - 2), ny / (2 * n - 2)
    across = np.array(
        [xi[middle, middle + 1] - xi[middle, middle - 1], eta[middle, middle + 1] - eta[middle, middle - 1]]
    )
    upwards = np.array(
        [xi[middle + 1, middle] - xi[middle - 1, middle], eta[middle + 1, middle] - eta[middle - 1, middle]]
    )
    across, upwards = across / (2 * step_x), upwards / (2 * step_y)
    area = across[0] * upwards[1] - across[1] * upwards[0]
    if not area:
        return None
    north = np.linalg.solve(np.stack([across, upwards], axis=1), [0.0, 1.0])
    return {
        "n": n,
        "ra0": ra0,
        "dec0": dec0,
        "xi": np.round(xi[::2, ::2].ravel(), 6).tolist(),
        "eta": np.round(eta[::2, ::2].ravel(), 6).tolist(),
        "scale_arcsec": math.sqrt(abs(area)),
        "north_angle": math.degrees(math.atan2(-north[0], north[1])),
    }


def _off(values: np.ndarray) -> float:
    """How far the middles of cells lie from the mean of their corners (the worst place of a bilinear fit)."""
    corners = values[::2, ::2]
    mean = (corners[:-1, :-1] + corners[1:, :-1] + corners[:-1, 1:] + corners[1:, 1:]) / 4
    return float(np.abs(values[1::2, 1::2] - mean).max())


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


def _turned(ra: np.ndarray, dec: np.ndarray, frame: Any, to: Any) -> tuple[np.ndarray, np.ndarray]:
    """Degrees in one frame as degrees in another."""
    if frame.is_equivalent_frame(to):
        return ra, dec
    place = SkyCoord(ra, dec, unit="deg", frame=frame).transform_to(to).spherical
    return place.lon.deg, place.lat.deg
