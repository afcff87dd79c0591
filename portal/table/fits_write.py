"""Writes a FITS file with one binary table (FITS 4.0, section 7.3); its primary HDU says in VOTable what FITS cannot.

That form is the one STILTS and TOPCAT call fits-plus. What FITS cannot hold: a null text is an empty one, a null
number of a float column is NaN, a null array is an empty one, and texts are ASCII ("?" stands for other characters,
which a COMMENT tells).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from portal.errors import LimitError
from portal.table.columns import Column, TableMeta, fixed_length
from portal.table.fits_cards import block, card, comments, printable, short_names
from portal.table.survey import Seen, Survey, with_null
from portal.table.units import spelled
from portal.table.votable_pack import put_runs, text_bytes
from portal.table.votable_write import Trailer, votable_bytes

MOST_COLUMNS = 999  # TFIELDS in FITS
BLOCK = 2880
HEAP_32 = (1 << 31) - 1  # a larger heap needs descriptors of 64 bits
PADDING = 64 << 20  # bytes; beyond, texts of which few are long stand in the heap, which astropy reads less well
FORMS = {
    "boolean": ("L", "u1"),
    "unsignedByte": ("B", "u1"),
    "short": ("I", ">i2"),
    "int": ("J", ">i4"),
    "long": ("K", ">i8"),
    "float": ("E", ">f4"),
    "double": ("D", ">f8"),
}
Batches = Callable[[Sequence[str] | None], Iterable[pa.RecordBatch]]


def fits_bytes(meta: TableMeta, survey: Survey, batches: Batches, end: Trailer) -> Iterator[bytes]:
    """The file in pieces. ``survey`` has seen all rows; ``batches(names)`` gives them again, of those columns only.

    Whole numbers with nulls get a TNULL that no cell has. Arrays of varying length, and texts of which few are long,
    stand in the heap behind the rows. Raises LimitError when there are more columns than FITS can hold.
    """
    check_width(len(meta.columns))
    columns = [_packed(column, seen, survey.rows) for column, seen in zip(meta.columns, survey.seen)]
    heap = sum(column.heap for column in columns)
    for column in columns:
        column.settle("Q" if heap > HEAP_32 else "P")
    yield _primary(meta, end) + _head(meta, columns, survey, heap, end)
    for batch in batches(None) if columns else ():
        yield _rows(columns, batch)
    size = survey.rows * sum(column.size for column in columns)
    for column in columns:
        if column.heap:
            for batch in batches([column.column.name]):
                yield column.heap_bytes(batch.column(0))
    yield b"\0" * (-(size + heap) % BLOCK)


def check_width(columns: int) -> None:
    """Raises LimitError when FITS cannot hold so many columns."""
    if columns > MOST_COLUMNS:
        raise LimitError(
            f"A FITS table has at most {MOST_COLUMNS} columns; this result has {columns:,}.",
            "Choose fewer columns, or VOTable or Parquet.",
        )


class _Fixed:
    """A column whose cells all take the same room: a number, a truth value, so many of them, or a padded text."""

    heap = 0

    def __init__(self, column: Column, seen: Seen) -> None:
        self.column = column
        if column.datatype in FORMS:
            code, kind = FORMS[column.datatype]
            self.repeat = seen.longest if column.is_array else 1
            self.form = f"{self.repeat}{code}" if column.is_array else code
            self.type = np.dtype((kind, (self.repeat,))) if column.is_array else np.dtype(kind)
        else:
            self.repeat = max(1, seen.longest)
            self.form, self.type = f"{self.repeat}A", np.dtype(("u1", (self.repeat,)))
        self.null = int(column.null) if column.null else None
        self.size = self.type.itemsize

    def settle(self, kind: str) -> None:
        """Nothing here depends on the size of the heap."""

    def put(self, out: np.ndarray, at: int, array: pa.Array) -> None:
        """Write the cells into rows (uint8, shape (rows, bytes of a row)) from byte ``at``."""
        rows, stride = out.shape
        if self.form.endswith("A"):
            ends, data = text_bytes(_ascii(array), "char")
            put_runs(out.reshape(-1), np.arange(rows) * stride + at, ends, data)
            return
        if self.column.is_array:
            items = np.full((rows, self.repeat), _fill(self.column), self.type.base)
            good = np.asarray(array.is_valid())
            items[good] = _numbers(self.column, array.flatten(), self.type.base).reshape(-1, self.repeat)
        else:
            items = _numbers(self.column, array, self.type.base).reshape(-1, 1)
        out[:, at : at + self.size] = np.ascontiguousarray(items).view(np.uint8).reshape(rows, self.size)

    def dimensions(self) -> str:
        """TDIM of an array of more than one dimension, else empty."""
        parts = self.column.arraysize.split("x")
        if len(parts) < 2 or not self.column.is_array or self.form.endswith("A"):
            return ""
        inner = fixed_length("x".join(parts[:-1]))
        if not inner or self.repeat % inner:
            return ""
        return f"({','.join([*parts[:-1], str(self.repeat // inner)])})"


class _Varying:
    """A column whose cells stand in the heap: its rows hold lengths and places."""

    def __init__(self, column: Column, seen: Seen) -> None:
        self.column = column
        code, kind = FORMS.get(column.datatype, ("A", "u1"))
        self.type = np.dtype(kind)
        self.heap = seen.total * self.type.itemsize
        self.null = None  # astropy stops at a TNULL of such a column, so a COMMENT tells it
        self._form = f"{code}({seen.longest})"
        self._next = 0
        self.settle("P")

    def settle(self, kind: str) -> None:
        """P or Q descriptors; they count from the start of this column's part of the heap until ``begin``."""
        self.form = f"1{kind}{self._form}"
        self._word = np.dtype(">i8" if kind == "Q" else ">i4")
        self.size = 2 * self._word.itemsize

    def begin(self, place: int) -> None:
        """Where in the heap the cells of this column begin."""
        self._next = place

    def put(self, out: np.ndarray, at: int, array: pa.Array) -> None:
        """Write lengths and places; batches must come in the order of the heap."""
        counts = np.asarray(pc.fill_null(self._lengths(array), 0)).astype(np.int64)
        places = self._next + np.r_[0, np.cumsum(counts * self.type.itemsize)]
        self._next = int(places[-1])
        words = np.stack([counts, places[:-1]], axis=1).astype(self._word)
        out[:, at : at + self.size] = words.view(np.uint8)

    def _lengths(self, array: pa.Array) -> pa.Array:
        return pc.utf8_length(array) if pa.types.is_string(array.type) else pc.list_value_length(array)

    def heap_bytes(self, array: pa.Array) -> bytes:
        if pa.types.is_string(array.type):
            ends, data = text_bytes(_ascii(array), "char")
            return data[ends[0] : ends[-1]].tobytes()
        return _numbers(self.column, array.flatten(), self.type).tobytes()

    def dimensions(self) -> str:
        return ""


