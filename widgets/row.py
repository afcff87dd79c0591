"""Row details: all columns of the current row with their errors, beside rows that are pinned to compare."""

from __future__ import annotations

from typing import NamedTuple

import param

from .base import Gesture, JSWidget


class Stepped(NamedTuple):
    """To the next (``by`` 1) or previous (-1) row of the table's order."""

    n: int
    by: int


class Pinned(NamedTuple):
    n: int
    row: int
    on: bool


class RowDetails(JSWidget):
    """Fetches ``GET url?rows=1,2&v=``: ``{"columns": [{name, unit, datatype, ucd, description, error}], "rows":
    {"1": [[text, exact] per column]}}``; ``error`` is the place of the column with its error or -1."""

    noun = "row"

    url = param.String("", doc="Where rows come from.")
    version = param.Integer(0, doc="Raise it when the result or its columns have changed.")
    current = param.Integer(-1, doc="Row number of the current row; -1 for none.")
    pinned = param.List([], doc="Row numbers held to compare.")
    place = param.String("", doc="Where the current row stands in the table, in words.")
    first = param.Boolean(False, doc="Whether there is no row before.")
    last = param.Boolean(False, doc="Whether there is no row after.")
    message = param.String("", doc="Why there is no row, in words.")

    stepped = Gesture(Stepped)
    pinned_by_hand = Gesture(Pinned)

    def __init__(self, **params: object) -> None:
        super().__init__(**{"css_classes": ["tv-row"], **params})
