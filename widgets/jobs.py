"""The list of a page's jobs."""

from __future__ import annotations

import param

from .base import Gesture, JSWidget
from .results import Keyed


class Jobs(JSWidget):
    """``jobs``: dicts key, title, phase, adql, note (rows and time in words), ended."""

    noun = "jobs"

    jobs = param.List([])

    opened = Gesture(Keyed)
    stopped = Gesture(Keyed)

    def __init__(self, **params: object) -> None:
        super().__init__(**{"css_classes": ["tv-jobs"], **params})
