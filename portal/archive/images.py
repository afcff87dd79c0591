"""The images of the archive: from a dataset id or a file name to the ObsCore row, the pixel grid and the pixels.

Pixels themselves come from ``sample.render``; the engine that makes them is loaded when first needed.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ..errors import TriviewError
from .catalog import Store
from .sample.geometry import SKYMAP, Patch, patch_of

if TYPE_CHECKING:
    from .sample.exposure import Exposure
    from .sample.render import SkyPixels

log = logging.getLogger(__name__)
COADDS = ("deep_coadd", "template_coadd")
EXPOSURES = ("visit_image", "difference_image", "raw")
COADD_FILE = rf"({'|'.join(COADDS)})-(\d{{1,9}})-(\d{{1,4}})-([ugrizy])\.fits"
EXPOSURE_FILE = rf"({'|'.join(EXPOSURES)})-(\d{{1,15}})-(\d{{1,4}})\.fits"
BUTLER = re.compile(r"butler://dp\d+/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})", re.IGNORECASE)
DID = "ivo://org.rubinobs/usdac/lsst-dp1?repo=dp1&id="
Pixels = tuple[int, int, int, int]  # x0, y0, nx, ny


class NotFound(TriviewError):
    """No dataset has this id."""


class Image(NamedTuple):
    """One image dataset. Coadds have a tract and a patch, the others a visit and a detector; -1 stands for none."""

    did: str
    subtype: str
    title: str
    band: str
    tract: int
    patch: int
    visit: int
    detector: int
    em_min: float = -1.0
    em_max: float = -1.0
    region: str = ""

    @property
    def kind(self) -> str:
        """The dataset type, such as ``visit_image``."""
        return self.subtype.removeprefix("lsst.")

    @property
    def is_coadd(self) -> bool:
        return self.kind in COADDS

    @property
    def file(self) -> str:
        """Name of the whole image as a file."""
        if self.is_coadd:
            return f"{self.kind}-{self.tract}-{self.patch}-{self.band}.fits"
        return f"{self.kind}-{self.visit}-{self.detector}.fits"

    @property
    def outline(self) -> str:
        """The corners, "ra dec ra dec ..." in degrees."""
        return self.region.removeprefix("POLYGON ICRS ")

    @property
    def middle(self) -> tuple[float, float]:
        """RA and Dec of the middle of the corners, degrees; an image is too small for curvature to count."""
        numbers = [float(word) for word in self.outline.split()]
        first, ra, dec = numbers[0], numbers[0::2], numbers[1::2]
        turns = [(value - first + 180) % 360 - 180 for value in ra]  # those beyond RA 0 too
        return (first + sum(turns) / len(turns)) % 360, sum(dec) / len(dec)

    @property
    def wavelength(self) -> float:
        """The middle of the band, m."""
        return (self.em_min + self.em_max) / 2

    @property
    def data_id(self) -> dict[str, str | int]:
        """What singles it out among the images of its kind, in the words of the Butler."""
        if self.is_coadd:
            return {"band": self.band, "skymap": SKYMAP, "tract": self.tract, "patch": self.patch}
        return {"band": self.band, "visit": self.visit, "detector": self.detector}

    def sister(self, kind: str) -> Image:
        """Another image of the same visit and detector, or of the same patch and band; its id is left out."""
        return self._replace(did="", subtype=f"lsst.{kind}", title="")


FIELDS = (
    "obs_publisher_did", "dataproduct_subtype", "obs_title", "lsst_band", "lsst_tract", "lsst_patch", "lsst_visit",
    "lsst_detector", "em_min", "em_max", "s_region",
)  # fmt: skip


def plain_did(text: str) -> str:
    """The obs_publisher_did that a dataset id means; the platform also takes butler://label/uuid."""
    found = BUTLER.fullmatch(text)
    return DID + found[1].lower() if found else text


