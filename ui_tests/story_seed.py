"""The main job: from ADQL to a multi-band light curve and its export, in at most six clicks and no dialog."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import httpx
import numpy as np
from astropy.io.votable import parse
from playwright.sync_api import Page

from ui_tests.portal_kit import SEED_QUERY, PortalProcess, wait_rows, write_query


class Clicks:
    """Counts the clicks of the story."""

    def __init__(self) -> None:
        self.n = 0

    def on(self, locator, **where) -> None:
        locator.click(**where)
        self.n += 1


def oracle(server: PortalProcess, adql: str) -> np.ndarray:
    """The same query by plain HTTP, read by astropy."""
    answer = httpx.post(
        f"{server.url}/api/tap/sync",
        data={"LANG": "ADQL", "QUERY": adql, "MAXREC": "50000"},
        timeout=60,
        trust_env=False,
    )
    return parse(io.BytesIO(answer.content)).get_first_table()


def download(page: Page, clicks: Clicks, menu, form: str, folder: Path) -> Path:
    clicks.on(menu.get_by_role("button", name="Export"))
    with page.expect_download() as got:
        clicks.on(menu.locator(f"[data-format={form}]"))
    path = folder / got.value.suggested_filename
    got.value.save_as(path)
    return path


def test_the_main_job(portal, visit, tmp_path, shot) -> None:
    page = visit(portal)
    assert "FROM dp1.Object" in page.locator(".tv-editor .cm-content").inner_text()
    write_query(page, SEED_QUERY)
    clicks = Clicks()

    clicks.on(page.get_by_role("button", name="Run", exact=True))
    rows = int(re.match(r"([\d,]+) rows", wait_rows(page))[1].replace(",", ""))
    assert rows > 1000
    page.locator(".tv-table td", has_text=re.compile(r"^\d{15,19}$")).first.wait_for()
    assert page.locator(".tv-axes input[name=x]").input_value() == "gmag"
    assert page.locator(".tv-axes input[name=y]").input_value() == "imag"

    # A point of the chart, found through the page's own scales: the brightest in g.
    expected = oracle(portal, SEED_QUERY)
    table = expected.to_table(use_names_over_ids=True)
    page.wait_for_function("() => window.Bokeh && Bokeh.index !== undefined")
    place = page.evaluate(CHART_PLACE, [float(np.nanmin(np.ma.filled(table["gmag"], np.nan)))])
    page.mouse.click(*place["xy"])
    clicks.n += 1
    page.locator(".tv-table .tv-current").first.wait_for()
    wanted = str(table["objectId"][int(np.nanargmin(np.ma.filled(table["gmag"], np.nan)))])
    assert wanted in page.locator(".tv-table tr:has(.tv-current)").first.inner_text()
    page.locator(".tv-curvebar", has_text=wanted).wait_for()
    curve = page.locator(".tv-curvebar").get_by_role("button", name="Table")
    page.wait_for_function("button => !button.disabled", arg=curve.element_handle())
    page.wait_for_timeout(1500)
    shot(page, "main-light")
    page.get_by_label("Light or dark").click()
    page.locator(":root[data-theme=dark]").wait_for()
    page.wait_for_timeout(500)
    shot(page, "main-dark")

    path = download(page, clicks, page.locator(".tv-curvebar"), "votable", tmp_path)
    assert clicks.n <= 6, "the light curve of a clicked row is exported"
    epochs = parse(path).get_first_table().to_table(use_names_over_ids=True)
    assert len(epochs) > 30 and set(map(str, epochs["band"])) <= set("ugrizy")
    assert set(map(str, epochs["objectId"])) == {wanted}

    results = page.locator(".tv-results")
    whole = parse(download(page, clicks, results, "votable", tmp_path)).get_first_table()
    same_table(whole, expected)
    with download(page, clicks, results, "csv", tmp_path).open(newline="") as file:
        lines = list(csv.DictReader(file))
    assert [line["objectId"] for line in lines] == [str(value) for value in table["objectId"]]


# Page coordinates of the point whose x value is given, from the figure that holds the chart's points.
CHART_PLACE = """([gmag]) => {
  for (const root of Object.values(Bokeh.index.roots ?? Bokeh.index)) {
    const stack = [root];
    while (stack.length) {
      const view = stack.pop();
      for (const child of view.child_views ?? []) stack.push(child);
      for (const child of view.children?.() ?? []) if (child && child.model) stack.push(child);
      if (view.model?.type !== 'Figure' || !view.model.renderers) continue;
      for (const renderer of view.model.renderers) {
        const data = renderer.data_source?.data;
        const xs = data && (data.x ?? data.get?.('x')), ys = data && (data.y ?? data.get?.('y'));
        if (!xs || xs.length < 1000) continue;
        let best = 0;
        for (let i = 1; i < xs.length; i++) if (Math.abs(xs[i] - gmag) < Math.abs(xs[best] - gmag)) best = i;
        const frame = view.frame, box = view.el.getBoundingClientRect();
        return { xy: [box.left + frame.x_scale.compute(xs[best]), box.top + frame.y_scale.compute(ys[best])] };
      }
    }
  }
  throw new Error('no chart with points');
}"""


def same_table(got, expected) -> None:
    """Rows, ids, units, UCDs, descriptions and nulls of two VOTables."""
    for mine, theirs in zip(got.fields, expected.fields, strict=True):
        assert (mine.name, mine.datatype, str(mine.unit), mine.ucd) == (
            theirs.name,
            theirs.datatype,
            str(theirs.unit),
            theirs.ucd,
        )
        assert (mine.description or "") == (theirs.description or "")
    a, b = got.to_table(use_names_over_ids=True), expected.to_table(use_names_over_ids=True)
    assert len(a) == len(b)
    for name in a.colnames:
        left, right = np.ma.asarray(a[name]), np.ma.asarray(b[name])
        assert (np.ma.getmaskarray(left) == np.ma.getmaskarray(right)).all(), name
        assert ((left == right) | np.ma.getmaskarray(left) | ((left != left) & (right != right))).all(), name
