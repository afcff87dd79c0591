"""From rows to pixels: Rubin's tutorials on images DP1 105.1 and DP0.2 10, with the mouse."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from ui_tests.portal_kit import run_query, wait_rows

AREA = "CONTAINS(POINT('ICRS', 62.0, -37.0), s_region) = 1"
OBS = "SELECT lsst_visit, lsst_detector, lsst_band, t_min, s_ra, s_dec, s_region, access_url FROM ivoa.ObsCore"
VISITS = f"{OBS} WHERE dataproduct_subtype = 'lsst.visit_image' AND {AREA} ORDER BY t_min"


def row(page: Page, number: int) -> None:
    page.locator(".tv-table tbody tr").nth(number).locator("td").nth(1).click()


def viewer(page: Page, script: str, *arguments: object) -> object:
    return page.locator(".fits-view").evaluate(f"(root, given) => {{ {script} }}", list(arguments))


def ready(page: Page, images: int, words: str = "") -> None:
    """Until so many images are there, drawn in all their pixels, all of them called by these words."""
    page.wait_for_function(
        """([n, words]) => { const find = (root) => root.querySelector?.('.fits-view')
             ?? [...(root.querySelectorAll?.('*') ?? [])].map((x) => x.shadowRoot && find(x.shadowRoot)).find(Boolean);
           const fits = find(document)?.fits;
           const list = fits?.images.list ?? [];
           return list.length === n && list.every((one) => one.ready && one.title.includes(words))
             && !fits.tiles.waiting; }""",
        arg=[images, words],
        timeout=90_000,
    )


def images_of(page: Page) -> list[list]:
    return viewer(page, "return root.fits.images.list.map((one) => [one.title, one.band]);")


def test_a_row_of_obscore_leads_to_its_image_and_rows_side_by_side(portal, visit, shot) -> None:
    """DP1 105.1 and DP0.2 10: an image query, its first image, another row, a filter, several images at once."""
    page = visit(portal)
    run_query(page, VISITS)
    wait_rows(page)
    page.locator(".tv-table tbody tr").first.wait_for()
    shown = [re.findall(r"\d{9,}|\b[ugrizy]\b", text) for text in page.locator(".tv-table tbody tr").all_inner_texts()]
    page.keyboard.press("Alt+i")
    page.locator(".tv-frames").get_by_label("How much of the image").wait_for(state="hidden")
    row(page, 0)
    size = page.locator(".tv-frames").get_by_label("How much of the image")
    size.select_option("1′")  # of the middle: this machine draws whole exposures slowly
    ready(page, 1)
    (title, band), *_ = images_of(page)
    assert shown[0][0] in title and band == shown[0][1]
    row(page, 1)
    ready(page, 1, shown[1][0])
    for number in (1, 4):
        page.locator(".tv-table tbody th").nth(number).click()
    page.locator(".tv-frames").get_by_role("button", name="More").click()
    offers = page.locator(".tv-frames .menu button").all_inner_texts()
    assert {"Detectors of this visit", "Open the marked rows", "Tile the first rows shown"} <= set(offers)
    shot(page, "offers")
    page.get_by_role("button", name="Open the marked rows").click()
    ready(page, 2)
    marked = [shown[number][0] for number in (1, 4)]
    assert [title.split()[-1].split("-")[0] for title, _ in images_of(page)] == marked
    # What is no image says so beside those that are; the page goes on, and comes back with all of them.
    page.locator(".tv-frames").get_by_role("button", name="More").click()
    page.get_by_label("Address of a FITS file").fill(f"{portal.url}/healthz")
    page.keyboard.press("Enter")
    page.locator(".tv-image").get_by_text("gave no FITS file but").first.wait_for()
    shot(page, "marked")
    page.reload()
    page.locator(".tv-image").get_by_text("gave no FITS file but").first.wait_for()
    expect(page.locator(".tv-frames").get_by_role("button", name="Opened 3")).to_have_attribute("aria-pressed", "true")
    # Back in the strip beside the light curve, the images stay.
    page.get_by_role("tab", name="Sky").click()
    expect(page.locator(".fits-view")).to_be_visible()
    page.get_by_label("Light or dark").click()
    page.wait_for_function("document.documentElement.dataset.theme === 'dark'")
    shot(page, "strip-dark")
