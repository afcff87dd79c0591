"""The images of the archive: from a dataset id to the ObsCore row, the patch and the pixels.

Pixels themselves come from ``sample.render``; the engine that makes them is loaded when first needed.
"""

from __future__ import annotations

import logging
import threading
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ..errors import TriviewError
from .catalog import Store
from .sample.geometry import Patch, patch_of

if TYPE_CHECKING:
    from .sample.render import SkyPixels

log = logging.getLogger(__name__)
COADD = "lsst.deep_coadd"


class NotFound(TriviewError):
    """No dataset has this id."""


class Image(NamedTuple):
    """One image dataset."""

    did: str
    subtype: str
    title: str
    band: str
    tract: int
    patch: int

    @property
    def file(self) -> str:
        """Name of the whole image as a file."""
        return f"deep_coadd-{self.tract}-{self.patch}-{self.band}.fits"


class Images:
    """Datasets by id, and the pixels behind them."""

    def __init__(self, folder: Path, store: Store) -> None:
        self._folder = folder
        self._store = store
        self._lock = threading.Lock()
        self._pixels: SkyPixels | None = None

    def pixels(self) -> SkyPixels:
        """The maker of pixels, shared by all requests."""
        with self._lock:
            if self._pixels is None:
                from .sample.render import SkyPixels

                self._pixels = SkyPixels(self._folder)
            return self._pixels

    def find(self, did: str) -> Image:
        """The dataset called ``did`` (ObsCore obs_publisher_did). Raises NotFound."""
        return self._one("obs_publisher_did = ?", [did], f"There is no image {did!r}.")

    def coadd(self, tract: int, patch: int, band: str) -> Image:
        """The coadd of a patch in one band. Raises NotFound."""
        where = f"dataproduct_subtype = '{COADD}' AND lsst_tract = ? AND lsst_patch = ? AND lsst_band = ?"
        return self._one(where, [tract, patch, band], "There is no such coadd.")

    def warm_up(self) -> None:
        """Make a few pixels, so that the first visitor does not wait for what is loaded on first use."""
        try:
            image = self._one("dataproduct_subtype = ?", [COADD], "The sample has no coadds.")
            self.pixels().coadd_fits(image.band, self.patch(image), (0, 0, 16, 16), "Image")
        except TriviewError as error:
            log.warning("the first cutout failed: %s", error)

    def _one(self, where: str, values: list, missing: str) -> Image:
        cursor = self._store.cursor()
        try:
            sql = (
                "SELECT obs_publisher_did, dataproduct_subtype, obs_title, lsst_band, lsst_tract, lsst_patch"
                f' FROM "ivoa.ObsCore" WHERE {where} LIMIT 1'
            )
            self._store.view(cursor, "ivoa.ObsCore", sql)
            row = cursor.execute(sql, values).fetchone()
        finally:
            self._store.release(cursor)
        if row is None:
            raise NotFound(missing)
        return Image(*(value if value is not None else -1 for value in row))

    def patch(self, image: Image) -> Patch:
        """The sky grid of a coadd. Raises NotFound for images that have no pixels here."""
        if image.subtype != COADD:
            raise NotFound(f"The archive has no pixels of {image.subtype} images.", "Use deep coadds.")
        return patch_of(image.tract, image.patch)
