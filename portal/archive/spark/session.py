"""The connection to a Spark cluster: made in the background, made again when it is lost.

Needs the packages of ``pip install triview[spark]`` and Java 17. Knows nothing of queries.
"""

from __future__ import annotations

import logging
import os
import re
import socket
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from .driver import LOOPBACK, Driver, first_line
from .needs import missing

log = logging.getLogger(__name__)
AGAIN_SECONDS = 30.0  # between attempts to reach a cluster
REACH_SECONDS = 3.0  # for its master to answer
JOIN_SECONDS = 60.0  # for its first worker to come; also without any before the connection counts as lost
LOOK_SECONDS = 0.2
CLOSE_SECONDS = 5.0  # that the server's end waits for a connection in the making
_TYPES = {
    "BOOLEAN": "BOOLEAN", "TINYINT": "TINYINT", "SMALLINT": "SMALLINT", "INTEGER": "INT", "BIGINT": "BIGINT",
    "FLOAT": "FLOAT", "DOUBLE": "DOUBLE", "VARCHAR": "STRING",
}  # fmt: skip


class Link:
    """A connection to the cluster at ``url`` (``spark://host:port``, or ``local[n]`` for one process).

    ``files`` and ``types`` are the Parquet files of the stored tables and DuckDB's types of their columns; ``folder``
    is for what the connection keeps on disk. ``conf`` is the folder of a ``spark-defaults.conf`` for a cluster on this
    machine, as ``make cluster`` writes it.
    """

    def __init__(
        self,
        url: str,
        files: Mapping[str, list[str]],
        types: Mapping[str, Mapping[str, str]],
        folder: Path,
        conf: Path | None = None,
    ) -> None:
        self.url, self._files, self._types, self._folder, self._conf = url, files, types, folder, conf
        self._driver: Driver | None = None
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._tried = -AGAIN_SECONDS
        self._seen = 0.0  # when there were workers last

    @property
    def driver(self) -> Driver | None:
        """The connection when it is up and has workers; else None, and what is lost is made again meanwhile."""
        driver = self._driver
        if driver is not None and driver.workers:
            self._seen = time.monotonic()
            return driver
        if driver is None or time.monotonic() - self._seen > JOIN_SECONDS:
            self.begin()
        return None

    def begin(self) -> None:
        """Connect in the background, unless that is being done or was tried a moment ago."""
        waited = time.monotonic() - self._tried >= AGAIN_SECONDS
        if waited and not self._closed.is_set() and not self._lock.locked():
            threading.Thread(target=self.start, name="spark", daemon=True).start()

    def start(self) -> bool:
        """Connect anew unless there is a connection with workers, and wait for it. Whether there is one then.

        Why there is none is in the log.
        """
        with self._lock:
            if self._driver is not None and self._driver.workers:
                return True
            self._leave()
            try:
                self._connect()
            except (OSError, RuntimeError) as error:
                log.warning("No Spark at %s: %s. Queries stay on DuckDB.", self.url, first_line(error))
            finally:
                self._tried = time.monotonic()
            return self._driver is not None

    def close(self) -> None:
        """End the application on the cluster, and its process here."""
        self._closed.set()
        if self._lock.acquire(timeout=CLOSE_SECONDS):  # else the thread that connects sees the sign
            try:
                self._leave()
            finally:
                self._lock.release()

    def _leave(self) -> None:
        driver, self._driver = self._driver, None
        if driver is not None:
            driver.end()

    def _connect(self) -> None:
        if any(lacking := missing()):
            raise RuntimeError(" ".join(lacking).rstrip("."))
        host = self._reach()
        conf = self._conf if host in LOOPBACK and "SPARK_CONF_DIR" not in os.environ else None
        if conf is not None and not (conf / "spark-defaults.conf").is_file():
            conf = None
        driver = Driver(self.url, host, conf, self._folder)
        try:
            until = time.monotonic() + JOIN_SECONDS
            while not driver.workers:
                if self._closed.wait(LOOK_SECONDS) or time.monotonic() > until:
                    raise RuntimeError("its master gives us no worker")
            driver.views({name: (self._columns(name), paths) for name, paths in self._files.items()})
            if self._closed.is_set():
                raise RuntimeError("the server is stopping")
        except BaseException:
            driver.end()
            raise
        self._seen = time.monotonic()
        self._driver = driver
        log.info("Spark at %s: %d workers", self.url, driver.workers)

    def _reach(self) -> str:
        """The master's host, once it answers: Spark itself would try for a minute, then take its process down."""
        if re.fullmatch(r"local(\[(\d+|\*)\])?", self.url):
            return "127.0.0.1"
        if not self.url.startswith("spark://"):
            raise RuntimeError("TRIVIEW_SPARK is written spark://host:port")
        last: OSError | None = None
        for master in self.url.removeprefix("spark://").split(","):
            try:
                place = urlsplit(f"//{master}")
                socket.create_connection((place.hostname or "", place.port or 7077), REACH_SECONDS).close()
                return place.hostname or ""
            except ValueError as error:
                raise RuntimeError(f"{master}: {error}") from None
            except OSError as error:
                last = error
        raise last or OSError("no address")

    def _columns(self, name: str) -> str:
        """Spark's words for the columns of a stored table: given those, it opens no file before a query does."""
        return ", ".join(f"`{key}` {_TYPES[kind]}" for key, kind in self._types[name].items() if kind in _TYPES)
