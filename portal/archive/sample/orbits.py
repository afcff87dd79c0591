"""Orbits about the Sun: where a body is, where the observer is, and how the one appears to the other.

Two bodies only: nothing disturbs an orbit. Vectors are heliocentric, in au and au per day, along the axes of the
ICRS. Elements are ecliptic (J2000). Light time is counted, stellar aberration is not, as in a catalogue of stars.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cached_property

import erfa
import numpy as np

from portal.archive.sample.times import TAI_MINUS_UTC_D

GAUSS = 0.01720209895  # k: au**1.5 per day
LIGHT_AU_D = 173.1446326846693  # speed of light
KM_S = 149597870.7 / 86400.0  # km/s in one au per day
OBLIQUITY = np.radians(84381.448 / 3600.0)  # of the ecliptic of J2000
MJD = 2400000.5
TT_MINUS_TAI_D = 32.184 / 86400.0
_EARTH_RADIUS_M, _FLATTENING = 6378137.0, 1 / 298.257223563  # WGS 84
_TURN_D = 7.292115855306589e-5 * 86400.0  # radians of the Earth's rotation per day
_TO_ECLIPTIC = np.array(
    [
        [1.0, 0.0, 0.0],
        [0.0, np.cos(OBLIQUITY), np.sin(OBLIQUITY)],
        [0.0, -np.sin(OBLIQUITY), np.cos(OBLIQUITY)],
    ]
)
_GALACTIC_POLE, _GALACTIC_NODE = np.radians([192.85948, 27.12825]), 122.93192  # as in cells.galactic


@dataclass(frozen=True)
class Orbits:
    """Elliptic elements of n bodies: a (au), e, incl, node, peri (degrees, ecliptic J2000), t_p (MJD, TT)."""

    a: np.ndarray
    e: np.ndarray
    incl: np.ndarray
    node: np.ndarray
    peri: np.ndarray
    t_p: np.ndarray

    def __len__(self) -> int:
        return len(self.a)

    def __getitem__(self, rows: np.ndarray | slice) -> Orbits:
        return Orbits(*(getattr(self, f.name)[rows] for f in fields(self)))

    @property
    def q(self) -> np.ndarray:
        """Perihelion distance, au."""
        return self.a * (1 - self.e)

    @property
    def motion(self) -> np.ndarray:
        """Mean motion, radians per day."""
        return GAUSS / self.a**1.5

    def mean_anomaly(self, t: np.ndarray | float) -> np.ndarray:
        """Radians in [-pi, pi) at times t (MJD, TT)."""
        return _wrapped(self.motion * (t - self.t_p))

    @cached_property
    def axes(self) -> tuple[np.ndarray, np.ndarray]:
        """Unit vectors to the perihelion and 90 degrees onward, (n, 3) each."""
        i, node, peri = np.radians(self.incl), np.radians(self.node), np.radians(self.peri)
        ci, si, cn, sn, cp, sp = np.cos(i), np.sin(i), np.cos(node), np.sin(node), np.cos(peri), np.sin(peri)
        first = np.stack([cn * cp - sn * sp * ci, sn * cp + cn * sp * ci, sp * si], axis=-1)
        second = np.stack([-cn * sp - sn * cp * ci, -sn * sp + cn * cp * ci, cp * si], axis=-1)
        return first @ _TO_ECLIPTIC, second @ _TO_ECLIPTIC

    def state(self, t: np.ndarray | float) -> tuple[np.ndarray, np.ndarray]:
        """Position and velocity at t (MJD, TT; one time or one per body), (n, 3) each."""
        anomaly = eccentric_anomaly(self.mean_anomaly(t), self.e)
        c, s = np.cos(anomaly), np.sin(anomaly)
        b = np.sqrt(1 - self.e**2)
        speed = self.a * self.motion / (1 - self.e * c)
        p, q = self.axes
        place = (self.a * (c - self.e))[:, None] * p + (self.a * b * s)[:, None] * q
        return place, (-speed * s)[:, None] * p + (speed * b * c)[:, None] * q

    def places(self, t: np.ndarray) -> np.ndarray:
        """Positions of all bodies at all times (MJD, TT), (n, len(t), 3)."""
        e = self.e[:, None]
        anomaly = eccentric_anomaly(_wrapped(self.motion[:, None] * (t - self.t_p[:, None])), e)
        p, q = self.axes
        x, y = self.a[:, None] * (np.cos(anomaly) - e), self.a[:, None] * np.sqrt(1 - e**2) * np.sin(anomaly)
        return x[..., None] * p[:, None] + y[..., None] * q[:, None]


def joined(parts: Sequence[Orbits]) -> Orbits:
    """The bodies of several sets, one after the other."""
    return Orbits(*(np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(Orbits)))


def eccentric_anomaly(mean: np.ndarray, e: np.ndarray) -> np.ndarray:
    """Solve Kepler's equation E - e sin E = M; radians, good to 1e-13 for e < 0.98."""
    mean, e = np.broadcast_arrays(np.asarray(mean, np.float64), e)
    found = mean + 0.85 * e * np.sign(mean)  # the start of Danby (1988)
    for _ in range(30):
        s, c = e * np.sin(found), e * np.cos(found)
        off, slope = found - s - mean, 1 - c
        step = off / (slope - 0.5 * off * s / slope)
        found = found - step
        if np.abs(step).max(initial=0.0) < 1e-13:
            break
    return found


