"""How a cell reads on screen: exact identifiers, no invented digits, positions and times at fixed precision."""

from __future__ import annotations

import re

import pyarrow as pa
import pyarrow.compute as pc

from portal.table.columns import Column

DEGREE_DIGITS = 7  # 0.36 mas, a hundredth of the astrometric error of a bright star
DAY_DIGITS = 6  # 0.09 s, well under the shortest exposure
DOUBLE_DIGITS = 10  # a computed magnitude of 17 digits says nothing more; exports keep every digit
ERROR_DIGITS = 4  # of a computed error: the third is already noise
MAG_DIGITS = 4  # a tenth of a millimagnitude; calibration is good to ten of them
LIST_ITEMS = 8  # of an array cell
TEXT_LIMIT = 2_000  # characters of one cell on screen

SPECIAL = {"nan": "NaN", "-nan": "NaN", "inf": "Inf", "-inf": "-Inf"}
POSITION_NAME = re.compile(r"(^|_)(ra|dec|decl|lon|lat|glon|glat|l|b)\d*(_|$)", re.IGNORECASE)


def cell_texts(column: Column, values: pa.Array | pa.ChunkedArray) -> list[str | None]:
    """Display text per cell, None for null. Integers are plain digits; NaN is "NaN"; booleans true and false."""
    if isinstance(values, pa.ChunkedArray):
        values = values.combine_chunks() if values.num_chunks != 1 else values.chunk(0)
    kind = values.type
    if pa.types.is_float64(kind):
        return _doubles(column, values.to_pylist())
    if pa.types.is_float32(kind):
        return _floats(values)
    if pa.types.is_boolean(kind) or pa.types.is_integer(kind):
        return pc.cast(values, pa.string()).to_pylist()
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return [_list(column, item.values) if item.is_valid else None for item in values]
    return [None if item is None else str(item)[:TEXT_LIMIT] for item in values.to_pylist()]


def _floats(values: pa.Array) -> list[str | None]:
    """The fewest digits that are still that float32."""
    return [SPECIAL.get(item, item) for item in pc.cast(values, pa.string()).to_pylist()]


def digits_of(column: Column) -> int:
    """Digits after the point for positions in degrees, days of MJD or JD and magnitudes; -1 for anything else."""
    unit, ucd, name = column.unit.strip().lower(), column.ucd.lower(), column.name
    if is_error(column):
        return -1
    if unit == "mag":
        return MAG_DIGITS
    if unit in ("deg", "degree", "degrees") and (ucd.startswith("pos.") or POSITION_NAME.search(name)):
        return DEGREE_DIGITS
    timed = "mjd" in name.lower() or ucd.startswith("time.epoch") or column.xtype.lower() in ("mjd", "jd")
    if unit in ("d", "day", "days") and timed:
        return DAY_DIGITS
    return -1


def is_error(column: Column) -> bool:
    """Whether the column holds errors or other statistics of values."""
    return column.ucd.lower().startswith("stat.") or "err" in column.name.lower()


def _doubles(column: Column, values: list[float | None]) -> list[str | None]:
    digits, error = digits_of(column), is_error(column)
    out: list[str | None] = []
    for value in values:
        if value is None:
            out.append(None)
        elif value != value or value in (float("inf"), float("-inf")):
            out.append(SPECIAL[str(value)])
        elif digits >= 0 and abs(value) < 1e7:
            out.append(f"{value:.{digits}f}")
        else:
            exact = repr(value)
            most = ERROR_DIGITS if error else DOUBLE_DIGITS
            if len(exact) > most + 2:
                exact = f"{value:.{most}g}"
            out.append(exact.removesuffix(".0"))
    return out


def _list(column: Column, inside: pa.Array) -> str:
    plain = Column(column.name, column.datatype, unit=column.unit)
    texts = ["null" if text is None else text for text in cell_texts(plain, inside.slice(0, LIST_ITEMS))]
    return "[" + ", ".join(texts) + (f", … {len(inside)} values]" if len(inside) > LIST_ITEMS else "]")
