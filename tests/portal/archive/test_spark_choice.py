"""Which queries go to a cluster, and in what words: nothing of Spark is needed to know it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from portal.adql.spark import NotInSparkError, spark_query
from portal.archive.catalog import Store
from portal.archive.limits import Limits
from portal.archive.query import Bounds, Query
from portal.archive.spark.engine import Spark
from tests.portal.archive.spark_queries import TO_DUCK, TO_SPARK

ANY = Bounds(1_000_000, 60.0)
TYPES = {"Object": {"id": "BIGINT", "flux": "FLOAT", "ra": "DOUBLE", "name": "VARCHAR"}}
VIEWS = {"dp1.Object": 'SELECT "id", "flux", "ra", "name" FROM stored."Object"'}


@pytest.fixture(scope="module")
def spark(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Spark]:
    """No cluster answers at this address."""
    store = Store(sample, tmp_path_factory.mktemp("scratch") / "x", Limits())
    it = Spark("spark://127.0.0.1:9", sample, store, tmp_path_factory.mktemp("answers"), 0)
    yield it
    it.close()
    store.close()


@pytest.mark.parametrize("name", TO_SPARK)
def test_what_nothing_bounds_goes_to_spark(name: str, spark: Spark) -> None:
    query = spark.query(Query(spark._store, TO_SPARK[name], ANY)._compiled, {})
    assert query is not None and query.reads


@pytest.mark.parametrize("name", TO_DUCK)
def test_what_is_bounded_or_unknown_to_spark_stays_on_duckdb(name: str, spark: Spark) -> None:
    assert spark.query(Query(spark._store, TO_DUCK[name], ANY)._compiled, {}) is None


def test_uploads_and_small_tables_stay_on_duckdb(spark: Spark, monkeypatch: pytest.MonkeyPatch) -> None:
    upload = {"mine": pa.table({"id": [1, 2]})}
    query = Query(spark._store, "SELECT COUNT(*) AS n FROM TAP_UPLOAD.mine", ANY, upload)
    assert spark.query(query._compiled, upload) is None
    monkeypatch.setattr(spark, "_resident", 1 << 40)
    assert spark.query(Query(spark._store, TO_SPARK["counts"], ANY)._compiled, {}) is None


def test_without_a_cluster_duckdb_answers(spark: Spark) -> None:
    assert not spark.link.start()
    query = Query(spark._store, TO_SPARK["counts"], ANY, None, spark)
    query.open()
    assert next(query.batches())["n"][0].as_py() > 0
    query.close()


def written(expression: str) -> str:
    sql = spark_query(f'SELECT {expression} AS "x" FROM "dp1.Object" AS "o" WHERE "o"."id" > 1', VIEWS, TYPES).sql
    return sql.removeprefix("SELECT ").partition(" AS `x` FROM (SELECT")[0]


@pytest.mark.parametrize(
    ("duck", "spark_sql"),
    [
        ('"o"."flux" * 2', "CAST(CAST(`o`.`flux` AS FLOAT) * CAST(2 AS FLOAT) AS FLOAT)"),  # stays single
        ('"o"."ra" * 2', "`o`.`ra` * 2"),
        ('CAST("o"."ra" AS INTEGER)', "CAST(RINT(`o`.`ra`) AS INT)"),  # Spark would cut
        ('CAST("o"."id" AS INTEGER)', "CAST(`o`.`id` AS INT)"),
        ('log10("o"."ra")', "LOG10(`o`.`ra`)"),
        ('xor("o"."id", 3 | 4)', "((`o`.`id`) ^ (3 | 4))"),
        ('concat("o"."name", \'b\')', "CONCAT_WS('', `o`.`name`, 'b')"),  # without the NULLs
        ("'it''s \\'", "'it\\'s \\\\'"),
    ],
)
def test_spark_is_told_what_duckdb_does(duck: str, spark_sql: str) -> None:
    assert written(duck) == spark_sql


@pytest.mark.parametrize(
    "duck", ["hash(1)", 'CAST("o"."ra" AS VARCHAR)', "'a' LIKE 'a\\_'", 'CAST("o"."name" AS INTEGER)', "random()"]
)
def test_what_means_another_thing_to_spark_is_refused(duck: str) -> None:
    with pytest.raises(NotInSparkError):
        written(duck)


def test_large_sorted_answers_are_cut_by_the_reader() -> None:
    sql = 'SELECT "o"."id" AS "x" FROM "dp1.Object" AS "o" ORDER BY 1 ASC NULLS LAST LIMIT {} OFFSET 5'
    few, many = (spark_query(sql.format(most), VIEWS, TYPES) for most in (10, 10_000_000))
    assert (few.skip, few.most, many.skip, many.most) == (5, 10, 5, 10_000_000)
    assert few.sql.endswith("LIMIT 15") and "LIMIT" not in many.sql and "OFFSET" not in few.sql + many.sql
