"""Region lists as tables: DS9 regions in sky coordinates, STC-S and ADQL shapes, one row each.

Every row has a centre (ICRS), a radius that holds the shape, and the shape as an STC-S circle, polygon or position.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from portal.errors import FormatError, LimitError
from portal.table.columns import Column, TableMeta
from portal.table.foreign.encoding import text_of_file
from portal.table.foreign.kinds import Kind, Options, Part
from portal.table.foreign.sexagesimal import angle
from portal.table.foreign.sphere import distance, middle, offset, to_icrs
from portal.table.foreign.told import Given, Told

MOST_BYTES = 64 << 20  # of a region list: about 10^6 shapes
FRAMES = {
    "icrs": "icrs", "fk5": "fk5", "j2000": "fk5", "fk4": "fk4", "b1950": "fk4", "galactic": "galactic",
    "ecliptic": "ecliptic",
}  # fmt: skip
PIXELS = ("image", "physical", "detector", "amplifier", "linear")
SHAPES = ("circle", "ellipse", "box", "rotbox", "polygon", "point", "annulus", "position", "panda")
LINE = re.compile(rf"^\s*[+-]?\s*({'|'.join(SHAPES)})\b[\s(]", re.IGNORECASE)
WORDS = {"geocenter", "barycenter", "topocenter", "heliocenter", "lsr", "unknownrefpos", "spherical2", "cartesian2"}
LABEL = re.compile(r"text\s*=\s*(?:\{([^}]*)\}|\"([^\"]*)\"|'([^']*)')")
SIZES = {'"': 1 / 3600, "'": 1 / 60, "d": 1.0, "°": 1.0, "r": 180 / np.pi}
COLUMNS = (
    Column("label", "char", "*", ucd="meta.id;meta.main", description="Name given to the region"),
    Column("shape", "char", "*", ucd="meta.code.class", description="Shape as it was written"),
    Column("ra", "double", unit="deg", ucd="pos.eq.ra;meta.main", description="Centre (ICRS)"),
    Column("dec", "double", unit="deg", ucd="pos.eq.dec;meta.main", description="Centre (ICRS)"),
    Column("radius", "double", unit="deg", ucd="phys.angSize", description="Radius of a circle that holds the region"),
    Column("s_region", "char", "*", ucd="pos.outline", xtype="adql:REGION", description="Region in STC-S (ICRS)"),
)


class _Shape(NamedTuple):
    name: str
    frame: str
    numbers: tuple[float, ...]
    label: str


def is_region_text(beginning: str) -> bool:
    """Whether a text file that begins so lists regions."""
    if beginning.lstrip().startswith("# Region file format"):
        return True
    lines = [line for line in re.split(r"[\n;]", beginning) if line.strip() and not line.lstrip().startswith("#")][:40]
    return any(LINE.match(line) for line in lines) and all(
        LINE.match(line) or line.split()[0].lower() in (*FRAMES, *PIXELS, "global", "line", "text", "vector", "ruler")
        for line in lines[:5]
    )


def look(given: Given, options: Options) -> Kind:
    """All regions are read: their number is known."""
    shapes, notes, encoding = _shapes(given, options)
    return Kind(
        "regions", "Region list", (Part(0, "", len(shapes), len(COLUMNS)),), tuple(notes), encoding=encoding
    )  # fmt: skip


def read(given: Given, options: Options, told: Told) -> Iterator[pa.RecordBatch]:
    """One row per region."""
    shapes, notes, _ = _shapes(given, options)
    for note in notes:
        told.note(note)
    told.meta = TableMeta(COLUMNS)
    rows = [_row(shape) for shape in shapes]
    arrays = [pa.array(list(cells), column.arrow) for column, cells in zip(COLUMNS, zip(*rows))]
    if rows:
        yield pa.RecordBatch.from_arrays(arrays, schema=told.meta.to_schema())


def _shapes(given: Given, options: Options) -> tuple[list[_Shape], list[str], str]:
    if given.size > MOST_BYTES:
        raise LimitError(f"A region list is read up to {MOST_BYTES >> 20} MB.")
    text = text_of_file(given, options.encoding)
    frame, shapes, skipped, pixels = "icrs", [], 0, 0
    for line in text.lines():
        line, _, said = line.partition("#")
        for part in line.split(";"):
            first = part.strip().lower()
            if first in FRAMES or first in PIXELS:
                frame = first
            elif LINE.match(part):
                if frame in PIXELS:
                    pixels += 1
                    continue
                shape = _shape(part, FRAMES[frame], _label(said))
                skipped += shape is None
                shapes += [shape] if shape else []
            elif first and not first.startswith("global"):
                skipped += 1
    if not shapes:
        raise FormatError("No region in sky coordinates was found.", "Save the regions in fk5 or icrs.")
    notes = [text.note] if text.note else []
    if pixels:
        notes.append(f"{pixels:,} regions in image coordinates were left out: they belong to one image.")
    if skipped:
        notes.append(f"{skipped:,} lines that are no circle, ellipse, box, polygon, point or annulus were left out.")
    return shapes, notes, text.encoding


def _label(said: str) -> str:
    found = LABEL.search(said)
    return next((part for part in found.groups() if part is not None), "") if found else ""


def _shape(part: str, frame: str, label: str) -> _Shape | None:
    """One shape, angles in degrees; None when its numbers make none."""
    name = LINE.match(part)[1].lower()
    cells = [cell for cell in re.split(r"[\s,()]+", part.strip().lstrip("+-").strip()[len(name) :]) if cell]
    while cells and (word := cells[0].strip("'\"").lower()) and (word in FRAMES or word in WORDS):
        frame = FRAMES.get(word, frame)
        cells = cells[1:]
    try:
        numbers = _numbers(name, cells, frame)
    except ValueError:
        return None
    return _Shape(name, frame, tuple(numbers), label) if numbers else None


def _numbers(name: str, cells: Sequence[str], frame: str) -> list[float] | None:
    if name == "point" or name == "position":
        cells = cells[:2]
    fewest = {"circle": 3, "ellipse": 4, "box": 4, "rotbox": 4, "annulus": 4, "polygon": 6, "panda": 6}.get(name, 2)
    if len(cells) < fewest or (name == "polygon" and len(cells) % 2):
        return None
    hours = frame in ("icrs", "fk5", "fk4")
    pairs = len(cells) if name == "polygon" else 2
    out = [angle(cell, hours and at % 2 == 0) for at, cell in enumerate(cells[:pairs])]
    if any(abs(value) > 90 for value in out[1::2]):
        raise ValueError("declination")
    turned = name in ("ellipse", "box", "rotbox") and len(cells) % 2 == 1  # pairs of sizes, then maybe an angle
    sizes = cells[pairs : len(cells) - turned]
    out += [_size(cell) for cell in sizes]
    return [*out, angle(cells[-1], False)] if turned else out


def _size(cell: str) -> float:
    unit = SIZES.get(cell[-1:].lower())
    value = float(cell[:-1]) * unit if unit is not None else float(cell)
    if not 0 <= value <= 360:
        raise ValueError(cell)
    return value


def _row(shape: _Shape) -> tuple:
    name, numbers = shape.name, shape.numbers
    if name == "polygon":
        lon, lat = np.array(numbers[::2]), np.array(numbers[1::2])
    elif name in ("ellipse", "box", "rotbox"):
        lon, lat = _outline(name, numbers)
    else:
        lon, lat = np.array(numbers[:1]), np.array(numbers[1:2])
    ra, dec = to_icrs(lon, lat, shape.frame)
    corners = " ".join(f"{a:.8f} {b:.8f}" for a, b in zip(ra.tolist(), dec.tolist()))
    if len(ra) > 1:
        centre = middle(ra, dec)
        radius = float(distance(*centre, ra, dec).max())
        return shape.label or None, name, *centre, radius, f"POLYGON ICRS {corners}"
    radius = max(numbers[2:]) if name in ("circle", "annulus", "panda") else 0.0
    text = f"CIRCLE ICRS {corners} {radius:.8f}" if radius else f"POSITION ICRS {corners}"
    return shape.label or None, name, float(ra[0]), float(dec[0]), radius, text


def _outline(name: str, numbers: Sequence[float]) -> tuple[np.ndarray, np.ndarray]:
    """The corners of a box, or 36 points of an ellipse, on the sphere; angles run from north over east."""
    lon, lat = numbers[:2]
    turn = numbers[-1] if len(numbers) % 2 else 0.0
    a, b = numbers[2:][-3:-1] if len(numbers) % 2 else numbers[-2:]  # the outermost pair
    if name == "ellipse":
        phase = np.arange(36) * (2 * np.pi / 36)
        x, y = a * np.cos(phase), b * np.sin(phase)
    else:
        x, y = np.array([a, -a, -a, a]) / 2, np.array([b, b, -b, -b]) / 2
    return offset(lon, lat, np.degrees(np.arctan2(x, y)) + turn, np.hypot(x, y))
