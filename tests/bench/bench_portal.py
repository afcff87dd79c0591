"""The whole portal: page open to usable against a bare Panel page, and a click's light curve against a plain read."""

from __future__ import annotations

import io
import os
import statistics
import tempfile
import time
from pathlib import Path

import duckdb
import httpx
from astropy.io.votable import parse

from portal.archive.sample import stored
from tests.bench.bench_grid import bare_page, chromium, opened
from ui_tests.portal_kit import PortalProcess

OBJECTS = 40
PAGES = 5
PRESET = os.environ.get("TRIVIEW_BENCH_PRESET", "default")


def median_ms(times: list[float]) -> float:
    return 1e3 * statistics.median(times)


def curves(server: PortalProcess) -> tuple[float, float, int]:
    """(ms of the time series service, ms of reading the same rows from Parquet by id, epochs of one object)."""
    query = f"SELECT TOP {OBJECTS} objectId FROM dp1.Object WHERE r_psfMag BETWEEN 18 AND 23"
    with httpx.Client(base_url=server.url, trust_env=False, timeout=60) as web:
        answer = web.post("/api/tap/sync", data={"LANG": "ADQL", "QUERY": query})
        found = parse(io.BytesIO(answer.content)).get_first_table().to_table(use_names_over_ids=True)
        ids = [int(value) for value in found["objectId"]]
        asked = {
            "table": "dp1.ForcedSource", "id_column": "objectId", "join_time_column": "dp1.CcdVisit.expMidptMJD",
            "join_style": "visit_detector", "band": "all", "detail": "principal",
        }  # fmt: skip
        ours, theirs = [], []
        con = duckdb.connect()
        found = stored.files(next((server.data / "sky").glob(f"{PRESET}-*")), "ForcedSource")
        files = f"{[str(file) for file in found]}, hive_partitioning = false"
        for ident in ids:
            start = time.perf_counter()
            web.get("/api/datalink/timeseries", params={"id": str(ident), **asked}).raise_for_status()
            ours.append(time.perf_counter() - start)
            start = time.perf_counter()
            rows = con.execute(f"SELECT * FROM read_parquet({files}) WHERE objectId = {ident}").fetchall()
            theirs.append(time.perf_counter() - start)
    return median_ms(ours[3:]), median_ms(theirs[3:]), len(rows)


def run() -> list[tuple[str, str]]:
    """(what was compared, figures and ratio)."""
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        server = PortalProcess(Path(folder), TRIVIEW_PRESET=PRESET).start()
        try:
            service, plain, epochs = curves(server)
            times = []
            for _ in range(PAGES + 1):
                page, taken = opened(browser, server.url + "/", ".tv-run button.primary")
                page.context.close()
                times.append(taken)
        finally:
            server.stop()
        usable, bare = statistics.median(times[1:]), bare_page(browser, PAGES)
    return [
        (f"light curve of a click ({epochs} epochs, {PRESET} sample), by HTTP", f"{service:.1f} ms (goal <= 60)"),
        ("  ratio to a plain DuckDB read of the same rows from Parquet", f"{service / plain:.2f}"),
        ("page opened to usable", f"{usable:.0f} ms"),
        ("  ratio to a bare Panel page with a table", f"{usable / bare:.2f} (goal <= 1.5)"),
    ]
