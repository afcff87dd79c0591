"""Addresses at which a page fetches what is too large for the websocket: rows, points, pixels, files.

Each address holds a secret of 128 bits and dies with its page. Answers are made in threads.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import logging
import secrets
from collections.abc import Callable, Iterable
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import Any, NamedTuple

from tornado.iostream import StreamClosedError
from tornado.web import HTTPError, RequestHandler

from portal.background import worker_pool
from portal.errors import TriviewError

log = logging.getLogger(__name__)
MOST_POSTED = 4 << 20  # bytes: a region file, or the shapes drawn on an image
ROOT = "feed/"  # relative to the page, so that it also works under a prefix


class Answer(NamedTuple):
    """What a feed gives: the bytes, or an iterable of them, their type and more headers.

    ``stop`` is called from the page's thread when the client goes away; ``done`` in a worker once nothing more of
    ``body`` will be asked for, whether or not any of it was. ``sparse`` bytes are worth packing for the way.
    """

    body: bytes | Iterable[bytes]
    type: str = "application/octet-stream"
    headers: tuple[tuple[str, str], ...] = ()
    stop: Callable[[], None] = lambda: None
    done: Callable[[], None] = lambda: None
    sparse: bool = False


def json_answer(value: Any) -> Answer:
    return Answer(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode(), "application/json")


class Feeds:
    """All addresses of all open pages."""

    def __init__(self, threads: int = 8) -> None:
        self._answers: dict[str, Callable[[dict[str, str]], Answer]] = {}
        self._deep: set[str] = set()
        # A pool of their own: a slow export must not hold back a page of rows, nor the other way round.
        self.pages: Executor = ThreadPoolExecutor(threads, "feed")
        self.streams: Executor = worker_pool(threads, "stream")

    def add(self, answer: Callable[[dict[str, str]], Answer], deep: bool = False) -> str:
        """A new address. A ``deep`` one answers for every path below it too, told as the argument ``path``."""
        token = secrets.token_urlsafe(16)
        self._answers[token] = answer
        if deep:
            self._deep.add(token)
        return ROOT + token

    def remove(self, url: str) -> None:
        token = url.removeprefix(ROOT)
        self._answers.pop(token, None)
        self._deep.discard(token)

    def find(self, token: str, path: str = "") -> Callable[[dict[str, str]], Answer] | None:
        return self._answers.get(token) if not path or token in self._deep else None

    def __len__(self) -> int:
        return len(self._answers)

    def close(self) -> None:
        self.pages.shutdown(wait=False, cancel_futures=True)
        self.streams.shutdown(wait=False, cancel_futures=True)


class FeedHandler(RequestHandler):
    """GET of one address, or POST of a text that is too long for one; it arrives as the argument ``body``."""

    def initialize(self, feeds: Feeds) -> None:
        self.feeds = feeds
        self._stop: Callable[[], None] = lambda: None

    def set_default_headers(self) -> None:
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Cache-Control", "no-store")
        self.set_header("Content-Security-Policy", "default-src 'none'; sandbox")

    def check_xsrf_cookie(self) -> None:
        """The address itself is the secret that another site does not know."""

    async def post(self, token: str, path: str | None = None) -> None:
        body = self.request.body
        if len(body) > MOST_POSTED:
            self.set_status(413)
            self.finish({"message": f"More than {MOST_POSTED >> 20} MB were sent.", "hint": "Send a smaller file."})
            return
        await self._give(token, path or "", {"body": body.decode("utf-8", "replace")})

    async def get(self, token: str, path: str | None = None) -> None:
        await self._give(token, path or "", {})

    async def _give(self, token: str, path: str, posted: dict[str, str]) -> None:
        answer_of = self.feeds.find(token, path)
        if answer_of is None:
            raise HTTPError(404, reason="This page has ended; reload it.")
        arguments = {name: self.get_query_argument(name) for name in self.request.query_arguments} | posted
        arguments.pop("path", None)
        if path:
            arguments["path"] = path
        loop = asyncio.get_running_loop()
        try:
            answer = await loop.run_in_executor(self.feeds.pages, answer_of, arguments)
        except TriviewError as error:
            self.set_status(400)
            self.finish({"message": error.message, "hint": error.hint})
            return
        self.set_header("Content-Type", answer.type)
        for name, value in answer.headers:
            self.set_header(name, value)
        if isinstance(answer.body, bytes | bytearray | memoryview):
            body = bytes(answer.body)
            if answer.sparse and "gzip" in self.request.headers.get("Accept-Encoding", ""):
                self.set_header("Content-Encoding", "gzip")
                body = await loop.run_in_executor(self.feeds.pages, gzip.compress, body, 1)
            self.finish(body)
            return
        self._stop = answer.stop
        try:
            await self._pour(iter(answer.body), loop)
        finally:
            await loop.run_in_executor(self.feeds.streams, answer.done)

    def on_connection_close(self) -> None:
        # A part can take long to make, an order of 10^8 rows before the first: it must not go on for nobody.
        self._stop()

    async def _pour(self, parts: Any, loop: asyncio.AbstractEventLoop) -> None:
        """Write part by part, never more than the client takes: memory stays flat for a stalled client."""
        try:
            while (part := await loop.run_in_executor(self.feeds.streams, next, parts, None)) is not None:
                if part:  # an empty one would send the headers, and with them the status
                    self.write(part)
                    await self.flush()
        except StreamClosedError:
            log.info("a download was given up by its client")
        except TriviewError as error:
            if not self._headers_written:
                self.clear()
                self.set_status(400)
                self.finish({"message": error.message, "hint": error.hint})
                return
            # The status has gone out already; cutting the connection is the only honest end.
            log.warning("a download broke: %s", error)
            self.request.connection.stream.close()
        except Exception:
            # Left to itself, the server would end the answer as if it were whole.
            log.exception("a download failed")
            self.request.connection.stream.close()
        finally:
            close = getattr(parts, "close", None)
            if close is not None:
                await loop.run_in_executor(self.feeds.streams, close)
