"""Three rows with everything that is awkward in a format: nulls, ids above 2**53, NaN, odd texts."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from portal.table.columns import Column, Info, TableMeta

IDS = [2**62 + 1, None, -(2**60) - 3]
TEXTS = ["plain", None, 'q"u<o>t&e,\t\n é']
META = TableMeta(
    (
        Column("objectId", "long", ucd="meta.id;meta.main", description="the id", id="col_0"),
        Column("flux", "float", unit="nJy", id="col_1"),
        Column("mag", "double", unit="mag", id="col_2"),
        Column("detector", "short", id="col_3"),
        Column("visit", "int", id="col_4"),
        Column("byte", "unsignedByte", id="col_5"),
        Column("flag", "boolean", id="col_6"),
        Column("band", "char", "*", id="col_7"),
    ),
    name="result",
    infos=(Info("QUERY", "SELECT <everything>"),),
)
ROWS = pa.table(
    [
        pa.array(IDS, pa.int64()),
        pa.array([1.5, None, np.nan], pa.float32()),
        pa.array([0.1, 2.0, None], pa.float64()),
        pa.array([-3, None, 188], pa.int16()),
        pa.array([None, 7, -8], pa.int32()),
        pa.array([0, None, 255], pa.uint8()),
        pa.array([True, False, None]),
        pa.array(TEXTS),
    ],
    schema=META.to_schema(),
)


class Answer:
    """What a query gives to a writer, without an engine."""

    def __init__(self, meta: TableMeta = META, rows: pa.Table = ROWS, overflow: bool = False) -> None:
        self.meta, self.rows, self.overflow, self.closed = meta, rows, overflow, False

    def open(self) -> TableMeta:
        return self.meta

    def batches(self):
        yield from self.rows.slice(0, 2).to_batches()
        yield from self.rows.slice(2).to_batches()

    def check(self) -> None:
        pass

    def close(self) -> None:
        self.closed = True
