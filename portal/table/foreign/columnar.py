"""Parquet and Arrow files: batches of a schema, with what VOParquet, astropy, Rubin's Butler or we say of columns."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import parquet

from portal.errors import FormatError, TriviewError
from portal.table.columns import META_KEY, Column, Info, TableMeta
from portal.table.foreign.ecsv import described_in_yaml
from portal.table.foreign.kinds import Kind, Options, Part
from portal.table.foreign.narrow import Plan
from portal.table.foreign.told import Given, Told, text_of
from portal.table.names import ROW

VOPARQUET = b"IVOA.VOTable-Parquet.content"
YAML = b"table_meta_yaml"  # astropy, and Butler through it
BATCH_CELLS = 4 << 20  # of one batch: 32 MB of doubles
WORDS = {  # what writers call the same thing in the metadata of a field
    "unit": (b"unit", b"units"),
    "description": (b"description", b"doc", b"comment"),
    "ucd": (b"ucd", b"UCD"),
    "utype": (b"utype",),
}


def look_parquet(given: Given, options: Options) -> Kind:
    """Rows and columns from the footer."""
    file = _parquet(given)
    part = Part(0, "", file.metadata.num_rows, len(file.schema_arrow))
    return Kind("parquet", "Parquet", (part,))


def look_arrow(given: Given, options: Options) -> Kind:
    """Columns from the schema; the number of rows would need the whole file."""
    with given.path.open("rb") as file:
        schema = _opened(file, given).schema
    return Kind("arrow", "Arrow", (Part(0, "", -1, len(schema)),))


def read_parquet(given: Given, options: Options, told: Told) -> Iterator[pa.RecordBatch]:
    """The rows of a Parquet file, some at a time; memory holds one row group."""
    file = _parquet(given)
    schema, total = file.schema_arrow, file.metadata.num_rows

    def cells(name: str) -> Iterator[pa.Array]:
        return (batch.column(0) for batch in file.iter_batches(columns=[name], use_threads=False))

    plan = Plan(schema, told, _over_63_bits(schema, cells, told))
    words = {**(file.metadata.metadata or {}), **(schema.metadata or {})}
    told.meta = described(_with_words(plan.columns, schema), words, told)
    rows = max(1, min(131_072, BATCH_CELLS // max(1, len(schema))))
    done = 0
    for batch in file.iter_batches(min(rows, told.first or rows), use_threads=False):
        done += batch.num_rows
        told.fraction = done / max(total, 1)
        yield pa.RecordBatch.from_arrays(plan.batch(batch), schema=told.meta.to_schema())
    if done != total:
        raise FormatError(f"The Parquet file announces {total:,} rows and holds {done:,}.")


def read_arrow(given: Given, options: Options, told: Told) -> Iterator[pa.RecordBatch]:
    """The rows of an Arrow IPC file, stream or Feather file. Their row numbers, when we wrote them, are left."""
    with given.path.open("rb") as file:
        schema = _opened(file, given).schema
        shown = [at for at, name in enumerate(schema.names) if name != ROW]
        own = pa.schema([schema.field(at) for at in shown])

        def cells(name: str) -> Iterator[pa.Array]:
            return (batch.column(name) for batch in _arrow_batches(file, given))

        plan = Plan(own, told, _over_63_bits(own, cells, told))
        told.meta = described(_with_words(plan.columns, own), schema.metadata or {}, told)
        rows = max(1, BATCH_CELLS // max(1, len(schema)))
        for batch in _arrow_batches(file, given):
            told.fraction = min(1.0, file.tell() / max(given.size, 1))
            for start in range(0, batch.num_rows, rows):
                piece = batch.slice(start, rows).select(shown)
                yield pa.RecordBatch.from_arrays(plan.batch(piece), schema=told.meta.to_schema())


def _arrow_batches(file: BinaryIO, given: Given) -> Iterator[pa.RecordBatch]:
    """The batches of the file from its beginning, each looked over before it is used."""
    file.seek(0)
    source = _opened(file, given)
    try:
        is_file = isinstance(source, pa.RecordBatchFileReader)
        for batch in map(source.get_batch, range(source.num_record_batches)) if is_file else source:
            batch.validate(full=True)
            yield batch
    except (pa.ArrowException, OSError) as error:
        raise FormatError(f"The Arrow file is damaged: {text_of(error)[:200]}.", "It was probably cut.") from None


def described(columns: list[Column], said: Mapping[bytes, bytes], told: Told) -> TableMeta:
    """The table's description from the metadata of its schema; what cannot be understood is left with a note."""
    if META_KEY in said:
        fields = [column.to_arrow() for column in columns]
        try:
            return TableMeta.from_schema(pa.schema(fields, metadata={META_KEY: said[META_KEY]}))
        except (ValueError, KeyError, TypeError):
            told.note("The table's own description could not be understood.")
    if VOPARQUET in said:
        from portal.table.votable_read import read_votable

        try:
            meta, _ = read_votable(said[VOPARQUET])
            return replace(meta, columns=_joined(columns, meta.columns))
        except TriviewError:
            told.note("The VOTable in the footer of the file could not be read; units and UCDs are missing.")
    if YAML in said:
        try:
            known, comments = described_in_yaml(said[YAML].decode("utf-8", "replace").splitlines())
            infos = tuple(Info(name, value) for name, value in comments.items())
            return TableMeta(_joined(columns, known), infos=infos)
        except TriviewError:
            told.note("The astropy description in the file could not be read; units are missing.")
    return TableMeta(tuple(columns))