def through(
    a: np.ndarray, e: np.ndarray, incl: np.ndarray, mean: np.ndarray, rising: np.ndarray, place: np.ndarray,
    t: np.ndarray,
) -> Orbits:  # fmt: skip
    """The orbits of given shape and inclination (degrees) that lead through places at times t (MJD, TT).

    ``mean`` is the mean anomaly then (radians): it fixes the distance from the Sun, which ``place`` (n, 3) must
    have. ``rising`` chooses the branch that climbs to the north. Inclinations must reach the place's ecliptic
    latitude.
    """
    anomaly = eccentric_anomaly(mean, e)
    true = np.arctan2(np.sqrt(1 - e**2) * np.sin(anomaly), np.cos(anomaly) - e)
    x, y, z = np.moveaxis(place @ _TO_ECLIPTIC.T, -1, 0)
    i = np.radians(incl)
    climb = np.arcsin(np.clip(z / np.sqrt(x**2 + y**2 + z**2) / np.sin(i), -1, 1))
    latitude_argument = np.where(rising, climb, np.pi - climb)
    node = np.arctan2(y, x) - np.arctan2(np.cos(i) * np.sin(latitude_argument), np.cos(latitude_argument))
    peri = latitude_argument - true
    return Orbits(a, e, incl, np.degrees(node) % 360.0, np.degrees(peri) % 360.0, t - mean / (GAUSS / a**1.5))


@dataclass(frozen=True)
class Observers:
    """A telescope at n times: t (MJD, TT), heliocentric place and velocity (n, 3)."""

    t: np.ndarray
    place: np.ndarray
    velocity: np.ndarray

    def __getitem__(self, rows: np.ndarray) -> Observers:
        return Observers(self.t[rows], self.place[rows], self.velocity[rows])


def observers(mjd_tai: np.ndarray, longitude: float, latitude: float, height_m: float) -> Observers:
    """The site at times (MJD, TAI). The Earth is good to about 5 km (Moisson & Bretagnon 2001, as in SOFA)."""
    t = np.asarray(mjd_tai, np.float64) + TT_MINUS_TAI_D
    earth = erfa.epv00(MJD, t)[0]
    utc = np.asarray(mjd_tai, np.float64) - TAI_MINUS_UTC_D  # UT1 is within a second of it
    turn = erfa.c2t00b(MJD, t, MJD, utc, 0.0, 0.0)
    lat, lon = np.radians(latitude), np.radians(longitude)
    curve = _EARTH_RADIUS_M / np.sqrt(1 - _FLATTENING * (2 - _FLATTENING) * np.sin(lat) ** 2)
    out = (curve + height_m) * np.cos(lat)
    up = (curve * (1 - _FLATTENING) ** 2 + height_m) * np.sin(lat)
    fixed = np.array([out * np.cos(lon), out * np.sin(lon), up]) / 149597870700.0
    swept = np.array([-fixed[1], fixed[0], 0.0]) * _TURN_D
    return Observers(t, earth["p"] + fixed @ turn, earth["v"] + swept @ turn)


