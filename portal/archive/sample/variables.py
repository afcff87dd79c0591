"""Which sources vary and how: planted stars, flickering quasars, supernovae and tidal disruptions on galaxies."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from portal.archive.sample import events, irregular
from portal.archive.sample import lightcurves as lc
from portal.archive.sample.cells import reddening, rounded
from portal.archive.sample.planting import in_core
from portal.archive.sample.presets import Field
from portal.archive.sample.streams import uniform
from portal.archive.sample.visits import FIRST_DAY, Visits

MARGIN_DEG = 2.0 / 3600.0  # outside of a field: a source whose object falls just inside still varies
_QUASAR = 2  # type in the sky


@dataclass(frozen=True)
class Variables:
    """Varying sources, one per row; what means nothing for a class is NaN.

    ``source`` is the row in the sky (for an event its host), ``delta`` the flux minus the mean in nJy (variables,
    visits). ``amplitude``: full range in r (quasars: the rms; lenses: at the peak; dwarf novae: of outbursts), mag.
    ``epoch``: MJD of maximum light, for eclipses of the primary one. ``t0``: MJD of the explosion. ``duration``:
    Einstein time, damping time or time between outbursts, days. ``stretch``, ``peak_mag`` (r): of events.
    """

    tid: np.ndarray
    kind: np.ndarray  # index into lightcurves.CLASSES
    source: np.ndarray
    ra: np.ndarray
    dec: np.ndarray
    period: np.ndarray
    amplitude: np.ndarray
    epoch: np.ndarray
    t0: np.ndarray
    duration: np.ndarray
    stretch: np.ndarray
    peak_mag: np.ndarray
    z: np.ndarray
    delta: np.ndarray

    def __len__(self) -> int:
        return len(self.tid)

    @property
    def is_supernova(self) -> np.ndarray:
        """Mask of the supernovae and tidal disruptions: light of their own, in a galaxy."""
        return self.kind >= lc.CLASS_ID[lc.ON_HOSTS[0]]


def make_variables(
    seed: int, field: Field, sky: dict[str, np.ndarray], planted: dict[str, np.ndarray], visits: Visits
) -> Variables:
    """All variables of a field. ``sky`` already holds the planted stars (found again by their tid)."""
    near = field.holds(sky["ra"], sky["dec"], MARGIN_DEG)
    order = np.argsort(sky["tid"])
    own = order[np.searchsorted(sky["tid"], planted["tid"], sorter=order)]
    stars = {**planted, "source": own}
    stars = {name: values[near[own]] for name, values in stars.items()}
    parts = [_stars(seed, sky, stars, visits), _quasars(seed, sky, np.flatnonzero(near & (sky["type"] == 2)), visits)]
    parts.append(_events(seed, sky, events.planned(seed, sky, near), visits))
    return Variables(**{name: np.concatenate([part[name] for part in parts]) for name in parts[0]})


def _rows(sky: dict[str, np.ndarray], source: np.ndarray, kind: np.ndarray, visits: Visits) -> dict[str, np.ndarray]:
    nothing = {name: np.full(len(source), np.nan) for name in _NUMBERS}
    return {
        "tid": sky["tid"][source], "kind": kind, "source": source, "ra": sky["ra"][source], "dec": sky["dec"][source],
        **nothing, "delta": np.zeros((len(source), len(visits))),
    }  # fmt: skip


_PHASES = np.linspace(0, 1, 200, endpoint=False)
_NUMBERS = ("period", "amplitude", "epoch", "t0", "duration", "stretch", "peak_mag", "z")


def _stars(
    seed: int, sky: dict[str, np.ndarray], stars: dict[str, np.ndarray], visits: Visits
) -> dict[str, np.ndarray]:
    out = _rows(sky, stars["source"], stars["kind"], visits)
    tid, mjd, band = out["tid"], visits.mjd, visits.band
    luck = {name: uniform(seed, f"variable/{name}", tid) for name in ("epoch", "odd", "wide", "deep", "warm")}
    out["period"], out["amplitude"] = stars["period"].copy(), stars["amplitude"].copy()
    out["epoch"] = FIRST_DAY + luck["epoch"] * np.where(np.isfinite(stars["period"]), stars["period"], 1000.0)
    mean = sky["flux"][stars["source"]]
    for code in np.unique(stars["kind"]):
        k = np.flatnonzero(stars["kind"] == code)
        name, period, epoch, odd = lc.CLASSES[code], out["period"][k], out["epoch"][k], luck["odd"][k]
        height = out["amplitude"][k]
        if name in lc.PULSATING:
            ratio = lc.pulsation_ratio(name, mjd, band, period, height, epoch, odd)
        elif name in ("EA", "EW"):
            build = _binaries(name, odd, luck["wide"][k], luck["deep"][k], luck["warm"][k])
            cycle = _cycle(build)
            ratio = lc.eclipse_ratio((mjd[None, :] - epoch[:, None]) / period[:, None], band, *build)
            ratio = ratio / cycle.mean(axis=2)[:, band]
            out["amplitude"][k] = 2.5 * np.log10(cycle[:, 2].max(axis=1) / cycle[:, 2].min(axis=1))
        elif name == "ROT":
            ratio = lc.spot_ratio(mjd, band, period, 0.7 * height, epoch, odd)
            cycle = lc.spot_ratio(_PHASES, np.full(len(_PHASES), 2), np.ones(len(k)), 0.7 * height, 0 * odd, odd)
            out["amplitude"][k] = 2.5 * np.log10(cycle.max(axis=1) / cycle.min(axis=1))
        elif name == "ULENS":
            season = FIRST_DAY + 365.25 * np.floor(3 * luck["epoch"][k]) + 45 + 90 * luck["wide"][k]
            core = in_core(out["ra"][k], out["dec"][k])
            out["epoch"][k] = np.where(core, season, FIRST_DAY + 1100 * luck["epoch"][k])
            out["duration"][k] = 18.0 * np.exp(1.2 * odd)
            shape = out["duration"][k], 0.08 + 0.45 * luck["deep"][k], 0.6 + 0.4 * luck["warm"][k]
            ratio = irregular.lens_ratio(mjd, band, out["epoch"][k], *shape)
            top = irregular.lens_ratio(np.zeros(1), np.full(1, 2), np.zeros(len(k)), *shape)
            out["amplitude"][k] = 2.5 * np.log10(top[:, 0])
        elif name == "CV":
            out["duration"][k] = 18.0 * np.exp(1.5 * odd)
            rest = out["duration"][k], height, epoch
            out["delta"][k] = irregular.outburst_flux(seed, tid[k], mjd, band, mean[k], *rest)
            out["epoch"][k] = np.nan
            continue
        else:
            out["delta"][k] = irregular.flare_flux(seed, tid[k], mjd, band, mean[k, 2])
            out["amplitude"][k] = out["epoch"][k] = np.nan
            continue
        out["delta"][k] = mean[k][:, band] * (ratio - 1)
    return out


def _binaries(
    name: str, odd: np.ndarray, wide: np.ndarray, deep: np.ndarray, warm: np.ndarray
) -> tuple[np.ndarray, ...]:
    """Radii, cosine of the inclination, temperatures and tides of binaries that do eclipse."""
    if name == "EW":  # both fill their lobes and share an envelope of one temperature
        first = 0.40 + 0.06 * odd
        radii = np.stack([first, 0.76 - first + 0.02 * wide], axis=1)
        kelvin = np.stack([5000 + 1200 * warm, (5000 + 1200 * warm) * (0.94 + 0.05 * wide)], axis=1)
        return radii, 0.05 + 0.4 * deep, kelvin, 0.06 + 0.05 * odd
    radii = np.stack([0.17 + 0.12 * odd, 0.16 + 0.12 * wide], axis=1)  # wide enough to be found at random times
    kelvin = np.stack([6000 + 3000 * warm, (6000 + 3000 * warm) * (0.5 + 0.45 * odd)], axis=1)
    return radii, 0.35 * deep * radii.sum(axis=1), kelvin, 0.01 + 0.02 * wide


def _cycle(build: tuple[np.ndarray, ...]) -> np.ndarray:
    """Light of binaries in every band through one orbit, (stars, 6, phases)."""
    phase, band = np.tile(_PHASES, 6)[None, :], np.repeat(np.arange(6), len(_PHASES))
    return lc.eclipse_ratio(phase, band, *build).reshape(-1, 6, len(_PHASES))


def _quasars(seed: int, sky: dict[str, np.ndarray], source: np.ndarray, visits: Visits) -> dict[str, np.ndarray]:
    out = _rows(sky, source, np.full(len(source), lc.CLASS_ID["AGN"]), visits)
    out["z"] = sky["z"][source]
    out["amplitude"] = 0.08 + 0.22 * uniform(seed, "variable/rms", out["tid"])
    out["duration"] = 80.0 * (1 + out["z"]) * np.exp(1.2 * uniform(seed, "variable/tau", out["tid"]))
    ratio = irregular.walk_ratio(seed, out["tid"], visits.mjd, visits.band, out["amplitude"], out["duration"])
    out["delta"] = sky["flux"][source][:, visits.band] * (ratio - 1)
    return out


def _events(seed: int, sky: dict[str, np.ndarray], plan: events.Plan, visits: Visits) -> dict[str, np.ndarray]:
    out = _rows(sky, plan.host, plan.kind, visits)
    out["tid"] = out["tid"] + events.EVENT_TID
    out["ra"], out["dec"] = rounded(plan.ra), rounded(plan.dec)
    out["epoch"], out["stretch"], out["z"] = plan.epoch, plan.stretch, sky["z"][plan.host]
    ebv = reddening(plan.ra, plan.dec) if len(plan) else np.zeros(0)
    for name in lc.ON_HOSTS:
        k = np.flatnonzero(plan.kind == lc.CLASS_ID[name])
        flux, out["t0"][k], out["peak_mag"][k] = events.light(name, plan, k, out["z"][k], ebv[k], visits)
        out["delta"][k] = flux
    return out
