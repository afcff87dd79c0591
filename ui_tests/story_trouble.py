"""When things go wrong: each trouble says so in its view, the rest of the page works, nothing is lost."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page

from ui_tests.portal_kit import SLOW_QUERY, run_query, state_text, wait_rows

GOOD = "SELECT objectId, coord_ra, coord_dec, g_psfMag, r_psfMag FROM dp1.Object WHERE r_psfMag < 21"


def error_of(page: Page, words: str = r"\S") -> str:
    box = page.locator(".tv-run .tv-error").filter(has_text=re.compile(words))
    box.wait_for()
    return box.inner_text()


def editor_text(page: Page) -> str:
    return page.locator(".tv-editor .cm-content").inner_text()


def still_works(page: Page) -> None:
    """A good query after the bad one, and the bad one's text is still in the history."""
    run_query(page, GOOD)
    wait_rows(page)
    page.locator(".tv-table td", has_text=re.compile(r"^\d{15,19}$")).first.wait_for()


def test_a_syntax_error_and_an_unknown_column(portal, visit, shot) -> None:
    page = visit(portal)
    run_query(page, GOOD)
    wait_rows(page)
    run_query(page, "SELECT objectId,\n  coord_ra FORM dp1.Object")
    assert "FROM" in error_of(page, "line 2")
    page.locator(".tv-editor .cm-lintRange-error").first.wait_for()
    run_query(page, "SELECT objectId, r_psfMagg FROM dp1.Object")
    assert "Did you mean" in error_of(page, "r_psfMagg")
    assert "r_psfMagg" in editor_text(page)
    shot(page, "unknown-column")
    # The result before is still there, one click away.
    page.locator(".tv-results").get_by_role("tab", name="Query 1").click()
    page.locator(".tv-table td", has_text=re.compile(r"^\d{15,19}$")).first.wait_for()
    still_works(page)


def test_a_query_is_stopped_by_its_user(portal, visit) -> None:
    page = visit(portal)
    run_query(page, SLOW_QUERY)
    page.locator(".tv-run", has_text="Running at the service").wait_for()
    page.get_by_role("button", name="Stop").first.click()
    page.locator(".tv-run", has_text="Stopped").wait_for()
    assert "ForcedSource AS a" in editor_text(page)
    still_works(page)


def test_a_query_past_its_time(own_portal, visit) -> None:
    page = visit(own_portal(TRIVIEW_ASYNC_SECONDS="2"))
    run_query(page, SLOW_QUERY)
    assert "ForcedSource AS a" in editor_text(page) and re.search(r"\b2\s*s", error_of(page))
    still_works(page)


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


def test_an_empty_result(portal, visit, shot) -> None:
    page = visit(portal)
    run_query(page, "SELECT objectId, coord_ra, coord_dec, g_psfMag, r_psfMag FROM dp1.Object WHERE r_psfMag < -5")
    assert wait_rows(page).startswith("0 rows")
    page.locator(".tv-table", has_text="no rows").wait_for()
    words, chart = page.locator(".tv-chart .tv-message"), page.locator(".tv-chart").first
    words.filter(has_text="gave no rows").wait_for()
    assert words.bounding_box()["height"] >= 0.9 * chart.bounding_box()["height"], "the words cover the empty axes"
    page.locator(".tv-table th", has_text="objectId").first.wait_for()
    shot(page, "empty")
    still_works(page)


def test_a_result_without_positions_and_with_one_row(portal, visit) -> None:
    page = visit(portal)
    run_query(page, "SELECT COUNT(*) AS n, AVG(expTime) AS seconds FROM dp1.Visit")
    assert wait_rows(page).startswith("1 row ")
    page.locator(".tv-sky", has_text="no position columns").wait_for()
    page.locator(".tv-table td").first.wait_for()
    page.locator(".tv-axes", has_text="1 point").wait_for()
    page.locator(".tv-table td").nth(1).click()
    page.locator(".tv-lightcurve", has_text="no time series").wait_for()
    still_works(page)


def test_columns_without_a_number(portal, visit) -> None:
    page = visit(portal)
    run_query(
        page,
        "SELECT objectId, coord_ra, coord_dec, scisql_nanojanskyToAbMag(0.0 * g_psfFlux) AS a,"
        " scisql_nanojanskyToAbMag(-1.0 * ABS(r_psfFlux)) AS b FROM dp1.Object WHERE r_psfMag < 20",
    )
    wait_rows(page)
    page.locator(".tv-chart", has_text="no numbers to draw").wait_for()
    page.locator(".tv-table td", has_text=re.compile(r"^\d{15,19}$")).first.click()
    page.locator(".tv-curvebar", has_text=re.compile(r"\d{15,19}")).wait_for()
    still_works(page)


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
    page.locator(".tv-table td", has_text=re.compile(r"^\d{15,19}$")).first.click()
    page.locator(".tv-curvebar", has_text=re.compile(r"\d{15,19}")).wait_for()
    assert wrong.is_visible(), "the chart with its mark on the row takes the words away"
    assert state_text(page) == rows
    x.fill("g_psfMag - r_psfMag")
    x.press("Enter")
    page.locator(".tv-axes .tv-error").filter(has_text="nothing").wait_for(state="hidden")
    page.locator(".tv-axes", has_text="points").wait_for()


@pytest.mark.parametrize("layout", ["sky-table", "sky-chart", "table"])  # chart, table, sky and chart hidden
def test_a_hidden_view_catches_up(portal, visit, layout) -> None:
    page = visit(portal, "/?api=tap&execute=false&adql=" + GOOD.replace(" ", "%20"))
    page.keyboard.press(
        f"Alt+{['', 'tri', 'sky-table', 'sky-chart', 'chart-table', 'sky', 'chart', 'table'].index(layout)}"
    )
    page.locator(f".page[data-layout={layout}]").wait_for()
    run_query(page)
    wait_rows(page)
    page.keyboard.press("Alt+1")
    page.locator(".page[data-layout=tri]").wait_for()
    page.locator(".tv-table td", has_text=re.compile(r"^\d{15,19}$")).first.wait_for()
    page.locator(".tv-axes", has_text=re.compile(r"[\d,]+ points")).wait_for()
