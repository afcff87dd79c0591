"""When and where the telescope looked: seasons, nights, filters by moonlight, airmass, seeing, clouds, dither.

Every visit has its own boresight and rotation; where its detectors lie on the sky is the camera's affair.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numba as nb
import numpy as np
import pyarrow as pa

from portal.archive.sample.bands import (
    DARK_SKY_MAG,
    DEPTH_CONSTANT,
    EXTINCTION_PER_AIRMASS,
    MOON_BRIGHTENING,
    WAVELENGTH_NM,
    flux_of,
)
from portal.archive.sample.camera import CCD_X, CCD_Y, SCALE, Camera
from portal.archive.sample.presets import Field
from portal.archive.sample.streams import stream

SITE_LON, SITE_LAT = -70.7494, -30.2446  # degrees
FIRST_DAY = 60950  # MJD of the first night that may be used (2025-10-02)
SEASONS = 3
EXPOSURE_S = 30.0
# Of seven runs of three nights one is kept for the fields that are not the main one.
RUN_NIGHTS, RUN_CYCLE, OTHER_RUN = 3, 7, 3
DAY_ZERO = 55196  # MJD of the day from which source ids count
# Bits of a source id below the day: number in the night, detector, number in the image.
SEQUENCE_BITS, DETECTOR_BITS, NUMBER_BITS = 13, 8, 27
BLOCKS = ("gri", "grz", "riz", "izy", "gr", "ugr", "ug", "zy")
# How willingly a block is taken at new and at full Moon.
_BLOCK_DARK = np.array([3.0, 2.5, 2.0, 1.0, 2.0, 2.5, 2.0, 0.4])
_BLOCK_BRIGHT = np.array([1.0, 1.0, 3.0, 3.0, 0.6, 0.05, 0.02, 2.5])
_SHARE = np.array([0.09, 0.18, 0.24, 0.22, 0.16, 0.11])  # of the visits, per band


@dataclass(frozen=True)
class Visits:
    """Exposures in order of time; arrays of length n, angles in degrees, times MJD (TAI)."""

    camera: Camera
    visit: np.ndarray
    band: np.ndarray  # index into "ugrizy"
    ra: np.ndarray
    dec: np.ndarray
    rotation: np.ndarray
    mjd: np.ndarray  # middle of the exposure
    altitude: np.ndarray
    azimuth: np.ndarray
    airmass: np.ndarray
    cloud: np.ndarray  # mag
    sky: np.ndarray  # mag per arcsec2
    seeing: np.ndarray  # FWHM arcsec, (n, camera.detectors)
    depth: np.ndarray  # 5-sigma point-source magnitude, (n, camera.detectors)

    def __len__(self) -> int:
        return len(self.visit)

    @property
    def sigma(self) -> np.ndarray:
        """Background error of a PSF flux in nJy, (n, camera.detectors)."""
        return flux_of(self.depth) / 5.0


def _sun(mjd: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """RA and Dec of the Sun in degrees, good to 0.01 deg."""
    n = mjd - 51544.5
    g = np.radians(357.529 + 0.98560028 * n)
    longitude = np.radians(280.459 + 0.98564736 * n + 1.915 * np.sin(g) + 0.02 * np.sin(2 * g))
    tilt = np.radians(23.4393)
    return (
        np.degrees(np.arctan2(np.cos(tilt) * np.sin(longitude), np.cos(longitude))),
        np.degrees(np.arcsin(np.sin(tilt) * np.sin(longitude))),
    )


def horizontal(mjd: np.ndarray, ra: np.ndarray, dec: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Altitude and azimuth (from north through east) in degrees at the site."""
    sidereal = 280.46061837 + 360.98564736629 * (mjd - 37.0 / 86400 - 51544.5) + SITE_LON
    hour, d, lat = np.radians(sidereal - ra), np.radians(dec), np.radians(SITE_LAT)
    altitude = np.arcsin(np.sin(d) * np.sin(lat) + np.cos(d) * np.cos(lat) * np.cos(hour))
    azimuth = np.arctan2(-np.cos(d) * np.sin(hour), np.sin(d) * np.cos(lat) - np.cos(d) * np.sin(lat) * np.cos(hour))
    return np.degrees(altitude), np.degrees(azimuth) % 360.0


def moon_light(mjd: np.ndarray) -> np.ndarray:
    """Lit fraction of the Moon from its mean phase, 0 ... 1."""
    return (1 - np.cos(2 * np.pi * (np.asarray(mjd) - 51549.76) / 29.530588853)) / 2


def _usable(ra: float, dec: float) -> tuple[np.ndarray, np.ndarray]:
    """Nights on which the field stands high in the dark for an hour, and the times (night, slot) when it does."""
    days = FIRST_DAY + np.arange(int(365.25 * SEASONS))
    times = days[:, None] + np.linspace(-0.02, 0.44, 70)[None, :]  # local night begins near 23:30 UT
    field = horizontal(times, np.full(1, ra), np.full(1, dec))[0]
    sun = horizontal(times, *_sun(times))[0]
    return times, (field > 38.0) & (sun < -14.0)


