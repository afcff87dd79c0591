"""Expressions of a bound ADQL query as DuckDB SQL.

Every class of node has its writer here, and text of the query never passes: names come from the catalogue, numbers
and texts are written anew.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from sqlglot import exp

from portal.adql.bind import Binding, Bound, Item
from portal.adql.check import function_of
from portal.adql.functions import Function
from portal.adql.geometry import Geometry
from portal.adql.nearness import DISTANCES, PREDICATES
from portal.adql.outputs import INTEGERS, NUMBERS, TEXTS, describe, is_boolean
from portal.adql.special import healpix_index, in_unit
from portal.adql.words import number, quote
from portal.errors import QueryError

MAX_SQL = 4_000_000  # characters; arguments that a template repeats could otherwise grow without end
_CAST = {
    "SMALLINT": "SMALLINT", "INTEGER": "INTEGER", "INT": "INTEGER", "BIGINT": "BIGINT", "REAL": "FLOAT",
    "FLOAT": "DOUBLE", "DOUBLE": "DOUBLE", "CHAR": "VARCHAR", "VARCHAR": "VARCHAR", "TIMESTAMP": "TIMESTAMP",
}  # fmt: skip
_SIGNS = {
    exp.EQ: "=", exp.NEQ: "<>", exp.GT: ">", exp.GTE: ">=", exp.LT: "<", exp.LTE: "<=", exp.Add: "+", exp.Sub: "-",
    exp.Mul: "*", exp.BitwiseAnd: "&", exp.BitwiseOr: "|", exp.And: "AND", exp.Or: "OR",
}  # fmt: skip
_COMPARISONS = (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE)
_ATOMS = (
    exp.Column,
    exp.Literal,
    exp.Anonymous,
    exp.Cast,
    exp.Subquery,
    exp.Null,
    exp.Boolean,
    exp.HexString,
    exp.Case,
)

# Conditions that may ask for geometry.
_TESTS = (*_COMPARISONS, exp.Not, exp.In, exp.Is, exp.Between)

# Aggregates that count flags as 1 and 0 and take no text.
_OF_NUMBERS = {"SUM", "AVG", "STDDEV", "MEDIAN", "scisql_median", "scisql_percentile"}
_OF_TEXTS = ("CONCAT", "REPLACE", "INSTR")  # every argument is text
_TRUE = {"1": "TRUE", "0": "FALSE", "t": "TRUE", "f": "FALSE", "true": "TRUE", "false": "FALSE"}


class ExpressionWriter:
    """Writes expressions; ``query`` of a subclass writes the queries in them. Raises QueryError."""

    def __init__(self, binding: Binding) -> None:
        self.binding = binding
        self.geometry = Geometry(binding, self.expr)
        self.keys: set[str] | None = None  # SQL of the GROUP BY columns while outputs of a grouped SELECT are written
        self.written = 0

    def query(self, node: exp.Expr, limit: int | None = None) -> str:
        raise NotImplementedError

    def expr(self, node: exp.Expr) -> str:
        """SQL of an expression."""
        writer = _WRITERS.get(type(node))
        if writer is None:
            raise self.binding.error(node, f"{type(node).__name__} cannot be used here.")
        if isinstance(node, _TESTS):
            writer = ExpressionWriter._test
        if self.keys and not isinstance(node, (exp.Column, exp.Literal)):
            keys, self.keys = self.keys, None
            text = writer(self, node)
            self.keys = keys
            if text in keys:
                return text
        text = writer(self, node)
        self.written += len(text)
        if len(text) > MAX_SQL // 4 or self.written > 20 * MAX_SQL:
            raise QueryError("The query is too complicated.", "Split it, or name parts of it in a WITH clause.")
        return text

    def output(self, item: Item) -> str:
        """SQL of one output of a SELECT."""
        return self._bound(item.bound) if item.node is None else self.condition(item.node)

    def condition(self, node: exp.Expr) -> str:
        """SQL of an expression that needs no brackets around it."""
        return self.expr(node.this if isinstance(node, exp.Paren) else node)

    def truth(self, node: exp.Expr) -> str:
        """SQL of what must be true: a bare call of geometry is as good as one that is compared with 1."""
        while isinstance(node, exp.Paren):
            node = node.this
        geometry = self.geometry.condition(node) if isinstance(node, exp.Anonymous) else None
        return self.expr(node) if geometry is None else geometry

    def _test(self, node: exp.Expr) -> str:
        geometry = self.geometry.condition(node)
        return _WRITERS[type(node)](self, node) if geometry is None else geometry

    def _bound(self, bound: Bound) -> str:
        name = quote(bound.column.name)
        text = name if bound.merged else f"{quote(bound.source.alias)}.{name}"
        # Users group by a table's key and select its other columns, as MySQL lets them.
        return f"any_value({text})" if self.keys is not None and text not in self.keys else text

    def _column(self, node: exp.Column) -> str:
        bound = self.binding.columns.get(id(node))
        return self._bound(bound) if bound is not None else self.output(self.binding.outputs_of[id(node)])

    def _operand(self, node: exp.Expr) -> str:
        while isinstance(node, exp.Paren):
            node = node.this
        text = self.expr(node)
        return text if isinstance(node, _ATOMS) else f"({text})"

    def _number(self, node: exp.Expr) -> str:
        """An operand of arithmetic: a flag counts as 1 or 0, a text is none."""
        kind = describe(node, self.binding).datatype
        if kind in TEXTS:
            hint = "CAST(... AS DOUBLE) makes a number of a text."
            raise self.binding.error(node, "A number is needed here, and this is text.", hint)
        text = self._operand(node)
        return f"CAST({text} AS INTEGER)" if kind == "boolean" else text

    def _text(self, node: exp.Expr) -> str:
        """An operand that must be text: numbers are written out."""
        text = self._operand(node)
        return text if describe(node, self.binding).datatype in (*TEXTS, "") else f"CAST({text} AS VARCHAR)"

    def _literal(self, node: exp.Literal) -> str:
        if node.is_string:
            return "'" + node.this.replace("'", "''") + "'"
        if node.this.isdigit() and int(node.this) < 2**63:
            return str(int(node.this))
        try:
            value = float(node.this)
        except ValueError:
            raise self.binding.error(node, f"{node.this[:40]} is not a number.") from None
        if not math.isfinite(value):
            raise self.binding.error(node, f"{node.this[:40]} is too large.", "Numbers go up to 1.79e308.")
        return number(value)

    def _chain(self, node: exp.Expr) -> str:
        """AND and OR without recursion: a condition may be a list of thousands."""
        kind, found, stack = type(node), [], [node]
        while stack:
            item = stack.pop()
            if type(item) is kind:
                stack.extend((item.expression, item.this))
            else:
                found.append(item)
        return f" {_SIGNS[kind]} ".join(f"({self.truth(item)})" for item in found)

    def _comparison(self, node: exp.Expr) -> str:
        left, right = self._alike(node.this, node.expression), self._alike(node.expression, node.this)
        return f"{left} {_SIGNS[type(node)]} {right}"

    def _alike(self, node: exp.Expr, other: exp.Expr) -> str:
        """An operand of a comparison, with what users write for flags and ids taken as they mean it."""
        literal = node.this if isinstance(node, exp.Paren) else node
        kind = describe(other, self.binding).datatype
        if isinstance(literal, exp.Literal):
            if kind == "boolean":
                word = _TRUE.get(literal.this.strip().lower())
                if word is not None:
                    return word
                if literal.is_string:
                    raise self.binding.error(literal, f"{literal.this!r} is not true or false.", "Use 1 or 0.")
                return self._literal(literal)  # flag < 0.5
            if kind in TEXTS and not literal.is_string:
                return f"'{literal.this}'"
            if kind in NUMBERS and literal.is_string:
                try:
                    float(literal.this)
                except ValueError:
                    what = f"{literal.this!r} is compared with a number."
                    raise self.binding.error(literal, what, "Texts are compared with texts.") from None
                return (
                    literal.this.strip() if literal.this.strip().lstrip("-").isdigit() else number(float(literal.this))
                )
        if not is_boolean(node, self.binding) or is_boolean(other, self.binding) or isinstance(other, exp.Null):
            return self._operand(node)
        if isinstance(other, exp.Literal) and other.this.strip().lower() in _TRUE:
            return self._operand(node)
        return f"CAST({self._operand(node)} AS INTEGER)"

    def _arithmetic(self, node: exp.Binary) -> str:
        terms, spine = [], node
        while isinstance(spine, (exp.Add, exp.Sub, exp.Mul)) and type(spine) is type(node):
            terms.append(self._number(spine.expression))
            spine = spine.this
        terms.append(self._number(spine))
        return f" {_SIGNS[type(node)]} ".join(reversed(terms))

    def _division(self, node: exp.Binary) -> str:
        sign = "/" if isinstance(node, exp.Div) else "%"
        below = node.expression
        divisor = self._number(below)
        # Nothing is divided by zero: the result is NULL, as in MySQL.
        if not (isinstance(below, exp.Literal) and not below.is_string and float(below.this)):
            divisor = f"nullif({divisor}, 0)"
        return f"{self._number(node.this)} {sign} {divisor}"

    def _joined(self, node: exp.DPipe) -> str:
        return f"{self._text(node.this)} || {self._text(node.expression)}"

    def _whole(self, node: exp.Expr) -> str:
        if describe(node, self.binding).datatype in ("float", "double"):
            raise self.binding.error(node, "Bits are of whole numbers.", "Use POWER(x, y) for x to the power y.")
        return self._number(node)

    def _bits(self, node: exp.Binary) -> str:
        sides = [self._whole(side) for side in (node.this, node.expression)]
        return f"xor({', '.join(sides)})" if isinstance(node, exp.BitwiseXor) else f" {_SIGNS[type(node)]} ".join(sides)

    def _like(self, node: exp.Expr, escape: str = "") -> str:
        sign = ("NOT " if node.args.get("negate") else "") + ("ILIKE" if isinstance(node, exp.ILike) else "LIKE")
        return f"{self._text(node.this)} {sign} {self._operand(node.expression)}{escape}"

    def _in(self, node: exp.In) -> str:
        if node.args.get("query") is not None:
            return f"{self._operand(node.this)} IN ({self.query(_unwrapped(node.args['query']))})"
        values = ", ".join(self._alike(item, node.this) for item in node.expressions)
        left = self._alike(node.this, node.expressions[0])
        return f"{left} IN ({values})"

    def _call(self, node: exp.Anonymous) -> str:
        function = function_of(node)
        name = function.name.upper()
        if function.kind == "geometry" or name in (*PREDICATES, *DISTANCES, "SCISQL_S2CPOLYTOBIN"):
            return self.geometry.value(node)
        if name == "IN_UNIT":
            return in_unit(node, self.binding, self.expr)
        if name == "IVO_HEALPIX_INDEX":
            return healpix_index(node, self.geometry)
        keys = self.keys
        if function.aggregate:
            if keys is None and not self._may_aggregate(node):
                hint = "Aggregates stand in SELECT, HAVING or ORDER BY, and not in one another."
                raise self.binding.error(node, f"{function.name} cannot be used here.", hint)
            self.keys = None
        items = [self._argument(item, function, place) for place, item in enumerate(node.expressions)]
        self.keys = keys
        while len(items) < function.most <= 2:
            items.append("0")
        text = function.write(items)
        if name == "SUM" and describe(node.expressions[0], self.binding).datatype in (*INTEGERS, "boolean"):
            return f"CAST({text} AS BIGINT)"
        return text

    def _may_aggregate(self, node: exp.Expr) -> bool:
        """Whether an aggregate stands in outputs, HAVING or ORDER BY and not inside another one."""
        while node.parent is not None:
            node = node.parent
            if isinstance(node, (exp.Where, exp.Join, exp.Group)) or (
                function_of(node) and function_of(node).aggregate
            ):
                return False
            if isinstance(node, exp.Select):
                return True
        return True

    def _argument(self, node: exp.Expr, function: Function, place: int) -> str:
        if isinstance(node, exp.Star):
            return "*"
        if isinstance(node, exp.Distinct):
            return f"DISTINCT {self._operand(node.expressions[0])}"
        if function.kind == "bit":
            return self._whole(node)
        if function.kind in ("math", "scisql") or function.name in _OF_NUMBERS:
            return self._number(node)
        if function.kind == "string" and (place == 0 or function.name in _OF_TEXTS):
            return self._text(node)
        return self._operand(node)

    def _case(self, node: exp.Case) -> str:
        subject = f" {self.expr(node.this)}" if node.this is not None else ""
        branches = "".join(
            f" WHEN {self.condition(item.this)} THEN {self.expr(item.args['true'])}" for item in node.args["ifs"]
        )
        default = node.args.get("default")
        return f"CASE{subject}{branches}{f' ELSE {self.expr(default)}' if default is not None else ''} END"

    def _cast(self, node: exp.Cast) -> str:
        return f"CAST({self.expr(node.this)} AS {_CAST[node.args['to'].args['kind']]})"

    def _is(self, node: exp.Is) -> str:
        inverse = "NOT " if node.args.get("negate") else ""
        return f"{self._operand(node.this)} IS {inverse}{self.expr(node.expression)}"

    def _between(self, node: exp.Between) -> str:
        low, high = (self._alike(node.args[end], node.this) for end in ("low", "high"))
        return f"{self._alike(node.this, node.args['low'])} BETWEEN {low} AND {high}"


def _unwrapped(node: exp.Expr) -> exp.Expr:
    return node.this if isinstance(node, exp.Subquery) and not node.args.get("order") else node


_WRITERS: dict[type[exp.Expr], Callable[[ExpressionWriter, exp.Expr], str]] = {
    exp.Column: ExpressionWriter._column,
    exp.Literal: ExpressionWriter._literal,
    exp.HexString: lambda self, node: str(int(node.name or "0", 16)),
    exp.Null: lambda self, node: "NULL",
    exp.Boolean: lambda self, node: "TRUE" if node.this else "FALSE",
    exp.Paren: lambda self, node: self._operand(node.this),
    exp.Anonymous: ExpressionWriter._call,
    exp.Cast: ExpressionWriter._cast,
    exp.Case: ExpressionWriter._case,
    exp.And: ExpressionWriter._chain,
    exp.Or: ExpressionWriter._chain,
    exp.Not: lambda self, node: f"NOT {self._operand(node.this)}",
    exp.Neg: lambda self, node: f"-{self._number(node.this)}",
    exp.BitwiseNot: lambda self, node: f"~{self._whole(node.this)}",
    exp.BitwiseAnd: ExpressionWriter._bits,
    exp.BitwiseOr: ExpressionWriter._bits,
    exp.BitwiseXor: ExpressionWriter._bits,
    exp.DPipe: ExpressionWriter._joined,
    exp.Add: ExpressionWriter._arithmetic,
    exp.Sub: lambda self, node: f"{self._number(node.this)} - {self._number(node.expression)}",
    exp.Mul: ExpressionWriter._arithmetic,
    exp.Div: ExpressionWriter._division,
    exp.Mod: ExpressionWriter._division,
    exp.Like: ExpressionWriter._like,
    exp.ILike: ExpressionWriter._like,
    exp.Escape: lambda self, node: self._like(node.this, f" ESCAPE {self.expr(node.expression)}"),
    exp.In: ExpressionWriter._in,
    exp.Between: ExpressionWriter._between,
    exp.Is: ExpressionWriter._is,
    exp.Exists: lambda self, node: f"EXISTS ({self.query(_unwrapped(node.this))})",
    exp.Subquery: lambda self, node: f"({self.query(node)})",
    exp.Select: lambda self, node: f"({self.query(node)})",
    **{kind: ExpressionWriter._comparison for kind in _COMPARISONS},
}
