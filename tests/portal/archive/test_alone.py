"""The archive as a process of its own: it starts, survives ``kill -9``, and stops when told."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

ROOT = Path(__file__).parents[3]


@contextmanager
def process(data: Path, *before: str) -> Iterator[tuple[subprocess.Popen, httpx.Client]]:
    """``python -m portal.archive`` on a free port, started through the words ``before``, and a client of it."""
    command = [*before, sys.executable, "-m", "portal.archive", "--port", "0", "--preset", "tiny", "--data", str(data)]
    server = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        url = server.stdout.readline().split()[-1].removesuffix("/api/tap")
        with httpx.Client(base_url=url, timeout=60) as client:
            yield server, client
    finally:
        server.kill()
        server.wait()
        server.stdout.close()


def test_a_running_job_outlives_kill_9(sample: Path, tmp_path: Path, endless: str) -> None:
    os.symlink(sample.parent, tmp_path / "sky")
    with process(tmp_path) as (server, client):
        made = client.post("/api/tap/async", data={"LANG": "ADQL", "QUERY": endless, "PHASE": "RUN"})
        job = made.headers["location"].removeprefix(str(client.base_url).rstrip("/"))
        assert "EXECUTING" in client.get(job, params={"WAIT": "20", "PHASE": "QUEUED"}).text
        server.send_signal(signal.SIGKILL)
        server.wait()
    with process(tmp_path) as (server, client):
        client.get(job, params={"WAIT": "20", "PHASE": "QUEUED"})
        assert client.get(f"{job}/phase").text == "EXECUTING"
        client.post(f"{job}/phase", data={"PHASE": "ABORT"})
        assert client.get(f"{job}/phase").text == "ABORTED"
        server.send_signal(signal.SIGTERM)
        assert server.wait(60) == 0


def small_disk(place: Path, size: str) -> list[str]:
    """Words that start a program with a disk of its own of some size at ``place``; nobody else sees it."""
    mount = f'mount -t tmpfs -o size={size} tmpfs "$0" && exec "$@"'
    words = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", mount, str(place)]
    if not shutil.which("unshare") or subprocess.run([*words, "true"], capture_output=True).returncode:
        pytest.skip("this system gives nobody a mount of their own")
    return words


def test_a_full_disk_is_told_and_the_service_goes_on(sample: Path, tmp_path: Path) -> None:
    """Results, uploads and the list of jobs itself on a disk of 3 MiB: each is refused in words, nothing is lost."""
    os.symlink(sample.parent, tmp_path / "sky")
    (tmp_path / "archive").mkdir()
    few = {"LANG": "ADQL", "QUERY": "SELECT TOP 5 objectId FROM dp1.Object"}
    with process(tmp_path, *small_disk(tmp_path / "archive", "3m")) as (_, client):

        def post(path: str = "/api/tap/async", file: bytes = b"", **data: str) -> httpx.Response:
            upload = {"UPLOAD": "t,param:t"} if file else {}
            files = {"t": ("t.csv", file)} if file else None
            return client.post(path, data={**few, **upload, **data}, files=files)

        def ended(answer: httpx.Response) -> str:
            job = answer.headers["location"]
            text, phase = "", "QUEUED"
            while phase in ("QUEUED", "EXECUTING"):
                text = client.get(job, params={"WAIT": "60", "PHASE": phase}).text
                phase = client.get(f"{job}/phase").text
            return phase + text

        kept = post(PHASE="RUN")
        assert ended(kept).startswith("COMPLETED")
        large = ended(post(QUERY="SELECT * FROM dp1.ForcedSource", PHASE="RUN"))
        assert large.startswith("ERROR") and "disk is full" in large and "Delete jobs" in large
        size, filled = 1 << 20, []
        while size >= 1024:
            answer = post(file=b"a\n".ljust(size, b"1"))
            if answer.status_code == 303:
                filled.append(answer.headers["location"])
            else:
                assert answer.status_code == 507 and "disk is full" in answer.text
                size //= 2
        # Not even the list of jobs can grow.
        for _ in range(200):
            if (answer := post()).status_code != 303:
                break
        assert answer.status_code == 507 and "disk is full" in answer.text
        # Whatever needs no room still works, and deleting makes room.
        assert post("/api/tap/sync").status_code == 200
        result = kept.headers["location"] + "/results/result"
        assert client.get(result).status_code == 200
        assert client.get("/api/tap/async").text.count("<uws:jobref") > len(filled)
        assert client.delete(filled[0]).status_code == 303
        assert client.get(filled[0]).status_code == 404
        assert ended(post(PHASE="RUN")).startswith("COMPLETED")
