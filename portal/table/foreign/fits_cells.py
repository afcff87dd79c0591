"""Cells of FITS tables as Arrow arrays: the forms of binary tables (section 7.3) and of ASCII tables (7.2)."""

from __future__ import annotations

import re
from typing import BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from portal.errors import FormatError
from portal.table.columns import Column
from portal.table.foreign.fits_file import Hdu
from portal.table.foreign.told import text_of
from portal.table.votable_values import Runs, run_array, text_array

FORM = re.compile(r"\s*(\d*)([LXBIJKAEDCMPQ])(.*)", re.IGNORECASE)
HEAP_FORM = re.compile(r"\(?\s*([LXBIJKAEDCM])", re.IGNORECASE)
ASCII_FORM = re.compile(r"\s*([AIFED])(\d+)(?:\.(\d+))?", re.IGNORECASE)
RAW = {"B": ">u1", "I": ">i2", "J": ">i4", "K": ">i8", "E": ">f4", "D": ">f8", "C": ">f4", "M": ">f8"}
DATATYPES = {
    "L": "boolean", "X": "bit", "B": "unsignedByte", "I": "short", "J": "int", "K": "long", "E": "float", "D": "double",
    "A": "char", "C": "floatComplex", "M": "doubleComplex",
}  # fmt: skip
UNSIGNED = {("B", -128): "short", ("I", 1 << 15): "int", ("J", 1 << 31): "long", ("K", 1 << 63): "long"}
WIDTHS = {"L": 1, "X": 1, "A": 1, "C": 8, "M": 16, **{code: int(RAW[code][2]) for code in "BIJKED"}}
HEAP_LIMIT = 256 << 20  # bytes of the heap for the cells of one batch


class Heap:
    """The cells of variable length behind the rows of a table."""

    def __init__(self, file: BinaryIO, hdu: Hdu, start: int) -> None:
        self._file, self._start = file, hdu.start + start
        self.size = max(0, hdu.there - start)

    def span(self, first: int, end: int) -> np.ndarray:
        """Bytes ``first`` to ``end`` of the heap."""
        self._file.seek(self._start + first)
        return np.frombuffer(self._file.read(end - first), np.uint8)


