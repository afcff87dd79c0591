"""A menu of downloads of one table."""

from __future__ import annotations

from typing import NamedTuple

import param

from portal.table.formats import FORMATS

from .base import Gesture, JSWidget

MENU = [{"name": name, "label": form.label, "note": form.note, "group": form.group} for name, form in FORMATS.items()]


class Opened(NamedTuple):
    n: int


class ExportMenu(JSWidget):
    """``url`` answers GET with ``?format=&scope=&columns=&comments=``; an empty one means there is nothing to save."""

    noun = "export"

    url = param.String("")
    scopes = param.List(["all"], doc="which rows: of all, filtered, marked, page")
    columns = param.List([], doc="dicts name, label, note; no choice with fewer than two")
    formats = param.List(MENU, doc="dicts name, label, note, group")
    problems = param.Dict({}, doc="per choice of columns: format to why it cannot be had")
    rows = param.Dict({}, doc="rows of each scope, once known")
    sizes = param.Dict({}, doc="per choice of columns: format to bytes of [a file without rows, a row]")

    opened = Gesture(Opened)

    def __init__(self, **params: object) -> None:
        super().__init__(**{"css_classes": ["tv-export"], **params})
