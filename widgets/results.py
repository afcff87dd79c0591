"""The line above the results: tabs, chips of what is marked or filtered, layouts, export."""

from __future__ import annotations

from typing import NamedTuple

import param
from panel.custom import Child

from .base import Gesture, JSWidget


class Keyed(NamedTuple):
    n: int
    key: str


class Removed(NamedTuple):
    n: int
    kind: str
    name: str


class Arranged(NamedTuple):
    n: int
    layout: str


class Kept(NamedTuple):
    n: int


class ResultsLine(JSWidget):
    """``tabs``: dicts key, title, count, note, overflow. ``chips``: dicts kind, name, label.

    The kind of a chip is "marked", "filter" or "condition".
    """

    noun = "results"

    export = Child()
    tabs = param.List([])
    active = param.String("")
    chips = param.List([])
    layout = param.String("tri")

    opened = Gesture(Keyed)
    closed = Gesture(Keyed)
    removed = Gesture(Removed)
    arranged = Gesture(Arranged)
    kept = Gesture(Kept)

    def __init__(self, **params: object) -> None:
        super().__init__(**{"css_classes": ["tv-results"], **params})
