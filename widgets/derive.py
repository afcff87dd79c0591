"""The panel of computed columns: a form with a preview, presets, and the list of those made."""

from __future__ import annotations

from typing import NamedTuple

import param

from .base import Gesture, JSWidget


class Written(NamedTuple):
    """A column as the form holds it; ``old`` names the one it is to replace, or is empty."""

    n: int
    name: str
    expression: str
    unit: str
    ucd: str
    description: str
    datatype: str
    old: str


class Filled(NamedTuple):
    n: int
    key: str
    inputs: tuple[str, ...]


class Dropped(NamedTuple):
    n: int
    name: str


class Derive(JSWidget):
    """Told while the user writes (``tried``) and when a column is to be kept (``saved``)."""

    noun = "derive"

    columns = param.List([], doc="[name, unit] of every column, for completion.")
    functions = param.List([], doc="Names of the functions, for completion.")
    presets = param.List([], doc="[{key, title, inputs: [{label, list: place in lists or None, value}]}]")
    lists = param.List([], doc="Lists of column names that the inputs of presets choose from.")
    derived = param.List([], doc="[{name, expression, unit, ucd, description, datatype}] of those made.")
    problem = param.Dict({}, doc="{field, message, text, start, length} of what is wrong, or empty.")
    preview = param.Dict({}, doc="{names, rows: [[text or null]], note} of the column written, or empty.")
    proposal = param.Dict({}, doc="A column for the form, like one of ``derived``, with a serial ``n``.")
    saved_count = param.Integer(0, doc="Grows when what was written has been kept: the form empties.")
    message = param.String("", doc="Why nothing can be computed, shown in place of the form.")

    tried = Gesture(Written)
    saved = Gesture(Written)
    filled = Gesture(Filled)
    dropped = Gesture(Dropped)

    def __init__(self, **params: object) -> None:
        super().__init__(**{"css_classes": ["tv-derive"], "sizing_mode": "stretch_width", **params})
