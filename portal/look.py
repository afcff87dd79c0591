"""How one result is looked at: order, filters, selection, current row, chart axes. Plain values that can be saved."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from .errors import QueryError
from .sky.marks import Paint
from .table.arrangement import Arrangement
from .table.clauses import (
    MODES,
    Clause,
    Selection,
    clauses_from_json,
    column_names,
    grouped,
    selection_sql,
    short,
    with_clause,
)
from .table.columns import Column, TableMeta
from .table.expression import check_condition
from .table.filters import column_filter
from .table.names import ROW, quoted
from .table.result import RowView

PINS = 8  # rows side by side: more do not fit a screen


class Look(NamedTuple):
    """One result as a page shows it.

    ``sort``: (column, descending) in order of weight. ``filters``: (column, text as typed). ``clauses``: the selection,
    what is marked. ``kept``: clauses turned into filters, what alone is shown. ``sets``: selections that have a name.
    ``current``: row number of the row under study, -1 for none. ``x``, ``y``: chart expressions, empty for the default.
    ``condition``: a free condition over the columns as typed, such as ``g_mag - r_mag < 0.5 AND flag IS NULL``.
    ``columns``: how the table lays out its columns. ``pinned``: row numbers held beside the current one to compare.
    ``paint``: how the rows are drawn on the sky.
    """

    sort: tuple[tuple[str, bool], ...] = ()
    filters: tuple[tuple[str, str], ...] = ()
    clauses: tuple[Clause, ...] = ()
    kept: tuple[Clause, ...] = ()
    current: int = -1
    x: str = ""
    y: str = ""
    columns: Arrangement = Arrangement()
    condition: str = ""
    sets: Selection = ()
    pinned: tuple[int, ...] = ()
    paint: Paint = Paint()

    def to_json(self) -> dict[str, Any]:
        return {
            **self._asdict(),
            **{name: [clause.to_json() for clause in getattr(self, name)] for name in ("clauses", "kept", "sets")},
            "columns": self.columns.to_json(),
            "paint": self.paint.to_json(),
        }

    @classmethod
    def from_json(cls, doc: dict[str, Any]) -> Look:
        """The inverse of ``to_json``. What does not fit is left at its default: an old state must not stop a page."""

        def pairs(items: Any, kinds: tuple[type, type]) -> tuple:
            return tuple(
                (item[0], item[1])
                for item in items or ()
                if len(item) == 2 and isinstance(item[0], kinds[0]) and isinstance(item[1], kinds[1])
            )

        current = doc.get("current", -1)
        return cls(
            pairs(doc.get("sort"), (str, bool)),
            pairs(doc.get("filters"), (str, str)),
            clauses_from_json(doc.get("clauses")),
            clauses_from_json(doc.get("kept")),
            current if isinstance(current, int) else -1,
            str(doc.get("x", "")),
            str(doc.get("y", "")),
            Arrangement.from_json(doc.get("columns")),
            str(doc.get("condition", "")),
            clauses_from_json(doc.get("sets")),
            tuple(row for row in doc.get("pinned") or () if isinstance(row, int) and row >= 0)[:PINS],
            Paint.from_json(doc.get("paint")),
        )

    def row_view(self, meta: TableMeta) -> RowView:
        """Order and filter as the engine takes them. Raises QueryError when a filter text does not fit its column,
        or the condition the columns."""
        columns: dict[str, Column] = {column.name: column for column in meta.columns}
        parts = [column_filter(columns[name], text) for name, text in self.filters if name in columns]
        if self.condition.strip():
            parts.append(check_condition(self.condition, meta.columns))
        parts.append(selection_sql(self.kept))
        sort = tuple((name, descending) for name, descending in self.sort if name in columns)
        return RowView(sort, " AND ".join(f"({part})" for part in parts if part))

    def with_pin(self, row: int, on: bool) -> Look:
        """The look with a row held to compare, or let go; the oldest goes when there are too many."""
        rest = tuple(item for item in self.pinned if item != row)
        return self._replace(pinned=(*rest, row)[-PINS:] if on else rest)

    def with_filter(self, column: str, text: str) -> Look:
        """The look with one column's filter text set, or taken away when the text is empty."""
        rest = tuple(item for item in self.filters if item[0] != column)
        return self._replace(filters=(*rest, (column, text)) if text.strip() else rest)

    def with_clause(self, clause: Clause) -> Look:
        """The look after one more gesture of marking; see ``portal.table.clauses.with_clause``."""
        return self._replace(clauses=with_clause(self.clauses, clause))

    def without_clause(self, source: str) -> Look:
        """The look without what one source marked."""
        return self._replace(clauses=tuple(c for c in self.clauses if c.source != source))

    def without_place(self, place: int) -> Look:
        """The look without one clause of the selection, by its place."""
        return self._replace(clauses=self.clauses[:place] + self.clauses[place + 1 :])

    def with_label(self, place: int, label: str) -> Look:
        """The look with another name for one clause; an empty one changes nothing."""
        return self._with(place, label=short(label)) if short(label) else self

    def with_mode(self, place: int, mode: str) -> Look:
        """The look with one clause joined otherwise to those before it."""
        return self._with(place, mode=mode) if mode in MODES else self

    def _with(self, place: int, **parts: str) -> Look:
        clauses = list(self.clauses)
        if 0 <= place < len(clauses):
            clauses[place] = clauses[place]._replace(**parts)
        return self._replace(clauses=tuple(clauses))

    def with_kept(self) -> Look:
        """The look with the selection turned into a filter."""
        return self._replace(kept=(*self.kept, grouped(self.clauses, "kept")), clauses=()) if self.clauses else self

    def without_column(self, name: str) -> Look:
        """The look with nothing in it that a column of that name is needed for."""
        plain, sql = re.compile(rf"(?<!\w){re.escape(name)}(?!\w)", re.IGNORECASE), quoted(name)

        def rest(clauses: Selection) -> Selection:
            return tuple(clause for clause in clauses if sql not in clause.sql)

        kept = self.paint
        paint = kept._replace(**{part: "" for part in ("colour", "size") if getattr(kept, part) == name})
        axes = ("", "") if plain.search(self.x) or plain.search(self.y) else (self.x, self.y)
        return self._replace(
            sort=tuple(item for item in self.sort if item[0] != name),
            filters=tuple(item for item in self.filters if item[0] != name),
            clauses=rest(self.clauses),
            kept=rest(self.kept),
            sets=rest(self.sets),
            x=axes[0],
            y=axes[1],
            condition="" if plain.search(self.condition) else self.condition,
            paint=paint,
        )

    def fitting(self, meta: TableMeta) -> tuple[Look, tuple[str, ...]]:
        """The look with nothing in it that the columns cannot answer, and the labels of what was left out."""
        known = {column.name.casefold() for column in meta.columns} | {ROW}

        def fits(clause: Clause) -> bool:
            return all(name.casefold() in known for name in column_names(clause.sql))

        parts = {name: tuple(filter(fits, getattr(self, name))) for name in ("clauses", "kept", "sets")}
        gone = [clause.label for name in parts for clause in getattr(self, name) if not fits(clause)]
        condition = self.condition
        if condition.strip():
            try:
                check_condition(condition, meta.columns)
            except QueryError:
                gone.append(condition)
                condition = ""
        return self._replace(condition=condition, **parts), tuple(gone)

    def with_sort(self, column: str, add: bool) -> Look:
        """The next order of a click on a header: ascending, descending, none; ``add`` keeps the other columns."""
        now = dict(self.sort).get(column)
        following = {None: ((column, False),), False: ((column, True),), True: ()}[now]
        others: Sequence[tuple[str, bool]] = [item for item in self.sort if item[0] != column] if add else ()
        return self._replace(sort=(*others, *following))


def shown_columns(look: Look, meta: TableMeta) -> tuple[str, ...]:
    """Names of the columns the table shows, in its order: what "as shown" means everywhere."""
    return look.columns.shown(column.name for column in meta.columns)
