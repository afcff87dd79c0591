"""A view of one frame, of the difference of two or of the colours of three, as the viewer's shader draws it.

For browsers without WebGL2: what is drawn here and by static/fits/shade.glsl is the same, pixel for pixel but for ties
of rounding. Knows frames and arrays; what a browser asks for is read by ``picture_asked``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from io import BytesIO
from typing import NamedTuple

import numpy as np
from PIL import Image
from scipy.ndimage import map_coordinates

from portal.image import tiles
from portal.image.frame import Frame

SHARPER = 0.25  # of a power of two: how much finer than a pixel of the picture bins may be, as in static/fits/scene.js
MESH = 33  # places a side at which another image is found by the sky; straight between them to 0.01 pixels
NOWHERE = -1e9  # a pixel beside every image

# From 0..1 to 0..1. Those of astropy.visualization with DS9's settings; "histogram" is made of each image's own.
STRETCHES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "linear": lambda t: t,
    "log": lambda t: np.log1p(1000 * t) / math.log(1001),
    "sqrt": np.sqrt,
    "squared": np.square,
    "asinh": lambda t: np.arcsinh(10 * t) / math.asinh(10),
    "power": lambda t: np.expm1(math.log(1000) * t) / 999,
}


class Tint(NamedTuple):
    """A mask plane that is shown: its bit, colour (0 to 1 each) and opacity."""

    bit: int
    colour: tuple[float, float, float]
    opacity: float


class View(NamedTuple):
    """Where a picture lies on an image: its lower left corner, and the ways from there to the other two, in pixels."""

    corner: tuple[float, float]
    across: tuple[float, float]
    up: tuple[float, float]

    def at(self, u: np.ndarray, v: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Pixels of places of the picture, 0 to 1 from its lower left corner."""
        x, y = (self.corner[c] + u * self.across[c] + v * self.up[c] for c in (0, 1))
        return x, y

    def back(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Places of the picture of pixels."""
        x, y = x - self.corner[0], y - self.corner[1]
        whole = self.across[0] * self.up[1] - self.across[1] * self.up[0]
        return (x * self.up[1] - y * self.up[0]) / whole, (y * self.across[0] - x * self.across[1]) / whole

    @property
    def area(self) -> float:
        """In square pixels."""
        return abs(self.across[0] * self.up[1] - self.across[1] * self.up[0])


class Part(NamedTuple):
    """An image of a picture. ``view`` speaks of its own pixels, or of those of ``lead``, on which the sky lays it."""

    frame: Frame
    view: View
    lead: Frame | None = None
    tints: Sequence[Tint] = ()


class Look(NamedTuple):
    """How values become colours. ``limits``: black and white; ``bend``: bias and contrast; ``colours``: (256, 3) uint8.

    ``sky``, ``weight``, ``lupton`` (stretch, Q): of three colours, black level and factor of each. ``ground`` beside
    the images, ``empty`` where a pixel has no value.
    """

    limits: tuple[float, float]
    stretch: str
    bend: tuple[float, float]
    colours: np.ndarray
    invert: bool
    sky: tuple[float, ...]
    weight: tuple[float, ...]
    lupton: tuple[float, float]
    ground: tuple[float, float, float]
    empty: tuple[float, float, float]


@np.errstate(all="ignore")  # values beyond the largest float are as white, and what is no number is not drawn
def picture(parts: Sequence[Part], look: Look, width: int, height: int) -> np.ndarray:
    """(height, width, 3) uint8, its top first: one image, the first less the second, or red, green and blue."""
    u = np.broadcast_to((np.arange(width) + 0.5) / width, (height, width))
    v = np.broadcast_to(((height - 0.5 - np.arange(height)) / height)[:, None], (height, width))
    snapped = len(parts) > 1 and next((part.view for part in parts if part.lead is not None), None)
    if snapped:  # images that are combined are compared at the middles of the leading one's pixels
        x, y = snapped.at(u, v)
        u, v = snapped.back(np.floor(x + 0.5), np.floor(y + 0.5))
    seen = [_Seen(part, u, v, between=len(parts) > 1) for part in parts]
    values = [one.values() for one in seen]
    good = np.logical_and.reduce([np.isfinite(one) for one in values])
    if len(parts) == 3:
        rgb = _lupton([np.where(good, one, 0) for one in values], look)
    else:
        value = values[0] if len(parts) == 1 else values[0] - values[1]
        level = _bent(np.where(good, value, look.limits[0]), look, parts[0].frame)
        index = ((1 - level if look.invert else level) * 255 + 0.5).astype(np.uint8)
        rgb = look.colours[index] / np.float32(255)
    rgb[~good] = look.empty
    for one in seen:
        one.tint(rgb)
    rgb[~np.logical_and.reduce([one.inside for one in seen])] = look.ground
    return (rgb * 255 + 0.5).astype(np.uint8)


def png(rgb: np.ndarray) -> bytes:
    out = BytesIO()
    Image.fromarray(rgb).save(out, "PNG", compress_level=1)  # noise does not become smaller, only later
    return out.getvalue()


class _Seen:
    """Which pixels of an image the places ``u``, ``v`` of a picture show."""

    def __init__(self, part: Part, u: np.ndarray, v: np.ndarray, between: bool) -> None:
        self.frame, self.tints = part.frame, part.tints
        if part.lead is None:
            x, y = part.view.at(u, v)
            area = part.view.area
        else:
            mesh = _mesh(part)
            x, y = (map_coordinates(one, (v * (MESH - 1), u * (MESH - 1)), order=1, mode="nearest") for one in mesh)
            area = _area(mesh)
        step = math.sqrt(area / u.size) or 1.0
        last = tiles.levels(self.frame.nx, self.frame.ny) - 1
        self.level = max(0, min(last, math.ceil(math.log2(step) - SHARPER)))
        # Two images laid on each other pixel for pixel would be half a pixel apart.
        self.exact = (x, y) if between and part.lead is not None and not self.level else None
        x, y = np.floor(x + 0.5), np.floor(y + 0.5)
        self.inside = (x >= 0) & (y >= 0) & (x < self.frame.nx) & (y < self.frame.ny)
        self.x, self.y = (np.where(self.inside, one, 0).astype(np.int32) for one in (x, y))

    def values(self) -> np.ndarray:
        """float32, NaN beside the image."""
        found = np.where(self.inside, self._of("image"), np.float32(np.nan))
        if self.exact is None:
            return found
        (x, y), pixels = self.exact, self.frame.plane("image")
        left, low = np.floor(x), np.floor(y)
        whole = (left >= 0) & (low >= 0) & (left < self.frame.nx - 1) & (low < self.frame.ny - 1)
        i, j = (np.where(whole, one, 0).astype(np.int32) for one in (left, low))
        f, g = np.where(whole, x - left, 0), np.where(whole, y - low, 0)
        i1, j1 = np.minimum(i + 1, self.frame.nx - 1), np.minimum(j + 1, self.frame.ny - 1)
        lower = pixels[j, i] * (1 - f) + pixels[j, i1] * f
        upper = pixels[j1, i] * (1 - f) + pixels[j1, i1] * f
        four = lower * (1 - g) + upper * g
        return np.where(whole & np.isfinite(four), four, found).astype(np.float32)

    def tint(self, rgb: np.ndarray) -> None:
        """Lays the mask planes over a picture, in the order of their bits."""
        if not self.tints or self.frame.planes.mask is None:
            return
        bits = self._of("mask")
        for tint in sorted(self.tints):
            where = self.inside & (bits >> tint.bit & 1).astype(bool)
            rgb[where] += (np.array(tint.colour, np.float32) - rgb[where]) * np.float32(tint.opacity)

    def _of(self, plane: str) -> np.ndarray:
        """Bins of the level under each place; any one of them beside the image."""
        pixels, level = self.frame.plane(plane), self.level
        kind = np.int32 if plane == "mask" else np.float32
        if not self.inside.any():
            return np.zeros(self.x.shape, kind)
        if not level:
            return pixels[self.y, self.x].astype(kind)
        x, y = self.x[self.inside], self.y[self.inside]
        left, low = (int(one.min()) >> level << level for one in (x, y))
        right, high = ((int(one.max()) >> level) + 1 << level for one in (x, y))
        bins = tiles.binned(pixels[low:high, left:right], plane == "mask", level)
        j, i = np.where(self.inside, self.y - low, 0) >> level, np.where(self.inside, self.x - left, 0) >> level
        return bins[j, i]


def _mesh(part: Part) -> np.ndarray:
    """The image's own pixels (x, y) at places of the picture, found by the sky."""
    edge = np.linspace(0, 1, MESH)
    at = part.frame.pixels_of(*part.lead.sky_of(*part.view.at(edge[None, :], edge[:, None])))
    return np.nan_to_num(np.stack(at), nan=NOWHERE)


def _area(mesh: np.ndarray) -> float:
    """Of the picture in the image's pixels, from what lies about its middle."""
    k = MESH // 2
    (ax, ay), (bx, by) = mesh[:, k, k + 1] - mesh[:, k, k - 1], mesh[:, k + 1, k] - mesh[:, k - 1, k]
    return abs(ax * by - ay * bx) * ((MESH - 1) / 2) ** 2


def _bent(value: np.ndarray, look: Look, frame: Frame) -> np.ndarray:
    low, high = look.limits
    t = np.clip((value - low) / (high - low), 0, 1).astype(np.float32)
    if look.stretch == "histogram":
        ladder = np.cumsum([0, *frame.histogram(low, high)["counts"]], dtype=float)
        t = np.interp(t, np.linspace(0, 1, len(ladder)), ladder / (ladder[-1] or 1))
    else:
        t = STRETCHES[look.stretch](t)
    bias, contrast = look.bend
    return np.clip((t - bias) * contrast + 0.5, 0, 1)


def _lupton(values: list[np.ndarray], look: Look) -> np.ndarray:
    """Lupton et al. (2004): the mean of the bands is bent, their ratios stay."""
    light = [(value - sky) * weight for value, sky, weight in zip(values, look.sky, look.weight)]
    mean, (stretch, q) = (light[0] + light[1] + light[2]) / 3, look.lupton
    factor = np.where(mean > 0, np.arcsinh(mean * (q / stretch)) * (0.1 / math.asinh(0.1 * q)) / mean, 0)
    rgb = [np.maximum(one * factor, 0) for one in light]
    top = np.maximum(np.maximum(1, rgb[0]), np.maximum(rgb[1], rgb[2]))
    return np.stack([one / top for one in rgb], axis=-1, dtype=np.float32)
