"""The conditions of a SELECT that every row of its answer must meet, and what follows from them.

Knows when a query is bounded by a position or by ids, and how to join two tables by position quickly: the sky is cut
into zones of declination as high as the radius and cells along each, the smaller side gets a row for each cell in which
a match can be, and the engine joins on equal cells (after the zones of Gray, Nieto-Santisteban and Szalay 2007).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlglot import exp

from portal.adql.geometry import Geometry, Near, number, quote
from portal.adql.shapes import Point

if TYPE_CHECKING:
    from portal.adql.bind import Binding, Bound, Source

MAX_MATCH = 5.0  # degrees; wider joins are nearly products of the tables, and cells no longer help
MIN_ZONE = 1e-6  # degrees; narrower zones would only make the numbers longer
MIN_CELL = 0.1  # degrees; so that a position at a pole has 3,600 cells around it and no more
CELL = "_cell"  # the added column; a query cannot name it, it is in no table's list


@dataclass(frozen=True)
class Match:
    """A positional join: ``source`` is to be read with the list ``cells`` unnested as column ``_cell``."""

    source: Source
    cells: str


def conjuncts(select: exp.Select) -> list[exp.Expr]:
    """The parts of WHERE, and of ON in inner joins, that are joined by AND."""
    roots = [select.args["where"].this] if select.args.get("where") is not None else []
    for join in select.args.get("joins") or []:
        if join.args.get("on") is not None and not join.args.get("side"):
            roots.append(join.args["on"])
    found, stack = [], roots[::-1]
    while stack:
        node = stack.pop()
        if isinstance(node, exp.And):
            stack.extend((node.expression, node.this))
        elif isinstance(node, exp.Paren):
            stack.append(node.this)
        else:
            found.append(node)
    return found


def bounded(select: exp.Select, geometry: Geometry) -> bool:
    """Whether a condition on a position or on an id holds the answer to few rows, wherever the table is cut."""
    return any(_is_position(node, geometry) or _is_id(node, geometry.binding) for node in conjuncts(select))


def _is_position(node: exp.Expr, geometry: Geometry) -> bool:
    near = geometry.near(node)
    if near is not None:
        return near.one.constant != near.other.constant and isinstance(near.radius, float) and near.radius <= 10
    return geometry.wants_inside(node)


def _is_id(node: exp.Expr, binding: Binding) -> bool:
    if not isinstance(node, (exp.EQ, exp.In, exp.Between)):
        return False
    for side, other in ((node.this, node.args.get("expression")), (node.args.get("expression"), node.this)):
        bound = binding.columns.get(id(side)) if isinstance(side, exp.Column) else None
        if bound is None or bound.source.table is None or not bound.source.table.is_id(bound.column):
            continue
        if isinstance(node, exp.EQ) and isinstance(other, (exp.Literal, exp.Neg)):
            return True
        if not isinstance(node, exp.EQ) and not node.args.get("query"):
            return True
    return False


def plan_match(select: exp.Select, sources: list[Source], outer: set[str], geometry: Geometry) -> Match | None:
    """The positional join of a SELECT that can be made with cells; also tells ``geometry`` what to add to conditions.

    ``outer`` holds the aliases on either side of an outer join: their rows must not be multiplied.
    """
    if len(sources) < 2:
        return None
    nears = [(node, geometry.near(node)) for node in conjuncts(select)]
    cones = [
        (_side(point, geometry.binding), centre, near.radius)
        for _, near in nears
        if near is not None and isinstance(near.radius, float)
        for point, centre in ((near.one, near.other), (near.other, near.one))
        if centre.constant and not point.constant
    ]
    match = None
    for node, near in nears:
        if near is None or not isinstance(near.radius, float):
            continue
        one, other = (_side(point, geometry.binding) for point in (near.one, near.other))
        if one is None or other is None or one[0] is other[0]:
            continue
        if not {one[0], other[0]} <= set(sources):
            continue
        call = _call(node)
        extra = _prune(near, one, other, cones, geometry)
        if match is None and near.radius <= MAX_MATCH and not {one[0].alias, other[0].alias} & outer:
            small, large = (one, other) if _weight(one[0], cones) < _weight(other[0], cones) else (other, one)
            match = Match(small[0], _cells(*_columns(small), near.radius))
            extra += f"{_cell(*_columns(large), near.radius)} = {quote(small[0].alias)}.{quote(CELL)} AND "
        if extra:
            geometry.join_keys[id(call)] = extra
    return match


def _call(node: exp.Expr) -> exp.Expr:
    """The geometry call in a condition, which is what a condition is known by."""
    return node if isinstance(node, exp.Anonymous) else next(
        side for side in (node.this, node.expression) if isinstance(side, exp.Anonymous)
    )  # fmt: skip


def _side(point: Point, binding: Binding) -> tuple[Source, Bound, Bound] | None:
    """The one source whose two columns a point is."""
    if not isinstance(point.ra, exp.Column) or not isinstance(point.dec, exp.Column):
        return None
    ra, dec = binding.columns.get(id(point.ra)), binding.columns.get(id(point.dec))
    if ra is None or dec is None or ra.source is not dec.source or ra.merged or dec.merged:
        return None
    return ra.source, ra, dec


def _weight(source: Source, cones: list) -> tuple[bool, bool]:
    """Smaller sides come first: uploads and queries within the query, then tables that a cone already cuts."""
    cut = any(side is not None and side[0] is source for side, _, _ in cones)
    return source.table is not None and source.table.healpix is not None, not cut


def _prune(near: Near, one: tuple, other: tuple, cones: list, geometry: Geometry) -> str:
    """Where one side lies in a cone, the other lies in a cone wider by the radius of the join."""
    for side, centre, radius in cones:
        for here, there, point in ((one, other, near.other), (other, one, near.one)):
            if (
                side is not None
                and side[0] is here[0]
                and [b.column for b in side[1:]] == [b.column for b in here[1:]]
                and radius < 90
            ):
                cut = any(side2 is not None and side2[0] is there[0] for side2, _, _ in cones)
                if not cut:
                    return geometry.cone(point, centre, radius + near.radius)
    return ""


def _columns(side: tuple[Source, Bound, Bound]) -> tuple[str, str]:
    return tuple(f"{quote(side[0].alias)}.{quote(bound.column.name)}" for bound in side[1:])


def _grid(radius: float) -> tuple[float, int]:
    """Height of a zone in degrees, and the number of cells around each."""
    return max(radius * (1 + 1e-9) + 1e-12, MIN_ZONE), int(360 / max(2 * radius, MIN_CELL))


def _zone(dec: str, height: float) -> str:
    return f"CAST(floor(({dec} + 90e0) * {number(1 / height)}) AS BIGINT)"


def _cell(ra: str, dec: str, radius: float) -> str:
    """SQL of the number of the cell a position is in; it is worked out for each row of the larger side."""
    height, count = _grid(radius)
    return f"({_zone(dec, height)} * 65536 + ({_column(ra, count)} % {count} + {count}) % {count})"


def _column(ra: str, count: int) -> str:
    return f"CAST(floor(({ra}) * {number(count / 360)}) AS BIGINT)"


def _cells(ra: str, dec: str, radius: float) -> str:
    """SQL of the list of cells in which the matches of a position can be: three zones, as wide as the radius there."""
    height, count = _grid(radius)
    reach = math.radians(radius)
    wide = f"asin(least(1e0, {number(math.sin(reach))} / greatest(1e-12, cos(radians({dec})))))"
    wide = f"(CASE WHEN abs({dec}) + {number(radius)} >= 90e0 THEN 180e0 ELSE degrees({wide}) + 1e-9 END)"
    first = _column(f"{ra} - {wide}", count)
    last = f"least({_column(f'{ra} + {wide}', count)}, {first} + {count - 1})"
    cells = f"list_transform(range({first}, {last} + 1), lambda c: ((c % {count}) + {count}) % {count})"
    zone = _zone(dec, height)
    return f"flatten(list_transform([-1, 0, 1], lambda z: list_transform({cells}, lambda c: ({zone} + z) * 65536 + c)))"
