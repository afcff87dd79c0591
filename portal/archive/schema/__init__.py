"""The tables the archive serves: their columns in Rubin's names, units and types, described in our own words.

The facts stand in one text file per schema; knows nothing of rows, HTTP or queries.
"""

from portal.archive.schema.load import Key, Schema, SchemaColumn, Table, load

__all__ = ["Key", "Schema", "SchemaColumn", "Table", "load"]
