"""Queries over whole tables on Spark: the same rows as from DuckDB, cut and stopped like there.

One Java process in local mode serves the whole file. TRIVIEW_TEST_SPARK=spark://... runs it on a cluster instead.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from portal.archive.catalog import Store
from portal.archive.limits import Limits
from portal.archive.query import Bounds, Query
from portal.config import load_settings
from portal.errors import CancelledError, LimitError
from tests.portal.archive.spark_queries import TO_SPARK

pytestmark = [
    pytest.mark.skipif(importlib.util.find_spec("pyspark") is None, reason="needs pyspark: make setup-spark"),
    pytest.mark.skipif(shutil.which("java") is None, reason="needs Java 17: openjdk-17-jre-headless"),
    pytest.mark.timeout(600),  # a loaded machine takes a minute to start Java
]
ANY = Bounds(1_000_000, 300.0)


@pytest.fixture(scope="module")
def store(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    it = Store(sample, tmp_path_factory.mktemp("scratch") / "x", Limits())
    yield it
    it.close()


@pytest.fixture(scope="module")
def spark(sample: Path, store: Store, tmp_path_factory: pytest.TempPathFactory):
    from portal.archive.spark.engine import Spark

    url = os.environ.get("TRIVIEW_TEST_SPARK", "local[1]")
    it = Spark(url, sample, store, tmp_path_factory.mktemp("answers"), 0, load_settings().data / "spark")
    with pytest.MonkeyPatch.context() as patch:
        if url.startswith("local"):  # for these few rows code is not compiled twice: half the time
            patch.setenv("JDK_JAVA_OPTIONS", "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC")
        assert it.link.start()
    if url.startswith("local"):
        it.link.session.conf.set("spark.sql.codegen.wholeStage", "false")
        it.link.session.conf.set("spark.sql.codegen.factoryMode", "NO_CODEGEN")
    yield it
    it.close()


def rows(query: Query) -> tuple[pa.Table, bool]:
    """All rows, and whether Spark gave them."""
    query.open()
    far = query._far is not None
    batches = list(query.batches())
    table = pa.Table.from_batches(batches, query._schema)
    query.close()
    return table, far


def differences(one: pa.Table, other: pa.Table) -> list[str]:
    """What differs; numbers with decimals may in their last digits, for sums go in another order."""
    if one.schema != other.schema or one.num_rows != other.num_rows:
        return [f"{one.num_rows} rows of {one.schema} and {other.num_rows} of {other.schema}"]
    found = []
    for field, left, right in zip(one.schema, one.columns, other.columns):
        if left.equals(right):
            continue
        if not pa.types.is_floating(field.type):
            found.append(field.name)
            continue
        close = 1e-6 if pa.types.is_float32(field.type) else 1e-10
        numbers = [column.to_numpy().astype(float) for column in (left, right)]
        if not np.allclose(*numbers, rtol=close, atol=1e-12, equal_nan=True):
            found.append(field.name)
    return found


@pytest.mark.parametrize("name", TO_SPARK)
def test_both_engines_give_the_same_rows(name: str, store: Store, spark) -> None:
    near, _ = rows(Query(store, TO_SPARK[name], ANY))
    far, on_spark = rows(Query(store, TO_SPARK[name], ANY, None, spark))
    assert on_spark, "Spark did not take it"
    assert differences(near, far) == []
    assert near.num_rows or name == "no rows"


@pytest.mark.parametrize("sql", [TO_SPARK["sorted"], TO_SPARK["distinct"]])
def test_maxrec_cuts_in_order_and_says_so(sql: str, store: Store, spark) -> None:
    bounds = Bounds(5, 300.0)
    cut = Query(store, sql, bounds, None, spark)
    table, on_spark = rows(cut)
    assert on_spark and cut.overflow and table.num_rows == 5
    assert differences(table, rows(Query(store, sql, bounds))[0]) == []


def test_cancel_and_time_limit_stop_it_and_leave_nothing(store: Store, spark, endless: str) -> None:
    query = Query(store, endless, ANY, None, spark)
    seen = []

    def stop() -> None:
        while query._far is None or not seen or seen[-1] < 0:
            seen.append(query.progress)
            time.sleep(0.05)
        query.cancel()

    thread = threading.Thread(target=stop)
    thread.start()
    with pytest.raises(CancelledError):
        query.open()
    thread.join()
    query.close()
    assert 0 <= seen[-1] <= 99
    late = Query(store, endless, Bounds(10, 1.0), None, spark)
    with pytest.raises(LimitError):
        late.open()
    late.close()
    assert not list(spark._scratch.iterdir())


def test_what_spark_cannot_run_duckdb_answers(store: Store, spark, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spark, "_views", lambda compiled: dict.fromkeys(compiled.tables, 'SELECT 1 FROM stored."Gone"'))
    table, on_spark = rows(Query(store, TO_SPARK["counts"], ANY, None, spark))
    assert not on_spark and table["n"][0].as_py() > 0