@dataclass(frozen=True)
class Apparent:
    """What n observations see: ra, dec (degrees, ICRS); the helio- and topocentric vectors when the light left;
    ``rate_ra`` (with cos dec), ``rate_dec`` in degrees per day."""

    ra: np.ndarray
    dec: np.ndarray
    rate_ra: np.ndarray
    rate_dec: np.ndarray
    helio: np.ndarray
    helio_velocity: np.ndarray
    topo: np.ndarray
    topo_velocity: np.ndarray

    def __getitem__(self, rows: np.ndarray) -> Apparent:
        return Apparent(*(getattr(self, f.name)[rows] for f in fields(self)))

    @cached_property
    def r(self) -> np.ndarray:
        """Distance from the Sun, au."""
        return np.linalg.norm(self.helio, axis=-1)

    @cached_property
    def delta(self) -> np.ndarray:
        """Distance from the observer, au."""
        return np.linalg.norm(self.topo, axis=-1)

    @cached_property
    def phase(self) -> np.ndarray:
        """Sun, body, observer: degrees."""
        return _angle(self.helio, self.topo)

    @cached_property
    def elongation(self) -> np.ndarray:
        """Sun, observer, body: degrees."""
        return _angle(self.topo - self.helio, self.topo)

    @property
    def rate(self) -> np.ndarray:
        """Motion on the sky, degrees per day."""
        return np.hypot(self.rate_ra, self.rate_dec)

    @property
    def angle(self) -> np.ndarray:
        """Position angle of the motion, degrees from north through east."""
        return np.degrees(np.arctan2(self.rate_ra, self.rate_dec)) % 360.0


def apparent(orbits: Orbits, seen_from: Observers) -> Apparent:
    """Each body from the observer of its row."""
    late = np.zeros(len(orbits))
    for _ in range(3):  # the third changes a place 0.01 au away by less than a metre
        place, velocity = orbits.state(seen_from.t - late)
        topo = place - seen_from.place
        delta = np.linalg.norm(topo, axis=-1)
        late = delta / LIGHT_AU_D
    drift = velocity - seen_from.velocity
    sight = topo / delta[:, None]
    # While the distance grows the light that arrives is ever older: the body seems slower.
    recede = (sight * drift).sum(axis=-1) / (1 + (sight * velocity).sum(axis=-1) / LIGHT_AU_D)
    shown = drift - velocity * (recede / LIGHT_AU_D)[:, None]
    ra, dec = np.arctan2(sight[:, 1], sight[:, 0]), np.arcsin(np.clip(sight[:, 2], -1, 1))
    east = np.stack([-np.sin(ra), np.cos(ra), np.zeros(len(ra))], axis=-1)
    north = np.stack([-np.sin(dec) * np.cos(ra), -np.sin(dec) * np.sin(ra), np.cos(dec)], axis=-1)
    return Apparent(
        np.degrees(ra) % 360.0, np.degrees(dec),
        np.degrees((shown * east).sum(axis=-1) / delta), np.degrees((shown * north).sum(axis=-1) / delta),
        place, velocity, topo, drift,
    )  # fmt: skip


def directions(ra: np.ndarray, dec: np.ndarray) -> np.ndarray:
    """Unit vectors of positions in degrees, (..., 3)."""
    a, d = np.radians(ra), np.radians(dec)
    return np.stack([np.cos(d) * np.cos(a), np.cos(d) * np.sin(a), np.sin(d)], axis=-1)


def ecliptic(ra: np.ndarray, dec: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Ecliptic longitude and latitude (J2000) of ICRS positions, degrees."""
    x, y, z = np.moveaxis(directions(ra, dec) @ _TO_ECLIPTIC.T, -1, 0)
    return np.degrees(np.arctan2(y, x)) % 360.0, np.degrees(np.arcsin(np.clip(z, -1, 1)))


def galactic(ra: np.ndarray, dec: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Galactic longitude and latitude of ICRS positions, degrees."""
    a, d = np.radians(ra) - _GALACTIC_POLE[0], np.radians(dec)
    pole = _GALACTIC_POLE[1]
    b = np.arcsin(np.clip(np.sin(d) * np.sin(pole) + np.cos(d) * np.cos(pole) * np.cos(a), -1, 1))
    x = np.sin(d) * np.cos(pole) - np.cos(d) * np.sin(pole) * np.cos(a)
    return (_GALACTIC_NODE - np.degrees(np.arctan2(np.cos(d) * np.sin(a), x))) % 360.0, np.degrees(b)


def ecliptic_vectors(vectors: np.ndarray) -> np.ndarray:
    """ICRS vectors turned to ecliptic axes (J2000), (..., 3)."""
    return vectors @ _TO_ECLIPTIC.T


def _wrapped(angle: np.ndarray) -> np.ndarray:
    return (angle + np.pi) % (2 * np.pi) - np.pi


def _angle(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Degrees between vectors, exact for small angles."""
    cross = np.linalg.norm(np.cross(first, second), axis=-1)
    return np.degrees(np.arctan2(cross, (first * second).sum(axis=-1)))
