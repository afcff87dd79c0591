"""The grid as an astronomer uses it: read ids, turn pages, sort, filter, tick, keep the current row."""

from __future__ import annotations

import json
import re
import time

import panel as pn
import pytest
from playwright.sync_api import expect
from tornado.web import RequestHandler

from widgets.grid import Grid

FIRST_ID = 1651281746966117377
COLUMNS = [
    {"name": "objectId", "unit": "", "datatype": "long", "ucd": "meta.id", "description": "Id", "numeric": True},
    {"name": "coord_ra", "unit": "deg", "datatype": "double", "ucd": "pos.eq.ra", "numeric": True},
    {"name": "coord_dec", "unit": "deg", "datatype": "double", "ucd": "pos.eq.dec", "numeric": True},
    {"name": "r_cModelFlux", "unit": "nJy", "datatype": "float", "numeric": True},
    {"name": "band", "unit": "", "datatype": "char", "description": "<img src=x onerror=alert(1)>"},
    {"name": "note", "unit": "", "datatype": "char"},
]


class Archive:
    """Rows as the portal would serve them, with the view's order kept beside."""

    def __init__(self, n: int = 3746) -> None:
        self.cells = [
            [
                str(FIRST_ID + i),
                f"{62 + (i * 37 % 1000) / 1000:.7f}",
                f"{-37 + (i * 91 % 1000) / 1000:.7f}",
                None if i % 7 == 3 else f"{(i * 7919) % 10007 / 10:.2f}",
                "ugrizy"[i % 6],
                "<b>bold & brave</b>" if i == 0 else "",
            ]
            for i in range(n)
        ]
        self.order = list(range(n))
        self.selected: set[int] = set()
        self.asked: list[str] = []
        self.fail = False
        self.pause = 0.0

    def routes(self):
        archive = self

        class Rows(RequestHandler):
            def get(self):
                archive.asked.append(self.request.uri)
                time.sleep(archive.pause)
                if archive.fail:
                    self.set_status(503)
                    self.finish({"message": "The result is being <i>written</i>."})
                    return
                start, count = int(self.get_argument("start")), int(self.get_argument("count"))
                rows = archive.order[start : start + count]
                self.set_header("Content-Type", "application/json")
                self.finish(
                    json.dumps(
                        {
                            "start": start,
                            "total": len(archive.order),
                            "rows": [[r, int(r in archive.selected), archive.cells[r]] for r in rows],
                        }
                    )
                )

        return [(r"/rows", Rows)]


@pytest.fixture
def archive():
    return Archive()


@pytest.fixture
def grid():
    return Grid(url="rows", columns=COLUMNS, n_rows=3746, width=1000, height=500)


def cell(page, row: int, column: int):
    """The cell of a row number (as in data-row) and a column index."""
    return page.locator(f'.tv-table tr[data-row="{row}"] td[aria-colindex="{column + 2}"]')


def at_row(page, number: int):
    """Waits until the first row drawn is this row number."""
    expect(page.locator(".tv-table tbody tr").first).to_have_attribute("data-row", str(number))


def range_text(page):
    return page.locator(".tv-range")


def test_ids_are_told_apart_in_cells_and_in_copied_text(serve, archive, grid):
    page = serve(grid, archive.routes())
    for i in range(3):
        expect(cell(page, i, 0)).to_have_text(str(FIRST_ID + i))
    cell(page, 1, 0).click()
    page.keyboard.press("Control+c")
    assert page.evaluate("navigator.clipboard.readText()") == str(FIRST_ID + 1)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Control+c")
    assert page.evaluate("navigator.clipboard.readText()") == str(FIRST_ID + 2)
    # Untrusted text stays text, also in the tooltip of a header.
    expect(cell(page, 0, 5)).to_have_text("<b>bold & brave</b>")
    assert "<img" in page.locator(".tv-name").nth(4).get_attribute("title")
    expect(cell(page, 3, 3)).to_have_class(re.compile("tv-null"))
    expect(cell(page, 3, 3)).to_have_text("")


def test_pages_turn_from_the_bar_and_only_the_user_is_reported(serve, archive, grid, until):
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
    page.wait_for_timeout(150)
    assert grid.paged == last and grid.page == 5


def test_quick_turns_end_on_the_last_one(serve, archive, grid, until):
    archive.pause = 0.03
    page = serve(grid, archive.routes())
    at_row(page, 0)
    for _ in range(6):
        page.get_by_role("button", name="Next page").click(delay=0)
    at_row(page, 600)
    until(page, lambda: grid.page == 6)
    page.wait_for_timeout(300)
    at_row(page, 600)
    assert grid.paged.n == 6 and grid.page == 6


