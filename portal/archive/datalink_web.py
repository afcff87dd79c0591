"""DataLink over HTTP: links of images, light curves and cones answered directly as VOTables."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import quote

import pyarrow as pa
from tornado.web import HTTPError

from ..table.columns import Column, Param, Service, TableMeta
from ..table.votable_write import votable_bytes
from .datalink import cone_adql, timeseries_adql
from .formats import encoded, wanted_format
from .handler import ServiceHandler
from .images import COADD, Images, NotFound
from .params import Parameters
from .query import Bounds, Query

if TYPE_CHECKING:
    from .app import Archive

LINKS_TYPE = "application/x-votable+xml;content=datalink"
SODA_ID = "ivo://ivoa.net/std/SODA#sync-1.0"
DOCUMENT = "https://rsp.lsst.io/guides/api/soda.html"
MAX_IDS = 1000
CUTOUTS = (
    ("cutout-sync", "Image", "#cutout", "Cutout of the image plane"),
    ("cutout-sync-maskedimage", "MaskedImage", f"{DOCUMENT}#MaskedImage", "Cutout with mask and variance planes"),
    ("cutout-sync-exposure", "Exposure", f"{DOCUMENT}#Exposure", "Cutout with all that the image file holds"),
)
COLUMNS = (
    Column("ID", "char", "*", ucd="meta.id;meta.main", id="primaryID", description="Dataset the link belongs to"),
    Column("access_url", "char", "*", ucd="meta.ref.url", description="Address of the file"),
    Column("service_def", "char", "*", ucd="meta.ref", description="ID of the service resource below"),
    Column("error_message", "char", "*", ucd="meta.code.error", description="Why there is no link"),
    Column("description", "char", "*", ucd="meta.note", description="What the link leads to"),
    Column("semantics", "char", "*", ucd="meta.code", description="Relation of the link to the dataset"),
    Column("content_type", "char", "*", ucd="meta.code.mime", description="Media type of what the link returns"),
    Column("content_length", "long", unit="byte", ucd="phys.size;meta.file", description="Size of the file"),
)


def links_table(images: Images, ids: list[str], base: str) -> tuple[TableMeta, pa.Table]:
    """The links of each dataset; a dataset that is not there gives one row with an error message."""
    rows = []
    for did in ids:
        try:
            image = images.find(did)
        except NotFound as error:
            rows.append((did, None, None, f"NotFoundFault: {error.message}", None, "#this", None, None))
            continue
        if image.subtype != COADD:
            text = f"NotFoundFault: The archive has no pixels of {image.subtype} images."
            rows.append((did, None, None, text, None, "#this", None, None))
            continue
        url = f"{base}/api/obs/{quote(image.file)}"
        rows.append((did, url, None, None, image.title, "#this", "application/fits", None))
        rows += [
            (did, None, name, None, words, semantics, "application/fits", None) for name, _, semantics, words in CUTOUTS
        ]
    meta = TableMeta(COLUMNS, name="links", services=tuple(_cutout(name, detail, base) for name, detail, *_ in CUTOUTS))
    schema = meta.to_schema()
    columns = list(zip(*rows)) if rows else [()] * len(COLUMNS)
    arrays = [pa.array(values, field.type) for values, field in zip(columns, schema)]
    return meta, pa.Table.from_arrays(arrays, schema=schema)


def _cutout(name: str, detail: str, base: str) -> Service:
    about = "ICRS degrees"
    return Service(
        f"{base}/api/cutout/sync",
        SODA_ID,
        id=name,
        description=f"Cutout service, {detail}",
        inputs=(
            Param("ID", "", "char", "*", ucd="meta.id;meta.dataset", ref="primaryID"),
            Param("CIRCLE", "", "double", "3", "deg", "phys.angArea;obs", description=f"RA, Dec, radius: {about}"),
            Param("POLYGON", "", "double", "*", "deg", "phys.angArea;obs", description=f"RA, Dec of vertices: {about}"),
            Param("CUTOUTDETAIL", detail, "char", "*", options=("Image", "MaskedImage", "Exposure")),
        ),
    )


class LinksHandler(ServiceHandler):
    """/api/datalink/links?ID=...&ID=..."""

    errors = "votable"

    async def get(self) -> None:
        asked = self.parameters()
        ids = asked.all("ID")[:MAX_IDS]
        form = asked.get("RESPONSEFORMAT", "votable")
        if form.lower() not in ("votable", "application/x-votable+xml", "text/xml", LINKS_TYPE):
            raise HTTPError(415, f"Links are not written as {form}.")
        meta, table = await self.work(links_table, self.archive.images, ids, self.base)
        chunks = votable_bytes(meta, table.to_batches(), "TABLEDATA")
        self.set_header("Cache-Control", "max-age=3600")
        await self.stream(chunks, LINKS_TYPE, self.archive.desk, lambda: None)

    async def post(self) -> None:
        await self.get()


class QueryHandler(ServiceHandler):
    """A service that turns its parameters into one ADQL query and answers with its rows."""

    errors = "votable"

    def initialize(self, archive: Archive, adql_of: Callable[..., str]) -> None:
        super().initialize(archive)
        self.adql_of = adql_of

    async def get(self) -> None:
        asked = self.parameters()
        archive = self.archive
        query = await self.work(self._query, asked, pool=archive.queries)
        form = wanted_format(asked)
        await self.stream(encoded(query, form), form.media_type, archive.queries, query.cancel)

    async def post(self) -> None:
        await self.get()

    def _query(self, asked: Parameters) -> Query:
        limits = self.archive.limits
        adql = self.adql_of(asked, self.archive.store.schemas)
        return Query(self.archive.store, adql, Bounds(limits.max_rows, limits.sync_seconds, self.base))


def routes(archive: Archive) -> list[tuple]:
    return [
        (r"/api/datalink/links/?", LinksHandler, {"archive": archive}),
        (r"/api/datalink/timeseries/?", QueryHandler, {"archive": archive, "adql_of": timeseries_adql}),
        (r"/api/datalink/cone(?:_search)?/?", QueryHandler, {"archive": archive, "adql_of": cone_adql}),
    ]
