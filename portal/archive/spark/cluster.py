"""A Spark cluster on this machine: ``python -m portal.archive.spark.cluster`` starts it, ``--stop`` ends it.

A master and two workers listen on loopback only, and do nothing for who does not know the secret that is made for each
start and kept in a file that its owner alone can read. A worker that dies is started again. When this process is killed
they end too.
"""

from __future__ import annotations

import argparse
import ctypes
import fcntl
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType

from portal.config import load_settings
from portal.errors import TriviewError

from .driver import java_word
from .needs import missing

HOST, PORT, WORKERS = "127.0.0.1", 7077, 2
OWN = ("--host", HOST, "--webui-port", "0")
START_SECONDS = 120.0  # a loaded machine takes its time to start three Java processes
LOOK_SECONDS = 0.5
AGAIN_SECONDS = 5.0  # between starts of workers, so that one that cannot live does not take the machine
STOP_SECONDS = 20.0
PR_SET_PDEATHSIG = 1  # of Linux's prctl


def main() -> None:
    parser = argparse.ArgumentParser(prog="make cluster", description=__doc__.splitlines()[0])
    parser.add_argument("--stop", action="store_true", help="end the cluster that runs")
    parser.add_argument("--port", type=int, default=PORT, help="port of the master")
    parser.add_argument("--cores", type=int, default=_share(), help="cores of each worker, of which there are two")
    parser.add_argument("--memory", default="2g", help="memory of each worker")
    parser.add_argument("--data", type=Path, help="folder for its settings and logs (TRIVIEW_DATA)")
    options = parser.parse_args()
    try:
        folder = load_settings(data=options.data).data / "spark"
        if options.stop:
            print("The cluster is stopped." if stop(folder) else "No cluster is running.")
        else:
            serve(folder, options.port, options.cores, options.memory)
    except TriviewError as error:
        sys.exit(str(error))


def serve(folder: Path, port: int, cores: int, memory: str) -> None:
    """Run the cluster until SIGINT or SIGTERM. Raises TriviewError when it cannot be started."""
    home = _home()
    folder.mkdir(parents=True, exist_ok=True)
    ended = []

    def end(number: int, frame: FrameType | None) -> None:
        ended.append(number)

    with (folder / "pid").open("a+") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise TriviewError("A cluster is running already.", "make cluster-stop ends it.") from None
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, end)
        held.truncate(0)
        held.write(str(os.getpid()))
        held.flush()
        if not _free(port):
            raise TriviewError(f"Something else listens on port {port}.", "Choose another one with --port.")
        _clear(folder)  # what a killed one left
        _write_settings(folder, memory)
        address = f"spark://{HOST}:{port}"
        master = _daemon(home, folder, "master", *OWN, "--port", str(port))
        workers: list[subprocess.Popen] = []
        size = ("--cores", str(cores), "--memory", memory, "--work-dir", str(folder / "work"))
        try:
            _wait(master, port, folder, ended)
            told, again = False, 0.0
            while not ended:
                if master.poll() is not None:
                    raise TriviewError("The master has ended.", f"Its log is {folder / 'master.log'}.")
                workers = [worker for worker in workers if worker.poll() is None]
                if len(workers) < WORKERS and time.monotonic() >= again:
                    lacking = range(WORKERS - len(workers))
                    workers += [_daemon(home, folder, "worker", *OWN, *size, address) for _ in lacking]
                    again = time.monotonic() + AGAIN_SECONDS
                if not told:
                    print(f"TRIVIEW_SPARK={address}   (Ctrl-C or make cluster-stop ends it)", flush=True)
                    told = True
                time.sleep(LOOK_SECONDS)
        finally:
            _end([*workers, master])
            _clear(folder, logs=False)
            held.truncate(0)


