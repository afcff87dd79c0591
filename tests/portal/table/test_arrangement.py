"""Order, hiding, freezing and widths of columns, against a plain list."""

from __future__ import annotations

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from portal.look import Look, shown_columns
from portal.table.arrangement import NARROW, WIDE, Arrangement
from portal.table.columns import Column, TableMeta

NAMES = ("objectId", "coord_ra", "coord_dec", "g flux", "", "Ü")
STEPS = st.one_of(
    st.tuples(st.just("move"), st.sampled_from(NAMES), st.sampled_from((*NAMES, ""))),
    st.tuples(st.just("show"), st.lists(st.sampled_from(NAMES), max_size=3), st.booleans()),
    st.tuples(st.just("freeze"), st.sampled_from(NAMES), st.booleans()),
    st.tuples(st.just("widen"), st.sampled_from(NAMES), st.integers(0, 9999)),
)


def done(arrangement: Arrangement, step: tuple) -> Arrangement:
    verb, first, second = step
    return arrangement.move(NAMES, first, second) if verb == "move" else getattr(arrangement, verb)(first, second)


@settings(max_examples=60)
@given(st.lists(STEPS, max_size=12))
def test_any_steps_keep_every_column_once_and_come_back_from_a_saved_state(steps) -> None:
    made = Arrangement()
    for step in steps:
        before, made = made, done(made, step)
        names = made.ordered(NAMES)
        assert sorted(names) == sorted(NAMES)
        if step[0] == "move" and step[1] != step[2] and step[2]:
            at = names.index(step[1])
            assert names[at + 1] == step[2]
            others = [name for name in before.ordered(NAMES) if name != step[1]]
            assert [name for name in names if name != step[1]] == others  # nothing else moved
        if step[0] == "freeze" and step[2]:
            assert step[1] in made.shown(NAMES)[: len(made.frozen)]
    shown = made.shown(NAMES)
    assert shown and (set(shown) == set(NAMES) - set(made.hidden) or len(shown) == 1)
    assert set(shown[: made.n_frozen(NAMES)]) <= set(made.frozen) and made.n_frozen(NAMES) < len(shown)
    assert all(NARROW <= width <= WIDE for _, width in made.widths)
    look = Look(columns=made)
    assert Look.from_json(json.loads(json.dumps(look.to_json()))) == look


def test_another_result_under_the_same_arrangement() -> None:
    made = Arrangement().move(("a", "b", "c"), "c", "a").show(["b"], False).freeze("a", True)
    assert made.shown(("a", "b", "c")) == ("a", "c")
    meta = TableMeta((Column("new"), Column("c"), Column("a")))
    assert shown_columns(Look(columns=made), meta) == ("a", "c", "new")
    assert made.move(("a", "b", "c"), "gone", "a") == made
    hidden = Arrangement(hidden=("a", "b"))
    assert hidden.shown(("a", "b")) == ("a",) and hidden.n_frozen(("a", "b")) == 0
    assert Arrangement().shown(()) == ()


def test_what_a_hand_may_ask_for() -> None:
    made = Arrangement()
    for verb, columns, text, width in [
        ("move", ["c", "gone"], "a", 0), ("hide", ["b", "gone"], "", 0), ("freeze", ["d"], "", 0),
        ("widen", ["a"], "", 120), ("sky", [], "hms", 0), ("sky", [], "furlongs", 0), ("conjure", ["a"], "", 0),
    ]:  # fmt: skip
        made = made.act("abcd", verb, columns, text, width)
    assert made.shown("abcd") == ("d", "c", "a")
    assert (made.hidden, made.widths, made.sky) == (("b",), (("a", 120),), "hms")
    assert made.act("abcd", "unfreeze", ["d"]).act("abcd", "show", ["b"]).shown("abcd") == ("c", "a", "b", "d")
    assert made.act("abcd", "only", ["a", "b"]).shown("abcd") == ("a", "b")
    assert made.act("abcd", "widen", ["a"]).widths == ()
    assert made.act("abcd", "reset", []) == Arrangement()


def test_a_broken_saved_arrangement_is_left_out() -> None:
    broken = {"order": "abc", "hidden": [1, "b"], "frozen": None, "widths": [["a"], ["b", "x"], ["c", 5]], "sky": "?"}
    assert Arrangement.from_json(broken) == Arrangement(hidden=("b",), widths=(("c", NARROW),))
    assert Arrangement.from_json([1]) == Arrangement()
