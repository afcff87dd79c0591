"""Pixels of a sample sky on request: boxes and FITS files of coadds and exposures, HiPS tiles and coverage.

The one class other rooms need; pixels are drawn when asked. Whole images, which take seconds, are kept on disk.
"""

from __future__ import annotations

import json
from pathlib import Path
from threading import Lock

from astropy import units as u
from astropy_healpix import HEALPix

from portal.archive.sample import fits, hips
from portal.archive.sample.bands import BANDS
from portal.archive.sample.cells import separation
from portal.archive.sample.coadd import RECIPES, Box, Field, coadd_box
from portal.archive.sample.coverage import coverage
from portal.archive.sample.exposure import Exposure, Exposures
from portal.archive.sample.geometry import Patch, patches_of
from portal.archive.sample.hipstiles import Tiles
from portal.archive.sample.noise import Noise
from portal.archive.sample.sources import Sources
from portal.archive.sample.steps import round_box, steps
from portal.archive.sample.tilecache import DiskCache
from portal.archive.sample.visitimage import KINDS as EXPOSURE_KINDS
from portal.archive.sample.visitimage import VisitImages
from portal.archive.sample.visitlight import VisitLight
from portal.errors import FormatError
from portal.sky.moc import moc_bytes

KINDS = (*RECIPES, "visit_image", "difference_image", "raw")
LOOK = 4  # raise when images come out differently, so that stored ones are not used
# Whole images are some 17 MB each: room for sixty.
STORED_BYTES = 1 << 30


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
        self._exposures: Exposures | None = None
        self._visits: VisitImages | None = None
        self._lock = Lock()
        self._stored = DiskCache(self._folder / "images", f"look-{LOOK}", STORED_BYTES)
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
        exposures = self._listed()
        if len(exposures):
            exposure = exposures.find(exposures.visits[0], 0)
            for kind in EXPOSURE_KINDS:
                self.box(kind, exposure, exposure.band, 2000, 2000, 8, 8)
        for survey in ("color_gri", "band_r"):
            hips.picture(sources, self._noise, self.tiles.fields, hips.SURVEYS[survey], hips.ORDER_MAX, int(centre))

    def field_at(self, ra: float, dec: float) -> Field:
        """The field whose rim or middle is nearest to a position (degrees)."""
        return min(self.fields, key=lambda field: separation(ra, dec, field.ra, field.dec) - field.radius)

    def exposure(self, visit: int, detector: int) -> Exposure:
        """The image of a detector in a visit. Raises KeyError when the sample has none such."""
        return self._listed().find(visit, detector)

    def box(self, kind: str, where: Patch | Exposure, band: str, x0: int, y0: int, nx: int, ny: int) -> Box:
        """(image, mask, variance), each (ny, nx), of a box in pixels of ``where`` counted from 0.

        ``kind`` is one of KINDS: coadds on a Patch, the others on an Exposure. Units are nJy and nJy2, of raw images
        adu. Any box equals the same part of the whole image bit for bit. Raises ValueError for a box that leaves the
        image, a band that is none or not the exposure's, and a kind that does not go with ``where``.
        """
        if band not in BANDS or len(band) != 1:
            raise ValueError(f"no band {band!r}: bands are {', '.join(BANDS)}")
        field = self.field_at(*where.centre())
        if isinstance(where, Patch) and kind in RECIPES:
            made = coadd_box(self._open(), self._noise, field, band, where, x0, y0, nx, ny, kind)
            return round_box(made, *steps(kind, where, band))
        if isinstance(where, Exposure) and kind in EXPOSURE_KINDS:
            if band != where.band:
                raise ValueError(f"visit {where.visit} was taken in {where.band}, not {band}")
            made = self._visit_images().box(kind, where, self.fields[where.field], x0, y0, nx, ny)
            return made if kind == "raw" else round_box(made, *steps(kind, where, band))
        raise ValueError(f"no {kind!r} of a {type(where).__name__}: kinds are {', '.join(KINDS)}")

    def product_fits(
        self,
        kind: str,
        where: Patch | Exposure,
        band: str,
        box: tuple[int, int, int, int] | None = None,
        detail: str = "MaskedImage",
    ) -> bytes:
        """A FITS file of ``box`` (x0, y0, nx, ny), or of the whole image: that one is compressed as Rubin's are.

        ``detail`` is Image or MaskedImage. Raises ValueError as ``box`` does, and for another ``detail``.
        """
        if box is not None:
            return fits.masked_image(self.box(kind, where, band, *box), band, where, *box[:2], detail, kind)
        place = f"{where.visit}-{where.detector}" if isinstance(where, Exposure) else f"{where.tract}-{where.patch}"
        key = f"{kind}/{place}-{band}-{detail}.fits"
        found = self._stored.get(key)
        if found is None:
            made = self.box(kind, where, band, 0, 0, where.nx, where.ny)
            found = fits.masked_image(made, band, where, 0, 0, detail, kind, compress=True)
            self._stored.put(key, found)
        return found

    def coadd(self, band: str, patch: Patch, x0: int, y0: int, nx: int, ny: int) -> Box:
        """``box`` of a deep coadd."""
        return self.box("deep_coadd", patch, band, x0, y0, nx, ny)

    def coadd_fits(
        self, band: str, patch: Patch, box: tuple[int, int, int, int] | None = None, detail: str = "MaskedImage"
    ) -> bytes:
        """``product_fits`` of a deep coadd."""
        return self.product_fits("deep_coadd", patch, band, box, detail)

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

    def _listed(self) -> Exposures:
        with self._lock:
            if self._exposures is None:
                self._exposures = Exposures(self._folder)
            return self._exposures

    def _visit_images(self) -> VisitImages:
        sources = self._open()
        with self._lock:
            if self._visits is None:
                self._visits = VisitImages(self._seed, self._noise, sources, VisitLight.open(self._folder))
            return self._visits
