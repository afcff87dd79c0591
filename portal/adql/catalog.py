"""The tables and columns a query may name, and what a bound query says of its output columns."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Protocol

import numpy as np

from portal.adql.place import nearest


class ColumnLike(Protocol):
    """What the compiler reads of a table's column; ``portal.table.columns.Column`` has all of it."""

    name: str
    datatype: str
    arraysize: str
    unit: str
    ucd: str
    utype: str
    xtype: str
    description: str


@dataclass(frozen=True)
class TableDef:
    """A table that can be asked.

    ``engine_name`` is its quoted name in DuckDB. ``position`` names the columns of right ascension and declination in
    degrees, ``healpix`` a column of ``engine_name`` that is not listed: the nested HEALPix pixel of order 29 of that
    position, by which the rows are best sorted. ``region`` names a column of STC-S or DALI outlines ("POLYGON ICRS
    ra dec ..."), ``extent`` one that holds the diameter (degrees) of a circle about ``position`` and all the outline.
    ``ids`` names columns that single out few rows. ``values`` gives the numbers of a column of a table that is in
    memory, such as an upload, NaN where there are none: a join by position then reads only the pixels about them.
    """

    schema: str
    name: str
    columns: tuple[Any, ...]
    engine_name: str
    position: tuple[str, str] | None = None
    healpix: str | None = None
    region: str | None = None
    ids: frozenset[str] = field(default_factory=frozenset)
    extent: str | None = None
    values: Callable[[str], np.ndarray] | None = None

    @cached_property
    def by_name(self) -> dict[str, ColumnLike]:
        """Columns by their name in small letters."""
        return {column.name.lower(): column for column in self.columns}

    @property
    def full_name(self) -> str:
        return f"{self.schema}.{self.name}"

    def is_position(self, ra: str, dec: str) -> bool:
        """Whether two column names are this table's position."""
        return self.position is not None and (ra.lower(), dec.lower()) == tuple(p.lower() for p in self.position)

    def is_region(self, column: ColumnLike) -> bool:
        if self.region is not None and column.name.lower() == self.region.lower():
            return True
        return column.name.lower() == "s_region" or "region" in column.xtype.lower()

    def is_id(self, column: ColumnLike) -> bool:
        """Whether a value of the column is expected to single out few rows."""
        if column.name.lower() in {name.lower() for name in self.ids}:
            return True
        return (column.datatype == "long" and column.name.endswith(("Id", "ID"))) or column.ucd.startswith("meta.id")


class Catalog:
    """The tables of one service. Names are found in any case."""

    def __init__(self, tables: Iterable[TableDef]) -> None:
        self.tables: dict[str, TableDef] = {table.full_name.lower(): table for table in tables}

    def find(self, name: str) -> TableDef | None:
        """The table called ``schema.name``, in any case; None when there is none."""
        return self.tables.get(name.lower())

    def tables_of(self, schema: str) -> tuple[str, ...]:
        """Full names of the first tables of a schema, none when there is no such schema."""
        return tuple(t.full_name for t in self.tables.values() if t.schema.lower() == schema.lower())[:3]

    def nearest(self, name: str) -> tuple[str, ...]:
        """Full names of the tables most like a name; a bare table name finds its schemas first."""
        names = [table.full_name for table in self.tables.values()]
        last = name.lower().rpartition(".")[2]
        same = tuple(item for item in names if item.lower().rpartition(".")[2] == last)
        return (same or nearest(name, names))[:3]


@dataclass(frozen=True, slots=True)
class OutColumn:
    """A column of the answer. ``datatype`` "" is left to what the engine returns.

    ``source`` is ``schema_Table_column`` when the values are those of that table's column, however often renamed.
    """

    name: str
    datatype: str = ""
    arraysize: str = ""
    unit: str = ""
    ucd: str = ""
    utype: str = ""
    xtype: str = ""
    description: str = ""
    source: str = ""

    @classmethod
    def of(cls, column: ColumnLike, table: TableDef) -> OutColumn:
        return cls(
            column.name,
            column.datatype,
            column.arraysize,
            column.unit,
            column.ucd,
            column.utype,
            column.xtype,
            column.description,
            f"{table.schema}_{table.name}_{column.name}",
        )

    def renamed(self, name: str) -> OutColumn:
        return self if name == self.name else replace(self, name=name)
