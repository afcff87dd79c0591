"""The panel of computed columns: written with completion and a preview, wrong ones shown where, changed, deleted."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from portal.table.columns import Column, TableMeta
from portal.table.result import ResultTable
from ui_tests.panel_kit import PanelPage
from views.derive import DerivePanel


@pytest.fixture
def result(tmp_path):
    columns = (
        Column("g_psfFlux", unit="nJy"),
        Column("g_psfFluxErr", unit="nJy"),
        Column("r mag", unit="mag"),
        Column("coord_ra", unit="deg", ucd="pos.eq.ra;meta.main"),
        Column("coord_dec", unit="deg", ucd="pos.eq.dec;meta.main"),
    )
    values = [[100.0, 1000.0, -5.0], [10.0, 10.0, 1.0], [20.5, None, 21.5], [62.0, 62.1, 62.2], [-37.0, -37.0, -37.0]]
    meta = TableMeta(columns)
    table = ResultTable.from_arrow(
        tmp_path / "r", meta, pa.table([pa.array(item) for item in values], schema=meta.to_schema())
    )
    yield table
    table.close()


def test_a_column_is_written_previewed_kept_changed_and_deleted(serve, result, shot, until):
    made = PanelPage(DerivePanel, result, ("derive", ""))
    page = serve(made.factory, made.routes, "light", (420, 820))
    panel = page.locator(".tv-derive")
    form = panel.get_by_role("form", name="A computed column")
    expression = form.get_by_label("Expression")
    # completion: functions get parentheses, awkward names quotes
    expression.press_sequentially("log1")
    panel.get_by_role("option", name="log10").wait_for()
    expression.press("Enter")
    expression.press_sequentially("g_psfF")
    expression.press("Tab")
    expression.press("End")
    expression.press_sequentially(" + mag")
    expression.press("Enter")
    assert expression.input_value() == 'log10(g_psfFlux) + "r mag"'
    panel.locator(".preview td", has_text="22.5").wait_for()
    assert "2 null of 3 rows" in form.get_by_role("status").inner_text()
    # an error is shown at its place, and nothing is made
    expression.fill("g_psfFlux\n- r_psfFlx")
    form.get_by_role("alert").wait_for()
    alert = form.get_by_role("alert").inner_text()
    assert "At line 2, character 3" in alert and form.locator("mark").inner_text() == "r_psfFlx"
    shot(page, "error")
    form.get_by_role("button", name="Add column").click()
    assert result.derived == ()
    # a preset fills the form in
    panel.get_by_label("Start from").select_option("mag")
    panel.get_by_role("button", name="Fill in").click()
    until(page, lambda: form.get_by_label("Name").input_value() == "g_psfMag")
    panel.locator(".preview tbody tr").nth(2).wait_for()
    shot(page, "form")
    form.get_by_role("button", name="Add column").click()
    panel.locator(".made li").wait_for()
    column = result.meta.column("g_psfMag")
    assert (column.unit, column.ucd) == ("mag", "phot.mag;em.opt.B") and expression.input_value() == ""
    assert result.take(np.arange(3), ["g_psfMag"])["g_psfMag"].to_pylist() == [
        pytest.approx(26.4),
        pytest.approx(23.9),
        None,
    ]
    # changed, under another name
    panel.get_by_role("button", name="Edit g_psfMag").click()
    expression.fill("g_psfFlux / g_psfFluxErr")
    form.get_by_label("Name").fill("sn")
    form.get_by_label("Unit").fill("")
    expression.press("Control+Enter")
    panel.locator(".made strong", has_text="sn").wait_for()
    assert [(item.name, item.text) for item in result.derived] == [("sn", "g_psfFlux / g_psfFluxErr")]
    # a name that is taken is refused at the name
    form.get_by_label("Name").fill("SN")
    expression.fill("1")
    panel.locator(".preview tbody tr").nth(2).wait_for()
    assert "already" in form.get_by_role("alert").inner_text()
    assert "bad" in form.get_by_label("Name").get_attribute("class")
    panel.get_by_role("button", name="Delete sn").click()
    until(page, lambda: result.derived == ())
    panel.locator(".made li").wait_for(state="detached")
    shot(page, "empty")
