"""Writes Parquet (with the VOTable of its columns in the footer, VOParquet 1.0) and Arrow IPC files, batch by batch.

Both keep every type, null and NaN apart. What the table and its columns say stands three times: as our own
description, as the key-value pairs other tools show, and for Parquet as the VOTable of VOParquet.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator

import pyarrow as pa
import pyarrow.parquet

from portal.table.columns import Column, TableMeta
from portal.table.votable_write import Trailer, votable_bytes

GROUP_BYTES = 32 << 20  # of a row group before it is packed: what is held in memory, large enough to be read quickly
SAID = ("unit", "ucd", "utype", "xtype", "description")


class _Drain(io.RawIOBase):
    """A file whose bytes can be taken away while it is being written."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._place = 0

    def writable(self) -> bool:
        return True

    def write(self, piece: bytes) -> int:
        self._pieces.append(bytes(piece))
        self._place += len(piece)
        return len(piece)

    def tell(self) -> int:
        return self._place

    def take(self) -> bytes:
        piece = b"".join(self._pieces)
        self._pieces.clear()
        return piece


def described_schema(meta: TableMeta) -> pa.Schema:
    """Our schema with units, UCDs and infos beside it in the plain keys that other tools show."""
    fields = [item.with_metadata({**item.metadata, **_said(column)}) for item, column in _fields(meta)]
    infos = {item.name.encode(): f"{item.value} {item.text}".strip().encode() for item in meta.infos}
    return pa.schema(fields, metadata={**infos, **meta.to_schema().metadata})


def _fields(meta: TableMeta) -> list[tuple[pa.Field, Column]]:
    return list(zip(meta.to_schema(), meta.columns))


def _said(column: Column) -> dict[bytes, bytes]:
    return {word.encode(): getattr(column, word).encode() for word in SAID if getattr(column, word)}


def parquet_bytes(
    meta: TableMeta, batches: Iterable[pa.RecordBatch], trailer: Callable[[], Trailer] | None = None
) -> Iterator[bytes]:
    """A Parquet file in pieces; ``trailer`` as in ``votable_bytes``. Columns of a batch go by position."""
    sink, schema = _Drain(), described_schema(meta)
    writer = pa.parquet.ParquetWriter(sink, schema, compression="snappy")
    waiting, size = [], 0
    for batch in batches:
        waiting.append(pa.RecordBatch.from_arrays(batch.columns, schema=schema))
        size += batch.nbytes
        if size >= GROUP_BYTES:
            writer.write_table(pa.Table.from_batches(waiting, schema))
            waiting, size = [], 0
            yield sink.take()
    if waiting:
        writer.write_table(pa.Table.from_batches(waiting, schema))
    # VOParquet: a VOTable without rows in the footer says what Parquet cannot (units, UCDs, overflow, services).
    described = b"".join(votable_bytes(meta, (), "TABLEDATA", trailer))
    footer = {"IVOA.VOTable-Parquet.version": "1.0", "IVOA.VOTable-Parquet.content": described.decode()}
    end = trailer() if trailer else Trailer(meta.overflow)
    if end.overflow:
        footer |= {"QUERY_STATUS": "OVERFLOW"}
    writer.add_key_value_metadata(footer)
    writer.close()
    yield sink.take()


def arrow_bytes(meta: TableMeta, batches: Iterable[pa.RecordBatch]) -> Iterator[bytes]:
    """An Arrow IPC file (Feather 2) in pieces, not packed: any reader maps it as it is."""
    schema = described_schema(meta)
    sink = _Drain()
    with pa.ipc.new_file(sink, schema) as writer:
        for batch in batches:
            writer.write_batch(pa.RecordBatch.from_arrays(batch.columns, schema=schema))
            yield sink.take()
    yield sink.take()