def test_a_late_confirmation_does_not_turn_back(serve, archive, grid, until):
    page = serve(grid, archive.routes())
    at_row(page, 0)
    for _ in range(3):
        page.get_by_role("button", name="Next page").click()
    at_row(page, 300)
    until(page, lambda: grid.page == 3)
    grid.page = 2  # as a slow view would confirm the second turn
    until(page, lambda: grid.page == 3)
    at_row(page, 300)


def test_rows_show_while_more_keep_coming(serve, archive, grid, until):
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
    before = len(archive.asked)
    page.wait_for_timeout(400)
    assert len(archive.asked) - before <= 1
    assert archive.asked[-1].endswith(f"&v={grid.version}")


def test_an_empty_view_says_why(serve, archive, grid):
    archive.order = []
    grid.param.update(n_rows=0, message="No row passes the filters.")
    page = serve(grid, archive.routes())
    expect(page.locator(".tv-empty")).to_have_text("No row passes the filters.")
    expect(range_text(page)).to_have_text("No rows")
    archive.order = [5, 6]
    grid.param.update(n_rows=2, version=1)
    at_row(page, 5)
    expect(page.locator(".tv-empty")).to_be_empty()


def test_sorting_is_asked_and_shown(serve, archive, grid, until):
    page = serve(grid, archive.routes())

    def sort(event):
        archive.order.reverse()
        grid.param.update(sort=[[event.new.column, "desc"]], version=grid.version + 1, page=0)

    grid.param.watch(sort, "sorted")
    page.get_by_role("button", name="coord_ra").click()
    at_row(page, 3745)
    assert grid.sorted.column == "coord_ra" and not grid.sorted.add
    expect(page.locator('th[aria-sort="descending"]')).to_contain_text("coord_ra")
    page.get_by_role("button", name="band").click(modifiers=["Shift"])
    until(page, lambda: grid.sorted.n == 2)
    assert grid.sorted.column == "band" and grid.sorted.add


def test_filter_boxes_keep_caret_and_text_through_redraws(serve, archive, grid, until):
    page = serve(grid, archive.routes())
    box = page.get_by_label("Filter coord_ra")
    box.click()
    page.keyboard.type("> 62")
    grid.version += 1  # a redraw in the middle of typing
    grid.current = 2
    page.wait_for_timeout(150)
    page.keyboard.type(".5")
    expect(box).to_have_value("> 62.5")
    expect(box).to_be_focused()
    page.keyboard.press("Enter")
    until(page, lambda: grid.filtered is not None and grid.filtered.text == "> 62.5")
    assert grid.filtered.column == "coord_ra"

    archive.order = [i for i in archive.order if float(archive.cells[i][1]) > 62.5]
    n = len(archive.order)
    grid.param.update(filters={"coord_ra": "> 62.5"}, n_rows=n, version=grid.version + 1, page=0)
    expect(range_text(page)).to_have_text(f"1-100 of {n:,}")
    grid.param.update(filters={"coord_ra": "> x"}, problems={"coord_ra": "x is not a number"})
    expect(box).to_have_class(re.compile("tv-wrong"))
    expect(page.locator(".tv-trouble")).to_have_text("coord_ra: x is not a number")
    grid.param.update(filters={}, problems={})
    expect(box).to_have_value("")
    page.wait_for_timeout(600)
    assert grid.filtered.n == 1  # what Python did is not told back


def test_rows_are_ticked_singly_in_ranges_and_all(serve, archive, grid, until):
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
    page.get_by_role("button", name="Next page").click()
    expect(cell(page, 100, 0)).to_have_class(re.compile("tv-selected"))


def test_the_current_row_is_kept_and_followed(serve, archive, grid, until):
    page = serve(grid, archive.routes())
    cell(page, 2, 1).click()
    until(page, lambda: grid.clicked is not None)
    assert grid.clicked.row == 2
    grid.param.update(current=2, current_place=2)
    expect(cell(page, 2, 0)).to_have_class(re.compile("tv-current"))
    expect(page.locator("td.tv-current").first).to_have_text(str(FIRST_ID + 2))
    page.get_by_role("button", name="Next page").click()
    at_row(page, 100)
    expect(page.locator("td.tv-current")).to_have_count(0)
    page.get_by_role("button", name="Previous page").click()
    expect(cell(page, 2, 0)).to_have_class(re.compile("tv-current"))
    paged = grid.paged
    grid.param.update(current=1777, current_place=1777)  # another view pointed at it
    expect(cell(page, 1777, 0)).to_have_class(re.compile("tv-current"))
    expect(cell(page, 1777, 0)).to_be_in_viewport()
    expect(range_text(page)).to_have_text("1,701-1,800 of 3,746")
    until(page, lambda: grid.page == 17)
    assert grid.paged == paged and grid.clicked.n == 1


