"""Tables of FITS files (FITS 4.0, section 7): rows of an HDU by slabs, whatever its size.

What FITS cannot say of columns is taken from the VOTable in the primary HDU, where STILTS and TOPCAT put it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pyarrow as pa

from portal.errors import FormatError, LimitError, TriviewError
from portal.table.columns import Column, Param, TableMeta
from portal.table.foreign.dialect import MOST_COLUMNS
from portal.table.foreign.fits_cells import Field, Heap, ascii_field, binary_field
from portal.table.foreign.fits_file import Hdu, hdus
from portal.table.foreign.kinds import Kind, Options, Part
from portal.table.foreign.told import BATCH_BYTES, Given, Told, text_of

PLUS_LIMIT = 16 << 20  # bytes of a VOTable in the primary HDU
FIRST_ROWS = 1000
MOST_ROWS = 131_072
MOST_CARDS = 500  # kept as parameters
STRUCTURE = ("SIMPLE", "XTENSION", "BITPIX", "NAXIS", "PCOUNT", "GCOUNT", "TFIELDS", "THEAP", "EXTEND", "END",
             "COMMENT", "HISTORY", "CHECKSUM", "DATASUM", "EXTNAME", "VOTMETA")  # fmt: skip
OF_COLUMNS = ("TTYPE", "TFORM", "TUNIT", "TNULL", "TSCAL", "TZERO", "TDISP", "TDIM", "TBCOL", "TUCD", "TUTYP", "TCOMM",
              "TXTYP", "TDESC")  # fmt: skip


def look(given: Given, options: Options) -> Kind:
    """The tables of the file, by HDU; a MOC is named as one."""
    notes: list[str] = []
    parts = []
    with given.path.open("rb") as file:
        for hdu in hdus(file, given.size):
            if hdu.is_table:
                if _is_moc(hdu):
                    return Kind("moc", "MOC (FITS)", (), ("This is a coverage map (MOC), not a table of rows.",))
                part = Part(hdu.number, hdu.name, hdu.whole("NAXIS2"), hdu.whole("TFIELDS"))
                parts.append(part)
                if hdu.there < hdu.size:
                    notes.append(f"HDU {hdu.number} ends too early: the file was probably cut.")
    if not parts:
        raise FormatError("The FITS file holds no table.", "Give a file with a BINTABLE or TABLE extension.")
    return Kind("fits", "FITS", tuple(parts), tuple(notes))


def _is_moc(hdu: Hdu) -> bool:
    marks = ("MOCORDER", "MOCORD_S", "MOCORD_T", "MOCORD_F", "MOCVERS")
    return hdu.whole("TFIELDS") == 1 and any(key in hdu.header for key in marks)


def read(given: Given, options: Options, told: Told) -> Iterator[pa.RecordBatch]:
    """The rows of the HDU asked for, else of the first table. Raises FormatError after the rows of a cut file."""
    with given.path.open("rb") as file:
        plus, chosen = None, None
        for hdu in hdus(file, given.size):
            if hdu.number == 0 and hdu.header.get("VOTMETA") and hdu.size <= PLUS_LIMIT:
                file.seek(hdu.start)
                plus = file.read(hdu.size).rstrip(b"\0")
            if hdu.is_table and options.part in (-1, hdu.number):
                chosen = hdu
                break
            if hdu.is_table:
                plus = None  # it is the first table that is read of it, which is another one
        if chosen is None:
            raise FormatError("The FITS file has no such table.", "Choose another HDU.")
        if chosen.header.get("ZTABLE"):
            raise FormatError("The FITS table is compressed by tiles, which is not read.", "Unpack it with funpack.")
        fields = _fields(chosen)
        told.meta = _described(chosen, [item.column for item in fields], plus, told)
        yield from _rows(file, chosen, fields, told)


def _fields(hdu: Hdu) -> list[Field]:
    count, width = hdu.whole("TFIELDS"), hdu.whole("NAXIS1")
    if count > MOST_COLUMNS:
        raise LimitError(f"The FITS table has {count:,} columns; at most {MOST_COLUMNS:,} are read.")
    if not count:
        raise FormatError("The FITS table has no columns.")
    fields, at = [], 0
    for number in range(1, count + 1):
        if hdu.value("XTENSION") == "TABLE":
            item = ascii_field(hdu, number)
        else:
            item = binary_field(hdu, number, at)
            at += item.width
        if item.start + item.width > width:
            raise FormatError(f"Column {item.column.name} of the FITS table lies outside its row.")
        fields.append(item)
    return fields


def _rows(file, hdu: Hdu, fields: list[Field], told: Told) -> Iterator[pa.RecordBatch]:
    width, total = hdu.whole("NAXIS1"), hdu.whole("NAXIS2")
    there = min(total, hdu.there // width) if width else 0
    heap = Heap(file, hdu, hdu.whole("THEAP", width * total))
    for item in fields:
        if item.huge_possible and _is_huge(file, hdu, item, there):
            item.as_text()
            told.note(f"Column {item.column.name} has numbers over 2^63 and is kept as text.")
    told.meta = replace(told.meta, columns=tuple(
        replace(column, datatype=item.column.datatype, arraysize=item.column.arraysize, null="")
        for column, item in zip(told.meta.columns, fields)
    ))  # fmt: skip
    schema, at, rows = told.meta.to_schema(), 0, FIRST_ROWS
    while at < there:
        rows = max(1, min(rows, MOST_ROWS, BATCH_BYTES // width, there - at))
        file.seek(hdu.start + at * width)
        slab = np.frombuffer(file.read(rows * width), np.uint8).reshape(rows, width)
        try:
            arrays = [item.cells(slab, heap) for item in fields]
        except MemoryError:
            if rows == 1:
                raise
            rows = max(1, rows // 8)  # cells of the heap are larger than they looked
            continue
        at += rows
        told.fraction = at / total
        yield pa.RecordBatch.from_arrays(arrays, schema=schema)
        rows = min(rows * 8, MOST_ROWS)
    if there < total:
        raise FormatError(
            f"The FITS table announces {total:,} rows; the file ends after {there:,}.", "It was probably cut."
        )


def _is_huge(file, hdu: Hdu, item: Field, there: int) -> bool:
    """Whether an unsigned 64-bit column has values a long cannot hold."""
    width = hdu.whole("NAXIS1")
    rows = max(1, BATCH_BYTES // width)
    for at in range(0, there, rows):
        file.seek(hdu.start + at * width)
        taken = min(rows, there - at)
        slab = np.frombuffer(file.read(taken * width), np.uint8).reshape(taken, width)
        if (slab[:, item.start : item.start + item.width].reshape(-1, 8)[:, 0] < 128).any():
            return True  # stored with 2^63 taken off: a sign bit that is not set means over 2^63
    return False


def _described(hdu: Hdu, columns: list[Column], plus: bytes | None, told: Told) -> TableMeta:
    params = []
    for card in list(hdu.header.cards)[: 20 * MOST_CARDS]:
        key = str(card.keyword)
        if key.rstrip("0123456789") in (*STRUCTURE, *OF_COLUMNS, "") or len(params) >= MOST_CARDS:
            continue
        try:
            params.append(Param(key, text_of(card.value), arraysize="*", description=text_of(card.comment)))
        except Exception:  # noqa: BLE001 - astropy parses a card when it is looked at; a broken one is not worth a table
            told.note("Some cards of the FITS header are not valid and were left out.")
    meta = TableMeta(tuple(columns), name=hdu.name, params=tuple(params))
    if plus is None:
        return meta
    from portal.table.votable_read import read_votable

    try:
        said, _ = read_votable(plus)
    except TriviewError:
        told.note("The VOTable in the primary HDU could not be read; UCDs and descriptions are missing.")
        return meta
    if len(said.columns) != len(columns):
        return meta
    words = ("name", "unit", "ucd", "utype", "xtype", "description", "id", "ref")
    joined = tuple(
        replace(column, **{key: getattr(known, key) for key in words if getattr(known, key)})
        for column, known in zip(columns, said.columns)
    )
    return replace(said, columns=joined)
