"""The sky view: a HiPS survey with the rows of a result on it, at their places."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import param

from widgets.base import Gesture, PlacedWidget

WIDEST = 400.0  # degrees of a view; a little more than all around, as rounding may have it


class SkyClicked(NamedTuple):
    """The user clicked the mark of ``row`` (row number in the result)."""

    n: int
    row: int


class SkyBoxed(NamedTuple):
    """The user drew a region. ``coords`` in ICRS degrees.

    ``kind`` "polygon": ra, dec, ra, dec, ... of at least three corners, joined by great circles,
    counter-clockwise seen from outside the sphere. ``kind`` "circle": ra, dec, radius. ``mode`` joins it to what is
    marked: "and", with Shift held "or", with Alt "and not".
    """

    n: int
    kind: str
    coords: tuple[float, ...]
    mode: str


class SkyMoved(NamedTuple):
    """The user moved or zoomed the view, which now stands still. Degrees; ``fov`` is the width."""

    n: int
    ra: float
    dec: float
    fov: float


class SkyHovered(NamedTuple):
    """The pointer rests on the footprint of ``row``; -1: on none."""

    n: int
    row: int


class MocAsked(NamedTuple):
    """The user asks for something about coverage maps; ``what`` names it, see ``views.mocs``.

    ``key`` and ``other`` name maps, ``text`` is an address, a file or an operation, ``number`` an order or an opacity.
    """

    n: int
    what: str
    key: str
    other: str
    text: str
    number: int


class SkyPainted(NamedTuple):
    """The user chose how the rows of the active catalogue are drawn; fields as in ``portal.sky.marks.Paint``.

    ``low`` and ``high`` are numbers as text, "" for the middle of the values.
    """

    n: int
    way: str
    colour: str
    size: str
    shape: str
    map: str
    low: str
    high: str


class SkyShown(NamedTuple):
    """The user wants the catalogue ``key`` on the sky, or not."""

    n: int
    key: str
    on: bool


class SkyOffered(NamedTuple):
    """The user pressed the button that ``offer`` put over the sky; the centre and width of the view (degrees) then."""

    n: int
    ra: float
    dec: float
    fov: float


class Sky(PlacedWidget):
    """Aladin Lite with the portal's own catalogue layer.

    Rows of each of ``catalogs`` come from its ``url`` (asked with ``v=version``): ``points`` in the circle in view as
    ``portal.sky.marks.points_bytes`` writes them, and where they are too many for that, tiles of a HiPS of their
    number. Without a ``target`` the view shows all rows of a new active catalogue until the user moves it.
    """

    noun = "sky"

    survey = param.String(default="", doc="Base address of the HiPS shown; the user may choose another.")
    surveys = param.List(default=[], item_type=dict, doc="Surveys to choose from: name and url.")
    catalogs = param.List(
        default=[],
        item_type=dict,
        doc="Results on the sky, the active one last: key, title, colour (CSS), active, shown, url, version, rows, "
        "circle (ra, dec, radius of all, or None), paint (fields of Paint), scale (label, low, high, classes as name "
        "and colour; or None).",
    )
    columns = param.List(default=[], item_type=dict, doc="Columns of the active catalogue: name, number.")
    current = param.Tuple(default=None, length=2, allow_None=True, doc="The current row's ra, dec in degrees.")
    colour = param.String(default="", doc="CSS colour of the marks; empty for the theme's accent.")
    title = param.String(default="", doc="What the rows are, for the words on a saved picture.")
    pin = param.Tuple(default=None, length=3, allow_None=True, doc="A place to mark: ra, dec in degrees, its name.")
    offer = param.String(default="", doc="Words on a button over the sky, for what can be done here; empty for none.")
    trouble = param.String(default="", doc="What went wrong and does not hide the sky, shown below it.")
    message = param.String(default="", doc="What is wrong or missing, shown over the sky.")
    notice = param.String(default="", doc="What the reader must know of the marks, e.g. that they are a sample.")

    outlines = param.Dict(default={}, doc="Footprints: url, version, marking, bands, note; see views.footprints.")
    current_row = param.Integer(default=-1, doc="Row number whose footprint is marked as the current one.")
    hovered_row = param.Integer(default=-1, doc="Row number whose footprint is marked as under the pointer elsewhere.")
    picture = param.String(
        default="", doc="Where the server draws the view for browsers without WebGL2; views.picture."
    )
    mocs = param.List(default=[], item_type=dict, doc="Coverage maps, the newest last; see views.mocs.")
    moc_desk = param.Dict(default={}, doc="What MOCs can be made of, what is under way, what went wrong.")

    clicked = Gesture(SkyClicked)
    hovered = Gesture(SkyHovered)
    moc_asked = Gesture(MocAsked)
    boxed = Gesture(SkyBoxed)
    moved = Gesture(SkyMoved)
    painted = Gesture(SkyPainted)
    shown = Gesture(SkyShown)
    offered = Gesture(SkyOffered)

    def __init__(self, **params: Any) -> None:
        params.setdefault("css_classes", ["tv-sky"])
        super().__init__(**params)

    def received(self, name: str, fields: Mapping[str, Any]) -> None:
        """Refuses regions and places that are not on the sky, whatever a browser sends."""
        if name == "boxed":
            _check_region(fields["kind"], fields["coords"])
            if fields["mode"] not in ("and", "or", "and not"):
                raise ValueError("a region joined in no known way")
        if name in ("moved", "offered") and not _is_view(fields["ra"], fields["dec"], fields["fov"]):
            raise ValueError("a place that is not on the sky")
        super().received(name, fields)


def _on_sky(ra: float, dec: float) -> bool:
    return math.isfinite(ra) and abs(dec) <= 90


def _is_view(ra: float, dec: float, fov: float) -> bool:
    return _on_sky(ra, dec) and 0 < fov <= WIDEST


def _check_region(kind: str, coords: list[float]) -> None:
    if kind == "circle":
        good = len(coords) == 3 and _on_sky(*coords[:2]) and 0 < coords[2] <= 180
    elif kind == "polygon":
        good = len(coords) >= 6 and len(coords) % 2 == 0 and all(map(_on_sky, coords[::2], coords[1::2]))
    else:
        good = False
    if not good:
        raise ValueError("a region that is not on the sky")
