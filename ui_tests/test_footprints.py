"""Footprints on the sky: where they are drawn, what a click and the pointer find, thirty thousand of them."""

from __future__ import annotations

import asyncio
import json
import re
import struct
import threading
from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pytest
from playwright.sync_api import Page, expect
from tornado.web import RequestHandler

from portal.sky.outlines import Outlines, read_outlines
from ui_tests.sky_kit import Kit, make


def packed(lines: Outlines, rows: np.ndarray, paint: np.ndarray) -> bytes:
    return b"".join(
        (
            struct.pack("<II", lines.count, len(lines.ra)),
            lines.ra.astype("<f8").tobytes(),
            lines.dec.astype("<f8").tobytes(),
            lines.start.astype("<u4").tobytes(),
            rows.astype("<u4").tobytes(),
            paint.astype("u1").tobytes(),
        )
    )


def served(lines: Outlines, rows: np.ndarray, paint: np.ndarray, marks: list[int]) -> type[RequestHandler]:
    class Handler(RequestHandler):
        def get(self) -> None:
            ask = self.get_query_argument("ask")
            if ask == "row":
                self.finish(json.dumps([["visit", "2025"], ["row", self.get_query_argument("row")]]))
            else:
                body = packed(lines, rows, paint) if ask == "outlines" else np.array(marks, "<u4").tobytes()
                self.finish(body)

    return Handler


def square(ra: float, dec: float, half: float) -> str:
    x = half / np.cos(np.radians(dec))
    return f"POLYGON ICRS {ra - x} {dec - half} {ra + x} {dec - half} {ra + x} {dec + half} {ra - x} {dec + half}"


TEXTS = [square(61.8, -37, 0.05), square(62.2, -37, 0.05), square(62.2, -37, 0.12), "CIRCLE ICRS 62 -36.8 0.05"]
TOLD = {
    "url": "outlines?r=1", "version": 1, "marking": 1, "note": "4 footprints",
    "bands": [{"name": "g", "colour": "#30C39F", "count": 2}, {"name": "r", "colour": "#FF7E00", "count": 2}],
}  # fmt: skip


@pytest.fixture
def kit(serve: Callable[..., Page], until: Callable[..., None]) -> Kit:
    return Kit(serve, until)


def open_with(kit: Kit, handler: type[RequestHandler], **more: object) -> tuple[Page, object]:
    sky = make(catalogs=[], **more)
    page = kit.open(sky, extra=[(r"/outlines", handler)])
    return page, sky


