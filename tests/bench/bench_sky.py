"""Rows on the sky: frames with our points against Aladin Lite's own markers in one page; density tiles."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
from playwright.sync_api import Page, sync_playwright

from portal.sky.density import SkyIndex
from portal.sky.marks import Paint
from portal.sky.tilefile import tile_fits
from tests.bench.bench_grid import served
from ui_tests.conftest import FLAGS
from ui_tests.rows_kit import CENTRE, Desk, Rows, ask

POINTS = (10_000, 100_000, 1_000_000)
THEIRS_FRAMES = 3  # of a million markers of Aladin; each takes seconds
FRAMES = 9
TILES = (1_000_000, 10_000_000)
ORDERS = (0, 3, 5, 7, 9, 11)
Figures = Iterator[tuple[str, float]]

# Milliseconds (median) of a frame while the sky moves, everything drawn anew in each.
MOVE = """(async () => {
  const [ra, dec] = s.aladin.getRaDec();
  const times = [];
  let last = performance.now();
  for (let i = 0; i <= arg; i++) {
    s.go(ra + 0.01 * ((i % 3) - 1), dec);
    await new Promise(requestAnimationFrame);
    await new Promise((next) => setTimeout(next, 0));
    const now = performance.now();
    if (i) times.push(now - last);
    last = now;
  }
  s.go(ra, dec);
  return times.sort((a, b) => a - b)[times.length >> 1];
})()"""
# The same rows as markers of Aladin Lite, open circles as ours.
THEIRS = """(() => {
  const { xyz, count } = c.points.points;
  const A = s.library;
  const catalog = A.catalog({ name: "theirs", sourceSize: 9, color: "#58a6ff", shape: "circle" });
  const sources = Array.from({ length: count }, (_, i) => {
    const [x, y, z] = xyz.subarray(3 * i, 3 * i + 3);
    return A.source(((Math.atan2(y, x) * 180) / Math.PI + 360) % 360, (Math.asin(z) * 180) / Math.PI);
  });
  s.aladin.addCatalog(catalog);
  catalog.addSources(sources);
  window.theirs = catalog;
})()"""


def frames() -> Figures:
    """Frame times (ms) with no rows, with ours and with Aladin's, of the same rows in one page of 1000 x 640."""
    with tempfile.TemporaryDirectory() as folder:
        desk = Desk(Path(folder), *(Rows(n) for n in reversed(POINTS)))
        with served({"/": desk.page}, desk.routes()) as address, sync_playwright() as playwright:
            own = Path("/usr/bin/chromium")
            browser = playwright.chromium.launch(executable_path=str(own) if own.exists() else None, args=FLAGS)
            page = browser.new_page(viewport={"width": 1040, "height": 680})
            page.set_default_timeout(120_000)
            page.goto(address)
            wait(page, lambda: page.locator(".sky-view").evaluate_all("roots => roots.some((root) => root.sky)"))
            for place, n in enumerate(POINTS):
                key = desk.session.tabs[len(POINTS) - 1 - place].key
                # Only this one, as points however many they are.
                desk.session.open(key)
                desk.session.change(paint=Paint(way="points"))
                for tab in desk.session.tabs:
                    if tab.key != key:
                        desk.coverage._hidden = desk.coverage._hidden | {tab.key}
                desk.coverage.refresh()
                wait(page, lambda n=n: ask(page, "Boolean(c) && c.points.points.count") == n)
                page.wait_for_timeout(1500)
                yield from one(page, n).items()
            browser.close()
        desk.close()


def one(page: Page, n: int) -> dict[str, float]:
    """The three ways in turn, twice, ours first: what Aladin leaves behind would slow what comes after it."""
    ours, bare = [], []
    for _ in range(2):
        bare.append(ask(page, f"(s.layer.all = s.layer.catalogs, s.layer.catalogs = [], {MOVE})", FRAMES))
        ours.append(ask(page, f"(s.layer.catalogs = s.layer.all, {MOVE})", FRAMES))
    ask(
        page,
        f"(s.layer.catalogs = [], s.layer.draw(s.view), {THEIRS.replace('c.points', 's.layer.all.at(-1).points')})",
    )
    theirs = ask(page, MOVE, FRAMES if n <= 100_000 else THEIRS_FRAMES)
    ask(page, "(s.aladin.removeOverlay(window.theirs), s.layer.catalogs = s.layer.all, s.layer.draw(s.view))")
    page.wait_for_timeout(1000)
    name = f"{n:,} rows in view: frame,"
    without = min(bare)
    return {
        f"{name} no rows (ms)": without,
        f"{name} our points (ms)": min(ours),
        f"{name} Aladin's markers (ms)": theirs,
        f"{name} Aladin's by ours": theirs / min(ours),
    }


def wait(page: Page, holds: Callable[[], object], seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            raise TimeoutError("the rows did not come")
        page.wait_for_timeout(50)


def tiles() -> Figures:
    """Building the index, and the median tile of each order about the middle of the rows, in milliseconds."""
    for n in TILES:
        rows = Rows(n)
        numbers = np.arange(n, dtype=np.uint32)
        start = time.perf_counter()
        index = SkyIndex(rows.ra, rows.dec, numbers)
        name = f"{n:,} rows:"
        yield f"{name} index (ms)", (time.perf_counter() - start) * 1e3
        values = rows.mag[index.rows]
        for order in ORDERS:
            npix = int(index.pixels[n // 2] >> 2 * (29 - order))
            counts, means = partial(index.counts, order, npix), partial(index.tile, order, npix, None, values)
            yield f"{name} tile of order {order}, counts (ms)", median(counts)
            yield f"{name} tile of order {order}, mean (ms)", median(means)
        tile = index.tile(5, int(index.pixels[n // 2] >> 48))
        yield f"{name} FITS of a tile (ms)", median(partial(tile_fits, 5, 0, tile))
        yield f"{name} rows of a view (ms)", median(partial(index.within, *CENTRE, 0.02, 50_000))


def median(call: Callable[[], object], times: int = 5) -> float:
    call()
    spent = []
    for _ in range(times):
        start = time.perf_counter()
        call()
        spent.append(time.perf_counter() - start)
    return statistics.median(spent) * 1e3


def run() -> Figures:
    """All figures, as they come."""
    yield from tiles()
    yield from frames()


if __name__ == "__main__":
    for what, value in run():
        print(f"{what:64} {value:12,.2f}", flush=True)
