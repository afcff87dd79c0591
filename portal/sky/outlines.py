"""The outlines in a column of regions, as loops of corners: what is drawn as footprints.

Knows columns of texts and of numbers; knows neither tables nor how anything is drawn.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from portal.errors import LimitError
from portal.sky.region import ICRS, LONGEST_TEXT, Loop, in_icrs, parse_region, polygon, shape

MOST_CORNERS = 4_000_000  # 64 MB; 30,000 detectors have 120,000


class Outlines(NamedTuple):
    """Closed loops: that of number ``i`` has the corners ``start[i]`` to ``start[i + 1]`` and belongs to ``row[i]``.

    ``ra`` and ``dec`` in ICRS degrees; ``row`` counts the regions given. ``bad`` regions could not be read, the first
    of them for the reason ``why``.
    """

    ra: np.ndarray
    dec: np.ndarray
    start: np.ndarray
    row: np.ndarray
    bad: int
    why: str

    @property
    def count(self) -> int:
        return len(self.row)


def read_outlines(regions: pa.Array | pa.ChunkedArray, kind: str = "") -> Outlines:
    """The outlines of many regions: texts, or lists of degrees whose ``kind`` is their xtype (polygon, circle, range).

    Nulls and empty texts have none. Raises LimitError beyond 4 million corners. 30,000 polygons take 0.2 s.
    """
    gathered = _Gathered()
    if pa.types.is_list(regions.type) or pa.types.is_fixed_size_list(regions.type):
        name = (kind or "polygon").upper()
        for at, values in enumerate(regions.to_pylist()):
            if values:
                numbers = np.array([math.nan if x is None else x for x in values], float)
                gathered.take(at, lambda numbers=numbers: [in_icrs(loop, "ICRS") for loop in shape(name, numbers)])
    else:
        for at, text in enumerate(regions.to_pylist()):
            if text and not gathered.take_plain(at, text) and not text.isspace():
                gathered.take(at, lambda text=text: parse_region(text))
    return gathered.outlines()


def outlines_of_corners(corners: Sequence[np.ndarray]) -> Outlines:
    """Polygons whose corners stand in columns: ra, dec, ra, dec, ... (degrees); rows that lack one have none."""
    flat = np.stack([np.asarray(item, float) for item in corners], axis=1)
    good = np.isfinite(flat).all(axis=1) & (np.abs(flat[:, 1::2]) <= 90).all(axis=1)
    count = flat.shape[1] // 2
    start = np.arange(int(good.sum()) + 1, dtype=np.uint32) * np.uint32(count)
    return Outlines(
        flat[good, 0::2].ravel() % 360.0, flat[good, 1::2].ravel(), start, np.flatnonzero(good).astype(np.uint32), 0, ""
    )


class _Gathered:
    """Collects loops; plain polygons, most of all there are, as bare numbers that are looked at together."""

    def __init__(self) -> None:
        self.loops: list[Loop] = []
        self.rows: list[int] = []
        self.total = 0
        self.bad, self.why = 0, ""
        self.plain: list[float] = []
        self.plain_counts: list[int] = []
        self.plain_rows: list[int] = []

    def take(self, at: int, read: Callable[[], list[Loop]]) -> None:
        try:
            loops = read()
        except (ValueError, OverflowError) as error:
            self.bad, self.why = self.bad + 1, self.why or str(error)
            return
        self.loops += loops
        self.rows += [at] * len(loops)
        self._count(sum(map(len, loops)))

    def take_plain(self, at: int, text: str) -> bool:
        """Take the text when it is POLYGON, ICRS or nothing, and an even count of numbers."""
        words = text.split()
        if not words or words[0].upper() != "POLYGON" or len(text) > LONGEST_TEXT:
            return False
        first = 2 if len(words) > 1 and words[1].upper() in ICRS else 1
        count = len(words) - first
        if count < 6 or count % 2 or "_" in text:
            return False
        try:
            numbers = [float(word) for word in words[first:]]
        except ValueError:
            return False
        self.plain += numbers
        self.plain_counts.append(count)
        self.plain_rows.append(at)
        self._count(count // 2)
        return True

    def _count(self, corners: int) -> None:
        self.total += corners
        if self.total > MOST_CORNERS:
            raise LimitError(f"The outlines have more than {MOST_CORNERS:,} corners.", "Filter the rows first.")

    def outlines(self) -> Outlines:
        corners, counts, rows = self._sound()
        lengths = np.concatenate([counts, np.array([len(loop) for loop in self.loops], int)])
        flat = np.concatenate([corners, *self.loops])
        start = np.concatenate([[0], np.cumsum(lengths)]).astype(np.uint32)
        owner = np.concatenate([rows, np.array(self.rows, int)]).astype(np.uint32)
        return Outlines(flat[:, 0].copy(), flat[:, 1].copy(), start, owner, self.bad, self.why)

    def _sound(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(corners (m, 2), corners of each, row of each) of the plain polygons that need no second look."""
        flat = np.array(self.plain, float).reshape(-1, 2)
        counts = np.array(self.plain_counts, int) // 2
        rows = np.array(self.plain_rows, int)
        if not len(rows):
            return flat, counts, rows
        ends = np.cumsum(counts)
        wrong = ~np.isfinite(flat).all(axis=1) | (np.abs(flat[:, 1]) > 90)
        upto = np.concatenate([[0], np.cumsum(wrong)])
        odd = (flat[ends - counts] == flat[ends - 1]).all(axis=1) | (upto[ends] > upto[ends - counts])
        for at in np.flatnonzero(odd):
            part = flat[ends[at] - counts[at] : ends[at]]
            self.take(int(rows[at]), lambda part=part: [in_icrs(polygon(part.ravel()), "ICRS")])
        keep = np.repeat(~odd, counts)
        flat[:, 0] %= 360.0
        return flat[keep], counts[~odd], rows[~odd]
