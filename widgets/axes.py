"""The line above a chart: a column or an expression for each axis."""

from __future__ import annotations

from typing import NamedTuple

import param

from .base import Gesture, JSWidget


class Chosen(NamedTuple):
    n: int
    x: str
    y: str


class Axes(JSWidget):
    """``x`` and ``y`` as shown; ``columns`` the names offered; ``note`` how many points; ``error`` what is wrong."""

    noun = "axes"

    x = param.String("")
    y = param.String("")
    columns = param.List([])
    note = param.String("")
    error = param.String("")

    chosen = Gesture(Chosen)

    def __init__(self, **params: object) -> None:
        super().__init__(**{"css_classes": ["tv-axes"], **params})
