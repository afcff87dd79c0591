"""The bounds of the embedded archive, each with its reason. Operators' settings come from ``portal.config``."""

from __future__ import annotations

from dataclasses import dataclass

from ..config import Settings


@dataclass(frozen=True)
class Limits:
    """Sizes in bytes, times in seconds, unless the name says otherwise."""

    memory: str = "4GB"  # of the query engine, before it spills to the state folder
    scratch: str = "20GB"  # what it may spill: a sort of the largest table fits
    threads: int = 0  # of the query engine; 0: one per core
    sync_seconds: float = 60.0  # as on the Rubin platform; longer queries belong in async
    async_seconds: float = 600.0
    sync_workers: int = 8  # more at once only make each other slow on one machine
    async_workers: int = 4  # apart from the sync ones, so that long jobs never block a cone search
    max_rows: int = 100_000_000  # default and ceiling of MAXREC, as on the Rubin platform
    body_bytes: int = 32 << 20  # of a request: the upload limit of the Rubin platform
    result_bytes: int = 3 << 30  # of one job's file, as on the Rubin platform
    resident_bytes: int = 128 << 20  # tables up to this size on disk are held in memory: cones in 2 ms, not 15
    cutout_pixels: int = 4000 * 4000  # a whole patch and no more

    private_hosts: frozenset[str] = frozenset()  # host:port names from which tables may be fetched all the same

    @classmethod
    def from_settings(cls, settings: Settings) -> Limits:
        """The limits an operator has set; the others stay at their defaults."""
        return cls(
            memory=settings.archive_memory,
            threads=settings.archive_threads,
            sync_seconds=settings.sync_seconds,
            async_seconds=settings.async_seconds,
            private_hosts=frozenset(item.strip().lower() for item in settings.private_hosts.split(",") if item.strip()),
        )
