"""A menu of downloads of one table."""

from __future__ import annotations

import param

from .base import JSWidget

FORMATS = [
    {"name": "votable", "label": "VOTable", "note": "BINARY2"},
    {"name": "votable-tabledata", "label": "VOTable", "note": "TABLEDATA"},
    {"name": "csv", "label": "CSV", "note": "text"},
]


class ExportMenu(JSWidget):
    """``url`` answers GET with ``?format=&scope=``; an empty one means there is nothing to save."""

    noun = "export"

    url = param.String("")
    scopes = param.List([], doc="dicts name, label: which rows")
    formats = param.List(FORMATS, doc="dicts name, label, note")

    def __init__(self, **params: object) -> None:
        super().__init__(**{"css_classes": ["tv-export"], **params})
