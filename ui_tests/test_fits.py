"""The FITS viewer: exact pixels, images aligned by the sky, arrangements, colours, masks, and its life."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from astropy import visualization as vis
from astropy.coordinates import SkyCoord
from playwright.sync_api import Page, expect
from reproject import reproject_interp
from scipy.ndimage import map_coordinates

from portal.image import Frame
from portal.image.frame import Planes
from ui_tests.fits_kit import BITS, CENTRE, Kit, band_frame
from widgets.fits import Fits


@pytest.fixture
def kit(serve: Callable[..., Page]) -> Kit:
    return Kit(serve)


def make(frames: list[dict[str, str]], **more: object) -> Fits:
    return Fits(**{"url": "images", "frames": frames, "width": 900, "height": 620, "position": CENTRE} | more)


def test_pixels_are_those_of_the_file(kit: Kit) -> None:
    """Places of a rotated, distorted image: value, variance, names of mask planes and sky as astropy has them."""
    frame = band_frame("i", 1300, 1100)
    frame.plane("mask")[:, ::3] |= 2
    variance = np.float32([123_450, 2.34567e-10])  # as text no digit of these may be lost
    frame.plane("variance")[:] = variance[np.arange(1300) % 2]
    page = kit.open(make(kit.add(frame), height=420))
    rng = np.random.default_rng(3)
    places = np.stack([rng.uniform(0, 1299, 200), rng.uniform(0, 1099, 200)], axis=1)
    sky = np.array(kit.ask("return arg.map((p) => v.images.list[0].lattice.sky(...p))", places.tolist()))
    there = SkyCoord(*frame.wcs.all_pix2world(*places.T, 0), unit="deg")
    assert there.separation(SkyCoord(*sky.T, unit="deg")).mas.max() < 1
    back = np.array(kit.ask("return arg.map((p) => v.images.list[0].lattice.pixel(...p))", sky.tolist()))
    np.testing.assert_allclose(back, places, atol=1e-6)
    for x, y in places[:5]:  # binned on the screen, exact by the pointer
        kit.hover(x, y)
        expect(page.locator(".fits-view .value")).to_contain_text("σ²")
        found = kit.ask("return v.readout.exact[0]")
        column, row = found["x"], found["y"]
        assert max(abs(column - x), abs(row - y)) < 2.5  # the pointer comes to whole CSS pixels
        assert found["value"] == frame.plane("image")[row, column].item()
        assert found["variance"] == variance[column % 2].item()
        bits = frame.plane("mask")[row, column]
        assert found["names"] == [b.name for b in frame.planes.bits if bits >> b.bit & 1]
        words = page.locator(".fits-view .value").inner_text()
        assert all(name in words for name in found["names"])
        assert words.split("σ² ")[1].split()[0].replace("−", "-") == ["123450", "2.34567e-10"][column % 2]
        assert str(frame.plane("image")[row, column]).replace("-", "−") in words  # every digit
        assert found["lsst"][0] == pytest.approx(found["fits"][0] - 1 + 4000)


def test_images_are_aligned_by_the_sky(kit: Kit) -> None:
    """Another image laid on the first one's pixels, against reproject: where (0.02 pixels), what is painted, A − B."""
    lead, other = band_frame("u", bend=1e-6), band_frame("i", bend=-2e-6)
    told = kit.add(lead, other)
    widget = make(told, width=420, height=440, limits=[-10, 40], stretch="linear", north_up=False)
    page = kit.open(widget)
    page.locator(".fits-view .host").focus()
    page.keyboard.press("1")
    page.keyboard.press("b")  # the other one, in the same view
    expect(page.locator(".fits-view .caption")).to_have_text("i · i coadd")
    kit.settle()
    # What the shader works with: the other image's pixels, straight between the points of a mesh over the cell.
    mesh = kit.ask(
        """const { place, width, height } = v.scene.cells[0]; const { n, points } = place.mesh();
           const [x, y] = v.scene.shared.image(0, 0, [width, height]);
           return { n, width, height, x, y, zoom: v.scene.shared.zoom, warped: place.warped, points: [...points] };"""
    )
    assert mesh["warped"] and mesh["zoom"] == pytest.approx(1)
    ny, nx = lead.ny, lead.nx
    shape = {"shape_out": (ny, nx), "output_projection": lead.wcs, "order": "bilinear", "return_footprint": False}
    ramps = np.mgrid[: other.ny, : other.nx][::-1].astype(float)
    wanted = np.stack([reproject_interp((ramp, other.wcs), **shape) for ramp in ramps])
    points = np.array(mesh["points"]).reshape(mesh["n"], mesh["n"], 2)
    y, x = np.mgrid[:ny, :nx]
    u = (x - mesh["x"]) / mesh["width"] * (mesh["n"] - 1)
    v = (mesh["height"] - (mesh["y"] - y)) / mesh["height"] * (mesh["n"] - 1)
    found = np.stack([map_coordinates(points[:, :, k], [v, u], order=1, cval=np.nan) for k in (0, 1)])
    last = np.array([other.nx, other.ny])[:, None, None] - 1
    within = ((wanted > 0.5) & (wanted < last - 0.5)).all(axis=0)  # at its rim a ramp goes on flat
    away = np.where(within, np.hypot(*(found - wanted)), np.nan)
    assert within.sum() > 80_000
    assert np.nanmax(away) < 0.02
    # And on the screen: each pixel the one that reproject takes, but for ties of rounding.
    nearest = reproject_interp((other.plane("image"), other.wcs), **{**shape, "order": "nearest-neighbor"})
    grey = np.round(255 * np.clip((nearest + 10) / 50, 0, 1))
    row, columns = ny // 2, list(range(40, nx - 40))
    painted = np.array(kit.painted([(column, row) for column in columns]))[:, 0]
    same = np.abs(painted - grey[row, columns]) <= 1
    assert same.mean() > 0.95

    # Their difference: at the middles of the first image's pixels, also where they are drawn large.
    widget.param.update(arrangement="difference", pair=[told[0]["id"], told[1]["id"]], limits=[-300, 300])
    expect(page.locator(".fits-view .caption")).to_have_text("u − i")
    page.get_by_label("Zoom in (+)").evaluate("node => { for (let k = 0; k < 4; k++) node.click(); }")
    kit.settle()
    laid = reproject_interp((other.plane("image"), other.wcs), **{**shape, "order": "bilinear"})
    y, x = np.mgrid[160:200:2, 180:220:2].reshape(2, -1)
    offsets = [(i, j) for i in (-0.3, 0.3) for j in (-0.3, 0.3)]  # four places in each pixel: all painted alike
    found = [kit.painted([(a + i, b + j) for a, b in zip(x.tolist(), y.tolist())]) for i, j in offsets]
    assert found[0] == found[1] == found[2] == found[3]
    away = (lead.plane("image") - laid)[y, x]
    t = np.clip((away + 300) / 600, 0, 1)
    blue = 255 * np.where(t < 0.5, 0.6 + 0.8 * t, 2 - 2 * t)
    assert np.abs(np.array(found[0])[:, 2] - blue).max() < 2.5


