"""A light curve in Rubin's six band colours and markers, in nJy or AB magnitudes. Knows no session."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
import panel as pn
import param
from bokeh.models import (
    BasicTickFormatter,
    ColumnDataSource,
    HoverTool,
    Legend,
    LegendItem,
    Scatter,
    Segment,
    Span,
    Text,
)

from portal.chart.bands import BANDS, style_of
from portal.chart.lightcurve import DIFFERENCE, DIRECT, BandCurve, LightCurve, Series

from .figure import FONT, PALETTES, drawn, framed, layer, new_figure, note_label, paint_figure, say, words

NJY, AB = "nJy", "AB mag"
OTHER = "?"
EMPTY: dict[str, list] = {"x": [], "y": [], "low": [], "high": [], "fill": [], "time": [], "value": [], "visit": []}
EMPTY_LIMITS: dict[str, list] = {"x": [], "y": [], "arrow": [], "time": [], "value": [], "visit": []}
LABELS = {DIRECT: "Flux", DIFFERENCE: "Difference flux"}
SIZES = {"circle": 7, "star": 11, "triangle": 8, "inverted_triangle": 8, "hex": 8, "square": 7, "x": 8}


class LightCurveChart(pn.viewable.Viewer):
    """One chart of one page. ``unit`` and ``kind`` redraw what is there: no new data is asked for.

    A click on a band in the legend hides it, also for the objects that follow.
    """

    theme = param.Selector(default="light", objects=["light", "dark"])
    unit = param.Selector(default=NJY, objects=[NJY, AB])
    kind = param.Selector(default=DIRECT, objects=[DIRECT, DIFFERENCE], doc="flux on the visit or the difference image")

    def __init__(self, **params: object) -> None:
        super().__init__(**params)
        self.curve: LightCurve | None = None
        self._title = ""
        self._hover = HoverTool(
            tooltips=[("MJD", "@time"), ("value", "@value"), ("band", "$name"), ("visit", "@visit")], visible=False
        )
        self.figure = fig = new_figure([], self._hover, x_axis_label="MJD (TAI) [d]")
        fig.xaxis[0].formatter = BasicTickFormatter(use_scientific=False)
        self._zero = Span(location=0, dimension="width", line_width=1, line_dash=[4, 4])
        fig.add_layout(self._zero)
        self._sources = {band: ColumnDataSource(dict(EMPTY)) for band in (*BANDS, OTHER)}
        self._limits = {band: ColumnDataSource(dict(EMPTY_LIMITS)) for band in (*BANDS, OTHER)}
        self._drawn = {band: self._renderers(band) for band in (*BANDS, OTHER)}
        self._keys = {band: self._key(band) for band in self._drawn}
        self._hover.renderers = [item for parts in self._drawn.values() for item in parts[1:]]
        self._legend = Legend(
            orientation="horizontal",
            location="left",
            click_policy="hide",
            border_line_color=None,
            background_fill_color=None,
            margin=0,
            padding=2,
            spacing=10,
            label_standoff=2,
            glyph_width=16,
            inactive_fill_alpha=0.6,
        )
        fig.add_layout(self._legend, "above")
        self._note = note_label()
        fig.add_layout(self._note)
        self._words = words()
        self._root = framed(self._words, fig, "tv-lightcurve")
        self.paint(self.theme)
        self._redraw()

    def __panel__(self) -> pn.Column:
        return self._root

    def _renderers(self, band: str) -> tuple[Any, Any, Any]:
        """Error bars, markers and the arrows of limits, so far without points."""
        marker, source = style_of(band).marker, self._sources[band]
        bars = layer(self.figure, source, Segment(x0="x", y0="low", x1="x", y1="high", line_alpha=0.7))
        dot = Scatter(x="x", y="y", marker=marker, size=SIZES[marker], fill_alpha="fill", line_width=1.2)
        dots = layer(self.figure, source, dot, name=band)
        arrow = Text(x="x", y="y", text="arrow", text_align="center", text_baseline="top", text_font_size="15px")
        arrows = layer(self.figure, self._limits[band], arrow, name=band)
        return bars, dots, arrows

    def _key(self, band: str) -> Any:
        """The band's marker for the legend, which draws a first point even where all are limits; itself nowhere."""
        nowhere = ColumnDataSource({"x": [np.nan], "y": [np.nan]})
        marker = style_of(band).marker
        return layer(self.figure, nowhere, Scatter(x="x", y="y", marker=marker, size=SIZES[marker], fill_alpha=0.85))

    # -- what is drawn -------------------------------------------------------------------------------------------
    @drawn
    def show_curve(self, curve: LightCurve, title: str = "") -> None:
        """Draw an object's curve; ``title`` is its identifier as text, by default the one the rows carry."""
        self.curve, self._title = curve, title or curve.object_id
        self._redraw(whole=True)

    @drawn
    def clear(self) -> None:
        self.curve, self._title = None, ""
        self._redraw()

    @drawn
    def message(self, text: str, error: bool = False) -> None:
        """Say in place of the curve why there is none, or what is going on."""
        if text:
            self.curve, self._title = None, ""
            self._redraw()
        say(self._words, text, error)

    @drawn
    def paint(self, theme: str) -> None:
        """The colours of "light" or "dark"."""
        self.theme = theme
        colours = PALETTES[theme]
        paint_figure(self.figure, self._note, colours)
        self._zero.line_color = colours.muted
        self._legend.update(
            label_text_color=colours.fg,
            label_text_font_size="12px",
            label_text_font=FONT,
            inactive_fill_color=colours.panel,
        )
        for band, (bars, dots, arrows) in self._drawn.items():
            style = style_of(band)
            colour = style.dark if theme == "dark" else style.light
            bars.glyph.line_color = colour
            for marks in (dots, self._keys[band]):
                marks.glyph.update(line_color=colour, fill_color=colour)
            arrows.glyph.text_color = colour

    @param.depends("unit", "kind", watch=True)
    def _switched(self) -> None:
        self._switch()

    @drawn
    def _switch(self) -> None:
        self._redraw()

    def _redraw(self, whole: bool = False) -> None:
        """All bands from the curve at hand; ``whole`` shows all its time, else the time in view stays."""
        choice = choose(self.curve, self.kind, self.unit)
        for band in self._sources:
            points, limits = columns(choice.of(band), choice.unit)
            self._sources[band].data, self._limits[band].data = points, limits
        self._legend.items = [
            LegendItem(label=choice.label(band), renderers=[self._keys[band], dots, bars, arrows])
            for band, (bars, dots, arrows) in self._drawn.items()
            if choice.of(band)
        ]
        self._zero.visible = choice.unit == NJY
        self.figure.yaxis[0].axis_label = "AB magnitude" if choice.unit == AB else f"{LABELS[choice.kind]} [nJy]"
        self._fit(choice.unit, whole)
        self._note.text = " · ".join(filter(None, (self._title, choice.count())))
        say(self._words, choice.about, cover=not any(choice.of(band) for band in self._sources))

    def _fit(self, unit: str, whole: bool) -> None:
        """Ranges that show every point with its error; magnitudes grow downwards."""
        sources = [*self._sources.values(), *self._limits.values()]
        x, y = joined(sources, "x"), joined(sources, "y", "low", "high")
        if not x.size:
            return
        fig = self.figure
        if whole or not fig.x_range.start < x.max() or not fig.x_range.end > x.min():
            room = (x.max() - x.min()) * 0.04 or 1.0
            start, end = x.min() - room, x.max() + room
            fig.x_range.update(start=start, end=end, reset_start=start, reset_end=end)
        low, high = (y.min(), y.max()) if unit == AB else (min(y.min(), 0.0), max(y.max(), 0.0))
        room, top = (high - low) * 0.07 or 0.5, (high - low) * 0.14 or 0.5  # the line of text stands at the top
        start, end = (high + room, low - top) if unit == AB else (low - room, high + top)
        fig.y_range.update(start=start, end=end, reset_start=start, reset_end=end)


