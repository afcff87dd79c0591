"""SODA 1.0 cutouts of images, in the manner of the Rubin platform: one ID, one stencil, CUTOUTDETAIL.

Knows parameters and pixel boxes; the pixels come from ``images``.
"""

from __future__ import annotations

import io
import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from astropy.io import fits

from ..errors import TriviewError
from .handler import ServiceHandler
from .images import Image, NotFound, Pixels
from .jobstore import JobResult
from .params import Parameters, UsageError
from .uws import Ticket
from .vosi import availability_xml

if TYPE_CHECKING:
    from .app import Archive
    from .sample.exposure import Exposure
    from .sample.geometry import Patch

DETAILS = ("Image", "MaskedImage", "Exposure")
FITS = "application/fits"
EDGE = 64  # points along a circle's outline: its pixel box is right to a hundredth of a per cent
UNSUPPORTED = ("BAND", "TIME", "POL")


class NoOverlap(UsageError):
    """The stencil does not touch the image."""


class Stencil(NamedTuple):
    """The outline of what is wanted: ICRS degrees, one array each; ``circle`` when it is one (ra, dec, radius)."""

    ra: np.ndarray
    dec: np.ndarray
    circle: tuple[float, float, float] | None = None

    def box(self, image: Patch | Exposure) -> Pixels:
        """x0, y0, nx, ny of the pixels it covers, cut at the image's edge. Raises NoOverlap."""
        x, y = image.to_pixel(self.ra, self.dec)
        if not (np.isfinite(x).all() and np.isfinite(y).all()):
            raise NoOverlap("The stencil lies on the other side of the sky.")
        x0, y0 = max(0, math.floor(x.min() + 0.5)), max(0, math.floor(y.min() + 0.5))
        x1, y1 = min(image.nx, math.floor(x.max() + 0.5) + 1), min(image.ny, math.floor(y.max() + 0.5) + 1)
        if x1 <= x0 or y1 <= y0:
            raise NoOverlap("The stencil does not overlap the image.")
        return x0, y0, x1 - x0, y1 - y0


def stencil(asked: Parameters) -> Stencil:
    """The one stencil of a request: CIRCLE, POLYGON or POS. Raises UsageError."""
    given = [(name, value) for name in ("CIRCLE", "POLYGON", "POS") for value in asked.all(name)]
    if wrong := [name for name in UNSUPPORTED if name in asked]:
        raise UsageError(f"Parameter {wrong[0]} is not supported for these images.")
    if len(given) != 1:
        raise UsageError(f"One stencil is needed, {len(given)} were given.", "Send CIRCLE=ra dec radius, in degrees.")
    name, text = given[0]
    words = text.split()
    if name == "POS":
        name, words = (words[0].upper(), words[1:]) if words else ("", [])
    try:
        numbers = [float(word) for word in words]
    except ValueError:
        raise UsageError(f"{text!r} holds something that is no number.") from None
    if not all(map(math.isfinite, numbers)):
        raise UsageError("A stencil must be made of finite numbers.")
    if name == "CIRCLE" and len(numbers) == 3:
        return _circle(*numbers)
    if name == "POLYGON" and len(numbers) >= 6 and len(numbers) % 2 == 0:
        if max(map(abs, numbers[1::2])) > 90:
            raise UsageError("A declination must lie from -90 to 90 degrees.")
        return Stencil(np.array(numbers[0::2]), np.array(numbers[1::2]))
    raise UsageError(f"The stencil {text!r} is not understood.", "Use CIRCLE ra dec radius or POLYGON ra1 dec1 ra2 ...")


def _circle(ra: float, dec: float, radius: float) -> Stencil:
    if not (0 < radius <= 90 and -90 <= dec <= 90):
        raise UsageError("A circle needs a declination from -90 to 90 and a radius above 0, in degrees.")
    angle = np.linspace(0, 2 * np.pi, EDGE, endpoint=False)
    d, r = math.radians(dec), math.radians(radius)
    sin_dec = np.sin(d) * np.cos(r) + np.cos(d) * np.sin(r) * np.cos(angle)
    shift = np.arctan2(np.sin(angle) * np.sin(r) * np.cos(d), np.cos(r) - np.sin(d) * sin_dec)
    outline = (ra + np.degrees(shift)) % 360, np.degrees(np.arcsin(np.clip(sin_dec, -1, 1)))
    return Stencil(*outline, (ra, dec, radius))


