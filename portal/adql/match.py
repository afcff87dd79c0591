"""How to join two sources by position quickly, the join being inner or outer.

The sky is cut into zones of declination as high as the radius and cells along each; one side gets a row for each cell
in which a match can be, and the engine joins on equal cells (after the zones of Gray, Nieto-Santisteban and Szalay
2007). Limits of position between the two sides besides let the engine skip the parts of a large table where the other
side has nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from sqlglot import exp

from portal.adql.conjuncts import Sides, conjuncts, parts_of
from portal.adql.cover import points_ranges
from portal.adql.geometry import Geometry, Near
from portal.adql.nearness import asked
from portal.adql.outputs import NUMBERS
from portal.adql.scope import Bound, Scope, Source
from portal.adql.shapes import Point
from portal.adql.words import number, quote

if TYPE_CHECKING:
    from portal.adql.bind import Binding

MAX_MATCH = 5.0  # degrees; wider joins are nearly products of the tables, and cells no longer help
MIN_ZONE = 1e-6  # degrees; narrower zones would only make the numbers longer
MIN_CELL = 0.1  # degrees; so that a position at a pole has 3,600 cells around it and no more
MAX_POSITIONS = 200_000  # of an upload whose pixels are looked up; that takes a tenth of a second
MAX_RANGES = 64  # about them; the test of a row takes longer with each
CELL = "_cell"  # the added column; a query cannot name it, it is in no table's list

Side = tuple[Source, Bound, Bound]


@dataclass(frozen=True)
class Match:
    """A source is to be read with the list ``cells`` unnested as column ``_cell``, as far as ``where`` holds."""

    cells: str
    where: str = ""


def plan_matches(
    select: exp.Select, scope: Scope, sides: Sides, geometry: Geometry, name: Callable[[Source], str]
) -> dict[Source, Match]:
    """The positional joins of a SELECT; also tells ``geometry`` what to add to their conditions.

    ``name`` gives the SQL by which a source can be read a second time, "" when it cannot be.
    """
    found: dict[Source, Match] = {}
    if len(scope.sources) < 2:
        return found
    binding = geometry.binding
    always = conjuncts(select, sides)
    cones = _cones(always, geometry)
    for node in always:
        pair = _pair(node, scope, geometry)
        if pair is None:
            continue
        near, one, other = pair
        small, large = (one, other) if _weight(one[0], cones) < _weight(other[0], cones) else (other, one)
        if small[0] in found and large[0] not in found:
            small, large = large, small
        extra = _prune(near, one, other, cones, geometry)
        if near.radius <= MAX_MATCH and small[0] not in found:
            found[small[0]] = Match(_cells(*_columns(small), near.radius))
            extra += f"{_cell(*_columns(large), near.radius)} = {quote(small[0].alias)}.{quote(CELL)} AND "
            extra += _limits(_columns(large), _columns(small), near.radius)
            extra += _about(small, _point(near, large, geometry), near.radius, geometry)
        if extra:
            geometry.join_keys[id(asked(node).call)] = extra
    for join in select.args.get("joins") or []:
        if sides.get(id(join)) in ("LEFT", "RIGHT") and join.args.get("on") is not None:
            _outer(join, scope, sides[id(join)], cones, geometry, found, name)
    assert all(source in scope.sources for source in found), binding.text
    return found


def _outer(
    join: exp.Join, scope: Scope, side: str, cones: list, geometry: Geometry, found: dict[Source, Match],
    name: Callable[[Source], str],
) -> None:  # fmt: skip
    """The positional join of an outer join: cells go to the side that may be NULL, whose rows none will miss."""
    added = {source for source in scope.sources if source.alias.lower() in _aliases(join.this)}
    parts = parts_of(join.args["on"])
    cones = [*cones, *_cones(parts, geometry)]
    for node in parts:
        pair = _pair(node, scope, geometry)
        if pair is None:
            continue
        near, one, other = pair
        if (one[0] in added) == (other[0] in added) or near.radius > MAX_MATCH:
            continue
        null, kept = (one, other) if (one[0] in added) == (side == "LEFT") else (other, one)
        if null[0] in found:
            continue
        where = _prune(near, kept, null, cones, geometry)
        again = name(kept[0])
        if not where and again:
            where = _within(_columns(null), _columns(kept), near.radius, f"{again} AS {quote(kept[0].alias)}")
        where += _about(kept, _point(near, null, geometry), near.radius, geometry)
        found[null[0]] = Match(_cells(*_columns(null), near.radius), where.removesuffix(" AND "))
        cell = f"{_cell(*_columns(kept), near.radius)} = {quote(null[0].alias)}.{quote(CELL)} AND "
        geometry.join_keys[id(asked(node).call)] = cell
        return


def _aliases(node: exp.Expr) -> set[str]:
    """Names, in small letters, that a part of a FROM brings in."""
    if isinstance(node, exp.Subquery) and isinstance(node.this, exp.Table):
        names = _aliases(node.this)
    else:
        names = {(node.alias or node.name).lower()}
    for join in node.args.get("joins") or []:
        names |= _aliases(join.this)
    return names


def _pair(node: exp.Expr, scope: Scope, geometry: Geometry) -> tuple[Near, Side, Side] | None:
    """The nearness of two sources' positions that a condition asks for."""
    near = geometry.near(node)
    if near is None or not isinstance(near.radius, float):
        return None
    one, other = (_side(point, geometry.binding) for point in (near.one, near.other))
    if one is None or other is None or one[0] is other[0] or not {one[0], other[0]} <= set(scope.sources):
        return None
    return near, one, other


