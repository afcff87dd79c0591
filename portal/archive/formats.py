"""How a result leaves the archive: VOTable (all serialisations), CSV, TSV, JSON, FITS or Parquet, in pieces."""

from __future__ import annotations

from collections.abc import Generator
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ..table.parquet_write import parquet_bytes
from ..table.text_write import separated_bytes
from ..table.votable_write import Trailer, votable_bytes, with_null_values
from .fits_table import kept_fits
from .json_table import json_bytes
from .params import Parameters, UsageError

if TYPE_CHECKING:
    from .query import Query

SERIALIZATIONS = {"votable": "BINARY2", "tabledata": "TABLEDATA", "binary": "BINARY"}


class Format(NamedTuple):
    """An output format: what it is called, its media type, the names it answers to, its file ending."""

    name: str
    media_type: str
    aliases: tuple[str, ...]
    ending: str


FORMATS = (
    Format("votable", "application/x-votable+xml", ("votable", "text/xml", "votable/b2"), "vot"),
    Format("tabledata", "application/x-votable+xml;serialization=TABLEDATA", ("votable/td",), "vot"),
    Format("csv", "text/csv;header=present", ("csv", "text/csv"), "csv"),
    Format("tsv", "text/tab-separated-values", ("tsv",), "tsv"),
    Format("parquet", "application/vnd.apache.parquet", ("parquet", "application/parquet"), "parquet"),
    Format("binary", "application/x-votable+xml;serialization=BINARY", ("votable/b",), "vot"),
    Format("fits", "application/fits", ("fits",), "fits"),
    Format("json", "application/json", ("json",), "json"),
)
NAMES = {name.lower(): item for item in FORMATS for name in (item.media_type, *item.aliases)}
NAMES["application/x-votable+xml;serialization=binary2"] = FORMATS[0]


def wanted_format(asked: Parameters) -> Format:
    """The format of RESPONSEFORMAT (or FORMAT, TAP 1.0). Raises UsageError for an unknown one."""
    name = asked.get("RESPONSEFORMAT") or asked.get("FORMAT") or "votable"
    found = NAMES.get(name.lower().replace(" ", ""))
    if found is None:
        known = ", ".join(item.aliases[0] for item in FORMATS)
        raise UsageError(f"There is no output format {name!r}.", f"Use one of: {known}.")
    return found


def encoded(query: Query, form: Format, folder: Path | None = None) -> Generator[bytes]:
    """The query's rows in ``form``; running it happens while this is read.

    ``folder`` takes what FITS has to keep aside (default: the system's place for such files). An overflow is marked
    in every form but CSV and TSV.
    """
    try:
        meta = query.open()
        # The head waits for the first rows, so that a query that fails at once is told as an error.
        batches = query.batches()
        rows = chain(list(islice(batches, 1)), batches)

        def trailer() -> Trailer:
            return Trailer(query.overflow)

        match form.name:
            case "csv" | "tsv":
                yield from separated_bytes(meta, rows, "," if form.name == "csv" else "\t")
            case "json":
                yield from json_bytes(meta, rows, trailer)
            case "parquet":
                yield from parquet_bytes(meta, rows, trailer)
            case "fits":
                for piece in kept_fits(meta, rows, trailer, folder):
                    query.check()
                    yield piece
            case name:
                described = with_null_values(meta) if name == "binary" else meta
                yield from votable_bytes(described, rows, SERIALIZATIONS[name], trailer)
    finally:
        query.close()
