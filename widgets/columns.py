"""The column chooser: all columns of a result with search; shows, hides, orders and freezes them."""

from __future__ import annotations

from typing import NamedTuple

import param

from .base import Gesture, JSWidget


class Arranged(NamedTuple):
    """Columns laid out anew: see portal.table.arrangement.Arrangement.act."""

    n: int
    verb: str
    columns: tuple[str, ...]
    text: str
    width: int


class ColumnChooser(JSWidget):
    """Lists what ``url`` gives: ``{"columns": [{name, unit, datatype, ucd, description}]}`` in the order of the table.

    By HTTP, for 1,300 columns with their descriptions are 300 kB. ``state`` says the rest by place in that list.
    """

    noun = "columns"

    url = param.String("", doc="Where the columns come from; empty shows none.")
    version = param.Integer(0, doc="Raise it when the columns or their order have changed.")
    hidden = param.List([], doc="Places of the hidden columns.")
    frozen = param.Integer(0, doc="How many, the first ones, stay at the left.")
    sky = param.String("", doc='How positions read: "" in degrees, "hms" sexagesimal.')
    positions = param.Boolean(False, doc="Whether the result has positions at all.")
    chosen = param.String("", doc="Name of the column the panel was opened for.")

    arranged = Gesture(Arranged)
