"""How a result leaves the archive: VOTable (all serialisations), CSV, TSV, JSON, FITS or Parquet, in pieces."""

from __future__ import annotations

import io
from collections.abc import Callable, Generator, Iterable, Iterator
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pyarrow as pa
import pyarrow.parquet

from ..table.columns import TableMeta
from ..table.votable_write import Trailer, votable_bytes
from .fits_table import fits_bytes
from .params import Parameters, UsageError
from .text_table import json_bytes, separated_bytes

if TYPE_CHECKING:
    from .query import Query

SERIALIZATIONS = {"votable": "BINARY2", "tabledata": "TABLEDATA", "binary": "BINARY"}


class Format(NamedTuple):
    """An output format: what it is called, its media type, the names it answers to, its file ending."""

    name: str
    media_type: str
    aliases: tuple[str, ...]
    ending: str


FORMATS = (
    Format("votable", "application/x-votable+xml", ("votable", "text/xml", "votable/b2"), "vot"),
    Format("tabledata", "application/x-votable+xml;serialization=TABLEDATA", ("votable/td",), "vot"),
    Format("csv", "text/csv;header=present", ("csv", "text/csv"), "csv"),
    Format("tsv", "text/tab-separated-values", ("tsv",), "tsv"),
    Format("parquet", "application/vnd.apache.parquet", ("parquet", "application/parquet"), "parquet"),
    Format("binary", "application/x-votable+xml;serialization=BINARY", ("votable/b",), "vot"),
    Format("fits", "application/fits", ("fits",), "fits"),
    Format("json", "application/json", ("json",), "json"),
)
NAMES = {name.lower(): item for item in FORMATS for name in (item.media_type, *item.aliases)}
NAMES["application/x-votable+xml;serialization=binary2"] = FORMATS[0]


def wanted_format(asked: Parameters) -> Format:
    """The format of RESPONSEFORMAT (or FORMAT, TAP 1.0). Raises UsageError for an unknown one."""
    name = asked.get("RESPONSEFORMAT") or asked.get("FORMAT") or "votable"
    found = NAMES.get(name.lower().replace(" ", ""))
    if found is None:
        known = ", ".join(item.aliases[0] for item in FORMATS)
        raise UsageError(f"There is no output format {name!r}.", f"Use one of: {known}.")
    return found


def encoded(query: Query, form: Format, folder: Path | None = None) -> Generator[bytes]:
    """The query's rows in ``form``; running it happens while this is read.

    ``folder`` takes what FITS has to keep aside (default: the system's place for such files). An overflow is marked
    in every form but CSV and TSV.
    """
    try:
        meta = query.open()
        # The head waits for the first rows, so that a query that fails at once is told as an error.
        batches = query.batches()
        rows = chain(list(islice(batches, 1)), batches)

        def trailer() -> Trailer:
            return Trailer(query.overflow)

        match form.name:
            case "csv" | "tsv":
                yield from separated_bytes(meta, rows, "," if form.name == "csv" else "\t")
            case "json":
                yield from json_bytes(meta, rows, trailer)
            case "parquet":
                yield from _parquet(meta, rows, trailer)
            case "fits":
                for piece in fits_bytes(meta, rows, trailer, folder):
                    query.check()
                    yield piece
            case name:
                yield from votable_bytes(meta, rows, SERIALIZATIONS[name], trailer)
    finally:
        query.close()


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


def _parquet(meta: TableMeta, rows: Iterable[pa.RecordBatch], trailer: Callable[[], Trailer]) -> Iterator[bytes]:
    sink = _Drain()
    writer = pa.parquet.ParquetWriter(sink, meta.to_schema(), compression="snappy")
    for batch in rows:
        writer.write_batch(batch)
        if piece := sink.take():
            yield piece
    # VOParquet: a VOTable without rows in the footer says what Parquet cannot (units, UCDs, overflow, services).
    described = b"".join(votable_bytes(meta, (), "TABLEDATA", trailer))
    footer = {"IVOA.VOTable-Parquet.version": "1.0", "IVOA.VOTable-Parquet.content": described.decode()}
    writer.add_key_value_metadata(footer)
    writer.close()
    yield sink.take()
