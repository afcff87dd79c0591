"""The archive as a process of its own over a finished sample, and a client that asks it as any TAP client would."""

from __future__ import annotations

import asyncio
import multiprocessing
import multiprocessing.connection
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application

from portal.archive.app import Archive, archive_routes
from portal.archive.limits import Limits
from portal.table.votable_read import read_votable

START_SECONDS = 120


def _serve(sample: Path, state: Path, told: multiprocessing.connection.Connection) -> None:
    archive = Archive.open(sample, state, Limits())
    sockets = bind_sockets(0, "127.0.0.1")

    async def main() -> None:
        HTTPServer(Application(archive_routes(archive))).add_sockets(sockets)
        told.send(f"http://127.0.0.1:{sockets[0].getsockname()[1]}")
        await asyncio.to_thread(told.recv)  # a word from the bench, or its end

    try:
        asyncio.run(main())
    except EOFError:
        return
    finally:
        archive.close()


@contextmanager
def served(sample: Path, state: Path) -> Iterator[str]:
    """The address of an archive over the sample in ``sample`` that keeps its jobs in ``state``."""
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_serve, args=(sample, state, there), daemon=True)
    process.start()
    there.close()
    try:
        if not here.poll(START_SECONDS):
            raise TimeoutError("the archive did not start")
        yield here.recv()
    finally:
        here.close()
        process.join(30)
        process.kill()


class Tap:
    """A client with one open connection."""

    def __init__(self, url: str) -> None:
        self._http = httpx.Client(base_url=url, timeout=300, trust_env=False)

    def ask(self, adql: str) -> tuple[float, bytes]:
        """(seconds from the request to the last byte, the answer as VOTable BINARY2)."""
        started = time.perf_counter()
        answer = self._http.post("/api/tap/sync", data={"LANG": "ADQL", "QUERY": adql})
        taken = time.perf_counter() - started
        if answer.status_code != 200:
            raise RuntimeError(answer.text)
        return taken, answer.content


def count(votable: bytes) -> int:
    """Rows of a VOTable."""
    return read_votable(votable)[1].num_rows
