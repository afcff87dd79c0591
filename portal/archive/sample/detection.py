"""Which sources the coadds show, which of them melt together, and the ids the objects get.

Ids rise with HEALPix order and lie above 2^59, four apart on average: neighbours differ only in bits that a
double does not hold, so any code that lets an id pass through a float shows at once.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from portal.archive.sample import cells
from portal.archive.sample.bands import COADD_SEEING, coadd_psf_sigma
from portal.archive.sample.forced import plane, psf_fraction
from portal.archive.sample.presets import Field
from portal.archive.sample.profiles import effective_width2
from portal.archive.sample.streams import normal, uniform

THRESHOLD = 5.0  # sigma, in g, r, i or z
MELT_ARCSEC = 0.55  # nearer pairs are seen as one object
FAMILY_ARCSEC = 2.0  # nearer pairs share a footprint and are deblended
ID_SHIFT, ID_STEP = 38, 4
ID_CELL = 12 * 4**cells.CELL_ORDER  # added to the cell's number: ids of all cells are as long
DIA_ID_OFFSET = 1 << 37  # DiaObject ids: upper half of the id range of a cell


@dataclass(frozen=True)
class Detected:
    """The objects of a field in HEALPix order: rows of the sky, what they show, and where the pipeline puts them."""

    rows: np.ndarray  # row in the sky of the brightest source in each object
    flux: np.ndarray  # nJy, (n, 6), melted neighbours included
    width2: np.ndarray  # arcsec2, (n, 6)
    object_id: np.ndarray
    parent_id: np.ndarray
    leaf: np.ndarray
    ra: np.ndarray
    dec: np.ndarray
    error: np.ndarray  # of the position, arcsec
    x: np.ndarray  # field plane, arcsec
    y: np.ndarray
    blend: np.ndarray  # share of neighbours' light at the place of the object, (n, 6)
    family: np.ndarray  # objects in the same footprint
    of_sky: np.ndarray  # for each row of the sky the place of its object here, or -1

    def __len__(self) -> int:
        return len(self.rows)

    def part(self, start: int, stop: int) -> Detected:
        """The objects start ... stop; ``of_sky`` still counts from the first of all."""
        cut = {f.name: getattr(self, f.name)[start:stop] for f in fields(self) if f.name != "of_sky"}
        return Detected(**cut, of_sky=self.of_sky)

    def only(self, mask: np.ndarray) -> Detected:
        """The objects of a mask; rows of the sky that belong to others belong to none."""
        cut = {f.name: getattr(self, f.name)[mask] for f in fields(self) if f.name != "of_sky"}
        place = np.append(np.where(mask, np.cumsum(mask) - 1, -1), -1)
        return Detected(**cut, of_sky=place[self.of_sky])


def width2_of(sky: dict[str, np.ndarray]) -> np.ndarray:
    """Effective squared widths in arcsec2 at the seeing of the coadds, (n, 6)."""
    return effective_width2(sky["r_e"], sky["bulge"], sky["q"], COADD_SEEING)


def detected(sky: dict[str, np.ndarray], width2: np.ndarray, seed: int) -> np.ndarray:
    """Mask of the sources whose PSF flux stands THRESHOLD sigma out of the noise in some of g, r, i, z."""
    seen = np.zeros(len(sky["tid"]), dtype=bool)
    for b in (1, 2, 3, 4):
        signal = sky["flux"][:, b] * psf_fraction(width2[:, b], COADD_SEEING[b]) / coadd_psf_sigma()[b]
        seen |= signal + normal(seed, f"object/psf/{b}", sky["tid"]) > THRESHOLD
    return seen


def melted(sky: dict[str, np.ndarray], rows: np.ndarray, field: Field) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows that stay objects of their own, the flux they show (nJy, (m, 6)), and for each input row its object.

    The third array gives for every row of ``rows`` the place of its object among the first.
    """
    x, y = plane(sky["ra"][rows], sky["dec"][rows], field.ra, field.dec)
    pairs = cKDTree(np.stack([x, y], axis=1)).query_pairs(MELT_ARCSEC, output_type="ndarray")
    bright = sky["flux"][rows, 3]
    winner = np.where(bright[pairs[:, 0]] >= bright[pairs[:, 1]], pairs[:, 0], pairs[:, 1])
    loser = pairs.sum(axis=1) - winner
    into = np.arange(len(rows))
    for k in np.lexsort((loser, winner, -bright[winner])):
        if into[winner[k]] == winner[k] and into[loser[k]] == loser[k]:
            into[loser[k]] = winner[k]
    into = into[into]
    own = into == np.arange(len(rows))
    place = np.cumsum(own) - 1
    flux = np.zeros((int(own.sum()), 6))
    np.add.at(flux, place[into], sky["flux"][rows])
    return rows[own], flux, place[into]


def neighbours(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pairs nearer than FAMILY_ARCSEC, their distance in arcsec, and the family number of each object."""
    points = np.stack([x, y], axis=1)
    pairs = cKDTree(points).query_pairs(FAMILY_ARCSEC, output_type="ndarray")
    pairs = pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]
    distance = np.hypot(*(points[pairs[:, 0]] - points[pairs[:, 1]]).T)
    graph = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(len(x), len(x)))
    return pairs, distance, connected_components(graph, directed=False)[1]


def measured_places(
    sky: dict[str, np.ndarray], rows: np.ndarray, signal: np.ndarray, seed: int
) -> tuple[np.ndarray, ...]:
    """Measured ra, dec (deg) and their error (arcsec) for a peak signal-to-noise."""
    tid = sky["tid"][rows]
    error = np.hypot(0.5 * 0.94 / np.maximum(signal, 1.0), 0.006) * np.sqrt(1 + (sky["r_e"][rows] / 0.8) ** 2)
    east, north = error * normal(seed, "object/east", tid), error * normal(seed, "object/north", tid)
    ra, dec = cells.offset(sky["ra"][rows], sky["dec"][rows], east, north)
    return ra, dec, error


def object_ids(leaf: np.ndarray, tid: np.ndarray, seed: int, offset: int = 0) -> np.ndarray:
    """Ids for objects in rising order of ``leaf``: the cell in the high bits, the rank in the cell in the low ones."""
    cell = leaf >> cells.CELL_SHIFT
    first = np.flatnonzero(np.concatenate([[True], cell[1:] != cell[:-1]])) if len(cell) else np.empty(0, int)
    rank = np.arange(len(cell)) - np.repeat(first, np.diff(np.append(first, len(cell))))
    jitter = (uniform(seed, "object/id", tid) * 2).astype(np.int64)
    return (ID_CELL + cell << ID_SHIFT) + offset + 4096 + rank * ID_STEP + jitter


def cell_numbers(ids: np.ndarray) -> np.ndarray:
    """Numbers (26 bits) that tell apart the objects near each other, from ids that ``object_ids`` made.

    Twelve bits are the place of the cell among its neighbours, fourteen the rank in it.
    """
    rank = (ids & ((1 << ID_SHIFT - 1) - 1)) - 4096 >> 2
    return (ids >> ID_SHIFT & 0xFFF) << 14 | rank & 0x3FFF
