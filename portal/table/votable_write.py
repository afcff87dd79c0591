"""Writes VOTable 1.4 as a stream: head, rows batch by batch, closing part; memory stays at one batch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pybase64

from portal.errors import FormatError
from portal.table.columns import Column, Info, Service, TableMeta
from portal.table.survey import Seen, Survey, own_null, shaped, with_null
from portal.table.votable_markup import CLOSING, OPENING, head_xml, info_xml, tail_xml
from portal.table.votable_pack import as_type, pack_binary2, pack_tabledata
from portal.table.votable_values import WHOLE

ROWS = 16_384  # rows packed at once: a few MB, so the first bytes leave early


class Trailer(NamedTuple):
    """What is only known after the last row. ``services`` None means those of the table."""

    overflow: bool = False
    infos: tuple[Info, ...] = ()
    services: tuple[Service, ...] | None = None


def votable_bytes(
    meta: TableMeta,
    batches: Iterable[pa.RecordBatch],
    serialization: str = "BINARY2",
    trailer: Callable[[], Trailer] | None = None,
) -> Iterator[bytes]:
    """A VOTable in pieces. ``serialization`` is BINARY2, BINARY or TABLEDATA; columns of a batch go by position.

    BINARY has no marks for nulls: columns of whole numbers need a null value (``fitted``, ``with_null_values``).
    ``trailer`` is asked after the last row; without it ``meta.overflow`` and ``meta.services`` are written.
    Raises FormatError when a batch does not fit the columns, ValueError for another serialization.
    """
    if serialization not in ("BINARY2", "BINARY", "TABLEDATA"):
        raise ValueError(f"unknown serialization {serialization!r}")
    marked = serialization == "BINARY2"
    if serialization == "BINARY":
        batches = (_without_nulls(meta.columns, batch) for batch in batches)
    yield head_xml(meta, serialization).encode()
    if serialization == "TABLEDATA":
        for batch in batches:
            for start in range(0, batch.num_rows, ROWS):
                yield pack_tabledata(meta.columns, batch.slice(start, ROWS))
    else:
        left = b""
        for batch in batches:
            for start in range(0, batch.num_rows if meta.columns else 0, ROWS):
                raw = left + pack_binary2(meta.columns, batch.slice(start, ROWS), marked)
                # Groups of three bytes make four characters; what is over waits, or padding would stand inside.
                whole = len(raw) // 3 * 3
                left = raw[whole:]
                yield pybase64.b64encode(memoryview(raw)[:whole]) + b"\n"
        if left:
            yield pybase64.b64encode(left) + b"\n"
    end = trailer() if trailer else Trailer(meta.overflow)
    services = meta.services if end.services is None else end.services
    yield tail_xml(serialization, end.overflow, end.infos, services).encode()


LEAST = {"short": -(2**15), "int": -(2**31), "long": -(2**63)}


def with_null_values(meta: TableMeta) -> TableMeta:
    """The table with a value that stands for null in every column of whole numbers, for rows not seen yet.

    It is the least of its type, and bytes become shorts. ``fitted`` does better once all rows have been seen.
    """

    def one(column: Column) -> Column:
        if column.is_array or column.datatype not in WHOLE:
            return column
        datatype = "short" if column.datatype == "unsignedByte" else column.datatype
        return replace(column, datatype=datatype, null=str(LEAST[datatype]))

    return replace(meta, columns=tuple(map(one, meta.columns)))


def fitted(meta: TableMeta, survey: Survey, serialization: str) -> TableMeta:
    """The columns as their rows need them.

    Text with characters outside ASCII becomes unicodeChar: char promises ASCII, and readers insist. Where nulls have
    no marks, whole numbers get a value that no cell has, and arrays of fixed size a free end, so that they can be
    empty. Raises LimitError when no such value is left.
    """

    def one(column: Column, seen: Seen) -> Column:
        if column.is_text:
            bound = column.arraysize.rstrip("*")
            if bound != column.arraysize and bound.isdigit() and seen.longest > int(bound):
                column = replace(column, arraysize="*")
            return column if seen.ascii else replace(column, datatype="unicodeChar")
        if column.is_array:
            column = shaped(column, seen, serialization != "BINARY2")
            return with_null(column, seen) if seen.holes else column
        if serialization == "BINARY":
            return with_null(column, seen)
        # Elsewhere nulls are apart from numbers; a number that is one of the data must not be taken for null.
        return column if not column.null or own_null(column, seen) else replace(column, null="")

    return replace(meta, columns=tuple(map(one, meta.columns, survey.seen)))


def _without_nulls(columns: tuple[Column, ...], batch: pa.RecordBatch) -> pa.RecordBatch:
    """The batch with null values in place of nulls; raises FormatError where a column names none."""
    arrays = []
    for column, array in zip(columns, batch.columns):
        if array.null_count and column.datatype in WHOLE and not column.is_array:
            if not column.null:
                raise FormatError(f"Column {column.name} has nulls, which BINARY cannot mark.", "Ask for BINARY2.")
            array = pc.fill_null(as_type(array, column.arrow), pa.scalar(int(column.null), column.arrow))
        arrays.append(array)
    return pa.RecordBatch.from_arrays(arrays, names=[column.name for column in columns])


def error_votable(message: str, infos: Iterable[Info] = ()) -> bytes:
    """A VOTable that says why there is no result (DALI 1.1, section 4.4)."""
    notes = [Info("QUERY_STATUS", "ERROR", message), *infos]
    return f'{OPENING}<RESOURCE type="results">\n{"".join(map(info_xml, notes))}</RESOURCE>\n{CLOSING}'.encode()
