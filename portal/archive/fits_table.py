"""Writes a FITS file with one binary table (FITS 4.0, section 7.3); its primary HDU says in VOTable what FITS cannot.

That form is the one STILTS and TOPCAT call fits-plus. The header needs the number of rows, the width of texts and
whether a column has nulls, so the rows are kept in an unnamed file until the last one is there.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..errors import LimitError
from ..table.columns import Column, TableMeta
from ..table.votable_write import Trailer, votable_bytes

MOST_COLUMNS = 999  # TFIELDS in FITS
BLOCK = 2880
FORMS = {
    "boolean": ("L", "u1"),
    "unsignedByte": ("B", "u1"),
    "short": ("I", ">i2"),
    "int": ("J", ">i4"),
    "long": ("K", ">i8"),
    "float": ("E", ">f4"),
    "double": ("D", ">f8"),
}


@dataclass
class _Seen:
    """What the rows of one column turned out to be: longest cell, nulls, least and greatest whole number."""

    length: int = 0
    nulls: bool = False
    least: int = 0
    most: int = 0

    def look(self, array: pa.Array) -> None:
        self.nulls |= array.null_count > 0
        if pa.types.is_string(array.type):
            self.length = max(self.length, pc.max(pc.binary_length(array)).as_py() or 0)
        elif pa.types.is_list(array.type):
            self.length = max(self.length, pc.max(pc.list_value_length(array)).as_py() or 0)
        elif pa.types.is_integer(array.type):
            ends = pc.min_max(array).as_py()
            self.least, self.most = min(self.least, ends["min"] or 0), max(self.most, ends["max"] or 0)


def fits_bytes(meta: TableMeta, batches: Iterable[pa.RecordBatch], trailer, folder: Path | None) -> Iterator[bytes]:
    """The file in pieces, once all of ``batches`` has been read. ``trailer`` is asked after the last row.

    ``folder`` takes the unnamed file. Raises LimitError when there are more columns than FITS can hold.
    """
    if len(meta.columns) > MOST_COLUMNS:
        raise LimitError(
            f"A FITS table has at most {MOST_COLUMNS} columns; this result has {len(meta.columns)}.",
            "Ask for fewer columns, or for VOTable or Parquet.",
        )
    seen = [_Seen() for _ in meta.columns]
    rows = 0
    with tempfile.TemporaryFile(dir=folder) as file:
        with pa.ipc.new_file(file, meta.to_schema()) as writer:
            for batch in batches:
                rows += batch.num_rows
                for item, array in zip(seen, batch.columns):
                    item.look(array)
                writer.write_batch(batch)
        columns = [_Packed(column, item) for column, item in zip(meta.columns, seen)]
        end = trailer()
        yield _primary(meta, end) + _head(meta, columns, rows, end)
        file.seek(0, os.SEEK_SET)
        reader = pa.ipc.open_file(file)
        for number in range(reader.num_record_batches):
            yield _rows(columns, reader.get_batch(number))
    yield b"\0" * (-rows * sum(column.size for column in columns) % BLOCK)


class _Packed:
    """One column as FITS holds it: its form, its null, and its cells as an array of fixed items."""

    def __init__(self, column: Column, seen: _Seen) -> None:
        known = column.datatype if column.datatype in FORMS else "boolean" if column.datatype == "bit" else ""
        if known == "unsignedByte" and seen.nulls and seen.most == 255:
            known = "short"  # every byte means something: none is left to mean null
        self.column = column
        self.null: int | None = None
        self.text = not known or column.is_text
        if self.text:
            self.repeat = max(1, seen.length)
            self.form, self.type = f"{self.repeat}A", np.dtype(f"S{self.repeat}")
        else:
            code, kind = FORMS[known]
            self.repeat = seen.length if column.is_array else 1
            self.form = f"{self.repeat}{code}" if column.is_array else code
            self.type = np.dtype((kind, (self.repeat,))) if column.is_array else np.dtype(kind)
            if known != "boolean" and np.dtype(kind).kind in "iu" and (seen.nulls or column.is_array):
                ends = np.iinfo(kind)
                free = ends.min if seen.least > ends.min and ends.min < 0 else ends.max
                self.null = int(free)
        self.size = self.type.itemsize

    def cells(self, array: pa.Array) -> np.ndarray:
        if self.text:
            texts = pc.replace_substring_regex(pc.fill_null(array, ""), r"[^\x00-\x7f]", "?")
            padded = pc.ascii_rpad(texts, self.repeat, "\0").to_numpy(zero_copy_only=False)
            return padded.astype(self.type)
        if not self.column.is_array:
            return self._numbers(array)
        out = np.full((len(array), self.repeat), self._fill, self.type.base)
        counts = np.asarray(pc.fill_null(pc.list_value_length(array), 0))
        out[np.arange(self.repeat) < counts[:, None]] = self._numbers(array.flatten())
        return out

    @property
    def _fill(self) -> float:
        return np.nan if self.type.base.kind == "f" else self.null if self.null is not None else 0

    def _numbers(self, array: pa.Array) -> np.ndarray:
        if pa.types.is_boolean(array.type):
            codes = np.where(np.asarray(pc.fill_null(array, False)), np.uint8(ord("T")), np.uint8(ord("F")))
            codes[np.asarray(array.is_null())] = 0
            return codes
        if array.null_count:
            array = pc.fill_null(array.cast(pa.int16()) if self.form == "I" else array, self._fill)
        return np.asarray(array).astype(self.type.base)


def _rows(columns: list[_Packed], batch: pa.RecordBatch) -> bytes:
    kind = np.dtype([(f"c{place}", column.type) for place, column in enumerate(columns)])
    out = np.empty(batch.num_rows, kind)
    for place, (column, array) in enumerate(zip(columns, batch.columns)):
        out[f"c{place}"] = column.cells(array)
    return out.tobytes()


def _primary(meta: TableMeta, end: Trailer) -> bytes:
    """The primary HDU: the VOTable of this table without its rows, as an array of characters."""
    plain = tuple(replace(column, arraysize="*") if column.is_text else column for column in meta.columns)
    document = b"".join(votable_bytes(replace(meta, columns=plain), (), "TABLEDATA", lambda: end))
    start, _, rest = document.partition(b"<DATA>")
    document = start + rest.partition(b"</DATA>\n")[2]
    cards = [
        _card("SIMPLE", True, "conforms to FITS"),
        _card("BITPIX", 8, "characters"),
        _card("NAXIS", 1),
        _card("NAXIS1", len(document), "number of characters"),
        _card("VOTMETA", True, "table metadata in VOTable format"),
        _card("EXTEND", True),
    ]
    return _block("".join(cards)) + document + b"\0" * (-len(document) % BLOCK)


def _head(meta: TableMeta, columns: list[_Packed], rows: int, end: Trailer) -> bytes:
    cards = [
        _card("XTENSION", "BINTABLE"),
        _card("BITPIX", 8),
        _card("NAXIS", 2),
        _card("NAXIS1", sum(column.size for column in columns), "bytes of a row"),
        _card("NAXIS2", rows, "rows"),
        _card("PCOUNT", 0),
        _card("GCOUNT", 1),
        _card("TFIELDS", len(columns)),
        _card("EXTNAME", meta.name or "result"),
        _card("QSTATUS", "OVERFLOW" if end.overflow else "OK", "OVERFLOW: the service cut the rows"),
    ]
    for number, packed in enumerate(columns, 1):
        column = packed.column
        cards.append(_card(f"TTYPE{number}", column.name))
        cards.append(_card(f"TFORM{number}", packed.form))
        if packed.null is not None:
            cards.append(_card(f"TNULL{number}", packed.null))
        for key, value in (
            ("TUNIT", column.unit),
            ("TUCD", column.ucd),
            ("TUTYP", column.utype),
            ("TCOMM", column.description),
        ):
            if value:
                cards.append(_card(f"{key}{number}", value))
    return _block("".join(cards))


def _card(key: str, value: bool | int | str, comment: str = "") -> str:
    """One header card of 80 characters; a text is cut to what fits on it."""
    if isinstance(value, str):
        plain = value.encode("ascii", "replace").decode()
        plain = "".join(mark if mark.isprintable() else " " for mark in plain)
        while len(inside := plain.replace("'", "''")) > 68:
            plain = plain[:-1]
        shown = f"'{inside:<8}'"
    else:
        shown = f"{('T' if value else 'F') if isinstance(value, bool) else value:>20}"
    card = f"{key:<8}= {shown}" + (f" / {comment}" if comment else "")
    return f"{card[:80]:<80}"


def _block(cards: str) -> bytes:
    text = cards + f"{'END':<80}"
    return (text + " " * (-len(text) % BLOCK)).encode("ascii")
