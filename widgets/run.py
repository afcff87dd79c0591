"""The line under the editor: run, stop, row limit, progress and the error text of the service."""

from __future__ import annotations

from typing import NamedTuple

import param

from .base import Gesture, JSWidget


class Pressed(NamedTuple):
    n: int


class Limited(NamedTuple):
    n: int
    rows: int


class RunLine(JSWidget):
    """Run and its state. ``fraction`` is 0..1, or -1 when unknown."""

    noun = "run"

    running = param.Boolean(False)
    words = param.String("", doc="what the query is doing, or how it ended")
    fraction = param.Number(-1.0)
    error = param.String("", doc="the error in the service's own words, with what to do")
    limit = param.Integer(50_000, doc="row limit (MAXREC)")
    query = param.String("", doc="text for the link button")

    ran = Gesture(Pressed)
    stopped = Gesture(Pressed)
    formatted = Gesture(Pressed)
    limited = Gesture(Limited)

    def __init__(self, **params: object) -> None:
        super().__init__(**{"css_classes": ["tv-run"], **params})
