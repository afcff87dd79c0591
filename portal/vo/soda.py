"""The coadded images at a position, found through ObsTAP, and cutouts of them."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Any

from ..errors import ServiceError
from ..table.foreign.sphere import distance
from .images import ImageFiles
from .obscore import BANDS, ImageRef, coadds_at, ref_of
from .tap import TapService
from .votable import small_table

THUMB_BANDS = "irzgyu"  # for one small picture: the deepest that is there
PLACES = 1000  # whose coadds are remembered; a table shows 40 small pictures at a time


class Cutouts:
    """Cutouts of coadds. Blocking: call in a worker thread."""

    def __init__(self, files: ImageFiles, service: TapService) -> None:
        self.files = files
        self.service = service
        self._places: OrderedDict[tuple[float, float], tuple[ImageRef, ...]] = OrderedDict()
        self._lock = threading.Lock()

    def rows(self, adql: str) -> list[dict[str, Any]]:
        """The rows of a small query, as dicts. Raises TriviewError."""
        return small_table(self.service.sync(adql))[1]

    def coadds(self, ra: float, dec: float) -> tuple[ImageRef, ...]:
        """The coadds that cover the position (ICRS deg), in the order u g r i z y; of several the one centred nearest.

        Raises ServiceError when there is none.
        """
        with self._lock:
            known = self._places.get((ra, dec))
        if known is None:
            rows = self.rows(coadds_at(ra, dec))
            rows.sort(key=lambda row: float(distance(ra, dec, row["s_ra"], row["s_dec"])))
            found: dict[str, ImageRef] = {}
            for row in rows:
                ref = ref_of(row)
                if ref is not None:
                    found.setdefault(ref.band, ref)
            known = tuple(found[band] for band in BANDS if band in found)
            with self._lock:
                self._places[ra, dec] = known
                while len(self._places) > PLACES:
                    self._places.popitem(last=False)
        if not known:
            raise ServiceError("No coadded image covers this position.", "Choose an object inside the survey area.")
        return known

    def thumb_wait(self) -> float:
        """Seconds until another small picture may be asked for, 0 when now: then it counts as asked for."""
        return self.files.quota.spared()

    def thumb(self, ra: float, dec: float, radius: float) -> bytes:
        """FITS bytes of one band at the position (deg). Raises ServiceError when there is no image there."""
        coadds = {ref.band: ref for ref in self.coadds(ra, dec)}
        band = next(band for band in THUMB_BANDS if band in coadds)
        return self._bytes(coadds[band].cut(ra, dec, radius), paid=True)

    def _bytes(self, ref: ImageRef, paid: bool = False) -> bytes:
        with self.files.file(ref, threading.Event(), lambda _: None, paid) as path:
            return path.read_bytes()
