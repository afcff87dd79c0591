"""Random ADQL queries, each with what it means in plain SQL for SQLite: a second engine, with no index and no tricks.

Every strategy gives a pair of texts. Names are kept unlike in all sources, so that nothing is ambiguous by chance.
"""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from hypothesis import strategies as st

Pair = tuple[str, str]
PLACES = [(62.0, -37.0), (0.05, 0.0), (359.95, 0.1), (10.0, 89.9), (200.0, -89.95)]
RADII = [0.0, 0.05, 0.2, 1.0, 5.0, 100.0]
WORDS = ["", "a", "B", "ab", "A_b", "c%"]


@dataclass(frozen=True)
class Scope:
    """Columns that can be named: of numbers, whole numbers, texts, flags; pairs of right ascension and declination."""

    numbers: tuple[str, ...] = ()
    whole: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    points: tuple[tuple[str, str], ...] = ()

    def __add__(self, other: Scope) -> Scope:
        return Scope(
            self.numbers + other.numbers, self.whole + other.whole, self.texts + other.texts,
            self.flags + other.flags, self.points + other.points,
        )  # fmt: skip


def table_scope(alias: str) -> Scope:
    def of(*names: str) -> tuple[str, ...]:
        return tuple(f"{alias}.{name}" for name in names)

    return Scope(of("y"), of("id", "x"), of("w"), of("f"), ((f"{alias}.ra", f"{alias}.dec"),))


def both(text: str) -> Pair:
    return text, text


def choose(draw, *options):
    return draw(st.sampled_from(options))


@st.composite
def numbers(draw, scope: Scope, depth: int) -> Pair:
    """An expression of numbers; whole ones stay small."""
    kinds = ["column", "column", "whole", "real"]
    if depth > 0:
        kinds += ["sum", "product", "quotient", "call", "case", "coalesce", "length", "distance", "query", "bits"]
    kind = choose(draw, *kinds)
    if kind == "column" and scope.numbers + scope.whole:
        return both(choose(draw, *(scope.numbers + scope.whole)))
    if kind == "sum":
        sign = choose(draw, "+", "-")
        (a, b), (c, d) = draw(numbers(scope, depth - 1)), draw(numbers(scope, depth - 1))
        return f"{a} {sign} ({c})", f"({b} {sign} ({d}))"
    if kind == "product":
        (a, b), (c, d) = draw(numbers(scope, depth - 1)), draw(numbers(scope, depth - 1))
        return f"({a}) * ({c})", f"(({b}) * ({d}))"
    if kind == "quotient":
        (a, b), (c, d) = draw(numbers(scope, depth - 1)), draw(numbers(scope, depth - 1))
        return f"({a}) / ({c})", f"(1.0 * ({b}) / nullif({d}, 0))"
    if kind == "call":
        a, b = draw(numbers(scope, depth - 1))
        name = choose(draw, "ABS", "Floor", "ceiling", "SQRT", "sign", "-", "PI")
        if name == "-":
            return f"- ({a})", f"(-({b}))"
        if name == "PI":
            return "PI()", "pi()"
        return f"{name}({a})", f"my_{name.lower()}({b})"
    if kind == "case":
        (a, b), (c, d), (e, f) = (
            draw(conditions(scope, depth - 1)), draw(numbers(scope, depth - 1)), draw(numbers(scope, depth - 1)),
        )  # fmt: skip
        other = choose(draw, True, False)
        tail = (f" ELSE {e}", f" ELSE {f}") if other else ("", "")
        return f"CASE WHEN {a} THEN {c}{tail[0]} END", f"(CASE WHEN {b} THEN {d}{tail[1]} END)"
    if kind == "coalesce":
        (a, b), (c, d) = draw(numbers(scope, depth - 1)), draw(numbers(scope, depth - 1))
        return f"COALESCE({a}, {c})", f"coalesce({b}, {d})"
    if kind == "length":
        a, b = draw(texts(scope, depth - 1))
        return f"CHAR_LENGTH({a})", f"length({b})"
    if kind == "distance" and scope.points:
        (a, b), (c, d) = draw(points(scope)), draw(points(scope))
        if choose(draw, True, False):
            return f"DISTANCE(POINT({a}), POINT({c}))", f"apart({b}, {d})"
        return f"DISTANCE({a}, {c})", f"apart({b}, {d})"
    if kind == "query":
        name, aggregate = choose(draw, "T", "U"), choose(draw, "MAX", "MIN", "COUNT")
        a, b = draw(conditions(table_scope("k"), 0))
        return (f"(SELECT {aggregate}(k.id) FROM s.{name} AS k WHERE {a})",
                f"(SELECT {aggregate}(k.id) FROM {name} AS k WHERE {b})")  # fmt: skip
    if kind == "bits" and scope.whole:
        a, c, sign = choose(draw, *scope.whole), draw(st.integers(0, 15)), choose(draw, "&", "|")
        return f"({a} {sign} {c})", f"({a} {sign} {c})"
    if kind == "real":
        return both(repr(draw(st.sampled_from([0.5, 2.0, 1e-3, 12.25]))))
    return both(str(draw(st.integers(0, 9))))


