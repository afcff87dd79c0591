"""A million rows in the grid: whatever is sorted, filtered, turned, marked, copied, exported and brought back, every
row stands under its own id, the ids told apart to their last digit."""

from __future__ import annotations

import csv
import io
import time

import httpx
import numpy as np
import panel as pn
import pyarrow as pa
import pytest
from playwright.sync_api import expect

from portal.config import Settings
from portal.jobs.history import History
from portal.jobs.runner import Runner
from portal.session import Session
from portal.table.columns import Column, TableMeta
from views.export import Export
from views.feeds import FeedHandler, Feeds
from views.table import Table

ROWS = 1_000_000
FIRST_ID = 1651281746966117377
PRIME = 1_000_003
TAGS = (np.arange(ROWS, dtype=np.int64) * 7919) % PRIME  # another number of each row, in another order
COLUMNS = (
    Column("objectId", "long", ucd="meta.id;meta.main"),
    Column("coord_ra", unit="deg", ucd="pos.eq.ra"),
    Column("coord_dec", unit="deg", ucd="pos.eq.dec"),
    Column("tag", "int"),
    Column("band", "char"),
)


def million(_) -> tuple[TableMeta, list[pa.RecordBatch]]:
    meta, rows = TableMeta(COLUMNS), np.arange(ROWS)
    bands = pa.DictionaryArray.from_arrays(pa.array((rows % 6).astype("i1")), list("ugrizy")).cast(pa.string())
    arrays = [FIRST_ID + rows, 50 + rows / ROWS, -30 + rows / ROWS, TAGS.astype("i4"), bands]
    return meta, pa.table([pa.array(item) for item in arrays], schema=meta.to_schema()).to_batches(131_072)


@pytest.fixture
def runner(tmp_path):
    history = History(tmp_path)
    made = Runner(Settings(data=tmp_path), history)
    yield made
    made.close()
    history.close()


class Desk:
    """A page with the table of one session, and its downloads."""

    def __init__(self, runner: Runner) -> None:
        self.session = Session(runner)
        self.feeds = Feeds(4)
        job = self.session.make("upload", "million", million)
        while not job.ended:
            time.sleep(0.01)

    def page(self) -> pn.Column:
        document = pn.state.curdoc
        self.session.post = document.add_next_tick_callback
        self.table, self.export = Table(self.session, self.feeds), Export(self.session, self.feeds)
        return pn.Column(self.table.grid, width=1200, height=640)

    def routes(self) -> list[tuple]:
        return [(r"/feed/(.*)", FeedHandler, {"feeds": self.feeds})]


def drawn(page) -> list[tuple[int, str, int, str]]:
    """(row number, id, tag, band) of every row in sight; a row whose columns are not all there is left out."""
    return page.evaluate(
        """() => {
          const roots = [document];
          for (const root of roots) {
            for (const node of root.querySelectorAll("*")) if (node.shadowRoot) roots.push(node.shadowRoot);
          }
          const table = roots.map((root) => root.querySelector(".tv-table regular-table")).find(Boolean);
          const heads = [...table.querySelectorAll("thead tr:first-child th")];
          const at = (name) => heads.findIndex((th) => th.querySelector(".tv-name-text")?.textContent === name);
          const [id, tag, band] = ["objectId", "tag", "band"].map(at);
          return [...table.querySelectorAll("tbody tr")].map(({ dataset, cells }) =>
            [Number(dataset.row), cells[id].textContent, Number(cells[tag].textContent), cells[band].textContent]);
        }"""
    )


