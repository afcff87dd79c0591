"""Whether outlines that differ from row to row touch a polygon of constants, as SQL that the engine plans quickly.

The polygon's sides are known: every test is the sign of a sum of three products with numbers worked out here. Nested
lists over the sides of both would be right too, but planning them takes the engine ten times as long as the rows do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from portal.adql.shapes import Polygon

MOST_SIDES = 24  # the text grows with them; beyond, lists are quicker
WIDEST = 80.0  # degrees from the centre to the corners: some point at 90 degrees is then outside
_PI = "3.141592653589793e0"
_AXES = "xyz"


def quick(polygon: Polygon) -> bool:
    """Whether ``meets`` can be asked about a polygon."""
    return polygon.constant and 3 <= len(polygon.corners) <= MOST_SIDES and polygon.centre[2] <= WIDEST


def meets(numbers: str, corners: np.ndarray) -> str:
    """SQL: whether an outline shares a point with the polygon that has ``corners``, unit vectors (n, 3).

    ``numbers`` is the SQL of a list of degrees: ra, dec, radius of a circle, or the corners of a polygon.
    """
    circle = f"list_transform([{numbers}], lambda w: {_circle(corners)})[1]"
    polygon = f"list_transform([{_sides(numbers)}], lambda g: {_polygon(corners)})[1]"
    return f"(CASE WHEN len({numbers}) = 3 THEN {circle} WHEN len({numbers}) >= 6 THEN {polygon} END)"


def _sides(numbers: str) -> str:
    """The sides of an outline: their ends a and b and their poles n, as structs."""
    a, d = "radians(w[2 * i + 1])", "radians(w[2 * i + 2])"
    corner = f"{{'x': cos({d}) * cos({a}), 'y': cos({d}) * sin({a}), 'z': sin({d})}}"
    corners = f"list_transform([{numbers}], lambda w: list_transform(range(len(w) // 2), lambda i: {corner}))[1]"
    one, two = ([f"u[{place}].{axis}" for axis in _AXES] for place in ("i + 1", "(i + 1) % len(u) + 1"))
    pole = [f"{one[k - 2]} * {two[k - 1]} - {one[k - 1]} * {two[k - 2]}" for k in range(3)]
    values = zip((f"{name}{axis}" for name in "abn" for axis in _AXES), (*one, *two, *pole))
    side = ", ".join(f"'{name}': {value}" for name, value in values)
    return f"list_transform([{corners}], lambda u: list_transform(range(len(u)), lambda i: {{{side}}}))[1]"


def _polygon(corners: np.ndarray) -> str:
    """Sides cross, or the first corner of one lies in the other."""
    return f"({_crossed(corners)} OR {_within(corners, _names('g[1].a'))} OR {_around(corners[0])})"


def _crossed(corners: np.ndarray) -> str:
    """Whether a side of g crosses one: the ends of each lie on both sides of the other, the right way around."""
    sides = [_struct({"n": np.cross(one, other), "p": one, "q": other}) for one, other in _pairs(corners)]
    a, b = (_dots("k.n", _names(f"e.{end}")) for end in "ab")
    p, q = (_dots(f"k.{end}", _names("e.n")) for end in "pq")
    test = f"{a} <= 0 AND {b} >= 0 AND {p} >= 0 AND {q} <= 0 OR {a} >= 0 AND {b} <= 0 AND {p} <= 0 AND {q} >= 0"
    met = f"len(list_filter([{', '.join(sides)}], lambda k: {test})) > 0"
    return f"len(list_filter(g, lambda e: {met})) > 0"


def _within(corners: np.ndarray, place: list[str]) -> str:
    """Whether a direction is inside: the arc to a point outside crosses an odd number of sides."""
    centre = corners.sum(axis=0) / np.linalg.norm(corners.sum(axis=0))
    outside = np.cross(centre, np.eye(3)[np.abs(centre).argmin()])
    outside /= np.linalg.norm(outside)
    sides = []
    for one, other in _pairs(corners):
        pole = np.cross(one, other)
        vectors = {"a": np.cross(outside, one), "b": np.cross(outside, other), "n": pole}
        sides.append(_struct(vectors, f"'s': {str(bool(pole @ outside > 0)).lower()}"))
    start, end, across = (_dots(f"k.{name}", place) for name in "abn")
    test = f"({start} >= 0) = k.s AND ({end} >= 0) <> k.s AND ({across} <= 0) = k.s"
    return f"len(list_filter([{', '.join(sides)}], lambda k: {test})) % 2 = 1"


def _around(place: np.ndarray) -> str:
    """Whether the sides g turn once around a direction, and lie on its side of the sphere."""
    east = np.array([-place[1], place[0], 0.0]) if abs(place[2]) < 1 else np.array([0.0, 1.0, 0.0])
    east /= np.linalg.norm(east)
    north = np.cross(place, east)
    one, two = (f"atan2({_dot(east, _names(f'e.{end}'))}, {_dot(north, _names(f'e.{end}'))})" for end in "ab")
    turn = f"({two} - {one}) - 2 * {_PI} * round(({two} - {one}) / (2 * {_PI}))"
    side = _dot(place, _names("e.a"))
    return (
        f"(abs(list_sum(list_transform(g, lambda e: {turn}))) > {_PI} "
        f"AND list_sum(list_transform(g, lambda e: {side})) > 0)"
    )


def _circle(corners: np.ndarray) -> str:
    """Whether the circle w has its centre inside, or a corner or the foot of a perpendicular within its radius."""
    d, a = "radians(w[2])", "radians(w[1])"
    place = [f"(cos({d}) * cos({a}))", f"(cos({d}) * sin({a}))", f"sin({d})"]
    sides = []
    for one, other in _pairs(corners):
        pole = np.cross(one, other) / np.linalg.norm(np.cross(one, other))
        sides.append(_struct({"p": one, "n": pole, "f": np.cross(pole, one), "t": np.cross(other, pole)}))
    corner, away, after, before = (_dots(f"k.{name}", place) for name in "pnft")
    near = (
        f"{corner} >= cos(radians(least(180e0, w[3]))) OR "
        f"({after} >= 0 AND {before} >= 0 AND abs({away}) <= sin(radians(least(90e0, w[3]))))"
    )
    return f"(len(list_filter([{', '.join(sides)}], lambda k: {near})) > 0 OR {_within(corners, place)})"


def _struct(vectors: dict[str, np.ndarray], more: str = "") -> str:
    """A struct of the parts of vectors, such as {'ax': 1.0, 'ay': ...}."""
    parts = [f"'{name}{axis}': {value:.17e}" for name, vector in vectors.items() for axis, value in zip(_AXES, vector)]
    return "{" + ", ".join([*parts, more] if more else parts) + "}"


def _pairs(corners: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    return list(zip(corners, np.roll(corners, -1, axis=0)))


def _names(start: str) -> list[str]:
    return [f"{start}{axis}" for axis in _AXES]


def _dot(vector: np.ndarray, names: list[str]) -> str:
    return "(" + " + ".join(f"{float(value):.17e} * {name}" for value, name in zip(vector, names)) + ")"


def _dots(start: str, names: list[str]) -> str:
    """``_dot`` with a vector that stands in a struct."""
    return "(" + " + ".join(f"{one} * {name}" for one, name in zip(_names(start), names)) + ")"
