"""SODA 1.0 cutouts of the coadded images at a position, found through ObsTAP and DataLink."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlencode

from ..errors import ServiceError, TriviewError
from .datalink import read_links
from .http import Web, error_text
from .tap import TapService
from .votable import small_table

BANDS = "ugrizy"
COADDS = ("lsst.deep_coadd", "lsst.deepCoadd_calexp")  # DP1 and later; DP0.2
THUMB_BANDS = "irzgyu"  # for one small picture: the deepest that is there
THUMBS_A_MINUTE = 25  # of 35 that a Rubin Science Platform grants; the rest is for the object under study
CACHE_BYTES = 64 << 20  # about 300 objects in six bands at 10 arcsec


class Cutouts:
    """Cutouts with a cache. Blocking: call in a worker thread."""

    def __init__(self, web: Web, service: TapService) -> None:
        self.web = web
        self.service = service
        self._kept: OrderedDict[tuple, bytes] = OrderedDict()
        self._size = 0
        self._lock = threading.Lock()
        # Six bands at once: the services answer in parallel; more would only run into quotas.
        self._pool = ThreadPoolExecutor(6, "cutout")
        self._asked: deque[float] = deque(maxlen=THUMBS_A_MINUTE)

    def coadds(self, ra: float, dec: float) -> dict[str, dict[str, Any]]:
        """The coadd that covers the position (ICRS deg), by band; of several the one centred nearest."""
        subtypes = ", ".join(f"'{name}'" for name in COADDS)
        adql = (
            "SELECT lsst_band, s_ra, s_dec, access_url, obs_publisher_did FROM ivoa.ObsCore"
            f" WHERE dataproduct_subtype IN ({subtypes})"
            f" AND CONTAINS(POINT('ICRS', {ra!r}, {dec!r}), s_region) = 1"
        )
        rows = small_table(self.service.sync(adql))[1]
        rows.sort(key=lambda row: abs(row["s_dec"] - dec) + abs((row["s_ra"] - ra + 180) % 360 - 180))
        found: dict[str, dict[str, Any]] = {}
        for row in rows:
            found.setdefault(row["lsst_band"], row)
        return {band: found[band] for band in BANDS if band in found}

    def cutouts(
        self, ra: float, dec: float, radius: float, stopped: Callable[[], bool] = lambda: False
    ) -> list[tuple[str, bytes]]:
        """(band, FITS bytes) of every coadd at the position, in the order u g r i z y; ``radius`` in deg.

        Raises ServiceError when there is no image there, or when every band fails.
        """
        images = self.coadds(ra, dec)
        if not images:
            raise ServiceError("No coadded image covers this position.", "Choose an object inside the survey area.")

        def one(item: tuple[str, dict[str, Any]]) -> tuple[str, bytes] | TriviewError | None:
            band, row = item
            if stopped():
                return None
            try:
                return band, self._cutout(row, ra, dec, radius)
            except TriviewError as error:
                return error

        answers = [answer for answer in self._pool.map(one, images.items()) if answer is not None]
        good = [answer for answer in answers if not isinstance(answer, TriviewError)]
        if answers and not good:
            raise answers[0]
        return good

    def thumb_wait(self) -> float:
        """Seconds until another small picture may be asked for, 0 when now: then it counts as asked for.

        The embedded archive has no quota.
        """
        if self.web.settings.embedded:
            return 0.0
        with self._lock:
            now = time.monotonic()
            wait = self._asked[0] + 60 - now if len(self._asked) == THUMBS_A_MINUTE else 0.0
            if wait <= 0:
                self._asked.append(now)
            return max(wait, 0.0)

    def thumb(self, ra: float, dec: float, radius: float) -> bytes:
        """FITS bytes of one band at the position (deg). Raises ServiceError when there is no image there."""
        images = self.coadds(ra, dec)
        band = next((band for band in THUMB_BANDS if band in images), None)
        if band is None:
            raise ServiceError("No coadded image covers this position.")
        return self._cutout(images[band], ra, dec, radius)

    def _cutout(self, row: dict[str, Any], ra: float, dec: float, radius: float) -> bytes:
        key = (row["obs_publisher_did"], round(ra, 7), round(dec, 7), round(radius, 7))
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        soda = read_links(self.web, row["access_url"]).soda()
        if soda is None:
            raise ServiceError("The archive offers no cutout service for this image.", url=row["access_url"])
        ident = next((item.value for item in soda.inputs if item.name.upper() == "ID" and item.value), "")
        query = {"ID": ident or row["obs_publisher_did"], "CIRCLE": f"{ra!r} {dec!r} {radius!r}"}
        answer = self.web.get(f"{soda.access_url}?{urlencode(query)}")
        if answer.status_code >= 400:
            raise ServiceError(error_text(answer), status=answer.status_code, url=soda.access_url)
        with self._lock:
            self._size += len(answer.content) - len(self._kept.get(key, b""))  # two may have asked at once
            self._kept[key] = answer.content
            while self._size > CACHE_BYTES and len(self._kept) > 1:
                self._size -= len(self._kept.popitem(last=False)[1])
        return answer.content

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)
