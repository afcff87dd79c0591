"""Tools of the FITS viewer: what is measured by hand is what numpy and astropy find at the same places."""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.wcs import WCS
from PIL import Image
from playwright.sync_api import Locator, Page, expect
from tornado.web import RequestHandler

from portal.image.frame import Described
from portal.image.profile import profile
from portal.image.regions import read_regions
from portal.image.shapes import Shape
from portal.image.statistics import statistics
from ui_tests.conftest import Troubles
from ui_tests.fits_kit import CENTRE, Kit, band_frame
from widgets.fits import Fits

FILE = (
    'fk5\ncircle(62.0,-37.0,6") # color=red text={SN <b>host</b>}\nbox(62.004,-37.002,12",5",30)\nimage;point(60,60)\n'
)


@pytest.fixture
def kit(serve: Callable[..., Page]) -> Kit:
    return Kit(serve)


def take(page: Page, name: str) -> Locator:
    """Takes up a tool by its button; the sheet it shows."""
    page.locator(f'[data-tool="{name}"]').click()
    sheet = page.locator(".dock")
    expect(sheet).to_be_visible()
    return sheet


def fixed(content: bytes) -> type[RequestHandler]:
    """Answers always the same."""

    class Fixed(RequestHandler):
        def get(self) -> None:
            self.finish(content)

    return Fixed


def drag(kit: Kit, start: tuple, end: tuple, steps: int = 4) -> None:
    kit.hover(*start)
    kit.page.mouse.down()
    for k in range(1, steps + 1):
        kit.hover(*(a + (b - a) * k / steps for a, b in zip(start, end)))
    kit.page.mouse.up()


def marks(kit: Kit, group: str) -> list[dict]:
    """Shapes of a group on the current image, in its pixels, as they are drawn."""
    script = """const { marks } = v.overlay.tools;
        return marks.on(v.scene.current, arg).map(([mark, shape]) => ({ ...shape, text: mark.text }));"""
    return kit.ask(script, group)


def test_measures(kit: Kit, shot: Callable[..., object], until: Callable[..., None]) -> None:
    frames = [band_frame("r"), band_frame("i")]
    frame = frames[0]
    widget = Fits(
        url="images", frames=kit.add(*frames), width=1000, height=700, position=CENTRE, current="f1", stretch="asinh"
    )
    page = kit.open(widget)
    pixels, wcs = np.asarray(frame.plane("image")), frame.wcs

    # The ruler: great-circle distance and position angle between the two places.
    sheet = take(page, "ruler")
    drag(kit, (80, 90), (250, 240))
    [line] = marks(kit, "ruler")
    a, b = (SkyCoord(*wcs.all_pix2world(*p, 0), unit="deg") for p in line["points"])
    words = sheet.locator(".rows").inner_text()
    assert f"{a.separation(b).arcsec:.2f}″" in words and f"PA {a.position_angle(b).deg:.1f}°" in words
    east, north = (angle.to_value(u.arcsec) for angle in a.spherical_offsets_to(b))
    assert f"{abs(east):.2f}″" in words and f"{abs(north):.2f}″" in words
    sheet.get_by_label("Unit of lengths").select_option("°")
    expect(sheet.locator(".rows")).to_contain_text(f"{a.separation(b).deg:.6f}°")
    shot(page, "ruler")

    # The line: bilinear samples averaged over the width, as portal.image.profile has them for the drawn ends.
    sheet = take(page, "profile")
    drag(kit, (60, 300), (300, 200))
    with page.expect_response(lambda r: "ask=profile" in r.url and "width=5" in r.url) as told:
        sheet.get_by_label("Width of the line").fill("5")
        sheet.get_by_label("Width of the line").press("Enter")
    [line] = marks(kit, "profile")
    found = profile(pixels, *map(tuple, line["points"]), 5)
    assert np.allclose(np.array(told.value.json()["value"], float), found.value, rtol=1e-6, equal_nan=True)
    expect(sheet.locator(".told")).to_contain_text(f"{len(found.value)} samples")
    shot(page, "profile")
    sheet.get_by_role("button", name="As a table").click()
    until(page, lambda: widget.measured is not None)
    asked = json.loads(widget.measured.text)
    assert widget.measured.what == "profile" and asked["width"] == 5
    assert asked["lines"][0]["points"] == pytest.approx(np.array(line["points"]))

    # Points: values as they stand in the file; one is moved by hand.
    sheet = take(page, "points")
    for place in ((100, 100), (200, 150)):
        kit.hover(*place)
        page.mouse.down()
        page.mouse.up()
    expect(sheet.locator(".row")).to_have_count(2)
    drag(kit, (200, 150), (230, 170))
    second = marks(kit, "point")[1]["points"][0]
    assert second == pytest.approx([230, 170], abs=1.5)
    value = pixels[round(second[1]), round(second[0])].item()
    expect(sheet.locator(".row").nth(1)).to_contain_text(f"2 {value:.6g} nJy".replace("-", "−"))
    sheet.get_by_role("button", name="As a table").click()
    until(page, lambda: widget.measured.what == "points")
    assert [point[0] for point in json.loads(widget.measured.text)[0]["points"]] == ["1", "2"]
    shot(page, "points")


