"""The SQL that DuckDB would run, said in Spark's SQL with the same meaning; what cannot be said the same is refused.

Works on the tree of the finished SQL, so that both engines run one reading of the ADQL. Only constructs listed here
pass: a query with any other one stays on DuckDB. Where the engines differ, DuckDB's way is written out: rounding in
casts, arithmetic in single precision, FLOOR of large numbers, functions of other names. No function of our own runs
in Spark.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from portal.adql.spark_kinds import DOUBLE, FLAG, FLOAT, TEXT, WHOLE, Kinds, is_decimal, sources

SORTED_IN_MEMORY = 100_000  # rows of a sorted answer that Spark may hold
WRITTEN_BY_ONE = 10_000_000  # rows of an answer with a LIMIT: a single task writes them
LARGE = "9007199254740992e0"  # from here on every double is a whole number
_WHOLE_TYPES = ("TINYINT", "SMALLINT", "INT", "BIGINT")
_TYPES = (*_WHOLE_TYPES, "UTINYINT", "FLOAT", "DOUBLE", "BOOLEAN", "VARCHAR", "TEXT")
_PLAIN: tuple[type[exp.Expr], ...] = (
    exp.Select, exp.From, exp.Join, exp.Where, exp.Group, exp.Having, exp.Order, exp.Ordered, exp.Limit, exp.Offset,
    exp.Distinct, exp.Union, exp.Except, exp.Intersect, exp.Subquery, exp.With, exp.CTE, exp.TableAlias, exp.Table,
    exp.Identifier, exp.Alias, exp.Column, exp.Star, exp.Literal, exp.Null, exp.Boolean, exp.Paren, exp.Add, exp.Sub,
    exp.Mul, exp.Div, exp.Mod, exp.Neg, exp.And, exp.Or, exp.Not, exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE,
    exp.Is, exp.Between, exp.In, exp.Exists, exp.Case, exp.If, exp.Cast, exp.DataType, exp.Coalesce, exp.Nullif,
    exp.Greatest, exp.Least, exp.Like, exp.ILike, exp.Escape, exp.DPipe, exp.Concat, exp.Lower, exp.Upper, exp.Trim,
    exp.Length, exp.Substring, exp.StrPosition, exp.BitwiseAnd, exp.BitwiseOr, exp.BitwiseXor, exp.BitwiseNot,
    exp.BitwiseRightShift, exp.Abs, exp.Ceil, exp.Floor, exp.Round, exp.Trunc, exp.Pow, exp.Sqrt, exp.Exp, exp.Ln,
    exp.Log, exp.Sin, exp.Cos,
    exp.Tan, exp.Asin, exp.Acos, exp.Atan, exp.Atan2, exp.Degrees, exp.Radians, exp.Sign, exp.Pi,
    exp.Count, exp.Sum, exp.Avg, exp.Min, exp.Max, exp.StddevSamp, exp.StddevPop, exp.Variance, exp.VariancePop,
    exp.Median, exp.PercentileCont, exp.AnyValue, exp.IgnoreNulls, exp.Flatten, exp.Transform, exp.Lambda,
    exp.GenerateSeries, exp.Array, exp.Explode,
)  # fmt: skip
Fix = Callable[[exp.Expr], exp.Expr]
logging.getLogger("sqlglot").setLevel(logging.WARNING)  # it tells of every index it moves


class NotInSparkError(Exception):
    """The query says something that Spark is not asked to do; its text tells what, for the log."""


@dataclass(frozen=True)
class SparkQuery:
    """``sql`` for Spark. Of its rows, in their order, the first ``skip`` are left out and ``most`` are kept at most.

    Spark is given no large limit: it would hold that many sorted rows in memory, and have unsorted ones written by a
    single task. ``reads`` names the stored tables, each as often as it is read. ``plain``: the first rows of one table
    as they come, which need no cluster.
    """

    sql: str
    reads: tuple[str, ...]
    skip: int = 0
    most: int | None = None
    plain: bool = False


def spark_query(sql: str, views: Mapping[str, str], types: Mapping[str, Mapping[str, str]]) -> SparkQuery:
    """Turn SQL for DuckDB into SQL for Spark.

    ``views`` are the SELECTs of the served tables by their name in ``sql``; they read the tables ``stored."<name>"``,
    of whose columns ``types`` gives DuckDB's types and which Spark knows as ``stored_<name>``. Raises NotInSparkError.
    """
    try:
        tree = sqlglot.parse_one(sql, read="duckdb")
        plain = _is_plain(tree)
        _put_views(tree, views)
        nodes = list(tree.walk(bfs=False))
        kinds = Kinds(types)
        fixes = [(node, fix) for node in nodes if (fix := _fix(node, kinds)) is not None]
        for node, fix in reversed(fixes):  # what is inside first
            new = fix(node)
            if new is not node:
                node.replace(new)
        twice = _is_sorted_scan(tree)
        skip, most = _without_limit(tree)
        reads = tuple(_stored(tree)) * (2 if twice and tree.args.get("limit") is None else 1)
        return SparkQuery(tree.sql(dialect="spark"), reads, skip, most, plain)
    except (SqlglotError, RecursionError) as error:
        raise NotInSparkError(f"it cannot be written: {error}") from None


def _is_plain(tree: exp.Expr) -> bool:
    if not isinstance(tree, exp.Select) or len(list(sources(tree))) != 1:
        return False
    if any(tree.args.get(part) for part in ("where", "group", "having", "order", "distinct", "joins", "with_")):
        return False
    return tree.find(exp.AggFunc, exp.Subquery) is None


def _is_sorted_scan(tree: exp.Expr) -> bool:
    """Whether the rows of one table are sorted as they are: they are read once more before, to share them evenly."""
    if not isinstance(tree, exp.Select) or tree.args.get("order") is None or len(list(tree.find_all(exp.Table))) != 1:
        return False
    return tree.args.get("group") is None and tree.find(exp.AggFunc, exp.Distinct) is None


def _put_views(tree: exp.Expr, views: Mapping[str, str]) -> None:
    for table in list(tree.find_all(exp.Table)):
        if table.db or (sql := views.get(table.name)) is None:
            continue
        inside = sqlglot.parse_one(sql, read="duckdb")
        new = exp.Subquery(this=inside, alias=table.args.get("alias"), joins=table.args.get("joins"))
        table.replace(new)


def _stored(tree: exp.Expr) -> Iterator[str]:
    """Give the stored tables their names in Spark. The tree's root is never one of them."""
    for table in list(tree.find_all(exp.Table)):
        if table.db == "stored":
            yield table.name
            table.set("this", exp.to_identifier(f"stored_{table.name}", quoted=True))
            table.set("db", None)


