"""From ADQL text to SQL for the engine and a description of the answer: parse, check, bind, write."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlglot import exp

from portal.adql.bind import Binding
from portal.adql.bounds import confined
from portal.adql.catalog import Catalog, OutColumn, TableDef
from portal.adql.check import check
from portal.adql.conjuncts import bounded
from portal.adql.cover import Ranges
from portal.adql.duck import DuckWriter
from portal.adql.parse import parse_adql
from portal.errors import QueryError

__all__ = ["Catalog", "Compiled", "OutColumn", "TableDef", "compile_adql"]


@dataclass(frozen=True)
class Compiled:
    """What the archive runs and how it describes the answer.

    ``columns`` are in the order of the SQL's; one whose ``datatype`` is "" has the type DuckDB gives it. ``used`` names
    the columns read of each table, hidden ones too, by the table's full name. ``bounded``: a position or an id holds
    the answer to few rows. ``confined`` tells by a table's full name the ranges of pixels, in order, outside of which
    no row of it counts; ``named`` is how many tables and queries its FROMs name. ``sql`` gives at most ``maxrec + 1``
    rows: the one too many shows that the answer was cut.
    """

    sql: str
    columns: tuple[OutColumn, ...]
    used: Mapping[str, frozenset[str]]
    bounded: bool
    confined: Mapping[str, Ranges] = field(default_factory=dict)
    named: int = 1

    @property
    def tables(self) -> frozenset[str]:
        """Full names of the tables asked."""
        return frozenset(self.used)


def compile_adql(
    text: str, catalog: Catalog, uploads: Mapping[str, TableDef] | None = None, maxrec: int | None = None
) -> Compiled:
    """Compile one ADQL query (ADQL 2.1, with what Rubin's users write besides) for DuckDB.

    ``uploads`` are the tables named TAP_UPLOAD.<key>. Raises QueryError with line, column and what was expected.
    """
    tree = parse_adql(text)
    try:
        check(tree, text)
        binding = Binding(text, catalog, uploads or {})
        columns = binding.query(tree)
        limit = None if maxrec is None else maxrec + 1
        writer = DuckWriter(binding)
        sql = writer.query(tree, limit)
        if binding.wanted:  # queries inside were written before it was known that their pixels are needed
            writer = DuckWriter(binding)
            sql = writer.query(tree, limit)
        select = tree
        while isinstance(select, exp.Subquery):
            select = select.this
        plain = isinstance(select, exp.Select)
        few = plain and bounded(select, writer.geometry)
        places = confined(select, writer.geometry) if plain else {}
    except RecursionError:
        raise QueryError("The query is nested too deeply.", "Remove some brackets.") from None
    used = {name: frozenset(names) for name, names in binding.used.items()}
    named = sum(len(scope.sources) for scope in binding.scopes.values())
    return Compiled(sql, tuple(columns), used, few, places, named)