def test_regions(kit: Kit, shot: Callable[..., object], until: Callable[..., None], troubles: Troubles) -> None:
    frames = [band_frame("r"), band_frame("z")]
    frame = frames[0]
    np.asarray(frame.plane("mask"))[::3] |= 1 << 5
    widget = Fits(url="images", frames=kit.add(*frames), width=1000, height=700, current="f1")
    page = kit.open(widget)
    sheet = take(page, "regions")
    pixels = np.asarray(frame.plane("image"))

    def told(name: str) -> str:
        return sheet.locator(".statistics tr", has_text=name).locator("td").inner_text()

    # Drawn by hand; its statistics are numpy's of the pixels inside.
    with page.expect_response(lambda r: "ask=statistics" in r.url):
        drag(kit, (150, 200), (190, 200))
    shape = Shape.from_json(marks(kit, "region")[0])
    wanted = statistics(pixels, shape)
    expect(sheet.locator(".statistics")).to_contain_text("Std. dev.")
    expect(sheet.locator(".statistics td").first).to_have_text(f"{wanted['n']:,}")
    assert float(told("Mean").split()[0].replace("−", "-")) == pytest.approx(wanted["mean"], rel=1e-5)
    # Resized by its handle, moved by its line, then with a mask plane left out.
    far = shape.sizes[0]
    drag(kit, (150 + far, 200), (150 + far / 2, 200))
    until(page, lambda: marks(kit, "region")[0]["sizes"][0] == pytest.approx(far / 2, abs=1.5))
    x, y = marks(kit, "region")[0]["points"][0]
    drag(kit, (x, y + marks(kit, "region")[0]["sizes"][0]), (x + 20, y + marks(kit, "region")[0]["sizes"][0]))
    assert marks(kit, "region")[0]["points"][0] == pytest.approx([x + 20, y], abs=1.5)
    # A press that the system takes away lets go of it.
    x, y = marks(kit, "region")[0]["points"][0]
    kit.hover(x, y + marks(kit, "region")[0]["sizes"][0])
    page.mouse.down()
    page.locator(".fits-view .host").dispatch_event("pointercancel")
    kit.hover(x + 40, y)
    page.mouse.up()
    assert marks(kit, "region")[0]["points"][0] == pytest.approx([x, y], abs=0.1)
    sheet.locator(".planes summary").click()
    with page.expect_response(lambda r: "out=DETECTED" in r.url) as answer:
        sheet.get_by_label("DETECTED").check()
    shape = Shape.from_json(marks(kit, "region")[0])
    wanted = statistics(pixels, shape, np.asarray(frame.plane("mask")), 1 << 5)
    assert answer.value.json()["n"] == wanted["n"] and answer.value.json()["masked"] == wanted["masked"] > 0
    # Rows inside, as the sky has it.
    sheet.get_by_role("button", name="add", exact=True).click()
    until(page, lambda: widget.enclosed is not None)
    there = SkyCoord(*frame.wcs.all_pix2world(*shape.points[0], 0), unit="deg")
    assert there.separation(SkyCoord(*widget.enclosed.points, unit="deg")).mas < 1 and widget.enclosed.mode == "or"
    assert widget.enclosed.sizes[0] == pytest.approx(shape.sizes[0] * 0.2, rel=0.01)
    # A polygon by clicks, a label, and a file of others; names in files are text.
    sheet.get_by_role("button", name="Polygon").click()
    for place in ((60, 60), (100, 60), (100, 100)):
        kit.hover(*place)
        page.mouse.down()
        page.mouse.up()
    kit.hover(70, 110)
    page.mouse.down()
    page.mouse.up()
    page.mouse.down(click_count=2)
    page.mouse.up(click_count=2)
    expect(sheet.locator(".row")).to_have_count(2)
    assert len(marks(kit, "region")[1]["points"]) == 4
    sheet.get_by_label("Label of the region").fill("blend")
    sheet.get_by_label("Label of the region").press("Enter")
    with page.expect_response(lambda r: "ask=regions" in r.url):
        sheet.get_by_label("Region file").set_input_files(
            {"name": "host.reg", "mimeType": "text/plain", "buffer": FILE.encode()}
        )
    expect(sheet.locator(".row")).to_have_count(5)
    expect(sheet.locator(".rows")).to_contain_text("SN <b>host</b>")
    expect(page.locator(".cell .label", has_text="SN <b>host</b>")).to_be_visible()
    shot(page, "regions")
    # Saved, they read the same; on another image of the same sky they lie at the same places.
    sheet.get_by_label("Coordinates of the saved regions").select_option("galactic")
    with page.expect_download() as saved:
        sheet.get_by_role("button", name="Save", exact=True).click()
    read = read_regions(Path(saved.value.path()).read_text()).regions
    assert [item.shape for item in read] == ["circle", "polygon", "circle", "box", "point"]
    assert read[1].text == "blend" and read[2].color == "red" and read[0].system == "galactic"
    back = SkyCoord(*read[0].places[0], unit="deg", frame="galactic")
    assert back.separation(there).mas < 1
    page.get_by_role("button", name="z band").click()
    kit.settle()
    x, y = frames[1].wcs.world_to_pixel(SkyCoord(62.0, -37.0, unit="deg", frame="fk5"))
    assert marks(kit, "region")[2]["points"][0] == pytest.approx([float(x), float(y)], abs=0.01)
    page.evaluate("document.documentElement.setAttribute('data-theme', 'dark')")
    page.locator(".dock .row", has_text="blend").get_by_role("button").first.click()
    shot(page, "regions-dark")
    troubles.allow(r"status 400: .*ask=regions", r"400 \(Bad Request\)")  # the file that holds none
    kit.page.locator(".dock").get_by_label("Region file").set_input_files(
        {"name": "bad.reg", "mimeType": "text/plain", "buffer": b"no regions here"}
    )
    expect(sheet.locator(".problem")).to_contain_text("No region was found")
    expect(sheet.locator(".row")).to_have_count(5)


