"""How a result leaves the archive: VOTable (BINARY2, TABLEDATA), CSV, TSV or Parquet, in streamed pieces."""

from __future__ import annotations

import io
from collections.abc import Generator, Iterator
from itertools import chain, islice
from typing import TYPE_CHECKING, NamedTuple

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from ..table.votable_write import Trailer, votable_bytes
from .params import Parameters, UsageError

if TYPE_CHECKING:
    from .query import Query


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
    Format("parquet", "application/vnd.apache.parquet", ("parquet",), "parquet"),
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


def encoded(query: Query, form: Format) -> Generator[bytes]:
    """The query's rows in ``form``; running it happens while this is read."""
    writers = {"votable": _binary2, "tabledata": _tabledata, "csv": _csv, "tsv": _tsv, "parquet": _parquet}
    try:
        query.open()
        yield from writers[form.name](query)
    finally:
        query.close()


def _binary2(query: Query) -> Iterator[bytes]:
    return _votable(query, "BINARY2")


def _tabledata(query: Query) -> Iterator[bytes]:
    return _votable(query, "TABLEDATA")


def _csv(query: Query) -> Iterator[bytes]:
    return _text(query, ",")


def _tsv(query: Query) -> Iterator[bytes]:
    return _text(query, "\t")


def _votable(query: Query, serialization: str) -> Iterator[bytes]:
    """The head waits for the first rows, so that a query that fails at once is told as an error."""
    batches = query.batches()
    first = list(islice(batches, 1))
    rows = chain(first, batches)
    yield from votable_bytes(query.meta, rows, serialization, lambda: Trailer(query.overflow))


def _text(query: Query, separator: str) -> Iterator[bytes]:
    head = (separator.join(_quoted(column.name) for column in query.meta.columns) + "\n").encode()
    options = pa.csv.WriteOptions(include_header=False, delimiter=separator, quoting_style="needed")
    for batch in query.batches():
        out = io.BytesIO()
        pa.csv.write_csv(batch, out, options)
        yield head + out.getvalue()
        head = b""
    if head:
        yield head


def _quoted(name: str) -> str:
    """A column name for the header line; Arrow would quote every one."""
    return name if name.isidentifier() else '"' + name.replace('"', '""') + '"'


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


def _parquet(query: Query) -> Iterator[bytes]:
    sink = _Drain()
    writer = pa.parquet.ParquetWriter(sink, query.meta.to_schema(), compression="snappy")
    for batch in query.batches():
        writer.write_batch(batch)
        if piece := sink.take():
            yield piece
    # VOParquet: a VOTable without rows in the footer says what Parquet cannot (units, UCDs, overflow, services).
    described = b"".join(votable_bytes(query.meta, (), "TABLEDATA", lambda: Trailer(query.overflow)))
    footer = {"IVOA.VOTable-Parquet.version": "1.0", "IVOA.VOTable-Parquet.content": described.decode()}
    writer.add_key_value_metadata(footer)
    writer.close()
    yield sink.take()
