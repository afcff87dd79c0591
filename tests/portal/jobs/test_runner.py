"""Jobs from service to result: the good way, and every way it can go wrong."""

from __future__ import annotations

import time

import numpy as np

from portal.errors import QueryError
from portal.jobs.history import History
from portal.jobs.runner import Runner
from tests.portal.jobs.scripted_tap import IDS, votable


def submit(runner, adql="SELECT objectId -- a comment\nFROM t"):
    return runner.submit("w" * 22, runner.settings.service_url, adql, 1000, "Query 1")


def test_a_query_becomes_a_result(runner, script, finished) -> None:
    seen = []
    job = runner.submit("w" * 22, runner.settings.service_url, "SELECT 1 -- kept\n, 2", 7, "Query 1")
    job.listeners.append(lambda now: seen.append(now.row().phase))
    finished(job)
    assert job.phase == "COMPLETED" and job.progress.rows == 3 and not job.overflow
    table = runner.acquire(job.key)
    assert table.take(np.arange(3)).column("objectId").to_pylist() == IDS
    assert {info.name: info.value for info in table.meta.infos}["QUERY"] == "SELECT 1 -- kept\n, 2"
    sent = next(form for method, path, form in script.asked if (method, path) == ("POST", "/tap/async"))
    assert sent["QUERY"] == "SELECT 1 -- kept\n, 2" and sent["MAXREC"] == "7"
    assert seen[-1] == "COMPLETED"
    runner.release(job.key)


def test_rows_are_there_before_the_whole_has_come(runner, script, finished) -> None:
    script.body, script.pause = votable(60_000), 0.05
    job = submit(runner)
    end = time.monotonic() + 10
    while not (job.progress.rows and not job.over) and time.monotonic() < end:
        time.sleep(0.005)
    assert 0 < job.progress.rows < 60_000
    table = runner.acquire(job.key)
    assert not table.complete and table.n_rows >= 100
    finished(job)
    assert table.complete and table.n_rows == 60_000
    runner.release(job.key)


def test_the_services_own_words(runner, script, finished) -> None:
    script.phases, script.error = ["EXECUTING", "ERROR"], "line 3, column 8: unknown column gmga"
    job = finished(submit(runner))
    assert job.phase == "ERROR" and isinstance(job.error, QueryError)
    assert (job.error.line, job.error.column) == (3, 8) and "gmga" in job.error.message


def test_a_query_refused_at_once(runner, script, finished) -> None:
    script.refuse = "Syntax error at line 1, column 7"
    job = finished(submit(runner))
    assert job.phase == "ERROR" and job.error.line == 1


def test_cancel_tells_the_service_and_keeps_rows(runner, script, finished) -> None:
    script.body, script.pause = votable(200_000), 0.05
    job = submit(runner)
    while not job.progress.rows:
        time.sleep(0.005)
    runner.cancel(job.key)
    finished(job)
    assert job.phase == "ABORTED" and script.aborted.wait(5)
    table = runner.acquire(job.key)
    assert 0 < table.n_rows < 200_000 and not table.complete
    runner.release(job.key)


def test_a_cut_stream_is_an_error_and_keeps_rows(runner, script, finished) -> None:
    script.body = votable(50_000)
    script.cut = len(script.body) // 2
    job = finished(submit(runner))
    assert job.phase == "ERROR" and "broke" in job.error.message
    assert 0 < runner.acquire(job.key).n_rows < 50_000
    runner.release(job.key)


def test_a_service_that_is_down(settings, tmp_path, finished) -> None:
    from dataclasses import replace

    history = History(tmp_path / "down")
    runner = Runner(replace(settings, tap_url="http://127.0.0.1:9/tap"), history)
    job = finished(submit(runner))
    assert job.phase == "ERROR" and "cannot be reached" in job.error.message and job.error.hint
    runner.close()
    history.close()


def test_an_html_page_is_no_result(runner, script, finished) -> None:
    script.body = b"<html><body>Please log in</body></html>"
    job = finished(submit(runner))
    assert job.phase == "ERROR" and job.error.message


def test_the_result_is_bounded(settings, tmp_path, script, finished) -> None:
    from dataclasses import replace

    script.body = votable(100_000)
    history = History(tmp_path / "bounded")
    runner = Runner(replace(settings, result_bytes=500_000), history)
    job = finished(submit(runner))
    assert job.phase == "ERROR" and "TRIVIEW_RESULT_BYTES" in job.error.hint
    runner.close()
    history.close()


def test_the_token_stays_at_home_and_links_into_private_networks_are_refused(runner, script, finished, tap) -> None:
    good = finished(runner.follow("w" * 22, tap.replace("/tap", "/result"), "link"))
    assert good.phase == "COMPLETED"
    assert all(headers["Authorization"] == "Bearer gt-secret" for m, p, headers in script.asked if m == "GET")
    bad = finished(runner.follow("w" * 22, tap.replace("/tap", "/elsewhere"), "link"))
    assert bad.phase == "ERROR" and "private network" in bad.error.message
    for url in (
        "http://127.0.0.1:1/x",
        "http://[::1]/x",
        "http://2130706433/x",
        "file:///etc/passwd",
        "http://localhost/",
    ):
        assert finished(runner.follow("w" * 22, url, "link")).phase == "ERROR", url


def test_a_job_is_taken_up_again_after_a_restart(settings, script, finished) -> None:
    script.phases = ["EXECUTING"]
    first = Runner(settings, History(settings.data))
    job = submit(first)
    stored = History(settings.data)  # what a killed process leaves behind
    while not stored.unfinished()[0].url:
        time.sleep(0.005)
    assert stored.unfinished()[0].url == job.url
    first.close()  # two would write into one folder
    script.phases = ["COMPLETED"]
    second = Runner(settings, stored)
    assert second.resume() == 1
    again = finished(second.jobs[job.key])
    assert again.phase == "COMPLETED" and again.adql == job.adql
    assert sum(path == "/tap/async" for _, path, _ in script.asked) == 1, "the query was not sent twice"
    second.close()


def test_nothing_stays_open(runner, finished) -> None:
    job = finished(submit(runner))
    assert runner.acquire(job.key) is runner.acquire(job.key)
    runner.release(job.key)
    assert job.key in runner._tables
    runner.release(job.key)
    assert job.key not in runner._tables and not runner._users
    folder = runner.history.result_folder(job.key)
    assert folder.exists()
    runner.discard(job.key)
    assert not folder.exists() and runner.acquire(job.key) is None
