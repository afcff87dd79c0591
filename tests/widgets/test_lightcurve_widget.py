"""The light-curve chart without a browser: units and kinds redraw, nothing is dropped, pages share nothing."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from portal.chart.lightcurve import LightCurve, Series, read_curve
from widgets.lightcurve import LightCurveChart


def curve(**other: list) -> LightCurve:
    columns = {
        "objectId": [9007199254740993] * 4,
        "expMidptMJD": [60001.0, 60002.0, 60003.0, 60004.0],
        "band": ["g", "g", "r", "VR"],
        "visit": [2024110800245, 2, 3, 4],
        "psfFlux": [360.0, -5.0, 1.0, 363.0],
        "psfFluxErr": [3.6, 1.0, None, 3.6],
        "psfDiffFlux": [-10.0, 1.0, 2.0, 3.0],
        "psfDiffFluxErr": [1.0] * 4,
        **other,
    }
    return read_curve(pa.table({name: values for name, values in columns.items() if values is not None}))


def shown(chart: LightCurveChart, band: str) -> list[float]:
    return list(chart._sources[band].data["y"])


def test_flux_then_magnitude_without_new_data() -> None:
    chart = LightCurveChart()
    chart.show_curve(curve())
    assert shown(chart, "g") == [360.0, -5.0] and shown(chart, "?") == [363.0]
    assert chart.figure.yaxis[0].axis_label == "Flux [nJy]" and chart._zero.visible
    assert chart.figure.y_range.start < -5 < 363 < chart.figure.y_range.end
    data = chart._sources["g"].data
    assert data["visit"] == ["2024110800245", "2"]
    assert data["value"] == ["360 ± 3.6 nJy", "-5 ± 1 nJy"] and data["time"][0] == "60001.000000"
    chart.unit = "AB mag"
    assert shown(chart, "g") == pytest.approx([31.4 - 2.5 * np.log10(360)])
    assert list(chart._limits["g"].data["y"]) == pytest.approx([31.4 - 2.5 * np.log10(5.0)])
    assert chart._limits["g"].data["value"][0].startswith("> ")
    assert shown(chart, "r") == pytest.approx([31.4])
    assert chart.figure.y_range.start > chart.figure.y_range.end and not chart._zero.visible


def test_the_legend_counts_bands_in_order() -> None:
    chart = LightCurveChart()
    chart.show_curve(curve())
    assert [item.label.value for item in chart._legend.items] == ["g (2)", "r (1)", "VR (1)"]
    assert chart._note.text == "9007199254740993 · 4 points"
    chart.show_curve(curve(), title="object 5")
    assert chart._note.text.startswith("object 5 · ")


def test_what_cannot_be_placed_is_counted() -> None:
    chart = LightCurveChart()
    chart.show_curve(curve(expMidptMJD=[60001.0, None, 60003.0, 60004.0], psfFlux_flag=[True, False, False, False]))
    assert chart._note.text == "9007199254740993 · 3 points · 1 without time or flux · hollow: flagged"
    assert list(chart._sources["g"].data["fill"]) == [0.0]
    chart.unit = "AB mag"
    chart.show_curve(curve(psfFluxErr=[None] * 4))
    assert chart._note.text.endswith("1 without magnitude")


def test_difference_fluxes_stay_in_njy() -> None:
    chart = LightCurveChart(unit="AB mag", kind="difference")
    chart.show_curve(curve())
    assert shown(chart, "g") == [-10.0, 1.0]
    assert chart.figure.yaxis[0].axis_label == "Difference flux [nJy]"
    assert "no magnitude" in chart._words.object
    chart.kind = "direct"
    assert not chart._words.visible and chart.figure.yaxis[0].axis_label == "AB magnitude"


def test_a_kind_that_is_missing_is_told() -> None:
    chart = LightCurveChart(kind="difference")
    chart.show_curve(curve(psfDiffFlux=None))
    assert "no difference flux" in chart._words.object and shown(chart, "g") == [360.0, -5.0]


def test_empty_curves_say_so() -> None:
    chart = LightCurveChart()
    chart.show_curve(curve(expMidptMJD=pa.nulls(4, pa.float64())))
    assert "None of the 4 rows" in chart._words.object
    chart.show_curve(LightCurve("7", {"direct": Series("psfFlux", ())}))
    assert "no measurements" in chart._words.object and not chart._legend.items
    chart.show_curve(LightCurve("7", {}))
    assert not chart._words.visible


def test_a_message_takes_the_curve_away() -> None:
    chart = LightCurveChart()
    chart.show_curve(curve())
    chart.message("Fetching <b>", error=False)
    assert chart.curve is None and not shown(chart, "g") and "&lt;b&gt;" in chart._words.object
    assert chart._note.text == ""
    chart.show_curve(curve())
    assert not chart._words.visible


def test_the_time_in_view_stays_when_the_unit_changes() -> None:
    chart = LightCurveChart()
    chart.show_curve(curve())
    chart.figure.x_range.update(start=60001.5, end=60002.5)
    chart.unit = "AB mag"
    assert (chart.figure.x_range.start, chart.figure.x_range.end) == (60001.5, 60002.5)
    chart.show_curve(curve())
    assert chart.figure.x_range.start < 60001


def test_no_model_is_shared_between_pages() -> None:
    one, two = LightCurveChart(), LightCurveChart()
    one.show_curve(curve())
    two.show_curve(curve())
    assert not {model.id for model in one.figure.references()} & {model.id for model in two.figure.references()}
