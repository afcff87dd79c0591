"""Positions against outlines that differ from row to row: corners in columns, or a text such as ObsCore's s_region.

Written as DuckDB list expressions. The corners are seen from the position: when the bearings of all of them together
turn once around, the position is inside. True for concave outlines too; the cost is a few microseconds a row.
"""

from __future__ import annotations

import math

# A number at a word's start, so that the 5 of FK5 is none.
_NUMBERS = r"(?:^|\s|,|\()([-+]?[0-9.][-+0-9.eE]*)"
_PI = "3.141592653589793e0"


def inside_list(corners: str, ra: str, dec: str) -> str:
    """SQL: whether a position lies in a polygon given as a list of degrees [ra1, dec1, ra2, dec2, ...]."""
    return _with(corners, _inside("v", ra, dec))


def touches(numbers: str, ra: str, dec: str, radius: str = "") -> str:
    """SQL: whether a position, or a circle about it, touches an outline (STC-S or DALI numbers, degrees)."""
    polygon = _inside("v", ra, dec)
    if radius:
        polygon = f"({polygon} OR {_edge_near('v', ra, dec, radius)})"
    limit = f"v[3] + ({radius})" if radius else "v[3]"
    circle = f"{_apart('v[1]', 'v[2]', ra, dec)} <= {limit}"
    return _with(numbers, f"CASE WHEN len(v) = 3 THEN {circle} WHEN len(v) >= 6 THEN {polygon} END")


def intersects(one: str, other: str) -> str:
    """SQL: whether two outlines, each a circle of three numbers or the corners of a polygon, share a point."""
    cases = (
        f"WHEN len(v) = 3 AND len(w) = 3 THEN {_apart('v[1]', 'v[2]', 'w[1]', 'w[2]')} <= v[3] + w[3]",
        f"WHEN len(v) >= 6 AND len(w) >= 6 THEN {_overlap('v', 'w')}",
        f"WHEN len(v) >= 6 AND len(w) = 3 THEN {_circle_meets('v', 'w')}",
        f"WHEN len(v) = 3 AND len(w) >= 6 THEN {_circle_meets('w', 'v')}",
    )
    return _with(other, _with(one, f"CASE {' '.join(cases)} END"), "w")


def contains(inner: str, outer: str) -> str:
    """SQL: whether all of an outline lies in another; of a polygon in a circle, where all its corners do."""
    corners = "range(len(v) // 2)"
    far = f"list_max(list_transform({corners}, lambda i: {_apart('v[2 * i + 1]', 'v[2 * i + 2]', 'w[1]', 'w[2]')}))"
    turned = f"CASE WHEN {_inside('w', 'v[2 * m + 1]', 'v[2 * m + 2]')} THEN 1 ELSE 0 END"
    cases = (
        f"WHEN len(v) = 3 AND len(w) = 3 THEN {_apart('v[1]', 'v[2]', 'w[1]', 'w[2]')} + v[3] <= w[3]",
        f"WHEN len(v) >= 6 AND len(w) = 3 THEN {far} <= w[3]",
        f"WHEN len(v) = 3 AND len(w) >= 6 THEN {_inside('w', 'v[1]', 'v[2]')} "
        f"AND NOT {_edge_near('w', 'v[1]', 'v[2]', 'v[3]')}",
        f"WHEN len(v) >= 6 AND len(w) >= 6 THEN list_min(list_transform({corners}, lambda m: {turned})) = 1 "
        f"AND NOT {_crossing('v', 'w', '<')}",
    )
    return _with(outer, _with(inner, f"CASE {' '.join(cases)} END"), "w")


def area(numbers: str) -> str:
    """SQL: square degrees of an outline, by the excesses (Girard) of a fan of triangles."""
    square = f"{math.degrees(1) ** 2!r}e0"
    circle = f"{square} * 4 * {_PI} * pow(sin(radians(v[3]) / 2), 2)"
    below = f"1 + {_dot('a', 'b')} + {_dot('b', 'c')} + {_dot('c', 'a')}"
    excess = f"2 * atan2({_dot('a', _cross('b', 'c'))}, {below})"
    polygon = f"{square} * abs({_with(_vectors('v'), _fan(excess), 'u')})"
    return _with(numbers, f"CASE WHEN len(v) = 3 THEN {circle} WHEN len(v) >= 6 THEN {polygon} END")


