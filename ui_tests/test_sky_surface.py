"""What lies under and around the marks: surveys and how they are drawn, broken ones, grid, readout, the picture."""

from __future__ import annotations

import io
import json
from collections.abc import Callable

import numpy as np
import pytest
from astropy.coordinates import Angle, SkyCoord
from astropy.io import fits
from PIL import Image
from playwright.sync_api import expect
from tornado.web import RequestHandler

from ui_tests.sky_kit import FIELD, PROPERTIES, Kit, make

WIDE = 64  # pixels of a tile


class Survey(RequestHandler):
    """``values``: FITS tiles that hold 2.5 everywhere; the others are broken, each in its own way."""

    def get(self, name: str, path: str) -> None:
        if path == "properties":
            if name == "page":
                self.finish("<html><body>Please log in</body></html>")
            elif name == "orderless":
                self.finish(PROPERTIES.replace("hips_order = 3", "hips_order = many"))
            elif name == "holes":
                self.finish(PROPERTIES)
            else:
                more = "hips_pixel_bitpix = -32\nhips_pixel_cut = 1 4\nobs_unit = nJy\nobs_title = Values\n"
                self.finish(PROPERTIES.replace("= png", "= png fits").replace("obs_title = Fake sky\n", more))
        elif name == "holes" and "Npix" in path:
            self.set_status(404)
        elif path.endswith(".png"):
            out = io.BytesIO()
            size = (27 * WIDE, 29 * WIDE) if "Allsky" in path else (WIDE, WIDE)
            Image.new("RGB", size, (60, 60, 60)).save(out, "PNG")
            self.finish(out.getvalue())
        elif path.endswith(".fits") and "Moc" not in path:
            out = io.BytesIO()
            size = (29 * WIDE, 27 * WIDE) if "Allsky" in path else (WIDE, WIDE)
            fits.PrimaryHDU(np.full(size, 2.5, "f4")).writeto(out)
            self.finish(out.getvalue())


@pytest.fixture
def kit(serve: Callable, until: Callable) -> Kit:
    def with_surveys(component: object, routes: list, **more: object) -> object:
        return serve(component, routes=[*routes, (r"/sky/(\w+)/(.*)", Survey)], **more)

    return Kit(with_surveys, until)


def test_surveys_are_searched_laid_over_each_other_and_redrawn(kit: Kit, shot: Callable) -> None:
    surveys = [
        {"name": "One", "url": "hips/one", "band": "gri", "about": "three colours"},
        {"name": "Two", "url": "hips/two", "band": "i"},
        {"name": "Values", "url": "sky/values", "band": "r"},
    ]
    sky = make(surveys=surveys, height=700)
    page = kit.open(sky)
    page.get_by_role("button", name="Layers").click()
    search, listed = page.get_by_label("Search surveys"), page.locator(".survey-list li:visible")
    for words, found in (("i", ["Two"]), ("colours", ["One"]), ("nothing", []), ("", ["One", "Two", "Values"])):
        search.fill(words)
        assert [item.split("\n")[0] for item in listed.all_inner_texts()] == found
    kit.until(page, lambda: kit.ask("sky.imagery().base?.layer.added"))
    assert kit.ask("sky.imagery().base.layer.readPixel(300, 200).slice(0, 3)") == [20, 30, 70]
    page.get_by_label("Lay Two over the base").click()
    kit.until(page, lambda: kit.ask("sky.imagery().overlay?.layer.added"))
    page.get_by_label("Opacity of the overlay").fill("0.5")
    assert kit.ask("sky.imagery().overlay.layer.getOpacity()") == 0.5
    page.get_by_label("Invert the base").check()
    assert kit.ask("sky.imagery().base.layer.getReversed()") is True
    shot(page, "overlay")
    page.get_by_role("button", name="Remove").click()
    kit.until(page, lambda: kit.ask("sky.imagery().overlay") is None)

    page.get_by_role("button", name="Values", exact=True).click()
    kit.until(page, lambda: sky.survey == "sky/values")
    kit.until(page, lambda: kit.ask("sky.imagery().base.survey.name") == "Values")
    assert page.locator(".readout .value").inner_text() == "", "pictures have no values"
    page.get_by_label("Tiles of the base").select_option("fits")
    page.get_by_label("Colour map of the base").select_option("viridis")
    page.get_by_label("Stretch of the base").select_option("asinh")
    lower = page.get_by_label("Cut of the base, lower")
    assert lower.input_value() == "1", "the cuts of the survey, in its unit"
    lower.fill("9")
    lower.press("Enter")
    expect(lower).to_have_attribute("aria-invalid", "true")
    lower.fill("−2.5e-1")
    lower.press("Enter")
    look = kit.ask("sky.imagery().base.look")
    assert (look["colormap"], look["stretch"], look["cuts"]["fits"]) == ("viridis", "asinh", [-0.25, 4])
    kit.until(page, lambda: (kit.ask("sky.imagery().valueAt(300, 200)") or {}).get("value") == 2.5)
    page.locator(".host").hover(position={"x": 300, "y": 300})
    page.locator(".host").hover(position={"x": 300, "y": 302})
    expect(page.locator(".readout .value")).to_have_text("2.50000 nJy")
    shot(page, "values")
    page.get_by_role("button", name="Reset").first.click()
    assert lower.input_value() == "0" and kit.ask("sky.imagery().base.look.format") == "png"


