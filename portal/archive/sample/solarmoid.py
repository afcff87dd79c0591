"""Minimum distance between the orbit of a body and that of the Earth (MOID).

The Earth's orbit is its mean ellipse of J2000, which lies in the ecliptic.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from portal.archive.sample import orbits as ob

# Mean elements of the Earth-Moon barycentre at J2000 (Simon et al. 1994).
EARTH_A, EARTH_E, EARTH_PERIHELION = 1.00000102, 0.0167086, 102.93735
_STEPS = 144  # trial points around the body's orbit
_VALLEYS = 3  # local minima that are followed; an ellipse and a near-circle have at most four


@dataclass(frozen=True)
class Moid:
    """``distance`` (au), relative speed ``delta_v`` (km/s), ``longitude`` of the place on the Earth's orbit and the
    true anomalies there on the ``earth``'s and the ``body``'s orbit (degrees)."""

    distance: np.ndarray
    delta_v: np.ndarray
    longitude: np.ndarray
    earth: np.ndarray
    body: np.ndarray

    def __getitem__(self, rows: np.ndarray) -> Moid:
        return Moid(*(values[rows] for values in vars(self).values()))


@dataclass(frozen=True)
class _Ellipse:
    """Axes (n, 3) from the centre, ecliptic: X = p (cos E - e) + q sin E."""

    p: np.ndarray
    q: np.ndarray
    e: np.ndarray

    def at(self, anomaly: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Place and its first two derivatives by the eccentric anomaly."""
        c, s = np.cos(anomaly)[:, None], np.sin(anomaly)[:, None]
        return self.p * (c - self.e[:, None]) + self.q * s, self.q * c - self.p * s, -self.p * c - self.q * s


def earth_moid(orbits: ob.Orbits) -> Moid:
    """MOID of each orbit: the valleys of the distance along it, then Newton's method in both anomalies."""
    body = _ellipse(orbits)
    body_at = 2 * np.pi * np.arange(_STEPS) / _STEPS
    c, s = np.cos(body_at)[:, None], np.sin(body_at)[:, None]
    places = body.p[:, None] * (c - body.e[:, None, None]) + body.q[:, None] * s
    earth_at, squared = _nearest(places)
    valley = (squared <= np.roll(squared, 1, axis=1)) & (squared <= np.roll(squared, -1, axis=1))
    best = np.argsort(np.where(valley, squared, np.inf), axis=1, kind="stable")[:, :_VALLEYS]
    rows = np.repeat(np.arange(len(orbits)), _VALLEYS)
    one, two = body_at[best.ravel()], np.take_along_axis(earth_at, best, axis=1).ravel()
    each = _Ellipse(body.p[rows], body.q[rows], body.e[rows])
    earth = _earth(len(rows))
    one, two, squared = _refined(each, earth, one, two)
    pick = squared.reshape(-1, _VALLEYS).argmin(axis=1) + np.arange(len(orbits)) * _VALLEYS
    one, two = one[pick], two[pick]
    earth = _earth(len(orbits))
    place = earth.at(two)[0]
    drift = _velocity(body, one, orbits.a) - _velocity(earth, two, np.full(len(orbits), EARTH_A))
    return Moid(
        np.sqrt(squared[pick]), np.linalg.norm(drift, axis=1) * ob.KM_S,
        np.degrees(np.arctan2(place[:, 1], place[:, 0])) % 360.0, _true(two, earth.e), _true(one, orbits.e),
    )  # fmt: skip


def tisserand(orbits: ob.Orbits, a_jupiter: float = 5.2044) -> np.ndarray:
    """Tisserand's parameter against Jupiter."""
    shape = np.sqrt(orbits.a / a_jupiter * (1 - orbits.e**2))
    return a_jupiter / orbits.a + 2 * np.cos(np.radians(orbits.incl)) * shape


def _ellipse(orbits: ob.Orbits) -> _Ellipse:
    p, q = (ob.ecliptic_vectors(axis) for axis in orbits.axes)
    return _Ellipse(orbits.a[:, None] * p, (orbits.a * np.sqrt(1 - orbits.e**2))[:, None] * q, orbits.e)


def _earth(n: int) -> _Ellipse:
    turn = np.radians(EARTH_PERIHELION)
    p = EARTH_A * np.array([np.cos(turn), np.sin(turn), 0.0])
    q = EARTH_A * np.sqrt(1 - EARTH_E**2) * np.array([-np.sin(turn), np.cos(turn), 0.0])
    return _Ellipse(np.broadcast_to(p, (n, 3)), np.broadcast_to(q, (n, 3)), np.full(n, EARTH_E))


def _nearest(places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Eccentric anomaly of the nearest point of the Earth's orbit, as if it were a circle about its centre, and the
    squared distance from that."""
    turn = np.radians(EARTH_PERIHELION)
    x = places[..., 0] * np.cos(turn) + places[..., 1] * np.sin(turn) + EARTH_A * EARTH_E
    y = places[..., 1] * np.cos(turn) - places[..., 0] * np.sin(turn)
    out = np.sqrt(x**2 + y**2)
    return np.arctan2(y, x), (out - EARTH_A) ** 2 + places[..., 2] ** 2


def _refined(
    body: _Ellipse, earth: _Ellipse, one: np.ndarray, two: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Newton's method from trial anomalies; steps that lead uphill are halved. Gives the squared distances too."""
    damping = np.zeros(len(one))
    (x, x1, x2), (y, y1, y2) = body.at(one), earth.at(two)
    squared = ((x - y) ** 2).sum(axis=1)
    for _ in range(12):
        apart = x - y
        g1, g2 = (apart * x1).sum(axis=1), -(apart * y1).sum(axis=1)
        h11 = (x1 * x1 + apart * x2).sum(axis=1) + damping
        h22 = (y1 * y1 - apart * y2).sum(axis=1) + damping
        h12 = -(x1 * y1).sum(axis=1)
        # Where the surface is not a bowl the damping makes it one.
        short = np.maximum(1e-6 - (h11 * h22 - h12**2) / np.maximum(np.abs(h11 + h22), 1e-9), 0)
        h11, h22 = h11 + 2 * short, h22 + 2 * short
        bottom = h11 * h22 - h12**2
        step1, step2 = (h22 * g1 - h12 * g2) / bottom, (h11 * g2 - h12 * g1) / bottom
        long = np.maximum(np.hypot(step1, step2) / 0.2, 1.0)
        new_one, new_two = one - step1 / long, two - step2 / long
        at_one, at_two = body.at(new_one), earth.at(new_two)
        new = ((at_one[0] - at_two[0]) ** 2).sum(axis=1)
        good = new <= squared
        damping = np.where(good, damping * 0.2, np.maximum(damping * 4, 0.05))
        one, two = np.where(good, new_one, one), np.where(good, new_two, two)
        squared = np.where(good, new, squared)
        (x, x1, x2), (y, y1, y2) = body.at(one), earth.at(two)
    return one, two, squared


def _velocity(ellipse: _Ellipse, anomaly: np.ndarray, a: np.ndarray) -> np.ndarray:
    """au per day, ecliptic."""
    slope = ellipse.at(anomaly)[1]
    return slope * (ob.GAUSS / a**1.5 / (1 - ellipse.e * np.cos(anomaly)))[:, None]


def _true(anomaly: np.ndarray, e: np.ndarray) -> np.ndarray:
    return np.degrees(np.arctan2(np.sqrt(1 - e**2) * np.sin(anomaly), np.cos(anomaly) - e)) % 360.0
