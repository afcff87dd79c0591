"""The target field of the page: a position, the name of an object or an id of the result moves the sky there."""

from __future__ import annotations

import re

from portal.errors import QueryError, TriviewError
from portal.session import Session
from portal.sky.position import parse_position
from portal.table.names import quoted
from portal.table.result import ResultTable
from portal.vo.resolve import Place, Resolver
from widgets.sky import Sky

from .base import View
from .feeds import Feeds

IDENT = re.compile(r"[-+]?[0-9]{1,20}")
WIDTH = 0.05  # degrees; of the view of a position
UNFINISHED = re.compile(r"[-+−]?\d[\d\s.,:;+\-−°'\"hmsd]*", re.I)  # a position cut short or out of range, no name


class Goto(View):
    """What was written in the target field, brought to the sky view; the place is marked there with its words."""

    def __init__(self, session: Session, feeds: Feeds, sky: Sky, resolver: Resolver) -> None:
        super().__init__(session, feeds)
        self.sky, self.resolver = sky, resolver

    def go(self, text: str) -> None:
        """Go to what ``text`` says; an id makes its row current."""
        self.session.trouble = ()
        self.forget()
        text = text.strip()
        table, key = self.session.table(), self.session.active
        if IDENT.fullmatch(text) and table is not None:

            def found(row: int) -> None:
                if self.session.active == key:  # else it is a row of a result that is not shown any more
                    self.session.point_at(row)

            self.run(lambda: row_of(table, text), found)
            return
        try:
            ra, dec = parse_position(text)
        except QueryError:
            if not text or UNFINISHED.fullmatch(text):
                raise
            self.run(lambda: self.resolver.find(text), self._show)
            return
        self._show(Place(ra, dec, text))

    def _show(self, place: Place) -> None:
        self.sky.pin = tuple(place)
        self.sky.go(place.ra, place.dec, WIDTH)
        self.session.look_at(place.ra, place.dec, WIDTH, "sky")


def row_of(table: ResultTable, text: str) -> int:
    """The first row whose id is ``text``. Raises TriviewError when there is none."""
    for column in table.meta.columns:
        if column.datatype != "long" or not column.name.lower().endswith("id"):
            continue
        rows = table.where(f"{quoted(column.name)} = {int(text)}")
        if len(rows):
            return int(rows[0])
    raise TriviewError(f"No row of this result has the id {text}.", "Query for it: WHERE objectId = " + text)
