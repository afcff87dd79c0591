"""The HiPS service (HiPS 1.0): list, properties, tiles, coverage, and the footprints of the survey as MOCs.

The sample's renderer makes tiles when asked.
"""

from __future__ import annotations

import gzip
import json
from functools import cache
from io import BytesIO
from typing import TYPE_CHECKING

from PIL import Image as Picture
from tornado.web import HTTPError

from . import mocs
from .handler import ServiceHandler

if TYPE_CHECKING:
    from .app import Archive
    from .sample.render import SkyPixels

SURVEYS = ("color_gri", *(f"band_{band}" for band in "ugrizy"))
AGE = "max-age=3600"  # as on the Rubin platform
DIRECTORY = 10_000  # tiles of one Dir folder in HiPS
TILE = 512
SPARSE_ORDER = 8  # up to this order a tile is wider than the fields: most of it is empty


@cache
def blank_tile(form: str) -> bytes:
    """A tile with nothing on it: transparent PNG or black JPEG. Viewers take an absent tile (404) for an error."""
    out = BytesIO()
    if form == "png":
        Picture.new("LA", (TILE, TILE), (0, 0)).save(out, "PNG", optimize=True)
    else:
        Picture.new("L", (TILE, TILE), 0).save(out, "JPEG")
    return out.getvalue()


class HipsHandler(ServiceHandler):
    """Common to all: which survey; 404 for one that is not served."""

    def survey(self, name: str) -> str:
        if name not in SURVEYS:
            raise HTTPError(404, f"There is no survey {name}.")
        self.set_header("Cache-Control", AGE)
        return name

    def need_form(self, survey: str, form: str) -> None:
        """404 for values of a colour picture: it has none."""
        if form == "fits" and not survey.startswith("band_"):
            raise HTTPError(404, f"{survey} is a picture; the values are those of band_u to band_y.")

    def send(self, content: bytes | str, content_type: str) -> None:
        self.set_header("Content-Type", content_type)
        self.write(content)

    def send_image(self, content: bytes, sparse: bool) -> None:
        """A tile or preview; a ``sparse`` FITS file, nearly all NaN, is packed for clients that can unpack."""
        kinds = {b"\x89PNG": "image/png", b"SIMP": "application/fits"}
        if sparse and content.startswith(b"SIMP"):
            self.set_header("Vary", "Accept-Encoding")
            if "gzip" in self.request.headers.get("Accept-Encoding", ""):
                self.set_header("Content-Encoding", "gzip")
                content = gzip.compress(content, 1, mtime=0)
                self.send(content, "application/fits")
                return
        self.send(content, kinds.get(content[:4], "image/jpeg"))


class ListHandler(HipsHandler):
    """/api/hips/list: the properties of all surveys, each with its address (HiPS 1.0, section 5.2)."""

    async def get(self) -> None:
        records = await self.work(self._records, self.base, pool=self.archive.pixels)
        self.set_header("Cache-Control", AGE)
        self.send(records, "text/plain; charset=utf-8")

    def _records(self, base: str) -> str:
        pixels = self.archive.images.pixels()
        return "\n".join(f"{properties_text(pixels, name, base)}" for name in SURVEYS)


def properties_text(pixels: SkyPixels, survey: str, base: str) -> str:
    """The properties file of a survey with the address it is served at."""
    return pixels.hips_properties(survey, f"{base}/api/hips/{survey}")


class PropertiesHandler(HipsHandler):
    """/api/hips/<survey>/properties"""

    async def get(self, name: str) -> None:
        survey = self.survey(name)
        pixels = await self.work(self.archive.images.pixels, pool=self.archive.pixels)
        text = await self.work(properties_text, pixels, survey, self.base, pool=self.archive.pixels)
        self.send(text, "text/plain; charset=utf-8")


