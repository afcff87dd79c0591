"""Coming back: a reload, a lost server, ``kill -9`` bring the page back as it was, running jobs included."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page

from ui_tests.portal_kit import SLOW_QUERY, run_query, wait_rows

FILTER = "18..21"
ROWS = re.compile(r"/feed/[^?]+\?start=0&count=")  # the grid asks for its first page


def prepare(page: Page) -> None:
    """A page with a result that is sorted, filtered and pointed at, in a layout of its own."""
    run_query(page)
    wait_rows(page)
    page.get_by_label("Sky and table").click()
    # The rows asked for must have come before one is clicked: a row that is still on screen may not pass the filter.
    with page.expect_response(ROWS):
        page.locator(".tv-table").get_by_label(re.compile("filter.*imag$", re.IGNORECASE)).fill(FILTER)
        page.keyboard.press("Enter")
    page.locator(".tv-results", has_text=f"imag {FILTER}").wait_for()
    with page.expect_response(ROWS):
        page.locator(".tv-table th", has_text=re.compile("^rmag")).first.click()
    page.locator(".tv-table td", has_text=re.compile(r"^\d{15,19}$")).first.click()
    page.locator(".tv-table .tv-current").first.wait_for()
    page.locator(".tv-curvebar", has_text=re.compile(r"\d{15,19}")).wait_for()


def look(page: Page) -> dict[str, object]:
    page.locator(".tv-table td", has_text=re.compile(r"^\d{15,19}$")).first.wait_for()
    page.locator(".tv-table .tv-current").first.wait_for()
    return {
        "current": re.search(r"\d{15,19}", page.locator(".tv-table tr:has(.tv-current)").first.inner_text())[0],
        "first": page.locator(".tv-table td", has_text=re.compile(r"^\d{15,19}$")).first.inner_text(),
        "chips": page.locator(".tv-results .chip").all_inner_texts(),
        "layout": page.locator("[data-layout].page").first.get_attribute("data-layout"),
        "query": page.locator(".tv-editor .cm-content").inner_text(),
        "tabs": page.locator(".tv-results .tab .title").all_inner_texts(),
    }


def again(page: Page, url: str) -> None:
    page.goto(url)
    page.get_by_role("button", name="Run", exact=True).wait_for()


@pytest.mark.timeout(400)  # it starts two servers
def test_a_reload_and_a_killed_server_bring_everything_back(own_portal, visit, troubles) -> None:
    mortal = own_portal(TRIVIEW_PRESET="small")
    troubles.allow(
        "ERR_CONNECTION", "WebSocket", "Failed to load resource", "Lost websocket", "Could not open websocket"
    )
    page = visit(mortal)
    prepare(page)
    before, url = look(page), page.url
    assert "?s=" in url
    page.wait_for_timeout(300)
    page.reload()
    page.get_by_role("button", name="Run", exact=True).wait_for()
    assert look(page) == before

    # The job of another page still runs at the service when the server is killed.
    busy = visit(mortal)
    run_query(busy, SLOW_QUERY)
    busy.locator(".tv-run", has_text="Running at the service").wait_for()
    busy_url = busy.url
    busy.wait_for_timeout(500)
    mortal.kill()
    mortal.start()
    again(busy, busy_url)
    busy.locator(".tv-run", has_text="Running at the service").wait_for()
    busy.get_by_role("button", name="Stop").first.click()
    busy.locator(".tv-run", has_text="Stopped").wait_for()
    assert "dp1.ForcedSource AS a" in busy.locator(".tv-editor .cm-content").inner_text()
    busy.close()
    page.wait_for_timeout(2500)  # the old page finds the new server by itself: that, too, asks no other host
    again(page, url)
    assert look(page) == before
