"""The sky view over its life: hidden, resized, replaced, with new rows, other surveys, and when things fail."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import panel as pn
import pytest
from playwright.sync_api import Page, expect

from ui_tests.sky_kit import Kit, catalog, make


@pytest.fixture
def kit(serve: Callable[..., Page], until: Callable[..., None]) -> Kit:
    return Kit(serve, until)


def test_hidden_and_resized_it_keeps_its_place_and_field(kit: Kit) -> None:
    sky = make(width=None, height=420, sizing_mode="stretch_width")
    page = kit.open(sky)
    sky.go(61.8, -37.1, 0.3)
    kit.until(page, lambda: abs(kit.ask("s.view.fov") - 0.3) < 1e-6)
    sky.visible = False
    page.locator(".host").wait_for(state="hidden")
    page.wait_for_timeout(300)
    sky.visible = True
    page.locator(".host").wait_for()
    kit.settle()
    kit.until(page, lambda: abs(kit.ask("a.getFov()[0]") - 0.3) < 1e-6)
    assert kit.ask("a.getRaDec()") == pytest.approx((61.8, -37.1), abs=1e-6)
    for width in (700, 1100):
        page.set_viewport_size({"width": width, "height": 600})
        kit.until(page, lambda width=width: abs(kit.ask("a.getSize()[0]") - width) < 40)
        kit.until(page, lambda: kit.ask("s.view.width") == kit.ask("a.getSize()[0]"))
        kit.settle()
        assert kit.ask("a.getFov()[0]") == pytest.approx(0.3, rel=1e-5)
        assert kit.ask("s.layer.canvas.width") == kit.ask("a.getSize()[0]")
    assert sky.moved is None


def test_it_may_start_hidden(kit: Kit) -> None:
    sky = make(target=None, visible=False)
    page = kit.open(sky, wait=False)
    page.locator(".points").wait_for(state="attached")
    page.wait_for_timeout(500)
    sky.visible = True
    kit.settle()
    kit.until(page, lambda: kit.ask("s.layer.inView") == 300)
    assert 0.5 < kit.ask("a.getFov()[0]") < 1.2
    assert kit.ask("a.getRaDec()") == pytest.approx((62.0, -37.0), abs=0.03)


def test_the_next_sky_view_uses_the_same_aladin(kit: Kit) -> None:
    column = pn.Column(make())
    page = kit.open(column)
    kit.ask("(s.tag = 'first', s.layer.tag = 'first')")
    for _ in range(3):
        column[:] = []
        page.locator(".sky-view").wait_for(state="detached")
        column.append(make(target=(61.9, -37.05, 0.5)))
        page.locator(".sky-view").wait_for()
        kit.settle()
        assert kit.ask("[s.tag, s.layer.tag, s.layer.gl.isContextLost()]") == ["first", "first", False]
        assert kit.ask("a.getRaDec()") == pytest.approx((61.9, -37.05), abs=1e-6)
        assert kit.ask("s.layer.points.count") == 300
    column.append(make(target=(62.1, -37.05, 0.5)))
    page.locator(".sky-view").nth(1).wait_for()
    page.wait_for_timeout(1500)
    assert page.locator(".sky-view").nth(1).evaluate("r => r.sky.stage.tag") is None, "two at a time are two"


def test_new_rows_come_with_a_new_version(kit: Kit) -> None:
    sky = make()
    page = kit.open(sky)
    kit.table = tuple(values[:7] for values in kit.table)
    sky.catalogs = [catalog(version=2)]
    kit.until(page, lambda: kit.ask("s.layer.points.count") == 7)
    kit.table = (np.array([62.0, np.nan, 62.1]), np.array([-37.0, -37.0, np.inf]), [1, 2, 3], [0, 0, 0])
    sky.catalogs = [catalog(version=3)]
    kit.until(page, lambda: kit.ask("s.layer.points.count") == 3)
    assert kit.ask("[s.layer.points.missing, s.layer.inView]") == [2, 1]
    hidden = catalog(key="two", active=False, shown=False)
    sky.catalogs = [hidden, catalog(version=3)]
    kit.until(page, lambda: kit.ask("s.layer.catalogs.length") == 2)
    sky.catalogs = [{**hidden, "shown": True}, catalog(version=3)]
    kit.until(page, lambda: kit.ask("s.layer.catalogs[0].points.points.count") == 3)
    sky.catalogs = []
    kit.until(page, lambda: kit.ask("s.layer.points.count") == 0)


def test_the_user_chooses_the_survey(kit: Kit, troubles: object) -> None:
    sky = make()
    page = kit.open(sky)
    with page.expect_request("**/hips/two/properties"):
        page.get_by_label("Survey", exact=True).select_option("Two")
    kit.until(page, lambda: sky.survey == "hips/two")
    page.wait_for_timeout(300)
    sky.survey = "hips/one"
    kit.until(page, lambda: kit.ask("sky.imagery().base.survey.url") == "hips/one")
    troubles.allow("404")
    sky.survey = "hips/three"
    expect(page.locator(".message.tv-error")).to_contain_text("hips/three could not be opened")
    expect(page.get_by_label("Survey", exact=True)).to_have_value("hips/one")  # which is still the one shown
    assert kit.ask("sky.imagery().base.survey.url") == "hips/one"


def test_messages_and_failures_are_shown_as_text(kit: Kit, troubles: object) -> None:
    troubles.allow("404")
    sky = make(catalogs=[], message="This result has no position columns: <b>mag</b>.")
    page = kit.open(sky)
    expect(page.locator(".message")).to_have_text("This result has no position columns: <b>mag</b>.")
    sky.param.update(message="", notice="Shown: 1,000,000 of 3,000,000 rows.")
    expect(page.locator(".message")).to_be_hidden()
    expect(page.locator(".notice")).to_have_text("Shown: 1,000,000 of 3,000,000 rows.")
    sky.catalogs = [catalog("nowhere")]
    expect(page.locator(".message.tv-error")).to_contain_text("could not be loaded")
    sky.catalogs = [catalog()]
    kit.until(page, lambda: kit.ask("s.layer.points.count") == 300)
    expect(page.locator(".message")).to_be_hidden()


def test_without_webgl2_it_says_so(serve: Callable[..., Page]) -> None:
    column = pn.Column(pn.pane.Str("before"))
    page = serve(column)
    page.evaluate(
        """() => { const real = HTMLCanvasElement.prototype.getContext;
             HTMLCanvasElement.prototype.getContext = function (kind, ...more) {
               return kind === 'webgl2' ? null : real.call(this, kind, ...more); }; }"""
    )
    column.append(make())
    expect(page.locator(".sky-view .notice")).to_contain_text("Drawn by the server: no WebGL2")


def test_looks(kit: Kit, shot: Callable[..., object]) -> None:
    sky = make(current=(62.05, -36.95), notice="Shown: 300 of 3,000 rows.")
    page = kit.open(sky)
    page.get_by_label("Select a circle (C)").click()
    page.mouse.move(*kit.pixel(62.2, -37.1))
    page.mouse.down()
    page.mouse.move(*kit.pixel(62.2, -37.0))
    shot(page, "light")
    light = kit.ask("s.layer.active.look.colour")
    page.evaluate("document.documentElement.setAttribute('data-theme', 'dark')")
    kit.until(page, lambda: kit.ask("s.layer.active.look.colour") != light)
    shot(page, "dark")
    page.mouse.up()


def test_at_rest_aladin_seldom_draws(kit: Kit) -> None:
    page = kit.open(make())
    drawn = """new Promise((done) => {
        const { wasm } = a.view, update = wasm.update;
        let draws = 0, frames = 0;
        wasm.update = (time) => (draws++, update.call(wasm, time));
        const next = () => {
            if (frames++ < arg) return requestAnimationFrame(next);
            delete wasm.update;
            done(draws);
        };
        next();
    })"""
    kit.until(page, lambda: kit.ask(drawn, 30) < 20, 20)  # else as many as frames

    def moved() -> bool:
        page.mouse.move(*kit.pixel(62.1, -37.0))
        page.mouse.move(*kit.pixel(62.2, -37.0))
        return kit.ask(drawn, 10) >= 6  # at rest it would be one

    kit.until(page, moved)  # a hand on it wakes it