class TileHandler(HipsHandler):
    """/api/hips/<survey>/Norder<k>/Dir<d>/Npix<n>.png, and .fits for the values of a single band"""

    async def get(self, name: str, order: str, folder: str, number: str, form: str) -> None:
        survey = self.survey(name)
        k, n = int(order), int(number)
        if k > 29 or n >= 12 << 2 * k or int(folder) != n // DIRECTORY * DIRECTORY:
            raise HTTPError(404, "There is no such tile.")
        self.need_form(survey, form)
        content, seen = await self.work(self._tile, survey, k, n, form, pool=self.archive.pixels)
        self.send_image(content, sparse=k <= SPARSE_ORDER or not seen)

    def _tile(self, survey: str, order: int, number: int, form: str) -> tuple[bytes, bool]:
        """The tile, and whether anything was observed there."""
        made = self.archive.images.pixels().hips_tile(survey, order, number, "fits" if form == "fits" else "png")
        if made is not None:
            return made, True
        if form != "fits":
            return blank_tile(form), False
        from .sample.hipsfits import blank_fits

        return blank_fits(order, number, survey[-1]), False


class AllskyHandler(HipsHandler):
    """/api/hips/<survey>/Norder3/Allsky.png, and .fits for a single band"""

    async def get(self, name: str, form: str) -> None:
        survey = self.survey(name)
        self.need_form(survey, form)
        kind = "fits" if form == "fits" else "png"
        content = await self.work(lambda: self.archive.images.pixels().allsky(survey, kind), pool=self.archive.pixels)
        self.send_image(content, sparse=True)


class FootprintsHandler(HipsHandler):
    """/api/hips/mocs: the footprints there are, as JSON; /api/hips/moc-list.tbl: as an IPAC table, as on Rubin's"""

    async def get(self) -> None:
        found = await self.work(mocs.listed, self.archive, self.base, pool=self.archive.pixels)
        self.set_header("Cache-Control", AGE)
        if self.request.path.endswith(".tbl"):
            self.send(mocs.ipac(found), "text/plain; charset=utf-8")
        else:
            self.send(json.dumps([item._asdict() for item in found], indent=1), "application/json")


class FootprintHandler(HipsHandler):
    """/api/hips/mocs/<name>.fits, .json or .txt: one footprint"""

    async def get(self, name: str, form: str) -> None:
        if name not in mocs.NAMES:
            raise HTTPError(404, f"There is no footprint {name}.")
        content = await self.work(mocs.served, self.archive, name, form, pool=self.archive.pixels)
        if content is None:
            raise HTTPError(404, f"No image belongs to the footprint {name}.")
        self.set_header("Cache-Control", AGE)
        self.send(content, mocs.TYPES[form])


class MocHandler(HipsHandler):
    """/api/hips/<survey>/Moc.fits, and .json and .txt: where the survey has pixels."""

    async def get(self, name: str, form: str) -> None:
        survey = self.survey(name)
        content = await self.work(mocs.served, self.archive, survey, form, pool=self.archive.pixels)
        self.send(content, mocs.TYPES[form])


def routes(archive: Archive) -> list[tuple]:
    options = {"archive": archive}
    # Rubin's addresses name the release before the survey; here all releases show the same sky.
    survey = r"/api/hips/(?:v2/(?:dp02/images|dp1/deep_coadd|dp2)/)?(\w+)"
    return [
        (r"/api/hips/(?:v2/(?:dp02|dp1|dp2)/)?list", ListHandler, options),
        (r"/api/hips/mocs", FootprintsHandler, options),
        (r"/api/hips/(?:v2/dp02/dp02-|v2/dp1/dp1-|v2/dp2/dp2-)?moc-list\.tbl", FootprintsHandler, options),
        (r"/api/hips/mocs/(\w+)\.(fits|json|txt)", FootprintHandler, options),
        (rf"{survey}/properties", PropertiesHandler, options),
        (rf"{survey}/Norder(\d{{1,2}})/Dir(\d{{1,18}})/Npix(\d{{1,18}})\.(png|jpg|fits)", TileHandler, options),
        (rf"{survey}/Norder3/Allsky\.(png|jpg|fits)", AllskyHandler, options),
        (rf"{survey}/Moc\.(fits|json|txt)", MocHandler, options),
    ]
