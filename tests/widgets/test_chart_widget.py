"""The scatter chart without a browser: its models say what was asked for, gestures carry data units."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from bokeh.events import PanStart, Reset, SelectionGeometry, Tap
from bokeh.models import LogScale, LogTicker

from portal.chart.spec import chart_spec
from portal.table.columns import Column, TableMeta
from widgets.chart import Scatter
from widgets.figure import PALETTES, ramp

META = TableMeta((Column("ra", "double", unit="deg"), Column("imag", "double", unit="mag"), Column("f", "float")))


def chart() -> Scatter:
    made = Scatter()
    made.set_axes(chart_spec(META, "ra", "imag"), (61.0, 63.0), (18.0, 26.0))
    return made


def test_axes_turn_round_by_convention() -> None:
    made = chart()
    fig = made.figure
    assert (fig.x_range.start, fig.x_range.end) == (63.0, 61.0)
    assert (fig.y_range.start, fig.y_range.end) == (26.0, 18.0)
    assert (fig.xaxis[0].axis_label, fig.yaxis[0].axis_label) == ("ra [deg]", "imag [mag]")
    assert made.view == ((61.0, 63.0), (18.0, 26.0))
    assert (fig.x_range.reset_start, fig.x_range.reset_end) == (63.0, 61.0)


def test_python_moves_are_no_gestures() -> None:
    made = chart()
    assert made.ranged is None
    made.figure.x_range.start = 62.5  # what a browser sends
    assert (made.ranged.x0, made.ranged.x1, made.ranged.y0) == (61.0, 62.5, 18.0)
    first = made.ranged
    made.move_to((61.5, 62.0), (20.0, 21.0))
    assert made.ranged is first and made.figure.y_range.start == 21.0
    assert made.figure.y_range.reset_start == 26.0


def test_log_axes_come_and_go() -> None:
    made = chart()
    made.set_axes(chart_spec(META, "f", "imag", x_log=True), (1.0, 100.0), (18.0, 26.0))
    assert isinstance(made.figure.x_scale, LogScale) and isinstance(made.figure.xaxis[0].ticker, LogTicker)
    made.set_axes(chart_spec(META, "f", "imag"), (1.0, 100.0), (18.0, 26.0))
    assert not isinstance(made.figure.x_scale, LogScale) and not isinstance(made.figure.xaxis[0].ticker, LogTicker)


def test_points_and_density_take_turns() -> None:
    made = chart()
    image = np.zeros((4, 5), np.uint8)
    image[1, 2] = 255
    made.show_density(image, (61.0, 63.0), (18.0, 26.0), 10_000_000)
    assert made._image.data["image"][0] is image
    assert made._image.data["dw"] == [2.0] and not made._chosen.data["image"]
    assert made._note.text == "10,000,000 points, density"
    x, y = np.array([61.5, 62.0]), np.array([20.0, 21.0])
    rows = np.array([7, 4_000_000_000], np.uint32)
    made.show_points(x, y, rows, np.array([False, True]), labels=["9007199254740993", "2"], n=5)
    assert not made._image.data["image"]
    assert made._points.data["label"] == ["9007199254740993", "2"]
    assert made._picked.data["x"].tolist() == [62.0]
    assert made._note.text == "2 of 5 points, 1 selected"
    assert made.rows.tolist() == [7, 4_000_000_000]


def test_the_current_row_is_ringed() -> None:
    made = chart()
    made.mark_current(62.0, 20.0)
    assert made._mark.data == {"x": [62.0], "y": [20.0]}
    for nowhere in ((None, None), (float("nan"), 1.0)):
        made.mark_current(*nowhere)
        assert made._mark.data == {"x": [], "y": []}


def test_gestures_count_up() -> None:
    made = chart()
    made._tap(Tap(made.figure, x=62.0, y=20.0))
    first = made.tapped
    made._tap(Tap(made.figure, x=62.0, y=20.0))
    assert made.tapped != first and made.tapped[1:] == first[1:] == (62.0, 20.0)
    made._shape(SelectionGeometry(made.figure, {"type": "rect", "x0": 63, "x1": 62, "y0": 21, "y1": 20}, final=False))
    assert made.boxed is None
    made._shape(SelectionGeometry(made.figure, {"type": "rect", "x0": 63, "x1": 62, "y0": 21, "y1": 20}, final=True))
    assert made.boxed[1:] == (62.0, 63.0, 20.0, 21.0, "and")
    made._begin(PanStart(made.figure, modifiers={"shift": True, "ctrl": False, "alt": False}))
    made._shape(SelectionGeometry(made.figure, {"type": "poly", "x": [1, 2, 3], "y": [4, 5, 6]}, final=True))
    assert made.lassoed[1:] == ((1.0, 2.0, 3.0), (4.0, 5.0, 6.0), "or")
    made._reset(Reset(made.figure))
    assert made.restored.n > made.lassoed.n


def test_messages_are_text() -> None:
    made = chart()
    made.message("<script>alert(1)</script>", error=True)
    assert "<script>" not in made._words.object and "tv-error" in made._words.object and made._words.visible
    made.message("")
    assert not made._words.visible


def test_clear_leaves_nothing() -> None:
    made = chart()
    made.show_points(np.ones(2), np.ones(2), np.arange(2), np.ones(2, bool))
    made.clear("No numbers to draw.")
    assert not len(made._points.data["x"]) and not len(made._picked.data["x"])
    assert "tv-message" in made._words.object


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_colours_are_those_of_the_page(theme: str) -> None:
    """Canvases cannot read CSS variables, so the palette repeats what theme.css says."""
    css = (Path(__file__).parents[2] / "static" / "theme.css").read_text()
    block = css.split('[data-theme="dark"]')[theme == "dark"]
    said = dict(re.findall(r"--tv-(\w+): (#\w+);", block.split("}")[0]))
    colours = PALETTES[theme]
    assert {name: getattr(colours, name) for name in ("fg", "muted", "line", "accent", "panel")} == {
        name: said[name] for name in ("fg", "muted", "line", "accent", "panel")
    }
    made = Scatter()
    made.paint(theme)
    assert made.figure.xaxis[0].axis_label_text_color == colours.fg and made.theme == theme
    assert len(colours.density) == len(colours.chosen) == 255


def test_ramps_reach_both_ends() -> None:
    colours = ramp("#000000", "#ffffff", 3)
    assert colours == ("#000000", "#808080", "#ffffff")


def test_no_model_is_shared_between_pages() -> None:
    one, two = chart(), chart()
    assert not {model.id for model in one.figure.references()} & {model.id for model in two.figure.references()}
