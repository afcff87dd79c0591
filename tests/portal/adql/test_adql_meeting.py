"""Outlines against polygons of constants: the quick form against the general one, all over the sphere."""

from __future__ import annotations

import duckdb
import numpy as np
import pytest

from portal.adql import outline
from portal.adql.meeting import meets


def ring(rng: np.random.Generator, ra: float, dec: float, size: float, corners: int) -> np.ndarray:
    """Corners (n, 2) in degrees about a place, not convex."""
    angle = np.sort(rng.uniform(0, 2 * np.pi, corners))
    reach = np.radians(size * rng.uniform(0.4, 1, corners))
    d = np.radians(dec)
    sine = np.sin(d) * np.cos(reach) + np.cos(d) * np.sin(reach) * np.cos(angle)
    shift = np.arctan2(np.sin(angle) * np.sin(reach) * np.cos(d), np.cos(reach) - np.sin(d) * sine)
    return np.stack([(ra + np.degrees(shift)) % 360, np.degrees(np.arcsin(sine))], axis=1)


def directions(places: np.ndarray) -> np.ndarray:
    a, d = np.radians(places).T
    return np.stack([np.cos(d) * np.cos(a), np.cos(d) * np.sin(a), np.sin(d)], axis=-1)


PLACES = [(62.0, -37.0, 0.2), (0.0, 0.0, 5.0), (200.0, 89.5, 2.0), (359.9, -60.0, 30.0), (10.0, -90.0, 1.0)]


@pytest.mark.parametrize(("ra", "dec", "size"), PLACES)
def test_as_the_general_form(ra: float, dec: float, size: float) -> None:
    rng = np.random.default_rng(round(ra + 7 * size))
    rows = []
    for _ in range(150):
        own = float(size * 10 ** rng.uniform(-1.5, 0.5))
        place = ring(rng, ra, dec, 1.5 * size, 1)[0] if rng.random() < 0.9 else rng.uniform([0, -90], [360, 90])
        if rng.random() < 0.25:
            rows.append([*map(float, place), min(own, 60.0)])
        else:
            rows.append(ring(rng, *place, min(own, 60.0), int(rng.integers(3, 7))).ravel().tolist())
    rows += [None, [], [1.0, 2.0]]
    polygon = ring(rng, ra, dec, size, 5)
    numbers = f"CAST({polygon.ravel().tolist()} AS DOUBLE[])"
    with duckdb.connect() as database:
        database.execute("CREATE TABLE o (place INTEGER, w DOUBLE[])")
        database.executemany("INSERT INTO o VALUES (?, ?)", list(enumerate(rows)))
        quick, plain = (
            [row[0] for row in database.execute(f"SELECT {text} FROM o ORDER BY place").fetchall()]
            for text in (meets("o.w", directions(polygon)), outline.intersects("o.w", numbers))
        )
    assert [(k, one, rows[k]) for k, (one, two) in enumerate(zip(quick, plain)) if one != two] == []
    assert 20 < sum(map(bool, quick)) < 140 and quick[-3:] == [None, None, None]
