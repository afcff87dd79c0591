"""The three views are one: a row chosen in any of them is chosen in the others, and so is a region."""

from __future__ import annotations

import re

from playwright.sync_api import Page

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
    kit.settle()
    page.wait_for_function(
        "() => { const f = (n) => n.querySelector?.('.sky-view') ?? [...(n.querySelectorAll?.('*') ?? [])]"
        ".map((x) => x.shadowRoot && f(x.shadowRoot)).find(Boolean);"
        " return f(document).sky.stage.layer.points.count > 50; }"
    )
    return page, kit


def rows_shown(page: Page) -> int:
    return int(re.search(r"of ([\d,]+)", page.locator(".tv-table").inner_text())[1].replace(",", ""))


def chips(page: Page) -> list[str]:
    return page.locator(".tv-results .chip").all_inner_texts()


def current_cells(page: Page) -> list[str]:
    page.locator(".tv-table .tv-current").first.wait_for()
    return page.locator(".tv-table tr:has(.tv-current)").first.inner_text().split()


def test_a_marker_on_the_sky_is_a_row_of_the_table(portal, visit) -> None:
    page, kit = opened(portal, visit)
    cells = page.locator(".tv-table tbody tr").nth(6).inner_text().split()
    ident, ra, dec = next(c for c in cells if ID.match(c)), *[float(c) for c in cells if re.match(r"^-?\d+\.\d{7}$", c)]
    page.mouse.click(*kit.pixel(ra, dec))
    assert ident in current_cells(page)
    page.locator(".tv-curvebar", has_text=ident).wait_for()


def test_a_row_of_the_table_is_marked_on_the_sky(portal, visit) -> None:
    page, kit = opened(portal, visit)
    row = page.locator(".tv-table tbody tr").nth(4)
    ra, dec = (float(c) for c in row.inner_text().split() if re.match(r"^-?\d+\.\d{7}$", c))
    row.locator("td").first.click()
    current_cells(page)
    page.wait_for_timeout(500)
    marked = kit.ask("sky.marks.current")
    assert abs(marked[0] - ra) < 1e-6 and abs(marked[1] - dec) < 1e-6


def test_a_box_on_the_chart_marks_rows_and_becomes_a_filter(portal, visit) -> None:
    page, kit = opened(portal, visit)
    before = rows_shown(page)
    page.locator(".tv-chart [title='Box Select']").first.click()
    box = page.locator(".tv-chart canvas").first.bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.55, box["y"] + box["height"] * 0.25)
    page.mouse.down()
    # Far at once: a pointer that rests after it went down is a press, and no drag any more.
    page.mouse.move(box["x"] + box["width"] * 0.8, box["y"] + box["height"] * 0.7)
    page.mouse.move(box["x"] + box["width"] * 0.9, box["y"] + box["height"] * 0.75)
    page.mouse.up()
    page.locator(".tv-results .chip", has_text="box on").wait_for()
    page.locator(".tv-table .tv-selected").first.wait_for()
    page.wait_for_timeout(500)
    chosen = kit.ask("Array.from(s.layer.points.chosen ?? s.layer.points.selected ?? []).filter(Boolean).length")
    assert 0 < chosen < before
    page.get_by_role("button", name="Filter to marked").click()
    page.locator(".tv-results .chip.filter").wait_for()
    page.wait_for_timeout(500)
    assert rows_shown(page) == chosen
    page.locator(".tv-axes", has_text=f"{chosen:,} points").wait_for()
    page.locator(".tv-results .chip.filter button").click()
    page.wait_for_timeout(500)
    assert rows_shown(page) == before and not chips(page)


def test_a_box_on_the_sky_marks_rows(portal, visit) -> None:
    page, _ = opened(portal, visit)
    page.locator(".tv-sky").get_by_label(re.compile("rectangle|box", re.IGNORECASE)).first.click()
    host = page.locator(".tv-sky .host").first.bounding_box()
    page.mouse.move(host["x"] + host["width"] * 0.4, host["y"] + host["height"] * 0.3)
    page.mouse.down()
    page.mouse.move(host["x"] + host["width"] * 0.6, host["y"] + host["height"] * 0.7, steps=6)
    page.mouse.up()
    page.locator(".tv-results .chip", has_text="region").wait_for()
    page.get_by_role("button", name="Filter to marked").click()
    page.locator(".tv-results .chip.filter").wait_for()


def test_ticked_rows(portal, visit) -> None:
    page, _ = opened(portal, visit)
    boxes = page.locator(".tv-table tbody th")
    boxes.nth(1).click()
    page.locator(".tv-results .chip", has_text=re.compile(r"row \d")).wait_for()
    boxes.nth(3).click()
    page.locator(".tv-results .chip", has_text="2 rows").wait_for()
    page.get_by_role("button", name="Filter to marked").click()
    page.wait_for_timeout(800)
    assert rows_shown(page) == 2
    page.get_by_label(re.compile("^Remove 2 rows")).click()


def test_two_quick_ticks_add_to_what_is_marked(portal, visit) -> None:
    page, _ = opened(portal, visit)
    for place in (1, 3, 5):
        page.locator(".tv-table tbody th").nth(place).click(no_wait_after=True)
    page.locator(".tv-results .chip", has_text="3 rows").wait_for()


def test_the_chart_shows_all_rows_that_stream_in(portal, visit) -> None:
    page = visit(portal)
    box = page.get_by_label("Row limit (MAXREC)")
    box.fill("400000")
    box.press("Tab")
    run_query(page, "SELECT objectId, psfFlux, psfFluxErr FROM dp1.ForcedSource WHERE psfFlux > 0 AND psfFluxErr > 0")
    wait_rows(page)
    page.locator(".tv-axes", has_text="400,000 points as density · cut at the row limit").wait_for()


def test_an_id_in_the_target_box_is_found(portal, visit) -> None:
    page, _ = opened(portal, visit)
    ident = page.locator(".tv-table td", has_text=ID).nth(5).inner_text()
    target = page.get_by_label("Go to a name, coordinates or an objectId")
    target.fill(ident)
    target.press("Enter")
    assert ident in current_cells(page)
    target.fill("nowhere at all")
    target.press("Enter")
    page.get_by_role("alert").filter(has_text="'nowhere at all' is no position, and no name resolver is set").wait_for()
