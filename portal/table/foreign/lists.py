"""Bare lists: whole-number ids, one a line or many, and positions, one a line, decimal or sexagesimal."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from portal.errors import FormatError, LimitError
from portal.table.columns import Column, TableMeta
from portal.table.foreign import delimited
from portal.table.foreign.dialect import is_number
from portal.table.foreign.encoding import Text, text_of_file
from portal.table.foreign.kinds import Kind, Options, Part
from portal.table.foreign.sexagesimal import angle
from portal.table.foreign.told import Given, Told

MOST_BYTES = 1 << 30
ID_LINES = 50_000  # lines of a batch
BETWEEN = re.compile(r"[\s,;]+")
WHOLE = re.compile(r"[+-]?\d+")
NAME = re.compile(r"[A-Za-z_][\w.]*")
DECIMAL = r"[+-]?(?:\d+\.?\d*|\.\d+)"
SIXTIETHS = r"[+-]?\d{1,3}[\s:hHdD°]\s*\d{1,2}[\s:mM'′]\s*\d{1,2}(?:\.\d*)?[sS\"″]?"
BETWEEN_TWO = r"(?:\s*[,;]\s*|\s+)"
PLACE = re.compile(
    rf"\s*(?:({SIXTIETHS})(?:{BETWEEN_TWO}|(?=[+-]))({SIXTIETHS})"
    rf"|({DECIMAL})[dD°]?{BETWEEN_TWO}({DECIMAL})[dD°]?)(?:{BETWEEN_TWO}(.*))?"
)
ID_META = "meta.id;meta.main"
POSITION_COLUMNS = (
    Column("ra", "double", unit="deg", ucd="pos.eq.ra;meta.main", description="Right ascension (ICRS)"),
    Column("dec", "double", unit="deg", ucd="pos.eq.dec;meta.main", description="Declination (ICRS)"),
    Column("name", "char", "*", ucd="meta.id", description="What stood behind the position"),
)


def _lines(beginning: str) -> list[str]:
    return [line for line in beginning.splitlines() if line.strip() and not line.lstrip().startswith("#")]


def is_id_text(beginning: str) -> bool:
    """Whether a text that begins so is nothing but whole numbers: one a line (maybe under a name), or on any lines
    that are not of one length, as a table's would be."""
    lines = _lines(beginning)
    if not lines:
        return False
    first = [word for word in BETWEEN.split(lines[0].strip()) if word]
    rest = lines[1:] if len(first) == 1 and NAME.fullmatch(first[0]) else lines
    rows = [[word for word in BETWEEN.split(line.strip()) if word] for line in rest[:2000]]
    if not rows or not all(WHOLE.fullmatch(word) for row in rows for word in row):
        return False
    lengths = {len(row) for row in rows}
    return lengths == {1} or len(rows) == 1 or len(lengths) > 2 or (len(lengths) == 2 and len(rows[-1]) < len(rows[0]))


def is_position_text(beginning: str) -> bool:
    """Whether every line begins with a right ascension and a declination."""
    lines = _lines(beginning)[:500]
    found = [_place(line) for line in lines]
    if not lines or not all(found):
        return False
    if any(rest and all(map(is_number, BETWEEN.split(rest))) for _, _, rest in found):
        return False  # more numbers behind them: rather a table without names
    # Two columns of whole numbers are rather a table too.
    return any(re.search(r"[.:hd°]", line) for line in lines)


def _place(line: str) -> tuple[float, float, str] | None:
    found = PLACE.fullmatch(line)
    if not found:
        return None
    h, d, a, b, name = found.groups()
    try:
        ra, dec = (float(a), float(b)) if a is not None else (angle(h, True), angle(d, False))
    except ValueError:
        return None
    if not 0 <= ra <= 360 or abs(dec) > 90:
        return None
    return ra, dec, (name or "").strip().strip("\"'")


def _text(given: Given, options: Options, told: Told | None = None) -> Text:
    if given.size > MOST_BYTES:
        raise LimitError(f"A list is read up to {MOST_BYTES >> 20} MB.")
    text = text_of_file(given, options.encoding)
    if text.note and told:
        told.note(text.note)
    return text


