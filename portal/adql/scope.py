"""What the names of a query can mean: sources in a FROM, their columns, the outputs of a SELECT."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from sqlglot import exp

from portal.adql.catalog import OutColumn, TableDef

Pair = tuple[int, int]  # ordinals of the outputs with right ascension and declination; one and the same for a point


@dataclass(eq=False)
class Source:
    """What a FROM names: a table, or a ``query`` inside the query with the columns it gives.

    ``places``: its pixel column by the names, in small letters, of the right ascension and declination it is of.
    """

    alias: str
    table: TableDef | None = None
    outputs: dict[str, OutColumn] = field(default_factory=dict)
    cte: str = ""
    places: dict[tuple[str, str], str] = field(default_factory=dict)
    query: exp.Expr | None = None

    def find(self, name: str) -> OutColumn | None:
        if self.table is None:
            return self.outputs.get(name.lower())
        column = self.table.by_name.get(name.lower())
        return OutColumn.of(column, self.table) if column is not None else None

    def all(self) -> Iterator[OutColumn]:
        if self.table is None:
            yield from self.outputs.values()
        else:
            for column in self.table.columns:
                yield OutColumn.of(column, self.table)

    def names(self) -> list[str]:
        if self.table is None:
            return [column.name for column in self.outputs.values()]
        return [column.name for column in self.table.columns]


@dataclass(frozen=True, slots=True, eq=False)
class Bound:
    """A column of a source; ``merged`` when USING made it one with that of another source.

    Not ``whole`` when an outer join may fill it with the other's value.
    """

    source: Source
    column: OutColumn
    merged: bool = False
    whole: bool = True


@dataclass(eq=False)
class Item:
    """One output of a SELECT: the expression, or the column that a star stood for, and what it is called."""

    node: exp.Expr | None
    bound: Bound | None
    column: OutColumn
    alias: bool = False


@dataclass(eq=False)
class Scope:
    """What a SELECT can name: its sources in order, those around it, its own outputs."""

    sources: list[Source] = field(default_factory=list)
    parent: Scope | None = None
    merged: dict[str, list[str]] = field(default_factory=dict)
    items: list[Item] = field(default_factory=list)
    using: dict[int, list[str]] = field(default_factory=dict)
    outer: bool = False  # whether merged columns may come from either side
