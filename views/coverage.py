"""The sky view: the rows of every open result over a HiPS, joined to the current row and the marks."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from portal.chart.bands import STYLES
from portal.errors import QueryError, TriviewError
from portal.look import Look, shown_columns
from portal.session import Session
from portal.sky.layer import Asked, Layer, answer, label_columns, read_layer
from portal.sky.marks import MAPS, OTHER, SHAPES, WAYS, Paint
from portal.table.result import ResultTable
from portal.table.selection import circle_clause, selection_sql, sky_polygon_clause
from portal.tabs import COLOURS, Tab
from widgets.sky import Sky

from .base import View
from .feeds import Answer, Feeds

OTHERS = 7  # results on the sky beside the active one, the latest; more colours are not told apart
ROWS_HELD = 40_000_000  # rows of all indices together: 1.1 GB. The active result is shown whatever it has
GREY = "#8b949e"


class Drawn(NamedTuple):
    """A layer and what it was asked for; ``version`` grows when there is something new to draw."""

    layer: Layer
    version: int


class Coverage(View):
    """Positions on the sky."""

    panes = ("sky",)

    def __init__(self, session: Session, feeds: Feeds) -> None:
        super().__init__(session, feeds)
        self._drawn: dict[str, Drawn] = {}
        self._asked: dict[str, tuple] = {}  # what was last asked for, by result
        self._hidden: set[str] = set()
        self._shown_first = ""  # the result the view has been sent to show whole
        self._url = self.feed(self._serve, deep=True)
        self.sky = Sky(sizing_mode="stretch_both")
        self.take(
            self.sky,
            clicked=lambda gesture: session.point_at(gesture.row),
            boxed=self._box,
            painted=self._paint,
            shown=self._switch,
        )
        self.listen(self.update, "look", "arrived", "active", "tabs")
        self.listen(self.catch_up, "layout")
        self.update()

    # -- the user's hand -----------------------------------------------------------------------------------------
    def _box(self, gesture: Any) -> None:
        table = self.session.table()
        names = table.positions() if table is not None else None
        if names is None:
            return
        if gesture.mode == "and not" and not self.session.look.clauses:
            raise QueryError("Nothing is marked that the region could be taken away from.", "Mark rows first.")
        if gesture.kind == "circle":
            ra, dec, radius = gesture.coords
            clause = circle_clause(*names, (ra, dec), radius)
        else:
            corners = list(zip(gesture.coords[::2], gesture.coords[1::2], strict=True))
            clause = sky_polygon_clause(*names, corners)
        self.session.select(clause._replace(mode=gesture.mode))

    def _paint(self, gesture: Any) -> None:
        if gesture.way not in WAYS or gesture.shape not in SHAPES or gesture.map not in MAPS:
            raise QueryError("The rows cannot be drawn that way.")
        ends = _end(gesture.low), _end(gesture.high)
        paint = Paint(gesture.way, gesture.colour, gesture.size, gesture.shape, gesture.map, *ends)
        if paint.colour != self.session.look.paint.colour:
            paint = paint._replace(low=None, high=None)
        self.session.change(paint=paint)

    def _switch(self, gesture: Any) -> None:
        self._hidden = self._hidden - {gesture.key} if gesture.on else self._hidden | {gesture.key}
        self.refresh()

    def go(self, ra: float, dec: float, fov: float = 0.05) -> None:
        """Centre the view (degrees)."""
        self.sky.go(ra, dec, fov)

    def layers(self) -> list[tuple[Layer, str]]:
        """What is on the sky, with the colour of each result, the active one last. Called in threads."""
        active, shown = self.session.active, {tab.key for tab in self._others()}
        tabs = sorted(self.session.tabs, key=lambda tab: tab.key == active)
        drawn = [(self._drawn.get(tab.key), tab) for tab in tabs if tab.key == active or tab.key in shown]
        return [(one.layer, tab.colour) for one, tab in drawn if one is not None]

    # -- the session's news --------------------------------------------------------------------------------------
    def refresh(self) -> None:
        session = self.session
        keys = {tab.key for tab in session.tabs}
        for key in set(self._drawn) | set(self._asked):
            if key not in keys:
                self.forget(key)
                self._drawn.pop(key, None)
                self._asked.pop(key, None)
        for tab in self._others():
            table = session.table_of(tab.key)
            if table is not None and table.positions() is not None:
                look = session.look_of(tab.key)
                self._read(tab.key, table, look._replace(clauses=(), paint=Paint(way=look.paint.way)))
        self._refresh_active()

    def _others(self) -> list[Tab]:
        """Results to be shown beside the active one: the latest first, as many as fit."""
        others, rows = [], 0
        for tab in reversed(self.session.tabs):
            if tab.key != self.session.active and tab.key not in self._hidden and tab.rows:
                rows += tab.rows
                if rows <= ROWS_HELD and len(others) < OTHERS:
                    others.append(tab)
        return others

    def _refresh_active(self) -> None:
        session = self.session
        table, look = session.table(), session.look
        message = ""
        if table is not None and table.positions() is None:
            message = "This result has no position columns. Add RA and Dec (such as coord_ra, coord_dec) to the SELECT."
        if table is None or message:
            self.forget("current")
            self._list()
            self.sky.param.update(current=None, message=message, notice="", columns=[])
            return
        self._say(session.active)
        self._read(session.active, table, look)
        names = table.positions()

        def spot() -> tuple[float, float] | None:
            if not 0 <= look.current < table.n_rows:
                return None
            place = table.now().cells(list(names), [look.current])
            found = [place.column(k)[0].as_py() for k in (0, 1)]
            good = None not in found and all(map(math.isfinite, found)) and abs(found[1]) <= 90
            return (float(found[0]), float(found[1])) if good else None

        self.run(spot, lambda found: self.sky.param.update(current=found), self._failed, slot="current")
        self.sky.columns = [
            {"name": column.name, "number": column.is_number} for column in table.meta.columns if not column.is_array
        ]

    def _read(self, key: str, table: ResultTable, look: Look) -> None:
        """Have the layer of a result made, unless it was asked for already."""
        paint = look.paint.fitting(table.meta)
        kept = (look.filters, look.condition, look.kept, table.meaning)
        asked = (table.n_rows, table.meta.overflow, kept, look.clauses, paint)
        before = self._asked.get(key)
        if before is not None and before[2:] == asked[2:] and not self._worth(before, asked, table):
            self._list()
            return
        self._asked[key] = asked
        drawn = self._drawn.get(key)

        def read() -> Layer:
            where = look.row_view(table.meta).where
            return read_layer(
                table,
                table.positions(),
                Asked(where, selection_sql(look.clauses), paint),
                drawn.layer if drawn else None,
            )

        self.run(read, lambda layer: self._take(key, layer), lambda error: self._missed(key, error), slot=key)

    def _worth(self, before: tuple, asked: tuple, table: ResultTable) -> bool:
        return before[:2] != asked[:2] and self.worth(before[0], table)

    def _take(self, key: str, layer: Layer) -> None:
        drawn = self._drawn.get(key)
        self._drawn[key] = Drawn(layer, drawn.version + 1 if drawn else 1)
        if key == self.session.active:
            self._say(key)
        self._list()

    def _say(self, key: str) -> None:
        """What the reader must know of the result shown, in place of what was said before."""
        notes = []
        if drawn := self._drawn.get(key):
            if drawn.layer.index.without:
                notes.append(f"{drawn.layer.index.without:,} rows without a position")
            if drawn.layer.table.meta.overflow:
                notes.append("cut at the row limit")
        self.sky.param.update(message="", notice=" · ".join(notes))

    def _missed(self, key: str, error: TriviewError) -> None:
        self._asked.pop(key, None)
        if key == self.session.active:
            self._failed(error)

    def _failed(self, error: TriviewError) -> None:
        self.sky.message = f"{error.message} {error.hint}".strip()

    def _list(self) -> None:
        """Tell the browser what there is, the active one last: it lies on top."""
        active, shown = self.session.active, {tab.key for tab in self._others()}
        tabs = sorted(self.session.tabs, key=lambda tab: tab.key == active)
        if active in self._drawn and self._shown_first != active:
            self._shown_first = active
            self.sky.target = None  # another result is shown whole, once
        self.sky.catalogs = [
            _described(tab, self._drawn[tab.key], f"{self._url}/{tab.key}", tab.key == active, tab.key in shown)
            for tab in tabs
            if tab.key in self._drawn
        ]

    def _serve(self, asked: dict[str, str]) -> Answer:
        """What the browser asks of a layer; runs in a thread."""
        key, _, what = asked.get("path", "").partition("/")
        drawn = self._drawn.get(key)
        if drawn is None:
            raise QueryError("This result is not on the sky any more.")
        columns: list[str] = []
        if what == "label":
            meta = drawn.layer.table.meta
            columns = label_columns(drawn.layer.table, list(shown_columns(self.session.look_of(key), meta)))
        content, kind = answer(drawn.layer, what, asked, columns)
        return Answer(content, kind, sparse=kind.startswith("application/fits"))


def _described(tab: Tab, drawn: Drawn, url: str, active: bool, shown: bool) -> dict[str, Any]:
    layer, paint = drawn.layer, drawn.layer.asked.paint
    scale = layer.scale
    return {
        "key": tab.key,
        "title": tab.title,
        "colour": tab.colour,
        "active": active,
        "shown": active or shown,
        "url": url,
        "version": drawn.version,
        "rows": len(layer.index),
        "circle": list(layer.circle) if layer.circle else None,
        "paint": {**paint._asdict(), "low": paint.low, "high": paint.high},
        "scale": None if scale is None else {
            "label": scale.label, "low": scale.low, "high": scale.high,
            "classes": [{"name": name, "colour": colour} for name, colour in class_colours(scale.classes)],
        },
    }  # fmt: skip


def class_colours(names: tuple[str, ...]) -> list[tuple[str, str]]:
    """(class, CSS colour) of each: Rubin's own where they are bands, as drawn on a dark ground."""
    bands = all(name in STYLES or name == OTHER for name in names)
    free = [*COLOURS, "#bbbbbb", "#ddcc77"]
    return [
        (name, GREY if name == OTHER and place == len(names) - 1 else STYLES[name].dark if bands else free[place])
        for place, name in enumerate(names)
    ]


def _end(text: str) -> float | None:
    """One end of a scale as typed. Raises QueryError for what is no number."""
    if not text.strip():
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise QueryError(f"{text!r} is no number.", "Write an end of the scale such as 18.5, or leave it empty.")
    return value