class Images:
    """Datasets by id, and the pixels behind them."""

    def __init__(self, folder: Path, store: Store) -> None:
        self._folder = folder
        self._store = store
        self._lock = threading.Lock()
        self._pixels: SkyPixels | None = None
        self._sizes: dict[str, int] = {}

    def pixels(self) -> SkyPixels:
        """The maker of pixels, shared by all requests."""
        with self._lock:
            if self._pixels is None:
                from .sample.render import SkyPixels

                self._pixels = SkyPixels(self._folder)
            return self._pixels

    def find(self, did: str) -> Image:
        """The dataset called ``did``: ObsCore's obs_publisher_did, or butler://label/uuid. Raises NotFound."""
        return self._one("obs_publisher_did = ?", [plain_did(did)], f"There is no image {did[:200]!r}.")

    def find_all(self, dids: Sequence[str]) -> dict[str, Image]:
        """The datasets of those ids, found in one go; ids that no dataset has are left out."""
        rows = self._rows("obs_publisher_did IN (SELECT unnest(?))", [[plain_did(did) for did in dids]])
        found = {image.did: image for image in rows}
        return {did: found[plain_did(did)] for did in dids if plain_did(did) in found}

    def of_file(self, name: str) -> Image:
        """The dataset whose whole image is called ``name`` (see ``Image.file``). Raises NotFound."""
        where, values = "dataproduct_subtype = ? AND ", []
        if found := re.fullmatch(COADD_FILE, name):
            kind, *numbers, band = found.groups()
            where += "lsst_tract = ? AND lsst_patch = ? AND lsst_band = ?"
            values = [*map(int, numbers), band]
        elif found := re.fullmatch(EXPOSURE_FILE, name):
            kind, *numbers = found.groups()
            where += "lsst_visit = ? AND lsst_detector = ?"
            values = [*map(int, numbers)]
        else:
            raise NotFound(f"No image is called {name!r}.")
        return self._one(where, [f"lsst.{kind}", *values], f"There is no image {name}.")

    def warm_up(self) -> None:
        """Make a few pixels, so that the first visitor does not wait for what is loaded on first use."""
        try:
            image = self._one("dataproduct_subtype = ?", [f"lsst.{COADDS[0]}"], "The sample has no coadds.")
            self.fits(image, (0, 0, 16, 16), "Image")
        except TriviewError as error:
            log.warning("the first cutout failed: %s", error)

    def where(self, image: Image) -> Patch | Exposure:
        """The pixel grid of an image. Raises NotFound for one that has no pixels here."""
        if image.is_coadd:
            return patch_of(image.tract, image.patch)
        if image.kind not in EXPOSURES:
            raise NotFound(f"The archive has no pixels of {image.subtype} images.")
        try:
            return self.pixels().exposure(image.visit, image.detector)
        except KeyError:
            raise NotFound(f"The sample has no pixels of {image.file}.", "Build the sample again.") from None

    def fits(self, image: Image, box: Pixels | None = None, detail: str = "MaskedImage") -> bytes:
        """A FITS file of a box of an image (None: of all of it). Raises NotFound as ``where``.

        ``detail`` as in CUTOUTDETAIL. Images of the sample hold three planes at most: an Exposure is a MaskedImage.
        """
        planes = "Image" if detail == "Image" else "MaskedImage"
        made = self.pixels().product_fits(image.kind, self.where(image), image.band, box, planes)
        if box is None and planes == "MaskedImage":
            self._sizes[image.file] = len(made)
        return made

    def size(self, image: Image) -> int | None:
        """Bytes of the whole image as a file; None while nobody has asked for it: no one knows before it is packed."""
        if image.file not in self._sizes:
            from .sample.render import LOOK

            # Where SkyPixels keeps what it has packed, also before a restart.
            place = f"{image.tract}-{image.patch}" if image.is_coadd else f"{image.visit}-{image.detector}"
            path = self._folder / "images" / f"look-{LOOK}" / image.kind / f"{place}-{image.band}-MaskedImage.fits"
            try:
                self._sizes[image.file] = path.stat().st_size
            except OSError:
                return None
        return self._sizes[image.file]

    def _one(self, where: str, values: list, missing: str) -> Image:
        rows = self._rows(f"{where} LIMIT 1", values)
        if not rows:
            raise NotFound(missing)
        return rows[0]

    def _rows(self, where: str, values: list) -> list[Image]:
        sql = f'SELECT {", ".join(FIELDS)} FROM "ivoa.ObsCore" WHERE {where}'
        cursor = self._store.cursor()
        try:
            self._store.view(cursor, "ivoa.ObsCore", sql)
            rows = cursor.execute(sql, values).fetchall()
        finally:
            self._store.release(cursor)
        return [Image(*(value if value is not None else -1 for value in row)) for row in rows]
