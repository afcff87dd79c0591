"""Densities count every point once, in its pixel, whatever the axes; picks give exact rows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.chart import raster
from portal.chart.cells import CellIndex
from portal.chart.raster import Points, density, extent, finite_range, shade

ODD = np.array([np.nan, np.inf, -np.inf])


def cloud(n: int, kind: type = np.float32, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x, y = rng.normal(20, 2, n).astype(kind), rng.standard_cauchy(n).astype(kind)
    x[:3], y[3:6] = ODD, ODD
    return x, y


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_density_is_a_histogram(kind: type) -> None:
    x, y = cloud(50_000, kind)
    for x_range, y_range in (((15.0, 25.0), (-4.0, 4.0)), ((19.9, 20.1), (0.0, 0.25))):
        got = density(x, y, x_range, y_range, 70, 50)
        inside = (x >= x_range[0]) & (x <= x_range[1]) & (y >= y_range[0]) & (y <= y_range[1])
        want = np.histogram2d(y[inside].astype(float), x[inside].astype(float), bins=(50, 70), range=(y_range, x_range))
        assert got.dtype == np.uint32 and got.shape == (50, 70)
        assert got.sum() == inside.sum()
        assert np.abs(got - want[0]).sum() <= 2e-3 * inside.sum()  # rounding at pixel edges


def test_both_ends_are_inside_and_row_0_is_low() -> None:
    x, y = np.array([0.0, 1.0, 0.5]), np.array([0.0, 1.0, 0.0])
    assert density(x, y, (0, 1), (0, 1), 2, 2).tolist() == [[1, 1], [0, 1]]


def test_two_threads_count_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = cloud(30_001)
    one = density(x, y, (15, 25), (-3, 3), 60, 40)
    monkeypatch.setattr(raster, "SPLIT_FROM", 1000)
    assert (density(x, y, (15, 25), (-3, 3), 60, 40) == one).all()


def test_absurd_sizes_are_cut() -> None:
    x, y = cloud(10)
    assert density(x, y, (0, 1), (0, 1), 0, 10**9).shape == (raster.MOST_PIXELS, 1)


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 400),
    st.floats(-3, 3),
    st.floats(1e-3, 5),
    st.floats(-3, 3),
    st.floats(1e-3, 5),
    st.integers(0, 5),
)
def test_the_cell_index_changes_nothing(n: int, x0: float, dx: float, y0: float, dy: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    x, y = np.round(rng.normal(0, 1, n), 1), np.round(rng.standard_cauchy(n), 1)
    x[::17] = np.nan
    cells, plain = CellIndex(x, y), Points(x, y)
    box = (x0, x0 + dx), (y0, y0 + dy)
    assert (cells.density(*box, 9, 7) == plain.density(*box, 9, 7)).all()
    assert cells.points_in(*box, 500).tolist() == plain.points_in(*box, 500).tolist()
    row, brute = cells.nearest(x0, y0, 9 / dx, 7 / dy, 5), plain.nearest(x0, y0, *box, 9, 7, 5)
    assert (row < 0) == (brute < 0)
    if row >= 0:  # two rows may be equally near
        near = [np.hypot((x[k] - x0) * 9 / dx, (y[k] - y0) * 7 / dy) for k in (row, brute)]
        assert near[0] == pytest.approx(near[1], rel=1e-9, abs=1e-9)


def test_large_sets_are_indexed_aside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(raster, "INDEX_FROM", 1000)
    x, y = cloud(5000)
    points = Points(x, y)
    points.wait()
    assert points._cells is not None
    assert (points.density((18, 22), (-1, 1), 40, 30) == density(x, y, (18, 22), (-1, 1), 40, 30)).all()


def test_points_in_view_or_too_many() -> None:
    x, y = cloud(5000)
    points = Points(x, y)
    rows = points.points_in((19, 21), (-1, 1))
    assert rows.dtype == np.uint32
    assert rows.tolist() == np.flatnonzero((x >= 19) & (x <= 21) & (y >= -1) & (y <= 1)).tolist()
    assert points.points_in((19, 21), (-1, 1), limit=10) is None
    assert points.rows_in_box((21, 19), (1, -1)).tolist() == rows.tolist()


def test_nearest_counts_in_pixels() -> None:
    points = Points(np.array([0.0, 1.0, np.nan]), np.array([0.0, 0.0, 0.0]))
    view = (0.0, 1.0), (0.0, 100.0), 100, 100
    assert points.nearest(0.04, 5.0, *view) == 0
    assert points.nearest(0.5, 0.0, *view) == -1
    assert points.nearest(np.nan, 0.0, *view) == -1


def test_log_axes() -> None:
    x, y = np.array([1.0, 10.0, 100.0, 0.0, -5.0]), np.ones(5)
    points = Points(x, y, x_log=True)
    assert points.density((1, 100), (0, 2), 2, 1).tolist() == [[1, 2]]
    (low, high), _ = points.ranges()
    assert 0 < low < 1 and high > 100
    assert points.rows_in_polygon([0.5, 20, 20, 0.5], [0, 0, 2, 2]).tolist() == [0, 1]


def test_polygon_is_even_odd() -> None:
    rng = np.random.default_rng(2)
    x, y = rng.uniform(0, 1, 2000), rng.uniform(0, 1, 2000)
    rows = Points(x, y).rows_in_polygon([0.2, 0.8, 0.8, 0.2], [0.1, 0.1, 0.6, 0.6])
    assert rows.tolist() == np.flatnonzero((x >= 0.2) & (x < 0.8) & (y >= 0.1) & (y < 0.6)).tolist()
    assert Points(x, y).rows_in_polygon([0, 1], [0, 1]).size == 0


def test_ranges_of_little() -> None:
    assert finite_range(ODD) is None
    assert Points(ODD, ODD).ranges() is None
    assert Points(np.empty(0), np.empty(0)).points_in((0, 1), (0, 1)).size == 0
    low, high = finite_range(np.array([5.0, np.nan]))
    assert low < 5 < high
    assert finite_range(np.zeros(3)) == (-0.5, 0.5)
    assert extent(np.array([3, np.nan, -1.0])) == (-1.0, 3.0, 2)


@pytest.mark.parametrize("how", ["eq_hist", "log", "linear"])
def test_shades_keep_order_and_show_the_least(how: str) -> None:
    counts = np.array([[0, 1, 2], [10, 1000, 1000]], np.uint32)
    image = shade(counts, how)
    assert image.dtype == np.uint8 and image[0, 0] == 0 and image[1, 1] == 255
    assert 1 <= image[0, 1] <= image[0, 2] <= image[1, 0] < 255
    assert not shade(np.zeros((2, 2), np.uint32), how).any()


def test_shade_of_huge_counts_and_of_one_kind() -> None:
    assert shade(np.array([[1, 5_000_000, 0]], np.uint32)).tolist() == [[1, 255, 0]]
    assert shade(np.ones((2, 2), np.uint32)).min() >= 1
    with pytest.raises(ValueError, match="eq_hist"):
        shade(np.ones((1, 1), np.uint32), "rainbow")