def look_ids(given: Given, options: Options) -> Kind:
    """One column."""
    return Kind("ids", "List of ids", (Part(0, "", -1, 1),), encoding=_text(given, options).encoding)


def look_positions(given: Given, options: Options) -> Kind:
    """Right ascension, declination, and a name where lines have one."""
    text = _text(given, options)
    named = any(place[2] for line in _lines(text.beginning()) if (place := _place(line)))
    return Kind("positions", "List of positions", (Part(0, "", -1, 2 + named),), encoding=text.encoding)


def read_ids(given: Given, options: Options, told: Told) -> Iterator[pa.RecordBatch]:
    """One row per number. Numbers over 2^63 make the column text.

    When a word far down is no whole number the file is read as a text table, or refused if ids were asked for.
    """
    text = _text(given, options, told)
    try:
        column = _id_column(text, options, told)
    except FormatError:
        if options.format:
            raise
        yield from delimited.read(given, options, told)
        return
    told.meta = TableMeta((column,))
    cells: list[int | str] = []
    for number, words in _words(text):
        if not (number == 1 and words[0] == column.name):
            cells += words if column.is_text else [_whole(word, number) for word in words]
        if len(cells) >= ID_LINES:
            yield pa.RecordBatch.from_arrays([pa.array(cells, column.arrow)], schema=told.meta.to_schema())
            cells = []
    if cells:
        yield pa.RecordBatch.from_arrays([pa.array(cells, column.arrow)], schema=told.meta.to_schema())


def _id_column(text: Text, options: Options, told: Told) -> Column:
    """The column of a list of ids, from all its words."""
    name, datatype = "id", "long"
    for number, words in _words(text):
        if number == 1 and NAME.fullmatch(words[0]):
            name = words[0]
        elif not all(-(1 << 63) <= _whole(word, number) < 1 << 63 for word in words):
            datatype = "char"
    if datatype == "char":
        told.note("The list has numbers over 2^63 and is kept as text.")
    return Column(name, dict(options.types).get(name, datatype), "*" if datatype == "char" else "", ucd=ID_META)


def _words(text: Text) -> Iterator[tuple[int, list[str]]]:
    """(number of the line that has words, the words)."""
    number = 0
    for line in text.lines():
        words = [word for word in BETWEEN.split(line.strip()) if word]
        if words and not line.startswith("#"):
            number += 1
            yield number, words


def _whole(word: str, line: int) -> int:
    if not WHOLE.fullmatch(word) or len(word) > 40:
        raise FormatError(f"{word[:60]!r} in line {line:,} is not a whole number.", "Read the file as CSV instead.")
    return int(word)


def read_positions(given: Given, options: Options, told: Told) -> Iterator[pa.RecordBatch]:
    """One row per line. Lines that are no position are left out and told of."""
    text = _text(given, options, told)
    named = look_positions(given, options).parts[0].columns == 3
    columns = POSITION_COLUMNS if named else POSITION_COLUMNS[:2]
    told.meta = TableMeta(columns)
    bad, first, rows = 0, 0, []

    def batch() -> pa.RecordBatch:
        values = np.array([row[:2] for row in rows], float).reshape(-1, 2)
        arrays = [
            pa.array(values[:, 0]),
            pa.array(values[:, 1]),
            pa.array([row[2] or None for row in rows], pa.string()),
        ]
        return pa.RecordBatch.from_arrays(arrays[: len(columns)], schema=told.meta.to_schema())

    for number, line in enumerate(text.lines(), 1):
        line = line.strip("\r\n")
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        place = _place(line)
        if place is None:
            bad, first = bad + 1, first or number
            continue
        rows.append(place)
        if len(rows) >= ID_LINES:
            yield batch()
            rows = []
    if rows:
        yield batch()
    if bad:
        told.note(f"{bad:,} lines were left out for being no position: the first is line {first:,}.")