def _packed(column: Column, seen: Seen, rows: int) -> _Fixed | _Varying:
    if column.datatype == "bit":
        column = replace(column, datatype="boolean")
    column = with_null(column, seen)
    if column.datatype not in FORMS or column.is_text:
        padded = seen.longest * rows
        return (_Varying if padded > PADDING and padded > 4 * seen.total + 16 * rows else _Fixed)(column, seen)
    if not column.is_array:
        return _Fixed(column, seen)
    fixed = not column.arraysize.endswith("*") or not seen.nulls
    same = seen.longest > 0 and seen.shortest == seen.longest
    if seen.nulls and fixed and same:
        column = with_null(column, replace(seen, holes=True))
    return (_Fixed if fixed and same else _Varying)(column, seen)


def _ascii(array: pa.Array) -> pa.Array:
    if pc.all(pc.string_is_ascii(array)).as_py() is False:
        array = pc.replace_substring_regex(array, r"[^\x00-\x7f]", "?")
    return array


def _fill(column: Column) -> float:
    return np.nan if column.datatype in ("float", "double") else int(column.null or 0)


def _numbers(column: Column, array: pa.Array, kind: np.dtype) -> np.ndarray:
    if pa.types.is_boolean(array.type):
        codes = np.where(np.asarray(pc.fill_null(array, False)), np.uint8(ord("T")), np.uint8(ord("F")))
        codes[np.asarray(array.is_null())] = 0
        return codes
    if array.null_count:
        wide = array if pa.types.is_floating(array.type) else array.cast(pa.int64())
        array = pc.fill_null(wide, pa.scalar(_fill(column), wide.type))
    return np.asarray(array).astype(kind)


