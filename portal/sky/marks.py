"""How rows look on the sky: what the user chose, what a column's values become, and the bytes the browser draws.

Knows tables and positions; nothing of sessions. Colours themselves are for those who draw.
"""

from __future__ import annotations

import json
import math
from typing import Any, NamedTuple

import numpy as np
import pyarrow.compute as pc

from portal.errors import QueryError
from portal.sky.density import SkyIndex
from portal.table.columns import Column, TableMeta
from portal.table.engine import Stop
from portal.table.names import quoted
from portal.table.result import ResultTable

WAYS = ("auto", "points", "density")
SHAPES = ("circle", "dot", "square", "diamond", "triangle", "plus", "cross", "class")
MAPS = ("viridis", "cividis", "plasma", "inferno", "magma", "coolwarm", "grey")
POINTS = 50_000  # rows in view up to which they are drawn one by one; more hide each other
MOST_POINTS = 1_000_000  # drawn when the user wants points whatever their number: a frame takes about a second then
CLASSES = 10  # told apart by colour; the rest is "other"
OTHER = "other"
BANDS = ["u", "g", "r", "i", "z", "y"]  # a column of nothing else is shown in their order
MIDDLE = (2.0, 98.0)  # per cent: what lies outside has the colour at the end of the scale
TRIAL = 200_000  # values looked at for the middle


class Paint(NamedTuple):
    """How one result is drawn. ``colour`` and ``size`` are columns, "" for one colour and one size for all.

    ``low`` and ``high`` bound the scale of colours, None for the middle 96 % of the values.
    """

    way: str = "auto"
    colour: str = ""
    size: str = ""
    shape: str = "circle"
    map: str = "viridis"
    low: float | None = None
    high: float | None = None

    def to_json(self) -> list[Any]:
        return list(self)

    @classmethod
    def from_json(cls, doc: Any) -> Paint:
        """The inverse of ``to_json``; what does not fit is left at its default."""
        if not isinstance(doc, list) or len(doc) != len(cls._fields):
            return cls()
        way, colour, size, shape, map_, low, high = doc
        return cls(
            way if way in WAYS else "auto",
            colour if isinstance(colour, str) else "",
            size if isinstance(size, str) else "",
            shape if shape in SHAPES else "circle",
            map_ if map_ in MAPS else "viridis",
            *(float(end) if isinstance(end, int | float) and math.isfinite(end) else None for end in (low, high)),
        )

    def fitting(self, meta: TableMeta) -> Paint:
        """The same without columns that the table has not."""
        names = {column.name for column in meta.columns}
        return self._replace(
            colour=self.colour if self.colour in names else "", size=self.size if self.size in names else ""
        )


class Scale(NamedTuple):
    """What the colours mean: numbers from ``low`` to ``high``, or ``classes`` by name when there are any."""

    label: str
    low: float = 0.0
    high: float = 1.0
    classes: tuple[str, ...] = ()


def colour_scale(table: ResultTable, paint: Paint, where: str, stop: Stop | None = None) -> tuple[Scale, np.ndarray]:
    """What the column ``paint.colour`` becomes: its scale, and a value per row that ``where`` keeps, in their order.

    Values are float32, NaN for none; of classes int16 codes, -1 for null. Raises QueryError when there is no such
    column, or none that has one value a row.
    """
    column = _column(table.meta, paint.colour)
    label = f"{column.name} [{column.unit}]" if column.unit else column.name
    found = _classes(table, column, where, stop)
    if found is not None:
        (codes,) = table.numbers([_codes_sql(column, found)], where, stop)
        more = (OTHER,) if len(found) > CLASSES else ()
        codes = np.nan_to_num(codes, nan=-1).astype(np.int16)
        return Scale(label, classes=(*map(_name, found[:CLASSES]), *more)), codes
    (values,) = table.numbers([quoted(column.name)], where, stop)
    low, high = middle_of(values)
    low = low if paint.low is None else paint.low
    high = high if paint.high is None else paint.high
    return Scale(label, low, high if high > low else low + 1e-9), values.astype(np.float32)