def _without_limit(tree: exp.Expr) -> tuple[int, int | None]:
    """Take LIMIT off unless it is small, OFFSET off a sorted query; how many rows to leave out, and to keep."""
    limit, offset = tree.args.get("limit"), tree.args.get("offset")
    skip = int(offset.expression.name) if offset else 0
    most = int(limit.expression.name) if limit else None
    if tree.args.get("order") is None:
        if skip or most is None or most <= WRITTEN_BY_ONE:
            return 0, None
        tree.set("limit", None)
        return 0, most
    few = most is not None and skip + most <= SORTED_IN_MEMORY
    tree.set("limit", exp.Limit(expression=exp.Literal.number(skip + most)) if few else None)
    tree.set("offset", None)
    return skip, most


def _fix(node: exp.Expr, kinds: Kinds) -> Fix | None:
    """What has to be done to one node, decided while the tree is whole; None when Spark means the same by it."""
    if not isinstance(node, _PLAIN):
        raise NotInSparkError(f"{type(node).__name__} is not said in Spark's SQL")
    fixer = _FIXERS.get(type(node))
    return fixer(node, kinds) if fixer is not None else None


def _as(node: exp.Expr, kind: str) -> exp.Expr:
    return exp.Cast(this=node.copy(), to=exp.DataType.build(kind))


def _call(name: str, *items: exp.Expr) -> exp.Expr:
    return exp.Anonymous(this=name, expressions=[item.copy() for item in items])


def _literal(node: exp.Literal, kinds: Kinds) -> Fix | None:
    return (lambda found: exp.Literal.number(f"{found.this}e0")) if is_decimal(node) else None


def _arithmetic(node: exp.Binary, kinds: Kinds) -> Fix | None:
    """Single precision stays single: Spark would go on in double."""
    if kinds.of(node) != FLOAT:
        return None

    def fix(found: exp.Binary) -> exp.Expr:
        for side in ("this", "expression"):
            found.set(side, _as(found.args[side], "FLOAT"))
        return _as(found, "FLOAT")

    return fix


def _cast(node: exp.Cast, kinds: Kinds) -> Fix | None:
    target, kind = node.to.this.value, kinds.of(node.this)
    inner = node.this
    while isinstance(inner, exp.Paren):
        inner = inner.this
    if isinstance(inner, exp.Null):
        kind = WHOLE
    if target not in _TYPES or node.to.expressions:
        raise NotInSparkError(f"a cast to {target} is not said in Spark's SQL")
    if target == "UTINYINT":
        return lambda found: _as(found.this, "SMALLINT")
    if target in _WHOLE_TYPES and not isinstance(inner, (exp.Floor, exp.Ceil)):
        if kind not in (WHOLE, FLAG, FLOAT, DOUBLE):
            raise NotInSparkError("a cast of text or of an unknown type to a whole number")
        if kind in (FLOAT, DOUBLE):  # Spark would cut, DuckDB rounds halves to even
            return lambda found: _as(_call("RINT", found.this), target)
    if target in ("VARCHAR", "TEXT") and kind not in (WHOLE, FLAG, TEXT):
        raise NotInSparkError("a number with decimals as text")
    if target == "BOOLEAN" and kind == TEXT:
        raise NotInSparkError("a text as a flag")
    return None


