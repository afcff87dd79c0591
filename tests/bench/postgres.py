"""PostgreSQL with q3c as a yardstick: a cluster in a temporary folder, reached by a Unix socket alone.

Debian's packages postgresql-15 and postgresql-15-q3c are enough; no Python client is needed, for `psql` is kept open
and takes rows in PostgreSQL's binary form, which costs it least.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import duckdb

MARK = "--answered--"
# As a careful operator of a small machine would set it; the data are not kept, so nothing waits for the disk.
SETTINGS = {
    "listen_addresses": "", "shared_buffers": "2GB", "effective_cache_size": "8GB", "work_mem": "256MB",
    "maintenance_work_mem": "1GB", "random_page_cost": "1.1", "fsync": "off", "synchronous_commit": "off",
    "full_page_writes": "off", "wal_level": "minimal", "max_wal_senders": "0", "max_wal_size": "8GB",
    "autovacuum": "off",
}  # fmt: skip


def missing() -> str:
    """Why there can be no PostgreSQL with q3c here, "" when there can."""
    folder = _programs()
    if folder is None:
        return "PostgreSQL is not installed (Debian: postgresql-15-q3c)"
    share = subprocess.run([folder / "pg_config", "--sharedir"], capture_output=True, text=True).stdout.strip()
    if not Path(share, "extension", "q3c.control").exists():
        return "q3c is not installed (Debian: postgresql-15-q3c)"
    if os.geteuid() == 0 and _user() is None:
        return "PostgreSQL does not run as root, and there is no user postgres"
    return ""


def _programs() -> Path | None:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda file: float(file.parts[-3]))
    if found:
        return found[-1].parent
    return Path(other).resolve().parent if (other := shutil.which("initdb")) else None


def _user() -> str | None:
    try:
        return pwd.getpwnam("postgres").pw_name
    except KeyError:
        return None


class Postgres:
    """A running cluster. ``version`` tells PostgreSQL's and q3c's."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._bin = folder, _programs()
        self._as = {"user": _user(), "group": _user(), "extra_groups": []} if os.geteuid() == 0 else {}
        if self._as:
            shutil.chown(folder, _user())
        self._data = folder / "cluster"
        self._call("initdb", "-D", self._data, "-A", "trust", "-U", "bench", "-E", "UTF8", "--locale=C", "--no-sync")
        with (self._data / "postgresql.conf").open("a") as out:
            out.writelines(f"{name} = '{value}'\n" for name, value in SETTINGS.items())
            out.write(f"unix_socket_directories = '{folder}'\n")
        self._call("pg_ctl", "-D", self._data, "-l", folder / "log", "-w", "start")
        self._psql = subprocess.Popen(
            [*self._client(), "-q", "-v", "ON_ERROR_STOP=1"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=folder, **self._as,
        )  # fmt: skip
        self.run("CREATE EXTENSION q3c")
        self.version = self.run("SELECT current_setting('server_version') || ', q3c ' || q3c_version()").strip()

    def close(self) -> None:
        self._psql.stdin.close()
        self._psql.wait()
        self._psql.stdout.close()
        self._call("pg_ctl", "-D", self._data, "-m", "immediate", "stop")

    def run(self, command: str) -> str:
        """Run one statement or psql command; what it prints."""
        end = "" if command.startswith("\\") else ";"
        self._psql.stdin.write(f"{command}{end}\n\\echo {MARK}\n")
        self._psql.stdin.flush()
        told = []
        for line in self._psql.stdout:
            if line.strip() == MARK:
                return "".join(told)
            told.append(line)
        raise RuntimeError(f"PostgreSQL refused: {command[:200]}")

    def fetch(self, query: str) -> float:
        """Seconds until the client has all rows of ``query``, which it throws away."""
        started = time.perf_counter()
        self.run(f"\\copy ({query}) TO '/dev/null' (FORMAT binary)")
        return time.perf_counter() - started

    def load(self, table: str, columns: Sequence[tuple[str, str]], files: Iterable[Path]) -> None:
        """A new table of the named columns of some Parquet files. ``columns`` are (name, PostgreSQL type)."""
        self.run(f"CREATE TABLE {table} ({', '.join(f'{name} {kind}' for name, kind in columns)})")
        names = ", ".join(name for name, _ in columns)
        rows = self._folder / "rows.csv"
        engine = duckdb.connect()
        engine.execute("SET enable_progress_bar = false")
        for file in files:
            source = f"read_parquet('{file}', hive_partitioning = false)"
            engine.execute(f"COPY (SELECT {names} FROM {source}) TO '{rows}' (FORMAT csv, HEADER false)")
            with rows.open("rb") as content:
                copy = [*self._client(), "-q", "-c", f"COPY {table} FROM STDIN (FORMAT csv)"]
                subprocess.run(copy, stdin=content, check=True, cwd=self._folder, **self._as)
        rows.unlink(missing_ok=True)
        engine.close()

    def _client(self) -> list:
        return [self._bin / "psql", "-X", "-A", "-t", "-h", self._folder, "-U", "bench", "postgres"]

    def _call(self, program: str, *words: object) -> None:
        done = subprocess.run(
            [self._bin / program, *map(str, words)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
            cwd=self._folder, **self._as,
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(f"{program}: {done.stderr[-500:]}")


@contextmanager
def cluster() -> Iterator[Postgres]:
    """A cluster of its own for as long as the block lasts."""
    with tempfile.TemporaryDirectory(prefix="triview-pg-") as folder:
        it = Postgres(Path(folder))
        try:
            yield it
        finally:
            it.close()