class Choice(NamedTuple):
    """What is drawn of a curve: one of its series in one unit, and what must be said about that."""

    kind: str
    unit: str
    series: Series
    about: str

    def of(self, band: str) -> list[BandCurve]:
        return [item for item in self.series.bands if name_of(item.band) == band]

    def label(self, band: str) -> str:
        """The band and how many points it has, as the legend says it."""
        curves = self.of(band)
        return f"{', '.join(item.band for item in curves)} ({sum(item.mjd.size for item in curves):,})"

    def count(self) -> str:
        """How many points there are, and how many are not to be seen or not to be trusted."""
        if not self.series.n:
            return ""
        parts = [f"{self.series.n:,} points"]
        if self.series.unplaced:
            parts.append(f"{self.series.unplaced:,} without time or flux")
        if any(item.flagged.any() for item in self.series.bands):
            parts.append("hollow: flagged")
        if self.unit == AB:
            undrawn = sum(int(np.isnan(item.magnitudes().mag).sum()) for item in self.series.bands)
            parts += [f"{undrawn:,} without magnitude"] if undrawn else []
        return " · ".join(parts)


def choose(curve: LightCurve | None, kind: str, unit: str) -> Choice:
    """The series of that kind, or the other one when there is none; difference fluxes stay in nJy."""
    if curve is None or not curve.series:
        return Choice(kind, unit, Series("", ()), "")
    about = ""
    if kind not in curve.series:
        missing, kind = kind, next(iter(curve.series))
        about = f"These rows have no {missing} flux: {curve.series[kind].flux_name} is shown."
    series = curve.series[kind]
    if kind == DIFFERENCE and unit == AB:
        unit, about = NJY, about or "The difference of two fluxes has no magnitude: shown in nJy."
    if not series.n:
        lost = f"None of the {series.unplaced:,} rows has both a time and a flux."
        about = lost if series.unplaced else "There are no measurements of this object."
    return Choice(kind, unit, series, about)


