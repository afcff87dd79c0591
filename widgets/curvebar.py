"""The line above a light curve: title, units, which flux, which series, rows as a table, export."""

from __future__ import annotations

from typing import NamedTuple

import param
from panel.custom import Child

from .base import Gesture, JSWidget


class Valued(NamedTuple):
    n: int
    value: str


class Placed(NamedTuple):
    n: int
    place: int


class Tabled(NamedTuple):
    n: int


class CurveBar(JSWidget):
    """``series`` names the time series that the row offers, ``chosen`` the one shown."""

    noun = "curvebar"

    export = Child()
    title = param.String("")
    unit = param.String("nJy")
    kind = param.String("direct")
    ready = param.Boolean(False)
    series = param.List([])
    chosen = param.Integer(0)

    united = Gesture(Valued)
    fluxed = Gesture(Valued)
    served = Gesture(Placed)
    tabled = Gesture(Tabled)

    def __init__(self, **params: object) -> None:
        super().__init__(**{"css_classes": ["tv-curvebar"], **params})
