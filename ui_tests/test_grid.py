"""The grid as an astronomer uses it: read ids, turn pages, sort, filter, tick, keep the current row."""

from __future__ import annotations

import re

import panel as pn
import pytest
from playwright.sync_api import expect

from ui_tests.grid_kit import FIRST_ID, Archive, at_row, cell, clipboard, new_grid, range_text


@pytest.fixture
def archive():
    return Archive()


@pytest.fixture
def grid():
    return new_grid()


def test_ids_are_told_apart_and_copied_exactly(serve, archive, grid, until):
    page = serve(grid, archive.routes())
    for i in range(3):
        expect(cell(page, i, 0)).to_have_text(str(FIRST_ID + i))
    cell(page, 1, 0).click()
    page.keyboard.press("Control+c")
    assert clipboard(page) == str(FIRST_ID + 1)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Control+c")
    assert clipboard(page) == str(FIRST_ID + 2)
    # Untrusted text stays text, also in the tooltip of a header; only http and https become links.
    expect(cell(page, 0, 5)).to_have_text("<b>bold & brave</b>")
    assert "<img" in page.locator(".tv-name").nth(4).get_attribute("title")
    link = cell(page, 1, 5).get_by_role("link")
    assert (link.get_attribute("rel"), link.get_attribute("target")) == ("noopener noreferrer", "_blank")
    expect(cell(page, 2, 5)).to_have_text("javascript:alert(1)")
    expect(cell(page, 2, 5).get_by_role("link")).to_have_count(0)
    # Null is not empty text; points stand below each other, and what is copied has no such padding.
    expect(cell(page, 3, 3)).to_have_class(re.compile("tv-null"))
    expect(cell(page, 3, 5)).not_to_have_class(re.compile("tv-null"))
    assert cell(page, 0, 3).inner_text() == "0\u2008\u2007\u2007"
    cell(page, 0, 3).click()
    page.keyboard.press("Control+c")
    assert clipboard(page) == "0"
    # In a marked row Ctrl+C takes all marked rows; the button without marks the page.
    archive.selected = {0, 2}
    grid.param.update(marked=True, version=1)
    expect(cell(page, 2, 0)).to_have_class(re.compile("tv-selected"))
    page.keyboard.press("Control+c")
    until(page, lambda: clipboard(page).split("\n") == ["objectId\tband", f"{FIRST_ID}\tx", f"{FIRST_ID + 2}\tx"])
    expect(page.locator(".tv-said")).to_have_text("Copied 2 rows")
    grid.marked = False
    page.get_by_role("button", name="Copy rows").click()
    expect(page.locator(".tv-said")).to_have_text("Copied 100 rows")
    assert f"rows={','.join(map(str, range(100)))}" in archive.asked[-1]


def test_pages_turn_and_only_the_user_is_reported(serve, archive, grid, until):
    page = serve(grid, archive.routes())
    expect(range_text(page)).to_have_text("1-100 of 3,746")
    page.get_by_role("button", name="Next page").click()
    at_row(page, 100)
    expect(range_text(page)).to_have_text("101-200 of 3,746")
    until(page, lambda: grid.paged and grid.paged.page == 1 and grid.page == 1)
    page.get_by_role("button", name="Last page").click()
    expect(range_text(page)).to_have_text("3,701-3,746 of 3,746")
    expect(page.get_by_role("button", name="Next page")).to_be_disabled()
    box = page.get_by_label("Page number")
    box.fill("20")
    box.press("Enter")
    at_row(page, 1900)
    until(page, lambda: grid.paged.page == 19 and grid.page == 19)
    last = grid.paged
    grid.page = 5
    at_row(page, 500)
    assert grid.paged == last and grid.page == 5
    # Quick turns end on the last one; a late confirmation of an earlier one does not turn back.
    archive.pause = 0.03
    for _ in range(4):
        page.get_by_role("button", name="Next page").click()
    at_row(page, 900)
    until(page, lambda: grid.page == 9 and grid.paged.n == last.n + 4)
    grid.page = 8
    until(page, lambda: grid.page == 9)
    at_row(page, 900)


