"""The FITS viewer: exact pixels, images aligned by the sky, arrangements, colours, masks, and its life."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from playwright.sync_api import Page, expect

from portal.image import Frame
from ui_tests.fits_kit import CENTRE, Kit, band_frame
from widgets.fits import Fits


@pytest.fixture
def kit(serve: Callable[..., Page]) -> Kit:
    return Kit(serve)


@cache
def six() -> tuple[Frame, ...]:
    return tuple(band_frame(band) for band in "ugrizy")


def make(frames: list[dict[str, str]], **more: object) -> Fits:
    return Fits(**{"url": "images", "frames": frames, "width": 900, "height": 620, "position": CENTRE} | more)


def test_pixels_are_those_of_the_file(kit: Kit) -> None:
    """Places of a rotated, distorted image: value, variance, names of mask planes and sky as astropy has them."""
    frame = band_frame("i", 1300, 1100)
    frame.planes.mask[:, ::3] |= 2
    page = kit.open(make(kit.add(frame)))
    rng = np.random.default_rng(3)
    for k, (x, y) in enumerate(zip(rng.uniform(0, 1299, 200), rng.uniform(0, 1099, 200))):
        ra, dec = kit.ask("return v.images.list[0].lattice.sky(...arg)", [x, y])
        there = SkyCoord(*frame.wcs.all_pix2world(x, y, 0), unit="deg")
        assert there.separation(SkyCoord(ra, dec, unit="deg")).mas < 1
        back = kit.ask("return v.images.list[0].lattice.pixel(...arg)", [ra, dec])
        assert back == pytest.approx([x, y], abs=1e-6)
        if k % 20:
            continue
        # By the pointer: it comes to whole CSS pixels, so what is read is where it really came to.
        kit.hover(x, y)
        expect(page.locator(".fits-view .value")).to_contain_text("σ²")
        found = kit.ask("return v.readout.exact[0]")
        column, row = found["x"], found["y"]
        assert max(abs(column - x), abs(row - y)) < 2.5
        assert found["value"] == frame.planes.image[row, column].item()
        assert found["variance"] == 16
        bits = frame.planes.mask[row, column]
        assert found["names"] == [b.name for b in frame.planes.bits if bits >> b.bit & 1]
        words = page.locator(".fits-view .value").inner_text()
        assert all(name in words for name in found["names"])
        assert found["lsst"][0] == pytest.approx(found["fits"][0] - 1 + 4000)


def test_looks(kit: Kit, shot: Callable[..., object]) -> None:
    widget = make(kit.add(*six()), arrangement="grid")
    page = kit.open(widget)
    shot(page, "grid")
    widget.arrangement = "colour"
    expect(page.locator(".bands button[aria-pressed=true]")).to_have_text("gri")
    kit.settle()
    page.evaluate("document.documentElement.setAttribute('data-theme', 'dark')")
    page.get_by_label("Settings: levels").click()
    shot(page, "colour-dark")
    page.close()
    page = kit.open(make(kit.add(*six()), width=300, height=260))
    shot(page, "strip")
    page.get_by_label("Settings: levels").click()
    page.evaluate("document.documentElement.setAttribute('data-theme', 'dark')")
    shot(page, "strip-panel-dark")
