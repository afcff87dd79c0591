"""Two results joined into one of their own. Work for ``Runner.make``, and what a match would give, told beforehand."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from ..errors import QueryError
from ..table.columns import TableMeta
from ..table.engine import Stop
from ..table.joining import Keep, joined_batches, joined_meta, kept_pairs, match_keys
from ..table.match import Chance, Mode, Pairs, Progress, Sky, chance, match_positions
from ..table.names import quoted
from ..table.order import RowView
from ..table.result import ResultTable
from .job import Job
from .runner import Make, Runner


class Side(NamedTuple):
    """One of the two: the key of a result, its title, and the predicate of the rows that take part ("" for all)."""

    key: str
    title: str
    where: str = ""


class How(NamedTuple):
    """By position (``radius`` arcsec, ``mode``) when ``keys`` is empty, else by a column of each."""

    radius: float = 1.0
    mode: Mode = "mutual"
    keys: tuple[str, str] = ("", "")

    def words(self) -> str:
        if self.keys[0]:
            return f"{self.keys[0]} = {self.keys[1]}"
        return f'within {self.radius:g}" ({self.mode})'


def joined_of(runner: Runner, first: Side, second: Side, how: How, keep: Keep) -> Make:
    """Finds the pairs and copies their rows side by side."""

    def work(job: Job) -> tuple[TableMeta, Iterator[pa.RecordBatch]]:
        def progress(share: float) -> None:
            job.progress = job.progress._replace(text="Matching", fraction=0.5 * share)

        with _both(runner, first, second) as (left, right):
            rows = left.where(first.where, job.stop)
            pairs = kept_pairs(_pairs(left, right, first, second, how, job.stop, progress), rows, keep)
            apart = pairs.separation is not None
            meta = joined_meta(left.meta, right.meta, keep, (first.title, second.title), how.words(), apart)
        return meta, _rows(runner, first, second, pairs, meta, job)

    return work


def chance_of(runner: Runner, first: Side, second: Side, how: How, stop: Stop) -> Chance:
    """What a match by position would find, and how much of it by chance."""
    with _both(runner, first, second) as (left, right):
        skies = [_sky(table, side, stop)[1] for table, side in ((left, first), (right, second))]
        return chance(skies[0], skies[1], how.radius, how.mode, stop)


def _rows(
    runner: Runner, first: Side, second: Side, pairs: Pairs, meta: TableMeta, job: Job
) -> Iterator[pa.RecordBatch]:
    done = 0
    with _both(runner, first, second) as (left, right):
        for batch in joined_batches(left, right, pairs, meta, job.stop):
            done += batch.num_rows
            job.progress = job.progress._replace(text="Copying rows", fraction=0.5 + 0.5 * done / len(pairs.left))
            yield batch


@contextmanager
def _both(runner: Runner, *sides: Side) -> Iterator[list[ResultTable]]:
    tables = []
    try:
        for side in sides:
            table = runner.acquire(side.key)
            if table is None:
                raise QueryError(f"{side.title} has no rows.", "Wait until rows have come.")
            tables.append(table)
        yield tables
    finally:
        for side, _ in zip(sides, tables):
            runner.release(side.key)


def _pairs(
    left: ResultTable, right: ResultTable, first: Side, second: Side, how: How, stop: Stop, progress: Progress
) -> Pairs:
    """Pairs of row numbers of the two results, of the rows that take part."""
    if not how.keys[0]:
        (a_rows, a), (b_rows, b) = _sky(left, first, stop), _sky(right, second, stop)
        found = match_positions(a, b, how.radius, how.mode, stop, progress)
    else:
        columns = []
        for table, side, name in ((left, first, how.keys[0]), (right, second, how.keys[1])):
            if all(item.name != name for item in table.meta.columns):
                raise QueryError(f"{side.title} has no column {name}.")
            rows = table.where(side.where, stop)
            columns.append((rows, table.take(rows, [name])[0]))
        (a_rows, a), (b_rows, b) = columns
        found = match_keys(a, b, stop)
    return Pairs(a_rows[found.left].astype(np.int64), b_rows[found.right].astype(np.int64), found.separation)


def _sky(table: ResultTable, side: Side, stop: Stop) -> tuple[np.ndarray, Sky]:
    """Row numbers that take part, and their positions."""
    names = table.positions()
    if names is None:
        raise QueryError(f"{side.title} has no position columns.", "Join it by an id.")
    rows = table.rows(RowView((), side.where), stop)
    ra, dec = table.numbers([quoted(name) for name in names], "", stop)
    if rows is None:
        return np.arange(len(ra)), (ra, dec)
    return rows, (ra[rows], dec[rows])
