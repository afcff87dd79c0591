"""The embedded archive as one object, and its routes: a table of contents."""

from __future__ import annotations

import fcntl
import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, Any

from portal.background import worker_pool

from ..errors import LimitError
from . import alerts_web, datalink_web, hips, scs, sia, soda, tap, vosi_web
from .catalog import Store
from .images import Images
from .limits import Limits
from .query import Query
from .quota import Quota
from .spark.engine import Spark
from .uws import LONG_NICE, Uws
from .uws_web import uws_routes

SHORT_SECONDS = 1.0  # of the engine, after which a query is not short
MAX_SERVERS = 9  # archives on one state folder


class Archive:
    """Everything the handlers share. ``base_url`` fixes the address in links; "" takes it from each request."""

    def __init__(self, folder: Path, state: Path, limits: Limits, base_url: str = "") -> None:
        self._lock: IO | None = None
        self.limits = limits
        self.base_url = base_url.rstrip("/")
        self.up_since = time.time()
        self.scratch = state / "scratch"
        self.store = Store(folder, self.scratch, limits)
        self.spark = None
        if limits.spark:
            self.spark = Spark(limits.spark, folder, self.store, self.scratch, limits.resident_bytes, limits.spark_conf)
            self.spark.link.begin()
        self.quota = Quota(limits)
        self.images = Images(folder, self.store)
        # Threads: short ones on the desk, queries apart, and jobs (in Uws) apart from both.
        self.desk = ThreadPoolExecutor(max(4, os.cpu_count() or 1), thread_name_prefix="desk")
        # Queries that are sure to be short have a lane of their own, which no long one holds up. All others give
        # way alike, and the engine's own threads most, which never hold Python's lock.
        self.short = worker_pool(limits.sync_workers, "short", nice=0)
        self.queries = worker_pool(limits.long_workers, "sync", nice=LONG_NICE)
        self.intake = worker_pool(limits.sync_workers, "intake", nice=LONG_NICE)  # uploads may wait for other servers
        self.pixels = worker_pool(max(2, os.cpu_count() or 1), "pixels", nice=LONG_NICE)
        self.uws = Uws(state, limits.async_workers, limits.async_seconds, limits.open_jobs, limits.user_jobs)
        self.uws.register("tap", lambda ticket: tap.run_job(self, ticket))
        self.uws.register("cutout", lambda ticket: soda.run_job(self, ticket))
        self.queries.submit(tap.warm_up, self)
        self.pixels.submit(self.images.warm_up)

    @classmethod
    def open(cls, folder: Path, state: Path, limits: Limits | None = None, base_url: str = "") -> Archive:
        """Serve the sample in ``folder``, keeping jobs and spilled data below ``state``."""
        state, lock = own_folder(state)
        archive = cls(folder, state, limits or Limits(), base_url)
        archive._lock = lock
        return archive

    def lane(self, query: Query) -> ThreadPoolExecutor:
        """The threads for the next step of a query: one that has taken long after all leaves those of short ones."""
        return self.short if query.short and query.seconds < SHORT_SECONDS else self.queries

    def close(self) -> None:
        """Stop all work; unfinished jobs run again at the next start."""
        for pool in (self.desk, self.intake, self.short, self.queries, self.pixels):
            pool.shutdown(wait=False, cancel_futures=True)
        if self.spark is not None:
            self.spark.close()
        self.store.interrupt()
        self.uws.close()
        for pool in (self.desk, self.intake, self.short, self.queries, self.pixels):
            pool.shutdown(wait=True)
        self.store.close()
        if self._lock is not None:
            self._lock.close()


def own_folder(state: Path) -> tuple[Path, IO]:
    """``state``, or a numbered folder in it when another server on this machine uses it; and the lock that holds it.

    Two servers in one folder would run each other's jobs. Raises LimitError when all of them are taken.
    """
    for place in (state, *(state / str(number) for number in range(2, MAX_SERVERS + 1))):
        place.mkdir(parents=True, exist_ok=True)
        lock = (place / "lock").open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.close()
            continue
        return place, lock
    raise LimitError(f"{MAX_SERVERS} archives already use {state}.", "Stop one, or set TRIVIEW_DATA to another folder.")


def archive_routes(archive: Archive) -> list[tuple[str, Any, dict]]:
    """Tornado routes of the archive, all below /api, for a server of its own or Panel's ``extra_patterns``."""
    return [
        *uws_routes("/api/tap/async", archive, "tap"),
        *tap.routes(archive),
        *vosi_web.routes(archive),
        *datalink_web.routes(archive),
        *uws_routes("/api/cutout/jobs", archive, "cutout"),
        *soda.routes(archive),
        *sia.routes(archive),
        *scs.routes(archive),
        *hips.routes(archive),
        *alerts_web.routes(archive),
    ]
