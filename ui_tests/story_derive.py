"""A computed column from the bar to every view: in the grid, as a condition, on the chart, in the profile."""

from __future__ import annotations

from ui_tests.portal_kit import run_query, wait_rows

QUERY = (
    "SELECT objectId, coord_ra, coord_dec, g_psfFlux, r_psfFlux FROM dp1.Object WHERE r_psfFlux > 500"
    " AND CONTAINS(POINT('ICRS', coord_ra, coord_dec), CIRCLE('ICRS', 62.0, -37.0, 0.1)) = 1"
)


def test_a_computed_column_is_a_column(portal, visit, shot):
    page = visit(portal)
    run_query(page, QUERY)
    wait_rows(page)
    page.locator(".tv-table td").first.wait_for()
    page.locator(".tv-table").get_by_role("button", name="Add column").click()
    form = page.locator(".tv-derive").get_by_role("form", name="A computed column")
    form.get_by_label("Name").fill("g_r")
    form.get_by_label("Expression").fill("-2.5 * log10(g_psfFlux / r_psfFlux)")
    page.locator(".tv-derive .preview tbody tr").nth(4).wait_for()
    with page.expect_response(lambda response: "feed/" in response.url):
        form.get_by_role("button", name="Add column").click()
    page.locator(".tv-table th", has_text="g_r").first.wait_for()
    shot(page, "drawer")
    condition = page.locator(".tv-table").get_by_label("Condition on all columns")
    condition.fill("g_r between 0 and 1 and coord_dec < -36.9")
    condition.press("Enter")
    page.locator(".tv-results .chip", has_text="g_r between").wait_for()
    page.locator(".tv-table").get_by_role("button", name="Profile").click()
    page.locator(".tv-derive form").wait_for(state="hidden")
    page.locator(".tv-profile").get_by_role("tab", name="All columns").click()
    page.locator(".tv-profile .all li", has_text="g_r").get_by_role("button").click()
    page.locator(".tv-profile dt", has_text="Median").wait_for()
    figures = page.locator(".tv-profile dl").inner_text().split("\n")
    low, high = (float(figures[figures.index(name) + 1]) for name in ("Minimum", "Maximum"))
    assert 0 <= low < high <= 1
    shot(page, "profile")