def stop(folder: Path) -> bool:
    """End the cluster that runs with ``folder``; False when there is none."""
    try:
        held = (folder / "pid").open("r+")
    except FileNotFoundError:
        return False
    with held:
        until = time.monotonic() + STOP_SECONDS + 5
        signalled = False
        while time.monotonic() < until:
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return signalled
            except OSError:  # its owner lives
                held.seek(0)
                if not signalled and (text := held.read().strip()).isdigit():
                    os.kill(int(text), signal.SIGTERM)
                    signalled = True
            time.sleep(LOOK_SECONDS)
    raise TriviewError("The cluster does not end.", f"Its logs are in {folder}.")


def _share() -> int:
    return max(1, (os.cpu_count() or 1) // WORKERS)


def _home() -> Path:
    if any(lacking := missing()):
        raise TriviewError(*lacking)
    import pyspark

    return Path(pyspark.__file__).parent


def _free(port: int) -> bool:
    with socket.socket() as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind((HOST, port))
        except OSError:
            return False
    return True


def _clear(folder: Path, logs: bool = True) -> None:
    for name in ("work", "tmp"):
        shutil.rmtree(folder / name, ignore_errors=True)
    for name in ("spark-defaults.conf", *(("master.log", "worker.log") if logs else ())):
        (folder / name).unlink(missing_ok=True)


def _write_settings(folder: Path, memory: str) -> None:
    file = folder / "spark-defaults.conf"
    file.unlink(missing_ok=True)
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
        out.write(f"spark.authenticate true\nspark.authenticate.secret {secrets.token_hex(32)}\n")
        out.write("spark.network.crypto.enabled true\nspark.worker.cleanup.enabled true\n")
        # Other doors, which ask for no secret.
        out.write("spark.master.rest.enabled false\nspark.ui.killEnabled false\n")
        out.write("spark.master.ui.decommission.allow.mode DENY\n")
        out.write(f"spark.executor.memory {memory}\n")  # all that a worker has: the archive is alone here


def _daemon(home: Path, folder: Path, name: str, *options: str) -> subprocess.Popen:
    tmp = folder / "tmp"  # what is sorted and joined is large, and is to be cleared away
    tmp.mkdir(exist_ok=True)
    environment = os.environ | {
        "SPARK_HOME": str(home),
        "SPARK_CONF_DIR": str(folder),
        "SPARK_LOCAL_IP": HOST,
        "SPARK_LOCAL_DIRS": str(tmp),
        "JDK_JAVA_OPTIONS": f"{os.environ.get('JDK_JAVA_OPTIONS', '')} -Djava.io.tmpdir={java_word(tmp)}".strip(),
        "SPARK_DAEMON_MEMORY": "512m",
    }
    kind = f"org.apache.spark.deploy.{name}.{name.capitalize()}"
    command = [str(home / "bin" / "spark-class"), kind, *options]
    with (folder / f"{name}.log").open("ab") as log:
        # In a session of their own: Ctrl-C is for the one who starts them, and ends them in order.
        return subprocess.Popen(
            command, env=environment, stdout=log, stderr=log, start_new_session=True, preexec_fn=_end_with_parent
        )


def _end_with_parent() -> None:
    """Have the system end this process when the one that started it is killed; elsewhere than on Linux it stays."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def _wait(master: subprocess.Popen, port: int, folder: Path, ended: list[int]) -> None:
    until = time.monotonic() + START_SECONDS
    while not ended:
        try:
            socket.create_connection((HOST, port), 1.0).close()
            return
        except OSError:
            if master.poll() is not None or time.monotonic() > until:
                text = f"Its log is {folder / 'master.log'}."
                raise TriviewError(f"The master does not answer on port {port}.", text) from None
        time.sleep(LOOK_SECONDS)


def _end(daemons: list[subprocess.Popen]) -> None:
    for daemon in daemons:
        daemon.terminate()
    for daemon in daemons:
        try:
            daemon.wait(STOP_SECONDS / 2)
        except subprocess.TimeoutExpired:
            os.killpg(daemon.pid, signal.SIGKILL)  # with its executors
            daemon.wait()


if __name__ == "__main__":
    main()
