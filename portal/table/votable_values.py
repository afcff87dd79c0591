"""From the bytes of VOTable cells to Arrow arrays, and from TABLEDATA text to typed values."""

from __future__ import annotations

import re
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from portal.errors import FormatError
from portal.table.columns import Column

ELEMENT = {
    "boolean": 1,
    "bit": 1,
    "unsignedByte": 1,
    "short": 2,
    "int": 4,
    "long": 8,
    "char": 1,
    "unicodeChar": 2,
    "float": 4,
    "double": 8,
    "floatComplex": 8,
    "doubleComplex": 16,
}
NUMPY = {"unsignedByte": "u1", "short": "i2", "int": "i4", "long": "i8", "float": "f4", "double": "f8"}
WHOLE = ("unsignedByte", "short", "int", "long")
TRUE = np.zeros(256, bool)
TRUE[list(b"Tt1")] = True
KNOWN = TRUE.copy()
KNOWN[list(b"Ff0")] = True
TEXT_OF_BATCH = (1 << 31) - 1  # Arrow strings count bytes in int32


class Runs(NamedTuple):
    """Cells as byte ranges of a buffer. ``valid`` holds the null marks as bits; ``bits`` marks counted bits."""

    buf: np.ndarray
    starts: np.ndarray
    sizes: np.ndarray
    valid: np.ndarray
    bits: bool = False


def _bits(keep: np.ndarray, valid: np.ndarray) -> np.ndarray:
    return np.packbits(keep, bitorder="little") & valid


def null_number(column: Column) -> int | None:
    """The integer that stands for null, when the FIELD names one."""
    if not column.null or column.datatype not in WHOLE:
        return None
    try:
        return int(column.null.strip(), 0) if column.null.strip()[:2].lower() == "0x" else int(column.null)
    except ValueError:
        return None


def _array(kind: pa.DataType, size: int, valid: np.ndarray, *buffers: np.ndarray | pa.Buffer) -> pa.Array:
    """An Arrow array over buffers, without copying; a column without nulls carries no bitmap."""
    whole, rest = divmod(size, 8)
    full = bool((valid[:whole] == 255).all()) and (not rest or valid[whole] & ((1 << rest) - 1) == (1 << rest) - 1)
    marks = None if full else pa.py_buffer(np.ascontiguousarray(valid))
    return pa.Array.from_buffers(kind, size, [marks, *(pa.py_buffer(item) for item in buffers)])


def scalar_array(column: Column, words: np.ndarray, valid: np.ndarray, nan_is_null: bool = False) -> pa.Array:
    """One number, boolean or bit per cell, from words in native order."""
    size = len(words)
    if column.datatype == "boolean":
        return _array(pa.bool_(), size, _bits(KNOWN[words], valid), np.packbits(TRUE[words], bitorder="little"))
    if column.datatype == "bit":
        return _array(pa.bool_(), size, valid, np.packbits(words != 0, bitorder="little"))
    values = words.view(NUMPY[column.datatype])
    if nan_is_null and column.datatype in ("float", "double"):
        valid = _bits(~np.isnan(values), valid)
    null = null_number(column)
    if null is not None:
        valid = _bits(values != null, valid)
    return _array(column.arrow, size, valid, values)


