"""The filter boxes: what each text keeps, and where the error is when it is not understood."""

import math

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.errors import QueryError
from portal.table.columns import Column
from portal.table.filters import column_filter

BIG = 1_651_281_746_966_117_378
VALUES = {
    "long": [BIG, BIG + 1, 5, -7, None],
    "double": [18.0, 20.0, 0.1, -3e5, math.nan, None],
    "float": [0.1, 18.5, 1e10, math.nan, None],
    "char": ["r", "i", "Galaxy", "galaxy_2", "50% off", "it's", "", None],
    "boolean": [True, False, None],
}
SQL = {"long": "BIGINT", "double": "DOUBLE", "float": "FLOAT", "char": "VARCHAR", "boolean": "BOOLEAN"}


@pytest.fixture(scope="module")
def database():
    connection = duckdb.connect()
    for kind, values in VALUES.items():
        connection.execute(f'CREATE TABLE t_{kind} (n INTEGER, "a ""b" {SQL[kind]})')
        for at, value in enumerate(values):
            connection.execute(f"INSERT INTO t_{kind} VALUES (?, ?)", [at, value])
    return connection


def column(kind: str) -> Column:
    return Column('a "b', kind, "*" if kind == "char" else "")


@pytest.mark.parametrize(
    ("kind", "text", "kept"),
    [
        ("long", str(BIG), [0]),
        ("long", f"= {BIG + 1}", [1]),
        ("long", f"!= {BIG}", [1, 2, 3]),
        ("long", f"in {BIG},{BIG + 1} , 5", [0, 1, 2]),
        ("long", f"not in (5, {BIG})", [1, 3]),
        ("long", "-10..5", [2, 3]),
        ("long", "> 2.5", [0, 1, 2]),
        ("double", "> 18", [1]),
        ("double", ">=18", [0, 1]),
        ("double", "18..20", [0, 1]),
        ("double", "18..", [0, 1]),
        ("double", "..0.1", [2, 3]),
        ("double", "< 0 or >= 20", [1, 3]),
        ("double", "> 0 and < 19", [0, 2]),
        ("double", "< 0 or > 17 and < 19", [0, 3]),
        ("double", "-3e5", [3]),
        ("double", "+18.0", [0]),
        ("double", "null", [5]),
        ("double", "!null", [0, 1, 2, 3, 4]),
        ("float", "0.1", [0]),
        ("float", "in 0.1, 18.5", [0, 1]),
        ("float", "> 18", [1, 2]),
        ("char", "r", [0]),
        ("char", "in r, i", [0, 1]),
        ("char", "gal*", [2, 3]),
        ("char", "GALAXY", [2, 3]),
        ("char", "*_2", [3]),
        ("char", "50%", [4]),
        ("char", "_", [3]),
        ("char", "= Galaxy", [2]),
        ("char", "'it''s'", [5]),
        ("char", '"r"', [0]),
        ("char", "''", [6]),
        ("char", "!= r and != i and !null", [2, 3, 4, 5, 6]),
        ("char", "!= gal*", [0, 1, 4, 5, 6]),
        ("char", "'r' or 'i and'", [0]),
        ("char", "in 'it''s', 'a,b'", [5]),
        ("char", "> s", []),
        ("double", "(< 0 or > 17) and < 19", [0, 3]),
        ("double", "not (18..20)", [2, 3, 4]),
        ("double", "!(18..20) and !null", [2, 3, 4]),
        ("double", "((-3e5)or(20))", [1, 3]),
        ("double", "not > 5 and not null", [2, 3, 4]),
        ("double", "in 18, null", [0, 5]),
        ("long", "not in 5, null", [0, 1, 3]),
        ("char", "(gal* or r) and !(*_2)", [0, 2]),
        ("char", "in r, null", [0, 7]),
        ("char", "in 'null'", []),
        ("char", 'in "r", "i"', [0, 1]),
        ("char", "like gal*", [2, 3]),
        ("char", "not like %_2 and !null", [0, 1, 2, 4, 5, 6]),
        ("char", "nor", []),
        ("boolean", "in true, null", [0, 2]),
        ("boolean", "true", [0]),
        ("boolean", "!= T", [1]),
        ("boolean", "0", [1]),
        ("boolean", "in true, false", [0, 1]),
        ("boolean", "null", [2]),
    ],
)
def test_what_is_kept(database, kind, text, kept):
    if kind == "char" and text == "r":
        kept = [0]  # a bare word is looked for anywhere; only "r" has an r
    predicate = column_filter(column(kind), text)
    found = database.cursor().sql(f"SELECT n FROM t_{kind} WHERE {predicate} ORDER BY n").fetchall()
    assert [row[0] for row in found] == kept


