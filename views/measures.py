"""What is measured and marked on the images, joined to the session: rows drawn, rows marked, tables made."""

from __future__ import annotations

from typing import Any, NamedTuple

from portal.errors import FormatError
from portal.image.asked import box
from portal.image.catalogue import region_clause, rows_bytes
from portal.image.extract import extract
from portal.image.frames import Frames
from portal.look import Look
from portal.session import Session
from portal.table.result import ResultTable
from portal.tabs import find
from widgets.fits import Fits

from .base import View
from .feeds import Answer, Feeds


class Shown(NamedTuple):
    """The result whose rows lie on the images."""

    key: str
    table: ResultTable
    look: Look
    colour: str


class Measures(View):
    """Joins the tools of the image viewer to the session."""

    def __init__(self, session: Session, feeds: Feeds, image: Fits, frames: Frames) -> None:
        super().__init__(session, feeds)
        self.image, self.frames = image, frames
        self._shown: Shown | None = None
        self._seen: tuple = ()
        self._url = self.feed(self._rows)
        self.take(image, enclosed=self._enclose, measured=self._measured)
        self.listen(self._news, "look", "active", "arrived", "tabs")
        self._news()

    def _news(self) -> None:
        session = self.session
        table, look, tab = session.table(), session.look, find(session.tabs, session.active)
        if table is None or tab is None or table.positions() is None:
            self._shown, self._seen = None, ()
            self.image.rows_url = ""
            return
        self._shown = Shown(session.active, table, look, tab.colour)
        seen = (session.active, table.n_rows, look.filters, look.condition, look.kept, look.clauses, look.current,
                tab.colour)  # fmt: skip
        if seen == self._seen:
            return
        if self._seen and seen[0] == self._seen[0] and seen[2:] == self._seen[2:] and not self.worth(seen[1], table):
            return
        self._seen = seen
        self.image.param.update(rows_url=self._url, overlay=self.image.overlay + 1)

    def _rows(self, asked: dict[str, str]) -> Answer:
        """Rows on a part of an image; runs in a thread."""
        shown, part = self._shown, box(asked)
        if shown is None or part is None or asked.get("f", "") not in self.frames:
            return Answer(bytes(16))
        frame = self.frames.find(asked.get("f", ""))
        where = shown.look.row_view(shown.table.meta).where
        look = shown.look
        return Answer(rows_bytes(frame, shown.table, where, look.clauses, look.current, shown.colour, part))

    def _enclose(self, gesture: Any) -> None:
        table = self.session.table()
        names = table.positions() if table is not None else None
        if names is None:
            raise FormatError("No rows with positions are shown.", "Open a result with RA and Dec first.")
        clause = region_clause(names, gesture.kind, gesture.points, gesture.sizes, gesture.angle)
        self.session.select(clause._replace(mode=gesture.mode))

    def _measured(self, gesture: Any) -> None:
        """Read in a thread: the title of the table tells what is in it."""

        def made(found: Any) -> None:
            self.session.make("measure", found.title, lambda job: (found.meta, iter([found.rows])))

        self.run(lambda: extract(self.frames, gesture.what, gesture.text), made, slot="extract")
