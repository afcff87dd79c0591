"""The chips of what is marked and filtered, with counts, joined to the selection of the active result."""

from __future__ import annotations

from typing import Any

from portal import sets
from portal.errors import TriviewError
from portal.look import Look
from portal.session import Session
from portal.table.clauses import inverted
from portal.table.tally import Counts, tally_clauses
from widgets.results import ResultsLine

from .base import View
from .feeds import Feeds


class Chips(View):
    """Names, joins, turns over, filters by and takes back what is marked."""

    def __init__(self, session: Session, feeds: Feeds, line: ResultsLine) -> None:
        super().__init__(session, feeds)
        self.line = line
        self._counted: tuple = ()
        self._counts: Counts | None = None
        self.take(
            line,
            removed=lambda gesture: self._remove(gesture.kind, gesture.name),
            joined=lambda gesture: self._change(session.look.with_mode(int(gesture.name), gesture.mode)),
            labelled=lambda gesture: self._rename(int(gesture.name), gesture.label),
            inverted=lambda _: session.change(clauses=inverted(session.look.clauses)),
            kept=lambda _: session.keep_selected(),
            asked=lambda _: session.open_panel("sets"),
        )
        self.listen(self.refresh, "look", "active", "arrived")
        self.refresh()

    # -- the user's hand -----------------------------------------------------------------------------------------
    def _change(self, look: Look) -> None:
        self.session.look = look

    def _rename(self, place: int, label: str) -> None:
        look = self.session.look
        source = look.clauses[place].source if 0 <= place < len(look.clauses) else ""
        known = sets.find(look, source) is not None
        self._change(sets.renamed(look, source, label) if known else look.with_label(place, label))

    def _remove(self, kind: str, name: str) -> None:
        session = self.session
        if kind == "marked":
            self._change(session.look.without_place(int(name)))
        elif name.startswith("kept:"):
            session.unkeep(int(name[5:]))
        elif kind == "condition":
            session.change(condition="")
        else:
            self._change(session.look.with_filter(name, ""))

    # -- the session's news --------------------------------------------------------------------------------------
    def refresh(self) -> None:
        session, look, table = self.session, self.session.look, self.session.table()
        predicates = tuple((clause.sql, clause.mode) for clause in look.clauses)
        rows = 0 if table is None else table.n_rows
        key = (session.active, predicates, look.filters, look.kept, look.condition, rows)
        before = self._counted
        if before and before[:-1] == key[:-1] and table is not None and not self.worth(before[-1], table):
            key = before
        if key != before:
            self._counted = key
            if before[:-1] != key[:-1]:
                self._counts = None
            self.forget()
            if table is not None and look.clauses:
                self.run(
                    lambda: tally_clauses(table, look.clauses, look.row_view(table.meta).where),
                    self._take_counts,
                    self._not_counted,
                )
        self._draw()

    def _take_counts(self, counts: Counts) -> None:
        self._counts = counts
        self._draw()

    def _not_counted(self, error: TriviewError) -> None:
        # The views that draw the same rows say what is wrong; a chip without a number says enough.
        self._counts = None
        self._draw()

    def _draw(self) -> None:
        look, counts = self.session.look, self._counts
        chips: list[dict[str, Any]] = [
            {
                "kind": "marked",
                "name": str(place),
                "label": clause.label,
                "mode": clause.mode,
                "count": f"{counts.clauses[place]:,}" if counts is not None else "",
            }
            for place, clause in enumerate(look.clauses)
        ]
        chips += [{"kind": "filter", "name": f"kept:{n}", "label": c.label} for n, c in enumerate(look.kept)]
        chips += [{"kind": "filter", "name": name, "label": f"{name} {text}"} for name, text in look.filters]
        if look.condition:
            chips.append({"kind": "condition", "name": "condition", "label": look.condition})
        total = f"{counts.total:,} of {counts.shown:,} rows" if counts is not None else ""
        self.line.param.update(chips=chips, total=total, sets=len(look.sets))
