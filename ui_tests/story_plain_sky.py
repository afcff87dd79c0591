"""A browser without WebGL2: the server draws the same views, and the hands on them go on working."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser

from ui_tests.conftest import FLAGS, launched
from ui_tests.portal_kit import run_query, wait_rows

CONE = """SELECT objectId, coord_ra, coord_dec, r_psfMag FROM dp1.Object
WHERE CONTAINS(POINT('ICRS', coord_ra, coord_dec), CIRCLE('ICRS', 62.0, -37.0, 0.05)) = 1 AND r_psfMag < 21"""


@pytest.fixture(scope="module")
def browser(browser: Browser) -> Iterator[Browser]:
    """Chromium as on a machine whose graphics are turned off."""
    flags = [flag for flag in FLAGS if not re.search("gl|gpu", flag)]
    found = launched(browser.browser_type, [*flags, "--disable-gpu", "--disable-3d-apis"])
    yield found
    found.close()


def picture_of(page) -> np.ndarray:
    """The sky as it is on the screen, RGB."""
    with Image.open(io.BytesIO(page.locator(".tv-sky .host").screenshot())) as image:
        return np.asarray(image.convert("RGB")).astype(int)


def dot_to_click(page) -> tuple[str, list[float]]:
    """Id and pixel of a row of the table, not the current one, that lies free of the sky's tools."""
    cells = page.locator(".tv-table tbody tr").evaluate_all(
        "rows => rows.map(row => [...row.cells].map(c => c.innerText))"
    )
    for texts in cells[1:]:
        ident, ra, dec = [text.strip() for text in texts if re.fullmatch(r"-?[\d.]{8,}", text.strip())][:3]
        at, size = page.locator(".tv-sky .viewer").evaluate(
            """(node, [ra, dec]) => { const { view } = node.sky.stage;
               return [node.sky.pixelOf(view, ra, dec), [view.width, view.height]]; }""",
            [float(ra), float(dec)],
        )
        if 70 < at[1] < size[1] - 50 and 20 < at[0] < size[0] - 80:
            return ident, at
    raise AssertionError("no row of the table lies in the middle of the sky")


def test_the_sky_is_drawn_by_the_server(portal, visit, shot) -> None:
    page = visit(portal)
    with page.expect_response(lambda answer: "fov=" in answer.url and "kind=" in answer.url) as first:
        run_query(page, CONE)
        wait_rows(page)
    assert first.value.headers["content-type"] == "image/png"
    page.locator(".tv-sky .notice", has_text="no WebGL2").wait_for()
    page.locator(".tv-sky .notice").evaluate("node => { node.style.display = 'none'; }")  # it may lie on the mark

    # A row of the table is marked where the picture has its dot.
    page.locator(".tv-table td", has_text=re.compile(r"^\d{15,19}$")).first.click()
    mark = page.locator(".tv-sky .marks .current[visibility=visible]")
    mark.wait_for()

    # A dot that is clicked becomes the current row.
    ident, at = dot_to_click(page)
    host = page.locator(".tv-sky .host").bounding_box()
    page.mouse.click(host["x"] + at[0] + 2, host["y"] + at[1])
    page.locator(".tv-table .tv-current", has_text=ident).wait_for()

    page.keyboard.press("Alt+5")  # the sky alone: room to see
    page.locator(".page[data-layout=sky]").wait_for()
    page.locator(".tv-sky .viewer:not(.tv-busy)").wait_for()
    page.wait_for_timeout(500)
    box, host = mark.bounding_box(), page.locator(".tv-sky .host").bounding_box()
    x, y = (int(box[a] + box[b] / 2 - host[a]) for a, b in (("x", "width"), ("y", "height")))
    near = picture_of(page)[y - 3 : y + 4, x - 3 : x + 4].reshape(-1, 3)
    assert (near[:, 2] > near[:, 0] + 40).any(), "no blue dot under the mark of the current row"

    # The wheel zooms, the hand moves, and the picture follows.
    before = page.locator(".tv-sky .field").inner_text()
    with page.expect_response(lambda answer: "fov=" in answer.url and answer.ok):
        page.mouse.move(host["x"] + 300, host["y"] + 150)
        page.mouse.wheel(0, -400)
    assert page.locator(".tv-sky .field").inner_text() != before
    place = page.locator(".tv-sky .place").inner_text()
    with page.expect_response(lambda answer: "fov=" in answer.url and answer.ok):
        page.mouse.down()
        page.mouse.move(host["x"] + 360, host["y"] + 190, steps=4)
        page.mouse.up()
    page.mouse.move(5, 5)
    assert page.locator(".tv-sky .place").inner_text() != place
    shot(page, "sky")
