"""A result, or a chosen part of it, as a file: VOTable or CSV, streamed at constant memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from portal.errors import QueryError
from portal.table.columns import Info, TableMeta
from portal.table.names import label_of
from portal.table.order import NATURAL, RowView
from portal.table.result import ResultTable
from portal.table.votable_pack import joined_rows, number_texts
from portal.table.votable_write import Trailer, votable_bytes

CHUNK = 65_536  # rows fetched at once: 8 MB of a usual catalogue row
FORMATS = {
    "votable": ("application/x-votable+xml;serialization=BINARY2", ".vot"),
    "votable-tabledata": ("application/x-votable+xml;serialization=TABLEDATA", ".xml"),
    "csv": ("text/csv;charset=utf-8;header=present", ".csv"),
}
"""Format: (media type, file ending)."""


def export_stream(
    result: ResultTable,
    view: RowView = NATURAL,
    format: str = "votable",
    rows: np.ndarray | None = None,
    columns: Sequence[str] | None = None,
    infos: Sequence[Info] = (),
    comments: bool = False,
) -> Iterator[bytes]:
    """Pieces of the file. Rows are those of the view in its order, or ``rows`` by number in the order given.

    The overflow mark, infos and service descriptors of the result are kept in VOTable; CSV says them in ``#`` lines
    only with ``comments``, since most readers take those for rows. Raises QueryError for an unknown format or column.
    """
    if format not in FORMATS:
        raise QueryError(f"There is no export format {format!r}.", f"Choose one of {', '.join(FORMATS)}.")
    known = {item.name for item in result.meta.columns}
    for name in columns or ():
        if name not in known:
            raise QueryError(f"There is no column {name} to export.")
    meta = _chosen(result.meta, columns, infos)
    batches = _batches(result, view, rows, [item.name for item in meta.columns])
    if format == "csv":
        return _csv(meta, batches, comments)
    serialization = "BINARY2" if format == "votable" else "TABLEDATA"
    meta = _with_wide_text(result, meta)
    return votable_bytes(meta, batches, serialization, lambda: Trailer(overflow=result.meta.overflow))


def _chosen(meta: TableMeta, columns: Sequence[str] | None, infos: Sequence[Info]) -> TableMeta:
    kept = meta.columns if columns is None else tuple(meta.column(name) for name in columns)
    said = {item.name for item in infos}
    return replace(meta, columns=kept, infos=(*(item for item in meta.infos if item.name not in said), *infos))


def _with_wide_text(result: ResultTable, meta: TableMeta) -> TableMeta:
    """Text columns with characters outside ASCII become unicodeChar: char promises ASCII, and readers insist."""
    columns = []
    for column in meta.columns:
        if column.datatype == "char" and not result.is_ascii(column.name):
            column = replace(column, datatype="unicodeChar")
        columns.append(column)
    return replace(meta, columns=tuple(columns))


def _batches(result: ResultTable, view: RowView, rows: np.ndarray | None, names: list[str]) -> Iterator[pa.RecordBatch]:
    if rows is None:
        rows = result.rows(view)
    total = result.n_rows if rows is None else len(rows)
    for start in range(0, total, CHUNK):
        if rows is None:
            _, table = result.page(NATURAL, start, min(CHUNK, total - start), names)
        else:
            table = result.take(rows[start : start + CHUNK], names)
        yield from table.to_batches()


def _csv(meta: TableMeta, batches: Iterator[pa.RecordBatch], comments: bool) -> Iterator[bytes]:
    """RFC 4180 in UTF-8: null is empty, empty text is "", numbers have the digits that read back the same."""
    if comments:
        notes = [f"# {item.name}: {item.value} {item.text}".strip() for item in meta.infos]
        if meta.overflow:
            notes.append("# OVERFLOW: the service cut this result; there are more rows")
        yield "".join(" ".join(note.split()) + "\n" for note in notes).encode()
    header = [label_of(meta, item.name) for item in meta.columns]
    yield ",".join(_quoted(name) for name in header).encode() + b"\n"
    for batch in batches if header else ():
        parts: list = []
        for array in batch.columns:
            parts += [",", _csv_texts(array)]
        yield joined_rows(pc.binary_join_element_wise(*parts[1:], "\n", ""))


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"' if any(mark in name for mark in ',"\r\n') else name


def _csv_texts(array: pa.Array) -> pa.Array:
    if pa.types.is_list(array.type):
        flat = array.flatten()
        flat = number_texts(flat) if not pa.types.is_boolean(flat.type) else pc.cast(flat, pa.string())
        ends = np.r_[0, np.cumsum(np.asarray(pc.fill_null(pc.list_value_length(array), 0)))]
        cells = pa.ListArray.from_arrays(pa.array(ends, pa.int32()), pc.fill_null(flat, ""))
        texts = pc.binary_join_element_wise("[", pc.binary_join(cells, " "), "]", "")
        return pc.if_else(array.is_valid(), texts, "")
    if pa.types.is_string(array.type):
        odd = pc.or_(pc.match_substring_regex(array, '[",\r\n]'), pc.equal(array, ""))
        if pc.any(odd).as_py():
            quoted = pc.binary_join_element_wise('"', pc.replace_substring(array, '"', '""'), '"', "")
            array = pc.if_else(odd, quoted, array)
        return pc.fill_null(array, "")
    if pa.types.is_floating(array.type):
        return pc.fill_null(number_texts(array), "")
    return pc.fill_null(pc.cast(array, pa.string()), "")