def name_of(band: str) -> str:
    return band if band in BANDS else OTHER


def joined(sources: Iterable[ColumnDataSource], *names: str) -> np.ndarray:
    """The finite numbers of some columns in several sources."""
    parts = [source.data[name] for source in sources for name in names if name in source.data]
    values = np.concatenate([np.asarray(part, np.float64) for part in parts])
    return values[np.isfinite(values)]


def columns(curves: list[BandCurve], unit: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """What markers and arrows of one band are drawn from, and what the pointer says of them."""
    if not curves:
        return dict(EMPTY), dict(EMPTY_LIMITS)
    mjd, flux, err = (np.concatenate([getattr(item, part) for item in curves]) for part in ("mjd", "flux", "err"))
    flagged = np.concatenate([item.flagged for item in curves])
    visits = [visit for item in curves for visit in item.visit]
    value, sigma, limit = flux, err, np.zeros(flux.size, bool)
    if unit == AB:
        parts = [item.magnitudes() for item in curves]
        value, sigma, limit = (
            np.concatenate([getattr(part, name) for part in parts]) for name in ("mag", "err", "limit")
        )
    points, limits = ~limit & np.isfinite(value), limit & np.isfinite(value)
    half = np.where(np.isfinite(sigma), sigma, 0.0)
    told = [
        f"{'> ' if faint else ''}{number}{f' ± {error}' if error else ''} {unit}"
        for faint, number, error in zip(limit, numbers(value, unit), numbers(sigma, unit))
    ]

    def pick(rows: np.ndarray) -> dict[str, Any]:
        places = np.flatnonzero(rows)
        return {
            "x": mjd[rows],
            "y": value[rows],
            "time": [f"{mjd[place]:.6f}" for place in places],
            "value": [told[place] for place in places],
            "visit": [visits[place] for place in places],
        }

    markers = pick(points)
    bars = {"low": (value - half)[points], "high": (value + half)[points], "fill": np.where(flagged, 0.0, 0.85)[points]}
    return markers | bars, pick(limits) | {"arrow": ["↓"] * int(limits.sum())}


def numbers(values: np.ndarray, unit: str) -> list[str]:
    """Values as text with the digits that mean something; "" for what is not finite."""
    form = ".3f" if unit == AB else ".5g"
    return [format(value, form) if np.isfinite(value) else "" for value in values]
