"""The panel of row details: the current row and those pinned beside it, and steps through the table's order."""

from __future__ import annotations

from typing import Any

import numpy as np

from portal.errors import QueryError, TriviewError
from portal.look import PINS
from portal.session import Session
from portal.table.columns import TableMeta
from portal.table.record import error_columns, value_texts
from portal.table.result import ResultTable
from widgets.row import RowDetails

from .base import View
from .feeds import Answer, Feeds, json_answer


class Row(View):
    """All columns of the current row."""

    def __init__(self, session: Session, feeds: Feeds) -> None:
        super().__init__(session, feeds)
        self._table: ResultTable | None = None
        self._sky = ""
        self._described: tuple[Any, ...] = ()
        self.widget = RowDetails(url=self.feed(self._rows), sizing_mode="stretch_both")
        self.take(
            self.widget,
            stepped=lambda gesture: self._step(1 if gesture.by > 0 else -1),
            pinned_by_hand=self._pin,
        )
        self.listen(self.update, "look", "active", "arrived", "panel")
        self.update()

    @property
    def shown(self) -> bool:
        return bool(self.session.panel) and self.session.panel[0] == "row"

    # -- the user's hand -----------------------------------------------------------------------------------------
    def _pin(self, gesture: Any) -> None:
        table, look = self.session.table(), self.session.look
        if table is not None and 0 <= gesture.row < table.n_rows:
            self.session.look = look.with_pin(gesture.row, gesture.on)

    def _step(self, by: int) -> None:
        table, look = self.session.table(), self.session.look
        if table is None:
            return

        def read() -> int:
            view = look.row_view(table.meta)
            place = table.place(view, look.current) if look.current >= 0 else -1
            rows, _ = table.page(view, max(place + by, 0), 1, [])
            return int(rows[0]) if len(rows) else look.current

        self.run(read, self.session.point_at, slot="step")

    # -- the session's news --------------------------------------------------------------------------------------
    def refresh(self) -> None:
        session = self.session
        table, look = session.table(), session.look
        self._sky = look.columns.sky
        if table is None or not 0 <= look.current < table.n_rows:
            self._table = table
            pinned = [row for row in look.pinned if table is not None and row < table.n_rows]
            words = "Click a row of the table: all its columns appear here." if table is not None else self.nothing()
            self.widget.param.update(current=-1, pinned=pinned, place="", first=False, last=False, message=words)
            return
        described = (table, table.meta.columns, look.columns.order, look.columns.frozen, self._sky)
        again = self._described != described
        self._table, self._described = table, described
        self.widget.param.update(
            current=look.current,
            pinned=[row for row in look.pinned if row < table.n_rows],
            message="",
            version=self.widget.version + again,
        )

        def read() -> tuple[int, int]:
            view = look.row_view(table.meta)
            return table.place(view, look.current), table.count(view)

        self.run(read, lambda answer: self._show_place(*answer), lambda error: None)

    def _show_place(self, place: int, total: int) -> None:
        words = f"{place + 1:,} of {total:,}" if place >= 0 else "filtered out of the table"
        self.widget.param.update(place=words, first=place <= 0, last=place == total - 1)

    def report(self, error: TriviewError) -> None:
        self.widget.message = f"{error.message} {error.hint}".strip()

    def _rows(self, arguments: dict[str, str]) -> Answer:
        """Rows by number with all columns; runs in a thread."""
        table = self._table
        numbers = [int(item) for item in arguments.get("rows", "").split(",") if item.isascii() and item.isdigit()]
        if table is None or len(numbers) > PINS + 1 or any(row >= table.n_rows for row in numbers):
            raise QueryError("These rows are not in the result that is shown.", "Choose a row of the table.")
        meta = table.meta
        layout = self.session.look.columns
        names = layout.ordered(column.name for column in meta.columns)
        cells = table.take(np.array(numbers, np.uint32), names)
        texts = [value_texts(_by_name(meta)[name], cells.column(name), self._sky) for name in names]
        rows = {str(number): [column[at] for column in texts] for at, number in enumerate(numbers)}
        return json_answer({"columns": _described(meta, names), "rows": rows})


def _by_name(meta: TableMeta) -> dict[str, Any]:
    return {column.name: column for column in meta.columns}


def _described(meta: TableMeta, names: tuple[str, ...]) -> list[dict[str, Any]]:
    by_name, errors = _by_name(meta), error_columns(meta.columns)
    places = {name: place for place, name in enumerate(names)}
    return [
        {
            "name": name,
            "unit": by_name[name].unit,
            "datatype": by_name[name].datatype + (f"[{by_name[name].arraysize}]" if by_name[name].is_array else ""),
            "ucd": by_name[name].ucd,
            "description": by_name[name].description,
            "error": places[errors[name]] if name in errors else -1,
        }
        for name in names
    ]
