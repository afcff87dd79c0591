"""DiaObject: the statistics of the DiaSources of each place, band by band, as the Rubin pipelines define them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from portal.archive.sample.bands import BANDS
from portal.archive.sample.diaplaces import DiaPlaces

# What is worked out for each band, and their type in dp1.DiaObject.
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


class _Groups:
    """Rows in groups: sums, means and percentiles of each group. Rows of a group lie together."""

    def __init__(self, group: np.ndarray) -> None:
        self.first = np.flatnonzero(np.diff(group, prepend=-1))
        self.n = np.diff(np.append(self.first, len(group)))
        self.of = np.repeat(np.arange(len(self.first)), self.n)

    def sum(self, values: np.ndarray) -> np.ndarray:
        return np.add.reduceat(values, self.first) if len(values) else np.zeros(0)

    def mean(self, values: np.ndarray) -> np.ndarray:
        return self.sum(values) / self.n

    def sigma(self, values: np.ndarray) -> np.ndarray:
        """Standard deviation of a sample; NaN for one row."""
        square = self.sum((values - self.mean(values)[self.of]) ** 2)
        return np.sqrt(np.where(self.n > 1, square / np.maximum(self.n - 1, 1), np.nan))

    def ordered(self, values: np.ndarray) -> np.ndarray:
        return values[np.lexsort((values, self.of))]

    def percentile(self, ordered: np.ndarray, share: float) -> np.ndarray:
        place = share * (self.n - 1)
        low = np.floor(place).astype(np.int64)
        high = np.minimum(low + 1, self.n - 1)
        below = ordered[self.first + low]
        return below + (ordered[self.first + high] - below) * (place - low)


def _statistics(
    group: np.ndarray, t: np.ndarray, f: np.ndarray, e: np.ndarray, sf: np.ndarray, se: np.ndarray
) -> np.ndarray:
    """STATISTICS of each group of rows, (groups, statistics); rows of a group lie together in order of time."""
    g = _Groups(group)
    weight, science = 1.0 / (e * e), 1.0 / (se * se)
    whole = g.sum(weight)
    mean = g.sum(weight * f) / whole
    away, plain = f - mean[g.of], f - g.mean(f)[g.of]
    ordered = g.ordered(f)
    low, quarter, median, upper, high = (g.percentile(ordered, share) for share in (0.05, 0.25, 0.5, 0.75, 0.95))
    sigma = g.sigma(f)
    with np.errstate(divide="ignore", invalid="ignore"):
        skew = np.where(sigma > 0, g.mean(plain**3) / g.mean(plain**2) ** 1.5, np.nan)
        power = g.n[g.of] / (g.n[g.of] - 1.0) * (away / e) ** 2 - 1.0
        stetson = np.where(g.n > 1, g.mean(np.sign(power) * np.sqrt(np.abs(power))), np.nan)
        middle = g.sum(weight * t) / whole
        spread = g.sum(weight * (t - middle[g.of]) ** 2)
        slope = np.where((g.n > 1) & (spread > 0), g.sum(weight * (t - middle[g.of]) * away) / spread, np.nan)
        later = (np.diff(g.of, prepend=-1) == 0) & (np.diff(t, prepend=np.inf) > 0)
        steep = np.where(later, np.abs(np.diff(f, prepend=0) / np.diff(t, prepend=0)), 0.0)
    steepest = np.maximum.reduceat(steep, g.first) if len(steep) else np.zeros(0)
    return np.stack([
        mean, np.sqrt(1.0 / whole), sigma, ordered[g.first], ordered[g.first + g.n - 1], g.n, g.mean(e),
        g.percentile(g.ordered(np.abs(f - median[g.of])), 0.5), low, quarter, median, upper, high, skew,
        g.sum((away / e) ** 2), stetson, slope, mean - slope * (middle - t[g.first]),
        np.where(g.n > 1, steepest, np.nan), g.sum(science * sf) / g.sum(science), np.sqrt(1.0 / g.sum(science)),
        g.sigma(sf),
    ], axis=1)  # fmt: skip


def dia_object_columns(places: DiaPlaces, sources: Mapping[str, Any]) -> dict[str, Any]:
    """dp1.DiaObject in HEALPix order; statistics of a band without detections are NaN, their number 0."""
    row = np.asarray(sources["_dia_row"])
    out = np.full((len(places) * 6, len(STATISTICS)), np.nan)
    out[:, 5] = 0
    group = row * 6 + np.array([BANDS.index(b) for b in sources["band"]], dtype=np.int64)
    order = np.argsort(group, kind="stable")
    names = ("midpointMjdTai", "psfFlux", "psfFluxErr", "scienceFlux", "scienceFluxErr")
    values = (np.asarray(sources[name], np.float64)[order] for name in names)
    out[np.unique(group)] = _statistics(group[order], *values)
    out = out.reshape(len(places), 6, len(STATISTICS))
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
