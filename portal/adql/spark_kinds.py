"""Of what type DuckDB's expressions are, as far as Spark would make another type of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sqlglot import exp

FLOAT, DOUBLE, WHOLE, FLAG, TEXT = "float", "double", "whole", "flag", "text"
_NAMES = {
    "FLOAT": FLOAT, "REAL": FLOAT, "DOUBLE": DOUBLE, "BOOLEAN": FLAG, "VARCHAR": TEXT, "TEXT": TEXT,
    "TINYINT": WHOLE, "SMALLINT": WHOLE, "INT": WHOLE, "INTEGER": WHOLE, "BIGINT": WHOLE, "UTINYINT": WHOLE,
}  # fmt: skip
_FLAGS = (exp.Predicate, exp.And, exp.Or, exp.Not, exp.Boolean, exp.Exists)
_TEXTS = (exp.DPipe, exp.Concat, exp.Lower, exp.Upper, exp.Trim, exp.Substring, exp.Replace)
_WHOLES = (
    exp.Count, exp.Length, exp.StrPosition, exp.BitwiseAnd, exp.BitwiseOr, exp.BitwiseXor, exp.BitwiseNot,
    exp.BitwiseRightShift, exp.Sign,
)  # fmt: skip
# The type of their argument, or the widest of several.
_SAME = (exp.Paren, exp.Neg, exp.Abs, exp.Min, exp.Max, exp.AnyValue, exp.IgnoreNulls, exp.Nullif, exp.Distinct)
_ROUNDED = (exp.Floor, exp.Ceil, exp.Round, exp.Trunc)


class Kinds:
    """Types of the expressions of one tree; ``types`` are those of the stored tables' columns.

    ``of`` gives float, double, whole, flag, text or "" where that is not known. Ask before the tree is changed.
    """

    def __init__(self, types: Mapping[str, Mapping[str, str]]) -> None:
        self._types = types
        self._known: dict[int, str] = {}

    def of(self, node: exp.Expr | None) -> str:
        if node is None or isinstance(node, exp.Null):
            return ""
        if id(node) not in self._known:
            self._known[id(node)] = ""  # what refers to itself is not known
            self._known[id(node)] = self._find(node)
        return self._known[id(node)]

    def _find(self, node: exp.Expr) -> str:
        if isinstance(node, exp.Column):
            return self._column(node)
        if isinstance(node, exp.Literal):
            return TEXT if node.is_string else WHOLE if node.this.isdigit() else DOUBLE
        if isinstance(node, exp.Cast):
            return _NAMES.get(node.to.this.value, "")
        if isinstance(node, _FLAGS):
            return FLAG
        if isinstance(node, _TEXTS):
            return TEXT
        if isinstance(node, _WHOLES):
            return WHOLE
        if isinstance(node, _ROUNDED):
            return FLOAT if self.of(node.this) == FLOAT else DOUBLE
        if isinstance(node, _SAME):
            return self.of(node.this or node.expressions[0])
        if isinstance(node, (exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Mod)):
            both = self._widest((node.this, node.expression))
            return DOUBLE if both == WHOLE and isinstance(node, exp.Div) else both
        if isinstance(node, (exp.Coalesce, exp.Greatest, exp.Least)):
            return self._widest((node.this, *node.expressions))
        if isinstance(node, exp.Case):
            return self._widest([*(item.args["true"] for item in node.args["ifs"]), node.args.get("default")])
        if isinstance(node, exp.Sum):
            return DOUBLE if self.of(node.this) in (FLOAT, DOUBLE) else self.of(node.this)
        if isinstance(node, exp.Subquery):
            inner = _select(node)
            return self.of(inner.expressions[0].unalias()) if inner is not None and inner.expressions else ""
        return DOUBLE if isinstance(node, (exp.Func, exp.AggFunc)) else ""

    def _widest(self, nodes) -> str:
        """The type of several values together. A constant with decimals leaves single precision as it is."""
        kinds = {self.of(node) for node in nodes if node is not None and not isinstance(node, exp.Null)}
        decimals = [_is_decimal(node) for node in nodes if node is not None]
        if FLOAT in kinds and any(decimals) and kinds <= {FLOAT, WHOLE, DOUBLE}:
            doubles = [node for node in nodes if node is not None and self.of(node) == DOUBLE and not _is_decimal(node)]
            return DOUBLE if doubles else FLOAT
        for kind in (DOUBLE, FLOAT, WHOLE, FLAG, TEXT):
            if kind in kinds:
                return kind if "" not in kinds else ""
        return ""

    def _column(self, node: exp.Column) -> str:
        name = node.name.lower()
        select = node.find_ancestor(exp.Select)
        while select is not None:
            for source in sources(select):
                if not node.table or source.alias_or_name.lower() == node.table.lower():
                    found = self._in_source(source, name)
                    if found or node.table:
                        return found
            select = select.find_ancestor(exp.Select)
        return ""

    def _in_source(self, source: exp.Expr, name: str) -> str:
        if isinstance(source, exp.Table):
            if source.db == "stored":
                columns = self._types.get(source.name, {})
                return next((_NAMES.get(kind, "") for key, kind in columns.items() if key.lower() == name), "")
            return self._in_query(_cte(source), name)
        return self._in_query(source, name)

    def _in_query(self, query: exp.Expr | None, name: str) -> str:
        select = _select(query)
        if select is None:
            return ""
        for item in select.expressions:
            if item.alias_or_name.lower() == name and not item.is_star:
                return self.of(item.unalias())
        if any(item.is_star for item in select.expressions):
            return next((kind for source in sources(select) if (kind := self._in_source(source, name))), "")
        return ""


def sources(select: exp.Select) -> Iterator[exp.Expr]:
    """What stands in FROM and JOIN, brackets around joins opened."""
    first = select.args.get("from_")
    stack = [first.this] if first is not None else []
    stack += [join.this for join in select.args.get("joins") or ()]
    while stack:
        node = stack.pop(0)
        stack += [join.this for join in node.args.get("joins") or ()]
        if isinstance(node, exp.Subquery) and isinstance(node.this, exp.Table):
            stack.append(node.this)
        else:
            yield node


def _select(node: exp.Expr | None) -> exp.Select | None:
    """The SELECT that names a query's columns: the first one of a set operation."""
    while node is not None and not isinstance(node, exp.Select):
        node = node.this if isinstance(node, (exp.Subquery, exp.SetOperation, exp.CTE)) else None
    return node


def _cte(table: exp.Table) -> exp.Expr | None:
    node = table.parent
    while node is not None:
        with_ = node.args.get("with_")
        for cte in with_.expressions if with_ is not None else ():
            if cte.alias == table.name and not cte.args["alias"].args.get("columns"):
                return cte
        node = node.parent
    return None


def _is_decimal(node: exp.Expr) -> bool:
    """Whether a constant is a DECIMAL to DuckDB, which weighs less than single precision."""
    while isinstance(node, (exp.Paren, exp.Neg)):
        node = node.this
    return is_decimal(node)


def is_decimal(node: exp.Expr) -> bool:
    return isinstance(node, exp.Literal) and not node.is_string and "." in node.this and "e" not in node.this.lower()
