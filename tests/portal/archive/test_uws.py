"""Jobs: they run apart, can be waited for and aborted, and outlive the server."""

from __future__ import annotations

import asyncio
import threading
import time
from pathlib import Path
from xml.etree import ElementTree

import pytest

from portal.archive.jobstore import Job, JobResult, JobStore, iso_time, parse_time
from portal.archive.uws import Ticket, Uws
from portal.archive.uws_xml import job_xml, jobs_xml
from portal.errors import ServiceError

NAMES = {"uws": "http://www.ivoa.net/xml/UWS/v1.0", "xlink": "http://www.w3.org/1999/xlink"}


def ended(uws: Uws, job_id: str) -> Job:
    for _ in range(500):
        job = uws.store.get(job_id)
        if job is not None and not job.active:
            return job
        time.sleep(0.01)
    raise AssertionError(f"the job is still {job}")


def write_one(ticket: Ticket) -> list[JobResult]:
    (ticket.folder / "result.txt").write_text("done")
    return [JobResult("result", "result.txt", "text/plain", 4, rows=1)]


@pytest.fixture
def uws(tmp_path: Path):
    service = Uws(tmp_path, workers=2, seconds=60)
    yield service
    service.close()


def test_a_job_runs_once_started(uws: Uws) -> None:
    uws.register("tap", write_one)
    job = uws.create("tap", [("QUERY", "SELECT 1")], "http://here", run_id="mine")
    assert uws.store.get(job.id).phase == "PENDING"
    uws.start(job.id)
    job = ended(uws, job.id)
    assert (job.phase, job.results[0].rows, job.run_id) == ("COMPLETED", 1, "mine")
    assert (uws.folder / job.id / "result.txt").read_text() == "done"
    assert job.created <= job.started <= job.ended < job.destruction


def test_a_failure_is_told_in_the_jobs_words(uws: Uws) -> None:
    def fail(ticket: Ticket) -> list[JobResult]:
        raise ServiceError("No such column.", "Nearest: g_psfFlux.")

    uws.register("tap", fail)
    job = uws.create("tap", [], "")
    uws.start(job.id)
    assert ended(uws, job.id).error == "No such column. Nearest: g_psfFlux."


def blocked(ticket: Ticket, stopped: threading.Event) -> list[JobResult]:
    ticket.on_cancel(stopped.set)
    stopped.wait(30)
    ticket.check()
    return []


def test_abort_stops_running_work(uws: Uws) -> None:
    stopped = threading.Event()
    uws.register("tap", lambda ticket: blocked(ticket, stopped))
    job = uws.create("tap", [], "")
    uws.start(job.id)
    uws.abort(job.id)
    assert ended(uws, job.id).phase == "ABORTED"
    uws.abort(job.id)
    assert uws.store.get(job.id).phase == "ABORTED"


def test_a_job_past_its_duration_ends_in_an_error(uws: Uws) -> None:
    stopped = threading.Event()
    uws.register("tap", lambda ticket: blocked(ticket, stopped))
    job = uws.create("tap", [], "")
    uws.store.change(job.id, duration=0.05)
    uws.start(job.id)
    job = ended(uws, job.id)
    assert job.phase == "ERROR" and "longer than its 0.05 s" in job.error


def test_destroying_a_job_takes_its_files(uws: Uws) -> None:
    uws.register("tap", write_one)
    job = uws.create("tap", [], "")
    uws.start(job.id)
    ended(uws, job.id)
    uws.destroy(job.id)
    assert uws.store.get(job.id) is None and not (uws.folder / job.id).exists()


def test_waiting_ends_with_the_phase(uws: Uws) -> None:
    stopped = threading.Event()
    uws.register("tap", lambda ticket: blocked(ticket, stopped))
    job = uws.create("tap", [], "")
    uws.start(job.id)

    async def wait() -> tuple[Job, Job]:
        while uws.store.get(job.id).phase != "EXECUTING":
            await asyncio.sleep(0.01)
        same = await uws.wait(job.id, 0.05, "EXECUTING")
        asyncio.get_running_loop().call_later(0.05, stopped.set)
        return same, await uws.wait(job.id, 30, "EXECUTING")

    before, after = asyncio.run(wait())
    assert (before.phase, after.phase) == ("EXECUTING", "COMPLETED")


