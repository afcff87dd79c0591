"""Without WebGL2: what the server draws is what the graphics card would have drawn, and everything else works on."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from ui_tests.conftest import FLAGS, Troubles, launched
from ui_tests.fits_kit import CENTRE, Kit, band_frame
from widgets.fits import Fits

GL = ("--use-gl", "--use-angle", "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist")
LOCALLY = {"masks": {"BAD": ["#ff0000", 0.5], "DETECTED": ["#56b4e9", 0.4]}, "cmap": "viridis", "invert": True}


@pytest.fixture(scope="module")
def plain(browser: Browser) -> Iterator[BrowserContext]:
    """A browser that offers no WebGL at all."""
    flags = [*(flag for flag in FLAGS if not flag.startswith(GL)), "--disable-gpu", "--disable-3d-apis"]
    found = launched(browser.browser_type, flags)
    yield found.new_context()
    found.close()


class Twice:
    """One viewer in two browsers: with WebGL2 and without."""

    def __init__(self, kit: Kit, page: Page) -> None:
        self.both = kit, Kit(kit.serve)
        self.both[1].page, self.both[1].frames = page, kit.frames

    def painted(self, script: str, arg: object = None) -> list[np.ndarray]:
        """What both show, RGB, once the view has been changed by ``script`` in both."""
        found = []
        for kit in self.both:
            kit.ask(script, arg)
            kit.settle()
            text, width = kit.ask(
                """v.draw();
                   const { width, height } = v.painter.canvas;
                   const all = v.painter.read(0, 0, width, height);
                   let text = '';
                   for (let k = 0; k < all.length; k += 8192) text += String.fromCharCode(...all.subarray(k, k + 8192));
                   return [btoa(text), width];"""
            )
            found.append(np.frombuffer(base64.b64decode(text), np.uint8).reshape(-1, width, 4)[..., :3].astype(int))
        return found


def test_images_look_the_same(
    serve: Callable[..., Page], plain: BrowserContext, troubles: Troubles, shot: Callable[..., object]
) -> None:
    kit = Kit(serve)
    told = kit.add(*(band_frame(band, 700, 620) for band in "gri"))
    more = {"url": "images", "frames": told, "width": 480, "height": 340, "position": CENTRE}
    first = kit.open(lambda: Fits(**more))
    page = plain.new_page()
    page.set_default_timeout(15_000)
    troubles.watch(page)
    pictures: list[str] = []
    page.on("request", lambda request: "ask=picture" in request.url and pictures.append(request.url))
    page.goto(first.url)
    page.locator(".fits-view .caption").first.wait_for()
    two = Twice(kit, page)
    two.both[1].settle()
    assert two.both[1].ask("return [v.painter.constructor.name, v.painter.tiled]")[1] is False
    expect(page.get_by_role("note")).to_contain_text("no WebGL2")
    shot(page, "images")
    page.get_by_role("note").evaluate("node => node.remove()")  # to have as much room in both
    states = {
        "as it opens": ("", None),
        "tinted": ("v.acts.set(arg)", LOCALLY),
        "another, closer": ("v.acts.set(arg); v.acts.next(1); v.acts.native()", {"stretch": "histogram", "masks": {}}),
        "colours": ("v.acts.set(arg); v.acts.fit()", {"arrangement": "colour", "north_up": False, "flip": True}),
        "difference": ("v.acts.arrange('difference'); v.acts.native()", None),
        "side by side": ("v.acts.set(arg); v.acts.fit()", {"arrangement": "grid", "stretch": "log", "invert": False}),
    }
    for name, (script, arg) in states.items():
        drawn, served = two.painted(script, arg)
        assert drawn.shape == served.shape and np.ptp(drawn) > 100, name
        away = np.abs(drawn - served).max(axis=-1)
        assert (away > 2).mean() < 3e-3, name  # ties of rounding at the edges of pixels
        shot(page, f"images-{name.replace(' ', '-').replace(',', '')}")
    _moves(two.both[1], pictures)
    _reads(two.both[1])
    _fails(two.both[1], troubles)


def _moves(kit: Kit, pictures: list[str]) -> None:
    """While the view moves the last picture moves with it; one new picture is asked for once it stands still."""
    kit.ask("v.acts.set({ arrangement: 'single' }); v.acts.native()")
    kit.settle()
    asked = len(pictures)
    moved = kit.ask(
        """const read = (x, y) => { v.draw(); return String(v.painter.read(x, y, 200, 100)); };
           const before = read(100, 100);
           for (const step of [10, 10, 10]) { v.acts.drag(step, 0, v.scene.cells[0]); v.draw(); }
           v.acts.drag(0, -20, v.scene.cells[0]);
           return [read(100, 100) === before, read(130, 80) === before];"""
    )
    assert moved == [False, True]
    kit.settle()
    assert len(pictures) == asked + 1


def _reads(kit: Kit) -> None:
    """Values under the pointer are those of the file."""
    kit.hover(350, 300)
    expect(kit.page.locator(".fits-view .value")).to_contain_text("σ²")
    found = kit.ask("return [v.readout.exact[0], v.scene.current.id]")
    frame = kit.frames.find(found[1])
    assert found[0]["value"] == frame.plane("image")[found[0]["y"], found[0]["x"]].item()


def _fails(kit: Kit, troubles: Troubles) -> None:
    """A picture that cannot be had says why, and can be had again."""
    troubles.allow("status 400", "console: Failed to load resource")
    id = kit.ask("return v.scene.current.id")
    frame = kit.frames.find(id)
    kit.frames.close(id)
    kit.ask("v.acts.zoom(2)")
    words = kit.page.locator(".problem:visible")
    expect(words).to_contain_text("This image is closed.")
    kit.frames.add(frame)
    words.get_by_role("button").click()
    expect(words).to_have_count(0)
    kit.settle()
    assert kit.ask("return v.painter.pictures.size") > 0
