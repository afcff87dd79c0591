"""What the addresses of the grid answer: rows of the columns asked for, rows to copy, pictures; what they refuse."""

from __future__ import annotations

import json
from concurrent.futures import Future
from io import BytesIO
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest
from astropy.io import fits
from PIL import Image

from portal.errors import LimitError, QueryError, ServiceError
from portal.look import Look
from portal.table.arrangement import Arrangement
from portal.table.columns import Column, TableMeta
from portal.table.result import ResultTable
from portal.table.selection import Clause, rows_clause, selection_sql
from portal.vo.quota import Quota
from portal.vo.soda import Cutouts
from tests.views.desk_kit import Desk
from views import table as table_module
from views.feeds import Feeds
from views.table import Table
from views.thumbs import Thumbs
from widgets import base

THUMBS = 25  # small pictures a minute: 35 less 10 for what the user waits for
FIRST_ID = 1651281746966117377
META = TableMeta(
    (
        Column("objectId", "long"),
        Column("coord_ra", unit="deg", ucd="pos.eq.ra"),
        Column("coord_dec", unit="deg", ucd="pos.eq.dec"),
        Column("note", "char", "*"),
    )
)


@pytest.fixture
def desk(tmp_path) -> Desk:
    arrays = [pa.array(FIRST_ID + np.arange(250)), np.linspace(0, 359, 250), np.linspace(-80, 80, 250), ["a\tb"] * 250]
    return Desk(ResultTable.from_arrow(tmp_path / "r", META, pa.table(arrays, schema=META.to_schema())))


@pytest.fixture
def view(desk, monkeypatch, tmp_path) -> Table:
    (tmp_path / "grid.js").write_text("")
    monkeypatch.setattr(base, "DIST", tmp_path)
    return Table(desk, Feeds(1))


def ask(view: Table, **arguments: str) -> dict:
    return json.loads(view._rows(arguments).body)


def test_rows_come_with_the_columns_asked_for(desk, view) -> None:
    answer = ask(view, start="100", count="2", columns="0-1,3-9")
    assert answer == {
        "start": 100,
        "total": 250,
        "names": ["objectId", "note"],
        "rows": [[100, 0, [str(FIRST_ID + 100), "a\tb"]], [101, 0, [str(FIRST_ID + 101), "a\tb"]]],
    }
    layout = view.grid.layout
    desk.look = Look(columns=Arrangement(order=("note",), hidden=("coord_dec",), frozen=("coord_ra",), sky="hms"))
    assert view.grid.shown == [1, 3, 0] and view.grid.frozen == 1 and view.grid.layout > layout
    answer = ask(view, start="0", count="1", columns="0-3")
    assert answer["names"] == ["coord_ra", "note", "objectId"]
    assert answer["rows"] == [[0, 0, ["00 00 00.0000", "a\tb", str(FIRST_ID)]]]
    view.grid._handle_msg({"gesture": "arranged", "verb": "reset", "columns": [], "text": "", "width": 0})
    assert desk.look.columns == Arrangement() and view.grid.shown == [0, 1, 2, 3]


def test_conditions_orders_and_panels_by_hand(desk, view) -> None:
    view.grid._handle_msg({"gesture": "conditioned", "text": "coord_ra <"})
    assert view.grid.condition_problem and desk.look.condition == ""
    view.grid._handle_msg({"gesture": "conditioned", "text": "coord_ra < 100 and coord_dec > -60"})
    assert view.grid.condition_problem == "" and 0 < view.grid.n_rows < 250 == view.grid.n_all
    view.grid._handle_msg({"gesture": "ordered", "column": "coord_ra", "order": "desc", "add": False})
    view.grid._handle_msg({"gesture": "ordered", "column": "note", "order": "asc", "add": True})
    assert desk.look.sort == (("coord_ra", True), ("note", False))
    view.grid._handle_msg({"gesture": "ordered", "column": "coord_ra", "order": "", "add": True})
    assert desk.look.sort == (("note", False),)
    view.grid._handle_msg({"gesture": "asked", "what": "row", "column": "note"})
    view.grid._handle_msg({"gesture": "asked", "what": "passwords", "column": ""})
    assert desk.panel == ("row", "note")


def test_rows_of_before_go_when_the_view_fails_or_the_result_has_none(desk, view, monkeypatch) -> None:
    desk.look = Look(clauses=(rows_clause([3]),))
    assert view.grid.n_all == 250 and view.grid.marked
    # A filter of another day, on a column that is gone.
    desk.look = Look(kept=(Clause("chart", '"gone" > 1', "box"),))
    assert view.grid.n_rows == 0 and "gone" in view.grid.message
    answer = ask(view, columns="0-4")
    assert answer["rows"] == [] and answer["names"] == [column.name for column in META.columns]
    desk.look = Look()
    assert view.grid.n_rows == 250 and view.grid.message == ""
    monkeypatch.setattr(desk, "table", lambda: None)
    desk.active = "two"
    assert (view.grid.n_rows, view.grid.n_all, view.grid.columns) == (0, 0, [])
    assert ask(view)["rows"] == []


