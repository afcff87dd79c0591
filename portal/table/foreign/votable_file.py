"""VOTable files: which tables they hold, and the rows of one, also when those are a FITS file inside the XML."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from xml.parsers import expat

import pyarrow as pa
import pybase64

from portal.errors import FormatError, LimitError
from portal.table.foreign import fits_table
from portal.table.foreign.kinds import Kind, Options, Part
from portal.table.foreign.told import Given, Told
from portal.table.votable_read import VOTableDecoder, read_votable
from portal.table.votable_xml import broken

PIECE = 1 << 18
LOOKED_AT = 32 << 20  # bytes of a file in which its tables are listed
MOST_PARTS = 1000
FITS_LIMIT = 512 << 20  # bytes of a document with a FITS file inside, which is held in memory
IN_FITS = re.compile(
    rb"<(?:\w+:)?FITS\b[^<>]*>\s*<(?:\w+:)?STREAM\b([^<>]*)>([A-Za-z0-9+/=\s]*)</(?:\w+:)?STREAM\s*>\s*</(?:\w+:)?FITS\s*>"
)


class _Tables:
    """Lists the tables with data of a document."""

    def __init__(self) -> None:
        self.parts: list[Part] = []
        self.forms: list[str] = []
        self._stack: list[str] = []
        self._meta = 0
        self._table: dict[str, str] = {}
        self._fields = 0
        self.parser = expat.ParserCreate()
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.StartDoctypeDeclHandler = self._refuse

    def _refuse(self, *_: object) -> None:
        raise FormatError("The VOTable carries a DOCTYPE, which is refused: it could name other files.")

    def _start(self, tag: str, attrs: dict[str, str]) -> None:
        name = tag.rpartition(":")[2]
        if name in ("TR", "TD"):
            return
        if name == "RESOURCE":
            self._stack.append(attrs.get("type", ""))
        elif name == "TABLE":
            self._table, self._fields = attrs, 0
        elif name == "FIELD":
            self._fields += 1
        elif name in ("TABLEDATA", "BINARY", "BINARY2", "FITS", "PARQUET") and "meta" not in self._stack:
            rows = self._table.get("nrows", "")
            number = len(self.parts)
            if number >= MOST_PARTS:
                raise LimitError(f"The VOTable has more than {MOST_PARTS:,} tables.")
            title = self._table.get("name") or self._table.get("ID", "")
            self.parts.append(Part(number, title, int(rows) if rows.isdigit() and len(rows) < 15 else -1, self._fields))
            self.forms.append(name)

    def _end(self, tag: str) -> None:
        if tag.rpartition(":")[2] == "RESOURCE" and self._stack:
            self._stack.pop()


def _tables(given: Given) -> _Tables:
    """The tables in the first part of a file; what is broken behind them is left for the reader to tell."""
    found, size = _Tables(), 0
    with given.path.open("rb") as file:
        while (piece := file.read(PIECE)) and size < LOOKED_AT:
            size += len(piece)
            try:
                found.parser.Parse(piece, False)
            except expat.ExpatError as error:
                if found.parts:
                    break
                raise broken(error) from None
    return found


def look(given: Given, options: Options) -> Kind:
    """The tables and how their rows are written."""
    found = _tables(given)
    forms = ", ".join(dict.fromkeys(found.forms))
    notes = []
    if given.size > LOOKED_AT:
        notes.append(f"Only tables that begin in the first {LOOKED_AT >> 20} MB are listed.")
    return Kind("votable", f"VOTable ({forms})" if forms else "VOTable", tuple(found.parts), tuple(notes))


def read(given: Given, options: Options, told: Told) -> Iterator[pa.RecordBatch]:
    """The rows of one table. Rows before a cut come before the FormatError that tells of it."""
    number = max(options.part, 0)
    found = _tables(given)
    if number >= max(1, len(found.parts)):
        raise FormatError("The VOTable has no such table.", "Choose another one.")
    if found.forms and found.forms[number] == "FITS":
        yield from _in_fits(given, number, found, told)
        return
    decoder, size = VOTableDecoder(min(told.first or 1000, 1000), skip=number), 0
    with given.path.open("rb") as file:
        while piece := file.read(PIECE):
            size += len(piece)
            batches = decoder.feed(piece)
            told.meta, told.fraction = decoder.meta, size / given.size
            yield from batches
    rest = decoder.flush()
    told.meta = decoder.meta
    yield from rest
    rest = decoder.close()
    told.meta = decoder.meta
    yield from rest


def _in_fits(given: Given, number: int, found: _Tables, told: Told) -> Iterator[pa.RecordBatch]:
    """The rows from the FITS file, what they mean from the fields of the VOTable."""
    if given.size > FITS_LIMIT:
        raise LimitError(f"A VOTable with FITS inside is read up to {FITS_LIMIT >> 20} MB.", "Use BINARY2.")
    content = given.path.read_bytes()
    streams = list(IN_FITS.finditer(content))
    place = found.forms[:number].count("FITS")
    if place >= len(streams) or b"href" in streams[place][1] or b"base64" not in streams[place][1]:
        raise FormatError("The rows of this VOTable are in another file, which is not followed.", "Use BINARY2.")
    stream = streams[place]
    inside = given.aside / "inside.fits"
    try:
        inside.write_bytes(pybase64.b64decode(b"".join(stream[2].split()), validate=True))
    except ValueError:
        raise FormatError("The FITS part of this VOTable is not in base64.") from None
    said = read_votable(IN_FITS.sub(b"<TABLEDATA></TABLEDATA>", content))[0] if number == 0 else None
    for batch in fits_table.read(Given(inside, b"", "", given.aside), Options(), told):
        if said is not None and len(said.columns) == len(told.meta.columns):
            columns = tuple(
                replace(known, datatype=own.datatype, arraysize=own.arraysize, null="")
                for known, own in zip(said.columns, told.meta.columns)
            )
            told.meta, said = replace(said, columns=columns), None
        yield pa.RecordBatch.from_arrays(batch.columns, schema=told.meta.to_schema())
