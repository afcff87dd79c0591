"""Simple Cone Search 1.03: the rows of a table around a position, without any ADQL to write.

/api/scs/dp1/Object?RA=62&DEC=-37&SR=0.01, for every table that has a position and a key. Its parameters become one
ADQL query; ids come as text, as the standard wants them, so no client can round them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import quoteattr

from ..errors import TriviewError
from ..table.columns import TableMeta
from ..table.votable_markup import clean
from .capabilities import DocumentHandler, Resource
from .datalink_queries import degrees, within
from .datalink_web import QueryHandler
from .handler import VOTABLE_TYPE, ServiceHandler
from .params import Parameters, UsageError
from .query import Bounds, Query
from .quota import BusyError
from .schema.load import Schema, Table, find_table
from .tap import max_rows
from .telling import told

if TYPE_CHECKING:
    from .app import Archive

RESOURCES = (Resource("ConeSearch", "", "1.03"),)
MAX_ROWS = 100_000  # default and ceiling of MAXREC: who wants more asks by ADQL
SOME = 40  # columns of a table that marks none as principal
MAX_RADIUS = 10.0  # degrees; wider than the fields of a sample
RELEASES = ("dp1", "dp2", "dp02_dc2_catalogs", "ivoa")
UCDS = ("ID_MAIN", "POS_EQ_RA_MAIN", "POS_EQ_DEC_MAIN")  # the UCDs of 1.03, on one column each


def searchable(schemas: Mapping[str, Schema]) -> Iterator[Table]:
    """The tables that can be searched: those with a position and one column to call a row by."""
    for release in RELEASES:
        if release in schemas:
            yield from (table for table in schemas[release].tables.values() if table.position and key_of(table))


def key_of(table: Table) -> str:
    """The one column that names a row of a table, "" when there is none."""
    own = table.short[:1].lower() + table.short[1:] + "Id"
    known = {column.name for column in table.columns}
    candidates = ["obs_publisher_did", own, *(table.primary_key if len(table.primary_key) == 1 else ())]
    return next((name for name in candidates if name in known), "")


def _table(name: str, schemas: Mapping[str, Schema]) -> Table:
    table = find_table(schemas, name)
    if table is None or table not in searchable(schemas):
        raise UsageError(f"There is no cone search of {name}.", "/api/scs lists those there are.")
    return table


def scs_adql(asked: Parameters, table: Table) -> str:
    """The query of a cone search: VERB 1 gives the id and the position, 2 principal columns, 3 all.

    Raises UsageError for parameters that are missing or out of range.
    """
    ra, dec, radius = (degrees(asked, name) for name in ("RA", "DEC", "SR"))
    verb = asked.choice("VERB", ("1", "2", "3"), "2")
    if not (-360 <= ra <= 360 and 0 <= radius <= MAX_RADIUS):
        raise UsageError(f"RA must lie from 0 to 360 and SR from 0 to {MAX_RADIUS:g} degrees.")
    key, position = key_of(table), table.position or ("", "")
    principal = [column.name for column in table.columns if column.principal]
    every = [column.name for column in table.columns]
    shown = {"1": [], "2": principal or every[:SOME], "3": every}[verb]
    rest = [name for name in shown if name not in (key, *position)]
    columns = [f"CAST({_quoted(key)} AS VARCHAR) AS {_quoted(key)}", *map(_quoted, (*position, *rest))]
    return f"SELECT {', '.join(columns)} FROM {table.name} WHERE {within(*position, ra % 360, dec, radius)}"


def _quoted(name: str) -> str:
    return f'"{name}"'


class ConeQuery(Query):
    """A query whose first three columns are marked as the standard wants them."""

    def open(self) -> TableMeta:
        meta = super().open()
        marked = (replace(column, ucd=ucd) for column, ucd in zip(meta.columns, UCDS))
        self.meta = replace(meta, columns=(*marked, *meta.columns[len(UCDS) :]))
        return self.meta


class ConeHandler(QueryHandler):
    """/api/scs/<release>/<table>"""

    def initialize(self, archive: Archive) -> None:  # type: ignore[override]
        super().initialize(archive, scs_adql)

    async def get(self, release: str, name: str) -> None:  # type: ignore[override]
        self.table = f"{release}.{name}"
        await super().get()

    async def post(self, release: str, name: str) -> None:  # type: ignore[override]
        await self.get(release, name)

    def _query(self, asked: Parameters) -> Query:
        table = _table(self.table, self.archive.store.schemas)
        rows = max_rows(asked.get("MAXREC"), MAX_ROWS)
        adql = scs_adql(asked, table)
        if degrees(asked, "SR") == 0:
            rows = 0  # asks what columns there are (section 2.1)
        return ConeQuery(self.archive.store, adql, Bounds(rows, self.archive.limits.sync_seconds, self.base))

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """An INFO called Error straight below VOTABLE, and QUERY_STATUS for newer clients (section 2.3)."""
        error = kwargs.get("exc_info", (None, None, None))[1]
        if not isinstance(error, TriviewError) or isinstance(error, BusyError):
            super().write_error(status_code, **kwargs)
            return
        self.set_status(self.status_of(error))
        self.set_header("Content-Type", VOTABLE_TYPE)
        self.finish(error_document(told(error)))


def error_document(message: str) -> str:
    """A cone search's VOTable without rows."""
    words = quoteattr(clean(message))
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<VOTABLE version="1.4" xmlns="http://www.ivoa.net/xml/VOTable/v1.3">\n'
        f'<INFO ID="Error" name="Error" value={words}/>\n'
        f'<RESOURCE type="results">\n<INFO name="QUERY_STATUS" value="ERROR"/>\n</RESOURCE>\n</VOTABLE>\n'
    )


class ListHandler(ServiceHandler):
    """/api/scs: the tables that can be searched, as JSON."""

    async def get(self) -> None:
        found = [
            {
                "table": table.name,
                "url": f"{self.base}/api/scs/{table.name.replace('.', '/')}?",
                "about": table.description,
            }
            for table in searchable(self.archive.store.schemas)
        ]
        self.write({"services": found})


class ConeDocumentHandler(DocumentHandler):
    """Capabilities and availability of one table's search."""

    async def get(self, service: str, name: str) -> None:
        _table(service.removeprefix("scs/").replace("/", "."), self.archive.store.schemas)
        await super().get(service, name)


def routes(archive: Archive) -> list[tuple]:
    options = {"archive": archive}
    documents = {"archive": archive, "resources": RESOURCES}
    return [
        (r"/api/scs/?", ListHandler, options),
        (r"/api/scs/(\w+)/(\w+)/?", ConeHandler, options),
        (r"/api/(scs/\w+/\w+)/(capabilities|availability)/?", ConeDocumentHandler, documents),
    ]
