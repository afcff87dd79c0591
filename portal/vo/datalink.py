"""DataLink 1.1: service descriptors filled in from a row, and the links of a data set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import urlencode

from ..errors import ServiceError
from ..table.columns import Service, TableMeta
from .http import Web, busy, error_text
from .votable import small_table

SODA_SYNC = "ivo://ivoa.net/std/soda#sync"


class Call(NamedTuple):
    """A service descriptor with its values: what to fetch, what it gives, for which id."""

    url: str
    title: str
    id: str


def series_services(meta: TableMeta) -> tuple[Service, ...]:
    """The descriptors that give a time series for a row: known by their standardID, else by an id and a time column."""
    found = [
        service
        for service in meta.services
        if "timeseries" in service.standard_id or any(p.name == "join_time_column" for p in service.inputs)
    ]
    # Forced photometry first: it has every epoch, detections only some.
    return tuple(sorted(found, key=lambda service: "forced" not in (service.description or service.name).lower()))


def fill(service: Service, meta: TableMeta, row: Mapping[str, Any]) -> Call | None:
    """The call that a descriptor means for ``row`` (values by column name); None when the row lacks the value.

    64-bit ids go out as decimal text.
    """
    by_id = {column.id or column.name: column.name for column in meta.columns}
    values: list[tuple[str, str]] = []
    ident = ""
    for item in service.inputs:
        if item.ref:
            value = row.get(by_id.get(item.ref, item.ref))
            if value is None:
                return None
            values.append((item.name, str(value)))
            ident = ident or str(value)
        elif item.value:
            values.append((item.name, item.value))
    title = service.description or service.name or "Linked data"
    joint = "&" if "?" in service.access_url else "?"
    return Call(f"{service.access_url}{joint}{urlencode(values)}", title, ident)


class Links(NamedTuple):
    """The links of one data set: rows as DataLink names them, and the services they may refer to."""

    rows: Sequence[Mapping[str, Any]]
    services: tuple[Service, ...]

    def soda(self) -> Service | None:
        """The synchronous cutout service; of several the one that gives mask and variance too."""
        found = [item for item in self.services if item.standard_id.lower().startswith(SODA_SYNC)]
        return max(found, key=lambda item: "maskedimage" in item.id.lower(), default=None)


def read_links(web: Web, url: str) -> Links:
    """Fetch and read a {links} answer. Raises ServiceError, also when every row is a fault, BusyError at a quota."""
    answer = web.get(url)
    if answer.status_code == 429:
        raise busy(answer, url)
    if answer.status_code >= 400:
        raise ServiceError(error_text(answer), status=answer.status_code, url=url)
    meta, rows = small_table(answer.content)
    good = [row for row in rows if not row.get("error_message")]
    if rows and not good:
        raise ServiceError(str(rows[0]["error_message"]), url=url)
    return Links(good, meta.services)
