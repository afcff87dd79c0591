"""Which sources vary and how: planted pulsators and binaries, flickering quasars, supernovae on galaxies."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from portal.archive.sample import lightcurves as lc
from portal.archive.sample.bands import EXTINCTION, flux_of
from portal.archive.sample.cells import offset, reddening, rounded, separation
from portal.archive.sample.presets import Preset
from portal.archive.sample.streams import stream, uniform
from portal.archive.sample.visits import FIRST_DAY, Visits

PLANTED_TID = 1 << 50
# Rings about the field centre (deg); a ring is planted when the field reaches over it, so that every preset
# holds what the smaller ones hold.
RINGS = ((0.0, 0.046), (0.046, 0.19), (0.19, 0.48), (0.48, 1.45))
# class: stars per ring, r range, period range in days (log), range in r mag, u-g g-r r-i i-z z-y
PLANTED = {
    "RRab": ((2, 6, 14, 30), (16.6, 19.8), (0.46, 0.72), (0.5, 0.95), (1.12, 0.22, 0.06, 0.02, 0.01)),
    "RRc": ((1, 4, 8, 18), (16.6, 19.8), (0.27, 0.38), (0.28, 0.42), (1.12, 0.12, 0.02, 0.0, 0.0)),
    "CEP": ((1, 2, 4, 8), (16.6, 18.5), (1.4, 12.0), (0.4, 0.8), (1.35, 0.5, 0.18, 0.08, 0.04)),
    "DSCT": ((1, 3, 6, 12), (16.6, 18.5), (0.06, 0.17), (0.15, 0.4), (1.0, 0.15, 0.02, 0.0, 0.0)),
    "EA": ((1, 4, 10, 20), (16.6, 19.5), (0.7, 6.0), (0.35, 0.9), (1.5, 0.55, 0.2, 0.1, 0.05)),
    "EW": ((2, 6, 16, 32), (16.6, 20.0), (0.25, 0.45), (0.25, 0.65), (1.7, 0.75, 0.28, 0.14, 0.07)),
    "LPV": ((1, 3, 6, 12), (17.0, 18.5), (90.0, 420.0), (0.6, 2.2), (2.6, 1.4, 1.2, 0.65, 0.35)),
}
SUPERNOVA_SHARE = 0.02  # of the galaxies with i < 23.5 and 0.03 < z < 0.75
CORE_SUPERNOVAE = 3  # guaranteed in the innermost ring


@dataclass(frozen=True)
class Variables:
    """Varying sources. ``source`` is the row in the sky (for a supernova its host), ``delta`` the flux minus
    the mean in nJy (variables, visits); amplitude is the full range in r (quasars: the rms), mag; z, epoch,
    period NaN where they mean nothing."""

    tid: np.ndarray
    kind: np.ndarray  # index into lightcurves.CLASSES
    source: np.ndarray
    ra: np.ndarray
    dec: np.ndarray
    period: np.ndarray
    amplitude: np.ndarray
    epoch: np.ndarray
    z: np.ndarray
    delta: np.ndarray

    def __len__(self) -> int:
        return len(self.tid)

    @property
    def is_supernova(self) -> np.ndarray:
        return self.kind >= lc.CLASS_ID["SNIa"]


def planted_stars(seed: int, preset: Preset) -> dict[str, np.ndarray]:
    """Variable stars put into the field: tid, ra, dec, flux (n, 6), kind, period, amplitude."""
    rows: dict[str, list[np.ndarray]] = {
        name: [] for name in ("tid", "ra", "dec", "flux", "kind", "period", "amplitude")
    }
    for name, (numbers, r_range, p_range, a_range, colours) in PLANTED.items():
        for ring, (inner, outer) in enumerate(RINGS):
            if preset.radius_deg < outer:
                break
            rng, n = stream(seed, f"planted/{name}/{ring}"), numbers[ring]
            radius = np.sqrt(rng.uniform(inner**2, outer**2, n)) * 0.98
            angle = rng.uniform(0, 2 * np.pi, n)
            ra, dec = offset(
                np.full(n, preset.ra), np.full(n, preset.dec),
                3600 * radius * np.cos(angle), 3600 * radius * np.sin(angle),
            )  # fmt: skip
            r = rng.uniform(*r_range, n)
            u_g, g_r, r_i, i_z, z_y = (c + 0.03 * rng.standard_normal(n) for c in colours)
            mags = np.stack([r + g_r + u_g, r + g_r, r, r - r_i, r - r_i - i_z, r - r_i - i_z - z_y], axis=1)
            rows["tid"].append(PLANTED_TID + (lc.CLASS_ID[name] << 32) + (ring << 24) + np.arange(n))
            rows["ra"].append(ra)
            rows["dec"].append(dec)
            rows["flux"].append(flux_of(mags + reddening(ra, dec)[:, None] * EXTINCTION))
            rows["kind"].append(np.full(n, lc.CLASS_ID[name]))
            rows["period"].append(np.exp(rng.uniform(*np.log(p_range), n)))
            rows["amplitude"].append(rng.uniform(*a_range, n))
    return {name: np.concatenate(parts) for name, parts in rows.items()}


def _supernovae(sky: dict[str, np.ndarray], seed: int, preset: Preset) -> tuple[np.ndarray, np.ndarray]:
    """Host rows and uniform luck of each (small = chosen)."""
    i = 31.4 - 2.5 * np.log10(sky["flux"][:, 3])
    able = np.flatnonzero(
        _inside(sky, preset) & (sky["type"] == 1) & (i < 23.5) & (sky["z"] > 0.03) & (sky["z"] < 0.75)
    )
    luck = uniform(seed, "supernova", sky["tid"][able])
    core = np.flatnonzero(
        (separation(sky["ra"][able], sky["dec"][able], preset.ra, preset.dec) < RINGS[0][1]) & (sky["z"][able] < 0.45)
    )
    forced = core[np.argsort(luck[core])[:CORE_SUPERNOVAE]]
    chosen = np.union1d(np.flatnonzero(luck < SUPERNOVA_SHARE), forced)
    return able[chosen], np.isin(chosen, forced)


def _inside(sky: dict[str, np.ndarray], preset: Preset) -> np.ndarray:
    return separation(sky["ra"], sky["dec"], preset.ra, preset.dec) < preset.radius_deg


def make_variables(
    seed: int, preset: Preset, sky: dict[str, np.ndarray], planted: dict[str, np.ndarray], visits: Visits
) -> Variables:
    """All variables of a field. ``sky`` already holds the planted stars (found again by their tid)."""
    order = np.argsort(sky["tid"])
    own = order[np.searchsorted(sky["tid"], planted["tid"], sorter=order)]
    quasar = np.flatnonzero(_inside(sky, preset) & (sky["type"] == 2))
    host, sure = _supernovae(sky, seed, preset)
    source = np.concatenate([own, quasar, host])
    tid = sky["tid"][source]
    first_quasar, first_host = len(own), len(own) + len(quasar)
    n = len(source)
    kind = np.concatenate([planted["kind"], np.full(len(quasar), lc.CLASS_ID["AGN"]), np.zeros(len(host), int)])
    u = {
        name: uniform(seed, f"variable/{name}", tid) for name in ("epoch", "odd", "tau", "rms", "kind", "east", "north")
    }
    sn_type = np.where((u["kind"][first_host:] < 0.75) | sure, lc.CLASS_ID["SNIa"], lc.CLASS_ID["SNII"])
    kind[first_host:] = sn_type
    period, amplitude = np.full(n, np.nan), np.full(n, np.nan)
    period[:first_quasar], amplitude[:first_quasar] = planted["period"], planted["amplitude"]
    epoch, z = np.full(n, np.nan), sky["z"][source].copy()
    epoch[:first_quasar] = FIRST_DAY + u["epoch"][:first_quasar] * period[:first_quasar]
    amplitude[first_quasar:first_host] = 0.08 + 0.22 * u["rms"][first_quasar:first_host]
    season = np.floor(u["epoch"][first_host:] * 3)
    season_part = u["epoch"][first_host:] * 3 - season
    epoch[first_host:] = FIRST_DAY + 20 + 365.25 * season + 130 * season_part
    ra, dec = sky["ra"][source].copy(), sky["dec"][source].copy()
    reach = np.clip(sky["r_e"][host], 0.1, 3.0)
    ra[first_host:], dec[first_host:] = offset(
        ra[first_host:], dec[first_host:],
        1.6 * reach * (u["east"][first_host:] - 0.5), 1.6 * reach * (u["north"][first_host:] - 0.5),
    )  # fmt: skip
    delta = np.zeros((n, len(visits)))
    mean = sky["flux"][source][:, visits.band]
    for name, code in lc.CLASS_ID.items():
        rows = np.flatnonzero(kind == code)
        if len(rows) == 0:
            continue
        if name == "AGN":
            tau = 80.0 * (1 + z[rows]) * np.exp(1.2 * u["tau"][rows])
            ratio = lc.walk_ratio(seed, tid[rows], visits.mjd, visits.band, amplitude[rows], tau)
            delta[rows] = mean[rows] * (ratio - 1)
        elif name.startswith("SN"):
            stretch, faint = 0.85 + 0.3 * u["odd"][rows], 0.5 * (u["rms"][rows] - 0.5)
            delta[rows] = lc.supernova_flux(
                name, visits.mjd, visits.band, z[rows], epoch[rows], stretch, faint, reddening(ra[rows], dec[rows])
            )
        else:
            ratio = lc.periodic_ratio(
                name, visits.mjd, visits.band, period[rows], amplitude[rows], epoch[rows], u["odd"][rows]
            )
            delta[rows] = mean[rows] * (ratio - 1)
    z[:first_quasar] = np.nan
    return Variables(tid, kind, source, rounded(ra), rounded(dec), period, amplitude, epoch, z, delta)