def test_ticks_and_what_other_views_mark_meanwhile_come_together(desk, view, monkeypatch) -> None:
    late: list[tuple] = []

    def read(work) -> Future:
        done: Future = Future()
        late.append((work, done))
        return done

    def answer_all() -> None:
        while late:
            work, done = late.pop(0)
            done.set_result(work())

    def tick(**fields) -> None:
        view.grid._handle_msg({"gesture": "checked", "rows": [], "on": True, "all": False, **fields})

    def marked() -> list[int]:
        return desk.table().where(selection_sql(desk.look.clauses)).tolist() if desk.look.clauses else []

    monkeypatch.setattr(desk.runner, "read", read)
    tick(rows=[1])
    tick(rows=[2])
    desk.look = desk.look.with_clause(Clause("sky", '"coord_ra" < 0.5', "circle"))  # row 0
    answer_all()
    assert marked() == [0, 1, 2]
    tick(rows=[7])
    tick(on=False, all=True)
    answer_all()
    assert marked() == []
    tick(rows=[8])
    work, done = late.pop(0)
    monkeypatch.setattr(desk, "table", lambda: None)  # another tab, whose rows are not there yet
    done.set_result(work())
    answer_all()
    assert desk.look.clauses == ()


def test_a_filter_text_that_does_not_fit_stays_in_its_box(desk, view) -> None:
    def type_in(text: str, column: str = "coord_ra") -> None:
        view.grid._handle_msg({"gesture": "filtered", "column": column, "text": text})

    type_in("< 100")
    type_in("< 1oo")
    boxes = lambda: (view.grid.filters.get("coord_ra"), "coord_ra" in view.grid.problems)  # noqa: E731
    assert boxes() == ("< 1oo", True) and desk.look.filters == (("coord_ra", "< 100"),)
    desk.look = desk.look.with_sort("note", False)
    assert boxes() == ("< 1oo", True)
    type_in("< 100")  # as it was: no news for the look
    assert boxes() == ("< 100", False)
    type_in("oops")
    desk.look = desk.look.with_filter("coord_ra", "0..50")  # by a brush
    assert boxes() == ("0..50", False) and view.grid.problems == {}


def test_marked_rows_are_copied_in_the_order_shown(desk, view, monkeypatch) -> None:
    desk.look = Look(sort=(("coord_dec", True),), clauses=(rows_clause([3, 5]),), columns=Arrangement(hidden=("note",)))
    assert view.grid.marked
    lines = [line.split("\t") for line in view._rows({"copy": "1"}).body.decode().split("\n")]
    assert lines[0] == ["objectId", "coord_ra", "coord_dec"]
    assert [line[0] for line in lines[1:]] == [str(FIRST_ID + 5), str(FIRST_ID + 3)]
    assert float(lines[1][1]) == np.linspace(0, 359, 250)[5]
    assert view._rows({"copy": "1", "rows": "7"}).body.decode().split("\n")[1].startswith(f"{FIRST_ID + 7}\t")
    monkeypatch.setattr(table_module, "COPY_CELLS", 5)
    with pytest.raises(LimitError, match="clipboard"):
        view._rows({"copy": "1"})


@pytest.mark.parametrize(
    "arguments",
    [
        {"start": "-1"}, {"start": "1e3"}, {"count": "٣"}, {"columns": "0-x"}, {"columns": "5"},
        {"start": "9" * 16}, {"copy": "1", "rows": "1;2"},
    ],
)  # fmt: skip
def test_what_is_no_question_is_refused(view, arguments) -> None:
    with pytest.raises(QueryError):
        view._rows(arguments)


def test_an_answer_is_bounded(view) -> None:
    assert len(ask(view, count="999999999", columns="")["rows"]) == 250
    assert ask(view, start="999999999", columns="0-4")["rows"] == []
    assert len(ask(view, columns=",".join(["0-1"] * 5000), count="1")["names"]) == table_module.MAX_SPANS


def image() -> bytes:
    pixels = np.zeros((30, 30), "f4")
    pixels[20:, :] = 9.0
    out = BytesIO()
    fits.PrimaryHDU(pixels).writeto(out)
    return out.getvalue()


def test_small_pictures_keep_to_the_quota(desk) -> None:
    cutouts = Cutouts(SimpleNamespace(quota=Quota(35)), None)
    asked = []

    def thumb(ra: float, dec: float, radius: float) -> bytes:
        asked.append((ra, dec))
        if len(asked) > 1:
            raise ServiceError("No coadded image covers this position.")
        return image()

    cutouts.thumb = thumb
    thumbs = Thumbs(cutouts, lambda: ("one", desk.table()))
    with pytest.raises(QueryError):
        thumbs.answer({"row": "9", "of": "two"})  # asked for before this result was shown
    picture = np.asarray(Image.open(BytesIO(b"".join(thumbs.answer({"row": "9", "of": "one"}).body))))
    assert picture.shape == (30, 30) and picture[5].min() > picture[25].max()  # north is up
    assert asked == [tuple(desk.table().take(np.array([9]), ["coord_ra", "coord_dec"]).to_pylist()[0].values())]
    for _ in range(THUMBS - 1):
        assert b"".join(thumbs.answer({"row": "10", "of": "one"}).body) == b""  # no image there
    later = thumbs.answer({"row": "11", "of": "one"})
    assert later.body == b"" and 0 < int(dict(later.headers)["Retry-After"]) <= 61
    assert len(asked) == THUMBS
    for row in ("250", "-1", "x", ""):
        with pytest.raises(QueryError):
            thumbs.answer({"row": row, "of": "one"})