def test_stretches_and_masks_are_painted_as_astropy_has_them(kit: Kit, until: Callable[..., None]) -> None:
    ramp = np.tile(np.linspace(-0.2, 1.2, 281, dtype="f4"), (200, 1))
    ramp[:, 5] = np.nan
    mask = np.zeros(ramp.shape, "i4")
    mask[:100, 100:140], mask[100:, 120:160] = 1, 2
    widget = make(
        kit.add(Frame("ramp", Planes(ramp, mask, None, BITS))), limits=[0, 1], stretch="linear", position=None
    )
    page = kit.open(widget)
    page.locator(".fits-view .host").focus()
    page.keyboard.press("1")
    columns = [10, 40, 41, 60, 90, 130, 170, 220, 239, 270]
    values = np.clip(ramp[50, columns].astype(float), 0, 1)
    wanted = {
        "linear": vis.LinearStretch(),
        "log": vis.LogStretch(1000),
        "sqrt": vis.SqrtStretch(),
        "squared": vis.SquaredStretch(),
        "asinh": vis.AsinhStretch(0.1),
        "power": vis.PowerDistStretch(1000),
        "histogram": lambda t: t,  # a ramp has as many of every value
    }
    stretch = page.get_by_label("Stretch", exact=True)
    for name, bent in wanted.items():
        stretch.select_option(name)
        until(page, lambda name=name: widget.stretch == name)
        if name == "histogram":
            while kit.ask("return v.scene.current.ladder([0, 1])") is None:
                page.wait_for_timeout(10)
        grey = np.array(kit.painted([(column, 50) for column in columns]))
        assert (np.ptp(grey, axis=1) == 0).all()
        assert np.abs(grey[:, 0] - 255 * bent(values)).max() < 2, name
    stretch.select_option("linear")
    page.get_by_label("Invert (X)").click()
    assert kit.painted([(270, 50)]) == [[0, 0, 0]]
    page.get_by_label("Invert (X)").click()
    # Masks: each with its colour and opacity, over each other in the order of the bits.
    page.get_by_label("Tint bad pixels (M)").click()
    until(page, lambda: set(widget.masks) == {"BAD", "SAT"})
    widget.masks = {"BAD": ["#ff0000", 1.0], "SAT": ["#0000ff", 0.5]}
    kit.settle()
    until(page, lambda: kit.painted([(110, 50)]) == [[255, 0, 0]])
    half = round(255 * float(ramp[150, 150]) / 2)
    assert np.abs(np.array(kit.painted([(150, 150)])[0]) - [half, half, half + 127]).max() <= 2
    page.get_by_label("Settings: levels").click()
    page.get_by_label("Show BAD").uncheck()
    until(page, lambda: set(widget.masks) == {"SAT"})
    assert kit.painted([(110, 50)])[0] != [255, 0, 0]
    page.get_by_label("White level", exact=True).fill("0.5")
    page.keyboard.press("Enter")
    until(page, lambda: widget.limits == [0, 0.5])
    assert kit.painted([(160, 20)])[0] == [255, 255, 255]
    page.get_by_label("Cuts").select_option("minmax")
    until(page, lambda: widget.limits == [] and widget.cuts == "minmax")


