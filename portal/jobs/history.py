"""The workspace on disk: pages, their results and their queries, in one SQLite file.

It outlives the page, the socket and the server. Rows of results are files beside it; see ``portal.table.result``.
"""

from __future__ import annotations

import json
import re
import secrets
import shutil
import sqlite3
import threading
import time
from pathlib import Path
from typing import Any, NamedTuple

from ..errors import QueryError, ServiceError, TriviewError
from .job import Job, JobRow

KEY = re.compile(r"^[A-Za-z0-9_-]{16,64}$")

SCHEMA = """
CREATE TABLE IF NOT EXISTS workspaces (id TEXT PRIMARY KEY, state TEXT NOT NULL, created REAL, used REAL);
CREATE TABLE IF NOT EXISTS results (
  key TEXT PRIMARY KEY, workspace TEXT NOT NULL, kind TEXT, title TEXT, service TEXT, adql TEXT, maxrec INTEGER,
  url TEXT, phase TEXT, error TEXT, rows INTEGER, overflow INTEGER, started REAL, ended REAL, closed INTEGER DEFAULT 0);
CREATE INDEX IF NOT EXISTS results_of ON results (workspace, started);
"""


class Stored(NamedTuple):
    """One line of ``results``. ``error`` is a JSON object (message, hint, line, column, length) or empty."""

    key: str
    workspace: str
    kind: str
    title: str
    service: str
    adql: str
    maxrec: int
    url: str
    phase: str
    error: str
    rows: int
    overflow: int
    started: float
    ended: float
    closed: int


class History:
    """All workspaces of one data folder. Every call is short and safe from any thread."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.uploads = folder / "uploads"  # a folder of each workspace, see portal.uploads
        (folder / "results").mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._db = sqlite3.connect(folder / "workspace.sqlite", check_same_thread=False, isolation_level=None)
        # WAL with NORMAL survives a killed process; only a power cut can lose the last moments.
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")
        self._db.executescript(SCHEMA)

    def _do(self, sql: str, values: tuple = ()) -> list[tuple]:
        with self._lock:
            return self._db.execute(sql, values).fetchall()

    def new_workspace(self) -> str:
        """A fresh workspace; its id is a secret of 128 bits, because whoever has the link sees the work."""
        key, now = secrets.token_urlsafe(16), time.time()
        self._do("INSERT INTO workspaces VALUES (?, '{}', ?, ?)", (key, now, now))
        return key

    def load(self, workspace: str) -> dict[str, Any] | None:
        """The saved state of a workspace, or None when there is no such workspace."""
        if not KEY.match(workspace):
            return None
        found = self._do("SELECT state FROM workspaces WHERE id = ?", (workspace,))
        if not found:
            return None
        self._do("UPDATE workspaces SET used = ? WHERE id = ?", (time.time(), workspace))
        return json.loads(found[0][0])

    def save(self, workspace: str, state: dict[str, Any]) -> None:
        """Keep the state of a page (JSON values only)."""
        self._do("UPDATE workspaces SET state = ?, used = ? WHERE id = ?", (json.dumps(state), time.time(), workspace))

    def put(self, item: Stored) -> None:
        """Write or replace one result line."""
        self._do(f"INSERT OR REPLACE INTO results VALUES ({','.join('?' * len(item))})", tuple(item))

    def results(self, workspace: str) -> list[Stored]:
        """The results of a workspace that the user has not closed, oldest first."""
        rows = self._do("SELECT * FROM results WHERE workspace = ? AND closed = 0 ORDER BY started", (workspace,))
        return [Stored(*row) for row in rows]

    def close_result(self, key: str, closed: bool = True) -> None:
        """Take a result out of the page, or back in. Its rows stay until they expire."""
        self._do("UPDATE results SET closed = ? WHERE key = ?", (int(closed), key))

    def remove(self, key: str) -> None:
        """Delete a result, its line and its rows."""
        self._do("DELETE FROM results WHERE key = ?", (key,))
        shutil.rmtree(self.result_folder(key), ignore_errors=True)

    def unfinished(self) -> list[Stored]:
        """The results whose jobs were under way when the server stopped."""
        rows = self._do("SELECT * FROM results WHERE phase NOT IN ('COMPLETED', 'ERROR', 'ABORTED')")
        return [Stored(*row) for row in rows]

    def result_folder(self, key: str) -> Path:
        """Where the rows of a result are."""
        if not KEY.match(key):
            raise ValueError(f"not a result key: {key!r}")
        return self.folder / "results" / key

    def queries(self, workspace: str, limit: int = 50) -> list[tuple[str, float, str]]:
        """The latest different queries of a workspace: (ADQL, time, phase), newest first, closed ones too."""
        return self._do(
            "SELECT adql, max(started), phase FROM results WHERE workspace = ? AND kind = 'tap' AND adql != ''"
            " GROUP BY adql ORDER BY 2 DESC LIMIT ?",
            (workspace, limit),
        )

    def sweep(self, days: float) -> int:
        """Delete workspaces unused for so many days, with their results; returns how many results went."""
        limit = time.time() - days * 86400
        old = [row[0] for row in self._do("SELECT id FROM workspaces WHERE used < ?", (limit,))]
        gone = 0
        for workspace in old:
            for (key,) in self._do("SELECT key FROM results WHERE workspace = ?", (workspace,)):
                shutil.rmtree(self.result_folder(key), ignore_errors=True)
                gone += 1
            shutil.rmtree(self.uploads / workspace, ignore_errors=True)
            self._do("DELETE FROM results WHERE workspace = ?", (workspace,))
            self._do("DELETE FROM workspaces WHERE id = ?", (workspace,))
        return gone

    def close(self) -> None:
        with self._lock:
            self._db.close()


def row_of(item: Stored) -> JobRow:
    """A job that ended before this server started, as its history tells it."""
    job = Job(item.key, item.workspace, item.kind, item.service, item.adql, item.title, item.maxrec, item.url)
    job.phase, job.overflow, job.started, job.ended = item.phase, bool(item.overflow), item.started, item.ended
    job.progress = job.progress._replace(rows=item.rows)
    if item.error:
        doc = json.loads(item.error)
        place = (doc.get("line", 0), doc.get("column", 0), doc.get("length", 1))
        kind: type[TriviewError] = QueryError if doc.get("kind") == "query" else ServiceError
        job.error = (
            kind(doc["message"], doc["hint"], *place) if kind is QueryError else kind(doc["message"], doc["hint"])
        )
    return job.row()