def _cones(parts: list[exp.Expr], geometry: Geometry) -> list[tuple[Side, Point, float]]:
    """The positions that conditions hold to a circle about constants."""
    found = []
    for node in parts:
        near = geometry.near(node)
        if near is None or not isinstance(near.radius, float):
            continue
        for point, centre in ((near.one, near.other), (near.other, near.one)):
            side = _side(point, geometry.binding)
            if centre.constant and side is not None:
                found.append((side, centre, near.radius))
    return found


def _side(point: Point, binding: Binding) -> Side | None:
    """The one source whose two columns a point is."""
    if not isinstance(point.ra, exp.Column) or not isinstance(point.dec, exp.Column):
        return None
    ra, dec = binding.columns.get(id(point.ra)), binding.columns.get(id(point.dec))
    if ra is None or dec is None or ra.source is not dec.source or ra.merged or dec.merged:
        return None
    return ra.source, ra, dec


def _weight(source: Source, cones: list) -> tuple[bool, bool]:
    """Smaller sides come first: uploads and queries within the query, then tables that a cone already cuts."""
    return source.table is not None and source.table.healpix is not None, not _is_cut(source, cones)


def _is_cut(source: Source, cones: list) -> bool:
    return any(side[0] is source for side, _, _ in cones)


def _prune(near: Near, one: Side, other: Side, cones: list, geometry: Geometry) -> str:
    """Where one side lies in a cone, the other lies in a cone wider by the radius of the join."""
    for side, centre, radius in cones:
        for here, there in ((one, other), (other, one)):
            same = side[0] is here[0] and [b.column for b in side[1:]] == [b.column for b in here[1:]]
            if same and radius < 90 and not _is_cut(there[0], cones):
                point = _point(near, there, geometry)
                return geometry.pixels.cone(point, centre, radius + near.radius)
    return ""


def _point(near: Near, side: Side, geometry: Geometry) -> Point:
    return near.one if _side(near.one, geometry.binding)[0] is side[0] else near.other


def _about(side: Side, point: Point, radius: float, geometry: Geometry) -> str:
    """Ranges of the pixels about all positions of a table in memory, ending in AND."""
    values = side[0].table.values if side[0].table is not None else None
    place = geometry.pixels.place_of(point)
    if values is None or place is None or not all(bound.column.datatype in NUMBERS for bound in side[1:]):
        return ""
    ra, dec = (np.asarray(values(bound.column.name), float) for bound in side[1:])
    known = np.isfinite(ra) & (np.abs(dec) <= 90)
    if not 0 < known.sum() <= MAX_POSITIONS:
        return ""
    ranges = points_ranges(ra[known], dec[known], radius, MAX_RANGES)
    return geometry.pixels.ranges(place, ranges) if ranges is not None else ""


