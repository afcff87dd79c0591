"""What Rubin's tutorials DP1 104.2 and DP0.2 07 and 07.1 do with the coverage chart, done on the sky view."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from PIL import Image
from playwright.sync_api import expect

from ui_tests.portal_kit import PortalProcess, run_query, wait_rows
from ui_tests.sky_kit import Kit

QUERY = (
    "SELECT objectId, coord_ra, coord_dec, scisql_nanojanskyToAbMag(r_cModelFlux) AS rmag FROM dp1.Object"
    " WHERE CONTAINS(POINT('ICRS', coord_ra, coord_dec), CIRCLE('ICRS', 62.0, -37.0, 0.1)) = 1"
)
PLACE = SkyCoord("4h08m02.54s", "-36d58m44.2s")


def test_the_coverage_chart_of_the_tutorials(
    portal: PortalProcess, visit: Callable, shot: Callable, until: Callable
) -> None:
    page = visit(portal)
    run_query(page, QUERY)
    wait_rows(page)
    kit = Kit(None, until)
    kit.page = page
    kit.settle()
    until(page, lambda: kit.ask("s.layer?.points?.count ?? 0") > 50, 20)
    page.keyboard.press("Alt+5")  # the sky alone
    kit.settle()
    start = kit.ask("s.view.fov")

    # 07.1: change the survey to the i band, turn its colours, see values.
    page.locator(".tv-sky").get_by_role("button", name="Layers", exact=True).click()
    page.get_by_label("Search surveys").fill("i band")
    page.locator(".survey-list .name:visible").click()
    until(page, lambda: str(kit.ask("sky.imagery().base?.survey.name")).endswith("i band"), 30)
    page.get_by_label("Invert the base").check()
    page.get_by_label("Tiles of the base").select_option("fits")

    # 07: a grid, the compass in another colour, the projection.
    page.locator(".tv-sky").get_by_label("Grid", exact=True).select_option("galactic")
    page.locator(".tv-sky").get_by_label("Colour of grid, compass, scale and centre").fill("#c77dff")
    expect(page.locator(".tv-sky .grid-labels text").first).to_be_visible()
    page.locator(".tv-sky").get_by_label("Centre", exact=True).check()

    # 07.1: recentre by sexagesimal coordinates; the place is marked. Zoom in three steps, read value and place.
    target = page.get_by_label("Go to a name, coordinates or an objectId")
    target.fill("4h08m02.54s, -36d58m44.2s")
    target.press("Enter")
    until(page, lambda: abs(kit.ask("s.view.fov") - 0.05) < 1e-4, 20)
    kit.settle()
    centre = SkyCoord(*kit.ask("a.getRaDec()"), unit="deg")
    assert centre.separation(PLACE).arcsec < 0.01
    expect(page.locator(".tv-sky .pin text")).to_have_text("4h08m02.54s, -36d58m44.2s")
    shot(page, "customised")
    page.locator(".tv-sky").get_by_role("button", name="Layers", exact=True).click()
    for _ in range(3):
        page.locator(".tv-sky").get_by_label("Zoom in (+)").click()
    kit.settle()
    assert kit.ask("s.view.fov") == pytest.approx(0.05 / 1.5**3, rel=1e-3)
    x, y = kit.pixel(PLACE.ra.deg, PLACE.dec.deg)
    page.mouse.move(x + 4, y)
    page.mouse.move(x, y)
    hours, degrees = page.locator(".tv-sky .readout .place").inner_text().split()[:2]
    told = SkyCoord(hours, degrees.replace("−", "-"), unit=("hourangle", "deg"))
    assert told.separation(PLACE).arcsec < 0.2
    until(page, lambda: page.mouse.move(x, y + 1) or "nJy" in page.locator(".tv-sky .readout .value").inner_text(), 20)

    # 104.2: all rows again, and a picture to keep. (That a marker is a row: story_linked.)
    page.locator(".tv-sky").get_by_label("Show all rows (0)").click()
    until(page, lambda: abs(kit.ask("s.view.fov") / start - 1) < 1.5, 20)
    kit.settle()
    page.locator(".tv-sky .host").focus()
    with page.expect_download() as saved:
        page.keyboard.press("s")
    picture = np.asarray(Image.open(saved.value.path()).convert("RGB"))
    assert picture.shape[1] == kit.ask("s.view.width") and picture[40:].std() > 5
    shot(page, "whole")
