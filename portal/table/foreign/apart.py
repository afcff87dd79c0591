"""Reads files of unknown origin in a process of its own, bounded in memory, time and size; the portal goes on.

All three calls start a process (0.5 s) and block: use a worker thread. They raise FormatError for a file at fault
(also when its reader died of it), LimitError for one beyond the limits, CancelledError when ``stop`` was set.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa

from portal.table.columns import TableMeta
from portal.table.foreign.kinds import AS_FOUND, STANDARD, Kind, Limits, Options
from portal.table.result import ResultTable


def sniff(
    path: Path,
    name: str,
    options: Options = AS_FOUND,
    stop: threading.Event | None = None,
    limits: Limits = STANDARD,
) -> Kind:
    """What the file is and which tables it holds. ``name`` is what the user calls it (its ending helps)."""
    raise NotImplementedError


def preview(
    path: Path,
    name: str,
    options: Options = AS_FOUND,
    rows: int = 50,
    stop: threading.Event | None = None,
    limits: Limits = STANDARD,
) -> tuple[TableMeta, pa.Table, tuple[str, ...]]:
    """(description, first rows, notes). Types of a text table are those of its first megabytes only."""
    raise NotImplementedError


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
    raise NotImplementedError
