"""The schema browser: a tree of schemas, tables and columns to search and to pick from."""

from __future__ import annotations

from typing import NamedTuple

import param

from widgets.base import Gesture, JSWidget


class Picked(NamedTuple):
    """A table or column to put into the query; ``name`` as written in ADQL, ``table`` the table it stands in.

    ``kind`` is "table" or "column"; for a table ``name`` and ``table`` are the same.
    """

    n: int
    kind: str
    name: str
    table: str


class SchemaBrowser(JSWidget):
    """A tree drawn from JSON at ``url``: tens of thousands of columns, of which only those in sight are drawn.

    The JSON is ``{"schemas": [{"name", "description", "tables": [{"name", "description", "rows": int or null,
    "columns": [{"name", "datatype", "unit", "ucd", "description", "principal"}]}]}]}``. Table names may be bare
    or carry their schema.
    """

    noun = "schema"

    url = param.String(default="", doc="Where the schemas come from; a new url loads again.")
    version = param.Integer(default=0, doc="Raise it to load the same url again.")
    placeholder = param.String(default="Search names, descriptions, UCDs", doc="Grey text of the search box.")

    picked = Gesture(Picked)