def run_array(column: Column, runs: Runs, empty_is_null: bool = False) -> pa.Array:
    """Text, or an array of numbers per cell."""
    from portal.table.votable_kernels import gather  # compiled: not loaded for those who read text only

    if runs.bits or (column.datatype == "bit"):
        return _bit_lists(column, runs)
    total = int(runs.sizes.sum())
    if total > TEXT_OF_BATCH:
        raise FormatError(f"Column {column.name}: more than 2 GB of text in one batch.")
    size = len(runs.sizes)
    ends = np.zeros(size + 1, np.int32)
    np.cumsum(runs.sizes, out=ends[1:])
    out = np.empty(total + 8, np.uint8)
    wide, zero, _ = gather(runs.buf, runs.starts, runs.sizes, ends, out)
    out = out[:total]
    valid = _bits(runs.sizes > 0, runs.valid) if empty_is_null else runs.valid
    if column.datatype == "char":
        if not zero and not column.is_array:
            array = _array(pa.string(), size, valid, ends, out)
            if not wide or _is_utf8(array):
                return array
        return _slow_text(column, out, ends, valid, "utf-8")
    if column.datatype == "unicodeChar":
        return _slow_text(column, out, ends, valid, "utf-16-be")
    if column.datatype in NUMPY:
        width = ELEMENT[column.datatype]
        values = out.view(f">{NUMPY[column.datatype]}") if width > 1 else out
        values = values.astype(NUMPY[column.datatype])
        null = null_number(column)
        members = pa.array(values, mask=None if null is None else values == null)
        return _lists(members, ends // width, valid)
    if column.datatype == "boolean":
        return _lists(pa.array(TRUE[out], mask=~KNOWN[out]), ends, valid)
    return _complex_text(column, out, ends, valid)


def _is_utf8(array: pa.Array) -> bool:
    try:
        array.validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def _unpack(valid: np.ndarray, size: int) -> np.ndarray:
    return np.unpackbits(valid, count=size, bitorder="little").astype(bool)


def _lists(values: pa.Array, ends: np.ndarray, valid: np.ndarray) -> pa.Array:
    mask = pa.array(~_unpack(valid, len(ends) - 1))
    return pa.ListArray.from_arrays(pa.array(ends, pa.int32()), values, mask=mask)


def _slow_text(column: Column, out: np.ndarray, ends: np.ndarray, valid: np.ndarray, code: str) -> pa.Array:
    """Text with zero bytes, in UTF-16, not in UTF-8 (then taken for Latin-1), or several texts in a cell."""
    raw, cells = out.tobytes(), []
    step = text_step(column) * ELEMENT[column.datatype]
    for start, end, good in zip(ends[:-1], ends[1:], _unpack(valid, len(ends) - 1)):
        if not good:
            cells.append(None)
            continue
        if step:
            cells.append(joined_texts([_decoded(raw[at : at + step], code) for at in range(start, end, step)]))
        else:
            cells.append(_decoded(raw[start:end], code))
    return pa.array(cells, pa.string())


def text_step(column: Column) -> int:
    """The characters of each text in a cell of several; 0 where a cell is one text."""
    first = column.arraysize.split("x")[0] if column.is_array and column.is_text else ""
    return int(first) if first.isdigit() else 0


def joined_texts(parts: list[str]) -> str:
    """An array of texts as one: with a blank between, without what pads them."""
    return " ".join(part.rstrip(" ") for part in parts).rstrip(" ")


def _decoded(part: bytes, code: str) -> str:
    if code == "utf-16-be":
        # Surrogates may stand alone after damage; they must not reach Arrow.
        return part[: len(part) & ~1].decode(code, "replace").partition("\0")[0]
    part = part.partition(b"\0")[0]
    try:
        return part.decode(code)
    except UnicodeDecodeError:
        return part.decode("latin-1")


def _complex_text(column: Column, out: np.ndarray, ends: np.ndarray, valid: np.ndarray) -> pa.Array:
    """Complex numbers as TABLEDATA writes them: real and imaginary part with a blank between."""
    width = ELEMENT[column.datatype] // 2
    values = out.view(f">f{width}").tolist()
    cells = [
        " ".join(map(repr, values[start // width : end // width])) if good else None
        for start, end, good in zip(ends[:-1], ends[1:], _unpack(valid, len(ends) - 1))
    ]
    return pa.array(cells, pa.string())


def _bit_lists(column: Column, runs: Runs) -> pa.Array:
    cells: list[list[bool] | None] = []
    fixed = 1
    if not runs.bits:
        for part in column.arraysize.split("x"):
            fixed *= int(part or 1)
    for start, size, good in zip(runs.starts, runs.sizes, _unpack(runs.valid, len(runs.starts))):
        count = int.from_bytes(runs.buf[start - 4 : start].tobytes(), "big") if runs.bits else fixed
        cells.append(np.unpackbits(runs.buf[start : start + size], count=count).astype(bool).tolist() if good else None)
    return pa.array(cells, column.arrow)


# TABLEDATA: text to values

MARKS = (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&apos;", "'"))
ENTITY = re.compile(r"&(?:#(\d{1,7})|#x([0-9a-fA-F]{1,6})|(\w+));")
NAMED = {"lt": "<", "gt": ">", "amp": "&", "quot": '"', "apos": "'"}


def unescape(text: str) -> str:
    """XML text as it is meant; raises FormatError for an entity XML does not know."""

    def replace(found: re.Match) -> str:
        decimal, hexadecimal, name = found.groups()
        if name:
            if name in NAMED:
                return NAMED[name]
            raise FormatError(f"The VOTable uses an unknown entity &{name};.")
        code = int(decimal) if decimal else int(hexadecimal, 16)
        if code == 0 or code > 0x10FFFF or 0xD800 <= code <= 0xDFFF:
            raise FormatError("The VOTable names a character that does not exist.")
        return chr(code)

    out = ENTITY.sub(replace, text)
    if text.count("&") != len(ENTITY.findall(text)):
        raise FormatError("The VOTable has a bare & in its text.")
    return out


def unescaped(texts: pa.Array) -> pa.Array:
    """A column of XML text as it is meant; whole columns at a time unless it names characters by number."""
    for entity, mark in MARKS:
        texts = pc.replace_substring(texts, entity, mark)
    left = pc.count_substring(texts, "&")
    if pc.all(pc.equal(left, pc.count_substring(texts, "&amp;"))).as_py():
        return pc.replace_substring(texts, "&amp;", "&")
    return pa.array([unescape(item) for item in texts.to_pylist()], pa.string())


def text_array(column: Column, texts: pa.Array) -> pa.Array:
    """Typed values of TABLEDATA cells (strings, blanks taken off for numbers; empty means null).

    Raises FormatError for a cell that is not of the column's type or range.
    """
    texts = pc.if_else(pc.equal(texts, ""), pa.scalar(None, pa.string()), texts)
    kind = column.arrow
    if kind == pa.string():
        step = text_step(column)
        if step:
            cells = texts.to_pylist()
            parts = [cell and [cell[at : at + step] for at in range(0, len(cell), step)] for cell in cells]
            texts = pa.array([part and joined_texts(part) for part in parts], pa.string())
        return texts
    if kind == pa.bool_():
        return _text_booleans(column, texts)
    try:
        if pa.types.is_list(kind):
            return _text_lists(column, texts)
        values = _text_numbers(texts, kind)
    except (pa.ArrowInvalid, ValueError, OverflowError):
        raise FormatError(f"Column {column.name}: a cell is not of type {column.datatype}.") from None
    null = null_number(column)
    if null is not None:
        values = pc.if_else(pc.equal(values, pa.scalar(null, kind)), pa.scalar(None, kind), values)
    return values


def _text_numbers(texts: pa.Array, kind: pa.DataType) -> pa.Array:
    try:
        return pc.cast(texts, kind)
    except pa.ArrowInvalid:
        # Hexadecimal integers, +Inf and other spellings Arrow does not know.
        read = _float if pa.types.is_floating(kind) else _integer
        return pa.array([None if item is None else read(item) for item in texts.to_pylist()], kind)


def _float(text: str) -> float:
    if not text.isascii() or "_" in text:
        raise ValueError(text)
    return float(text)


def _integer(text: str) -> int:
    if not text.isascii() or "_" in text:
        raise ValueError(text)
    return int(text, 16) if text[:2].lower() == "0x" else int(text)


def _text_booleans(column: Column, texts: pa.Array) -> pa.Array:
    lower = pc.utf8_lower(texts)
    yes = pc.is_in(lower, pa.array(["t", "1", "true"]))
    known = pc.is_in(lower, pa.array(["t", "1", "true", "f", "0", "false"]))
    odd = pc.and_(pc.is_valid(texts), pc.invert(pc.or_(known, pc.is_in(lower, pa.array(["?", "null"])))))
    if pc.any(odd).as_py():
        raise FormatError(f"Column {column.name}: a cell is not a boolean.")
    return pc.if_else(known, yes, pa.scalar(None, pa.bool_()))


def _text_lists(column: Column, texts: pa.Array) -> pa.Array:
    item = column.arrow.value_type
    parts = pc.utf8_split_whitespace(texts)
    if item == pa.bool_():
        if column.datatype == "bit":
            parts = pa.array(
                [None if cell is None else [bit for word in cell for bit in word] for cell in parts.to_pylist()],
                pa.list_(pa.string()),
            )
        flat = _text_booleans(column, parts.flatten())
    else:
        flat = _text_numbers(pc.utf8_ltrim(parts.flatten(), "+"), item)
        null = null_number(column)
        if null is not None:
            flat = pc.if_else(pc.equal(flat, pa.scalar(null, item)), pa.scalar(None, item), flat)
    ends = pc.cumulative_sum(pc.fill_null(pc.list_value_length(parts), 0))
    ends = pa.concat_arrays([pa.array([0], pa.int32()), ends.cast(pa.int32())])
    return pa.ListArray.from_arrays(ends, flat, mask=pc.is_null(parts))
