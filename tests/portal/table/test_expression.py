"""Expressions and conditions over columns: values as Python computes them, and nothing else gets through."""

import math

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.errors import QueryError
from portal.table.columns import Column
from portal.table.expression import check_condition, check_expression
from portal.table.expression_sql import FUNCTIONS

BIG = 1_651_281_746_966_117_378
COLUMNS = (
    Column("a"),
    Column("b", "float"),
    Column("id", "long"),
    Column("n", "short"),
    Column("s", "char", "*"),
    Column("k", "boolean"),
    Column('R "x"'),
    Column("v", "float", "*"),
)


@pytest.fixture(scope="module")
def database():
    connection = duckdb.connect()
    connection.execute(
        f"CREATE TABLE t AS SELECT 2.5e0 AS a, CAST(0.5 AS FLOAT) AS b, {BIG} AS id, CAST(32767 AS SMALLINT) AS n, "
        '\'star\' AS s, TRUE AS k, 9e0 AS "R ""x""", [1.0] AS v'
    )
    return connection


def value(database, sql: str):
    return database.cursor().execute(f"SELECT {sql} FROM t").fetchall()[0][0]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("-2.5*log10(a)+31.4", -2.5 * math.log10(2.5) + 31.4),
        ("a - b", 2.0),
        ("A + B", 3.0),
        ("n + 1", 32768.0),
        ("n * n * n * n * n", 32767.0**5),
        ("id * 1000000", float(BIG) * 1e6),
        ("a / 0", math.inf),
        ("power(a, 2) + a^2 + a**2", 18.75),
        ("sqrt(square(a))", 2.5),
        ("log(a) - ln(a)", 0.0),
        ("log(10, a) - log10(a)", 0.0),
        ("log2(8)", 3.0),
        ("degrees(pi()) + radians(180)", 180 + math.pi),
        ("atan2(a, b)", math.atan2(2.5, 0.5)),
        ("mod(id, 10)", 8),
        ("id % 10", 8),
        ("mod(n, 0)", None),
        ("a // b", 5.0),
        ("greatest(a, b, 1) - least(a, b, 1)", 2.0),
        ("round(a * 1.111, 2)", 2.78),
        ("floor(a) + ceil(a) + trunc(a) + round(b)", 8.0),
        ("case when a > 2 and k then 1 when s = 'star' then 2 else 3 end", 1.0),
        ("if(a < 1, 1, 2)", 2.0),
        ("k + k", 2.0),
        ("coalesce(nullif(a, 2.5), -1)", -1.0),
        ('"R ""x""" * 2', 18.0),
        ("1e3 + .5 -- comment", 1000.5),
        ("a > 2", True),
        ("sqrt(-1)", math.nan),
        ("asinh(a / 2) + sinh(0) + cbrt(8) + sign(-3) + abs(-1)", math.asinh(1.25) + 2),
    ],
)
def test_values(database, text, wanted):
    found = value(database, check_expression(text, COLUMNS))
    if wanted is None or isinstance(wanted, bool):
        assert found is wanted
    else:
        assert found == pytest.approx(wanted, rel=1e-12, nan_ok=True)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (f"id = {BIG}", True),
        (f"id = {BIG + 1}", False),
        (f"id in ({BIG + 1}, {BIG})", True),
        (f"id between {BIG} and {BIG}", True),
        (f"id > {BIG} - 1 or a is null", False),  # arithmetic is in doubles
        ("a > 2 and not (b > 1 or s = 'x')", True),
        ("s like 'st%' and s ilike 'ST_R' and s in ('star')", True),
        ("s not like 'x%' and not s not like 's%'", True),
        ("s not ilike 'ST%' or s not like 'st%'", False),
        ("k", True),
        ("k = 1 and k <> 0", True),
        ("not k", False),
        ("a is not null and v_is is null", None),
        ("isnan(a - a) or isfinite(b)", True),
        ("abs(a - 2.5) < 1e-9", True),
    ],
)
def test_conditions(database, text, wanted):
    if wanted is None:
        with pytest.raises(QueryError, match="no column v_is"):
            check_condition(text, COLUMNS)
    else:
        assert value(database, check_condition(text, COLUMNS)) is wanted


