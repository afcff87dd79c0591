"""The panels of columns and of the row, joined to the look of a result."""

from __future__ import annotations

import json
from concurrent.futures import Future

import numpy as np
import pyarrow as pa
import pytest

from portal.errors import QueryError
from portal.look import PINS, Look
from portal.table.arrangement import Arrangement
from portal.table.columns import Column, TableMeta
from portal.table.result import ResultTable
from portal.table.selection import rows_clause
from portal.tabs import Tab
from tests.views.desk_kit import Desk
from views import sets as sets_module
from views.columns import Columns
from views.combine import Combine
from views.derive import DerivePanel
from views.feeds import Feeds
from views.row import Row
from views.sets import Sets
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
    for noun in ("columns", "row", "derive", "sets", "combine"):
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


def test_two_computed_columns_deleted_at_once_are_both_asked_for_no_more(desk, monkeypatch) -> None:
    view, late = DerivePanel(desk, Feeds(1)), []

    def read(work) -> Future:
        late.append((work, Future()))
        return late[-1][1]

    for name in ("twice", "thrice"):
        desk.table().derive(name, "coord_ra * 2")
    desk.look = Look(filters=(("note", "x"),), condition="twice > 3", x="thrice", y="coord_ra")
    monkeypatch.setattr(desk.runner, "read", read)
    for name in ("twice", "thrice"):
        view.widget._handle_msg({"gesture": "dropped", "name": name})
    for work, done in late:
        done.set_result(work())
    assert desk.look == Look(filters=(("note", "x"),)) and not desk.table().derived
    view.end()


def test_sets_count_only_what_changed_and_hold_the_rows_of_a_download(desk, monkeypatch) -> None:
    counted = []
    count = sets_module._count
    monkeypatch.setattr(sets_module, "_count", lambda *of: counted.append(of) or count(*of))
    desk.panel, desk.look = ("sets", ""), Look(clauses=(rows_clause([3, 5]),))
    view = Sets(desk, Feeds(1))
    assert view.widget.total == "2 of 20 rows" and len(counted) == 1
    desk.point_at(7)
    desk.arrived += 1
    assert len(counted) == 1
    ids = view._answer({"what": "ids", "column": "objectId"})
    assert desk.users == 1 and b"".join(ids.body) == f"{FIRST_ID + 3}\n{FIRST_ID + 5}\n".encode()
    ids.done()
    with pytest.raises(QueryError):
        view._answer({"what": "ids", "column": "coord_ra"})
    assert desk.users == 0
    view.end()


def test_a_closed_panel_of_joins_opens_no_result(desk) -> None:
    desk.panel, desk.tabs = ("combine", ""), (Tab("one", "first", "COMPLETED", 20, False, ""),)
    view = Combine(desk, Feeds(1))
    assert view.widget.results[0]["rows"] == "20 rows"
    desk.panel = ()
    desk.look = Look(filters=(("coord_ra", "> 10"),))
    assert view.widget.results[0]["rows"] == "20 rows"
    desk.panel = ("combine", "")
    assert view.widget.results[0]["rows"] == "14 of 20 rows" and desk.users == 0
    view.end()
