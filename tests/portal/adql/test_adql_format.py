"""The formatter: nothing of the query is lost, and laying out twice changes nothing."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.adql.format import format_adql, tokens

MANY = """select a.b, -- first
 c from (select x, count(*) as n from t where a between 1 and -2 and (b=1 or c = 'it''s AND') group by x) as q
left outer join r on q.x = r.x and q.y - 1 > -1 /* why */ where d > 0x1F and exists(select * from z)
union all select 1, case when a and b then 2 end from w order by 1 desc"""


def test_clauses_stand_on_their_own_lines():
    assert format_adql(MANY) == (
        "SELECT a.b, -- first\n"
        "  c\n"
        "FROM (\n"
        "  SELECT x, count(*) AS n\n"
        "  FROM t\n"
        "  WHERE a BETWEEN 1 AND -2\n"
        "    AND (b = 1 OR c = 'it''s AND')\n"
        "  GROUP BY x\n"
        ") AS q\n"
        "  LEFT OUTER JOIN r ON q.x = r.x\n"
        "    AND q.y - 1 > -1 /* why */\n"
        "WHERE d > 0x1F\n"
        "  AND EXISTS (\n"
        "    SELECT *\n"
        "    FROM z\n"
        "  )\n"
        "UNION ALL\n"
        "SELECT 1, CASE WHEN a AND b THEN 2 END\n"
        "FROM w\n"
        "ORDER BY 1 DESC\n"
    )


def test_published_queries_keep_their_words(queries):
    changed = 0
    for query in queries:
        laid_out = format_adql(query["adql"])
        if laid_out != query["adql"]:
            assert tokens(laid_out) == tokens(query["adql"])
            assert format_adql(laid_out) == laid_out
            changed += 1
    assert changed > 250


@pytest.mark.parametrize("text", ["SELECT 'abc FROM t", 'SELECT "abc FROM t', "SELECT a /* open"])
def test_what_is_left_open_is_given_back(text):
    assert format_adql(text) == text


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from([*MANY.split(), "(", ")", ",", "-", "--x\n", "'a\nb'", '"A b"', "."]), max_size=40))
def test_words_are_never_lost(words):
    text = " ".join(words)
    laid_out = format_adql(text)
    if laid_out != text:
        assert tokens(laid_out) == tokens(text)
        assert format_adql(laid_out) == laid_out
