"""A few steps on the sphere, all in degrees: other frames to ICRS, places at a distance, distances."""

from __future__ import annotations

import numpy as np

ASTROPY = {"ecliptic": "barycentricmeanecliptic"}


def to_icrs(lon: np.ndarray, lat: np.ndarray, frame: str) -> tuple[np.ndarray, np.ndarray]:
    """ICRS (ra, dec) of places in icrs, fk5, fk4, galactic, supergalactic or ecliptic (mean, J2000); NaN stays NaN."""
    return _turned(lon, lat, frame, "icrs")


def from_icrs(ra: np.ndarray, dec: np.ndarray, frame: str) -> tuple[np.ndarray, np.ndarray]:
    """The inverse of ``to_icrs``."""
    return _turned(ra, dec, "icrs", frame)


def _turned(lon: np.ndarray, lat: np.ndarray, old: str, new: str) -> tuple[np.ndarray, np.ndarray]:
    lon, lat = np.asarray(lon, float), np.asarray(lat, float)
    if old == new:
        return lon % 360.0, lat
    from astropy.coordinates import SkyCoord

    good = np.isfinite(lon) & np.isfinite(lat)
    out_lon, out_lat = np.full(lon.shape, np.nan), np.full(lat.shape, np.nan)
    spots = SkyCoord(lon[good], lat[good], unit="deg", frame=ASTROPY.get(old, old))
    spots = spots.transform_to(ASTROPY.get(new, new)).spherical
    out_lon[good], out_lat[good] = spots.lon.deg % 360.0, spots.lat.deg
    return out_lon, out_lat


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