def cutout(archive: Archive, asked: Parameters) -> tuple[bytes, str]:
    """The cutout as a FITS file, and a name for it. Raises UsageError or NotFound."""
    ids = asked.all("ID")
    if len(ids) != 1:
        raise UsageError(f"One ID is needed, {len(ids)} were given.")
    outline = stencil(asked)
    detail = asked.choice("CUTOUTDETAIL", DETAILS, "Image")
    image = archive.images.find(ids[0])
    box = outline.box(archive.images.where(image))
    name = image.file.replace(".fits", f"-{box[0]}-{box[1]}-{box[2]}x{box[3]}.fits")
    return _signed(archive.images.fits(image, box, detail), image, outline), name


def _signed(content: bytes, image: Image, outline: Stencil) -> bytes:
    """The file with cards that say of which dataset it is a part and what was asked, as the platform writes them.

    The platform's date of the cut is left out: the same request gives the same bytes.
    """
    header = fits.Header.fromfile(io.BytesIO(content))
    size = len(header.tostring())
    header["BTLRUUID"] = (image.did.rpartition("id=")[2], "dataset this was cut from")
    header["BTLRNAME"] = image.kind
    for number, (key, value) in enumerate(image.data_id.items(), 1):
        header[f"BTLRK{number:03d}"], header[f"BTLRV{number:03d}"] = key, value
    header["ST_TYPE"] = ("CIRCLE" if outline.circle else "POLYGON", "stencil")
    if outline.circle:
        for name, value in zip(("ST_RA", "ST_DEC", "ST_RAD"), outline.circle):
            header[name] = (value, "[deg]")
    return header.tostring().encode("ascii") + content[size:]


class FileHandler(ServiceHandler):
    """Answers with one FITS file made in the pixel threads."""

    def status_of(self, error: TriviewError) -> int:
        """As on the Rubin platform: a wrong parameter is 422, a dataset that is not there 404."""
        known = ((UsageError, 422), (NotFound, 404))
        return next((status for kind, status in known if isinstance(error, kind)), super().status_of(error))

    def send(self, content: bytes, name: str) -> None:
        self.set_header("Content-Type", FITS)
        self.set_header("Content-Disposition", f'attachment; filename="{name}"')
        self.set_header("Cache-Control", "max-age=3600")
        self.write(content)


class SyncHandler(FileHandler):
    """/api/cutout/sync"""

    async def get(self) -> None:
        asked = self.parameters()
        content, name = await self.work(cutout, self.archive, asked, pool=self.archive.pixels)
        self.send(content, name)

    async def post(self) -> None:
        await self.get()


class WholeHandler(FileHandler):
    """/api/obs/<file>: a whole image."""

    async def get(self, name: str) -> None:
        self.send(await self.work(self._make, name, pool=self.archive.pixels), name)

    def _make(self, name: str) -> bytes:
        return self.archive.images.fits(self.archive.images.of_file(name))


class AvailabilityHandler(ServiceHandler):
    """/api/cutout/availability"""

    async def get(self) -> None:
        self.set_header("Content-Type", "text/xml; charset=utf-8")
        self.write(availability_xml(self.archive.up_since))


def run_job(archive: Archive, ticket: Ticket) -> list[JobResult]:
    """The work of one asynchronous cutout."""
    content, name = cutout(archive, Parameters(ticket.job.parameters))
    ticket.check()
    (ticket.folder / name).write_bytes(content)
    return [JobResult("cutout", name, FITS, len(content))]


def routes(archive: Archive) -> list[tuple]:
    options = {"archive": archive}
    return [
        (r"/api/cutout/sync/?", SyncHandler, options),
        (r"/api/cutout/availability/?", AvailabilityHandler, options),
        (r"/api/obs/([\w.-]{1,80}\.fits)", WholeHandler, options),
    ]
