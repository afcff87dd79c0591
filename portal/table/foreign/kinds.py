"""What is known of a foreign file before its rows are read, and what a user may say about it."""

from __future__ import annotations

from typing import NamedTuple

FORMATS = {
    "votable": "VOTable",
    "fits": "FITS",
    "csv": "CSV",
    "ecsv": "ECSV",
    "ipac": "IPAC table",
    "parquet": "Parquet",
    "arrow": "Arrow",
    "regions": "Region list",
    "ids": "List of ids",
    "positions": "List of positions",
    "moc": "MOC",
}
"""Formats by the name used in ``Kind`` and ``Options``. A MOC is recognised, but holds no rows to read."""

DELIMITERS = {",": "comma", "\t": "tab", ";": "semicolon", "|": "bar", " ": "blanks"}
"""Delimiters of text tables; " " stands for any run of blanks and tabs."""

ENCODINGS = ("utf-8", "utf-16", "latin-1")
"""Encodings of text files; utf-8 and utf-16 with or without a byte order mark."""

DATATYPES = ("boolean", "short", "int", "long", "float", "double", "char")
"""Types a user can give to a column of a text table (VOTable's words)."""


class Part(NamedTuple):
    """One table of a file. ``number`` is the HDU of a FITS file (primary = 0), else counts tables from 0.

    ``rows`` is -1 when only reading would tell.
    """

    number: int
    name: str = ""
    rows: int = -1
    columns: int = 0


class Kind(NamedTuple):
    """What a file is. ``format`` is a key of ``FORMATS``, ``label`` says it in words ("FITS, gzip").

    ``notes`` are sentences for the user. ``delimiter``, ``header`` and ``encoding`` are what was found in a text
    file ("", True and "" for others).
    """

    format: str
    label: str
    parts: tuple[Part, ...] = ()
    notes: tuple[str, ...] = ()
    delimiter: str = ""
    header: bool = True
    encoding: str = ""


class Options(NamedTuple):
    """What the user says of a file; empty means as found.

    ``part``: ``Part.number`` of the table, -1 for the first. ``delimiter``: key of ``DELIMITERS``. ``header``: whether
    the first line of a text table has the names. ``types``: (column name, item of ``DATATYPES``) for columns of text
    tables (CSV, IPAC, lists), else guessed over the whole file. ``encoding``: item of ``ENCODINGS``.
    """

    format: str = ""
    part: int = -1
    delimiter: str = ""
    header: bool | None = None
    types: tuple[tuple[str, str], ...] = ()
    encoding: str = ""


AS_FOUND = Options()


class Limits(NamedTuple):
    """Bounds of the process that reads a file: bytes and seconds."""

    memory: int = 3 << 30  # address space beyond that of Python and its libraries: a wide Parquet row group fits
    processor: int = 900  # seconds; 5M x 100 cells of text take about 300
    seconds: int = 1800  # of the clock, on a machine that does other things too
    rows: int = 16 << 30  # bytes of the rows in memory form, all together
    expanded: int = 16 << 30  # bytes of a compressed file once expanded
    ratio: int = 200  # ... and how many times its size; catalogues reach 30, bombs 1000


STANDARD = Limits()
