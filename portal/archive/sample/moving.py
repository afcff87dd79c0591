"""The planted asteroids of a field: who they are, and orbits chosen so that each passes through it.

A body's shape of orbit, inclination and place along the orbit are drawn from its population, weighted by how often
such a body stands in this line of sight; the orbit that leads through the field then follows in closed form.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from portal.archive.sample import cells, solarlight
from portal.archive.sample import orbits as ob
from portal.archive.sample.camera import CCD_X, CCD_Y, PITCH_X, PITCH_Y, SCALE, Camera
from portal.archive.sample.presets import Field
from portal.archive.sample.streams import stream
from portal.archive.sample.visits import SITE_LAT, SITE_LON, Visits

SITE_HEIGHT_M = 2663.0
FAINTER = 0.6  # mag: the faintest are this much below the median depth in r when they pass, so that not all are found
_TRIES = 8  # candidates drawn for one planted
_V_LESS_R = 0.2  # mag, of a common surface
Shape = Callable[[np.random.Generator, int], tuple[np.ndarray, np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class Population:
    """``shape`` draws a, e, incl; ``share`` of the planted; cumulative numbers grow as 10**(slope * H) from
    ``brightest``; ``types`` shares of ``solarlight.TYPES``."""

    name: str
    share: float
    slope: float
    brightest: float
    types: tuple[float, ...]
    shape: Shape


def _tilts(rng: np.random.Generator, n: int, width: float) -> np.ndarray:
    """Inclinations after Brown (2001): sin i times a Gaussian; degrees."""
    return np.minimum(rng.rayleigh(width, n), 70.0)


def _belt(low: float, high: float, width: float) -> Shape:
    def shape(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return rng.uniform(low, high, n), np.minimum(rng.rayleigh(0.115, n), 0.38), _tilts(rng, n, width)

    return shape


def _hilda(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return rng.normal(3.965, 0.02, n), np.minimum(rng.rayleigh(0.13, n), 0.3), _tilts(rng, n, 7.0)


def _trojan(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return rng.normal(5.205, 0.05, n), np.minimum(rng.rayleigh(0.055, n), 0.2), _tilts(rng, n, 12.0)


def _near_earth(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    a = np.minimum(1.0 + rng.gamma(2.5, 0.4, n), 3.2)
    q = rng.uniform(0.55, 1.3, n)
    return a, np.clip(1 - q / a, 0.02, 0.85), _tilts(rng, n, 11.0)


def _beyond_neptune(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Cold and hot classical bodies, plutinos, and scattered ones."""
    part = rng.choice(4, n, p=[0.3, 0.3, 0.2, 0.2])
    a = np.choose(part, [rng.normal(44.0, 0.9, n), rng.uniform(40.5, 47.5, n), rng.normal(39.45, 0.15, n), 0.0])
    scattered = 33.0 / (1 - rng.uniform(0.05, 0.6, n))
    e = np.choose(part, [rng.rayleigh(0.04, n), rng.rayleigh(0.09, n), rng.normal(0.22, 0.06, n), 0.0])
    far = part == 3
    tilt = np.where(part == 0, _tilts(rng, n, 2.2), _tilts(rng, n, 14.0))
    return np.where(far, scattered, a), np.where(far, 1 - 33.0 / scattered, np.clip(e, 0.005, 0.34)), tilt


# Widths and slopes after Jedicke et al. (2002), Gladman et al. (2009), Granvik et al. (2018), Szabo et al. (2007),
# Petit et al. (2011), rounded. In nature less than one body in a hundred that pass is none of the belt's: the rare
# kinds are planted more often, so that each can be found in a small field.
POPULATIONS = (
    Population("inner belt", 0.27, 0.32, 9.0, (0.32, 0.46, 0.12, 0.01, 0.09, 0, 0), _belt(2.12, 2.50, 5.5)),
    Population("middle belt", 0.32, 0.32, 8.5, (0.48, 0.34, 0.14, 0.03, 0.01, 0, 0), _belt(2.51, 2.82, 7.5)),
    Population("outer belt", 0.28, 0.33, 8.0, (0.62, 0.17, 0.13, 0.08, 0, 0, 0), _belt(2.84, 3.27, 8.0)),
    Population("Hilda", 0.03, 0.34, 8.0, (0.25, 0, 0.15, 0.60, 0, 0, 0), _hilda),
    Population("Jupiter Trojan", 0.04, 0.40, 8.0, (0.15, 0, 0.10, 0.75, 0, 0, 0), _trojan),
    Population("near-Earth", 0.04, 0.35, 14.0, (0.25, 0.50, 0.20, 0.03, 0.02, 0, 0), _near_earth),
    Population("trans-Neptunian", 0.02, 0.60, 4.0, (0, 0, 0, 0, 0, 0.6, 0.4), _beyond_neptune),
)


