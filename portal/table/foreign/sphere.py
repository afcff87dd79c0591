"""A few steps on the sphere, all in degrees: other frames to ICRS, places at a distance, distances."""

from __future__ import annotations

import numpy as np


def to_icrs(lon: np.ndarray, lat: np.ndarray, frame: str) -> tuple[np.ndarray, np.ndarray]:
    """ICRS (ra, dec) of places in icrs, fk5, fk4, galactic or ecliptic (mean, J2000); NaN stays NaN."""
    if frame == "icrs":
        return np.asarray(lon) % 360.0, np.asarray(lat)
    from astropy.coordinates import SkyCoord

    known = {"ecliptic": "barycentricmeanecliptic"}.get(frame, frame)
    good = np.isfinite(lon) & np.isfinite(lat)
    ra, dec = np.full(len(lon), np.nan), np.full(len(lon), np.nan)
    spots = SkyCoord(np.asarray(lon)[good], np.asarray(lat)[good], unit="deg", frame=known).icrs
    ra[good], dec[good] = spots.ra.deg, spots.dec.deg
    return ra, dec


def offset(lon: float, lat: float, angle: np.ndarray, far: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Places ``far`` away from one place in the direction ``angle`` (north over east)."""
    lat, angle, far = np.radians(lat), np.radians(angle), np.radians(far)
    sin_lat = np.sin(lat) * np.cos(far) + np.cos(lat) * np.sin(far) * np.cos(angle)
    east = np.arctan2(np.sin(angle) * np.sin(far) * np.cos(lat), np.cos(far) - np.sin(lat) * sin_lat)
    return (lon + np.degrees(east)) % 360.0, np.degrees(np.arcsin(np.clip(sin_lat, -1, 1)))


def distance(ra: float, dec: float, to_ra: np.ndarray, to_dec: np.ndarray) -> np.ndarray:
    """Great-circle distances by the haversine, good at any length."""
    ra, dec, to_ra, to_dec = map(np.radians, (ra, dec, to_ra, to_dec))
    h = np.sin((to_dec - dec) / 2) ** 2 + np.cos(dec) * np.cos(to_dec) * np.sin((to_ra - ra) / 2) ** 2
    return np.degrees(2 * np.arcsin(np.sqrt(np.clip(h, 0, 1))))


def middle(ra: np.ndarray, dec: np.ndarray) -> tuple[float, float]:
    """The mean direction of some places."""
    ra, dec = np.radians(ra), np.radians(dec)
    x, y, z = (np.cos(dec) * np.cos(ra)).mean(), (np.cos(dec) * np.sin(ra)).mean(), np.sin(dec).mean()
    return float(np.degrees(np.arctan2(y, x)) % 360.0), float(np.degrees(np.arctan2(z, np.hypot(x, y))))
