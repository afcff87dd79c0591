"""The life of the FITS viewer: hands, going through images, what fails, contexts that are lost and given back."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import panel as pn
import pytest
from astropy.coordinates import SkyCoord
from playwright.sync_api import Page, expect

from portal.image import Frame
from portal.image.frame import Planes
from ui_tests.fits_kit import CENTRE, Kit, band_frame
from widgets.fits import Fits

ROUNDS, VIEWERS = 6, 5  # 30 contexts, of which a page may have 16 at a time


@pytest.fixture
def kit(serve: Callable[..., Page]) -> Kit:
    return Kit(serve)


def test_hands_and_going_through_images(kit: Kit, until: Callable[..., None], shot: Callable[..., object]) -> None:
    told = kit.add(*(band_frame(band) for band in "gri"))
    widget = Fits(url="images", frames=told, width=700, height=520, position=CENTRE)
    page = kit.open(widget)
    host = page.locator(".fits-view .host")
    cross = page.locator(".cross path")
    place = cross.bounding_box()
    # The wheel keeps the sky under the pointer, and tells where the view came to rest.
    box = host.bounding_box()
    at = [500, 200]
    page.mouse.move(box["x"] + at[0], box["y"] + at[1])
    under = "const c = v.scene.cells[0]; return c.sky(...c.pixelAt(...arg))"
    before = SkyCoord(*kit.ask(under, at), unit="deg")
    page.mouse.wheel(0, -300)
    until(page, lambda: widget.moved is not None)
    assert SkyCoord(*kit.ask(under, at), unit="deg").separation(before).arcsec < 0.01
    assert 0.005 < widget.moved.fov < 0.03
    until(page, lambda: cross.bounding_box() != place)
    kit.drawn()
    wheeled = cross.bounding_box()
    # Other images, by key and by button: the sky stands still.
    host.focus()
    page.keyboard.press("b")
    until(page, lambda: widget.framed and widget.framed.id == told[1]["id"] == widget.current)
    page.get_by_label("i band").click()
    until(page, lambda: widget.current == told[2]["id"])
    expect(page.locator(".caption")).to_have_text("i · i coadd")
    kit.drawn()
    now = cross.bounding_box()
    assert now["x"] == pytest.approx(wheeled["x"], abs=0.05) and now["y"] == pytest.approx(wheeled["y"], abs=0.05)
    page.keyboard.press("Shift+B")  # from the button, which is not the picture
    assert widget.current == told[2]["id"]
    host.focus()
    page.keyboard.press("Shift+B")
    until(page, lambda: widget.current == told[1]["id"])
    # Right-drag: bias and contrast; the keyboard moves, shows all and goes to one pixel a pixel.
    page.mouse.move(box["x"] + 300, box["y"] + 200)
    page.mouse.down(button="right")
    page.mouse.move(box["x"] + 340, box["y"] + 240)
    page.mouse.up(button="right")
    until(page, lambda: kit.ask("return v.scene.bend[1]") > 1)
    bias, contrast = kit.ask("return v.scene.bend")
    assert bias == pytest.approx(0.5 + 40 / 700, abs=0.01) and contrast > 1.1
    page.keyboard.press("ArrowRight")
    until(page, lambda: cross.bounding_box()["x"] < now["x"] - 60)
    page.keyboard.press("0")
    expect(cross).to_be_in_viewport()
    # In turn by themselves, held by the space bar.
    page.get_by_label("Blink").click()
    seen = set()
    until(page, lambda: seen.add(page.locator(".caption").inner_text()) or len(seen) > 1)
    host.focus()
    page.keyboard.press(" ")
    held = page.locator(".caption").inner_text()
    until(page, lambda: widget.current == {"g": told[0], "r": told[1], "i": told[2]}[held[0]]["id"])
    # Unlocked, each goes its own way, from where it was.
    page.keyboard.press("t")
    page.keyboard.press("l")
    until(page, lambda: widget.lock == "")
    expect(page.locator(".cross path")).to_have_count(3)
    kit.drawn()
    places = [node.bounding_box()["y"] for node in page.locator(".cross path").all()]
    host.hover(position={"x": 100, "y": 100})
    page.mouse.wheel(0, -100)
    until(page, lambda: abs(page.locator(".cross path").first.bounding_box()["y"] - places[0]) > 5)
    kit.drawn()
    moved = [node.bounding_box()["y"] for node in page.locator(".cross path").all()]
    assert moved[1:] == pytest.approx(places[1:], abs=1)  # turned by their own north
    shot(page, "unlocked")
    page.get_by_label("Close g coadd").click()
    until(page, lambda: widget.closed and widget.closed.id == told[0]["id"])


def test_what_cannot_be_shown_says_why_and_tries_again(kit: Kit, until: Callable[..., None], troubles: object) -> None:
    troubles.allow("400", "status of 400")
    empty = np.full((30, 40), np.nan, "f4")
    told = kit.add(band_frame("g"), Frame("empty <b>", Planes(empty)))
    told += [
        {"id": "gone", "title": "gone", "band": "", "state": "ready"},
        {"id": "far", "title": "far", "band": "", "state": "failed", "message": "The service answered 503."},
        {"id": "soon", "title": "soon", "band": "", "state": "loading", "message": "Waiting for its turn …"},
    ]
    widget = Fits(url="images", frames=told, width=900, height=600, arrangement="grid")
    page = kit.open(widget)
    words = page.locator(".problem:visible")
    expect(words).to_have_count(3)
    expect(words.nth(0)).to_contain_text("closed")
    expect(words.nth(1)).to_contain_text("The service answered 503.")
    expect(words.nth(2)).to_contain_text("Waiting for its turn")
    expect(page.locator(".caption").nth(1)).to_have_text("empty <b>")
    words.nth(1).get_by_role("button").click()
    until(page, lambda: widget.asked and (widget.asked.what, widget.asked.id) == ("retry", "far"))
    # An image arrives under an id that was loading; another one takes the place of the first.
    kit.frames.add(Frame("soon", Planes(np.ones((50, 60), "f4")), id="soon"))
    widget.frames = [{**told[0], "version": 1}, {**told[4], "state": "ready"}]
    expect(words).to_have_count(0)
    kit.settle()
    assert kit.ask("return v.images.list.map((one) => [one.nx, one.serial])") == [[400, 1], [60, 0]]
    widget.param.update(frames=[], message="Click a row: its images appear here. <i>")
    expect(page.locator(".message")).to_have_text("Click a row: its images appear here. <i>")
    expect(page.locator(".cell")).to_have_count(0)


def test_contexts_come_back_and_are_given_back(kit: Kit, shot: Callable[..., object]) -> None:
    told = kit.add(*(band_frame(band) for band in "gri"))
    make = lambda: Fits(url="images", frames=told, width=300, height=260)  # noqa: E731
    room = pn.Row(height=270)
    page = kit.open(lambda: pn.Column(make(), room))
    warnings = []
    page.on("console", lambda m: m.type == "warning" and warnings.append(m.text))
    before = kit.painted([(200, 150), (120, 80)])
    shot(page, "strip")
    page.get_by_label("Settings: levels").first.click()
    page.evaluate("document.documentElement.setAttribute('data-theme', 'dark')")
    shot(page, "strip-panel-dark")
    page.get_by_label("Settings: levels").first.click()
    kit.ask("v.lose = v.painter.gl.getExtension('WEBGL_lose_context'); v.lose.loseContext();")
    assert kit.ask("return v.painter.gl.isContextLost()")
    kit.ask("v.lose.restoreContext();")
    while kit.ask("return v.painter.gl.isContextLost()"):
        page.wait_for_timeout(10)
    kit.drawn()
    assert kit.painted([(200, 150), (120, 80)]) == before
    small = kit.add(Frame("small", Planes(np.eye(40, dtype="f4"))))
    for _ in range(ROUNDS):
        room.objects = [Fits(url="images", frames=small, width=280, height=180) for _ in range(VIEWERS)]
        expect(page.locator(".fits-view")).to_have_count(1 + VIEWERS)
        room.objects = []
        expect(page.locator(".fits-view")).to_have_count(1)
    assert not kit.ask("return v.painter.gl.isContextLost()")
    assert kit.painted([(200, 150), (120, 80)]) == before
    assert not [text for text in warnings if "context" in text.lower()], warnings
