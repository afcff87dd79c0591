"""The panel of profiles: an overview of all columns, one column closely, and values to tick."""

from __future__ import annotations

from typing import NamedTuple

import param

from .base import Gesture, JSWidget


class Opened(NamedTuple):
    """A column to be looked at closely; "" goes back to all of them."""

    n: int
    column: str


class Ranged(NamedTuple):
    """A range brushed on the histogram of a column; ``kind`` is what its profile said of it."""

    n: int
    column: str
    kind: str
    low: float
    high: float


class Ticked(NamedTuple):
    """The values ticked of a column, of those listed; ``null`` is ticked apart."""

    n: int
    column: str
    values: tuple[str, ...]
    null: bool


class Cleared(NamedTuple):
    n: int
    column: str


class Profile(JSWidget):
    """Fetches ``GET url?what=brief|profile|facets|facet&column=`` as JSON while it shows it, and again when
    ``version`` grows. Brushing and ticking are told as gestures; the filters that come of them are in ``filters``.
    """

    noun = "profile"

    url = param.String("")
    version = param.Integer(0, doc="Raise it when the rows of the view have changed.")
    columns = param.List([], doc="[{name, unit, datatype, ucd, description}]")
    column = param.String("", doc="The column looked at closely, or empty for all.")
    filters = param.Dict({}, doc="Texts of the filter boxes by column name.")
    message = param.String("", doc="Why there is nothing to show.")

    opened = Gesture(Opened)
    ranged = Gesture(Ranged)
    ticked = Gesture(Ticked)
    cleared = Gesture(Cleared)

    def __init__(self, **params: object) -> None:
        super().__init__(**{"css_classes": ["tv-profile"], "sizing_mode": "stretch_width", **params})
