"""The rows of TAP_SCHEMA (TAP 1.1, section 4) as Arrow tables: what any client may ask about the tables served."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict

import pyarrow as pa

from portal.archive.schema.load import Schema, delimited
from portal.archive.schema.standards import TABLE_UTYPES

TYPES = {"char": pa.string(), "int": pa.int32(), "long": pa.int64()}


def tap_schema(schemas: Mapping[str, Schema], counts: Mapping[str, int] = {}) -> dict[str, pa.Table]:
    """The tables schemas, tables, columns, keys and key_columns, by short name, in the columns tap_schema.txt declares.

    ``counts`` gives the rows of the tables served; those of TAP_SCHEMA itself are counted here. A key's name is told
    apart by its schema where two schemas use the same one.
    """
    tables = [table for schema in schemas.values() for table in schema.tables.values()]
    keys = [key for table in tables for key in table.keys]
    often = Counter(key.key_id for key in keys)

    def key_name(key) -> str:
        return key.key_id if often[key.key_id] == 1 else f"{key.from_table.partition('.')[0]}_{key.key_id}"

    rows = {
        "schemas": [
            {"schema_name": schema.name, "description": schema.description, "schema_index": place}
            for place, schema in enumerate(schemas.values(), 1)
        ],
        "tables": [
            {
                "schema_name": table.schema,
                "table_name": table.name,
                "table_type": "table",
                "utype": TABLE_UTYPES.get(table.name),
                "description": table.description,
                "table_index": table.table_index,
            }
            for table in tables
        ],
        "columns": [
            {
                **{key: value or None for key, value in asdict(column).items() if isinstance(value, str)},
                "table_name": table.name,
                "column_name": delimited(column.name),
                "size": int(column.arraysize.rstrip("*")) if column.arraysize.rstrip("*").isdigit() else None,
                "principal": column.principal,
                "indexed": column.indexed,
                "std": column.std,
                "column_index": column.column_index,
            }
            for table in tables
            for column in table.columns
        ],
        "keys": [
            {
                "key_id": key_name(key),
                "from_table": key.from_table,
                "target_table": key.target_table,
                "description": key.description,
            }
            for key in keys
        ],
        "key_columns": [
            {"key_id": key_name(key), "from_column": here, "target_column": there}
            for key in keys
            for here, there in key.columns
        ],
    }
    own = {f"tap_schema.{name}": len(items) for name, items in rows.items()}
    for item in rows["tables"]:
        item["nrows"] = own.get(item["table_name"], counts.get(item["table_name"]))
    about = schemas["tap_schema"].tables
    return {
        name: pa.Table.from_pylist(
            items, pa.schema([(c.name, TYPES[c.datatype]) for c in about[f"tap_schema.{name}"].columns])
        )
        for name, items in rows.items()
    }
