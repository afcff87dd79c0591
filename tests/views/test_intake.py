"""Files arrive whole or not at all, within limits, for the page that has the address, and go when it ends."""

from __future__ import annotations

import asyncio
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from tornado.httpclient import AsyncHTTPClient, HTTPRequest
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port
from tornado.web import Application

from portal.config import Settings
from portal.errors import CancelledError, LimitError, ServiceError, TriviewError
from portal.vo.files import fetch_file
from portal.vo.http import Web
from views import intake as intake_module
from views.intake import MOST_STAGED, IntakeHandler, Intakes

MOST = 3 << 20


def no_room(*_: object) -> None:
    raise OSError(28, "No space left on device")


def test_files_arrive_over_http(tmp_path, monkeypatch) -> None:
    (tmp_path / "left over").mkdir()
    intakes = Intakes(tmp_path, MOST)
    assert not tmp_path.exists()  # what a killed server left is gone
    url, intake = intakes.open()
    pool = ThreadPoolExecutor(1)

    async def story() -> None:
        socket, port = bind_unused_port()
        server = HTTPServer(
            Application([(r"/intake/(.*)", IntakeHandler, {"intakes": intakes, "pool": pool})], xsrf_cookies=True)
        )
        server.add_socket(socket)

        async def post(body: bytes, name: str = "a%20b.csv", place: str = url, **more):
            request = HTTPRequest(
                f"http://127.0.0.1:{port}/{place}", "POST", body=body, headers={"X-File-Name": name}, **more
            )
            return await AsyncHTTPClient().fetch(request, raise_error=False)

        body = bytes(range(256)) * 9_000  # more than is gathered before a thread writes
        answer = await post(body)
        doc = json.loads(answer.body)
        assert answer.code == 200 and doc["name"] == "a b.csv" and doc["bytes"] == len(body)
        assert intake.get(doc["file"]).path.read_bytes() == body
        assert json.loads((await post(b"", "..%2F..%2Fetc%2Fpasswd%00")).body)["name"] == "passwd"
        large = await post(b"x" * (MOST + 1))
        assert large.code == 413 and "TRIVIEW_UPLOAD_BYTES" in json.loads(large.body)["hint"]
        assert (await post(b"x", place="intake/" + "a" * 22)).code == 404
        get = await AsyncHTTPClient().fetch(f"http://127.0.0.1:{port}/{url}", raise_error=False)
        assert get.code == 405
        with monkeypatch.context() as full:
            full.setattr(intake_module, "_append", no_room)
            refused = await post(body)
            assert refused.code == 413 and "disk may be full" in json.loads(refused.body)["hint"]
        # A client that goes away in the middle leaves nothing: no file, no request that waits on.
        before = asyncio.all_tasks()
        _, client = await asyncio.open_connection("127.0.0.1", port)
        client.write(f"POST /{url} HTTP/1.1\r\nHost: x\r\nContent-Length: 2000000\r\n\r\n".encode() + body[:1_500_000])
        await client.drain()
        while not intake.arriving:
            await asyncio.sleep(0.01)
        client.close()
        async with asyncio.timeout(10):
            while intake.arriving or asyncio.all_tasks() - before:
                await asyncio.sleep(0.01)
        assert len(list(tmp_path.iterdir())) == MOST_STAGED
        intake.arriving = 2
        assert (await post(b"x")).code == 429
        intake.arriving = 0
        # The newest few are kept; a reader's own name outlives both.
        lent = intake.lend(doc["file"])
        for _ in range(MOST_STAGED):
            await post(b"y")
        with pytest.raises(TriviewError):
            intake.get(doc["file"])
        assert lent.read_bytes() == body and len(list(tmp_path.iterdir())) == MOST_STAGED + 1
        assert intake.arriving == 0
        intakes.close(url)
        assert list(tmp_path.iterdir()) == [lent] and (await post(b"x")).code == 404
        server.stop()

    # In a thread: a browser test before this one may have left a loop in the main one.
    threads = ThreadPoolExecutor(1)
    threads.submit(lambda: asyncio.run(story())).result()
    threads.shutdown()
    pool.shutdown()


class Files(BaseHTTPRequestHandler):
    """One file, also under a name of its own, by a redirect inwards, and one that never ends."""

    def log_message(self, *_: object) -> None:
        """Quiet."""

    def do_GET(self) -> None:
        if self.path == "/inwards":
            self.send_response(302)
            self.send_header("Location", "http://169.254.169.254/latest")
            self.end_headers()
            return
        self.send_response(404 if self.path == "/none" or "Authorization" in self.headers else 200)
        if self.path == "/named":
            self.send_header("Content-Disposition", 'attachment; filename="my list.csv"')
        self.end_headers()
        for _ in range(1_000 if self.path == "/endless" else 1):
            try:
                self.wfile.write(b"x" * 1000)
            except OSError:
                return


def test_a_file_is_fetched_from_an_address(tmp_path, monkeypatch) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Files)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    host = f"127.0.0.1:{server.server_address[1]}"
    web, closed = Web(Settings(tap_url=f"http://{host}/tap", tap_token="gt-secret")), Web(Settings(port=1))
    path, stop, told = tmp_path / "file", threading.Event(), []

    def fetch(place: str, by: Web = web, most: int = 5_000) -> str:
        return fetch_file(by, f"http://{host}{place}", path, most, stop, lambda *now: told.append(now))

    assert fetch("/a/b%20c.vot?x=1") == "b c.vot" and path.stat().st_size == 1000 and told == [(1000, 0)]
    assert fetch("/named") == "my list.csv"
    for place, kind, words in (
        ("/none", ServiceError, "x"), ("/inwards", ServiceError, "private"), ("/endless", LimitError, "larger"),
    ):  # fmt: skip
        with pytest.raises(kind, match=words):
            fetch(place)
        assert not path.exists()
    with pytest.raises(ServiceError, match="private"):
        fetch("/a", closed)
    with pytest.raises(ServiceError, match="not an http"):
        fetch_file(web, "file:///etc/passwd", path, 10, stop, print)
    monkeypatch.setattr("portal.vo.http.SMALL_ANSWER", 500)
    with pytest.raises(LimitError, match="larger"):
        fetch("/none")  # what an error says is bounded too
    stop.set()
    with pytest.raises(CancelledError):
        fetch("/a")
    assert not path.exists()
    server.shutdown()
    server.server_close()
    web.close()
    closed.close()
