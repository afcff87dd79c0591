"""The line above the results: tabs, undo, layouts, export, and chips of what is marked or filtered."""

from __future__ import annotations

from typing import NamedTuple

import param
from panel.custom import Child

from .base import Gesture, JSWidget


class Keyed(NamedTuple):
    n: int
    key: str


class Renamed(NamedTuple):
    n: int
    key: str
    title: str


class Pinned(NamedTuple):
    n: int
    key: str
    on: bool


class Coloured(NamedTuple):
    n: int
    key: str
    colour: str


class Moved(NamedTuple):
    """A tab was moved to ``place`` (from 0) in the row."""

    n: int
    key: str
    place: int


class Stepped(NamedTuple):
    """Undo (``back``) or redo was asked for."""

    n: int
    back: bool


class Removed(NamedTuple):
    n: int
    kind: str
    name: str


class Joined(NamedTuple):
    """A marked chip shall be joined to those before it by "and", "or", "and not" or "or not"."""

    n: int
    name: str
    mode: str


class Labelled(NamedTuple):
    n: int
    name: str
    label: str


class Arranged(NamedTuple):
    n: int
    layout: str


class Kept(NamedTuple):
    n: int


class ResultsLine(JSWidget):
    """``tabs``: dicts key, title, count, note, overflow, colour, pinned.

    ``chips``: dicts kind ("marked", "filter" or "condition"), name, label; of marked ones also count and mode, which
    joins them to those before. ``total`` counts the rows marked by all of them.
    """

    noun = "results"

    export = Child()
    tabs = param.List([])
    active = param.String("")
    colours = param.List([], doc="CSS colours a tab may have")
    chips = param.List([])
    total = param.String("")
    sets = param.Integer(0, doc="how many sets the result has")
    undo = param.String("", doc="what undo would take back, or empty")
    redo = param.String("", doc="what redo would do again, or empty")
    layout = param.String("tri")

    opened = Gesture(Keyed)
    closed = Gesture(Keyed)
    spared = Gesture(Keyed, doc="all other tabs were closed")
    renamed = Gesture(Renamed)
    pinned = Gesture(Pinned)
    coloured = Gesture(Coloured)
    moved = Gesture(Moved)
    stepped = Gesture(Stepped)
    removed = Gesture(Removed)
    joined = Gesture(Joined)
    labelled = Gesture(Labelled)
    arranged = Gesture(Arranged)
    kept = Gesture(Kept)
    inverted = Gesture(Kept)
    asked = Gesture(Kept, doc="the panel of sets was asked for")
    combined = Gesture(Kept, doc="the panel that joins two results was asked for")

    def __init__(self, **params: object) -> None:
        super().__init__(**{"css_classes": ["tv-results"], **params})
