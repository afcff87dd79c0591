"""The connection to a Spark cluster: made in the background, made again when it is lost.

Needs the packages of ``pip install triview[spark]`` and Java 17. Knows nothing of queries.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

log = logging.getLogger(__name__)
AGAIN_SECONDS = 30.0  # between attempts to reach a cluster
REACH_SECONDS = 3.0  # for its master to answer
LOOPBACK = ("127.0.0.1", "localhost", "::1")
_TYPES = {
    "BOOLEAN": "BOOLEAN", "TINYINT": "TINYINT", "SMALLINT": "SMALLINT", "INTEGER": "INT", "BIGINT": "BIGINT",
    "FLOAT": "FLOAT", "DOUBLE": "DOUBLE", "VARCHAR": "STRING",
}  # fmt: skip


class Link:
    """A session on the cluster at ``url`` (``spark://host:port``, or ``local[n]`` for one process).

    ``files`` and ``types`` are the Parquet files of the stored tables and DuckDB's types of their columns. ``conf`` is
    the folder of a ``spark-defaults.conf``; for a cluster on this machine, the one that ``make cluster`` wrote.
    """

    def __init__(
        self, url: str, files: Mapping[str, list[str]], types: Mapping[str, Mapping[str, str]], conf: Path | None = None
    ) -> None:
        self.url, self._files, self._types, self._conf = url, files, types, conf
        self._session: SparkSession | None = None
        self._lock = threading.Lock()
        self._tried = -AGAIN_SECONDS
        self._closed = False

    @property
    def session(self) -> SparkSession | None:
        """The session when it is up; else None, and it is being started."""
        session = self._session
        if session is not None and not _stopped(session):
            return session
        self.begin()
        return None

    def begin(self) -> None:
        """Connect in the background, unless that is being done or was tried a moment ago."""
        if not self._closed and not self._lock.locked() and time.monotonic() - self._tried >= AGAIN_SECONDS:
            threading.Thread(target=self.start, name="spark", daemon=True).start()

    def start(self) -> bool:
        """Connect, and wait until it is done. Whether it could be done; why not is in the log."""
        with self._lock:
            if self._closed:
                return False
            if self._session is not None and not _stopped(self._session):
                return True
            try:
                self._session = self._connect()
            except ImportError:
                log.warning("TRIVIEW_SPARK is set, but pyspark is not installed: make setup-spark")
            except (OSError, RuntimeError) as error:
                log.warning("no Spark at %s: %s. Its queries stay on DuckDB.", self.url, _first_line(error))
            finally:
                self._tried = time.monotonic()
            return self._session is not None

    def close(self) -> None:
        """End the application on the cluster."""
        with self._lock:
            self._closed = True
            session, self._session = self._session, None
        if session is not None:
            session.stop()

    def _connect(self) -> SparkSession:
        from py4j.protocol import Py4JError
        from pyspark.errors import PySparkException
        from pyspark.sql import SparkSession

        host = self._reach()
        if self._conf is not None and host in LOOPBACK and (self._conf / "spark-defaults.conf").is_file():
            os.environ.setdefault("SPARK_CONF_DIR", str(self._conf))
        if host in LOOPBACK:
            os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
        builder = SparkSession.builder.master(self.url).appName("triview")
        for name, value in _settings(host).items():
            builder = builder.config(name, value)
        try:
            base = builder.getOrCreate()
            base.sparkContext.setLogLevel("ERROR")
            session = base.newSession()
            for name, paths in self._files.items():
                self._view(session, name, paths)
        except (PySparkException, Py4JError) as error:
            raise RuntimeError(_first_line(error)) from None
        return session

    def _reach(self) -> str:
        """The master's host, once it answers: Spark itself would try for a minute, then take its process down."""
        if not self.url.startswith("spark://"):
            return "127.0.0.1"
        last: OSError | None = None
        for master in self.url.removeprefix("spark://").split(","):
            place = urlsplit(f"//{master}")
            try:
                socket.create_connection((place.hostname or "", place.port or 7077), REACH_SECONDS).close()
                return place.hostname or ""
            except OSError as error:
                last = error
        raise last or OSError("no address")

    def _view(self, session: SparkSession, name: str, paths: list[str]) -> None:
        columns = [f"`{key}` {_TYPES[kind]}" for key, kind in self._types[name].items() if kind in _TYPES]
        # Given the columns, Spark opens no file before a query does; the folders' names (Norder=3) are no columns.
        reader = session.read.schema(", ".join(columns)).option("recursiveFileLookup", "true")
        reader.parquet(*("file://" + path for path in paths)).createOrReplaceTempView(f"stored_{name}")


def _settings(host: str) -> dict[str, Any]:
    settings = {
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.scheduler.mode": "FAIR",  # a quick query does not wait for a slow one
        "spark.sql.ansi.enabled": "true",  # what overflows is an error, as in DuckDB
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.adaptive.enabled": "true",
    }
    if host in LOOPBACK:
        settings |= {"spark.sql.shuffle.partitions": "16"}  # two hundred are for many machines
        settings |= {"spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1"}
    return settings


def _stopped(session: SparkSession) -> bool:
    from py4j.protocol import Py4JError

    try:
        return session.sparkContext._jsc is None or session.sparkContext._jsc.sc().isStopped()
    except (Py4JError, OSError):  # its Java process is gone
        return True


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
