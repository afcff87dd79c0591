"""A list of targets dropped on the page: corrected, opened, joined with the archive; a bad file loses nothing."""

from __future__ import annotations

import re

import httpx
from playwright.sync_api import Page

from ui_tests.portal_kit import PortalProcess, wait_rows

IDS = ["1651281746966117377", "1651281746966117378", "1651281746966117379"]


def places_of(portal: PortalProcess) -> list[tuple[str, str]]:
    """Positions of three objects of the sample."""
    asked = {"LANG": "ADQL", "FORMAT": "csv", "QUERY": "SELECT TOP 3 coord_ra, coord_dec FROM dp1.Object"}
    text = httpx.post(f"{portal.url}/api/tap/sync", data=asked, trust_env=False, timeout=60).text
    return [tuple(line.split(",")) for line in text.strip().splitlines()[1:]]


def drop(page: Page, name: str, content: str) -> None:
    """Let a file fall on the page, as from the desktop."""
    page.evaluate(
        """([name, content]) => {
          const carried = new DataTransfer();
          carried.items.add(new File([content], name));
          const more = { dataTransfer: carried, bubbles: true, composed: true, cancelable: true };
          for (const kind of ["dragover", "drop"]) document.body.dispatchEvent(new DragEvent(kind, more));
        }""",
        [name, content],
    )


def test_a_list_of_targets(portal, visit, shot) -> None:
    page = visit(portal)
    rows = [f"{key},{ra},{dec},001{n}" for n, (key, (ra, dec)) in enumerate(zip(IDS, places_of(portal)))]
    drop(page, "my targets.csv", "\n".join(["objectId,ra,dec,code", *rows]) + "\n")
    page.get_by_label("Type of code").wait_for()
    with page.expect_response(re.compile(r"types=code")):
        page.get_by_label("Type of code").select_option("int")
    page.get_by_label("First rows").get_by_text("12", exact=True).wait_for()
    assert page.get_by_label("First rows").locator("td").first.inner_text() == IDS[0]
    assert page.get_by_label("RA", exact=True).input_value() == "ra"
    shot(page, "file")
    page.get_by_label("Name in queries").fill("mine")
    page.get_by_role("button", name="Open and use in queries").click()

    # A result like any other, its ids as they were, the code a number as was asked.
    page.locator("[data-upload=mine]").get_by_role("button", name="Write the query").wait_for()
    shot(page, "queries")
    page.locator(".tv-results .tab", has_text="my targets.csv").get_by_text("3").wait_for()
    cells = page.locator(".tv-table td")
    for text in (*IDS, "12"):
        cells.filter(has_text=re.compile(f"^{text}$")).first.wait_for()

    # Joined with the archive.
    page.get_by_label("Table of the archive").select_option("dp1.Object")
    page.get_by_role("button", name="Write the query").click()
    page.locator(".tv-editor", has_text="JOIN TAP_UPLOAD.mine AS u").wait_for()
    page.locator(".tv-schema", has_text="TAP_UPLOAD").wait_for()
    page.locator(".tv-editor .cm-content").click()
    page.keyboard.press("Control+Enter")
    wait_rows(page)
    page.locator(".tv-table th", has_text="separation_arcsec").first.wait_for()
    cells.filter(has_text=re.compile(f"^{IDS[1]}$")).first.wait_for()
    shot(page, "joined")
    page.locator(".tv-editor .cm-content").click()
    page.keyboard.press("Control+End")
    page.keyboard.type(" AND u.co")
    page.locator(".tv-editor .cm-tooltip-autocomplete", has_text="code").wait_for()
    page.keyboard.press("Escape")

    # A file that is none of the known kinds says so; what was there is still there.
    drop(page, "junk.fits", "SIMPLE  =                    T" + "\x00" * 500)
    page.get_by_role("alert").filter(has_text=re.compile("FITS|kind")).wait_for()
    shot(page, "junk")
    page.get_by_role("button", name="Close this panel").click()
    assert page.locator(".tv-results .tab").count() == 2

    page.reload()
    page.locator(".tv-schema", has_text="TAP_UPLOAD").wait_for()
    page.locator(".tv-results .tab", has_text="my targets.csv").click()
    cells.filter(has_text=re.compile(f"^{IDS[2]}$")).first.wait_for()
