"""What the IVOA's standards ask of the tables served beyond what a Rubin release has: columns, utypes, ivoa.ObsPlan.

Rubin's own columns stay as they are. The additions stand in standards.txt.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache

from portal.archive.schema.load import FOLDER, Schema, SchemaColumn, Table, read_schema

TABLE_UTYPES = {
    "ivoa.ObsCore": "ivo://ivoa.net/std/ObsCore#table-1.1",
    "ivoa.ObsPlan": "ivo://ivoa.net/std/obsloctap#table-1.0",
}


@cache
def additions() -> dict[str, Table]:
    """Tables by name; that of ObsCore has only the columns to be added."""
    return read_schema((FOLDER / "standards.txt").read_text(), "standards").tables


def standard(schemas: Mapping[str, Schema]) -> dict[str, Schema]:
    """The schemas as validators want them: nothing of ObsCore 1.1 missing, its utypes with their prefix, ObsPlan there.

    The xtype "clob" of Rubin's schemas goes: DALI does not know it, and a text of any length needs none.
    """
    out = {
        name: replace(schema, tables={key: _plain(table) for key, table in schema.tables.items()})
        for name, schema in schemas.items()
    }
    tables = out["ivoa"].tables
    obscore = tables["ivoa.ObsCore"]
    columns = tuple(map(_prefixed, (*obscore.columns, *additions()[obscore.name].columns)))
    tables[obscore.name] = replace(obscore, columns=columns)
    tables["ivoa.ObsPlan"] = additions()["ivoa.ObsPlan"]
    return out


def _plain(table: Table) -> Table:
    if all(column.xtype != "clob" for column in table.columns):
        return table
    columns = (replace(column, xtype="") if column.xtype == "clob" else column for column in table.columns)
    return replace(table, columns=tuple(columns))


def _prefixed(column: SchemaColumn) -> SchemaColumn:
    """The column with its utype as ObsCore 1.1 writes it; Rubin leaves out the prefix."""
    if not column.utype:
        return column
    return replace(column, utype=f"obscore:{column.utype}".replace("DataID.collection", "DataID.Collection"))
