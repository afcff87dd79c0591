"""What tables a TAP service has, from its TAP_SCHEMA (TAP 1.1 section 4), kept for the life of the process."""

from __future__ import annotations

import threading
import time
from typing import Any

from ..errors import TriviewError
from .tap import TapService
from .votable import small_table

FRESH_SECONDS = 6 * 3600  # releases change rarely; a day-old page should still see a new table
MAX_COLUMNS = 300_000


class SchemaBook:
    """The schemas of services, each read once. Blocking: call in a worker thread."""

    def __init__(self) -> None:
        self._docs: dict[str, tuple[float, dict[str, Any]]] = {}
        self._locks: dict[str, threading.Lock] = {}
        self._guard = threading.Lock()

    def read(self, service: TapService) -> dict[str, Any]:
        """``{"schemas": [{name, description, tables: [{name, description, columns: [...]}]}]}``.

        Raises ServiceError when the service does not answer.
        """
        with self._guard:
            lock = self._locks.setdefault(service.url, threading.Lock())
        with lock:
            known = self._docs.get(service.url)
            if known and time.monotonic() - known[0] < FRESH_SECONDS:
                return known[1]
            doc = _read(service)
            self._docs[service.url] = (time.monotonic(), doc)
            return doc


def _rows(service: TapService, adql: str) -> list[dict[str, Any]]:
    return small_table(service.sync(adql, MAX_COLUMNS))[1]


def _read(service: TapService) -> dict[str, Any]:
    schemas = _rows(service, "SELECT schema_name, description FROM tap_schema.schemas")
    tables = _rows(service, "SELECT schema_name, table_name, description FROM tap_schema.tables")
    wanted = "table_name, column_name, datatype, unit, ucd, description, principal"
    try:
        columns = _rows(service, f"SELECT {wanted}, column_index FROM tap_schema.columns")
    except TriviewError:
        # column_index is new in TAP 1.1; older services have none.
        columns = _rows(service, f"SELECT {wanted} FROM tap_schema.columns")
    of_table: dict[str, list[dict[str, Any]]] = {}
    for row in columns:
        of_table.setdefault(row["table_name"], []).append(row)
    for items in of_table.values():
        if all(item.get("column_index") is not None for item in items):
            items.sort(key=lambda item: item["column_index"])
    of_schema: dict[str, list[dict[str, Any]]] = {}
    for row in tables:
        of_schema.setdefault(row["schema_name"], []).append(
            {
                "name": row["table_name"],
                "description": row["description"] or "",
                "rows": None,
                "columns": [_column(item) for item in of_table.get(row["table_name"], [])],
            }
        )
    # TAP_SCHEMA last: nobody comes for it.
    ordered = sorted(schemas, key=lambda row: str(row["schema_name"]).lower() == "tap_schema")
    return {
        "schemas": [
            {
                "name": row["schema_name"],
                "description": row["description"] or "",
                "tables": of_schema.get(row["schema_name"], []),
            }
            for row in ordered
        ]
    }


def _column(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": row["column_name"],
        "datatype": row["datatype"] or "",
        "unit": row["unit"] or "",
        "ucd": row["ucd"] or "",
        "description": row["description"] or "",
        "principal": bool(row["principal"]),
    }


def vocabulary(doc: dict[str, Any], functions: list[str]) -> dict[str, Any]:
    """What an editor completes: table names with their columns, and function names."""
    return {
        "tables": {
            table["name"]: [column["name"] for column in table["columns"]]
            for schema in doc["schemas"]
            for table in schema["tables"]
        },
        "functions": functions,
    }