def test_every_row_of_a_million_stands_under_its_own_id(serve, until, runner, shot) -> None:
    desk = Desk(runner)
    session = desk.session
    page = serve(desk.page, desk.routes(), size=(1440, 900))

    def shows(wanted) -> None:
        """Until the rows in sight are these, in this order; each one's cells are its own."""
        wanted = [int(row) for row in wanted]

        def right() -> bool:
            lines = drawn(page)
            return len(lines) >= min(len(wanted), 10) and [line[0] for line in lines] == wanted[: len(lines)]

        until(page, right)
        for row, ident, tag, band in drawn(page):
            assert (ident, tag, band) == (str(FIRST_ID + row), TAGS[row], "ugrizy"[row % 6])

    shows(range(100))
    assert [line[1] for line in drawn(page)[:3]] == [f"165128174696611737{digit}" for digit in (7, 8, 9)]
    expect(page.locator(".tv-range")).to_have_text("1-100 of 1,000,000")

    # Sorted by mouse, both ways, and by two columns through the menu.
    up = np.argsort(TAGS)
    page.get_by_role("button", name="tag", exact=True).click()
    shows(up[:100])
    page.get_by_role("button", name="tag", exact=True).click()
    shows(up[::-1][:100])
    box = page.get_by_label("Page number")
    box.fill("7,321")
    box.press("Enter")
    shows(up[::-1][732_000:732_100])
    page.get_by_role("button", name="band", exact=True).hover()
    page.get_by_label("Menu of band").click()
    page.get_by_role("menuitem", name="Sort ascending").click()
    page.get_by_role("button", name="tag", exact=True).click(modifiers=["Shift"])
    g_rows = up[up % 6 == 1]
    shows(g_rows[:100])

    # By keyboard: last row of all, page by page, a filter, the current row, marks.
    grid = page.get_by_role("grid")
    grid.focus()
    page.keyboard.press("Control+End")
    z_rows = up[up % 6 == 4]
    until(page, lambda: drawn(page)[-1][0] == z_rows[-1])
    page.keyboard.press("Control+Home")
    shows(g_rows[:100])
    page.get_by_label("Filter tag").fill("< 3000")
    page.get_by_label("Filter tag").press("Enter")
    few = np.concatenate([up[(up % 6 == place) & (TAGS[up] < 3000)] for place in (1, 3, 2, 0, 5, 4)])  # g i r u y z
    shows(few[:100])
    expect(page.locator(".tv-all")).to_have_text("filtered from 1,000,000")
    page.get_by_label("Filter tag").press("ArrowDown")
    for key in ("ArrowDown", "ArrowDown", "Enter", "Space", "ArrowDown", "ArrowDown", "Shift+Space"):
        page.keyboard.press(key)
    until(page, lambda: session.look.current == few[2] and session.look.clauses)
    marked = [int(row) for row in few[2:5]]
    ids = [str(FIRST_ID + row) for row in marked]
    until(page, lambda: list(session.table().where(session.look.clauses[0].sql)) == sorted(marked))
    expect(page.locator("td.tv-current").first).to_have_text(ids[0])
    shot(page, "marked")

    # The clipboard, the file and the page that comes back have the same rows under the same ids.
    until(page, lambda: desk.table.grid.marked)
    page.keyboard.press("Control+c")
    expect(page.locator(".tv-said")).to_have_text("Copied 3 rows")
    copied = [line.split("\t") for line in page.evaluate("navigator.clipboard.readText()").split("\n")]
    assert copied[0] == [column.name for column in COLUMNS] and [line[0] for line in copied[1:]] == ids
    assert float(copied[1][1]) == 50 + marked[0] / ROWS
    address = page.url + desk.export.menu.url
    text = httpx.get(f"{address}?format=csv&scope=marked&columns=shown", trust_env=False).text
    assert [line["objectId"] for line in csv.DictReader(io.StringIO(text))] == ids
    page.get_by_role("button", name="coord_ra", exact=True).hover()
    page.get_by_label("Menu of coord_ra").click()
    page.get_by_role("menuitem", name="Hide").click()
    until(page, lambda: "coord_ra" in session.look.columns.hidden)
    shows(few[:100])
    text = httpx.get(f"{address}?format=csv&scope=page&columns=shown", trust_env=False).text
    lines = list(csv.DictReader(io.StringIO(text)))
    assert list(lines[0]) == ["objectId", "coord_dec", "tag", "band"]
    assert [line["objectId"] for line in lines] == [str(FIRST_ID + row) for row in few[:100]]
    end = time.monotonic() + 10
    while session._saver.busy and time.monotonic() < end:
        page.wait_for_timeout(20)
    again = Session(runner, session.workspace)
    assert again.look == session.look and again.look.current == marked[0]
    assert sorted(again.table().where(again.look.clauses[0].sql).tolist()) == sorted(marked)
    again.end()

    # An id asked for digit by digit is that row and no neighbour.
    session.undo()
    session.change(filters=(), sort=())
    page.get_by_label("Filter objectId").fill(str(FIRST_ID + 1))
    page.get_by_label("Filter objectId").press("Enter")
    shows([1])
    page.close()  # before what answers it: a page goes on asking
    desk.feeds.close()
