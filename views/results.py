"""The line above the results: tabs, undo, layouts, export, jobs."""

from __future__ import annotations

from portal.jobs.job import JobRow
from portal.session import Session
from portal.tabs import COLOURS
from widgets.jobs import Jobs
from widgets.results import ResultsLine

from .base import View
from .chips import Chips
from .export import Export
from .feeds import Feeds

NOTE_CHARACTERS = 600  # of a query, at the pointer


class Results(View):
    """Which result is shown, what narrows it."""

    def __init__(self, session: Session, feeds: Feeds) -> None:
        super().__init__(session, feeds)
        self.exporting = Export(session, feeds)
        self.line = ResultsLine(export=self.exporting.menu, colours=list(COLOURS), sizing_mode="stretch_width")
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
            combined=lambda _: session.open_panel("combine"),
        )
        self.take(
            self.jobs,
            opened=lambda gesture: session.open(gesture.key),
            stopped=lambda gesture: session.cancel(gesture.key),
        )
        self.listen(self._show_tabs, "tabs", "active", "jobs")
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

    def _show_undo(self) -> None:
        self.line.param.update(undo=self.session.undo_words, redo=self.session.redo_words)

    def _show_layout(self) -> None:
        self.line.layout = self.session.layout

    def end(self) -> None:
        super().end()
        self.chips.end()
        self.exporting.end()


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
