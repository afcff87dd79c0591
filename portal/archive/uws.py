"""The verbs of UWS 1.1: create, run, abort, wait, destroy. Jobs run in threads and survive a restart.

Knows nothing of what a job does: each kind ("tap", "cutout") registers its work.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import shutil
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from ..background import worker_pool
from ..errors import CancelledError, LimitError, TriviewError
from .jobstore import ABORTED, ACTIVE, COMPLETED, ERROR, EXECUTING, PENDING, QUEUED, Job, JobResult, JobStore
from .telling import told

log = logging.getLogger(__name__)
KEEP_SECONDS = 7 * 86400.0  # the Rubin platform keeps jobs for a week too
LONGEST_KEEP_SECONDS = 30 * 86400.0
SWEEP_SECONDS = 60.0  # how often expired jobs are looked for


class Ticket:
    """What running work is given: ``check`` raises when it must stop, ``on_cancel`` says how to stop it."""

    def __init__(self, job: Job, folder: Path, report: Callable[[float], None]) -> None:
        self.job = job
        self.folder = folder
        self.report = report
        self.reason = ""
        self._lock = threading.Lock()
        self._cancel: Callable[[], None] | None = None

    def on_cancel(self, call: Callable[[], None]) -> None:
        """Call ``call`` when the job is stopped, at once if it already is."""
        with self._lock:
            self._cancel = call
            stopped = bool(self.reason)
        if stopped:
            call()

    def cancel(self, reason: str) -> None:
        with self._lock:
            self.reason = self.reason or reason
            call = self._cancel
        if call is not None:
            call()

    def check(self) -> None:
        """Raise CancelledError (aborted) or LimitError (out of time) when the job has been stopped."""
        if self.reason == "abort":
            raise CancelledError("The job was aborted.")
        if self.reason:
            raise LimitError(self.reason)


Work = Callable[[Ticket], Sequence[JobResult]]


class Uws:
    """All jobs of the archive. ``seconds`` is the longest run anyone may ask for."""

    def __init__(self, folder: Path, workers: int, seconds: float) -> None:
        self.folder = folder / "jobs"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.store = JobStore(folder / "jobs.sqlite")
        self.seconds = seconds
        self._pool = worker_pool(workers, "uws")
        self._work: dict[str, Work] = {}
        self._tickets: dict[str, Ticket] = {}
        self._waiting: dict[str, list[tuple[asyncio.AbstractEventLoop, asyncio.Event]]] = {}
        self._lock = threading.Lock()
        self._closing = False
        self._swept = 0.0

    def register(self, kind: str, work: Work) -> None:
        """Say what jobs of a kind do, then queue again those a stop of the server left unfinished."""
        self._work[kind] = work
        for job in self.store.unfinished():
            if job.kind == kind:
                self._enqueue(job)
        self.sweep()

    def close(self) -> None:
        """Stop working; running jobs stay EXECUTING on disk and run again at the next start."""
        self._closing = True
        for ticket in list(self._tickets.values()):
            ticket.cancel("The server is stopping.")
        self._pool.shutdown(wait=True, cancel_futures=True)
        self.store.close()

    def create(self, kind: str, parameters: Sequence[tuple[str, str]], base: str, run_id: str = "") -> Job:
        """A new job in phase PENDING. ``base`` is the server's address for links inside the result."""
        self.sweep()
        now = time.time()
        job = Job(
            secrets.token_hex(8),
            kind,
            run_id=run_id,
            base=base,
            created=now,
            destruction=now + KEEP_SECONDS,
            duration=self.seconds,
            parameters=tuple(parameters),
        )
        self.store.add(job)
        return job

    def start(self, job_id: str) -> None:
        """PHASE=RUN. A job that has already been started stays as it is."""
        job = self.store.change(job_id, (PENDING,), phase=QUEUED)
        if job is not None:
            self._enqueue(job)

    def abort(self, job_id: str) -> None:
        """PHASE=ABORT. An ended job stays as it is."""
        if self.store.change(job_id, ACTIVE, phase=ABORTED, ended=time.time()):
            self._stop(job_id)

    def destroy(self, job_id: str) -> None:
        """Stop the job and delete it with its results."""
        self.store.remove(job_id)
        self._stop(job_id)
        shutil.rmtree(self.folder / job_id, ignore_errors=True)

    def edit(self, job: Job, **values: float | tuple) -> None:
        """Change parameters, destruction or duration, within what the service allows."""
        if "destruction" in values:
            values["destruction"] = min(values["destruction"], job.created + LONGEST_KEEP_SECONDS)
        if "duration" in values:
            asked = values["duration"]
            values["duration"] = min(asked, self.seconds) if asked > 0 else self.seconds
        phases = (PENDING,) if "parameters" in values or "duration" in values else (*ACTIVE, COMPLETED, ERROR, ABORTED)
        self.store.change(job.id, phases, **values)

    def sweep(self) -> None:
        """Destroy jobs past their time; at most once in a while."""
        now = time.time()
        if now - self._swept > SWEEP_SECONDS:
            self._swept = now
            for job in self.store.expired(now):
                self.destroy(job.id)

    async def wait(self, job_id: str, seconds: float, phase: str = "") -> Job | None:
        """The job once its phase is no longer ``phase`` (default: the one it has now), or after ``seconds``."""
        event = asyncio.Event()
        entry = (asyncio.get_running_loop(), event)
        with self._lock:
            self._waiting.setdefault(job_id, []).append(entry)
        try:
            job = await asyncio.to_thread(self.store.get, job_id)
            if job is not None and job.active and phase in ("", job.phase) and seconds > 0:
                try:
                    await asyncio.wait_for(event.wait(), seconds)
                except TimeoutError:
                    pass  # the time is up: the job is told as it stands
                job = await asyncio.to_thread(self.store.get, job_id)
            return job
        finally:
            with self._lock:
                self._waiting[job_id].remove(entry)
                if not self._waiting[job_id]:
                    del self._waiting[job_id]

    def _enqueue(self, job: Job) -> None:
        self.store.change(job.id, (QUEUED, EXECUTING), phase=QUEUED, progress=-1.0)
        self._tell(job.id)
        self._pool.submit(self._run, job.id)

    def _stop(self, job_id: str) -> None:
        ticket = self._tickets.get(job_id)
        if ticket is not None:
            ticket.cancel("abort")
        self._tell(job_id)

    def _tell(self, job_id: str) -> None:
        with self._lock:
            waiting = list(self._waiting.get(job_id, ()))
        for loop, event in waiting:
            loop.call_soon_threadsafe(event.set)

    def _run(self, job_id: str) -> None:
        if self._closing:
            return
        job = self.store.change(job_id, (QUEUED,), phase=EXECUTING, started=time.time())
        if job is None:
            return  # aborted or deleted while it waited
        folder = self.folder / job_id
        ticket = Ticket(job, folder, lambda done: self.store.change(job_id, (EXECUTING,), progress=done))
        self._tickets[job_id] = ticket
        limit = f"The job ran longer than its {job.duration:g} s."
        timer = threading.Timer(job.duration, ticket.cancel, [limit])
        timer.daemon = True
        timer.start()
        self._tell(job_id)
        try:
            folder.mkdir(exist_ok=True)
            ended = {"phase": COMPLETED, "results": tuple(self._work[job.kind](ticket)), "progress": 100.0}
        except TriviewError as error:
            ended = {"phase": ERROR, "error": told(error)}
        except Exception:
            log.exception("job %s", job_id)
            ended = {"phase": ERROR, "error": "The service failed; the reason stands in its log."}
        finally:
            timer.cancel()
            del self._tickets[job_id]
        if self._closing and ended["phase"] == ERROR:
            return  # stays EXECUTING: the next start runs it again
        if self.store.change(job_id, (EXECUTING,), ended=time.time(), **ended) is None:
            shutil.rmtree(folder, ignore_errors=True)  # aborted or deleted: nobody can ask for what it made
        self._tell(job_id)