def make_visits(field: Field, seed: int) -> Visits:
    """The visits of a field. Nights are spread over the seasons; each has a few blocks of filters.

    The main field and the others have nights of their own, so that no two visits share a number. Where there are
    asteroids, whole runs of nights are used, so that they are seen again before they have left.
    """
    rng = stream(seed, f"visits/{field.name}")
    times, good = _usable(field.ra, field.dec)
    nights = np.flatnonzero(good.sum(axis=1) >= 8)
    nights = nights[(nights // RUN_NIGHTS % RUN_CYCLE == OTHER_RUN) == (field.number > 0)]
    mjds: list[float] = []
    bands: list[int] = []
    queue = list(rng.permutation(nights))
    if field.orbits:
        run = nights // RUN_NIGHTS
        queue = list(nights[np.argsort(rng.random(run.max() + 1)[run], kind="stable")])
    again = min(0.25, field.visits / 1000.0)  # chance of a second exposure in the same filter
    short = np.zeros(6)  # how far each band lags behind its share
    while len(mjds) < field.visits:
        night = queue.pop() if queue else int(rng.choice(nights))
        light = float(moon_light(times[night, 35]))
        weight = _BLOCK_DARK * (1 - light) + _BLOCK_BRIGHT * light
        lag = np.array([np.exp(np.mean([short["ugrizy".index(b)] for b in block])) for block in BLOCKS])
        weight = weight * lag
        start = times[night, rng.choice(np.flatnonzero(good[night])[:-3])] + rng.uniform(0, 0.003)
        for band in BLOCKS[int(rng.choice(len(BLOCKS), p=weight / weight.sum()))]:
            for _ in range(1 + int(rng.random() < again)):
                mjds.append(start)
                bands.append("ugrizy".index(band))
                start += 38.0 / 86400
            start += 95.0 / 86400
        short = 60.0 * (_SHARE - np.bincount(bands, minlength=6) / len(bands)) / (1 + 6 * np.exp(-len(bands) / 6))
    chosen = np.argsort(mjds[: field.visits], kind="stable")
    return _observed(field, rng, np.array(mjds)[chosen], np.array(bands)[chosen])


def _observed(field: Field, rng: np.random.Generator, mjd: np.ndarray, band: np.ndarray) -> Visits:
    n = len(mjd)
    mjd = np.round(mjd * 86400e3) / 86400e3
    ra, dec = _boresights(field, rng, n)
    altitude, azimuth = horizontal(mjd, ra, dec)
    airmass = 1.0 / np.sin(np.radians(altitude))
    night = np.unique(np.floor(mjd - 0.6), return_inverse=True)[1]
    calm = np.exp(rng.normal(0, 0.18, night.max() + 1))[night] * np.exp(rng.normal(0, 0.06, n))
    seeing = 0.88 * calm * airmass**0.6 * (WAVELENGTH_NM[band] / 622.0) ** -0.25
    seeing = np.hypot(seeing, 0.35)
    veil = np.where(rng.random(night.max() + 1) < 0.3, rng.exponential(0.15, night.max() + 1), 0.0)[night]
    cloud = np.minimum(veil * rng.uniform(0.6, 1.4, n), 1.0)
    sky = DARK_SKY_MAG[band] - MOON_BRIGHTENING[band] * moon_light(mjd) ** 1.5 - 0.2 * (airmass - 1)
    sky = sky + rng.normal(0, 0.08, n)
    by_ccd = seeing[:, None] * (1 + 0.012 * rng.standard_normal((n, field.camera.detectors)))
    loss = EXTINCTION_PER_AIRMASS[band] * (airmass - 1) + cloud
    depth = (DEPTH_CONSTANT[band] + 0.5 * (sky - 21.0) - loss)[:, None] + 2.5 * np.log10(0.7 / by_ccd)
    day = np.floor(mjd - 0.5).astype(np.int64)  # the observing day changes at noon UT
    first = np.concatenate([[True], day[1:] != day[:-1]])
    start = np.maximum.accumulate(np.where(first, np.arange(n), 0))
    sequence = 40 + (np.arange(n) - start) * 2 + ((mjd - day) * 300).astype(np.int64)
    return Visits(
        camera=field.camera, visit=_day_number(day) * 100000 + sequence, band=band, ra=ra, dec=dec,
        rotation=rng.uniform(0, 360, n), mjd=mjd, altitude=altitude, azimuth=azimuth, airmass=airmass,
        cloud=cloud, sky=sky, seeing=by_ccd, depth=depth + rng.normal(0, 0.01, by_ccd.shape),
    )  # fmt: skip


def _boresights(field: Field, rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Dithered about the centre of a field as wide as the camera, spread evenly over a much wider one."""
    if field.radius_deg > 2 * field.camera.radius_deg:
        radius, angle = field.radius_deg * np.sqrt(rng.random(n)), rng.uniform(0, 2 * np.pi, n)
        x, y = radius * np.cos(angle), radius * np.sin(angle)
    else:
        reach = 0.36 * field.radius_deg
        x, y = rng.normal(0, reach, n), rng.normal(0, reach, n)
    dec = field.dec + y
    return field.ra + x / np.cos(np.radians(dec)), dec


def visit_details(field: Field, visits: Visits, zero_point: np.ndarray) -> dict[str, Any]:
    """The hidden table of everything that images need of each visit; ``zero_point`` by visit, then detector."""
    n = len(visits)

    def lists(values: np.ndarray) -> pa.Array:
        ends = np.arange(n + 1, dtype=np.int32) * visits.camera.detectors
        return pa.ListArray.from_arrays(pa.array(ends), pa.array(values.ravel().astype(np.float32)))

    return {
        "field": np.full(n, field.number, np.int32), "index": np.arange(n, dtype=np.int32), "visit": visits.visit,
        "band": np.array(list("ugrizy"))[visits.band], "ra": visits.ra, "dec": visits.dec,
        "rotation": visits.rotation, "mjd": visits.mjd, "airmass": visits.airmass, "cloud": visits.cloud,
        "sky": visits.sky, "seeing": lists(visits.seeing), "depth": lists(visits.depth),
        "zeroPoint": lists(zero_point), "camera": np.full(n, visits.camera.name),
    }  # fmt: skip


def _day_number(mjd: np.ndarray) -> np.ndarray:
    """Calendar days as integers like 20251003."""
    text = np.datetime_as_string(np.datetime64("1858-11-17") + mjd, unit="D")
    return np.array([int(day.replace("-", "")) for day in text], dtype=np.int64)


def image_numbers(visits: Visits, v: np.ndarray, d: np.ndarray) -> np.ndarray:
    """The ids of visits ``v`` and detectors ``d`` from which ids of sources count: room for NUMBER_BITS each."""
    day = np.floor(visits.mjd[v] - 0.5).astype(np.int64) - DAY_ZERO
    sequence = visits.visit[v] % 100000
    return (((day << SEQUENCE_BITS) + sequence << DETECTOR_BITS) + d) << NUMBER_BITS


def pixels(
    visits: Visits, v: np.ndarray, d: np.ndarray, ra: np.ndarray, dec: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Detector pixels (from 0) of ICRS degrees on visits ``v`` and detectors ``d``, to 1/64 pixel."""
    x, y = np.empty(len(v)), np.empty(len(v))
    index = np.asarray(d, dtype=np.int64)
    _pixels(*axes(visits), np.asarray(v, dtype=np.int64), index, ra, dec, visits.camera.centres, x, y)
    return x, y


def axes(visits: Visits) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Unit vectors of each visit, (n, 3): the boresight and the camera's x and y axis (see ``camera``)."""
    a, d, r = np.radians(visits.ra), np.radians(visits.dec), np.radians(visits.rotation)
    zero = np.zeros(len(visits))
    bore = np.stack([np.cos(d) * np.cos(a), np.cos(d) * np.sin(a), np.sin(d)], axis=1)
    east = np.stack([-np.sin(a), np.cos(a), zero], axis=1)
    north = np.stack([-np.sin(d) * np.cos(a), -np.sin(d) * np.sin(a), np.cos(d)], axis=1)
    c, s = np.cos(r)[:, None], np.sin(r)[:, None]
    return bore, -c * east + s * north, s * east + c * north


@nb.njit(cache=True, nogil=True)
def _pixels(bore, across, up, v, d, ra, dec, centres, x, y):
    arcsec = 180.0 * 3600.0 / np.pi
    for k in range(v.size):
        a, b = np.radians(ra[k]), np.radians(dec[k])
        t0, t1, t2 = np.cos(b) * np.cos(a), np.cos(b) * np.sin(a), np.sin(b)
        i = v[k]
        scale = arcsec / (bore[i, 0] * t0 + bore[i, 1] * t1 + bore[i, 2] * t2)
        u = (across[i, 0] * t0 + across[i, 1] * t1 + across[i, 2] * t2) * scale - centres[d[k], 0]
        w = (up[i, 0] * t0 + up[i, 1] * t1 + up[i, 2] * t2) * scale - centres[d[k], 1]
        # Short binary fractions pack well.
        x[k] = np.round((u / SCALE + (CCD_X - 1) / 2) * 64) / 64
        y[k] = np.round((w / SCALE + (CCD_Y - 1) / 2) * 64) / 64
