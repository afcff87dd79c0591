"""The sky view: what is where, and what a click, a drag and a region mean."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.wcs import WCS
from playwright.sync_api import Page, expect

from ui_tests.sky_kit import FIELD, Kit, make


@pytest.fixture
def kit(serve: Callable[..., Page], until: Callable[..., None]) -> Kit:
    return Kit(serve, until)


def test_starts_at_the_target_and_goes_where_it_is_told(kit: Kit) -> None:
    sky = make()
    page = kit.open(sky)
    assert kit.ask("a.getFov()[0]") == pytest.approx(1.0, rel=1e-6)
    assert kit.ask("a.getRaDec()") == pytest.approx(FIELD, abs=1e-6)
    assert "+" not in page.locator(".place").inner_text().split()[1]
    sky.go(61.5, -37.2, 0.2)
    kit.until(page, lambda: abs(kit.ask("a.getFov()[0]") - 0.2) < 1e-6)
    kit.settle()
    assert kit.ask("a.getRaDec()") == pytest.approx((61.5, -37.2), abs=1e-6)
    assert sky.moved is None, "Python's own moves are no gestures"


def test_marks_sit_where_astropy_says_and_ra_grows_to_the_left(kit: Kit) -> None:
    kit.open(make())
    ra, dec, _, chosen = kit.table
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.crval = FIELD
    wcs.wcs.crpix = [400.5, 250.5]  # the middle of an 800 x 500 view, pixel edges at whole numbers
    wcs.wcs.cdelt = [-1, 1]
    scale = kit.ask("s.view.scale")
    for at in (0, 7, 13, 50):
        x, y = wcs.wcs_world2pix([[ra[at], dec[at]]], 0)[0] - [399.5, 249.5]
        expected = np.array([400 + x * math.radians(scale), 250 - y * math.radians(scale)])
        drawn = np.array(
            kit.ask("[...Array(2)].map((_, i) => (sky.pixelOf(s.view, arg[0], arg[1]))[i])", [ra[at], dec[at]])
        )
        aladin = np.array(kit.ask("a.world2pix(arg[0], arg[1])", [ra[at], dec[at]]))
        assert np.abs(drawn - aladin).max() < 0.01
        assert np.abs(drawn - expected).max() < 0.01
        ring = 4.0 if not chosen[at] else 5.0
        colour = kit.ask("s.layer.colourAt(s.view, arg[0], arg[1])", [drawn[0] + ring - 0.4, drawn[1]])
        assert colour[3] > 60, (at, colour)
    left = kit.ask("sky.pixelOf(s.view, 62.3, -37)")[0]
    assert left < 400
    assert kit.ask("sky.pixelOf(s.view, 62, -36.9)")[1] < 250


def test_every_projection_agrees_with_aladin_in_tiny_and_whole_sky_views(kit: Kit) -> None:
    """Places under pixels come back to them by our arithmetic, and the shader draws marks where it says."""
    kit.table = all_over()
    sky = make()
    kit.open(sky)
    worst = """(([kind, fov]) => {
      a.setProjection(kind); a.setFoV(fov); a.gotoRaDec(62, -37);
      const view = sky.readView(a), away = [];
      for (const fx of [0.05, 0.3, 0.5, 0.7, 0.95]) for (const fy of [0.1, 0.4, 0.6, 0.9]) {
        const x = fx * 800, y = fy * 500, at = sky.worldAt(x, y), back = at && sky.pixelOf(view, ...at);
        if (at) away.push(back ? Math.hypot(back[0] - x, back[1] - y) : 99);
      }
      const xyz = s.layer.points.xyz, bare = [];
      for (let k = 0; k < s.layer.points.count; k++) {
        const p = xyz.slice(3 * k, 3 * k + 3), out = sky.pixelOf(view, Math.atan2(p[1], p[0]) * 180 / Math.PI,
          Math.asin(p[2]) * 180 / Math.PI);
        if (!out || out[0] < 20 || out[1] < 20 || out[0] > 780 || out[1] > 480) continue;
        const size = s.layer.active.points.diameter(view) / 2 - 1;
        if (s.layer.colourAt(view, out[0] + size, out[1])[3] < 50) bare.push([kind, fov, ...p, ...out]);
      }
      return [view.kind, Math.max(...away), away.length, bare]; })(arg)"""
    for kind, widest in {"TAN": 140, "SIN": 170, "STG": 300, "ZEA": 350, "MER": 360, "AIT": 360, "MOL": 360}.items():
        for fov in (2 / 3600, 1.0, widest):
            shown, away, seen, bare = kit.ask(worst, [kind, fov])
            assert shown == kind and away < 0.05 and seen > 8, (kind, fov, away, seen)
            assert not bare, bare


def all_over() -> tuple:
    """Marks over the whole sky, at the field and near both poles; few enough to be rings."""
    ra = np.array(
        [*FIELD[:1], *np.linspace(5, 355, 12), *np.linspace(20, 340, 6), *np.linspace(50, 330, 6), 10.0, 10.0]
    )
    dec = np.array([FIELD[1], *np.linspace(-20, 20, 12), *[-60.0] * 6, *[55.0] * 6, 86.0, -86.0])
    return ra, dec, np.arange(len(ra)), np.zeros(len(ra), "u1")


def clear_rows(kit: Kit, count: int) -> list[int]:
    """Places in the table of rows that no other mark comes near on the screen."""
    ra, dec, _, _ = kit.table
    at = np.array(kit.ask("arg.map((p) => sky.pixelOf(s.view, ...p))", np.stack([ra, dec], 1).tolist()))
    apart = np.hypot(*(at[:, None] - at[None]).transpose(2, 0, 1)) + 1e9 * np.eye(len(at))
    inside = (at > [0, 60]).all(1) & (at < [800, 450]).all(1)  # not under the tools
    return np.flatnonzero((apart.min(1) > 20) & inside)[:count].tolist()


def test_a_click_picks_the_row_under_it(kit: Kit) -> None:
    sky = make()
    page = kit.open(sky)
    ra, dec, rows, _ = kit.table
    for at in clear_rows(kit, 3):
        x, y = kit.pixel(ra[at], dec[at])
        before = sky.clicked
        page.mouse.click(x + 4, y - 4)
        kit.until(page, lambda before=before: sky.clicked is not before)
        assert sky.clicked.row == rows[at]
    n = sky.clicked.n
    page.mouse.click(*kit.pixel(FIELD[0] + 0.55, FIELD[1]))  # nothing near
    page.mouse.click(x, y)
    kit.until(page, lambda: sky.clicked.n > n)
    assert sky.clicked.n == n + 1, "a click beside all marks says nothing; the same row twice says it twice"


def drag(page: Page, start: tuple[float, float], end: tuple[float, float]) -> None:
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move((start[0] + end[0]) / 2, (start[1] + end[1]) / 2)
    page.mouse.move(*end)
    page.mouse.up()


def test_a_drag_moves_the_sky_and_is_told_once_it_rests(kit: Kit) -> None:
    sky = make()
    page = kit.open(sky)
    box = page.locator(".host").bounding_box()
    x, y = box["x"] + 600, box["y"] + 300
    drag(page, (x, y), (x + 80, y))
    kit.until(page, lambda: sky.moved is not None)
    kit.settle()
    assert sky.moved.ra == pytest.approx(kit.ask("a.getRaDec()[0]"), abs=1e-6)
    assert sky.moved.ra > FIELD[0] + 0.05, "the sky follows the hand: more of the east, the left, is seen"
    assert sky.moved.fov == pytest.approx(1.0, rel=1e-4)
    assert sky.clicked is None
    told = sky.moved
    under = kit.ask("sky.worldAt(arg[0], arg[1])", [x - box["x"], y - box["y"]])
    page.mouse.move(x, y)
    page.mouse.wheel(0, -240)
    kit.until(page, lambda: sky.moved is not told)
    assert sky.moved.fov == pytest.approx(1.2**-2.4, rel=1e-4)
    held = kit.ask("sky.worldAt(arg[0], arg[1])", [x - box["x"], y - box["y"]])
    there = SkyCoord(*under, unit="deg").separation(SkyCoord(*held, unit="deg"))
    assert there.deg < 0.002, "what is under the pointer stays there"


def test_a_rectangle_is_a_polygon_on_the_sky(kit: Kit) -> None:
    sky = make()
    page = kit.open(sky)
    corners = [(62.2, -36.9), (61.9, -37.15)]
    page.get_by_label("Select a rectangle (R)").click()
    page.keyboard.down("Alt")  # takes away from what is marked
    drag(page, kit.pixel(*corners[0]), kit.pixel(*corners[1]))
    page.keyboard.up("Alt")
    kit.until(page, lambda: sky.boxed is not None)
    assert sky.boxed.mode == "and not"
    assert sky.boxed.kind == "polygon" and len(sky.boxed.coords) == 8
    drawn = np.reshape(sky.boxed.coords, (4, 2))
    pixel = 1 / 800
    for ra, dec in corners:
        offsets = np.abs(drawn - [ra, dec]) * [math.cos(math.radians(dec)), 1]
        assert np.hypot(*offsets.T).min() < 1.5 * pixel
    assert kit.ask("a.getRaDec()") == pytest.approx(FIELD, abs=1e-6), "drawing does not move the sky"
    v = SkyCoord(drawn, unit="deg").cartesian.xyz.value.T
    turn = sum(np.dot(np.cross(a, b), v.mean(0)) for a, b in zip(v, np.roll(v, -1, 0)))
    assert turn > 0, "counter-clockwise from outside"
    inside = kit.ask("arg.map((p) => sky.pixelOf(s.view, ...p))", np.stack(kit.table[:2], 1).tolist())
    box = np.array(kit.ask("arg.map((p) => sky.pixelOf(s.view, ...p))", drawn.tolist()))
    in_box = ((np.array(inside) > box.min(0)) & (np.array(inside) < box.max(0))).all(1)
    u = SkyCoord(*kit.table[:2], unit="deg").cartesian.xyz.value.T
    on_sky = np.all([u @ np.cross(a, b) > 0 for a, b in zip(v, np.roll(v, -1, 0))], axis=0)
    assert (in_box == on_sky).all() and in_box.sum() > 10, "great circles through the corners are the drawn edges"


def test_circle_and_polygon_tools(kit: Kit) -> None:
    sky = make()
    page = kit.open(sky)
    page.get_by_label("Select a circle (C)").click()
    drag(page, kit.pixel(62, -37), kit.pixel(62, -36.8))
    kit.until(page, lambda: sky.boxed is not None)
    assert sky.boxed.kind == "circle"
    assert sky.boxed.coords == pytest.approx((62, -37, 0.2), abs=0.003)
    page.locator(".host").focus()
    page.keyboard.press("p")
    for corner in [(62.3, -37.1), (62, -36.85), (61.7, -37.1)]:
        page.mouse.click(*kit.pixel(*corner))
    page.keyboard.press("Enter")
    kit.until(page, lambda: sky.boxed.kind == "polygon")
    assert len(sky.boxed.coords) == 6
    assert sky.clicked is None, "corners are no clicks on rows"
    page.keyboard.press("r")
    assert page.locator(".bar [aria-pressed=true]").count() == 1
    page.keyboard.press("Escape")
    assert page.locator(".bar [aria-pressed=true]").count() == 0


def test_all_rows_are_fitted_without_a_target_and_by_the_button(kit: Kit) -> None:
    page = kit.open(make(target=None))
    kit.until(page, lambda: kit.ask("s.layer.inView") == 300)
    fov = kit.ask("s.view.fov")
    assert 0.5 < fov < 1.2
    kit.ask("s.go(10, 10, 5)")
    kit.until(page, lambda: kit.ask("s.layer.inView") == 0)
    page.get_by_label("Show all rows (0)").click()
    kit.until(page, lambda: kit.ask("s.layer.inView") == 300)
    assert kit.ask("s.view.fov") == pytest.approx(fov)


def test_the_current_row_is_marked_and_brought_into_view(kit: Kit) -> None:
    sky = make()
    page = kit.open(sky)
    ra, dec = kit.table[0][5], kit.table[1][5]
    sky.current = (ra, dec)
    mark = page.locator(".current")
    expect(mark).to_be_visible()
    box, at = mark.bounding_box(), kit.pixel(ra, dec)
    assert (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2) == pytest.approx(at, abs=1)
    assert kit.ask("a.getRaDec()") == pytest.approx(FIELD, abs=1e-6), "it was in view: nothing moves"
    sky.current = (65.0, -36.0)
    kit.until(page, lambda: abs(kit.ask("a.getRaDec()[0]") - 65) < 1e-6)
    assert kit.ask("a.getFov()[0]") == pytest.approx(1.0, rel=1e-5)
    sky.current = None
    expect(mark).to_be_hidden()
    assert sky.moved is None and sky.clicked is None


def test_the_keyboard_moves_and_zooms(kit: Kit) -> None:
    sky = make()
    page = kit.open(sky)
    page.locator(".host").focus()
    page.keyboard.press("ArrowLeft")
    kit.until(page, lambda: sky.moved is not None)
    assert sky.moved.ra > FIELD[0] + 0.05, "left is east"
    page.keyboard.press("+")
    kit.until(page, lambda: sky.moved.fov == pytest.approx(1 / 1.5, rel=1e-4))
    expect(page.locator(".live")).to_contain_text("rows in view")
