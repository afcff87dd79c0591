"""Pixels of a sample sky on request: coadd boxes, FITS cutouts, HiPS tiles and coverage.

The one class other rooms need; pixels are drawn when asked.
"""

from __future__ import annotations

import json
from pathlib import Path
from threading import Lock

from astropy import units as u
from astropy_healpix import HEALPix

from portal.archive.sample import fits, hips
from portal.archive.sample.bands import BANDS
from portal.archive.sample.coadd import Box, Field, coadd_box
from portal.archive.sample.coverage import coverage, moc_bytes
from portal.archive.sample.geometry import Patch, patches_of
from portal.archive.sample.hipstiles import Tiles
from portal.archive.sample.noise import Noise
from portal.archive.sample.sources import Sources
from portal.errors import FormatError


class SkyPixels:
    """The pixels of one sample folder. Safe to share between threads; drawing releases the GIL.

    Raises FormatError when the folder has no manifest or no objects to draw.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = Path(folder)
        try:
            manifest = json.loads((self._folder / "manifest.json").read_text())
            self.fields = tuple(
                Field(float(place["ra"]), float(place["dec"]), float(place["radius"])) for place in manifest["fields"]
            )
            self.field = self.fields[0]
            self._seed = int(manifest["seed"])
        except (OSError, ValueError, LookupError, TypeError) as error:
            raise FormatError(f"{self._folder} is not a sample sky: {error}", "Build the sample again.") from error
        self._noise = Noise(self._seed)
        self._sources: Sources | None = None
        self._lock = Lock()
        self.tiles = Tiles(self._folder, self.fields, self._open, self._noise)

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
            hips.picture(sources, self._noise, self.tiles.fields, hips.SURVEYS[survey], hips.ORDER_MAX, int(centre))

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

    def hips_tile(self, survey: str, order: int, npix: int, form: str = "png") -> bytes | None:
        """A tile of 512 x 512 pixels as ``png`` or ``fits``, or None where there is none (see ``Tiles.tile``)."""
        return self.tiles.tile(survey, order, npix, form)

    def allsky(self, survey: str, form: str = "png") -> bytes:
        """The preview of order 3. Raises KeyError for an unknown survey."""
        return self.tiles.allsky(survey, form)

    def hips_properties(self, survey: str, url: str = "") -> str:
        """The ``properties`` text; ``url`` is where the survey is served. Raises KeyError for an unknown survey."""
        return self.tiles.properties(survey, url)

    def moc(self, order: int = hips.ORDER_MAX) -> bytes:
        """The coverage as a FITS MOC of ``order`` (0 to 13)."""
        return moc_bytes(coverage(self.tiles.fields, min(max(order, 0), 13)))

    def _open(self) -> Sources:
        with self._lock:
            if self._sources is None:
                self._sources = Sources.open(self._folder)
            return self._sources
