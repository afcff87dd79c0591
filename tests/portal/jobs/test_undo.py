"""Undo and redo, as a machine of random steps held against the looks and tabs as they were after each of them."""

from __future__ import annotations

import queue
import shutil
import tempfile
import time
from pathlib import Path

import pyarrow as pa
from hypothesis import settings as examples
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from portal import sets
from portal.config import Settings
from portal.jobs.history import History
from portal.jobs.runner import Runner
from portal.look import Look
from portal.session import Session
from portal.table.clauses import MODES, Clause, inverted
from portal.table.columns import Column, TableMeta
from portal.tabs import COLOURS
from portal.undo import LIMIT, Scene, Step, Undo

SOURCES = st.sampled_from(["chart", "sky", "table"])


class Page(RuleBasedStateMachine):
    """One session without a service. ``past`` and ``future`` hold what undo and redo must bring."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.history = History(self.folder)
        self.runner = Runner(Settings(data=self.folder, tap_url="http://127.0.0.1:9/tap", workers=1), self.history)
        self.calls: queue.SimpleQueue = queue.SimpleQueue()
        self.session = Session(self.runner, post=self.calls.put)
        self.past: list[tuple] = []
        self.future: list[tuple] = []

    def teardown(self) -> None:
        self.session.end()
        self.runner.close()
        self.history.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def seen(self) -> tuple:
        session = self.session
        looks = {**session._looks, session.active: session.look}
        tabs = tuple((tab.key, tab.title, tab.colour, tab.pinned) for tab in session.tabs)
        return tabs, {tab.key: looks[tab.key]._replace(current=-1) for tab in session.tabs}

    def same(self, wanted: tuple, now: tuple, known: set[str]) -> None:
        """What was there is there again, in its order; results opened since are there too."""
        assert [tab for tab in now[0] if tab[0] in known] == list(wanted[0])
        assert {key: look for key, look in now[1].items() if key in known} == wanted[1]

    def step(self, act) -> None:
        before = self.seen()
        act()
        if self.seen() != before:
            self.past.append((before, {*self.keys}))
            self.future.clear()

    @initialize(n=st.integers(1, 3))
    def begin(self, n: int) -> None:
        self.keys: set[str] = set()
        for _ in range(n):
            self.open_another()

    def open_another(self) -> None:
        meta = TableMeta((Column("x"),))
        batch = pa.record_batch({"x": [1.0, 2.0]})
        job = self.session.make("part", f"result {len(self.keys)}", lambda _: (meta, [batch]))
        end = time.monotonic() + 20
        while not job.over and time.monotonic() < end:
            time.sleep(0.001)
        self.keys.add(job.key)

    @precondition(lambda self: len(self.keys) < 4)
    @rule()
    def open_one_more(self) -> None:
        self.open_another()

    @precondition(lambda self: self.session.tabs)
    @rule(place=st.integers(0, 9))
    def show(self, place: int) -> None:
        self.session.open(self.tab(place))

    def tab(self, place: int) -> str:
        return self.session.tabs[place % len(self.session.tabs)].key

    @precondition(lambda self: self.session.tabs)
    @rule(source=SOURCES, number=st.integers(0, 9), mode=st.sampled_from(list(MODES)))
    def mark(self, source: str, number: int, mode: str) -> None:
        clause = Clause(source, f'"x" > {number}', f"over {number}", mode)
        self.step(lambda: self.session.select(clause))

    @precondition(lambda self: self.session.look.clauses)
    @rule(what=st.sampled_from(["invert", "clear", "keep", "save", "drop", "label"]))
    def change_selection(self, what: str) -> None:
        session, look = self.session, self.session.look
        acts = {
            "invert": lambda: session.change(clauses=inverted(look.clauses)),
            "clear": session.unselect,
            "keep": session.keep_selected,
            "save": lambda: session.change(**sets.saved(look, f"set {len(look.clauses)}")._asdict()),
            "drop": lambda: setattr(session, "look", look.without_place(0)),
            "label": lambda: setattr(session, "look", look.with_label(0, f"name {len(look.clauses)}")),
        }
        self.step(acts[what])

    @precondition(lambda self: self.session.look.sets)
    @rule(what=st.sampled_from(["on", "off", "rename", "delete", "apart"]))
    def change_sets(self, what: str) -> None:
        look = self.session.look
        source = look.sets[0].source
        changed = {
            "on": lambda: sets.switched(look, source, "or"),
            "off": lambda: sets.switched(look, source),
            "rename": lambda: sets.renamed(look, source, f"{look.sets[0].label}'"),
            "delete": lambda: sets.deleted(look, source),
            "apart": lambda: sets.taken_apart(look, source),
        }[what]()
        self.step(lambda: setattr(self.session, "look", changed))

    @precondition(lambda self: self.session.tabs)
    @rule(text=st.sampled_from(["", "> 1", "0..5"]), add=st.booleans(), axis=st.sampled_from("xy"))
    def sort_filter_and_axes(self, text: str, add: bool, axis: str) -> None:
        session = self.session
        self.step(lambda: setattr(session, "look", session.look.with_filter("x", text)))
        self.step(lambda: setattr(session, "look", session.look.with_sort("x", add)))
        self.step(lambda: session.change(x=axis))

    @precondition(lambda self: self.session.tabs)
    @rule(row=st.integers(-1, 1))
    def point(self, row: int) -> None:
        words = self.session.undo_words
        self.session.point_at(row)
        assert self.session.undo_words == words

    @precondition(lambda self: self.session.tabs)
    @rule(place=st.integers(0, 9), to=st.integers(0, 9), what=st.sampled_from(["move", "name", "pin", "colour"]))
    def change_tabs(self, place: int, to: int, what: str) -> None:
        session, key = self.session, self.tab(place)
        acts = {
            "move": lambda: session.move_tab(key, to),
            "name": lambda: session.change_tab(key, title=f"name {to}"),
            "pin": lambda: session.change_tab(key, pinned=bool(to % 2)),
            "colour": lambda: session.change_tab(key, colour=COLOURS[to % len(COLOURS)]),
        }
        self.step(acts[what])

    @precondition(lambda self: self.session.tabs)
    @rule(place=st.integers(0, 9), others=st.booleans())
    def close(self, place: int, others: bool) -> None:
        session, key = self.session, self.tab(place)
        self.step(lambda: session.close_others(key) if others else session.close_result(key))

    @rule()
    def take_back(self) -> None:
        before = self.seen()
        self.session.undo()
        if self.past:
            wanted, known = self.past.pop()
            self.same(wanted, self.seen(), known)
            self.future.append((before, {*self.keys}))
        else:
            assert self.seen() == before

    @rule()
    def do_again(self) -> None:
        before = self.seen()
        self.session.redo()
        if self.future:
            wanted, known = self.future.pop()
            self.same(wanted, self.seen(), known)
            self.past.append((before, {*self.keys}))
        else:
            assert self.seen() == before

    @invariant()
    def says_what_it_would_do(self) -> None:
        assert bool(self.session.undo_words) == bool(self.past)
        assert bool(self.session.redo_words) == bool(self.future)

    @invariant()
    def shows_a_result_that_is_there(self) -> None:
        session = self.session
        assert session.active in {tab.key for tab in session.tabs} if session.tabs else session.active == ""
        assert not session.tabs or session.table().n_rows == 2
        pinned = [tab.pinned for tab in session.tabs]
        assert pinned == sorted(pinned, reverse=True)


TestPage = Page.TestCase
TestPage.settings = examples(max_examples=15, stateful_step_count=30, deadline=None)


def test_the_history_is_bounded() -> None:
    undo = Undo()
    for number in range(LIMIT + 20):
        undo.did(Step(f"step {number}", "", Scene(Look()), Scene(Look())))
    taken = 0
    while undo.back() is not None:
        taken += 1
    assert taken == LIMIT and undo.words == ("", "step 20")