def test_layers_header_levels_and_files(kit: Kit, shot: Callable[..., object], until: Callable[..., None]) -> None:
    frame = band_frame("i")
    frame.file = Described(
        hdus=(
            {"index": 0, "name": "", "kind": "empty", "shape": []},
            {"index": 1, "name": "IMAGE", "kind": "image", "shape": [400, 360]},
        ),
        headers=[
            [["TELESCOP", "Simonyi", "<i>name</i>"]],
            [["BUNIT", "nJy", "unit of pixels"], ["EXPTIME", 30.0, "s"]],
        ],
    )
    frame.planes = replace(frame.planes, hdu=1)
    told = kit.add(frame)
    widget = Fits(url="images", frames=told, width=1000, height=700, limits=[-10.0, 60.0], north_up=True)
    # Two rows of a result, the second one the current; a click on a ring picks its row.
    rows = struct.pack("<4I4f2I2B", 2, 0, 9, 0xEE7733, 100, 300, 150, 150, 7, 9, 0, 1)
    kit.extra = [(r"/rows", fixed(rows))]
    widget.param.update(rows_url="rows", overlay=1)
    page = kit.open(widget)
    expect(page.locator(".rows-current")).to_have_attribute("d", re.compile("M"))
    kit.hover(100, 150)
    page.mouse.down()
    page.mouse.up()
    until(page, lambda: widget.clicked is not None and widget.clicked.row == 7)
    # Another image under the same id has other pixels: rows are asked for anew.
    with page.expect_response(re.compile(r"/rows\?")):
        widget.frames = [{**told[0], "version": 1}]
    kit.settle()
    # A grid in Galactic coordinates: a labelled line goes where astropy says.
    sheet = take(page, "layers")
    with page.expect_response(lambda r: "ask=grid" in r.url and "galactic" in r.url):
        sheet.get_by_label("Coordinate grid").select_option("galactic")
    expect(page.locator(".grid-label").first).to_be_visible()
    assert re.fullmatch(r"[+−]?\d+\.\d+°", page.locator(".grid-label").first.text_content())
    sheet.get_by_label("Compass", exact=True).uncheck()
    expect(page.locator(".layer.compass")).to_be_hidden()
    sheet.get_by_label("Compass", exact=True).check()
    sheet.get_by_label("Colour of compass and scale").evaluate(
        "node => { node.value = '#c77dff'; node.dispatchEvent(new Event('input')); }"
    )
    expect(page.locator(".layer.compass path").first).to_have_css("stroke", "rgb(199, 125, 255)")
    shot(page, "layers")
    # The header of every HDU, searched; what files say is text.
    sheet = take(page, "header")
    expect(sheet.locator(".cards tr")).to_have_count(2)
    sheet.get_by_label("Search the header").fill("exp")
    expect(sheet.locator(".cards tr")).to_have_text(["EXPTIME30.0s"])
    sheet.get_by_label("Search the header").fill("")
    sheet.get_by_label("HDU", exact=True).select_option("0")
    expect(sheet.locator(".cards")).to_contain_text("<i>name</i>")
    # Levels by the histogram: the white one moved by its key.
    sheet = take(page, "histogram")
    lever = sheet.get_by_role("slider", name="White level")
    expect(lever).to_have_count(1)
    shot(page, "histogram")
    lever.press("ArrowRight")
    until(page, lambda: widget.limits[1] > 60)
    assert widget.limits[0] == -10
    # Files: the part that is seen as FITS, and the view as a picture with what lies over it.
    sheet = take(page, "save")
    for _ in range(3):
        page.get_by_label("Zoom in").click()
    kit.settle()
    with page.expect_download() as saved:
        sheet.get_by_role("button", name="Part seen").click()
    with fits.open(BytesIO(Path(saved.value.path()).read_bytes())) as hdus:
        part, wcs = hdus["IMAGE"].data, WCS(hdus["IMAGE"].header)
        assert [hdu.name for hdu in hdus] == ["PRIMARY", "IMAGE", "MASK", "VARIANCE"] and part.shape < (360, 400)
        x, y = frame.wcs.world_to_pixel(wcs.pixel_to_world(5, 7))
        assert part[7, 5] == np.asarray(frame.plane("image"))[round(float(y)), round(float(x))]
    with page.expect_download() as saved:
        sheet.get_by_role("button", name="Picture (PNG)").click()
    picture = np.asarray(Image.open(saved.value.path()).convert("RGB")).astype(int)
    ratio = picture.shape[1] / 1000
    assert 0.5 < ratio < 4 and picture.max() > 200
    grid_blue = (abs(picture - [127, 212, 255]) < 60).all(axis=2).sum()
    assert grid_blue > 200, "the grid is on the picture"
