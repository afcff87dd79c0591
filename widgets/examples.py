"""Example queries, and the queries run on this page before."""

from __future__ import annotations

from typing import NamedTuple

import param

from .base import Gesture, JSWidget


class Picked(NamedTuple):
    n: int
    adql: str


class Examples(JSWidget):
    """Two lists of queries: dicts with ``adql``, ``note`` and, for examples, ``title``."""

    noun = "examples"

    examples = param.List([])
    history = param.List([])

    picked = Gesture(Picked)

    def __init__(self, **params: object) -> None:
        super().__init__(**{"css_classes": ["tv-examples"], "sizing_mode": "stretch_both", **params})
