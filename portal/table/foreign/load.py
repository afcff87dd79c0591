"""A foreign file on its way to a result: read apart, edited as its rows come, passed on in batches."""

from __future__ import annotations

import queue
import shutil
import threading
from collections.abc import Callable, Generator
from pathlib import Path

import pyarrow as pa

from portal.errors import CancelledError
from portal.table.columns import TableMeta
from portal.table.foreign.apart import read_file
from portal.table.foreign.edits import Edits, edited_batches, edited_meta
from portal.table.foreign.kinds import Options
from portal.table.order import NATURAL
from portal.table.result import ResultTable

ROWS = 65_536  # passed on at once
LOOK_SECONDS = 0.1  # between looks at how many rows have come


def load(
    path: Path,
    name: str,
    options: Options,
    edits: Edits,
    scratch: Path,
    stop: threading.Event,
    progress: Callable[[int, float], None],
) -> tuple[TableMeta, Generator[pa.RecordBatch, None, TableMeta]]:
    """(description, batches); the batches' generator returns the description as it stands after the last row.

    ``path`` and ``scratch`` (a new folder) are deleted in the end. Raises what ``read_file`` and the edits raise,
    from here or from the generator.
    """
    reader = _Reader(path, name, options, scratch, stop, progress)
    try:
        table = reader.begin()
        meta = edited_meta(table.meta, edits)
    except BaseException:
        reader.end()
        raise
    return meta, _batches(reader, table, edits)


def _batches(reader: _Reader, table: ResultTable, edits: Edits) -> Generator[pa.RecordBatch, None, TableMeta]:
    try:
        done = 0
        while True:
            over = reader.over  # asked before the rows are counted, so that none is missed
            while done < table.n_rows:
                _, part = table.page(NATURAL, done, ROWS)
                yield from edited_batches(table.meta, edits, part.to_batches(), done)
                done += part.num_rows
            if over:
                break
            reader.wait()
        whole = reader.result()
        return edited_meta(whole.meta, edits)
    finally:
        reader.end()


class _Reader:
    """``read_file`` in a thread of its own, so that rows can be passed on while more are read."""

    def __init__(
        self,
        path: Path,
        name: str,
        options: Options,
        scratch: Path,
        stop: threading.Event,
        progress: Callable[[int, float], None],
    ) -> None:
        self._path, self._scratch = path, scratch
        self._outside = stop
        self._stop = threading.Event()
        self._news: queue.SimpleQueue[ResultTable | None] = queue.SimpleQueue()
        self._table: ResultTable | None = None
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, args=(name, options, progress), daemon=True)
        self._thread.start()

    def _run(self, name: str, options: Options, progress: Callable[[int, float], None]) -> None:
        try:
            self._table = read_file(
                self._path, name, options, self._scratch, self._stop, progress, opened=self._news.put
            )
        except BaseException as error:  # noqa: BLE001 - raised again in the thread that waits
            self._error = error
        self._news.put(None)

    @property
    def over(self) -> bool:
        return not self._thread.is_alive()

    def begin(self) -> ResultTable:
        """The table once its first rows are there, or once all was read."""
        while True:
            try:
                found = self._news.get(timeout=LOOK_SECONDS)
            except queue.Empty:
                self.wait(0.0)
                continue
            return found or self.result()

    def wait(self, seconds: float = LOOK_SECONDS) -> None:
        """Until the reader ends, but not long. Raises CancelledError when the user stops it."""
        self._thread.join(seconds)
        if self._outside.is_set():
            raise CancelledError("Stopped.")

    def result(self) -> ResultTable:
        """The whole table. Raises what the reader raised."""
        self._thread.join()
        if self._error is not None:
            raise self._error
        return self._table

    def end(self) -> None:
        """Stop the reader if it still reads, and delete what it used."""
        self._stop.set()
        self._thread.join()
        if self._table is not None:
            self._table.close()
        self._path.unlink(missing_ok=True)
        shutil.rmtree(self._scratch, ignore_errors=True)


TYPED = ("csv", "ipac", "ids", "positions")  # formats whose reader takes types: text that can be read in several ways


def with_types(options: Options, format: str, edits: Edits) -> Options:
    """The options with the types a user changed, so that they are read from the text itself: text keeps its zeros."""
    asked = tuple((edit.column, edit.datatype) for edit in edits.columns if edit.datatype)
    return options._replace(types=asked) if format in TYPED else options
