"""What every request handler of the archive shares: parameters, threads, streaming, errors, safe headers."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Executor
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from tornado.iostream import StreamClosedError
from tornado.web import HTTPError, RequestHandler, stream_request_body

from ..errors import LimitError, TriviewError
from ..table.votable_write import error_votable
from .params import Parameters, read_parameters
from .quota import BusyError
from .telling import disk_full, told

if TYPE_CHECKING:
    from .app import Archive

T = TypeVar("T")
PIECE_BYTES = 1 << 16  # of an answer made at a time: a small answer is one piece, for each costs a change of threads
PIECE_SECONDS = 0.05  # ... unless its first rows would have to wait for the others
log = logging.getLogger(__name__)
VOTABLE_TYPE = "application/x-votable+xml"
SPARE = 1 << 20  # bytes of a body for what stands around an upload of the full size
STALL_SECONDS = 120.0  # a client that takes no byte for so long has gone; its query must not be kept open


@stream_request_body
class ServiceHandler(RequestHandler):
    """One request. ``errors`` says how a failure is told: "votable" (DALI) or "text"."""

    errors = "text"

    def initialize(self, archive: Archive) -> None:
        self.archive = archive
        self._body: list[bytes] = []
        self._size = 0
        self._gone: list[Callable[[], None]] = []
        self.gone = False

    def set_default_headers(self) -> None:
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Cache-Control", "no-store")
        self.set_header("Server", "triview")

    def check_xsrf_cookie(self) -> None:
        """No cookie gives any right here; ``prepare`` refuses posts that come from other people's pages."""

    def prepare(self) -> None:
        origin = self.request.headers.get("Origin")
        if self.request.method not in ("GET", "HEAD") and origin and urlsplit(origin).netloc != self.request.host:
            raise HTTPError(403, reason="Cross-site request refused")

    def data_received(self, chunk: bytes) -> None:
        self._size += len(chunk)
        if self._size <= self.archive.limits.body_bytes + SPARE:
            self._body.append(chunk)

    def on_connection_close(self) -> None:
        self.gone = True
        for cancel in self._gone:
            cancel()

    @property
    def base(self) -> str:
        """Address of the server as this client reaches it, without path: the setting, else from the request."""
        return self.archive.base_url or f"{self.request.protocol}://{self.request.host}"

    @property
    def owner(self) -> str:
        """Whose request this is: the name a trusted proxy gives, else the client's address."""
        header = self.archive.limits.user_header
        name = self.request.headers.get(header, "").strip() if header else ""
        return "".join(mark for mark in name[:128] if mark.isprintable()) or str(self.request.remote_ip)

    def parameters(self) -> Parameters:
        """Parameters of this request. Raises UsageError, FormatError or LimitError."""
        limit = self.archive.limits.body_bytes
        if self._size > limit + SPARE:
            raise LimitError(f"The request is larger than {limit >> 20} MiB.", "Send a smaller table.")
        return read_parameters(self.request.query, self.request.headers.get("Content-Type", ""), b"".join(self._body))

    async def work(self, call: Callable[..., T], *args: Any, pool: Executor | None = None) -> T:
        """Run a blocking call in a thread, off the event loop."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(pool or self.archive.desk, call, *args)

    async def stream(
        self, chunks: Generator[bytes], content_type: str, lane: Callable[[], Executor], cancel: Callable[[], None]
    ) -> None:
        """Send ``chunks`` as they are made, some at a time in a thread of ``lane()``, when those before have left.

        What fails before the first chunk can still be told properly; later the connection is cut, so that
        the client sees a broken answer and not a short one.
        """
        self._gone.append(cancel)
        sent, more = False, True
        if self.gone:  # the client left while the query was prepared
            cancel()
        try:
            while more and not self.gone:
                piece, more = await self.work(_some, chunks, pool=lane())
                if not sent:
                    self.set_header("Content-Type", content_type)
                self.write(piece)
                if more:
                    await asyncio.wait_for(self.flush(), STALL_SECONDS)
                    sent = True
        except (StreamClosedError, TimeoutError):
            cancel()
            self._cut()
        except Exception:
            cancel()
            if self.gone:
                return  # the query was stopped because nobody waits for it
            if not sent:
                raise
            log.exception("answer cut short")
            self._cut()
        finally:
            if more:  # else it is closed already
                await self.work(chunks.close, pool=lane())

    def _cut(self) -> None:
        """Close the connection without the end mark of the answer."""
        self.request.connection.stream.close()  # type: ignore[attr-defined]

    def status_of(self, error: TriviewError) -> int:
        """The HTTP status of an error that was told in words."""
        too_large = isinstance(error, LimitError) and self._size > self.archive.limits.body_bytes + SPARE
        return 413 if too_large else 400

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        error = kwargs.get("exc_info", (None, None, None))[1]
        full = disk_full(error)
        if full is not None:
            status_code, error, message = 507, full, told(full)
        elif isinstance(error, BusyError):
            status_code, message = 429, told(error)
            self.set_header("Retry-After", str(error.retry_after))
        elif isinstance(error, TriviewError):
            status_code = self.status_of(error)
            message = told(error)
        elif isinstance(error, HTTPError):
            message = error.log_message or self._reason
        else:
            message = "The service failed; the reason stands in its log."
        self.set_status(status_code)
        if self.errors == "votable":
            self.set_header("Content-Type", VOTABLE_TYPE)
            self.finish(error_votable(message))
        else:
            self.set_header("Content-Type", "text/plain; charset=utf-8")
            self.finish(f"{type(error).__name__}: {message}\n" if isinstance(error, TriviewError) else message + "\n")

    def log_exception(self, typ: Any, value: Any, tb: Any) -> None:
        if not isinstance(value, TriviewError):
            super().log_exception(typ, value, tb)


def _some(chunks: Iterator[bytes]) -> tuple[bytes, bool]:
    """The next chunks as one piece, and whether there may be more."""
    pieces, size = [], 0
    until = time.monotonic() + PIECE_SECONDS
    for chunk in chunks:
        pieces.append(chunk)
        size += len(chunk)
        if size >= PIECE_BYTES or time.monotonic() > until:
            return b"".join(pieces), True
    return b"".join(pieces), False
