"""Small pictures of the rows in sight, for the grid: cutouts at their positions, no faster than quotas allow."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator

import numpy as np

from portal.errors import QueryError, TriviewError
from portal.image.thumbnail import thumbnail
from portal.table.result import ResultTable
from portal.vo.soda import Cutouts

from .feeds import Answer

RADIUS = 5.0 / 3600  # deg: the object fills its small picture

log = logging.getLogger(__name__)


class Thumbs:
    """Answers for the address of pictures; ``shown()`` gives the key and the table of the result shown."""

    def __init__(self, cutouts: Cutouts, shown: Callable[[], tuple[str, ResultTable | None]]) -> None:
        self.cutouts = cutouts
        self.shown = shown

    def answer(self, arguments: dict[str, str]) -> Answer:
        """A PNG of row ``row`` of the result ``of``; no bytes where there is no image. With Retry-After: ask again
        after those seconds."""
        key, table = self.shown()
        row = arguments.get("row", "")
        # Row 5 of another result, asked for just before the user went on to this one, is another object.
        names = table.positions() if table is not None and arguments.get("of", "") == key else None
        if names is None or not (row.isascii() and row.isdigit()) or int(row) >= table.n_rows:
            raise QueryError("There is no such row with a position.")
        place = table.take(np.array([int(row)], np.uint32), list(names))
        ra, dec = (place.column(k)[0].as_py() for k in (0, 1))
        if ra is None or dec is None or not np.isfinite(ra) or not abs(dec) <= 90:
            return Answer(b"", "image/png")
        wait = self.cutouts.thumb_wait()
        if wait > 0:
            return Answer(b"", "image/png", (("Retry-After", str(int(wait) + 1)),))
        # Made while it is sent, in the pool of downloads: the pool of pages stays free for rows.
        return Answer(self._picture(float(ra), float(dec)), "image/png")

    def _picture(self, ra: float, dec: float) -> Iterator[bytes]:
        try:
            yield thumbnail(self.cutouts.thumb(ra, dec, RADIUS))
        except TriviewError as error:
            log.info("no small picture at %.5f %+.5f: %s", ra, dec, error)
