"""The editor as an astronomer uses it: type, complete, read the marks, run."""

from __future__ import annotations

import threading
import time
from functools import partial

import panel as pn
import pytest
from playwright.sync_api import expect

from widgets.editor import Editor

QUERY = """SELECT TOP 100 o.objectId, o.coord_ra,  -- a comment
       scisql_nanojanskyToAbMag(o.g_cModelFlux) AS gmag
FROM dp1.Object AS o
JOIN dp1.ForcedSource AS f ON f.objectId = o.objectId
WHERE CONTAINS(POINT('ICRS', o.coord_ra, o.coord_dec), CIRCLE('ICRS', 62, -37, 0.2)) = 1
  AND f.band = 'r' AND o.detect_isPrimary = 1
"""
VOCABULARY = {
    "tables": {
        "dp1.Object": ["objectId", "coord_ra", "coord_dec", "g_cModelFlux", "detect_isPrimary"],
        "dp1.ForcedSource": ["forcedSourceId", "objectId", "band", "psfFlux", "visit"],
        "ivoa.ObsCore": ["obs_id", "s_ra", "s_dec"],
    },
    "functions": ["scisql_nanojanskyToAbMag", {"name": "CIRCLE", "detail": "(ra, dec, r)"}, "COUNT"],
}


@pytest.fixture
def editor():
    return Editor(vocabulary=VOCABULARY, width=800, height=300)


def content(page):
    return page.locator(".tv-editor .cm-content")


def options(page):
    found = page.locator(".cm-tooltip-autocomplete li")
    expect(found.first).to_be_visible()
    return found.all_inner_texts()


def test_typing_reaches_python_and_ctrl_enter_brings_the_text_first(serve, editor, until):
    page = serve(editor)
    content(page).click()
    page.keyboard.insert_text("SELECT 1")
    until(page, lambda: editor.value == "SELECT 1")
    seen = []
    editor.param.watch(lambda event: seen.append((editor.asked, editor.value)), "asked")
    page.keyboard.insert_text(" + 1")
    page.keyboard.press("Control+Enter")
    page.keyboard.press("Control+Enter")
    until(page, lambda: len(seen) == 2)
    assert seen == [(1, "SELECT 1 + 1"), (2, "SELECT 1 + 1")]
    assert content(page).inner_text().strip() == "SELECT 1 + 1"


def test_python_sets_the_text_without_an_echo(serve, editor, until):
    page = serve(editor)
    seen = []
    editor.param.watch(lambda event: seen.append(event.new), "value")
    editor.value = QUERY
    expect(content(page)).to_contain_text("dp1.ForcedSource AS f")
    page.wait_for_timeout(400)
    assert seen == [QUERY] and editor.asked == 0
    content(page).click()
    page.keyboard.press("Control+End")
    page.keyboard.type("-- more")
    until(page, lambda: editor.value == QUERY + "-- more")


def test_typing_while_python_listens_loses_no_letter(serve, editor, until):
    page = serve(editor)
    editor.param.watch(lambda event: editor.param.update(problems=[{"line": 1, "column": 1}]), "value")
    content(page).click()
    text = "select objectid from dp1.object where coord_ra > 62 and r < 24 "
    page.keyboard.type(text, delay=12)
    page.keyboard.press("Escape")
    until(page, lambda: editor.value == text)
    assert content(page).inner_text() == text


def test_nothing_set_while_the_page_opens_is_lost(serve):
    """Panel alone drops what is set between the page's fetch of the document and its first word."""
    editors = [Editor(width=300, height=60) for _ in range(24)]

    def open_page():
        page = pn.state.curdoc

        def set_one_by_one():
            for i, editor in enumerate(editors):
                page.add_next_tick_callback(partial(editor.param.update, value=f"SELECT {i}"))
                time.sleep(0.06)

        threading.Thread(target=set_one_by_one).start()
        return pn.FlexBox(*editors)

    page = serve(open_page, settle=False)
    for i in range(len(editors)):
        expect(content(page).nth(i)).to_have_text(f"SELECT {i}")


def test_the_text_outlives_hiding_and_moving(serve, editor, until):
    frame = pn.Column(editor)
    page = serve(frame)
    content(page).click()
    page.keyboard.insert_text("SELECT 1")
    until(page, lambda: editor.value == "SELECT 1")
    editor.visible = False
    expect(content(page)).to_be_hidden()
    editor.visible = True
    expect(content(page)).to_have_text("SELECT 1")
    frame.insert(0, pn.pane.Str("above"))
    expect(page.get_by_text("above")).to_be_visible()
    expect(content(page)).to_have_text("SELECT 1")
    frame[:] = [pn.Row(editor)]
    expect(page.get_by_text("above")).to_have_count(0)
    expect(content(page)).to_have_text("SELECT 1")
    content(page).click()
    page.keyboard.press("Control+End")
    page.keyboard.type("0")
    until(page, lambda: editor.value == "SELECT 10")


