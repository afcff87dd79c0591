"""The footprints view: which rows have outlines, what the layer is sent, what is said of a row, hovering both ways."""

from __future__ import annotations

import json
import struct
from concurrent.futures import Future

import numpy as np
import pyarrow as pa
import pytest

from portal.errors import QueryError
from portal.table.columns import Column, TableMeta
from portal.table.positions import band_column, outline_columns
from portal.table.result import ResultTable
from portal.table.selection import rows_clause
from tests.views.desk_kit import Desk
from views import footprints as room
from views.feeds import Feeds
from views.footprints import Footprints
from widgets import base
from widgets.sky import Sky, SkyHovered

SQUARE = "POLYGON ICRS {0} 0 {1} 0 {1} 1 {0} 1"
COLUMNS = (
    Column("lsst_visit", "long"),
    Column("lsst_band", "char", "*"),
    Column("s_region", "char", "*", ucd="pos.outline;obs.field"),
)


@pytest.fixture
def sky(monkeypatch, tmp_path) -> Sky:
    (tmp_path / "sky.js").write_text("")
    monkeypatch.setattr(base, "DIST", tmp_path)
    return Sky()


def desk_of(tmp_path, columns: tuple, *arrays) -> Desk:
    meta = TableMeta(columns)
    return Desk(ResultTable.from_arrow(tmp_path / "r", meta, pa.table(list(arrays), schema=meta.to_schema())))


def visits(tmp_path) -> Desk:
    regions = [SQUARE.format(k, k + 1) for k in range(4)] + [None, "broken", "UNION (CIRCLE 9 9 1 CIRCLE 8 8 1)"]
    bands = ["r", "g", "r", None, "g", "g", "y"]
    return desk_of(tmp_path, COLUMNS, pa.array(2025 + np.arange(7)), pa.array(bands), pa.array(regions))


def sent(view: Footprints) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(start, row, paint) of what the layer gets."""
    body = view._answer({"ask": "outlines"}).body
    n, m = struct.unpack_from("<II", body)
    at = 8 + 16 * m
    start = np.frombuffer(body, "<u4", n + 1, at)
    return start, np.frombuffer(body, "<u4", n, at + 4 * n + 4), np.frombuffer(body, "u1", n, at + 8 * n + 4)


def test_outlines_of_the_rows_that_are_shown(tmp_path, sky) -> None:
    desk = visits(tmp_path)
    view = Footprints(desk, Feeds(1), sky)
    start, row, paint = sent(view)
    assert sorted(row.tolist()) == [0, 1, 2, 3, 6, 6] and start[-1] == 4 * 4 + 2 * 64
    told = sky.outlines
    assert [band["name"] for band in told["bands"]] == ["g", "r", "y", "none"]
    assert [band["count"] for band in told["bands"]] == [1, 2, 2, 1]
    assert paint[row.tolist().index(1)] == 0 and paint[row.tolist().index(0)] == 1
    assert "5 footprints" in told["note"] and "1 rows have one that cannot be read" in told["note"]

    desk.look = desk.look._replace(clauses=(rows_clause([2, 6]),))
    assert sky.outlines["version"] == told["version"] and sky.outlines["marking"] > told["marking"]
    assert np.frombuffer(view._answer({"ask": "marks"}).body, "<u4").tolist() == [2, 6]
    desk.look = desk.look._replace(filters=(("lsst_band", "r"),))
    assert sky.outlines["version"] > told["version"] and sorted(sent(view)[1].tolist()) == [0, 2]


def test_marks_that_were_taken_back_while_they_were_read_do_not_come(tmp_path, sky) -> None:
    desk = visits(tmp_path)
    view = Footprints(desk, Feeds(1), sky)
    read, late = desk.runner.read, Future()
    desk.runner.read = lambda work: late
    desk.look = desk.look._replace(clauses=(rows_clause([2]),))
    desk.look = desk.look._replace(clauses=())
    late.set_result((None, np.array([2], np.uint32)))
    desk.runner.read = read
    assert view._answer({"ask": "marks"}).body == b""


def test_a_row_in_words_and_hovering(tmp_path, sky) -> None:
    desk = visits(tmp_path)
    view = Footprints(desk, Feeds(1), sky)
    assert json.loads(view._answer({"ask": "row", "row": "1"}).body) == [["lsst_visit", "2026"], ["lsst_band", "g"]]
    for row in ("9", "-1", "x", "", "٣"):
        with pytest.raises(QueryError):
            view._answer({"ask": "row", "row": row})
    sky.hovered = SkyHovered(1, 3)
    assert desk.hovered == 3 == sky.hovered_row
    desk.hovered = 5
    assert sky.hovered_row == 5
    desk.point_at(2)
    assert sky.current_row == 2


def test_corners_in_columns_and_results_without_outlines(tmp_path, sky) -> None:
    names = [f"{c}{axis}" for c in ("llc", "ulc", "urc", "lrc") for axis in ("ra", "dec")]
    columns = tuple(Column(name, "double") for name in names)
    arrays = [pa.array([v, None]) for v in (359.9, 0.0, 359.9, 0.1, 0.1, 0.1, 0.1, 0.0)]
    view = Footprints(desk_of(tmp_path, columns, *arrays), Feeds(1), sky)
    start, row, _ = sent(view)
    assert (start.tolist(), row.tolist(), sky.outlines["bands"]) == ([0, 4], [0], [])
    assert outline_columns(columns[:7]) == ()
    assert outline_columns((Column("x"), Column("footprint", "char", "*"))) == ("footprint",)
    assert outline_columns((Column("p", "double", "*", xtype="polygon"),)) == ("p",)
    assert band_column(COLUMNS) == "lsst_band" and band_column(columns) == ""


def test_no_outlines_and_too_many(tmp_path, sky, monkeypatch) -> None:
    view = Footprints(desk_of(tmp_path, (Column("x"),), pa.array([1.0])), Feeds(1), sky)
    assert sky.outlines == {} and sent(view)[1].size == 0
    monkeypatch.setattr(room, "MOST_ROWS", 3)
    view = Footprints(visits(tmp_path / "b"), Feeds(1), sky)
    assert "of the first 3 of 7 rows" in sky.outlines["note"] and len(sent(view)[1]) == 3
    monkeypatch.setattr("portal.sky.outlines.MOST_CORNERS", 10)
    Footprints(visits(tmp_path / "c"), Feeds(1), sky)
    assert sky.outlines["wrong"] and "corners" in sky.outlines["note"]
