"""Boxes of single exposures: raw, visit_image and difference_image of any part of a detector.

A box is a pure function of (seed, visit, detector, kind, place): it equals the same part of the whole detector bit
for bit. The difference is the visit minus the template, so each shows the other's noise and stars out of register.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from threading import Lock
from typing import NamedTuple

import numba as nb
import numpy as np

from portal.archive.sample.bands import flux_of
from portal.archive.sample.camera import SCALE
from portal.archive.sample.coadd import BLUR, PLANES, STRIP, Box, Field
from portal.archive.sample.defects import draw_rays, flood
from portal.archive.sample.draw import draw_blobs, draw_objects
from portal.archive.sample.exposure import Exposure
from portal.archive.sample.noise import Noise
from portal.archive.sample.outskirts import Outskirts
from portal.archive.sample.scene import JITTERED_FROM, Scene, boresight_on, make_scene
from portal.archive.sample.sources import Sources
from portal.archive.sample.streaks import draw_streaks
from portal.archive.sample.templategrain import TemplateGrain
from portal.archive.sample.visitlight import VisitLight

KINDS = ("raw", "visit_image", "difference_image")
DIFFERENCE_PLANES = {**PLANES, "SAT_TEMPLATE": 19}
_BAD, _SAT, _INTRP, _CR, _EDGE, _DETECTED, _NEGATIVE, _SUSPECT, _NO_DATA = (
    1 << PLANES[name]
    for name in ("BAD", "SAT", "INTRP", "CR", "EDGE", "DETECTED", "DETECTED_NEGATIVE", "SUSPECT", "NO_DATA")
)
_STREAK = 1 << PLANES["STREAK"]
_SAT_TEMPLATE = 1 << DIFFERENCE_PLANES["SAT_TEMPLATE"]
RIM = 10  # pixels marked EDGE: half of a matching kernel
DETECT = 0.9  # light above this many sigma of the background is marked DETECTED
STREAK_FROM = 0.2  # of the background's sigma: where a satellite's trail is marked
SUSPECT_FROM = 0.9  # of the full well: response is not linear any more
BIAS, WHITE, GAIN = 1000.0, 65535.0, 1.6  # adu of no light, adu at most, electrons per adu
KEPT = 48  # scenes: the cutouts of one object come visit by visit, those of one image from one scene


class _Light(NamedTuple):
    """Noiseless light of a strip in nJy: all of it, what is above the template, and electrons of cosmic rays."""

    model: np.ndarray
    change: np.ndarray
    rays: np.ndarray


@nb.njit(cache=True, nogil=True)
def _finish(light, change, rays, dead, grain, template, template_var, sky, sigma, gain, full, difference, by, bx, size,
            image, mask, var):  # fmt: skip
    """From noiseless light to a calibrated image. ``grain`` has a column more on either side."""
    ny, nx = light.shape
    for j in range(ny):
        for i in range(nx):
            bits = dead[j, i]
            seen = min(max(light[j, i], 0.0), full)
            v = sigma * sigma + seen * gain
            g = grain[j, i + 1]
            if rays[j, i] > 0.0:
                bits |= _CR | _INTRP
            if light[j, i] > full:
                bits |= _SAT
            if bits & _SAT:
                bits |= _INTRP
                seen = full
            elif bits & _INTRP:
                # Filled in from the pixels on either side.
                g = 0.5 * (grain[j, i] + grain[j, i + 2])
            elif light[j, i] > SUSPECT_FROM * full:
                bits |= _SUSPECT
            if bx + i < RIM or by + j < RIM or bx + i >= size[0] - RIM or by + j >= size[1] - RIM:
                bits |= _EDGE
            value = light[j, i] if light[j, i] < full and not bits & _SAT else seen
            value += math.sqrt(v) * g
            strength = light[j, i]
            if difference:
                strength = change[j, i]
                value -= light[j, i] - change[j, i] + template[j, i]
                v += template_var
                if light[j, i] - change[j, i] > full:
                    bits |= _SAT_TEMPLATE
                if sky[j, i] == 0:
                    bits |= _NO_DATA
                    value, v = math.nan, math.nan
            if strength > DETECT * sigma:
                bits |= _DETECTED
            elif difference and strength < -DETECT * sigma:
                bits |= _NEGATIVE
            image[j, i] = value
            mask[j, i] = bits
            var[j, i] = v


@nb.njit(cache=True, nogil=True)
def _count(light, rays, dead, grain, sky, sigma, gain, full, adu, image, var):
    """From noiseless light to the counts of a raw image (adu, whole numbers)."""
    ny, nx = light.shape
    for j in range(ny):
        for i in range(nx):
            seen = min(max(light[j, i], 0.0), full)
            v = sigma * sigma + seen * gain
            value = light[j, i] if light[j, i] < full and not dead[j, i] & _SAT else full
            value = BIAS + (value + sky + math.sqrt(v) * grain[j, i + 1]) / adu + rays[j, i] / GAIN
            if dead[j, i] & _BAD:
                value = BIAS
            image[j, i] = math.floor(min(max(value, 0.0), WHITE) + 0.5)
            var[j, i] = v / (adu * adu)


class VisitImages:
    """Boxes of the exposures of one sample. Safe to share between threads."""

    def __init__(self, seed: int, noise: Noise, sources: Sources, light: VisitLight) -> None:
        self._seed, self._noise, self._sources, self._light = seed, noise, sources, light
        self._template = TemplateGrain(noise)
        self._outskirts = Outskirts(seed)
        self._scenes: OrderedDict[int, Scene] = OrderedDict()
        self._lock = Lock()

    def scene(self, exposure: Exposure, field: Field) -> Scene:
        """What an exposure of ``field`` shows, kept for the next box."""
        with self._lock:
            if exposure.key in self._scenes:
                self._scenes.move_to_end(exposure.key)
                return self._scenes[exposure.key]
        made = make_scene(self._seed, exposure, field, self._sources, self._light, self._outskirts)
        with self._lock:
            self._scenes[exposure.key] = made
            while len(self._scenes) > KEPT:
                self._scenes.popitem(last=False)
        return made

    def box(self, kind: str, exposure: Exposure, field: Field, x0: int, y0: int, nx: int, ny: int) -> Box:
        """Pixels [y0, y0+ny) x [x0, x0+nx) of a detector; ``kind`` one of KINDS.

        Raw images are whole adu (as float32), the others nJy. Where the field has no template a difference is NaN
        and NO_DATA. Raises ValueError when the box is empty or leaves the detector.
        """
        if nx < 1 or ny < 1 or x0 < 0 or y0 < 0 or x0 + nx > exposure.nx or y0 + ny > exposure.ny:
            raise ValueError(
                f"box x {x0}+{nx}, y {y0}+{ny} does not lie inside the {exposure.nx} x {exposure.ny} image"
            )
        scene = self.scene(exposure, field)
        box = Box(np.empty((ny, nx), np.float32), np.zeros((ny, nx), np.int32), np.empty((ny, nx), np.float32))
        for low in range(0, ny, STRIP):
            high = min(low + STRIP, ny)
            part = tuple(plane[low:high] for plane in box)
            self._strip(kind, scene, field, x0, y0 + low, nx, high - low, *part)
        return box

    def light(self, scene: Scene, x0: int, y0: int, nx: int, ny: int, difference: bool = True) -> _Light:
        """The light of a box without noise, in the float64 that sums of many objects need."""
        exposure, floor = scene.exposure, scene.floor
        ra, dec = exposure.to_sky(x0 + (nx - 1) / 2, y0 + (ny - 1) / 2)
        radius = 0.5 * np.hypot(nx + 2, ny + 2) * SCALE / 3600.0
        light = _Light(*(np.zeros((ny, nx)) for _ in range(3)))
        steady = np.zeros((ny, nx) if difference else (1, 1))
        near = self._sources.near(float(ra), float(dec), float(radius), scene.stretch)
        far = scene.far_near(x0, y0, nx, ny)
        for objects, rows, place in (
            (self._sources, near, scene.project(self._sources.position, near)),
            (scene.far, far, scene.far_place[far]),
        ):
            bright = np.flatnonzero(objects.shape[rows, scene.band] > JITTERED_FROM * exposure.sigma)
            moved = scene.jittered(self._seed, place[bright], np.asarray(objects.pixel)[rows[bright]])
            how = (objects.shape, scene.band, scene.optics, BLUR, floor)
            if difference:
                draw_objects(light.change, x0, y0, rows[bright], moved, *how)
                draw_objects(steady, x0, y0, rows[bright], place[bright], *how)
            place[bright] = moved
            draw_objects(light.model, x0, y0, rows, place, *how)
        self._draw_change(light.model, scene, x0, y0, floor)
        if difference:
            light.change[...] -= steady
            self._draw_change(light.change, scene, x0, y0, floor)
        draw_rays(light.rays, x0, y0, scene.rays)
        return light

    @staticmethod
    def _draw_change(image: np.ndarray, scene: Scene, x0: int, y0: int, floor: float) -> None:
        rows = np.arange(len(scene.point_place))
        draw_objects(image, x0, y0, rows, scene.point_place, scene.point_shape, scene.band, scene.optics, BLUR, floor)
        draw_blobs(image, x0, y0, scene.blobs, floor)

    def _strip(
        self, kind: str, scene: Scene, field: Field, x0: int, y0: int, nx: int, ny: int,
        image: np.ndarray, mask: np.ndarray, variance: np.ndarray,
    ) -> None:  # fmt: skip
        exposure, difference = scene.exposure, kind == "difference_image"
        light = self.light(scene, x0, y0, nx, ny, difference)
        dead = np.zeros((ny, nx), np.int32)
        columns = np.column_stack([scene.columns[:, 0], scene.columns])
        flood(dead, x0, y0, columns, _BAD | _INTRP)
        flood(dead, x0, y0, scene.bleeds, _SAT)
        if len(scene.streaks):
            trail = np.zeros((ny, nx))
            draw_streaks(trail, x0, y0, scene.streaks, *scene.across)
            light.model[...] += trail
            light.change[...] += trail
            dead[trail > STREAK_FROM * scene.sigma] |= _STREAK
        for plane, boxes in scene.repaired:
            flood(dead, x0, y0, boxes, 1 << PLANES[plane] | _INTRP)
        # One noise for raw, visit and difference: they are the same exposure.
        grain = self._noise.box("visit", exposure.band, exposure.key, x0 - 1, y0, nx + 2, ny)
        if kind == "raw":
            sky = float(flux_of(exposure.sky)) * SCALE**2
            _count(light.model, light.rays, dead, grain, sky, scene.sigma, scene.gain, scene.full, exposure.adu, image,
                   variance)  # fmt: skip
            return
        nothing = np.zeros((1, 1), np.float32)
        template = self._template.box(exposure, x0, y0, nx, ny) if difference else nothing
        sky = _observed(scene, field, x0, y0, nx, ny) if difference else np.zeros((1, 1), np.bool_)
        _finish(light.model, light.change, light.rays, dead, grain, template, self._template.variance(exposure), sky,
                scene.sigma, scene.gain, scene.full, difference, y0, x0, (exposure.nx, exposure.ny), image, mask,
                variance)  # fmt: skip


@nb.njit(cache=True, nogil=True)
def _inside(bx, by, centre, turn, frame, field, limit, out):
    """Mark the pixels within the disc about the direction ``field``; ``frame`` holds the boresight's unit vectors
    to the east, to the north and outward.
    """
    unit = SCALE / 3600.0 * math.pi / 180.0
    east = frame[0, 0] * field[0] + frame[0, 1] * field[1] + frame[0, 2] * field[2]
    north = frame[1, 0] * field[0] + frame[1, 1] * field[1] + frame[1, 2] * field[2]
    ahead = frame[2, 0] * field[0] + frame[2, 1] * field[1] + frame[2, 2] * field[2]
    c, s = turn
    for j in range(out.shape[0]):
        v = (by + j - centre[1]) * unit
        for i in range(out.shape[1]):
            u = (bx + i - centre[0]) * unit
            xi, eta = v * s - u * c, u * s + v * c
            out[j, i] = (east * xi + north * eta + ahead) / math.sqrt(1.0 + xi * xi + eta * eta) > limit


def _observed(scene: Scene, field: Field, x0: int, y0: int, nx: int, ny: int) -> np.ndarray:
    """Which pixels of a box lie in the field, bool (ny, nx)."""
    exposure = scene.exposure
    a, d = np.radians(exposure.ra0), np.radians(exposure.dec0)
    frame = np.array([
        [-np.sin(a), np.cos(a), 0.0],
        [-np.sin(d) * np.cos(a), -np.sin(d) * np.sin(a), np.cos(d)],
        [np.cos(d) * np.cos(a), np.cos(d) * np.sin(a), np.sin(d)],
    ])  # fmt: skip
    a, d = np.radians(field.ra), np.radians(field.dec)
    middle = np.array([np.cos(d) * np.cos(a), np.cos(d) * np.sin(a), np.sin(d)])
    out = np.empty((ny, nx), np.bool_)
    centre, c, s = boresight_on(exposure)
    _inside(x0, y0, centre, (c, s), frame, middle, float(np.cos(np.radians(field.radius))), out)
    return out