def test_a_broken_survey_is_told_of_and_the_one_before_stays(kit: Kit, troubles: object) -> None:
    troubles.allow("404")
    sky = make()
    page = kit.open(sky)
    message = page.locator(".message.tv-error")
    for name, words in (
        ("none/at/all", "status 404"),
        ("sky/page", "does not lead to a HiPS"),
        ("sky/orderless", "names no hips_order"),
    ):
        sky.survey = name
        expect(message).to_contain_text(words)
        assert kit.ask("sky.imagery().base.survey.url") == "hips/one"
    page.locator(".host").focus()
    page.keyboard.press("Escape")
    expect(message).to_be_hidden()
    sky.survey = "sky/holes"
    expect(page.locator(".notice")).to_contain_text("has no tiles here", timeout=15_000)
    sky.survey = "hips/one"
    expect(page.locator(".notice")).to_be_hidden()
    x, y = kit.pixel(*(float(values[7]) for values in kit.table[:2]))
    page.mouse.click(x, y)
    kit.until(page, lambda: sky.clicked is not None)


def test_grid_readout_and_furniture_agree_with_astropy(kit: Kit, shot: Callable) -> None:
    sky = make(pin=(*FIELD, "M <b>31</b>"), offer="Coadd images here")
    page = kit.open(sky)
    spot = SkyCoord(61.9, -36.95, unit="deg")
    x, y = kit.pixel(spot.ra.deg, spot.dec.deg)
    page.get_by_role("button", name="Layers").click()
    for form, frame in (
        ("icrs", "icrs"),
        ("galactic", "galactic"),
        ("ecliptic", "barycentricmeanecliptic"),
        ("supergalactic", "supergalactic"),
    ):
        page.get_by_label("Positions", exact=True).select_option(form)
        page.mouse.move(x - 3, y)
        page.mouse.move(x, y)
        told = [float(part.replace("−", "-").rstrip("°")) for part in page.locator(".place").inner_text().split()[:2]]
        there = SkyCoord(*told, unit="deg", frame=frame)
        assert there.separation(spot.transform_to(frame)).arcsec < 1, (form, told)
    page.locator(".host").focus()
    page.keyboard.press("x")
    expect(page.locator(".place")).to_contain_text("copied")
    assert page.evaluate("navigator.clipboard.readText()").endswith(" sgal")
    page.keyboard.press("h")
    page.mouse.click(x, y)
    page.mouse.move(x + 60, y + 40)
    expect(page.locator(".place")).to_contain_text(f"{spot.supergalactic.sgl.deg:.2f}"[:-1])
    page.keyboard.press("h")

    for name, frame in (("icrs", "icrs"), ("galactic", "galactic")):
        page.get_by_label("Grid", exact=True).select_option(name)
        lines = kit.ask("root.querySelector('.grid-lines').getAttribute('d').split('M').length")
        labels = kit.ask("[...root.querySelectorAll('.grid-labels text')].map(t => [t.textContent, t.getAttribute('x'),"
                         " t.getAttribute('y'), t.getAttribute('class')])")  # fmt: skip
        assert lines > 6 and len(labels) > 5
        for text, px, py, axis in labels:
            at = SkyCoord(*kit.ask("sky.worldAt(...arg)", [float(px), float(py)]), unit="deg").transform_to(frame)
            sides = [at.spherical.lon, at.spherical.lat]
            value = text.replace("−", "-")
            if name == "icrs":
                wanted = SkyCoord(value if axis == "lon" else "0h", value if axis == "lat" else "0d",
                                  unit=("hourangle", "deg"))  # fmt: skip
                wanted = wanted.ra if axis == "lon" else wanted.dec
            else:
                wanted = Angle(value.replace("°", "d").replace("′", "m").replace("″", "s"))
            off = (sides[0] if axis == "lon" else sides[1]).deg - wanted.deg
            assert abs((off + 180) % 360 - 180) < 0.002, (text, px, py)
    scale = kit.ask(
        "[root.querySelector('.scale path').getAttribute('d'), root.querySelector('.scale text').textContent]"
    )
    across = float(scale[0].split("h")[1].split("v")[0])
    assert scale[1] == "10′" and across == pytest.approx(800 * 10 / 60, rel=1e-3)
    expect(page.locator(".pin text")).to_have_text("M <b>31</b>")
    shot(page, "grid")
    page.get_by_role("button", name="Coadd images here").click()
    kit.until(page, lambda: sky.offered is not None)
    assert sky.offered[1:] == pytest.approx((*kit.ask("s.aladin.getRaDec()"), kit.ask("s.view.fov")))
    for kind in ("MOL", "SIN", ""):
        page.get_by_label("Projection", exact=True).select_option(kind)
        kit.until(page, lambda kind=kind: kit.ask("s.view.kind") == (kind or "TAN"))
    kept = json.loads(page.evaluate("localStorage.getItem('tv-sky-view')"))
    assert kept["grid"] == "galactic" and kept["form"] == "supergalactic"

    page.locator(".host").focus()
    with page.expect_download() as saved:
        page.keyboard.press("s")
    picture = np.asarray(Image.open(saved.value.path()).convert("RGB")).astype(int)
    assert saved.value.suggested_filename.startswith("sky_62.0000_-37.0000")
    assert picture.shape == (530, 800, 3)
    assert (picture[:30].min(axis=(0, 1)) < 90).all(), "words above"
    assert (np.abs(picture[30:] - [20, 30, 70]).max(-1) < 6).mean() > 0.5, "the survey"
    assert (picture[60:500, 60:740].max(-1) > 130).mean() > 0.003, "marks and lines"
