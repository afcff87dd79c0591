"""And, or, not and turning over of clauses, against masks of numpy."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.errors import LimitError
from portal.table.clauses import (
    CLAUSES_LIMIT,
    MODES,
    Clause,
    clauses_from_json,
    grouped,
    inverted,
    selection_sql,
    with_clause,
    words,
)
from portal.table.columns import Column, TableMeta
from portal.table.result import ResultTable
from portal.table.selection import box_clause, polygon_clause, rows_clause
from portal.table.tally import tally, tally_clauses

N = 400
RANDOM = np.random.default_rng(8)
X, Y = RANDOM.uniform(0, 10, N), RANDOM.uniform(0, 10, N)
NO_X, NO_Y = RANDOM.random(N) < 0.1, RANDOM.random(N) < 0.1


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    meta = TableMeta((Column("x"), Column("y")))
    cells = pa.table({"x": pa.array(X, mask=NO_X), "y": pa.array(Y, mask=NO_Y)})
    return ResultTable.from_arrow(tmp_path_factory.mktemp("clauses") / "r", meta, cells)


def box(a: float, b: float, c: float, d: float) -> tuple[Clause, np.ndarray]:
    (x0, x1), (y0, y1) = sorted((a, b)), sorted((c, d))
    mask = ~NO_X & ~NO_Y & (x0 <= X) & (x1 >= X) & (y0 <= Y) & (y1 >= Y)
    return box_clause('"x"', '"y"', (a, b), (c, d)), mask


def triangle(a: float, b: float) -> tuple[Clause, np.ndarray]:
    """The part below the line from (0, a) to (b, 0)."""
    mask = ~NO_X & ~NO_Y & (X / b + Y / a < 1)
    return polygon_clause('"x"', '"y"', [(-1, -1), (b + b / a, -1), (-1, a + a / b)]), mask


def some_rows(numbers: list[int]) -> tuple[Clause, np.ndarray]:
    return rows_clause(numbers), np.isin(np.arange(N), numbers)


side = st.floats(0, 10)
leaf = st.one_of(
    st.builds(box, side, side, side, side),
    st.builds(triangle, st.floats(1, 10), st.floats(1, 10)),
    st.builds(some_rows, st.lists(st.integers(0, N - 1), min_size=1, max_size=30)),
)


def chain(parts: list[tuple[tuple[Clause, np.ndarray], str]]) -> tuple[tuple[Clause, ...], np.ndarray]:
    """Clauses joined from the left, and the rows that are in them."""
    clauses, mask = (), None
    for (clause, inside), mode in parts:
        joined, turned = MODES[mode]
        inside = ~inside if turned else inside
        if mask is None:
            mask = inside
        else:
            mask = mask & inside if joined == "AND" else mask | inside
        clauses = (*clauses, clause._replace(mode=mode))
    return clauses, mask


def chains(member):
    return st.lists(st.tuples(member, st.sampled_from(list(MODES))), min_size=1, max_size=5).map(chain)


def group(made: tuple[tuple[Clause, ...], np.ndarray]) -> tuple[Clause, np.ndarray]:
    return grouped(made[0], "set:1", "a set"), made[1]


nested = chains(st.one_of(leaf, chains(leaf).map(group)))


@settings(max_examples=50, deadline=None)
@given(nested)
def test_clauses_are_masks(result, made) -> None:
    clauses, mask = made
    assert result.where(selection_sql(clauses)).tolist() == np.flatnonzero(mask).tolist()
    assert result.where(selection_sql(inverted(clauses))).tolist() == np.flatnonzero(~mask).tolist()
    assert inverted(inverted(clauses)) == clauses
    below = np.isin(np.arange(N), result.where('"x" < 5'))
    counts = tally_clauses(result, clauses, '"x" < 5')
    assert counts.total == np.count_nonzero(mask & below) and counts.shown == np.count_nonzero(below)
    assert list(counts.clauses) == tally(result, [clause.sql for clause in clauses], '"x" < 5')
    back = clauses_from_json(json.loads(json.dumps([clause.to_json() for clause in clauses])))
    assert back == clauses


def test_words_are_read_as_the_rows_are_chosen() -> None:
    a, b, c = (Clause("s", f"x = {name}", name) for name in "abc")
    assert words((a, b, c._replace(mode="or"))) == "(a and b) or c"
    read = words((a._replace(mode="and not"), b._replace(mode="or"), c._replace(mode="or not")))
    assert read == "not a or b or not c"
    either = grouped((a, b._replace(mode="or")), "set:1")
    assert words((c, either._replace(mode="and not"))) == "c and not (a or b)"
    assert words((grouped((a, b), "set:1", "blue ones"),)) == "blue ones"


def test_a_plain_gesture_replaces_and_others_join() -> None:
    chart, sky = Clause("chart", "a > 1", "box"), Clause("sky", "b", "circle")
    more = Clause("chart", "a < 0", "lasso", "or")
    clauses = with_clause(with_clause(with_clause((), chart), sky), more)
    assert words(clauses) == "(box and circle) or lasso"
    assert with_clause(clauses, Clause("chart", "a > 2", "new")) == (sky, Clause("chart", "a > 2", "new"))
    assert with_clause(clauses, Clause("chart", "", "")) == (sky,)
    full = tuple(more for _ in range(CLAUSES_LIMIT))
    with pytest.raises(LimitError):
        with_clause(full, more)


def test_saved_clauses_of_other_versions_are_read_and_strange_ones_left_out() -> None:
    old = [["sky", "x < 9", "circle"]]
    assert clauses_from_json(old) == (Clause("sky", "x < 9", "circle"),)
    deep = ["s", "", "l", "and", [], []]
    for _ in range(20):
        deep = ["s", "", "l", "and", [], [deep]]
    strange = [None, 5, ["a"], ["a", 1, "b"], ["s", "x", "l", "xor", 7, 7], [*old[0], "and", [], [], 1], deep]
    assert clauses_from_json(strange)[0] == Clause("s", "x", "l")
