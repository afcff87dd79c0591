"""The line above the results: tabs, chips of what is marked and filtered, layouts, export, jobs."""

from __future__ import annotations

import re

from portal.errors import QueryError
from portal.jobs.job import JobRow
from portal.session import Session
from portal.table.export import FORMATS, export_stream
from portal.table.selection import selection_sql
from widgets.export import ExportMenu
from widgets.jobs import Jobs
from widgets.results import ResultsLine

from .base import View
from .feeds import Answer, Feeds


class Results(View):
    """Which result is shown, what narrows it, and how it leaves the page."""

    def __init__(self, session: Session, feeds: Feeds) -> None:
        super().__init__(session, feeds)
        self._export_url = self.feed(self._export)
        self.export = ExportMenu()
        self.line = ResultsLine(export=self.export, sizing_mode="stretch_width")
        self.jobs = Jobs(sizing_mode="stretch_width")
        self.take(
            self.line,
            opened=lambda gesture: session.open(gesture.key),
            closed=lambda gesture: session.close_result(gesture.key),
            removed=lambda gesture: self._remove(gesture.kind, gesture.name),
            arranged=lambda gesture: session.show(gesture.layout),
            kept=lambda _: session.keep_selected(),
        )
        self.take(
            self.jobs,
            opened=lambda gesture: session.open(gesture.key),
            stopped=lambda gesture: session.cancel(gesture.key),
        )
        self.listen(self._show_tabs, "tabs", "active", "jobs")
        self.listen(self._show_chips, "look", "active")
        self.listen(self._show_layout, "layout")
        self._show_tabs()
        self._show_chips()
        self._show_layout()

    def _show_tabs(self) -> None:
        session = self.session
        self.line.tabs = [
            {
                "key": tab.key,
                "title": tab.title,
                "count": f"{tab.rows:,}" if tab.phase == "COMPLETED" or tab.rows else tab.phase.lower(),
                "note": (session.job(tab.key) or tab).title,
                "overflow": tab.overflow,
            }
            for tab in session.tabs
        ]
        self.line.active = session.active
        self.jobs.jobs = [_job(row) for row in session.jobs]
        self._show_export()

    def _show_chips(self) -> None:
        look = self.session.look
        chips = [{"kind": "marked", "name": clause.source, "label": clause.label} for clause in look.clauses]
        chips += [{"kind": "filter", "name": f"kept:{n}", "label": c.label} for n, c in enumerate(look.kept)]
        chips += [{"kind": "filter", "name": name, "label": f"{name} {text}"} for name, text in look.filters]
        if look.condition:
            chips.append({"kind": "condition", "name": "condition", "label": look.condition})
        self.line.chips = chips
        self._show_export()

    def _show_export(self) -> None:
        look, table = self.session.look, self.session.table()
        scopes = [{"name": "all", "label": "All rows"}]
        if look.filters or look.kept or look.condition:
            scopes.insert(0, {"name": "filtered", "label": "Filtered"})
        if look.clauses:
            scopes.append({"name": "marked", "label": "Marked"})
        self.export.param.update(url=self._export_url if table is not None else "", scopes=scopes)

    def _show_layout(self) -> None:
        self.line.layout = self.session.layout

    def _remove(self, kind: str, name: str) -> None:
        session = self.session
        if kind == "marked":
            session.unselect(name)
        elif name.startswith("kept:"):
            session.unkeep(int(name[5:]))
        elif kind == "condition":
            session.change(condition="")
        else:
            session.look = session.look.with_filter(name, "")

    def _export(self, arguments: dict[str, str]) -> Answer:
        """The active result as a file; runs in a thread."""
        session = self.session
        table, look = session.table(), session.look
        if table is None:
            raise QueryError("There is no result to save.", "Run a query first.")
        job = session.job(session.active)
        return export_answer(table, look, arguments, job.title if job else "result")


def export_answer(table, look, arguments: dict[str, str], title: str) -> Answer:
    """A table as a download: ``format`` one of FORMATS, ``scope`` all, filtered or marked."""
    form, scope = arguments.get("format", "votable"), arguments.get("scope", "all")
    if form not in FORMATS:
        raise QueryError(f"There is no export as {form!r}.", f"Choose one of {', '.join(FORMATS)}.")
    view = look.row_view(table.meta)
    if scope == "all":
        view = view._replace(where="")
    elif scope == "marked":
        marked = selection_sql(look.clauses)
        view = view._replace(where=" AND ".join(f"({part})" for part in (view.where, marked) if part))
    kind, ending = FORMATS[form].type, FORMATS[form].ending
    name = re.sub(r"[^A-Za-z0-9_.-]+", "_", title).strip("_") or "result"
    return Answer(
        export_stream(table, view, form), kind, (("Content-Disposition", f'attachment; filename="{name}{ending}"'),)
    )


def _job(row: JobRow) -> dict[str, object]:
    note = f"{row.rows:,} rows · {row.seconds:.1f} s" if row.ended else row.text
    return {
        "key": row.key,
        "title": row.title,
        "phase": row.phase,
        "adql": row.adql,
        "note": row.error or note,
        "ended": row.ended,
    }
