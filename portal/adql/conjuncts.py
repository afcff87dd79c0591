"""The conditions of a SELECT that every row of its answer must meet, and what follows from them.

Knows which outer joins are none, because a condition throws out the rows they would add, and when a query is bounded by
a position or by ids.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from sqlglot import exp

from portal.adql.geometry import Geometry
from portal.adql.nearness import asked
from portal.adql.scope import Scope, Source

if TYPE_CHECKING:
    from portal.adql.bind import Binding

Sides = Mapping[int, str]  # "", "LEFT", "RIGHT" or "FULL" of each join, by its identity
_COMPARED = (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Between, exp.In, exp.Like, exp.ILike)


def parts_of(*roots: exp.Expr | None) -> list[exp.Expr]:
    """The parts of conditions that are joined by AND, in order."""
    found, stack = [], [root for root in roots[::-1] if root is not None]
    while stack:
        node = stack.pop()
        if isinstance(node, exp.And):
            stack.extend((node.expression, node.this))
        elif isinstance(node, exp.Paren):
            stack.append(node.this)
        else:
            found.append(node)
    return found


def sides_of(select: exp.Select, scope: Scope, binding: Binding) -> dict[int, str]:
    """How each join of a SELECT is to be made.

    Where WHERE can only be true of rows in which a source is not NULL, a join need not keep the rows that lack it.
    """
    where = select.args.get("where")
    firm = _firm(parts_of(where.this), binding) if where is not None else set()
    sides, place = {}, 0
    count = {id(join): _count(join.this) for join in select.args.get("joins") or []}
    from_ = select.args.get("from_")
    place = _count(from_.this) if from_ is not None else 0
    for join in select.args.get("joins") or []:
        side = str(join.args.get("side") or "").upper()
        left, right = scope.sources[:place], scope.sources[place : place + count[id(join)]]
        keeps_left, keeps_right = side in ("LEFT", "FULL"), side in ("RIGHT", "FULL")
        if any(source in firm for source in right):
            keeps_left = False
        if any(source in firm for source in left):
            keeps_right = False
        sides[id(join)] = {(True, True): "FULL", (True, False): "LEFT", (False, True): "RIGHT"}.get(
            (keeps_left, keeps_right), ""
        )
        place += count[id(join)]
    return sides


def _count(node: exp.Expr) -> int:
    """How many sources a part of a FROM names."""
    if isinstance(node, exp.Subquery) and isinstance(node.this, exp.Table):
        return _count(node.this) + sum(_count(join.this) for join in node.args.get("joins") or [])
    if isinstance(node, exp.Table):
        return 1 + sum(_count(join.this) for join in node.args.get("joins") or [])
    return 1


def _firm(parts: list[exp.Expr], binding: Binding) -> set[Source]:
    """Sources of columns that stand bare in comparisons, or in calls of geometry that are compared."""
    found = set()
    for part in parts:
        test = asked(part)
        if test is not None and test.wanted:
            sides = test.call.expressions
        elif isinstance(part, _COMPARED):
            sides = [part.this, part.args.get("expression")]
        elif isinstance(part, exp.Not) and isinstance(part.this, exp.Is) and isinstance(part.this.expression, exp.Null):
            sides = [part.this.this]
        else:
            continue
        for side in sides:
            for column in _bare(side):
                bound = binding.columns.get(id(column))
                if bound is not None and not bound.merged:
                    found.add(bound.source)
    return found


def _bare(node: exp.Expr | None) -> list[exp.Column]:
    """Columns without which an expression is NULL, or false."""
    found, stack = [], [node]
    while stack:
        item = stack.pop()
        if isinstance(item, exp.Column):
            found.append(item)
        elif isinstance(item, (exp.Paren, exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Neg)):
            stack += [item.this, item.args.get("expression")]
        elif isinstance(item, exp.Anonymous) and item.name.upper() in _STRICT:
            stack += item.expressions
    return found


# Geometry of NULL is NULL; but CONTAINS as a value is 0 there, so it counts only where it must be true.
_STRICT = ("POINT", "CIRCLE", "DISTANCE", "SCISQL_ANGSEP")


def conjuncts(select: exp.Select, sides: Sides) -> list[exp.Expr]:
    """The parts of WHERE, and of ON in inner joins whose rows no later join adds to, that are joined by AND."""
    where = select.args.get("where")
    roots = []
    for join in (select.args.get("joins") or [])[::-1]:
        side = sides.get(id(join), "")
        if not side and join.args.get("on") is not None:
            roots.append(join.args["on"])
        if side in ("RIGHT", "FULL"):
            break
    return parts_of(where.this if where is not None else None, *roots[::-1])


def bounded(select: exp.Select, geometry: Geometry) -> bool:
    """Whether a condition on a position or on an id holds the answer to few rows, wherever the table is cut."""
    scope = geometry.binding.scopes[id(select)]
    parts = conjuncts(select, sides_of(select, scope, geometry.binding))
    return any(_is_position(node, geometry) or _is_id(node, geometry.binding) for node in parts)


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
