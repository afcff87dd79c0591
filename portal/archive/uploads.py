"""Uploaded tables (TAP 1.1, section 2.5): VOTable, CSV, TSV, FITS or Parquet, told apart by how they begin.

Untrusted: nothing a table names is opened, no size it claims is believed, and readers of binary files that are not
ours run in a process of their own, bounded in memory and time.
"""

from __future__ import annotations

import csv
import io
import os
import re
import subprocess
import sys
import tempfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pybase64

from ..errors import FormatError, LimitError, TriviewError
from ..table.columns import META_KEY, Column, TableMeta
from ..table.names import with_unique_names
from ..table.votable_read import read_votable
from .foreign import FOOTER, MOST_BYTES, REFUSED, check_cells, described, narrow
from .params import Parameters, UsageError

ROOT = Path(__file__).resolve().parents[2]
MOST_TABLES = 16  # of one query
MOST_COLUMNS = 5_000  # of one CSV table
EXPANDED = 128 << 20  # bytes of a file sent with gzip: four times what may be sent plain
WAIT_SECONDS = 60.0  # for the process that reads a file; it has 30 s of a processor for it
KINDS = "VOTable, CSV, TSV, FITS or Parquet"
IN_FITS = re.compile(
    rb"<(?:\w+:)?FITS\b[^<>]*>\s*<(?:\w+:)?STREAM\b([^<>]*)>([A-Za-z0-9+/=\s]*)</(?:\w+:)?STREAM\s*>\s*</(?:\w+:)?FITS\s*>"
)


def read_uploads(asked: Parameters, fetch: Callable[[str], bytes], most_bytes: int) -> Mapping[str, pa.Table]:
    """The tables of UPLOAD=name,param:part;name,http://...: by name in small letters. ``fetch`` gets an address.

    ``most_bytes`` is what they may have together as they were sent.

    Raises UsageError for a malformed UPLOAD, FormatError or LimitError for a table that cannot be read, with its name.
    """
    wanted: dict[str, str] = {}
    for pair in ";".join(asked.all("UPLOAD")).split(";"):
        if not pair.strip():
            continue
        name, _, place = (part.strip() for part in pair.partition(","))
        if not re.fullmatch(r"[A-Za-z]\w{0,63}", name):
            raise UsageError(f"An uploaded table cannot be called {name!r}.", "Start with a letter; use A-Z, 0-9, _.")
        if name.lower() in wanted:
            raise UsageError(f"Two uploaded tables are called {name!r}.")
        scheme, _, part = place.partition(":")
        if scheme not in ("param", "http", "https"):
            raise UsageError(
                f"Tables cannot be fetched from {scheme or 'nowhere'!r} addresses.",
                "Send the table in the request (UPLOAD=name,param:part) or give an http address.",
            )
        if scheme == "param" and part not in asked.files:
            raise UsageError(f"UPLOAD names the part {part!r}, but the request has no such part.")
        wanted[name.lower()] = place
    if len(wanted) > MOST_TABLES:
        raise UsageError(f"A query can have at most {MOST_TABLES} uploaded tables.")
    tables: dict[str, pa.Table] = {}
    size = sent = 0
    for name, place in wanted.items():
        content = asked.files[place[6:]] if place.startswith("param:") else fetch(place)
        sent += len(content)
        if sent > most_bytes:
            raise LimitError(f"The uploaded tables are larger than {most_bytes >> 20} MiB.", "Send smaller ones.")
        try:
            tables[name] = read_table(content)
        except TriviewError as error:
            raise type(error)(f"The uploaded table {name!r} cannot be used. {error.message}", error.hint) from None
        size += tables[name].nbytes
        if size > MOST_BYTES:
            raise LimitError(f"The uploaded tables need more than {MOST_BYTES >> 20} MiB.", "Upload fewer rows.")
    return tables


def read_table(content: bytes) -> pa.Table:
    """One table from its bytes, columns described in the schema and named so that case does not matter.

    Raises FormatError, LimitError, or ServiceError for a VOTable that carries an error.
    """
    if content[:2] == b"\x1f\x8b":
        content = _expanded(content)
    start = content[:512].lstrip(b"\xef\xbb\xbf \t\r\n")
    if content[:9] == b"SIMPLE  =":
        table = read_apart("fits", content)
    elif content[:4] == b"PAR1":
        table = _with_footer(read_apart("parquet", content))
    elif start[:1] == b"<" or content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        table = _votable(content)
    elif not start:
        raise FormatError("It is empty.")
    elif b"\0" in content[:65536]:
        raise FormatError(f"It is no {KINDS}.")
    else:
        table = _csv(content)
    meta = with_unique_names(TableMeta.from_schema(table.schema))
    return pa.Table.from_arrays(table.columns, schema=meta.to_schema())


def _expanded(content: bytes) -> bytes:
    """What a gzip file holds, up to the limit."""
    unzip = zlib.decompressobj(31)
    try:
        out = unzip.decompress(content, EXPANDED + 1)
    except zlib.error as error:
        raise FormatError(f"It is no good gzip file ({error}).") from None
    if len(out) > EXPANDED:
        raise LimitError(f"It expands to more than {EXPANDED >> 20} MiB.", "Upload fewer rows or columns.")
    if not unzip.eof:
        raise FormatError("The gzip file ends too early.", "It was probably cut.")
    return out