TIMES = [
    "2025-01-31T23:59:59.5",
    "2025-02-01 00:00:00",
    "2025-02-01T12:00:00Z",
    "2025-03-01",
    "2024-12-31T00:00:00",
    None,
]


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("2025-01-01..2025-02-01", [0, 1, 2]),
        ("2025-02", [1, 2]),
        ("> 2025-02-01", [3]),
        (">= 2025-02-01", [1, 2, 3]),
        ("<= 2025-02-01T00:00", [0, 1, 4]),
        ("< 2025", [4]),
        ("!= 2025-02-01", [0, 3, 4]),
        ("2025-02-01 12:00:00", [2]),
        ("..2025-01 or 2025-03..", [0, 3, 4]),
        ("*:59*", [0]),
        ("null", [5]),
    ],
)
def test_times_as_text(database, text, kept):
    time = Column("when", "char", "*", xtype="timestamp")
    connection = database.cursor()
    connection.execute(
        'CREATE OR REPLACE TABLE times AS SELECT * FROM (SELECT unnest(?) AS "when", unnest(range(6)) AS n)', [TIMES]
    )
    found = connection.sql(f"SELECT n FROM times WHERE {column_filter(time, text)} ORDER BY n").fetchall()
    assert [row[0] for row in found] == kept


def test_an_empty_box_keeps_all():
    assert column_filter(column("double"), "  ") == ""


@pytest.mark.parametrize(
    ("kind", "text", "at"),
    [
        ("double", "abc", 1),
        ("double", "> abc", 3),
        ("double", "18..x", 5),
        ("double", "> 5 and", 8),
        ("double", "> 5 and and < 3", 9),
        ("double", "5; DROP TABLE t", 1),
        ("double", "in 1,,2", 6),
        ("double", "in 1, x", 7),
        ("double", "1e999", 1),
        ("double", ">", 1),
        ("double", "..", 1),
        ("double", "1) OR (1=1", 2),
        ("double", "(1 or 2", 1),
        ("double", "(1) 2", 5),
        ("double", "1 and (2 or x)", 13),
        ("double", "()", 2),
        ("double", "(" * 60 + "1" + ")" * 60, 52),
        ("long", "0x10", 1),
        ("long", "١", 1),
        ("boolean", "maybe", 1),
        ("boolean", "> true", 3),
        ("char", "a or ", 6),
    ],
)
def test_where_the_error_is(kind, text, at):
    with pytest.raises(QueryError) as caught:
        column_filter(column(kind), text)
    assert (caught.value.line, caught.value.column) == (1, at)
    assert caught.value.message


def test_arrays_can_only_be_null_or_not():
    arrays = Column("v", "double", "*")
    assert column_filter(arrays, "null") == '"v" IS NULL'
    with pytest.raises(QueryError):
        column_filter(arrays, "> 5")


def test_length_is_bounded():
    with pytest.raises(QueryError):
        column_filter(column("double"), "1 or " * 5000 + "1")
    with pytest.raises(QueryError):
        column_filter(column("double"), "in " + ",".join("1" * 1 for _ in range(900)))


@settings(deadline=None, max_examples=300)
@given(st.sampled_from(sorted(SQL)), st.text(max_size=30))
def test_any_text_is_refused_or_one_harmless_predicate(database, kind, text):
    try:
        predicate = column_filter(column(kind), text)
    except QueryError as error:
        assert 1 <= error.column <= len(text) + 1
        return
    rows = database.cursor().sql(f"SELECT n FROM t_{kind} WHERE {predicate or 'TRUE'}").fetchall()
    assert len(rows) <= len(VALUES[kind])


@settings(deadline=None, max_examples=100)
@given(st.text(st.characters(exclude_characters="\0*", exclude_categories=["Cs"]), min_size=1, max_size=12))
def test_quoted_text_is_taken_as_it_is(word):
    connection = duckdb.connect()
    predicate = column_filter(Column("s", "char", "*"), "'" + word.replace("'", "''") + "'")
    assert connection.execute(f"SELECT {predicate} FROM (SELECT ? AS s)", [word]).fetchall() == [(True,)]
