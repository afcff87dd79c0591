"""Selections said in ADQL: the same rows, asked of the same engine wherever the words are those of plain SQL."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.adql.narrow import meanings, named, with_condition
from portal.adql.parse import parse_adql
from portal.errors import LimitError, QueryError
from portal.table.clauses import MODES, Clause, grouped, selection_sql
from portal.table.columns import Column, TableMeta
from portal.table.expression import check_condition, check_expression
from portal.table.filters import column_filter
from portal.table.in_adql import AdqlWriter
from portal.table.result import ResultTable
from portal.table.selection import box_clause, circle_clause, polygon_clause, rows_clause, sky_polygon_clause

N = 600
COLUMNS = (Column("id", "long"), Column("x"), Column("y"), Column("n", "int"), Column("band", "char", "*"))


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    random = np.random.default_rng(4)
    hole = lambda: random.random(N) < 0.15  # noqa: E731
    cells = pa.table(
        {
            "id": pa.array(1_651_281_746_966_117_377 + np.arange(N)),
            "x": pa.array(random.uniform(0, 10, N), mask=hole()),
            "y": pa.array(random.uniform(0, 10, N), mask=hole()),
            "n": pa.array(random.integers(0, 6, N).astype("i4"), mask=hole()),
            "band": pa.array(np.array(list("ugrizy"))[random.integers(0, 6, N)], mask=hole()),
        }
    )
    return ResultTable.from_arrow(tmp_path_factory.mktemp("adql") / "r", TableMeta(COLUMNS), cells)


def writer(result: ResultTable, meaning: dict[str, str] | None = None) -> AdqlWriter:
    def ids(sql: str):
        rows = result.where(sql)
        return "id", [str(value) for value in result.take(rows, ["id"]).column(0).to_pylist()]

    return AdqlWriter(meaning or {column.name: named(column.name) for column in COLUMNS}, ids)


place = st.tuples(st.floats(-1, 11).map(lambda v: round(v, 3)), st.floats(-1, 11).map(lambda v: round(v, 3)))
texts = ["> 5", "2..7 or null", "!3", "in 1, 2", "!null", "not (1 or 2)"]
conditions = ["x > 5 AND NOT (y > 3 OR n IS NULL)", "x - y BETWEEN -1 AND 2", "NOT (band = 'g' AND n > 1)", "2 * x < y"]
leaf = st.one_of(
    st.builds(lambda a, b: box_clause('"x"', '"y"', (a[0], b[0]), (a[1], b[1])), place, place),
    st.lists(place, min_size=3, max_size=6, unique=True).map(lambda points: polygon_clause('"x"', '"y"', points)),
    st.lists(st.integers(0, N - 1), min_size=1, max_size=9).map(rows_clause),
    st.sampled_from(texts).map(lambda text: Clause("f", column_filter(COLUMNS[3], text), text)),
    st.sampled_from(conditions).map(lambda text: Clause("f", check_condition(text, COLUMNS), text)),
    st.just(Clause("f", column_filter(COLUMNS[4], "g* or null"), "band")),
)


def chains(member):
    return st.lists(st.builds(lambda c, m: c._replace(mode=m), member, st.sampled_from(list(MODES))), min_size=1,
                    max_size=3).map(tuple)  # fmt: skip


nested = chains(st.one_of(leaf, chains(leaf).map(lambda parts: grouped(parts, "set:1", "a set"))))


@settings(max_examples=30, deadline=None)
@given(nested)
def test_the_same_rows(result, clauses) -> None:
    said = writer(result).selection(clauses)
    assert result.where(said).tolist() == result.where(selection_sql(clauses)).tolist()
    parse_adql(f"SELECT x FROM t WHERE {said}")


def test_regions_are_geometry() -> None:
    say = AdqlWriter({"ra": "o.coord_ra", "dec": "o.coord_dec"}, lambda sql: ("id", []))
    cone = circle_clause("ra", "dec", (62.0, -37.0), 0.05)
    assert say.selection((cone,)) == (
        "(CONTAINS(POINT('ICRS', o.coord_ra, o.coord_dec), CIRCLE('ICRS', 62.0, -37.0, 0.05)) = 1)"
    )
    corners = sky_polygon_clause("ra", "dec", [(61, -38), (62, -38), (62, -37)])
    left = say.selection((cone._replace(mode="and not"), corners._replace(mode="or")))
    assert "= 0 OR o.coord_ra IS NULL OR o.coord_dec IS NULL) OR (CONTAINS" in left
    assert "POLYGON('ICRS', 61.0, -38.0, 62.0, -38.0, 62.0, -37.0)" in left
    parse_adql(f"SELECT 1 FROM t WHERE {left}")


def test_columns_are_what_the_query_makes_them_of() -> None:
    query = "SELECT objectId, scisql_nanojanskyToAbMag(g_psfFlux) AS gmag, o.r_psfFlux rf FROM dp1.Object AS o"
    meaning = meanings(query, ["objectId", "gmag", "rf"])
    assert meaning == {
        "objectId": "objectId", "gmag": "scisql_nanojanskyToAbMag(g_psfFlux)", "rf": "o.r_psfFlux"
    }  # fmt: skip
    columns = (Column("gmag"), Column("rf"))
    x, y = (check_expression(text, columns) for text in ("gmag - 1", "rf"))
    said = AdqlWriter(meaning, lambda sql: ("", [])).selection((box_clause(x, y, (0, 1), (2, 3)),))
    assert said == (
        "((scisql_nanojanskyToAbMag(g_psfFlux) - 1.0) BETWEEN 0.0 AND 1.0 AND o.r_psfFlux BETWEEN 2.0 AND 3.0)"
    )
    assert meanings("SELECT *, x + 1 AS more FROM t", ["x", "size", "TOP", "more"]) == {
        "x": "x", "size": "size", "TOP": '"TOP"', "more": "(x + 1)"
    }  # fmt: skip
    for text in (
        "SELECT COUNT(*) AS n FROM t",
        "SELECT band FROM t GROUP BY band",
        "SELECT a FROM t UNION SELECT a FROM u",
    ):
        with pytest.raises(QueryError):
            meanings(text, ["n"])


@pytest.mark.parametrize(
    ("query", "narrowed"),
    [
        ("SELECT a FROM t", "SELECT a FROM t\nWHERE (b > 1)"),
        ("SELECT a FROM t WHERE a = 1 ;", "SELECT a FROM t WHERE a = 1\n  AND (b > 1) ;"),
        ("SELECT a FROM t WHERE a = 1 OR a = 2 -- why\nORDER BY a",
         "SELECT a FROM t WHERE (a = 1 OR a = 2)\n  AND (b > 1) -- why\nORDER BY a"),
        ("SELECT a FROM (SELECT a FROM t WHERE a = 1 ORDER BY a) AS u",
         "SELECT a FROM (SELECT a FROM t WHERE a = 1 ORDER BY a) AS u\nWHERE (b > 1)"),
        ("SELECT 'WHERE' AS w FROM t WHERE w <> 'ORDER BY' OFFSET 3",
         "SELECT 'WHERE' AS w FROM t WHERE w <> 'ORDER BY'\n  AND (b > 1) OFFSET 3"),
    ],
)  # fmt: skip
def test_a_condition_joins_the_where_of_a_query(query: str, narrowed: str) -> None:
    assert with_condition(query, "(b > 1)") == narrowed


def test_what_adql_cannot_say_is_refused(result) -> None:
    say = writer(result)
    for text in ("CASE WHEN x > 1 THEN y ELSE 0 END > 2", "greatest(x, y) > 3"):
        with pytest.raises(QueryError, match="cannot say"):
            say.predicate(check_condition(text, COLUMNS))
    with pytest.raises(QueryError, match="no value"):
        say.predicate(check_condition("x / y > 2", COLUMNS), outside=True)
    with pytest.raises(QueryError, match="infinite"):
        say.selection((box_clause('"x"', '"y"', (0, float("inf")), (0, 1)),))
    with pytest.raises(QueryError, match="not one of the query"):
        AdqlWriter({}, lambda sql: ("", [])).predicate('"x" > 1')
    with pytest.raises(LimitError):
        with_condition("SELECT a FROM t", "(" + " OR ".join(["a = 1"] * 40_000) + ")")


def test_only_what_needs_it_is_said_beyond_plain_adql(result) -> None:
    said, band = writer(result).predicate, COLUMNS[4]
    assert said(column_filter(band, "g*")) == "band ILIKE 'g%'"
    assert said(column_filter(band, "g_*")) == "band ILIKE 'g\\_%' ESCAPE '\\'"
    assert said(check_condition("round(x, 2) > 1 and band not like 'r%'", COLUMNS)) == (
        "((ROUND(x, 2) > 1) AND (band NOT LIKE 'r%'))"
    )
