"""The grid by keyboard alone, and its columns moved, widened, hidden and kept at the left."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from portal.table.arrangement import Arrangement
from ui_tests.grid_kit import COLUMNS, FIRST_ID, Archive, cell, clipboard, heads, new_grid, range_text, resting


@pytest.fixture
def archive():
    return Archive()


@pytest.fixture
def grid():
    return new_grid()


def test_the_keyboard_reaches_everything(serve, archive, grid, until, shot):
    page = serve(grid, archive.routes())
    table, active = page.get_by_role("grid", name="Rows of the result"), page.locator(".tv-active")
    expect(table).to_have_attribute("aria-rowcount", "3749")
    expect(table).to_have_attribute("aria-colcount", "7")
    table.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    expect(active).to_have_text(archive.cells[1][1])
    page.keyboard.press("Enter")
    until(page, lambda: grid.clicked is not None and grid.clicked.row == 1)
    page.keyboard.press("Space")
    until(page, lambda: grid.checked is not None and grid.checked.rows == (1,))
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Shift+Space")
    until(page, lambda: grid.checked.rows == (1, 2, 3) and grid.checked.on)
    expect(page.locator('tr[data-row="3"]')).to_have_attribute("aria-rowindex", "7")
    expect(page.locator('tr[data-row="3"]')).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Control+End")
    expect(active).to_have_attribute("aria-colindex", "7")
    expect(page.locator('tr[data-row="3745"] .tv-active')).to_be_in_viewport()
    page.keyboard.press("PageUp")
    page.keyboard.press("Control+Home")
    expect(active).to_have_text(str(FIRST_ID))
    page.keyboard.press("End")
    expect(active).to_have_attribute("aria-colindex", "7")
    page.keyboard.press("Home")
    while not page.locator('tr[data-row="99"] .tv-active').count():
        page.keyboard.press("PageDown")
        page.wait_for_timeout(20)
    page.keyboard.press("PageDown")
    expect(active).to_have_text(str(FIRST_ID + 100))
    page.keyboard.press("ArrowUp")
    expect(active).to_have_text(str(FIRST_ID + 99))
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+S")
    until(page, lambda: grid.sorted is not None and grid.sorted == (grid.sorted.n, "coord_ra", True))
    page.keyboard.press("f")
    expect(page.get_by_label("Filter coord_ra")).to_be_focused()
    page.keyboard.type("> 62")
    page.keyboard.press("ArrowDown")
    expect(table).to_be_focused()
    until(page, lambda: grid.filtered is not None and grid.filtered.text == "> 62")

    # The column's menu: by F2, Alt+Down or its button; letters and arrows, Escape gives the rows back.
    page.keyboard.press("Alt+ArrowDown")
    menu = page.get_by_role("menu", name="Column coord_ra")
    shot(page, "menu")
    page.keyboard.press("s")
    page.keyboard.press("Enter")
    until(page, lambda: grid.ordered is not None and grid.ordered[1:] == ("coord_ra", "desc", False))
    expect(menu).to_be_hidden()
    page.keyboard.press("F2")
    page.keyboard.press("Escape")
    expect(table).to_be_focused()
    for item, held in [
        ("Hide", lambda: grid.arranged and grid.arranged[1:3] == ("hide", ("coord_ra",))),
        ("Move right", lambda: grid.arranged and grid.arranged[1:4] == ("move", ("coord_ra",), "r_cModelFlux")),
        ("Positions as h m s", lambda: grid.arranged and grid.arranged[1:4:2] == ("sky", "hms")),
        ("Profile", lambda: grid.asked and grid.asked[1:] == ("profile", "coord_ra")),
        ("Copy the name", lambda: clipboard(page) == "coord_ra"),
    ]:
        page.keyboard.press("F2")
        page.get_by_role("menuitem", name=item).click()
        until(page, held)
    page.get_by_role("button", name="Columns", exact=True).click()
    until(page, lambda: grid.asked.what == "columns")


def test_columns_are_moved_widened_hidden_and_frozen(serve, archive, grid, until, shot):
    """Also of 1,300 columns only those in sight are fetched, and no cell is ever shown under another column."""
    archive.cells = [[f"{r}:{c}" for c in range(1300)] for r in range(300)]
    archive.order, archive.names = list(range(300)), [f"column_{c}" for c in range(1300)]
    layout = Arrangement()

    def arrange(event) -> None:
        nonlocal layout
        layout = layout.act(archive.names, *event.new[1:])
        archive.shown = [archive.names.index(name) for name in layout.shown(archive.names)]
        grid.param.update(
            shown=archive.shown, frozen=layout.n_frozen(archive.names), layout=grid.layout + 1,
            widths=dict(layout.widths), version=grid.version + 1,
        )  # fmt: skip

    archive.shown = list(range(1300))
    grid.param.watch(arrange, "arranged")
    grid.param.update(columns=[{"name": name, "unit": "nJy"} for name in archive.names], n_rows=300)
    page = serve(grid, archive.routes())
    expect(cell(page, 0, 0)).to_have_text("0:0")
    assert page.locator(".tv-table td").count() < 1500
    assert [uri.partition("columns=")[2] for uri in archive.asked] == ["0-40"]
    page.get_by_role("grid").focus()
    page.keyboard.press("End")
    expect(page.locator(".tv-active")).to_have_text("0:1299")
    expect(page.locator(".tv-active")).to_be_in_viewport()
    assert len(archive.asked) < 6  # not the columns between
    page.keyboard.press("Home")

    page.get_by_role("button", name="column_3", exact=True).hover()
    page.get_by_label("Menu of column_3").click()
    page.get_by_role("menuitem", name="Keep at the left").click()
    expect(cell(page, 0, 0)).to_have_text("0:3")
    page.get_by_role("grid").focus()
    page.keyboard.press("End")
    expect(page.locator(".tv-active")).to_have_text("0:1299")
    expect(cell(page, 0, 0)).to_be_in_viewport()
    expect(cell(page, 0, 0)).to_have_text("0:3")
    assert heads(page)[0] == "column_3"
    page.keyboard.press("Home")
    expect(page.locator(".tv-active")).to_have_text("0:3")

    # A header dragged before another; a divider dragged, and back by a double click.
    source = resting(page.get_by_role("button", name="column_4", exact=True))
    goal = resting(page.get_by_role("button", name="column_1", exact=True))
    page.mouse.move(source["x"] + 10, source["y"] + 8)
    page.mouse.down()
    page.mouse.move(goal["x"] + 2, goal["y"] + 8, steps=5)
    expect(page.locator(".tv-marker")).to_be_visible()
    page.mouse.up()
    until(page, lambda: layout.shown(archive.names)[:4] == ("column_3", "column_0", "column_4", "column_1"))
    expect(cell(page, 0, 2)).to_have_text("0:4")
    assert grid.sorted is None  # a drag is no click
    head = page.locator("thead tr:first-child th", has_text="column_4")
    wide = resting(head)["width"]
    divider = resting(head.locator(".rt-column-resize"))
    page.mouse.move(divider["x"] + 3, divider["y"] + 5)
    page.mouse.down()
    page.mouse.move(divider["x"] + 63, divider["y"] + 5, steps=4)
    page.wait_for_timeout(100)
    page.mouse.up()
    until(page, lambda: abs(dict(layout.widths).get("column_4", 0) - wide - 60) < 6)
    grid.version += 1
    expect(page.locator(".tv-table tbody tr").first).to_be_visible()
    assert abs(head.bounding_box()["width"] - wide - 60) < 6
    page.wait_for_timeout(500)  # or it would be a third click
    head.locator(".rt-column-resize").dblclick()
    until(page, lambda: layout.widths == ())
    shot(page, "wide")

    archive.__init__(50)
    grid.param.update(columns=COLUMNS, shown=[], frozen=0, layout=90, n_rows=50, version=90)
    expect(range_text(page)).to_have_text("1-50 of 50")
    expect(page.locator(".tv-name")).to_have_count(len(COLUMNS))
    expect(cell(page, 0, 0)).to_have_text(str(FIRST_ID))
