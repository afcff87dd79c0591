"""The search part: schema browser, ADQL editor, run line and example queries, joined to the session."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from portal.adql.format import format_adql
from portal.adql.functions import FUNCTIONS
from portal.errors import QueryError, TriviewError
from portal.jobs.job import JobRow
from portal.session import Session
from portal.uploads import as_schema
from portal.vo.schema import SchemaBook, vocabulary
from portal.vo.tap import TapService
from widgets.editor import Editor
from widgets.examples import Examples
from widgets.run import RunLine
from widgets.schema import SchemaBrowser

from .base import View
from .feeds import Answer, Feeds, json_answer


class Search(View):
    """Where queries are written and started. ``examples``: dicts title, note, adql."""

    def __init__(self, session: Session, feeds: Feeds, book: SchemaBook, examples: list[dict[str, str]]) -> None:
        super().__init__(session, feeds)
        self.book = book
        self.service = TapService(session.runner.web, session.settings.service_url)
        self.editor = Editor(value=session.query, sizing_mode="stretch_both")
        self.schema = SchemaBrowser(url=self.feed(self._schema), sizing_mode="stretch_both")
        self.line = RunLine(limit=session.maxrec, query=session.query, sizing_mode="stretch_width")
        self.examples = Examples(examples=examples)
        self._typed = session.query
        self.take(self.editor, value=self._edited, asked=lambda _: self._submit())
        self.take(self.schema, picked=lambda picked: self.editor.insert_text(picked.name))
        self.take(
            self.line,
            ran=lambda _: self._submit(),
            stopped=lambda _: session.cancel(session.active),
            formatted=lambda _: self._format(),
            limited=lambda gesture: self._limit(gesture.rows),
        )
        self.take(self.examples, picked=lambda picked: self._write(picked.adql))
        self.listen(self._show_query, "query")
        self.listen(self._show_uploads, "uploads")
        self.listen(self._show_state, "jobs", "active")
        self.run(self._read_words, self._take_words, lambda error: None, "words")
        self._show_state()
        self._show_history()

    # -- the user's hand -----------------------------------------------------------------------------------------
    def _edited(self, text: str) -> None:
        self._typed = text
        self.line.query = text
        self.editor.problems = []
        self.session.query = text

    def _write(self, text: str) -> None:
        self.session.query = text

    def _submit(self) -> None:
        try:
            self.session.submit(self.editor.value)
        except QueryError as error:
            self._show_error(error.message, error.hint, error.line, error.column, error.length)
        self._show_history()

    def _limit(self, rows: int) -> None:
        ceiling = self.session.settings.maxrec_ceiling
        self.session.maxrec = min(rows, ceiling)
        self.line.limit = self.session.maxrec
        if rows > ceiling:
            self.line.words = f"The row limit is at most {ceiling:,} (TRIVIEW_MAXREC_CEILING)."

    def _format(self) -> None:
        try:
            self._write(format_adql(self.editor.value))
        except QueryError as error:
            self._show_error(error.message, error.hint, error.line, error.column, error.length)

    # -- the session's news --------------------------------------------------------------------------------------
    def _show_query(self) -> None:
        if self.session.query != self.editor.value:
            self.editor.value = self.session.query
        self.line.query = self.session.query

    def _show_state(self) -> None:
        job = self.session.job(self.session.active)
        if job is None:
            self.line.param.update(running=False, words="", error="", fraction=-1.0)
            self.editor.problems = []
            return
        self.line.param.update(running=not job.ended, words=_words(job), fraction=job.fraction)
        if job.phase == "ERROR":
            same = job.adql.strip() == self.editor.value.strip()
            self._show_error(job.error, job.hint, *((job.line, job.column, job.length) if same else (0, 0, 0)))
        else:
            self.line.error = ""
            self.editor.problems = []

    def _show_error(self, message: str, hint: str, line: int, column: int, length: int) -> None:
        self.line.error = f"{message}\n{hint}".strip()
        length = max(length, _word(self.editor.value, line, column))
        mark = {"line": line, "column": column, "length": length, "message": message, "severity": "error"}
        self.editor.problems = [mark] if line > 0 else []

    def _show_history(self) -> None:
        self.run(lambda: self.session.history.queries(self.session.workspace), self._take_history, slot="history")

    def _take_history(self, rows: list[tuple[str, float, str]]) -> None:
        self.examples.history = [
            {"adql": adql, "note": f"{datetime.fromtimestamp(when):%d %b %H:%M} · {phase.lower()}"}
            for adql, when, phase in rows
        ]

    # -- the service's tables ------------------------------------------------------------------------------------
    def _schema(self, _: dict[str, str]) -> Answer:
        return json_answer(self._tables())

    def _tables(self) -> dict[str, Any]:
        """What queries can name: the user's own tables first, then the service's."""
        uploads, doc = self.session.uploads, self.book.read(self.service)
        return {"schemas": [as_schema(uploads), *doc["schemas"]]} if uploads else doc

    def _show_uploads(self) -> None:
        self.schema.version += 1
        self.run(self._read_words, self._take_words, lambda error: None, "words")

    def _read_words(self) -> dict[str, Any]:
        return vocabulary(self._tables(), [function.name for function in FUNCTIONS])

    def _take_words(self, words: dict[str, Any]) -> None:
        self.editor.vocabulary = words

    def report(self, error: TriviewError) -> None:
        self.line.error = f"{error.message}\n{error.hint}".strip()


def _word(text: str, line: int, column: int) -> int:
    """Length of the word at a place (both from 1), at least 1: services tell where it starts, not where it ends."""
    lines = text.splitlines()
    if not 0 < line <= len(lines):
        return 1
    found = re.match(r"\w+", lines[line - 1][max(0, column - 1) :])
    return len(found[0]) if found else 1


def _words(job: JobRow) -> str:
    """How a query stands, in words."""
    if job.phase == "COMPLETED":
        cut = " — cut at the row limit; there are more" if job.overflow else ""
        return f"{job.rows:,} row{'' if job.rows == 1 else 's'} in {job.seconds:.1f} s{cut}"
    if job.phase == "ABORTED":
        return f"Stopped; {job.rows:,} rows had come and are kept."
    if job.phase == "ERROR":
        return f"Failed; {job.rows:,} rows had come and are kept." if job.rows else "Failed"
    return (
        f"{job.text or job.phase.capitalize()} · {job.rows:,} rows" if job.rows else job.text or job.phase.capitalize()
    )
