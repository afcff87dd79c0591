"""Rows of a result on an image: which lie in a part of it, and at which pixels; regions of an image as clauses."""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence

import numpy as np

from portal.errors import FormatError
from portal.image.frame import Frame
from portal.table.clauses import Clause, grouped, selection_sql
from portal.table.foreign.sphere import distance, offset
from portal.table.result import ResultTable
from portal.table.selection import circle_clause, sky_polygon_clause

MOST_ROWS = 20_000  # that a browser draws over one image without a stutter
NONE = 0xFFFFFFFF
EDGE = 16  # places a side of a box that are asked where on the sky they lie
ROUND = 72  # corners of an ellipse


def rows_bytes(
    frame: Frame,
    table: ResultTable,
    where: str,
    clauses: Sequence[Clause],
    current: int,
    colour: str,
    box: tuple[int, int, int, int],
) -> bytes:
    """The rows that lie in the pixels ``box`` of a frame, as ``static/fits/tools/catalogue.js`` reads them.

    uint32 n, rows that are not drawn, current row, colour as 0xrrggbb (0xffffffff: none); float32 x[n], y[n] (pixels
    from 0); uint32 row[n]; uint8 marked[n]; little-endian. ``where`` is the filter of the view, checked SQL. Of more
    than 20,000 rows those marked come first. Raises FormatError when frame or table have no positions.
    """
    names = table.positions()
    if names is None:
        raise FormatError("This result has no position columns.")
    near = _circle(frame, box, names)
    both = " AND ".join(f"({part})" for part in (near, where) if part)
    ra, dec = table.numbers(names, both)
    rows = table.where(both)[: len(ra)]
    ra, dec = ra[: len(rows)], dec[: len(rows)]
    x, y = frame.pixels_of(ra, dec)
    with np.errstate(invalid="ignore"):
        good = (x >= box[0] - 0.5) & (x < box[2] - 0.5) & (y >= box[1] - 0.5) & (y < box[3] - 0.5)
    x, y, rows = x[good], y[good], rows[good]
    said = selection_sql(clauses)
    marked = np.isin(rows, table.where(f"({near}) AND ({said})" if near else said)) if said else np.zeros(len(x), bool)
    more = max(0, len(x) - MOST_ROWS)
    if more:
        first = np.lexsort((np.arange(len(x)), ~marked, rows != current))[:MOST_ROWS]
        x, y, rows, marked = x[first], y[first], rows[first], marked[first]
    tint = int(colour[1:], 16) if len(colour) == 7 and colour[0] == "#" else NONE
    head = struct.pack("<4I", len(x), more, current if current >= 0 else NONE, tint)
    return b"".join((head, x.astype("<f4").tobytes(), y.astype("<f4").tobytes(), rows.astype("<u4").tobytes(),
                     marked.astype("u1").tobytes()))  # fmt: skip


def _circle(frame: Frame, box: tuple[int, int, int, int], names: tuple[str, str]) -> str:
    """A circle on the sky around a part of an image, as SQL; "" when some of its edge lies on no sky."""
    along = np.linspace(0, 1, EDGE)
    x = box[0] - 0.5 + (box[2] - box[0]) * np.r_[along, along, 0 * along, 0 * along + 1, 0.5]
    y = box[1] - 0.5 + (box[3] - box[1]) * np.r_[0 * along, 0 * along + 1, along, along, 0.5]
    ra, dec = frame.sky_of(x, y)
    if not (np.isfinite(ra).all() and np.isfinite(dec).all()):
        return ""
    far = float(distance(ra[-1], dec[-1], ra[:-1], dec[:-1]).max())
    return circle_clause(*names, (float(ra[-1]), float(dec[-1])), min(180.0, far * 1.02 + 1e-6)).sql if far < 90 else ""


def region_clause(
    names: tuple[str, str], kind: str, points: Sequence[float], sizes: Sequence[float], angle: float
) -> Clause:
    """Rows within a region drawn on an image, on the sky: exact for circles and annuli, great circles between corners.

    ``points`` ra, dec, ... in degrees; ``sizes`` in arcseconds: radii, half axes or full sides; ``angle``: position
    angle of the first size. Raises FormatError for what is no region, and as the clauses do.
    """
    numbers = (*points, *sizes, angle)
    fewest = {"circle": 1, "annulus": 2, "ellipse": 2, "box": 2, "polygon": 0}.get(kind)
    sound = fewest is not None and len(points) >= 2 and len(points) % 2 == 0 and len(sizes) >= fewest
    if not sound or not all(map(math.isfinite, numbers)) or any(not 0 <= size < 324_000 for size in sizes):
        raise FormatError("This is no region on the sky.", "Draw it again.")
    corners = list(zip(points[::2], points[1::2]))
    if any(abs(dec) > 90 for _, dec in corners):
        raise FormatError("This is no region on the sky.", "Draw it again.")
    centre = corners[0]
    if kind == "circle":
        return circle_clause(*names, centre, sizes[0] / 3600, "image")
    if kind == "annulus":
        inner, outer = (circle_clause(*names, centre, size / 3600, "image") for size in (sizes[0], sizes[-1]))
        label = f"annulus {sizes[0]:.3g}″ to {sizes[-1]:.3g}″ at {centre[0]:.5f} {centre[1]:+.5f}"
        return grouped((outer, inner._replace(mode="and not")), "image", label)
    if kind in ("ellipse", "box"):
        corners = _outline(kind, centre, sizes[-2] / 3600, sizes[-1] / 3600, angle)
    label = f"{kind} at {centre[0]:.5f} {centre[1]:+.5f}" if kind != "polygon" else ""
    return sky_polygon_clause(*names, corners, "image", label)


def _outline(kind: str, centre: tuple[float, float], a: float, b: float, angle: float) -> list[tuple[float, float]]:
    """Corners of an ellipse or a box, ``a`` towards position angle ``angle``."""
    if kind == "box":
        along, across = np.array([a, -a, -a, a]) / 2, np.array([b, b, -b, -b]) / 2
    else:
        turn = np.arange(ROUND) * (2 * np.pi / ROUND)
        along, across = a * np.cos(turn), b * np.sin(turn)
    ra, dec = offset(*centre, np.degrees(np.arctan2(across, along)) + angle, np.hypot(along, across))
    return list(zip(np.asarray(ra).tolist(), np.asarray(dec).tolist()))
