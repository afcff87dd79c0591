"""Rows of one result on disk: an Arrow IPC stream written as they arrive and read through a memory map.

Knows bytes and batches, not queries. A file cut by a crash opens up to its last whole batch.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from portal.errors import FormatError, LimitError
from portal.table.columns import META_KEY, Column, TableMeta
from portal.table.names import ROW, with_unique_names
from portal.table.votable_pack import as_type

ROWS_FILE = "rows.arrows"
META_FILE = "meta.json"
END = b"\xff\xff\xff\xff\0\0\0\0"  # end of stream in Arrow IPC
WRITE_ROWS = 65_536  # smaller batches are joined first: queries and page fetches cost per batch
WRITE_SECONDS = 0.5  # ... but wait no longer than this, the most a crash can lose
MAP_BYTES = 32 << 20  # written batches stay in memory until this much can be mapped in one go
ROW_NUMBERS = 1 << 32  # row numbers are uint32


class Snapshot(NamedTuple):
    """All rows that had come at ``version``; ``table`` has the columns and the hidden row number."""

    version: int
    table: pa.Table


class RowStore:
    """The rows file and its description. One thread appends; any number read."""

    def __init__(self, folder: Path, meta: TableMeta) -> None:
        """Used by ``create`` and ``open``."""
        self.folder = folder
        self.meta = meta
        self.complete = False
        self.version = 0
        self.n_rows = 0
        self._schema = _stored_schema(meta)
        self._lock = threading.RLock()
        self._file = None
        self._mapped: list[pa.RecordBatch] = []
        self._mapped_to = 0
        self._fresh: list[pa.RecordBatch] = []
        self._fresh_bytes = 0
        self._pending: list[pa.RecordBatch] = []
        self._pending_rows = 0
        self._written_at = time.monotonic()
        self._snapshot: Snapshot | None = None

    @classmethod
    def create(cls, folder: Path, meta: TableMeta) -> RowStore:
        """A new, empty store; the folder is made. Column names are made unique."""
        folder.mkdir(parents=True, exist_ok=True)
        store = cls(folder, with_unique_names(meta))
        try:
            # No buffer: what could not be written must not be tried again behind our back.
            store._file = (folder / ROWS_FILE).open("wb", buffering=0)
        except OSError as error:
            raise _not_stored(error) from error
        store._write(store._schema.serialize())
        store._mapped_to = store._file.tell()
        store._save_meta()
        return store

    @classmethod
    def open(cls, folder: Path) -> RowStore:
        """The store found in a folder, for reading; FormatError when there is none that can be read."""
        try:
            doc = json.loads((folder / META_FILE).read_text())
            fields = [Column(**item).to_arrow() for item in doc["columns"]]
            meta = TableMeta.from_schema(pa.schema(fields, metadata={META_KEY: json.dumps(doc["table"]).encode()}))
            store = cls(folder, meta)
            store._map()
        except (OSError, ValueError, KeyError, TypeError, pa.ArrowException) as error:
            raise FormatError(f"No stored result can be read in {folder.name} ({error}).") from None
        store.n_rows = sum(batch.num_rows for batch in store._mapped)
        store.complete = bool(doc["complete"]) and store.n_rows == doc["n_rows"]
        store.version = 1
        return store

    def append(self, batch: pa.RecordBatch) -> None:
        """Add rows; columns go by position. Raises FormatError when they do not fit, LimitError when disk is full."""
        if not batch.num_rows:
            return
        with self._lock:
            if self._file is None:
                raise ValueError("the result is closed for writing")
            if self.n_rows + batch.num_rows > ROW_NUMBERS:
                raise LimitError(f"A result holds at most {ROW_NUMBERS:,} rows.", "Ask for fewer rows.")
            if batch.num_columns != len(self.meta.columns):
                raise FormatError(f"{batch.num_columns} columns came where {len(self.meta.columns)} were announced.")
            numbers = np.arange(self.n_rows, self.n_rows + batch.num_rows, dtype=np.uint32)
            arrays = [as_type(array, field.type) for array, field in zip(batch.columns, self._schema)]
            self._pending.append(pa.RecordBatch.from_arrays([*arrays, pa.array(numbers)], schema=self._schema))
            self._pending_rows += batch.num_rows
            self.n_rows += batch.num_rows
            self.version += 1
            late = time.monotonic() - self._written_at > WRITE_SECONDS
            if self._pending_rows >= WRITE_ROWS or late:
                self._flush()

    def finish(self, meta: TableMeta | None = None) -> None:
        """All rows have come; ``meta`` is the last word on the table (same columns)."""
        with self._lock:
            if meta is not None:
                self._take_meta(meta)
            self._end()
            self.version += 1
            self.complete = True
            try:
                self._save_meta()
            except LimitError:
                self.complete = False
                raise

    def abandon(self) -> None:
        """No more rows will come; those here stay, and ``complete`` stays false."""
        with self._lock:
            if self._file is None:
                return
            with contextlib.suppress(LimitError):
                self._end()  # when the disk is full, what is on it stays
            self.version += 1
            with contextlib.suppress(LimitError):
                self._save_meta()  # what ``create`` wrote says the same of completeness

    def close(self) -> None:
        """Let go of files and memory."""
        with self._lock:
            if self._file is not None:
                self.abandon()
            self._mapped, self._fresh, self._pending, self._snapshot = [], [], [], None

    def snapshot(self) -> Snapshot:
        """The rows here now; the same object until more arrive."""
        with self._lock:
            if self._snapshot is None or self._snapshot.version != self.version:
                batches = [*self._mapped, *self._fresh, *self._pending]
                self._snapshot = Snapshot(self.version, pa.Table.from_batches(batches, schema=self._schema))
            return self._snapshot

    # inside, under the lock

    def _take_meta(self, meta: TableMeta) -> None:
        meta = with_unique_names(meta)
        if [item.arrow for item in meta.columns] != [item.arrow for item in self.meta.columns]:
            raise FormatError("The columns changed while the rows came.")
        names = [item.name for item in self.meta.columns]
        if [item.name for item in meta.columns] != names:
            raise FormatError("The column names changed while the rows came.")
        self.meta = meta

    def _write(self, data: pa.Buffer | bytes) -> None:
        """All of ``data``, or none: a part would be taken for the beginning of what is written next."""
        begun, left = self._file.tell(), memoryview(data)
        try:
            while left.nbytes:
                left = left[self._file.write(left) :]
        except OSError as error:
            with contextlib.suppress(OSError):
                self._file.truncate(begun)
                self._file.seek(begun)
            raise _not_stored(error) from error

    def _flush(self) -> None:
        """Write what is pending as one batch."""
        if self._pending:
            joined = self._pending
            if len(joined) > 1:
                joined = pa.Table.from_batches(joined, schema=self._schema).combine_chunks().to_batches()
            for number, batch in enumerate(joined):
                try:
                    self._write(batch.serialize())
                except LimitError:
                    # Rows that were seen stay to be seen, as long as the table is open.
                    self._pending = joined[number:]
                    raise
                self._fresh.append(batch)
                self._fresh_bytes += batch.nbytes
            self._pending, self._pending_rows = [], 0
        self._written_at = time.monotonic()
        if self._fresh_bytes >= MAP_BYTES:
            self._map()

    def _end(self) -> None:
        if self._file is None:
            return
        try:
            self._flush()
            self._write(END)
        finally:
            self._file.close()
            self._file = None
            self._map()

    def _map(self) -> None:
        """Replace batches in memory by the same rows in the mapped file."""
        source = pa.memory_map(str(self.folder / ROWS_FILE))
        if not self._mapped_to:
            stored = pa.ipc.read_schema(source)
            if stored.types != self._schema.types:
                raise FormatError("The rows of the stored result are not of the types of its columns.")
            self._mapped_to = source.tell()
        source.seek(self._mapped_to)
        size = source.size()
        while self._mapped_to < size:
            try:
                message = pa.ipc.read_message(source)
            except (EOFError, pa.ArrowInvalid, OSError):
                break  # the end of the stream, or of what a crash left
            batch = pa.ipc.read_record_batch(message, self._schema)
            self._mapped.append(batch)
            self._mapped_to = source.tell()
        self._fresh, self._fresh_bytes, self._snapshot = [], 0, None

    def _save_meta(self) -> None:
        doc = {
            "complete": self.complete,
            "n_rows": self.n_rows,
            "columns": [item.as_dict() for item in self.meta.columns],
            "table": json.loads(self.meta.to_schema().metadata[META_KEY]),
        }
        aside = self.folder / f"{META_FILE}.new"
        try:
            aside.write_text(json.dumps(doc))
            os.replace(aside, self.folder / META_FILE)
        except OSError as error:
            raise _not_stored(error) from error


def _not_stored(error: OSError) -> LimitError:
    return LimitError(f"The result cannot be stored: {error.strerror}.", "Free some disk space.")


def _stored_schema(meta: TableMeta) -> pa.Schema:
    fields = [pa.field(item.name, item.arrow) for item in meta.columns]
    return pa.schema([*fields, pa.field(ROW, pa.uint32(), nullable=False)])
