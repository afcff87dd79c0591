"""The verbs of UWS 1.1: create, run, abort, wait, destroy. Jobs run in threads and survive a restart.

Knows nothing of what a job does: each kind ("tap", "cutout") registers its work.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import shutil
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from ..background import worker_pool
from ..errors import CancelledError, LimitError, TriviewError
from .jobstore import ABORTED, ACTIVE, COMPLETED, ERROR, EXECUTING, PENDING, QUEUED, Job, JobResult, JobStore
from .quota import BusyError
from .telling import disk_full, told

log = logging.getLogger(__name__)
KEEP_SECONDS = 7 * 86400.0  # the Rubin platform keeps jobs for a week too
LONGEST_KEEP_SECONDS = 30 * 86400.0
SWEEP_SECONDS = 60.0  # how often expired jobs are looked for
AGAIN_SECONDS = 10.0  # after which a job is started that found the disk full
LONG_NICE = 5  # of all threads for long work: one that gave way more would hold Python's lock while it waits for a core
MOST_STARTS = 3  # of one job: one that takes the server down with it is not run for ever


class Ticket:
    """What running work is given: ``check`` raises when it must stop, ``on_cancel`` says how to stop it.

    ``report`` tells per cent done, ``note`` keeps words with the job.
    """

    def __init__(self, job: Job, folder: Path, store: JobStore) -> None:
        self.job = job
        self.folder = folder
        self.reason = ""
        self._store = store
        self._lock = threading.Lock()
        self._cancel: Callable[[], None] | None = None

    def report(self, done: float) -> None:
        self._store.change(self.job.id, (EXECUTING,), progress=done)

    def note(self, **words: str) -> None:
        self._store.change(self.job.id, (EXECUTING,), notes={**self.job.notes, **words})

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
    """All jobs of the archive. ``seconds`` is the longest run anyone may ask for.

    ``open_jobs`` and ``user_jobs`` bound the jobs that have not ended, of all and of one user. Jobs that wait are
    started by turns: next is the oldest one of the user of whom fewest run, of equal users the one served longest ago.
    """

    def __init__(
        self, folder: Path, workers: int, seconds: float, open_jobs: int = 10_000, user_jobs: int = 1_000
    ) -> None:
        self.folder = folder / "jobs"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.store = JobStore(folder / "jobs.sqlite")
        self.seconds = seconds
        self._most = open_jobs, user_jobs
        self._queue: dict[str, str] = {}  # owners by job id, oldest first
        self._running: Counter[str] = Counter()
        self._served: dict[str, int] = {}  # turn at which each waiting user's last job began
        self._turn = 0
        self._pool = worker_pool(workers, "uws", nice=LONG_NICE)
        self._work: dict[str, Work] = {}
        self._tickets: dict[str, Ticket] = {}
        self._unwritten: dict[str, str] = {}  # why the start or end of a job is not in the store
        self._waiting: dict[str, list[tuple[asyncio.AbstractEventLoop, asyncio.Event]]] = {}
        self._lock = threading.Lock()
        self._closing = False
        self._swept = 0.0

    def register(self, kind: str, work: Work) -> None:
        """Say what jobs of a kind do, then queue again those a stop of the server left unfinished."""
        self._work[kind] = work
        for job in self.store.unfinished():
            if job.kind != kind:
                continue
            if int(job.notes.get("starts", 0)) < MOST_STARTS:
                self._enqueue(job)
            else:
                said = f"The server stopped {MOST_STARTS} times while this job ran; it is not tried again."
                self.store.change(job.id, phase=ERROR, error=said, ended=time.time())
        self.sweep()

    def close(self) -> None:
        """Stop working; running jobs stay EXECUTING on disk and run again at the next start."""
        self._closing = True
        for ticket in list(self._tickets.values()):
            ticket.cancel("The server is stopping.")
        self._pool.shutdown(wait=True, cancel_futures=True)
        self.store.close()

    def create(
        self,
        kind: str,
        parameters: Sequence[tuple[str, str]],
        base: str,
        run_id: str = "",
        owner: str = "",
        files: Mapping[str, bytes] | None = None,
    ) -> Job:
        """A new job in phase PENDING. ``base`` is the server's address for links inside the result.

        ``files`` are uploaded parts by name, kept in its folder. Raises BusyError when too many jobs are open.
        """
        self.sweep()
        self._check_room(owner)
        now = time.time()
        job = Job(
            secrets.token_hex(8),
            kind,
            owner=owner,
            run_id=run_id,
            base=base,
            created=now,
            destruction=now + KEEP_SECONDS,
            duration=self.seconds,
            parameters=tuple(parameters),
        )
        self.store.add(job)
        try:
            for name, content in (files or {}).items():
                (self.folder / job.id).mkdir(exist_ok=True)
                (self.folder / job.id / f"upload-{name}").write_bytes(content)
        except OSError:
            self.destroy(job.id)
            raise
        return job

    def _check_room(self, owner: str) -> None:
        everyone, one = self._most
        if self.store.count_open(owner) >= one:
            raise BusyError(f"You have {one} jobs that have not ended.", "Abort or delete some, or wait for them.")
        if self.store.count_open() >= everyone:
            raise BusyError(f"The archive holds {everyone} jobs that have not ended.", "Try again later.")

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
        try:
            self.store.remove(job_id)
        except sqlite3.OperationalError as error:
            if disk_full(error) is None:
                raise
            shutil.rmtree(self.folder / job_id, ignore_errors=True)  # makes room to write that it is gone
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
        with self._lock:
            self._queue[job.id] = job.owner
        self._tell(job.id)
        self._pool.submit(self._run_next)

    def _stop(self, job_id: str) -> None:
        with self._lock:
            self._queue.pop(job_id, None)
            self._unwritten.pop(job_id, None)
        ticket = self._tickets.get(job_id)
        if ticket is not None:
            ticket.cancel("abort")
        self._tell(job_id)

    def _tell(self, job_id: str) -> None:
        with self._lock:
            waiting = list(self._waiting.get(job_id, ()))
        for loop, event in waiting:
            loop.call_soon_threadsafe(event.set)

    def _run_next(self) -> None:
        """Run the job whose turn it is; none is left when one was aborted or deleted while it waited."""
        with self._lock:
            if self._closing or not self._queue:
                return
            job_id = min(self._queue, key=self._rank)
            owner = self._queue.pop(job_id)
            self._running[owner] += 1
            self._turn += 1
            waiting = set(self._queue.values())
            self._served = {user: turn for user, turn in self._served.items() if user in waiting}
            self._served[owner] = self._turn
        try:
            self._run(job_id)
        except Exception as error:
            log.exception("job %s", job_id)  # a thread's error would be seen by nobody
            self._tickets.pop(job_id, None)
            if (full := disk_full(error)) is not None:
                self._unwritten[job_id] = told(full)
                self._try_again(job_id, owner)
        finally:
            with self._lock:
                self._running[owner] -= 1
                self._running += Counter()  # drops those at zero

    def _try_again(self, job_id: str, owner: str) -> None:
        """Queue a job whose start or end could not be written, for when there may be room again."""
        with self._lock:
            self._queue[job_id] = owner
        timer = threading.Timer(AGAIN_SECONDS, lambda: self._closing or self._pool.submit(self._run_next))
        timer.daemon = True
        timer.start()

    def _rank(self, job_id: str) -> tuple[int, int]:
        owner = self._queue[job_id]
        return self._running[owner], self._served.get(owner, 0)

    def _run(self, job_id: str) -> None:
        job = self.store.change(job_id, (QUEUED,), phase=EXECUTING, started=time.time())
        why = self._unwritten.pop(job_id, "")
        if job is None:  # aborted or deleted while it waited, or begun when the disk was full
            if why:
                self._end(job_id, self.folder / job_id, {"phase": ERROR, "error": why})
            return
        before = job.notes
        folder = self.folder / job_id
        ticket = self._tickets[job_id] = Ticket(job, folder, self.store)
        counted = {**before, "starts": str(int(before.get("starts", 0)) + 1)}
        job = self.store.change(job_id, (EXECUTING,), notes=counted)
        if job is None:  # stopped before the ticket could tell it
            del self._tickets[job_id]
            return
        ticket.job = job
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
        except Exception as error:
            full = disk_full(error)
            if full is None:
                log.exception("job %s", job_id)
            ended = {"phase": ERROR, "error": told(full) if full else "The service failed; the reason is in its log."}
        finally:
            timer.cancel()
            del self._tickets[job_id]
        if self._closing and ended["phase"] == ERROR:
            # The next start runs it again; that the server was told to stop is not the job's fault.
            self.store.change(job_id, (EXECUTING,), phase=QUEUED, notes=before)
            return
        self._end(job_id, folder, ended)

    def _end(self, job_id: str, folder: Path, ended: dict) -> None:
        """Write how a job ended. What it made is deleted when nobody can ask for it, or when that makes room."""
        if ended["phase"] == ERROR:
            shutil.rmtree(folder, ignore_errors=True)
        try:
            known = self.store.change(job_id, (EXECUTING,), ended=time.time(), **ended)
        except sqlite3.OperationalError as error:
            full = disk_full(error)
            if full is None:
                raise
            shutil.rmtree(folder, ignore_errors=True)
            ended = {"phase": ERROR, "error": told(full), "ended": time.time()}
            known = self.store.change(job_id, (EXECUTING,), **ended)
        if known is None:
            shutil.rmtree(folder, ignore_errors=True)
        self._tell(job_id)
