"""How a text table is written: delimiter, names, comment lines before them; guessed from its first lines."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from itertools import takewhile
from typing import NamedTuple

from portal.errors import FormatError, LimitError
from portal.table.foreign.kinds import Options

MOST_COLUMNS = 20_000  # as for VOTable
LOOKED_AT = 200  # lines that vote for a delimiter
LINE_END = re.compile(r"\r\n|\n|\r")  # str.splitlines knows others too, which the reader of the rows does not
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eEdD][+-]?\d+)?|[+-]?(nan|inf|infinity)", re.IGNORECASE)
EMPTY = frozenset({"", "null", "na", "n/a", "nan", "none", "--", "-", "\\n"})
"""Cells, in small letters, that stand for nothing in a column of numbers."""


class Dialect(NamedTuple):
    """``skip`` lines lie before the first row (comments, names); ``comments`` is what they said, without ``#``."""

    delimiter: str
    header: bool
    names: tuple[str, ...]
    skip: int
    comments: tuple[str, ...] = ()


def is_number(cell: str) -> bool:
    """Whether a cell reads as a number."""
    return NUMBER.fullmatch(cell.strip()) is not None


def split(line: str, delimiter: str) -> list[str]:
    """The cells of one line; quotes hold delimiters together."""
    if delimiter == " ":
        line = line.replace("\t", " ").strip()
    try:
        return next(csv.reader(io.StringIO(line), delimiter=delimiter, skipinitialspace=delimiter == " "), [])
    except csv.Error as error:
        raise FormatError(f"A line of the file cannot be split into cells ({error}).") from None


def guess_dialect(beginning: str, options: Options) -> Dialect:
    """The dialect of a text that begins so; what ``options`` say goes first. Raises FormatError for an empty one."""
    csv.field_size_limit(1 << 26)
    lines = LINE_END.split(beginning)
    before = list(takewhile(lambda line: not line.strip() or line.lstrip().startswith("#"), lines))
    body = [line for line in lines[len(before) :] if line.strip() and not line.startswith("#")][:LOOKED_AT]
    if not body:
        raise FormatError("The file holds no rows.", "Is it empty?")
    delimiter = options.delimiter or _delimiter(body)
    first = split(body[0], delimiter)
    said = [line.strip().lstrip("#").strip() for line in before if line.strip()]
    if len(first) > MOST_COLUMNS:
        raise LimitError(f"The file has {len(first):,} columns; at most {MOST_COLUMNS:,} are read.")
    header = _is_header(first, [split(line, delimiter) for line in body[1:6]]) if options.header is None else None
    header = options.header if header is None else header
    if header:
        return Dialect(delimiter, True, _named(first), len(before) + 1, tuple(said))
    if said and options.header is None:
        # Names in the last comment line, as numpy and many scripts write them.
        names = split(said[-1], delimiter)
        names = names if len(names) == len(first) else said[-1].split()
        if len(names) == len(first) and not any(map(is_number, names)):
            return Dialect(delimiter, False, _named(names), len(before), tuple(said[:-1]))
    return Dialect(delimiter, False, _named([""] * len(first)), len(before), tuple(said))


def _named(names: list[str]) -> tuple[str, ...]:
    return tuple(name.strip() or f"column_{at}" for at, name in enumerate(names, 1))


def _delimiter(lines: list[str]) -> str:
    """The mark that cuts most lines into the same number of cells, more than one; else a comma."""
    best, found = (0.0, 0), ","
    for mark in (",", "\t", ";", "|", " "):
        if mark == " " and best[0] == 1:
            break  # blanks stand inside cells too: any other mark that all lines agree on goes first
        counts = Counter(len(split(line, mark)) for line in lines)
        cells, votes = max(counts.items(), key=lambda item: (item[1], item[0]))
        share = votes / len(lines)
        if cells > 1 and (share > 0.5 if mark != " " else share == 1) and (share, cells) > best:
            # A comma inside quotes or numbers with commas lose to the mark more lines agree on.
            best, found = (share, cells), mark
    return found


def _is_header(first: list[str], others: list[list[str]]) -> bool:
    """Names are no numbers, and not all columns of text look like the rest."""
    if any(is_number(cell) for cell in first):
        return False
    if not others:
        return len(first) > 1 or not first[0].strip().isdigit()
    numbers = [
        at for at in range(len(first)) if any(at < len(row) and is_number(row[at]) for row in others)
    ]  # fmt: skip
    if numbers:
        return True
    # All text: names are there when no cell of the first line comes again in its column.
    return not any(at < len(row) and row[at] == cell and cell for row in others for at, cell in enumerate(first))
