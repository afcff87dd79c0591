"""Everything that one exposure shows besides the steady sky: what to draw on its pixels, ready for any box.

Made once per exposure and kept for its cutouts; knows places and fluxes, draws nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from portal.archive.sample.bands import BANDS, COADD_SEEING, FWHM_OVER_SIGMA, electron_flux
from portal.archive.sample.camera import SCALE
from portal.archive.sample.coadd import BLUR, EXPOSURE, FLOOR, Field, places
from portal.archive.sample.defects import FULL_WELL, bad_columns, bleed_trails, cosmic_rays
from portal.archive.sample.draw import STAR, Optics, Q, optics
from portal.archive.sample.exposure import Exposure
from portal.archive.sample.mixtures import mixture
from portal.archive.sample.noise import pixel_noise
from portal.archive.sample.outskirts import WORST_SEEING, Objects, Outskirts
from portal.archive.sample.sources import Sources
from portal.archive.sample.streaks import WIDE, streaks
from portal.archive.sample.streams import normal
from portal.archive.sample.visitlight import ARTEFACT, DIPOLE, VisitLight

JITTER = 0.018 / np.sqrt(2.0)  # arcsec along each axis: how well a visit is registered, object by object
# Objects brighter than this (in errors of a PSF flux) are drawn where the visit's own registration puts them.
JITTERED_FROM = 60.0
QUIET = 12.0  # pixels about a false detection in which nothing else is out of register
RIM = 40.0  # arcsec beyond the detector from which points of light still reach it
ARTEFACT_WIDTH2 = 0.35  # squared size of an artefact in that of the PSF


@dataclass(frozen=True)
class Scene:
    """``point_place`` (n, 6) and ``point_shape`` (n, 11) for ``draw_objects``, ``blobs`` (n, 6) for ``draw_blobs``,
    both above (or below) the steady sky; ``quiet`` (n, 2) the pixels of false detections; ``rays``, ``bleeds`` and
    ``columns`` as in defects.py, ``streaks`` as in streaks.py.
    """

    exposure: Exposure
    band: int
    optics: Optics
    sigma: float  # nJy, background noise of a pixel
    gain: float  # nJy of one electron
    full: float  # nJy that fill a pixel
    stretch: float  # how much wider than in a coadd light may reach
    point_place: np.ndarray
    point_shape: np.ndarray
    blobs: np.ndarray
    quiet: np.ndarray
    rays: np.ndarray
    bleeds: np.ndarray
    columns: np.ndarray
    repaired: list[tuple[str, np.ndarray]]  # mask planes and the rectangles where DiaSource's flags say so
    streaks: np.ndarray
    across: tuple[np.ndarray, np.ndarray]  # weights and variances (pixel2) of the Gaussians across them
    far: Objects  # steady objects that the field does not hold
    far_place: np.ndarray  # (n, 6), where they fall
    far_reach: np.ndarray  # (n) pixels to which they shine

    @property
    def floor(self) -> float:
        """Light below this (nJy per pixel) is not drawn."""
        return FLOOR * self.sigma

    def far_near(self, x0: int, y0: int, nx: int, ny: int) -> np.ndarray:
        """Rows of the far objects whose light can reach into a box."""
        x, y, reach = self.far_place[:, 0], self.far_place[:, 1], self.far_reach
        wide = (x + reach >= x0) & (x - reach <= x0 + nx)
        return np.flatnonzero(wide & (y + reach >= y0) & (y - reach <= y0 + ny))

    def project(self, position: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Where rows of positions fall on the detector (see ``coadd.places``)."""
        return _project(self.exposure, position, rows)

    def jittered(self, seed: int, place: np.ndarray, pixel: np.ndarray) -> np.ndarray:
        """Places of bright objects in this visit; ``pixel`` tells the objects apart."""
        out = place.copy()
        for axis, name in enumerate(("x", "y")):
            out[:, axis] += JITTER / SCALE * normal(seed, f"jitter/{name}/{self.exposure.visit}", pixel)
        if len(self.quiet) and len(place):
            apart = np.hypot(place[:, None, 0] - self.quiet[:, 0], place[:, None, 1] - self.quiet[:, 1])
            near = (apart < QUIET).any(axis=1)
            out[near] = place[near]
        return out


