"""What a user changes in a foreign table before it becomes a result: columns kept, names, types, units, positions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from portal.errors import FormatError
from portal.table.columns import Column, Info, TableMeta
from portal.table.foreign.guess import Positions, degrees
from portal.table.names import unique_names

RA, DEC = "pos.eq.ra;meta.main", "pos.eq.dec;meta.main"
NUMBERS = ("float", "double", "short", "int", "long")
ADDED = ("ra_icrs", "dec_icrs")  # positions in degrees, beside those in hours, sexagesimals or another frame


class Edit(NamedTuple):
    """One column to keep: its name in the file, then how it is to be called, typed and described."""

    column: str
    name: str
    datatype: str
    unit: str = ""
    description: str = ""


class Edits(NamedTuple):
    """All columns to keep, in order. ``positions`` name columns of the file."""

    columns: tuple[Edit, ...]
    positions: Positions | None = None

    def converts(self, meta: TableMeta) -> bool:
        """Whether columns of positions in ICRS degrees are added: those of the file are none, or are not kept."""
        if self.positions is None:
            return False
        names = {self.positions.ra, self.positions.dec}
        kept = {edit.column: edit.datatype for edit in self.columns}
        numbers = all((kept.get(c.name) or c.datatype) in NUMBERS for c in meta.columns if c.name in names)
        return (self.positions.unit, self.positions.frame) != ("deg", "icrs") or not names <= kept.keys() or not numbers


def edited_meta(meta: TableMeta, edits: Edits) -> TableMeta:
    """The description of the table as edited. Raises FormatError for a column that the file does not have."""
    known = {column.name: column for column in meta.columns}
    lost = [edit.column for edit in edits.columns if edit.column not in known]
    if lost or not edits.columns:
        raise FormatError(f"The file has no column {lost[0]}." if lost else "No column is left.", "Open it again.")
    places, converts = edits.positions, edits.converts(meta)
    plain = places is not None and not converts
    columns = []
    for edit in edits.columns:
        column = known[edit.column]
        if edit.datatype and edit.datatype != column.datatype:
            # Units and UCDs stay; what the values of the old type were is no longer true.
            arraysize = "*" if edit.datatype == "char" else ""
            column = replace(column, datatype=edit.datatype, arraysize=arraysize, xtype="", null="")
        ucd = column.ucd
        if places is not None and ucd.lower().startswith("pos.eq."):
            ucd = ";".join(word for word in ucd.split(";") if word.strip().lower() != "meta.main")
        if plain and edit.column in (places.ra, places.dec):
            ucd = RA if edit.column == places.ra else DEC
        unit = "deg" if plain and edit.column in (places.ra, places.dec) else edit.unit.strip()
        name = edit.name.strip() or edit.column
        columns.append(replace(column, name=name, unit=unit, ucd=ucd, description=edit.description.strip()))
    if converts:
        told = f"ICRS degrees of {places.ra} and {places.dec} ({places.unit}, {places.frame})"
        columns += [Column(name, "double", "", "deg", ucd, description=told) for name, ucd in zip(ADDED, (RA, DEC))]
    unique, labels = unique_names(columns)
    notes = tuple(Info("NOTE", note) for note in places.notes) if places is not None else ()
    return replace(meta, columns=unique, infos=(*meta.infos, *notes), extra={**meta.extra, **labels})


def edited_batches(
    meta: TableMeta, edits: Edits, batches: Iterable[pa.RecordBatch], first: int = 0
) -> Iterator[pa.RecordBatch]:
    """Batches of the file's columns as edited; ``first`` rows came before them.

    Raises FormatError, with row and value, when a value does not fit the type asked for.
    """
    told = edited_meta(meta, edits)
    schema, converts = told.to_schema(), edits.converts(meta)
    for batch in batches:
        arrays = []
        for edit, field in zip(edits.columns, schema):
            arrays.append(_cast(batch.column(edit.column), field.type, edit, first))
        if converts:
            arrays += [pa.array(values, from_pandas=True) for values in degrees(_table(batch), edits.positions)]
        first += batch.num_rows
        yield pa.RecordBatch.from_arrays(arrays, schema=schema)


def _table(batch: pa.RecordBatch) -> pa.Table:
    return pa.Table.from_batches([batch])


def _cast(array: pa.Array, wanted: pa.DataType, edit: Edit, first: int) -> pa.Array:
    if array.type == wanted:
        return array
    try:
        return _converted(array, wanted)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        place = _first_bad(array, wanted)
    if place < 0:
        raise FormatError(f"Column {edit.column} cannot be made {edit.datatype}.", "Choose another type.")
    raise FormatError(
        f"Column {edit.column}, row {first + place + 1:,}: {str(array[place].as_py())[:80]!r} is no {edit.datatype}"
        " (or would lose digits).",
        "Choose another type for this column, or text.",
    )


def _converted(array: pa.Array, wanted: pa.DataType) -> pa.Array:
    if pa.types.is_string(array.type) and not pa.types.is_string(wanted):
        array = pc.utf8_trim_whitespace(array)
        array = pc.if_else(pc.equal(array, ""), pa.scalar(None, array.type), array)
    return pc.cast(array, wanted)


def _first_bad(array: pa.Array, wanted: pa.DataType) -> int:
    """Where the first value is that does not fit, by halves; -1 when each fits alone."""
    low, high = 0, len(array)
    while high - low > 1:
        middle = (low + high) // 2
        try:
            _converted(array.slice(low, middle - low), wanted)
            low = middle
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            high = middle
    try:
        _converted(array.slice(low, 1), wanted)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return low
    return -1
