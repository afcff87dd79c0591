"""A foreign file on its way to a result: read apart, edited as its rows come, passed on in batches."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator
from contextlib import closing
from pathlib import Path

import pyarrow as pa

from portal.table.columns import TableMeta
from portal.table.foreign.apart import open_file
from portal.table.foreign.edits import Edits, edited_batches, edited_meta
from portal.table.foreign.kinds import Options


def load(
    path: Path,
    name: str,
    options: Options,
    edits: Edits,
    stop: threading.Event,
    progress: Callable[[int, float], None],
) -> tuple[TableMeta, Generator[pa.RecordBatch, None, TableMeta]]:
    """(description, batches); the batches' generator returns the description as it stands after the last row.

    ``path`` is deleted in the end. Raises what ``open_file`` and the edits raise, from here or from the generator.
    """
    rows = None
    try:
        meta, rows = open_file(path, name, options, stop, progress)
        batches = _batches(path, meta, rows, edits)
        next(batches)  # begun, so that it deletes the file even when nobody takes a row
        return edited_meta(meta, edits), batches
    except BaseException:
        if rows is not None:
            rows.close()
        path.unlink(missing_ok=True)
        raise


def _batches(
    path: Path, meta: TableMeta, rows: Generator[pa.RecordBatch, None, TableMeta], edits: Edits
) -> Generator[pa.RecordBatch, None, TableMeta]:
    """The batches, after one yield that only begins."""
    done = 0
    try:
        yield
        with closing(rows):
            while True:
                try:
                    batch = next(rows)
                except StopIteration as end:
                    return edited_meta(end.value, edits)
                yield from edited_batches(meta, edits, [batch], done)
                done += batch.num_rows
    finally:
        path.unlink(missing_ok=True)


TYPED = ("csv", "ipac", "ids", "positions")  # formats whose reader takes types: text that can be read in several ways


def with_types(options: Options, format: str, edits: Edits) -> Options:
    """The options with the types a user changed, so that they are read from the text itself: text keeps its zeros."""
    asked = tuple((edit.column, edit.datatype) for edit in edits.columns if edit.datatype)
    return options._replace(types=asked) if format in TYPED else options