@pytest.mark.parametrize(
    "text",
    [
        "(select 1)", "a; drop table t", "a from t", "a as b", "a, b", "t.a", "*", "count(*)", "sum(a)", "max(a)",
        "random()", "read_csv('x')", "getenv('HOME')", "a::int", "cast(a as int)", "a || s", "exists(select 1)",
        "a in (select 1)", "a over ()", "sum(a) over ()", "[1,2]", "{a}", "a[1]", "$1", "?", "v", "v + 1", "s", "s + 1",
        "interval 1 day", "date '2020-01-01'", "x -> y", "a.b.c", "a ~ 'x'", "case s when 'x' then 1 end", "pi(1)",
        "atan2(a)", "greatest()", "nosuch(a)", "nosuch", "a between s and 2", "s > 1", "a and b", "not a", "__row__",
        "case when k then 1 else 'x' end", "select a", "a; b", "a limit 1", "a union select 1", "", "  ", "a +", "(a",
        "a)", "'x", '"x', "1_0_", "a like 'x'", "(" * 4000, "-" * 500, "(" * 200 + "a" + ")" * 200,
        "try_cast(a as int)", "columns('a')", "struct_pack(x := a)", "a collate x", "localtime", "current_user",
        "a between symmetric 9 and 1",
    ],
)  # fmt: skip
def test_what_is_refused(text):
    for check in (check_expression, check_condition):
        with pytest.raises(QueryError) as caught:
            check(text, COLUMNS)
        assert caught.value.message and caught.value.line >= 1 and caught.value.column >= 1


@pytest.mark.parametrize(
    ("text", "line", "column", "length"),
    [
        ("a + nosuch", 1, 5, 6),
        ("a\n  + foo(b)", 2, 5, 5),
        ("a * v", 1, 5, 1),
        ("s + 1", 1, 1, 1),
        ("a + (b *)", 1, 9, 1),
    ],
)
def test_where_the_error_is(text, line, column, length):
    with pytest.raises(QueryError) as caught:
        check_expression(text, COLUMNS)
    assert (caught.value.line, caught.value.column) == (line, column)
    assert length <= caught.value.length <= length + 2


def test_every_function_works(database):
    for name, (fewest, most, _) in FUNCTIONS.items():
        for count in {fewest, min(most, max(3, fewest))}:
            text = f"{name}({', '.join(['0.5', 'a', 'b', '2'][:count])})"
            found = value(database, check_expression(text, COLUMNS))
            assert found is None or isinstance(found, float), text


def test_nested_functions_do_not_grow_without_end():
    for head, tail in (("distance(1, ", ", 2, 3)"), ("scisql_nanojanskytoabmag(", ")")):
        with pytest.raises(QueryError, match="Too much is nested"):
            check_expression(head * 16 + COLUMNS[0].name + tail * 16, COLUMNS)


def test_near_names_are_offered():
    with pytest.raises(QueryError) as caught:
        check_expression("Mag + 1", (Column("gmag"), Column("rMAG"), Column("x")))
    assert caught.value.expected == ("gmag", "rMAG")


leaves = st.sampled_from(["a", "b", "id", "n", "1", "2.5", "-3", "k"])
trees = st.recursive(
    leaves,
    lambda inner: (
        st.tuples(inner, st.sampled_from(["+", "-", "*", "/", "%"]), inner).map(lambda item: f"({' '.join(item)})")
        | st.tuples(st.sampled_from(["abs", "exp", "floor", "log10", "sqrt"]), inner).map("{0[0]}({0[1]})".format)
        | st.tuples(inner, inner, inner).map("case when {0[0]} > {0[1]} then {0[2]} end".format)
    ),
    max_leaves=12,
)


@settings(deadline=None, max_examples=200)
@given(trees)
def test_a_checked_expression_never_fails_in_the_engine(database, text):
    value(database, check_expression(text, COLUMNS))


@settings(deadline=None, max_examples=300)
@given(st.text(st.sampled_from("ab(),;'\"+-*/=<> 1.e%|&[]{}$?:@~\n") | st.characters(), max_size=25))
def test_any_text_is_refused_or_runs(database, text):
    for check in (check_expression, check_condition):
        try:
            sql = check(text, COLUMNS)
        except QueryError:
            continue
        value(database, sql)
