"""A scatter chart: a density picture while points are many, markers when they are few. Knows no session.

Pictures are made by the caller (``portal.chart.raster``) whenever ``ranged`` tells what is in view.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import panel as pn
import param
from bokeh.core.property.descriptors import UnsetValueError
from bokeh.events import PanStart, Reset, SelectionGeometry, Tap
from bokeh.models import (
    BasicTicker,
    BasicTickFormatter,
    BoxSelectTool,
    ColumnDataSource,
    HoverTool,
    Image,
    LassoSelectTool,
    LinearColorMapper,
    LinearScale,
    LogScale,
    LogTicker,
    LogTickFormatter,
)
from bokeh.models import Scatter as Marks

from portal.chart.spec import ChartSpec

from .base import Gesture
from .figure import PALETTES, drawn, framed, layer, new_figure, note_label, paint_figure, say, soon, words

SETTLE = 10
"""Milliseconds to wait for the rest of a zoom: x and y of one turn of the wheel arrive as separate messages."""
FIRST_SIZE = (700, 420)
"""Pixels assumed until the browser has told."""

Range = tuple[float, float]


class Ranged(NamedTuple):
    """What is in view now, low before high whatever the direction, and the size of the frame in pixels.

    ``zoomed`` tells the user's own zoom or pan from a frame that only changed its size.
    """

    n: int
    x0: float
    x1: float
    y0: float
    y1: float
    width: int
    height: int
    zoomed: bool


class Tapped(NamedTuple):
    n: int
    x: float
    y: float


class Boxed(NamedTuple):
    """A box was drawn. ``mode`` joins it to what is marked: "and", with Shift "or", with Alt "and not"."""

    n: int
    x0: float
    x1: float
    y0: float
    y1: float
    mode: str = "and"


class Lassoed(NamedTuple):
    n: int
    xs: tuple[float, ...]
    ys: tuple[float, ...]
    mode: str = "and"


class Restored(NamedTuple):
    """The user asked for the whole view."""

    n: int


class Scatter(pn.viewable.Viewer):
    """One chart of one page. Gestures are made by the user alone: what Python changes does not come back as one."""

    theme = param.Selector(default="light", objects=["light", "dark"])
    ranged = Gesture(Ranged)
    tapped = Gesture(Tapped)
    boxed = Gesture(Boxed)
    lassoed = Gesture(Lassoed)
    restored = Gesture(Restored)

    def __init__(self, **params: object) -> None:
        super().__init__(**params)
        self._n = 0
        self._own = False  # true while Python itself moves the ranges
        self._waiting = self._zoomed = False
        self._mode = "and"  # what the keys held at the start of a gesture ask for
        self._flipped = (False, False)
        self.rows = np.empty(0, np.uint32)
        self.spec: ChartSpec | None = None
        nothing: dict[str, list] = {"image": [], "x": [], "y": [], "dw": [], "dh": []}
        self._image, self._chosen = ColumnDataSource(dict(nothing)), ColumnDataSource(dict(nothing))
        self._points = ColumnDataSource({"x": [], "y": [], "label": []})
        self._picked = ColumnDataSource({"x": [], "y": []})
        self._mark = ColumnDataSource({"x": [], "y": []})
        self._hover = HoverTool(tooltips=[("", "@label")], visible=False)
        box, lasso = BoxSelectTool(renderers=[]), LassoSelectTool(renderers=[])
        self.figure = fig = new_figure([box, lasso], self._hover)
        self._mapper = LinearColorMapper(palette=["#000000"], low=1, high=255, low_color=(0, 0, 0, 0))
        self._chosen_mapper = LinearColorMapper(palette=["#000000"], low=1, high=255, low_color=(0, 0, 0, 0))
        for source, mapper in ((self._image, self._mapper), (self._chosen, self._chosen_mapper)):
            layer(fig, source, Image(image="image", x="x", y="y", dw="dw", dh="dh", color_mapper=mapper))
        self._dots = layer(fig, self._points, Marks(x="x", y="y", size=5, line_color=None, fill_alpha=0.65))
        self._bold = layer(fig, self._picked, Marks(x="x", y="y", size=7, fill_alpha=0.9))
        ring = Marks(x="x", y="y", size=17, marker="circle_dot", line_width=2.5, fill_color=None)
        self._ring = layer(fig, self._mark, ring)
        self._hover.renderers = [self._dots]
        self._note = note_label()
        fig.add_layout(self._note)
        for ends in (fig.x_range, fig.y_range):
            ends.on_change("start", self._moved)
            ends.on_change("end", self._moved)
        fig.on_change("inner_width", self._moved)
        fig.on_change("inner_height", self._moved)
        fig.on_event(Tap, self._tap)
        fig.on_event(PanStart, self._begin)
        fig.on_event(SelectionGeometry, self._shape)
        fig.on_event(Reset, self._reset)
        self._words = words()
        self._root = framed(self._words, fig, "tv-chart")
        self.paint(self.theme)

    def __panel__(self) -> pn.Column:
        return self._root

    # -- what is in view -----------------------------------------------------------------------------------------
    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the frame in pixels."""
        try:
            width, height = self.figure.inner_width, self.figure.inner_height
        except UnsetValueError:
            return FIRST_SIZE
        return (width, height) if width and height else FIRST_SIZE

    @property
    def view(self) -> tuple[Range, Range]:
        """The ranges in view, low before high."""
        x, y = self.figure.x_range, self.figure.y_range
        return (min(x.start, x.end), max(x.start, x.end)), (min(y.start, y.end), max(y.start, y.end))

    @drawn
    def set_axes(self, spec: ChartSpec, x_range: Range, y_range: Range) -> None:
        """Label, direct and scale both axes and show these ranges; they are what Reset comes back to."""
        fig = self.figure
        self.spec = spec
        for axis, log in ((fig.xaxis[0], spec.x.log), (fig.yaxis[0], spec.y.log)):
            if log != isinstance(axis.ticker, LogTicker):
                axis.ticker = LogTicker() if log else BasicTicker()
                axis.formatter = LogTickFormatter() if log else BasicTickFormatter()
        for name, log in (("x_scale", spec.x.log), ("y_scale", spec.y.log)):
            kind = LogScale if log else LinearScale
            if not isinstance(getattr(fig, name), kind):
                setattr(fig, name, kind())
        fig.xaxis[0].axis_label, fig.yaxis[0].axis_label = spec.x.label, spec.y.label
        self._flipped = spec.x.flipped, spec.y.flipped
        self._move(x_range, y_range, home=True)

    @drawn
    def move_to(self, x_range: Range, y_range: Range) -> None:
        """Show other ranges of the same axes."""
        self._move(x_range, y_range, home=False)

    def _move(self, x_range: Range, y_range: Range, home: bool) -> None:
        self._own = True
        try:
            pairs = (self.figure.x_range, x_range), (self.figure.y_range, y_range)
            for (ends, wanted), flipped in zip(pairs, self._flipped):
                start, end = (max(wanted), min(wanted)) if flipped else (min(wanted), max(wanted))
                ends.update(start=start, end=end, **({"reset_start": start, "reset_end": end} if home else {}))
        finally:
            self._own = False

    # -- what is drawn -------------------------------------------------------------------------------------------
    @drawn
    def show_density(
        self, counts: np.ndarray, x_range: Range, y_range: Range, n: int, chosen: np.ndarray | None = None
    ) -> None:
        """A picture (uint8, 0 empty, row 0 low) of ``n`` points; ``chosen`` the same for the selected ones."""
        self._image.data = picture(counts, x_range, y_range)
        self._chosen.data = picture(chosen, x_range, y_range)
        self._points.data = {"x": [], "y": [], "label": []}
        self._picked.data = {"x": [], "y": []}
        self.rows = np.empty(0, np.uint32)
        self._note.text = f"{n:,} points, density"
        self.message("")

    @drawn
    def show_points(
        self,
        x: np.ndarray,
        y: np.ndarray,
        rows: np.ndarray,
        selected: np.ndarray,
        labels: Sequence[str] | None = None,
        n: int | None = None,
    ) -> None:
        """One marker per point; ``selected`` (bool) stand out; ``labels`` (ids as text) appear under the pointer.

        ``n`` is the number of points in all when only those in view are given.
        """
        self.rows = np.asarray(rows)
        names = list(labels) if labels is not None else [""] * len(x)
        self._hover.renderers = [self._dots] if labels is not None else []
        self._points.data = {"x": np.asarray(x), "y": np.asarray(y), "label": names}
        self.show_selected(np.asarray(x)[selected], np.asarray(y)[selected])
        self._image.data = self._chosen.data = picture(None, (0, 1), (0, 1))
        shown, chosen = len(x), int(np.count_nonzero(selected))
        text = f"{shown:,} of {n:,} points" if n is not None and n != shown else f"{shown:,} points"
        self._note.text = f"{text}, {chosen:,} selected" if chosen else text
        self.message("")

    @drawn
    def show_selected(self, x: np.ndarray, y: np.ndarray) -> None:
        """The selected points drawn over the others."""
        self._picked.data = {"x": np.asarray(x), "y": np.asarray(y)}

    @drawn
    def mark_current(self, x: float | None, y: float | None = None) -> None:
        """A ring round the row under study; None or NaN takes it away."""
        there = x is not None and y is not None and math.isfinite(x) and math.isfinite(y)
        self._mark.data = {"x": [x], "y": [y]} if there else {"x": [], "y": []}

    def message(self, text: str, error: bool = False) -> None:
        """Say above the chart why there is nothing to see; "" takes it away."""
        say(self._words, text, error)

    @drawn
    def clear(self, text: str = "", error: bool = False) -> None:
        """An empty chart, with the reason."""
        self.show_points(np.empty(0), np.empty(0), np.empty(0, np.uint32), np.empty(0, bool))
        self.mark_current(None)
        self._note.text = ""
        self.message(text, error)

    @drawn
    def paint(self, theme: str) -> None:
        """The colours of "light" or "dark"."""
        self.theme = theme
        colours = PALETTES[theme]
        paint_figure(self.figure, self._note, colours)
        self._mapper.palette = list(colours.density)
        self._chosen_mapper.palette = list(colours.chosen)
        self._dots.glyph.fill_color = colours.accent
        self._bold.glyph.update(fill_color=colours.selected, line_color=colours.panel)
        self._ring.glyph.line_color = colours.current

    # -- the user's hand -----------------------------------------------------------------------------------------
    def _made(self, name: str, kind: type[tuple], *values: object) -> None:
        self._n += 1
        self.param.update(**{name: kind(self._n, *values)})

    def _moved(self, attr: str, old: object, new: object) -> None:
        if self._own or old == new or self.spec is None:  # no axes yet: nothing is in view
            return
        self._zoomed = self._zoomed or attr in ("start", "end")
        if self._waiting:
            return
        self._waiting = soon(self.figure, self._settled, SETTLE)
        if not self._waiting:
            self._settled()

    def _settled(self) -> None:
        self._waiting, zoomed, self._zoomed = False, self._zoomed, False
        (x0, x1), (y0, y1) = self.view
        if all(map(math.isfinite, (x0, x1, y0, y1))) and x0 < x1 and y0 < y1:
            self._made("ranged", Ranged, x0, x1, y0, y1, *self.size, zoomed)

    def _tap(self, event: Tap) -> None:
        if event.x is not None and event.y is not None:
            self._made("tapped", Tapped, float(event.x), float(event.y))

    def _begin(self, event: PanStart) -> None:
        held = event.modifiers or {}
        self._mode = "or" if held.get("shift") else "and not" if held.get("alt") else "and"

    def _shape(self, event: SelectionGeometry) -> None:
        if not event.final:
            return
        shape = event.geometry
        if shape.get("type") == "rect":
            x, y = sorted((shape["x0"], shape["x1"])), sorted((shape["y0"], shape["y1"]))
            self._made("boxed", Boxed, *map(float, (*x, *y)), self._mode)
        elif shape.get("type") == "poly":
            self._made("lassoed", Lassoed, tuple(map(float, shape["x"])), tuple(map(float, shape["y"])), self._mode)

    def _reset(self, _: Reset) -> None:
        self._made("restored", Restored)


def picture(image: np.ndarray | None, x_range: Range, y_range: Range) -> dict[str, list]:
    """The data of an image glyph; an image that is None or all empty is none."""
    if image is None or not image.any():
        return {"image": [], "x": [], "y": [], "dw": [], "dh": []}
    (x0, x1), (y0, y1) = x_range, y_range
    return {"image": [image], "x": [x0], "y": [y0], "dw": [x1 - x0], "dh": [y1 - y0]}