def boresight_on(exposure: Exposure) -> tuple[tuple[float, float], float, float]:
    """The boresight in pixels of the detector, and cosine and sine of the rotation."""
    x, y = (exposure.camera.centres[exposure.detector] / SCALE).tolist()
    turn = np.radians(exposure.rotation)
    return ((exposure.nx - 1) / 2 - x, (exposure.ny - 1) / 2 - y), float(np.cos(turn)), float(np.sin(turn))


def _project(exposure: Exposure, position: np.ndarray, rows: np.ndarray) -> np.ndarray:
    centre, c, s = boresight_on(exposure)
    position = position.view()
    position.flags.writeable = False  # as those mapped from disk: numba compiles once for both
    return places(position, rows, exposure.ra0, exposure.dec0, SCALE, *centre, c, s)


def _overlap(weight: np.ndarray, variance: np.ndarray, more: float, apart2: float = 0.0) -> float:
    """Integral of the PSF times a Gaussian of variance ``more`` at a squared distance, both of flux 1; pixels."""
    total = variance + more
    return float((weight / (2.0 * np.pi * total) * np.exp(-0.5 * apart2 / total)).sum())


def _response(seeing: float, apart2: float = 0.0) -> tuple[float, float]:
    """What a PSF fit finds of a star of flux 1 at a squared distance, and the integral of the squared PSF."""
    weight, variance = mixture("moffat")
    variance = variance * (seeing / SCALE) ** 2 + BLUR
    squared = sum(w * _overlap(weight, variance, v) for w, v in zip(weight, variance))
    at = sum(w * _overlap(weight, variance, v, apart2) for w, v in zip(weight, variance))
    return float(at / squared), float(squared)


def _stars(flux: np.ndarray) -> np.ndarray:
    """Rows of shapes (see sources.py) of points with the same flux in every band."""
    shape = np.zeros((len(flux), STAR + 1), np.float32)
    shape[:, : len(BANDS)] = flux[:, None]
    shape[:, Q], shape[:, STAR] = 1.0, 1.0
    shape.flags.writeable = False
    return shape


def _found_of(exposure: Exposure, rows: np.ndarray, place: np.ndarray, flux: np.ndarray) -> np.ndarray:
    """What PSF fits at the places of false detections find of light that is really there."""
    out = np.zeros(len(rows))
    for k, (x, y) in enumerate(zip(*exposure.to_pixel(rows[:, 0], rows[:, 1]))):
        apart2 = (place[:, 0] - x) ** 2 + (place[:, 1] - y) ** 2
        for near in np.flatnonzero(apart2 < QUIET**2):
            out[k] += flux[near] * _response(exposure.seeing, float(apart2[near]))[0]
    return out


