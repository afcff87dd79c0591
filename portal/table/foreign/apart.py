"""Reads files of unknown origin in a process of its own, bounded in memory, time and size; the portal goes on.

All three calls start a process (about a second) and block: use a worker thread. They raise FormatError for a file at
fault (also when its reader died of it), LimitError for one beyond the limits, CancelledError when ``stop`` was set.
"""

from __future__ import annotations

import json
import os
import select
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Generator
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from portal.errors import CancelledError, FormatError, LimitError
from portal.table.columns import Info, TableMeta
from portal.table.foreign.kinds import AS_FOUND, STANDARD, Kind, Limits, Options, Part

if TYPE_CHECKING:
    # The process that reads imports this package too and must not load the engine.
    from portal.table.result import ResultTable

ROOT = Path(__file__).resolve().parents[3]
FRAME = struct.Struct(">cQ")
FRAME_LIMIT = 1 << 30  # bytes of one batch; readers make them of 16 to 64 MB
GLANCE = 0.1  # seconds between looks at ``stop`` and the clock
PIPE = 1031  # F_SETPIPE_SZ: a larger pipe saves turns
QUIET = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "ARROW_DEFAULT_MEMORY_POOL": "system"}


def sniff(
    path: Path,
    name: str,
    options: Options = AS_FOUND,
    stop: threading.Event | None = None,
    limits: Limits = STANDARD,
) -> Kind:
    """What the file is and which tables it holds. ``name`` is what the user calls it (its ending helps)."""
    for letter, data in _frames("sniff", path, name, options, 0, stop, limits):
        if letter == b"K":
            doc = json.loads(data)
            kind = Kind(*doc)
            return kind._replace(parts=tuple(Part(*part) for part in kind.parts), notes=tuple(kind.notes))
    raise _died("without a word")


def preview(
    path: Path,
    name: str,
    options: Options = AS_FOUND,
    rows: int = 50,
    stop: threading.Event | None = None,
    limits: Limits = STANDARD,
) -> tuple[TableMeta, pa.Table, tuple[str, ...]]:
    """(description, first rows, notes). Types of a text table are those of its first megabytes only."""
    meta, batches, notes = None, [], ()
    for letter, data in _frames("read", path, name, options, max(1, rows), stop, limits):
        if letter == b"S":
            meta = _meta(data)
        elif letter == b"B":
            batches.append(_batch(data, meta))
        elif letter == b"F":
            notes = tuple(json.loads(data))
    schema = pa.schema([pa.field(item.name, item.arrow) for item in meta.columns])
    return meta, pa.Table.from_batches(batches, schema=schema).cast(meta.to_schema()), notes


def read_file(
    path: Path,
    name: str,
    options: Options,
    folder: Path,
    stop: threading.Event | None = None,
    progress: Callable[[int, float], None] | None = None,
    limits: Limits = STANDARD,
    opened: Callable[[ResultTable], None] | None = None,
) -> ResultTable:
    """The whole table as a result in a new ``folder``. Notes are kept as infos named NOTE.

    ``progress`` is told (rows so far, fraction or -1); ``opened`` is given the result when its first rows are there.
    When it raises, rows that had come stay in ``folder`` (``ResultTable.open``), marked as not complete.
    """
    from portal.table.result import ResultTable

    result: ResultTable | None = None

    def told(fraction: float) -> None:
        if progress:
            progress(result.n_rows if result else 0, fraction)

    meta, rows = open_file(path, name, options, stop, lambda _, fraction: told(fraction), limits)
    try:
        while True:
            try:
                batch = next(rows)
            except StopIteration as end:
                result = result or ResultTable.create(folder, meta)
                result.finish(end.value)
                return result
            first = result is None
            result = result or ResultTable.create(folder, meta)
            result.append(batch)
            if first and opened:
                opened(result)
    except BaseException:
        if result is not None:
            result.abandon()
        raise
    finally:
        rows.close()


def open_file(
    path: Path,
    name: str,
    options: Options = AS_FOUND,
    stop: threading.Event | None = None,
    progress: Callable[[int, float], None] | None = None,
    limits: Limits = STANDARD,
) -> tuple[TableMeta, Generator[pa.RecordBatch, None, TableMeta]]:
    """(description, batches); the generator returns the description as it stands after the last row.

    The description is there once the first rows are. ``progress`` is told (rows given, fraction or -1). Close the
    generator when not all rows are wanted: the process ends with it.
    """
    frames = _frames("read", path, name, options, 0, stop, limits)
    try:
        _, data = next(frames)  # a description, or an error is raised
        meta = _meta(data)
    except BaseException:
        frames.close()
        raise
    return meta, _batches(frames, meta, progress)


