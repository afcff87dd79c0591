"""The table: pages of the active result in the grid, joined to order, filters, marks and the current row."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from portal.errors import QueryError, TriviewError
from portal.session import Session
from portal.table.cells import cell_texts
from portal.table.columns import Column
from portal.table.filters import column_filter
from portal.table.result import ResultTable, RowView
from portal.table.selection import Clause, rows_clause, selection_sql
from widgets.grid import Grid

from .base import View
from .feeds import Answer, Feeds, json_answer

MAX_BLOCK = 500  # rows in one answer; the grid asks for 100


class Shown(NamedTuple):
    """What the pages are cut from: a consistent picture that the feed's threads can read."""

    table: ResultTable
    view: RowView
    total: int
    marked: np.ndarray | None


class Table(View):
    """The grid of the active result."""

    panes = ("table",)

    def __init__(self, session: Session, feeds: Feeds) -> None:
        super().__init__(session, feeds)
        self._picture: Shown | None = None
        self._last_current = -1
        self._ticks: list[Any] = []  # not yet part of the selection; two can come before the first is
        self.grid = Grid(url=self.feed(self._rows), sizing_mode="stretch_both")
        self.take(
            self.grid,
            sorted=self._sort,
            filtered=self._filter,
            clicked=lambda gesture: session.point_at(gesture.row),
            checked=self._check,
            paged=self._turn,
        )
        self.listen(self.update, "look", "arrived", "active")
        self.listen(self.catch_up, "layout")
        self.update()

    # -- the user's hand -----------------------------------------------------------------------------------------
    def _sort(self, gesture: Any) -> None:
        self.grid.page = 0
        self.session.look = self.session.look.with_sort(gesture.column, gesture.add)

    def _filter(self, gesture: Any) -> None:
        table = self.session.table()
        if table is None:
            return
        try:
            column_filter(table.meta.column(gesture.column), gesture.text)
        except QueryError as error:
            self.grid.problems = {**self.grid.problems, gesture.column: f"{error.message} {error.hint}".strip()}
            return
        self.grid.problems = {name: text for name, text in self.grid.problems.items() if name != gesture.column}
        self.grid.page = 0
        self.session.look = self.session.look.with_filter(gesture.column, gesture.text)

    def _turn(self, gesture: Any) -> None:
        self.grid.page = gesture.page

    def _check(self, gesture: Any) -> None:
        """Tick boxes make one clause: the rows ticked by hand."""
        look, table = self.session.look, self.session.table()
        if table is None:
            return
        if gesture.all:
            if gesture.on:
                words = f"all {self.grid.n_rows:,} rows shown"
                where = look.row_view(table.meta).where or "TRUE"
                self.session.select(Clause("table", where, words))
            else:
                self.session.unselect()
            return
        self._ticks.append(gesture)
        marks = selection_sql(look.clauses)
        self.run(lambda: table.where(marks) if marks else np.empty(0, np.uint32), self._tick, slot="tick")

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
            self._picture = None
            self.grid.param.update(columns=[], n_rows=0, version=self.grid.version + 1, message=self.nothing())
            return
        before = self._picture
        follow = before is None or before.table is not table
        if follow:
            self.forget("tick")  # ticks of another result
            self._ticks = []

        def read() -> tuple[Shown, int]:
            view = look.row_view(table.meta)
            marks = selection_sql(look.clauses)
            marked = None
            if marks:
                marked = np.zeros(table.n_rows, bool)
                rows = table.where(marks)
                marked[rows[rows < marked.size]] = True
            total = table.count(view)
            place = table.place(view, look.current) if 0 <= look.current < table.n_rows else -1
            return Shown(table, view, total, marked), place

        self.run(read, lambda answer: self._show(*answer, follow), self._failed)

    def _show(self, shown: Shown, place: int, new_table: bool) -> None:
        look = self.session.look
        old = self._picture
        self._picture = shown
        changes: dict[str, Any] = {
            "n_rows": shown.total,
            "current": look.current,
            "current_place": place,
            "sort": [[name, "desc" if descending else "asc"] for name, descending in look.sort],
            "filters": dict(look.filters),
            "version": self.grid.version + 1,
            "message": self.nothing() if shown.total == 0 else "",
        }
        if new_table or old is None:
            changes["columns"] = [_head(column) for column in shown.table.meta.columns]
            changes["page"] = 0
            changes["problems"] = {}
        if place >= 0 and (old is None or self._last_current != look.current or new_table):
            changes["page"] = place // self.grid.page_size
        self._last_current = look.current
        self.grid.param.update(**changes)

    def _failed(self, error: TriviewError) -> None:
        self.grid.message = f"{error.message} {error.hint}".strip()

    def _rows(self, arguments: dict[str, str]) -> Answer:
        """One block of rows as text cells; runs in a thread."""
        shown = self._picture
        if shown is None:
            return json_answer({"start": 0, "total": 0, "rows": []})
        start = max(0, int(arguments.get("start", 0)))
        count = min(MAX_BLOCK, max(0, int(arguments.get("count", 100))))
        numbers, cells = shown.table.page(shown.view, start, count)
        texts = [cell_texts(column, cells.column(place)) for place, column in enumerate(shown.table.meta.columns)]
        marked = shown.marked
        flags = [int(n < marked.size and marked[n]) for n in numbers] if marked is not None else [0] * len(numbers)
        rows = zip(numbers.tolist(), flags, map(list, zip(*texts, strict=True)), strict=True) if texts else ()
        return json_answer({"start": start, "total": shown.total, "rows": list(rows)})


def _head(column: Column) -> dict[str, Any]:
    return {
        "name": column.name,
        "unit": column.unit,
        "datatype": column.datatype + (f"[{column.arraysize}]" if column.is_array else ""),
        "ucd": column.ucd,
        "description": column.description,
        "numeric": column.is_number,
    }
