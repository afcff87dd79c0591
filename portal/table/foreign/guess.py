"""Which columns of a table hold positions, whatever their names and units, and those positions in ICRS degrees."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pyarrow as pa

from portal.table.columns import TableMeta


class Positions(NamedTuple):
    """The two columns of positions. ``unit`` is deg, hourangle (of ``ra`` only), rad or sexagesimal.

    ``frame`` is icrs, fk5, fk4, galactic or ecliptic; for the last two ``ra`` and ``dec`` name longitude and latitude.
    ``notes`` say in sentences what the guess leans on.
    """

    ra: str
    dec: str
    unit: str = "deg"
    frame: str = "icrs"
    notes: tuple[str, ...] = ()


def guess_positions(meta: TableMeta, sample: pa.Table | None = None) -> Positions | None:
    """The columns of positions by UCD, then by name; None when there are none.

    ``sample`` (some rows, as ``preview`` gives) lets columns of text count when they read as sexagesimal.
    """
    raise NotImplementedError


def degrees(table: pa.Table, positions: Positions) -> tuple[np.ndarray, np.ndarray]:
    """ICRS (ra, dec) in degrees, float64, NaN where a cell is null or no position."""
    raise NotImplementedError
