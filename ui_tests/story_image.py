"""From rows to pixels: Rubin's tutorials on images (DP1 105.1, DP0.2 10, science tutorial 03), with the mouse."""

from __future__ import annotations

import re

import numpy as np
from playwright.sync_api import Page, expect

from ui_tests.portal_kit import run_query, wait_rows

AREA = "CONTAINS(POINT('ICRS', 62.0, -37.0), s_region) = 1"
OBS = "SELECT lsst_visit, lsst_detector, lsst_band, t_min, s_ra, s_dec, s_region, access_url FROM ivoa.ObsCore"
VISITS = f"{OBS} WHERE dataproduct_subtype = 'lsst.visit_image' AND {AREA} ORDER BY t_min"
OBJECTS = (
    "SELECT objectId, coord_ra, coord_dec FROM dp1.Object WHERE i_cModelFlux > 20000"
    " AND CONTAINS(POINT('ICRS', coord_ra, coord_dec), CIRCLE('ICRS', 62.0, -37.0, 0.05)) = 1"
)


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
    for number in (1, 2, 4):
        page.locator(".tv-table tbody th").nth(number).click()
    page.locator(".tv-frames").get_by_role("button", name="More").click()
    offers = page.locator(".tv-frames .menu button").all_inner_texts()
    assert {"Detectors of this visit", "Open the marked rows", "Tile the first rows shown"} <= set(offers)
    shot(page, "offers")
    page.get_by_role("button", name="Open the marked rows").click()
    ready(page, 3)
    marked = [shown[number][0] for number in (1, 2, 4)]
    assert [title.split()[-1].split("-")[0] for title, _ in images_of(page)] == marked
    # What is no image says so beside those that are; the page goes on, and comes back with all of them.
    page.locator(".tv-frames").get_by_role("button", name="More").click()
    page.get_by_label("Address of a FITS file").fill(f"{portal.url}/healthz")
    page.keyboard.press("Enter")
    page.locator(".tv-image").get_by_text("gave no FITS file but").first.wait_for()
    shot(page, "marked")
    page.reload()
    page.locator(".tv-image").get_by_text("gave no FITS file but").first.wait_for()
    expect(page.locator(".tv-frames").get_by_role("button", name="Opened 4")).to_have_attribute("aria-pressed", "true")


def test_an_object_in_six_bands_aligned_with_the_same_stretch(portal, visit, shot) -> None:
    """Science tutorial 03: six coadds, aligned by the sky, centred, logarithmic to 99 %."""
    page = visit(portal)
    run_query(page, OBJECTS)
    wait_rows(page)
    page.locator(".tv-table tbody tr").first.wait_for()
    page.keyboard.press("Alt+i")
    row(page, 0)
    ready(page, 6)
    assert [band for _, band in images_of(page)] == list("ugrizy")
    page.keyboard.press("Alt+5")  # the sky pane alone: room for six
    image = page.locator(".tv-image")
    image.get_by_label("Side by side (T)").click()
    image.get_by_label("Stretch").first.select_option("log")
    image.get_by_label("Cuts").first.select_option("99")
    ready(page, 6)
    cells = viewer(
        page,
        """const { scene } = root.fits; return scene.cells.map((cell) => {
             const [x, y] = cell.pixelAt(cell.width / 2, cell.height / 2); return cell.sky(x, y); });""",
    )
    ra, dec = np.array(cells).T
    assert len(cells) == 6
    apart = np.hypot((ra - ra[0]) * np.cos(np.radians(dec[0])), dec - dec[0]) * 3600
    assert apart.max() < 0.01, f"arcsec between the middles of six bands: {apart}"
    shot(page, "six")
    page.keyboard.press("Alt+1")
    page.get_by_role("tab", name="Sky").click()
    expect(page.locator(".fits-view")).to_be_visible()
    page.get_by_label("Light or dark").click()
    page.wait_for_function("document.documentElement.dataset.theme === 'dark'")
    ready(page, 6)
    shot(page, "strip-dark")
