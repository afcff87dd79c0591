"""The table on screen: one page of rows fetched over HTTP, with sorting, filters, checks and a current row."""

from __future__ import annotations

from typing import NamedTuple

import param

from widgets.base import Gesture, JSWidget


class Sorted(NamedTuple):
    """A click on a column's name: the next order of it; ``add`` with Shift: keep the other sort columns."""

    n: int
    column: str
    add: bool


class Ordered(NamedTuple):
    """An order chosen from a column's menu: ``order`` is "asc", "desc" or "" for none."""

    n: int
    column: str
    order: str
    add: bool


class Filtered(NamedTuple):
    """A new text in the filter box of a column; empty removes the filter."""

    n: int
    column: str
    text: str


class Conditioned(NamedTuple):
    """A new text in the field of the free condition; empty removes it."""

    n: int
    text: str


class Clicked(NamedTuple):
    """A click (or Enter) on a row; ``row`` is the row number in the result."""

    n: int
    row: int


class Hovered(NamedTuple):
    """The pointer rests on a row, by its number in the result; -1: on none."""

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


class Asked(NamedTuple):
    """A tool asked for: ``what`` is columns, row, profile, derive or thumbs; ``column`` may be empty."""

    n: int
    what: str
    column: str


class Arranged(NamedTuple):
    """Columns laid out anew: see portal.table.arrangement.Arrangement.act."""

    n: int
    verb: str
    columns: tuple[str, ...]
    text: str
    width: int


class Grid(JSWidget):
    """A virtual table that knows one page at a time, and of a wide page only the columns that were in sight.

    It fetches ``GET url?start=&count=&columns=0-40,80-120&layout=&v=`` and expects JSON ``{"start": int, "total": int,
    "names": [...], "rows": [[row number, selected 0|1, [cell text or null, ...]], ...]}``, cells of the asked places
    among the shown columns, in that order, and the names of those columns: cells of others are not shown. Cells are
    text: 64-bit ids stay exact. ``url?copy=1`` gives the selected rows (``rows=1,2`` for others) as tab-separated
    text. Sorting, filtering and checking are only told as gestures; whoever handles them sets ``sort``, ``filters``,
    ``n_rows`` and raises ``version`` (best in one ``param.update``), and the grid fetches again; ``layout`` must
    change with ``columns``, ``shown`` and what cells say.
    """

    noun = "grid"

    url = param.String(default="", doc="Where pages come from; empty shows no rows.")
    version = param.Integer(default=0, doc="Raise it when the rows of the view have changed.")
    columns = param.List(default=[], item_type=dict, doc="[{name, unit, datatype, ucd, description, numeric: bool}]")
    shown = param.List(default=[], doc="Places in columns, in the order shown; empty for all as they come.")
    frozen = param.Integer(default=0, doc="How many of the shown columns, the first, stay at the left.")
    widths = param.Dict(default={}, doc="Pixels by column name, where the user chose them.")
    layout = param.Integer(default=0, doc="Serial of columns, shown and sky.")
    sky = param.String(default="", doc='How positions read: "" in degrees, "hms" sexagesimal.')
    n_rows = param.Integer(default=0, doc="Rows in the view.")
    n_all = param.Integer(default=0, doc="Rows in the result, filtered out ones too; 0 when not known.")
    marked = param.Boolean(default=False, doc="Whether any row of the view is selected.")
    page = param.Integer(default=0, bounds=(0, None), doc="Page shown, from 0; both ways.")
    page_size = param.Integer(default=100, bounds=(1, 1000), doc="Rows in a page.")
    sort = param.List(default=[], doc='Sort marks: [[column, "asc" or "desc"], ...].')
    filters = param.Dict(default={}, doc="Texts of the filter boxes by column name.")
    problems = param.Dict(default={}, doc="What is wrong with a filter text, by column name.")
    condition = param.String(default="", doc="Text of the free condition.")
    condition_problem = param.String(default="", doc="What is wrong with it.")
    functions = param.List(default=[], doc="Names of functions that a condition may use, for its completion.")
    current = param.Integer(default=-1, doc="Row number of the current row; -1 is none.")
    current_place = param.Integer(
        default=-1, doc="Its place in the view, from 0; a change turns to its page. -1 is unknown or filtered out."
    )
    hovers = param.Boolean(default=False, doc="Whether to tell which row the pointer rests on.")
    hovered_row = param.Integer(default=-1, doc="Row number that another view has under the pointer; -1 is none.")
    thumbs = param.String(default="", doc="Where a picture of a row comes from (&row=N is added); empty for none.")
    can_thumb = param.Boolean(default=False, doc="Whether pictures of rows can be asked for.")
    message = param.String(default="", doc="Why there are no rows, in words; shown in their place.")
    label = param.String(default="Rows of the result", doc="What screen readers call the grid.")

    sorted = Gesture(Sorted)
    ordered = Gesture(Ordered)
    filtered = Gesture(Filtered)
    conditioned = Gesture(Conditioned)
    clicked = Gesture(Clicked)
    hovered = Gesture(Hovered)
    checked = Gesture(Checked)
    paged = Gesture(Paged)
    asked = Gesture(Asked)
    arranged = Gesture(Arranged)