@dataclass(frozen=True)
class Planted:
    """Bodies of a field by the time at which they pass: ``ra, dec`` then (degrees), ``t`` (MJD, TAI)."""

    population: np.ndarray  # index into POPULATIONS
    orbits: ob.Orbits
    lights: solarlight.Lights
    t: np.ndarray
    ra: np.ndarray
    dec: np.ndarray

    def __len__(self) -> int:
        return len(self.t)


def watch(visits: Visits) -> ob.Observers:
    """The telescope at the middle of each visit."""
    return ob.observers(visits.mjd, SITE_LON, SITE_LAT, SITE_HEIGHT_M)


def plant(seed: int, field: Field, visits: Visits, observers: ob.Observers) -> Planted:
    """``field.orbits`` bodies; each stands inside the field at the middle of one of its visits.

    ValueError when the field lies where no bodies pass.
    """
    rng = stream(seed, f"moving/{field.name}")
    share = np.array([p.share for p in POPULATIONS])
    wanted = rng.multinomial(field.orbits, share / share.sum())
    parts: list[_Bodies] = []
    # Where bodies of a kind cannot pass, such as Trojans far from their clouds, the next kind takes their number.
    for kind in reversed(range(len(POPULATIONS))):
        part = _passing(rng, kind, int(wanted[kind]), field, visits, observers)
        wanted[kind - 1] += wanted[kind] - len(part.t)
        parts.append(part)
    if sum(len(part.t) for part in parts) < field.orbits:
        raise ValueError(f"field {field.name!r}: too few kinds of bodies pass through it")
    population, t, ra, dec, h, kinds = (np.concatenate(values) for values in zip(*(p[1:] for p in parts), strict=True))
    lights = solarlight.draw_lights(rng, kinds, h)
    order = np.lexsort((dec, ra, t))
    orbits = ob.joined([part.orbits for part in parts])
    return Planted(population[order], orbits[order], lights[order], t[order], ra[order], dec[order])


class _Bodies(NamedTuple):
    """Bodies of one population; ``t``, ra, dec where and when they pass, ``h`` and ``kind`` their light."""

    orbits: ob.Orbits
    population: np.ndarray
    t: np.ndarray
    ra: np.ndarray
    dec: np.ndarray
    h: np.ndarray
    kind: np.ndarray


def _passing(
    rng: np.random.Generator, population: int, n: int, field: Field, visits: Visits, observers: ob.Observers
) -> _Bodies:
    """n bodies of one population, or as many as can pass."""
    kind = POPULATIONS[population]
    _, first, count = np.unique(np.floor(visits.mjd - 0.5), return_index=True, return_counts=True)
    m = max(_TRIES * n, 256)
    a, e, incl = kind.shape(rng, m)
    mean = rng.uniform(-np.pi, np.pi, m)
    night = rng.integers(0, len(first), m)
    visit = first[night] + (rng.random(m) * count[night]).astype(np.int64)
    ra, dec = _places(rng, field, visits, visit)
    observer = observers[visit]
    sight = ob.directions(ra, dec)
    r = a * (1 - e * np.cos(ob.eccentric_anomaly(mean, e)))
    # |observer + delta * sight| = r; bodies on this side of the Earth's orbit show two roots, of which we keep the far.
    along = (observer.place * sight).sum(axis=1)
    root = along**2 + r**2 - (observer.place**2).sum(axis=1)
    delta = np.sqrt(np.maximum(root, 0.0)) - along
    place = observer.place + delta[:, None] * sight
    with np.errstate(divide="ignore", invalid="ignore"):
        latitude = ob.ecliptic_vectors(place)[:, 2] / r
        cos_phase = (place * sight).sum(axis=1) / r
        dim = _V_LESS_R - 5 * np.log10(r * delta) + 2.5 * np.log10(solarlight.phase_flux(_degrees(cos_phase), 0.5))
        faintest = _depth(visits) + FAINTER + dim
        # How many such bodies stand in a square degree: their number on the sphere of radius r, where the line of
        # sight crosses it, spread over the latitudes that the inclination reaches.
        weight = delta**2 / (r**2 * cos_phase) / np.sqrt(np.sin(np.radians(incl)) ** 2 - latitude**2)
        weight = weight * (10 ** (kind.slope * faintest) - 10 ** (kind.slope * kind.brightest))
        weight = weight * _resonance(kind.name, place, a, e, mean, observer.t)
    weight = np.where((root > 0) & (delta > 0.005) & np.isfinite(weight), np.maximum(weight, 0), 0)
    n = min(n, int((weight > 0).sum()))
    weight = np.minimum(weight, 50 * np.median(weight[weight > 0])) if n else weight
    # The n largest of u**(1/w) are a weighted choice without repetition (Efraimidis & Spirakis 2006).
    with np.errstate(divide="ignore"):
        chosen = np.argsort(-np.log(rng.random(m)) / weight, kind="stable")[:n]
    low, high = 10 ** (kind.slope * kind.brightest), 10 ** (kind.slope * np.maximum(faintest[chosen], kind.brightest))
    h = np.log10(low + rng.random(n) * (high - low)) / kind.slope
    rising = rng.random(n) < 0.5
    rise = ob.through(
        a[chosen], e[chosen], incl[chosen], mean[chosen], rising, place[chosen],
        observer.t[chosen] - delta[chosen] / ob.LIGHT_AU_D,
    )  # fmt: skip
    types = np.array(kind.types)
    surface = rng.choice(len(types), n, p=types / types.sum())
    own, t = np.full(n, population), visits.mjd[visit[chosen]]
    return _Bodies(rise, own, t, ra[chosen], dec[chosen], h, surface)


