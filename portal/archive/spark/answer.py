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
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from portal.adql.spark import SparkQuery
from portal.errors import CancelledError, LimitError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

log = logging.getLogger(__name__)
SIZE_SECONDS = 1.0  # between looks at what the workers have written


class Answer:
    """The rows of a query on Spark, as a reader of record batches: ``schema``, ``next``, ``close``.

    ``schema`` gives the types the batches shall have: those of DuckDB for the same SQL. At most ``most_bytes`` are
    written into ``folder``. ``rows`` is the size of a batch.
    """

    def __init__(
        self, session: SparkSession, query: SparkQuery, schema: pa.Schema, folder: Path, rows: int, most_bytes: int
    ) -> None:
        self.schema = schema
        self._session, self._query, self._folder, self._rows = session, query, folder, rows
        self._most_bytes = most_bytes
        self._group = folder.name
        self._ended = threading.Event()
        self._cancelled = self._full = False
        self._batches: Iterator[pa.RecordBatch] = iter(())

    def run(self) -> bool:
        """Run it to its end; whether Spark could.

        Raises CancelledError when it was stopped, LimitError when it has written more than it may.
        """
        from py4j.protocol import Py4JError
        from pyspark.errors import PySparkException

        context = self._session.sparkContext
        watch = threading.Thread(target=self._watch, name="spark-size", daemon=True)
        try:
            context.setJobGroup(self._group, "ADQL", interruptOnCancel=True)
            frame = self._session.sql(self._query.sql)
            names = [f"c{place}" for place in range(len(frame.columns))]
            if len(names) != len(self.schema):
                return False
            self._check()
            watch.start()
            frame.toDF(*names).write.parquet(f"file://{self._folder}")
        except (PySparkException, Py4JError, OSError) as error:
            self._check()
            log.warning("Spark could not run a query: %s", _cause(error))
            return False
        finally:
            self._ended.set()
            context.setLocalProperty("spark.jobGroup.id", None)
        self._check()
        self._batches = self._read()
        return True

    @property
    def progress(self) -> float:
        """Per cent of the tasks known so far that are done; -1 before there are any."""
        if self._ended.is_set():
            return 99.0
        done, total = self._tasks()
        return min(99.0, 100.0 * done / total) if total else -1.0

    def cancel(self) -> None:
        """Stop it, from any thread; to be called again until ``run`` has returned."""
        from py4j.protocol import Py4JError

        self._cancelled = True
        if not self._ended.is_set():
            with contextlib.suppress(Py4JError, OSError):  # the Java process is gone, and the query with it
                self._session.sparkContext.cancelJobGroup(self._group)

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

    def _tasks(self) -> tuple[int, int]:
        from py4j.protocol import Py4JError

        done = total = 0
        with contextlib.suppress(Py4JError, OSError):  # asked while the session ends: nothing is known
            tracker = self._session.sparkContext.statusTracker()
            for number in tracker.getJobIdsForGroup(self._group):
                job = tracker.getJobInfo(number)
                for stage in job.stageIds if job is not None else ():
                    info = tracker.getStageInfo(stage)
                    if info is not None:
                        done, total = done + info.numCompletedTasks, total + info.numTasks
        return done, total

    def _watch(self) -> None:
        while not self._ended.wait(SIZE_SECONDS):
            if _size(self._folder) > self._most_bytes:
                self._full = True
                self.cancel()

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
