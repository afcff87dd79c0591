"""The table: pages of the active result in the grid, joined to order, filters, marks, columns and the current row."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from portal.errors import LimitError, QueryError, TriviewError
from portal.look import shown_columns
from portal.session import Session
from portal.table.cells import cell_texts, exact_texts, sky_role
from portal.table.columns import Column
from portal.table.expression import check_condition
from portal.table.expression_sql import FUNCTIONS
from portal.table.filters import column_filter
from portal.table.positions import outline_columns
from portal.table.result import ResultTable, RowView
from portal.table.selection import Clause, rows_clause, selection_sql
from portal.vo.soda import Cutouts
from widgets.grid import Grid

from .base import View
from .feeds import Answer, Feeds, json_answer
from .thumbs import Thumbs

MAX_BLOCK = 500  # rows in one answer; the grid asks for 100
MAX_SPANS = 200  # stretches of columns in one question; the grid asks for two or three
COPY_CELLS = 2_000_000  # in the clipboard: 30 MB of text; more is what exports are for
NOTHING = RowView((), "FALSE")
PANELS = ("columns", "row", "profile", "derive")


class Shown(NamedTuple):
    """What the pages are cut from: a consistent picture that the feed's threads can read. ``columns``: those shown,
    in order; ``layout``: the serial that the grid has for them."""

    table: ResultTable
    view: RowView
    total: int
    marked: np.ndarray | None
    columns: tuple[Column, ...] = ()
    layout: int = 0
    sky: str = ""


class Refused(NamedTuple):
    """A filter text that does not fit its column, what is wrong with it, and the filter that stays meanwhile."""

    text: str
    problem: str
    kept: str


class Table(View):
    """The grid of the active result."""

    panes = ("table",)

    def __init__(self, session: Session, feeds: Feeds, cutouts: Cutouts | None = None) -> None:
        super().__init__(session, feeds)
        self._thumbs = self.feed(Thumbs(cutouts, self._shown_result).answer) if cutouts is not None else ""
        self._picture: Shown | None = None
        self._last_current = -1
        self._refused: dict[str, Refused] = {}
        self._ticks: list[Any] = []  # not yet part of the selection; two can come before the first is
        self.grid = Grid(url=self.feed(self._rows), functions=sorted(FUNCTIONS), sizing_mode="stretch_both")
        self.take(
            self.grid,
            sorted=self._sort,
            ordered=self._order,
            filtered=self._filter,
            conditioned=self._condition,
            asked=self._ask,
            arranged=lambda asked: session.arrange_columns(asked.verb, asked.columns, asked.text, asked.width),
            clicked=lambda gesture: session.point_at(gesture.row),
            hovered=lambda gesture: session.param.update(hovered=gesture.row),
            checked=self._check,
            paged=self._turn,
        )
        self.listen(self.update, "look", "arrived", "active")
        self.listen(lambda: self.grid.param.update(hovered_row=session.hovered), "hovered")
        self.listen(self.catch_up, "layout")
        self.update()

    # -- the user's hand -----------------------------------------------------------------------------------------
    def _sort(self, gesture: Any) -> None:
        self.grid.page = 0
        self.session.look = self.session.look.with_sort(gesture.column, gesture.add)

    def _order(self, gesture: Any) -> None:
        look = self.session.look
        others = tuple(item for item in look.sort if item[0] != gesture.column) if gesture.add else ()
        chosen = ((gesture.column, gesture.order == "desc"),) if gesture.order in ("asc", "desc") else ()
        self.grid.page = 0
        self.session.change(sort=(*others, *chosen))

    def _condition(self, gesture: Any) -> None:
        table = self.session.table()
        if table is None:
            return
        try:
            if gesture.text.strip():
                check_condition(gesture.text, table.meta.columns)
        except QueryError as error:
            self.grid.condition_problem = f"At character {error.column}: {error}"
            return
        self.grid.condition_problem = ""
        self.grid.page = 0
        self.session.change(condition=gesture.text.strip())

    def _ask(self, gesture: Any) -> None:
        if gesture.what in PANELS:
            self.session.open_panel(gesture.what, gesture.column)
        elif gesture.what == "thumbs":
            self.grid.thumbs = "" if self.grid.thumbs or not self.grid.can_thumb else self._thumbs_of_result()

    def _shown_result(self) -> tuple[str, ResultTable | None]:
        return self.session.active, self.session.table()

    def _thumbs_of_result(self) -> str:
        # The result is part of the address: row 5 of another one is another picture.
        return f"{self._thumbs}?of={self.session.active}"

    def _filter(self, gesture: Any) -> None:
        table = self.session.table()
        if table is None:
            return
        try:
            column_filter(table.meta.column(gesture.column), gesture.text)
        except QueryError as error:
            kept = dict(self.session.look.filters).get(gesture.column, "")
            self._refused[gesture.column] = Refused(gesture.text, f"{error.message} {error.hint}".strip(), kept)
            self.grid.param.update(**self._filter_boxes())
            return
        self._refused.pop(gesture.column, None)
        self.grid.param.update(**self._filter_boxes(), page=0)
        self.session.look = self.session.look.with_filter(gesture.column, gesture.text)

    def _filter_boxes(self) -> dict[str, Any]:
        """What the filter boxes hold: the filters, and texts that are none until they are put right."""
        now = dict(self.session.look.filters)
        self._refused = {name: item for name, item in self._refused.items() if now.get(name, "") == item.kept}
        return {
            "filters": {**now, **{name: item.text for name, item in self._refused.items()}},
            "problems": {name: item.problem for name, item in self._refused.items()},
        }

    def _turn(self, gesture: Any) -> None:
        self.grid.page = gesture.page
        self._tell_page()

    def _tell_page(self) -> None:
        self.session.paged = (self.grid.page * self.grid.page_size, self.grid.page_size)

    def _check(self, gesture: Any) -> None:
        """Tick boxes make one clause: the rows ticked by hand."""
        look, table = self.session.look, self.session.table()
        if table is None:
            return
        if gesture.all:
            self._forget_ticks()
            if gesture.on:
                words = f"all {self.grid.n_rows:,} rows shown"
                where = look.row_view(table.meta).where or "TRUE"
                self.session.select(Clause("table", where, words))
            else:
                self.session.unselect()
            return
        self._ticks.append(gesture)
        self._read_marks()

    def _read_marks(self) -> None:
        table, clauses = self.session.table(), self.session.look.clauses
        marks = selection_sql(clauses)

        def then(marked: np.ndarray) -> None:
            if self.session.table() is not table:
                self._forget_ticks()
            elif self.session.look.clauses != clauses:
                self._read_marks()  # another view has marked rows meanwhile
            else:
                self._tick(marked)

        self.run(lambda: table.where(marks) if marks else np.empty(0, np.uint32), then, slot="tick")

    def _forget_ticks(self) -> None:
        """Let ticks that are not yet part of the selection be: they are of another result, or undone."""
        self.forget("tick")
        self._ticks = []

    def _tick(self, marked: np.ndarray) -> None:
        """What is marked, by whatever view, with the ticks made since; it becomes a list of rows."""
        ticks, self._ticks = self._ticks, []
        for tick in ticks:
            rows = np.array(tick.rows, np.uint32)
            marked = np.union1d(marked, rows) if tick.on else np.setdiff1d(marked, rows)
        self.session.look = self.session.look._replace(clauses=(rows_clause(marked, "table"),) if marked.size else ())

    # -- the session's news --------------------------------------------------------------------------------------
    def refresh(self) -> None:
        table, look = self.session.table(), self.session.look
        if table is None:
            self.forget()
            self._forget_ticks()
            self._picture = None
            self.grid.param.update(
                columns=[], n_rows=0, n_all=0, marked=False, version=self.grid.version + 1, message=self.nothing()
            )
            return
        before = self._picture
        follow = before is None or before.table is not table
        if follow:
            self._forget_ticks()
        meta = table.meta
        by_name = {column.name: column for column in meta.columns}
        columns = tuple(by_name[name] for name in shown_columns(look, meta))
        same = before is not None and (before.columns, before.sky) == (columns, look.columns.sky) and not follow
        layout = before.layout if same else self.grid.layout + 1

        def read() -> tuple[Shown, int]:
            view = look.row_view(meta)
            marks = selection_sql(look.clauses)
            marked = None
            if marks:
                marked = np.zeros(table.n_rows, bool)
                rows = table.where(marks)
                marked[rows[rows < marked.size]] = True
            total = table.count(view)
            place = table.place(view, look.current) if 0 <= look.current < table.n_rows else -1
            return Shown(table, view, total, marked, columns, layout, look.columns.sky), place

        def failed(error: TriviewError) -> None:
            # Not the rows of before: they are of another view, perhaps of another result.
            self._show(Shown(table, NOTHING, 0, None, columns, layout, look.columns.sky), -1, follow)
            self.grid.message = f"{error.message} {error.hint}".strip()

        self.run(read, lambda answer: self._show(*answer, follow), failed)

    def _show(self, shown: Shown, place: int, new_table: bool) -> None:
        look, meta = self.session.look, shown.table.meta
        old = self._picture
        if new_table:
            self._refused = {}
        self._picture = shown
        changes: dict[str, Any] = {
            "n_rows": shown.total,
            "n_all": shown.table.n_rows,
            "marked": shown.marked is not None and bool(shown.marked.any()),
            "current": look.current,
            "hovers": bool(outline_columns(meta.columns)),
            "current_place": place,
            "sort": [[name, "desc" if descending else "asc"] for name, descending in look.sort],
            "condition": look.condition,
            "widths": dict(look.columns.widths),
            "version": self.grid.version + 1,
            "message": self.nothing() if shown.total == 0 else "",
        }
        changes |= self._filter_boxes()
        heads = [_head(column) for column in meta.columns]
        if new_table or heads != self.grid.columns:  # a result gains and loses computed columns
            changes["columns"] = heads
        if new_table or old is None or old.layout != shown.layout:
            places = {column.name: at for at, column in enumerate(meta.columns)}
            names = [column.name for column in meta.columns]
            changes["shown"] = [places[column.name] for column in shown.columns]
            changes["frozen"] = look.columns.n_frozen(names)
            changes["layout"] = shown.layout
            changes["sky"] = shown.sky
        if new_table or old is None:
            can_thumb = bool(self._thumbs) and shown.table.positions() is not None
            changes["can_thumb"] = can_thumb
            changes["thumbs"] = self._thumbs_of_result() if self.grid.thumbs and can_thumb else ""
            changes["page"] = 0
            changes["condition_problem"] = ""
        if place >= 0 and (old is None or self._last_current != look.current or new_table):
            changes["page"] = place // self.grid.page_size
        self._last_current = look.current
        self.grid.param.update(**changes)
        self._tell_page()

    def _rows(self, arguments: dict[str, str]) -> Answer:
        """One block of rows as text cells, or rows to copy; runs in a thread."""
        shown = self._picture
        if shown is None:
            return json_answer({"start": 0, "total": 0, "names": [], "rows": []})
        if "copy" in arguments:
            return Answer(_copied(shown, _numbers(arguments.get("rows", ""))).encode(), "text/tab-separated-values")
        start = max(0, _number(arguments.get("start", "0")))
        count = min(MAX_BLOCK, max(0, _number(arguments.get("count", "100"))))
        spans = arguments.get("columns", f"0-{len(shown.columns)}").split(",")[:MAX_SPANS]
        columns = [column for span in spans for column in _span(shown.columns, span)]
        numbers, cells = shown.table.page(shown.view, start, count, list(dict.fromkeys(c.name for c in columns)))
        texts = [cell_texts(column, cells.column(column.name), shown.sky) for column in columns]
        marked = shown.marked
        flags = [int(n < marked.size and marked[n]) for n in numbers] if marked is not None else [0] * len(numbers)
        lines = map(list, zip(*texts, strict=True)) if texts else ([] for _ in numbers)
        rows = zip(numbers.tolist(), flags, lines, strict=True)
        names = [column.name for column in columns]
        return json_answer({"start": start, "total": shown.total, "names": names, "rows": list(rows)})


def _copied(shown: Shown, numbers: list[int]) -> str:
    """Rows by number, or the marked ones in the order shown, as tab-separated text with a header line."""
    table, marked = shown.table, shown.marked
    if numbers:
        rows = np.array([n for n in numbers if n < table.n_rows], np.uint32)
    elif marked is None:
        rows = np.array([], np.uint32)
    else:
        ordered = table.rows(shown.view)
        ordered = np.arange(marked.size, dtype=np.uint32) if ordered is None else ordered[ordered < marked.size]
        rows = ordered[marked[ordered]]
    if len(rows) * len(shown.columns) > COPY_CELLS:
        raise LimitError(
            f"{len(rows):,} rows of {len(shown.columns):,} columns are too much for the clipboard.",
            "Hide columns, mark fewer rows, or export them to a file.",
        )
    names = [column.name for column in shown.columns]
    cells = table.take(rows, names)
    lines = [names, *zip(*(exact_texts(cells.column(name)) for name in names), strict=True)]
    return "\n".join("\t".join(line) for line in lines)


def _number(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 15:
        raise QueryError(f"{text[:40]!r} is no number.", "Reload the page.")
    return int(text)


def _numbers(text: str) -> list[int]:
    return [_number(item) for item in text.split(",")[:MAX_BLOCK] if item]


def _span(columns: tuple[Column, ...], text: str) -> tuple[Column, ...]:
    first, _, end = text.partition("-")
    return columns[_number(first) : _number(end)] if text else ()


def _head(column: Column) -> dict[str, Any]:
    return {
        "name": column.name,
        "unit": column.unit,
        "datatype": column.datatype + (f"[{column.arraysize}]" if column.is_array else ""),
        "ucd": column.ucd,
        "description": column.description,
        "numeric": column.is_number,
        "position": sky_role(column),
    }
