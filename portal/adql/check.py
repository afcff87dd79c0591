"""The list of what a query may be made of. What is not on it never reaches the engine."""

from __future__ import annotations

from sqlglot import exp

from portal.adql.functions import FUNCTIONS, MANY, Function, find_function
from portal.adql.place import did_you_mean, error_at, nearest

MAX_NODES = 100_000  # a list of 10,000 ids has 10,000; compiling takes about 1 s per 100,000
MAX_SOURCES = 100  # tables in one FROM, or names in one WITH; binding takes time with their square
MAX_DIGITS = 400  # of a number; the largest there is has 309
_BINARY = ("this", "expression")

# Each node class with those of its parts that may be filled.
ALLOWED: dict[type[exp.Expr], frozenset[str]] = {
    kind: frozenset(parts)
    for kind, parts in {
        exp.Select: (
            "with_ expressions distinct from_ joins where group having order limit offset".split()  # noqa: SIM905
        ),
        exp.Union: ("with_", "this", "expression", "distinct", "order", "limit", "offset"),
        exp.Except: ("with_", "this", "expression", "distinct", "order", "limit", "offset"),
        exp.Intersect: ("with_", "this", "expression", "distinct", "order", "limit", "offset"),
        exp.Subquery: ("this", "alias", "order", "offset"),
        exp.With: ("expressions",),
        exp.CTE: ("this", "alias"),
        exp.From: ("this",),
        exp.Join: ("this", "on", "using", "side", "kind", "method"),
        exp.Table: ("this", "db", "alias", "joins"),
        exp.TableAlias: ("this", "columns"),
        exp.Where: ("this",),
        exp.Group: ("expressions",),
        exp.Having: ("this",),
        exp.Order: ("expressions",),
        exp.Ordered: ("this", "desc", "nulls_first"),
        exp.Limit: ("expression",),
        exp.Offset: ("expression",),
        exp.Distinct: ("expressions",),
        exp.Alias: ("this", "alias"),
        exp.Column: ("this", "table", "db"),
        exp.Identifier: ("this", "quoted"),
        exp.Star: (),
        exp.Literal: ("this", "is_string"),
        exp.HexString: ("this", "is_integer"),
        exp.Null: (),
        exp.Boolean: ("this",),
        exp.Paren: ("this",),
        exp.Anonymous: ("this", "expressions"),
        exp.Cast: ("this", "to"),
        exp.DataType: ("this", "kind", "expressions"),
        exp.Case: ("this", "ifs", "default"),
        exp.If: ("this", "true", "false"),
        exp.Exists: ("this",),
        exp.In: ("this", "expressions", "query", "field"),
        exp.Between: ("this", "low", "high"),
        exp.Escape: _BINARY,
        exp.Not: ("this",),
        exp.Neg: ("this",),
        exp.BitwiseNot: ("this",),
        exp.DPipe: (*_BINARY, "safe"),
        exp.Div: (*_BINARY, "typed", "safe"),
        exp.Like: (*_BINARY, "negate"),
        exp.ILike: (*_BINARY, "negate"),
        exp.Is: (*_BINARY, "negate"),
        **{
            kind: _BINARY
            for kind in (
                exp.And, exp.Or, exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Add, exp.Sub, exp.Mul,
                exp.Mod, exp.BitwiseAnd, exp.BitwiseOr, exp.BitwiseXor,
            )
        },
    }.items()
}  # fmt: skip


def check(tree: exp.Query, text: str) -> None:
    """Raise QueryError, with its place, for any part of a tree that is not ADQL or calls an unknown function."""
    for count, node in enumerate(tree.walk()):
        if count > MAX_NODES:
            raise error_at(text, None, "The query is too long.", "Upload long lists as a table and join with it.")
        parts = ALLOWED.get(type(node))
        if parts is None:
            raise error_at(text, node, f"{_spell(type(node).__name__)} cannot be used in ADQL.")
        for part, value in node.args.items():
            if value and part not in parts:
                named = part.rstrip("_").upper()
                raise error_at(text, node, f"{_spell(type(node).__name__)} with {named} cannot be used in ADQL.")
        _CHECKS.get(type(node), _nothing)(node, text)


def function_of(node: exp.Expr) -> Function | None:
    """The listed function a node calls, or None when it is no call."""
    return find_function(node.name) if isinstance(node, exp.Anonymous) else None


def _spell(name: str) -> str:
    return {"Anonymous": "A function", "Bracket": "An index", "Dot": "A part of a value"}.get(name, name)


def _nothing(node: exp.Expr, text: str) -> None:
    """Most nodes need no more than being listed."""


