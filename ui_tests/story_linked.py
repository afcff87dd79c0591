"""The three views are one: a row chosen in any of them is chosen in the others, and so is a region."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from ui_tests.chart_kit import boxes
from ui_tests.portal_kit import run_query, wait_rows
from ui_tests.sky_kit import Kit

ID = re.compile(r"^\d{15,19}$")
QUERY = (
    "SELECT objectId, coord_ra, coord_dec, g_psfMag, r_psfMag FROM dp1.Object WHERE r_psfMag < 22"
    " AND CONTAINS(POINT('ICRS', coord_ra, coord_dec), CIRCLE('ICRS', 62.0, -37.0, 0.1)) = 1"
)


def opened(portal, visit) -> tuple[Page, Kit]:
    page = visit(portal)
    run_query(page, QUERY)
    wait_rows(page)
    page.locator(".tv-table td", has_text=ID).first.wait_for()
    kit = Kit(None, None)
    kit.page = page
    page.wait_for_function(
        "() => { const f = (n) => n.querySelector?.('.sky-view') ?? [...(n.querySelectorAll?.('*') ?? [])]"
        ".map((x) => x.shadowRoot && f(x.shadowRoot)).find(Boolean);"
        " return f(document)?.sky?.stage?.layer?.points.count > 50; }"
    )
    kit.settle()  # the rows that came are fitted into the view
    return page, kit


def rows_shown(page: Page) -> int:
    return int(re.search(r"of ([\d,]+)", page.locator(".tv-table").inner_text())[1].replace(",", ""))


def chips(page: Page) -> list[str]:
    return page.locator(".tv-results .chip").all_inner_texts()


def current_cells(page: Page) -> list[str]:
    page.locator(".tv-table .tv-current").first.wait_for()
    return page.locator(".tv-table tr:has(.tv-current)").first.inner_text().split()


def test_a_row_chosen_in_one_view_is_chosen_in_the_others(portal, visit) -> None:
    page, kit = opened(portal, visit)
    cells = page.locator(".tv-table tbody tr").nth(6).inner_text().split()
    ident, ra, dec = next(c for c in cells if ID.match(c)), *[float(c) for c in cells if re.match(r"^-?\d+\.\d{7}$", c)]
    page.mouse.click(*kit.pixel(ra, dec))
    assert ident in current_cells(page)
    page.locator(".tv-curvebar", has_text=ident).wait_for()

    row = page.locator(".tv-table tbody tr").nth(4)
    ra, dec = (float(c) for c in row.inner_text().split() if re.match(r"^-?\d+\.\d{7}$", c))
    row.locator("td").first.click()
    for _ in range(100):
        marked = kit.ask("sky.marks.current")
        if marked and abs(marked[0] - ra) < 1e-6:
            break
        page.wait_for_timeout(100)
    assert abs(marked[0] - ra) < 1e-6 and abs(marked[1] - dec) < 1e-6

    ident = page.locator(".tv-table td", has_text=ID).nth(5).inner_text()
    target = page.get_by_label("Go to a name, coordinates or an objectId")
    target.fill(ident)
    target.press("Enter")
    page.locator(".tv-table tr:has(.tv-current)", has_text=ident).first.wait_for()
    target.fill("nowhere at all")
    target.press("Enter")
    page.get_by_role("alert").filter(has_text="'nowhere at all' is no position, and no name resolver is set").wait_for()


def test_a_region_of_one_view_is_marked_in_the_others_and_becomes_a_filter(portal, visit) -> None:
    page, kit = opened(portal, visit)
    before, shown = rows_shown(page), page.locator(".tv-table .tv-range")
    line = page.locator(".tv-results")
    # A box on the chart.
    page.locator(".tv-chart [title='Box Select']").first.click()
    boxes(page, 1, 0.55, 0.9)
    line.locator(".chip", has_text="box on").wait_for()
    page.locator(".tv-table .tv-selected").first.wait_for()
    chosen = 0
    for _ in range(100):
        chosen = kit.ask("Array.from(s.layer.points.chosen ?? s.layer.points.selected ?? []).filter(Boolean).length")
        if chosen:
            break
        page.wait_for_timeout(100)
    assert 0 < chosen < before
    page.get_by_role("button", name="Filter to marked").click()
    line.locator(".chip.filter").wait_for()
    expect(shown).to_have_text(re.compile(f"of {chosen:,}$"))
    page.locator(".tv-axes", has_text=f"{chosen:,} points").wait_for()
    line.locator(".chip.filter button").click()
    expect(shown).to_have_text(re.compile(f"of {before:,}$"))
    assert not chips(page)

    # Rows ticked one after another, as fast as a hand can.
    for place in (1, 3, 5):
        page.locator(".tv-table tbody th").nth(place).click(no_wait_after=True)
    line.locator(".chip", has_text="3 rows").wait_for()
    page.get_by_role("button", name="Filter to marked").click()
    expect(shown).to_have_text(re.compile("of 3$"))
    page.get_by_label(re.compile("^Remove 3 rows")).click()
    expect(shown).to_have_text(re.compile(f"of {before:,}$"))

    # A rectangle on the sky.
    page.locator(".tv-sky").get_by_label(re.compile("rectangle|box", re.IGNORECASE)).first.click()
    host = page.locator(".tv-sky .host").first.bounding_box()
    page.mouse.move(host["x"] + host["width"] * 0.4, host["y"] + host["height"] * 0.3)
    page.mouse.down()
    page.mouse.move(host["x"] + host["width"] * 0.6, host["y"] + host["height"] * 0.7, steps=6)
    page.mouse.up()
    line.locator(".chip", has_text="region").wait_for()
    page.get_by_role("button", name="Filter to marked").click()
    line.locator(".chip.filter").wait_for()

    # Another result, larger than its limit: the chart shows all rows that stream in.
    limit = page.get_by_label("Row limit (MAXREC)")
    limit.fill("400000")
    limit.press("Tab")
    run_query(page, "SELECT objectId, psfFlux, psfFluxErr FROM dp1.ForcedSource WHERE psfFlux > 0 AND psfFluxErr > 0")
    page.locator(".tv-axes", has_text="400,000 points as density · cut at the row limit").wait_for()