def centroid(numbers: str) -> str:
    """SQL: the centre [ra, dec] of an outline: the mean of the triangles of a fan, each with its area's weight."""
    weight = f"{_dot('a', _cross('b', 'c'))}"
    total = ", ".join(_fan(f"{weight} * s[{k}] / sqrt({_dot('s', 's')})") for k in (1, 2, 3))
    # The corners may run either way around; the centre is on their side.
    side = f"sign({_dot('u[1]', 'CAST(t AS DOUBLE[3])')})"
    place = (
        f"[(degrees(atan2({side} * t[2], {side} * t[1])) + 360) % 360, "
        f"degrees(atan2({side} * t[3], sqrt(t[1] * t[1] + t[2] * t[2])))]"
    )
    polygon = _with(_vectors("v"), _with(f"[{total}]", place, "t"), "u")
    cases = f"WHEN len(v) IN (2, 3) THEN [v[1], v[2]] WHEN len(v) >= 6 THEN {polygon}"
    return _with(numbers, f"CASE {cases} END")


def box(ra: str, dec: str, width: str, height: str) -> str:
    """SQL: the corners of a box about a centre, as ``shapes`` makes those of constants."""
    m = _vector(ra, dec)
    east = f"[-sin(radians({ra})), cos(radians({ra})), 0e0]"
    a, d = f"radians({ra})", f"radians({dec})"
    north = f"[-sin({d}) * cos({a}), -sin({d}) * sin({a}), cos({d})]"
    corners = []
    for x, y in ((-1, -1), (1, -1), (1, 1), (-1, 1)):
        part = [
            f"m[{k}] + {x} * tan(radians(({width}) / 2)) * e[{k}] + {y} * tan(radians(({height}) / 2)) * n[{k}]"
            for k in (1, 2, 3)
        ]
        ra_part = f"(degrees(atan2({part[1]}, {part[0]})) + 360) % 360"
        corners += [ra_part, f"degrees(atan2({part[2]}, sqrt(pow({part[0]}, 2) + pow({part[1]}, 2))))"]
    return _with(m, _with(east, _with(north, f"[{', '.join(corners)}]", "n"), "e"), "m")


def numbers_in(text: str) -> str:
    """SQL: the numbers of an outline in text, such as ``POLYGON ICRS 61 -38 ...``."""
    return f"CAST(regexp_extract_all({text}, '{_NUMBERS}', 1) AS DOUBLE[])"


def _fan(body: str) -> str:
    """The sum of an expression over the triangles a, b, c, of sum s, of the corners ``u`` from the first on."""
    middle = "CAST([a[1] + b[1] + c[1], a[2] + b[2] + c[2], a[3] + b[3] + c[3]] AS DOUBLE[3])"
    triangle = _with("u[1]", _with("u[i + 2]", _with("u[i + 3]", _with(middle, body, "s"), "c"), "b"), "a")
    return f"list_sum(list_transform(range(len(u) - 2), lambda i: {triangle}))"


def _circle_meets(v: str, w: str) -> str:
    """Whether a polygon and a circle share a point."""
    return f"({_inside(v, f'{w}[1]', f'{w}[2]')} OR {_edge_near(v, f'{w}[1]', f'{w}[2]', f'{w}[3]')})"


def _with(value: str, body: str, name: str = "v") -> str:
    """A body in which a name stands for a value that is worked out once."""
    return f"list_transform([{value}], lambda {name}: {body})[1]"


def _apart(ra1: str, dec1: str, ra2: str, dec2: str) -> str:
    """Degrees between two positions."""
    square = (
        f"pow(sin(radians({dec1} - ({dec2})) / 2), 2) + "
        f"cos(radians({dec1})) * cos(radians({dec2})) * pow(sin(radians({ra1} - ({ra2})) / 2), 2)"
    )
    return f"2 * degrees(atan2(sqrt({square}), sqrt(abs(1 - ({square})))))"


def _bearing(ra0: str, dec0: str, ra: str, dec: str) -> str:
    """Position angle, in radians, of one position seen from another."""
    return (
        f"atan2(sin(radians({ra} - ({ra0}))) * cos(radians({dec})), cos(radians({dec0})) * sin(radians({dec})) - "
        f"sin(radians({dec0})) * cos(radians({dec})) * cos(radians({ra} - ({ra0}))))"
    )


