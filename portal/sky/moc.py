"""Coverage maps (MOC 2.0): from rows, outlines and files, joined, measured, written, and as a predicate over rows.

Cells are HEALPix pixels, ICRS. Knows neither pages nor services.
"""

from __future__ import annotations

import io
import json
import math
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from astropy import units as u
from mocpy import MOC

from portal.errors import LimitError, QueryError
from portal.sky.moc_read import Read, read_moc
from portal.sky.outlines import Outlines
from portal.table.clauses import Clause
from portal.table.names import ROW, quoted

SKY = 4 * math.pi * math.degrees(1) ** 2  # square degrees
SHOWN = 60_000  # cells sent to a browser: what is finer is drawn at a lower order
CELLS = 200_000  # cells of one predicate: 2 MB of SQL
CELLS_FREELY = 60_000  # cells that a look-up may have to spare another one for each row
POSITIONS_ORDERS = range(3, 19)  # 7° to 0.8″
OUTLINE_ORDERS = range(3, 15)  # 7° to 13″: each step takes twice the time
OPERATIONS = ("union", "intersection", "difference")
FORMS = {"fits": "application/fits", "json": "application/json", "txt": "text/plain; charset=utf-8"}


class Coverage(NamedTuple):
    """A MOC with its name. ``note`` says what a reader must know of it, e.g. that times were left out; or ""."""

    name: str
    moc: MOC
    note: str = ""

    @property
    def area(self) -> float:
        """Square degrees."""
        return float(self.moc.sky_fraction) * SKY

    @property
    def order(self) -> int:
        return int(self.moc.max_order)


def coverage_of_file(name: str, content: bytes) -> Coverage:
    """The coverage that a file holds. Raises FormatError, LimitError."""
    read: Read = read_moc(content)
    return Coverage(name, MOC.from_depth29_ranges(read.order, read.ranges.astype(np.uint64)), read.note)


def coverage_of_positions(name: str, ra: np.ndarray, dec: np.ndarray, order: int) -> Coverage:
    """The cells of ``order`` that hold a position (degrees); what is not on the sky is left out.

    Raises QueryError when there is none.
    """
    if order not in POSITIONS_ORDERS:
        raise QueryError(f"The order of a MOC of positions is {_span(POSITIONS_ORDERS)}.")
    good = np.isfinite(ra) & np.isfinite(dec) & (np.abs(dec) <= 90)
    if not good.any():
        raise QueryError("There are no rows with a position.", "Remove a filter, or mark rows.")
    ra, dec = np.asarray(ra[good], float), np.asarray(dec[good], float)
    return Coverage(name, MOC.from_lonlat(ra % 360.0 * u.deg, dec * u.deg, max_norder=order))


def coverage_of_outlines(name: str, outlines: Outlines, order: int) -> Coverage:
    """The cells of ``order`` that any of the outlines touches. Raises QueryError when there is none."""
    if order not in OUTLINE_ORDERS:
        raise QueryError(f"The order of a MOC of footprints is {_span(OUTLINE_ORDERS)}.")
    if not outlines.count:
        raise QueryError("There are no rows with a footprint.", "Remove a filter, or mark rows.")
    count = np.diff(outlines.start)
    parts = []
    for corners in np.unique(count).tolist():  # mocpy takes those of one length together
        places = outlines.start[:-1][count == corners][:, None] + np.arange(corners)
        loops = np.stack([outlines.ra[places], outlines.dec[places]], axis=1)
        # A survey has each of its pointings many times.
        parts += MOC.from_polygons(np.unique(loops, axis=0).reshape(-1, corners), max_depth=order)
    return joined(name, [Coverage("", part) for part in parts])


def _span(orders: range) -> str:
    return f"{orders.start} to {orders.stop - 1}"


def combined(operation: str, one: Coverage, other: Coverage) -> Coverage:
    """Union, intersection, or what ``one`` has and ``other`` has not."""
    if operation not in OPERATIONS:
        raise QueryError(f"MOCs are joined by {', '.join(OPERATIONS)}.")
    sign = {"union": "∪", "intersection": "∩", "difference": "−"}[operation]
    moc = getattr(one.moc, operation)(other.moc)
    return Coverage(f"{_bracketed(one.name)} {sign} {_bracketed(other.name)}", moc)


def _bracketed(name: str) -> str:
    return f"({name})" if any(sign in name for sign in ["∪", "∩", "−"]) else name


def shown(coverage: Coverage) -> tuple[bytes, int]:
    """(JSON, order) to be drawn: at most 60,000 cells, of a lower order (which covers more) where it has more."""
    moc, order = coverage.moc, coverage.order
    while order > 3 and _count(moc) > SHOWN:
        order -= 1
        moc = moc.degrade_to_order(order)
    return moc_bytes(moc, "json"), order


def _count(moc: MOC) -> int:
    return len(moc.uniq_hpx)


def moc_bytes(moc: MOC, form: str = "fits") -> bytes:
    """A MOC as the FITS file of the MOC 2.0 standard, as JSON, or as its text (``txt``)."""
    if form == "fits":
        out = io.BytesIO()
        moc.serialize(format="fits").writeto(out)
        return out.getvalue()
    if form == "json":
        return json.dumps(moc.serialize(format="json")).encode()
    return (moc.serialize(format="str").strip() + "\n").encode()


