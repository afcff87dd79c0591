"""The DiaObject of a packet: statistics over what was measured up to its visit, as the Rubin pipelines define them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .alerts_schema import cleaned
from .sample.bands import BANDS

Rows = Sequence[Mapping[str, Any]]


def object_record(place: Mapping[str, Any], sources: Rows, forced: Rows) -> dict[str, Any]:
    """The diaObject record: ``place`` its row in the table, ``sources`` its DiaSources by time, the newest the alert's.

    Means are weighted by the errors, psfFluxSigma is that of a sample; fluxes in nJy, the slope in nJy per day.
    """
    times = [row["midpointMjdTai"] for row in sources]
    out: dict[str, Any] = {
        "diaObjectId": place["diaObjectId"], "ra": place["ra"], "dec": place["dec"],
        "validityStartMjdTai": times[-1], "firstDiaSourceMjdTai": times[0], "lastDiaSourceMjdTai": times[-1],
        "nDiaSources": len(sources),
    }  # fmt: skip
    for name in ("raErr", "decErr"):
        errors = np.array([row[name] for row in sources if row[name]])
        out[name] = float(np.sqrt(1 / (errors**-2.0).sum())) if len(errors) else None
    for band in BANDS:
        mine = [row for row in sources if row["band"] == band]
        out |= {f"{band}_{name}": value for name, value in _of_band(mine).items()}
        mean, error = _mean([row for row in forced if row["band"] == band], "psfFlux")
        out |= {f"{band}_fpFluxMean": mean, f"{band}_fpFluxMeanErr": error}
    return cleaned("diaObject", out)


def _of_band(rows: Rows) -> dict[str, Any]:
    flux, error, when = (
        np.array([row[name] for row in rows], float) for name in ("psfFlux", "psfFluxErr", "midpointMjdTai")
    )
    if not len(flux):
        return {"psfFluxNdata": 0}
    out: dict[str, Any] = {"psfFluxNdata": len(flux)}
    out["psfFluxMean"], out["psfFluxMeanErr"] = _mean(rows, "psfFlux")
    out["scienceFluxMean"], out["scienceFluxMeanErr"] = _mean(rows, "scienceFlux")
    out |= {"psfFluxMin": float(flux.min()), "psfFluxMax": float(flux.max()), "psfFluxErrMean": float(error.mean())}
    if len(flux) > 1:
        out["psfFluxSigma"] = float(flux.std(ddof=1))
        step = np.diff(when)
        if (step > 0).any():
            out["psfFluxMaxSlope"] = float(np.abs(np.diff(flux)[step > 0] / step[step > 0]).max())
    return out


def _mean(rows: Rows, name: str) -> tuple[float | None, float | None]:
    """Weighted mean and its error; None without measurements."""
    pairs = np.array([(row[name], row[f"{name}Err"]) for row in rows], float).reshape(-1, 2)
    flux, error = pairs[np.isfinite(pairs).all(axis=1) & (pairs[:, 1] > 0)].T
    if not len(flux):
        return None, None
    weight = 1 / error**2
    return float((weight * flux).sum() / weight.sum()), float(np.sqrt(1 / weight.sum()))