def _joined(columns: list[Column], known: tuple[Column, ...]) -> tuple[Column, ...]:
    """Our columns with the words another description has for them, by name."""
    words = {column.name: column for column in known}
    out = []
    for column in columns:
        if found := words.get(column.name):
            more = {key: getattr(found, key) for key in ("unit", "ucd", "utype", "description", "xtype", "id", "ref")}
            column = replace(column, **{key: value for key, value in more.items() if value})
        out.append(column)
    return tuple(out)


def _parquet(given: Given) -> parquet.ParquetFile:
    try:
        return parquet.ParquetFile(given.path, memory_map=False, pre_buffer=False)
    except (pa.ArrowException, OSError) as error:
        reason = text_of(error)[:200]
        raise FormatError(f"The Parquet file cannot be opened: {reason}.", "It was probably cut.") from None


def _opened(file: BinaryIO, given: Given) -> pa.RecordBatchFileReader | pa.RecordBatchStreamReader:
    try:
        return pa.ipc.open_file(file) if given.head[:6] == b"ARROW1" else pa.ipc.open_stream(file)
    except (pa.ArrowException, OSError) as error:
        raise FormatError(f"The Arrow file cannot be opened: {text_of(error)[:200]}.", "It was probably cut.") from None


def _over_63_bits(schema: pa.Schema, cells: Callable[[str], Iterable[pa.Array]], told: Told) -> frozenset[str]:
    """Names of the uint64 columns that hold values a long cannot; ``cells`` gives a column piece by piece."""
    out = []
    for item in schema:
        if not pa.types.is_uint64(item.type):
            continue
        if any((pc.max(array).as_py() or 0) >= 1 << 63 for array in cells(item.name)):
            out.append(item.name)
            told.note(f"Column {item.name} has numbers over 2^63 and is kept as text.")
    return frozenset(out)


def _with_words(columns: list[Column], schema: pa.Schema) -> list[Column]:
    """Units and descriptions that writers put into the metadata of Arrow fields."""
    by_name = {item.name: item.metadata or {} for item in schema}
    out = []
    for column in columns:
        said = by_name.get(column.name, {})
        words = {
            key: text_of(said[name].decode("utf-8", "replace"))
            for key, names in WORDS.items()
            for name in names
            if name in said and not getattr(column, key)
        }
        out.append(replace(column, **words))
    return out