def test_rows_show_while_more_keep_coming_and_failures_are_told(serve, archive, grid, troubles):
    troubles.allow(r"status 503.*/rows", r"console: Failed to load resource.*503")
    archive.pause = 0.1
    page = serve(grid, archive.routes())
    at_row(page, 0)
    archive.order.reverse()
    for _ in range(30):  # versions come faster than a page
        grid.version += 1
        page.wait_for_timeout(30)
        if page.locator('.tv-table tr[data-row="3745"]').count():
            break
    else:
        raise AssertionError("new rows were not shown while versions came")
    before, archive.pause = len(archive.asked), 0
    page.wait_for_timeout(400)
    assert len(archive.asked) - before <= 2
    assert f"&v={grid.version}&" in archive.asked[-1]
    archive.fail = True
    grid.version += 1
    expect(page.locator(".tv-trouble.tv-error")).to_have_text("The result is being <i>written</i>.")
    archive.fail, archive.order = False, []
    grid.param.update(n_rows=0, n_all=3746, message="No row passes the filters.", version=grid.version + 1)
    expect(page.locator(".tv-empty")).to_have_text("No row passes the filters.")
    expect(page.locator(".tv-trouble")).to_have_text("")
    expect(range_text(page)).to_have_text("No rows")
    archive.order = [5, 6]
    grid.param.update(n_rows=2, version=grid.version + 1)
    at_row(page, 5)
    expect(page.locator(".tv-empty")).to_be_empty()
    expect(page.locator(".tv-all")).to_have_text("filtered from 3,746")


def test_sorting_filtering_and_conditions_are_asked_and_shown(serve, archive, grid, until, shot):
    page = serve(grid, archive.routes())

    def sort(event):
        archive.order.reverse()
        grid.param.update(sort=[[event.new.column, "desc"]], version=grid.version + 1, page=0)

    grid.param.watch(sort, "sorted")
    page.get_by_role("button", name="coord_ra", exact=True).click()
    at_row(page, 3745)
    assert grid.sorted.column == "coord_ra" and not grid.sorted.add
    expect(page.locator('th[aria-sort="descending"]')).to_contain_text("coord_ra")
    page.get_by_role("button", name="band", exact=True).click(modifiers=["Shift"])
    until(page, lambda: grid.sorted.n == 2)
    assert grid.sorted.column == "band" and grid.sorted.add

    # A redraw in the middle of typing leaves caret and text alone.
    box = page.get_by_label("Filter coord_ra")
    box.click()
    page.keyboard.type("> 62")
    grid.param.update(version=grid.version + 1, current=2)
    page.keyboard.type(".5")
    expect(box).to_have_value("> 62.5")
    expect(box).to_be_focused()
    page.keyboard.press("Enter")
    until(page, lambda: grid.filtered is not None and grid.filtered.text == "> 62.5")
    assert grid.filtered.column == "coord_ra"
    told = grid.filtered
    archive.order = [i for i in archive.order if float(archive.cells[i][1]) > 62.5]
    n = len(archive.order)
    grid.param.update(filters={"coord_ra": "> 62.5"}, n_rows=n, version=grid.version + 1, page=0)
    expect(range_text(page)).to_have_text(f"1-100 of {n:,}")
    grid.param.update(filters={"coord_ra": "> x"}, problems={"coord_ra": "x is not a number"})
    expect(box).to_have_class(re.compile("tv-wrong"))
    expect(page.locator(".tv-trouble")).to_have_text("coord_ra: x is not a number")
    grid.param.update(filters={}, problems={})
    expect(box).to_have_value("")
    assert grid.filtered == told  # what Python did is not told back

    # The free condition completes names, tells on Enter and says below itself what is wrong.
    field = page.get_by_label("Condition on all columns")
    field.click()
    page.keyboard.type("sq")
    page.keyboard.press("Tab")
    page.keyboard.type("cmod")
    expect(page.get_by_role("option", name="r_cModelFlux")).to_be_visible()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.keyboard.type(") >")
    page.keyboard.press("Enter")
    until(page, lambda: grid.conditioned and grid.conditioned.text == "sqrt(r_cModelFlux) >")
    grid.condition_problem = "The expression is not complete."
    expect(page.locator(".tv-bubble")).to_have_text("The expression is not complete.")
    shot(page, "condition")
    page.keyboard.type(" 2")
    expect(page.locator(".tv-bubble")).to_be_hidden()
    page.keyboard.press("Enter")
    until(page, lambda: grid.conditioned.text == "sqrt(r_cModelFlux) > 2")
    grid.param.update(condition="sqrt(r_cModelFlux) > 2", condition_problem="")
    expect(field).to_have_class(re.compile("tv-set"))
    grid.condition = ""
    expect(field).to_have_value("")


