"""The upload panel: files in, looked at and corrected before they are read; tables that queries can name."""

from __future__ import annotations

from typing import NamedTuple

import param

from .base import Gesture, JSWidget


class Fetched(NamedTuple):
    n: int
    url: str


class Stopped(NamedTuple):
    n: int


class Loaded(NamedTuple):
    """A file to read as corrected. ``file`` is its key; ``header`` is "", "yes" or "no"; empty means as found.

    ``columns``, ``names``, ``types``, ``units`` and ``descriptions`` have one member for each column kept; ``ra`` and
    ``dec`` name columns of the file or are empty. ``share`` is the name in queries, empty for none.
    """

    n: int
    file: str
    title: str
    found: str
    format: str
    part: int
    delimiter: str
    header: str
    encoding: str
    columns: tuple[str, ...]
    names: tuple[str, ...]
    types: tuple[str, ...]
    units: tuple[str, ...]
    descriptions: tuple[str, ...]
    ra: str
    dec: str
    unit: str
    frame: str
    share: str


class Shared(NamedTuple):
    n: int
    key: str
    name: str


class Renamed(NamedTuple):
    n: int
    key: str
    name: str


class Keyed(NamedTuple):
    n: int
    key: str


class Sought(NamedTuple):
    """A query to write: rows of ``table`` for the rows of upload ``key``.

    ``how`` is "place" (within ``radius`` arcsec), "id" (``column`` of the table equals ``target`` of the upload) or
    "region". ``inside``: the targets are to stand in the query itself.
    """

    n: int
    key: str
    table: str
    how: str
    radius: float
    column: str
    target: str
    inside: bool


class UploadPanel(JSWidget):
    """``intake_url`` takes files (POST); ``preview_url`` and ``tables_url`` answer GET with JSON (views/upload.py)."""

    noun = "upload"

    intake_url = param.String("")
    preview_url = param.String("")
    tables_url = param.String("")
    most_bytes = param.Integer(1 << 30, doc="of one file")
    staged = param.Dict({}, doc="file, name, bytes of a file that came from an address")
    fetching = param.String("", doc="how far a fetch is, in words; empty when there is none")
    problem = param.List([], doc="[message, hint, number] of what failed last, or empty")
    uploads = param.List([], doc="dicts key, name, title, note, places, ids, regions: tables that queries can name")
    results = param.List(
        [], doc="dicts key, title, note, name: results whose rows could become one, the one shown first"
    )
    making = param.String("", doc="what is being made for queries, in words; empty when nothing is")
    service = param.String("", doc="what the service takes, in words")
    inline = param.Boolean(True, doc="whether the service takes tables with queries")

    fetched = Gesture(Fetched)
    stopped = Gesture(Stopped)
    loaded = Gesture(Loaded)
    imaged = Gesture(Keyed, doc="a FITS file is to be opened as an image")
    shared = Gesture(Shared)
    renamed = Gesture(Renamed)
    removed = Gesture(Keyed)
    sought = Gesture(Sought)

    def __init__(self, **params: object) -> None:
        super().__init__(**{"css_classes": ["tv-upload"], "sizing_mode": "stretch_both", **params})
