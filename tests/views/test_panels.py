"""The panels of columns and of the row, joined to the look of a result."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pytest

from portal.errors import QueryError
from portal.look import PINS, Look
from portal.table.arrangement import Arrangement
from portal.table.columns import Column, TableMeta
from portal.table.result import ResultTable
from tests.views.desk_kit import Desk
from views.columns import Columns
from views.feeds import Feeds
from views.row import Row
from widgets import base

FIRST_ID = 1651281746966117377
META = TableMeta(
    (
        Column("objectId", "long"),
        Column("coord_ra", unit="deg", ucd="pos.eq.ra", description="Right ascension"),
        Column("coord_raErr", unit="deg"),
        Column("note", "char", "*"),
    )
)


@pytest.fixture
def desk(tmp_path, monkeypatch) -> Desk:
    for noun in ("columns", "row"):
        (tmp_path / f"{noun}.js").write_text("")
    monkeypatch.setattr(base, "DIST", tmp_path)
    arrays = [pa.array(FIRST_ID + np.arange(20)), np.linspace(0, 38, 20), [0.5] * 20, [None, "x"] * 10]
    return Desk(ResultTable.from_arrow(tmp_path / "r", META, pa.table(arrays, schema=META.to_schema())))


def test_the_columns_panel_shows_and_changes_the_layout(desk) -> None:
    desk.panel = ("columns", "note")
    view = Columns(desk, Feeds(1))
    listed = lambda: [item["name"] for item in json.loads(view._columns({}).body)["columns"]]  # noqa: E731
    assert listed() == [column.name for column in META.columns] and view.widget.chosen == "note"
    version = view.widget.version
    view.widget._handle_msg({"gesture": "arranged", "verb": "hide", "columns": ["note"], "text": "", "width": 0})
    assert desk.look.columns.hidden == ("note",) and view.widget.hidden == [3] and view.widget.version == version
    view.widget._handle_msg({"gesture": "arranged", "verb": "freeze", "columns": ["coord_ra"], "text": "", "width": 0})
    assert listed()[0] == "coord_ra" and view.widget.frozen == 1 and view.widget.version > version
    assert view.widget.positions
    desk.panel = ()  # closed: it asks nothing and catches up
    desk.look = Look(columns=Arrangement(sky="hms"))
    assert view.widget.sky == ""
    desk.panel = ("columns", "")
    assert view.widget.sky == "hms" and view.widget.frozen == 0
    view.end()


def test_the_row_panel_steps_in_the_order_of_the_table_and_pins(desk) -> None:
    desk.panel = ("row", "")
    view = Row(desk, Feeds(1))
    assert view.widget.current == -1 and view.widget.message
    desk.look = Look(sort=(("coord_ra", True),), filters=(("coord_ra", "> 10"),))
    view.widget._handle_msg({"gesture": "stepped", "by": 1})
    assert desk.look.current == 19 and view.widget.place == "1 of 14" and view.widget.first
    view.widget._handle_msg({"gesture": "stepped", "by": 5})
    assert desk.look.current == 18 and not view.widget.first
    desk.point_at(6)
    assert view.widget.last and view.widget.place == "14 of 14"
    desk.point_at(0)
    assert view.widget.place == "filtered out of the table"
    answer = json.loads(view._rows({"rows": "0,3"}).body)
    ra = answer["columns"][1]
    assert (ra["name"], ra["unit"], ra["description"]) == ("coord_ra", "deg", "Right ascension")
    assert answer["columns"][ra["error"]]["name"] == "coord_raErr"
    assert [cells[0][1] for cells in answer["rows"].values()] == [str(FIRST_ID), str(FIRST_ID + 3)]
    assert answer["rows"]["0"][3] == [None, None] and answer["rows"]["3"][3] == ["x", "x"]
    for row in range(PINS + 2):
        view.widget._handle_msg({"gesture": "pinned_by_hand", "row": row, "on": True})
    assert view.widget.pinned == list(range(2, PINS + 2))  # the oldest went
    view.widget._handle_msg({"gesture": "pinned_by_hand", "row": 2, "on": False})
    view.widget._handle_msg({"gesture": "pinned_by_hand", "row": 99, "on": True})
    assert desk.look.pinned == tuple(range(3, PINS + 2))
    assert Look.from_json(json.loads(json.dumps(desk.look.to_json()))) == desk.look
    for rows in ("20", ",".join(map(str, range(PINS + 2)))):
        with pytest.raises(QueryError):
            view._rows({"rows": rows})
    view.end()