def _check_call(node: exp.Anonymous, text: str) -> None:
    function = find_function(node.name)
    if function is None:
        names = nearest(node.name, [item.name for item in FUNCTIONS])
        if not names and find_function(f"scisql_{node.name}"):
            names = (f"scisql_{node.name}",)
        raise error_at(text, node, f"There is no function {node.name}.", did_you_mean(names), names)
    count = len(node.expressions)
    if not function.least <= count <= function.most:
        if function.most == MANY:
            wanted = f"at least {function.least}"
        elif function.least == function.most:
            wanted = str(function.least)
        else:
            wanted = f"{function.least} to {function.most}"
        raise error_at(
            text,
            node,
            f"{function.name} takes {wanted} argument{'' if wanted == '1' else 's'}, not {count}.",
            f"It is written {function.signature}.",
        )
    for argument in node.expressions:
        star = isinstance(argument, exp.Star)
        if isinstance(argument, exp.Distinct):
            if not function.aggregate or len(argument.expressions) != 1:
                raise error_at(text, node, f"DISTINCT cannot be used in {function.name}.")
        elif star and function.name != "COUNT":
            raise error_at(text, node, "Only COUNT takes *.")
        elif isinstance(argument, (exp.Alias, exp.Ordered, exp.Order)):
            raise error_at(text, node, f"{function.name} is written {function.signature}.")


def _check_table(node: exp.Table, text: str) -> None:
    if not isinstance(node.this, exp.Identifier):
        raise error_at(text, node, "FROM needs the name of a table.", "Table functions cannot be used.")
    alias = node.args.get("alias")
    if alias is not None and alias.args.get("columns"):
        raise error_at(text, node, "A table's columns cannot be renamed here.", "Use AS in the SELECT list.")


def _check_join(node: exp.Join, text: str) -> None:
    allowed = {
        "side": ("", "LEFT", "RIGHT", "FULL"),
        "kind": ("", "INNER", "OUTER", "CROSS"),
        "method": ("", "NATURAL"),
    }
    for part, words in allowed.items():
        word = str(node.args.get(part) or "").upper()
        if word not in words:
            raise error_at(text, node, f"{word} JOIN cannot be used in ADQL.")


def _check_in(node: exp.In, text: str) -> None:
    if node.args.get("field") or not (node.args.get("expressions") or node.args.get("query")):
        raise error_at(text, node, "IN needs a list in brackets.", "For example band IN ('r', 'i').")


def _check_is(node: exp.Is, text: str) -> None:
    if not isinstance(node.expression, (exp.Null, exp.Boolean)):
        raise error_at(text, node, "IS is followed by NULL, NOT NULL, TRUE or FALSE.", "Use = for values.", ("NULL",))


def _check_select(node: exp.Select, text: str) -> None:
    if not node.expressions:
        raise error_at(text, node, "SELECT needs at least one column.", "Use * for all of them.")
    joins = node.args.get("joins") or []
    if len(joins) >= MAX_SOURCES:
        raise error_at(text, joins[-1], f"FROM names {len(joins) + 1:,} tables; {MAX_SOURCES} are allowed.")
    if node.args.get("from_") is None and node.find_ancestor(exp.Select) is None and node.find(exp.Column, exp.Star):
        raise error_at(text, node.expressions[-1], "The query has no FROM.", "Say which table: FROM schema.table.")


def _check_distinct(node: exp.Distinct, text: str) -> None:
    if isinstance(node.parent, exp.Select) and node.expressions:
        raise error_at(text, node, "DISTINCT takes no list.")


def _check_literal(node: exp.Literal, text: str) -> None:
    if not node.is_string and (len(node.this) > MAX_DIGITS or not node.this.isascii()):
        raise error_at(text, node, f"{node.this[:40]} is not a number.", "Numbers are written 12, 1.5 or 1e-3.")


def _check_with(node: exp.With, text: str) -> None:
    if len(node.expressions) > MAX_SOURCES:
        raise error_at(text, node, f"WITH names {len(node.expressions):,} queries; {MAX_SOURCES} are allowed.")


def _check_hex(node: exp.HexString, text: str) -> None:
    if len(node.name) > 16:
        raise error_at(text, node, "A hexadecimal number has at most 16 digits.")


def _check_column(node: exp.Column, text: str) -> None:
    if not isinstance(node.this, (exp.Identifier, exp.Star)):
        raise error_at(text, node, "Only columns of tables can be named here.")


def _check_ordered(node: exp.Ordered, text: str) -> None:
    if isinstance(node.this, exp.Alias):
        raise error_at(text, node, "An alias cannot be given in ORDER BY.", "Use ASC or DESC.", ("ASC", "DESC"))


_CHECKS = {
    exp.Anonymous: _check_call,
    exp.Table: _check_table,
    exp.Join: _check_join,
    exp.In: _check_in,
    exp.Is: _check_is,
    exp.Select: _check_select,
    exp.Distinct: _check_distinct,
    exp.HexString: _check_hex,
    exp.Literal: _check_literal,
    exp.With: _check_with,
    exp.Column: _check_column,
    exp.Ordered: _check_ordered,
}