def size_parts(table: ResultTable, name: str, where: str, stop: Stop | None = None) -> np.ndarray:
    """0 to 255 for the smallest to the largest of a column's middle values, 0 for none; uint8 per row kept."""
    column = _column(table.meta, name)
    if not column.is_number:
        raise QueryError(f"{name} gives no numbers.", "Choose a column of numbers for the size.")
    (values,) = table.numbers([quoted(name)], where, stop)
    low, high = middle_of(values)
    part = np.clip((values - low) / max(high - low, 1e-300), 0, 1)
    return np.rint(255 * np.nan_to_num(part)).astype(np.uint8)


def middle_of(values: np.ndarray) -> tuple[float, float]:
    """The range of the middle 96 % of the finite values; never empty."""
    some = values[:: max(1, len(values) // TRIAL)]
    some = some[np.isfinite(some)]
    low, high = map(float, np.percentile(some, MIDDLE)) if len(some) else (0.0, 1.0)
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def points_bytes(
    index: SkyIndex,
    places: np.ndarray,
    header: dict[str, Any],
    marked: np.ndarray | None = None,
    values: np.ndarray | None = None,
    sizes: np.ndarray | None = None,
) -> bytes:
    """The rows at some places of the index as ``static/sky/points.js`` reads them.

    uint32 length of the header, JSON header padded with spaces to whole eight bytes less those four, then
    float64 ra[n], dec[n] (degrees), uint32 row[n], float32 value[n] if the header's ``valued``, uint8 size[n] if
    ``sized``, uint8 marked[n]; all little-endian. ``marked`` (bool), ``values`` and ``sizes`` are in the order of the
    index, whole.
    """
    head = {**header, "n": len(places), "valued": values is not None, "sized": sizes is not None}
    text = json.dumps(head, allow_nan=False).encode()
    text += b" " * (-(len(text) + 4) % 8)
    parts = [len(text).to_bytes(4, "little"), text]
    parts += [index.ra[places].astype("<f8").tobytes(), index.dec[places].astype("<f8").tobytes()]
    parts.append(index.rows[places].astype("<u4").tobytes())
    if values is not None:
        shown = values[places].astype("<f4")
        if values.dtype.kind == "i":
            shown[shown < 0] = np.nan
        parts.append(shown.tobytes())
    if sizes is not None:
        parts.append(sizes[places].tobytes())
    parts.append((np.zeros(len(places), "u1") if marked is None else marked[places].astype("u1")).tobytes())
    return b"".join(parts)


def _column(meta: TableMeta, name: str) -> Column:
    column = next((column for column in meta.columns if column.name == name), None)
    if column is None or column.is_array:
        raise QueryError(f"There is no column {name} with one value a row.", "Choose another one.")
    return column


def _classes(table: ResultTable, column: Column, where: str, stop: Stop | None) -> list[Any] | None:
    """The values that are classes: the commonest first, whole numbers and bands in order.

    At most one more than are told apart; None for a column of measurements.
    """
    whole = column.datatype in ("unsignedByte", "short", "int", "long")
    if column.is_number and not whole:
        return None
    now = table.now()
    first = now.cells([column.name], slice(0, min(TRIAL, now.n_rows)))[0]
    if whole and pc.count_distinct(first).as_py() > CLASSES:
        return None  # saves counting every id of a large table
    found = [value for value, _ in table.distinct(column.name, CLASSES + 2, where, stop) if value is not None]
    if whole:
        return sorted(found) if len(found) <= CLASSES else None
    if all(value in BANDS for value in found):
        return sorted(found, key=BANDS.index)
    return found[: CLASSES + 1]


def _codes_sql(column: Column, classes: list[Any]) -> str:
    """A checked expression for the code of each row's class; NULL stays NULL."""
    name = quoted(column.name)
    tests = "".join(f" WHEN {name} = {_literal(value)} THEN {code}" for code, value in enumerate(classes[:CLASSES]))
    return f"CASE WHEN {name} IS NULL THEN NULL{tests} ELSE {CLASSES} END"


def _literal(value: Any) -> str:
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    return str(value) if isinstance(value, int) else "'" + str(value).replace("'", "''") + "'"


def _name(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)[:80]
