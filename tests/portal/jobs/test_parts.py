"""What is marked taken out of a result: a table of its own, ids, a condition; sets and tabs that come back."""

from __future__ import annotations

import time

import numpy as np
import pyarrow as pa
import pytest

from portal import sets
from portal.errors import LimitError, QueryError
from portal.jobs.job import Job
from portal.jobs.part import part_of
from portal.look import Look
from portal.narrowing import IDS_IN_QUERY, adql_condition, id_columns, ids_text, narrowed_query
from portal.session import Session
from portal.table.clauses import Clause, words
from portal.table.columns import Column, Info, TableMeta
from portal.table.order import RowView
from portal.table.selection import box_clause, rows_clause
from portal.tabs import COLOURS

FIRST_ID = 1_651_281_746_966_117_377
N = 6_000
COLUMNS = (
    Column("mag"),
    Column("name", "char", "*"),
    Column("objectId", "long", ucd="meta.id;meta.main"),
    Column("nights", "int"),
)


@pytest.fixture
def session(runner, post):
    """A page with one result that the portal made, as if by a query."""
    made = Session(runner, post=post)
    ids = pa.array(FIRST_ID + np.arange(N)[::-1], mask=np.arange(N) == 7)
    names = [f"n'{i}" for i in range(N)]
    cells = [pa.array(np.arange(N) / 100), pa.array(names), ids, pa.array(range(N))]
    batch = pa.record_batch(cells, names=[column.name for column in COLUMNS])
    query = "SELECT scisql_nanojanskyToAbMag(flux) AS mag, name, o.objectId, nights FROM dp1.Object AS o"
    meta = TableMeta(COLUMNS, infos=(Info("QUERY", query),), overflow=True)
    wait(made, post, made.make("part", "Objects", lambda _: (meta, [batch])))
    yield made
    made.end()


def wait(session, post, job) -> None:
    end = time.monotonic() + 20
    while not job.over and time.monotonic() < end:
        time.sleep(0.005)
    post.turn()
    assert job.phase == "COMPLETED", job.error


def test_marked_rows_become_a_result_in_their_order(session, post) -> None:
    with pytest.raises(QueryError, match="Nothing is marked"):
        session.new_table()
    session.look = session.look.with_filter("nights", "< 100").with_sort("mag", False).with_sort("mag", False)
    session.select(box_clause('"mag"', '"nights"', (0.5, 20), (0, 9_999), label="faint"))
    source = session.active
    wait(session, post, session.new_table())
    table, tab = session.table(), session.tabs[-1]
    assert session.active == tab.key != source and tab.title == "Objects: faint" and tab.colour == COLOURS[1]
    assert table.take(np.arange(table.n_rows), ["nights"]).column(0).to_pylist() == list(range(99, 49, -1))
    assert table.take(np.array([0]), ["objectId"]).column(0)[0].as_py() == FIRST_ID + N - 100
    assert table.meta.overflow and tab.overflow and "SELECTION" in {info.name for info in table.meta.infos}
    assert session.look == Look() and not session.redo_words


def test_ids_are_exact_and_bounded(session) -> None:
    table, look = session.table(), Look()
    assert id_columns(table.meta) == ["objectId", "nights", "name"]
    with pytest.raises(QueryError, match="Nothing is marked"):
        ids_text(table, look, "objectId")
    look = look.with_clause(rows_clause([5, 6, 7, 8]))
    told = b"".join(ids_text(table, look, "objectId")).decode()
    assert told == "".join(f"{FIRST_ID + N - 1 - row}\n" for row in (5, 6, 8))  # the seventh has none
    with pytest.raises(LimitError):
        ids_text(table, look, "objectId", 3)
    with pytest.raises(QueryError, match="no ids"):
        ids_text(table, look, "mag")


def test_a_condition_in_the_words_of_the_query(session) -> None:
    table = session.table()
    query = next(info.value for info in table.meta.infos if info.name == "QUERY")
    table.derive("brighter", "mag - 1")
    look = Look(filters=(("nights", "> 3"),)).with_clause(box_clause('"brighter"', '"mag"', (0, 1), (2, 3)))
    mag = "scisql_nanojanskyToAbMag(flux)"
    said = adql_condition(table, look, query, "objectId")
    assert said == f"((({mag} - 1.0) BETWEEN 0.0 AND 1.0 AND {mag} BETWEEN 2.0 AND 3.0)) AND (nights > 3)"
    ticked = Look().with_clause(rows_clause([1, 3]))
    assert adql_condition(table, ticked, query, "name") == "(name IN ('n''1', 'n''3'))"
    said = adql_condition(table, ticked, query, "objectId")
    assert said == f"(o.objectId IN ({FIRST_ID + N - 2}, {FIRST_ID + N - 4}))"
    many = Look().with_clause(rows_clause(range(IDS_IN_QUERY + 1)))
    with pytest.raises(LimitError):
        adql_condition(table, many, query, "objectId")
    # The text in the editor is made narrower when it reads the same tables, else the query of the result.
    mine = "SELECT TOP 5 o.objectId FROM dp1.Object AS o ORDER BY o.objectId"
    assert narrowed_query(mine, query, said).startswith(
        "SELECT TOP 5 o.objectId FROM dp1.Object AS o\nWHERE (o.objectId IN"
    )
    assert narrowed_query("SELECT 1 FROM other", query, said) == f"{query}\nWHERE {said}"
    with pytest.raises(QueryError, match="no query"):
        narrowed_query(mine, "", said)
    assert adql_condition(table, ticked, "", "objectId").startswith("(objectId IN")


