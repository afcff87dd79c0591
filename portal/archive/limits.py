"""The bounds of the embedded archive, each with its reason. Operators' settings come from ``portal.config``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..config import Settings


@dataclass(frozen=True)
class Limits:
    """Sizes in bytes, times in seconds, unless the name says otherwise."""

    memory: str = "4GB"  # of the query engine, before it spills to the state folder
    scratch: str = "20GB"  # what it may spill: a sort of the largest table fits
    threads: int = 0  # of the query engine; 0: one per core
    sync_seconds: float = 60.0  # as on the Rubin platform; longer queries belong in async
    async_seconds: float = 600.0
    sync_workers: int = 8  # short queries at once: more only make each other slow on one machine
    long_workers: int = 4  # synchronous queries at once that may take long: the others wait for a thread
    async_workers: int = 4  # apart from the sync ones, so that long jobs never block a cone search
    max_rows: int = 100_000_000  # default and ceiling of MAXREC, as on the Rubin platform
    body_bytes: int = 32 << 20  # of a request's uploads, as on the Rubin platform
    result_bytes: int = 3 << 30  # of one job's file, as on the Rubin platform
    resident_bytes: int = 128 << 20  # tables up to this size on disk are held in memory: cones in 2 ms, not 15
    cutout_pixels: int = 4000 * 4000  # a whole patch and no more
    open_jobs: int = 10_000  # not ended, of all users: their list still takes less than a second
    user_jobs: int = 1_000  # not ended, of one user; those that wait take turns between users
    user_queries: int = 100  # synchronous ones at once of one user: more only wait for each other
    user_rows: int = 1_000_000_000  # an hour: ten answers of the largest MAXREC
    user_bytes: int = 64 << 30  # an hour: a machine's disk and network, not one user's
    user_seconds: float = 4 * 3600.0  # an hour: all workers for asynchronous jobs, all the time
    user_header: str = ""  # in which a trusted proxy names the user; without it the client's address counts
    spark: str = ""  # address of a Spark cluster for what no position or id bounds; "": DuckDB answers everything
    spark_conf: Path | None = None  # folder of its spark-defaults.conf, as `make cluster` writes it
    private_hosts: frozenset[str] = frozenset()  # host:port names from which tables may be fetched all the same

    @classmethod
    def from_settings(cls, settings: Settings) -> Limits:
        """The limits an operator has set; the others stay at their defaults."""
        return cls(
            memory=settings.archive_memory,
            threads=settings.archive_threads,
            sync_seconds=settings.sync_seconds,
            async_seconds=settings.async_seconds,
            user_header=settings.user_header,
            spark=settings.spark,
            spark_conf=settings.data / "spark",
            private_hosts=frozenset(item.strip().lower() for item in settings.private_hosts.split(",") if item.strip()),
        )
