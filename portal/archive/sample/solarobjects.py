"""What is kept of each asteroid: its orbit (MPCORB, dp2.mpc_orbits) and what the visits tell of it (SSObject)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from portal.archive.sample import moving, solarlight
from portal.archive.sample.bands import BANDS, mag_of
from portal.archive.sample.orbits import Orbits
from portal.archive.sample.solarmoid import Moid, tisserand
from portal.archive.sample.streams import normal, uniform

EPOCH = 61200.0  # MJD (TT) of all orbits
FIDUCIAL_G12 = 0.5  # where the phase angles do not tell it
LEAST_ROWS, LEAST_PHASE_DEG, MOST_G12_ERROR = 5, 3.0, 0.4  # for a fit of G12
LINK_NIGHTS, LINK_DAYS = 3, 15.0  # Rubin links a body that it sees in three nights within 15 days
_KNOWN_BRIGHT = 22.0  # V at opposition of what was known before
# Codes of the MPC's orbit types, in the order of the rules of ``orbit_types``.
_ATEN, _APOLLO, _AMOR, _MARS, _BELT, _TROJAN, _MIDDLE, _TNO = 1, 2, 3, 10, 11, 12, 19, 23


def orbit_columns(
    seed: int, planted: moving.Planted, moid: Moid, packed: np.ndarray, readable: np.ndarray, ident: np.ndarray,
    body: np.ndarray, mjd: np.ndarray,
) -> dict[str, Any]:  # fmt: skip
    """MPCORB: every planted orbit, seen or not, in the names of DP1 and DP2. Rows by designation.

    ``body, mjd`` are the detections. Earlier observations of other telescopes are made up from the brightness.
    Hidden columns tell the truth: _population, _type, _g12, _period (hours), _amplitude (mag).
    """
    orbits, lights, n = planted.orbits, planted.lights, len(planted)
    period = 2 * np.pi / orbits.motion
    t_p = orbits.t_p + np.rint((EPOCH - orbits.t_p) / period) * period
    bright = np.clip(24.0 - _opposition(planted), 0.3, 8.0)
    earlier = 8 + (12 * bright**2 * (0.5 + uniform(seed, "solar/earlier", ident))).astype(np.int64)
    seasons = 1 + (earlier // 30)
    first = 60950.0 - seasons * 480.0 + 60 * normal(seed, "solar/first", ident)
    arc = np.where(seasons > 1, (seasons - 1) * 470.0, 30.0) + 20 * uniform(seed, "solar/arc", ident)
    ours = np.bincount(body, minlength=n)
    last = np.full(n, -np.inf)
    np.maximum.at(last, body, mjd)
    arc = np.where(ours > 0, last - first, arc)
    columns: dict[str, Any] = {
        "mpcDesignation": packed,
        "designation": readable,
        "packed_primary_provisional_designation": packed,
        "unpacked_primary_provisional_designation": readable,
        "ssObjectId": ident,
        "a": orbits.a, "q": orbits.q, "e": orbits.e, "incl": orbits.incl, "node": orbits.node, "peri": orbits.peri,
        "t_p": t_p, "epoch": np.full(n, EPOCH),
        "mean_anomaly": np.degrees(orbits.mean_anomaly(EPOCH)) % 360.0,
        "period": period, "mean_motion": np.degrees(orbits.motion),
        "mpcH": lights.h.astype(np.float32), "g": solarlight.bowell_g(lights.g12),
        "orbit_type_int": orbit_types(orbits).astype(np.int32),
        "u_param": np.clip(8 - seasons - (ours > 0), 0, 9).astype(np.int32),
        "nopp": (seasons + (ours > 0)).astype(np.int32),
        "arc_length_total": arc, "arc_length_sel": arc,
        "nobs_total": (earlier + ours).astype(np.int32), "nobs_total_sel": (earlier + ours).astype(np.int32),
        "not_normalized_rms": 0.2 + 0.3 * uniform(seed, "solar/rms", ident),
        "normalized_rms": 0.5 + 0.3 * uniform(seed, "solar/norm", ident),
        "earth_moid": moid.distance,
        "_population": np.array([p.name for p in moving.POPULATIONS])[planted.population],
        "_type": np.array(solarlight.TYPES)[lights.kind],
        "_g12": lights.g12, "_period": lights.period, "_amplitude": lights.amplitude,
    }  # fmt: skip
    order = np.argsort(packed, kind="stable")
    return {"id": np.arange(1, n + 1, dtype=np.int32), **{name: values[order] for name, values in columns.items()}}


def orbit_types(orbits: Orbits) -> np.ndarray:
    """Orbit types by the numbers of the MPC."""
    a, q = orbits.a, orbits.q
    trojan = (a > 4.8) & (a < 5.5) & (orbits.e < 0.3)
    return np.select(
        [(q < 1.3) & (a < 1), q < 1.017, q < 1.3, (q < 1.666) & (a < 3.2), a < 3.27, trojan, a < 30.1],
        [_ATEN, _APOLLO, _AMOR, _MARS, _BELT, _TROJAN, _MIDDLE],
        _TNO,
    )


def _opposition(planted: moving.Planted) -> np.ndarray:
    """V when opposite the Sun at the mean distance."""
    a = np.maximum(planted.orbits.a, 1.2)
    return planted.lights.h + 5 * np.log10(a * (a - 1))


def ss_object_columns(
    planted: moving.Planted, moid: Moid, readable: np.ndarray, ident: np.ndarray, body: np.ndarray,
    sources: dict[str, Any], solar: dict[str, Any],
) -> dict[str, Any]:  # fmt: skip
    """SSObject: every body with a detection, in the names of DP1 and DP2; rows by ssObjectId.

    ``body`` are the planted rows of the detections in ``sources`` and ``solar``.
    """
    held, row = np.unique(body, return_inverse=True)
    n = len(held)
    mjd, extended = sources["midpointMjdTai"], np.asarray(sources["extendedness"], np.float64)
    count = np.bincount(row, minlength=n)
    first, last = _extreme(np.minimum, row, mjd, n), _extreme(np.maximum, row, mjd, n)
    moid = moid[held]
    columns: dict[str, Any] = {
        "ssObjectId": ident[held],
        "designation": readable[held],
        "numObs": count.astype(np.int32),
        "discoverySubmissionDate": np.where(_opposition(planted)[held] < _KNOWN_BRIGHT, np.nan, _linked(row, mjd, n)),
        "firstObservationMjdTai": first,
        "arc": (last - first).astype(np.float32),
        "MOIDEarth": moid.distance.astype(np.float32),
        "MOIDEarthDeltaV": moid.delta_v.astype(np.float32),
        "MOIDEarthEclipticLongitude": moid.longitude.astype(np.float32),
        "MOIDEarthTrueAnomaly": moid.earth.astype(np.float32),
        "MOIDEarthTrueAnomalyObject": moid.body.astype(np.float32),
        "tisserand_J": tisserand(planted.orbits[held]).astype(np.float32),
        "extendednessMax": _extreme(np.maximum, row, extended, n).astype(np.float32),
        "extendednessMedian": _median(row, extended, n).astype(np.float32),
        "extendednessMin": _extreme(np.minimum, row, extended, n).astype(np.float32),
    }
    columns |= _phase_curves(row, n, sources, solar)
    order = np.argsort(columns["ssObjectId"], kind="stable")
    return {
        name: values[order] if isinstance(values, np.ndarray) else values.take(order)
        for name, values in columns.items()
    }


def _phase_curves(row: np.ndarray, n: int, sources: dict[str, Any], solar: dict[str, Any]) -> dict[str, Any]:
    """H and G12 of each band from the trail fluxes."""
    band = np.array([BANDS.index(b) for b in sources["band"]], np.int64)
    flux = np.asarray(sources["trailFlux"], np.float64)
    err = 1.0857362 * np.asarray(sources["psfFluxErr"], np.float64) / np.asarray(sources["psfFlux"], np.float64)
    reach = np.asarray(solar["heliocentricDist"], np.float64) * np.asarray(solar["topocentricDist"], np.float64)
    phase = np.asarray(solar["phaseAngle"], np.float64)
    group = row * 6 + band
    count = np.bincount(group, minlength=6 * n)
    low, high = _extreme(np.minimum, group, phase, 6 * n), _extreme(np.maximum, group, phase, 6 * n)
    fit = phase_fit(group, 6 * n, mag_of(flux) - 5 * np.log10(reach), err, phase)
    columns: dict[str, Any] = {}
    for b, name in enumerate(BANDS):
        own = slice(b, None, 6)
        h, h_err, g12, g12_err, covariance, chi2 = (np.asarray(values[own], np.float32) for values in fit)
        some = count[own] > 0
        columns |= {
            f"{name}_nObs": count[own].astype(np.int32), f"{name}_H": h, f"{name}_HErr": h_err,
            f"{name}_G12": g12, f"{name}_G12Err": g12_err, f"{name}_H_{name}_G12_Cov": covariance,
            f"{name}_nObsUsed": count[own].astype(np.int32), f"{name}_Chi2": chi2,
            f"{name}_phaseAngleMin": np.where(some, low[own], np.nan).astype(np.float32),
            f"{name}_phaseAngleMax": np.where(some, high[own], np.nan).astype(np.float32),
            f"{name}_slope_fit_failed": pa.array(np.isnan(g12_err), mask=~some),
        }  # fmt: skip
    return columns


def phase_fit(
    group: np.ndarray, n: int, reduced: np.ndarray, err: np.ndarray, phase: np.ndarray
) -> tuple[np.ndarray, ...]:
    """Least squares of H and G12 in n groups: H, its error, G12, its error, their covariance, chi2.

    ``reduced`` magnitudes at 1 au from Sun and observer, ``err`` their errors, ``phase`` angles in degrees. Groups
    whose rows do not tell G12 have FIDUCIAL_G12 with NaN for its error, empty ones NaN throughout.
    """

    def total(values: np.ndarray) -> np.ndarray:
        return np.bincount(group, values, n)

    weight = err**-2.0
    count = np.bincount(group, minlength=n)
    low, high = _extreme(np.minimum, group, phase, n), _extreme(np.maximum, group, phase, n)
    free = (count >= LEAST_ROWS) & (high - low > LEAST_PHASE_DEG)
    g12 = np.full(n, FIDUCIAL_G12)
    with np.errstate(divide="ignore", invalid="ignore"):
        for _ in range(6 if free.any() else 0):
            rest, slope = _rest(reduced, phase, g12[group])
            a11, a12, a22 = total(weight), total(weight * slope), total(weight * slope**2)
            step = (a11 * total(weight * slope * rest) - a12 * total(weight * rest)) / (a11 * a22 - a12**2)
            g12 = np.where(free & np.isfinite(step), np.clip(g12 + np.clip(step, -0.4, 0.4), 0.0, 1.0), g12)
        rest, slope = _rest(reduced, phase, g12[group])
        a11, a12, a22 = total(weight), total(weight * slope), total(weight * slope**2)
        bottom = a11 * a22 - a12**2
        g12_err = np.sqrt(a11 / bottom)
        free &= (g12 > 0) & (g12 < 1) & (g12_err < MOST_G12_ERROR)
        g12 = np.where(free, g12, FIDUCIAL_G12)
        rest, slope = _rest(reduced, phase, g12[group])
        h = total(weight * rest) / total(weight)
        h_err = np.where(free, np.sqrt(a22 / bottom), total(weight) ** -0.5)
        covariance = -a12 / bottom
    chi2 = total(weight * (rest - h[group]) ** 2)
    empty = np.where(count > 0, 0.0, np.nan)
    told = np.where(free, 0.0, np.nan)
    return h + empty, h_err + empty, g12 + empty, g12_err + told, covariance + told, chi2 + empty


def _rest(reduced: np.ndarray, phase: np.ndarray, g12: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Magnitudes without the phase function, and the change of that by G12."""
    shine = np.maximum(solarlight.phase_flux(phase, g12), 1e-6)
    return reduced + 2.5 * np.log10(shine), -1.0857362 * solarlight.phase_slope(phase, g12) / shine


