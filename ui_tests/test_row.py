"""Row details: values with errors, search, steps, rows pinned side by side with their differences, links, copying."""

from __future__ import annotations

import json

from playwright.sync_api import expect
from tornado.web import RequestHandler

from widgets.row import RowDetails

FIRST_ID = 1651281746966117377
N_FLAGS = 1290
COLUMNS = [
    {"name": "objectId", "unit": "", "datatype": "long", "ucd": "meta.id", "description": "The <b>id</b>", "error": -1},
    {"name": "flux", "unit": "nJy", "datatype": "float", "ucd": "phot.flux", "description": "Flux", "error": 2},
    {"name": "fluxErr", "unit": "nJy", "datatype": "float", "ucd": "", "description": "Its error", "error": -1},
    {"name": "access_url", "unit": "", "datatype": "char", "ucd": "", "description": "Links", "error": -1},
    {"name": "note", "unit": "", "datatype": "char", "ucd": "", "description": "", "error": -1},
    *({"name": f"flag_{n}", "unit": "", "datatype": "boolean", "ucd": "meta.code", "description": f"F {n}", "error": -1}
      for n in range(N_FLAGS)),
]  # fmt: skip


def cells(row: int) -> list:
    exact = str(FIRST_ID + row)
    url = f"http://127.0.0.1/links?ID={row}" if row else "javascript:alert(1)"
    flags = [["true" if n == 700 and row == 1 else "false"] * 2 for n in range(N_FLAGS)]
    return [
        [exact, exact],
        ["24.5", f"24.5000{row}1"],
        ["0.5", "0.5"],
        [url, url],
        [None, None] if row else ["", ""],
        *flags,
    ]


class Rows(RequestHandler):
    def get(self):
        rows = [int(row) for row in self.get_argument("rows").split(",")]
        self.finish(json.dumps({"columns": COLUMNS, "rows": {str(row): cells(row) for row in rows}}))


def test_a_row_is_read_compared_and_copied(serve, until, shot) -> None:
    panel = RowDetails(url="row", current=0, place="1 of 3,746", first=True, width=340, height=620)
    panel.param.watch(lambda event: panel.param.update(current=panel.current + event.new.by, first=False), "stepped")
    panel.param.watch(
        lambda event: setattr(
            panel, "pinned", [row for row in panel.pinned if row != event.new.row] + [event.new.row] * event.new.on
        ),
        "pinned_by_hand",
    )  # fmt: skip
    page = serve(panel, [("/row", Rows)])
    lines = page.locator(".tv-row .line[data-name]")
    of = lambda name: page.locator(f'.tv-row .line[data-name="{name}"]')  # noqa: E731
    expect(of("objectId").locator(".value")).to_have_text(str(FIRST_ID))
    expect(of("flux").locator(".value")).to_have_text("24.5 ± 0.5 nJy")
    expect(of("fluxErr")).to_have_count(0)  # it stands beside its value
    expect(of("note").locator(".value.null")).to_have_count(0)
    expect(of("access_url").get_by_role("link")).to_have_count(0)
    expect(page.get_by_label("Previous row")).to_be_disabled()
    expect(page.locator(".about")).to_contain_text("The <b>id</b>")
    assert lines.count() < 60  # of 1,295
    find = page.get_by_label("Find in the row")
    find.fill("error")
    expect(of("fluxErr").locator(".value")).to_have_text("0.5 nJy")
    find.fill("meta.code 700")
    expect(lines).to_have_count(1)
    find.press("Escape")

    page.get_by_role("button", name="Pin", exact=True).click()
    until(page, lambda: panel.pinned == [0])
    page.get_by_label("Next row").click()
    until(page, lambda: panel.current == 1)
    values = of("objectId").locator(".value")
    expect(values).to_have_text([str(FIRST_ID + 1), str(FIRST_ID)])
    expect(of("note").locator(".value.null")).to_have_count(1)
    link = of("access_url").get_by_role("link")
    assert (link.get_attribute("rel"), link.get_attribute("target")) == ("noopener noreferrer", "_blank")
    page.get_by_role("button", name="≠ only").click()
    expect(page.locator(".line.differs[data-name]")).to_have_count(5)
    assert lines.evaluate_all("lines => lines.map(line => line.dataset.name)") == [
        "objectId", "flux", "access_url", "note", "flag_700",
    ]  # fmt: skip
    shot(page, "compared")
    page.get_by_role("button", name="Copy").click()
    text = page.evaluate("navigator.clipboard.readText()").split("\n")
    assert text[:3] == [
        "column\tunit\trow 2\trow 1",
        f"objectId\t\t{FIRST_ID + 1}\t{FIRST_ID}",
        "flux\tnJy\t24.500011\t24.500001",
    ]
    assert len(text) == len(COLUMNS) + 1

    # By keyboard: lines, steps, letting go.
    page.locator(".tv-row .scroll").focus()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowDown")
    expect(page.locator(".about")).to_contain_text("error: fluxErr = 0.5")
    page.keyboard.press("ArrowLeft")
    expect(of("objectId").locator(".value")).to_have_text([str(FIRST_ID)])
    page.keyboard.press("p")
    until(page, lambda: panel.pinned == [])
    panel.param.update(current=-1, message="Click a row of the table.")
    expect(page.get_by_text("Click a row of the table.")).to_be_visible()