class Field:
    """One column: where its cells lie in a row, and how they become values."""

    def __init__(self, column: Column, start: int, width: int, code: str, repeat: int = 1) -> None:
        self.column, self.start, self.width, self.code, self.repeat = column, start, width, code, repeat
        self.null: int | str | None = None
        self.scale, self.zero = 1.0, 0.0
        self.heap_code = ""
        self._text = False

    @property
    def huge_possible(self) -> bool:
        """Whether values may be over 2^63 (unsigned 64-bit, one per cell)."""
        return self.code == "K" and self.zero == 1 << 63 and self.repeat == 1

    def as_text(self) -> None:
        """Give numbers as text."""
        self._text = True
        self.column = Column(**{**_words(self.column), "datatype": "char", "arraysize": "*"})

    def cells(self, slab: np.ndarray, heap: Heap) -> pa.Array:
        """The cells of some rows, ``slab`` of shape (rows, bytes of a row)."""
        raw = np.ascontiguousarray(slab[:, self.start : self.start + self.width])
        rows = len(raw)
        if self.code in "PQ":
            return self._counted(raw, heap)
        if self.code == "A":
            return self._texts(raw)
        if not self.width:
            return pa.nulls(rows, self.column.arrow)
        if self.code in "CM":
            values = raw.view(RAW[self.code]).tolist()
            return pa.array([" ".join(map(repr, cell)) for cell in values], pa.string())
        if self.code == "X":
            bits = np.unpackbits(raw, axis=1)[:, : self.repeat]
            flat = pa.array(bits.astype(bool).ravel())
        elif self.code == "L":
            flat = pa.array(raw.ravel() == ord("T"), mask=(raw.ravel() != ord("T")) & (raw.ravel() != ord("F")))
        else:
            flat = self._numbers(raw.view(RAW[self.code]).ravel())
        if self.repeat == 1:
            return flat
        return pa.ListArray.from_arrays(pa.array(np.arange(rows + 1, dtype=np.int32) * self.repeat), flat)

    def _numbers(self, values: np.ndarray) -> pa.Array:
        values = values.astype(values.dtype.newbyteorder("="))
        mask = None
        if values.dtype.kind == "f":
            mask = np.isnan(values)
        elif self.null is not None:
            mask = values == self.null
        if self._text:
            return pc.cast(pa.array(values.view("u8") ^ np.uint64(1 << 63), mask=mask), pa.string())
        if self.code == "K" and self.zero == 1 << 63:
            values = (values.view("u8") ^ np.uint64(1 << 63)).view("i8")
            if (values < 0).any():
                raise FormatError(f"Column {self.column.name} has arrays with numbers over 2^63, which are not read.")
        elif self.scale != 1 or self.zero != 0:
            if (self.code, self.zero) in UNSIGNED and self.scale == 1:
                values = values.astype({"B": "i2", "I": "i4", "J": "i8"}[self.code]) + int(self.zero)
            else:
                values = values * self.scale + self.zero
        kind = self.column.arrow.value_type if self.column.is_array else self.column.arrow
        return pa.array(values, mask=mask if mask is not None and mask.any() else None).cast(kind)

    def _texts(self, raw: np.ndarray) -> pa.Array:
        rows = len(raw)
        if not self.width:
            return pa.nulls(rows, pa.string())
        # A zero byte ends a text; blanks behind it are filling; a text of neither is null.
        ended = np.logical_or.accumulate(raw == 0, axis=1)
        raw = np.where(ended, np.uint8(0), raw)
        try:
            texts = pa.array(raw.view(f"S{self.width}").ravel()).cast(pa.string())
        except pa.ArrowInvalid:
            texts = pa.array([item.decode("latin-1") for item in raw.view(f"S{self.width}").ravel().tolist()])
        texts = pc.utf8_rtrim(texts, " ")
        return pc.if_else(pc.equal(texts, ""), pa.scalar(None, pa.string()), texts)

    def _counted(self, raw: np.ndarray, heap: Heap) -> pa.Array:
        """Cells of the heap, by (count, place) of each row."""
        pairs = raw.view(">i4" if self.code == "P" else ">i8").astype(np.int64)
        counts, starts = pairs[:, 0].copy(), pairs[:, 1].copy()
        bits = self.heap_code == "X"
        sizes = (counts + 7) // 8 if bits else counts * WIDTHS[self.heap_code]
        if (counts < 0).any() or (counts > heap.size * 8).any() or (starts < 0).any():
            raise FormatError(f"Column {self.column.name}: a cell lies outside the FITS table.")
        used = sizes > 0
        if (starts[used] + sizes[used] > heap.size).any():
            raise FormatError(f"Column {self.column.name}: a cell lies outside the FITS table.", "The file may be cut.")
        first = int(starts[used].min()) if used.any() else 0
        end = int((starts + sizes)[used].max()) if used.any() else 0
        if int(sizes.sum()) > HEAP_LIMIT or end - first > HEAP_LIMIT:
            if len(raw) > 1:
                raise MemoryError
            raise FormatError(f"Column {self.column.name}: a cell is larger than {HEAP_LIMIT >> 20} MB.")
        starts[~used] = first
        valid = np.full((len(raw) + 7) // 8, 255, np.uint8)
        buf = heap.span(first, end)
        if bits:
            cells = [
                np.unpackbits(buf[at : at + size], count=count).astype(bool).tolist()
                for at, size, count in zip(starts - first, sizes, counts)
            ]
            return pa.array(cells, self.column.arrow)
        stored = Column(self.column.name, DATATYPES[self.heap_code], "*")
        array = run_array(stored, Runs(buf, starts - first, sizes, valid), empty_is_null=self.heap_code == "A")
        if self.heap_code not in "BIJKED":
            return array
        # Scaling and nulls hold for the values in the heap.
        code, self.code = self.code, self.heap_code
        try:
            values = self._numbers(array.flatten().to_numpy(zero_copy_only=False))
        finally:
            self.code = code
        return pa.ListArray.from_arrays(array.offsets, values)


class AsciiField(Field):
    """A column of an ASCII table."""

    def cells(self, slab: np.ndarray, heap: Heap) -> pa.Array:
        raw = np.ascontiguousarray(slab[:, self.start : self.start + self.width])
        texts = pc.utf8_trim(self._texts(raw), " ")
        if self.null:
            texts = pc.if_else(pc.equal(texts, str(self.null)), pa.scalar(None, pa.string()), texts)
        if self.column.is_number:
            texts = pc.replace_substring_regex(pc.replace_substring(texts, " ", ""), "[dD]", "e")
            texts = pc.utf8_ltrim(texts, "+")
        array = text_array(self.column, texts)
        if self.scale == 1 and self.zero == 0:
            return array
        return pc.add(pc.multiply(array, self.scale), self.zero)


def _words(column: Column) -> dict:
    return {key: getattr(column, key) for key in ("name", "unit", "ucd", "utype", "description")}


def _column(hdu: Hdu, number: int, datatype: str, arraysize: str) -> Column:
    name = hdu.value(f"TTYPE{number}")
    said = {
        "unit": hdu.value(f"TUNIT{number}"),
        "ucd": hdu.value(f"TUCD{number}"),
        "utype": hdu.value(f"TUTYP{number}"),
        "description": hdu.value(f"TCOMM{number}") or hdu.value(f"TDESC{number}"),
    }
    return Column(text_of(name), datatype, arraysize, **{key: text_of(value) for key, value in said.items()})


def _scaled(item: Field, hdu: Hdu, number: int, code: str) -> None:
    """Take TSCAL, TZERO and TNULL; the datatype follows."""
    item.scale, item.zero = hdu.number_of(f"TSCAL{number}", 1.0), hdu.number_of(f"TZERO{number}", 0.0)
    if f"TNULL{number}" in hdu.header and code in "BIJK":
        item.null = int(hdu.number_of(f"TNULL{number}", 0))
    if code in "BIJKED" and (item.scale, item.zero) != (1, 0):
        unsigned = UNSIGNED.get((code, item.zero)) if item.scale == 1 else None
        datatype = unsigned or ("float" if code == "E" else "double")
        item.column = Column(**{**_words(item.column), "datatype": datatype, "arraysize": item.column.arraysize})


def binary_field(hdu: Hdu, number: int, start: int) -> Field:
    """Column ``number`` (from 1) of a binary table whose cells begin at byte ``start`` of a row."""
    text = hdu.value(f"TFORM{number}")
    found = FORM.match(text)
    if not found:
        raise FormatError(f"The FITS table has TFORM{number} = {text!r}, which is not known.")
    repeat, code = int(found[1] or 1), found[2].upper()
    if repeat > 1 << 31:
        raise FormatError(f"The FITS table has TFORM{number} = {text!r}, which is too long.")
    shape = re.findall(r"\d+", hdu.value(f"TDIM{number}"))
    if code in "PQ":
        inner = HEAP_FORM.match(found[3])
        if not inner:
            raise FormatError(f"The FITS table has TFORM{number} = {text!r}, which is not known.")
        item = Field(_column(hdu, number, DATATYPES[inner[1].upper()], "*"), start, 8 if code == "P" else 16, code)
        item.width = item.width if repeat else 0
        item.heap_code = inner[1].upper()
        if item.heap_code in "CM":
            item.column = Column(**{**_words(item.column), "datatype": DATATYPES[item.heap_code], "arraysize": "*"})
        _scaled(item, hdu, number, item.heap_code)
        return item
    width = (repeat + 7) // 8 if code == "X" else repeat * WIDTHS[code]
    arraysize = "*" if code == "A" else ""
    if code != "A" and repeat != 1:
        whole = shape and np.prod([int(part) for part in shape], dtype=object) == repeat
        arraysize = "x".join(shape) if whole else str(repeat)
    item = Field(_column(hdu, number, DATATYPES[code], arraysize), start, width, code, repeat)
    _scaled(item, hdu, number, code)
    return item


def ascii_field(hdu: Hdu, number: int) -> Field:
    """Column ``number`` (from 1) of an ASCII table."""
    text = hdu.value(f"TFORM{number}")
    found = ASCII_FORM.match(text)
    if not found:
        raise FormatError(f"The FITS table has TFORM{number} = {text!r}, which is not known.")
    code, width = found[1].upper(), int(found[2])
    datatype = {"A": "char", "I": "long"}.get(code, "double")
    start = max(0, hdu.whole(f"TBCOL{number}", 1) - 1)
    item = AsciiField(_column(hdu, number, datatype, "*" if code == "A" else ""), start, width, code)
    item.null = hdu.value(f"TNULL{number}")
    item.scale, item.zero = hdu.number_of(f"TSCAL{number}", 1.0), hdu.number_of(f"TZERO{number}", 0.0)
    if code == "I" and (item.scale, item.zero) != (1, 0):
        item.column = Column(**{**_words(item.column), "datatype": "double"})
    return item
