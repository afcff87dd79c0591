"""Writes JSON as the large TAP services do, batch by batch."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator

import pyarrow as pa
import pyarrow.compute as pc

from ..table.columns import Column, TableMeta
from ..table.text_write import list_texts
from ..table.votable_pack import joined_rows, number_texts
from ..table.votable_write import Trailer

PLAIN = "^[ !#-\\[\\]-~]*$"  # what JSON writes as it stands


def json_bytes(meta: TableMeta, batches: Iterable[pa.RecordBatch], trailer: Callable[[], Trailer]) -> Iterator[bytes]:
    """``{"metadata": [columns], "data": [[cells]], "overflow": bool}``, as the large TAP services write it.

    Values of ``long`` columns are texts: a browser would round ids above 2**53. NaN and infinities are null.
    """
    words = ("name", "datatype", "arraysize", "unit", "ucd", "utype", "xtype", "description")
    columns = [{word: getattr(column, word) for word in words if getattr(column, word)} for column in meta.columns]
    head = f'{{"metadata": {json.dumps(columns)},\n"data": ['
    comma = "\n"
    for batch in batches:
        if not batch.num_rows or not meta.columns:
            continue
        parts: list = ["[", _json(meta.columns[0], batch.column(0))]
        for column, array in zip(meta.columns[1:], batch.columns[1:]):
            parts += [", ", _json(column, array)]
        lines = pc.binary_join_element_wise(*parts, "],\n", "")
        yield (head + comma).encode() + joined_rows(lines)[:-2]
        head, comma = "", ",\n"
    yield f'{head}],\n"overflow": {json.dumps(trailer().overflow)}}}\n'.encode()


def _json(column: Column, array: pa.Array) -> pa.Array:
    """The cells of one column as JSON texts."""
    if pa.types.is_list(array.type):
        return pc.fill_null(list_texts(_finite(array), "[", ", ", "]", "null"), "null")
    if pa.types.is_string(array.type):
        if pc.all(pc.match_substring_regex(array, PLAIN)).as_py() in (True, None):
            texts = pc.binary_join_element_wise('"', array, '"', "")
        else:
            texts = pa.array([None if item is None else json.dumps(item) for item in array.to_pylist()], pa.string())
    elif pa.types.is_int64(array.type):
        texts = pc.binary_join_element_wise('"', pc.cast(array, pa.string()), '"', "")
    elif pa.types.is_floating(array.type):
        texts = number_texts(_finite(array))
    else:
        texts = pc.cast(array, pa.string())
    return pc.fill_null(texts, "null")


def _finite(array: pa.Array) -> pa.Array:
    if pa.types.is_list(array.type):
        if not pa.types.is_floating(array.type.value_type):
            return array
        counts = pc.fill_null(pc.list_value_length(array), 0)
        ends = pa.concat_arrays([pa.array([0], pa.int32()), pc.cumulative_sum(counts).cast(pa.int32())])
        return pa.ListArray.from_arrays(ends, _finite(array.flatten()), mask=array.is_null())
    return pc.if_else(pc.is_finite(array), array, None)
