"""What must not pass: hostile queries, wrong names with their places, and any text at all."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.adql.compile import Catalog, TableDef, compile_adql
from portal.adql.parse import MAX_LENGTH, parse_adql
from portal.errors import QueryError
from portal.table.columns import Column

COLUMNS = tuple(Column(name) for name in ("objectId", "coord_ra", "coord_dec", "g_cModelFlux"))
CATALOG = Catalog(
    [
        TableDef("dp1", "Object", COLUMNS, "obj", ("coord_ra", "coord_dec"), "_healpix_29"),
        TableDef("dp1", "Visit", (Column("visit", "long"), Column("objectId", "long")), "vis"),
    ]
)

HOSTILE = [
    "SELECT * FROM read_csv('/etc/passwd')",
    "SELECT * FROM read_parquet('x')",
    "SELECT * FROM 'file.parquet'",
    'SELECT * FROM "file.parquet"',
    "SELECT * FROM glob('*')",
    "SELECT * FROM range(10)",
    "SELECT * FROM duckdb_settings()",
    "SELECT * FROM information_schema.tables",
    "SELECT * FROM sqlite_master",
    "SELECT * FROM pragma_database_list",
    "SELECT getenv('HOME')",
    "SELECT current_setting('secret_directory') FROM dp1.Object",
    "SELECT \"getenv\"('HOME')",
    "SELECT read_text('/etc/passwd') FROM dp1.Object",
    "COPY dp1.Object TO '/tmp/x'",
    "PRAGMA database_list",
    "ATTACH '/tmp/x.db' AS x",
    "INSTALL httpfs",
    "LOAD httpfs",
    "SET memory_limit = '1TB'",
    "CREATE TABLE x AS SELECT 1",
    "DROP TABLE dp1.Object",
    "INSERT INTO dp1.Object VALUES (1)",
    "UPDATE dp1.Object SET objectId = 1",
    "DELETE FROM dp1.Object",
    "EXPLAIN SELECT 1",
    "DESCRIBE dp1.Object",
    "SUMMARIZE dp1.Object",
    "SELECT 1; SELECT 2",
    "SELECT 1; DROP TABLE obj",
    "VALUES (1)",
    "SELECT * FROM (VALUES (1)) AS t",
    "FROM dp1.Object",
    "SELECT _healpix_29 FROM dp1.Object",
    "SELECT o._healpix_29 FROM dp1.Object AS o",
    "SELECT objectId FROM dp1.Object ORDER BY _healpix_29",
    "SELECT objectId FROM dp1.Object GROUP BY objectId, _healpix_29",
    "SELECT a.objectId FROM dp1.Object a JOIN dp1.Object b USING (_healpix_29)",
    "SELECT rowid FROM dp1.Object",
    "SELECT o FROM dp1.Object AS o",
    "SELECT obj.objectId FROM dp1.Object",
    "SELECT * FROM obj",
    "SELECT * FROM main.obj",
    "SELECT * FROM memory.main.obj",
    "SELECT list_transform([1], x -> x + 1) FROM dp1.Object",
    "SELECT [1, 2][1] FROM dp1.Object",
    "SELECT {'a': 1}.a FROM dp1.Object",
    "SELECT {'a': 1} FROM dp1.Object",
    "SELECT (o).objectId FROM dp1.Object AS o",
    "SELECT objectId.x.y.z.w FROM dp1.Object",
    "SELECT objectId.abs() FROM dp1.Object",
    "SELECT objectId::VARCHAR FROM dp1.Object",
    "SELECT $1 FROM dp1.Object",
    "SELECT ? FROM dp1.Object",
    "SELECT @@version FROM dp1.Object",
    "SELECT * EXCLUDE (objectId) FROM dp1.Object",
    "SELECT * EXCEPT (objectId) FROM dp1.Object",
    "SELECT COLUMNS('.*') FROM dp1.Object",
    "SELECT * FROM dp1.Object TABLESAMPLE 10",
    "SELECT * FROM dp1.Object USING SAMPLE 10",
    "SELECT objectId FROM dp1.Object QUALIFY 1 = 1",
    "SELECT row_number() OVER () FROM dp1.Object",
    "SELECT * FROM dp1.Object, LATERAL (SELECT 1) AS x",
    "SELECT * FROM dp1.Object ASOF JOIN dp1.Visit ON objectId = visit",
    "SELECT * INTO x FROM dp1.Object",
    "SELECT * FROM dp1.Object FOR UPDATE",
    "SELECT objectId FROM dp1.Object LIMIT 5",
    "WITH RECURSIVE x AS (SELECT 1 AS a UNION ALL SELECT a + 1 FROM x) SELECT * FROM x",
    "SELECT unnest([1, 2]) FROM dp1.Object",
    "SELECT INTERVAL 1 DAY FROM dp1.Object",
    "SELECT DATE '2020-01-01' FROM dp1.Object",
    "SELECT CAST(objectId AS STRUCT(a INT)) FROM dp1.Object",
    "SELECT CAST(objectId AS JSON) FROM dp1.Object",
    "SELECT TRY(objectId) FROM dp1.Object",
    "SELECT SUM(SUM(objectId)) FROM dp1.Object",
    "SELECT objectId FROM dp1.Object WHERE SUM(objectId) > 1",
    "SELECT TOP -1 objectId FROM dp1.Object",
    "SELECT TOP 1.5 objectId FROM dp1.Object",
    "SELECT objectId FROM dp1.Object OFFSET visit",
    "SELECT * FROM dp1.Object PIVOT (SUM(objectId) FOR coord_ra IN (1))",
    "SELECT * FROM dp1.Object GROUP BY ALL",
    "SELECT objectId FROM dp1.Object ORDER BY 2",
    "SELECT COUNT(*) FILTER (WHERE 1 = 1) FROM dp1.Object",
    "SELECT 'a' COLLATE nocase FROM dp1.Object",
    "SELECT NULLIF('{1}', ''), getenv('HOME') --') FROM dp1.Object",
    "SELECT * FROM dp1.Object WHERE objectId = ANY (SELECT 1)",
    "SELECT * FROM parquet_scan('x')",
    "SELECT * FROM query('SELECT 1')",
    "SELECT * FROM query_table('obj')",
    "SELECT * FROM dp1.Object AS o, unnest([1]) AS u",
    "SELECT system_user() FROM dp1.Object",
    "SELECT version() FROM dp1.Object",
    "SELECT write_log('x') FROM dp1.Object",
    "SELECT nextval('x') FROM dp1.Object",
    "SELECT objectId FROM dp1.Object ORDER BY getenv('HOME')",
    "SELECT objectId FROM dp1.Object GROUP BY getenv('HOME')",
    "SELECT CAST(getenv('HOME') AS VARCHAR) FROM dp1.Object",
    "CALL pragma_version()",
    "EXPORT DATABASE '/tmp/x'",
    "USE main",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_queries_are_refused(text):
    with pytest.raises(QueryError) as caught:
        compile_adql(text, CATALOG)
    assert caught.value.message


def test_repeating_arguments_cannot_grow_without_end():
    nested = "SQRT(" * 25 + "coord_ra" + ")" * 25
    with pytest.raises(QueryError, match="complicated"):
        compile_adql(f"SELECT {nested} FROM dp1.Object", CATALOG)


@pytest.mark.parametrize(
    "text",
    [
        "SELECT " + "(" * 5000 + "1" + ")" * 5000,
        "SELECT objectId FROM dp1.Object WHERE " + "NOT " * 5000 + "1 = 1",
        "SELECT " + "-" * 1 + "- 1" * 5000,
        "SELECT " + "1 + " * 20_000 + "1",
        "SELECT " + "a." * 5000 + "a FROM dp1.Object",
        "SELECT 1 " + "UNION SELECT 1 " * 2000,
        "SELECT '" + "a" * MAX_LENGTH + "'",
        "SELECT CASE " + "WHEN 1 = 1 THEN CASE " * 500 + "END",
        "SELECT " + "objectId, " * 100_000 + "objectId FROM dp1.Object",
        "SELECT " + "9" * 100_000 + " AS a",
        "SELECT a.objectId FROM dp1.Object a" + "".join(f", dp1.Object a{n}" for n in range(3000)),
        "WITH a0 AS (SELECT * FROM dp1.Object)"
        + "".join(f", a{n} AS (SELECT * FROM a{n - 1} x, a{n - 1} y)" for n in range(1, 40))
        + " SELECT * FROM a39",
        "WITH a0 AS (SELECT * FROM dp1.Object)"
        + "".join(f", a{n} AS (SELECT * FROM a{n - 1})" for n in range(1, 3000))
        + " SELECT * FROM a2999",
        "SELECT 1 AS a FROM dp1.Object WHERE "
        + "EXISTS (SELECT 1 AS b FROM dp1.Object WHERE " * 55
        + "1 = 1"
        + ")" * 55,
    ],
)
def test_deep_and_long_queries_end_in_an_error_or_an_answer(text):
    try:
        compile_adql(text, CATALOG)
    except QueryError as error:
        assert error.message


def test_a_megabyte_is_refused_before_it_is_read():
    with pytest.raises(QueryError, match="1,000,000 characters") as caught:
        compile_adql("(" * 1_000_000, CATALOG)
    assert "Upload" in caught.value.hint


def test_strings_and_names_stay_what_they_are():
    sql = compile_adql('SELECT \'x\'\'); DROP TABLE obj; --\' AS "a""; DROP" FROM dp1.Object AS "o""x"', CATALOG).sql
    assert "'x''); DROP TABLE obj; --'" in sql and '"a""; DROP"' in sql and '"o""x"' in sql


@pytest.mark.parametrize(
    ("text", "line", "column", "message", "expected"),
    [
        ("SELECT objectId\nFROM dp1.Object\nWHERE coord_raa > 1", 3, 7, "There is no column coord_raa", "coord_ra"),
        ("SELECT o.objctId FROM dp1.Object AS o", 1, 8, "no column objctId in dp1.Object", "objectId"),
        ("SELECT x.objectId FROM dp1.Object AS o", 1, 8, "x is not a table", "o"),
        ("SELECT objectId\n  FROM dp1.Objekt", 2, 8, "There is no table dp1.Objekt", "dp1.Object"),
        ("SELECT objectId FROM Object", 1, 22, "There is no table Object", "dp1.Object"),
        ("SELECT objectId FROM dp9.Object", 1, 22, "There is no schema dp9", "dp1.Object"),
        ("SELECT objectId FROM dp1.Object, dp1.Visit", 1, 8, "objectId is a column of", "Object.objectId"),
        ("SELECT scisql_nanojanskyToAbMg(coord_ra) FROM dp1.Object", 1, 8, "no function", "scisql_nanojanskyToAbMag"),
        ("SELECT nanojanskyToAbMag(g_cModelFlux) FROM dp1.Object", 1, 8, "no function", "scisql_nanojanskyToAbMag"),
        ("SELECT objectId,\n       ABS(1, 2) FROM dp1.Object", 2, 8, "ABS takes 1 argument, not 2", None),
        ("SELECT objectId FORM dp1.Object", 1, 17, "Unexpected 'FORM'", "FROM"),
        ("SELECT objectId FROM dp1.Object WHER objectId = 1", 1, 33, "Unexpected 'WHER'", "WHERE"),
        ("SELECT objectId FROM dp1.Object\nORDR BY objectId", 2, 1, "Unexpected", None),
        ("SELECT objectId, FROM dp1.Object", 1, 18, "Unexpected 'FROM'", "a column or expression"),
        ("SELECT objectId FROM dp1.Object WHERE", 1, 38, "ends too early", "a column or expression"),
        ("SELECT objectId FROM dp1.Object WHERE coord_ra BETWEEN 1 2", 1, 58, "Unexpected '2'", "AND"),
        ("SELECT (objectId FROM dp1.Object", 1, 18, "Unexpected 'FROM'", ")"),
        ("SELECT objectId FROM dp1.Object WHERE objectId = = 2", 1, 50, "Unexpected '='", "a column or expression"),
        ("SELECT 'abc FROM dp1.Object", 1, 8, "not closed", None),
        ("SELCT objectId FROM dp1.Object", 1, 1, "starts with SELECT", None),
        ("SELECT objectId FROM dp1.Object LIMIT 5", 1, 33, "no LIMIT", None),
        ("SELECT objectId FROM dp1.Object WHERE objectId = 'abc'", 1, 50, "compared with a number", None),
        ("SELECT objectId FROM dp1.Object; SELECT 1", 1, 32, "one query", None),
        ("SELECT objectId FROM dp1.Object JOIN dp1.Object ON 1 = 1", 1, 38, "named twice", None),
        ("SELECT visit FROM dp1.Visit UNION SELECT objectId, coord_ra FROM dp1.Object", 1, 42, "joins 1 columns", None),
        ("SELECT q.a FROM (SELECT visit AS b FROM dp1.Visit) AS q", 1, 8, "no column a in q", None),
        ("", 0, 0, "empty", None),
    ],
)  # fmt: skip
def test_errors_say_where_and_what(text, line, column, message, expected):
    with pytest.raises(QueryError) as caught:
        compile_adql(text, CATALOG)
    error = caught.value
    assert message in error.message, error.message
    assert (error.line, error.column) == (line, column), (error.line, error.column, error.message)
    if expected is not None:
        assert expected in error.expected and (expected in error.hint or len(error.expected) > 4)


TEXT = """SELECT FROM WHERE TOP 5 AND OR NOT ( ) , . * + - / = < > <> ' " ; 1 2.5 0x1F 'a' objectId coord_ra dp1.Object
o AS JOIN ON USING LEFT GROUP BY ORDER BY HAVING COUNT( ABS( CONTAINS( POINT( CIRCLE( POLYGON( DISTANCE( IN IS NULL
LIKE BETWEEN CASE WHEN THEN ELSE END UNION WITH EXISTS DISTINCT ALL [ ] { } :: -> -- /* */ @ ? % & | ^ ~ é 中 \x00"""
WORDS = [*TEXT.split(), "\n"]


@settings(max_examples=400, deadline=None)
@given(st.lists(st.sampled_from(WORDS), max_size=25))
def test_any_words_raise_nothing_but_query_errors(words):
    text = " ".join(words)
    for one in (text, f"SELECT {text} FROM dp1.Object", f"SELECT objectId FROM dp1.Object WHERE {text}"):
        try:
            compile_adql(one, CATALOG)
        except QueryError as error:
            assert error.message and error.line >= 0


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=80))
def test_any_text_raises_nothing_but_query_errors(text):
    for one in (text, f"SELECT {text}", f"SELECT objectId FROM dp1.Object WHERE {text}"):
        try:
            parse_adql(one)
        except QueryError as error:
            assert error.message
