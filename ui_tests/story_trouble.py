"""When things go wrong: each trouble says so in its view, the rest of the page works, nothing is lost."""

from __future__ import annotations

import re

import httpx
from playwright.sync_api import Page, expect

from ui_tests.portal_kit import SLOW_QUERY, run_query, state_text, wait_rows

IDS = re.compile(r"^\d{15,19}$")
GOOD = "SELECT objectId, coord_ra, coord_dec, g_psfMag, r_psfMag FROM dp1.Object WHERE r_psfMag < 21"


def error_of(page: Page, words: str = r"\S") -> str:
    box = page.locator(".tv-run .tv-error").filter(has_text=re.compile(words))
    box.wait_for()
    return box.inner_text()


def editor_text(page: Page) -> str:
    return page.locator(".tv-editor .cm-content").inner_text()


def tab(page: Page, number: int) -> None:
    """Until the result of the page's query of this number is the one that is shown."""
    line = page.locator(".tv-results").get_by_role("tab", name=re.compile(f"Query {number}\\b"))
    expect(line).to_have_attribute("aria-selected", "true", timeout=20_000)


def still_works(page: Page, number: int) -> None:
    """A good query after the bad one."""
    run_query(page, GOOD)
    tab(page, number)
    wait_rows(page)
    page.locator(".tv-table td", has_text=IDS).first.wait_for()


def test_a_query_that_is_wrong_or_stopped(portal, visit, shot) -> None:
    page = visit(portal)
    still_works(page, 1)
    run_query(page, "SELECT objectId,\n  coord_ra FORM dp1.Object")
    assert "FROM" in error_of(page, "line 2")
    page.locator(".tv-editor .cm-lintRange-error").first.wait_for()
    run_query(page, "SELECT objectId, r_psfMagg FROM dp1.Object")
    assert "Did you mean" in error_of(page, "r_psfMagg")
    assert "r_psfMagg" in editor_text(page)
    shot(page, "unknown-column")
    # The result before is still there, one click away.
    page.locator(".tv-results").get_by_role("tab", name="Query 1").click()
    page.locator(".tv-table td", has_text=IDS).first.wait_for()
    run_query(page, SLOW_QUERY)
    page.locator(".tv-run", has_text="Running at the service").wait_for()
    page.get_by_role("button", name="Stop").first.click()
    page.locator(".tv-run", has_text="Stopped").wait_for()
    assert "ForcedSource AS a" in editor_text(page)
    still_works(page, 5)


def test_a_query_past_its_time(own_portal, visit) -> None:
    page = visit(own_portal(TRIVIEW_ASYNC_SECONDS="2"))
    run_query(page, SLOW_QUERY)
    assert "ForcedSource AS a" in editor_text(page) and re.search(r"\b2\s*s", error_of(page))
    still_works(page, 2)


def test_an_archive_that_is_down(own_portal, visit, troubles) -> None:
    troubles.allow("status 400", "Failed to load resource")
    nowhere = "http://127.0.0.1:9"
    page = visit(own_portal(TRIVIEW_TAP_URL=f"{nowhere}/api/tap", TRIVIEW_HIPS_LIST_URL=f"{nowhere}/list"))
    run_query(page)
    assert "cannot be reached" in error_of(page)
    assert "FROM dp1.Object" in editor_text(page)
    page.locator(".tv-schema", has_text=re.compile("cannot be reached|could not", re.IGNORECASE)).wait_for()
    page.get_by_label("Chart and table").click()
    page.locator(".page[data-layout=chart-table]").wait_for()


