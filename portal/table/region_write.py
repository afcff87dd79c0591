"""Writes the positions of a table as DS9 regions: points, or circles of a radius, with ids as text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from portal.table.columns import Column, TableMeta
from portal.table.votable_pack import joined_rows, number_texts

RADIUS = 1.0  # arcseconds: a seeing disk, large enough to be seen and small enough to part neighbours
FRAMES = {"fk5": "fk5", "fk4": "fk4", "eq_fk5": "fk5", "eq_fk4": "fk4", "galactic": "galactic"}


def id_column(columns: Iterable[Column]) -> str:
    """The name of the column that says which row this is: by UCD (``meta.id;meta.main`` first), then by name."""
    known = list(columns)
    for main in (True, False):
        for item in known:
            words = item.ucd.lower().split(";")
            if words[0] == "meta.id" and ("meta.main" in words) >= main and not item.is_array:
                return item.name
    return next((item.name for item in known if item.name.lower() in ("id", "objectid", "source_id", "name")), "")


def region_bytes(
    meta: TableMeta, positions: tuple[str, str], batches: Iterable[pa.RecordBatch], radius: float = 0.0
) -> Iterator[bytes]:
    """A region file in pieces. Batches have the two columns of ``positions`` (degrees) and then, if any, the id.

    ``radius`` in arcseconds; 0 gives points. Rows without a position are left out and counted in the last line.
    """
    notes = [f"# {' '.join(f'{item.name}: {item.value} {item.text}'.split())}" for item in meta.infos]
    notes = [note.replace(";", ",") for note in notes]  # DS9 begins a new command there, also behind #
    if meta.overflow:
        notes.append("# OVERFLOW: the service cut this result; there are more rows")
    head = ["# Region file format: DS9 version 4.1", *notes, "global color=green", frame(meta, positions[0])]
    yield ("\n".join(head) + "\n").encode()
    ends = f',{radius:g}") # ' if radius else ") # point=circle "
    left_out = 0
    for batch in batches:
        good = np.isfinite(_degrees(batch.column(0))) & np.isfinite(_degrees(batch.column(1)))
        left_out += int((~good).sum())
        rows = batch.filter(pa.array(good))
        ra, dec = number_texts(rows.column(0)), number_texts(rows.column(1))
        parts = ["circle(" if radius else "point(", ra, ",", dec, ends]
        if rows.num_columns > 2:
            # Braces hold the text, so those inside it become others.
            names = pc.replace_substring_regex(pc.cast(rows.column(2), pa.string()), "[{}\r\n]", " ")
            parts += ["text={", pc.fill_null(names, ""), "}"]
        yield joined_rows(pc.binary_join_element_wise(*parts, "\n", ""))
    if left_out:
        yield f"# {left_out:,} rows without a position are not here\n".encode()


def frame(meta: TableMeta, name: str) -> str:
    """The frame of a position column by its COOSYS, as DS9 calls it; ICRS unless it says otherwise."""
    ref = next((item.ref for item in meta.columns if item.name == name), "")
    systems = [item for item in meta.coosys if item.get("ID") == ref] or list(meta.coosys)[:1]
    return FRAMES.get(systems[0].get("system", "").lower(), "icrs") if systems else "icrs"


def _degrees(array: pa.Array) -> np.ndarray:
    return np.asarray(pc.fill_null(pc.cast(array, pa.float64()), np.nan))
