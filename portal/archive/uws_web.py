"""The UWS 1.1 resource tree over HTTP, the same for every kind of job.

Knows paths and parameters of jobs; what a job computes stands elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tornado.web import HTTPError

from ..errors import LimitError
from ..table.votable_write import error_votable
from .handler import VOTABLE_TYPE, ServiceHandler
from .jobstore import ARCHIVED, COMPLETED, ERROR, PENDING, PHASES, Job, iso_time, parse_time
from .params import UsageError
from .uws_xml import job_xml, jobs_xml, parameters_xml, results_xml

LONGEST_WAIT = 300.0  # seconds; WAIT=-1 means this, so that dead clients are noticed
LARGEST = 2**31 - 1  # of any whole number in a request
CHUNK = 1 << 20
MOST_TEXT = 1 << 20  # characters of a job's parameters: five times the longest query
CONTROL = ("PHASE", "ACTION", "RUNID", "DESTRUCTION", "EXECUTIONDURATION")


class UwsHandler(ServiceHandler):
    """Common to the job list and the jobs: which kind, and where it is served."""

    def initialize(self, archive: Any, kind: str, path: str) -> None:
        super().initialize(archive)
        self.kind = kind
        self.uws = archive.uws
        self.list_url_path = path

    @property
    def list_url(self) -> str:
        return f"{self.base}{self.list_url_path}"

    def send_xml(self, document: bytes, content_type: str = "text/xml; charset=utf-8") -> None:
        self.set_header("Content-Type", content_type)
        self.write(document)

    def send_text(self, text: str) -> None:
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        self.write(text)

    def see(self, url: str) -> None:
        """303 See Other, the answer to every change of a job."""
        self.redirect(url, status=303)


class JobListHandler(UwsHandler):
    """GET: list, by PHASE, AFTER, LAST. POST: a new job, started at once with PHASE=RUN."""

    errors = "votable"

    async def get(self) -> None:
        asked = self.parameters()
        phases = [value.upper() for value in asked.all("PHASE")]
        if wrong := [phase for phase in phases if phase not in PHASES]:
            raise UsageError(f"There is no phase {wrong[0]!r}.", f"Use one of: {', '.join(PHASES)}.")
        after = _time(asked.get("AFTER")) if asked.get("AFTER") else 0.0
        last = _whole(asked.get("LAST"), "LAST") if asked.get("LAST") else 0
        jobs = await self.work(self.uws.store.list, self.kind, phases, after, last, self.owner)
        self.send_xml(await self.work(jobs_xml, jobs, self.list_url))

    async def post(self) -> None:
        asked = self.parameters()
        pairs = [pair for pair in asked.pairs() if pair[0] not in CONTROL]
        run = asked.get("PHASE").upper()
        if run not in ("", "RUN"):
            raise UsageError(f"A new job cannot be given PHASE={run}.", "Use PHASE=RUN or leave it out.")
        for name in asked.files:
            if not re.fullmatch(r"\w{1,64}", name):
                raise UsageError(f"An uploaded part cannot be called {name!r}.", "Use letters, digits and _.")
        self.archive.quota.check(self.owner)
        run_id = asked.get("RUNID")
        _check_size([*pairs, ("RUNID", run_id)])
        job = await self.work(self.uws.create, self.kind, pairs, self.base, run_id, self.owner, asked.files)
        await self.work(_edit, self.uws, job, asked.get("DESTRUCTION"), asked.get("EXECUTIONDURATION"))
        if run:
            await self.work(self.uws.start, job.id)
        self.see(f"{self.list_url}/{job.id}")


class JobHandler(UwsHandler):
    """One job and everything below it."""

    async def job(self, job_id: str) -> Job:
        job = await self.work(self.uws.store.get, job_id)
        if job is None or job.kind != self.kind:
            raise HTTPError(404, "There is no such job; it may have been destroyed.")
        # Where a proxy names the users a job is its owner's; otherwise its address, which nobody can guess, is the key.
        if self.archive.limits.user_header and job.owner not in ("", self.owner):
            raise HTTPError(403, "This job belongs to another user.")
        return job

    async def get(self, job_id: str, child: str = "", name: str = "") -> None:
        job = await self.job(job_id)
        url = f"{self.list_url}/{job_id}"
        match child:
            case "":
                job = await self._waited(job)
                self.send_xml(job_xml(job, url))
            case "phase":
                self.send_text(job.phase)
            case "executionduration":
                self.send_text(f"{job.duration:.0f}")
            case "destruction":
                self.send_text(iso_time(job.destruction))
            case "quote":
                self.send_text(iso_time(job.quote))
            case "owner":
                self.send_text(job.owner)
            case "parameters":
                self.send_xml(parameters_xml(job))
            case "results" if name:
                await self._send_result(job, name)
            case "results":
                self.send_xml(results_xml(job, url))
            case "error":
                self.send_xml(error_votable(job.error) if job.phase == ERROR else b"", VOTABLE_TYPE)
            case _:
                raise HTTPError(404, "A job has no such part.")

    async def head(self, job_id: str, child: str = "", name: str = "") -> None:
        await self.get(job_id, child, name)

    async def post(self, job_id: str, child: str = "", name: str = "") -> None:
        job = await self.job(job_id)
        asked = self.parameters()
        url = f"{self.list_url}/{job_id}"
        match child:
            case "" if asked.get("ACTION").upper() == "DELETE":
                await self.work(self.uws.destroy, job_id)
                url = self.list_url
            case "" | "parameters":
                await self._change_parameters(job, asked.pairs())
                if asked.get("PHASE"):
                    await self._change_phase(job_id, asked.get("PHASE"))
            case "phase":
                await self._change_phase(job_id, asked.require("PHASE"))
            case "destruction" | "executionduration":
                values = {"destruction": "", "executionduration": "", child: asked.require(child)}
                await self.work(_edit, self.uws, job, values["destruction"], values["executionduration"])
            case _:
                raise HTTPError(405, "This part of a job cannot be changed.")
        self.see(url)

    async def delete(self, job_id: str, child: str = "", name: str = "") -> None:
        if child:
            raise HTTPError(405, "Only a whole job can be deleted.")
        await self.job(job_id)
        await self.work(self.uws.destroy, job_id)
        self.see(self.list_url)

    async def _change_phase(self, job_id: str, phase: str) -> None:
        verbs = {"RUN": self.uws.start, "ABORT": self.uws.abort}
        if phase.upper() not in verbs:
            raise UsageError(f"PHASE cannot be set to {phase!r}.", "Use RUN or ABORT.")
        if phase.upper() == "RUN":
            self.archive.quota.check(self.owner)
        await self.work(verbs[phase.upper()], job_id)

    async def _change_parameters(self, job: Job, pairs: list[tuple[str, str]]) -> None:
        new = tuple(pair for pair in pairs if pair[0] not in CONTROL)
        if not new:
            return
        if job.phase != PENDING:
            raise UsageError("The parameters of a job that was started cannot be changed.", "Create a new job.")
        names = {name for name, _ in new}  # one may come several times: a job cuts several images
        kept = tuple(pair for pair in job.parameters if pair[0] not in names)
        _check_size(kept + new)
        await self.work(lambda: self.uws.edit(job, parameters=kept + new))

    async def _waited(self, job: Job) -> Job:
        """The job after WAIT seconds or a change of phase (UWS 1.1, section 2.2.1.1)."""
        asked = self.parameters()
        if not asked.get("WAIT"):
            return job
        seconds = _whole(asked.get("WAIT"), "WAIT")
        seconds = LONGEST_WAIT if seconds < 0 else min(seconds, LONGEST_WAIT)
        later = await self.uws.wait(job.id, seconds, asked.get("PHASE").upper())
        if later is None:
            raise HTTPError(404, "The job was destroyed while you waited.")
        return later

    async def _send_result(self, job: Job, name: str) -> None:
        found = [item for item in job.results if item.name == name]
        file = self.uws.folder / job.id / found[0].file if found else Path()
        if not found or job.phase not in (COMPLETED, ARCHIVED) or not await self.work(file.is_file):
            raise HTTPError(404, "The job has no such result.")
        self.set_header("Content-Length", str(found[0].size))
        self.set_header("Content-Type", found[0].media_type)
        if self.request.method == "HEAD":
            return
        with await self.work(file.open, "rb") as stream:
            chunks = (chunk for chunk in iter(lambda: stream.read(CHUNK), b""))
            await self.stream(chunks, found[0].media_type, lambda: self.archive.desk, lambda: None)


def _check_size(pairs: Sequence[tuple[str, str]]) -> None:
    """Raises LimitError for more text than the list of jobs should hold of one."""
    if sum(len(name) + len(value) for name, value in pairs) > MOST_TEXT:
        raise LimitError(
            f"The parameters of a job may be {MOST_TEXT:,} characters long together.",
            "Send long lists as an uploaded table, or spread them over several jobs.",
        )


def _edit(uws: Any, job: Job, destruction: str, duration: str) -> None:
    values: dict[str, float] = {}
    if destruction:
        values["destruction"] = _time(destruction)
    if duration:
        values["duration"] = float(_whole(duration, "EXECUTIONDURATION"))
    if values:
        uws.edit(job, **values)


def _time(text: str) -> float:
    try:
        return parse_time(text)
    except ValueError:
        raise UsageError(f"{text!r} is not a time.", "Write it as 2026-01-31T12:00:00Z.") from None


def _whole(text: str, name: str) -> int:
    try:
        value = int(text)
    except ValueError:
        value = LARGEST + 1
    if abs(value) > LARGEST:
        raise UsageError(f"{name} must be a whole number, not {text!r}.")
    return value


def uws_routes(path: str, archive: Any, kind: str) -> list[tuple]:
    """Routes of one kind of job below ``path``, e.g. /api/tap/async."""
    options = {"archive": archive, "kind": kind, "path": path}
    return [
        (rf"{path}/?", JobListHandler, options),
        (rf"{path}/(\w+)/?", JobHandler, options),
        (rf"{path}/(\w+)/(\w+)/?", JobHandler, options),
        (rf"{path}/(\w+)/(results)/([\w.-]+)", JobHandler, options),
    ]
