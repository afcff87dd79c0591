"""Coverage maps (MOC) on the sky view: opened, made of rows, joined, saved, and turned into marks on rows."""

from __future__ import annotations

import re
import secrets
import threading
from collections.abc import Callable
from typing import Any

from portal.errors import LimitError, QueryError, ServiceError, TriviewError
from portal.look import Look
from portal.session import Session
from portal.sky.moc import (
    FORMS,
    Coverage,
    centre,
    combined,
    coverage_of_file,
    coverage_of_outlines,
    coverage_of_positions,
    moc_bytes,
    moc_clause,
    shown,
)
from portal.sky.moc_shelf import Held, Shelf
from portal.table.positions import outline_columns
from portal.table.result import ResultTable
from portal.table.selection import selection_sql
from portal.vo.files import fetch_file
from portal.vo.http import error_text
from portal.vo.mocs import MocList
from widgets.sky import MocAsked, Sky

from .base import View
from .feeds import Answer, Feeds
from .footprints import outlines_of
from .intake import Intakes

MOST_MOCS = 16  # of one page: more cannot be told apart
MOST_BYTES = 128 << 20
SECONDS = 120.0
COLOURS = ("#ffd166", "#7bdff2", "#f78fb3", "#b8e986", "#c3a6ff", "#ff9f68", "#9ad0f5", "#e0e0e0")
COLOUR = re.compile("#[0-9a-fA-F]{6}")
MODES = ("and", "or", "and not")


