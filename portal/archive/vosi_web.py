"""VOSI resources and the schema tree over HTTP; the documents are made once and kept."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tornado.web import HTTPError

from .examples import examples_html
from .handler import ServiceHandler
from .schema.load import find_table
from .vosi import availability_xml, capabilities_xml, table_xml, tables_xml

if TYPE_CHECKING:
    from .app import Archive

XML_TYPE = "text/xml; charset=utf-8"


class CapabilitiesHandler(ServiceHandler):
    async def get(self) -> None:
        self.set_header("Content-Type", XML_TYPE)
        self.write(capabilities_xml(self.base, self.archive.limits))


class AvailabilityHandler(ServiceHandler):
    async def get(self) -> None:
        self.set_header("Content-Type", XML_TYPE)
        self.write(availability_xml(self.archive.up_since))


class ExamplesHandler(ServiceHandler):
    async def get(self) -> None:
        self.set_header("Content-Type", "application/xhtml+xml; charset=utf-8")
        self.write(examples_html())


class TablesHandler(ServiceHandler):
    """/tables, /tables?detail=min and /tables/<schema.table> (VOSI 1.1)."""

    async def get(self, name: str = "") -> None:
        store = self.archive.store
        detail = self.parameters().choice("detail", ("min", "max"), "max") == "max"
        self.set_header("Content-Type", XML_TYPE)
        if name:
            table = find_table(store.schemas, name)
            if table is None:
                raise HTTPError(404, f"There is no table {name}.")
            self.write(await self.work(table_xml, table, store.rows))
        else:
            document = await self.work(store.kept, f"tables-{detail}", tables_xml, store.schemas, store.rows, detail)
            self.write(document)


class TreeHandler(ServiceHandler):
    """/api/tap/tree.json: the schemas as one JSON document, for a browser of tables in a page."""

    async def get(self) -> None:
        store = self.archive.store
        document = await self.work(store.kept, "tree", tree_json, store.schemas, store.rows)
        self.set_header("Content-Type", "application/json; charset=utf-8")
        self.write(document)


def tree_json(schemas: Any, rows: Any) -> str:
    """{"schemas": [{name, description, tables: [{name, description, rows, columns: [...]}]}]}."""
    words = ("name", "datatype", "unit", "ucd", "description", "principal")
    tree = [
        {
            "name": schema.name,
            "description": schema.description,
            "tables": [
                {
                    "name": table.name,
                    "description": table.description,
                    "rows": rows.get(table.name),
                    "columns": [{word: getattr(column, word) for word in words} for column in table.columns],
                }
                for table in schema.tables.values()
            ],
        }
        for schema in schemas.values()
    ]
    return json.dumps({"schemas": tree})


def routes(archive: Archive) -> list[tuple]:
    options = {"archive": archive}
    return [
        (r"/api/tap/capabilities/?", CapabilitiesHandler, options),
        (r"/api/tap/availability/?", AvailabilityHandler, options),
        (r"/api/tap/examples/?", ExamplesHandler, options),
        (r"/api/tap/tables/?", TablesHandler, options),
        (r"/api/tap/tables/([\w.]+)/?", TablesHandler, options),
        (r"/api/tap/tree\.json", TreeHandler, options),
    ]
