"""A part of a result as a result of its own: the rows that a view keeps, in its order. Work for ``Runner.make``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import pyarrow as pa

from ..errors import QueryError
from ..table.columns import Info, TableMeta
from ..table.order import RowView
from ..table.result import ResultTable
from .job import Job
from .runner import Make, Runner

CHUNK = 65_536  # rows copied at once: 8 MB of a usual catalogue row


def part_of(runner: Runner, source: str, view: RowView, infos: Sequence[Info] = ()) -> Make:
    """Copies the rows of a view of the result ``source``; ``infos`` join what is known of it."""

    def work(job: Job) -> tuple[TableMeta, Iterator[pa.RecordBatch]]:
        table = runner.acquire(source)
        if table is None:
            raise QueryError("There are no rows to copy.", "Wait until rows have come.")
        meta = replace(table.meta, infos=(*table.meta.infos, *infos))
        return meta, _copied(runner, source, table, view, job)

    return work


def _copied(runner: Runner, source: str, table: ResultTable, view: RowView, job: Job) -> Iterator[pa.RecordBatch]:
    try:
        job.progress = job.progress._replace(text="Choosing rows")
        rows = table.rows(view, job.stop)
        total = table.n_rows if rows is None else len(rows)
        for start in range(0, total, CHUNK):
            if rows is None:
                cells = table.page(view, start, min(CHUNK, total - start))[1]
            else:
                cells = table.take(rows[start : start + CHUNK])
            job.progress = job.progress._replace(text="Copying rows", fraction=start / total)
            yield from cells.to_batches()
    finally:
        runner.release(source)