@st.composite
def points(draw, scope: Scope) -> Pair:
    """Right ascension and declination, with a comma between."""
    if scope.points and choose(draw, True, True, False):
        return both(", ".join(choose(draw, *scope.points)))
    return both("{!r}, {!r}".format(*choose(draw, *PLACES)))


@st.composite
def texts(draw, scope: Scope, depth: int) -> Pair:
    kind = choose(draw, "column", "word", *(["call", "join"] if depth > 0 else []))
    if kind == "column" and scope.texts:
        return both(choose(draw, *scope.texts))
    if kind == "call":
        a, b = draw(texts(scope, depth - 1))
        name = choose(draw, "UPPER", "lower", "TRIM")
        return f"{name}({a})", f"{name}({b})"
    if kind == "join":
        (a, b), (c, d) = draw(texts(scope, depth - 1)), draw(texts(scope, depth - 1))
        return f"{a} || {c}", f"({b} || {d})"
    return both(f"'{choose(draw, *WORDS)}'")


@st.composite
def conditions(draw, scope: Scope, depth: int) -> Pair:
    kinds = ["compare", "between", "in", "null", "cone", "cone"]
    kinds += ["flag"] if scope.flags else []
    kinds += ["like", "text"] if scope.texts else []
    if depth > 0:
        kinds += ["and", "or", "not", "exists", "insub"]
    kind = choose(draw, *kinds)
    if kind in ("and", "or"):
        (a, b), (c, d) = draw(conditions(scope, depth - 1)), draw(conditions(scope, depth - 1))
        if choose(draw, True, False):
            a, c = f"({a})", f"({c})"
        elif kind == "and":
            a, c = (f"({x})" if " OR " in x else x for x in (a, c))
        return f"{a} {kind.upper()} {c}", f"(({b}) {kind} ({d}))"
    if kind == "not":
        a, b = draw(conditions(scope, depth - 1))
        return f"NOT ({a})", f"(NOT ({b}))"
    if kind == "flag":
        name = choose(draw, *scope.flags)
        return choose(
            draw, (f"{name} = 1", name), (f"{name} = 'true'", name), (name, name), (f"{name} = 0", f"NOT {name}"),
            (f"{name} <> 1", f"NOT {name}"), (f"{name} IN (0)", f"NOT {name}"),
        )  # fmt: skip
    if kind == "exists":
        a, b = draw(conditions(scope + table_scope("m"), depth - 1))
        return f"EXISTS (SELECT m.id FROM s.U AS m WHERE {a})", f"EXISTS (SELECT 1 FROM U AS m WHERE {b})"
    if kind == "insub" and scope.whole:
        a, b = draw(conditions(table_scope("m"), depth - 1))
        name = choose(draw, *scope.whole)
        return f"{name} IN (SELECT m.x FROM s.U AS m WHERE {a})", f"{name} IN (SELECT m.x FROM U AS m WHERE {b})"
    if kind == "cone" and scope.points:
        return draw(cones(scope))
    if kind == "like" and scope.texts:
        a, b = draw(texts(scope, 0))
        word, sense = choose(draw, "a%", "%b", "_", "A%"), choose(draw, "", "NOT ")
        if choose(draw, True, False):
            return f"{a} {sense}LIKE '{word}'", f"({b} {sense}LIKE '{word}')"
        return f"{a} {sense}ILIKE '{word}'", f"(lower({b}) {sense}LIKE lower('{word}'))"
    if kind == "text":
        (a, b), (c, d) = draw(texts(scope, depth)), draw(texts(scope, depth))
        sign = choose(draw, "=", "<>", "<")
        return f"{a} {sign} {c}", f"({b} {sign} {d})"
    if kind == "between":
        a, b = draw(numbers(scope, depth))
        low, high = sorted(draw(st.tuples(st.integers(-5, 9), st.integers(-5, 9))))
        return f"({a}) BETWEEN {low} AND {high}", f"({b} BETWEEN {low} AND {high})"
    if kind == "in":
        a, b = draw(numbers(scope, 0))
        listed = ", ".join(map(str, draw(st.lists(st.integers(0, 9), min_size=1, max_size=4))))
        sense = choose(draw, "", "NOT ")
        return f"{a} {sense}IN ({listed})", f"({b} {sense}IN ({listed}))"
    if kind == "null":
        a, b = draw(numbers(scope, 0))
        sense = choose(draw, "", "NOT ")
        return f"{a} IS {sense}NULL", f"({b} IS {sense}NULL)"
    (a, b), (c, d) = draw(numbers(scope, depth)), draw(numbers(scope, depth))
    sign = choose(draw, "=", "<>", "!=", "<", "<=", ">", ">=")
    return f"({a}) {sign} ({c})", f"(({b}) {sign} ({d}))"


