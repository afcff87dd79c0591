"""Boxes drawn on the chart of the whole portal."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect


def number(text: str) -> int:
    return int(text.replace(",", ""))


def box_on_chart(page: Page, left: float, right: float, key: str = "") -> None:
    """A box over a part of the chart's width, full height, perhaps with a key held."""
    frame, before = page.locator(".tv-chart canvas").first.bounding_box(), None
    while frame != before:  # a row of chips that has just come moves the views
        page.wait_for_timeout(300)
        frame, before = page.locator(".tv-chart canvas").first.bounding_box(), frame
    if key:
        page.keyboard.down(key)
    page.mouse.move(frame["x"] + frame["width"] * left, frame["y"] + frame["height"] * 0.15)
    page.mouse.down()
    # Far at once: a pointer that rests after it went down is a press, and no drag any more.
    x, y = frame["x"] + frame["width"] * right, frame["y"] + frame["height"] * 0.8
    page.mouse.move(x - 40, y - 20)
    page.mouse.move(x, y)
    page.mouse.up()
    if key:
        page.keyboard.up(key)


def boxes(page: Page, wanted: int, left: float, right: float, key: str = "") -> list[int]:
    """Draw a box, once more where a page under load lost it; then the numbers on the chips of what is marked."""
    chips = page.locator(".tv-results .chip.marked")
    for _ in range(5):
        box_on_chart(page, left, right, key)
        try:
            expect(chips).to_have_count(wanted, timeout=4_000)
            break
        except AssertionError:
            continue
    for place in range(wanted):
        expect(chips.nth(place)).to_contain_text(re.compile(r"\([\d,]+\)"))
    return [number(re.search(r"\(([\d,]+)\)", text)[1]) for text in chips.all_inner_texts()]
