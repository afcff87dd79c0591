"""Light that follows no period: flares, outbursts, microlensing and the damped random walks of quasars."""

from __future__ import annotations

import numpy as np

from portal.archive.sample.bands import WAVELENGTH_NM
from portal.archive.sample.lightcurves import planck
from portal.archive.sample.streams import normal, stream

GRID_DAY0, GRID_DAYS = 60900, 1300  # MJD and length of the time in which light is made
AGN_AMPLITUDE = np.array([1.35, 1.18, 1.0, 0.9, 0.83, 0.78])  # rms in each band relative to r
FLARES_PER_DAY = 6.0
_FLARE_KELVIN, _DISC_KELVIN = 9500.0, 12000.0


def walk_ratio(
    seed: int, tid: np.ndarray, mjd: np.ndarray, band: np.ndarray, amplitude: np.ndarray, tau: np.ndarray
) -> np.ndarray:
    """Flux over mean flux of damped random walks in magnitude, one daily walk per object, (objects, times).

    ``amplitude`` is the rms in r in mag far apart in time, ``tau`` the damping time in observed days
    (Kelly et al. 2009, ApJ 698, 895).
    """
    if len(tid) == 0:
        return np.ones((0, len(mjd)))
    walk = np.stack([stream(seed, "walk", int(t)).standard_normal(GRID_DAYS) for t in tid], axis=1)
    keep = np.exp(-1.0 / tau)
    walk[1:] *= np.sqrt(1 - keep**2)
    for day in range(1, GRID_DAYS):
        walk[day] += keep * walk[day - 1]
    place = np.clip(mjd - GRID_DAY0, 0, GRID_DAYS - 1.001)
    low = place.astype(int)
    part = (place - low)[:, None]
    level = (walk[low] * (1 - part) + walk[low + 1] * part).T
    sigma = 0.921034 * amplitude[:, None] * AGN_AMPLITUDE[band][None, :]
    return np.exp(-sigma * level - 0.5 * sigma**2)


def flare_shape(t: np.ndarray) -> np.ndarray:
    """Height of a flare of peak 1 at times in units of its width at half height: a steep polynomial up, two
    exponentials down (Davenport et al. 2014, ApJ 797, 122)."""
    rise = 1 + t * (1.941 + t * (-0.175 + t * (-2.246 - 1.125 * t)))
    fall = 0.689 * np.exp(-1.6 * np.clip(t, 0, 300)) + 0.303 * np.exp(-0.2783 * np.clip(t, 0, 300))
    return np.where(t < -1, 0.0, np.where(t < 0, np.maximum(rise, 0.0), fall))


def flare_flux(seed: int, tid: np.ndarray, mjd: np.ndarray, band: np.ndarray, quiet_r: np.ndarray) -> np.ndarray:
    """nJy of the flares of M dwarfs above their quiet light, (stars, times).

    ``quiet_r`` is the mean flux in r. Heights follow a power law, widths grow with the height from minutes to an
    hour, the light is that of a blackbody of 9500 K.
    """
    out = np.zeros((len(tid), len(mjd)))
    hot = planck(WAVELENGTH_NM, np.full(6, _FLARE_KELVIN))
    colour = (hot / hot[2])[band]
    for k, t in enumerate(tid):
        rng = stream(seed, "flares", int(t))
        n = int(rng.poisson(FLARES_PER_DAY * GRID_DAYS))
        start = np.sort(rng.uniform(GRID_DAY0, GRID_DAY0 + GRID_DAYS, n))
        height = np.minimum(0.006 * (1 + rng.pareto(0.9, n)), 2.0)  # in r, of the quiet flux
        width = 3.0 * (height / 0.006) ** 0.4 * np.exp(0.4 * rng.standard_normal(n)) / 1440.0
        last = np.searchsorted(start, mjd)
        for back in range(-1, 8):  # what burned before, and the one just rising
            j = last - 1 - back
            known = (j >= 0) & (j < n)
            j = np.where(known, j, 0)
            out[k] += np.where(known, height[j] * flare_shape((mjd - start[j]) / width[j]), 0.0)
        out[k] *= colour * quiet_r[k]
    return out


def outburst_flux(
    seed: int, tid: np.ndarray, mjd: np.ndarray, band: np.ndarray, quiet: np.ndarray, recurrence: np.ndarray,
    height_mag: np.ndarray, epoch: np.ndarray,
) -> np.ndarray:  # fmt: skip
    """nJy of dwarf novae above their mean quiet flux ``quiet`` (stars, 6), shape (stars, times).

    Outbursts come every ``recurrence`` days or so, rise within a day, stay, and fall by a magnitude in two days;
    every fourth lasts four times as long. The disc has 12,000 K and in r is ``height_mag`` brighter than the star
    at rest, which itself flickers by some 0.1 mag.
    """
    hot = planck(WAVELENGTH_NM, np.full(6, _DISC_KELVIN))
    number = np.floor((mjd[None, :] - epoch[:, None]) / recurrence[:, None])
    out = np.zeros((len(tid), len(mjd)))
    for back in (0, 1):
        cycle = (number - back).astype(np.int64)
        ident = tid[:, None] * 4096 + cycle % 4096
        late = 0.1 * np.clip(normal(seed, "outburst", ident.ravel()).reshape(ident.shape), -2, 2)
        t = mjd[None, :] - epoch[:, None] - (cycle + late) * recurrence[:, None]
        stay = np.where(cycle % 4 == 0, 12.0, 3.0)
        fade = np.where(t < 0, -t / 0.12, np.where(t < stay, 0.06 * t, 0.06 * stay + (t - stay) / 2.0))
        out += 10 ** (-0.4 * np.minimum(fade, 40.0))
    peak = quiet[:, 2] * (10 ** (0.4 * height_mag) - 1)
    visit = np.arange(len(mjd), dtype=np.int64)
    dance = normal(seed, "flicker", (tid[:, None] * 65536 + visit[None, :]).ravel()).reshape(out.shape)
    return out * peak[:, None] * (hot / hot[2])[band] + quiet[:, band] * 0.09 * np.clip(dance, -3, 3)


def lens_ratio(
    mjd: np.ndarray, band: np.ndarray, epoch: np.ndarray, crossing: np.ndarray, closest: np.ndarray, own: np.ndarray
) -> np.ndarray:
    """Flux over unlensed flux of a microlensing event, (stars, times): the point lens of Paczynski 1986 (ApJ 304, 1).

    ``crossing`` is the Einstein time in days, ``closest`` the smallest separation in Einstein radii, ``own`` the
    part of the r light that the lensed star gives (blending); the blend is redder, so the part grows to the blue.
    """
    u2 = closest[:, None] ** 2 + ((mjd[None, :] - epoch[:, None]) / crossing[:, None]) ** 2
    power = (u2 + 2) / np.sqrt(u2 * (u2 + 4))
    part = 1 - (1 - own[:, None]) * np.clip(WAVELENGTH_NM[band] / WAVELENGTH_NM[2], 0, 1.4)
    return 1 + np.clip(part, 0.05, 1) * (power - 1)