@st.composite
def cones(draw, scope: Scope) -> Pair:
    """Nearness in one of its spellings; with both points from columns it is a positional join."""
    (a, b), (c, d), radius = draw(points(scope)), draw(points(scope)), choose(draw, *RADII)
    near, far = f"(apart({b}, {d}) <= {radius})", f"(apart({b}, {d}) > {radius})"
    circle = f"CONTAINS(POINT('ICRS', {a}), CIRCLE({c}, {radius}))"
    apart = f"DISTANCE(POINT({a}), POINT({c}))"
    return choose(
        draw,
        (f"{circle} = 1", near), (f"1 = {circle}", near), (f"{circle} = 0", far), (f"NOT {circle} = 1", far),
        (f"{circle} > 0", near), (circle, near), (f"{apart} <= {radius}", near), (f"{radius} >= {apart}", near),
        (f"{apart} > {radius}", far), (f"{apart} * 3600 <= {radius * 3600!r}", near),
        (f"DISTANCE({a}, {c}) BETWEEN 0 AND {radius}", near),
        (f"scisql_s2PtInCircle({a}, {c}, {radius}) = 1", near),
        (f"INTERSECTS(CIRCLE({a}, {radius / 2!r}), CIRCLE({c}, {radius / 2!r})) = 1", near),
    )  # fmt: skip


@st.composite
def sources(draw, alias: str, depth: int) -> tuple[Pair, Scope]:
    """A table, or a query within the query that gives its columns."""
    name = choose(draw, "T", "U")
    if depth <= 0 or choose(draw, True, True, False):
        return (f"s.{name} AS {alias}", f"{name} AS {alias}"), table_scope(alias)
    a, b = draw(conditions(table_scope("p"), depth - 1))
    star = choose(draw, "*", "p.*", "id, x, y, w, f, ra, dec", "DISTINCT id, x, y, w, f, ra, dec")
    inner = (f"SELECT {star} FROM s.{name} AS p WHERE {a}", f"SELECT {star} FROM {name} AS p WHERE {b}")
    if choose(draw, True, False, False):
        other = choose(draw, "UNION", "UNION ALL", "EXCEPT", "INTERSECT")
        listed = "id, x, y, w, f, ra, dec"
        inner = tuple(
            f"{text.replace(star, listed, 1)} {other} SELECT {listed} FROM {where}"
            for text, where in zip(inner, ("s.T", "T"))
        )
    return (f"({inner[0]}) AS {alias}", f"({inner[1]}) AS {alias}"), table_scope(alias)


@st.composite
def froms(draw, depth: int) -> tuple[Pair, Scope]:
    (left, plain), scope = draw(sources("a", depth))
    for alias in ("b", "c")[: draw(st.integers(0, 2 if depth > 1 else 1))]:
        (right, other), more = draw(sources(alias, depth - 1))
        scope = scope + more
        kind = choose(draw, ",", "CROSS JOIN", "JOIN", "INNER JOIN", "LEFT JOIN", "RIGHT OUTER JOIN", "FULL JOIN")
        if kind == ",":
            kind = "CROSS JOIN"
            left, plain = f"{left} CROSS JOIN {right}", f"{plain} CROSS JOIN {other}"
            continue
        if kind == "CROSS JOIN":
            left, plain = f"{left} {kind} {right}", f"{plain} {kind} {other}"
            continue
        a, b = draw(conditions(scope, depth - 1))
        # SQLite 3.40 loses rows of a later outer join when the condition of an inner one is constant.
        b = f"(({b}) + 0 * coalesce({alias}.id, 0))"
        left, plain = f"{left} {kind} {right} ON {a}", f"{plain} {kind} {other} ON {b}"
    return (left, plain), scope


