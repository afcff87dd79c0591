"""Which outputs of a query in a FROM are the position of a table that is sorted by pixel.

So that a cone on the columns of a query within the query reads as little as one on the table itself: the inner query
hands on the pixel as an output that no name of the text can mean. It is handed on only where it is asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from portal.adql.check import function_of
from portal.adql.functions import find_function
from portal.adql.scope import Bound, Item, Pair, Scope, Source

if TYPE_CHECKING:
    from portal.adql.bind import Binding


def pixel_name(pair: Pair) -> str:
    """What the pixel of two outputs is called."""
    return f"pixel {pair[0]} {pair[1]}"


def places_of(node: exp.Expr, binding: Binding) -> dict[Pair, tuple[Source, str] | None]:
    """The positions among the outputs of a bound query; for a SELECT with the source and the column of the pixel."""
    if isinstance(node, exp.Subquery):
        return dict.fromkeys(binding.places[id(node.this)])
    if isinstance(node, exp.Union):
        right = binding.places[id(node.expression)]
        return dict.fromkeys(pair for pair in binding.places[id(node.this)] if pair in right)
    if not isinstance(node, exp.Select):
        return {}
    scope = binding.scopes[id(node)]
    if not any(source.places for source in scope.sources):
        return {}
    keys = _group_keys(node, binding)
    found: dict[tuple[int, str], int] = {}
    points: dict[tuple[int, str, str], int] = {}
    for at, item in enumerate(scope.items):
        for bound, second in _columns(item, binding):
            name = (id(bound.source), bound.column.name.lower())
            if keys is not None and (name not in keys or (second and name[0] != id(second.source))):
                continue
            if second is None:
                found.setdefault(name, at)
            elif second.source is bound.source:
                points.setdefault((*name, second.column.name.lower()), at)
    places = {}
    for source in scope.sources:
        for (ra, dec), pixel in source.places.items():
            one, other = found.get((id(source), ra)), found.get((id(source), dec))
            if one is not None and other is not None:
                places[one, other] = (source, pixel)
            at = points.get((id(source), ra, dec))
            if at is not None and keys is None:
                places[at, at] = (source, pixel)
    return places


def want(binding: Binding, source: Source, pixel: str) -> None:
    """Note that the pixel column of a source is read, in the queries it comes from too."""
    if source.query is None:
        binding.use(source, pixel)
        return
    stack: list[tuple[exp.Expr, str]] = [(source.query, pixel)]
    while stack:
        node, name = stack.pop()
        wanted = binding.wanted.setdefault(id(node), set())
        if name in wanted:
            continue
        wanted.add(name)
        if isinstance(node, exp.Subquery):
            stack.append((node.this, name))
        elif isinstance(node, exp.SetOperation):
            stack += [(node.this, name), (node.expression, name)]
        else:
            inner, column = next(
                place for pair, place in binding.places[id(node)].items() if pixel_name(pair) == name and place
            )
            if inner.query is None:
                binding.use(inner, column)
            else:
                stack.append((inner.query, column))


def pixels_of(node: exp.Expr, binding: Binding) -> list[tuple[str, Source, str]]:
    """What a SELECT has to hand on: the name of each added output, its source and column."""
    wanted = sorted(binding.wanted.get(id(node), ()))
    by_name = {pixel_name(pair): place for pair, place in binding.places[id(node)].items()} if wanted else {}
    return [(name, *by_name[name]) for name in wanted if by_name.get(name)]


def _columns(item: Item, binding: Binding) -> list[tuple[Bound, Bound | None]]:
    """The column an output is, or the two of a point."""
    node = item.node
    while isinstance(node, exp.Paren):
        node = node.this
    if node is None:
        return [(item.bound, None)] if item.bound is not None and item.bound.whole else []
    if isinstance(node, exp.Column):
        bound = binding.columns.get(id(node))
        return [(bound, None)] if bound is not None and bound.whole else []
    if function_of(node) is not None and function_of(node) is find_function("POINT"):
        pair = [binding.columns.get(id(part)) for part in node.expressions[-2:]]
        if None not in pair and all(bound.whole for bound in pair):
            return [(pair[0], pair[1])]
    return []


def _group_keys(node: exp.Select, binding: Binding) -> set[tuple[int, str]] | None:
    """The columns a grouped SELECT is grouped by; None when it is not grouped."""
    group = node.args.get("group")
    if group is None:
        if node.args.get("having") is None and not any(aggregates(item) for item in node.expressions):
            return None
        return set()
    keys = set()
    for part in group.expressions:
        bound = binding.columns.get(id(part)) if isinstance(part, exp.Column) else None
        item = binding.outputs_of.get(id(part))
        if bound is None and item is not None:
            bound = item.bound or binding.columns.get(id(item.node))
        if bound is not None:
            keys.add((id(bound.source), bound.column.name.lower()))
    return keys


def aggregates(root: exp.Expr) -> bool:
    """Whether an expression calls an aggregate, that of a query inside it not counted."""
    stack = [root]
    while stack:
        node = stack.pop()
        function = function_of(node)
        if function is not None and function.aggregate:
            return True
        if not isinstance(node, (exp.Subquery, exp.Select)):
            stack.extend(node.iter_expressions())
    return False


def scope_is_outer(joins: list[exp.Join], scope: Scope) -> bool:
    """Whether a merged column may hold another source's value than that of the first."""
    return bool(scope.using) and any(str(join.args.get("side") or "").upper() in ("RIGHT", "FULL") for join in joins)
