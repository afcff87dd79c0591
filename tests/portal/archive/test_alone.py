"""The archive as a process of its own: it starts, survives ``kill -9``, and stops when told."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

ROOT = Path(__file__).parents[3]


@contextmanager
def process(data: Path) -> Iterator[tuple[subprocess.Popen, httpx.Client]]:
    """``python -m portal.archive`` on a free port, and a client of it."""
    command = [sys.executable, "-m", "portal.archive", "--port", "0", "--preset", "tiny", "--data", str(data)]
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
