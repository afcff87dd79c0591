"""Writes regions as a DS9 region file, such as DS9, TOPCAT, Aladin and ``regions`` read."""

from __future__ import annotations

import math
from collections.abc import Iterable

from portal.errors import FormatError
from portal.image.regions import COLOUR, PIXEL, SYMBOLS, Region

HEAD = "# Region file format: DS9 version 4.1\nglobal color=green width=1 dash=0\n"


def region_text(regions: Iterable[Region]) -> str:
    """The file: regions in their order, each under the system it is in.

    Degrees with ten digits behind the point (0.4 µas), sizes in the sky in arcseconds. Raises FormatError for numbers
    that are not finite.
    """
    lines, system = [HEAD], ""
    for item in regions:
        if item.system != system:
            system = item.system
            lines.append(f"{system}\n")
        lines.append(_line(item))
    return "".join(lines)


def _line(item: Region) -> str:
    numbers = [value for place in item.places for value in place]
    if not all(map(math.isfinite, (*numbers, *item.sizes, item.angle))):
        raise FormatError("A region has no place in this coordinate system.", "Save the regions in image coordinates.")
    digits = 4 if item.system in PIXEL else 10
    cells = [f"{value:.{digits}f}" for value in numbers]
    cells += [_size(value, item) for value in item.sizes]
    if item.shape in ("ellipse", "box"):
        cells.append(f"{item.angle:.6f}".rstrip("0").rstrip("."))
    body = f"{item.shape}({','.join(cells)})"
    return f"{'' if item.include else '-'}{body}{_properties(item)}\n"


def _size(value: float, item: Region) -> str:
    if item.sizes_in == "degree":
        return f'{value * 3600:.8f}"'
    return f"{value:.4f}{'' if item.system in PIXEL else 'i'}"


def _properties(item: Region) -> str:
    said = []
    if item.shape == "line":
        said.append("line=0 0")
    if item.shape == "point":
        said.append(f"point={item.symbol if item.symbol in SYMBOLS else 'boxcircle'}")
    if item.color != "green" and COLOUR.fullmatch(item.color):
        said.append(f"color={item.color}")
    if item.width != 1:
        said.append(f"width={item.width:d}")
    if item.dash:
        said.append("dash=1")
    if item.text:
        said.append(f"text={{{clean(item.text)}}}")
    said += [f"tag={{{clean(tag)}}}" for tag in item.tags]
    return f" # {' '.join(said)}" if said else ""


def clean(text: str) -> str:
    """A label that the braces around it hold: one line, no braces."""
    return " ".join(text.replace("{", "(").replace("}", ")").split())