def test_footprints_are_drawn_named_marked_and_picked(kit: Kit, shot: Callable[[Page, str], None]) -> None:
    lines = read_outlines(pa.array(TEXTS))
    rows = np.array([7, 8, 9, 3_000_000_000])
    page, sky = open_with(kit, served(lines, rows, np.array([0, 1, 1, 0]), [7]), outlines=TOLD)
    kit.until(page, lambda: kit.ask("s.lines.outlines.count") == 4)

    def colour(ra: float, dec: float) -> list[int]:
        x, y = kit.ask("sky.pixelOf(s.view, arg[0], arg[1])", [ra, dec])
        return kit.ask("s.lines.colourAt(s.view, arg[0], arg[1])", [x, y])

    left, right = colour(61.8, -37.05), colour(62.2, -37.05)
    assert left[3] > 200 and left[0] > left[2] + 60, "marked: orange and opaque"
    assert right[3] > 120 and right[0] > right[2], "the colour of its band"
    assert colour(61.8, -37.0)[3] == 0, "the inside is empty"
    assert colour(62, -36.85)[3] > 100, "circles too"

    page.get_by_role("button", name="Layers").click()
    panel = page.get_by_role("region", name="Layers")
    panel.locator("summary", has_text="Footprints").click()
    expect(panel).to_contain_text("g 2")
    x, y = kit.pixel(62.2, -37.0)
    page.mouse.move(x, y)
    label = page.locator(".row-label:visible")
    expect(label).to_have_text("visit2025row8more here1")
    kit.until(page, lambda: sky.hovered is not None and sky.hovered.row == 8)
    shot(page, "hover")
    page.get_by_role("button", name="Layers").click()
    page.mouse.click(x, y)
    kit.until(page, lambda: sky.clicked is not None)
    assert sky.clicked.row == 8, "the smaller of the two around it"
    page.mouse.click(x, y)
    kit.until(page, lambda: sky.clicked.row == 9)
    page.mouse.click(*kit.pixel(61.8, -37.0))
    kit.until(page, lambda: sky.clicked.row == 7)
    page.mouse.click(*kit.pixel(62.2, -37.12))
    kit.until(page, lambda: sky.clicked.row == 9)  # its edge
    page.mouse.click(*kit.pixel(62.0, -36.8))
    kit.until(page, lambda: sky.clicked.row == 3_000_000_000)
    sky.param.update(current_row=9, hovered_row=7)
    for name in ("here", "hovered"):
        expect(page.locator(f".outline.{name}")).to_have_attribute("d", re.compile("^M.*L"))

    page.get_by_role("button", name="Layers").click()
    panel.get_by_label("Colour of footprints").select_option("one")
    one = colour(62.2, -37.05)
    assert one[2] > one[0], "one colour for all"
    panel.get_by_label("Show").uncheck()
    assert colour(61.8, -37.05)[3] == 0
    page.mouse.click(*kit.pixel(62.0, -36.85))
    assert kit.ask("s.lines.pick(s.view, ...arg)", list(kit.ask("sky.pixelOf(s.view, 62, -36.85)"))) == [], "hidden"
    sky.outlines = {"note": "The outlines have more than 4,000,000 corners. Filter the rows first.", "wrong": True}
    expect(panel).to_contain_text("4,000,000 corners")
    assert kit.ask("s.lines.outlines.count") == 0


def test_a_mark_while_the_outlines_are_on_their_way_does_not_lose_them(kit: Kit) -> None:
    lines = read_outlines(pa.array(TEXTS))
    base, gate = served(lines, np.arange(4), np.zeros(4, int), [2]), threading.Event()

    class Slow(base):
        async def get(self) -> None:
            while self.get_query_argument("ask") == "outlines" and not gate.is_set():
                asked.append(1)
                await asyncio.sleep(0.02)
            base.get(self)

    asked: list[int] = []
    page, sky = open_with(kit, Slow, outlines=TOLD)
    kit.until(page, lambda: bool(asked))
    sky.outlines = {**TOLD, "marking": 2, "note": "told again"}
    expect(page.locator(".section.footprints .note")).to_have_text("told again")
    gate.set()
    kit.until(page, lambda: kit.ask("s.lines.outlines.count") == 4 and kit.ask("s.lines.marked.has(2)"))


def test_thirty_thousand_across_ra_zero(kit: Kit, shot: Callable[[Page, str], None]) -> None:
    rng = np.random.default_rng(4)
    n = 30_000
    ra, dec = rng.uniform(0, 360, n), np.degrees(np.arcsin(rng.uniform(-1, 1, n)))
    texts = [square(a, d, 0.4) if abs(d) < 89 else f"CIRCLE ICRS {a} {d} 0.4" for a, d in zip(ra, dec)]
    texts[1] = "RANGE -10 10 -5 5"
    lines = read_outlines(pa.array(texts))
    page, _ = open_with(
        kit, served(lines, np.arange(n)[lines.row], lines.row % 6, []), outlines=TOLD, target=(0, 0, 300)
    )
    kit.until(page, lambda: kit.ask("s.lines.outlines.count") == n)
    shot(page, "many")
    # The middle of the screen lies in the range across RA 0, whose edge is a parallel.
    x, y = kit.ask("sky.pixelOf(s.view, 0, 0)")
    found = kit.ask("s.lines.pick(s.view, arg[0], arg[1]).map((i) => s.lines.outlines.row[i])", [x, y])
    assert found[-1] == 1
    x, y = kit.ask("sky.pixelOf(s.view, 359, 5)")
    assert 1 in kit.ask("s.lines.pick(s.view, arg[0], arg[1]).map((i) => s.lines.outlines.row[i])", [x, y])
