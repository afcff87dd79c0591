"""Footprints of the rows on the sky view: outlines, bands and marks, and what lies under the pointer."""

from __future__ import annotations

import struct
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from portal.chart.bands import order_of, style_of
from portal.errors import LimitError, QueryError, TriviewError
from portal.session import Session
from portal.sky.compose import RGB, Loops, rgb_of
from portal.sky.outlines import Outlines, outlines_of_corners, read_outlines
from portal.table.positions import band_column, outline_columns
from portal.table.result import ResultTable
from portal.table.selection import selection_sql
from widgets.sky import Sky

from .base import View
from .feeds import Answer, Feeds, json_answer

MOST_ROWS = 200_000  # whose outlines are read and drawn: 4 s of reading; a notice says so beyond
BANDS = 8  # colours of the line layer
LINE: RGB = (88, 166, 255)  # of outlines without a band
SAID = 6  # lines beside the pointer
TELLING = (
    "obs_id", "lsst_visit", "visitId", "visit", "lsst_detector", "detectorId", "detector", "lsst_tract", "lsst_patch",
    "lsst_band", "band", "dataproduct_subtype", "obs_title", "target_name", "instrument_name", "t_min", "expMidptMJD",
)  # fmt: skip


class Drawn(NamedTuple):
    """Outlines with the row number of the result each belongs to, its band as a place in ``bands``, and what is left
    out."""

    outlines: Outlines
    rows: np.ndarray
    paint: np.ndarray
    bands: list[dict[str, Any]]
    note: str


class Footprints(View):
    """Outlines of images on the sky."""

    panes = ("sky",)

    def __init__(self, session: Session, feeds: Feeds, sky: Sky) -> None:
        super().__init__(session, feeds)
        self.sky = sky
        self._url = self.feed(self._answer)
        self._seen: tuple = ()
        self._drawn: Drawn | None = None
        self._marked = np.empty(0, np.uint32)
        self._marks_of: tuple = ()
        self._version = self._marking = 0
        self.take(sky, hovered=lambda gesture: session.param.update(hovered=gesture.row))
        self.listen(self.update, "look", "arrived", "active")
        self.listen(self._point, "hovered", "look")
        self.listen(self.catch_up, "layout")
        self.update()

    def _point(self) -> None:
        self.sky.param.update(hovered_row=self.session.hovered, current_row=self.session.look.current)

    def loops(self) -> Loops | None:
        """The outlines with a colour each, or None. Called in threads."""
        drawn = self._drawn
        if drawn is None:
            return None
        lines, bands = drawn.outlines, drawn.bands
        colours = [rgb_of(bands[place]["colour"]) if place < len(bands) else LINE for place in drawn.paint.tolist()]
        return Loops(lines.ra, lines.dec, lines.start, colours)

    def refresh(self) -> None:
        session = self.session
        table, look = session.table(), session.look
        names = outline_columns(table.meta.columns) if table is not None else ()
        if not names:
            self.forget()
            self._drawn, self._seen, self._marks_of = None, (), ()
            self.sky.outlines = {}
            return
        key = (session.active, table.n_rows, (look.filters, look.condition, table.meaning), look.kept)
        seen = self._seen
        if seen and seen[0] == key[0] and seen[2:] == key[2:] and not self.worth(seen[1], table):
            key = seen
        marks = (key, look.clauses)
        if key == seen and marks == self._marks_of:
            self.forget()  # what is under way was asked for since, and taken back
            return

        def read() -> tuple[Drawn | None, np.ndarray]:
            view = look.row_view(table.meta)
            drawn = None if key == seen else drawn_of(table, view.where, names)
            where = selection_sql(look.clauses)
            return drawn, table.where(where) if where else np.empty(0, np.uint32)

        self.run(read, lambda found: self._show(key, marks, *found), self._failed)

    def _show(self, key: tuple, marks: tuple, drawn: Drawn | None, marked: np.ndarray) -> None:
        if drawn is not None:
            self._drawn, self._seen = drawn, key
            self._version += 1
        self._marks_of, self._marked = marks, marked
        self._marking += 1
        url = f"{self._url}?r={key[0]}"
        told = {"url": url, "version": self._version, "marking": self._marking}
        self.sky.outlines = {**told, "bands": self._drawn.bands, "note": self._drawn.note}

    def _failed(self, error: TriviewError) -> None:
        self._drawn, self._seen, self._marks_of = None, (), ()
        self.sky.outlines = {"note": f"{error.message} {error.hint}".strip(), "wrong": True}

    def _answer(self, asked: dict[str, str]) -> Answer:
        """Outlines and marks as the layer reads them, or what a row is in a few words. Runs in a thread."""
        drawn = self._drawn
        if asked.get("ask") == "marks":
            return Answer(np.asarray(self._marked, "<u4").tobytes())
        if asked.get("ask") == "row":
            return json_answer(self._words(asked.get("row", "")))
        if drawn is None:
            return Answer(struct.pack("<III", 0, 0, 0))
        lines = drawn.outlines
        parts = (
            struct.pack("<II", lines.count, len(lines.ra)),
            lines.ra.astype("<f8").tobytes(),
            lines.dec.astype("<f8").tobytes(),
            lines.start.astype("<u4").tobytes(),
            drawn.rows.astype("<u4").tobytes(),
            drawn.paint.astype("u1").tobytes(),
        )
        return Answer(b"".join(parts))

    def _words(self, row: str) -> list[tuple[str, str]]:
        table = self.session.table()
        if table is None or not (row.isascii() and row.isdigit()) or int(row) >= table.n_rows:
            raise QueryError("There is no such row.")
        columns = {item.name: item for item in table.meta.columns if not item.is_array}
        names = [name for name in TELLING if name in columns][:SAID] or list(columns)[:SAID]
        cells = table.take(np.array([int(row)], np.uint32), names)
        values = ((name, cells.column(at)[0].as_py()) for at, name in enumerate(names))
        return [(name, f"{_short(value)} {columns[name].unit}".strip()) for name, value in values if value is not None]


