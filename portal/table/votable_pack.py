"""Arrow batches to the row bytes of BINARY2 and the row elements of TABLEDATA, whole columns at a time."""

from __future__ import annotations

import itertools

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numba import njit

from portal.errors import FormatError
from portal.table.columns import Column, fixed_length
from portal.table.votable_markup import CONTROL, written
from portal.table.votable_values import ELEMENT


@njit(nogil=True, cache=True)
def _put8(out, pos, values):
    for row in range(len(pos)):
        at, value = pos[row], values[row]
        for k in range(8):
            out[at + k] = np.uint8((value >> np.uint64(56 - 8 * k)) & np.uint64(255))
        pos[row] = at + 8


@njit(nogil=True, cache=True)
def _put4(out, pos, values):
    for row in range(len(pos)):
        at, value = pos[row], values[row]
        out[at] = value >> np.uint32(24)
        out[at + 1] = (value >> np.uint32(16)) & np.uint32(255)
        out[at + 2] = (value >> np.uint32(8)) & np.uint32(255)
        out[at + 3] = value & np.uint32(255)
        pos[row] = at + 4


@njit(nogil=True, cache=True)
def _put2(out, pos, values):
    for row in range(len(pos)):
        at, value = pos[row], values[row]
        out[at] = value >> np.uint16(8)
        out[at + 1] = value & np.uint16(255)
        pos[row] = at + 2


@njit(nogil=True, cache=True)
def _put1(out, pos, values):
    for row in range(len(pos)):
        out[pos[row]] = values[row]
        pos[row] += 1


@njit(nogil=True, cache=True)
def put_runs(out, pos, ends, data):
    for row in range(len(pos)):
        at = pos[row]
        for k in range(ends[row], ends[row + 1]):
            out[at] = data[k]
            at += 1
        pos[row] = at


PUT = {8: _put8, 4: _put4, 2: _put2, 1: _put1}


class _Cells:
    """One column ready to be laid into rows: fixed words, or runs of bytes with counts (None when fixed)."""

    def __init__(self, column: Column, array: pa.Array) -> None:
        datatype, arraysize = written(column)
        array = as_type(array, column.arrow)
        self.null = np.asarray(array.is_null()) if array.null_count else None
        self.words: np.ndarray | None = None
        self.counts: np.ndarray | None = None
        if not arraysize:
            self.words = _words(datatype, array)
            self.size: np.ndarray | int = self.words.itemsize
            return
        if datatype in ("char", "unicodeChar"):
            self.ends, self.data = text_bytes(array, datatype)
            self.counts = np.diff(self.ends) // ELEMENT[datatype]
        else:
            self.ends, self.data, counts = _list_bytes(column, array, datatype, arraysize)
            self.counts = counts if arraysize.endswith("*") else None
        self.size = np.diff(self.ends) + (4 if self.counts is not None else 0)

    def put(self, out: np.ndarray, pos: np.ndarray) -> None:
        if self.words is not None:
            PUT[self.words.itemsize](out, pos, self.words)
            return
        if self.counts is not None:
            _put4(out, pos, self.counts.astype(np.int32).view(np.uint32))
        put_runs(out, pos, self.ends, self.data)


def pack_binary2(columns: tuple[Column, ...], batch: pa.RecordBatch, marked: bool = True) -> bytes:
    """The rows of a batch as BINARY2 bytes: null marks, then the cells, big-endian. BINARY has no marks."""
    rows = batch.num_rows
    flags = (len(columns) + 7) // 8 if marked else 0
    cells = [_Cells(column, array) for column, array in zip(columns, batch.columns)]
    size = np.full(rows, flags, np.int64)
    for item in cells:
        size += item.size
    ends = np.zeros(rows + 1, np.int64)
    np.cumsum(size, out=ends[1:])
    out = np.empty(int(ends[-1]), np.uint8)
    pos = ends[:-1].copy()
    for k in range(flags):
        marks = np.zeros(rows, np.uint8)
        for c, item in enumerate(cells[8 * k : 8 * k + 8]):
            if item.null is not None:
                marks |= item.null.astype(np.uint8) << np.uint8(7 - c)
        _put1(out, pos, marks)
    for item in cells:
        item.put(out, pos)
    return out.tobytes()


def as_type(array: pa.Array, kind: pa.DataType) -> pa.Array:
    """The array in the type its column declares; raises FormatError when a value does not fit."""
    if array.type == kind:
        return array
    try:
        return pc.cast(array, kind)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise FormatError(f"Values of type {array.type} do not fit a column of type {kind}: {error}") from None


def _words(datatype: str, array: pa.Array) -> np.ndarray:
    if datatype == "boolean":
        values = np.asarray(pc.fill_null(array, False))
        out = np.where(values, np.uint8(ord("T")), np.uint8(ord("F")))
        if array.null_count:
            out[np.asarray(array.is_null())] = ord("?")
        return out
    fill = np.nan if datatype in ("float", "double") else 0
    values = np.asarray(pc.fill_null(array, pa.scalar(fill, array.type)) if array.null_count else array)
    return np.ascontiguousarray(values).view(f"u{values.itemsize}")


def text_bytes(array: pa.Array, datatype: str) -> tuple[np.ndarray, np.ndarray]:
    """(ends, bytes) of the cells' text; a null is empty."""
    if datatype == "unicodeChar":
        # VOTable characters have two bytes: those beyond become a pair, as UTF-16 has it.
        parts = [(item or "").encode("utf-16-be", "replace") for item in array.to_pylist()]
        ends = np.zeros(len(parts) + 1, np.int64)
        np.cumsum([len(part) for part in parts], out=ends[1:])
        return ends, np.frombuffer(b"".join(parts), np.uint8)
    if array.null_count:
        array = pc.fill_null(array, "")
    _, ends, data = array.buffers()
    ends = (
        np.frombuffer(ends, np.int32)[array.offset : array.offset + len(array) + 1] if ends else np.zeros(1, np.int32)
    )
    if len(ends) < len(array) + 1:
        ends = np.zeros(len(array) + 1, np.int32)
    return ends.astype(np.int64), np.frombuffer(data, np.uint8) if data else np.zeros(0, np.uint8)


