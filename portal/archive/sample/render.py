"""Pixels of a sample sky on request: coadd boxes, FITS cutouts, HiPS tiles and coverage.

The one class other rooms need. Nothing is stored but tiles of the coarse orders; the rest is drawn when asked.
"""

from __future__ import annotations

import json
import os
import uuid
from collections import OrderedDict
from pathlib import Path
from threading import Lock

from astropy import units as u
from astropy_healpix import HEALPix

from portal.archive.sample import fits, hips
from portal.archive.sample.bands import BANDS
from portal.archive.sample.coadd import Box, Field, coadd_box
from portal.archive.sample.geometry import Patch, patches_of
from portal.archive.sample.noise import Noise
from portal.archive.sample.sources import Sources
from portal.errors import FormatError

LOOK = 6  # raise when tiles come out differently, so that stored ones are not used
# Tiles up to this order are stored: they hold the most objects and there are few. Finer ones are as quick to draw
# as to read, and would fill gigabytes.
STORED_ORDER = 8
KEPT_BYTES = 64 * 1024 * 1024  # of recent tiles in memory


class SkyPixels:
    """The pixels of one sample folder. Safe to share between threads; drawing releases the GIL.

    Raises FormatError when the folder has no manifest or no objects to draw.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = Path(folder)
        try:
            manifest = json.loads((self._folder / "manifest.json").read_text())
            place = manifest["field"]
            self.field = Field(float(place["ra"]), float(place["dec"]), float(place["radius"]))
            self._seed = int(manifest["seed"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise FormatError(f"{self._folder} is not a sample sky: {error}", "Build the sample again.") from error
        self._noise = Noise(self._seed)
        self._sources: Sources | None = None
        self._lock = Lock()
        self._recent: OrderedDict[tuple[str, int, int], bytes] = OrderedDict()
        self._recent_bytes = 0

    @property
    def surveys(self) -> tuple[str, ...]:
        """Names of the HiPS surveys."""
        return tuple(hips.SURVEYS)

    def warm(self) -> None:
        """Open the objects and load (at the very first time: compile, some 10 s) the drawing code."""
        sources = self._open()
        patch = patches_of(self.field.ra, self.field.dec, 1e-3)[0]
        coadd_box(sources, self._noise, self.field, BANDS[0], patch, 0, 0, 8, 8)
        centre = HEALPix(2**hips.ORDER_MAX, order="nested").lonlat_to_healpix(
            self.field.ra * u.deg, self.field.dec * u.deg
        )
        for survey in ("color_gri", "band_r"):
            hips.picture(sources, self._noise, self.field, hips.SURVEYS[survey], hips.ORDER_MAX, int(centre))

    def coadd(self, band: str, patch: Patch, x0: int, y0: int, nx: int, ny: int) -> Box:
        """(image nJy, mask, variance nJy2), each (ny, nx), of a box in patch pixels counted from 0.

        Any box equals the same part of the whole patch bit for bit. Raises ValueError for a box that leaves the
        patch or a band that is none.
        """
        if band not in BANDS or len(band) != 1:
            raise ValueError(f"no band {band!r}: bands are {', '.join(BANDS)}")
        return coadd_box(self._open(), self._noise, self.field, band, patch, x0, y0, nx, ny)

    def coadd_fits(
        self, band: str, patch: Patch, box: tuple[int, int, int, int] | None = None, detail: str = "MaskedImage"
    ) -> bytes:
        """A FITS file of ``box`` (x0, y0, nx, ny; None for the whole patch); ``detail`` Image or MaskedImage."""
        x0, y0, nx, ny = box or (0, 0, patch.nx, patch.ny)
        return fits.masked_image(self.coadd(band, patch, x0, y0, nx, ny), band, patch, x0, y0, detail)

    def hips_tile(self, survey: str, order: int, npix: int) -> bytes | None:
        """A PNG tile of 512 x 512 pixels, or None where there is none (outside the field or the orders 3 to 11).

        Raises KeyError for an unknown survey.
        """
        chosen = hips.SURVEYS[survey]
        if not hips.ORDER_MIN <= order <= hips.ORDER_MAX or not 0 <= npix < 12 * 4**order:
            return None
        key = (survey, order, npix)
        found = self._recall(key)
        if found is None:
            made = hips.picture(self._open(), self._noise, self.field, chosen, order, npix)
            if made is None:
                return None
            found = hips.png(made)
            self._keep(key, found)
        return found

    def allsky(self, survey: str) -> bytes:
        """The PNG preview of order 3. Raises KeyError for an unknown survey."""
        chosen = hips.SURVEYS[survey]
        key = (survey, -1, 0)
        found = self._recall(key)
        if found is None:
            tiles = {}
            for npix in hips.coverage(self.field, hips.ALLSKY_ORDER).flatten().tolist():
                made = hips.picture(self._open(), self._noise, self.field, chosen, hips.ALLSKY_ORDER, npix)
                if made is not None:
                    tiles[npix] = made
            found = hips.png(hips.allsky(tiles))
            self._keep(key, found)
        return found

    def hips_properties(self, survey: str, url: str = "") -> str:
        """The ``properties`` text; ``url`` is where the survey is served. Raises KeyError for an unknown survey."""
        fraction = hips.coverage(self.field, hips.ORDER_MAX).sky_fraction
        return hips.properties(hips.SURVEYS[survey], self.field, float(fraction), url)

    def moc(self, order: int = hips.ORDER_MAX) -> bytes:
        """The coverage as a FITS MOC of ``order`` (0 to 13)."""
        return hips.moc_bytes(hips.coverage(self.field, min(max(order, 0), 13)))

    def _open(self) -> Sources:
        with self._lock:
            if self._sources is None:
                self._sources = Sources.open(self._folder)
            return self._sources

    def _path(self, key: tuple[str, int, int]) -> Path:
        survey, order, npix = key
        home = self._folder / "hips" / f"look-{LOOK}" / survey
        if order < 0:
            return home / f"Norder{hips.ALLSKY_ORDER}" / "Allsky.png"
        return home / f"Norder{order}" / f"Dir{npix // 10000 * 10000}" / f"Npix{npix}.png"

    def _recall(self, key: tuple[str, int, int]) -> bytes | None:
        with self._lock:
            if key in self._recent:
                self._recent.move_to_end(key)
                return self._recent[key]
        if key[1] <= STORED_ORDER:
            try:
                return self._path(key).read_bytes()
            except OSError:
                return None
        return None

    def _keep(self, key: tuple[str, int, int], data: bytes) -> None:
        with self._lock:
            if key not in self._recent:
                self._recent_bytes += len(data)
            self._recent[key] = data
            while self._recent_bytes > KEPT_BYTES:
                self._recent_bytes -= len(self._recent.popitem(last=False)[1])
        if key[1] > STORED_ORDER:
            return
        path = self._path(key)
        aside = path.with_name(f"{path.name}.{uuid.uuid4().hex}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            aside.write_bytes(data)
            os.replace(aside, path)
        except OSError:  # a read-only or full disk costs speed, not the tile
            aside.unlink(missing_ok=True)
