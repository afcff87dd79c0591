"""What the Bokeh charts share: an empty figure that behaves, and its colours in light and dark.

Bokeh paints on canvases, which know no CSS variables: the colours here are those of theme.css, held equal by a test.
"""

from __future__ import annotations

import asyncio
import html
from collections.abc import Callable
from functools import partial, wraps
from typing import NamedTuple

import panel as pn
from bokeh.models import (
    BoxZoomTool,
    ColumnDataSource,
    Glyph,
    GlyphRenderer,
    HoverTool,
    Label,
    LinearAxis,
    Node,
    PanTool,
    Range1d,
    ResetTool,
    SaveTool,
    Tool,
    WheelZoomTool,
)
from bokeh.palettes import Blues256, Viridis256
from bokeh.plotting import figure


class Palette(NamedTuple):
    """Colours of a theme; ``density`` from few to many points, ``chosen`` the same for selected ones."""

    fg: str
    muted: str
    line: str
    accent: str
    panel: str
    selected: str
    current: str
    density: tuple[str, ...]
    chosen: tuple[str, ...]


def ramp(low: str, high: str, n: int = 255) -> tuple[str, ...]:
    """``n`` colours from one to the other, both as #rrggbb."""
    a, b = ([int(colour[i : i + 2], 16) for i in (1, 3, 5)] for colour in (low, high))
    return tuple("#" + "".join(f"{round(p + (q - p) * i / (n - 1)):02x}" for p, q in zip(a, b)) for i in range(n))


def stretched(colours: tuple[str, ...], n: int = 255) -> tuple[str, ...]:
    return tuple(colours[round(i * (len(colours) - 1) / (n - 1))] for i in range(n))


PALETTES = {
    "light": Palette(
        fg="#1b1f24",
        muted="#5d6670",
        line="#d4dae1",
        accent="#0b63c5",
        panel="#ffffff",
        selected="#d97706",
        current="#c2255c",
        density=stretched(tuple(reversed(Blues256[:150]))),
        chosen=ramp("#f5b971", "#9a3412"),
    ),
    "dark": Palette(
        fg="#e4e9ef",
        muted="#94a0ad",
        line="#2c343e",
        accent="#62aeff",
        panel="#151a21",
        selected="#ffb454",
        current="#ff6b9d",
        density=stretched(Viridis256[55:]),
        chosen=ramp("#8a4b08", "#ffd8a8"),
    ),
}
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', 'DejaVu Sans', sans-serif"


def new_figure(tools: list[Tool], hover: HoverTool, **params: object) -> figure:
    """A figure that fills its place: wheel zooms, drag pans, nothing outside the picture is asked for."""
    wheel, pan = WheelZoomTool(), PanTool()
    fig = figure(
        tools=[pan, wheel, BoxZoomTool(), *tools, ResetTool(), SaveTool(), hover],
        active_scroll=wheel,
        active_drag=pan,
        x_range=Range1d(0, 1),
        y_range=Range1d(0, 1),
        toolbar_location="above",
        sizing_mode="stretch_both",
        min_height=160,
        min_border_right=14,
        min_border_left=64,  # room for most labels: else each zoom changes the size of the frame, and the picture
        lod_threshold=None,  # 30,000 markers are drawn in 70 ms: no need to leave some out while moving
        output_backend="canvas",
        **params,
    )
    fig.toolbar.logo = None
    return fig


def layer(fig: figure, source: ColumnDataSource, glyph: Glyph, **params: object) -> GlyphRenderer:
    """A glyph drawn from a source, nothing more.

    ``fig.scatter`` and its like make four glyphs each, for looks that are not used here; that would be a third of the
    time in which a page opens.
    """
    plain = {"selection_glyph": None, "nonselection_glyph": None, "muted_glyph": None, "hover_glyph": None}
    return fig.add_glyph(source, glyph, **plain, **params)


def note_label() -> Label:
    """A line of text in the upper right corner of the frame."""
    corner = {"x": Node(target="frame", symbol="right", offset=-8), "y": Node(target="frame", symbol="top", offset=6)}
    return Label(
        **corner,
        text="",
        text_align="right",
        text_baseline="top",
        text_font_size="11px",
        text_font=FONT,
        padding=3,
        border_radius=3,
        level="overlay",
    )


