"""A bound ADQL query as DuckDB SQL: SELECT with its tables, joins, groups, order and limits."""

from __future__ import annotations

from sqlglot import exp

from portal.adql.bounds import pixel_condition
from portal.adql.conjuncts import Sides, sides_of
from portal.adql.expressions import ExpressionWriter
from portal.adql.match import CELL, Match, plan_matches
from portal.adql.places import aggregates, pixels_of
from portal.adql.scope import Scope, Source
from portal.adql.words import quote

_SETS = {exp.Union: "UNION", exp.Except: "EXCEPT", exp.Intersect: "INTERSECT"}


class DuckWriter(ExpressionWriter):
    """Writes one bound query. ``query`` gives the SQL; raises QueryError for what DuckDB could not mean."""

    def query(self, node: exp.Expr, limit: int | None = None) -> str:
        """SQL of a query; ``limit`` caps its rows besides its own TOP."""
        with_ = node.args.get("with_")
        ctes = []
        for cte in with_.expressions if with_ is not None else ():
            names = [item.name for item in cte.args["alias"].args.get("columns") or []]
            pixels = sorted(self.binding.wanted.get(id(cte.this), ()))
            listed = f"({', '.join(quote(name) for name in [*names, *pixels])})" if names else ""
            # A condition on its pixels is to reach the tables inside; what is drawn by lot must stay as it was drawn.
            open_ = "NOT MATERIALIZED " if pixels and not _draws(cte.this) else ""
            ctes.append(f"{quote('cte ' + cte.alias.lower())}{listed} AS {open_}({self.query(cte.this)})")
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

    def _select(self, node: exp.Select, limit: int | None) -> str:
        scope = self.binding.scopes[id(node)]
        outside, self.keys = self.keys, None
        index, self.geometry.index = self.geometry.index, False
        sides = sides_of(node, scope, self.binding)
        matches = plan_matches(node, scope, sides, self.geometry, self._again)
        from_ = node.args.get("from_")
        tables = f" FROM {self._source(from_.this, scope, matches, sides)}" if from_ is not None else ""
        tables += self._joins(node, scope, matches, sides)
        where = node.args.get("where")
        if where is not None:
            tables += f" WHERE {self._chosen(where.this)}"
        group = [self._group_key(item, scope) for item in _parts(node, "group")]
        having = node.args.get("having")
        grouped = bool(group) or having is not None or any(
            item.node is not None and aggregates(item.node) for item in scope.items
        )  # fmt: skip
        if grouped:
            self.keys = set(group) or {""}
        outputs = [self.output(item) for item in scope.items]
        columns = ", ".join(f"{text} AS {quote(item.column.name)}" for text, item in zip(outputs, scope.items))
        for name, source, column in pixels_of(node, self.binding):
            text = f"{quote(source.alias)}.{quote(column)}"
            columns += f", {text} AS {quote(name)}"
            group += [text] if group else []
        tables += f" GROUP BY {', '.join(group)}" if group else ""
        tables += f" HAVING {self.condition(having.this)}" if having is not None else ""
        distinct = "DISTINCT " if node.args.get("distinct") else ""
        text = f"SELECT {distinct}{columns}{tables}{self._tail(node, outputs, limit)}"
        self.keys, self.geometry.index = outside, index
        return text

    def _chosen(self, node: exp.Expr) -> str:
        """SQL of a condition that chooses rows, with what it says of their pixels before it."""
        outside, self.geometry.index = self.geometry.index, True
        text, first = self.truth(node), pixel_condition(node, self.geometry)
        self.geometry.index = outside
        return f"{first}({text})" if first else text

    def _again(self, source: Source) -> str:
        """SQL by which a table or a named query can be read once more."""
        if source.cte:
            return quote("cte " + source.cte)
        return source.table.engine_name if source.table is not None else ""

    def _group_key(self, node: exp.Expr, scope: Scope) -> str:
        item = self.binding.outputs_of.get(id(node))
        if item is None and isinstance(node, exp.Literal):
            item = scope.items[self._ordinal(node, len(scope.items)) - 1]
        text = self.output(item) if item is not None else self.expr(node)
        # A bare number would mean the output in that place.
        return f"CAST({text} AS DOUBLE)" if text.isdigit() else text

    def _ordinal(self, node: exp.Literal, count: int) -> int:
        if node.is_string:
            raise self.binding.error(node, "A column or the number of an output is needed here.", "This is a text.")
        if not node.this.isdigit() or not 1 <= int(node.this) <= count:
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
        if not key.find(exp.Column, exp.Anonymous, exp.Subquery):
            raise self.binding.error(key, "ORDER BY needs a column or the number of an output.")
        if outputs is None:
            return f"{key.meta['ordinal']}{direction}"
        output = self.binding.outputs_of.get(id(key))
        if output is not None:
            return f"{self.binding.scopes[id(node)].items.index(output) + 1}{direction}"
        text = self.condition(key)
        # By number where it is an output: with DISTINCT nothing else may be named.
        return f"{outputs.index(text) + 1 if text in outputs else text}{direction}"

    def _source(self, node: exp.Expr, scope: Scope, matches: dict[Source, Match], sides: Sides) -> str:
        if isinstance(node, exp.Subquery) and isinstance(node.this, exp.Table):
            return f"({self._source(node.this, scope, matches, sides)}{self._joins(node, scope, matches, sides)})"
        source = self.binding.sources[id(node)]
        if source.cte:
            text = quote("cte " + source.cte)
        else:
            text = source.table.engine_name if source.table is not None else f"({self.query(node)})"
        alias = quote(source.alias)
        if (match := matches.get(source)) is not None:
            where = f" WHERE {match.where}" if match.where else ""
            text = f"(SELECT {alias}.*, unnest({match.cells}) AS {quote(CELL)} FROM {text} AS {alias}{where})"
        joins = self._joins(node, scope, matches, sides) if isinstance(node, exp.Table) else ""
        return f"({text} AS {alias}{joins})" if joins else f"{text} AS {alias}"

    def _joins(self, node: exp.Expr, scope: Scope, matches: dict[Source, Match], sides: Sides) -> str:
        text = ""
        for join in node.args.get("joins") or []:
            right = self._source(join.this, scope, matches, sides)
            side = sides.get(id(join), str(join.args.get("side") or "").upper())
            using, on = scope.using.get(id(join)), join.args.get("on")
            if using:
                text += f" {side or 'INNER'} JOIN {right} USING ({', '.join(quote(name) for name in using)})"
            elif on is not None:
                text += f" {side or 'INNER'} JOIN {right} ON {self._chosen(on)}"
            else:
                text += f" CROSS JOIN {right}"
        return text


def _parts(node: exp.Expr, name: str) -> list[exp.Expr]:
    part = node.args.get(name)
    return part.expressions if part is not None else []


def _draws(node: exp.Expr) -> bool:
    """Whether a query draws random numbers."""
    return any(call.name.upper() in ("RAND", "IVO_NORMAL_RANDOM") for call in node.find_all(exp.Anonymous))