def _list_bytes(
    column: Column, array: pa.ListArray, datatype: str, arraysize: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(ends in bytes, bytes, counts) of array cells; raises FormatError when a fixed size is not met."""
    counts = np.asarray(pc.fill_null(pc.list_value_length(array), 0)).astype(np.int64)
    flat = _without_holes(column, array.flatten())
    if not arraysize.endswith("*"):
        length = fixed_length(arraysize)
        null = np.asarray(array.is_null())
        if (counts[~null] != length).any():
            raise FormatError(f"Column {column.name}: a cell has not the {length} elements of its arraysize.")
        if null.any():
            # A null of fixed size still takes its room in the row.
            at = np.full((len(array), length), -1, np.int64)
            at[~null] = np.arange(len(flat)).reshape(-1, length)
            flat = flat.take(pa.array(at.ravel(), mask=at.ravel() < 0))
        counts = np.full(len(array), length, np.int64)
    if datatype == "bit":
        values, ends = np.asarray(pc.fill_null(flat, False)), np.concatenate([[0], np.cumsum(counts)])
        parts = [np.packbits(values[a:b]) for a, b in itertools.pairwise(ends)]
        sizes, data = [len(part) for part in parts], np.concatenate([*parts, np.zeros(0, np.uint8)])
        return np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64), data, counts
    words = _words(datatype, flat)
    data = np.ascontiguousarray(words.astype(words.dtype.newbyteorder(">"))).view(np.uint8)
    return np.concatenate([[0], np.cumsum(counts * words.itemsize)]).astype(np.int64), data, counts


def _without_holes(column: Column, flat: pa.Array) -> pa.Array:
    """The members of arrays with the column's null value in place of nulls; raises FormatError when it has none."""
    if not flat.null_count or not pa.types.is_integer(flat.type):
        return flat
    if not column.null:
        raise FormatError(f"Column {column.name} has nulls inside arrays, and no value that stands for them.")
    return pc.fill_null(flat, pa.scalar(int(column.null), flat.type))


# TABLEDATA


def number_texts(array: pa.Array) -> pa.Array:
    """Numbers as VOTable text: shortest digits that read back the same, NaN, +Inf and -Inf; null stays null."""
    texts = pc.cast(array, pa.string())
    if pa.types.is_floating(array.type):
        odd = pc.invert(pc.is_finite(array))
        if pc.any(odd).as_py():
            names = pc.if_else(pc.is_nan(array), "NaN", pc.if_else(pc.greater(array, 0), "+Inf", "-Inf"))
            texts = pc.if_else(odd, names, texts)
    return texts


def xml_texts(array: pa.Array) -> pa.Array:
    """Text with the characters of XML written out and those it cannot carry as blanks."""
    if pc.any(pc.match_substring_regex(array, "[&<>\r]")).as_py():
        for mark, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("\r", "&#13;")):
            array = pc.replace_substring(array, mark, entity)
    if pc.any(pc.match_substring_regex(array, "[\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\\x{fffe}\\x{ffff}]")).as_py():
        array = pa.array([None if item is None else CONTROL.sub(" ", item) for item in array.to_pylist()], pa.string())
    return array


def cell_xml(column: Column, array: pa.Array) -> pa.Array:
    """The cells of a column as TABLEDATA writes them; null is empty."""
    array = as_type(array, column.arrow)
    if pa.types.is_string(array.type):
        texts = xml_texts(array)
    elif pa.types.is_boolean(array.type):
        texts = pc.if_else(array, "T", "F")
    elif pa.types.is_list(array.type):
        flat = array.flatten()
        if pa.types.is_boolean(flat.type):
            flat = pc.if_else(flat, *(("1", "0") if written(column)[0] == "bit" else ("T", "F")))
        else:
            flat = number_texts(_without_holes(column, flat))
        flat = pc.fill_null(flat, "NaN" if column.datatype in ("float", "double") else "?")
        ends = np.concatenate([[0], np.cumsum(np.asarray(pc.fill_null(pc.list_value_length(array), 0)))])
        texts = pc.binary_join(pa.ListArray.from_arrays(pa.array(ends, pa.int32()), flat), " ")
    else:
        texts = number_texts(array)
    return pc.fill_null(texts, "")


def pack_tabledata(columns: tuple[Column, ...], batch: pa.RecordBatch) -> bytes:
    """The rows of a batch as TR and TD elements."""
    if not batch.num_rows or not columns:
        return b"<TR></TR>\n" * batch.num_rows
    parts: list = ["<TR>"]
    for column, array in zip(columns, batch.columns):
        parts += ["<TD>", cell_xml(column, array), "</TD>"]
    return joined_rows(pc.binary_join_element_wise(*parts, "</TR>\n", ""))


def joined_rows(rows: pa.Array | pa.ChunkedArray) -> bytes:
    """The bytes of all texts, one behind the other."""
    return b"".join(_joined(chunk) for chunk in (rows.chunks if isinstance(rows, pa.ChunkedArray) else [rows]))


def _joined(rows: pa.Array) -> bytes:
    ends = np.frombuffer(rows.buffers()[1], np.int32)
    first, last = int(ends[rows.offset]), int(ends[rows.offset + len(rows)])
    return rows.buffers()[2].slice(first, last - first).to_pybytes()
