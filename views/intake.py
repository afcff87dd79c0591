"""Where files of a page's user arrive: streamed to disk, bounded, each page's own, gone when the page ends.

The address holds a secret of 128 bits that only the page knows; with it a request needs no cookie, so another site
can neither guess nor forge one.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import shutil
import threading
from concurrent.futures import Executor
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote

from tornado.web import HTTPError, RequestHandler, stream_request_body

from portal.errors import LimitError, TriviewError

log = logging.getLogger(__name__)
ROOT = "intake/"  # relative to the page, so that it also works under a prefix
MOST_STAGED = 2  # files of one page: the one in the dialog and the one before it
MOST_AT_ONCE = 2  # of one page, still arriving
WRITE = 1 << 20  # bytes gathered before a thread writes them
SPARE = 1 << 30  # bytes of disk that uploads leave free
LONGEST_NAME = 200


class Staged(NamedTuple):
    """A file that has arrived. ``name`` is what its user calls it; it names nothing on this machine."""

    key: str
    name: str
    path: Path
    bytes: int


class Intake:
    """The files of one page, the newest few kept."""

    def __init__(self, folder: Path, most_bytes: int) -> None:
        self.folder = folder
        self.most_bytes = most_bytes
        self.arriving = 0
        self._staged: dict[str, Staged] = {}
        self._lock = threading.Lock()
        self._closed = False

    def room(self, size: int) -> Path:
        """A path for a new file of that many bytes (0: not known). Raises LimitError when it is not taken."""
        if size > self.most_bytes:
            raise self.too_large()
        self.folder.mkdir(parents=True, exist_ok=True)
        if shutil.disk_usage(self.folder).free < size + SPARE:
            raise LimitError("The disk of the portal has no room for this file.", "Tell its operator, or send less.")
        return self.folder / secrets.token_hex(16)

    def too_large(self) -> LimitError:
        return LimitError(
            f"The file is larger than {self.most_bytes >> 20:,} MiB, the limit of this portal.",
            "Send fewer rows or columns, a compressed file or Parquet; the operator sets TRIVIEW_UPLOAD_BYTES.",
        )

    def keep(self, name: str, path: Path) -> Staged:
        """Take a file that has arrived whole."""
        words = "".join(mark if mark.isprintable() else " " for mark in name).replace("\\", "/")
        words = words.rsplit("/", 1)[-1].strip()[-LONGEST_NAME:] or "file"
        staged = Staged(path.name, words, path, path.stat().st_size)
        with self._lock:
            self._staged[staged.key] = staged
            old = list(self._staged)[: None if self._closed else -MOST_STAGED]
            for key in old:
                self._staged.pop(key).path.unlink(missing_ok=True)
        return staged

    def get(self, key: str) -> Staged:
        """A file that is still here. Raises TriviewError."""
        with self._lock:
            if key not in self._staged:
                raise TriviewError("This file is no longer here.", "Choose it again.")
            return self._staged[key]

    def lend(self, key: str) -> Path:
        """A second name of a file, for a reader that may outlive the page and deletes it in the end."""
        staged = self.get(key)
        path = self.folder / secrets.token_hex(16)
        path.hardlink_to(staged.path)
        return path

    def close(self) -> None:
        """Delete all files."""
        with self._lock:
            self._closed = True
            for staged in self._staged.values():
                staged.path.unlink(missing_ok=True)
            self._staged.clear()


class Intakes:
    """The intakes of all open pages, below one folder that is emptied at the start."""

    def __init__(self, folder: Path, most_bytes: int) -> None:
        self.folder = folder
        self.most_bytes = most_bytes
        self._open: dict[str, Intake] = {}
        shutil.rmtree(folder, ignore_errors=True)

    def open(self) -> tuple[str, Intake]:
        """(address, intake) for a page."""
        token = secrets.token_urlsafe(16)
        self._open[token] = Intake(self.folder, self.most_bytes)
        return ROOT + token, self._open[token]

    def find(self, token: str) -> Intake | None:
        return self._open.get(token)

    def close(self, url: str) -> None:
        """The page has ended."""
        intake = self._open.pop(url.removeprefix(ROOT), None)
        if intake is not None:
            intake.close()


@stream_request_body
class IntakeHandler(RequestHandler):
    """POST of one file: its bytes are the body, its name is in X-File-Name (percent-encoded UTF-8)."""

    def initialize(self, intakes: Intakes, pool: Executor) -> None:
        self.intakes = intakes
        self.pool = pool
        self.intake: Intake | None = None
        self.path: Path | None = None
        self.refused: TriviewError | None = None
        self._parts: list[bytes] = []
        self._gathered = self._size = 0

    def set_default_headers(self) -> None:
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Cache-Control", "no-store")

    def check_xsrf_cookie(self) -> None:
        """Not asked for: the address is the secret."""

    def prepare(self) -> None:
        found = self.intakes.find(self.path_args[0])
        if found is None:
            raise HTTPError(404, reason="This page has ended; reload it.")
        if self.request.method != "POST":
            raise HTTPError(405)
        # One byte more than is taken, so that the answer can be words instead of a cut connection.
        self.request.connection.set_max_body_size(found.most_bytes + 1)
        if found.arriving >= MOST_AT_ONCE:
            raise HTTPError(429, reason="Another file of this page is still arriving.")
        length = self.request.headers.get("Content-Length", "0")
        try:
            self.path = found.room(int(length) if length.isdigit() else 0)
        except TriviewError as error:
            self.refused = error
        self.intake = found
        found.arriving += 1

    async def data_received(self, chunk: bytes) -> None:
        if self.path is None:
            return
        self._parts.append(chunk)
        self._gathered += len(chunk)
        if self._gathered >= WRITE:
            await self._write()

    async def _write(self) -> None:
        part = b"".join(self._parts)
        self._parts, self._gathered = [], 0
        self._size += len(part)
        if self._size > self.intake.most_bytes:
            self.refused = self.intake.too_large()
            self._drop()
        elif self.path is not None:
            try:
                await asyncio.get_running_loop().run_in_executor(self.pool, _append, self.path, part)
            except OSError:
                log.exception("an upload could not be written")
                self.refused = LimitError(
                    "The portal could not keep this file.", "Its disk may be full: tell its operator, or send less."
                )
                self._drop()

    async def post(self, token: str) -> None:
        await self._write()
        if self.refused is not None:
            self.set_status(413)
            self.finish({"message": self.refused.message, "hint": self.refused.hint})
            return
        staged = self.intake.keep(unquote(self.request.headers.get("X-File-Name", "")), self.path)
        self.path = None
        self.finish({"file": staged.key, "name": staged.name, "bytes": staged.bytes})

    def on_connection_close(self) -> None:
        super().on_connection_close()  # else the request would wait for the rest of its body for good
        self._drop()
        self.on_finish()

    def on_finish(self) -> None:
        self._drop()
        if self.intake is not None:
            self.intake.arriving -= 1
            self.intake = None

    def _drop(self) -> None:
        """Delete what came of a file that was not taken."""
        path, self.path = self.path, None
        if path is not None:
            path.unlink(missing_ok=True)


def _append(path: Path, part: bytes) -> None:
    with path.open("ab") as file:
        file.write(part)