def test_a_query_made_narrower_is_taken_back_unless_it_was_edited(session) -> None:
    session.query = "SELECT 1"
    session.narrow_query("SELECT 1 WHERE x")
    session.undo()
    assert session.query == "SELECT 1"
    session.redo()
    session.query = "SELECT 1 WHERE x AND mine"
    session.undo()
    assert session.query == "SELECT 1 WHERE x AND mine"


def test_names_sets_and_tabs_come_back(session, runner, post) -> None:
    first = session.active
    wait(
        session,
        post,
        session.make("part", "Other", lambda _: (TableMeta((Column("x"),)), [pa.record_batch({"x": [1.0]})])),
    )
    session.change_tab(session.active, title=" Second  one ", pinned=True, colour=COLOURS[5])
    session.open(first)
    session.select(Clause("chart", "mag > 1", "bright", "and", ("box",)))
    session.select(Clause("sky", "nights > 1", "late", "or not"))
    session.look = sets.saved(session.look, "good")
    session.look = session.look.with_clause(Clause("chart", "mag > 2", "more", "and not"))
    while session._saver.busy:
        time.sleep(0.005)
    again = Session(runner, session.workspace, post)
    assert again.tabs == session.tabs and again.look == session.look and again.active == first
    assert again.tabs[0][:2] == (again.tabs[0].key, "Second one") and again.tabs[0].pinned
    assert words(again.look.clauses) == "good and not more"
    assert again.look.sets[0].sql == session.look.sets[0].sql == "(mag > 1) OR ((nights > 1) IS NOT TRUE)"
    again.end()
    # A page saved before tabs had marks still opens.
    state = runner.history.load(session.workspace)
    del state["marks"]
    runner.history.save(session.workspace, {**state, "looks": {first: {"clauses": [["sky", "mag < 9", "circle"]]}}})
    old = Session(runner, session.workspace, post)
    assert [tab.title for tab in old.tabs] == ["Other", "Objects"] and not old.tabs[0].pinned
    assert old.look.clauses == (Clause("sky", "mag < 9", "circle"),)
    old.end()


def test_undo_leaves_out_what_names_a_column_that_is_gone(session) -> None:
    table = session.table()
    table.derive("twice", "2 * mag")
    session.columns_changed(session.active)
    session.select(Clause("chart", '"twice" > 1 AND "name" <> \'a "b" c\'', "bright"))
    session.keep_selected()
    session.select(Clause("table", '"mag" > 1', "faint"))
    session.change(condition="twice < 50")
    table.drop_derived("twice")
    session.columns_changed(session.active, "twice")
    session.undo()
    assert (
        session.look.condition == ""
        and session.look.kept == ()
        and [c.label for c in session.look.clauses] == ["faint"]
    )
    assert "bright" in session.trouble[0] and "twice < 50" in session.trouble[0]
    assert table.count(session.look.row_view(table.meta)) == N
    table.derive("twice", "3 * mag")
    session.columns_changed(session.active)
    session.trouble = ()
    session.undo()
    assert [c.label for c in session.look.kept] == ["bright"] and session.trouble == ()
    assert table.count(session.look.row_view(table.meta)) < N


def test_a_part_lets_go_of_its_source_and_keeps_its_columns(session, runner, post, monkeypatch) -> None:
    table, users = session.table(), dict(runner._users)
    table.derive("twice", "2 * mag")
    work = part_of(runner, session.active, RowView((), '"nights" < 3'))
    meta, batches = work(Job("k" * 20, session.workspace, "part", ""))
    assert runner._users == users  # also when nobody ever takes the rows
    table.drop_derived("twice")
    table.derive("other", "name")
    copied = pa.Table.from_batches(list(batches))
    assert copied.column_names == [column.name for column in meta.columns] and copied["twice"][2].as_py() == 0.04


def test_sets_are_bounded(session, monkeypatch) -> None:
    look = session.look.with_clause(rows_clause([1, 2]))
    with pytest.raises(QueryError):
        sets.saved(session.look, "nothing")
    with pytest.raises(QueryError):
        sets.saved(look, "  ")
    for number in range(sets.SETS_LIMIT):
        look = sets.saved(look, f"set {number}")._replace(clauses=look.clauses)
    assert len(sets.saved(look, "set 5").sets) == sets.SETS_LIMIT
    with pytest.raises(LimitError):
        sets.saved(look, "one more")
    monkeypatch.setattr(sets, "SIZE_LIMIT", 10)
    with pytest.raises(LimitError, match="large"):
        sets.saved(session.look.with_clause(rows_clause([1, 5])), "big")
