"""The runner: the only threads of the portal. It carries jobs from service to result and reads for views.

Process-wide and no Parameterized; sessions register plain callbacks and take them back when they end.
"""

from __future__ import annotations

import json
import logging
import secrets
import shutil
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from typing import Any

import pyarrow as pa

from ..background import worker_pool
from ..config import Settings
from ..errors import CancelledError, QueryError, ServiceError, TriviewError
from ..table.columns import TableMeta
from ..table.result import ResultTable
from ..uploads import Uploads
from ..vo.http import Web
from ..vo.tap import TapService
from .history import History, Stored
from .job import ENDED, Job, Progress
from .receiving import Receiver
from .sending import Sender

log = logging.getLogger(__name__)
Make = Callable[[Job], tuple[TableMeta, Iterable[pa.RecordBatch]]]  # see Runner.make
NOTIFY_SECONDS = 0.15  # a page cannot show more than a few steps a second; more would only fill the socket
WAIT_SECONDS = 10  # UWS blocking poll; short enough that a lost abort is noticed soon
BACKOFF = (0.05, 0.1, 0.2, 0.5, 1.0)  # for services that answer WAIT at once


class Runner:
    """Runs jobs and reads. Holds the open ResultTables; a table stays open while someone has acquired it."""

    def __init__(self, settings: Settings, history: History) -> None:
        self.settings = settings
        self.history = history
        self.web = Web(settings)
        self.uploads = Uploads(history.uploads)
        self.sender = Sender(self.web, self.uploads)
        self._receiver = Receiver(self.web, settings.result_bytes, history.result_folder, self._open_new, self._tell)
        self.jobs: dict[str, Job] = {}
        self._reads = worker_pool(settings.workers, "read")
        # Jobs mostly wait for services, so many may be under way.
        self._work = worker_pool(32, "job")
        self._making: dict[str, Make] = {}
        self._tables: dict[str, ResultTable] = {}
        self._users: dict[str, int] = {}
        self._lock = threading.RLock()
        self._closing = False

    # -- reads ---------------------------------------------------------------------------------------------------
    def read(self, work: Callable[..., Any], *args: Any) -> Future:
        """Run something short in a thread; the future holds its answer or its error."""
        return self._reads.submit(work, *args)

    # -- jobs ----------------------------------------------------------------------------------------------------
    def submit(self, workspace: str, service: str, adql: str, maxrec: int, title: str) -> Job:
        """Start a TAP query as a job."""
        job = Job(secrets.token_urlsafe(16), workspace, "tap", service, adql=adql, title=title, maxrec=maxrec)
        return self._start(job)

    def follow(self, workspace: str, url: str, title: str) -> Job:
        """Start the fetch of a VOTable behind a link (a service descriptor filled in from a row)."""
        return self._start(Job(secrets.token_urlsafe(16), workspace, "link", "", title=title, url=url))

    def make(self, workspace: str, kind: str, title: str, work: Make) -> Job:
        """Start work of the portal's own whose rows become a result, e.g. reading a file (kind "upload").

        ``work(job)`` runs in a thread and gives the description and the batches of rows; it may set ``job.progress``
        and must end soon after ``job.cancelled`` and ``job.stop`` are set. A generator of batches may return the
        description as it stands at the end.
        """
        job = Job(secrets.token_urlsafe(16), workspace, kind, "", title=title)
        self._making[job.key] = work
        return self._start(job)

    def _start(self, job: Job) -> Job:
        with self._lock:
            if self._closing:
                raise ServiceError("The portal is stopping.", "Run the query again in a moment.")
            self.jobs[job.key] = job
        self._store(job)
        self._work.submit(self._run, job)
        return job

    def resume(self) -> int:
        """Take up the queries that were under way when the server stopped; returns how many.

        Links followed from a row are dropped: the page asks again when it is opened. What the portal itself was making
        (from a file, say) cannot go on and is marked so, the rows made so far kept.
        """
        rows = self.history.unfinished()
        for item in rows:
            if item.kind == "link":
                self.history.remove(item.key)
                continue
            if item.kind != "tap":
                words = {"message": "The server stopped while this table was made.", "hint": "Make it again."}
                self.history.put(item._replace(phase="ERROR", error=json.dumps(words), ended=time.time()))
                continue
            job = Job(
                item.key, item.workspace, item.kind, item.service, adql=item.adql, title=item.title,
                maxrec=item.maxrec, url=item.url, started=item.started,
            )  # fmt: skip
            self._start(job)
        return len(rows)

    def cancel(self, key: str) -> None:
        """Stop a job. Rows that have come are kept."""
        job = self.jobs.get(key)
        if job is None or job.over:
            return
        job.cancel()
        job.progress = job.progress._replace(text="Stopping")
        self._tell(job, True)
        if job.kind == "tap" and job.url:
            self._work.submit(self._abort_quietly, job)

    def _abort_quietly(self, job: Job) -> None:
        try:
            TapService(self.web, job.service).abort(job.url)
        except TriviewError as error:
            # The user's side has stopped already; a service that is gone cannot be told.
            log.info("abort of %s: %s", job.url, error)

    def _run(self, job: Job) -> None:
        try:
            if job.kind == "tap":
                self._query(job)
            elif job.key in self._making:
                self._make(job, self._making.pop(job.key))
            else:
                job.phase = "EXECUTING"
                self._receive(job, job.url)
            job.phase = "COMPLETED"
        except CancelledError:
            job.phase = "ABORTED"
            job.progress = job.progress._replace(text="Stopped")
        except TriviewError as error:
            # The job stays; what the frames of its error hold (rows, a process that reads a file) must not.
            error.__cause__ = error.__context__ = None
            job.phase, job.error = "ERROR", error.with_traceback(None)
        except Exception as error:
            # A job must end in words, whatever happened in it.
            log.exception("job %s failed", job.key)
            job.phase, job.error = "ERROR", ServiceError(f"Unexpected failure: {type(error).__name__}: {error}")
        if self._closing and job.phase != "COMPLETED":
            return  # taken up again at the next start, from what the history says
        job.ended = time.time()
        self._store(job)
        with self._lock:
            if self._users.get(job.key, 0) <= 0:  # else the last user closes it
                self._users.pop(job.key, None)
                self._forget_table(job.key)
        self._tell(job, True)

    def _query(self, job: Job) -> None:
        service = TapService(self.web, job.service)
        if not job.url:
            job.progress = Progress(text="Sending the query")
            self._tell(job, True)
            job.url = self.sender.send(job)
            self._store(job)
        phase, idle = "", 0
        while True:
            asked = time.monotonic()
            state = service.state(job.url, WAIT_SECONDS if phase else 0, phase)
            self._stop_if_cancelled(job)
            if state.phase in ("ERROR", "ABORTED", "COMPLETED", "ARCHIVED"):
                break
            if state.phase != job.phase:
                job.phase = state.phase if state.phase in ("QUEUED", "EXECUTING", "HELD", "SUSPENDED") else "EXECUTING"
                self._store(job)
            words = {"QUEUED": "Waiting in the queue of the service", "HELD": "Held by the service"}
            text = words.get(state.phase, "Running at the service" + (f": {state.text}" if state.text else ""))
            job.progress = Progress(fraction=state.fraction, text=text)
            self._tell(job, True)
            if phase and time.monotonic() - asked < 0.5:
                job.cancelled.wait(BACKOFF[min(idle, len(BACKOFF) - 1)])
                idle += 1
            phase = state.phase
        if state.phase == "ABORTED":
            raise ServiceError("The service stopped this query.", "Perhaps it took longer than the service allows.")
        if state.phase == "ERROR":
            raise service.failure(job.url, state)
        job.phase = "EXECUTING"
        result = state.result or f"{job.url}/results/result"
        self._receive(job, result, state.bytes, state.rows)

    def _make(self, job: Job, work: Make) -> None:
        """Rows that the portal makes itself, seen as they come."""
        job.phase = "EXECUTING"
        self._tell(job, True)
        self._forget_table(job.key)
        self._receiver.fill(job, *work(job))

    def _receive(self, job: Job, url: str, size: int = 0, rows: int = 0) -> None:
        """The answer behind an address, in place of what an earlier attempt left."""
        self._forget_table(job.key)
        shutil.rmtree(self.history.result_folder(job.key), ignore_errors=True)
        self._receiver.receive(job, url, size, rows)

    def _open_new(self, job: Job, meta: TableMeta) -> ResultTable:
        table = ResultTable.create(self.history.result_folder(job.key), meta)
        with self._lock:
            self._tables[job.key] = table
        return table

    @staticmethod
    def _stop_if_cancelled(job: Job) -> None:
        if job.cancelled.is_set():
            raise CancelledError("Stopped.")

    # -- telling -------------------------------------------------------------------------------------------------
    def _tell(self, job: Job, now: bool = False) -> None:
        clock = time.monotonic()
        if not now and clock - getattr(job, "_told", 0.0) < NOTIFY_SECONDS:
            return
        job._told = clock
        for listener in list(job.listeners):
            try:
                listener(job)
            except Exception:
                log.exception("a listener of job %s failed", job.key)

    def _store(self, job: Job) -> None:
        error = ""
        if job.error is not None:
            doc = {"message": job.error.message, "hint": job.error.hint}
            for name in ("line", "column", "length"):
                doc[name] = getattr(job.error, name, 0)
            doc["kind"] = "query" if isinstance(job.error, QueryError) else "service"
            error = json.dumps(doc)
        self.history.put(
            Stored(
                job.key, job.workspace, job.kind, job.title, job.service, job.adql, job.maxrec, job.url, job.phase,
                error, job.progress.rows, int(job.overflow), job.started, job.ended, 0,
            )
        )  # fmt: skip

    # -- tables --------------------------------------------------------------------------------------------------
    def acquire(self, key: str) -> ResultTable | None:
        """The table of a result, opened from disk when needed; None while no row has come. Pair with ``release``."""
        with self._lock:
            table = self._tables.get(key)
            if table is None:
                folder = self.history.result_folder(key)
                if not (folder / "meta.json").exists():
                    return None
                table = self._tables[key] = ResultTable.open(folder)
            self._users[key] = self._users.get(key, 0) + 1
            return table

    def release(self, key: str) -> None:
        """Give a table back; the last user closes it unless its job still writes."""
        with self._lock:
            self._users[key] = self._users.get(key, 0) - 1
            job = self.jobs.get(key)
            if self._users[key] <= 0 and (job is None or job.over):
                self._users.pop(key, None)
                self._forget_table(key)

    def discard(self, key: str) -> None:
        """Delete a result that nobody will ask for again, with its rows."""
        job = self.jobs.pop(key, None)
        if job is not None:
            job.cancel()
        self._forget_table(key)
        self.history.remove(key)

    def _forget_table(self, key: str) -> None:
        with self._lock:
            table = self._tables.pop(key, None)
        if table is not None:
            table.close()

    def close(self) -> None:
        """Stop: jobs under way are left as they are in the history and are taken up at the next start."""
        self._closing = True
        for job in list(self.jobs.values()):
            if job.phase not in ENDED:
                job.cancel()
        self._work.shutdown(wait=True, cancel_futures=True)
        self._reads.shutdown(wait=True, cancel_futures=True)
        self.web.close()
        for key in list(self._tables):
            self._forget_table(key)
