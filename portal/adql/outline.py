"""Positions against outlines that differ from row to row: corners in columns, or a text such as ObsCore's s_region.

Written as DuckDB list expressions. The corners are seen from the position: when the bearings of all of them together
turn once around, the position is inside. True for concave outlines too; the cost is a few microseconds a row.
"""

from __future__ import annotations

# A number at a word's start, so that the 5 of FK5 is none.
_NUMBERS = r"(?:^|\s|,|\()([-+]?[0-9.][-+0-9.eE]*)"
_PI = "3.141592653589793e0"


def inside_list(corners: str, ra: str, dec: str) -> str:
    """SQL: whether a position lies in a polygon given as a list of degrees [ra1, dec1, ra2, dec2, ...]."""
    return _with(corners, _inside("v", ra, dec))


def intersects_list(corners: str, ra: str, dec: str, radius: str) -> str:
    """SQL: whether a circle touches a polygon given as a list of degrees."""
    return _with(corners, f"({_inside('v', ra, dec)} OR {_edge_near('v', ra, dec, radius)})")


def overlap_list(corners: str, other: str) -> str:
    """SQL: whether two polygons given as lists of degrees share a point."""
    return _with(other, _with(corners, _overlap("v", "w")), "w")


def outline_overlap(text: str, corners: str) -> str:
    """SQL: whether an outline in text shares a point with a polygon given as a list of degrees."""
    circle = f"({_inside('v', 'w[1]', 'w[2]')} OR {_edge_near('v', 'w[1]', 'w[2]', 'w[3]')})"
    body = f"CASE WHEN len(w) = 3 THEN {circle} WHEN len(w) >= 6 THEN {_overlap('v', 'w')} END"
    return _with(_numbers(text), _with(corners, body), "w")


def outline_list(text: str, ra: str, dec: str, radius: str = "") -> str:
    """SQL: whether a position, or a circle about it, touches an outline in text (STC-S or DALI, degrees)."""
    polygon = _inside("v", ra, dec)
    if radius:
        polygon = f"({polygon} OR {_edge_near('v', ra, dec, radius)})"
    limit = f"v[3] + ({radius})" if radius else "v[3]"
    circle = f"{_apart('v[1]', 'v[2]', ra, dec)} <= {limit}"
    body = f"CASE WHEN len(v) = 3 THEN {circle} WHEN len(v) >= 6 THEN {polygon} END"
    return _with(_numbers(text), body)


def _numbers(text: str) -> str:
    return f"CAST(regexp_extract_all({text}, '{_NUMBERS}', 1) AS DOUBLE[])"


def _with(value: str, body: str, name: str = "v") -> str:
    """A body in which a name stands for a value that is worked out once."""
    return f"list_transform([{value}], lambda {name}: {body})[1]"


def _apart(ra1: str, dec1: str, ra2: str, dec2: str) -> str:
    """Degrees between two positions."""
    return (
        f"2 * degrees(asin(least(1e0, sqrt(pow(sin(radians({dec1} - ({dec2})) / 2), 2) + "
        f"cos(radians({dec1})) * cos(radians({dec2})) * pow(sin(radians({ra1} - ({ra2})) / 2), 2)))))"
    )


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
    one = [(f"{v}[2 * ({i}) + 1]", f"{v}[2 * ({i}) + 2]") for i in ("i", f"(i + 1) % (len({v}) // 2)")]
    other = [(f"{w}[2 * ({j}) + 1]", f"{w}[2 * ({j}) + 2]") for j in ("j", f"(j + 1) % (len({w}) // 2)")]
    apart = f"{_volume(*one, other[0])} * {_volume(*one, other[1])} <= 0"
    across = f"{_volume(*other, one[0])} * {_volume(*other, one[1])} <= 0"
    # Great circles cross twice, on opposite sides of the sphere: the edges must be on the same side.
    near = f"{_apart(*one[0], *other[0])} < 90"
    test = f"CASE WHEN {apart} AND {across} AND {near} THEN 1 ELSE 0 END"
    inner = f"list_max(list_transform(range(len({w}) // 2), lambda j: {test}))"
    crossing = f"list_max(list_transform(range(len({v}) // 2), lambda i: {inner})) = 1"
    return f"({crossing} OR {_inside(v, f'{w}[1]', f'{w}[2]')} OR {_inside(w, f'{v}[1]', f'{v}[2]')})"


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
