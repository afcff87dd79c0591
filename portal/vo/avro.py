"""Avro object container files of unknown origin, read record by record within bounds.

The frame (magic, metadata, blocks; Apache Avro 1.11, "Object Container Files") is read here: fastavro, which decodes
the records in it, would inflate blocks without end. Knows nothing of alerts.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterator
from typing import Any, BinaryIO

import fastavro

from ..errors import FormatError
from .avro_schema import MAX_SCHEMA_BYTES, Schema, read_schema

MAGIC = b"Obj\x01"
SYNC_BYTES = 16
MAX_METADATA = 32  # entries of a file's head; writers put two to five
MAX_KEY_BYTES = 256
MAX_BLOCK_BYTES = 8 << 20  # Rubin's packets have 0.1 to 1 MB, and writers start a block every 16 to 64 kB
MAX_MEMORY_BYTES = 1 << 30  # what the values of one block may take once decoded


def decode(data: bytes, how: Schema) -> dict[str, Any]:
    """The one record that ``data`` holds, without a frame around it. Raises FormatError."""
    _check_block(len(data), how)
    stream = io.BytesIO(data)
    found = _record(stream, how)
    if stream.tell() != len(data):
        raise FormatError(f"The Avro record ends after {stream.tell():,} of {len(data):,} bytes.")
    return found


def _record(stream: io.BytesIO, how: Schema) -> dict[str, Any]:
    try:
        return fastavro.schemaless_reader(stream, how.parsed, None)  # type: ignore[return-value]
    except Exception as error:  # damage shows itself in many ways; who asked needs one
        reason = f"{type(error).__name__}: {error}"[:120]
        raise FormatError(f"An Avro record is damaged or cut off ({reason}).") from error


def _check_block(size: int, how: Schema) -> None:
    limit = min(MAX_BLOCK_BYTES, int(MAX_MEMORY_BYTES / how.swell))
    if size > limit:
        raise FormatError(f"The Avro file has a block of {size:,} bytes; up to {limit:,} are read with this schema.")


def records(stream: BinaryIO) -> Iterator[dict[str, Any]]:
    """The records of a container file, one block in memory at a time.

    Raises FormatError for a file that is none, is damaged, ends too early or goes beyond the bounds of this module.
    """
    if _exactly(stream, len(MAGIC)) != MAGIC:
        raise FormatError("This is not an Avro container file: it does not begin with Obj and 1.")
    metadata = _metadata(stream)
    if b"avro.schema" not in metadata:
        raise FormatError("The Avro file has no schema.")
    how = read_schema(metadata[b"avro.schema"])
    codec = metadata.get(b"avro.codec", b"null")
    if codec not in (b"null", b"deflate"):
        raise FormatError(f"The Avro file is compressed by {codec[:20].decode('ascii', 'replace')}; deflate is read.")
    mark = _exactly(stream, SYNC_BYTES)
    while head := stream.read(1):
        count, size = _long(stream, head), _long(stream)
        if count < 0 or size < 0:
            raise FormatError("The Avro file has a block of negative size.")
        _check_block(size, how)
        data = _exactly(stream, size)
        if _exactly(stream, SYNC_BYTES) != mark:
            raise FormatError("The Avro file is damaged: a block does not end with the mark of the file.")
        yield from _block(_inflate(data, how) if codec == b"deflate" else data, count, how)


def _block(data: bytes, count: int, how: Schema) -> Iterator[dict[str, Any]]:
    if count > len(data):  # a record takes a byte at least
        raise FormatError(f"The Avro file promises {count:,} records in {len(data):,} bytes.")
    inside = io.BytesIO(data)
    for _ in range(count):
        yield _record(inside, how)
    if inside.tell() != len(data):
        raise FormatError("The Avro file is damaged: a block is longer than its records.")


def _inflate(data: bytes, how: Schema) -> bytes:
    worker = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        out = worker.decompress(data, MAX_BLOCK_BYTES + 1)
    except zlib.error as error:
        raise FormatError(f"A block of the Avro file cannot be inflated ({error}).") from None
    _check_block(len(out), how)
    if not worker.eof:
        raise FormatError("A compressed block of the Avro file ends too early.")
    return out


def _metadata(stream: BinaryIO) -> dict[bytes, bytes]:
    found: dict[bytes, bytes] = {}
    while count := _long(stream):
        if count < 0:  # then the size of the entries follows, for readers that skip them
            count = -count
            _long(stream)
        if len(found) + count > MAX_METADATA:
            raise FormatError(f"The head of the Avro file has more than {MAX_METADATA} entries.")
        for _ in range(count):
            key = _text(stream, MAX_KEY_BYTES)
            found[key] = _text(stream, MAX_SCHEMA_BYTES)
    return found


def _text(stream: BinaryIO, limit: int) -> bytes:
    size = _long(stream)
    if not 0 <= size <= limit:
        raise FormatError(f"The head of the Avro file has an entry of {size:,} bytes.")
    return _exactly(stream, size)


def _long(stream: BinaryIO, head: bytes = b"") -> int:
    """A zigzag number of up to 64 bits; ``head`` is its first byte when that was read already."""
    value = shift = 0
    while True:
        byte = (head or _exactly(stream, 1))[0]
        head = b""
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return (value >> 1) ^ -(value & 1)
        shift += 7
        if shift > 63:
            raise FormatError("The Avro file has a number of more than 64 bits.")


def _exactly(stream: BinaryIO, size: int) -> bytes:
    data = stream.read(size)
    if len(data) != size:
        raise FormatError(f"The Avro file ends too early: {size:,} bytes expected, {len(data):,} found.")
    return data
