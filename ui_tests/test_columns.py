"""The column chooser with 1,300 columns: found by words, shown, hidden, moved, frozen, by hand and keyboard."""

from __future__ import annotations

import json

from playwright.sync_api import expect
from tornado.web import RequestHandler

from portal.table.arrangement import Arrangement
from widgets.columns import ColumnChooser

NAMES = [
    f"{band}_{what}{n}"
    for n in range(27)
    for what in ("psfFlux", "psfFluxErr", "extendedness", "flag")
    for band in "ugrizyjhkabc"
]
COLUMNS = [
    {"name": name, "datatype": "float", "unit": "nJy" * ("Flux" in name), "ucd": "phot.flux" * ("Flux" in name),
     "description": "Flux <b>& more</b>" if n == 0 else f"Column {n} of the table"}
    for n, name in enumerate(NAMES)
]  # fmt: skip


class Result:
    """What the view does with the gestures, without a session."""

    def __init__(self, chooser: ColumnChooser) -> None:
        self.chooser, self.layout = chooser, Arrangement()
        chooser.param.watch(lambda event: self.take(event.new), "arranged")
        self.show()

    def take(self, gesture) -> None:
        self.layout = self.layout.act(NAMES, gesture.verb, gesture.columns, gesture.text, gesture.width)
        self.show()

    def show(self) -> None:
        self.names = self.layout.ordered(NAMES)
        hidden = set(self.layout.hidden)
        self.chooser.param.update(
            hidden=[place for place, name in enumerate(self.names) if name in hidden],
            frozen=len(self.layout.frozen),
            sky=self.layout.sky,
            version=self.chooser.version + 1,
        )

    def routes(self):
        result, by_name = self, {column["name"]: column for column in COLUMNS}

        class Listed(RequestHandler):
            def get(self):
                self.finish(json.dumps({"columns": [by_name[name] for name in result.names]}))

        return [("/columns", Listed)]


def test_columns_are_found_shown_moved_and_kept(serve, until, shot) -> None:
    chooser = ColumnChooser(url="columns", positions=True, width=340, height=600)
    result = Result(chooser)
    page = serve(chooser, result.routes())
    lines = page.locator(".tv-columns .line")
    status = page.locator(".tv-columns [role=status]")
    expect(status).to_have_text(f"{len(NAMES)} of {len(NAMES)} shown")
    assert lines.count() < 40  # of 1,296
    assert "<b>& more</b>" in lines.first.inner_text()

    # Words may stand in name, description, UCD and unit, all of them must.
    find = page.get_by_label("Find columns")
    find.fill("g_psf phot njy")
    expect(status).to_contain_text("54 found")
    page.get_by_role("button", name="Only these").click()
    until(page, lambda: len(result.layout.shown(NAMES)) == 54)
    assert all(name.startswith("g_psf") for name in result.layout.shown(NAMES))
    find.fill("no such words")
    expect(page.get_by_text("No column has these words.")).to_be_visible()
    find.press("Escape")
    page.get_by_role("button", name="Hidden").click()
    expect(status).to_contain_text(f"{len(NAMES) - 54} found")
    page.get_by_role("button", name="Shown", exact=True).click()
    expect(status).to_contain_text("54 found")

    # By keyboard: down, hide, keep at the left, move.
    find.press("ArrowDown")
    shown = result.layout.shown(NAMES)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Alt+ArrowUp")
    until(page, lambda: result.layout.shown(NAMES)[:2] == (shown[1], shown[0]))
    page.keyboard.press("End")
    page.keyboard.press("f")
    until(page, lambda: result.layout.frozen == (shown[-1],))
    expect(page.locator(f'.line[data-name="{shown[-1]}"] .pin[aria-pressed="true"]')).to_be_attached()
    page.keyboard.press("Space")
    until(page, lambda: shown[-1] in result.layout.hidden)

    # By hand: tick, drag before another line, reset.
    first = result.layout.shown(NAMES)[0]
    page.keyboard.press("Home")
    page.get_by_label(f"Show {first}").uncheck()
    until(page, lambda: first in result.layout.hidden)
    shown = result.layout.shown(NAMES)
    expect(lines.first).to_have_attribute("data-name", shown[0])
    source, goal = lines.nth(0).locator(".grip").bounding_box(), lines.nth(3).bounding_box()
    page.mouse.move(source["x"] + 5, source["y"] + 8)
    page.mouse.down()
    page.mouse.move(goal["x"] + 20, goal["y"] + 6, steps=4)
    shot(page, "dragging")
    page.mouse.up()
    until(page, lambda: result.layout.shown(NAMES)[:3] == (shown[1], shown[2], shown[0]))
    page.get_by_role("button", name="h m s").click()
    until(page, lambda: result.layout.sky == "hms")
    page.get_by_role("button", name="Reset").click()
    until(page, lambda: result.layout == Arrangement())
