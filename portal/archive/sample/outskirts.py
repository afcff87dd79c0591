"""The sky around a field: detectors reach beyond what is in the catalogues, and show stars and galaxies there too.

Made cell by cell from the seed, as the sky of the field is, when an exposure first looks there.
"""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from typing import NamedTuple

import numpy as np

from portal.archive.sample.bands import BANDS, flux_of
from portal.archive.sample.cells import cells_of, leaf_of, separation
from portal.archive.sample.coadd import FLOOR, Field
from portal.archive.sample.draw import PA, R_E, STAR, Q, optics, reaches
from portal.archive.sample.exposure import Exposure
from portal.archive.sample.galaxies import galaxies_in, quasars_in
from portal.archive.sample.geometry import SCALE
from portal.archive.sample.noise import pixel_noise
from portal.archive.sample.presets import DRAWN_DEG
from portal.archive.sample.stars import stars_in

FAINTEST = flux_of(25.0)  # nJy in i: a visit shows nothing fainter
WORST_SEEING, BEST_DEPTH = 2.0, 25.8  # arcsec and AB: no visit shows light farther out
KEPT = 1024  # cells in memory, some 60 kB each


class Objects(NamedTuple):
    """Steady objects: ``position`` (n, 2) deg, ``shape`` (n, 11) as in sources.py, ``pixel`` (n) at order 29 and
    ``reach`` (n, 6), how far they shine in arcsec in a seeing of WORST_SEEING.
    """

    position: np.ndarray
    shape: np.ndarray
    pixel: np.ndarray
    reach: np.ndarray

    def frozen(self) -> Objects:
        """These arrays, read only as those mapped from disk: numba compiles once for both."""
        for values in self:
            values.flags.writeable = False
        return self


NOTHING = Objects(
    np.zeros((0, 2)), np.zeros((0, 11), np.float32), np.zeros(0, np.int64), np.zeros((0, len(BANDS)))
).frozen()


class Outskirts:
    """Objects outside the fields of a sample. Safe to share between threads."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._kept: OrderedDict[tuple[int, Field], Objects] = OrderedDict()
        self._lock = Lock()

    def around(self, exposure: Exposure, field: Field, radius: float) -> Objects:
        """Objects outside ``field`` within ``radius`` degrees of the exposure's middle, and some farther out.

        None when that circle lies inside the field.
        """
        ra, dec = exposure.centre()
        if separation(ra, dec, field.ra, field.dec) + radius < field.radius + DRAWN_DEG:
            return NOTHING
        cells = [self._cell(int(cell), field) for cell in cells_of(ra, dec, radius)]
        return Objects(*(np.concatenate(parts) for parts in zip(*cells, strict=True))).frozen()

    def _cell(self, cell: int, field: Field) -> Objects:
        with self._lock:
            if (cell, field) in self._kept:
                self._kept.move_to_end((cell, field))
                return self._kept[cell, field]
        made = self._make(cell, field)
        with self._lock:
            self._kept[cell, field] = made
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return made

    def _make(self, cell: int, field: Field) -> Objects:
        position, shape = [], []
        for part, point in ((stars_in(self._seed, cell), True), (galaxies_in(self._seed, cell), False),
                            (quasars_in(self._seed, cell), True)):  # fmt: skip
            seen = part["flux"][:, 3] > FAINTEST
            # What lies within is among the field's own objects.
            seen &= separation(part["ra"], part["dec"], field.ra, field.dec) >= field.radius + DRAWN_DEG
            rows = np.zeros((int(seen.sum()), STAR + 1), np.float32)
            rows[:, : len(BANDS)], rows[:, Q], rows[:, STAR] = part["flux"][seen], 1.0, point
            if not point:
                rows[:, R_E : PA + 1] = np.stack([part[name][seen] for name in ("r_e", "bulge", "q", "pa")], axis=1)
                rows[:, Q] = np.clip(rows[:, Q], 0.05, 1.0)
            position.append(np.stack([part["ra"][seen], part["dec"][seen]], axis=1))
            shape.append(rows)
        where, shapes = np.concatenate(position), np.concatenate(shape)
        reach = np.zeros((len(BANDS), len(where)))
        floor = FLOOR * pixel_noise(float(flux_of(BEST_DEPTH)) / 5.0, WORST_SEEING) / SCALE**2
        for k in range(len(BANDS)):
            reaches(shapes, k, optics(k, WORST_SEEING), floor, reach[k])
        return Objects(where, shapes, leaf_of(where[:, 0], where[:, 1]), reach.T)
