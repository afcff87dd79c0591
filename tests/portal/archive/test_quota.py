"""Shares of users: too much is answered with 429 and the time to wait; a full disk in words."""

from __future__ import annotations

import errno
import sqlite3
import threading
import time
from pathlib import Path

import pytest

from portal.archive.limits import Limits
from portal.archive.quota import BusyError, Quota
from portal.archive.telling import disk_full
from portal.archive.uws import Uws
from portal.archive.uws_xml import job_xml
from portal.errors import TriviewError

FIVE = "SELECT TOP 5 objectId FROM dp1.Object"


def test_what_was_taken_drains_in_an_hour(monkeypatch) -> None:
    clock = [1000.0]
    monkeypatch.setattr("portal.archive.quota.time.monotonic", lambda: clock[0])
    quota = Quota(Limits(user_rows=100))
    quota.spend("me", rows=150)
    quota.check("you")
    with pytest.raises(BusyError, match="100 rows") as caught:
        quota.check("me")
    assert caught.value.retry_after == 1836  # half the share is over: half an hour, and a little
    clock[0] += caught.value.retry_after
    quota.check("me")


def test_queries_at_once() -> None:
    quota = Quota(Limits(user_queries=1))
    with quota.running("me"), quota.running("you"):
        with pytest.raises(BusyError), quota.running("me"):
            raise AssertionError
    with quota.running("me"):
        pass


def test_many_users_do_not_fill_the_memory() -> None:
    quota = Quota(Limits())
    with quota.running("busy"):
        for number in range(12_000):
            quota.spend(f"user {number}", rows=1)
        assert len(quota._accounts) <= 10_000 and quota._accounts["busy"].running == 1


def test_429_over_http(sample, tmp_path, start_archive) -> None:
    limits = Limits(user_rows=1, user_jobs=3, user_header="X-User")
    with start_archive(sample, tmp_path, limits) as service:
        me, you = {"X-User": "me"}, {"X-User": "you"}
        data = {"LANG": "ADQL", "QUERY": FIVE}
        assert service.http.post("/api/tap/sync", data=data, headers=me).status_code == 200
        answer = service.http.post("/api/tap/sync", data=data, headers=me)
        assert answer.status_code == 429 and int(answer.headers["retry-after"]) > 0 and b"rows" in answer.content
        assert service.http.post("/api/tap/async", data=data, headers=me).status_code == 429
        jobs = [service.http.post("/api/tap/async", data=data, headers=you) for _ in range(4)]
        assert [job.status_code for job in jobs] == [303, 303, 303, 429]
        # Each sees only the own jobs.
        job = jobs[0].headers["location"]
        assert service.http.get(job, headers=you).status_code == 200
        assert service.http.get(f"{job}/owner", headers=you).text == "you"
        assert service.http.get(job, headers=me).status_code == 403
        assert service.http.delete(job, headers=me).status_code == 403
        assert service.http.get("/api/tap/async", headers=you).text.count("<uws:jobref") == 3
        assert service.http.get("/api/tap/async", headers=me).text.count("<uws:jobref") == 0


def test_users_take_turns(tmp_path: Path) -> None:
    uws = Uws(tmp_path, workers=2, seconds=60)
    order: list[str] = []
    go, both = threading.Event(), threading.Barrier(3)

    def work(ticket) -> list:
        if ticket.job.run_id == "first":
            both.wait(30)
            go.wait(30)
        order.append(ticket.job.owner)
        return []

    uws.register("tap", work)
    jobs = [uws.create("tap", [], "", run_id="first", owner="me") for _ in range(2)]
    for job in jobs:
        uws.start(job.id)
    both.wait(30)
    jobs += [uws.create("tap", [], "", owner=owner) for owner in ("me", "me", "me", "you")]
    for job in jobs[2:]:
        uws.start(job.id)
    go.set()
    while len(order) < 6:
        time.sleep(0.01)
    uws.close()
    assert order.index("you") <= 3  # before the later jobs of the one who came first


def test_a_job_that_takes_the_server_down_is_not_run_for_ever(tmp_path: Path) -> None:
    uws = Uws(tmp_path, workers=1, seconds=60)
    job = uws.create("tap", [], "")
    uws.store.change(job.id, phase="EXECUTING", notes={"starts": "3"})
    uws.register("tap", lambda ticket: pytest.fail("it ran"))
    assert uws.store.get(job.id).phase == "ERROR" and "stopped 3 times" in uws.store.get(job.id).error
    uws.close()


