"""The session's verbs, and that its state comes back."""

from __future__ import annotations

import gc
import time
import weakref

import pytest

from portal.errors import LimitError, QueryError
from portal.look import Look
from portal.session import Session
from portal.table.selection import Clause
from portal.vo.obscore import ImageRef, by_band, refs_from_json


def settle(session) -> None:
    """Until the newest state is on disk."""
    end = time.monotonic() + 5
    while session._saver.busy and time.monotonic() < end:
        time.sleep(0.005)


def test_a_query_is_submitted_and_shown(runner, finished, post) -> None:
    session = Session(runner, post=post)
    job = session.submit("SELECT 1")
    assert session.active == job.key and session.tabs[0].title == "Query 1"
    finished(job)
    assert session.tabs[0].phase == "COMPLETED" and session.tabs[0].rows == 3
    assert session.table().n_rows == 3
    session.end()
    assert not runner._tables
    # An address of the page may still be answered in a thread.
    assert session.table() is None and not runner._tables


def test_an_empty_query_is_refused(runner, post) -> None:
    with pytest.raises(QueryError):
        Session(runner, post=post).submit("  \n")


def test_the_look_belongs_to_its_result(runner, finished, post) -> None:
    session = Session(runner, post=post)
    one = finished(session.submit("SELECT 1"))
    session.point_at(2)
    session.look = session.look.with_filter("x", "> 0").with_sort("x", False)
    session.select(Clause("chart", "x > 1", "box"))
    two = finished(session.submit("SELECT 2"))
    assert session.look == Look()
    session.open(one.key)
    assert session.look.current == 2 and session.look.filters == (("x", "> 0"),)
    session.close_result(one.key)
    assert session.active == two.key and len(session.tabs) == 1


def test_closing_the_others_shows_none_of_them(runner, finished, post) -> None:
    session, shown = Session(runner, post=post), []
    keys = [finished(session.submit(f"SELECT {n}")).key for n in (1, 2, 3, 4)]
    session.open(keys[0])
    session.param.watch(lambda event: shown.append(event.new), "active")
    session.close_others(keys[3])
    assert shown == [keys[3]] and [tab.key for tab in session.tabs] == [keys[3]]
    session.undo()
    assert [tab.key for tab in session.tabs] == keys
    session.end()


def test_everything_comes_back(runner, finished, post) -> None:
    session = Session(runner, post=post)
    finished(session.submit("SELECT 1"))
    session.point_at(1)
    session.look = session.look.with_filter("x", "0..1").with_sort("x", False)
    session.change(condition="x < 7")
    session.select(Clause("sky", "x < 9", "circle"))
    session.keep_selected()
    session.show("sky-table")
    session.theme = "dark"
    session.query = "SELECT changed"
    settle(session)
    again = Session(runner, session.workspace, post)
    assert not again.fresh
    for name in ("query", "layout", "theme", "look", "active", "tabs", "detail"):
        assert getattr(again, name) == getattr(session, name), name
    assert again.look.kept == (Clause("sky", "x < 9", "circle"),)
    view = again.look.row_view(again.table().meta)
    assert "x < 9" in view.where and '("x" < 7)' in view.where and view.sort == (("x", False),)


def test_a_running_job_goes_on_in_the_page_that_comes_back(runner, script, finished, post) -> None:
    script.phases = ["EXECUTING"]
    session = Session(runner, post=post)
    job = session.submit("SELECT 1")
    while not job.url:
        time.sleep(0.005)
    settle(session)
    session.end()
    again = Session(runner, session.workspace, post)
    assert again.tabs[0].phase in ("PENDING", "EXECUTING")
    script.phases = ["COMPLETED"]
    finished(job)
    assert again.tabs[0].phase == "COMPLETED" and again.tabs[0].rows == 3


def test_an_unknown_workspace_gives_a_new_page(runner, post) -> None:
    session = Session(runner, "no-such-workspace-at-all", post)
    assert session.fresh and session.workspace != "no-such-workspace-at-all"


