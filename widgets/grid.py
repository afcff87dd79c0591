"""The table on screen: one page of rows fetched over HTTP, with sorting, filters, checks and a current row."""

from __future__ import annotations

from typing import NamedTuple

import param

from widgets.base import Gesture, JSWidget


class Sorted(NamedTuple):
    """A click on a column's name; ``add`` with Shift: keep the other sort columns."""

    n: int
    column: str
    add: bool


class Filtered(NamedTuple):
    """A new text in the filter box of a column; empty removes the filter."""

    n: int
    column: str
    text: str


class Clicked(NamedTuple):
    """A click (or Enter) on a row; ``row`` is the row number in the result."""

    n: int
    row: int


class Checked(NamedTuple):
    """Rows ticked (``on``) or unticked; ``all`` means every row of the view and ``rows`` is empty then."""

    n: int
    rows: tuple[int, ...]
    on: bool
    all: bool


class Paged(NamedTuple):
    """A turn to another page, counted from 0. The grid shows it already."""

    n: int
    page: int


class Grid(JSWidget):
    """A virtual table that knows one page at a time.

    It fetches ``GET url?start=&count=&v=`` and expects JSON ``{"start": int, "total": int, "rows": [[row number,
    selected 0|1, [cell text or null, ...]], ...]}``, cells in the order of ``columns``. Cells are text: 64-bit
    ids stay exact. Sorting, filtering and checking are only told as gestures; whoever handles them sets ``sort``,
    ``filters``, ``n_rows`` and raises ``version`` (best in one ``param.update``), and the grid fetches again.
    """

    noun = "grid"

    url = param.String(default="", doc="Where pages come from; empty shows no rows.")
    version = param.Integer(default=0, doc="Raise it when the rows of the view have changed.")
    columns = param.List(default=[], item_type=dict, doc="[{name, unit, datatype, ucd, description, numeric: bool}]")
    n_rows = param.Integer(default=0, doc="Rows in the view.")
    page = param.Integer(default=0, bounds=(0, None), doc="Page shown, from 0; both ways.")
    page_size = param.Integer(default=100, bounds=(1, 1000), doc="Rows in a page.")
    sort = param.List(default=[], doc='Sort marks: [[column, "asc" or "desc"], ...].')
    filters = param.Dict(default={}, doc="Texts of the filter boxes by column name.")
    problems = param.Dict(default={}, doc="What is wrong with a filter text, by column name.")
    current = param.Integer(default=-1, doc="Row number of the current row; -1 is none.")
    current_place = param.Integer(
        default=-1, doc="Its place in the view, from 0; a change turns to its page. -1 is unknown or filtered out."
    )
    message = param.String(default="", doc="Why there are no rows, in words; shown in their place.")
    label = param.String(default="Rows of the result", doc="What screen readers call the grid.")

    sorted = Gesture(Sorted)
    filtered = Gesture(Filtered)
    clicked = Gesture(Clicked)
    checked = Gesture(Checked)
    paged = Gesture(Paged)
