"""The grid against Panel's own table on the same million rows, in one browser and one server; and the bare page.

``run()`` gives the figures; ``bare_page`` is the yardstick for anything that claims to open fast.
"""

from __future__ import annotations

import json
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import panel as pn
import pyarrow as pa
from playwright.sync_api import Browser, Page, sync_playwright
from tornado.ioloop import IOLoop
from tornado.web import RequestHandler

from portal.table.cells import cell_texts
from portal.table.columns import Column, TableMeta
from portal.table.result import ResultTable, RowView
from widgets.grid import Grid

ROWS = 1_000_000
TURNS = 8
THEIR_CELL = ".tabulator-cell[tabulator-field=coord_ra]"  # the first one, the index, is hidden
FLAGS = [
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]

# Clicks (or writes `value`) in the page; resolves with the milliseconds until the first row shows another text,
# two frames later.
TURN = """([press, read, value]) => new Promise((resolve, reject) => {
  const find = (root, selector) => {
    const hit = root.querySelector(selector);
    if (hit) return hit;
    for (const node of root.querySelectorAll("*")) {
      const inside = node.shadowRoot && find(node.shadowRoot, selector);
      if (inside) return inside;
    }
    return null;
  };
  const text = () => find(document, read)?.textContent;
  const before = text();
  const start = performance.now();
  const target = find(document, press);
  if (value === undefined) target.click();
  else {
    target.value = value;
    target.dispatchEvent(new Event("change"));
  }
  const look = () => {
    if (text() !== undefined && text() !== before)
      requestAnimationFrame(() => requestAnimationFrame(() => resolve(performance.now() - start)));
    else if (performance.now() - start > 60000) reject(new Error("no other page came"));
    else setTimeout(look, 1);
  };
  look();
})"""


def columns() -> tuple[TableMeta, pa.Table]:
    """One million rows of 13 columns: an id, two positions, ten fluxes."""
    rng = np.random.default_rng(1)
    named = [("objectId", "long", "", np.arange(ROWS, dtype=np.int64) + 1651281746966117377)]
    named += [(name, "double", "deg", rng.uniform(0, 90, ROWS)) for name in ("coord_ra", "coord_dec")]
    named += [
        (f"{b}_{k}Flux", "float", "nJy", rng.lognormal(5, 2, ROWS).astype("f4"))
        for b in "ugrzy"
        for k in ("psf", "gaap")
    ]
    meta = TableMeta(columns=tuple(Column(name=n, datatype=d, unit=u) for n, d, u, _ in named))
    return meta, pa.table({name: values for name, _, _, values in named})


def feed(result: ResultTable) -> tuple:
    """A tornado route that answers the grid as the portal does: rows taken and written in a thread."""
    pool = ThreadPoolExecutor(2)

    def block(start: int, count: int) -> bytes:
        numbers, cells = result.page(RowView(()), start, count)
        texts = [cell_texts(c, cells.column(i)) for i, c in enumerate(result.meta.columns)]
        rows = [[n, 0, list(row)] for n, row in zip(numbers.tolist(), zip(*texts))]
        return json.dumps({"start": start, "total": result.n_rows, "rows": rows}).encode()

    class Rows(RequestHandler):
        async def get(self) -> None:
            start, count = int(self.get_argument("start")), int(self.get_argument("count"))
            answer = await IOLoop.current().run_in_executor(pool, block, start, count)
            self.set_header("Content-Type", "application/json")
            self.finish(answer)

    return (r"/rows", Rows)


@contextmanager
def served(apps: dict[str, Callable[[], object]], routes: list[tuple]) -> Iterator[str]:
    """The address of a Panel server in a thread of this process."""
    ready = threading.Event()
    name = f"bench-{time.monotonic_ns()}"
    server = pn.serve(
        apps, server_id=name, port=0, address="127.0.0.1", websocket_origin="127.0.0.1",
        threaded=True, show=False, verbose=False, extra_patterns=routes,
    )  # fmt: skip
    while name not in pn.state._servers:
        ready.wait(0.01)
    try:
        yield f"http://127.0.0.1:{pn.state._servers[name][0].port}"
    finally:
        server.stop()


