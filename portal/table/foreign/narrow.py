"""Columns of any Arrow table as columns a VOTable can have: which type each becomes, and its cells in that type."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from portal.errors import FormatError
from portal.table.columns import DATATYPE_OF, Column
from portal.table.foreign.told import Told

Convert = Callable[[pa.Array], pa.Array]
WIDER = {
    pa.int8(): pa.int16(),
    pa.uint16(): pa.int32(),
    pa.uint32(): pa.int64(),
    pa.float16(): pa.float32(),
}
EXACT_DIGITS = 18  # decimal digits that always fit a long
DEEPEST = 8  # structs in structs


class Plan:
    """How the columns of a schema become ours. ``columns`` describe them; ``batch`` converts."""

    def __init__(self, schema: pa.Schema, told: Told, wide: frozenset[str] = frozenset()) -> None:
        """``wide`` names the uint64 columns with values over 2^63, which become text. Others left out are noted."""
        self.columns: list[Column] = []
        self._converts: list[tuple[int, Convert]] = []
        self._nested = any(pa.types.is_struct(item.type) for item in schema)
        for at, item in enumerate(_flat(schema) if self._nested else schema):
            found = _plan(item.type, item.name in wide)
            if found is None:
                told.note(f"Column {item.name} was left out: cells of type {str(item.type)[:60]} are not read.")
                continue
            column, convert = found
            if item.metadata and b"votable" in item.metadata:
                column = _kept(Column.from_arrow(item), column)
            self.columns.append(replace(column, name=item.name))
            self._converts.append((at, convert))
        if not self.columns:
            raise FormatError("The table has no columns that can be read.")

    def batch(self, batch: pa.RecordBatch) -> list[pa.Array]:
        """The cells of the planned columns. Raises FormatError for values that do not fit."""
        source = _flat_batch(batch).columns if self._nested else batch.columns
        arrays = []
        for column, (at, convert) in zip(self.columns, self._converts):
            try:
                arrays.append(convert(source[at]))
            except (pa.ArrowInvalid, pa.ArrowNotImplementedError, ValueError, OverflowError) as error:
                reason = str(error).splitlines()[0]
                raise FormatError(f"Column {column.name} cannot be read: {reason}.") from None
        return arrays


def _kept(said: Column, plain: Column) -> Column:
    """The column as its own metadata says it, unless its cells are of another type."""
    same = said.arrow == plain.arrow or (said.is_text and plain.is_text)
    return said if same else replace(said, datatype=plain.datatype, arraysize=plain.arraysize, null="")


def _flat(schema: pa.Schema) -> pa.Schema:
    for _ in range(DEEPEST):
        schema = pa.Table.from_batches([], schema=schema).flatten().schema
        if not any(pa.types.is_struct(item.type) for item in schema):
            return schema
    raise FormatError(f"The columns of the table nest deeper than {DEEPEST} levels.")


def _flat_batch(batch: pa.RecordBatch) -> pa.RecordBatch:
    table = pa.Table.from_batches([batch])
    while any(pa.types.is_struct(item.type) for item in table.schema):
        table = table.flatten()
    return table.combine_chunks().to_batches()[0] if table.num_rows else batch


def _plan(kind: pa.DataType, wide: bool) -> tuple[Column, Convert] | None:
    """(column without a name, conversion) of a type, None when it cannot be shown."""
    text = Column("", "char", "*")
    is_ = pa.types
    if is_.is_dictionary(kind):
        inner = _plan(kind.value_type, wide)
        return inner and (inner[0], lambda array: inner[1](array.cast(kind.value_type)))
    if is_.is_uint64(kind):
        return (text, _cast_to(pa.string())) if wide else (Column("", "long"), _cast_to(pa.int64()))
    if is_.is_decimal(kind):
        if kind.scale == 0:
            small = kind.precision <= EXACT_DIGITS
            return (Column("", "long"), _cast_to(pa.int64())) if small else (text, _cast_to(pa.string()))
        return Column("", "double"), _cast_to(pa.float64())
    if is_.is_timestamp(kind):
        return replace(text, xtype="timestamp"), _times
    if is_.is_date(kind):
        return replace(text, xtype="timestamp"), _cast_to(pa.string())
    if is_.is_time(kind) or is_.is_null(kind) or is_.is_large_string(kind) or is_.is_string_view(kind):
        return text, _cast_to(pa.string())
    if is_.is_duration(kind):
        return Column("", "long", unit=kind.unit), _cast_to(pa.int64())
    if is_.is_binary(kind) or is_.is_large_binary(kind) or is_.is_fixed_size_binary(kind) or is_.is_binary_view(kind):
        return text, _bytes
    if is_.is_fixed_size_list(kind) or is_.is_large_list(kind) or is_.is_list(kind):
        return _list_plan(kind)
    kind = WIDER.get(kind, kind)
    if kind not in DATATYPE_OF:
        return None
    name = DATATYPE_OF[kind]
    return Column("", name, "*" if name == "char" else ""), _cast_to(kind)


def _list_plan(kind: pa.DataType) -> tuple[Column, Convert] | None:
    inner = _plan(kind.value_type, False)
    if inner is None:
        return None
    column, convert = inner
    if column.is_text:
        return column, partial(_joined, convert=convert)
    size = str(kind.list_size) if pa.types.is_fixed_size_list(kind) else "*"
    if column.is_array:
        # The axes of VOTable run fastest first, and only the last may vary.
        if column.arraysize == "*":
            return None
        return replace(column, arraysize=f"{column.arraysize}x{size}"), partial(_deeper, convert=convert)
    return replace(column, arraysize=size, unit=column.unit), partial(_list, convert=convert)


def _cast_to(kind: pa.DataType) -> Convert:
    return lambda array: array if array.type == kind else pc.cast(array, kind)


def _times(array: pa.Array) -> pa.Array:
    """ISO 8601 in UTC; fractions of a second only where the type has them."""
    if array.type.tz:
        array = array.cast(pa.timestamp(array.type.unit))
    try:
        texts = pc.strftime(array, "%Y-%m-%dT%H:%M:%S")
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        # Years beyond what a calendar is made for: the count stands as it is.
        return array.cast(pa.int64()).cast(pa.string())
    return pc.replace_substring_regex(texts, r"\.0+$", "")


def _bytes(array: pa.Array) -> pa.Array:
    """Bytes as text: UTF-8, else Latin-1; zero bytes behind it are filling."""
    try:
        texts = array.cast(pa.string())
        if not pc.any(pc.match_substring(texts, "\0")).as_py():
            return texts
    except pa.ArrowInvalid:
        pass
    cells = [None if item is None else item.rstrip(b"\0") for item in array.to_pylist()]
    return pa.array([None if item is None else _decoded(item) for item in cells], pa.string())


def _decoded(item: bytes) -> str:
    try:
        return item.decode()
    except UnicodeDecodeError:
        return item.decode("latin-1")


def _ends(array: pa.Array) -> tuple[pa.Array, pa.Array]:
    """(values of all cells one behind the other, offsets) of lists of any kind, nulls having none."""
    sizes = np.asarray(pc.fill_null(pc.list_value_length(array), 0)).astype(np.int64)
    ends = np.zeros(len(sizes) + 1, np.int64)
    np.cumsum(sizes, out=ends[1:])
    if ends[-1] >= 1 << 31:
        raise FormatError("The cells of one batch hold more than 2^31 values.")
    return array.flatten(), pa.array(ends.astype(np.int32))


def _list(array: pa.Array, convert: Convert) -> pa.Array:
    if pa.types.is_fixed_size_list(array.type) and array.null_count:
        array = array.cast(pa.list_(array.type.value_type))
    values, ends = _ends(array)
    return pa.ListArray.from_arrays(ends, convert(values), mask=array.is_null())


def _deeper(array: pa.Array, convert: Convert) -> pa.Array:
    """Lists of lists of one length as lists of all their values."""
    inner, ends = _ends(array)
    inner = convert(inner)
    values, inner_ends = _ends(inner)
    if inner.null_count:
        raise FormatError("an inner array of a cell is missing")
    return pa.ListArray.from_arrays(inner_ends.take(ends), values, mask=array.is_null())


def _joined(array: pa.Array, convert: Convert) -> pa.Array:
    """Lists of texts as one text, a comma and a blank between."""
    values, ends = _ends(array)
    lists = pa.ListArray.from_arrays(ends, pc.fill_null(convert(values), ""), mask=array.is_null())
    return pc.binary_join(lists, ", ")