def test_three_colours_are_those_of_lupton_and_a_difference_is_exact(kit: Kit, shot: Callable[..., object]) -> None:
    frames = [band_frame(band, turn=5, flip=band == "x") for band in "gri"]
    lupton = {"stretch": 40.0, "q": 6.0, "minimum": [1.0, 0.0, -2.0], "weight": [1.0, 1.0, 1.0]}
    told = kit.add(*frames)
    widget = make(told, arrangement="colour", lupton=lupton, north_up=False)
    page = kit.open(widget)
    page.locator(".fits-view .host").focus()
    page.keyboard.press("1")
    kit.settle()
    red, green, blue = (frames[k].plane("image") for k in (2, 1, 0))
    wanted = vis.make_lupton_rgb(red, green, blue, minimum=lupton["minimum"], stretch=40, Q=6)
    y, x = np.mgrid[60:300:3, 60:340:3].reshape(2, -1)
    found = np.array(kit.painted(list(zip(x.tolist(), y.tolist()))))
    assert np.abs(found - wanted[y, x].astype(int)).max() <= 1
    assert (np.ptp(found, axis=1) > 20).any()
    page.evaluate("document.documentElement.setAttribute('data-theme', 'dark')")
    page.get_by_label("Settings: levels").click()
    shot(page, "colour-dark")
    # The difference: zero is white; limits by hand are as for any image.
    widget.param.update(arrangement="difference", pair=[told[2]["id"], told[0]["id"]], limits=[-40, 40])
    expect(page.locator(".fits-view .caption")).to_have_text("i − g")
    kit.settle()
    found = np.array(kit.painted(list(zip(x.tolist(), y.tolist()))))
    away = (red - blue)[y, x]
    assert (found[away > 42] == found[away > 42][0]).all() and found[away > 42][0][0] > 150
    assert (found[:, 0] > found[:, 2])[away > 4].all() and (found[:, 2] > found[:, 0])[away < -4].all()
