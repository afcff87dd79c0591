"""The scatter chart in a browser: what the hand does arrives in data units, what Python draws is seen."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import panel as pn
import pytest
from playwright.sync_api import Page, expect

from portal.chart.raster import Points, shade
from portal.chart.spec import ChartSpec, chart_spec
from portal.table.columns import Column, TableMeta
from widgets.chart import Scatter

META = TableMeta((Column("gmi", "double", unit="mag"), Column("imag", "double", unit="mag"), Column("flux", "float")))
SPEC: ChartSpec = chart_spec(META, "gmi - 0", "imag")


def sky(n: int) -> tuple[np.ndarray, np.ndarray]:
    """A colour-magnitude diagram: a blue and a red branch."""
    rng = np.random.default_rng(3)
    i = 26 - rng.exponential(2.0, n)
    red = rng.random(n) < 0.4
    colour = np.where(red, 2.0 + 0.1 * (24 - i), 0.5 + 0.02 * (i - 20)) + rng.normal(
        0, 0.15 + 0.02 * (i - 18).clip(0), n
    )
    return colour.astype(np.float32), i.astype(np.float32)


def with_density(chart: Scatter, n: int = 200_000) -> Points:
    points = Points(*sky(n))
    ranges = points.ranges()
    chart.set_axes(SPEC, *ranges)
    chart.show_density(shade(points.density(*ranges, *chart.size)), *ranges, n)
    return points


def with_points(chart: Scatter, n: int = 400) -> tuple[np.ndarray, np.ndarray]:
    x, y = sky(n)
    chart.set_axes(SPEC, *Points(x, y).ranges())
    selected = x > 2.0
    ids = [str(9007199254740993 + row) for row in range(n)]
    chart.show_points(x, y, np.arange(n), selected, labels=ids)
    chart.mark_current(float(x[7]), float(y[7]))
    return x, y


def frame(page: Page) -> dict[str, float]:
    """Where the frame of the first chart lies on the page, in pixels."""
    page.wait_for_function(FIND + "; const v = find(); return v && v.frame && v.frame.bbox.width > 10 }")
    return page.evaluate(
        FIND + "; const v = find(), b = v.frame.bbox, r = v.el.getBoundingClientRect();"
        "return {x: r.x + b.x, y: r.y + b.y, width: b.width, height: b.height} }"
    )


FIND = """() => { const find = () => { const seen = [...Bokeh.index.roots]; while (seen.length) { const v = seen.pop();
  if (v.model.type === 'Figure') return v; seen.push(...(v.child_views ?? [])) } }"""


def place(page: Page, chart: Scatter, x: float, y: float) -> tuple[float, float]:
    """Where a point of the data is on the page."""
    box = frame(page)
    xs, ys = chart.figure.x_range, chart.figure.y_range
    u, v = (x - xs.start) / (xs.end - xs.start), (y - ys.start) / (ys.end - ys.start)
    return box["x"] + u * box["width"], box["y"] + (1 - v) * box["height"]


def test_it_looks_right(serve: Callable, shot: Callable, theme: str) -> None:
    many, few = Scatter(theme=theme), Scatter(theme=theme)
    with_density(many)
    with_points(few)
    page = serve(pn.Row(many, few, sizing_mode="stretch_both", height=480), theme=theme, size=(1200, 520))
    frame(page)
    page.wait_for_timeout(300)
    shot(page, f"both-{theme}")
    expect(page.locator(".tv-chart")).to_have_count(2)


def test_magnitudes_grow_downwards(serve: Callable) -> None:
    chart = Scatter()
    with_points(chart)
    page = serve(chart)
    frame(page)
    assert chart.figure.y_range.start > chart.figure.y_range.end
    assert chart.figure.x_range.start < chart.figure.x_range.end


def test_a_click_tells_the_place(serve: Callable, until: Callable) -> None:
    chart = Scatter()
    x, y = with_points(chart)
    page = serve(chart, size=(900, 600))
    at = place(page, chart, float(x[7]), float(y[7]))
    page.mouse.click(*at)
    until(page, lambda: chart.tapped)
    (x0, x1), (y0, y1) = chart.view
    width, height = chart.size
    assert abs(chart.tapped.x - x[7]) < 2 * (x1 - x0) / width
    assert abs(chart.tapped.y - y[7]) < 2 * (y1 - y0) / height
    first = chart.tapped
    page.wait_for_timeout(400)
    page.mouse.click(*at)
    until(page, lambda: chart.tapped.n > first.n)


def test_the_wheel_zooms_and_gestures_tell_it(serve: Callable, until: Callable) -> None:
    chart = Scatter()
    with_density(chart)
    page = serve(chart, size=(900, 600))
    until(page, lambda: chart.ranged)  # the browser tells its size
    until(page, lambda: chart.size != (700, 420))
    page.wait_for_timeout(200)
    seen = []
    chart.param.watch(lambda event: seen.append(event.new), "ranged")
    before = chart.view
    box = frame(page)
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.wheel(0, -200)
    until(page, lambda: seen)
    page.wait_for_timeout(300)
    assert len(seen) <= 2  # x and y come as two messages; most often they are taken together
    made, last = len(seen), chart.ranged
    assert last.x0 > before[0][0] and last.x1 < before[0][1] and last.y0 > before[1][0] and last.y1 < before[1][1]
    assert (last.width, last.height) == chart.size
    chart.move_to((0.0, 1.0), (20.0, 22.0))  # Python's own change comes back as no gesture
    page.wait_for_timeout(300)
    assert chart.view == ((0.0, 1.0), (20.0, 22.0))
    assert all(later.width != last.width for later in seen[made:])  # but other labels may change the frame's size


def test_reset_goes_home(serve: Callable, until: Callable) -> None:
    chart = Scatter()
    with_density(chart)
    page = serve(chart, size=(900, 600))
    box = frame(page)
    home = chart.view
    page.mouse.move(box["x"] + 100, box["y"] + 100)
    page.mouse.wheel(0, -300)
    until(page, lambda: chart.view != home)
    page.locator(".bk-tool-icon-reset, [title='Reset']").first.click()
    until(page, lambda: chart.restored)
    until(page, lambda: chart.view == home)


def test_boxes_and_lassos_come_in_data_units(serve: Callable, until: Callable) -> None:
    chart = Scatter()
    with_points(chart)
    page = serve(chart, size=(900, 600))
    box = frame(page)
    middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.locator("[title='Box Select']").first.click()
    page.keyboard.down("Shift")  # adds to what is marked
    page.mouse.move(*middle)
    page.mouse.down()
    page.mouse.move(middle[0] + 60, middle[1] + 40, steps=4)
    page.mouse.move(middle[0] + 120, middle[1] + 80, steps=4)
    page.mouse.up()
    page.keyboard.up("Shift")
    until(page, lambda: chart.boxed)
    assert chart.boxed.mode == "or"
    (x0, x1), (y0, y1) = chart.view
    assert chart.boxed.x0 == pytest.approx((x0 + x1) / 2, abs=(x1 - x0) / 100)
    assert chart.boxed.x1 - chart.boxed.x0 == pytest.approx(120 / box["width"] * (x1 - x0), rel=0.05)
    assert chart.boxed.y0 == pytest.approx((y0 + y1) / 2, abs=(y1 - y0) / 50)
    page.locator("[title='Lasso Select']").first.click()
    page.mouse.move(*middle)
    page.mouse.down()
    for dx, dy in ((80, 0), (80, 60), (0, 60), (-20, 20)):
        page.mouse.move(middle[0] + dx, middle[1] + dy, steps=3)
    page.mouse.up()
    until(page, lambda: chart.lassoed)
    assert chart.lassoed.mode == "and"
    assert len(chart.lassoed.xs) == len(chart.lassoed.ys) > 4
    assert max(chart.lassoed.xs) <= x1 and min(chart.lassoed.ys) >= y0


def test_the_pointer_shows_the_exact_id(serve: Callable) -> None:
    chart = Scatter()
    x, y = with_points(chart, 60)
    page = serve(chart, size=(900, 600))
    page.mouse.move(*place(page, chart, float(x[7]), float(y[7])))
    expect(page.locator(".bk-tooltip-content, .bk-Tooltip").first).to_contain_text("9007199254741000")


def test_log_axes_line_up(serve: Callable, until: Callable, shot: Callable) -> None:
    chart = Scatter()
    rng = np.random.default_rng(4)
    x, y = 10 ** rng.normal(2, 1, 20_000), 10 ** rng.normal(0, 0.5, 20_000)
    points = Points(x, y, x_log=True, y_log=True)
    with_points(chart)
    page = serve(chart, size=(900, 600))
    frame(page)
    ranges = points.ranges()
    chart.set_axes(chart_spec(META, "flux", "flux", x_log=True, y_log=True), *ranges)
    chart.show_density(shade(points.density(*ranges, *chart.size)), *ranges, len(points))
    chart.mark_current(float(np.median(x)), float(np.median(y)))
    page.wait_for_timeout(400)
    shot(page, "log")
    box = frame(page)
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    until(page, lambda: chart.tapped)
    middle = 10 ** (np.log10(ranges[0]).mean())
    assert chart.tapped.x == pytest.approx(middle, rel=0.1)


def test_a_message_is_text_and_can_go(serve: Callable, until: Callable) -> None:
    chart = Scatter()
    chart.clear("Nothing to draw: <b>both</b> columns are empty.", error=True)
    page = serve(chart)
    expect(page.locator(".tv-chart .tv-error")).to_have_text("Nothing to draw: <b>both</b> columns are empty.")
    with_points(chart)
    expect(page.locator(".tv-chart .tv-error")).to_have_count(0)


def test_two_pages_have_their_own_charts(serve: Callable) -> None:
    made: list[Scatter] = []

    def page_of() -> Scatter:
        made.append(Scatter())
        with_points(made[-1])
        return made[-1]

    page = serve(page_of)
    page.reload()
    frame(page)
    assert len(made) == 2 and made[0].figure is not made[1].figure
