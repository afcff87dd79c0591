"""The light curve in a browser: bands, units, legend, exact visits under the pointer."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa
from playwright.sync_api import Page, expect

from portal.chart.lightcurve import LightCurve, read_curve
from widgets.lightcurve import LightCurveChart

FIND = """() => { const find = () => { const seen = [...Bokeh.index.roots]; while (seen.length) { const v = seen.pop();
  if (v.model.type === 'Figure') return v; seen.push(...(v.child_views ?? [])) } }"""


def rr_lyrae(n: int = 330, faint: bool = False) -> LightCurve:
    """A pulsating star of 0.55 d seen for two years in six bands; ``faint`` hides much of it in the noise."""
    rng = np.random.default_rng(5)
    mjd = np.sort(60620 + rng.uniform(0, 700, n))
    band = rng.choice(list("ugrizy"), n, p=[0.08, 0.12, 0.25, 0.25, 0.2, 0.1])
    mean = np.array([dict(u=900, g=2600, r=3300, i=3500, z=3500, y=3400)[b] for b in band])
    phase = (mjd / 0.5496) % 1
    change = 0.35 * np.exp(-3 * phase) - 0.12
    err = np.where(band == "u", 60.0, 25.0)
    if faint:
        mean, err = mean / 120, err * 0.35
    flux = mean * (1 + change) + rng.normal(0, err)
    table = pa.table(
        {
            "objectId": pa.array([9007199254740993] * n),
            "expMidptMJD": mjd,
            "band": band,
            "visit": 2024110800000 + np.arange(n),
            "psfFlux": flux,
            "psfFluxErr": err,
            "psfFlux_flag": rng.random(n) < 0.02,
            "psfDiffFlux": mean * change + rng.normal(0, err),
            "psfDiffFluxErr": err,
        }
    )
    return read_curve(table)


def settled(page: Page) -> None:
    page.wait_for_function(FIND + "; const v = find(); return v && v.frame && v.frame.bbox.width > 10 }")
    page.wait_for_timeout(300)


def test_it_looks_right(serve: Callable, shot: Callable, theme: str) -> None:
    chart = LightCurveChart(theme=theme)
    chart.show_curve(rr_lyrae())
    page = serve(chart, theme=theme, size=(900, 460))
    settled(page)
    shot(page, f"flux-{theme}")
    expect(page.locator(".tv-lightcurve")).to_have_count(1)
    chart.unit = "AB mag"
    settled(page)
    shot(page, f"mag-{theme}")
    chart.show_curve(rr_lyrae(faint=True))
    settled(page)
    shot(page, f"limits-{theme}")
    chart.param.update(unit="nJy", kind="difference")
    settled(page)
    shot(page, f"difference-{theme}")


def test_units_change_without_new_data(serve: Callable, until: Callable) -> None:
    chart = LightCurveChart()
    chart.show_curve(rr_lyrae())
    page = serve(chart)
    settled(page)
    assert chart.figure.yaxis[0].axis_label == "Flux [nJy]"
    chart.unit = "AB mag"  # from another thread than the page's
    until(page, lambda: chart.figure.yaxis[0].axis_label == "AB magnitude")
    until(page, lambda: chart.figure.y_range.start > chart.figure.y_range.end)
    page.wait_for_function(FIND + "; const r = find().model.y_range; return r.start > r.end }")


def test_a_click_in_the_legend_hides_a_band(serve: Callable, until: Callable) -> None:
    chart = LightCurveChart()
    chart.show_curve(rr_lyrae())
    page = serve(chart, size=(900, 460))
    settled(page)
    spot = page.evaluate(
        FIND + "; const v = find(); const seen = [v]; let legend; while (seen.length) { const w = seen.pop();"
        "if (w.model.type === 'Legend') legend = w; const more = w.children ? w.children() : [];"
        "for (const c of more) seen.push(c) }"
        "const items = legend.shadow_el.querySelectorAll('.bk-item'); const r = items[1].getBoundingClientRect();"
        "return [r.x + r.width / 2, r.y + r.height / 2, items.length] }"
    )
    assert spot[2] == 6
    page.mouse.click(spot[0], spot[1])
    until(page, lambda: not chart._drawn["g"][1].visible)
    assert chart._drawn["r"][1].visible


def test_the_pointer_tells_time_value_and_visit(serve: Callable, shot: Callable) -> None:
    chart = LightCurveChart(theme="dark")
    curve = rr_lyrae()
    chart.show_curve(curve)
    page = serve(chart, size=(900, 460), theme="dark")
    settled(page)
    red = curve.series["direct"].bands[2]
    at = int(np.argmax(red.flux))
    spot = page.evaluate(
        FIND + "; const v = find(), r = v.el.getBoundingClientRect(), b = v.frame.bbox;"
        f"return [r.x + v.frame.x_scale.compute({red.mjd[at]}), r.y + v.frame.y_scale.compute({red.flux[at]})] }}"
    )
    page.mouse.move(*spot)
    tip = page.locator(".bk-Tooltip").first
    expect(tip).to_contain_text(red.visit[at])
    expect(tip).to_contain_text(f"{red.mjd[at]:.6f}")
    expect(tip).to_contain_text("±")
    shot(page, "pointer")


def test_messages(serve: Callable) -> None:
    chart = LightCurveChart()
    chart.message("The light curve could not be fetched: <timeout>", error=True)
    page = serve(chart)
    expect(page.locator(".tv-lightcurve .tv-error")).to_have_text("The light curve could not be fetched: <timeout>")
    chart.show_curve(rr_lyrae())
    expect(page.locator(".tv-lightcurve .tv-error")).to_have_count(0)
