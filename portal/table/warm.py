"""Loads the compiled loops and the engine once, so that the first result of a fresh process does not wait for them."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa

from portal.table.columns import Column, TableMeta
from portal.table.histogram import bin_counts
from portal.table.result import ResultTable, RowView
from portal.table.votable_read import read_votable
from portal.table.votable_write import votable_bytes

KINDS = ("long", "double", "int", "float", "short", "unsignedByte", "boolean", "char")


def warm() -> None:
    """Write, read, store, order and page a table of two rows. Takes about a second once; call it in a thread."""
    meta = TableMeta(tuple(Column(kind, kind, "*" if kind == "char" else "") for kind in KINDS))
    arrays = [pa.array([None, None], item.arrow) for item in meta.columns]
    batch = pa.RecordBatch.from_arrays(arrays, schema=meta.to_schema())
    with tempfile.TemporaryDirectory(prefix="triview-warm-") as folder:
        for serialization in ("BINARY2", "TABLEDATA"):
            _, table = read_votable(b"".join(votable_bytes(meta, [batch], serialization)))
        result = ResultTable.from_arrow(Path(folder) / "warm", meta, table)
        view = RowView((("double", True),), '"int" IS NULL')
        result.page(view, 0, 2)
        result.place(view, 1)
        result.place(RowView((), view.where), 1)
        result.take(np.array([1, 0]))
        result.numbers(['"float"', '"double" + 1e0'])
        result.delete()
    for kind in (np.float32, np.float64):
        bin_counts(np.zeros(1, kind), 0.0, 1.0, 2)
