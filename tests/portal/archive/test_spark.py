"""Queries over whole tables on a Spark cluster: the same rows as from DuckDB, whatever becomes of the cluster.

One cluster of two workers serves the whole file; the tests that take it apart come last.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from portal.archive.catalog import Store
from portal.archive.limits import Limits
from portal.archive.query import Bounds, Query
from portal.archive.spark import answer
from portal.archive.spark.engine import Spark
from portal.archive.spark.needs import missing
from portal.errors import CancelledError, LimitError, TriviewError
from tests.portal.archive.spark_fixture import QUICK_JAVA, Cluster, alive, children, differences, listening, until
from tests.portal.archive.spark_queries import LONG, TO_SPARK

LACKING = " ".join(missing()).strip()
pytestmark = [
    pytest.mark.skipif(LACKING != "", reason=LACKING),
    pytest.mark.timeout(600),  # a loaded machine takes a minute to start Java
]
ANY = Bounds(1_000_000, 300.0)
LOOPBACK = ("0100007F", "0000000000000000FFFF00000100007F", "00000000000000000000000001000000")


@pytest.fixture(scope="module")
def store(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    it = Store(sample, tmp_path_factory.mktemp("scratch") / "x", Limits())
    yield it
    it.close()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    it = Cluster(tmp_path_factory.mktemp("cluster"), "--memory", "512m", "--cores", "1")
    yield it
    it.kill()


@pytest.fixture(scope="module")
def spark(sample: Path, store: Store, cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Spark]:
    it = Spark(cluster.url, sample, store, tmp_path_factory.mktemp("answers"), 0, cluster.conf)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JDK_JAVA_OPTIONS", QUICK_JAVA)
        assert it.link.start()
    for name, value in {
        "spark.sql.codegen.wholeStage": "false",  # nor is code made for so few rows
        "spark.sql.codegen.factoryMode": "NO_CODEGEN",
        "spark.sql.shuffle.partitions": "2",
    }.items():
        it.link.driver.session.conf.set(name, value)
    yield it
    it.close()


@pytest.fixture
def many_tasks(spark: Spark) -> Iterator[None]:
    """Queries in a dozen tasks each."""
    settings = {"spark.sql.shuffle.partitions": "12", "spark.sql.adaptive.coalescePartitions.enabled": "false"}
    conf = spark.link.driver.session.conf
    before = {name: conf.get(name) for name in settings}
    for name, value in settings.items():
        conf.set(name, value)
    yield
    if spark.link.driver is not None:
        for name, value in before.items():
            conf.set(name, value)


class Running:
    """A query that runs in a thread: then it has ``rows`` and tells whether Spark gave them, or ``error``."""

    def __init__(self, query: Query) -> None:
        self.query = query
        self.error: TriviewError | None = None
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        try:
            self.rows, self.on_spark = rows(self.query)
        except TriviewError as error:
            self.error = error

    @property
    def ended(self) -> bool:
        return not self._thread.is_alive()

    def wait(self) -> None:
        self._thread.join()


def rows(query: Query) -> tuple[pa.Table, bool]:
    """All rows, and whether Spark gave them."""
    try:
        query.open()
        far = query._far is not None
        return pa.Table.from_batches(list(query.batches()), query._schema), far
    finally:
        query.close()


def tasks_run(spark: Spark) -> int:
    """Tasks that hold a core of the cluster now."""
    executors = spark.link.driver.session.sparkContext._jsc.sc().statusTracker().getExecutorInfos()
    return sum(executor.numRunningTasks() for executor in executors)


def midway(spark: Spark, running: Running) -> Callable[[], bool]:
    """Whether a long query has done a few of its dozen tasks and has more to do."""
    tracker = spark.link.driver.session.sparkContext.statusTracker()

    def is_midway() -> bool:
        assert not running.ended, "it has ended already"
        stages = [tracker.getStageInfo(number) for number in tracker.getActiveStageIds()]
        return any(stage and stage.numTasks == 12 and 1 <= stage.numCompletedTasks <= 6 for stage in stages)

    return is_midway


@pytest.mark.parametrize("name", TO_SPARK)
def test_both_engines_give_the_same_rows(name: str, store: Store, spark: Spark) -> None:
    near, _ = rows(Query(store, TO_SPARK[name], ANY))
    far, on_spark = rows(Query(store, TO_SPARK[name], ANY, None, spark))
    assert on_spark, "Spark did not take it"
    assert differences(near, far) == []
    assert near.num_rows or name == "no rows"


@pytest.mark.parametrize("sql", [TO_SPARK["sorted"], TO_SPARK["distinct"]])
def test_maxrec_cuts_in_order_and_says_so(sql: str, store: Store, spark: Spark) -> None:
    bounds = Bounds(5, 300.0)
    cut = Query(store, sql, bounds, None, spark)
    table, on_spark = rows(cut)
    assert on_spark and cut.overflow and table.num_rows == 5
    assert differences(table, rows(Query(store, sql, bounds))[0]) == []


def test_large_answers_are_written_by_all_tasks_and_cut_when_read(store: Store, spark: Spark, monkeypatch) -> None:
    monkeypatch.setattr("portal.adql.spark.WRITTEN_BY_ONE", 100)
    query = Query(store, "SELECT sourceId FROM dp1.Source WHERE psfFlux > 0", Bounds(200, 300.0), None, spark)
    table, on_spark = rows(query)
    assert on_spark and query.overflow and len(set(table["sourceId"].to_pylist())) == 200


def test_cancel_and_time_limit_stop_it_and_leave_nothing(store: Store, spark: Spark, endless: str) -> None:
    running = Running(Query(store, endless, ANY, None, spark))
    until(lambda: tasks_run(spark), "tasks to run")
    running.query.cancel()
    running.wait()
    assert isinstance(running.error, CancelledError)
    with pytest.raises(LimitError):
        rows(Query(store, endless, Bounds(10, 1.0), None, spark))
    until(lambda: not tasks_run(spark), "the cores to be free")
    assert not list(spark._folder.glob("answer-*"))


def test_a_quick_query_passes_a_long_one_which_tells_its_progress(store: Store, spark: Spark, many_tasks) -> None:
    long = Running(Query(store, LONG, ANY, None, spark))
    until(midway(spark, long), "a few tasks")
    assert rows(Query(store, TO_SPARK["counts"], ANY, None, spark))[1]
    assert not long.ended
    assert 0 < long.query.progress <= 99
    long.query.cancel()
    long.wait()
    assert isinstance(long.error, CancelledError)


def test_an_answer_too_large_is_refused(store: Store, spark: Spark, many_tasks, monkeypatch) -> None:
    monkeypatch.setattr("portal.archive.spark.engine.MOST_BYTES", -1)
    monkeypatch.setattr(answer, "LOOK_SECONDS", 0.1)
    with pytest.raises(LimitError, match="larger"):
        rows(Query(store, LONG, ANY, None, spark))


def test_what_spark_cannot_run_duckdb_answers(store: Store, spark: Spark, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        spark, "_views", lambda compiled: dict.fromkeys(compiled.tables, 'SELECT 1 FROM stored."Visit"')
    )
    table, on_spark = rows(Query(store, TO_SPARK["counts"], ANY, None, spark))
    assert not on_spark and table["n"][0].as_py() > 0


def test_nobody_elsewhere_can_speak_to_it(cluster: Cluster, spark: Spark) -> None:
    mine = [pid for pid in children(os.getpid()) if pid in {spark.link.driver._process.pid}]
    for pid in [*children(cluster.process.pid), *mine]:
        assert set(listening(pid)) <= set(LOOPBACK), pid
    assert mine and (cluster.conf / "spark-defaults.conf").stat().st_mode & 0o077 == 0


def test_a_killed_worker_costs_time_not_the_answer(store: Store, spark: Spark, cluster: Cluster, many_tasks) -> None:
    first, second = cluster.workers()
    running = Running(Query(store, LONG, ANY, None, spark))
    until(midway(spark, running), "a few tasks")
    os.killpg(first, signal.SIGKILL)  # the worker with its executor, as when a machine fails
    until(lambda: spark.link.driver.workers == 1 or running.ended, "the loss to be seen")
    assert not running.ended
    running.wait()
    assert running.error is None and running.on_spark
    assert differences(running.rows, rows(Query(store, LONG, ANY))[0]) == []
    until(lambda: len(cluster.workers()) == 2, "another worker")
    assert second in cluster.workers() and first not in cluster.workers()


def test_when_the_cluster_goes_duckdb_answers(
    store: Store, spark: Spark, cluster: Cluster, many_tasks, monkeypatch
) -> None:
    monkeypatch.setattr(answer, "ALONE_SECONDS", 0.5)
    driver = spark.link.driver._process
    left = children(cluster.process.pid)
    running = Running(Query(store, LONG, ANY, None, spark))
    until(midway(spark, running), "a few tasks")
    assert "stopped" in cluster.stop()
    running.wait()
    assert running.error is None and not running.on_spark
    near, _ = rows(Query(store, LONG, ANY))
    assert differences(running.rows, near) == []
    again, on_spark = rows(Query(store, LONG, ANY, None, spark))
    assert not on_spark and differences(again, near) == []
    assert cluster.process.wait() == 0
    until(lambda: not any(map(alive, left)), "its processes to end")
    assert {path.name for path in cluster.conf.iterdir()} == {"pid", "master.log", "worker.log"}
    assert "No cluster" in cluster.stop()
    spark.close()
    assert driver.returncode is not None and not list(spark._folder.iterdir())
