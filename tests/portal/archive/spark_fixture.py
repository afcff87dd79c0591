"""A cluster of a master and two workers as ``make cluster`` starts it, for the tests of this process."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa

ROOT = Path(__file__).parents[3]
# For these few rows code is not compiled twice: half the time.
QUICK_JAVA = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
PATIENCE = 120.0  # a loaded machine takes its time to start Java
MODULE = (sys.executable, "-m", "portal.archive.spark.cluster")


class Cluster:
    """Processes of a cluster: ``url`` of its master, ``conf`` the folder of its settings.

    ``quick``: for few rows. ``start`` is the command that starts it.
    """

    def __init__(self, folder: Path, *more: str, quick: bool = True, start: tuple[str, ...] = MODULE) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self._data = ("--data", str(folder))
        self.conf = folder / "spark"
        command = [*start, "--port", str(port), *self._data, *more]
        java = {"JDK_JAVA_OPTIONS": QUICK_JAVA} if quick else {}
        self.process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, env=os.environ | java)
        said = self.process.stdout.readline()
        assert said.startswith("TRIVIEW_SPARK="), said
        self.url = said.split()[0].removeprefix("TRIVIEW_SPARK=")

    def workers(self) -> list[int]:
        """Their process ids; the executor of each is in the process group of the same number."""
        return [pid for pid in children(self.process.pid) if "worker.Worker" in command_of(pid)]

    def stop(self) -> str:
        """What ``make cluster-stop`` says."""
        command = [*MODULE, "--stop", *self._data]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout

    def kill(self) -> None:
        """Whatever is left of it."""
        for pid in [*children(self.process.pid), self.process.pid]:
            if alive(pid):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()
        self.process.stdout.close()


def differences(one: pa.Table, other: pa.Table, double: float = 1e-10) -> list[str]:
    """What differs; numbers with decimals may in their last digits, for sums go in another order.

    Those in double precision may by ``double`` of their size.
    """
    if one.schema != other.schema or one.num_rows != other.num_rows:
        return [f"{one.num_rows} rows of {one.schema} and {other.num_rows} of {other.schema}"]
    found = []
    for field, left, right in zip(one.schema, one.columns, other.columns):
        if left.equals(right):
            continue
        if not pa.types.is_floating(field.type):
            found.append(field.name)
            continue
        close = 1e-6 if pa.types.is_float32(field.type) else double
        numbers = [column.to_numpy().astype(float) for column in (left, right)]
        if not np.allclose(*numbers, rtol=close, atol=1e-12, equal_nan=True):
            found.append(field.name)
    return found


def until(true: Callable[[], object], what: str) -> None:
    """Wait for something to come true."""
    last = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < last, f"in vain waited for {what}"
        time.sleep(0.05)


def children(pid: int) -> list[int]:
    """Of a process, each followed by its own."""
    parents = {int(path.name): parent_of(int(path.name)) for path in Path("/proc").iterdir() if path.name.isdigit()}

    def below(number: int) -> list[int]:
        own = [child for child, parent in parents.items() if parent == number]
        return [pid for child in own for pid in (child, *below(child))]

    return below(pid)


def parent_of(pid: int) -> int:
    """0 when the process is gone."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return 0


def command_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    except (FileNotFoundError, ProcessLookupError):
        return ""


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def listening(pid: int) -> list[str]:
    """Addresses, in the hexadecimal words of the system, on which a process listens for others."""
    sockets = set()
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        try:
            sockets.add(os.readlink(entry))
        except FileNotFoundError:
            continue
    found = []
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            words = line.split()
            if words[3] == "0A" and f"socket:[{words[9]}]" in sockets:
                found.append(words[1].split(":")[0])
    return found
