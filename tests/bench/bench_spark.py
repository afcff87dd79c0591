"""Full-scan queries on a cluster of two workers against DuckDB, on this machine, with the same files and the same ADQL.

``python -m tests.bench spark --data FOLDER`` takes the sample in FOLDER (a preset's, as the portal keeps it); without
it a tiny one is made, which shows that it works and nothing else. Both engines have all cores, one after the other; the
answers must be equal. Wall seconds are compared; processor seconds of all processes stand beside them.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import pyarrow as pa

from portal.archive.catalog import Store
from portal.archive.limits import Limits
from portal.archive.query import Bounds, Query
from portal.archive.sample.build import build_sample
from portal.archive.spark.engine import Spark
from portal.archive.spark.needs import missing
from tests.portal.archive.spark_fixture import Cluster, children, differences

TURNS = 2  # the first finds the files on disk, the last in memory: the last counts, on both sides
SUMS = 1e-8  # by which sums of 100 million terms may differ that go in another order
MEMORY = 1  # GB of each worker; DuckDB has that of both
BOUNDS = Bounds(1_000_000, 3600.0)
QUERIES = {
    "count and mean by band (ForcedSource)": "SELECT band, COUNT(*) AS n, AVG(psfFlux) AS mean FROM dp1.ForcedSource "
    "GROUP BY band ORDER BY band",
    "colour-colour histogram by GROUP BY (Object)": "SELECT FLOOR((g_psfMag - r_psfMag) / 0.1) AS gr, "
    "FLOOR((r_psfMag - i_psfMag) / 0.1) AS ri, COUNT(*) AS n FROM dp1.Object WHERE g_psfFlux > 0 AND r_psfFlux > 0 "
    "AND i_psfFlux > 0 GROUP BY gr, ri ORDER BY gr, ri",
    "join Object x ForcedSource, aggregates by type and band": "SELECT o.refExtendedness AS kind, f.band, "
    "COUNT(*) AS n, AVG(f.psfFlux - o.r_psfFlux) AS mean, MAX(f.psfFlux) AS most FROM dp1.Object AS o "
    "JOIN dp1.ForcedSource AS f ON f.objectId = o.objectId WHERE o.r_psfMag < 24 "
    "GROUP BY o.refExtendedness, f.band ORDER BY kind, f.band",
    "500 most variable objects (ForcedSource, groups by id)": "SELECT TOP 500 objectId, COUNT(*) AS n, "
    "STDDEV(psfFlux) / AVG(psfFlux) AS swing FROM dp1.ForcedSource WHERE band = 'r' AND psfFlux > 1000 "
    "GROUP BY objectId HAVING COUNT(*) > 5 ORDER BY swing DESC, objectId",
}


def measured(store: Store, sql: str, spark: Spark | None, processes: Iterable[int]) -> tuple[float, float, pa.Table]:
    """Wall and processor seconds of the last turn, and its rows. Raises RuntimeError when the other engine gave them.

    ``processes`` are those that work for it.
    """
    for _ in range(TURNS):
        spent, begun = sum(map(processor, processes)), time.perf_counter()
        query = Query(store, sql, BOUNDS, None, spark)
        query.open()
        try:
            if (query._far is not None) != (spark is not None):
                raise RuntimeError("Spark did not take the query; its log says why.")
            table = pa.Table.from_batches(list(query.batches()), query._schema)
        finally:
            query.close()
        took = time.perf_counter() - begun
    return took, sum(map(processor, processes)) - spent, table


def processor(pid: int) -> float:
    """Seconds of processor time of a process so far."""
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def compared(folder: Path, work: Path) -> Iterator[tuple[str, str]]:
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") >> 30
    yield "machine", f"{os.cpu_count()} cores, {memory} GiB, load {os.getloadavg()[0]:.1f} at the start"
    store = Store(folder, work / "scratch", Limits(memory=f"{2 * MEMORY}GB"))
    counts = {name: store.rows[f"dp1.{name}"] for name in ("Object", "ForcedSource")}
    yield f"rows in {folder.name}", ", ".join(f"{rows:,} {name}" for name, rows in counts.items())
    near = {what: measured(store, sql, None, [os.getpid()]) for what, sql in QUERIES.items()}
    cluster = Cluster(work, "--memory", f"{MEMORY}g", quick=False)
    spark = Spark(cluster.url, folder, store, work / "answers", 0, cluster.conf)
    try:
        if not spark.link.start():
            raise RuntimeError("There is no connection to the cluster; the log above says why.")
        processes = [os.getpid(), *children(os.getpid())]
        for what, sql in QUERIES.items():
            took, spent, table = measured(store, sql, spark, processes)
            wanted, spent_near, rows = near[what]
            if found := differences(rows, table, SUMS):
                raise AssertionError(f"{what}: the answers differ in {', '.join(found)}")
            yield (
                what,
                f"{wanted / took:.2g}x as fast as DuckDB ({took:.1f} s against {wanted:.1f}; "
                f"processor {spent:.1f} s against {spent_near:.1f}; {table.num_rows} equal rows)",
            )
    finally:
        spark.close()
        cluster.stop()
        cluster.kill()
        store.close()


def run(data: Path | None = None) -> Iterator[tuple[str, str]]:
    """(what was compared, how many times faster) on the sample in ``data``."""
    if any(lacking := missing()):
        yield "left out", " ".join(lacking)
        return
    with tempfile.TemporaryDirectory() as name:
        folder = data or build_sample("tiny", 2026, Path(name) / "sample", None)
        yield from compared(folder, Path(name))