def _linked(row: np.ndarray, mjd: np.ndarray, n: int) -> np.ndarray:
    """The day after the night that made the third within LINK_DAYS, NaN for bodies without one."""
    night = np.unique(np.stack([row, np.floor(mjd - 0.5).astype(np.int64)], axis=1), axis=0)
    out = np.full(n, np.nan)
    if len(night) < LINK_NIGHTS:
        return out
    start, end = night[: 1 - LINK_NIGHTS], night[LINK_NIGHTS - 1 :]
    good = (start[:, 0] == end[:, 0]) & (end[:, 1] - start[:, 1] <= LINK_DAYS)
    for body, day in end[good][::-1].tolist():  # the first of a body is written last
        out[body] = day + 1.9
    return out


def _extreme(of: np.ufunc, row: np.ndarray, values: np.ndarray, n: int) -> np.ndarray:
    out = np.full(n, np.inf if of is np.minimum else -np.inf)
    of.at(out, row, values)
    return out


def _median(row: np.ndarray, values: np.ndarray, n: int) -> np.ndarray:
    ordered = values[np.lexsort((values, row))]
    count = np.bincount(row, minlength=n)
    start = np.cumsum(count) - count
    return (ordered[start + (count - 1) // 2] + ordered[start + count // 2]) / 2
