"""How a cell reads on screen and in the clipboard: exact identifiers, no invented digits, positions and times at fixed
precision."""

from __future__ import annotations

import re

import pyarrow as pa
import pyarrow.compute as pc

from portal.table.columns import Column

DEGREE_DIGITS = 7  # 0.36 mas, a hundredth of the astrometric error of a bright star
DAY_DIGITS = 6  # 0.09 s, well under the shortest exposure
DOUBLE_DIGITS = 10  # a computed magnitude of 17 digits says nothing more; exports keep every digit
ERROR_DIGITS = 4  # of a computed error: the third is already noise
HOUR_DIGITS = 4  # of seconds of time: 1.5 mas
ARCSEC_DIGITS = 3  # of seconds of arc: 1 mas
MAG_DIGITS = 4  # a tenth of a millimagnitude; calibration is good to ten of them
LIST_ITEMS = 8  # of an array cell
TEXT_LIMIT = 2_000  # characters of one cell on screen

SPECIAL = {"nan": "NaN", "-nan": "NaN", "inf": "Inf", "-inf": "-Inf"}
POSITION_NAME = re.compile(r"(^|_)(ra|dec|decl|lon|lat|glon|glat|l|b)\d*(_|$)", re.IGNORECASE)


RA_NAME = re.compile(r"(^|_)ra\d*(_|$)", re.IGNORECASE)
DEC_NAME = re.compile(r"(^|_)decl?\d*(_|$)", re.IGNORECASE)


def cell_texts(column: Column, values: pa.Array | pa.ChunkedArray, sky: str = "") -> list[str | None]:
    """Display text per cell, None for null. Integers are plain digits; NaN is "NaN"; booleans true and false.

    ``sky`` "hms" writes right ascension in hours and declination in degrees, minutes and seconds.
    """
    values = _one(values)
    kind = values.type
    if pa.types.is_float64(kind):
        role = sky_role(column) if sky == "hms" else ""
        if role:
            return [_sexagesimal(role, value) for value in values.to_pylist()]
        return _doubles(column, values.to_pylist())
    if pa.types.is_float32(kind):
        return _floats(column, values)
    if pa.types.is_boolean(kind) or pa.types.is_integer(kind):
        return pc.cast(values, pa.string()).to_pylist()
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return [_list(column, item.values) if item.is_valid else None for item in values]
    return [None if item is None else str(item)[:TEXT_LIMIT] for item in values.to_pylist()]


def exact_texts(values: pa.Array | pa.ChunkedArray) -> list[str]:
    """Text per cell with every digit, for the clipboard: "" for null, arrays whole, no tab or line break inside."""
    values = _one(values)
    kind = values.type
    if pa.types.is_float64(kind):
        return ["" if item is None else SPECIAL.get(repr(item), repr(item)) for item in values.to_pylist()]
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return ["[" + ", ".join(exact_texts(item.values)) + "]" if item.is_valid else "" for item in values]
    texts = pc.cast(values, pa.string()).to_pylist()
    if pa.types.is_float32(kind):
        return ["" if item is None else SPECIAL.get(item, item) for item in texts]
    return ["" if item is None else " ".join(re.split(r"[\t\r\n]+", item)) for item in texts]


def _one(values: pa.Array | pa.ChunkedArray) -> pa.Array:
    if not isinstance(values, pa.ChunkedArray):
        return values
    return values.combine_chunks() if values.num_chunks != 1 else values.chunk(0)


def sky_role(column: Column) -> str:
    """ "ra" or "dec" for an equatorial position in degrees, else ""."""
    if column.unit.strip().lower() not in ("deg", "degree", "degrees") or not column.is_number or is_error(column):
        return ""
    first = column.ucd.lower().split(";")[0].strip()
    if first in ("pos.eq.ra", "pos.eq.dec"):
        return first[7:]
    if first:
        return ""
    return "ra" if RA_NAME.search(column.name) else "dec" if DEC_NAME.search(column.name) else ""


def _sexagesimal(role: str, value: float | None) -> str | None:
    if value is None:
        return None
    if value != value or abs(value) > 1e6:
        return SPECIAL.get(str(value), str(value))
    # Counted in the last digit, so that 59.99999 s carries over.
    digits = HOUR_DIGITS if role == "ra" else ARCSEC_DIGITS
    unit = 10**digits
    units = round((value % 360 / 15 if role == "ra" else abs(value)) * 3600 * unit)
    if role == "ra":
        units %= 24 * 3600 * unit
    whole, fraction = divmod(units, unit)
    sign = "" if role == "ra" else "-" if value < 0 else "+"
    return f"{sign}{whole // 3600:02d} {whole // 60 % 60:02d} {whole % 60:02d}.{fraction:0{digits}d}"


def _floats(column: Column, values: pa.Array) -> list[str | None]:
    """The fewest digits that are still that float32; of magnitudes and of errors no more than mean something."""
    texts = [SPECIAL.get(item, item) for item in pc.cast(values, pa.string()).to_pylist()]
    if column.unit.strip().lower() == "mag" and not is_error(column):
        return [text if text is None or text in SPECIAL.values() else f"{float(text):.{MAG_DIGITS}f}" for text in texts]
    if is_error(column):
        return [f"{float(text):.{ERROR_DIGITS}g}" if text and len(text) > ERROR_DIGITS + 2 else text for text in texts]
    return texts


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