INSERTS = [
    ("SELECT | FROM dp1.Object", "objectId", "SELECT objectId FROM dp1.Object"),
    ("SELECT objectId| FROM dp1.Object", "coord_ra", "SELECT objectId, coord_ra FROM dp1.Object"),
    ("SELECT objectId | FROM dp1.Object", "coord_ra", "SELECT objectId, coord_ra FROM dp1.Object"),
    ("SELECT TOP 5| FROM dp1.Object", "tract", "SELECT TOP 5 tract FROM dp1.Object"),
    ("SELECT * FROM|", "dp1.Object", "SELECT * FROM dp1.Object"),
    ("SELECT * FROM dp1.Object WHERE tract = 5 AND|", "patch", "SELECT * FROM dp1.Object WHERE tract = 5 AND patch"),
    ("SELECT AVG(| FROM dp1.Object", "tract", "SELECT AVG(tract FROM dp1.Object"),
    ("SELECT * FROM dp1.Object GROUP BY tract,|", "patch", "SELECT * FROM dp1.Object GROUP BY tract, patch"),
    ("|", "dp1.Object", "dp1.Object"),
]


def test_insert_text_goes_to_the_caret(serve, editor, until):
    page = serve(editor)
    for before, name, wanted in INSERTS:
        editor.value = before.replace("|", "")
        expect(content(page)).to_have_text(editor.value.rstrip() or "SELECT …")
        content(page).click()
        page.keyboard.press("Control+End")
        for _ in range(len(before) - 1 - before.index("|")):
            page.keyboard.press("ArrowLeft")
        editor.insert_text(name)
        until(page, lambda wanted=wanted: editor.value == wanted)


COMPLETIONS = [
    ("SELECT ", "scis", "scisql_nanojanskyToAbMag", "objectId"),
    ("SELECT * FROM ", "dp1.F", "ForcedSource", "objectId"),
    ("SELECT * FROM dp1.Object AS o WHERE ", "o.coo", "coord_ra", "band"),
    ("SELECT * FROM dp1.Object o, dp1.ForcedSource AS fs WHERE ", "fs.b", "band", "coord_ra"),
    ("SELECT * FROM dp1.Object WHERE ", "coord", "coord_dec", "s_ra"),
    ("SELECT * FROM ivoa.ObsCore WHERE x IN (SELECT y FROM dp1.Object AS o WHERE ", "o.g", "g_cModelFlux", "s_ra"),
    ("SELECT 1; -- FROM dp1.Object o\nSELECT * FROM ivoa.ObsCore o WHERE ", "o.s", "s_ra", "coord_ra"),
]


def test_completion_knows_the_tables_of_the_query(serve, editor, until):
    page = serve(editor)
    for before, typed, wanted, absent in COMPLETIONS:
        editor.value = before
        expect(content(page)).to_contain_text(before.split("\n")[-1].strip())
        content(page).click()
        page.keyboard.press("Control+End")
        page.keyboard.type(typed)
        # The list for the first letters may still stand for a moment.
        until(page, lambda wanted=wanted: wanted in options(page))
        assert absent not in "\n".join(options(page)), before
        page.keyboard.press("Escape")


def test_columns_complete_before_from_is_reached(serve, editor, until):
    editor.value = "SELECT o. FROM dp1.Object AS o"
    page = serve(editor)
    content(page).click()
    page.keyboard.press("Control+Home")
    for _ in range(9):
        page.keyboard.press("ArrowRight")
    page.keyboard.type("g_c")
    options(page)
    page.wait_for_timeout(100)  # CodeMirror takes no choice in the first 75 ms
    page.keyboard.press("Enter")
    until(page, lambda: editor.value == "SELECT o.g_cModelFlux FROM dp1.Object AS o")


def test_marks_stand_under_the_fault_and_messages_are_plain_text(serve, editor):
    editor.value = "SELECT objectid\nFRM dp1.Object"
    editor.problems = [
        {"line": 2, "column": 1, "length": 3, "message": "<b>FRM</b>: expected FROM", "severity": "error"},
        {"line": 9, "column": 40, "length": 5, "message": "outside", "severity": "warning"},
    ]
    page = serve(editor)
    mark = page.locator(".cm-lintRange-error")
    expect(mark).to_have_text("FRM")
    mark.hover()
    expect(page.locator(".cm-diagnostic-error").first).to_have_text("<b>FRM</b>: expected FROM")
    editor.problems = []
    expect(mark).to_have_count(0)


def test_search_panel_and_screen_reader_name(serve, editor, shot):
    editor.value = QUERY
    page = serve(editor)
    expect(page.get_by_role("textbox", name="ADQL query")).to_be_visible()
    content(page).click()
    page.keyboard.press("Control+f")
    page.keyboard.type("objectId")
    expect(page.locator(".cm-searchMatch")).to_have_count(3)
    shot(page, "search")


def test_it_reads_well(serve, editor, shot, theme):
    editor.value = QUERY
    editor.problems = [
        {"line": 6, "column": 24, "length": 18, "message": "0 or 1", "severity": "warning"},
        {"line": 4, "column": 6, "length": 16, "message": "No such table", "severity": "error"},
    ]
    page = serve(editor, theme=theme, size=(1440, 900))
    content(page).click()
    page.keyboard.press("Control+End")
    page.keyboard.type("AND o.c")
    options(page)
    shot(page, theme)
