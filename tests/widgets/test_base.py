"""Gestures from the browser: read with care, in order of arrival, never sent back."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from widgets.base import MAX_ITEMS, Gesture, JSWidget, read_gesture


class Poked(NamedTuple):
    """A made-up gesture with a field of each allowed type."""

    n: int
    row: int
    name: str = ""
    on: bool = False
    at: float = 0.0
    rows: tuple[int, ...] = ()


class Toy(JSWidget):
    poked = Gesture(Poked)


class ToyChild(Toy):
    nudged = Gesture(Poked)


FIELDS = {"row": 5, "name": "g", "on": True, "at": 1, "rows": [1, 2.0]}


def test_a_gesture_lands_in_its_parameter_with_a_serial():
    toy = Toy()
    seen = []
    toy.param.watch(lambda event: seen.append(event.new), "poked")
    toy._handle_msg({"gesture": "poked", **FIELDS})
    toy._handle_msg({"gesture": "poked", **FIELDS})
    assert seen == [Poked(1, 5, "g", True, 1.0, (1, 2)), Poked(2, 5, "g", True, 1.0, (1, 2))]


@pytest.mark.parametrize(
    "wrong",
    [
        {"row": "5"},
        {"row": 5.5},
        {"row": True},
        {"row": None},
        {"row": float("nan")},
        {"row": float("inf")},
        {"name": 3},
        {"name": "x" * 2_000_000},
        {"on": 1},
        {"at": "0"},
        {"rows": "12"},
        {"rows": [1, "2"]},
        {"rows": list(range(MAX_ITEMS + 1))},
    ],
)
def test_a_message_that_does_not_fit_is_dropped(wrong, caplog):
    toy = Toy()
    toy._handle_msg({"gesture": "poked", **FIELDS, **wrong})
    assert toy.poked is None and "dropped" in caplog.text


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), st.lists, max_leaves=5))
def test_no_message_breaks_the_widget(anything):
    toy = Toy()
    toy._handle_msg(anything)
    toy._handle_msg({"gesture": anything})
    toy._handle_msg({"gesture": "visible"})
    toy._handle_msg({"gesture": "poked", **{**FIELDS, "row": anything, "rows": anything}})
    assert toy.poked is None


def test_a_missing_field_raises():
    with pytest.raises(KeyError):
        read_gesture(Poked, 1, {"row": 5})


def test_gestures_are_not_sent_to_the_browser():
    assert "poked" not in Toy._data_model.properties() or Toy._property_mapping["poked"] is None
    model = ToyChild().get_root()
    before = model.data.properties_with_values()
    toy = ToyChild()
    root = toy.get_root()
    toy.poked = toy.nudged = Poked(1, 2)
    assert "poked" not in before and "nudged" not in root.data.properties_with_values()


def test_threads_that_overtake_do_not_reorder_gestures():
    toy = Toy()
    seen = []
    toy.param.watch(lambda event: seen.append(event.new.row), "poked")
    events = [SimpleNamespace(row=row) for row in range(200)]
    toy._arrived.extend(events)
    # Panel's pool hands the events out in any order: the one given is not the one taken.
    original = JSWidget.__mro__[1]._process_event
    try:
        JSWidget.__mro__[1]._process_event = lambda self, e: self._handle_msg(
            {"gesture": "poked", **FIELDS, "row": e.row}
        )
        workers = [threading.Thread(target=toy._process_event, args=(e,)) for e in reversed(events)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
    finally:
        JSWidget.__mro__[1]._process_event = original
    assert seen == list(range(200))


def test_a_widget_that_was_not_built_says_what_to_do(monkeypatch, tmp_path):
    monkeypatch.setattr("widgets.base.DIST", tmp_path)
    missing = type("Missing", (JSWidget,), {"noun": "missing"})
    with pytest.raises(FileNotFoundError, match=r"node static/build\.mjs"):
        missing()