def test_ten_thousand_open_jobs(tmp_path: Path) -> None:
    uws = Uws(tmp_path, workers=1, seconds=60, open_jobs=1_000, user_jobs=800)
    release = threading.Event()
    uws.register("tap", lambda ticket: [release.wait(60)][:0])
    made = refused = 0
    for number in range(10_000):
        try:
            uws.start(uws.create("tap", [], "", owner=f"user {number % 2}").id)
            made += 1
        except BusyError:
            refused += 1
    assert (made, refused) == (1_000, 9_000)
    assert len(uws.store.list("tap", owner="user 1")) == 500
    assert len(uws.store.list("tap", ["EXECUTING"])) <= 1
    for job in uws.store.list("tap"):
        uws.abort(job.id)
    release.set()
    assert uws.store.count_open() == 0 and not uws._queue
    uws.close()


def test_a_full_disk_is_told(tmp_path: Path) -> None:
    def fill(ticket) -> list:
        (ticket.folder / "result.vot").write_bytes(b"half of it")
        raise OSError(errno.ENOSPC, "No space left on device")

    uws = Uws(tmp_path, workers=1, seconds=60)
    uws.register("tap", fill)
    job = uws.create("tap", [], "")
    uws.start(job.id)
    while (now := uws.store.get(job.id)).active:
        time.sleep(0.01)
    uws.close()
    assert now.phase == "ERROR" and "disk is full" in now.error and "Delete jobs" in now.error
    assert not (uws.folder / job.id).exists()  # half a result makes room


def test_a_full_disk_of_the_job_list_itself(tmp_path: Path, monkeypatch) -> None:
    uws = Uws(tmp_path, workers=1, seconds=60)
    uws.register("tap", lambda ticket: [])
    change, failed = uws.store.change, []

    def full_once(job_id: str, only_in=(), **values):
        if values.get("phase") == "COMPLETED" and not failed:
            failed.append(job_id)
            raise sqlite3.OperationalError("database or disk is full")
        return change(job_id, *([only_in] if only_in else []), **values)

    monkeypatch.setattr(uws.store, "change", full_once)
    job = uws.create("tap", [], "")
    uws.start(job.id)
    while (now := uws.store.get(job.id)).active:
        time.sleep(0.01)
    uws.close()
    assert now.phase == "ERROR" and "disk is full" in now.error


@pytest.mark.parametrize("when", ["notes", "error"])
def test_a_job_that_began_on_a_full_disk_ends(tmp_path: Path, monkeypatch, when: str) -> None:
    """Neither its start nor its end could be written: it must not stand as running for ever."""
    monkeypatch.setattr("portal.archive.uws.AGAIN_SECONDS", 0.05)
    uws = Uws(tmp_path, workers=1, seconds=60)
    uws.register("tap", lambda ticket: [])
    change, failed = uws.store.change, []

    def full(job_id: str, only_in=(), **values):
        if len(failed) < 2 and (when in values or "results" in values):
            failed.append(job_id)
            raise sqlite3.OperationalError("database or disk is full")
        return change(job_id, *([only_in] if only_in else []), **values)

    monkeypatch.setattr(uws.store, "change", full)
    job = uws.create("tap", [], "")
    uws.start(job.id)
    end = time.monotonic() + 10
    while (now := uws.store.get(job.id)).active and time.monotonic() < end:
        time.sleep(0.01)
    uws.close()
    assert now.phase == "ERROR" and "disk is full" in now.error and not uws._tickets and not uws._unwritten


def test_other_errors_are_not_the_disks() -> None:
    assert disk_full(OSError(errno.ENOENT, "x")) is None and disk_full(None) is None
    assert disk_full(sqlite3.OperationalError("no such table")) is None
    assert isinstance(disk_full(OSError(errno.ENOSPC, "x")), TriviewError)


def test_progress_and_quote(tmp_path: Path) -> None:
    uws = Uws(tmp_path, workers=1, seconds=60)
    seen, go = threading.Event(), threading.Event()

    def work(ticket) -> list:
        ticket.note(total="2000")
        ticket.report(25.0)
        seen.set()
        go.wait(30)
        return []

    uws.register("tap", work)
    job = uws.create("tap", [], "")
    uws.start(job.id)
    seen.wait(30)
    text = job_xml(uws.store.get(job.id), "http://x").decode()
    go.set()
    uws.close()
    assert "<itemsProcessed>500</itemsProcessed><totalItems>2000</totalItems>" in text
    assert "<uws:quote>20" in text