def _places(rng: np.random.Generator, field: Field, visits: Visits, visit: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A place in the field for each visit, on one of its detectors if eight throws can find one; degrees."""
    shape = (len(visit), 8)
    out, turn = field.radius_deg * 0.999 * np.sqrt(rng.random(shape)), rng.uniform(0, 2 * np.pi, shape)
    dec = field.dec + out * np.sin(turn)
    ra = field.ra + out * np.cos(turn) / np.cos(np.radians(dec))
    v = np.repeat(visit, 8)
    camera = visits.camera
    hit = detector_at(camera, visits.ra[v], visits.dec[v], visits.rotation[v], ra.ravel(), dec.ravel())[0] >= 0
    good = hit.reshape(shape) & inside(field, ra, dec)
    pick = np.arange(len(visit)), good.argmax(axis=1)
    return ra[pick] % 360.0, dec[pick]


def inside(field: Field, ra: np.ndarray, dec: np.ndarray) -> np.ndarray:
    """Mask of positions in the disc of the field, also when ``field`` is one of its tiles."""
    return cells.separation(ra, dec, field.ra, field.dec) < field.radius_deg


def detector_at(
    camera: Camera, ra0: np.ndarray, dec0: np.ndarray, rotation: np.ndarray, ra: np.ndarray, dec: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Detector (-1 for none) and its pixels of ICRS positions on exposures; degrees, arrays of one length."""
    zero = np.zeros(len(ra), np.int64)
    x, y = camera.to_pixel(ra0, dec0, rotation, zero, ra, dec)
    u = (x - (CCD_X - 1) / 2) * SCALE + camera.centres[0, 0]
    v = (y - (CCD_Y - 1) / 2) * SCALE + camera.centres[0, 1]
    with np.errstate(invalid="ignore"):
        column = np.rint(np.nan_to_num(u, nan=1e9) / PITCH_X + (camera.side - 1) / 2).astype(np.int64)
        row = np.rint(np.nan_to_num(v, nan=1e9) / PITCH_Y + (camera.side - 1) / 2).astype(np.int64)
    on_grid = (column >= 0) & (column < camera.side) & (row >= 0) & (row < camera.side)
    found = np.where(on_grid, camera.grid[np.where(on_grid, row, 0), np.where(on_grid, column, 0)], -1)
    centre = camera.centres[np.maximum(found, 0)]
    x, y = (u - centre[:, 0]) / SCALE + (CCD_X - 1) / 2, (v - centre[:, 1]) / SCALE + (CCD_Y - 1) / 2
    with np.errstate(invalid="ignore"):
        on = (x > -0.5) & (x < CCD_X - 0.5) & (y > -0.5) & (y < CCD_Y - 0.5)
    return np.where(on, found, -1), x, y


def _depth(visits: Visits) -> float:
    red = visits.depth[visits.band == 2]
    return float(np.median(red)) if red.size else float(np.median(visits.depth)) + 0.3


def _degrees(cosine: np.ndarray) -> np.ndarray:
    return np.degrees(np.arccos(np.clip(cosine, -1, 1)))


def _resonance(
    name: str, place: np.ndarray, a: np.ndarray, e: np.ndarray, mean: np.ndarray, t: np.ndarray
) -> np.ndarray | float:
    """How willingly Jupiter lets a body be at a place: Trojans stay 60 degrees from it, Hildas meet it far off."""
    if name not in ("Hilda", "Jupiter Trojan"):
        return 1.0
    jupiter = 34.40 + 0.0830853 * (t - 51544.5)  # mean longitude, degrees
    x, y, _ = np.moveaxis(ob.ecliptic_vectors(place), -1, 0)
    longitude = np.degrees(np.arctan2(y, x))
    if name == "Jupiter Trojan":
        off = np.abs((longitude - jupiter + 180) % 360 - 180) - 60
        return np.where(np.abs(off) < 45, np.exp(-0.5 * (off / 14.0) ** 2), 0.0)
    true = np.degrees(2 * np.arctan(np.sqrt((1 + e) / (1 - e)) * np.tan(ob.eccentric_anomaly(mean, e) / 2)))
    perihelion, mean_longitude = longitude - true, longitude - true + np.degrees(mean)
    critical = (3 * jupiter - 2 * mean_longitude - perihelion + 180) % 360 - 180
    return np.exp(-0.5 * (critical / 40.0) ** 2)