def test_jobs_survive_a_kill(tmp_path: Path) -> None:
    """A store left as ``kill -9`` leaves it: one job running, one queued, one done, one not started."""
    store = JobStore(tmp_path / "jobs.sqlite")
    for number, phase in enumerate(("EXECUTING", "QUEUED", "COMPLETED", "PENDING")):
        store.add(
            Job(f"j{number}", "tap", phase, created=time.time() + number, destruction=time.time() + 1e5, duration=9)
        )
    del store  # no close: nothing is flushed on purpose
    uws = Uws(tmp_path, workers=1, seconds=60)
    uws.register("tap", write_one)
    try:
        assert ended(uws, "j0").results and ended(uws, "j1").results
        assert not uws.store.get("j2").results and uws.store.get("j3").phase == "PENDING"
    finally:
        uws.close()


def test_stopping_the_server_leaves_running_jobs_to_the_next_one(tmp_path: Path) -> None:
    stopped = threading.Event()
    uws = Uws(tmp_path, workers=1, seconds=60)
    uws.register("tap", lambda ticket: blocked(ticket, stopped))
    job = uws.create("tap", [], "")
    uws.start(job.id)
    while uws.store.get(job.id).phase != "EXECUTING":
        time.sleep(0.01)
    uws.close()
    again = Uws(tmp_path, workers=1, seconds=60)
    again.register("tap", write_one)
    assert ended(again, job.id).phase == "COMPLETED"
    again.close()


def test_lists_by_phase_time_and_number(uws: Uws) -> None:
    uws.register("tap", write_one)
    jobs = [uws.create("tap", [], "") for _ in range(3)]
    uws.create("cutout", [], "")
    assert [job.id for job in uws.store.list("tap")] == [job.id for job in reversed(jobs)]
    assert [job.id for job in uws.store.list("tap", last=1)] == [jobs[-1].id]
    assert [job.id for job in uws.store.list("tap", after=jobs[1].created)] == [jobs[2].id]
    assert uws.store.list("tap", ["COMPLETED"]) == []


def test_expired_jobs_are_destroyed(uws: Uws) -> None:
    uws.register("tap", write_one)
    job = uws.create("tap", [], "")
    uws.edit(job, destruction=time.time() - 1)
    uws._swept = 0
    uws.sweep()
    assert uws.store.get(job.id) is None


def test_duration_and_destruction_stay_within_bounds(uws: Uws) -> None:
    job = uws.create("tap", [], "")
    uws.edit(job, duration=1e9, destruction=time.time() + 1e12)
    job = uws.store.get(job.id)
    assert job.duration == 60 and job.destruction < time.time() + 31 * 86400


def test_documents_hold_what_the_standard_asks() -> None:
    results = (JobResult("result", "result.vot", "application/x-votable+xml", 10, rows=7),)
    query = "SELECT '<&>' \x00 FROM x"
    job = Job("a1", "tap", "COMPLETED", created=1e9, parameters=(("QUERY", query),), results=results, progress=100)
    root = ElementTree.fromstring(job_xml(job, "http://h/api/tap/async/a1"))
    assert root.findtext("uws:phase", namespaces=NAMES) == "COMPLETED"
    assert root.find("uws:parameters/uws:parameter[@id='QUERY']", NAMES).text.startswith("SELECT '<&>'")
    link = root.find("uws:results/uws:result", NAMES)
    assert link.get(f"{{{NAMES['xlink']}}}href") == "http://h/api/tap/async/a1/results/result"
    assert root.findtext("uws:jobInfo/progress/itemsProcessed", namespaces=NAMES) == "7"
    listed = ElementTree.fromstring(jobs_xml([job], "http://h/api/tap/async"))
    assert listed.find("uws:jobref", NAMES).get("id") == "a1"


def test_times_go_there_and_back() -> None:
    assert iso_time(0) == "" and iso_time(1e9) == "2001-09-09T01:46:40.000Z"
    assert parse_time("2001-09-09T01:46:40Z") == parse_time("2001-09-09T03:46:40+02:00") == 1e9