def test_a_result_with_nothing_for_a_view(portal, visit, shot) -> None:
    page = visit(portal)
    run_query(page, "SELECT objectId, coord_ra, coord_dec, g_psfMag, r_psfMag FROM dp1.Object WHERE r_psfMag < -5")
    assert wait_rows(page).startswith("0 rows")
    page.locator(".tv-table", has_text="no rows").wait_for()
    words, chart = page.locator(".tv-chart .tv-message"), page.locator(".tv-chart").first
    words.filter(has_text="gave no rows").wait_for()
    assert words.bounding_box()["height"] >= 0.9 * chart.bounding_box()["height"], "the words cover the empty axes"
    page.locator(".tv-table th", has_text="objectId").first.wait_for()
    shot(page, "empty")

    # One row, without a position.
    run_query(page, "SELECT COUNT(*) AS n, AVG(expTime) AS seconds FROM dp1.Visit")
    wait_rows(page, "1 row ")
    page.locator(".tv-sky", has_text="no position columns").wait_for()
    page.locator(".tv-axes", has_text="1 point").wait_for()
    page.locator(".tv-table th", has_text="seconds").first.wait_for()
    page.locator(".tv-table td").nth(1).click()
    page.locator(".tv-lightcurve", has_text="no time series").wait_for()

    # Columns without a number.
    run_query(
        page,
        "SELECT objectId, coord_ra, coord_dec, scisql_nanojanskyToAbMag(0.0 * g_psfFlux) AS a,"
        " scisql_nanojanskyToAbMag(-1.0 * ABS(r_psfFlux)) AS b FROM dp1.Object WHERE r_psfMag < 20",
    )
    page.locator(".tv-chart", has_text="no numbers to draw").wait_for()
    page.locator(".tv-table td", has_text=IDS).first.click()
    page.locator(".tv-curvebar", has_text=re.compile(r"\d{15,19}")).wait_for()
    still_works(page, 4)


def test_a_wrong_filter_and_a_wrong_axis(portal, visit) -> None:
    page = visit(portal)
    run_query(page, GOOD)
    wait_rows(page)
    rows = state_text(page)
    box = page.locator(".tv-table").get_by_label(re.compile("filter.*r_psfMag$", re.IGNORECASE))
    box.fill("> bright")
    box.press("Enter")
    page.locator(".tv-table [aria-invalid=true]").first.wait_for()
    x = page.locator(".tv-axes input[name=x]")
    x.fill("g_psfMag - nothing")
    x.press("Enter")
    wrong = page.locator(".tv-axes .tv-error", has_text="nothing")
    wrong.wait_for()
    page.locator(".tv-table td", has_text=IDS).first.click()
    page.locator(".tv-curvebar", has_text=re.compile(r"\d{15,19}")).wait_for()
    assert wrong.is_visible(), "the chart with its mark on the row takes the words away"
    assert state_text(page) == rows
    x.fill("g_psfMag - r_psfMag")
    x.press("Enter")
    page.locator(".tv-axes .tv-error").filter(has_text="nothing").wait_for(state="hidden")
    page.locator(".tv-axes", has_text="points").wait_for()


def test_a_hidden_view_catches_up(portal, visit) -> None:
    page = visit(portal)
    for number, layout, limit in ((1, "sky-table", 21), (2, "sky-chart", 20.5), (3, "table", 20)):
        asked = f"FROM dp1.Object WHERE r_psfMag < {limit}"
        form = {"LANG": "ADQL", "FORMAT": "csv", "QUERY": f"SELECT COUNT(*) AS n, COUNT(g_psfMag) AS g {asked}"}
        answer = httpx.post(f"{portal.url}/api/tap/sync", data=form, trust_env=False, timeout=60)
        rows, points = (f"{int(number):,}" for number in answer.text.split()[1].split(","))
        layouts = ["", "tri", "sky-table", "sky-chart", "chart-table", "sky", "chart", "table"]
        page.keyboard.press(f"Alt+{layouts.index(layout)}")
        page.locator(f".page[data-layout={layout}]").wait_for()
        run_query(page, f"SELECT objectId, coord_ra, coord_dec, g_psfMag, r_psfMag {asked}")
        tab(page, number)
        wait_rows(page, f"{rows} rows")
        page.keyboard.press("Alt+1")
        page.locator(".page[data-layout=tri]").wait_for()
        page.locator(".tv-table .tv-range", has_text=re.compile(f"of {rows}$")).wait_for()
        page.locator(".tv-axes", has_text=re.compile(rf"[^\d,]{points} points")).wait_for()
