"""A bound ADQL query as DuckDB SQL.

Every class of node has its writer here, and text of the query never passes: names come from the catalogue, numbers
and texts are written anew.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlglot import exp

from portal.adql.bind import Binding, Bound, Item, Scope
from portal.adql.check import function_of
from portal.adql.conjuncts import CELL, Match, plan_match
from portal.adql.geometry import DISTANCES, PREDICATES, Geometry, number, quote
from portal.adql.outputs import INTEGERS, NUMBERS, describe, is_boolean
from portal.adql.special import healpix_index, in_unit
from portal.errors import QueryError

MAX_SQL = 4_000_000  # characters; arguments that a template repeats could otherwise grow without end
_TYPES = {
    "short": "SMALLINT", "int": "INTEGER", "long": "BIGINT", "float": "FLOAT", "double": "DOUBLE", "char": "VARCHAR",
}  # fmt: skip
_CAST = {
    "SMALLINT": "SMALLINT", "INTEGER": "INTEGER", "INT": "INTEGER", "BIGINT": "BIGINT", "REAL": "FLOAT",
    "FLOAT": "DOUBLE", "DOUBLE": "DOUBLE", "CHAR": "VARCHAR", "VARCHAR": "VARCHAR", "TIMESTAMP": "TIMESTAMP",
}  # fmt: skip
_SIGNS = {
    exp.EQ: "=", exp.NEQ: "<>", exp.GT: ">", exp.GTE: ">=", exp.LT: "<", exp.LTE: "<=", exp.Add: "+", exp.Sub: "-",
    exp.Mul: "*", exp.BitwiseAnd: "&", exp.BitwiseOr: "|", exp.DPipe: "||", exp.And: "AND", exp.Or: "OR",
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
_SETS = {exp.Union: "UNION", exp.Except: "EXCEPT", exp.Intersect: "INTERSECT"}


class DuckWriter:
    """Writes one bound query. ``query`` gives the SQL; raises QueryError for what DuckDB could not mean."""

    def __init__(self, binding: Binding) -> None:
        self.binding = binding
        self.geometry = Geometry(binding, self.expr)
        self.keys: set[str] | None = None  # SQL of the GROUP BY columns while outputs of a grouped SELECT are written
        self.written = 0

    def query(self, node: exp.Expr, limit: int | None = None) -> str:
        """SQL of a query; ``limit`` caps its rows besides its own TOP."""
        with_ = node.args.get("with_")
        ctes = []
        for cte in with_.expressions if with_ is not None else ():
            names = [item.name for item in cte.args["alias"].args.get("columns") or []]
            listed = f"({', '.join(quote(name) for name in names)})" if names else ""
            ctes.append(f"{quote('cte ' + cte.alias.lower())}{listed} AS ({self.query(cte.this)})")
        head = f"WITH {', '.join(ctes)} " if ctes else ""
        if isinstance(node, exp.Subquery):
            body = self.query(node.this, None if node.args.get("order") or node.args.get("offset") else limit)
            if node.args.get("order") or node.args.get("offset"):
                body = f"SELECT * FROM ({body}){self._tail(node, None, limit)}"
        elif isinstance(node, exp.SetOperation):
            left, right = (f"({self.query(item)})" for item in (node.this, node.expression))
            every = "" if node.args.get("distinct") else " ALL"
            body = f"{left} {_SETS[type(node)]}{every} {right}{self._tail(node, None, limit)}"
        else:
            body = self._select(node, limit)
        return head + body

    def expr(self, node: exp.Expr) -> str:
        """SQL of an expression."""
        writer = _WRITERS.get(type(node))
        if writer is None:
            raise self.binding.error(node, f"{type(node).__name__} cannot be used here.")
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

    def _select(self, node: exp.Select, limit: int | None) -> str:
        scope = self.binding.scopes[id(node)]
        outside, self.keys = self.keys, None
        match = plan_match(node, scope.sources, _outer(node, self.binding), self.geometry)
        from_ = node.args.get("from_")
        tables = f" FROM {self._source(from_.this, scope, match)}" if from_ is not None else ""
        tables += self._joins(node, scope, match)
        where = node.args.get("where")
        if where is not None:
            tables += f" WHERE {self._condition(where.this)}"
        group = [self._group_key(item, scope) for item in _parts(node, "group")]
        having = node.args.get("having")
        grouped = bool(group) or having is not None or any(
            item.node is not None and self._aggregates(item.node) for item in scope.items
        )  # fmt: skip
        if grouped:
            self.keys = set(group) or {""}
        outputs = [self._item(item) for item in scope.items]
        columns = ", ".join(f"{text} AS {quote(item.column.name)}" for text, item in zip(outputs, scope.items))
        tables += f" GROUP BY {', '.join(group)}" if group else ""
        tables += f" HAVING {self._condition(having.this)}" if having is not None else ""
        distinct = "DISTINCT " if node.args.get("distinct") else ""
        text = f"SELECT {distinct}{columns}{tables}{self._tail(node, outputs, limit)}"
        self.keys = outside
        return text

    def _item(self, item: Item) -> str:
        if item.node is None:
            return self._bound(item.bound)
        return self._condition(item.node)

    def _aggregates(self, root: exp.Expr) -> bool:
        stack = [root]
        while stack:
            node = stack.pop()
            function = function_of(node)
            if function is not None and function.aggregate:
                return True
            if not isinstance(node, (exp.Subquery, exp.Select)):
                stack.extend(node.iter_expressions())
        return False

    def _group_key(self, node: exp.Expr, scope: Scope) -> str:
        item = self.binding.outputs_of.get(id(node))
        if item is None and isinstance(node, exp.Literal):
            item = scope.items[self._ordinal(node, len(scope.items)) - 1]
        return self._item(item) if item is not None else self.expr(node)

    def _ordinal(self, node: exp.Literal, count: int) -> int:
        if node.is_string or not node.this.isdigit() or not 1 <= int(node.this) <= count:
            raise self.binding.error(node, f"There is no output number {node.this}.", f"There are {count}.")
        return int(node.this)

    def _tail(self, node: exp.Expr, outputs: list[str] | None, limit: int | None) -> str:
        """ORDER BY, LIMIT and OFFSET."""
        order = [self._ordered(item, node, outputs) for item in _parts(node, "order")]
        text = f" ORDER BY {', '.join(order)}" if order else ""
        top = node.args.get("limit")
        if top is not None:
            count = int(top.expression.name)
            limit = count if limit is None else min(limit, count)
        if limit is not None:
            text += f" LIMIT {min(limit, 2**62)}"
        offset = node.args.get("offset")
        if offset is not None:
            number_ = offset.expression
            if not isinstance(number_, exp.Literal) or not number_.this.isdigit():
                raise self.binding.error(offset, "OFFSET needs a whole number.")
            text += f" OFFSET {min(int(number_.this), 2**62)}"
        return text

    def _ordered(self, item: exp.Ordered, node: exp.Expr, outputs: list[str] | None) -> str:
        key = item.this
        direction = " DESC NULLS LAST" if item.args.get("desc") else " ASC NULLS LAST"
        if isinstance(key, exp.Literal):
            count = len(outputs) if outputs is not None else len(self.binding.results[id(node)])
            return f"{self._ordinal(key, count)}{direction}"
        if outputs is None:
            return f"{key.meta['ordinal']}{direction}"
        output = self.binding.outputs_of.get(id(key))
        if output is not None:
            return f"{self.binding.scopes[id(node)].items.index(output) + 1}{direction}"
        text = self._condition(key)
        # By number where it is an output: with DISTINCT nothing else may be named.
        return f"{outputs.index(text) + 1 if text in outputs else text}{direction}"

    def _source(self, node: exp.Expr, scope: Scope, match: Match | None) -> str:
        if isinstance(node, exp.Subquery) and isinstance(node.this, exp.Table):
            return f"({self._source(node.this, scope, match)}{self._joins(node, scope, match)})"
        source = self.binding.sources[id(node)]
        if source.cte:
            text = quote("cte " + source.cte)
        else:
            text = source.table.engine_name if source.table is not None else f"({self.query(node)})"
        alias = quote(source.alias)
        if match is not None and match.source is source:
            text = f"(SELECT {alias}.*, unnest({match.cells}) AS {quote(CELL)} FROM {text} AS {alias})"
        joins = self._joins(node, scope, match) if isinstance(node, exp.Table) else ""
        return f"({text} AS {alias}{joins})" if joins else f"{text} AS {alias}"

    def _joins(self, node: exp.Expr, scope: Scope, match: Match | None) -> str:
        text = ""
        for join in node.args.get("joins") or []:
            right = self._source(join.this, scope, match)
            side = str(join.args.get("side") or "").upper()
            using, on = scope.using.get(id(join)), join.args.get("on")
            if using:
                text += f" {side or 'INNER'} JOIN {right} USING ({', '.join(quote(name) for name in using)})"
            elif on is not None:
                text += f" {side or 'INNER'} JOIN {right} ON {self._condition(on)}"
            else:
                text += f" CROSS JOIN {right}"
        return text

    def _bound(self, bound: Bound) -> str:
        name = quote(bound.column.name)
        text = name if bound.merged else f"{quote(bound.source.alias)}.{name}"
        # Users group by a table's key and select its other columns, as MySQL lets them.
        return f"any_value({text})" if self.keys is not None and text not in self.keys else text

    def _column(self, node: exp.Column) -> str:
        bound = self.binding.columns.get(id(node))
        return self._bound(bound) if bound is not None else self._item(self.binding.outputs_of[id(node)])

    def _condition(self, node: exp.Expr) -> str:
        return self.expr(node.this if isinstance(node, exp.Paren) else node)

    def _operand(self, node: exp.Expr) -> str:
        while isinstance(node, exp.Paren):
            node = node.this
        text = self.expr(node)
        return text if isinstance(node, _ATOMS) else f"({text})"

    def _number(self, node: exp.Expr) -> str:
        """An operand of arithmetic: a flag counts as 1 or 0."""
        text = self._operand(node)
        return f"CAST({text} AS INTEGER)" if is_boolean(node, self.binding) else text

    def _literal(self, node: exp.Literal) -> str:
        if node.is_string:
            return "'" + node.this.replace("'", "''") + "'"
        if node.this.isdigit() and int(node.this) < 2**63:
            return str(int(node.this))
        try:
            return number(float(node.this))
        except ValueError:
            raise self.binding.error(node, f"{node.this[:40]} is not a number.") from None

    def _chain(self, node: exp.Expr) -> str:
        """AND and OR without recursion: a condition may be a list of thousands."""
        kind, found, stack = type(node), [], [node]
        while stack:
            item = stack.pop()
            if type(item) is kind:
                stack.extend((item.expression, item.this))
            else:
                found.append(item)
        return f" {_SIGNS[kind]} ".join(self._operand(item) for item in found)

    def _comparison(self, node: exp.Expr) -> str:
        geometry = self.geometry.condition(node)
        if geometry is not None:
            return geometry
        left, right = self._alike(node.this, node.expression), self._alike(node.expression, node.this)
        return f"{left} {_SIGNS[type(node)]} {right}"

    def _alike(self, node: exp.Expr, other: exp.Expr) -> str:
        """An operand of a comparison, with what users write for flags and ids taken as they mean it."""
        literal = node.this if isinstance(node, exp.Paren) else node
        kind = describe(other, self.binding).datatype
        if isinstance(literal, exp.Literal):
            if kind == "boolean":
                word = {"t": "1", "true": "1", "f": "0", "false": "0"}.get(literal.this.strip().lower(), literal.this)
                try:
                    return number(float(word))
                except ValueError:
                    raise self.binding.error(
                        literal, f"{literal.this!r} is not true or false.", "Use 1 or 0."
                    ) from None
            if kind == "char" and not literal.is_string:
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
        if is_boolean(node, self.binding) and not is_boolean(other, self.binding):
            return f"CAST({self._operand(node)} AS INTEGER)" if not isinstance(other, exp.Null) else self._operand(node)
        return self._operand(node)

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

    def _binary(self, node: exp.Binary) -> str:
        return f"{self._operand(node.this)} {_SIGNS[type(node)]} {self._operand(node.expression)}"

    def _like(self, node: exp.Expr, escape: str = "") -> str:
        sign = ("NOT " if node.args.get("negate") else "") + ("ILIKE" if isinstance(node, exp.ILike) else "LIKE")
        return f"{self._operand(node.this)} {sign} {self._operand(node.expression)}{escape}"

    def _in(self, node: exp.In) -> str:
        if node.args.get("query") is not None:
            return f"{self._operand(node.this)} IN ({self.query(_unwrapped(node.args['query']))})"
        values = ", ".join(self._alike(item, node.this) for item in node.expressions)
        left = self._alike(node.this, node.expressions[0])
        return f"{left} IN ({values})"

    def _call(self, node: exp.Anonymous) -> str:
        function = function_of(node)
        name = function.name.upper()
        if function.kind == "geometry" or name in (*PREDICATES, *DISTANCES):
            return self.geometry.value(node)
        if name == "IN_UNIT":
            return in_unit(node, self.binding, self.expr)
        if name == "IVO_HEALPIX_INDEX":
            return healpix_index(node, self.geometry)
        keys = self.keys
        if function.aggregate:
            if keys is None and not self._may_aggregate(node):
                raise self.binding.error(node, f"{function.name} cannot be used here.", "Use HAVING.")
            self.keys = None
        items = [self._argument(item, function.aggregate) for item in node.expressions]
        self.keys = keys
        while len(items) < function.most <= 2:
            items.append("0")
        text = function.duck.replace("{*}", ", ".join(items))
        for place, item in enumerate(items[:4]):
            text = text.replace(f"{{{place}}}", item)
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

    def _argument(self, node: exp.Expr, aggregate: bool) -> str:
        if isinstance(node, exp.Star):
            return "*"
        if isinstance(node, exp.Distinct):
            return f"DISTINCT {self._operand(node.expressions[0])}"
        return self._number(node) if aggregate and node.parent.name.upper() in ("SUM", "AVG") else self._operand(node)

    def _case(self, node: exp.Case) -> str:
        subject = f" {self.expr(node.this)}" if node.this is not None else ""
        branches = "".join(
            f" WHEN {self._condition(item.this)} THEN {self.expr(item.args['true'])}" for item in node.args["ifs"]
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


def _parts(node: exp.Expr, name: str) -> list[exp.Expr]:
    part = node.args.get(name)
    return part.expressions if part is not None else []


def _unwrapped(node: exp.Expr) -> exp.Expr:
    return node.this if isinstance(node, exp.Subquery) and not node.args.get("order") else node


def _outer(node: exp.Select, binding: Binding) -> set[str]:
    """Aliases of all sources when some join is an outer join, or names its columns with USING: none may be multiplied."""
    scope = binding.scopes[id(node)]
    joins = [join for join in node.find_all(exp.Join) if join.find_ancestor(exp.Select) is node]
    if any(str(join.args.get("side") or "") for join in joins):
        return {source.alias for source in scope.sources}
    return set()


_WRITERS: dict[type[exp.Expr], Callable[[DuckWriter, exp.Expr], str]] = {
    exp.Column: DuckWriter._column,
    exp.Literal: DuckWriter._literal,
    exp.HexString: lambda self, node: str(int(node.name or "0", 16)),
    exp.Null: lambda self, node: "NULL",
    exp.Boolean: lambda self, node: "TRUE" if node.this else "FALSE",
    exp.Paren: lambda self, node: self._operand(node.this),
    exp.Anonymous: DuckWriter._call,
    exp.Cast: DuckWriter._cast,
    exp.Case: DuckWriter._case,
    exp.And: DuckWriter._chain,
    exp.Or: DuckWriter._chain,
    exp.Not: lambda self, node: f"NOT {self._operand(node.this)}",
    exp.Neg: lambda self, node: f"-{self._number(node.this)}",
    exp.BitwiseNot: lambda self, node: f"~{self._number(node.this)}",
    exp.BitwiseAnd: DuckWriter._binary,
    exp.BitwiseOr: DuckWriter._binary,
    exp.BitwiseXor: lambda self, node: f"xor({self.expr(node.this)}, {self.expr(node.expression)})",
    exp.DPipe: DuckWriter._binary,
    exp.Add: DuckWriter._arithmetic,
    exp.Sub: lambda self, node: f"{self._number(node.this)} - {self._number(node.expression)}",
    exp.Mul: DuckWriter._arithmetic,
    exp.Div: DuckWriter._division,
    exp.Mod: DuckWriter._division,
    exp.Like: DuckWriter._like,
    exp.ILike: DuckWriter._like,
    exp.Escape: lambda self, node: self._like(node.this, f" ESCAPE {self.expr(node.expression)}"),
    exp.In: DuckWriter._in,
    exp.Between: DuckWriter._between,
    exp.Is: DuckWriter._is,
    exp.Exists: lambda self, node: f"EXISTS ({self.query(_unwrapped(node.this))})",
    exp.Subquery: lambda self, node: f"({self.query(node)})",
    exp.Select: lambda self, node: f"({self.query(node)})",
    **{kind: DuckWriter._comparison for kind in _COMPARISONS},
}
