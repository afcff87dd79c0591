"""The circle about an outline only saves work: the answers stay those of the outlines."""

from __future__ import annotations

from collections.abc import Callable

import duckdb
import numpy as np
import pyarrow as pa
import pytest

from portal.adql.catalog import Catalog, TableDef
from portal.adql.compile import compile_adql
from portal.table.columns import Column

COLUMNS = (
    Column("n", "long"), Column("s_ra"), Column("s_dec"), Column("s_fov"), Column("s_region", "char", "*"),
)  # fmt: skip


@pytest.fixture(scope="module")
def asked() -> Callable[[str, str | None], set[int]]:
    """Numbers of the rows for which a condition holds, with or without the extents being known."""
    rng = np.random.default_rng(5)
    n = 150
    ra = (rng.normal(0, 1.5, n)) % 360  # about RA 0
    dec = rng.normal(88.0, 1.0, n).clip(85, 89.9)  # near the pole, where squares are wide in RA
    half = rng.uniform(0.02, 0.4, n)
    regions = []
    for a, d, h in zip(ra, dec, half):
        turn = np.radians(rng.uniform(0, 90)) + np.arange(4) * np.pi / 2
        x, y = np.radians(h * np.sqrt(2)) * np.cos(turn), np.radians(h * np.sqrt(2)) * np.sin(turn)
        down = np.cos(np.radians(d)) - y * np.sin(np.radians(d))
        corner_ra = (a + np.degrees(np.arctan2(x, down))) % 360
        corner_dec = np.degrees(np.arctan2(np.sin(np.radians(d)) + y * np.cos(np.radians(d)), np.hypot(x, down)))
        regions.append("POLYGON ICRS " + " ".join(f"{p:.7f} {q:.7f}" for p, q in zip(corner_ra, corner_dec)))
    fov = 2 * np.sqrt(2) * half
    fov[::50] = np.nan  # not every service tells it
    connection = duckdb.connect()
    table = pa.table({"n": np.arange(n), "s_ra": ra, "s_dec": dec, "s_fov": pa.array(fov, from_pandas=True),
                      "s_region": regions})  # fmt: skip
    connection.register("images", table)

    def run(condition: str, extent: str | None) -> set[int]:
        place = ("s_ra", "s_dec")
        catalog = Catalog([TableDef("sky", "Images", COLUMNS, "images", place, extent=extent)])
        sql = compile_adql(f"SELECT n FROM sky.Images WHERE {condition}", catalog).sql
        assert ("coalesce" in sql) == (extent is not None and not condition.endswith("= 0"))
        return {row[0] for row in connection.execute(sql).fetchall()}

    return run


@pytest.mark.parametrize("radius", [None, 0.05, 1.0])
@pytest.mark.parametrize("place", [(0.3, 88.2), (359.7, 87.5), (40.0, 89.5), (180.0, -88.0)])
def test_points_and_circles(asked, place: tuple[float, float], radius: float | None) -> None:
    ra, dec = place
    shape = f"POINT({ra}, {dec})" if radius is None else f"CIRCLE({ra}, {dec}, {radius})"
    word = "CONTAINS" if radius is None else "INTERSECTS"
    for wanted in (1, 0):
        condition = f"{word}({shape}, s_region) = {wanted}"
        found = asked(condition, "s_fov")
        assert found == asked(condition, None)
    assert len(found) < 150 or dec < 0


def test_polygons(asked) -> None:
    condition = "INTERSECTS(POLYGON(359.5, 87.8, 1.0, 87.9, 0.4, 88.1), s_region) = 1"
    assert asked(condition, "s_fov") == asked(condition, None) != set()