@contextmanager
def chromium() -> Iterator[Browser]:
    own = Path("/usr/bin/chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(own) if own.exists() else None, args=FLAGS)
        yield browser
        browser.close()


def opened(browser: Browser, address: str, usable: str) -> tuple[Page, float]:
    """A page in a fresh profile, and the milliseconds until ``usable`` (a selector) is seen in it."""
    page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
    start = time.perf_counter()
    page.goto(address, wait_until="commit")
    page.locator(usable).first.wait_for(timeout=60_000)
    return page, (time.perf_counter() - start) * 1000


def bare_page(browser: Browser, repeats: int = 5) -> float:
    """The yardstick: milliseconds (median) from opening a bare Panel page with a table to its first rows.

    Cold browser cache, warm server; the table is Panel's own, of 100 rows and 13 columns.
    """
    import pandas as pd

    frame = pd.DataFrame(np.arange(1300.0).reshape(100, 13), columns=[f"column_{i}" for i in range(13)])
    pn.extension("tabulator")
    times = []
    with served({"/": lambda: pn.widgets.Tabulator(frame, disabled=True, height=500)}, []) as address:
        for _ in range(repeats + 1):
            page, taken = opened(browser, address, ".tabulator-cell[tabulator-field=column_0]")
            page.context.close()
            times.append(taken)
    return statistics.median(times[1:])


def run() -> dict[str, float]:
    """Figures in milliseconds (medians): page turns of both tables, their ratio, and opening times.

    The turns are taken in turn and in one browser, so that a busy machine slows both alike.
    """
    meta, table = columns()
    frame = table.to_pandas()
    pn.extension("tabulator")
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        result = ResultTable.from_arrow(Path(folder) / "rows", meta, table)
        heads = [{"name": c.name, "unit": c.unit, "datatype": c.datatype, "numeric": True} for c in meta.columns]
        apps = {
            "/grid": lambda: Grid(url="rows", columns=heads, n_rows=ROWS, width=1200, height=600),
            "/theirs": lambda: pn.widgets.Tabulator(
                frame, pagination="remote", page_size=100, disabled=True, width=1200, height=600
            ),
        }
        with served(apps, [feed(result)]) as address:
            ours, ours_open = opened(browser, f"{address}/grid", ".tv-table tbody td")
            theirs, theirs_open = opened(browser, f"{address}/theirs", THEIR_CELL)
            grid_ms, tabulator_ms, far_ms = [], [], []
            for turn in range(TURNS + 1):
                ours.bring_to_front()
                near = ours.evaluate(TURN, ["[aria-label='Next page']", ".tv-table tbody td"])
                ours.wait_for_timeout(50)
                # A page never seen before: nothing of it was fetched ahead or kept.
                far = ours.evaluate(TURN, [".tv-page", ".tv-table tbody td", str(1000 + 777 * turn)])
                theirs.bring_to_front()
                other = theirs.evaluate(TURN, [".tabulator-page[data-page=next]", THEIR_CELL])
                if turn:  # the first turn of each warms up
                    grid_ms.append(near)
                    far_ms.append(far)
                    tabulator_ms.append(other)
        result.close()
        bare = bare_page(browser)
    figures = {
        "grid: next page": statistics.median(grid_ms),
        "grid: jump to a far page": statistics.median(far_ms),
        "Tabulator(remote): next page": statistics.median(tabulator_ms),
        "grid: page opened to rows": ours_open,
        "Tabulator(remote): page opened to rows": theirs_open,
        "bare Panel page with a table: opened to rows": bare,
    }
    figures["ratio of page turns (goal <= 0.2)"] = figures["grid: next page"] / figures["Tabulator(remote): next page"]
    return figures


if __name__ == "__main__":
    for what, value in run().items():
        print(f"{what:50s} {value:10.2f}")
