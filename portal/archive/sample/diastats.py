"""DiaObject: the statistics of the DiaSources of each place, band by band, as the Rubin pipelines define them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numba as nb
import numpy as np

from portal.archive.sample.bands import BANDS
from portal.archive.sample.diaplaces import DiaPlaces

# Columns of the kernel's answer and their type in dp1.DiaObject.
STATISTICS = (
    ("psfFluxMean", np.float64), ("psfFluxMeanErr", np.float64), ("psfFluxSigma", np.float64),
    ("psfFluxMin", np.float64), ("psfFluxMax", np.float64), ("psfFluxNdata", np.float64),
    ("psfFluxErrMean", np.float32), ("psfFluxMAD", np.float32), ("psfFluxPercentile05", np.float64),
    ("psfFluxPercentile25", np.float64), ("psfFluxPercentile50", np.float64), ("psfFluxPercentile75", np.float64),
    ("psfFluxPercentile95", np.float64), ("psfFluxSkew", np.float32), ("psfFluxChi2", np.float32),
    ("psfFluxStetsonJ", np.float64), ("psfFluxLinearSlope", np.float64), ("psfFluxLinearIntercept", np.float64),
    ("psfFluxMaxSlope", np.float64), ("scienceFluxMean", np.float64), ("scienceFluxMeanErr", np.float64),
    ("scienceFluxSigma", np.float64),
)  # fmt: skip


@nb.njit(cache=True)
def _percentile(ordered, share):
    place = share * (ordered.size - 1)
    low = int(np.floor(place))
    high = min(low + 1, ordered.size - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


@nb.njit(cache=True)
def _one(t, f, e, sf, se, out):
    n = f.size
    weight = 1.0 / (e * e)
    mean = (weight * f).sum() / weight.sum()
    ordered = np.sort(f)
    median = _percentile(ordered, 0.5)
    out[0], out[1] = mean, np.sqrt(1.0 / weight.sum())
    out[3], out[4], out[5], out[6] = ordered[0], ordered[-1], n, e.mean()
    out[7] = _percentile(np.sort(np.abs(f - median)), 0.5)
    out[8], out[9], out[10] = _percentile(ordered, 0.05), _percentile(ordered, 0.25), median
    out[11], out[12] = _percentile(ordered, 0.75), _percentile(ordered, 0.95)
    out[14] = (((f - mean) / e) ** 2).sum()
    science = 1.0 / (se * se)
    out[19], out[20] = (science * sf).sum() / science.sum(), np.sqrt(1.0 / science.sum())
    if n < 2:
        return
    plain = f.mean()
    sigma = np.sqrt(((f - plain) ** 2).sum() / (n - 1))
    out[2] = sigma
    out[21] = np.sqrt(((sf - sf.mean()) ** 2).sum() / (n - 1))
    if sigma > 0:
        out[13] = ((f - plain) ** 3).mean() / ((f - plain) ** 2).mean() ** 1.5
    delta = np.sqrt(n / (n - 1.0)) * (f - mean) / e
    power = delta * delta - 1.0
    out[15] = (np.sign(power) * np.sqrt(np.abs(power))).mean()
    tm = (weight * t).sum() / weight.sum()
    spread = (weight * (t - tm) ** 2).sum()
    if spread > 0:
        slope = (weight * (t - tm) * (f - mean)).sum() / spread
        out[16], out[17] = slope, mean - slope * (tm - t[0])
    steepest = 0.0
    for k in range(n - 1):
        if t[k + 1] > t[k]:
            steepest = max(steepest, abs((f[k + 1] - f[k]) / (t[k + 1] - t[k])))
    out[18] = steepest


@nb.njit(cache=True)
def _all(place, band, t, f, e, sf, se, out):
    """Rows sorted by place; fills out (places, 6, statistics)."""
    start = 0
    while start < place.size:
        stop = start
        while stop < place.size and place[stop] == place[start]:
            stop += 1
        for b in range(6):
            own = np.flatnonzero(band[start:stop] == b) + start
            if own.size:
                _one(t[own], f[own], e[own], sf[own], se[own], out[place[start], b])
        start = stop


def dia_object_columns(places: DiaPlaces, sources: Mapping[str, Any]) -> dict[str, Any]:
    """dp1.DiaObject in HEALPix order; statistics of a band without detections are NaN, their number 0."""
    row = np.asarray(sources["_dia_row"])
    out = np.full((len(places), 6, len(STATISTICS)), np.nan)
    out[:, :, 5] = 0
    band = np.array([BANDS.index(b) for b in sources["band"]], dtype=np.int64)
    values = [np.asarray(sources[k], np.float64) for k in ("psfFlux", "psfFluxErr", "scienceFlux", "scienceFluxErr")]
    _all(row.astype(np.int64), band, np.asarray(sources["midpointMjdTai"]), *values, out)
    columns: dict[str, Any] = {
        "diaObjectId": places.dia_object_id,
        "ra": places.ra,
        "dec": places.dec,
        "nDiaSources": np.bincount(row, minlength=len(places)).astype(np.int64),
        "radecMjdTai": _last_time(row, np.asarray(sources["midpointMjdTai"]), len(places)),
    }
    for b, name in enumerate(BANDS):
        for k, (label, kind) in enumerate(STATISTICS):
            columns[f"{name}_{label}"] = out[:, b, k].astype(kind)
    columns["_healpix_29"] = places.leaf
    return columns


def _last_time(row: np.ndarray, t: np.ndarray, n: int) -> np.ndarray:
    last = np.full(n, -np.inf)
    np.maximum.at(last, row, t)
    return np.where(np.isfinite(last), last, np.nan)
