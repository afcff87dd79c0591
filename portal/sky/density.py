"""Any number of rows on the sky: sorted once by HEALPix pixel, then counted into tiles and found by place.

A tile is one of a HiPS (HiPS 1.0): nested HEALPix at ``order``, 256 x 256 bins of ``order + 8``. Arrays of a tile lie
as its FITS file does, the lowest row first. Knows positions, marks and values as arrays; nothing of tables or pages.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from astropy import units as u
from astropy.coordinates import Latitude, Longitude
from astropy_healpix import core
from mocpy import MOC

from portal.table.foreign.sphere import distance

BITS = 8
WIDTH = 2**BITS  # bins on a side of a tile: four to nine tiles fill a view, 256 kB each before they are packed
DEEPEST = 29  # HEALPix order of the index: 0.4 mas, exact for every catalogue
MAX_ORDER = 14  # of tiles; its bins are 50 mas wide, finer than any image behind the rows
RUNS_FROM = 4 * WIDTH * WIDTH  # rows in a tile from which finding the ends of bins costs less than counting rows
FEW_MORE = 1.3  # the pixels that cover a circle hold at most so many times the rows of the circle itself, nearly always
COARSE_ROWS = 200_000  # positions looked at for the circle around all
PULLS = 30  # of the circle's centre towards the row farthest from it
COARSE_FROM = 14  # HEALPix order of the pixels that stand for their rows, when there are more; its pixels are 13" wide
COVER_STEPS = 5  # orders finer than the pixel as wide as the circle


class Tile(NamedTuple):
    """Bins of one tile, (256, 256) with the lowest row first.

    ``count`` int32 rows, ``marked`` int32 of them that are marked (None: none is), ``value`` float32 (None where only
    the number of rows is asked): the mean of a column, NaN without one, or the code of the commonest class, -1 without.
    """

    count: np.ndarray
    marked: np.ndarray | None = None
    value: np.ndarray | None = None


class SkyIndex:
    """Rows in the order of their HEALPix pixels. Costs 28 bytes a row; safe for any number of threads.

    ``rows`` are their row numbers, ``ra`` and ``dec`` their positions (degrees), ``pixels`` nested at order 29, all in
    that order; ``without`` counts the rows that have no position.
    """

    def __init__(self, ra: np.ndarray, dec: np.ndarray, rows: np.ndarray) -> None:
        """Positions in ICRS degrees; what is not finite or beyond a pole is left out."""
        good = np.isfinite(ra) & np.isfinite(dec) & (np.abs(dec) <= 90)
        self.without = int(len(good) - np.count_nonzero(good))
        if self.without:
            ra, dec, rows = ra[good], dec[good], rows[good]
        ra, dec = np.asarray(ra, np.float64), np.asarray(dec, np.float64)
        pixels = core.lonlat_to_healpix(ra * u.deg, dec * u.deg, 2**DEEPEST, order="nested")
        order = np.argsort(pixels, kind="stable")
        self.pixels, self.rows = pixels[order], np.asarray(rows, np.uint32)[order]
        self.ra, self.dec = ra[order], dec[order]

    def __len__(self) -> int:
        return len(self.rows)

    def span(self, order: int, npix: int) -> tuple[int, int]:
        """Where the rows of a tile begin and end in the index. Raises ValueError when there is no such tile."""
        if not (0 <= order <= MAX_ORDER and 0 <= npix < 12 << 2 * order):
            raise ValueError(f"order {order} has no tile {npix}")
        shift = 2 * (DEEPEST - order)
        first, last = np.searchsorted(self.pixels, [npix << shift, (npix + 1) << shift])
        return int(first), int(last)

    def counts(self, order: int, npix: int) -> np.ndarray:
        """Rows in each bin of a tile, int32 (256, 256)."""
        first, last = self.span(order, npix)
        return _laid_out(self._counted(order, npix, first, last).astype(np.int32))

    def tile(
        self,
        order: int,
        npix: int,
        marked: np.ndarray | None = None,
        values: np.ndarray | None = None,
        classes: int = 0,
    ) -> Tile:
        """The bins of a tile. ``marked`` (bool) and ``values`` (float32, or int16 codes below ``classes`` with -1 for
        rows of no class) are in the order of the index.
        """
        first, last = self.span(order, npix)
        counts = self._counted(order, npix, first, last)
        full = np.flatnonzero(counts)
        starts = (np.cumsum(counts) - counts)[full]
        marks = means = None
        if marked is not None:
            marks = np.zeros(WIDTH * WIDTH, np.int32)
            if len(full):
                marks[full] = np.add.reduceat(marked[first:last], starts, dtype=np.int32)
            marks = _laid_out(marks)
        if values is not None:
            means = np.full(WIDTH * WIDTH, -1 if classes else np.nan, np.float32)
            if len(full):
                part = values[first:last]
                means[full] = _commonest(part, starts, classes) if classes else _means(part, starts)
            means = _laid_out(means)
        return Tile(_laid_out(counts.astype(np.int32)), marks, means)

    def within(self, ra: float, dec: float, radius: float, limit: int) -> np.ndarray | None:
        """Places in the index of the rows in a circle (degrees, border included); None for more than ``limit``."""
        if radius >= 180:
            return np.arange(len(self)) if len(self) <= limit else None
        spans = self._covering(ra, dec, radius)
        if sum(last - first for first, last in spans) > FEW_MORE * limit + 100:
            return None
        places = np.concatenate([np.arange(*span) for span in spans]) if spans else np.empty(0, np.int64)
        places = places[distance(ra, dec, self.ra[places], self.dec[places]) <= radius]
        return places if len(places) <= limit else None

    def roughly(self, ra: float, dec: float, radius: float) -> int:
        """How many rows a circle (degrees) holds; some just outside of it are counted too."""
        return sum(last - first for first, last in self._covering(ra, dec, radius))

    def nearest(self, ra: float, dec: float, radius: float) -> int:
        """The row nearest to a position within ``radius`` (degrees), -1 for none."""
        spans = self._covering(ra, dec, radius)
        best, row = radius, -1
        for first, last in spans:
            away = distance(ra, dec, self.ra[first:last], self.dec[first:last])
            at = int(np.argmin(away)) if len(away) else -1
            if at >= 0 and away[at] <= best:
                best, row = float(away[at]), int(self.rows[first + at])
        return row

    def bounds(self) -> tuple[float, float, float] | None:
        """A circle (ra, dec, radius in degrees) around all rows, at most a tenth wider than the narrowest; or None."""
        if not len(self):
            return None
        ra, dec, room = self.ra, self.dec, 0.0
        order = COARSE_FROM
        while len(ra) > COARSE_ROWS:  # one row stands for those of its pixel
            parts = self.pixels >> 2 * (DEEPEST - order)
            firsts = np.flatnonzero(np.r_[True, parts[1:] != parts[:-1]])
            ra, dec, room = self.ra[firsts], self.dec[firsts], 120 / 2**order
            order -= 2
        x, y, z = _unit(ra, dec)

        def farthest(from_: np.ndarray) -> int:
            return int(np.argmin(x * from_[0] + y * from_[1] + z * from_[2]))

        def at(i: int) -> np.ndarray:
            return np.array([x[i], y[i], z[i]])

        one = at(farthest(at(0)))
        two = at(farthest(one))
        middle = one + two if np.linalg.norm(one + two) > 1e-6 else one
        middle = middle / np.linalg.norm(middle)
        ball, best = middle, -2.0
        for step in range(3, 3 + PULLS):  # ever less towards the farthest (Bădoiu & Clarkson 2003)
            far = at(farthest(ball))
            length = np.linalg.norm(ball)
            if length < 1e-6:
                break  # they lie all around
            if far @ ball / length > best:
                best, middle = far @ ball / length, ball / length
            ball = ball + (far - ball) / step
        ra0, dec0 = math.degrees(math.atan2(middle[1], middle[0])) % 360, math.degrees(math.asin(middle[2]))
        return ra0, dec0, min(180.0, float(distance(ra0, dec0, ra, dec).max()) * (1 + 1e-9) + room)

    def _covering(self, ra: float, dec: float, radius: float) -> list[tuple[int, int]]:
        """Stretches of the index that hold every row of a circle, not empty."""
        if radius >= 180:
            return [(0, len(self))] if len(self) else []
        reach = radius * (1 + 1e-9) + 1e-9  # rounding at the border can lose no row
        order = max(0, min(DEEPEST, math.ceil(math.log2(60 / reach)) + COVER_STEPS))
        cover = MOC.from_cone(
            Longitude(ra, u.deg), Latitude(dec, u.deg), radius=reach * u.deg, max_depth=order, delta_depth=1
        )
        ranges = cover.to_depth29_ranges.astype(np.int64)
        cuts = np.searchsorted(self.pixels, ranges)
        return [(int(first), int(last)) for first, last in cuts if last > first]

    def _counted(self, order: int, npix: int, first: int, last: int) -> np.ndarray:
        """Rows in each bin, in nested order."""
        part = self.pixels[first:last]
        shift = 2 * (DEEPEST - order - BITS)
        base = npix << 2 * BITS
        if len(part) < RUNS_FROM:
            return np.bincount((part >> shift) - base, minlength=WIDTH * WIDTH)
        ends = (np.arange(base, base + WIDTH * WIDTH + 1, dtype=np.int64)) << shift
        return np.diff(np.searchsorted(part, ends))


def _spread() -> np.ndarray:
    """Nested place in its tile of the bin at each place of the FITS array, flat."""
    across = np.zeros(WIDTH, np.int64)
    for bit in range(BITS):
        across |= ((np.arange(WIDTH) >> bit) & 1) << 2 * bit
    # Columns count HEALPix's y, rows its x from the top (HiPS 1.0, section 4.2.1).
    return (across[::-1, None] + (across[None, :] << 1)).ravel()


_PLACES = _spread()


def _laid_out(bins: np.ndarray) -> np.ndarray:
    return bins[_PLACES].reshape(WIDTH, WIDTH)


def _means(values: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """The mean of the finite values of each run; NaN for a run that has none."""
    good = np.isfinite(values)
    sums = np.add.reduceat(np.where(good, values, 0), starts, dtype=np.float64)
    n = np.add.reduceat(good, starts, dtype=np.int64)
    with np.errstate(invalid="ignore"):
        return np.where(n > 0, sums / n, np.nan)


def _commonest(codes: np.ndarray, starts: np.ndarray, classes: int) -> np.ndarray:
    """The class most rows of each run have, the first of equals; -1 for a run without any."""
    best = np.full(len(starts), -1, np.int16)
    most = np.zeros(len(starts), np.int64)
    for code in range(classes):
        n = np.add.reduceat(codes == code, starts, dtype=np.int64)
        best[n > most] = code
        most = np.maximum(most, n)
    return best


def _unit(ra: np.ndarray, dec: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    a, d = np.radians(ra), np.radians(dec)
    return np.cos(d) * np.cos(a), np.cos(d) * np.sin(a), np.sin(d)