def _rows(columns: list, batch: pa.RecordBatch) -> bytes:
    out = np.zeros((batch.num_rows, sum(column.size for column in columns)), np.uint8)
    at = 0
    for column, array in zip(columns, batch.columns):
        column.put(out, at, array)
        at += column.size
    return out.tobytes()


def _primary(meta: TableMeta, end: Trailer) -> bytes:
    """The primary HDU: the VOTable of this table without its rows, as an array of characters."""
    plain = tuple(replace(column, arraysize="*") if column.is_text else column for column in meta.columns)
    document = b"".join(votable_bytes(replace(meta, columns=plain), (), "TABLEDATA", lambda: end))
    start, _, rest = document.partition(b"<DATA>")
    document = start + rest.partition(b"</DATA>\n")[2]
    cards = [
        card("SIMPLE", True, "conforms to FITS"),
        card("BITPIX", 8, "characters"),
        card("NAXIS", 1),
        card("NAXIS1", len(document), "number of characters"),
        card("VOTMETA", True, "table metadata in VOTable format"),
        card("EXTEND", True),
    ]
    return block(cards) + document + b"\0" * (-len(document) % BLOCK)


def _head(meta: TableMeta, columns: list, survey: Survey, heap: int, end: Trailer) -> bytes:
    cards = [
        card("XTENSION", "BINTABLE"),
        card("BITPIX", 8),
        card("NAXIS", 2),
        card("NAXIS1", sum(column.size for column in columns), "bytes of a row"),
        card("NAXIS2", survey.rows, "rows"),
        card("PCOUNT", heap, "bytes of the heap"),
        card("GCOUNT", 1),
        card("TFIELDS", len(columns)),
        card("EXTNAME", meta.name or "result"),
        card("QSTATUS", "OVERFLOW" if end.overflow else "OK", "OVERFLOW: the service cut the rows"),
    ]
    place = 0
    names = short_names(column.name for column in meta.columns)
    for number, (packed, name) in enumerate(zip(columns, names), 1):
        column = packed.column
        if packed.heap:
            packed.begin(place)
            place += packed.heap
        cards += [card(f"TTYPE{number}", name), card(f"TFORM{number}", packed.form)]
        if packed.null is not None:
            cards.append(card(f"TNULL{number}", packed.null))
        for key, value in (
            ("TDIM", packed.dimensions()),
            ("TUNIT", spelled(column.unit, "fits")),
            ("TUCD", column.ucd),
            ("TUTYP", column.utype),
            ("TCOMM", column.description),
        ):
            if value:
                cards.append(card(f"{key}{number}", value))
    for item in itertools.chain(meta.infos, end.infos):
        cards += comments("HISTORY", f"{item.name}: {item.value} {item.text}")
    for packed, seen, name in zip(columns, survey.seen, names):
        if printable(packed.column.name) != name:
            cards += comments("COMMENT", f"{name}: stands for {packed.column.name}")
        if not seen.ascii:
            cards += comments("COMMENT", f"{packed.column.name}: ? stands for characters outside ASCII")
        if packed.null is None and packed.column.null:
            cards += comments("COMMENT", f"{packed.column.name}: {packed.column.null} stands for null")
    return block(cards)
