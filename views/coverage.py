"""The sky view: the positions of the result over a HiPS, joined to the current row and the marks."""

from __future__ import annotations

import struct
from typing import Any, NamedTuple

import numpy as np

from portal.errors import TriviewError
from portal.session import Session
from portal.table.selection import circle_clause, selection_sql, sky_polygon_clause
from portal.vo.hips import Surveys
from widgets.sky import Sky

from .base import View
from .feeds import Answer, Feeds

MAX_POINTS = 1_000_000  # what the point layer draws; beyond it every k-th row is drawn and a notice says so


class Points(NamedTuple):
    """Positions drawn: ICRS degrees, row numbers, marks; ``total`` rows of which ``without`` have no position."""

    ra: np.ndarray
    dec: np.ndarray
    rows: np.ndarray
    marked: np.ndarray
    total: int
    without: int


class Coverage(View):
    """Positions on the sky."""

    panes = ("sky",)

    def __init__(self, session: Session, feeds: Feeds, surveys: Surveys) -> None:
        super().__init__(session, feeds)
        self._points: Points | None = None
        self._seen: tuple = ()
        self._url = self.feed(self._binary)
        self.sky = Sky(sizing_mode="stretch_both")
        self.take(self.sky, clicked=lambda gesture: session.point_at(gesture.row), boxed=self._box)
        self.listen(self.update, "look", "arrived", "active")
        self.listen(self.catch_up, "layout")
        self.run(surveys.read, self._offer, slot="surveys")
        self.update()

    def _offer(self, found: list[dict[str, Any]]) -> None:
        self.sky.surveys = found
        if not found or self.sky.survey:
            return
        self.sky.survey = found[0]["url"]
        start = found[0].get("start")
        if start and not self.session.active and self.sky.target is None:
            self.sky.go(*start)

    def _box(self, gesture: Any) -> None:
        table = self.session.table()
        names = table.positions() if table is not None else None
        if names is None:
            return
        if gesture.kind == "circle":
            ra, dec, radius = gesture.coords
            clause = circle_clause(*names, (ra, dec), radius)
        else:
            corners = list(zip(gesture.coords[::2], gesture.coords[1::2], strict=True))
            clause = sky_polygon_clause(*names, corners)
        self.session.select(clause._replace(mode=gesture.mode))

    def go(self, ra: float, dec: float, fov: float = 0.05) -> None:
        """Centre the view (degrees)."""
        self.sky.go(ra, dec, fov)

    def refresh(self) -> None:
        session = self.session
        table, look = session.table(), session.look
        if table is None:
            self.forget()
            self._points, self._seen = None, ()
            self.sky.param.update(version=self.sky.version + 1, current=None, message="", notice="")
            return
        names = table.positions()
        if names is None:
            self.forget()
            self._points, self._seen = None, ()
            words = "This result has no position columns. Add RA and Dec (such as coord_ra, coord_dec) to the SELECT."
            self.sky.param.update(version=self.sky.version + 1, current=None, message=words, notice="")
            return
        filters = (look.filters, look.condition, table.meaning)
        key = (session.active, table.n_rows, filters, look.kept, look.clauses, table.meta.overflow)
        seen = self._seen
        if seen and seen[0] == key[0] and seen[2:] == key[2:] and not self.worth(seen[1], table):
            key = seen

        def read() -> tuple[Points | None, tuple | None]:
            points = None
            if key != self._seen:
                view = look.row_view(table.meta)
                ra, dec = table.numbers(names, view.where)
                rows = table.where(view.where) if view.where else np.arange(len(ra), dtype=np.uint32)
                points = _points(ra, dec, rows[: len(ra)], self._marks(table, look))
            current = None
            if 0 <= look.current < table.n_rows:
                place = table.take(np.array([look.current]), list(names))
                spot = [place.column(k)[0].as_py() for k in (0, 1)]
                if None not in spot:
                    current = (float(spot[0]), float(spot[1]))
            return points, current

        self.run(read, lambda answer: self._show(key, *answer), self._failed)

    @staticmethod
    def _marks(table: Any, look: Any) -> np.ndarray:
        where = selection_sql(look.clauses)
        return table.where(where) if where else np.empty(0, np.uint32)

    def _show(self, key: tuple, points: Points | None, current: tuple | None) -> None:
        changes: dict[str, Any] = {"current": current, "message": ""}
        if points is not None:
            self._points, self._seen = points, key
            changes["version"] = self.sky.version + 1
            notes = []
            if points.total > len(points.ra) + points.without:
                notes.append(f"{len(points.ra):,} of {points.total:,} positions drawn")
            if points.without:
                notes.append(f"{points.without:,} rows without a position")
            if key[-1]:
                notes.append("cut at the row limit")
            changes["notice"] = " · ".join(notes)
            # A new address makes the view show all of a new result, once.
            url = f"{self._url}?r={self.session.active}"
            if url != self.sky.points_url:
                changes.update(points_url=url, target=None)
        self.sky.param.update(**changes)

    def _failed(self, error: TriviewError) -> None:
        self.sky.message = f"{error.message} {error.hint}".strip()

    def _binary(self, _: dict[str, str]) -> Answer:
        """The points as the sky's layer reads them; see ``widgets.sky``. Runs in a thread."""
        points = self._points
        if points is None:
            return Answer(struct.pack("<II", 0, 0))
        parts = (
            struct.pack("<II", len(points.ra), 0),
            points.ra.astype("<f8").tobytes(),
            points.dec.astype("<f8").tobytes(),
            points.rows.astype("<u4").tobytes(),
            points.marked.astype("u1").tobytes(),
        )
        return Answer(b"".join(parts))


def _points(ra: np.ndarray, dec: np.ndarray, rows: np.ndarray, marks: np.ndarray) -> Points:
    total = len(ra)
    good = np.isfinite(ra) & np.isfinite(dec) & (np.abs(dec) <= 90)
    ra, dec, rows = ra[good], dec[good], rows[good]
    without = total - len(ra)
    if len(ra) > MAX_POINTS:
        step = -(-len(ra) // MAX_POINTS)
        ra, dec, rows = ra[::step], dec[::step], rows[::step]
    return Points(ra, dec, rows, np.isin(rows, marks), total, without)