class Mocs(View):
    """The coverage maps of one page."""

    panes = ("sky",)

    def __init__(self, session: Session, feeds: Feeds, sky: Sky, offers: MocList, intakes: Intakes) -> None:
        super().__init__(session, feeds)
        self.sky, self.offers = sky, offers
        self._intakes = intakes
        self._intake_url, self._intake = intakes.open()
        self._shelf = Shelf(session.runner.uploads.folder / session.workspace / "maps")
        self._held: dict[str, Held] = {}
        self._changes = 0
        self._loaded = False  # until then nothing is saved: it would take the place of what is still to be read
        self._made = 0
        self._stop = threading.Event()
        self._url = self.feed(self._answer)
        sky.moc_desk = {"intake": self._intake_url, "most": min(MOST_BYTES, self._intake.most_bytes), "url": self._url}
        self.take(sky, moc_asked=self._do)
        self.listen(self._tell_rows, "active", "arrived", "look")
        self.run(offers.read, lambda found: self._desk(offers=found), self._no_offers, "offers")
        self.run(self._shelf.load, self._found, slot="shelf")
        self._tell_rows()

    # -- what the panel shows ------------------------------------------------------------------------------------
    def _desk(self, **parts: Any) -> None:
        self.sky.moc_desk = {**self.sky.moc_desk, **parts}

    def _no_offers(self, error: TriviewError) -> None:
        self._desk(offers=[], problem=f"{error.message} {error.hint}".strip())

    def _tell_rows(self) -> None:
        table, look = self.session.table(), self.session.look
        columns = table.meta.columns if table is not None else ()
        sources = []
        if table is not None and table.positions():
            sources.append("rows")
        if outline_columns(columns):
            sources.append("footprints")
        told = {"sources": sources, "marked": bool(look.clauses), "selects": "rows" in sources}
        if any(self.sky.moc_desk.get(key) != value for key, value in told.items()):
            self._desk(**told)

    def _found(self, held: dict[str, Held]) -> None:
        """Those of before the reload come first."""
        new, self._loaded = bool(self._held), True
        self._held = {**held, **self._held}
        if new:
            self._changed()
        else:
            self._list()

    def _changed(self) -> None:
        self._list()
        if not self._loaded:
            return
        self._changes += 1
        held, serial = dict(self._held), self._changes
        self.run(lambda: self._shelf.save(held, serial), lambda _: None, slot="save")

    def _list(self) -> None:
        self.sky.mocs = [
            {
                "key": key,
                "name": held.coverage.name,
                "area": held.coverage.area,
                "order": held.coverage.order,
                "note": held.coverage.note,
                "colour": held.colour,
                "opacity": held.opacity,
                "shown": held.shown,
            }
            for key, held in self._held.items()
        ]

    def report(self, error: TriviewError) -> None:
        self._desk(busy="", problem=f"{error.message} {error.hint}".strip())

    # -- what the user asks --------------------------------------------------------------------------------------
    def _do(self, asked: MocAsked) -> None:
        acts: dict[str, Callable[[MocAsked], None]] = {
            "offer": self._open_offer,
            "url": self._open_url,
            "file": self._open_file,
            "rows": self._of_rows,
            "footprints": self._of_footprints,
            "combine": self._combine,
            "mark": self._mark,
            "go": self._go,
            "style": self._style,
            "remove": self._remove,
            "stop": self._cancel,
        }
        if asked.what in acts:
            self._desk(problem="")
            acts[asked.what](asked)

    def _make(self, words: str, read: Callable[[], Coverage]) -> None:
        """A new map, made in a thread."""
        if len(self._held) >= MOST_MOCS:
            raise LimitError(f"A page holds at most {MOST_MOCS} coverage maps.", "Remove one first.")
        self._desk(busy=words)
        self.run(read, self._add, slot="make")

    def _add(self, coverage: Coverage) -> None:
        taken = {held.colour for held in self._held.values()}
        colour = next((item for item in COLOURS if item not in taken), COLOURS[self._made % len(COLOURS)])
        self._made += 1
        self._held[f"m{self._made}{secrets.token_hex(3)}"] = Held(coverage, colour, 30, True)
        self._desk(busy="")
        self._changed()

    def _cancel(self, _: MocAsked) -> None:
        self._stop.set()
        self.forget("make")
        self.forget("mark")
        self._desk(busy="")

    def _open_offer(self, asked: MocAsked) -> None:
        offer = next((item for item in self.sky.moc_desk.get("offers", []) if item["url"] == asked.text), None)
        if offer is None:
            raise QueryError("This coverage map is not offered any more.", "Choose another one.")
        web = self.session.runner.web

        def read() -> Coverage:
            answer = web.get(offer["url"])
            if answer.status_code >= 400:
                raise ServiceError(
                    f"The map of {offer['name']} cannot be had: {error_text(answer)}", "Try another one."
                )
            return coverage_of_file(offer["name"].removesuffix(" (survey)"), answer.content)

        self._make(f"Fetching {offer['name']} …", read)

    def _open_url(self, asked: MocAsked) -> None:
        self._stop.set()
        stop = self._stop = threading.Event()
        path, url = self._intake.room(0), asked.text.strip()

        def read() -> Coverage:
            name = fetch_file(self.session.runner.web, url, path, MOST_BYTES, stop, lambda *_: None, SECONDS)
            try:
                return coverage_of_file(name or url, path.read_bytes())
            finally:
                path.unlink(missing_ok=True)

        self._make("Fetching …", read)

    def _open_file(self, asked: MocAsked) -> None:
        staged = self._intake.get(asked.text)
        if staged.bytes > MOST_BYTES:
            raise LimitError(f"The file is larger than {MOST_BYTES >> 20} MiB.", "Degrade the MOC to a lower order.")
        self._make(f"Reading {staged.name} …", lambda: coverage_of_file(staged.name, staged.path.read_bytes()))

    def _rows_of(self, asked: MocAsked) -> tuple[ResultTable, str, str]:
        """The result, the rows asked for as SQL (``text`` "marked": only those), and what to call them."""
        session = self.session
        table = session.table()
        if table is None:
            raise QueryError("There is no result to make a coverage map of.", "Run a query first.")
        marked = asked.text == "marked"
        tab = next((tab for tab in session.tabs if tab.key == session.active), None)
        title = tab.title if tab is not None else "result"
        return table, _where(session.look, table, marked), f"{title}, marked" if marked else title

    def _of_rows(self, asked: MocAsked) -> None:
        table, where, title = self._rows_of(asked)
        names = table.positions()
        if names is None:
            raise QueryError("This result has no position columns.", "Add RA and Dec to the SELECT.")

        def read() -> Coverage:
            return coverage_of_positions(title, *table.numbers(names, where), asked.number)

        self._make("Making the map …", read)

    def _of_footprints(self, asked: MocAsked) -> None:
        table, where, title = self._rows_of(asked)
        names = outline_columns(table.meta.columns)
        if not names:
            raise QueryError("This result has no footprints.", "Add s_region to the SELECT.")

        def read() -> Coverage:
            lines = outlines_of(table, table.where(where), names)
            return coverage_of_outlines(f"footprints of {title}", lines, asked.number)

        self._make("Making the map …", read)

    def _combine(self, asked: MocAsked) -> None:
        one, other = self._get(asked.key).coverage, self._get(asked.other).coverage
        self._make("Joining …", lambda: combined(asked.text, one, other))

    def _mark(self, asked: MocAsked) -> None:
        table = self.session.table()
        names = table.positions() if table is not None else None
        if names is None:
            raise QueryError("There are no rows with positions to mark.", "Run a query with RA and Dec first.")
        coverage, mode = self._get(asked.key).coverage, asked.text if asked.text in MODES else "and"
        self._desk(busy="Marking …")

        def then(clause: Any) -> None:
            self._desk(busy="")
            if self.session.table() is table:  # else its columns are not those of the rows shown now
                self.session.select(clause._replace(mode=mode))

        self.run(lambda: moc_clause(*names, coverage, "moc"), then, slot="mark")

    def _go(self, asked: MocAsked) -> None:
        circle = centre(self._get(asked.key).coverage)
        if circle is None:
            raise QueryError("This coverage map is empty.", "Join others.")
        ra, dec, radius = circle
        self.sky.go(ra, dec, min(360.0, max(0.05, 2.6 * radius)))

    def _style(self, asked: MocAsked) -> None:
        """``text`` is a colour, "show" or "hide" or empty, ``number`` an opacity in percent or -1."""
        held = self._get(asked.key)
        if asked.text in ("show", "hide"):
            held = held._replace(shown=asked.text == "show")
        elif COLOUR.fullmatch(asked.text):
            held = held._replace(colour=asked.text)
        if 0 <= asked.number <= 100:
            held = held._replace(opacity=asked.number)
        self._held[asked.key] = held
        self._changed()

    def _remove(self, asked: MocAsked) -> None:
        self._held.pop(asked.key, None)
        self._changed()

    def _get(self, key: str) -> Held:
        if key not in self._held:
            raise QueryError("This coverage map is not here any more.", "Choose another one.")
        return self._held[key]

    # -- files ---------------------------------------------------------------------------------------------------
    def _answer(self, asked: dict[str, str]) -> Answer:
        """``ask=draw``: the JSON that is drawn; ``ask=save``: the file in one of ``FORMS``. Runs in a thread."""
        coverage = self._get(asked.get("key", "")).coverage
        if asked.get("ask") == "draw":
            return Answer(shown(coverage)[0], "application/json")
        form = asked.get("form", "fits")
        if form not in FORMS:
            raise QueryError("MOCs are saved as FITS, JSON or text.")
        name = "".join(mark if mark.isascii() and (mark.isalnum() or mark in "-_.") else "_" for mark in coverage.name)
        name = name.removesuffix(".fits").strip("_.")[:80] or "coverage"
        headers = (("Content-Disposition", f'attachment; filename="{name}.moc.{form}"'),)
        return Answer(moc_bytes(coverage.moc, form), FORMS[form], headers)

    def end(self) -> None:
        """The page has gone: what it waits for ends, its files are deleted."""
        super().end()
        self._stop.set()
        self._intakes.close(self._intake_url)


def _where(look: Look, table: ResultTable, marked: bool) -> str:
    parts = [look.row_view(table.meta).where, selection_sql(look.clauses) if marked else ""]
    if marked and not parts[1]:
        raise QueryError("No rows are marked.", "Mark some first, or take all.")
    return " AND ".join(f"({part})" for part in parts if part)
