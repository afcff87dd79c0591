"""What the tests of the grid share: rows as the portal would serve them, and the way to a cell."""

from __future__ import annotations

import json
import time

from playwright.sync_api import expect
from tornado.web import RequestHandler

from widgets.grid import Grid

FIRST_ID = 1651281746966117377
COLUMNS = [
    {"name": "objectId", "unit": "", "datatype": "long", "ucd": "meta.id", "description": "Id", "numeric": True},
    {"name": "coord_ra", "unit": "deg", "datatype": "double", "ucd": "pos.eq.ra", "numeric": True, "position": "ra"},
    {"name": "coord_dec", "unit": "deg", "datatype": "double", "ucd": "pos.eq.dec", "numeric": True},
    {"name": "r_cModelFlux", "unit": "nJy", "datatype": "float", "numeric": True},
    {"name": "band", "unit": "", "datatype": "char", "description": "<img src=x onerror=alert(1)>"},
    {"name": "note", "unit": "", "datatype": "char"},
]
NAMES = [column["name"] for column in COLUMNS]


class Archive:
    """Rows as the portal would serve them, with the view's order and columns kept beside."""

    def __init__(self, n: int = 3746) -> None:
        self.cells = [
            [
                str(FIRST_ID + i),
                f"{62 + (i * 37 % 1000) / 1000:.7f}",
                f"{-37 + (i * 91 % 1000) / 1000:.7f}",
                None if i % 7 == 3 else f"{(i * 7919) % 10007 / 10:.{i % 3}f}",
                "ugrizy"[i % 6],
                {0: "<b>bold & brave</b>", 1: "http://127.0.0.1/links?ID=1", 2: "javascript:alert(1)"}.get(i, ""),
            ]
            for i in range(n)
        ]
        self.order = list(range(n))
        self.names, self.shown = NAMES, list(range(len(NAMES)))
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
                elif self.get_argument("copy", ""):
                    rows = [int(row) for row in self.get_argument("rows").split(",") if row] or sorted(archive.selected)
                    self.finish("\n".join(["objectId\tband", *(f"{archive.cells[r][0]}\tx" for r in rows)]))
                else:
                    self.page(int(self.get_argument("start")), int(self.get_argument("count")))

            def page(self, start: int, count: int) -> None:
                spans = [map(int, span.split("-")) for span in self.get_argument("columns").split(",") if span]
                places = [archive.shown[x] for x0, x1 in spans for x in range(x0, x1) if x < len(archive.shown)]
                rows = archive.order[start : start + count]
                answer = {
                    "start": start,
                    "total": len(archive.order),
                    "names": [archive.names[x] for x in places],
                    "rows": [[r, int(r in archive.selected), [archive.cells[r][x] for x in places]] for r in rows],
                }
                self.set_header("Content-Type", "application/json")
                self.finish(json.dumps(answer))

        return [(r"/rows", Rows)]


def new_grid() -> Grid:
    """The grid over the rows of an Archive, before it knows of any order, filter or layout."""
    return Grid(url="rows", columns=COLUMNS, n_rows=3746, functions=["sqrt"], width=1000, height=500)


def cell(page, row: int, column: int):
    """The cell of a row number (as in data-row) and a column index."""
    return page.locator(f'.tv-table tr[data-row="{row}"] [aria-colindex="{column + 2}"]')


def at_row(page, number: int):
    """Waits until the first row drawn is this row number."""
    expect(page.locator(".tv-table tbody tr").first).to_have_attribute("data-row", str(number))


def range_text(page):
    return page.locator(".tv-range")


def heads(page) -> list[str]:
    return page.locator(".tv-table thead .tv-name-text").all_inner_texts()


def resting(locator) -> dict[str, float]:
    """The box of an element once it stands still: columns find their widths over a few frames."""
    box, before = locator.bounding_box(), None
    while box != before:
        locator.page.wait_for_timeout(150)
        box, before = locator.bounding_box(), box
    return box


def clipboard(page) -> str:
    return page.evaluate("navigator.clipboard.readText()")
