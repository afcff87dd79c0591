"""How one result is looked at: order, filters, selection, current row, chart axes. Plain values that can be saved."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from .table.arrangement import Arrangement
from .table.columns import Column, TableMeta
from .table.expression import check_condition
from .table.filters import column_filter
from .table.result import RowView
from .table.selection import Clause, selection_sql


class Look(NamedTuple):
    """One result as a page shows it.

    ``sort``: (column, descending) in order of weight. ``filters``: (column, text as typed). ``clauses``: the selection,
    one clause per source, what is marked. ``kept``: clauses turned into filters, what alone is shown.
    ``current``: row number of the row under study, -1 for none. ``x``, ``y``: chart expressions, empty for the default.
    ``condition``: a free condition over the columns as typed, such as ``g_mag - r_mag < 0.5 AND flag IS NULL``.
    ``columns``: how the table lays out its columns.
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

    def to_json(self) -> dict[str, Any]:
        return {
            **self._asdict(),
            "clauses": [list(c) for c in self.clauses],
            "kept": [list(c) for c in self.kept],
            "columns": self.columns.to_json(),
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

        def clauses(items: Any) -> tuple[Clause, ...]:
            return tuple(Clause(*item) for item in items or () if len(item) == len(Clause._fields))

        current = doc.get("current", -1)
        return cls(
            pairs(doc.get("sort"), (str, bool)),
            pairs(doc.get("filters"), (str, str)),
            clauses(doc.get("clauses")),
            clauses(doc.get("kept")),
            current if isinstance(current, int) else -1,
            str(doc.get("x", "")),
            str(doc.get("y", "")),
            Arrangement.from_json(doc.get("columns")),
            str(doc.get("condition", "")),
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

    def with_filter(self, column: str, text: str) -> Look:
        """The look with one column's filter text set, or taken away when the text is empty."""
        rest = tuple(item for item in self.filters if item[0] != column)
        return self._replace(filters=(*rest, (column, text)) if text.strip() else rest)

    def with_clause(self, clause: Clause) -> Look:
        """The look with a clause in place of the earlier one of the same source."""
        return self._replace(clauses=(*(c for c in self.clauses if c.source != clause.source), clause))

    def without_clause(self, source: str) -> Look:
        return self._replace(clauses=tuple(c for c in self.clauses if c.source != source))

    def with_sort(self, column: str, add: bool) -> Look:
        """The next order of a click on a header: ascending, descending, none; ``add`` keeps the other columns."""
        now = dict(self.sort).get(column)
        following = {None: ((column, False),), False: ((column, True),), True: ()}[now]
        others: Sequence[tuple[str, bool]] = [item for item in self.sort if item[0] != column] if add else ()
        return self._replace(sort=(*others, *following))


def shown_columns(look: Look, meta: TableMeta) -> tuple[str, ...]:
    """Names of the columns the table shows, in its order: what "as shown" means everywhere."""
    return look.columns.shown(column.name for column in meta.columns)
