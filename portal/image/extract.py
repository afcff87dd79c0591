"""What was measured on images as tables: places with their values, and profiles along lines."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from portal.errors import FormatError, LimitError
from portal.image.frame import Frame
from portal.image.frames import Frames
from portal.image.measures import MOST_POINTS, mask_bits
from portal.image.profile import profile
from portal.table.columns import Column, TableMeta
from portal.table.foreign.sphere import distance

MOST_JSON = 1_000_000  # characters of a gesture
POSITION = (
    Column("ra", "double", unit="deg", ucd="pos.eq.ra;meta.main", description="Right ascension (ICRS)"),
    Column("dec", "double", unit="deg", ucd="pos.eq.dec;meta.main", description="Declination (ICRS)"),
    Column("x", "double", unit="pixel", ucd="pos.cartesian.x;instr.det", description="FITS pixel, counted from 1"),
    Column("y", "double", unit="pixel", ucd="pos.cartesian.y;instr.det", description="FITS pixel, counted from 1"),
)
IMAGE = (
    Column("image", "char", "*", ucd="meta.title", description="Image that was measured"),
    Column("band", "char", "*", ucd="meta.id;instr.bandpass", description="Band of the image"),
)


class Extract(NamedTuple):
    """A table of what was measured: its description and its rows."""

    title: str
    meta: TableMeta
    rows: pa.RecordBatch


def extract(frames: Frames, what: str, text: str) -> Extract:
    """The table for a ``measured`` gesture of the viewer (see ``widgets.fits.Measured``); values are read anew here.

    Raises FormatError for what cannot be measured and LimitError above 10,000 points.
    """
    if len(text) > MOST_JSON:
        raise LimitError("That is too much for one table.")
    try:
        asked = json.loads(text)
        if what == "points":
            return _points([(frames.find(str(one["id"])), list(one["points"])) for one in asked])
        if what == "profile":
            lines = [(frames.find(str(one["id"])), _ends(one["points"])) for one in asked["lines"][:64]]
            return _profiles(lines, float(asked["width"]), [str(name) for name in asked["out"]])
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError):
        raise FormatError("What was measured did not arrive.", "Measure it again.") from None
    raise FormatError(f"There is no table of {what[:40]!r}.")


def _points(lists: list[tuple[Frame, list]]) -> Extract:
    if sum(len(points) for _, points in lists) > MOST_POINTS:
        raise LimitError(f"A table has at most {MOST_POINTS:,} points.", "Take fewer images.")
    rows = []
    for frame, points in lists:
        for name, x, y in points:
            x, y = float(x), float(y)
            found = frame.at(x, y) if math.isfinite(x) and math.isfinite(y) else None
            if found is None:
                continue
            lsst = found.lsst
            rows.append((str(name)[:100], frame.title, frame.band or None, found.ra, found.dec, *found.fits, *lsst,
                         found.value, found.variance, " ".join(found.names)))  # fmt: skip
    if not rows:
        raise FormatError("No point lies on an image.", "Click places on the image first.")
    unit, variance = _units(frame for frame, _ in lists)
    columns = (
        Column("point", "char", "*", ucd="meta.id;meta.main", description="Name of the point"),
        *IMAGE,
        *POSITION,
        Column("lsst_x", "double", unit="pixel", description="Pixel of the parent image, counted from 0 (LSST)"),
        Column("lsst_y", "double", unit="pixel", description="Pixel of the parent image, counted from 0 (LSST)"),
        Column("value", "double", unit=unit, ucd="phot.flux", description="Value of the pixel"),
        Column("variance", "double", unit=variance, ucd="stat.variance;phot.flux", description="Variance of the pixel"),
        Column("mask", "char", "*", ucd="meta.code.qual", description="Mask planes set at the pixel"),
    )
    return _table(f"{len(rows)} points on {lists[0][0].title}", columns, list(zip(*rows)))


def _profiles(lines: list[tuple[Frame, tuple]], width: float, out: list[str]) -> Extract:
    if not lines:
        raise FormatError("There is no line.", "Drag one across the image.")
    parts = []
    for frame, (start, end) in lines:
        known = {bit.name for bit in frame.planes.bits}
        mask, bits = mask_bits(frame, [name for name in out if name in known])
        found = profile(frame.plane("image"), start, end, width, mask, bits)
        empty = np.full(len(found.x), np.nan)
        ra, dec = frame.sky_of(found.x, found.y) if frame.wcs is not None else (empty, empty)
        arcsec = distance(ra[0], dec[0], ra, dec) * 3600 if frame.wcs is not None else empty
        names = ([frame.title] * len(ra), [frame.band or None] * len(ra))
        parts.append((*names, found.distance, arcsec, ra, dec, found.x + 1, found.y + 1, found.value, found.count))
    unit, _ = _units(frame for frame, _ in lines)
    columns = (
        *IMAGE,
        Column("distance", "double", unit="pixel", description="Way along the line"),
        Column("offset", "double", unit="arcsec", ucd="pos.angDistance", description="Way along the line on the sky"),
        *POSITION,
        Column("value", "double", unit=unit, ucd="phot.flux", description=f"Mean over {max(1, round(width))} pixels"),
        Column("n", "int", ucd="meta.number", description="Samples across the line that count"),
    )
    cells = [[cell for part in parts for cell in part[k]] for k in range(len(columns))]
    return _table(f"Line on {lines[0][0].title}", columns, cells)


def _ends(points: Any) -> tuple[tuple[float, float], tuple[float, float]]:
    (x0, y0), (x1, y1) = points
    ends = tuple(map(float, (x0, y0, x1, y1)))
    if not all(map(math.isfinite, ends)):
        raise ValueError("an end of the line")
    return ends[:2], ends[2:]


def _units(frames: Iterable[Frame]) -> tuple[str, str]:
    """Unit of values and of variances; none where images differ."""
    units = {frame.planes.unit for frame in frames}
    unit = units.pop() if len(units) == 1 else ""
    return unit, f"{unit}**2" if unit and unit.isalnum() else ""


def _table(title: str, columns: tuple[Column, ...], cells: list) -> Extract:
    meta = TableMeta(columns)
    numbers = [column.datatype == "double" for column in columns]
    arrays = [
        pa.array([None if v is None or not math.isfinite(v) else float(v) for v in column] if number else list(column),
                 described.arrow)
        for column, number, described in zip(cells, numbers, columns)
    ]  # fmt: skip
    return Extract(title[:80], meta, pa.RecordBatch.from_arrays(arrays, schema=meta.to_schema()))