def centre(coverage: Coverage) -> tuple[float, float, float] | None:
    """(ra, dec, radius) in degrees of a circle that holds it; None for an empty one."""
    if coverage.moc.empty():
        return None
    middle = coverage.moc.barycenter()
    if not np.isfinite(middle.ra.deg):
        return 0.0, 0.0, 180.0  # all around
    far = coverage.moc.largest_distance_from_coo_to_vertices(middle)
    return float(middle.ra.deg), float(middle.dec.deg), float(far.to_value(u.deg))


def moc_clause(ra: str, dec: str, coverage: Coverage, source: str, label: str = "") -> Clause:
    """The rows inside, as a predicate over the columns of ICRS degrees ``ra`` and ``dec``; exact to the cell.

    Raises LimitError for a MOC of more than 200,000 cells.
    """
    words = label or f"in {coverage.name}"
    cells = fewer_orders(cells_of(coverage.moc))
    total = sum(map(len, cells.values()))
    if total > CELLS:
        raise LimitError(
            f"{coverage.name} has {total:,} cells; at most {CELLS:,} can be looked up for each row.",
            "Intersect it with a smaller MOC first, such as that of the result.",
        )
    if not total:
        return Clause(source, "FALSE", words, shape=("moc",))
    deepest = max(cells)
    numbers = np.concatenate([found + 4 ** (order + 1) for order, found in cells.items()])
    where, row = f"sky_cell({deepest}, {quoted(ra)}, {quoted(dec)})", quoted(ROW)
    if len(cells) == 1:
        return Clause(source, f"{where} + {4 ** (deepest + 1)} IN {_listed(numbers)}", words, shape=("moc",))
    # The cell of a row is worked out once; those of lower orders that hold it follow by shifts (7 times faster for
    # ten orders). Numbered as in NUNIQ, cells of all orders are one list.
    each = ", ".join(_coarser(deepest, order) for order in cells)
    sql = (
        f"{row} IN (SELECT r FROM (SELECT r, unnest([{each}]) AS q FROM "
        f"(SELECT {row} AS r, {where} AS c FROM t)) WHERE q IN {_listed(numbers)})"
    )
    return Clause(source, sql, words, shape=("moc",))


def _coarser(deep: int, order: int) -> str:
    """SQL: the NUNIQ-like number of the cell of ``order`` that holds cell ``c`` of order ``deep``."""
    side, drop = 2**deep - 1, deep - order
    face, x, y = f"(c >> {2 * deep})", f"(((c >> {deep}) & {side}) >> {drop})", f"((c & {side}) >> {drop})"
    return f"({face} * {4**order} + {x} * {2**order} + {y} + {4 ** (order + 1)})"


def _listed(numbers: np.ndarray) -> str:
    texts = map(str, numbers.tolist())
    if len(numbers) <= 50:
        return f"({', '.join(texts)})"
    return f"(SELECT unnest(CAST('[{','.join(texts)}]' AS BIGINT[])))"


def cells_of(moc: MOC) -> dict[int, np.ndarray]:
    """The numbers, as ``sky_cell`` of the engine counts them, of the cells of each order."""
    uniq = np.asarray(moc.uniq_hpx).astype(np.int64)
    order = (np.frexp(uniq.astype(float))[1] - 1) // 2 - 1
    order = order - (uniq < (np.int64(1) << (2 * order + 2)))
    return {
        int(one): np.sort(_by_column(uniq[order == one] - (1 << (2 * one + 2)), int(one)))
        for one in np.unique(order).tolist()
    }


def fewer_orders(cells: dict[int, np.ndarray]) -> dict[int, np.ndarray]:
    """The same cells with lower orders cut into higher ones while that adds few: each order is a look-up per row."""
    cells = dict(cells)
    while len(cells) > 1:
        orders = sorted(cells)
        total = sum(map(len, cells.values()))
        added = {low: len(cells[low]) * (4 ** (high - low) - 1) for low, high in pairwise(orders)}
        low = min(added, key=added.__getitem__)
        if total + added[low] > max(CELLS_FREELY, total):
            break
        high = orders[orders.index(low) + 1]
        cells[high] = np.sort(np.concatenate([cells[high], _cut(cells.pop(low), low, high)]))
    return cells


def _cut(numbers: np.ndarray, low: int, high: int) -> np.ndarray:
    """The cells of order ``high`` that make up cells of order ``low``, both numbered face, x, y."""
    drop, side = high - low, 2**low - 1
    face, x, y = numbers >> (2 * low), (numbers >> low) & side, numbers & side
    step = np.arange(1 << drop)
    inside = (step[:, None] << high) + step
    first = (face << (2 * high)) + (x << (drop + high)) + (y << drop)
    return (first[:, None] + inside.ravel()).ravel()


def _by_column(pixels: np.ndarray, order: int) -> np.ndarray:
    """face, x, y side by side instead of the interleaved bits of the nested scheme: no shuffling in SQL."""
    mask = (np.int64(1) << (2 * order)) - 1
    inside = pixels & mask
    return (pixels - inside) + (_even_bits(inside) << order) + _even_bits(inside >> 1)


def _even_bits(values: np.ndarray) -> np.ndarray:
    x = values & 0x5555555555555555
    for shift, mask in ((1, 0x3333333333333333), (2, 0x0F0F0F0F0F0F0F0F), (4, 0x00FF00FF00FF00FF),
                        (8, 0x0000FFFF0000FFFF), (16, 0x00000000FFFFFFFF)):  # fmt: skip
        x = (x | (x >> shift)) & mask
    return x


def joined(name: str, parts: Sequence[Coverage]) -> Coverage:
    """The union of at least one."""
    first, *rest = [part.moc for part in parts]
    return Coverage(name, first.union(*rest) if rest else first)
