"""An archive over the tiny sample, answering on a free port of this machine."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application


class Service:
    """The archive under test: ``url`` of its server, ``archive`` itself, ``http`` a client."""

    def __init__(self, archive: Any, url: str) -> None:
        self.archive = archive
        self.url = url
        self.tap = f"{url}/api/tap"
        self.http = httpx.Client(timeout=60, base_url=url)

    def sync(self, query: str, **more: str) -> httpx.Response:
        return self.http.post("/api/tap/sync", data={"LANG": "ADQL", "QUERY": query, **more})


@contextmanager
def running(folder: Path, state: Path, limits: Any = None) -> Iterator[Service]:
    """Serve an archive from a thread of its own while the block runs."""
    from portal.archive.app import Archive, archive_routes

    archive = Archive.open(folder, state, limits)
    sockets = bind_sockets(0, "127.0.0.1")
    ready, ended = threading.Event(), threading.Event()

    async def main() -> None:
        server = HTTPServer(Application(archive_routes(archive)))
        server.add_sockets(sockets)
        ready.set()
        while not ended.is_set():
            await asyncio.sleep(0.02)
        server.stop()
        await server.close_all_connections()

    thread = threading.Thread(target=lambda: asyncio.run(main()))
    thread.start()
    ready.wait()
    service = Service(archive, f"http://127.0.0.1:{sockets[0].getsockname()[1]}")
    try:
        yield service
    finally:
        service.http.close()
        ended.set()
        archive.close()
        thread.join()


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from portal.archive.sample.build import build_sample

    return build_sample("tiny", 2026, tmp_path_factory.mktemp("sample"), None)


@pytest.fixture(scope="module")
def db(sample: Path) -> Any:
    """The stored tables of the tiny sample as views of an engine of their own."""
    import duckdb

    from portal.archive.sample import stored

    connection = duckdb.connect()
    for name in stored.manifest(sample)["tables"]:
        files = [str(file) for file in stored.files(sample, name)]
        connection.execute(f"CREATE VIEW {name} AS SELECT * FROM read_parquet({files}, hive_partitioning = false)")
    return connection


@pytest.fixture(scope="session")
def service(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with running(sample, tmp_path_factory.mktemp("state")) as it:
        yield it


@pytest.fixture(scope="session")
def start_archive():
    """``running``, for tests that need an archive of their own."""
    return running


@pytest.fixture(scope="session")
def endless() -> str:
    """A query that no machine ends, in one column."""
    joined = " CROSS JOIN ".join(f"dp1.ForcedSource AS {name}" for name in "abc")
    return f"SELECT COUNT(*) AS n FROM {joined} WHERE a.psfFlux + b.psfFlux = c.psfFlux + 0.12345"