def _inside(v: str, ra: str, dec: str) -> str:
    corner_ra, corner_dec = f"{v}[2 * i + 1]", f"{v}[2 * i + 2]"
    every = f"range(len({v}) // 2)"
    bearings = f"list_transform({every}, lambda i: {_bearing(ra, dec, corner_ra, corner_dec)})"
    step = "(b[(k + 1) % len(b) + 1] - b[k + 1])"
    turns = f"list_sum(list_transform(range(len(b)), lambda k: {step} - 2 * {_PI} * round({step} / (2 * {_PI}))))"
    turned = f"list_transform([{bearings}], lambda b: abs({turns}))[1] > {_PI}"
    # Seen from the far side of the sphere the corners turn once around as well.
    cosine = (
        f"sin(radians({dec})) * sin(radians({corner_dec})) + "
        f"cos(radians({dec})) * cos(radians({corner_dec})) * cos(radians({corner_ra} - ({ra})))"
    )
    return f"({turned} AND list_sum(list_transform({every}, lambda i: {cosine})) > 0)"


def _edge_near(v: str, ra: str, dec: str, radius: str) -> str:
    """Whether some edge comes within a radius of a position: a corner does, or the foot of the perpendicular."""
    corner, following = "u[i + 1]", "u[(i + 1) % len(u) + 1]"
    # With n the pole of the edge a-b: the foot lies between the ends, and no further than the radius.
    foot = (
        f"{_dot(_cross('n', 'a'), 'p')} >= 0 AND {_dot(_cross('b', 'n'), 'p')} >= 0 AND {_dot('n', 'n')} > 0 "
        f"AND abs({_dot('n', 'p')}) <= sin(radians({radius})) * sqrt({_dot('n', 'n')})"
    )
    near = f"array_distance(a, p) <= 2 * sin(radians(least(180e0, {radius})) / 2) OR ({foot})"
    test = f"CASE WHEN {_with(_cross('a', 'b'), near, 'n')} THEN 1 ELSE 0 END"
    one = _with(corner, _with(following, test, "b"), "a")
    every = f"list_max(list_transform(range(len(u)), lambda i: {one})) = 1"
    return _with(_vector(ra, dec), _with(_vectors(v), every, "u"), "p")


def _overlap(v: str, w: str) -> str:
    """Two polygons meet where edges cross; where none do, one may lie within the other."""
    return f"({_crossing(v, w)} OR {_inside(v, f'{w}[1]', f'{w}[2]')} OR {_inside(w, f'{v}[1]', f'{v}[2]')})"


def _crossing(v: str, w: str, sign: str = "<=") -> str:
    """Whether some edges of two polygons cross; with "<" edges that only touch do not."""
    one = [(f"{v}[2 * ({i}) + 1]", f"{v}[2 * ({i}) + 2]") for i in ("i", f"(i + 1) % (len({v}) // 2)")]
    other = [(f"{w}[2 * ({j}) + 1]", f"{w}[2 * ({j}) + 2]") for j in ("j", f"(j + 1) % (len({w}) // 2)")]
    apart = f"{_volume(*one, other[0])} * {_volume(*one, other[1])} {sign} 0"
    across = f"{_volume(*other, one[0])} * {_volume(*other, one[1])} {sign} 0"
    # Great circles cross twice, on opposite sides of the sphere: the edges must be on the same side.
    near = f"{_apart(*one[0], *other[0])} < 90"
    test = f"CASE WHEN {apart} AND {across} AND {near} THEN 1 ELSE 0 END"
    inner = f"list_max(list_transform(range(len({w}) // 2), lambda j: {test}))"
    return f"list_max(list_transform(range(len({v}) // 2), lambda i: {inner})) = 1"


def _volume(one: tuple[str, str], two: tuple[str, str], three: tuple[str, str]) -> str:
    """The triple product of three directions; its sign is the side of the edge one-two on which three lies."""
    terms = []
    for (a, d), (b, e), (_, f) in ((one, two, three), (two, three, one), (three, one, two)):
        terms.append(f"cos(radians({d})) * cos(radians({e})) * sin(radians({f})) * sin(radians({b} - {a}))")
    return f"({' + '.join(terms)})"


def _vector(ra: str, dec: str) -> str:
    """The direction of a position as an array of three."""
    a, d = f"radians({ra})", f"radians({dec})"
    return f"CAST([cos({d}) * cos({a}), cos({d}) * sin({a}), sin({d})] AS DOUBLE[3])"


def _vectors(v: str) -> str:
    """The directions of the corners."""
    return f"list_transform(range(len({v}) // 2), lambda i: {_vector(f'{v}[2 * i + 1]', f'{v}[2 * i + 2]')})"


def _cross(a: str, b: str) -> str:
    return f"array_cross_product({a}, {b})"


def _dot(a: str, b: str) -> str:
    return f"array_inner_product({a}, {b})"
