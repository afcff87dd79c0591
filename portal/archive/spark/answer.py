"""One query on the cluster: run, watched and stopped; its rows come from the files that the workers write.

The workers write Parquet into the archive's scratch folder, which they share with it as they do the sample. So an
answer of any size passes without being held in memory, and a worker that dies leaves no half of its rows: what its
tasks had not finished is written again by another worker.
"""

from __future__ import annotations

import contextlib
import logging
import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from portal.adql.spark import SparkQuery
from portal.errors import CancelledError, LimitError

from .driver import Driver

log = logging.getLogger(__name__)
LOOK_SECONDS = 1.0  # between looks at what the workers have written, and whether there are any
ALONE_SECONDS = 60.0  # without a worker before the query is given up; one that died is there again long before


class Answer:
    """The rows of a query on Spark, as a reader of record batches: ``schema``, ``next``, ``close``.

    ``schema`` gives the types the batches shall have, those of DuckDB for the same SQL, and ``batch`` their size. At
    most ``most_bytes`` are written into ``folder``. ``total``: rows that are read from tables. Of queries at the same
    time, those in different pools get even shares of the cores, those in one come one after the other.
    """

    def __init__(
        self,
        driver: Driver,
        query: SparkQuery,
        schema: pa.Schema,
        folder: Path,
        *,
        batch: int,
        most_bytes: int,
        total: int,
        pool: str,
    ) -> None:
        self.schema = schema
        self._driver, self._query, self._folder, self._rows = driver, query, folder, batch
        self._most_bytes, self._total = most_bytes, total
        self._group, self._pool = folder.name, pool
        self._ended = threading.Event()
        self._cancelled = self._full = self._alone = False
        self._batches: Iterator[pa.RecordBatch] = iter(())

    def run(self) -> bool:
        """Run it to its end; whether Spark could.

        Raises CancelledError when it was stopped, LimitError when it has written more than it may.
        """
        from py4j.protocol import Py4JError
        from pyspark.errors import PySparkException

        context = self._driver.session.sparkContext
        watch = threading.Thread(target=self._watch, name="spark-watch", daemon=True)
        try:
            context.setJobGroup(self._group, "ADQL", interruptOnCancel=True)
            context.setLocalProperty("spark.scheduler.pool", self._pool)
            frame = self._driver.session.sql(self._query.sql)
            names = [f"c{place}" for place in range(len(frame.columns))]
            if len(names) != len(self.schema):
                return False
            self._check()
            watch.start()
            frame.toDF(*names).write.parquet(f"file://{self._folder}")
        except (PySparkException, Py4JError, OSError, AttributeError) as error:  # without its process it lacks parts
            self._check()
            why = f"no worker for {ALONE_SECONDS:.0f} s" if self._alone else _cause(error)
            log.warning("Spark could not run a query, DuckDB does: %s", why)
            return False
        finally:
            self._ended.set()
            with contextlib.suppress(Py4JError, OSError, AttributeError):
                for name in ("spark.jobGroup.id", "spark.scheduler.pool"):  # this thread runs other queries
                    context.setLocalProperty(name, None)
        self._check()
        self._batches = self._read()
        return True

    @property
    def progress(self) -> float:
        """Per cent of the rows to be read that have been; -1 before there are any. What comes after is not known."""
        if self._ended.is_set():
            return 99.0
        read = self._rows_read()
        return min(99.0, 100.0 * read / self._total) if read and self._total else -1.0

    def cancel(self) -> None:
        """Stop it, from any thread; to be called again until ``run`` has returned."""
        self._cancelled = True
        self._interrupt()

    def _interrupt(self) -> None:
        from py4j.protocol import Py4JError

        if not self._ended.is_set():
            with contextlib.suppress(Py4JError, OSError, AttributeError):  # its process is gone, and the query with it
                self._driver.session.sparkContext.cancelJobGroup(self._group)

    def __iter__(self) -> Answer:
        return self

    def __next__(self) -> pa.RecordBatch:
        return next(self._batches)

    def close(self) -> None:
        """Give back the disk space; stops it if it runs."""
        if not self._ended.is_set():
            self.cancel()
        self._batches = iter(())
        shutil.rmtree(self._folder, ignore_errors=True)

    def _check(self) -> None:
        if self._full:
            raise LimitError(f"The answer is larger than {self._most_bytes >> 30} GiB.", "Bound it further.")
        if self._cancelled:
            raise CancelledError("The query was stopped.")

    def _rows_read(self) -> int:
        """Rows that its tasks have read from tables, as far as the workers have told."""
        from py4j.protocol import Py4JError

        read = 0
        with contextlib.suppress(Py4JError, OSError, AttributeError):  # asked while the session ends: nothing is known
            context = self._driver.session.sparkContext
            tracker, store = context.statusTracker(), context._jsc.sc().statusStore()
            jobs = [tracker.getJobInfo(number) for number in tracker.getJobIdsForGroup(self._group)]
            for stage in {stage for job in jobs if job is not None for stage in job.stageIds}:
                with contextlib.suppress(Py4JError):  # not begun yet
                    read += store.lastStageAttempt(stage).inputRecords()
        return read

    def _watch(self) -> None:
        seen = time.monotonic()
        while not self._ended.wait(LOOK_SECONDS):
            if _size(self._folder) > self._most_bytes:
                self._full = True
            if self._driver.workers:
                seen = time.monotonic()
            self._alone = self._alone or time.monotonic() - seen > ALONE_SECONDS
            if self._full or self._alone:
                self._interrupt()

    def _read(self) -> Iterator[pa.RecordBatch]:
        """The rows in order: part files are numbered in the order of the sort."""
        skip, left = self._query.skip, self._query.most
        for path in sorted(self._folder.glob("part-*.parquet")):
            with pq.ParquetFile(path) as file:
                for batch in file.iter_batches(self._rows):
                    dropped = min(skip, batch.num_rows)
                    skip -= dropped
                    batch = batch.slice(dropped, left)
                    if left is not None:
                        left -= batch.num_rows
                    if batch.num_rows:
                        yield self._typed(batch)
                    if left == 0:
                        return

    def _typed(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        arrays = [
            values if values.type == field.type else values.cast(field.type, safe=pa.types.is_integer(field.type))
            for values, field in zip(batch.columns, self.schema)
        ]
        return pa.RecordBatch.from_arrays(arrays, schema=self.schema)


def _cause(error: Exception) -> str:
    """The one line of a Java stack that tells what happened."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    told = [line for line in lines if line.startswith("Caused by")]
    return (told[-1:] or lines[:1] or [type(error).__name__])[0][:500]


def _size(folder: Path) -> int:
    """Bytes below a folder whose files come and go."""
    total = 0
    for path in folder.rglob("*"):
        with contextlib.suppress(FileNotFoundError):
            total += path.stat().st_size
    return total
