"""Images of an object compared, measured and marked: Rubin's science tutorial 03, DP0.2 11 and 12, with the mouse."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect

from portal.image.regions import read_regions
from ui_tests.portal_kit import run_query, wait_rows

OBJECTS = (
    "SELECT objectId, coord_ra, coord_dec, i_cModelFlux FROM dp1.Object WHERE i_cModelFlux > 3000"
    " AND CONTAINS(POINT('ICRS', coord_ra, coord_dec), CIRCLE('ICRS', 62.0, -37.0, 0.02)) = 1"
    " ORDER BY i_cModelFlux DESC"
)


def viewer(page: Page, script: str, *given: object) -> object:
    return page.locator(".fits-view").evaluate(f"(root, given) => {{ const v = root.fits; {script} }}", list(given))


def ready(page: Page, images: int) -> None:
    """Until so many images are there with all their pixels, and the rows on them."""
    page.wait_for_function(
        """(n) => { const find = (root) => root.querySelector?.('.fits-view')
             ?? [...(root.querySelectorAll?.('*') ?? [])].map((x) => x.shadowRoot && find(x.shadowRoot)).find(Boolean);
           const fits = find(document)?.fits;
           const list = fits?.images.list ?? [];
           return list.length === n && list.every((one) => one.ready) && !fits.tiles.waiting; }""",
        arg=images,
        timeout=90_000,
    )


def take(page: Page, name: str) -> Locator:
    page.locator(f'.tv-image [data-tool="{name}"]').click()
    sheet = page.locator(".tv-image .dock")
    expect(sheet).to_be_visible()
    return sheet


def at(page: Page, x: float, y: float) -> None:
    """The pointer to a place of the current image, given as parts of its width and height."""
    spot = viewer(
        page,
        """const cell = v.scene.cells[0]; const { nx, ny } = cell.image;
           const [px, py] = cell.screen(given[0] * nx, given[1] * ny); return [cell.left + px, cell.top + py];""",
        x, y,
    )  # fmt: skip
    box = page.locator(".tv-image .host").bounding_box()
    page.mouse.move(box["x"] + spot[0], box["y"] + spot[1])


def drag(page: Page, start: tuple, end: tuple) -> None:
    at(page, *start)
    page.mouse.down()
    at(page, (start[0] + end[0]) / 2, (start[1] + end[1]) / 2)
    at(page, *end)
    page.mouse.up()


def rings(page: Page) -> list[dict]:
    """Rows on the current image: their pixels, and the peak of the image near each by a parabola through 3 x 3."""
    return viewer(
        page,
        """const image = v.scene.current;
           const { known } = v.overlay.tools.find((tool) => tool.name === 'layers').catalogue;
           const made = known.get(`${image.id} ${image.serial}`);
           const value = (x, y) => v.scene.valueAt(image, x, y);
           const found = [];
           for (let k = 0; k < (made?.n ?? 0); k++) {
             let [i, j] = [Math.round(made.x[k]), Math.round(made.y[k])];
             for (let step = 0; step < 3; step++) {
               let best = [value(i, j), i, j];
               for (let a = -1; a <= 1; a++) for (let b = -1; b <= 1; b++)
                 if (value(i + a, j + b) > best[0]) best = [value(i + a, j + b), i + a, j + b];
               [, i, j] = best;
             }
             const top = (a, b, c) => (a - c) / (2 * (a - 2 * b + c));
             found.push({ row: made.row[k], x: made.x[k], y: made.y[k], peak: value(i, j),
               px: i + top(value(i - 1, j), value(i, j), value(i + 1, j)),
               py: j + top(value(i, j - 1), value(i, j), value(i, j + 1)) });
           }
           return found;""",
    )


@pytest.mark.timeout(400)  # images in software, six of them, beside other tests
def test_the_images_of_an_object_are_compared_measured_and_marked(portal, visit, shot) -> None:
    page = visit(portal)
    run_query(page, OBJECTS)
    wait_rows(page)
    page.locator(".tv-table tbody tr").first.wait_for()
    page.keyboard.press("Alt+i")
    page.locator(".tv-table tbody tr").first.locator("td").nth(1).click()
    ready(page, 6)
    page.keyboard.press("Alt+5")  # the sky pane alone: room for six
    image = page.locator(".tv-image")

    # Science tutorial 03: six coadds, aligned by the sky, logarithmic to 99 %.
    assert viewer(page, "return v.images.list.map((one) => one.band);") == list("ugrizy")
    image.get_by_label("Side by side (T)").click()
    image.get_by_label("Stretch").first.select_option("log")
    image.get_by_label("Cuts").first.select_option("99")
    ready(page, 6)
    middles = viewer(
        page,
        """return v.scene.cells.map((cell) => cell.sky(...cell.pixelAt(cell.width / 2, cell.height / 2)));""",
    )
    ra, dec = np.array(middles).T
    assert len(middles) == 6
    apart = np.hypot((ra - ra[0]) * np.cos(np.radians(dec[0])), dec - dec[0]) * 3600
    assert apart.max() < 0.01, f"arcsec between the middles of six bands: {apart}"
    shot(page, "six")
    image.get_by_label("One image (S)").click()
    page.locator(".tv-frames").get_by_label("How much of the image").select_option("1′")
    ready(page, 6)
    image.get_by_role("button", name="i band").click()
    ready(page, 6)

    # The rows of the result lie on their objects, and a click picks one.
    expect(image.locator(".rows-row")).to_have_attribute("d", re.compile("M"))
    found = [ring for ring in rings(page) if ring["peak"] > 100]
    scale = viewer(page, "return v.scene.current.lattice.scale;")
    away = [np.hypot(ring["x"] - ring["px"], ring["y"] - ring["py"]) * scale for ring in found]
    assert len(found) >= 2 and max(away) < 0.1, f"arcsec from rings to peaks: {away}"
    # DP0.2 11: compass in purple, a Galactic grid, a ruler with offsets in degrees, a mask plane, a marker.
    sheet = take(page, "layers")
    sheet.get_by_label("Colour of compass and scale").evaluate(
        "node => { node.value = '#a020f0'; node.dispatchEvent(new Event('input')); }"
    )
    expect(image.locator(".layer.compass path").first).to_have_css("stroke", "rgb(160, 32, 240)")
    with page.expect_response(lambda r: "ask=grid" in r.url and r.ok):
        sheet.get_by_label("Coordinate grid").select_option("galactic")
    expect(image.locator(".grid-label").first).to_be_visible()
    image.get_by_label("Tint bad pixels").click()
    sheet = take(page, "ruler")
    drag(page, (0.3, 0.4), (0.42, 0.6))
    sheet.get_by_label("Unit of lengths").select_option("°")
    expect(sheet.locator(".rows")).to_contain_text(re.compile(r"0\.\d{6}° PA \d+\.\d° · Δα cos δ [+−]0\.\d{6}° · Δδ"))
    sheet = take(page, "regions")
    drag(page, (0.5, 0.3), (0.6, 0.3))
    sheet.get_by_label("Label of the region").fill("NE")
    sheet.get_by_label("Label of the region").press("Enter")
    expect(image.locator(".layer.regions .label")).to_have_text("NE")
    with page.expect_response(lambda r: "ask=statistics" in r.url and r.ok):
        drag(page, (0.5, 0.3), (0.45, 0.35))
    expect(sheet.locator(".statistics")).to_contain_text("Median")
    shot(page, "layers")
    sheet = take(page, "layers")
    sheet.get_by_label("Rulers (1)").uncheck()
    expect(image.locator(".layer.ruler path")).to_have_count(0)
    sheet.get_by_label("Delete rulers").click()
    expect(sheet.get_by_text("Rulers")).to_have_count(0)

    # A region marks the rows inside it.
    sheet = take(page, "regions")
    sheet.get_by_role("button", name="Box", exact=True).click()
    drag(page, (0.5, 0.5), (0.7, 0.75))
    drawn = viewer(page, "return v.overlay.tools.marks.list.at(-1);")
    sheet.get_by_role("button", name="mark", exact=True).click()
    chip = page.locator(".tv-results").get_by_text(re.compile("box at"))
    expect(chip).to_be_visible()
    assert drawn["kind"] == "box" and len(drawn["sizes"]) == 2

    # DP0.2 12: values along a line with a width, and at points; both become tables, the points DS9 regions too.
    sheet = take(page, "profile")
    sheet.get_by_label("Width of the line").fill("3")
    drag(page, (0.3, 0.3), (0.45, 0.55))
    expect(sheet.locator(".told")).to_contain_text("samples")
    shot(page, "profile")
    sheet = take(page, "points")
    for x, y in ((0.2, 0.5), (0.4, 0.3), (0.6, 0.8)):
        at(page, x, y)
        with page.expect_response(lambda r: "ask=points" in r.url and r.ok):
            page.mouse.down()
            page.mouse.up()
    expect(sheet.locator(".row")).to_have_count(3)
    expect(sheet.locator(".row").first).to_contain_text("nJy")
    sheet.get_by_label("in all images").check()
    shot(page, "points")
    sheet.get_by_role("button", name="As a table").click()
    tabs = page.locator(".tv-results .tab")
    expect(tabs).to_have_count(2)
    expect(tabs.nth(1)).to_contain_text("18 points on")
    ready(page, 6)  # the images stay
    sheet = take(page, "regions")
    with page.expect_download() as saved:
        sheet.get_by_role("button", name="Save", exact=True).click()
    read = read_regions(Path(saved.value.path()).read_text()).regions
    assert [item.shape for item in read] == ["circle", "box", "line", "point", "point", "point"]
    assert read[0].text == "NE" and all(item.system == "icrs" for item in read)
