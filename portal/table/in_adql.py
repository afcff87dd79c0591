"""A selection said in ADQL, as far as ADQL can say it: regions as geometry, ranges as comparisons, rows as ids.

What cannot be said is refused in words. "Not" is careful with nulls: a row whose value is missing is in no region, so
it is in what is left of one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import sqlglot
from sqlglot import exp

from portal.errors import QueryError
from portal.table.clauses import MODES, Clause, joined
from portal.table.names import ROW
from portal.table.trapezoids import Edge, trapezoids

FUNCTIONS = {
    exp.Abs: "ABS", exp.Acos: "ACOS", exp.Asin: "ASIN", exp.Atan: "ATAN", exp.Atan2: "ATAN2", exp.Ceil: "CEILING",
    exp.Cos: "COS", exp.Degrees: "DEGREES", exp.Exp: "EXP", exp.Floor: "FLOOR", exp.Ln: "LOG", exp.Pi: "PI",
    exp.Radians: "RADIANS", exp.Round: "ROUND", exp.Sin: "SIN", exp.Sqrt: "SQRT", exp.Tan: "TAN", exp.Trunc: "TRUNCATE",
    exp.Lower: "LOWER", exp.Upper: "UPPER", exp.Pow: "POWER",
}  # fmt: skip
UNDEFINED = (exp.Div, exp.IntDiv, exp.Mod, exp.Ln, exp.Log, exp.Sqrt, exp.Acos, exp.Asin, exp.Pow, exp.Coalesce)
ARITHMETIC = {exp.Add: "+", exp.Sub: "-", exp.Mul: "*", exp.Div: "/"}
COMPARISONS = {exp.EQ: "=", exp.NEQ: "<>", exp.GT: ">", exp.GTE: ">=", exp.LT: "<", exp.LTE: "<="}

Ids = Callable[[str], tuple[str, Sequence[str]]]
"""``ids(sql)``: the name of an id column and, as ADQL literals, the ids of the rows that satisfy a predicate."""


class AdqlWriter:
    """Writes clauses and predicates. ``meaning`` says what each column of the result is in the query."""

    def __init__(self, meaning: Mapping[str, str], ids: Ids) -> None:
        self._meaning = meaning
        self._ids = ids

    def selection(self, clauses: Sequence[Clause], outside: bool = False) -> str:
        """All clauses as one condition, or what is left of them (``outside``)."""
        parts = []
        for item in clauses:
            word, turned = MODES[item.mode]
            if outside:
                word = "OR" if word == "AND" else "AND"
            parts.append((word, self.clause(item, turned != outside)))
        return joined(parts)

    def clause(self, item: Clause, outside: bool = False) -> str:
        """One clause in brackets, or what is left of it."""
        if item.parts:
            return _bracketed(self.selection(item.parts, outside))
        kind = item.shape[0] if item.shape else ""
        if kind in ("circle", "polygon"):
            return self._region(item, outside)
        if kind == "lasso":
            x, y = (self._value(_parsed(sql)) for sql in item.shape[1:3])
            numbers = item.shape[3:]
            inside = _lasso(x, y, list(zip(numbers[::2], numbers[1::2])))
            return (
                _bracketed(inside) if not outside else self._left_of(inside, [_parsed(sql) for sql in item.shape[1:3]])
            )
        if kind == "rows":
            name, ids = self._ids(item.sql)
            if not ids:
                return "(1 = 0)" if not outside else "(1 = 1)"
            if outside:
                return f"({self._column(name)} NOT IN ({', '.join(ids)}) OR {self._missing([name])})"
            return f"({self._column(name)} IN ({', '.join(ids)}))"
        return _bracketed(self.predicate(item.sql, outside))

    def predicate(self, sql: str, outside: bool = False) -> str:
        """A checked predicate of the engine."""
        tree = _parsed(sql)
        return self._outside(tree) if outside else self._truth(tree)

    def value(self, sql: str) -> str:
        """A checked expression of the engine."""
        return self._value(_parsed(sql))

    def _region(self, item: Clause, outside: bool) -> str:
        kind, ra, dec, *numbers = item.shape
        place = f"POINT('ICRS', {self._column(ra)}, {self._column(dec)})"
        shape = f"{kind.upper()}('ICRS', {', '.join(repr(float(number)) for number in numbers)})"
        text = f"CONTAINS({place}, {shape}) = {int(not outside)}"
        return f"({text})" if not outside else f"({text} OR {self._missing([ra, dec])})"

    def _missing(self, names: Sequence[str]) -> str:
        return " OR ".join(f"{self._column(name)} IS NULL" for name in dict.fromkeys(names))

    def _left_of(self, inside: str, trees: Sequence[exp.Expr]) -> str:
        """What is left of a condition that is true only where all its columns have values."""
        for tree in trees:
            if isinstance(tree, UNDEFINED) or any(isinstance(node, UNDEFINED) for node in tree.walk()):
                raise QueryError(
                    "ADQL cannot say where an expression has no value, so it cannot say 'not' here.",
                    "Mark the rows that you want instead of those that you do not, or take a list of ids.",
                )
        names = [node.name for tree in trees for node in tree.find_all(exp.Column)]
        return f"(NOT ({inside}) OR {self._missing(names)})" if names else f"(NOT ({inside}))"

    # conditions

    def _truth(self, node: exp.Expr, turned: bool = False) -> str:
        """A condition; ``turned``: its NOT in the sense of SQL, which leaves out what is unknown."""
        node = _bare(node)
        if isinstance(node, exp.Paren):
            return _bracketed(self._truth(node.this, turned))
        if isinstance(node, exp.And | exp.Or):
            word = " AND " if isinstance(node, exp.And) != turned else " OR "
            return f"({word.join(self._truth(part, turned) for part in node.flatten(unnest=False))})"
        if isinstance(node, exp.Not):
            if isinstance(node.this, exp.Is) and isinstance(node.this.expression, exp.Boolean):
                return self._outside(node.this.this) if not turned else self._truth(node.this.this)
            return self._truth(node.this, not turned)
        if isinstance(node, exp.Boolean):
            return "1 = 1" if node.this != turned else "1 = 0"
        if isinstance(node, exp.IsNan):
            # A service answers a missing number as null or NaN, and compares neither.
            return "1 = 1" if turned else "1 = 0"
        if isinstance(node, exp.Column):  # a flag
            return f"{self._column(node.name)} = {int(not turned)}"
        return self._leaf(node, turned)

    def _outside(self, node: exp.Expr) -> str:
        """The rows that do not satisfy a condition, also those of which it is unknown."""
        node = _bare(node)
        if isinstance(node, exp.Paren):
            return _bracketed(self._outside(node.this))
        if isinstance(node, exp.And | exp.Or):
            word = " OR " if isinstance(node, exp.And) else " AND "
            return f"({word.join(self._outside(part) for part in node.flatten(unnest=False))})"
        if isinstance(node, exp.Not):
            inner = node.this
            if isinstance(inner, exp.Is) and isinstance(inner.expression, exp.Boolean):
                return self._truth(inner.this)
            if isinstance(inner, exp.Paren | exp.And | exp.Or | exp.Not):
                return self._outside(_denied(inner))
            if isinstance(inner, exp.IsNan):
                return "1 = 0"
        if isinstance(node, exp.Is) or (isinstance(node, exp.Not) and isinstance(node.this, exp.Is)):
            return self._truth(exp.Not(this=node))
        if isinstance(node, exp.Boolean):
            return self._truth(node, True)
        return self._left_of(self._truth(node), [node])

    def _leaf(self, node: exp.Expr, turned: bool) -> str:
        deny = "NOT " if turned else ""
        if isinstance(node, exp.Is) and isinstance(node.expression, exp.Null):
            return f"{self._value(node.this)} IS {deny}NULL"
        if type(node) in COMPARISONS:
            text = f"{self._value(node.this)} {COMPARISONS[type(node)]} {self._value(node.expression)}"
            return f"NOT ({text})" if turned else text
        if isinstance(node, exp.Between):
            low, high = (self._value(node.args[name]) for name in ("low", "high"))
            return f"{self._value(node.this)} {deny}BETWEEN {low} AND {high}"
        if isinstance(node, exp.In) and node.expressions:
            return f"{self._value(node.this)} {deny}IN ({', '.join(map(self._value, node.expressions))})"
        if isinstance(node, exp.Escape):
            text, pattern = self._leaf(node.this, turned), node.this.expression
            # ADQL's own grammar has no ESCAPE: it is said only where something is escaped.
            plain = isinstance(pattern, exp.Literal) and node.expression.this not in pattern.this
            return text if plain else f"{text} ESCAPE {self._value(node.expression)}"
        if isinstance(node, exp.Like | exp.ILike):
            deny = "NOT " if turned != bool(node.args.get("negate")) else ""
            word = "LIKE" if isinstance(node, exp.Like) else "ILIKE"
            return f"{self._value(node.this)} {deny}{word} {self._value(node.expression)}"
        raise _unsaid(node)

    # values

    def _column(self, name: str) -> str:
        if name == ROW or name not in self._meaning:
            raise QueryError(
                f"The column {name} is not one of the query." if name != ROW else "ADQL knows no row numbers.",
                "Choose a column of ids.",
            )
        return self._meaning[name]

    def _value(self, node: exp.Expr) -> str:
        node = _bare(node)
        kind = type(node)
        if kind is exp.Paren:
            inner = self._value(node.this)
            return inner if isinstance(node.this, exp.Literal | exp.Column | exp.Neg) else _bracketed(inner)
        if kind is exp.Column:
            return self._column(node.name)
        if kind is exp.Literal:
            return "'" + node.this.replace("'", "''") + "'" if node.is_string else _number_text(node.this)
        if kind is exp.Neg:
            return f"-{self._value(node.this)}"
        if kind in ARITHMETIC:
            left, right = (self._value(item) for item in (node.this, node.expression))
            return f"({left} {ARITHMETIC[kind]} {right})"
        if kind is exp.Mod:
            return f"MOD({self._value(node.this)}, {self._value(node.expression)})"
        if kind is exp.Log:
            return f"LOG10({self._value(node.expression)})"
        if isinstance(node, exp.Cast):
            return self._cast(node)
        if kind is exp.Boolean:
            return "1" if node.this else "0"
        if kind is exp.Coalesce:
            return f"COALESCE({', '.join(map(self._value, [node.this, *node.expressions]))})"
        if kind in FUNCTIONS:
            given = [node.args.get(name) for name in node.arg_types]
            items = [item for item in given if isinstance(item, exp.Expr)]
            return f"{FUNCTIONS[kind]}({', '.join(map(self._value, items))})"
        raise _unsaid(node)

    def _cast(self, node: exp.Cast) -> str:
        inner = node.this
        if isinstance(inner, exp.Literal) and inner.is_string:
            if inner.this.strip("+-") == "inf":
                raise QueryError("ADQL has no infinite numbers.", "Mark a region with borders on all sides.")
            return _number_text(inner.this)
        whole = isinstance(inner, exp.Column) and node.to.this in (exp.DType.DOUBLE, exp.DType.FLOAT)
        return f"({self._value(inner)} * 1.0)" if whole else self._value(inner)


def _bracketed(text: str) -> str:
    """The text between one pair of brackets, its own if it has them."""
    depth, quoted = 0, False
    for at, mark in enumerate(text):
        quoted ^= mark == "'"
        depth += 0 if quoted else (mark == "(") - (mark == ")")
        if not depth and at < len(text) - 1:
            return f"({text})"
    return text


def _parsed(sql: str) -> exp.Expr:
    return sqlglot.parse_one(sql, read="duckdb")


def _bare(node: exp.Expr) -> exp.Expr:
    """Without what keeps the engine from stopping at a value that cannot be: services give null there."""
    while True:
        guard = isinstance(node, exp.Nullif) and isinstance(node.expression, exp.Literal)
        if not isinstance(node, exp.Try) and not (guard and node.expression.this == "NaN"):
            return node
        node = node.this


def _denied(node: exp.Expr) -> exp.Expr:
    """NOT carried to the comparisons, where unknown stays unknown."""
    if isinstance(node, exp.Paren):
        return exp.Paren(this=_denied(node.this))
    if isinstance(node, exp.And | exp.Or):
        kind = exp.Or if isinstance(node, exp.And) else exp.And
        return kind(this=_denied(node.this), expression=_denied(node.expression))
    return node.this if isinstance(node, exp.Not) else exp.Not(this=node)


def _unsaid(node: exp.Expr) -> QueryError:
    return QueryError(
        f"ADQL cannot say {node.sql(dialect='duckdb')[:60]!r}.", "Mark rows by plain columns, or take a list of ids."
    )


def _lasso(x: str, y: str, points: list[tuple[float, float]]) -> str:
    strips = trapezoids(points)
    if not strips:
        return "1 = 0"

    def edge(line: Edge) -> str:
        if line.slope == 0:
            return _number(line.x)
        return f"{_number(line.x)} + ({y} - {_number(line.y)}) * {_number(line.slope)}"

    parts = [
        f"({y} >= {_number(strip.low)} AND {y} < {_number(strip.high)}"
        f" AND {x} >= {edge(strip.left)} AND {x} < {edge(strip.right)})"
        for strip in strips
    ]
    return " OR ".join(parts)


def _number(value: float) -> str:
    text = repr(float(value))
    return f"({text})" if text.startswith("-") else text


def _number_text(text: str) -> str:
    """A literal of the engine, which marks doubles by e0."""
    return text if text.lstrip("+-").isdigit() else repr(float(text))