def test_the_keyboard_reaches_everything(serve, archive, grid, until):
    page = serve(grid, archive.routes())
    table = page.get_by_role("grid", name="Rows of the result")
    expect(table).to_have_attribute("aria-rowcount", "3749")
    table.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    expect(page.locator("td.tv-active")).to_have_text(archive.cells[1][1])
    page.keyboard.press("Enter")
    until(page, lambda: grid.clicked is not None and grid.clicked.row == 1)
    page.keyboard.press("Space")
    until(page, lambda: grid.checked is not None and grid.checked.rows == (1,))
    page.keyboard.press("End")
    expect(page.locator("td.tv-active")).to_have_attribute("aria-colindex", "7")
    page.keyboard.press("Control+End")
    page.keyboard.press("Home")
    expect(page.locator("td.tv-active")).to_have_text(str(FIRST_ID + 99))
    page.keyboard.press("PageDown")
    expect(page.locator("td.tv-active")).to_have_text(str(FIRST_ID + 100))
    until(page, lambda: grid.paged is not None and grid.paged.page == 1)
    page.keyboard.press("ArrowUp")
    expect(page.locator("td.tv-active")).to_have_text(str(FIRST_ID + 99))
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+S")
    until(page, lambda: grid.sorted is not None and grid.sorted == (grid.sorted.n, "coord_ra", True))
    page.keyboard.press("f")
    expect(page.get_by_label("Filter coord_ra")).to_be_focused()
    page.keyboard.type("> 62")
    page.keyboard.press("ArrowDown")
    expect(table).to_be_focused()
    until(page, lambda: grid.filtered is not None and grid.filtered.text == "> 62")


def test_1300_columns_scroll_sideways(serve, archive, grid):
    archive.cells = [[f"{r}:{c}" for c in range(1300)] for r in range(300)]
    archive.order = list(range(300))
    grid.param.update(columns=[{"name": f"column_{c}", "unit": "nJy"} for c in range(1300)], n_rows=300)
    page = serve(grid, archive.routes())
    expect(cell(page, 0, 0)).to_have_text("0:0")
    assert page.locator(".tv-table td").count() < 1500
    page.get_by_role("grid").focus()
    page.keyboard.press("End")
    expect(page.locator("td.tv-active")).to_have_text("0:1299")
    expect(page.locator("td.tv-active")).to_be_in_viewport()
    grid.columns = COLUMNS
    archive.__init__(50)
    grid.param.update(columns=COLUMNS, n_rows=50, version=9)
    expect(range_text(page)).to_have_text("1-50 of 50")
    expect(page.locator(".tv-name")).to_have_count(len(COLUMNS))


def test_a_failed_page_says_so_and_the_next_one_heals_it(serve, archive, grid, troubles):
    troubles.allow(r"status 503.*/rows", r"console: Failed to load resource.*503")
    page = serve(grid, archive.routes())
    at_row(page, 0)
    archive.fail = True
    grid.version += 1
    expect(page.locator(".tv-trouble.tv-error")).to_have_text("The result is being <i>written</i>.")
    archive.fail = False
    grid.version += 1
    expect(page.locator(".tv-trouble")).to_have_text("")


def test_it_outlives_moving(serve, archive, grid, until):
    frame = pn.Column(pn.pane.Str("above"), grid)
    page = serve(frame, archive.routes())
    page.get_by_role("button", name="Next page").click()
    at_row(page, 100)
    until(page, lambda: grid.page == 1)
    frame[:] = [pn.Row(grid)]
    expect(page.get_by_text("above")).to_have_count(0)
    at_row(page, 100)
    cell(page, 101, 0).click()
    until(page, lambda: grid.clicked is not None and grid.clicked == (grid.clicked.n, 101))


def test_a_hidden_grid_asks_nothing_and_catches_up(serve, archive, grid):
    grid.visible = False
    page = serve(grid, archive.routes())
    grid.version += 1
    page.wait_for_timeout(200)
    assert archive.asked == []
    grid.visible = True
    at_row(page, 0)
    assert len(archive.asked) == 1


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_reads_well(serve, archive, grid, shot, theme):
    archive.selected = {3, 4, 5, 9}
    grid.param.update(
        width=1200,
        height=640,
        current=6,
        sort=[["coord_ra", "asc"], ["band", "desc"]],
        filters={"coord_ra": "> 61", "r_cModelFlux": "> x"},
        problems={"r_cModelFlux": "x is not a number"},
    )
    page = serve(grid, archive.routes(), theme=theme, size=(1440, 900))
    cell(page, 6, 1).click()
    shot(page, theme)
