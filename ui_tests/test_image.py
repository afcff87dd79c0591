"""The cutout viewer: north up, east left, exact values and positions, bands, stretches, zoom and messages."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from io import BytesIO

import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.wcs import WCS
from playwright.sync_api import Page, expect
from tornado.web import RequestHandler

from portal.sky.cutout import cutout_payload
from widgets.image import Cutout

NX, NY = 120, 100
STAR = (90, 70)  # right of and above the middle: west and north of the object


def sky_wcs() -> WCS:
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.crval = [62.0, -37.0]
    wcs.wcs.crpix = [4000.0, 2500.0]
    wcs.wcs.cdelt = np.array([-0.2, 0.2]) / 3600
    return wcs


def scene(band: str) -> np.ndarray:
    """Noise, a galaxy in the middle brighter towards the red, and one star."""
    flux = {"g": 0.5, "r": 1.0, "i": 1.6}[band]
    y, x = np.mgrid[:NY, :NX]
    image = np.random.default_rng(ord(band)).normal(0, 4, (NY, NX))
    image += flux * 900 * np.exp(-np.hypot((x - 60) / 1.4, y - 50) / 6)
    image += 4000 * np.exp(-((x - STAR[0]) ** 2 + (y - STAR[1]) ** 2) / 8)
    return image.astype("f4")


@cache
def files() -> list[tuple[str, bytes]]:
    found = []
    for band in "gri":
        header = sky_wcs().to_header()
        header["BUNIT"] = "nJy"
        mask = np.zeros((NY, NX), "i4")
        mask[STAR[1], STAR[0]] = 2
        parts = [fits.PrimaryHDU(), fits.ImageHDU(scene(band), header, name="IMAGE"), fits.ImageHDU(mask, name="MASK")]
        parts[2].header["MP_BAD"], parts[2].header["MP_SAT"] = 0, 1
        out = BytesIO()
        fits.HDUList(parts).writeto(out)
        found.append((band, out.getvalue()))
    return found


class Cutouts(RequestHandler):
    def get(self, what: str) -> None:
        if what == "broken":
            self.finish(b"\1\0\0\0")
        elif what == "absent":
            self.set_status(404)
            self.finish("No image covers this position.")
        else:
            self.finish(cutout_payload(files(), f"Object {what} <b>x</b>"))


@pytest.fixture
def show(serve: Callable[..., Page]) -> Callable[..., Page]:
    def open_page(widget: Cutout, **more: object) -> Page:
        return serve(widget, routes=[(r"/cutout/(\w+)", Cutouts)], **more)

    return open_page


def make(**more: object) -> Cutout:
    return Cutout(**{"url": "cutout/1", "width": 600, "height": 500} | more)


def hover(page: Page, x: float, y: float) -> None:
    """Puts the pointer on the middle of an image pixel."""
    at = page.locator(".image-view").evaluate("(root, p) => root.image.view.screen(...p)", [x, y])
    box = page.locator(".image-view .host").bounding_box()
    page.mouse.move(box["x"] + at[0], box["y"] + at[1])


def shade(page: Page, x: int, y: int) -> list[int]:
    """RGB painted for an image pixel."""
    return page.locator(".image-view").evaluate(
        "(root, [x, y]) => [...root.image.sheet.getContext('2d').getImageData(x, root.image.sheet.height - 1 - y, 1, 1)"
        ".data].slice(0, 3)",
        [x, y],
    )


def test_values_and_positions_are_those_of_the_file(show: Callable[..., Page]) -> None:
    page = show(make(band="r"))
    expect(page.locator(".title")).to_have_text("Object 1 <b>x</b>")
    for x, y in (STAR, (3, 5), (60, 50)):
        hover(page, x, y)
        value = page.locator(".value")
        expect(value).to_contain_text(f"r {scene('r')[y, x]:.5g}".replace("-", "−")[:7])
        expect(value).to_contain_text("nJy")
        got = page.locator(".image-view").evaluate("(root, p) => root.image.pixels().skyAt(...p)", [x, y])
        assert SkyCoord(*got, unit="deg").separation(sky_wcs().pixel_to_world(x, y)).mas < 0.01
    hover(page, *STAR)
    expect(page.locator(".value")).to_contain_text("SAT")
    ra = sky_wcs().pixel_to_world(*STAR).ra.to_string("hour", sep=":", precision=1, pad=True)
    expect(page.locator(".place")).to_contain_text(ra[:8])


def test_north_is_up_and_east_is_left(show: Callable[..., Page]) -> None:
    page = show(make(band="r"))
    expect(page.locator(".compass text")).to_have_count(2)
    screen = page.locator(".image-view").evaluate("(root, p) => root.image.view.screen(...p)", list(STAR))
    middle = page.locator(".image-view").evaluate("(root, p) => root.image.view.screen(...p)", [60, 50])
    assert screen[0] > middle[0] and screen[1] < middle[1]
    star, centre = sky_wcs().pixel_to_world(*STAR), sky_wcs().pixel_to_world(60, 50)
    assert star.ra < centre.ra and star.dec > centre.dec
    # The star's light is on the canvas where the view says it is.
    lit = page.locator(".image-view canvas").evaluate(
        "(node, p) => [...node.getContext('2d').getImageData(Math.round(p[0]), Math.round(p[1]), 1, 1).data]", screen
    )
    assert min(lit[:3]) > 230
    letters = {node.text_content(): node.bounding_box() for node in page.locator(".compass text").all()}
    assert letters["E"]["x"] < letters["N"]["x"] and letters["N"]["y"] < letters["E"]["y"]


def test_bands_colours_and_stretches(show: Callable[..., Page], until: Callable[..., None]) -> None:
    widget = make()
    page = show(widget)
    buttons = page.locator(".bands button")
    expect(buttons).to_have_text(["g", "r", "i", "gri"])
    expect(page.locator(".bands button[aria-pressed=true]")).to_have_text("gri")
    red, green, blue = shade(page, 60, 50)
    assert red > green > blue, "the galaxy is red"
    buttons.filter(has_text="i").first.click()
    until(page, lambda: widget.band == "i")
    red, green, blue = shade(page, 60, 58)
    assert red == green == blue
    page.get_by_label("Stretch").select_option("linear")
    until(page, lambda: widget.stretch == "linear")
    assert shade(page, 60, 58)[0] > red, "zscale's narrow range is bright"
    page.get_by_label("Invert (X)").click()
    until(page, lambda: widget.invert)
    assert shade(page, 60, 58)[0] < 128
    widget.band = "g"
    expect(page.locator(".bands button[aria-pressed=true]")).to_have_text("g")


def test_the_wheel_zooms_about_the_pointer_and_0_shows_all(show: Callable[..., Page]) -> None:
    page = show(make(band="r"))
    expect(page.locator(".cross")).to_be_visible()
    root = page.locator(".image-view")
    hover(page, *STAR)
    before = root.evaluate("(r, p) => [...r.image.view.screen(...p), r.image.view.zoom]", list(STAR))
    page.mouse.wheel(0, -300)
    page.wait_for_timeout(100)
    after = root.evaluate("(r, p) => [...r.image.view.screen(...p), r.image.view.zoom]", list(STAR))
    assert after[2] > 1.5 * before[2]
    assert after[:2] == pytest.approx(before[:2], abs=1.5)
    page.locator(".image-view .host").focus()
    page.keyboard.press("0")
    assert root.evaluate("r => r.image.view.zoom") == pytest.approx(before[2])


def test_a_new_object_replaces_the_old_and_messages_are_text(
    show: Callable[..., Page], until: Callable[..., None]
) -> None:
    widget = make()
    page = show(widget)
    expect(page.locator(".title")).to_have_text("Object 1 <b>x</b>")
    widget.url = "cutout/2"
    expect(page.locator(".title")).to_have_text("Object 2 <b>x</b>")
    widget.param.update(url="", message="Click a row to see its image. <i>")
    expect(page.locator(".message")).to_have_text("Click a row to see its image. <i>")
    expect(page.locator(".title")).to_have_text("")
    expect(page.locator(".tv-busy")).to_have_count(0)
    widget.busy = True
    expect(page.locator(".tv-busy")).to_have_count(1)


def test_what_cannot_be_shown_says_why(show: Callable[..., Page], troubles: object) -> None:
    troubles.allow("404")
    widget = make(url="cutout/broken")
    page = show(widget)
    expect(page.locator(".message.tv-error")).to_contain_text("ended too early")
    widget.url = "cutout/absent"
    expect(page.locator(".message.tv-error")).to_contain_text("No image covers this position.")
    widget.url = "cutout/3"
    expect(page.locator(".message")).to_be_hidden()


def test_looks(show: Callable[..., Page], shot: Callable[..., object]) -> None:
    page = show(make())
    expect(page.locator(".cross")).to_be_visible()
    shot(page, "light")
    page.evaluate("document.documentElement.setAttribute('data-theme', 'dark')")
    shot(page, "dark")
