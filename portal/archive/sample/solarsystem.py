"""The Solar System in the tables: MPCORB, SSObject, SSSource, the DiaSources of asteroids, and _moving.

Knows the planted bodies and the visits; what is in the field besides is not looked at.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np

from portal.archive.sample import dia, moving, solarlight
from portal.archive.sample import forced as fp
from portal.archive.sample import orbits as ob
from portal.archive.sample import visits as vis
from portal.archive.sample.bands import CALIBRATION_SCATTER, electron_flux
from portal.archive.sample.camera import CCD_X, CCD_Y, SCALE
from portal.archive.sample.presets import Field
from portal.archive.sample.solarmoid import earth_moid
from portal.archive.sample.solarnames import names
from portal.archive.sample.solarobjects import orbit_columns, ss_object_columns
from portal.archive.sample.streams import normal, uniform
from portal.archive.sample.writing import as_double, keep_bits

_PAIRS_AT_ONCE = 400_000
_MARGIN_DEG = 0.1  # light time moves a body by less


@dataclass(frozen=True)
class Sightings:
    """Bodies on detectors, one row each, by body then time: ``body`` row of the planted, ``visit`` of the visits,
    ``detector``, ``x, y`` pixels, what is seen, ``flux`` (nJy) and ``trail`` (arcsec)."""

    body: np.ndarray
    visit: np.ndarray
    detector: np.ndarray
    x: np.ndarray
    y: np.ndarray
    seen: ob.Apparent
    flux: np.ndarray
    trail: np.ndarray

    def __len__(self) -> int:
        return len(self.body)

    def __getitem__(self, rows: np.ndarray) -> Sightings:
        return Sightings(*(values[rows] for values in vars(self).values()))


def solar_tables(seed: int, field: Field, visits: vis.Visits, known: Collection[str] = ()) -> dict[str, dict[str, Any]]:
    """The columns of MPCORB, SSObject, SSSource, DiaSource and _moving of a whole field, whichever tile of it asks.

    ``known`` are designations (packed) already given in other fields. SSSource and DiaSource have the same rows in the
    order of the sky (``_healpix_29``, then time); DiaSource has the columns of ``dia.source_columns``. ValueError if
    bodies of a population cannot pass through the field.
    """
    observers = moving.watch(visits)
    planted = moving.plant(seed, field, visits, observers)
    packed, readable, ident = names(planted.t, known)
    sightings = sight(planted, visits, observers)
    measured, found = _measured(seed, field, visits, sightings, ident)
    detected = sightings[found]
    sources = _dia_sources(seed, visits, detected, {k: values[found] for k, values in measured.items()}, ident)
    order = np.lexsort((sources["midpointMjdTai"], sources["_healpix_29"]))
    detected, sources = detected[order], {name: values[order] for name, values in sources.items()}
    solar = _ss_sources(planted, visits, detected, sources, ident, readable)
    moid = earth_moid(planted.orbits)
    when = visits.mjd[detected.visit]
    return {
        "MPCORB": orbit_columns(seed, planted, moid, packed, readable, ident, detected.body, when),
        "SSObject": ss_object_columns(planted, moid, readable, ident, detected.body, sources, solar),
        "SSSource": solar,
        "DiaSource": sources,
        "_moving": {
            "ssObjectId": ident[sightings.body],
            "visit": visits.visit[sightings.visit],
            "detector": sightings.detector.astype(np.int32),
            "ra": sightings.seen.ra,
            "dec": sightings.seen.dec,
            "flux": sightings.flux,
            "rate": sightings.seen.rate,
            "angle": sightings.seen.angle,
        },
    }


def sight(planted: moving.Planted, visits: vis.Visits, observers: ob.Observers) -> Sightings:
    """Every body on every detector at the middle of the exposures, bright or faint."""
    body, visit = _near(planted.orbits, observers, visits)
    seen = ob.apparent(planted.orbits[body], observers[visit])
    camera = visits.camera
    detector, x, y = moving.detector_at(
        camera, visits.ra[visit], visits.dec[visit], visits.rotation[visit], seen.ra, seen.dec
    )
    on = np.flatnonzero(detector >= 0)
    body, visit, seen = body[on], visit[on], seen[on]
    emitted = visits.mjd[visit] - seen.delta / ob.LIGHT_AU_D
    flux = planted.lights.flux(body, visits.band[visit], seen.r, seen.delta, seen.phase, emitted)
    trail = seen.rate * vis.EXPOSURE_S / 24.0  # degrees per day, seconds -> arcsec
    return Sightings(body, visit, detector[on], x[on], y[on], seen, flux, trail)


def _near(orbits: ob.Orbits, observers: ob.Observers, visits: vis.Visits) -> tuple[np.ndarray, np.ndarray]:
    """Bodies and visits (rows) whose camera circle holds the body, light time left out."""
    bore = ob.directions(visits.ra, visits.dec)
    least = np.cos(np.radians(visits.camera.radius_deg + _MARGIN_DEG))
    step = max(_PAIRS_AT_ONCE // max(len(visits), 1), 1)
    parts = []
    for start in range(0, len(orbits), step):
        sightline = orbits[start : start + step].places(observers.t) - observers.place
        length = np.sqrt(np.einsum("nvk,nvk->nv", sightline, sightline))
        body, visit = np.nonzero(np.einsum("nvk,vk->nv", sightline, bore) > least * length)
        parts.append((body + start, visit))
    if not parts:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    return np.concatenate([p[0] for p in parts]), np.concatenate([p[1] for p in parts])


def _measured(
    seed: int, field: Field, visits: vis.Visits, s: Sightings, ident: np.ndarray
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """PSF fluxes on science and difference image of every sighting, and which rows are detected."""
    v, d, band = s.visit, s.detector, visits.band[s.visit]
    key = ident[s.body] * 1_000_003 + visits.visit[v]  # wraps around, which is as good for a hash
    seeing, photon = visits.seeing[v, d], electron_flux(vis.EXPOSURE_S)[band]
    shown = s.flux * solarlight.trail_loss(s.trail, seeing)
    own = photon * shown + (CALIBRATION_SCATTER * shown) ** 2
    background = visits.sigma[v, d] ** 2
    err = np.sqrt(background + own)
    diff_err = np.sqrt(background * (1 + fp.TEMPLATE_NOISE**2) + own)
    first, second = normal(seed, "solar/flux", key), normal(seed, "solar/template", key)
    luck = uniform(seed, "solar/luck", key)
    edge = np.minimum(np.minimum(s.x, CCD_X - 1 - s.x), np.minimum(s.y, CCD_Y - 1 - s.y))
    ray = luck < 0.004
    full = shown / seeing**2 > 1.0e5 * photon / 0.04 / 0.9
    flags = (
        np.where(edge < fp.EDGE_PX, fp.FLAG_EDGE, 0)
        | np.where(edge < fp.HALF_PSF_PX, fp.FLAG_NO_FLUX, 0)
        | np.where(ray, fp.FLAG_CR, 0)
        | np.where(luck < 0.0008, fp.FLAG_CR_CENTER, 0)
        | np.where((luck < 0.012) | full, fp.FLAG_INTERPOLATED, 0)
        | np.where((luck >= 0.012) & (luck < 0.016), fp.FLAG_NO_TEMPLATE, 0)
        | np.where(full, fp.FLAG_SATURATED, 0)
    )
    rows = {
        "psfFlux": shown + err * first,
        "psfFluxErr": err,
        "psfDiffFlux": shown + diff_err * (0.9 * first + np.sqrt(1 - 0.9**2) * second),
        "psfDiffFluxErr": diff_err,
        "flags": flags.astype(np.uint8),
    }
    return rows, np.flatnonzero(dia.detections(rows) & moving.inside(field, s.seen.ra, s.seen.dec))


def _dia_sources(
    seed: int, visits: vis.Visits, s: Sightings, rows: dict[str, np.ndarray], ident: np.ndarray
) -> dict[str, Any]:
    """DiaSource of the detected, with the trails that they draw."""
    v, d = s.visit, s.detector
    image = v * visits.camera.detectors + d
    order = np.lexsort((s.body, image))
    start = np.flatnonzero(np.diff(image[order], prepend=-1))
    number = np.empty(len(s), np.int64)
    number[order] = np.arange(len(s)) - np.repeat(start, np.diff(np.append(start, len(s)))) + 1
    none = np.zeros(len(s), np.int64)
    columns = dia.source_columns(
        seed, visits, v, d, number, s.seen.ra, s.seen.dec, rows, np.full(len(s), dia.MOVING), none, ident[s.body],
        (s.trail, s.seen.angle),
    )  # fmt: skip
    seeing = visits.seeing[v, d]
    snr = rows["psfDiffFlux"] / rows["psfDiffFluxErr"]
    key = columns["diaSourceId"]
    # A trail is told from a point when it adds to the width: the shorter, the less its length and angle are known.
    blur = 1.2 * seeing / snr
    along = s.trail + blur * normal(seed, "solar/along", key)
    across = blur * normal(seed, "solar/across", key)
    half = s.trail / 2 / 3600.0
    turn = np.radians(s.seen.angle)
    east, north = half * np.sin(turn) / np.cos(np.radians(s.seen.dec)), half * np.cos(turn)
    pointing = visits.ra[v], visits.dec[v], visits.rotation[v], d
    x0, y0 = visits.camera.to_pixel(*pointing, s.seen.ra - east, s.seen.dec - north)
    x1, y1 = visits.camera.to_pixel(*pointing, s.seen.ra + east, s.seen.dec + north)
    angle = np.arctan2(y1 - y0, x1 - x0) + np.arctan2(across, along)
    columns["trailLength"] = as_double(np.hypot(along, across) / SCALE, 10)
    columns["trailAngle"] = as_double((angle + np.pi / 2) % np.pi - np.pi / 2, 10)
    full = 1 / solarlight.trail_loss(s.trail, seeing)
    columns["trailFlux"] = keep_bits(rows["psfDiffFlux"] * full, 14)
    widened = s.trail**2 / 12.0  # second moment of a line
    sx, sy = np.cos(angle) ** 2, np.sin(angle) ** 2
    columns["ixx"] = as_double(columns["ixx"] + widened * sx, 10)
    columns["iyy"] = as_double(columns["iyy"] + widened * sy, 10)
    columns["ixy"] = as_double(columns["ixy"] + widened * np.sin(angle) * np.cos(angle), 10)
    columns["extendedness"] = np.where(s.trail > 0.6 * seeing, 1.0, columns["extendedness"])
    return columns


def _ss_sources(
    planted: moving.Planted, visits: vis.Visits, s: Sightings, sources: dict[str, Any], ident: np.ndarray,
    readable: np.ndarray,
) -> dict[str, Any]:  # fmt: skip
    """SSSource: DP1's columns and what DP2 has besides; vectors in au and au per day, range rates in km/s."""
    seen = s.seen
    ra, dec = sources["ra"], sources["dec"]
    off_ra = (ra - seen.ra + 180.0) % 360.0 - 180.0
    off_dec = dec - seen.dec
    east, north = off_ra * np.cos(np.radians(seen.dec)) * 3600, off_dec * 3600
    turn = np.radians(seen.angle)
    lam, beta = ob.ecliptic(ra, dec)
    lon, lat = ob.galactic(ra, dec)
    predicted = planted.lights.h[s.body] + 5 * np.log10(seen.r * seen.delta)
    predicted = predicted - 2.5 * np.log10(
        solarlight.bowell_flux(seen.phase, solarlight.bowell_g(planted.lights.g12[s.body]))
    )
    out: dict[str, Any] = {
        "ssObjectId": ident[s.body],
        "diaSourceId": sources["diaSourceId"],
        "designation": readable[s.body],
        "ra": ra, "dec": dec,  # no column of the releases: a catalog in HEALPix tiles has its positions with it
        "eclipticLambda": lam, "eclipticBeta": beta, "galacticL": lon, "galacticB": lat,
        "elongation": _short(seen.elongation), "phaseAngle": _short(seen.phase),
        "heliocentricDist": _short(seen.r), "topocentricDist": _short(seen.delta),
        "helioRangeRate": _short((seen.helio * seen.helio_velocity).sum(axis=1) / seen.r * ob.KM_S),
        "topoRangeRate": _short((seen.topo * seen.topo_velocity).sum(axis=1) / seen.delta * ob.KM_S),
        "residualRa": off_ra, "residualDec": off_dec,
        "ephRa": seen.ra, "ephDec": seen.dec, "ephVmag": _short(predicted),
        "ephRate": _short(seen.rate), "ephRateRa": _short(seen.rate_ra), "ephRateDec": _short(seen.rate_dec),
        "ephOffset": _short(np.hypot(east, north)),
        "ephOffsetAlongTrack": _short(east * np.sin(turn) + north * np.cos(turn)),
        "ephOffsetCrossTrack": _short(east * np.cos(turn) - north * np.sin(turn)),
        "diaDistanceRank": np.ones(len(s), np.int16),
        "_healpix_29": sources["_healpix_29"],
    }  # fmt: skip
    for name, place, velocity in (
        ("heliocentric", seen.helio, seen.helio_velocity),
        ("topocentric", seen.topo, seen.topo_velocity),
    ):
        for k, axis in enumerate("XYZ"):
            out[f"{name}{axis}"], out[f"{name}V{axis}"] = _short(place[:, k]), _short(velocity[:, k])
    return out


def _short(values: np.ndarray) -> np.ndarray:
    return np.asarray(values, np.float32)
