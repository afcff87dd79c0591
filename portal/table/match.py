"""Which rows of two tables lie at the same place of the sky, how far apart, and how many do so by chance.

Knows arrays of positions (ICRS degrees, NaN for none), nothing of tables. The tree holds unit vectors: chords are
exact to far less than a milliarcsecond, at the poles and across RA 0 as anywhere.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal, NamedTuple

import numpy as np
from scipy.spatial import cKDTree

from portal.errors import CancelledError, LimitError, QueryError
from portal.table.engine import Stop

CHUNK = 50_000  # positions asked at once: cancel and progress come between
PAIRS_LIMIT = 20_000_000  # 480 MB of pairs; more is a radius too large, not a match
POSITIONS_LIMIT = 50_000_000  # a tree of 50M unit vectors takes 3 GB
RADIUS_LIMIT = 3600.0  # arcsec
SHIFTS = 4  # a shifted sky each to north, south, east and west
BINS = 30

Mode = Literal["best", "mutual", "all"]
MODES: dict[str, str] = {
    "best": "nearest for each of the first",
    "mutual": "nearest to each other",
    "all": "all within the radius",
}
Progress = Callable[[float], None]
Sky = tuple[np.ndarray, np.ndarray]
"""Right ascensions and declinations, degrees, one each per row."""


class Pairs(NamedTuple):
    """Rows that belong together: ``left`` and ``right`` are row numbers (int64), ``separation`` is in arcsec.

    Ordered by left row, then separation. Pairs found by a key have no separation (None).
    """

    left: np.ndarray
    right: np.ndarray
    separation: np.ndarray | None = None


class Chance(NamedTuple):
    """How a match compares with chance. ``edges`` (arcsec, n + 1), pairs ``found`` and ``by_chance`` in each bin (n).

    ``false`` is the number of pairs of the match that are expected to be chance, ``scatter`` its standard deviation.
    """

    edges: np.ndarray
    found: np.ndarray
    by_chance: np.ndarray
    pairs: int
    false: float
    scatter: float
    shift: float


def match_positions(
    left: Sky,
    right: Sky,
    radius: float,
    mode: Mode = "best",
    stop: Stop | None = None,
    progress: Progress | None = None,
) -> Pairs:
    """Pairs of rows at most ``radius`` arcsec apart; rows without a position have no pair.

    Of several rows at the same place the first is taken, unless ``mode`` is "all". Raises QueryError for a radius that
    cannot be, LimitError for more pairs than fit, CancelledError when stopped.
    """
    _check(radius, mode, left, right)
    a_rows, a = _vectors(left)
    b_rows, b = _vectors(right)
    if not len(a) or not len(b):
        return Pairs(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))
    found = _pairs(a, b, radius, mode, stop, progress)
    return Pairs(a_rows[found.left], b_rows[found.right], found.separation)


def chance(left: Sky, right: Sky, radius: float, mode: Mode = "best", stop: Stop | None = None) -> Chance:
    """The separations of a match, and those of the same match with the first table's sky moved aside four times.

    The moved sky has the same density and clustering but no true pairs. In ``all`` there are as many false pairs as
    the moved sky gives on average. Where a row has one partner at most, only rows without a true one can have a false
    one, so found = true + moved (1 - true / rows), for ``mutual`` with the same factor of the second table.
    """
    _check(radius, mode, left, right)
    a, b = _vectors(left)[1], _vectors(right)[1]
    edges = np.linspace(0, radius, BINS + 1)
    shift = max(10 * radius, 30.0)
    if not len(a) or not len(b):
        return Chance(edges, np.zeros(BINS), np.zeros(BINS), 0, 0.0, 0.0, shift)
    found = _pairs(a, b, radius, mode, stop, None)
    moved = [_pairs(_aside(a, shift, turn), b, radius, mode, stop, None) for turn in range(SHIFTS)]
    mean, n = float(np.mean([len(item.left) for item in moved])), len(found.left)
    true = float(n)
    for _ in range(100):  # falls towards the solution; a few steps do unless the sky is full
        free = {"all": 1.0, "best": 1 - true / len(a), "mutual": (1 - true / len(a)) * (1 - true / len(b))}[mode]
        true = max(0.0, n - mean * max(free, 0.0))
    false = n - true
    scatter = math.sqrt(max(false, 1 / SHIFTS))
    by_chance = sum(np.histogram(item.separation, edges)[0] for item in moved) / SHIFTS
    return Chance(edges, np.histogram(found.separation, edges)[0], by_chance, n, false, scatter, shift)


def _check(radius: float, mode: str, left: Sky, right: Sky) -> None:
    if mode not in MODES:
        raise QueryError(f"There is no way to match called {mode!r}.", f"Choose one of {', '.join(MODES)}.")
    if not 0 < radius <= RADIUS_LIMIT:
        raise QueryError("The radius must be more than 0 and at most 3600 arcsec.", "1 arcsec suits Rubin's objects.")
    for sky in (left, right):
        if len(sky[0]) > POSITIONS_LIMIT:
            raise LimitError(f"At most {POSITIONS_LIMIT:,} positions can be matched at once.", "Filter first.")


def _vectors(sky: Sky) -> tuple[np.ndarray, np.ndarray]:
    """Row numbers that have a position, and their unit vectors, shape (n, 3)."""
    ra, dec = (np.radians(np.asarray(values, float)) for values in sky)
    rows = np.flatnonzero(np.isfinite(ra) & (np.abs(dec) <= np.pi / 2))
    ra, dec = ra[rows], dec[rows]
    return rows, np.column_stack([np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)])


def _pairs(
    a: np.ndarray, b: np.ndarray, radius: float, mode: Mode, stop: Stop | None, progress: Progress | None
) -> Pairs:
    chord = 2 * np.sin(np.radians(radius / 3600) / 2)
    if mode == "all":
        return _all(a, cKDTree(b), chord, stop, progress)
    firsts = _first_at_each_place(b)
    found = _nearest(a, cKDTree(b[firsts]), chord, stop, progress)
    found = found._replace(right=firsts[found.right])
    if mode == "mutual" and len(found.left):
        rights = np.unique(found.right)
        back = _nearest(b[rights], cKDTree(a), chord, stop, None)
        least = np.full(len(b), np.inf)
        least[rights[back.left]] = back.separation
        keep = np.flatnonzero(found.separation <= least[found.right])
        # Of several rows at the same place the first counts.
        keep = np.sort(keep[np.unique(found.right[keep], return_index=True)[1]])
        found = Pairs(found.left[keep], found.right[keep], found.separation[keep])
    return found


def _first_at_each_place(vectors: np.ndarray) -> np.ndarray:
    """Places in the array, ascending: the tree takes any of several equal vectors."""
    keep = np.ones(len(vectors), bool)
    order = np.argsort(vectors[:, 0])
    same = np.diff(vectors[order, 0]) == 0
    # Sorting all three numbers takes longer than the tree: only what shares the first is compared.
    alike = np.sort(order[np.r_[False, same] | np.r_[same, False]])
    order = np.lexsort(vectors[alike].T)
    ordered = vectors[alike[order]]
    keep[alike[order[1:]]] = (ordered[1:] != ordered[:-1]).any(axis=1)
    return np.flatnonzero(keep)


def _nearest(a: np.ndarray, tree: cKDTree, chord: float, stop: Stop | None, progress: Progress | None) -> Pairs:
    lefts, rights, apart = [], [], []
    for begin in range(0, len(a), CHUNK):
        _go_on(stop, progress, begin / len(a))
        distance, index = tree.query(a[begin : begin + CHUNK], k=1, distance_upper_bound=np.nextafter(chord, 3))
        hit = np.flatnonzero(np.isfinite(distance))
        lefts.append(hit + begin)
        rights.append(index[hit])
        apart.append(distance[hit])
    return Pairs(np.concatenate(lefts), np.concatenate(rights), _arcsec(np.concatenate(apart)))


def _all(a: np.ndarray, tree: cKDTree, chord: float, stop: Stop | None, progress: Progress | None) -> Pairs:
    lefts, rights, apart, total = [], [], [], 0
    for begin in range(0, len(a), CHUNK):
        _go_on(stop, progress, begin / len(a))
        part = cKDTree(a[begin : begin + CHUNK])
        total += int(part.count_neighbors(tree, chord))
        if total > PAIRS_LIMIT:
            raise LimitError(f"More than {PAIRS_LIMIT:,} pairs lie within this radius.", "Choose a smaller radius.")
        near = part.sparse_distance_matrix(tree, chord, output_type="ndarray")
        order = np.lexsort((near["j"], near["v"], near["i"]))
        lefts.append(near["i"][order] + begin)
        rights.append(near["j"][order])
        apart.append(near["v"][order])
    return Pairs(np.concatenate(lefts), np.concatenate(rights), _arcsec(np.concatenate(apart)))


def _arcsec(chord: np.ndarray) -> np.ndarray:
    return np.degrees(2 * np.arcsin(np.minimum(chord / 2, 1))) * 3600


def _aside(vectors: np.ndarray, arcsec: float, turn: int) -> np.ndarray:
    """The positions moved by an angle: to north, east, south or west of each."""
    x, y = vectors.T[:2]
    flat = np.hypot(x, y)
    safe = np.where(flat > 1e-12, flat, 1.0)
    east = np.column_stack([-y / safe, np.where(flat > 1e-12, x / safe, 1.0), np.zeros_like(x)])
    way = (np.cross(vectors, east), east)[turn % 2] * (1 if turn < 2 else -1)
    angle = np.radians(arcsec / 3600)
    return vectors * np.cos(angle) + way * np.sin(angle)


def _go_on(stop: Stop | None, progress: Progress | None, share: float) -> None:
    if stop is not None and stop.is_set:
        raise CancelledError("Stopped.")
    if progress is not None:
        progress(share)
