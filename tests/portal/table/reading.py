"""Foreign files read in the process of the test: what the reading process does, without its bounds."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pyarrow as pa

from portal.table.columns import TableMeta
from portal.table.foreign.kinds import STANDARD, Kind, Limits, Options
from portal.table.foreign.recognise import expanded, format_of, kind_of, reader_of
from portal.table.foreign.told import Told
from portal.table.names import with_unique_names


def read_here(
    content: bytes | str | Path,
    name: str = "a.txt",
    options: Options = Options(),  # noqa: B008
    first: int = 0,
    limits: Limits = STANDARD,
) -> tuple[Kind, TableMeta, pa.Table, list[str]]:
    """(kind, description, rows, notes) of a file or its bytes."""
    with tempfile.TemporaryDirectory() as folder:
        aside = Path(folder)
        path = content if isinstance(content, Path) else aside / "given"
        if not isinstance(content, Path):
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        given, packed = expanded(path, name, aside, limits)
        kind = kind_of(given, options, packed)
        told = Told(first)
        batches = list(reader_of(format_of(given, options)).read(given, options, told))
        meta = with_unique_names(told.meta)
        for batch in batches:
            batch.validate(full=True)
        schema = pa.schema([pa.field(item.name, item.arrow) for item in meta.columns])
        batches = [
            pa.RecordBatch.from_arrays([a.cast(f.type) for a, f in zip(b.columns, schema)], schema=schema)
            for b in batches
        ]
        return kind, meta, pa.Table.from_batches(batches, schema=schema), told.notes


def rows_of(content: bytes | str | Path, *more, **options) -> list[tuple]:
    """The rows as tuples."""
    table = read_here(content, *more, **options)[2]
    return list(zip(*(column.to_pylist() for column in table.columns))) if table.num_columns else []
