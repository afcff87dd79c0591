"""What is really in the sky of a field: every star, quasar and galaxy, before anything is observed."""

from __future__ import annotations

import numpy as np

from portal.archive.sample.cells import leaf_of
from portal.archive.sample.galaxies import galaxies_in, quasars_in
from portal.archive.sample.planting import planted_stars
from portal.archive.sample.presets import Field
from portal.archive.sample.stars import stars_in

STAR, GALAXY, QUASAR = 0, 1, 2
CELL_BITS = 24
_POINT = ("r_e", "bulge", "pa")


def _completed(part: dict[str, np.ndarray], kind: int, cell: int) -> dict[str, np.ndarray]:
    """Columns common to all kinds: a point has no size, a star no redshift."""
    n = len(part["ra"])
    full = {name: part.get(name, np.zeros(n)) for name in _POINT}
    full["q"] = part.get("q", np.ones(n))
    full["z"] = part.get("z", np.full(n, np.nan))
    full["type"] = np.full(n, kind, dtype=np.int8)
    full["tid"] = part.get("tid", (np.int64(cell) << CELL_BITS) + (np.int64(kind) << (CELL_BITS - 2)) + np.arange(n))
    return {**full, **{name: part[name] for name in ("ra", "dec", "flux")}}


def true_sky(seed: int, field: Field, planted: dict[str, np.ndarray] | None = None) -> dict[str, np.ndarray]:
    """All sources of the cells that the field touches, in HEALPix order.

    Columns: tid (int64, unique), ra, dec (deg), flux (nJy, (n, 6), mean, after extinction), r_e (arcsec),
    bulge, q, pa (deg), z (NaN for stars), type (STAR, GALAXY, QUASAR), leaf (nested pixel of order 29).
    """
    parts = [_completed(planted_stars(seed, field) if planted is None else planted, STAR, 0)]
    for cell in field.cells():
        parts.append(_completed(stars_in(seed, int(cell)), STAR, int(cell)))
        parts.append(_completed(galaxies_in(seed, int(cell)), GALAXY, int(cell)))
        parts.append(_completed(quasars_in(seed, int(cell)), QUASAR, int(cell)))
    sky = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    leaf = leaf_of(sky["ra"], sky["dec"])
    order = np.lexsort((sky["tid"], leaf))
    return {name: values[order] for name, values in {**sky, "leaf": leaf}.items()}
