"""UWS jobs on disk: one SQLite file in the state folder, so that jobs outlive the server.

Knows rows, not queries; running a job is ``uws``'s affair.
"""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

PENDING, QUEUED, EXECUTING = "PENDING", "QUEUED", "EXECUTING"
COMPLETED, ERROR, ABORTED, ARCHIVED = "COMPLETED", "ERROR", "ABORTED", "ARCHIVED"
PHASES = (PENDING, QUEUED, EXECUTING, COMPLETED, ERROR, ABORTED, "UNKNOWN", "HELD", "SUSPENDED", ARCHIVED)
ACTIVE = (PENDING, QUEUED, EXECUTING)


@dataclass(frozen=True)
class JobResult:
    """One file a job made. ``name`` is the UWS result id, ``file`` its name in the job's folder."""

    name: str
    file: str
    media_type: str
    size: int
    rows: int = -1
    overflow: bool = False


@dataclass(frozen=True)
class Job:
    """One UWS job. Times are Unix seconds, 0 for not yet; ``duration`` the longest run in seconds.

    ``notes``: "total" is the number of rows its tables hold, "starts" how often it was started.
    """

    id: str
    kind: str
    phase: str = PENDING
    owner: str = ""
    run_id: str = ""
    base: str = ""
    created: float = 0.0
    started: float = 0.0
    ended: float = 0.0
    destruction: float = 0.0
    duration: float = 0.0
    parameters: tuple[tuple[str, str], ...] = ()
    results: tuple[JobResult, ...] = ()
    error: str = ""
    progress: float = -1.0
    notes: dict[str, str] = field(default_factory=dict)

    @property
    def active(self) -> bool:
        return self.phase in ACTIVE

    @property
    def quote(self) -> float:
        """When it will probably end, by how far it is (UWS 1.1, section 2.1.4); 0 when nothing is known."""
        if self.phase != EXECUTING or self.progress < 1:
            return 0.0
        return self.started + (time.time() - self.started) * 100 / self.progress

    def parameter(self, name: str, default: str = "") -> str:
        """The last value given for ``name`` (in capitals)."""
        return dict(self.parameters).get(name, default)


NAMES = tuple(item.name for item in fields(Job))
BRIEF = ("id", "kind", "phase", "owner", "run_id", "created")  # what a list of jobs tells of each
JSON_NAMES = ("parameters", "results", "notes")


class JobStore:
    """Jobs by id. Safe to use from any thread; every change is on disk when the call returns."""

    def __init__(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._database = sqlite3.connect(file, check_same_thread=False, isolation_level=None)
        self._database.execute("PRAGMA journal_mode=WAL")  # survives kill -9 without a flush per change
        self._database.execute("PRAGMA synchronous=NORMAL")
        self._database.execute(f"CREATE TABLE IF NOT EXISTS jobs ({', '.join(NAMES)}, PRIMARY KEY (id)) WITHOUT ROWID")
        self._database.execute("CREATE INDEX IF NOT EXISTS by_time ON jobs (kind, created)")
        self._database.execute("CREATE INDEX IF NOT EXISTS by_phase ON jobs (phase, owner)")

    def close(self) -> None:
        with self._lock:
            self._database.close()

    def add(self, job: Job) -> None:
        marks = ", ".join("?" * len(NAMES))
        with self._lock:
            self._database.execute(f"INSERT INTO jobs VALUES ({marks})", [_cell(job, name) for name in NAMES])

    def change(self, job_id: str, only_in: Sequence[str] = PHASES, **values: Any) -> Job | None:
        """Set ``values`` when the job's phase is one of ``only_in``; the new job, or None when nothing changed."""
        with self._lock:
            job = self._find(job_id)
            if job is None or job.phase not in only_in:
                return None
            job = replace(job, **values)
            names = ", ".join(f"{name} = ?" for name in values)
            cells = [_cell(job, name) for name in values]
            self._database.execute(f"UPDATE jobs SET {names} WHERE id = ?", [*cells, job_id])
            return job

    def get(self, job_id: str) -> Job | None:
        with self._lock:
            return self._find(job_id)

    def remove(self, job_id: str) -> None:
        with self._lock:
            self._database.execute("DELETE FROM jobs WHERE id = ?", [job_id])

    def list(
        self, kind: str, phases: Sequence[str] = (), after: float = 0.0, last: int = 0, owner: str = ""
    ) -> list[Job]:
        """Jobs of a kind, newest first, without parameters and results; with ``owner`` those of one user and nobody.

        Archived ones only when asked for (UWS 1.1, section 2.2.2.1).
        """
        wanted = tuple(phases) or tuple(phase for phase in PHASES if phase != ARCHIVED)
        marks = ", ".join("?" * len(wanted))
        text = f"SELECT {', '.join(BRIEF)} FROM jobs WHERE kind = ? AND phase IN ({marks}) AND created > ?"
        values: list[Any] = [kind, *wanted, after]
        if owner:
            text += " AND owner IN (?, '')"
            values.append(owner)
        text += " ORDER BY created DESC"
        if last > 0:
            text += " LIMIT ?"
            values.append(last)
        with self._lock:
            rows = self._database.execute(text, values).fetchall()
        return [Job(**dict(zip(BRIEF, row))) for row in rows]

    def count_open(self, owner: str | None = None) -> int:
        """Number of jobs that have not ended, of all users or of one."""
        text = "SELECT COUNT(*) FROM jobs WHERE phase IN ('PENDING', 'QUEUED', 'EXECUTING')"
        with self._lock:
            if owner is None:
                return self._database.execute(text).fetchone()[0]
            return self._database.execute(f"{text} AND owner = ?", [owner]).fetchone()[0]

    def expired(self, now: float) -> list[Job]:
        """Jobs past their destruction time."""
        with self._lock:
            rows = self._database.execute("SELECT * FROM jobs WHERE destruction < ?", [now]).fetchall()
        return [_job(row) for row in rows]

    def unfinished(self) -> list[Job]:
        """Jobs that were queued or running when the server stopped, oldest first."""
        text = "SELECT * FROM jobs WHERE phase IN ('QUEUED', 'EXECUTING') ORDER BY created"
        with self._lock:
            return [_job(row) for row in self._database.execute(text).fetchall()]

    def _find(self, job_id: str) -> Job | None:
        row = self._database.execute("SELECT * FROM jobs WHERE id = ?", [job_id]).fetchone()
        return _job(row) if row else None


def _cell(job: Job, name: str) -> Any:
    value = getattr(job, name)
    if name == "results":
        return json.dumps([asdict(item) for item in value])
    return json.dumps(value) if name in JSON_NAMES else value


def _job(row: tuple) -> Job:
    values = dict(zip(NAMES, row))
    values["parameters"] = tuple((name, value) for name, value in json.loads(values["parameters"]))
    values["results"] = tuple(JobResult(**item) for item in json.loads(values["results"]))
    values["notes"] = json.loads(values["notes"])
    return Job(**values)


def iso_time(seconds: float) -> str:
    """A Unix time as UWS writes it: ISO 8601, UTC, milliseconds, Z. Empty for 0."""
    if not seconds:
        return ""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse_time(text: str) -> float:
    """Unix seconds of an ISO 8601 time, UTC unless it says otherwise. Raises ValueError."""
    moment = datetime.fromisoformat(text.strip())
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
