"""TAP 1.1: what a query request means, answered at once (/sync) or as the work of a job (/async)."""

from __future__ import annotations

import logging
import re
import threading
from collections import deque
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pyarrow as pa

from ..errors import LimitError, TriviewError
from .formats import FORMATS, Format, encoded, wanted_format
from .handler import ServiceHandler
from .jobstore import JobResult
from .params import Parameters, UsageError
from .query import Bounds, Query
from .remote import fetch
from .telling import told
from .uploads import read_uploads
from .uws import Ticket

if TYPE_CHECKING:
    from .app import Archive

log = logging.getLogger(__name__)
LANGUAGES = ("ADQL", "ADQL-2.0", "ADQL-2.1")
PROGRESS_SECONDS = 0.5  # how often a running job tells how far it is


def prepare(
    archive: Archive,
    asked: Parameters,
    uploads: Mapping[str, pa.Table],
    base: str,
    seconds: float,
    watched: bool = False,
) -> tuple[Query, Format]:
    """The query a request asks for, compiled but not run, and its output format.

    Raises UsageError for bad parameters, QueryError for bad ADQL.
    """
    asked.choice("REQUEST", ("doQuery",), "doQuery")
    if not asked.get("LANG"):
        raise UsageError("Parameter LANG is missing.", "Send LANG=ADQL.")
    asked.choice("LANG", LANGUAGES, "ADQL")
    form = wanted_format(asked)
    bounds = Bounds(max_rows(asked.get("MAXREC"), archive.limits.max_rows), seconds, base, watched)
    return Query(archive.store, asked.require("QUERY"), bounds, uploads, archive.spark), form


def max_rows(text: str, ceiling: int) -> int:
    """MAXREC as a number, at most ``ceiling``, which is also its default. Raises UsageError."""
    if not text.strip():
        return ceiling
    try:
        rows = int(text)
    except ValueError:
        rows = -1
    if rows < 0:
        raise UsageError(f"MAXREC must be a whole number from 0 on, not {text!r}.")
    return min(rows, ceiling)


def uploaded(archive: Archive, asked: Parameters, base: str) -> Mapping[str, pa.Table]:
    """The uploaded tables of a request. Takes long when they come from afar, so not in the threads of queries."""
    if "UPLOAD" not in asked:
        return {}
    return read_uploads(asked, lambda url: _fetched(archive, url, base), archive.limits.body_bytes)


def _fetched(archive: Archive, url: str, base: str) -> bytes:
    """What an UPLOAD address holds; a result of a job of this archive is taken from its file."""
    limits = archive.limits
    own = re.fullmatch(re.escape(f"{base}/api/tap/async/") + r"(\w+)/results/(\w+)", url)
    if own is None:
        return fetch(url, limits.body_bytes, limits.private_hosts)
    job = archive.uws.store.get(own[1])
    found = [item for item in job.results if item.name == own[2]] if job is not None else []
    if not found or not (file := archive.uws.folder / job.id / found[0].file).is_file():
        raise UsageError(f"{url} is no result of a job of this service.")
    if found[0].size > limits.body_bytes:
        raise LimitError(f"The table at {url} is larger than {limits.body_bytes >> 20} MiB.")
    return file.read_bytes()


def warm_up(archive: Archive) -> None:
    """Run one small query, so that the first visitor does not wait for what is loaded and compiled on first use."""
    try:
        query = Query(archive.store, "SELECT TOP 1 objectId, band, psfFlux FROM dp1.ForcedSource", Bounds(1, 60.0))
        deque(encoded(query, FORMATS[0]), maxlen=0)
    except TriviewError as error:
        log.warning("the first query failed: %s", told(error))


class SyncHandler(ServiceHandler):
    """/api/tap/sync: the answer in the response, as it is made."""

    errors = "votable"

    async def get(self) -> None:
        asked = self.parameters()
        archive, owner = self.archive, self.owner
        with archive.quota.running(owner):
            tables: Mapping[str, pa.Table] = {}
            if "UPLOAD" in asked:
                tables = await self.work(uploaded, archive, asked, self.base, pool=archive.intake)
            query, form = await self.work(
                prepare, archive, asked, tables, self.base, archive.limits.sync_seconds, pool=archive.short
            )
            chunks = counted(archive, owner, query, form)
            await self.stream(chunks, form.media_type, lambda: archive.lane(query), query.cancel)

    async def post(self) -> None:
        await self.get()


def counted(archive: Archive, owner: str, query: Query, form: Format) -> Generator[bytes]:
    """The answer's pieces; what it took is noted on its owner's account, also when it ends early."""
    size = 0
    chunks = encoded(query, form, archive.scratch)
    try:
        for chunk in chunks:
            size += len(chunk)
            yield chunk
    finally:
        chunks.close()
        archive.quota.spend(owner, query.rows, size, query.seconds)


def run_job(archive: Archive, ticket: Ticket) -> list[JobResult]:
    """The work of one async job: the result in a file of the job's folder."""
    job = ticket.job
    files = {file.name.removeprefix("upload-"): file.read_bytes() for file in ticket.folder.glob("upload-*")}
    asked = Parameters(job.parameters, files)
    tables = uploaded(archive, asked, job.base)
    query, form = prepare(archive, asked, tables, job.base, float("inf"), watched=True)
    ticket.on_cancel(query.cancel)
    ticket.note(total=str(query.rows_read))
    file = ticket.folder / f"result.{form.ending}"
    try:
        with _progress(query, ticket), file.open("wb") as out:
            for chunk in counted(archive, job.owner, query, form):
                out.write(chunk)
                if out.tell() > archive.limits.result_bytes:
                    most = archive.limits.result_bytes >> 30
                    raise LimitError(f"The result is larger than {most} GiB.", "Ask for fewer rows or columns.")
    except Exception:
        file.unlink(missing_ok=True)
        ticket.check()  # when it was stopped, say why instead of how
        raise
    ticket.check()
    return [JobResult("result", file.name, form.media_type, file.stat().st_size, query.rows, query.overflow)]


@contextmanager
def _progress(query: Query, ticket: Ticket) -> Iterator[None]:
    """Report the engine's progress while the block runs."""
    ended = threading.Event()

    def watch() -> None:
        told = -1.0
        while not ended.wait(PROGRESS_SECONDS):
            if (done := query.progress) > told:
                told = done
                ticket.report(done)

    thread = threading.Thread(target=watch, name="progress", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def routes(archive: Archive) -> list[tuple]:
    return [(r"/api/tap/sync/?", SyncHandler, {"archive": archive})]
