"""The panel that joins two results: by position with what chance would give, or by a column of each."""

from __future__ import annotations

from typing import NamedTuple

import param

from .base import Gesture, JSWidget


class Asked(NamedTuple):
    """``radius`` in arcsec as typed; ``left_key`` and ``right_key`` are empty for a match by position."""

    n: int
    first: str
    second: str
    radius: str
    mode: str
    left_key: str
    right_key: str
    keep: str


class Chosen(NamedTuple):
    n: int
    first: str
    second: str


class CombinePanel(JSWidget):
    """``results`` are the open ones: key, title, colour, rows, positions (in words), keys (columns that can be one)."""

    noun = "combine"

    results = param.List(doc="open results, as described above; read when the panel opens and as results change")
    active = param.String(doc="key of the result shown")
    modes = param.Dict(doc="ways to match by position, with words")
    keeps = param.Dict(doc="which rows the table made has, with words")
    estimate = param.Dict(doc="edges (arcsec), found, by_chance, words, doubt; empty when nothing is estimated")
    busy = param.Boolean(False, doc="whether an estimate is being made")
    problem = param.String(doc="what is wrong, or empty")

    estimated = Gesture(Asked, doc="tell what a match would find")
    made = Gesture(Asked, doc="make the table")
    stopped = Gesture(Chosen, doc="the question has changed: an estimate under way is not wanted")