def test_a_failed_query_loses_nothing(runner, script, finished, post) -> None:
    session = Session(runner, post=post)
    good = finished(session.submit("SELECT 1"))
    script.phases, script.error = ["ERROR"], "boom"
    bad = finished(session.submit("SELECT broken"))
    assert session.job(bad.key).error == "boom" and session.query == "SELECT broken"
    session.open(good.key)
    assert session.table().n_rows == 3
    settle(session)
    again = Session(runner, session.workspace, post)
    assert again.job(bad.key).error == "boom" and again.query == "SELECT broken"


def test_an_ended_session_is_not_kept_alive(runner, finished, post) -> None:
    session = Session(runner, post=post)
    finished(session.submit("SELECT 1"))
    settle(session)
    session.end()
    gone = weakref.ref(session)
    del session
    until = time.monotonic() + 10  # a worker that saved its state may be just leaving it
    while gone() is not None and time.monotonic() < until:
        post.turn()  # the last news of the job may have come after its end
        gc.collect()
        time.sleep(0.02)
    assert gone() is None


def test_sort_of_a_header_click() -> None:
    look = Look().with_sort("a", False)
    assert look.sort == (("a", False),)
    look = look.with_sort("a", False)
    assert look.sort == (("a", True),)
    look = look.with_sort("b", True)
    assert look.sort == (("a", True), ("b", False))
    assert look.with_sort("a", True).sort == (("b", False),)


def test_a_broken_saved_look_is_left_out() -> None:
    look = Look.from_json({"sort": [["a"]], "filters": [["x", 3]], "clauses": [["only"]], "current": "no", "x": 5})
    assert look == Look(x="5")


def test_a_computed_column_that_is_gone_is_asked_for_no_more(runner, finished, post) -> None:
    session = Session(runner, post=post)
    finished(session.submit("SELECT 1"))
    table, arrived = session.table(), session.arrived
    table.derive("twice", "x * 2")
    session.columns_changed(session.active)
    assert session.arrived > arrived
    session.look = session.look.with_filter("twice", "> 0").with_sort("twice", False).with_filter("x", "> -1")
    session.change(condition="twice > 1 OR x > 1", x="x", y="-Twice")
    session.select(Clause("chart", '"twice" > 1', "box"))
    session.keep_selected()
    session.select(Clause("sky", '"x" > 1', "circle"))
    assert table.count(session.look.row_view(table.meta)) <= 3
    table.drop_derived("twice")
    session.columns_changed(session.active, gone="twice")
    look = session.look
    assert (look.sort, look.filters, look.kept, look.condition) == ((), (("x", "> -1"),), (), "")
    assert (look.x, look.y) == ("", "") and [clause.source for clause in look.clauses] == ["sky"]
    table.count(look.row_view(table.meta))
    # Deleted while the user has gone on to another result: that one's own column of the name stays filtered.
    first = session.active
    session.change(condition="twice > 1")
    finished(session.submit("SELECT 2"))
    session.change(condition="twice > 2")
    session.columns_changed(first, gone="twice")
    assert session.look.condition == "twice > 2" and session.look_of(first).condition == ""
    session.end()


def test_opened_images_come_back_and_give_way_to_the_row(runner, post) -> None:
    session = Session(runner, post=post)
    whole = ImageRef("a", "Visit 1", "r", "links", "http://h/links?ID=1", "ivo://x?1")
    part = ImageRef("b", "Coadd", "g", circle=(62.0, -37.0, 0.01))
    session.show("chart-table")
    session.show_images([whole])
    session.turn("image")
    session.add_image(part)
    session.add_image(part)
    assert session.images == (whole, part) and not session.follow and session.layout == "tri"
    with pytest.raises(LimitError):
        session.show_images([whole] * 25)
    settle(session)
    again = Session(runner, session.workspace, post)
    assert (again.images, again.follow, again.face) == ((whole, part), False, "image")
    again.follow_row(True)
    assert again.follow and again.images
    again.follow_row(False)
    again.close_image("a")
    assert again.images == (part,) and not again.follow
    again.close_image("b")
    assert again.images == () and again.follow
    bad = ["x", None, ["k", "t", "g", "links", "u", "d", [1, 2]], ["k", "t", "g", "shell", "", "", []]]
    assert refs_from_json(bad) == ()
    mixed = [part._replace(band=band) for band in ("y", "", "u", "gri", "i")]
    assert [ref.band for ref in by_band(mixed)] == ["u", "i", "y", "", "gri"]
