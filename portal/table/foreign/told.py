"""What a reader says while it reads: the table's description, sentences for the user, how far it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from portal.table.columns import TableMeta
from portal.table.foreign.kinds import Kind, Options

MOST_NOTES = 40  # a file with more to complain of is told of the first ones
BATCH_BYTES = 16 << 20  # of the file, for one batch: quick to come, large enough to be cheap


class Told:
    """Filled by a reader: ``meta`` before its first batch (and again after the last, when more is known then).

    ``first`` is the number of rows that are wanted, 0 for all: then only the beginning of a file need be looked at.
    """

    def __init__(self, first: int = 0) -> None:
        self.meta: TableMeta | None = None
        self.notes: list[str] = []
        self.fraction = -1.0
        self.first = first

    def note(self, text: str) -> None:
        """A sentence for the user, once."""
        if text not in self.notes and len(self.notes) < MOST_NOTES:
            self.notes.append(text)


class Given(NamedTuple):
    """A file to read, expanded: where it is, how it begins, what the user calls it, and a folder for aside files."""

    path: Path
    head: bytes
    name: str
    aside: Path

    @property
    def size(self) -> int:
        return self.path.stat().st_size


class Reader(NamedTuple):
    """A format: ``look(given, options)`` gives its Kind, ``read(given, options, told)`` its batches.

    Batches have the columns of ``told.meta`` in order; the store casts where an Arrow type is narrower.
    """

    look: Callable[[Given, Options], Kind]
    read: Callable[[Given, Options, Told], Iterator[pa.RecordBatch]]


def text_of(value: Any) -> str:
    """A value of a foreign header as one line of text of bounded length."""
    return " ".join(str(value).split())[:2000] if value is not None else ""
