"""What the upload panel shows of a file before it is read: its kind, columns, first rows, guessed positions."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from portal.errors import CancelledError, TriviewError
from portal.table.cells import cell_texts
from portal.table.columns import Column
from portal.table.foreign import DATATYPES, FORMATS, Kind, Limits, Options, Positions, guess_positions, preview, sniff

from .feeds import json_answer
from .intake import Intake

ROWS = 50
COLUMNS = 200  # whose first rows are shown; all of them are listed
SAMPLES = 3  # values beside each column of the list
CELL = 200  # characters of a cell
FITS_NAME = re.compile(r"\.(fits?|fts)\.gz$", re.IGNORECASE)
LIMITS = Limits(processor=60, seconds=90)  # somebody waits; reading the whole has the full time


class Previews:
    """Previews of one page's files; a newer one stops the one before."""

    def __init__(self, intake: Intake) -> None:
        self._intake = intake
        self._stop = threading.Event()
        self._kinds: dict[tuple, Kind] = {}

    def answer(self, arguments: dict[str, str]) -> Iterator[bytes]:
        """One piece of JSON, made when it is asked for; a file at fault gives ``problem``, its message and hint."""
        self.stop()
        stop = self._stop = threading.Event()
        try:
            doc = self._doc(arguments, stop)
        except CancelledError:
            doc = {"stopped": True}
        except TriviewError as error:
            doc = {"problem": [error.message, error.hint]}
        yield json_answer(doc | {"image": self._is_fits(arguments.get("file", ""))}).body

    def stop(self) -> None:
        self._stop.set()

    def _is_fits(self, key: str) -> bool:
        """Whether a file may hold images: it says that it is FITS, or is a packed one by its name."""
        try:
            staged = self._intake.get(key)
            with staged.path.open("rb") as file:
                start = file.read(9)
        except (TriviewError, OSError):
            return False
        return start == b"SIMPLE  =" or (start[:2] == b"\x1f\x8b" and bool(FITS_NAME.search(staged.name)))

    def _doc(self, arguments: dict[str, str], stop: threading.Event) -> dict[str, Any]:
        staged = self._intake.get(arguments.get("file", ""))
        options = read_options(arguments)
        doc: dict[str, Any] = {"file": staged.key, "name": staged.name, "bytes": staged.bytes}
        asked = (staged.key, options._replace(types=(), part=-1))
        if asked not in self._kinds:
            self._kinds[asked] = sniff(staged.path, staged.name, options._replace(types=()), stop, LIMITS)
        kind = self._kinds[asked]
        doc |= {"kind": kind._asdict() | {"parts": [part._asdict() for part in kind.parts]}}
        try:
            return doc | _table(staged.path, staged.name, options, stop)
        except CancelledError:
            raise
        except TriviewError as error:
            # What kind of file it is stays on the page: another part or type may be readable.
            return doc | {"problem": [error.message, error.hint]}


def _table(path: Path, name: str, options: Options, stop: threading.Event) -> dict[str, Any]:
    meta, table, notes = preview(path, name, options, ROWS, stop, LIMITS)
    places = guess_positions(meta, table)
    shown = list(zip(meta.columns, table.columns))[:COLUMNS]
    texts = [[None if text is None else text[:CELL] for text in cell_texts(c, values)] for c, values in shown]
    return {
        "columns": [
            {
                "name": c.name, "datatype": c.datatype, "array": c.is_array, "unit": c.unit, "ucd": c.ucd,
                "description": c.description, "sample": _sample(c, values),
            }
            for c, values in zip(meta.columns, table.columns)
        ],
        "rows": [list(row) for row in zip(*texts)],
        "notes": list(notes),
        "positions": places._asdict() if places is not None else None,
    }  # fmt: skip


def _sample(column: Column, values: pa.ChunkedArray) -> str:
    """The first few values, in one line."""
    texts = cell_texts(column, values.slice(0, SAMPLES))
    return "   ".join("–" if text is None else text[: CELL // SAMPLES] for text in texts)


def read_options(arguments: dict[str, str]) -> Options:
    """Options out of an address: format, part, delimiter, header, encoding, types as name=type, one on a line.

    What is not known counts as not said.
    """
    types = tuple(
        (name, kind)
        for name, _, kind in (line.rpartition("=") for line in arguments.get("types", "").split("\n"))
        if name and kind in DATATYPES
    )
    part = arguments.get("part", "")
    return Options(
        format=arguments["format"] if arguments.get("format") in FORMATS else "",
        part=int(part) if part.isdigit() else -1,
        delimiter=arguments.get("delimiter", "")[:1],
        header={"yes": True, "no": False}.get(arguments.get("header", "")),
        types=types,
        encoding=arguments.get("encoding", ""),
    )


def read_positions(ra: str, dec: str, unit: str, frame: str) -> Positions | None:
    """The columns of positions a user chose; None when either is missing."""
    return Positions(ra, dec, unit or "deg", frame or "icrs") if ra and dec else None
