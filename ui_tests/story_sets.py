"""Selections as things: drawn, joined, named, filtered by, copied, said in ADQL, and all of it taken back again."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from ui_tests.chart_kit import boxes, number
from ui_tests.portal_kit import run_query, wait_rows

QUERY = (
    "SELECT objectId, coord_ra, coord_dec, g_psfMag AS g, r_psfMag AS r FROM dp1.Object WHERE r_psfMag < 23"
    " AND CONTAINS(POINT('ICRS', coord_ra, coord_dec), CIRCLE('ICRS', 62.0, -37.0, 0.15)) = 1"
)
ROWS = re.compile(r"([\d,]+) of ([\d,]+) rows")


def test_a_selection_is_joined_named_used_and_taken_back(portal, visit, shot) -> None:
    page = visit(portal)
    expect.set_options(timeout=8_000)
    run_query(page, QUERY)
    wait_rows(page)
    line, panel = page.locator(".tv-results"), page.locator(".tv-sets")
    page.locator(".tv-axes", has_text="points").wait_for()
    page.locator(".tv-chart [title='Box Select']").first.click()
    # Two boxes, the second added to the first; the chips say how many rows are in each and in both.
    boxes(page, 1, 0.2, 0.45)
    one, two = boxes(page, 2, 0.6, 0.9, "Shift")
    total = line.get_by_text(re.compile("^= "))
    expect(total).to_have_text(re.compile(rf"= {one + two:,} of "))
    rows = number(ROWS.search(total.inner_text())[2])
    line.get_by_label(re.compile("How box on .* is joined")).select_option("and")
    expect(total).to_have_text("= 0 of " + f"{rows:,} rows")
    page.keyboard.press("Escape")
    line.get_by_role("button", name="Undo select").click()
    expect(total).to_have_text(re.compile(rf"= {one + two:,} of "))
    # Both have a name, and become one set; all others are marked instead.
    line.get_by_role("button", name="Sets").click()
    expect(panel.get_by_text(re.compile("box on .* or box on"))).to_be_visible()
    panel.get_by_label("Name of the set").fill("both ends")
    panel.get_by_role("button", name="Save as set").click()
    expect(line.locator(".chip.marked")).to_have_text([re.compile(rf"both ends \({one + two:,}\)")])
    line.get_by_role("button", name="Invert").click()
    expect(panel.get_by_text(f"not both ends {rows - one - two:,} of {rows:,} rows")).to_be_visible()
    shot(page, "sets")
    # As ids on a list that can be downloaded, digit by digit.
    with page.expect_download() as given:
        panel.get_by_role("button", name="Download").click()
    ids = given.value.path().read_text().split()
    assert len(ids) == rows - one - two and all(re.fullmatch(r"\d{15,19}", ident) for ident in ids)
    # As a condition of the query, which finds the same rows.
    panel.get_by_role("button", name="Add to query").click()
    editor = page.locator(".tv-editor .cm-content")
    expect(editor).to_contain_text("IS NULL")
    run_query(page)
    expect(line.get_by_role("tab", name="Query 2")).to_have_attribute("aria-selected", "true")
    assert wait_rows(page).startswith(f"{rows - one - two:,} row")
    # As a filter of the first result, and as a result of its own.
    line.get_by_role("tab", name="Query 1").click()
    expect(line.get_by_text(re.compile("both ends"))).to_be_visible()
    panel.get_by_role("button", name="New table").click()
    made = line.get_by_role("tab", name="Query 1: not both ends")
    expect(made).to_have_attribute("aria-selected", "true")
    expect(made).to_contain_text(f"{rows - one - two:,}")
    line.get_by_role("tab", name="Query 1").first.click()
    line.get_by_role("button", name="Filter to marked").click()
    expect(line.locator(".chip.filter")).to_contain_text("not both ends")
    # A closed result comes back, then one step after another, to the start.
    line.get_by_role("tab", name="Query 2").focus()
    page.keyboard.press("Delete")
    expect(line.get_by_role("tab", name="Query 2")).to_have_count(0)
    page.keyboard.press("Control+z")
    expect(line.get_by_role("tab", name="Query 2")).to_have_attribute("aria-selected", "true")
    undo = line.locator("[role=group][aria-label='Undo and redo'] button").first
    for _ in range(20):
        if undo.is_disabled():
            break
        before = undo.get_attribute("aria-label")
        undo.click()
        expect(undo).not_to_have_attribute("aria-label", before)
    expect(undo).to_be_disabled()
    line.get_by_role("tab", name="Query 1").first.click()
    expect(line.locator(".chip")).to_have_count(0)
    expect(panel.get_by_text("No set yet")).to_be_visible()
    assert "IS NULL" not in editor.inner_text()
