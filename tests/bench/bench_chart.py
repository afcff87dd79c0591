"""The density of 10 million points on zoom against numpy.histogram2d on the same view; also with the cell index."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import numpy as np

from portal.chart.raster import Points, density, shade, warm

ROWS = 10_000_000
TIMES = 9
WIDTH, HEIGHT = 700, 500
FULL = (12.0, 28.0), (-1.5, 3.5)
ZOOM = (19.5, 20.5), (0.8, 1.2)


def median_ms(call: Callable[[], object], times: int = TIMES) -> float:
    call()
    spent = []
    for _ in range(times):
        start = time.perf_counter()
        call()
        spent.append(time.perf_counter() - start)
    return statistics.median(spent) * 1e3


def run() -> dict[str, float]:
    """Milliseconds of each way, and how many times faster than numpy the zoom is. Goal: zoom <= 50 ms."""
    warm()
    rng = np.random.default_rng(1)
    x = rng.normal(20, 2, ROWS).astype(np.float32)
    y = rng.normal(1, 0.5, ROWS).astype(np.float32)
    start = time.perf_counter()
    points = Points(x, y)
    points.wait()
    index = (time.perf_counter() - start) * 1e3
    counts = density(x, y, *ZOOM, WIDTH, HEIGHT)
    theirs = median_ms(lambda: np.histogram2d(y, x, bins=(HEIGHT, WIDTH), range=(ZOOM[1], ZOOM[0])), 1)
    zoom = median_ms(lambda: density(x, y, *ZOOM, WIDTH, HEIGHT))
    return {
        "points": ROWS,
        "zoom_ms": zoom,
        "full_ms": median_ms(lambda: density(x, y, *FULL, WIDTH, HEIGHT)),
        "zoom_with_index_ms": median_ms(lambda: points.density(*ZOOM, WIDTH, HEIGHT)),
        "full_with_index_ms": median_ms(lambda: points.density(*FULL, WIDTH, HEIGHT)),
        "index_build_ms": index,
        "shade_ms": median_ms(lambda: shade(counts)),
        "nearest_ms": median_ms(lambda: points.nearest(20.0, 1.0, *ZOOM, WIDTH, HEIGHT)),
        "numpy_histogram2d_zoom_ms": theirs,
        "times_faster_than_numpy": theirs / zoom,
    }


if __name__ == "__main__":
    for name, value in run().items():
        print(f"{name:28} {value:12,.1f}")
