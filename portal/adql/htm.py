"""Templates of the two functions about the Hierarchical Triangular Mesh (Kunszt, Szalay & Thakar 2001).

A triangle's id is that of its root, 8 to 15, and two bits for each level below. The descent carries the triangle's
corners: of the four parts of a triangle the position lies in the one whose edges all have it to their left.
"""

from __future__ import annotations

_UP, _X, _Y = "[0e0, 0e0, 1e0]", "[1e0, 0e0, 0e0]", "[0e0, 1e0, 0e0]"
_DOWN, _BACK, _LEFT = "[0e0, 0e0, -1e0]", "[-1e0, 0e0, 0e0]", "[0e0, -1e0, 0e0]"
# Four quarters of right ascension in each hemisphere, north ids running down.
_ROOTS = {
    8: (_X, _DOWN, _Y), 9: (_Y, _DOWN, _BACK), 10: (_BACK, _DOWN, _LEFT), 11: (_LEFT, _DOWN, _X),
    12: (_X, _UP, _LEFT), 13: (_LEFT, _UP, _BACK), 14: (_BACK, _UP, _Y), 15: (_Y, _UP, _X),
}  # fmt: skip


def _array(vector: str) -> str:
    return f"CAST({vector} AS DOUBLE[3])"


def _middle(one: str, other: str) -> str:
    """The direction half way between two, not of unit length: only sides of planes are asked of it."""
    total = ", ".join(f"{one}[{axis}] / sqrt(array_inner_product({one}, {one})) + {other}[{axis}] / "
                      f"sqrt(array_inner_product({other}, {other}))" for axis in (1, 2, 3))  # fmt: skip
    return _array(f"[{total}]")


def _left(one: str, other: str) -> str:
    """Whether the position lies left of, or on, the edge from one corner to another."""
    return f"array_inner_product(array_cross_product({one}, {other}), p) >= 0"


def _triangle(number: str, corners: tuple[str, str, str]) -> str:
    a, b, c = corners
    return f"{{'n': CAST({number} AS BIGINT), 'a': {a}, 'b': {b}, 'c': {c}}}"


def _descent() -> str:
    roots = "list_extract([" + ", ".join(
        _triangle(str(number), tuple(map(_array, corners))) for number, corners in _ROOTS.items()
    ) + "], CAST(q + 1 AS BIGINT))"  # fmt: skip
    a, b, c = "t.a", "t.b", "t.c"
    inside = {
        0: (f"{_left('w.z', 'w.y')}", (a, "w.z", "w.y")),
        1: (f"{_left('w.x', 'w.z')}", (b, "w.x", "w.z")),
        2: (f"{_left('w.y', 'w.x')}", (c, "w.y", "w.x")),
    }
    step = " ".join(
        f"WHEN {test} THEN {_triangle(f't.n * 4 + {part}', corners)}" for part, (test, corners) in inside.items()
    )
    step = f"CASE {step} ELSE {_triangle('t.n * 4 + 3', ('w.x', 'w.y', 'w.z'))} END"
    middles = f"{{'x': {_middle(b, c)}, 'y': {_middle(a, c)}, 'z': {_middle(a, b)}}}"
    step = f"list_transform([{middles}], lambda w: {step})[1]"
    levels = f"list_reduce(range(CAST({{2}} AS BIGINT)), lambda t, i: {step}, {roots}).n"
    quarter = "CAST(floor(((({0}) % 360) + 360) % 360 / 90) AS BIGINT)"
    root = f"CASE WHEN ({{1}}) < 0 THEN {quarter} ELSE 7 - {quarter} END"
    place = _array("[cos(radians({1})) * cos(radians({0})), cos(radians({1})) * sin(radians({0})), sin(radians({1}))]")
    whole = f"list_transform([{root}], lambda q: list_transform([{place}], lambda p: {levels})[1])[1]"
    return f"(CASE WHEN ({{2}}) BETWEEN 0 AND 24 AND ({{1}}) BETWEEN -90 AND 90 THEN {whole} END)"


HTM_ID = _descent()
HTM_LEVEL = (
    "(CASE WHEN ({0}) >= 8 AND length(bin(CAST({0} AS BIGINT))) % 2 = 0 "
    "THEN (length(bin(CAST({0} AS BIGINT))) - 4) // 2 ELSE -1 END)"
)
