"""The sky's views while results and gestures change quickly: what is said and shown belongs to what is there now."""

from __future__ import annotations

from concurrent.futures import Future
from types import SimpleNamespace

import param
import pyarrow as pa
import pytest

from portal.errors import QueryError
from portal.look import Look
from portal.table.columns import Column, TableMeta
from portal.table.result import ResultTable
from portal.tabs import Tab
from portal.vo.resolve import Place
from tests.views.desk_kit import Desk
from views.coverage import Coverage
from views.feeds import Feeds
from views.goto import Goto
from views.place import LEAST
from views.place import Place as PlaceView
from widgets import base
from widgets.fits import Fits
from widgets.sky import Sky, SkyMoved, SkyOffered

PLACED = TableMeta((Column("ra", ucd="pos.eq.ra"), Column("dec", ucd="pos.eq.dec"), Column("objectId", "long")))
BARE = TableMeta((Column("mag"),))


class Results(Desk):
    """A page with several results; work waits until ``finish`` when ``slow``."""

    place = param.Parameter(())
    linked = param.Boolean(False)

    def __init__(self, folder) -> None:
        rows = {
            "one": (PLACED, [[10.0, 11.0], [20.0, None], [7, 8]]),
            "two": (BARE, [[1.0, 2.0]]),
            "three": (PLACED, [[30.0], [40.0], [9]]),
        }
        self.all = {
            key: ResultTable.from_arrow(
                folder / key, meta, pa.table([pa.array(x) for x in columns], schema=meta.to_schema())
            )
            for key, (meta, columns) in rows.items()
        }
        super().__init__(self.all["one"])
        self.slow, self.waiting = False, []
        self.tabs = tuple(Tab(key, key, "COMPLETED", self.all[key].n_rows, False, "") for key in rows)

    def table(self) -> ResultTable:
        return self.all[self.active]

    def table_of(self, key: str) -> ResultTable:
        return self.all[key]

    def look_of(self, key: str) -> Look:
        return self.look if key == self.active else Look()

    def look_at(self, *place: object) -> None:
        self.place = place

    def show_images(self, refs: list) -> None:
        self.images = refs

    def _read(self, work) -> Future:
        if not self.slow:
            return super()._read(work)
        done: Future = Future()
        self.waiting.append((work, done))
        return done

    def finish(self) -> None:
        for work, done in self.waiting:
            done.set_result(work())
        self.waiting = []


@pytest.fixture
def desk(monkeypatch, tmp_path) -> Results:
    for noun in ("sky", "fits"):
        (tmp_path / f"{noun}.js").write_text("")
    monkeypatch.setattr(base, "DIST", tmp_path)
    return Results(tmp_path)


def test_what_is_said_over_the_sky_is_of_the_result_shown(desk: Results) -> None:
    view = Coverage(desk, Feeds(1))
    assert view.sky.notice == "1 rows without a position"
    desk.active = "two"
    assert "no position columns" in view.sky.message
    desk.active = "three"
    assert (view.sky.message, view.sky.notice) == ("", "")
    desk.active = "one"
    assert (view.sky.message, view.sky.notice) == ("", "1 rows without a position")


def test_an_id_is_looked_up_in_the_result_it_was_written_for(desk: Results) -> None:
    view = Goto(desk, Feeds(1), Sky(), resolver=None)
    view.go("8")
    assert desk.look.current == 1
    desk.slow = True
    view.go("+7")
    desk.active = "three"
    desk.finish()
    assert desk.look.current == 1, "row 0 is of another result"
    desk.slow = False
    view.go("-5")
    assert "the id -5" in desk.trouble[0]


@pytest.mark.parametrize("text", ["+-5", "²", "9" * 30, "٣"])
def test_what_only_looks_like_an_id_is_no_failure(desk: Results, text: str) -> None:
    asked = []
    view = Goto(desk, Feeds(1), Sky(), SimpleNamespace(find=lambda name: asked.append(name) or Place(1.0, 2.0, name)))
    try:
        view.go(text)
    except QueryError:
        return
    assert asked == [text] and "Unexpected" not in str(desk.trouble)


def test_coadds_are_opened_where_the_sky_is_when_asked(desk: Results) -> None:
    sky = Sky()
    ref = SimpleNamespace(cut=lambda *circle: circle)
    PlaceView(desk, Feeds(1), sky, Fits(), SimpleNamespace(coadds=lambda ra, dec: [ref] if ra > 50 else []))
    sky.moved = SkyMoved(1, 10.0, 20.0, 0.04)
    assert sky.offer
    sky.offered = SkyOffered(2, 62.0, -37.0, 0.001)  # a row that was clicked has moved the view since
    assert desk.images == [(62.0, -37.0, LEAST)]