def _batches(
    frames: Generator[tuple[bytes, bytes], None, None], meta: TableMeta, progress: Callable[[int, float], None] | None
) -> Generator[pa.RecordBatch, None, TableMeta]:
    done, notes = 0, []
    with closing(frames):
        for letter, data in frames:
            if letter == b"S":
                meta = _meta(data)
            elif letter == b"B":
                batch = _batch(data, meta)
                done += batch.num_rows
                yield batch
            elif letter == b"P" and progress:
                progress(done, float(json.loads(data)))
            elif letter == b"F":
                notes = json.loads(data)
    return replace(meta, infos=(*meta.infos, *(Info("NOTE", note) for note in notes)))


def _meta(data: bytes) -> TableMeta:
    return TableMeta.from_schema(pa.ipc.read_schema(pa.py_buffer(data)))


def _batch(data: bytes, meta: TableMeta) -> pa.RecordBatch:
    from portal.table.votable_pack import as_type

    with pa.ipc.open_stream(pa.BufferReader(data)) as source:
        batch = source.read_next_batch()
    if batch.num_columns != len(meta.columns):
        raise FormatError("The reader of the file gave rows with other columns than announced.")
    schema = pa.schema([pa.field(item.name, item.arrow) for item in meta.columns])
    return pa.RecordBatch.from_arrays([as_type(a, f.type) for a, f in zip(batch.columns, schema)], schema=schema)


def _frames(
    do: str, path: Path, name: str, options: Options, rows: int, stop: threading.Event | None, limits: Limits
) -> Generator[tuple[bytes, bytes], None, None]:
    """What the reading process sends, as it comes; the process is gone when this ends, however it ends."""
    with tempfile.TemporaryDirectory(prefix="reading-", dir=path.resolve().parent) as aside:
        asked = {
            "do": do, "path": str(path.resolve()), "name": name, "options": options._asdict(), "rows": rows,
            "limits": limits, "aside": aside,
        }  # fmt: skip
        environ = {"PYTHONPATH": str(ROOT), "PATH": os.environ.get("PATH", ""), "HOME": aside, "TMPDIR": aside, **QUIET}
        if folder := os.environ.get("NUMBA_CACHE_DIR"):
            environ["NUMBA_CACHE_DIR"] = folder
        command = [sys.executable, "-m", "portal.table.foreign.worker", json.dumps(asked)]
        with (Path(aside) / "words").open("w+b") as words:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=words, env=environ, cwd=aside
            )
            try:
                source = _Source(process, stop, time.monotonic() + limits.seconds, limits)
                ended = False
                while (head := source.take(FRAME.size, end_is_fine=True)) is not None:
                    letter, size = FRAME.unpack(head)
                    if size > FRAME_LIMIT:
                        raise FormatError("A batch of rows of the file is too large.")
                    data = source.take(size)
                    if letter == b"E":
                        kind, message, hint = json.loads(data)
                        raise {"LimitError": LimitError}.get(kind, FormatError)(message, hint)
                    ended = ended or letter in b"KF"
                    yield letter, data
                if not ended:
                    raise _died(_how(process, limits))
            finally:
                process.kill()
                process.wait()
                process.stdout.close()


class _Source:
    """Bytes of the process, with an eye on the clock and on ``stop``."""

    def __init__(self, process: subprocess.Popen, stop: threading.Event | None, end: float, limits: Limits) -> None:
        self._process, self._stop, self._end, self._limits = process, stop, end, limits
        self._file = process.stdout.fileno()
        with suppress(OSError, ImportError):
            import fcntl

            fcntl.fcntl(self._file, PIPE, 1 << 20)

    def take(self, size: int, end_is_fine: bool = False) -> bytes | None:
        """Exactly ``size`` bytes; None when the process ended before the first."""
        parts, have = [], 0
        while have < size:
            if self._stop is not None and self._stop.is_set():
                raise CancelledError("Stopped.")
            if time.monotonic() > self._end:
                raise LimitError(
                    f"Reading the file took more than {self._limits.seconds:,} s.", "Give fewer rows or columns."
                )
            if not select.select([self._file], [], [], GLANCE)[0]:
                continue
            part = os.read(self._file, min(size - have, 1 << 20))
            if not part:
                if end_is_fine and not have:
                    return None
                raise _died(_how(self._process, self._limits))
            parts.append(part)
            have += len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)


def _how(process: subprocess.Popen, limits: Limits) -> str:
    """In what way the process ended."""
    with suppress(subprocess.TimeoutExpired):
        process.wait(5)
    status = process.returncode
    if status in (-signal.SIGXCPU, -signal.SIGKILL):
        return f"after {limits.processor:,} s of processor time, or for want of memory"
    if status is not None and status < 0:
        return f"by {signal.Signals(-status).name}"
    return f"with status {status}"


def _died(how: str) -> FormatError:
    return FormatError(f"The process that read the file ended {how}.", "The file may be damaged.")
