"""The panel of profiles: columns at a glance, one closely, a brush that filters, values to tick."""

from __future__ import annotations

import re

import numpy as np
import pyarrow as pa
import pytest

from portal.table.columns import Column, TableMeta
from portal.table.result import ResultTable
from ui_tests.panel_kit import PanelPage
from views.profile import ProfilePanel

ROWS = 2000


@pytest.fixture
def result(tmp_path):
    random = np.random.default_rng(3)
    columns = [
        Column("objectId", "long", ucd="meta.id;meta.main"),
        Column("r_mag", "double", unit="mag", ucd="phot.mag;em.opt.R", description="<b>r</b> band"),
        Column("visits", "short"),
        Column("band", "char", "*"),
        Column("taken", "char", "*", xtype="timestamp"),
    ]
    bands = np.array(["r", "i", "it's <i>"])[random.integers(0, 3, ROWS)]
    days = np.datetime64("2025-01-01") + random.integers(0, 60, ROWS)
    arrays = [
        pa.array(1_651_281_746_966_117_377 + np.arange(ROWS)),
        pa.array(random.normal(22, 1, ROWS), mask=random.random(ROWS) < 0.1),
        pa.array(random.integers(0, 40, ROWS).astype("i2")),
        pa.array(bands, mask=random.random(ROWS) < 0.1),
        pa.array(days.astype(str)),
    ]
    meta = TableMeta(tuple(columns))
    table = ResultTable.from_arrow(tmp_path / "r", meta, pa.table(arrays, schema=meta.to_schema()))
    yield table
    table.close()


def figures(panel) -> dict[str, str]:
    return dict(zip(panel.locator("dt").all_inner_texts(), panel.locator("dd").all_inner_texts()))


def test_columns_are_seen_brushed_and_ticked(serve, result, shot, until):
    made = PanelPage(ProfilePanel, result, ("profile", ""))
    page = serve(made.factory, made.routes, "light", (420, 820))
    panel = page.locator(".tv-profile")
    rows = panel.locator(".all li")
    rows.nth(1).locator("svg.small path").wait_for()
    assert rows.count() == 5 and "1651281746966117377 … 1651281746966119376" in rows.nth(0).inner_text()
    assert re.search(r"1\d % null|9\.\d % null", rows.nth(1).inner_text())
    shot(page, "all")
    panel.get_by_label("Search columns").fill("opt.r band")
    assert [row.is_visible() for row in rows.all()] == [False, True, False, False, False]
    rows.nth(1).get_by_role("button").click()
    panel.locator("dt", has_text="Median").wait_for()
    found = figures(panel)
    values = result.take(np.arange(ROWS), ["r_mag"])["r_mag"].drop_null().to_numpy()
    assert float(found["Median"]) == pytest.approx(np.median(values), abs=1e-4) and found["Rows"] == "2,000"
    assert "<b>r</b> band" in panel.locator(".about").inner_text()
    # a brush over the histogram is a filter, and the figures follow
    box = panel.locator("svg.bars").bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.4, box["y"] + 60)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + 60, steps=4)
    with page.expect_response(lambda response: "what=profile" in response.url):
        page.mouse.up()
    panel.locator(".filter code").wait_for()
    low, high = map(float, made.desk.look.filters[0][1].split(".."))
    inside = int(((values >= low) & (values <= high)).sum())
    assert 0 < inside < len(values)
    panel.locator("dd").first.get_by_text(f"{inside:,}", exact=True).wait_for()
    shot(page, "one")
    with page.expect_response(lambda response: "what=profile" in response.url and "log=1" in response.url):
        panel.get_by_label("log").check()
    panel.get_by_role("button", name="Remove this filter").click()
    until(page, lambda: made.desk.look.filters == ())
    # values to tick, null too; counts are those under the other filters
    # Rows that come while the columns are looked for do not end the search.
    held = []
    page.route("**/*what=facets*", lambda route: held.append(route) if not held else route.continue_())
    panel.get_by_role("tab", name="Values to tick").click()
    until(page, lambda: held)
    made.view.widget.version += 1
    band = panel.locator("details", has=page.locator("summary", has_text="band"))
    band.locator("li").first.wait_for()
    panel.locator("details:not([open])").wait_for()
    assert panel.locator("summary").all_inner_texts() == ["visits", "band"]
    before = band.locator(".count").all_inner_texts()
    with page.expect_response(lambda response: "column=visits" in response.url):
        band.get_by_label("it's <i>").check()
    with page.expect_response(lambda response: "column=band" in response.url):
        band.get_by_label("null").check()
    until(page, lambda: dict(made.desk.look.filters) == {"band": "in 'it''s <i>', null"})
    page.wait_for_timeout(100)
    assert band.locator(".count").all_inner_texts() == before and band.locator("input:checked").count() == 2
    shot(page, "facets")
    # a time is brushed to dates; the panel opens for the column asked
    made.desk.look = made.desk.look.with_filter("band", "")
    panel.get_by_role("tab", name="All columns").click()
    panel.get_by_label("Search columns").fill("taken")
    rows.nth(4).get_by_role("button").click()
    panel.locator("svg.bars").wait_for()
    box = panel.locator("svg.bars").bounding_box()
    page.mouse.move(box["x"] + 2, box["y"] + 60)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 60)
    page.mouse.up()
    until(page, lambda: "taken" in dict(made.desk.look.filters))
    assert re.fullmatch(r"2025-01-01T00:00:00\.\.2025-01-\d\dT.*", dict(made.desk.look.filters)["taken"])
