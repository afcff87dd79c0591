"""A result, or a chosen part of it, as a file in any of the formats, streamed at constant memory.

What each format keeps of nulls: BINARY2, Parquet and Arrow keep all apart (null, NaN, empty text, empty array). CSV
and TSV too, but arrays are text. TABLEDATA and ECSV take a null text for an empty one; so do BINARY and FITS, which
also take a null float for NaN and give whole numbers a value that no cell has. IPAC writes a word for null.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa

from portal.errors import CancelledError, QueryError
from portal.table.columns import Info, TableMeta
from portal.table.engine import Stop
from portal.table.fits_write import check_width, fits_bytes
from portal.table.formats import FORMATS
from portal.table.ipac_write import NULLS, ipac_bytes
from portal.table.order import NATURAL, RowView
from portal.table.parquet_write import arrow_bytes, parquet_bytes
from portal.table.region_write import RADIUS, id_column, region_bytes
from portal.table.result import ResultTable
from portal.table.survey import Survey, shaped
from portal.table.text_write import ecsv_bytes, separated_bytes
from portal.table.units import spelled
from portal.table.votable_write import Trailer, fitted, votable_bytes

FIRST = 1_024  # rows fetched first: they tell how large rows are
CHUNK = 65_536  # rows fetched at once, fewer of wide rows
CHUNK_BYTES = 16 << 20  # of rows fetched at once; a usual catalogue row has 130 bytes


SERIALIZATIONS = {"votable": "BINARY2", "votable-tabledata": "TABLEDATA", "votable-binary": "BINARY"}


class Source:
    """The rows to write, by batches and as often as asked, the same rows each time also while more arrive."""

    def __init__(
        self,
        result: ResultTable,
        view: RowView = NATURAL,
        rows: np.ndarray | None = None,
        stop: Stop | None = None,
    ) -> None:
        """Rows of the view in its order, or ``rows`` by number in the order given; what takes time comes later."""
        self._result, self._view, self._stop = result, view, stop
        # The formats that survey the rows first rely on seeing the same cells again, whatever is redefined meanwhile.
        self.now = result.now()
        self._rows, self._ready = rows, rows is not None
        self._total = self.now.n_rows if rows is None else len(rows)

    @property
    def total(self) -> int:
        """The number of rows; asked first, it waits for the order."""
        if not self._ready:
            self._rows, self._ready = self._result.rows(self._view, self._stop, self.now), True
            self._total = self._total if self._rows is None else len(self._rows)
        return self._total

    def batches(self, names: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """All rows with these columns. Raises CancelledError when stopped."""
        start, step = 0, FIRST
        while start < self.total:
            if self._stop is not None and self._stop.is_set:
                raise CancelledError("Stopped.")
            table = self._part(start, min(step, self.total - start), names)
            start += table.num_rows
            step = max(1, min(CHUNK, CHUNK_BYTES * table.num_rows // max(1, table.nbytes)))
            yield from table.to_batches()

    def _part(self, start: int, count: int, names: Sequence[str]) -> pa.Table:
        if self._rows is None:
            return self.now.cells(list(names), slice(start, start + count))
        return self.now.cells(list(names), self._rows[start : start + count])

    def survey(self, meta: TableMeta, words: Iterable[str] = ()) -> Survey:
        """What the rows turn out to be, from one pass over the columns that need it."""
        found = Survey(meta.columns, words)
        wanted = found.wanted
        if wanted:
            for batch in self.batches([meta.columns[at].name for at in wanted]):
                found.look(batch, wanted)
        found.rows = self.total
        return found


def export_stream(
    result: ResultTable,
    view: RowView = NATURAL,
    format: str = "votable",
    rows: np.ndarray | None = None,
    columns: Sequence[str] | None = None,
    infos: Sequence[Info] = (),
    comments: bool = False,
    stop: Stop | None = None,
) -> Iterator[bytes]:
    """Pieces of the file. Rows are those of the view in its order, or ``rows`` by number in the order given.

    ``infos`` and those of the result, its overflow mark and its service descriptors go where the format has a place
    for them; CSV and TSV say them in ``#`` lines only with ``comments``, since most readers take those for rows.
    Raises QueryError for an unknown format or column or a region file without positions, LimitError for what the
    format cannot hold, and from the pieces CancelledError when stopped.
    """
    if format not in FORMATS:
        raise QueryError(f"There is no export format {format!r}.", f"Choose one of {', '.join(FORMATS)}.")
    source = Source(result, view, rows, stop)
    known = {item.name for item in source.now.meta.columns}
    for name in columns or ():
        if name not in known:
            raise QueryError(f"There is no column {name} to export.")
    if FORMATS[format].group == "Regions" and result.positions() is None:
        raise QueryError("This table has no positions to draw.", "Regions need columns of RA and Dec in degrees.")
    if format == "fits":
        check_width(len(source.now.meta.columns if columns is None else columns))
    return _pieces(result, source, format, columns, infos, comments)


def _pieces(
    result: ResultTable,
    source: Source,
    format: str,
    columns: Sequence[str] | None,
    infos: Sequence[Info],
    comments: bool,
) -> Iterator[bytes]:
    now = source.now
    said = [*infos, Info("ROWS", str(source.total), f"of {now.n_rows:,} received")]
    if not result.complete:
        said.append(Info("INCOMPLETE", "true", "rows were still coming, or were cut off before the last one"))
    meta = _chosen(now.meta, columns, said)
    names = [item.name for item in meta.columns]
    end = Trailer(overflow=meta.overflow)

    def batches(wanted: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
        return source.batches(names if wanted is None else wanted)

    if format in SERIALIZATIONS:
        meta = fitted(meta, source.survey(meta), SERIALIZATIONS[format])
        yield from votable_bytes(meta, batches(), SERIALIZATIONS[format], lambda: end)
    elif format in ("csv", "tsv"):
        yield from separated_bytes(meta, batches(), "," if format == "csv" else "\t", comments)
    elif format == "fits":
        yield from fits_bytes(meta, source.survey(meta), batches, end)
    elif format.startswith("regions"):
        yield from _regions(result, replace(meta, columns=now.meta.columns), source, format)
    elif format == "ecsv":
        fixed = any(item.is_array and not item.arraysize.endswith("*") for item in meta.columns)
        if fixed:
            survey = source.survey(meta)
            meta = replace(meta, columns=tuple(shaped(*of, False) for of in zip(meta.columns, survey.seen)))
        yield from ecsv_bytes(meta, batches())
    elif format == "ipac":
        yield from ipac_bytes(meta, source.survey(meta, NULLS), batches())
    else:
        yield from WRITERS[format](meta, batches())


WRITERS: dict[str, Callable[[TableMeta, Iterable[pa.RecordBatch]], Iterator[bytes]]] = {
    "parquet": parquet_bytes,
    "arrow": arrow_bytes,
}


def _regions(result: ResultTable, meta: TableMeta, source: Source, format: str) -> Iterator[bytes]:
    ra, dec = result.positions()
    name = id_column(meta.columns)
    rows = source.batches([ra, dec, *[name] * bool(name)])
    return region_bytes(meta, (ra, dec), rows, RADIUS if format == "regions-circles" else 0.0)


def _chosen(meta: TableMeta, columns: Sequence[str] | None, infos: Sequence[Info]) -> TableMeta:
    """The table with the columns asked for, units as VOUnits, and the infos; the overflow mark is no info."""
    kept = meta.columns if columns is None else tuple(meta.column(name) for name in columns)
    kept = tuple(replace(item, unit=spelled(item.unit, "vounit")) for item in kept)
    said = {item.name for item in infos} | {"QUERY_STATUS"}
    return replace(meta, columns=kept, infos=(*(item for item in meta.infos if item.name not in said), *infos))
