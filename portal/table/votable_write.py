"""Writes VOTable 1.4 as a stream: head, rows batch by batch, closing part; memory stays at one batch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pybase64

from portal.table.columns import Column, Info, Service, TableMeta
from portal.table.votable_markup import CLOSING, OPENING, head_xml, info_xml, tail_xml
from portal.table.votable_pack import pack_binary2, pack_tabledata

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

    BINARY has no marks for nulls: whole numbers get a null value (the least of their type), bytes become shorts.
    ``trailer`` is asked after the last row; without it ``meta.overflow`` and ``meta.services`` are written.
    Raises FormatError when a batch does not fit the columns, ValueError for another serialization.
    """
    if serialization not in ("BINARY2", "BINARY", "TABLEDATA"):
        raise ValueError(f"unknown serialization {serialization!r}")
    marked = serialization == "BINARY2"
    if serialization == "BINARY":
        meta = replace(meta, columns=tuple(map(_with_null, meta.columns)))
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


def _with_null(column: Column) -> Column:
    """The column with a value that stands for null, as BINARY and FITS need it for whole numbers."""
    if column.is_array or column.datatype not in (*LEAST, "unsignedByte"):
        return column
    datatype = "short" if column.datatype == "unsignedByte" else column.datatype
    return replace(column, datatype=datatype, null=str(LEAST[datatype]))


def _without_nulls(columns: tuple[Column, ...], batch: pa.RecordBatch) -> pa.RecordBatch:
    arrays = []
    for column, array in zip(columns, batch.columns):
        if column.null and not column.is_array and column.datatype in LEAST:
            array = pc.fill_null(array.cast(column.arrow), int(column.null))
        arrays.append(array)
    return pa.RecordBatch.from_arrays(arrays, names=[column.name for column in columns])


def error_votable(message: str, infos: Iterable[Info] = ()) -> bytes:
    """A VOTable that says why there is no result (DALI 1.1, section 4.4)."""
    notes = [Info("QUERY_STATUS", "ERROR", message), *infos]
    return f'{OPENING}<RESOURCE type="results">\n{"".join(map(info_xml, notes))}</RESOURCE>\n{CLOSING}'.encode()