def test_rows_are_ticked_and_the_current_one_is_followed(serve, archive, grid, until):
    page = serve(grid, archive.routes())
    ticks = page.locator(".tv-table tbody th")
    ticks.nth(1).click()
    until(page, lambda: grid.checked is not None)
    assert grid.checked == (1, (1,), True, False)
    expect(cell(page, 1, 0)).to_have_class(re.compile("tv-selected"))
    ticks.nth(4).click(modifiers=["Shift"])
    until(page, lambda: grid.checked.n == 2)
    assert grid.checked.rows == (1, 2, 3, 4) and grid.checked.on
    ticks.nth(2).click()
    until(page, lambda: grid.checked.n == 3)
    assert grid.checked.rows == (2,) and not grid.checked.on
    page.locator(".rt-group-corner.tv-check").click()
    until(page, lambda: grid.checked.n == 4)
    assert grid.checked == (4, (), True, True)
    archive.selected = set(archive.order)
    grid.version += 1
    expect(page.locator('.rt-group-corner[aria-checked="true"]')).to_be_visible()
    cell(page, 2, 1).click()
    until(page, lambda: grid.clicked is not None)
    assert grid.clicked.row == 2
    grid.param.update(current=2, current_place=2)
    expect(cell(page, 2, 0)).to_have_class(re.compile("tv-current"))
    page.get_by_role("button", name="Next page").click()
    expect(cell(page, 100, 0)).to_have_class(re.compile("tv-selected"))
    expect(page.locator("td.tv-current")).to_have_count(0)
    page.get_by_role("button", name="Previous page").click()
    expect(cell(page, 2, 0)).to_have_class(re.compile("tv-current"))
    until(page, lambda: grid.paged.page == 0)
    paged, clicked = grid.paged, grid.clicked
    grid.param.update(current=1777, current_place=1777)  # another view pointed at it
    expect(cell(page, 1777, 0)).to_have_class(re.compile("tv-current"))
    expect(cell(page, 1777, 0)).to_be_in_viewport()
    expect(range_text(page)).to_have_text("1,701-1,800 of 3,746")
    until(page, lambda: grid.page == 17)
    assert (grid.paged, grid.clicked) == (paged, clicked)


def test_it_outlives_moving_and_asks_nothing_while_hidden(serve, archive, grid, until):
    grid.visible = False
    frame = pn.Column(pn.pane.Str("above"), grid)
    page = serve(frame, archive.routes())
    grid.version += 1
    page.wait_for_timeout(200)
    assert archive.asked == []
    grid.visible = True
    at_row(page, 0)
    assert len(archive.asked) == 1
    page.get_by_role("button", name="Next page").click()
    at_row(page, 100)
    until(page, lambda: grid.page == 1)
    frame[:] = [pn.Row(grid)]
    expect(page.get_by_text("above")).to_have_count(0)
    at_row(page, 100)
    cell(page, 101, 0).click()
    until(page, lambda: grid.clicked is not None and grid.clicked == (grid.clicked.n, 101))


@pytest.mark.parametrize(("theme", "size"), [("light", (1440, 900)), ("dark", (1024, 768))])
def test_it_reads_well(serve, archive, grid, shot, theme, size):
    archive.selected = {3, 4, 5, 9}
    grid.param.update(
        width=size[0] // 2 if theme == "dark" else 1300,
        height=640,
        current=6,
        frozen=1,
        n_all=5000,
        sort=[["coord_ra", "asc"], ["band", "desc"]],
        filters={"coord_ra": "> 61", "r_cModelFlux": "> x"},
        problems={"r_cModelFlux": "x is not a number"},
    )
    page = serve(grid, archive.routes(), theme=theme, size=size)
    cell(page, 6, 1).click()
    bar = page.locator(".tv-pagebar")
    assert bar.evaluate("bar => bar.scrollWidth <= bar.clientWidth + 1")
    shot(page, theme)
