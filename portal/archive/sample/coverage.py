"""Where the sample sky was observed, as MOCs (IVOA MOC 2.0)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from astropy import units as u
from mocpy import MOC

from portal.archive.sample.coadd import Field


def coverage(fields: Sequence[Field], order: int) -> MOC:
    """The union of the fields as a MOC whose cells of ``order`` cover it wholly."""
    discs = [
        MOC.from_cone(field.ra * u.deg, field.dec * u.deg, radius=field.radius * u.deg, max_depth=order, delta_depth=4)
        for field in fields
    ]
    return discs[0].union(*discs[1:]) if len(discs) > 1 else discs[0]


def coverage_of_outlines(ra: np.ndarray, dec: np.ndarray, order: int) -> MOC:
    """The union of images as a MOC of ``order``; ``ra`` and ``dec`` (n, 4) are their corners in degrees."""
    outlines = np.stack([ra % 360.0, dec], axis=1).reshape(-1, ra.shape[1])
    parts = MOC.from_polygons(outlines, max_depth=order)
    return parts[0].union(*parts[1:]) if len(parts) > 1 else parts[0]
