"""DS9 region files: read into shapes, bounded, with what could not be read counted.

Format: the region file of SAOImage DS9, version 4.1. Shapes: circle, annulus, ellipse and box (also nested ones), line,
point, polygon, text; rulers, vectors and projections are read as lines. Knows no image: where a shape lies on one is
the business of ``shapes``.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import NamedTuple

from portal.errors import FormatError, LimitError
from portal.table.foreign.sexagesimal import angle
from portal.table.foreign.sphere import offset

MOST_BYTES = 4 << 20  # of a region file: a polygon of 100 corners takes about 3 kB
MOST_REGIONS = 5000  # that a browser draws and edits; a longer list is a table and can be opened as one
MOST_CORNERS = 10_000
MOST_TEXT = 500  # characters of a label
MOST_PROPERTIES = 4096  # characters behind one shape

SKY = {
    "icrs": "icrs", "fk5": "fk5", "j2000": "fk5", "fk4": "fk4", "b1950": "fk4", "galactic": "galactic",
    "ecliptic": "ecliptic", "wcs": "icrs",
}  # fmt: skip
PIXEL = {"image": "image", "physical": "physical"}
SYSTEMS = {**SKY, **PIXEL}
"""Names of coordinate systems as files write them, and as a Region says them."""
UNKNOWN = ("detector", "amplifier", "linear", *(f"wcs{letter}" for letter in "abcdefghijklmnopqrstuvwxyz"))
LINES = ("line", "ruler", "projection")
FEWEST = {"circle": 1, "annulus": 2, "ellipse": 2, "box": 2}
SYMBOLS = ("circle", "box", "diamond", "cross", "x", "arrow", "boxcircle")
COLOUR = re.compile(r"#[0-9a-fA-F]{3,8}|[a-zA-Z]{1,20}")

# A command ends at the line or a semicolon; behind "#" braces and quotes hide both. Patterns here take time in
# proportion to the text, whatever it is: while one runs, the whole server waits.
CUT = re.compile("[#;]")
STOP = re.compile("[;{\"']")
CLOSE = {"{": "}", '"': '"', "'": "'"}
HIDDEN = re.compile(r"#\s*(text|vector|ruler|projection|segment|compass|composite)\s*\(", re.IGNORECASE)
SHAPE = re.compile(r"([+-]?)\s*([a-zA-Z]+)\b\s*\(?\s*([^)|]*)\)?\s*(\|\|)?\s*")
PROPERTY = re.compile(r"(?<![a-zA-Z])([a-zA-Z]+)\s*=\s*(?:([{\"'])|([^\s{\"']+))")
SIZE_UNITS = {'"': 1 / 3600, "'": 1 / 60, "d": 1.0, "r": 180 / math.pi}


class Region(NamedTuple):
    """One shape as a file states it.

    ``places``: corners, ends or the one centre, each a pair of degrees (sky systems) or of pixels counted from 1
    (``image``, ``physical``). ``sizes``: radii, half axes of ellipses, full sides of boxes, in degrees or, when
    ``sizes_in`` is "pixel", in pixels of ``system``; ellipses and boxes have them in pairs, inner first. ``angle``:
    degrees from the first axis of the system to the first size, against the clock where east is left.
    """

    shape: str
    system: str
    places: tuple[tuple[float, float], ...]
    sizes: tuple[float, ...] = ()
    sizes_in: str = "pixel"
    angle: float = 0.0
    text: str = ""
    color: str = "green"
    width: int = 1
    dash: bool = False
    symbol: str = "boxcircle"
    include: bool = True
    tags: tuple[str, ...] = ()


class Read(NamedTuple):
    """What a file held: its regions, and in words what was left out."""

    regions: tuple[Region, ...]
    notes: tuple[str, ...]


def read_regions(text: str) -> Read:
    """The regions of a file. Raises FormatError when there is none and LimitError above 4 MB or 5,000 regions."""
    if len(text) > MOST_BYTES:
        raise LimitError(f"A region file is read up to {MOST_BYTES >> 20} MB.", "Upload it as a table instead.")
    regions: list[Region] = []
    skipped: dict[str, int] = {}
    system = "physical"  # what DS9 takes before a file says otherwise
    globally: dict[str, list[str]] = {}
    for command, said in _commands(text):
        word = command.strip().lower()
        if word in SYSTEMS or word in UNKNOWN:
            system = SYSTEMS.get(word, "")
        elif word.startswith("global"):
            globally |= _properties(command[:MOST_PROPERTIES])
        elif word and not word.startswith("tile"):
            found = SHAPE.match(command.strip())
            name = found[2].lower() if found else word[:20]
            made = _region(found, system, {**globally, **_properties(said)}) if found and system else None
            if made is None:
                skipped[name if system else f"{name} in a system that is not known"] = skipped.get(name, 0) + 1
            elif len(regions) >= MOST_REGIONS:
                raise LimitError(
                    f"The file has more than {MOST_REGIONS:,} regions.", "Upload it as a table: each region is a row."
                )
            else:
                regions.append(made)
    if not regions:
        raise FormatError(
            "No region was found in this file.",
            "Shapes read are circle, annulus, ellipse, box, line, point, polygon and text of DS9 region files.",
        )
    count = sum(skipped.values())
    notes = (f"{count:,} left out: {', '.join(list(skipped)[:5])}",) if count else ()
    return Read(tuple(regions), notes)


def _commands(text: str) -> Iterator[tuple[str, str]]:
    """(command, what stands behind its #); shapes that DS9 hides behind # come out as commands."""
    for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n"):
        hidden = HIDDEN.match(line.strip())
        if hidden:
            line = line.strip()[1:].strip()
            shape, bracket, rest = line.partition(")")
            yield shape + bracket, rest[:MOST_PROPERTIES]
            continue
        at = 0
        while found := CUT.search(line, at):
            command, at = line[at : found.start()], found.end()
            said = ""
            if found[0] == "#":
                end = _end_of_said(line, at)
                said, at = line[at : min(end, at + MOST_PROPERTIES)], end + 1
            if command.strip():
                yield command, said
        if line[at:].strip():
            yield line[at:], ""


def _end_of_said(line: str, at: int) -> int:
    """Where the semicolon is that ends the properties from ``at`` on, or the end of the line."""
    open_: set[str] = set()  # what is not closed any more
    while found := STOP.search(line, at):
        mark, at = found[0], found.end()
        if mark == ";":
            return found.start()
        end = -1 if mark in open_ else line.find(CLOSE[mark], at)
        if end < 0:
            open_.add(mark)
        else:
            at = end + 1
    return len(line)


def _properties(text: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    at, open_ = 0, set()
    while match := PROPERTY.search(text, at):
        (name, mark, value), at = match.groups(), match.end()
        if mark:
            end = -1 if mark in open_ else text.find(CLOSE[mark], at)
            if end < 0:
                open_.add(mark)
                continue
            value, at = text[at:end], end + 1
        found.setdefault(name.lower(), []).append(value)
    return found


def _region(found: re.Match[str], system: str, said: dict[str, list[str]]) -> Region | None:
    """A region of a shape's words; None when they make none."""
    sign, name, inside = found[1], found[2].lower(), found[3]
    name = "box" if name == "rotbox" else name
    cells = [cell for cell in re.split(r"[\s,]+", inside.strip()) if cell]
    try:
        made = _geometry(name, system, cells)
    except (ValueError, OverflowError):
        return None
    if made is None:
        return None
    last = {key: values[-1] for key, values in said.items()}
    width, color = last.get("width", "1"), last.get("color", "green")
    symbol = last.get("point", "boxcircle").lower()
    return made._replace(
        text=last.get("text", "")[:MOST_TEXT],
        color=color if COLOUR.fullmatch(color) else "green",
        width=min(max(int(width), 1), 10) if width.isdecimal() and len(width) < 4 else 1,
        dash=last.get("dash", "0") == "1",
        symbol=symbol if symbol in SYMBOLS else "boxcircle",
        include=sign != "-" and last.get("include", "1") != "0",
        tags=tuple(tag[:MOST_TEXT] for tag in said.get("tag", ()))[:20],
    )


def _geometry(name: str, system: str, cells: list[str]) -> Region | None:
    if name in (*LINES, "polygon"):
        count = len(cells) // 2 if name == "polygon" else 2
        if (name == "polygon" and (len(cells) % 2 or not 3 <= count <= MOST_CORNERS)) or len(cells) < 2 * count:
            return None
        systems, places = zip(*(_place(*cells[2 * k : 2 * k + 2], system) for k in range(count)))
        if len(set(systems)) > 1:
            return None
        return Region("polygon" if name == "polygon" else "line", systems[0], places)
    if name not in ("point", "text", "vector", *FEWEST) or len(cells) < 2:
        return None
    system, centre = _place(cells[0], cells[1], system)
    rest = _rings(cells[2:])
    if name in ("point", "text"):
        return Region(name, system, (centre,))
    turn = 0.0
    if name == "vector" or (name in ("ellipse", "box") and len(rest) % 2):
        turn = _finite(angle(rest.pop(), False))
    if len(rest) < FEWEST.get(name, 1) or (name == "circle" and len(rest) > 1) or len(rest) > 200:
        return None
    units, sizes = zip(*(_size(cell, system) for cell in rest))
    if len(set(units)) > 1:
        return None
    if name == "vector":
        return _vector(system, centre, sizes[0], units[0], turn)
    return Region(name, system, (centre,), sizes, units[0], turn % 360.0)


def _vector(system: str, start: tuple[float, float], length: float, unit: str, turn: float) -> Region | None:
    if system in PIXEL and unit == "pixel":
        end = (
            start[0] + length * math.cos(math.radians(turn)),
            start[1] + length * math.sin(math.radians(turn)),
        )
    elif system not in PIXEL and unit == "degree":
        end = tuple(map(float, offset(*start, turn - 90.0, length)))
    else:
        return None
    return Region("line", system, (start, end))


def _rings(cells: list[str]) -> list[str]:
    """Radii, with DS9's ``r1 r2 n=3`` written out."""
    if not cells or not cells[-1].lower().startswith("n=") or len(cells) != 3:
        return cells
    rings = int(cells[-1][2:])
    inner, outer = float(cells[0].rstrip("\"'dip")), float(cells[1].rstrip("\"'dip"))
    if not 1 <= rings <= 100:
        raise ValueError("rings")
    unit = cells[0][len(cells[0].rstrip("\"'dip")) :]
    return [f"{inner + (outer - inner) * k / rings!r}{unit}" for k in range(rings + 1)]


def _place(first: str, second: str, system: str) -> tuple[str, tuple[float, float]]:
    """A place and its system: ``10i`` and ``10p`` are image and physical pixels in any system."""
    ends = first[-1].lower(), second[-1].lower()
    if ends in (("i", "i"), ("p", "p")):
        return {"i": "image", "p": "physical"}[ends[0]], (_finite(float(first[:-1])), _finite(float(second[:-1])))
    if system in PIXEL:
        return system, (_finite(float(first)), _finite(float(second)))
    hours = system in ("icrs", "fk5", "fk4")
    lon, lat = (
        math.degrees(float(cell[:-1])) if cell[-1].lower() == "r" else angle(cell, hours and at == 0)
        for at, cell in enumerate((first, second))
    )
    if not -360 <= lon <= 720 or not abs(lat) <= 90:
        raise ValueError("not on the sky")
    return system, (lon % 360.0, lat)


def _size(cell: str, system: str) -> tuple[str, float]:
    end = cell[-1].lower()
    if end in SIZE_UNITS:
        unit, value = "degree", float(cell[:-1]) * SIZE_UNITS[end]
    elif end in "ip":
        unit, value = "pixel", float(cell[:-1])
    else:
        unit, value = ("pixel" if system in PIXEL else "degree"), float(cell)
    if not 0 <= value <= (360 if unit == "degree" else 1e9):
        raise ValueError("size")
    return unit, value


def _finite(value: float) -> float:
    if not abs(value) <= 1e9:
        raise ValueError("place")
    return value
