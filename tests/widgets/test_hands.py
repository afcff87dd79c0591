"""What the browser may say to the editor, the grid and the schema browser, without a browser."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from widgets import base
from widgets.editor import Editor
from widgets.grid import Checked, Clicked, Filtered, Grid, Paged, Sorted
from widgets.schema import Picked, SchemaBrowser


@pytest.fixture(autouse=True)
def as_if_built(monkeypatch, tmp_path):
    for noun in ("editor", "grid", "schema"):
        (tmp_path / f"{noun}.js").write_text("")
    monkeypatch.setattr(base, "DIST", tmp_path)


def test_the_grid_takes_its_gestures_and_numbers_them():
    grid = Grid()
    grid._handle_msg({"gesture": "sorted", "column": "coord_ra", "add": False})
    grid._handle_msg({"gesture": "filtered", "column": "band", "text": "in r,i"})
    grid._handle_msg({"gesture": "clicked", "row": 7})
    grid._handle_msg({"gesture": "checked", "rows": [1, 2], "on": True, "all": False})
    grid._handle_msg({"gesture": "paged", "page": 3})
    assert grid.sorted == Sorted(1, "coord_ra", False)
    assert grid.filtered == Filtered(2, "band", "in r,i")
    assert grid.clicked == Clicked(3, 7)
    assert grid.checked == Checked(4, (1, 2), True, False)
    assert grid.paged == Paged(5, 3)


def test_the_editor_has_the_text_before_it_is_asked_to_run():
    editor = Editor(value="SELECT 1")
    seen = []
    editor.param.watch(lambda event: seen.append(editor.value), "asked")
    editor._handle_msg({"gesture": "ask", "text": "SELECT 2"})
    editor._handle_msg({"gesture": "ask", "text": "SELECT 2"})
    assert seen == ["SELECT 2", "SELECT 2"] and editor.asked == 2
    editor._handle_msg({"gesture": "ask", "text": None})
    editor._handle_msg({"gesture": "ask", "text": "x" * (base.MAX_TEXT + 1)})
    editor._handle_msg({"gesture": "asked", "n": 5})
    assert editor.value == "SELECT 2" and editor.asked == 2


def test_text_is_inserted_also_before_the_page_is_there():
    editor = Editor(value="SELECT ")
    editor.insert_text("objectId")
    assert editor.value == "SELECT objectId"


def test_the_schema_browser_tells_what_was_picked():
    browser = SchemaBrowser()
    for n in (1, 2):
        browser._handle_msg({"gesture": "picked", "kind": "column", "name": "band", "table": "dp1.Visit"})
        assert browser.picked == Picked(n, "column", "band", "dp1.Visit")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
NAMES = st.sampled_from(["sorted", "filtered", "clicked", "checked", "paged", "ask", "picked", "page", "value", "url"])
FIELDS = st.dictionaries(
    st.sampled_from(["row", "rows", "on", "all", "column", "text", "add", "page", "kind", "name", "table"]), JSON
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150, deadline=None)
@given(NAMES, FIELDS)
def test_no_message_breaks_a_widget_or_sets_what_is_python_s(name, fields):
    for widget in (Grid(url="rows"), Editor(), SchemaBrowser(url="tables")):
        before = getattr(widget, "url", None), widget.visible
        widget._handle_msg({"gesture": name, **fields})
        assert (getattr(widget, "url", None), widget.visible) == before