def _whole(node: exp.Expr, kinds: Kinds) -> Fix | None:
    """FLOOR, CEIL and TRUNC of numbers that Spark's 64-bit result cannot hold."""
    if node.args.get("decimals") is not None:
        raise NotInSparkError("FLOOR with decimals")
    kind = "FLOAT" if kinds.of(node.this) == FLOAT else "DOUBLE"

    def fix(found: exp.Expr) -> exp.Expr:
        value = _as(found.this, "DOUBLE")
        small = exp.LT(this=exp.Abs(this=value.copy()), expression=exp.Literal.number(LARGE))
        inner = _as(value, "BIGINT") if isinstance(found, exp.Trunc) else type(found)(this=value.copy())
        whole = _as(inner, "DOUBLE")
        return _as(exp.Case(ifs=[exp.If(this=small, true=whole)], default=value), kind)

    return fix


def _round(node: exp.Round, kinds: Kinds) -> Fix | None:
    places = node.args.get("decimals")
    text = places.sql() if places is not None else "0"
    if not text.lstrip("-").isdigit() or abs(int(text)) > 15:
        raise NotInSparkError("ROUND to a number of decimals that is no constant")
    kind = "FLOAT" if kinds.of(node.this) == FLOAT else "DOUBLE"
    power = exp.Literal.number(f"1e{abs(int(text))}")
    first, then = (exp.Mul, exp.Div) if int(text) >= 0 else (exp.Div, exp.Mul)

    def fix(found: exp.Round) -> exp.Expr:
        value = _as(found.this, "DOUBLE")
        if int(text):
            value = first(this=value, expression=power.copy())
        rounded = _call("ROUND", value)
        return _as(then(this=rounded, expression=power.copy()) if int(text) else rounded, kind)

    return fix


def _log(node: exp.Log, kinds: Kinds) -> Fix:
    if node.args.get("expression") is None or node.this.sql() != "10":
        raise NotInSparkError("a logarithm to another base")
    return lambda found: _call("LOG10", found.expression)


def _like(node: exp.Expr, kinds: Kinds) -> Fix | None:
    """Without ESCAPE a backslash escapes in Spark and is a letter in DuckDB."""
    pattern = node.expression
    if isinstance(node.parent, exp.Escape):
        return None
    if not isinstance(pattern, exp.Literal) or "\\" in pattern.this:
        raise NotInSparkError("LIKE with a pattern that is no constant")
    return None


def _substring(node: exp.Substring, kinds: Kinds) -> Fix | None:
    start = node.args.get("start")
    if not isinstance(start, exp.Literal) or not start.this.isdigit() or int(start.this) < 1:
        raise NotInSparkError("SUBSTRING from a place that is no constant")
    return None


def _percentile(node: exp.PercentileCont, kinds: Kinds) -> Fix:
    return lambda found: _call("PERCENTILE", found.this, found.expression)


def _concat(node: exp.Concat, kinds: Kinds) -> Fix:
    return lambda found: _call("CONCAT_WS", exp.Literal.string(""), *found.expressions)


def _between_brackets(node: exp.Binary, kinds: Kinds) -> Fix:
    """A call in DuckDB's SQL that is an operator in Spark's."""

    def fix(found: exp.Binary) -> exp.Expr:
        sides = [exp.Paren(this=found.args[side].copy()) for side in ("this", "expression")]
        return exp.Paren(this=type(found)(this=sides[0], expression=sides[1]))

    return fix


def _shift(node: exp.Binary, kinds: Kinds) -> Fix:
    return lambda found: _call("SHIFTRIGHT", found.this, found.expression)


def _remainder(node: exp.Mod, kinds: Kinds) -> Fix | None:
    if not {kinds.of(node.this), kinds.of(node.expression)} <= {WHOLE, DOUBLE, ""}:
        return _arithmetic(node, kinds)
    return None


def _sum(node: exp.Sum, kinds: Kinds) -> Fix | None:
    if kinds.of(node.this) not in (WHOLE, FLOAT, DOUBLE):
        raise NotInSparkError("a sum of an unknown type")
    return None


_FIXERS: dict[type[exp.Expr], Callable[..., Fix | None]] = {
    exp.Literal: _literal, exp.Add: _arithmetic, exp.Sub: _arithmetic, exp.Mul: _arithmetic, exp.Div: _arithmetic,
    exp.Mod: _remainder, exp.Cast: _cast, exp.Floor: _whole, exp.Ceil: _whole, exp.Trunc: _whole, exp.Round: _round,
    exp.Log: _log, exp.Like: _like, exp.ILike: _like, exp.Substring: _substring, exp.PercentileCont: _percentile,
    exp.Concat: _concat, exp.BitwiseXor: _between_brackets, exp.BitwiseRightShift: _shift, exp.Sum: _sum,
}  # fmt: skip