def paint_figure(fig: figure, note: Label, colours: Palette) -> None:
    """Give frame, axes and texts the colours of a theme."""
    fig.background_fill_color = fig.border_fill_color = None
    fig.outline_line_color = colours.line
    for axis in (*fig.xaxis, *fig.yaxis):
        paint_axis(axis, colours)
    for grid in (*fig.xgrid, *fig.ygrid):
        grid.grid_line_color = colours.line
        grid.grid_line_alpha = 0.6
    note.update(
        text_color=colours.muted, background_fill_color=colours.panel, background_fill_alpha=0.8, border_line_color=None
    )


def paint_axis(axis: LinearAxis, colours: Palette) -> None:
    axis.update(
        axis_label_text_color=colours.fg,
        axis_label_text_font_size="12px",
        axis_label_text_font=FONT,
        axis_label_text_font_style="normal",
        major_label_text_color=colours.muted,
        major_label_text_font_size="11px",
        major_label_text_font=FONT,
        axis_line_color=colours.muted,
        major_tick_line_color=colours.muted,
        minor_tick_line_color=colours.line,
        axis_label_standoff=4,
    )


COVER = {"position": "absolute", "inset": "0", "z-index": "5", "background": "var(--tv-panel, inherit)"}
COVER |= {"width": "100%", "height": "100%"}
LINE = {"flex": "0 0 auto"}


def words() -> pn.pane.HTML:
    """The place where a chart says why there is nothing to see, or what must be known of what is seen."""
    return pn.pane.HTML("", visible=False, margin=0)


def framed(place: pn.pane.HTML, fig: figure, name: str) -> pn.Column:
    """A figure and its words, filling their pane; ``name`` is the class of the whole."""
    pane = pn.pane.Bokeh(fig, sizing_mode="stretch_both", margin=0, styles={"min-height": "0", "flex": "1 1 0"})
    return pn.Column(place, pane, css_classes=[name], sizing_mode="stretch_both", margin=0)


def say(place: pn.pane.HTML, text: str, error: bool = False, cover: bool = True) -> None:
    """Show a text (never markup) there, over the empty axes or (``cover`` false) in a line above; "" hides it."""
    centred = "position:absolute;inset:0;display:grid;place-content:center;text-align:center;"
    style = (
        centred if cover else ""
    ) + "padding:8px 24px;font:var(--tv-size,13px)/1.4 var(--tv-font,sans-serif);color:"
    kind = (
        ("tv-error", "alert", "var(--tv-error,#b3261e)")
        if error
        else ("tv-message", "status", "var(--tv-muted,#5d6670)")
    )
    markup = f'<div class="{kind[0]}" role="{kind[1]}" style="{style}{kind[2]}">{html.escape(text)}</div>'
    place.param.update(object=markup if text else "", visible=bool(text), styles=COVER if cover else LINE)


def drawn(method: Callable[..., None]) -> Callable[..., None]:
    """A method of a widget with a ``figure`` that may be called from any thread.

    Bokeh takes changes of its models only in the turn of their page: elsewhere the call is put off to the next one.
    """

    @wraps(method)
    def call(self: object, *arguments: object, **named: object) -> None:
        document = self.figure.document
        context = document.session_context if document is not None else None
        session = getattr(context, "session", None)
        if session is None or in_turn(session):
            method(self, *arguments, **named)
        else:
            document.add_next_tick_callback(partial(method, self, *arguments, **named))

    return call


def in_turn(session: object) -> bool:
    """Whether this is the loop's thread and the page's document is held by it."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return getattr(session, "_pending_writes", None) is not None


def soon(fig: figure, call: Callable[[], None], milliseconds: int) -> bool:
    """Have ``call()`` made on the page's loop after a while; False when the figure is on no page."""
    document = fig.document
    if document is None or document.session_context is None:
        return False
    document.add_timeout_callback(call, milliseconds)
    return True
