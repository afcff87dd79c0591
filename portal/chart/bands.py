"""How Rubin draws its six bands: colours for light and dark backgrounds, markers, line patterns (RTN-045).

Colour never stands alone: each band has its own marker too. Names are Bokeh's where a kit needs names.
"""

from __future__ import annotations

from typing import NamedTuple

BANDS = ("u", "g", "r", "i", "z", "y")


class BandStyle(NamedTuple):
    """``dash`` is a pattern of pixels drawn and left out; empty for a solid line."""

    light: str
    dark: str
    marker: str
    dash: tuple[int, ...]


STYLES = {
    "u": BandStyle("#1600EA", "#3EB7FF", "circle", (6, 4)),
    "g": BandStyle("#31DE1F", "#30C39F", "triangle", (3, 1, 1, 1)),
    "r": BandStyle("#B52626", "#FF7E00", "inverted_triangle", (6, 3, 2, 3)),
    "i": BandStyle("#370201", "#2AF5FF", "square", ()),
    "z": BandStyle("#BA52FF", "#A7F9C1", "star", (3, 1, 1, 1, 1, 1)),
    "y": BandStyle("#61A2B3", "#FDC900", "hex", (1, 2)),
}
OTHER = BandStyle("#656d76", "#8b949e", "x", (2, 2))
"""For a band that is not one of Rubin's, or unknown."""


def style_of(band: str) -> BandStyle:
    return STYLES.get(band, OTHER)


def order_of(band: str) -> tuple[int, str]:
    """Sort key: u g r i z y, then the others by name."""
    return (BANDS.index(band) if band in BANDS else len(BANDS), band)
