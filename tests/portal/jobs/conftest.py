"""A runner against the scripted TAP service."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest

from portal.config import Settings
from portal.jobs.history import History
from portal.jobs.runner import Runner
from tests.portal.jobs.scripted_tap import Script, Service


@pytest.fixture
def script() -> Script:
    return Script()


@pytest.fixture
def tap(script: Script) -> Iterator[str]:
    """The address of the scripted service."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Scripted", (Service,), {"script": script}))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/tap"
    script.over.set()
    server.shutdown()
    server.server_close()


@pytest.fixture
def settings(tap: str, tmp_path: Path) -> Settings:
    return Settings(tap_url=tap, tap_token="gt-secret", data=tmp_path, http_seconds=5.0)


@pytest.fixture
def runner(settings: Settings) -> Iterator[Runner]:
    history = History(settings.data)
    made = Runner(settings, history)
    yield made
    made.close()
    history.close()


class Thread:
    """The page's thread: what worker threads post waits until the test lets it run."""

    def __init__(self) -> None:
        self.calls: queue.SimpleQueue = queue.SimpleQueue()

    def __call__(self, call: Callable[[], None]) -> None:
        self.calls.put(call)

    def turn(self) -> None:
        while not self.calls.empty():
            self.calls.get()()


@pytest.fixture
def post() -> Thread:
    return Thread()


@pytest.fixture
def finished(post: Thread) -> Callable:
    """``finished(job)`` lets the page's thread run until a job is over and its end has been told."""

    def wait(job, seconds: float = 20.0):
        end = time.monotonic() + seconds
        told = threading.Event()
        job.listeners.append(lambda now: told.set() if now.ended else None)
        while not (job.ended and (told.is_set() or not post.calls.empty())):
            if time.monotonic() > end:
                raise AssertionError(f"the job is still {job.phase}")
            post.turn()
            if job.ended and time.time() - job.ended > 0.2:
                break
            time.sleep(0.01)
        post.turn()
        return job

    return wait
