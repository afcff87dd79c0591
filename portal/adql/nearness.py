"""Which geometry a condition asks for, however it is spelled: = 1, NOT ... = 0, IN (1), a distance times 3600.

Looks at the tree alone.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlglot import exp

from portal.adql.shapes import Number, constant

PREDICATES = ("CONTAINS", "INTERSECTS", "SCISQL_S2PTINCIRCLE", "SCISQL_S2PTINCPOLY", "SCISQL_S2PTINBOX",
              "SCISQL_S2PTINELLIPSE")  # fmt: skip
DISTANCES = ("DISTANCE", "SCISQL_ANGSEP")
_TURNED = {exp.LT: exp.GT, exp.GT: exp.LT, exp.LTE: exp.GTE, exp.GTE: exp.LTE}
_DENIED = {exp.LT: exp.GTE, exp.GTE: exp.LT, exp.GT: exp.LTE, exp.LTE: exp.GT, exp.EQ: exp.NEQ, exp.NEQ: exp.EQ}
# What a comparison of a predicate with 0 or 1 asks for: to be in (True), to be out (False).
_WANTED = {
    (exp.EQ, 1): True, (exp.NEQ, 0): True, (exp.GT, 0): True, (exp.GTE, 1): True,
    (exp.EQ, 0): False, (exp.NEQ, 1): False, (exp.LT, 1): False, (exp.LTE, 0): False,
}  # fmt: skip


@dataclass(frozen=True)
class Test:
    """A geometry call and what is asked of it.

    ``wanted``: to be inside. Of a distance: not more than ``limit`` degrees (less, when ``strict``) and not less than
    ``low``, where there is one.
    """

    call: exp.Anonymous
    wanted: bool = True
    limit: Number = 0.0
    strict: bool = False
    low: Number | None = None


def asked(node: exp.Expr, deny: bool = False) -> Test | None:
    """The test a condition makes, or None when it is none of geometry; ``deny`` turns its sense."""
    if isinstance(node, exp.Paren):
        return asked(node.this, deny)
    if isinstance(node, exp.Not):
        return asked(node.this, not deny)
    if isinstance(node, exp.Anonymous):
        return Test(node, not deny) if node.name.upper() in PREDICATES else None
    if isinstance(node, exp.In) and len(node.expressions) == 1 and not node.args.get("query"):
        return _compared(node.this, exp.EQ, node.expressions[0], deny)
    if (
        isinstance(node, exp.Is)
        and isinstance(node.expression, exp.Boolean)
        and not deny
        and not node.args.get("negate")
    ):
        return _compared(node.this, exp.EQ, node.expression, deny)
    if isinstance(node, exp.Between):
        return None if deny else _between(node)
    if type(node) not in _DENIED:
        return None
    call, value, kind = node.this, node.expression, type(node)
    if _call(call) is None:
        call, value, kind = value, call, _TURNED.get(kind, kind)
    return _compared(call, kind, value, deny)


def _compared(left: exp.Expr, kind: type, value: exp.Expr, deny: bool) -> Test | None:
    found = _call(left)
    if found is None:
        return None
    call, factor = found
    kind = _DENIED[kind] if deny else kind
    if call.name.upper() in DISTANCES:
        if kind not in (exp.LT, exp.LTE):
            return None
        limit = constant(value)
        if limit is None:
            return Test(call, True, value, kind is exp.LT) if factor == 1 else None
        limit /= factor
        return Test(call, True, max(limit, 0.0), kind is exp.LT or limit < 0)
    truth = _truth(value)
    wanted = _WANTED.get((kind, truth)) if factor == 1 and truth is not None else None
    return None if wanted is None else Test(call, wanted)


def _between(node: exp.Between) -> Test | None:
    """``DISTANCE(...) BETWEEN low AND high``."""
    found = _call(node.this)
    low, high = constant(node.args["low"]), constant(node.args["high"])
    if found is None or found[0].name.upper() not in DISTANCES or low is None or high is None:
        return None
    call, factor = found
    if high < 0 or low > high:
        return Test(call, True, 0.0, True)
    return Test(call, True, high / factor, False, low / factor if low > 0 else None)


def _call(node: exp.Expr) -> tuple[exp.Anonymous, float] | None:
    """The call on one side of a comparison and the constant it is multiplied by: 3600 for arcseconds."""
    factor = 1.0
    while not isinstance(node, exp.Anonymous):
        if isinstance(node, exp.Paren):
            node = node.this
            continue
        if not isinstance(node, (exp.Mul, exp.Div)):
            return None
        left, right = constant(node.this), constant(node.expression)
        if right is not None and right > 0:
            factor = factor * right if isinstance(node, exp.Mul) else factor / right
            node = node.this
        elif left is not None and left > 0 and isinstance(node, exp.Mul):
            factor, node = factor * left, node.expression
        else:
            return None
    name = node.name.upper()
    if name in DISTANCES or (name in PREDICATES and factor == 1):
        return node, factor
    return None


def _truth(node: exp.Expr) -> int | None:
    if isinstance(node, exp.Boolean):
        return int(bool(node.this))
    if isinstance(node, exp.Literal):
        word = str(node.this).strip().upper()
        return {"TRUE": 1, "FALSE": 0, "T": 1, "F": 0}.get(word, {"1": 1, "0": 0, "1.0": 1, "0.0": 0}.get(word))
    return None
