"""What an expression gives: datatype, unit and UCD, as far as they are certain before the query runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from portal.adql.catalog import OutColumn
from portal.adql.check import function_of
from portal.adql.parse import CAST_TYPES

if TYPE_CHECKING:
    from portal.adql.bind import Binding

INTEGERS = ("unsignedByte", "short", "int", "long")
NUMBERS = (*INTEGERS, "float", "double")
TEXTS = ("char", "unicodeChar")
_PREDICATES = (exp.Predicate, exp.And, exp.Or, exp.Not, exp.Boolean, exp.Exists, exp.Escape)
# Aggregates that keep the unit of their argument.
_KEEP_UNIT = {
    "SUM", "AVG", "MIN", "MAX", "STDDEV", "MEDIAN", "SCISQL_MEDIAN", "SCISQL_PERCENTILE", "ABS", "ROUND", "FLOOR",
    "CEIL", "CEILING", "TRUNCATE", "COALESCE", "NULLIF", "GREATEST", "LEAST",
}  # fmt: skip


def describe(node: exp.Expr, binding: Binding) -> OutColumn:
    """The description of an expression of a bound query; ``name`` is "" where it has none of its own."""
    known = binding.described.get(id(node))
    if known is None:
        known = binding.described[id(node)] = _describe(node, binding)
    return known


def _describe(node: exp.Expr, binding: Binding) -> OutColumn:
    if isinstance(node, exp.Column):
        bound = binding.columns.get(id(node))
        if bound is not None:
            return bound.column
        item = binding.outputs_of.get(id(node))
        return item.column if item is not None else OutColumn("")
    if isinstance(node, (exp.Paren, exp.Distinct)):
        inner = node.this if isinstance(node, exp.Paren) else node.expressions[0]
        return describe(inner, binding)
    if isinstance(node, exp.Literal):
        if node.is_string:
            return OutColumn("", "char", "*")
        whole = node.this.isdigit()
        return OutColumn("", ("int" if int(node.this) < 2**31 else "long") if whole else "double")
    if isinstance(node, exp.Anonymous):
        return _call(node, binding)
    if isinstance(node, exp.Subquery):
        columns = binding.results.get(id(node)) or [OutColumn("")]
        return columns[0].renamed("")
    if isinstance(node, exp.Cast):
        kind = CAST_TYPES.get(node.args["to"].args.get("kind", ""), "")
        inner = describe(node.this, binding)
        return OutColumn("", kind, "*" if kind == "char" else "", inner.unit, inner.ucd)
    if isinstance(node, exp.Neg):
        inner = describe(node.this, binding)
        return OutColumn("", inner.datatype, "", inner.unit)
    if isinstance(node, exp.DPipe):
        return OutColumn("", "char", "*")
    if isinstance(node, exp.Case):
        return _case(node, binding)
    if isinstance(node, _PREDICATES):
        return OutColumn("", "boolean")
    if isinstance(node, (exp.Add, exp.Sub)):
        left, right = describe(node.this, binding), describe(node.expression, binding)
        double = "double" in (left.datatype, right.datatype)
        return OutColumn("", "double" if double else "", "", left.unit if left.unit == right.unit else "")
    if isinstance(node, exp.Mul):
        left, right = describe(node.this, binding), describe(node.expression, binding)
        return OutColumn("", "double" if "double" in (left.datatype, right.datatype) else "")
    return OutColumn("")


def _call(node: exp.Anonymous, binding: Binding) -> OutColumn:
    function = function_of(node)
    if function is None:
        return OutColumn("")
    first = describe(node.expressions[0], binding) if node.expressions else OutColumn("")
    datatype, arraysize, xtype = function.result, "", ""
    if datatype == "=":
        datatype, arraysize = first.datatype, first.arraysize
    if datatype == "char":
        arraysize = "*"
    if function.name in ("SUM",) and first.datatype in (*INTEGERS, "boolean"):
        datatype = "long"
    if function.name in ("SUM", "ROUND", "FLOOR", "CEIL", "CEILING") and first.datatype == "double":
        datatype = "double"
    if function.name in ("POINT", "CENTROID", "CIRCLE", "POLYGON", "BOX"):
        datatype, xtype = "double", {"CENTROID": "point", "BOX": "polygon"}.get(function.name, function.name.lower())
        arraysize = {"point": "2", "circle": "3"}.get(xtype, "*")
    unit = function.unit
    if function.name.upper() in _KEEP_UNIT:
        unit = first.unit
    if function.name == "IN_UNIT":
        unit = node.expressions[1].name
    name = function.name if function.kind != "aggregate" else function.name.lower()
    return OutColumn(name, datatype, arraysize, unit, function.ucd, "", xtype, function.description)


def _case(node: exp.Case, binding: Binding) -> OutColumn:
    """The type all branches share, if they do."""
    branches = [branch.args["true"] for branch in node.args["ifs"]]
    if node.args.get("default") is not None:
        branches.append(node.args["default"])
    kinds = {describe(item, binding).datatype for item in branches if not isinstance(item, exp.Null)}
    kind = kinds.pop() if len(kinds) == 1 else ""
    return OutColumn("", kind, "*" if kind == "char" else "")


def is_boolean(node: exp.Expr, binding: Binding) -> bool:
    """Whether an expression is known to be true or false."""
    return describe(node, binding).datatype == "boolean"