@st.composite
def queries(draw, depth: int = 2) -> Pair:
    """A whole query; what it gives does not depend on an order that the text leaves open."""
    (left, right), scope = draw(froms(depth))
    where = draw(conditions(scope, depth)) if choose(draw, True, True, False) else None
    tail = (f" WHERE {where[0]}", f" WHERE {where[1]}") if where else ("", "")
    if choose(draw, False, False, True):
        return draw(_grouped(scope, (left, right), tail, depth))
    items = [draw(choose(draw, numbers, texts)(scope, depth)) for _ in range(draw(st.integers(1, 3)))]
    distinct = choose(draw, "", "", "DISTINCT ")
    texts_ = [", ".join(f"{item[side]} AS o{at}" for at, item in enumerate(items)) for side in (0, 1)]
    order = ""
    top = ""
    if choose(draw, True, False):
        order = " ORDER BY " + ", ".join(
            f"{choose(draw, at + 1, f'o{at}')}{choose(draw, '', ' DESC', ' ASC')}" for at in range(len(items))
        )
        top = choose(draw, "", "TOP 3 ", "TOP 0 ")
    plain_order = order.replace(",", " NULLS LAST,") + " NULLS LAST" if order else ""
    limit = f" LIMIT {top.split()[1]}" if top else ""
    return (
        f"SELECT {distinct}{top}{texts_[0]} FROM {left}{tail[0]}{order}",
        f"SELECT {distinct}{texts_[1]} FROM {right}{tail[1]}{plain_order}{limit}",
    )


@st.composite
def _grouped(draw, scope: Scope, source: Pair, tail: Pair, depth: int) -> Pair:
    key = draw(choose(draw, numbers, texts)(scope, 1))
    value = draw(numbers(scope, depth - 1))
    name = choose(draw, "COUNT", "MIN", "MAX", "AVG", "SUM")
    having = choose(draw, "", " HAVING COUNT(*) > 1")
    bare = key[0].replace(".", "").isdigit() or key[0].startswith("'")  # a number means an output, and a text nothing
    by = choose(draw, "o0", "1") if bare else choose(draw, "o0", key[0], "1")
    rest = [f"COUNT(*) AS o2 FROM {source[side]}{tail[side]} GROUP BY" for side in (0, 1)]
    return (
        f"SELECT {key[0]} AS o0, {name}({value[0]}) AS o1, {rest[0]} {by}{having}",
        f"SELECT {key[1]} AS o0, {name}({value[1]}) AS o1, {rest[1]} o0{having}",
    )


def oracle(tables: dict[str, Sequence[tuple]]) -> sqlite3.Connection:
    """SQLite with the tables T and U and the few functions it lacks."""
    connection = sqlite3.connect(":memory:")
    connection.execute("PRAGMA case_sensitive_like = ON")

    def quiet(function):
        def call(*values):
            return None if None in values else function(*values)

        return call

    def apart(ra, dec, ra0, dec0):
        one, other = (
            (math.cos(math.radians(d)) * math.cos(math.radians(a)),
             math.cos(math.radians(d)) * math.sin(math.radians(a)), math.sin(math.radians(d)))
            for a, d in ((ra, dec), (ra0, dec0))
        )  # fmt: skip
        cross = (one[1] * other[2] - one[2] * other[1], one[2] * other[0] - one[0] * other[2],
                 one[0] * other[1] - one[1] * other[0])  # fmt: skip
        return math.degrees(math.atan2(math.hypot(*cross), sum(x * y for x, y in zip(one, other))))

    functions = {
        "apart": (4, apart), "my_abs": (1, abs), "my_floor": (1, math.floor), "my_ceiling": (1, math.ceil),
        "my_sqrt": (1, lambda x: math.sqrt(x) if x >= 0 else None), "my_sign": (1, lambda x: (x > 0) - (x < 0)),
        "pi": (0, lambda: math.pi),
    }  # fmt: skip
    for name, (count, function) in functions.items():
        connection.create_function(name, count, quiet(function), deterministic=True)
    for name, rows in tables.items():
        connection.execute(f"CREATE TABLE {name} (id INT, x INT, y REAL, w TEXT, f INT, ra REAL, dec REAL)")
        connection.executemany(f"INSERT INTO {name} VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
    return connection
