"""The sky around a field: detectors reach beyond what is in the catalogues, and show stars and galaxies there too.

Made cell by cell from the seed, as the sky of the field is, when an exposure first looks there.
"""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from typing import NamedTuple

import numpy as np

from portal.archive.sample.bands import flux_of
from portal.archive.sample.cells import cells_of, leaf_of, separation
from portal.archive.sample.coadd import Field
from portal.archive.sample.exposure import Exposure
from portal.archive.sample.galaxies import galaxies_in, quasars_in
from portal.archive.sample.presets import DRAWN_DEG
from portal.archive.sample.stars import stars_in

FAINTEST = flux_of(25.0)  # nJy in i: a visit shows nothing fainter
KEPT = 1024  # cells in memory, some 60 kB each


class Objects(NamedTuple):
    """Steady objects: ``position`` (n, 2) deg, ``shape`` (n, 11) as in sources.py, ``pixel`` (n) at order 29."""

    position: np.ndarray
    shape: np.ndarray
    pixel: np.ndarray


NOTHING = Objects(np.zeros((0, 2)), np.zeros((0, 11), np.float32), np.zeros(0, np.int64))
NOTHING.shape.flags.writeable = False


class Outskirts:
    """Objects outside the fields of a sample. Safe to share between threads."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._kept: OrderedDict[int, Objects] = OrderedDict()
        self._lock = Lock()

    def around(self, exposure: Exposure, field: Field, radius: float) -> Objects:
        """Objects outside ``field`` within ``radius`` degrees of the exposure's middle, and some farther out.

        None when that circle lies inside the field.
        """
        ra, dec = exposure.centre()
        edge = field.radius + DRAWN_DEG  # what lies within is among the field's own objects
        if separation(ra, dec, field.ra, field.dec) + radius < edge:
            return NOTHING
        cells = [self._cell(int(cell)) for cell in cells_of(ra, dec, radius)]
        position, shape, pixel = (np.concatenate(parts) for parts in zip(*cells, strict=True))
        out = np.flatnonzero(separation(position[:, 0], position[:, 1], field.ra, field.dec) >= edge)
        out = out[separation(position[out, 0], position[out, 1], ra, dec) < radius]
        found = Objects(position[out], shape[out], pixel[out])
        for values in found:
            values.flags.writeable = False  # as those mapped from disk: numba compiles once for both
        return found

    def _cell(self, cell: int) -> Objects:
        with self._lock:
            if cell in self._kept:
                self._kept.move_to_end(cell)
                return self._kept[cell]
        made = self._make(cell)
        with self._lock:
            self._kept[cell] = made
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return made

    def _make(self, cell: int) -> Objects:
        position, shape = [], []
        for part, point in ((stars_in(self._seed, cell), True), (galaxies_in(self._seed, cell), False),
                            (quasars_in(self._seed, cell), True)):  # fmt: skip
            seen = np.flatnonzero(part["flux"][:, 3] > FAINTEST)
            rows = np.zeros((len(seen), 11), np.float32)
            rows[:, :6], rows[:, 8], rows[:, 10] = part["flux"][seen], 1.0, point
            if not point:
                rows[:, 6:10] = np.stack([part[name][seen] for name in ("r_e", "bulge", "q", "pa")], axis=1)
                rows[:, 8] = np.clip(rows[:, 8], 0.05, 1.0)
            position.append(np.stack([part["ra"][seen], part["dec"][seen]], axis=1))
            shape.append(rows)
        where = np.concatenate(position)
        return Objects(where, np.concatenate(shape), leaf_of(where[:, 0], where[:, 1]))
