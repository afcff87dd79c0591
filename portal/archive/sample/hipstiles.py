"""The HiPS surveys of one sample folder as files: tiles, previews and coverage, stored or made when asked.

Knows which tiles are kept where; what they look like is hips.py's.
"""

from __future__ import annotations

import os
import shutil
import uuid
from collections import OrderedDict
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Lock

from portal.archive.sample import hips, hipsfits
from portal.archive.sample.coverage import coverage
from portal.archive.sample.hipsproperties import properties
from portal.archive.sample.noise import Noise
from portal.archive.sample.sources import Sources

LOOK = 10  # raise when tiles come out differently, so that stored ones are not used
# Tiles up to this order are stored: they hold the most objects and there are few. Finer ones are as quick to draw
# as to read, and would fill gigabytes.
STORED_ORDER = 8
STORED_FITS_ORDER = 6  # FITS tiles hold a megabyte each, and those of finer orders fewer objects
KEPT_BYTES = 64 * 1024 * 1024  # of recent tiles in memory
ALLSKY = -1  # stands for an order in the keys of previews

Key = tuple[str, int, int, str]


class Tiles:
    """The tiles of all surveys over ``fields`` (ra, dec, radius in degrees; the main one first).

    ``sources`` opens the objects. Safe to share between threads; drawing releases the GIL.
    """

    def __init__(self, folder: Path, fields: Sequence, sources: Callable[[], Sources], noise: Noise) -> None:
        self.fields = tuple(fields)
        self._home = Path(folder) / "hips"
        self._sources = sources
        self._noise = noise
        self._lock = Lock()
        self._recent: OrderedDict[Key, bytes] = OrderedDict()
        self._recent_bytes = 0
        self._swept = False

    def tile(self, survey: str, order: int, npix: int, form: str = "png") -> bytes | None:
        """A tile of 512 x 512 pixels, or None where there is none (outside the fields or the orders 3 to 11).

        ``form`` is "png", or "fits" for the values of a single band. Raises KeyError for an unknown survey, or one
        that does not come in this form.
        """
        chosen = self._chosen(survey, form)
        if not hips.ORDER_MIN <= order <= hips.ORDER_MAX or not 0 <= npix < 12 * 4**order:
            return None
        key = (survey, order, npix, form)
        found = self._recall(key)
        if found is None:
            light = hips.light_of(self._sources(), self._noise, self.fields, chosen, order, npix)
            if light is None:
                return None
            if form == "fits":
                found = hipsfits.tile_fits(hipsfits.values(light), order, npix, chosen.bands)
            else:
                found = hips.png(hips.drawn(light, chosen))
            self._keep(key, found)
        return found

    def allsky(self, survey: str, form: str = "png") -> bytes:
        """The preview of order 3. Raises KeyError as ``tile`` does."""
        chosen = self._chosen(survey, form)
        key = (survey, ALLSKY, 0, form)
        found = self._recall(key)
        if found is None:
            lights = {}
            for npix in coverage(self.fields, hips.ALLSKY_ORDER).flatten().tolist():
                light = hips.light_of(self._sources(), self._noise, self.fields, chosen, hips.ALLSKY_ORDER, npix)
                if light is not None:
                    lights[npix] = light
            if form == "fits":
                found = hipsfits.allsky_fits({k: hipsfits.values(light) for k, light in lights.items()}, chosen.bands)
            else:
                found = hips.png(hips.allsky({k: hips.drawn(light, chosen) for k, light in lights.items()}))
            self._keep(key, found)
        return found

    def properties(self, survey: str, url: str = "") -> str:
        """The ``properties`` text; ``url`` is where the survey is served. Raises KeyError for an unknown survey."""
        fraction = float(coverage(self.fields, hips.ORDER_MAX).sky_fraction)
        return properties(hips.SURVEYS[survey], self.fields, fraction, hips.ORDER_MAX, url)

    @staticmethod
    def _chosen(survey: str, form: str) -> hips.Survey:
        chosen = hips.SURVEYS[survey]
        if form != "png" and not (form == "fits" and len(chosen.bands) == 1):
            raise KeyError(f"{survey} has no tiles in {form}")
        return chosen

    @staticmethod
    def _stored(key: Key) -> bool:
        return key[1] <= (STORED_FITS_ORDER if key[3] == "fits" else STORED_ORDER)

    def _path(self, key: Key) -> Path:
        survey, order, npix, form = key
        home = self._home / f"look-{LOOK}" / survey
        if order == ALLSKY:
            return home / f"Norder{hips.ALLSKY_ORDER}" / f"Allsky.{form}"
        return home / f"Norder{order}" / f"Dir{npix // 10000 * 10000}" / f"Npix{npix}.{form}"

    def _recall(self, key: Key) -> bytes | None:
        with self._lock:
            if key in self._recent:
                self._recent.move_to_end(key)
                return self._recent[key]
        if self._stored(key):
            try:
                return self._path(key).read_bytes()
            except OSError:
                return None
        return None

    def _keep(self, key: Key, data: bytes) -> None:
        with self._lock:
            if key not in self._recent:
                self._recent_bytes += len(data)
            self._recent[key] = data
            while self._recent_bytes > KEPT_BYTES:
                self._recent_bytes -= len(self._recent.popitem(last=False)[1])
        if not self._stored(key):
            return
        self._sweep()
        path = self._path(key)
        aside = path.with_name(f"{path.name}.{uuid.uuid4().hex}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            aside.write_bytes(data)
            os.replace(aside, path)
        except OSError:  # a read-only or full disk costs speed, not the tile
            aside.unlink(missing_ok=True)

    def _sweep(self) -> None:
        """Once, before the first tile is stored: tiles of other looks go."""
        with self._lock:
            swept, self._swept = self._swept, True
        if swept or not self._home.is_dir():
            return
        for other in self._home.glob("look-*"):
            if other.name != f"look-{LOOK}":
                shutil.rmtree(other, ignore_errors=True)
