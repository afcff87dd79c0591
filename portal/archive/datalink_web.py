"""DataLink over HTTP: links of images, light curves and cones answered directly as VOTables."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

import pyarrow as pa
from tornado.web import HTTPError

from ..table.columns import Column, TableMeta
from ..table.votable_write import votable_bytes
from .capabilities import DocumentHandler, Resource
from .datalink import cutout_service
from .datalink_queries import cone_adql, images_adql, timeseries_adql
from .formats import Format, wanted_format
from .handler import ServiceHandler
from .images import COADDS, EXPOSURES, Image, Images
from .params import Parameters
from .query import Bounds, Query
from .tap import counted

if TYPE_CHECKING:
    from .app import Archive

LINKS_TYPE = "application/x-votable+xml;content=datalink"
DOCUMENT = "https://rsp.lsst.io/guides/api/soda.html"
RESOURCES = (Resource("DataLink#links-1.1", "links", "1.1"),)
MAX_IDS = 1000  # of one answer; some 7 rows each
FITS, TABLE, JPEG = "application/fits", "application/x-votable+xml", "image/jpeg"
PREVIEW_RADIUS = 0.01  # deg: 36 arcsec about the middle, drawn in a fraction of a second
CUTOUTS = (
    ("cutout-sync", "Image", "#cutout", "Cutout of the image plane"),
    ("cutout-async", "Image", "#cutout", "Cutouts as an asynchronous job"),
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
    """The links of each dataset; a dataset that is not there gives one row with an error message.

    More than MAX_IDS are cut, which the table tells as overflow: clients then ask for the rest.
    """
    ids, cut = list(dict.fromkeys(ids))[:MAX_IDS], len(set(ids)) > MAX_IDS
    found = images.find_all(ids)
    rows: list[tuple] = []
    for did in ids:
        image = found.get(did)
        if not did.startswith(("ivo://", "butler://")):
            rows.append((did, None, None, f"UsageFault: {did[:200]!r} is no dataset id.", None, "#this", None, None))
        elif image is None:
            text = f"NotFoundFault: There is no image {did[:200]!r}."
            rows.append((did, None, None, text, None, "#this", None, None))
        elif image.kind not in (*COADDS, *EXPOSURES):
            text = f"NotFoundFault: The archive has no pixels of {image.subtype} images."
            rows.append((did, None, None, text, None, "#this", None, None))
        else:
            rows += _links(image, did, base, images.size(image))
    meta = TableMeta(
        COLUMNS,
        name="links",
        services=tuple(cutout_service(name, detail, base) for name, detail, *_ in CUTOUTS),
        overflow=cut,
    )
    schema = meta.to_schema()
    columns = list(zip(*rows)) if rows else [()] * len(COLUMNS)
    arrays = [pa.array(values, field.type) for values, field in zip(columns, schema)]
    return meta, pa.Table.from_arrays(arrays, schema=schema)


def _links(image: Image, did: str, base: str, size: int | None) -> list[tuple]:
    """The image itself, its cutout services, and what it was made from or what was made from it.

    ``did`` is the dataset id as it was asked for, ``size`` the bytes of the whole file where they are known.
    """

    def file(of: Image, words: str, semantics: str, size: int | None = None) -> tuple:
        return (did, f"{base}/api/obs/{quote(of.file)}", None, None, words, semantics, FITS, size)

    def search(subtype: str, words: str) -> tuple:
        # Hundreds of visits lie over a patch: one link to a table of them, not hundreds of links.
        asked = {"DPSUBTYPE": subtype, "BAND": f"{image.wavelength:.4e}", "POS": f"POLYGON {image.outline}"}
        url = f"{base}/api/sia/dp1/query?{urlencode(asked)}"
        return (did, url, None, None, words, "#progenitor", TABLE, None)

    ra, dec = image.middle
    circle = {"ID": image.did, "CIRCLE": f"{ra:.6f} {dec:.6f} {PREVIEW_RADIUS}", "RESPONSEFORMAT": JPEG}
    picture = f"{base}/api/cutout/sync?{urlencode(circle)}"
    rows = [
        file(image, image.title, "#this", size),
        (did, picture, None, None, "Picture of the middle of the image", "#preview", JPEG, None),
    ]
    services = CUTOUTS[:2] if image.kind == "raw" else CUTOUTS  # raw images have no mask
    rows += [(did, None, name, None, words, semantics, FITS, None) for name, _, semantics, words in services]
    if image.kind == "raw":
        rows.append(file(image.sister("visit_image"), "Calibrated image of this exposure", "#derivation"))
    elif image.kind == "visit_image":
        rows.append(file(image.sister("raw"), "Raw image of this exposure", "#progenitor"))
        rows.append(file(image.sister("difference_image"), "Difference with the template", "#derivation"))
    elif image.kind == "difference_image":
        rows.append(file(image.sister("visit_image"), "Calibrated image of this exposure", "#progenitor"))
        rows.append(search("lsst.template_coadd", "Templates below this image, a table of images"))
    else:
        rows.append(search("lsst.visit_image", "Visit images over this patch in this band, a table of images"))
    return rows


class LinksHandler(ServiceHandler):
    """/api/datalink/links?ID=...&ID=..."""

    errors = "votable"

    async def get(self) -> None:
        asked = self.parameters()
        ids = asked.all("ID")
        form = asked.get("RESPONSEFORMAT") or "votable"
        if form.lower().replace(" ", "") not in ("votable", "application/x-votable+xml", "text/xml", LINKS_TYPE):
            raise HTTPError(415, f"Links are not written as {form}.")
        meta, table = await self.work(links_table, self.archive.images, ids, self.base)
        chunks = votable_bytes(meta, table.to_batches(), "TABLEDATA")
        self.set_header("Cache-Control", "max-age=3600")
        await self.stream(chunks, LINKS_TYPE, lambda: self.archive.desk, lambda: None)

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
        form = self.form_of(asked)
        with archive.quota.running(self.owner):
            query = await self.work(self._query, asked, pool=archive.short)
            chunks = counted(archive, self.owner, query, form)
            await self.stream(chunks, form.media_type, lambda: archive.lane(query), query.cancel)

    async def post(self) -> None:
        await self.get()

    def form_of(self, asked: Parameters) -> Format:
        """The format the answer shall have. Raises UsageError."""
        return wanted_format(asked)

    def _query(self, asked: Parameters) -> Query:
        limits = self.archive.limits
        adql = self.adql_of(asked, self.archive.store.schemas)
        return Query(self.archive.store, adql, Bounds(limits.max_rows, limits.sync_seconds, self.base))


def routes(archive: Archive) -> list[tuple]:
    options = {"archive": archive}
    queries = (("timeseries", timeseries_adql), ("images", images_adql), ("cone(?:_search)?", cone_adql))
    return [
        (r"/api/datalink/links/?", LinksHandler, options),
        *((rf"/api/datalink/{name}/?", QueryHandler, {**options, "adql_of": adql_of}) for name, adql_of in queries),
        (r"/api/(datalink)/(capabilities|availability)/?", DocumentHandler, {**options, "resources": RESOURCES}),
    ]
