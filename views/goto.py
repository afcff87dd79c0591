"""The target field of the page: a position, the name of an object or an id of the result moves the sky there."""

from __future__ import annotations

import re

from portal.errors import QueryError, TriviewError
from portal.session import Session
from portal.sky.position import parse_position
from portal.vo.resolve import Place, Resolver
from widgets.sky import Sky

from .base import View
from .feeds import Feeds

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
        table = self.session.table()
        if text.lstrip("+-").isdigit() and table is not None:
            self.run(lambda: self._row(text), self.session.point_at)
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

    def _row(self, text: str) -> int:
        table = self.session.table()
        for column in table.meta.columns:
            if column.datatype != "long" or not column.name.lower().endswith("id"):
                continue
            quoted = column.name.replace('"', '""')
            rows = table.where(f'"{quoted}" = {int(text)}')
            if len(rows):
                return int(rows[0])
        raise TriviewError(f"No row of this result has the id {text}.", "Query for it: WHERE objectId = " + text)