def read_apart(kind: str, content: bytes) -> pa.Table:
    """A FITS or Parquet table, read by another process. Raises FormatError when it fails, whatever way it does."""
    environ = {"PYTHONPATH": str(ROOT), "PATH": os.environ.get("PATH", ""), "OMP_NUM_THREADS": "1"}
    environ |= {"OPENBLAS_NUM_THREADS": "1", "ARROW_DEFAULT_MEMORY_POOL": "system", "HOME": tempfile.gettempdir()}
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as rows, tempfile.TemporaryFile() as words:
        given.write(content)
        given.seek(0)
        command = [sys.executable, "-m", "portal.archive.foreign", kind]
        process = subprocess.Popen(command, stdin=given, stdout=rows, stderr=words, env=environ, cwd=ROOT)
        try:
            status = process.wait(WAIT_SECONDS)
        except subprocess.TimeoutExpired:
            raise LimitError("Reading it took too long.", "Upload fewer rows or columns.") from None
        finally:
            process.kill()
            process.wait()
        words.seek(0)
        if status == REFUSED:
            message, _, hint = words.read(2000).decode("utf-8", "replace").partition("\n")
            raise FormatError(message, hint.strip())
        if status:
            raise FormatError(
                "Its reader needed too much memory or time, or broke on it.", f"Is it a good {kind} file?"
            )
        rows.seek(0)
        table = pa.ipc.open_stream(rows.read(2 * MOST_BYTES)).read_all()
        table.validate(full=True)
        return table


def _with_footer(table: pa.Table) -> pa.Table:
    """The table with units and UCDs of its VOParquet footer, by name; a footer that cannot be read is left."""
    footer = (table.schema.metadata or {}).get(FOOTER, b"")
    try:
        said = {column.name: column for column in read_votable(footer)[0].columns} if footer else {}
    except TriviewError:
        said = {}
    fields = []
    for item in table.schema:
        column = Column.from_arrow(item)
        if known := said.get(item.name):
            words = {key: getattr(known, key) for key in ("unit", "ucd", "utype", "description")}
            column = replace(column, **words)
        fields.append(column.to_arrow())
    return pa.Table.from_arrays(table.columns, schema=pa.schema(fields))


def _votable(content: bytes) -> pa.Table:
    """A VOTable; one whose rows are an inline FITS file is read in two parts, fields from the XML."""
    found = IN_FITS.search(content)
    if found is None:
        return read_votable(content)[1]
    attributes, text = found.groups()
    if b"href" in attributes or b"base64" not in attributes:
        raise FormatError("The rows of this VOTable are in another file, which is not followed.", "Use BINARY2.")
    meta, _ = read_votable(content[: found.start()] + b"<TABLEDATA></TABLEDATA>" + content[found.end() :])
    try:
        rows = read_apart("fits", pybase64.b64decode(b"".join(text.split()), validate=True))
    except ValueError:
        raise FormatError("The FITS part of this VOTable is not in base64.") from None
    if len(meta.columns) != rows.num_columns:
        raise FormatError(f"The VOTable declares {len(meta.columns)} columns, its FITS part has {rows.num_columns}.")
    fields = []
    for column, array in zip(meta.columns, rows.columns):
        plain = Column.from_arrow(pa.field(column.name, array.type))
        fields.append(replace(column, datatype=plain.datatype, arraysize=plain.arraysize).to_arrow())
    return pa.Table.from_arrays(rows.columns, schema=pa.schema(fields, {META_KEY: meta.to_schema().metadata[META_KEY]}))


def _csv(content: bytes) -> pa.Table:
    """CSV or TSV with names in the first line; notes before it begin with ``# ``. Types come from all the cells."""
    content = content.removeprefix(b"\xef\xbb\xbf")
    while content.startswith(b"# "):
        content = content.partition(b"\n")[2]
    line = content[: content.find(b"\n") if b"\n" in content else None]
    try:
        head = line.decode("utf-8").rstrip("\r")
    except UnicodeDecodeError:
        raise FormatError("It is neither UTF-8 text nor a file of another known kind.", f"Use {KINDS}.") from None
    separator = max("\t,;", key=head.count)
    names = next(csv.reader(io.StringIO(head), delimiter=separator), [])
    if len(names) > MOST_COLUMNS:
        raise LimitError(f"It has more than {MOST_COLUMNS} columns.")
    check_cells(content.count(b"\n"), max(len(names), 1))
    # One block, so that a column's type is that of all its cells.
    options = pa.csv.ReadOptions(
        use_threads=False, block_size=len(content) + 1, column_names=[f"c{k}" for k in range(len(names))], skip_rows=1
    )
    parse = pa.csv.ParseOptions(delimiter=separator, newlines_in_values=True)
    convert = pa.csv.ConvertOptions(
        null_values=["", "null", "NULL"], strings_can_be_null=True, quoted_strings_can_be_null=False
    )
    try:
        table = pa.csv.read_csv(io.BytesIO(content), options, parse, convert)
    except pa.ArrowException as error:
        raise FormatError(f"It cannot be read as CSV: {str(error).splitlines()[0]}.", f"Use {KINDS}.") from None
    arrays = [narrow(name, column) for name, column in zip(names, table.columns)]
    fields = [described(name.strip(), array.type, {}) for name, array in zip(names, arrays)]
    return pa.Table.from_arrays(arrays, schema=pa.schema(fields))
