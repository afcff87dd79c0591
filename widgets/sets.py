"""The panel of sets: what is marked in words, what can be done with it, and the selections that have a name."""

from __future__ import annotations

from typing import NamedTuple

import param

from .base import Gesture, JSWidget


class Asked(NamedTuple):
    n: int


class Named(NamedTuple):
    n: int
    name: str


class Chosen(NamedTuple):
    """A set, by its source."""

    n: int
    source: str


class Switched(NamedTuple):
    """A set joins the selection by "or", "and", "and not", "or not", or leaves it (empty mode)."""

    n: int
    source: str
    mode: str


class Renamed(NamedTuple):
    n: int
    source: str
    name: str


class Narrowed(NamedTuple):
    """The marked rows shall be a condition of the query; ``column`` says which ids stand for ticked rows."""

    n: int
    column: str


class SetsPanel(JSWidget):
    """``words`` and ``total`` say what is marked, empty for nothing. ``sets``: dicts source, name, count, note, mode.

    At ``url`` lie, for ``what=ids`` or ``what=condition`` and ``column``, the texts to copy or download.
    """

    noun = "sets"

    url = param.String("")
    words = param.String("")
    total = param.String("")
    sets = param.List([])
    columns = param.List([], doc="columns that ids can be taken from, the likeliest first")
    message = param.String("", doc="why there is nothing to choose from")
    problem = param.List([], doc="message and hint of what went wrong")
    done = param.String("", doc="what was done last")

    kept = Gesture(Asked)
    inverted = Gesture(Asked)
    cleared = Gesture(Asked)
    copied = Gesture(Asked, doc="a new table was asked for")
    saved = Gesture(Named)
    narrowed = Gesture(Narrowed)
    switched = Gesture(Switched)
    renamed = Gesture(Renamed)
    edited = Gesture(Chosen, doc="the parts of a set shall be the selection")
    deleted = Gesture(Chosen)

    def __init__(self, **params: object) -> None:
        super().__init__(**{"css_classes": ["tv-sets"], **params})
