"""A derived column before it is made: its first values beside those it is computed from, and how many are null."""

from __future__ import annotations

from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from portal.table.cells import cell_texts
from portal.table.columns import Column
from portal.table.derive import Definition
from portal.table.engine import Stop
from portal.table.order import NATURAL, RowView
from portal.table.result import ResultTable

SHOWN_ROWS = 5
COUNTED_ROWS = 100_000  # for nulls and range: 10 ms, so that it can be done while one types
SHOWN_COLUMNS = 4  # of those it is computed from


class Preview(NamedTuple):
    """``rows`` hold texts (None for null) of the columns ``names``, then of the new one.

    ``nulls``, ``minimum`` and ``maximum`` are of the first ``read`` rows, which are all of them if ``whole``.
    """

    column: Column
    kind: str
    names: tuple[str, ...]
    rows: tuple[tuple[str | None, ...], ...]
    nulls: int
    read: int
    whole: bool
    minimum: str = ""
    maximum: str = ""


def preview(
    result: ResultTable, said: Definition, view: RowView = NATURAL, old: str = "", stop: Stop | None = None
) -> Preview:
    """What the column would be, ``old`` naming the one it would replace. Raises QueryError as ``derive`` does."""
    item = result.defined(said, old)
    now = result.now()
    earlier = tuple(one for one in now.derived if one.name != old)
    now = now._replace(derived=(*earlier, item))
    names = sorted(item.uses)[:SHOWN_COLUMNS]
    rows, _ = result.page(view, 0, SHOWN_ROWS, [], stop)
    cells = now.cells([*names, item.name], rows)
    columns = [*(now.meta.column(name) for name in names), item.column]
    texts = [cell_texts(column, cells[column.name]) for column in columns]
    read = min(now.n_rows, COUNTED_ROWS)
    values = now.cells([item.name], slice(0, read))[item.name]
    ends = pc.min_max(values) if values.null_count < read and not item.column.is_text else None
    low, high = cell_texts(item.column, pa.array([ends["min"], ends["max"]])) if ends is not None else ("", "")
    return Preview(
        item.column, item.column.datatype, tuple(names), tuple(zip(*texts)), values.null_count, read,
        read == now.n_rows, low, high,
    )  # fmt: skip
