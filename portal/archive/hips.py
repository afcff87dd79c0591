"""The HiPS service (HiPS 1.0): list, properties, tiles, coverage. The sample's renderer makes tiles when asked."""

from __future__ import annotations

from functools import cache
from io import BytesIO
from typing import TYPE_CHECKING

from PIL import Image as Picture
from tornado.web import HTTPError

from .handler import ServiceHandler

if TYPE_CHECKING:
    from .app import Archive

SURVEYS = ("color_gri", *(f"band_{band}" for band in "ugrizy"))
AGE = "max-age=3600"  # as on the Rubin platform
DIRECTORY = 10_000  # tiles of one Dir folder in HiPS
TILE = 512


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

    def send(self, content: bytes | str, content_type: str) -> None:
        self.set_header("Content-Type", content_type)
        self.write(content)


class ListHandler(HipsHandler):
    """/api/hips/list: the properties of all surveys, each with its address (HiPS 1.0, section 5.2)."""

    async def get(self) -> None:
        records = await self.work(self._records, self.base, pool=self.archive.pixels)
        self.set_header("Cache-Control", AGE)
        self.send(records, "text/plain; charset=utf-8")

    def _records(self, base: str) -> str:
        pixels = self.archive.images.pixels()
        return "\n".join(f"{properties_text(pixels, name, base)}" for name in SURVEYS)


def properties_text(pixels, survey: str, base: str) -> str:
    """The properties file of a survey with the address it is served at."""
    found = pixels.hips_properties(survey)
    text = found if isinstance(found, str) else "".join(f"{key:<20} = {value}\n" for key, value in found.items())
    lines = [line for line in text.splitlines() if not line.startswith("hips_service_url")]
    return "\n".join([*lines, f"{'hips_service_url':<20} = {base}/api/hips/{survey}", ""])


class PropertiesHandler(HipsHandler):
    """/api/hips/<survey>/properties"""

    async def get(self, name: str) -> None:
        survey = self.survey(name)
        pixels = await self.work(self.archive.images.pixels, pool=self.archive.pixels)
        text = await self.work(properties_text, pixels, survey, self.base, pool=self.archive.pixels)
        self.send(text, "text/plain; charset=utf-8")


class TileHandler(HipsHandler):
    """/api/hips/<survey>/Norder<k>/Dir<d>/Npix<n>.png"""

    async def get(self, name: str, order: str, folder: str, number: str, form: str) -> None:
        survey = self.survey(name)
        k, n = int(order), int(number)
        if k > 29 or n >= 12 << 2 * k or int(folder) != n // DIRECTORY * DIRECTORY:
            raise HTTPError(404, "There is no such tile.")
        content = await self.work(self._tile, survey, k, n, pool=self.archive.pixels)
        if content is None:
            self.send(blank_tile(form), f"image/{'png' if form == 'png' else 'jpeg'}")
        else:
            self.send(content, "image/png" if content.startswith(b"\x89PNG") else "image/jpeg")

    def _tile(self, survey: str, order: int, number: int) -> bytes | None:
        return self.archive.images.pixels().hips_tile(survey, order, number)


class AllskyHandler(HipsHandler):
    """/api/hips/<survey>/Norder3/Allsky.png"""

    async def get(self, name: str, form: str) -> None:
        survey = self.survey(name)
        content = await self.work(lambda: self.archive.images.pixels().allsky(survey), pool=self.archive.pixels)
        if content is None:
            raise HTTPError(404, "There is no such picture.")
        self.send(content, "image/png" if content.startswith(b"\x89PNG") else "image/jpeg")


class MocHandler(HipsHandler):
    """/api/hips/<survey>/Moc.fits: where the survey has pixels."""

    ORDER = 11

    async def get(self, name: str) -> None:
        self.survey(name)
        content = await self.work(lambda: self.archive.images.pixels().moc(self.ORDER), pool=self.archive.pixels)
        self.send(content, "application/fits")


def routes(archive: Archive) -> list[tuple]:
    options = {"archive": archive}
    survey = r"/api/hips/(\w+)"
    return [
        (r"/api/hips/list", ListHandler, options),
        (rf"{survey}/properties", PropertiesHandler, options),
        (rf"{survey}/Norder(\d{{1,2}})/Dir(\d{{1,18}})/Npix(\d{{1,18}})\.(png|jpg)", TileHandler, options),
        (rf"{survey}/Norder3/Allsky\.(png|jpg)", AllskyHandler, options),
        (rf"{survey}/Moc\.fits", MocHandler, options),
    ]