def _columns(side: Side) -> tuple[str, str]:
    ra, dec = (f"{quote(side[0].alias)}.{quote(bound.column.name)}" for bound in side[1:])
    return ra, dec


def _reach(ra: str, dec: str, radius: float) -> tuple[str, str]:
    """SQL of the limits of right ascension about a position; all of it near a pole and across 0."""
    wide = f"({_width(dec, radius)} * {number(1 + 1e-9)} + 1e-9)"
    whole = f"{ra} - {wide} < 0 OR {ra} + {wide} >= 360"
    return (
        f"(CASE WHEN {whole} THEN -1e0 ELSE {ra} - {wide} END)",
        f"(CASE WHEN {whole} THEN 361e0 ELSE {ra} + {wide} END)",
    )


def _limits(columns: tuple[str, str], about: tuple[str, str], radius: float) -> str:
    """Limits of one side's position by the other's, ending in AND: what the engine turns into minima and maxima."""
    low, high = _reach(*about, radius)
    margin = number(radius * (1 + 1e-9) + 1e-9)
    return (
        f"{columns[1]} BETWEEN {about[1]} - {margin} AND {about[1]} + {margin} AND "
        f"{columns[0]} BETWEEN {low} AND {high} AND "
    )


def _within(columns: tuple[str, str], about: tuple[str, str], radius: float, source: str) -> str:
    """The same limits by all rows of the other side together, where its rows cannot be joined yet."""
    low, high = _reach(*about, radius)
    margin = number(radius * (1 + 1e-9) + 1e-9)
    return (
        f"{columns[1]} BETWEEN (SELECT min({about[1]} - {margin}) FROM {source}) AND "
        f"(SELECT max({about[1]} + {margin}) FROM {source}) AND "
        f"{columns[0]} BETWEEN (SELECT min({low}) FROM {source}) AND (SELECT max({high}) FROM {source}) AND "
    )


def _grid(radius: float) -> tuple[float, int]:
    """Height of a zone in degrees, and the number of cells around each."""
    return max(radius * (1 + 1e-9) + 1e-12, MIN_ZONE), int(360 / max(2 * radius, MIN_CELL))


def _zone(dec: str, height: float) -> str:
    return f"TRY_CAST(floor(({dec} + 90e0) * {number(1 / height)}) AS BIGINT)"


def _cell(ra: str, dec: str, radius: float) -> str:
    """SQL of the number of the cell a position is in; it is worked out for each row of the side without cells."""
    height, count = _grid(radius)
    return f"({_zone(dec, height)} * 65536 + ({_column(ra, count)} % {count} + {count}) % {count})"


def _column(ra: str, count: int) -> str:
    return f"TRY_CAST(floor(({ra}) * {number(count / 360)}) AS BIGINT)"


def _width(dec: str, radius: float) -> str:
    """SQL of the half width in right ascension of a circle, degrees; 180 where it holds a pole."""
    wide = f"asin(least(1e0, {number(math.sin(math.radians(radius)))} / greatest(1e-12, cos(radians({dec})))))"
    return f"(CASE WHEN abs({dec}) + {number(radius)} >= 90e0 THEN 180e0 ELSE degrees({wide}) + 1e-9 END)"


def _cells(ra: str, dec: str, radius: float) -> str:
    """SQL of the list of cells in which the matches of a position can be: three zones, as wide as the radius there."""
    height, count = _grid(radius)
    wide = _width(dec, radius)
    first = _column(f"{ra} - {wide}", count)
    last = f"least({_column(f'{ra} + {wide}', count)}, {first} + {count - 1})"
    cells = f"list_transform(range({first}, {last} + 1), lambda c: ((c % {count}) + {count}) % {count})"
    zone = _zone(dec, height)
    return f"flatten(list_transform([-1, 0, 1], lambda z: list_transform({cells}, lambda c: ({zone} + z) * 65536 + c)))"
