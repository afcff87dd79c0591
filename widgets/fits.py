"""The FITS viewer: images in frames, side by side or over each other, with exact values under the pointer."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import param

from widgets.base import Gesture, PlacedWidget

ARRANGEMENTS = ("single", "grid", "colour", "difference", "blink")
STRETCHES = ("linear", "log", "sqrt", "squared", "asinh", "power", "histogram")
COLOUR_MAPS = (
    "grey", "viridis", "cividis", "magma", "inferno", "plasma", "cubehelix", "heat", "bb", "cool", "rainbow",
    "red", "green", "blue", "diverging",
)  # fmt: skip


class ImageClicked(NamedTuple):
    """The user clicked the mark of ``row`` of the result."""

    n: int
    row: int


class ImageMoved(NamedTuple):
    """The user moved or zoomed the view, which now stands still. ICRS degrees; ``fov`` is the width."""

    n: int
    ra: float
    dec: float
    fov: float


class Framed(NamedTuple):
    """The user made the image ``id`` the current one."""

    n: int
    id: str


class Closed(NamedTuple):
    """The user closed the image ``id``."""

    n: int
    id: str


class Asked(NamedTuple):
    """The user asked for something that is not the viewer's: ``what`` is "retry", "hdu=<n>" or "plane=<n>,<n>…"."""

    n: int
    what: str
    id: str


class Measured(NamedTuple):
    """The user wants as a table what was measured; ``what`` is "points" or "profile", ``id`` the current image.

    ``text`` is JSON. Of points: [{"id": image, "points": [[name, x, y], ...]}, ...] in pixels from 0. Of a profile:
    {"lines": [{"id": image, "points": [[x, y], [x, y]]}, ...], "width": pixels, "out": [mask planes left out]}.
    """

    n: int
    what: str
    id: str
    text: str


class Enclosed(NamedTuple):
    """The user wants the rows within a region marked.

    ``kind`` is circle, annulus, ellipse, box or polygon; ``points`` ra, dec, ra, dec, ... in ICRS degrees; ``sizes``
    (radii, half axes, full sides) in arcseconds; ``angle`` the position angle of the first size; ``mode`` "and", "or"
    or "and not".
    """

    n: int
    kind: str
    points: tuple[float, ...]
    sizes: tuple[float, ...]
    angle: float
    mode: str


class Fits(PlacedWidget):
    """Draws the images of ``frames``; all it needs of them it asks at ``url``: see ``portal.image.answers``."""

    noun = "fits"

    url = param.String(default="", doc="Where questions about the images are answered.")
    frames = param.List(
        default=[],
        item_type=dict,
        doc='Images in order: id, title, band, state ("loading", "ready", "failed"), message; '
        "`version` is raised when an image is another one under the same id.",
    )
    current = param.String(default="", doc="Id of the image under study; empty for the first.")
    arrangement = param.Selector(default="single", objects=ARRANGEMENTS, doc="How many images are seen, and how.")
    lock = param.Selector(default="wcs", objects=["wcs", "pixel", ""], doc="What images keep in common when moved.")
    stretch = param.Selector(default="asinh", objects=STRETCHES, doc="How values become grey.")
    cuts = param.String(default="99.5", doc='Rule of black and white: "zscale", "minmax", "sigma" or a percentage.')
    limits = param.List(default=[], item_type=(int, float), doc="Black and white by hand; empty for `cuts`.")
    share = param.Selector(
        default="settings",
        objects=["settings", "limits", ""],
        doc="All images have the same stretch and rule, the limits of the current one, or each its own.",
    )
    own = param.Dict(default={}, doc='Where `share` is "": id to stretch, cuts and limits.')
    cmap = param.Selector(default="grey", objects=COLOUR_MAPS, doc="Colour map.")
    invert = param.Boolean(default=False, doc="The colour map turned round.")
    north_up = param.Boolean(default=True, doc="Images turned so that north is up and east left.")
    flip = param.Boolean(default=False, doc="Mirrored.")
    masks = param.Dict(default={}, doc='Mask planes shown: name to ["#rrggbb", opacity 0 to 1].')
    colours = param.List(default=[], item_type=str, doc="Ids of red, green and blue; empty for those of the bands.")
    lupton = param.Dict(
        default={}, doc="Of the colour picture: stretch, q, minimum[3], weight[3] (factors); found where not given."
    )
    pair = param.List(default=[], item_type=str, doc="Ids of the difference: first minus second.")
    position = param.Tuple(default=None, length=2, allow_None=True, doc="Crosshair: ra, dec in ICRS degrees.")
    rows_url = param.String(default="", doc="Where rows on a part of an image are asked; empty for none.")
    overlay = param.Integer(default=0, doc="Raise it to have what lies over the images fetched again.")
    message = param.String(default="", doc="What is missing or wrong, shown over the images.")
    failed = param.Boolean(default=False, doc="Whether `message` tells of an error.")
    busy = param.Boolean(default=False, doc="Whether images are being fetched.")

    clicked = Gesture(ImageClicked)
    moved = Gesture(ImageMoved)
    framed = Gesture(Framed)
    closed = Gesture(Closed)
    asked = Gesture(Asked)
    measured = Gesture(Measured)
    enclosed = Gesture(Enclosed)

    def __init__(self, **params: Any) -> None:
        super().__init__(**{"css_classes": ["tv-image"], **params})

    def received(self, name: str, fields: Mapping[str, Any]) -> None:
        """Refuses places that are not on the sky, whatever a browser sends."""
        if name == "moved" and not (math.isfinite(fields["ra"]) and abs(fields["dec"]) <= 90 and fields["fov"] > 0):
            raise ValueError("a place that is not on the sky")
        super().received(name, fields)
