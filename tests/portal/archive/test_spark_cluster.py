"""``make cluster`` looks after its processes, whatever they are: here they are no Spark, and no Java is needed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from portal.archive.spark import needs
from tests.portal.archive.spark_fixture import ROOT, Cluster, alive, children, command_of, until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
# Stands for Spark's own: a master listens on its port, the last argument; a worker waits.
SPARK_CLASS = f"""#!/bin/sh
for last; do :; done
case $1 in
*Master) exec {sys.executable} -c "
import socket, time
held = socket.create_server(('127.0.0.1', $last))
time.sleep(600)" ;;
*) exec tail -f /dev/null ;;
esac
"""
MAIN = (
    "import sys; from pathlib import Path; from portal.archive.spark import cluster; "
    "home = Path(sys.argv.pop(1)); cluster._home = lambda: home; cluster.main()"
)
Start = tuple[str, ...]


@pytest.fixture
def start(tmp_path: Path) -> Start:
    file = tmp_path / "home" / "bin" / "spark-class"
    file.parent.mkdir(parents=True)
    file.write_text(SPARK_CLASS)
    file.chmod(0o755)
    return (sys.executable, "-c", MAIN, str(tmp_path / "home"))


@pytest.fixture
def cluster(tmp_path: Path, start: Start) -> Iterator[Callable[[], Cluster]]:
    made = []

    def make() -> Cluster:
        made.append(Cluster(tmp_path, start=start))
        return made[-1]

    yield make
    for one in made:
        one.kill()


def workers(cluster: Cluster) -> list[int]:
    return [pid for pid in children(cluster.process.pid) if command_of(pid).startswith("tail")]


def refused(start: Start, *options: str) -> str:
    done = subprocess.run([*start, *options], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1
    return done.stderr


def test_it_is_started_once_looked_after_and_stopped(cluster, start: Start, tmp_path: Path) -> None:
    one = cluster()
    port = one.url.rpartition(":")[2]
    assert "running already" in refused(start, "--data", str(tmp_path))
    assert f"listens on port {port}" in refused(start, "--data", str(tmp_path / "other"), "--port", port)
    until(lambda: len(workers(one)) == 2, "two workers")
    first, second = workers(one)
    os.killpg(first, signal.SIGKILL)
    until(lambda: len(workers(one)) == 2 and first not in workers(one), "another worker")
    assert second in workers(one)
    secret = (one.conf / "spark-defaults.conf").read_text()
    assert "spark.authenticate.secret" in secret and (one.conf / "spark-defaults.conf").stat().st_mode & 0o077 == 0
    left = children(one.process.pid)
    assert "stopped" in one.stop() and one.process.wait() == 0
    assert not any(map(alive, left)) and "No cluster" in one.stop()
    assert {path.name for path in one.conf.iterdir()} == {"pid", "master.log", "worker.log"}


def test_when_it_is_killed_nothing_of_it_stays_and_it_can_be_started_again(cluster) -> None:
    one = cluster()
    until(lambda: len(workers(one)) == 2, "two workers")
    left = children(one.process.pid)
    secret = (one.conf / "spark-defaults.conf").read_text()
    one.process.kill()
    one.process.wait()
    until(lambda: not any(map(alive, left)), "its processes to end")
    again = cluster()
    assert (again.conf / "spark-defaults.conf").read_text() != secret
    again.process.send_signal(signal.SIGINT)
    assert again.process.wait() == 0


@pytest.mark.parametrize(
    ("says", "told"),
    [
        ('openjdk version "17.0.15" 2025-04-15', ""),
        ('openjdk version "21" 2023-09-19', ""),
        ('java version "1.8.0_392"', "is version 1"),
        ("Error: Could not create the Java Virtual Machine.", "Could not create"),
    ],
)
def test_what_is_missing_is_said(says: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    java = tmp_path / "bin" / "java"
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    monkeypatch.setattr(needs.importlib.util, "find_spec", lambda name: name)
    assert "where there is none" in needs.missing()[0]
    java.parent.mkdir()
    java.write_text(f"#!/bin/sh\necho '{says}' >&2\n")
    java.chmod(0o755)
    what, hint = needs.missing()
    assert told in what and bool(what) == bool(told) == bool(hint)
    monkeypatch.setattr(needs.importlib.util, "find_spec", lambda name: None)
    assert needs.missing()[1] == "make setup-spark installs it."
