"""The line above the results: tabs, undo, layouts, export, jobs."""

from __future__ import annotations

import re

from portal.errors import QueryError
from portal.jobs.job import JobRow
from portal.session import Session
from portal.table.export import FORMATS, export_stream
from portal.table.selection import selection_sql
from portal.tabs import COLOURS, find
from widgets.export import ExportMenu
from widgets.jobs import Jobs
from widgets.results import ResultsLine

from .base import View
from .chips import Chips
from .feeds import Answer, Feeds

NOTE_CHARACTERS = 600  # of a query, at the pointer


class Results(View):
    """Which result is shown, what narrows it, and how it leaves the page."""

    def __init__(self, session: Session, feeds: Feeds) -> None:
        super().__init__(session, feeds)
        self._export_url = self.feed(self._export)
        self.export = ExportMenu()
        self.line = ResultsLine(export=self.export, colours=list(COLOURS), sizing_mode="stretch_width")
        self.chips = Chips(session, feeds, self.line)
        self.jobs = Jobs(sizing_mode="stretch_width")
        self.take(
            self.line,
            opened=lambda gesture: session.open(gesture.key),
            closed=lambda gesture: session.close_result(gesture.key),
            spared=lambda gesture: session.close_others(gesture.key),
            renamed=lambda gesture: session.change_tab(gesture.key, title=gesture.title),
            pinned=lambda gesture: session.change_tab(gesture.key, pinned=gesture.on),
            coloured=lambda gesture: session.change_tab(gesture.key, colour=gesture.colour),
            moved=lambda gesture: session.move_tab(gesture.key, gesture.place),
            stepped=lambda gesture: session.undo() if gesture.back else session.redo(),
            arranged=lambda gesture: session.show(gesture.layout),
        )
        self.take(
            self.jobs,
            opened=lambda gesture: session.open(gesture.key),
            stopped=lambda gesture: session.cancel(gesture.key),
        )
        self.listen(self._show_tabs, "tabs", "active", "jobs")
        self.listen(self._show_export, "look")
        self.listen(self._show_layout, "layout")
        self.listen(self._show_undo, "undo_words", "redo_words")
        self._show_tabs()
        self._show_layout()

    def _show_tabs(self) -> None:
        session = self.session
        self.line.tabs = [
            {
                "key": tab.key,
                "title": tab.title,
                "count": f"{tab.rows:,}" if tab.phase == "COMPLETED" or tab.rows else tab.phase.lower(),
                "note": _note(tab.title, session.job(tab.key)),
                "overflow": tab.overflow,
                "colour": tab.colour,
                "pinned": tab.pinned,
            }
            for tab in session.tabs
        ]
        self.line.active = session.active
        self.jobs.jobs = [_job(row) for row in session.jobs]
        self._show_export()

    def _show_undo(self) -> None:
        self.line.param.update(undo=self.session.undo_words, redo=self.session.redo_words)

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

    def _export(self, arguments: dict[str, str]) -> Answer:
        """The active result as a file; runs in a thread."""
        session = self.session
        table, look = session.table(), session.look
        if table is None:
            raise QueryError("There is no result to save.", "Run a query first.")
        tab = find(session.tabs, session.active)
        return export_answer(table, look, arguments, tab.title if tab else "result")

    def end(self) -> None:
        super().end()
        self.chips.end()


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


def _note(title: str, row: JobRow | None) -> str:
    """What a tab says at the pointer: its name in full and the query."""
    query = row.adql.strip() if row is not None else ""
    return f"{title}\n{query[:NOTE_CHARACTERS]}{' …' if len(query) > NOTE_CHARACTERS else ''}".strip()


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