def drawn_of(table: ResultTable, where: str, names: tuple[str, ...]) -> Drawn:
    """What is drawn of the rows that ``where`` keeps, ``names`` being the columns of outlines. Raises LimitError."""
    rows = table.where(where)
    total, rows = len(rows), rows[:MOST_ROWS]
    lines = outlines_of(table, rows, names)
    notes = [f"{len(np.unique(lines.row)):,} footprints"]
    if total > len(rows):
        notes.append(f"of the first {len(rows):,} of {total:,} rows")
    if lines.bad:
        notes.append(f"{lines.bad:,} rows have one that cannot be read, the first because {lines.why}")
    band = band_column(table.meta.columns)
    paint, bands = np.zeros(len(rows), np.uint8), []
    if band:
        paint, bands = _painted(table.take(rows, [band]).column(0).to_pylist(), lines)
    return Drawn(lines, rows[lines.row], paint[lines.row], bands, "; ".join(notes))


def outlines_of(table: ResultTable, rows: np.ndarray, names: tuple[str, ...]) -> Outlines:
    """The outlines of some rows, ``names`` being the columns that hold them. Raises LimitError beyond 200,000 rows."""
    if len(rows) > MOST_ROWS:
        raise LimitError(f"{len(rows):,} footprints are too many; at most {MOST_ROWS:,} are read.", "Filter the rows.")
    cells = table.take(rows, list(names))
    if len(names) > 1:
        return outlines_of_corners([_numbers(cells.column(at)) for at in range(len(names))])
    column = table.meta.column(names[0])
    return read_outlines(cells.column(0), "" if column.is_text else column.xtype)


def _painted(names: list[str | None], lines: Outlines) -> tuple[np.ndarray, list[dict[str, Any]]]:
    """(place of each row's band, the bands with colour and number of outlines); what is beyond eight is "other"."""
    drawn = [names[at] or "none" for at in lines.row.tolist()]
    found = sorted(set(drawn), key=order_of)
    kept = found if len(found) <= BANDS else [*found[: BANDS - 1], "other"]
    place = {name: min(at, BANDS - 1) for at, name in enumerate(found)}
    paint = np.array([place.get(name or "none", BANDS - 1) for name in names], np.uint8)
    counts = np.bincount(paint[lines.row], minlength=len(kept)) if lines.count else np.zeros(len(kept), int)
    # The sky is dark in either theme.
    bands = [{"name": name, "colour": style_of(name).dark, "count": int(counts[at])} for at, name in enumerate(kept)]
    return paint, bands


def _numbers(values: pa.ChunkedArray) -> np.ndarray:
    return values.cast(pa.float64()).fill_null(np.nan).to_numpy()


def _short(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.10g}"
    text = " ".join(str(value).split())
    return text if len(text) <= 60 else f"{text[:59]}…"
