"""Where supernovae and tidal disruptions happen: rates by the light of the galaxies, places in their discs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from portal.archive.sample import cells
from portal.archive.sample import supernovae as sn
from portal.archive.sample.lightcurves import CLASS_ID
from portal.archive.sample.planting import in_core
from portal.archive.sample.streams import normal, uniform
from portal.archive.sample.templates import distance_modulus
from portal.archive.sample.visits import FIRST_DAY, Visits

EVENT_TID = 1 << 52  # an event's number is that of its host and this
_GALAXY = 1  # type in the sky
FIRST_PEAK, DAYS = FIRST_DAY - 60.0, 1180.0  # peaks fall into this span, seen or not
FAINTEST_I, FARTHEST_Z = 24.5, 1.1
# Events per century in a galaxy of absolute magnitude -21.5 in i (Li et al. 2011, MNRAS 412, 1473, in round
# numbers; core collapse only where stars form; disruptions as of a few in ten thousand years).
PER_CENTURY = {"SNIa": 0.42, "SNII": 0.75, "SNIbc": 0.27, "TDE": 0.03}
_CORE_SHARE = 0.75  # of core collapses that are SNII, so that both come from one draw
# Always in the middle of the main field: the faint ones on the nearest galaxies that form stars, then the others.
CORE_FAINT, CORE_BRIGHT = ("SNII", "SNIbc"), ("SNIa", "TDE", "SNIa")


@dataclass(frozen=True)
class Plan:
    """Events before any light: row of the host in the sky, class, place (deg), MJD of the peak, stretch, magnitudes
    fainter than the mean of the class, E(B-V) in the host."""

    host: np.ndarray
    kind: np.ndarray
    ra: np.ndarray
    dec: np.ndarray
    epoch: np.ndarray
    stretch: np.ndarray
    fainter: np.ndarray
    dust: np.ndarray

    def __len__(self) -> int:
        return len(self.host)


def planned(seed: int, sky: dict[str, np.ndarray], near: np.ndarray) -> Plan:
    """The events on the galaxies of the mask ``near``, at most one in each."""
    z, tid = sky["z"], sky["tid"]
    i = 31.4 - 2.5 * np.log10(sky["flux"][:, 3])
    with np.errstate(invalid="ignore"):
        able = (sky["type"] == _GALAXY) & (i < FAINTEST_I) & (z > 0.015) & (z < FARTHEST_Z)
    # Where the core is cut by a border between tiles, both sides choose among all its galaxies.
    host = np.flatnonzero(able & (near | in_core(sky["ra"], sky["dec"])))
    light = 10 ** (-0.4 * (i[host] - distance_modulus(z[host]) + 21.5))
    blue = sky["bulge"][host] < 0.5
    centuries = DAYS / 36525.0 / (1 + z[host])
    rates = [PER_CENTURY[name] * light * centuries * (blue | (name in ("SNIa", "TDE"))) for name in PER_CENTURY]
    luck = uniform(seed, "event", tid[host])
    step = np.cumsum(np.minimum(rates, 0.2), axis=0)
    names = list(PER_CENTURY)
    which = (luck[None, :] > step).sum(axis=0)
    kind = np.array([CLASS_ID[name] for name in names] + [-1])[which]
    sure, names = _in_core(sky, host, np.where(i[host] < 22.5, z[host] + 0.1 * luck, np.inf), blue)
    kind[sure] = [CLASS_ID[name] for name in names]
    chosen = np.flatnonzero((kind >= 0) & near[host])
    certain = np.isin(chosen, sure)
    return _placed(seed, sky, host[chosen], kind[chosen], certain)


def _in_core(
    sky: dict[str, np.ndarray], host: np.ndarray, rank: np.ndarray, blue: np.ndarray
) -> tuple[np.ndarray, list[str]]:
    """Places in ``host`` of the galaxies of the core that must have an event, and which; those of low rank first."""
    middle = np.flatnonzero(in_core(sky["ra"][host], sky["dec"][host]) & (rank < 0.45))
    middle = middle[np.argsort(rank[middle])]
    faint = middle[blue[middle]][: len(CORE_FAINT)]
    bright = middle[~np.isin(middle, faint)][: len(CORE_BRIGHT)]
    return np.concatenate([faint, bright]), [*CORE_FAINT[: len(faint)], *CORE_BRIGHT[: len(bright)]]


def _placed(seed: int, sky: dict[str, np.ndarray], host: np.ndarray, kind: np.ndarray, certain: np.ndarray) -> Plan:
    tid = sky["tid"][host]
    u = {name: uniform(seed, f"event/{name}", tid) for name in ("a", "b", "angle", "time", "season", "dust")}
    scale = np.where(kind == CLASS_ID["TDE"], 0.0, sky["r_e"][host] / 1.678)
    radius = np.minimum(-np.log(u["a"] * u["b"]) * scale, 3 * sky["r_e"][host])  # as the light of a disc
    angle, axis = 2 * np.pi * u["angle"], np.radians(sky["pa"][host])
    along, across = radius * np.cos(angle), radius * np.sin(angle) * sky["q"][host]
    ra, dec = cells.offset(
        sky["ra"][host], sky["dec"][host],
        along * np.sin(axis) + across * np.cos(axis), along * np.cos(axis) - across * np.sin(axis),
    )  # fmt: skip
    in_season = FIRST_DAY + 365.25 * np.floor(3 * u["season"]) + 40 + 70 * u["time"]
    epoch = np.where(certain, in_season, FIRST_PEAK + DAYS * u["time"])
    g, h = np.clip(normal(seed, "event/stretch", tid), -2.5, 2.5), np.clip(normal(seed, "event/peak", tid), -2.5, 2.5)
    ia = kind == CLASS_ID["SNIa"]
    scatter = np.zeros(len(host))
    for name, (_, width, _, _) in sn.PEAK.items():
        scatter[kind == CLASS_ID[name]] = width
    dust = np.minimum(-np.log(u["dust"]) * np.where(ia, 0.05, 0.12), 0.6) * (kind != CLASS_ID["TDE"])
    return Plan(host, kind, ra, dec, epoch, 1 + np.where(ia, 0.09, 0.12) * g, scatter * h, dust)


def light(
    name: str, plan: Plan, k: np.ndarray, z: np.ndarray, ebv: np.ndarray, visits: Visits
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of the rows ``k`` of one class: flux in nJy (events, visits), MJD of the explosion, peak magnitude in r."""
    own = plan.stretch[k], plan.fainter[k], ebv, plan.dust[k]
    flux = sn.event_flux(name, visits.mjd, visits.band, z, plan.epoch[k], *own)
    days = np.arange(-30.0, 91.0, 1.5)
    near = sn.event_flux(name, days, np.full(len(days), 2), z, np.zeros(len(k)), *own)
    peak = near.max(axis=1) if len(k) else np.zeros(0)
    with np.errstate(divide="ignore"):
        peak_mag = 31.4 - 2.5 * np.log10(peak)
    return flux, sn.explosion(name, z, plan.epoch[k], plan.stretch[k]), peak_mag
