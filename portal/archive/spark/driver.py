"""The Java process through which this server speaks to a cluster: started, asked how it is, ended.

It reads the cluster's settings when it starts and never again, and a cluster that was started anew has another secret.
So each connection has a process of its own, of which there is one at a time; pyspark would keep the first for the life
of Python, dead or alive. It ends with the server, however that ends: its standard input is closed then.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import threading
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path

LOOPBACK = ("127.0.0.1", "localhost", "::1")
END_SECONDS = 20.0  # for it to take leave of the cluster
# Needed for answers that equal DuckDB's.
_ALWAYS = {
    "spark.sql.ansi.enabled": "true",  # what overflows is an error
    "spark.sql.session.timeZone": "UTC",
}
# What an operator's spark-defaults.conf may say otherwise.
_UNLESS_SET = {
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.scheduler.mode": "FAIR",  # a quick query does not wait for a slow one
    "spark.task.reaper.enabled": "true",  # a task that does not stop when told to goes, with its executor
    "spark.task.reaper.killTimeout": "60s",
}
_UNLESS_SET_HERE = {
    "spark.sql.shuffle.partitions": "16",  # two hundred are for many machines
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
}


class Driver:
    """A process with a ``session`` on the cluster at ``url``, whose master is ``host``.

    ``conf`` is the folder of a ``spark-defaults.conf``, None for the one in SPARK_CONF_DIR if that is set. The process
    keeps its files in ``folder``. Raises OSError or RuntimeError when it cannot be started or is not let in.
    """

    def __init__(self, url: str, host: str, conf: Path | None, folder: Path) -> None:
        from py4j.protocol import Py4JError
        from pyspark import SparkConf, SparkContext
        from pyspark.errors import PySparkException
        from pyspark.java_gateway import launch_gateway
        from pyspark.sql import SparkSession

        warnings.filterwarnings("ignore", message="PySpark does not yet fully support pandas")  # we ask it for none
        if SparkContext._gateway is not None:
            raise RuntimeError("this server has a connection to Spark already")
        self._url, self._folder = url, folder
        self._context: SparkContext | None = None
        self._process: subprocess.Popen | None = None
        self._ending = threading.Lock()
        shutil.rmtree(folder, ignore_errors=True)  # what a killed server left
        (folder / "tmp").mkdir(parents=True)
        try:
            with _environment(_variables(host, conf, folder)), (folder / "log").open("wb") as log:
                gateway = launch_gateway(popen_kwargs={"stdout": log, "stderr": log})
            self._process = gateway.proc
            SparkContext._gateway, SparkContext._jvm = gateway, gateway.jvm
            settings = SparkConf(_jvm=gateway.jvm).setMaster(url).setAppName("triview")
            settings.setAll(_ALWAYS.items())
            for name, value in {**_UNLESS_SET, **(_UNLESS_SET_HERE if host in LOOPBACK else {})}.items():
                settings.setIfMissing(name, value)
            self._context = SparkContext(conf=settings)
            self._context.setLogLevel("ERROR")
            self.session = SparkSession(self._context)
        except (PySparkException, Py4JError, ConnectionError) as error:
            why = self._last_words() or first_line(error)
            self.end()
            raise RuntimeError(why) from None
        except BaseException:
            self.end()
            raise

    @property
    def workers(self) -> int:
        """How many executors work for it; 0 as well when the connection is lost."""
        from py4j.protocol import Py4JError

        context, process = self._context, self._process
        if process is None or process.poll() is not None:
            return 0
        try:
            java = context._jsc.sc()
            if java.isStopped():
                return 0
            return 1 if self._url.startswith("local") else java.getExecutorMemoryStatus().size() - 1
        except (Py4JError, OSError, AttributeError):  # its process is gone
            return 0

    def views(self, tables: Mapping[str, tuple[str, list[str]]]) -> None:
        """Make tables readable as ``stored_<name>``: their columns in Spark's words, and their Parquet files.

        Raises RuntimeError.
        """
        from py4j.protocol import Py4JError
        from pyspark.errors import PySparkException

        try:
            for name, (columns, paths) in tables.items():
                # The folders' names (Norder=3) are no columns.
                reader = self.session.read.schema(columns).option("recursiveFileLookup", "true")
                reader.parquet(*map(location, paths)).createOrReplaceTempView(f"stored_{name}")
        except (PySparkException, Py4JError) as error:
            raise RuntimeError(first_line(error)) from None

    def _last_words(self) -> str:
        """What its log says went wrong; "" when that is nothing."""
        lines = (self._folder / "log").read_text(errors="replace").splitlines()
        said = next((line.partition(" ERROR ")[2] for line in reversed(lines) if " ERROR " in line), "")
        return f"{said[:300]} (is the secret in spark-defaults.conf that of the cluster?)" if said else ""

    def end(self) -> None:
        """End the process and forget it; from any thread."""
        from pyspark import SparkContext
        from pyspark.sql import SparkSession
        from pyspark.sql.context import SQLContext

        with self._ending:
            process, self._process = self._process, None
            if process is not None:
                process.stdin.close()  # the sign for it to end in order
                try:
                    process.wait(END_SECONDS)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
            context, self._context = self._context, None
            if context is not None:
                context._jsc = None  # there is nobody to be told
                context.stop()
            SparkContext._active_spark_context = SparkContext._gateway = SparkContext._jvm = None
            SparkSession._instantiatedSession = SparkSession._activeSession = SQLContext._instantiatedContext = None
            shutil.rmtree(self._folder, ignore_errors=True)


def _variables(host: str, conf: Path | None, folder: Path) -> dict[str, str]:
    """What the process is told by its environment; its temporary files go where they are cleared away."""
    tmp = str(folder / "tmp")
    java = f"{os.environ.get('JDK_JAVA_OPTIONS', '')} -Djava.io.tmpdir={java_word(tmp)}".strip()
    told = {"SPARK_LOCAL_DIRS": tmp, "JDK_JAVA_OPTIONS": java}
    if conf is not None:
        told["SPARK_CONF_DIR"] = str(conf)
    if host in LOOPBACK:
        told["SPARK_LOCAL_IP"] = "127.0.0.1"
    return told


def java_word(path: str | Path) -> str:
    """A path as one word of JDK_JAVA_OPTIONS."""
    return f'"{path}"' if any(letter.isspace() for letter in str(path)) else str(path)


@contextlib.contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    """Variables for a process started by code that takes them from ours."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def location(path: str | Path) -> str:
    """A file's name as Spark reads it, where some signs of a name would mean a pattern."""
    return "file://" + re.sub(r"([\\\[\]{}*?])", r"\\\1", str(path))


def first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
