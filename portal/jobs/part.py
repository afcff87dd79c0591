"""A part of a result as a result of its own: the rows that a view keeps, in its order. Work for ``Runner.make``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa

from ..errors import QueryError
from ..table.columns import Info, TableMeta
from ..table.moment import Moment
from ..table.order import RowView
from .job import Job
from .runner import Make, Runner

CHUNK = 65_536  # rows copied at once: 8 MB of a usual catalogue row


def part_of(runner: Runner, source: str, view: RowView, infos: Sequence[Info] = ()) -> Make:
    """Copies the rows of a view of the result ``source``; ``infos`` join what is known of it."""

    def work(job: Job) -> tuple[TableMeta, Iterator[pa.RecordBatch]]:
        table = runner.acquire(source)
        if table is None:
            raise QueryError("There are no rows to copy.", "Wait until rows have come.")
        try:
            job.progress = job.progress._replace(text="Choosing rows")
            # What is copied stays as it is now, though a computed column be changed or the result closed meanwhile.
            now = table.now()
            rows = table.rows(view, job.stop, now)
        finally:
            runner.release(source)
        meta = replace(now.meta, infos=(*now.meta.infos, *infos))
        return meta, _copied(now, rows, job)

    return work


def _copied(now: Moment, rows: np.ndarray | None, job: Job) -> Iterator[pa.RecordBatch]:
    total = now.n_rows if rows is None else len(rows)
    for start in range(0, total, CHUNK):
        end = min(start + CHUNK, total)
        cells = now.cells(None, slice(start, end) if rows is None else rows[start:end])
        job.progress = job.progress._replace(text="Copying rows", fraction=start / total)
        yield from cells.to_batches()
