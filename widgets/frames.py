"""The line above the image viewer: which images are shown, how much of them, what else the row leads to, progress."""

from __future__ import annotations

from typing import Any, NamedTuple

import param

from .base import Gesture, JSWidget


class Followed(NamedTuple):
    """``on``: the current row's images, else those that were opened."""

    n: int
    on: bool


class Offered(NamedTuple):
    """The user took offer number ``place``."""

    n: int
    place: int


class Sized(NamedTuple):
    n: int
    size: str


class Opened(NamedTuple):
    """A FITS file at an address."""

    n: int
    url: str


class Pressed(NamedTuple):
    n: int


class FrameBar(JSWidget):
    """``offers``: dicts label, note. ``sizes``: what ``size`` may be, in the user's words."""

    noun = "frames"

    follow = param.Boolean(True)
    opened_count = param.Integer(0, doc="how many images were opened")
    offers = param.List([], item_type=dict)
    size = param.String("")
    sizes = param.List([], item_type=str)
    progress = param.String("", doc="what is being fetched, in words; empty when nothing is")
    note = param.String("", doc="what the reader must know of the images, e.g. that they are not all")

    followed = Gesture(Followed)
    offered = Gesture(Offered)
    sized = Gesture(Sized)
    opened = Gesture(Opened)
    stopped = Gesture(Pressed)
    cleared = Gesture(Pressed, doc="all opened images were closed")

    def __init__(self, **params: Any) -> None:
        super().__init__(**{"css_classes": ["tv-frames"], **params})
