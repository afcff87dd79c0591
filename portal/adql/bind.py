"""Which table and column every name of a query means, in its scope; stars spelled out; names of the answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlglot import exp

from portal.adql.catalog import Catalog, OutColumn, TableDef
from portal.adql.outputs import describe
from portal.adql.place import did_you_mean, error_at, nearest
from portal.adql.places import pixel_name, places_of, scope_is_outer
from portal.adql.scope import Bound, Item, Pair, Scope, Source
from portal.errors import QueryError

MAX_COLUMNS = 20_000  # of one query: a star over a star doubles them, and five tables of 1,300 fit


# What a name of WITH means: its columns and its query.
Ctes = Mapping[str, tuple[list[OutColumn], exp.Expr]]


class Binding:
    """A bound query. Everything is found by the identity of the tree's nodes, which are left as they are.

    ``columns`` what each Column means, ``outputs_of`` (id of a Column in ORDER BY, GROUP BY or HAVING) the item it
    repeats, ``scopes`` of each SELECT, ``sources`` of each Table or Subquery in a FROM, ``results`` and ``places`` of
    each query, ``wanted`` the pixel columns that it has to hand on.
    """

    def __init__(self, text: str, catalog: Catalog, uploads: Mapping[str, TableDef]) -> None:
        self.text, self.catalog = text, catalog
        self.uploads = {name.lower().removeprefix("tap_upload."): table for name, table in uploads.items()}
        self.columns: dict[int, Bound] = {}
        self.outputs_of: dict[int, Item] = {}
        self.scopes: dict[int, Scope] = {}
        self.sources: dict[int, Source] = {}
        self.results: dict[int, list[OutColumn]] = {}
        self.used: dict[str, set[str]] = {}  # names of the columns read of each table
        self.described: dict[int, OutColumn] = {}
        self.places: dict[int, dict[Pair, tuple[Source, str] | None]] = {}
        self.wanted: dict[int, set[str]] = {}

    def query(self, node: exp.Expr, parent: Scope | None = None, ctes: Ctes | None = None) -> list[OutColumn]:
        """Bind a query and what it contains. Returns its output columns; raises QueryError with a position."""
        ctes = dict(ctes or {})
        with_ = node.args.get("with_")
        for cte in with_.expressions if with_ is not None else ():
            columns = self.query(cte.this, parent, ctes)
            ctes[cte.alias.lower()] = (self._renamed(cte, columns), cte.this)
        if isinstance(node, exp.Subquery):
            columns = self.query(node.this, parent, ctes)
            self._order(node, columns)
        elif isinstance(node, exp.SetOperation):
            columns = self._set_operation(node, parent, ctes)
        elif isinstance(node, exp.Select):
            columns = self._select(node, parent, ctes)
        else:
            raise error_at(self.text, node, "A query is needed here.", "", ("SELECT",))
        if len(columns) > MAX_COLUMNS:
            raise self.error(node, f"This gives {len(columns):,} columns; {MAX_COLUMNS:,} are allowed.", "Name a few.")
        self.results[id(node)] = columns
        self.places[id(node)] = places_of(node, self)
        return columns

    def use(self, source: Source, name: str) -> None:
        """Note that the query reads a column of a table."""
        if source.table is not None:
            self.used[source.table.full_name].add(name)

    def error(self, node: exp.Expr | None, message: str, hint: str = "", expected: Sequence[str] = ()) -> QueryError:
        return error_at(self.text, node, message, hint, expected)

    def _renamed(self, cte: exp.CTE, columns: list[OutColumn]) -> list[OutColumn]:
        names = cte.args["alias"].args.get("columns") or []
        if names and len(names) != len(columns):
            raise self.error(cte, f"{cte.alias} names {len(names)} columns but its query gives {len(columns)}.")
        if len({name.name.lower() for name in names}) < len(names):
            raise self.error(cte, f"{cte.alias} gives two columns one name.")
        return [column.renamed(name.name) for column, name in zip(columns, names)] if names else columns

    def _set_operation(self, node: exp.SetOperation, parent: Scope | None, ctes: Ctes) -> list[OutColumn]:
        left = self.query(node.this, parent, ctes)
        right = self.query(node.expression, parent, ctes)
        if len(left) != len(right):
            word = type(node).__name__.upper()
            raise self.error(node.expression, f"{word} joins {len(left)} columns with {len(right)}.")
        columns = []
        for one, other in zip(left, right):
            same = one.datatype == other.datatype and one.arraysize == other.arraysize
            columns.append(
                OutColumn(
                    one.name,
                    one.datatype if same else "",
                    one.arraysize if same else "",
                    one.unit if one.unit == other.unit else "",
                    one.ucd if one.ucd == other.ucd else "",
                    one.utype,
                    one.xtype,
                    one.description,
                    one.source if one.source == other.source else "",
                )
            )
        self._order(node, columns)
        return columns

    def _order(self, node: exp.Expr, columns: list[OutColumn]) -> None:
        """ORDER BY after a set operation: it can only name outputs."""
        order = node.args.get("order")
        for item in order.expressions if order is not None else ():
            if isinstance(item.this, exp.Column) and not item.this.table:
                for place, column in enumerate(columns):
                    if column.name.lower() == item.this.name.lower():
                        self.outputs_of[id(item.this)] = Item(None, None, column)
                        item.this.meta["ordinal"] = place + 1
                        break
                else:
                    names = nearest(item.this.name, [column.name for column in columns])
                    raise self.error(item.this, f"No output is called {item.this.name}.", did_you_mean(names), names)
            elif not (isinstance(item.this, exp.Literal) and not item.this.is_string):
                raise self.error(item.this, "Here ORDER BY can only name output columns.")

    def _select(self, node: exp.Select, parent: Scope | None, ctes: Ctes) -> list[OutColumn]:
        scope = Scope(parent=parent)
        self.scopes[id(node)] = scope
        from_ = node.args.get("from_")
        if from_ is not None:
            self._source(from_.this, scope, ctes)
            self._joins(node, scope, ctes)
        for part in ("where",):
            self._names(node.args.get(part), scope, ctes)
        for expression in node.expressions:
            self._item(expression, scope, ctes)
        self._unique(scope)
        self._names(node.args.get("group"), scope, ctes, after=True)
        self._names(node.args.get("having"), scope, ctes, after=True)
        self._names(node.args.get("order"), scope, ctes, first=True)
        return [item.column for item in scope.items]

    def _joins(self, node: exp.Expr, scope: Scope, ctes: Ctes) -> None:
        joins = node.args.get("joins") or []
        for join in joins:
            before = list(scope.sources)
            self._source(join.this, scope, ctes)
            added = scope.sources[len(before) :]
            if str(join.args.get("method") or "").upper() == "NATURAL":
                left = {name.lower() for source in before for name in source.names()}
                names = [name for source in added for name in source.names() if name.lower() in left]
            else:
                names = [item.name for item in join.args.get("using") or []]
            for item in join.args.get("using") or []:
                if not all(any(source.find(item.name) for source in side) for side in (before, added)):
                    raise self.error(item, f"{item.name} is not in both tables.")
            if names:
                scope.using[id(join)] = names
                for name in names:
                    for source in scope.sources:
                        if (column := source.find(name)) is not None:
                            self.use(source, column.name)
                    scope.merged.setdefault(name.lower(), []).extend(source.alias for source in added)
            scope.outer = scope_is_outer(joins, scope)
            on = join.args.get("on")
            if on is None and not names and str(join.args.get("side") or ""):
                raise self.error(join, f"{join.side} JOIN needs ON.", "", ("ON", "USING"))
        for join in joins:
            self._names(join.args.get("on"), scope, ctes)

    def _source(self, node: exp.Expr, scope: Scope, ctes: Ctes) -> None:
        if isinstance(node, exp.Subquery) and isinstance(node.this, exp.Table):
            self._source(node.this, scope, ctes)
            self._joins(node, scope, ctes)
            return
        if isinstance(node, exp.Subquery):
            columns = self.query(node, scope.parent, ctes)
            source = self._derived(node.alias or f"query{len(scope.sources) + 1}", columns, node)
        elif isinstance(node, exp.Table):
            source = self._table(node, ctes)
        else:
            raise self.error(node, "FROM needs the name of a table.")
        if any(source.alias.lower() == other.alias.lower() for other in scope.sources):
            raise self.error(node, f"{source.alias} is named twice.", "Give one of them another name with AS.")
        scope.sources.append(source)
        self.sources[id(node)] = source
        if isinstance(node, exp.Table) and node.args.get("joins"):
            self._joins(node, scope, ctes)

    def _table(self, node: exp.Table, ctes: Ctes) -> Source:
        name = f"{node.db}.{node.name}" if node.db else node.name
        if not node.db and node.name.lower() in ctes:
            return self._derived(node.alias or node.name, *ctes[node.name.lower()], node.name.lower())
        table = self.catalog.find(name)
        if node.db.lower() == "tap_upload":
            table = self.uploads.get(node.name.lower())
            if table is None:
                raise self.error(node, f"No table was uploaded as {node.name}.", "Upload it with the query.")
        if table is None:
            names = (
                self.catalog.nearest(name) if node.db else self.catalog.tables_of(name) or self.catalog.nearest(name)
            )
            schema = any(key.startswith(f"{node.db.lower()}.") for key in self.catalog.tables)
            what = f"There is no schema {node.db} here." if node.db and not schema else f"There is no table {name}."
            raise self.error(node, what, did_you_mean(names), names)
        self.used.setdefault(table.full_name, set())
        places = {(table.position[0].lower(), table.position[1].lower()): table.healpix} \
            if table.position and table.healpix else {}  # fmt: skip
        return Source(node.alias or table.name, table, places=places)

    def _derived(self, alias: str, columns: list[OutColumn], query: exp.Expr, cte: str = "") -> Source:
        names = [column.name.lower() for column in columns]
        places = {(names[pair[0]], names[pair[1]]): pixel_name(pair) for pair in self.places[id(query)]}
        return Source(alias, None, dict(zip(names, columns)), cte, places, query)

    def _names(self, root: exp.Expr | None, scope: Scope, ctes: Ctes, first: bool = False, after: bool = False) -> None:
        """Bind the columns below a node. Outputs of the SELECT come ``first``, ``after`` the columns, or not at all."""
        stack = [root] if root is not None else []
        while stack:
            node = stack.pop()
            if isinstance(node, exp.Column):
                self._column(node, scope, first, after)
            elif isinstance(node, (exp.Select, exp.SetOperation, exp.Subquery)):
                self.query(node, scope, ctes)
            else:
                stack.extend(node.iter_expressions())

    def _column(self, node: exp.Column, scope: Scope, first: bool, after: bool) -> None:
        if isinstance(node.this, exp.Star):
            raise self.error(node, "A star can only stand in the SELECT list or in COUNT.")
        item = None
        if (first or after) and not node.table:
            named = [item for item in scope.items if item.column.name.lower() == node.name.lower()]
            item = next((item for item in named if item.alias), None)
        if item is not None and first:
            self.outputs_of[id(node)] = item
            return
        found = self._find(node, scope)
        if found is not None:
            self.columns[id(node)] = found
            self.use(found.source, found.column.name)
        elif item is not None:
            self.outputs_of[id(node)] = item
        else:
            raise self._unknown(node, scope)

    def _find(self, node: exp.Column, scope: Scope | None) -> Bound | None:
        name = node.name.lower()
        while scope is not None:
            hits = []
            for source in scope.sources:
                if node.table and not self._named(node, source):
                    continue
                column = source.find(name)
                if column is not None:
                    hits.append(Bound(source, column))
            if len(hits) > 1:
                merged = scope.merged.get(name)
                if merged is None:
                    ways = tuple(f"{hit.source.alias}.{hit.column.name}" for hit in hits[:3])
                    message = f"{node.name} is a column of {' and of '.join(h.source.alias for h in hits[:3])}."
                    raise self.error(node, message, f"Write {' or '.join(ways)}.", ways)
                return Bound(hits[0].source, hits[0].column, True, not scope.outer)
            if hits:
                return hits[0]
            if node.table and any(self._named(node, source) for source in scope.sources):
                return None
            scope = scope.parent
        return None

    @staticmethod
    def _named(node: exp.Column, source: Source) -> bool:
        if node.db:
            table = source.table
            return table is not None and (node.db.lower(), node.table.lower()) == (
                table.schema.lower(),
                table.name.lower(),
            )
        return source.alias.lower() == node.table.lower()

    def _unknown(self, node: exp.Column, scope: Scope | None) -> QueryError:
        tables, names, aliases = [], [], []
        while scope is not None:
            for source in scope.sources:
                aliases.append(source.alias)
                if not node.table or self._named(node, source):
                    tables.append(source.table.full_name if source.table else source.alias)
                    names.extend(source.names())
            scope = scope.parent
        if node.table and not tables:
            near = nearest(node.table, aliases) or tuple(aliases[:3])
            prefix = f"{node.db}.{node.table}" if node.db else node.table
            return self.error(node, f"{prefix} is not a table of this query.", did_you_mean(near), near)
        near = nearest(node.name, names)
        hint = did_you_mean(near)
        if node.this.args.get("quoted") and not node.table and not near:
            hint = f"A text is written in single quotes: '{node.name}'."
        return self.error(node, f"There is no column {node.name} in {' or '.join(tables[:3])}.", hint, near)

    def _item(self, node: exp.Expr, scope: Scope, ctes: Ctes) -> None:
        star = node.this if isinstance(node, exp.Column) else node
        if isinstance(star, exp.Star):
            self._star(node, scope)
            return
        inner = node.this if isinstance(node, exp.Alias) else node
        self._names(inner, scope, ctes)
        column = describe(inner, self)
        name = node.alias if isinstance(node, exp.Alias) else column.name or f"col{len(scope.items) + 1}"
        scope.items.append(Item(inner, None, column.renamed(name), isinstance(node, exp.Alias)))

    def _star(self, node: exp.Expr, scope: Scope) -> None:
        if not scope.sources:
            raise self.error(node, "The query has no FROM.", "Say which table: FROM schema.table.")
        named = isinstance(node, exp.Column) and node.table
        sources = [source for source in scope.sources if not named or self._named(node, source)]
        if not sources:
            near = nearest(node.table, [source.alias for source in scope.sources])
            raise self.error(node, f"{node.table} is not a table of this query.", did_you_mean(near), near)
        for source in sources:
            for column in source.all():
                merged = column.name.lower() in scope.merged
                if merged and not named and source.alias in scope.merged[column.name.lower()]:
                    continue
                self.use(source, column.name)
                bound = Bound(source, column, merged and not named, not (merged and scope.outer))
                scope.items.append(Item(None, bound, column))

    @staticmethod
    def _unique(scope: Scope) -> None:
        """No two outputs may have one name: the second ``ra`` becomes ``ra_2``."""
        taken: set[str] = set()
        for item in scope.items:
            name, count = item.column.name, 1
            while name.lower() in taken:
                count += 1
                name = f"{item.column.name}_{count}"
            taken.add(name.lower())
            item.column = item.column.renamed(name)