def false_light(exposure: Exposure, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The light of false detections: stars (n, 3) as x, y, flux, and bare Gaussians (m, 6).

    At each listed place a PSF fit finds the listed flux, noise apart.
    """
    points, blobs = [], []
    for ra, dec, flux, length, angle, origin in rows:
        x, y = (float(value) for value in exposure.to_pixel(ra, dec))
        if origin == DIPOLE:
            half = 0.5 * (length if np.isfinite(length) else 2.0)
            dx, dy = half * np.cos(np.radians(angle)), half * np.sin(np.radians(angle))
            if not np.isfinite(dx):
                dx, dy = half, 0.0
            unequal = flux / _response(exposure.seeing, half**2)[0]
            lobe = 2.0 * abs(flux)
            points += [(x + dx, y + dy, lobe + unequal / 2), (x - dx, y - dy, unequal / 2 - lobe)]
        elif origin == ARTEFACT:
            weight, variance = mixture("moffat")
            variance = variance * (exposure.seeing / SCALE) ** 2 + BLUR
            size2 = ARTEFACT_WIDTH2 * (exposure.seeing / FWHM_OVER_SIGMA / SCALE) ** 2
            found = _overlap(weight, variance, size2) / _response(exposure.seeing)[1]
            blobs.append((x, y, size2, 0.0, size2, flux / found))
        else:
            points.append((x, y, flux))
    return np.array(points).reshape(-1, 3), np.array(blobs).reshape(-1, 6)


def _trails(rows: np.ndarray, seeing: float) -> tuple[np.ndarray, np.ndarray]:
    """Moving bodies as strings of points: positions (n, 2) in degrees and fluxes."""
    position, light = [np.zeros((0, 2))], [np.zeros(0)]
    for ra, dec, flux, rate, angle in rows:
        length = rate * EXPOSURE / 86400.0  # degrees
        n = 1 + int(np.ceil(length * 3600.0 / (0.25 * seeing)))
        along = ((np.arange(n) + 0.5) / n - 0.5) * length
        east, north = along * np.sin(np.radians(angle)), along * np.cos(np.radians(angle))
        position.append(np.stack([ra + east / np.cos(np.radians(dec)), dec + north], axis=1))
        light.append(np.full(n, flux / n))
    return np.concatenate(position), np.concatenate(light)


def _repaired(exposure: Exposure, rows: np.ndarray) -> list[tuple[str, np.ndarray]]:
    """Rectangles (first and last x, first and last y) of repaired pixels at the detections that are flagged so."""
    x, y = (np.rint(value).astype(np.int64) for value in exposure.to_pixel(rows[:, 0], rows[:, 1]))
    centre = np.stack([x - 1, x, y - 1, y], axis=1)
    aside = centre + np.array([4, 4, 1, 2])  # in the footprint, not in its centre
    ray, ray_centre, filled, filled_centre = rows[:, 2:].T > 0
    return [
        ("CR", centre[ray_centre]), ("CR", aside[ray & ~ray_centre]),
        ("INTRP", centre[filled_centre]), ("INTRP", aside[filled & ~filled_centre]),
    ]  # fmt: skip


def make_scene(
    seed: int, exposure: Exposure, field: Field, sources: Sources, light: VisitLight, outskirts: Outskirts
) -> Scene:
    """The scene of an exposure of ``field``."""
    k = BANDS.index(exposure.band)
    opt = optics(k, exposure.seeing)
    gain = float(electron_flux(EXPOSURE)[k])
    ra, dec = exposure.centre()
    radius = 0.5 * np.hypot(exposure.nx, exposure.ny) * SCALE / 3600.0
    reach = radius + RIM / 3600.0
    varying, moving = light.points(exposure, reach), _trails(light.moving(exposure), exposure.seeing)
    position = np.concatenate([varying.position, moving[0]])
    place = _project(exposure, position, np.arange(len(position)))
    flux = np.concatenate([varying.flux, moving[1]])
    false = light.false(exposure)
    false[:, 2] -= _found_of(exposure, false, place, flux)
    points, blobs = false_light(exposure, false)
    if len(points):
        # The stretch of the sky hardly changes over a detector.
        here = _project(exposure, np.array([[ra, dec]]), np.arange(1))[0, 2:]
        place = np.concatenate([place, np.column_stack([points[:, :2], np.tile(here, (len(points), 1))])])
    flux = np.concatenate([flux, points[:, 2]])
    far = outskirts.around(exposure, field, reach)
    bright = sources.bright(ra, dec, reach)
    star = np.flatnonzero(far.shape[:, 10] > 0.5)
    at = np.concatenate([_project(exposure, sources.position, bright), _project(exposure, far.position, star)])
    flux_here = np.concatenate([sources.shape[bright, k], far.shape[star, k]])
    weight, variance = mixture("moffat")
    peak = float((weight / (2.0 * np.pi * (variance * (exposure.seeing / SCALE) ** 2 + BLUR))).sum())
    overfull = flux_here * peak / (FULL_WELL * gain)
    sigma = pixel_noise(exposure.sigma, exposure.seeing)
    near = (at[:, 0] > -2) & (at[:, 0] < exposure.nx + 2)
    return Scene(
        exposure=exposure, band=k, optics=opt, sigma=sigma, gain=gain,
        full=FULL_WELL * gain, stretch=max(1.0, exposure.seeing / float(COADD_SEEING[k])),
        point_place=place, point_shape=_stars(flux), blobs=blobs,
        quiet=np.stack(exposure.to_pixel(false[:, 0], false[:, 1]), axis=1),
        rays=cosmic_rays(seed, exposure),
        bleeds=bleed_trails(at[near, 0], at[near, 1], overfull[near], exposure.ny),
        columns=bad_columns(seed, exposure.detector, exposure.nx, exposure.ny),
        streaks=streaks(seed, exposure, boresight_on(exposure)[0]),
        across=(weight, variance * (exposure.seeing / SCALE) ** 2 + BLUR + WIDE / SCALE**2),
        repaired=_repaired(exposure, light.flagged(exposure)),
        far=far, far_place=_project(exposure, far.position, np.arange(len(far.pixel))),
        # The pixel's own width, and what jitter may add.
        far_reach=(1.1 * max(1.0, exposure.seeing / WORST_SEEING) * far.reach[:, k] / SCALE + 3.0),
    )  # fmt: skip
