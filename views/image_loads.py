"""The images of one page on their way to frames: fetched in threads, each by itself, told of, stopped, tried again."""

from __future__ import annotations

import itertools
import logging
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import ExitStack
from typing import Any

from portal.errors import CancelledError, TriviewError
from portal.image import Frame, Frames, ImageFile
from portal.vo.images import ImageFiles
from portal.vo.obscore import ImageRef

TOLD = 0.3  # seconds between two words about how far an image is
AXES = 8  # of a cube, at most

log = logging.getLogger(__name__)


class Load:
    """One image. ``state``: "loading", "ready" or "failed"."""

    def __init__(self, ref: ImageRef, id: str, version: int = 0) -> None:
        self.ref, self.id, self.version = ref, id, version
        self.stop = threading.Event()
        self.state, self.message = "loading", "Asking …"
        self.band = ref.band
        self.told = 0.0
        self.held = ExitStack()  # the file on disk, for as long as another HDU of it may be asked for

    def described(self) -> dict[str, Any]:
        """As the viewer takes it."""
        words = {"id": self.id, "title": self.ref.title, "band": self.band, "state": self.state}
        return {**words, "message": self.message, "version": self.version}


class Loads:
    """What one page shows. All but the work itself runs in the page's thread; ``changed()`` is called there."""

    def __init__(
        self, files: ImageFiles, post: Callable[[Callable[[], None]], None], changed: Callable[[], None]
    ) -> None:
        self.files, self.frames = files, Frames()
        self._post, self._changed = post, changed
        self._loads: dict[str, Load] = {}
        self._numbers = itertools.count(1)
        self._ended = False

    def __iter__(self):
        return iter(list(self._loads.values()))

    def find(self, id: str) -> Load | None:
        return next((load for load in self if load.id == id), None)

    def want(self, refs: Sequence[ImageRef]) -> None:
        """Show these: what is there stays, what is missing is fetched, what is not wanted ends."""
        before, self._loads = self._loads, {}
        new = []
        for ref in refs:
            load = before.pop(ref.key, None)
            if load is None:
                load = Load(ref, f"i{next(self._numbers)}")
                new.append(load)
            self._loads[ref.key] = load
        for load in before.values():
            self._end(load)
        for load in new:
            self._start(load, self._fetch)

    def retry(self, load: Load) -> None:
        """Fetch an image once more, under the same id; a file that came and could not be read is not kept."""
        self._end(load)
        self.files.drop(load.ref)
        again = self._loads[load.ref.key] = Load(load.ref, load.id, load.version + 1)
        self._start(again, self._fetch)

    def turn(self, load: Load, kind: str, text: str) -> None:
        """Show another HDU of the file ("hdu", its number) or other planes of a cube ("plane", numbers with commas)."""
        numbers = [int(word) for word in text.split(",")[:AXES] if word.isascii() and word.isdigit()]
        if load.state != "ready" or not numbers:
            return
        hdu, at = (numbers[0], None) if kind == "hdu" else (-1, numbers)
        load.state, load.message, load.version = "loading", "Reading …", load.version + 1
        self._start(load, lambda load: self.frames.choose(load.id, hdu, at, load.stop))

    def stop(self) -> None:
        """Nothing more is fetched; each can be tried again."""
        for load in self:
            if load.state == "loading":
                load.stop.set()
                load.state, load.message = "failed", "Stopped."

    def progress(self) -> str:
        """How far the images are, in words; empty when all are there."""
        loads = list(self)
        waiting = [load for load in loads if load.state == "loading"]
        if not waiting:
            return ""
        words = max(waiting, key=lambda load: load.told).message
        return f"{len(loads) - len(waiting)} of {len(loads)} images · {words}" if len(loads) > 1 else words

    def end(self) -> None:
        self._ended = True
        for load in self:
            self._end(load)
        self.frames.close()

    # -- in threads ----------------------------------------------------------------------------------------------
    def _start(self, load: Load, work: Callable[[Load], Frame]) -> None:
        future = self.files.start(work, load)
        # A page that has ended takes no calls any more.
        future.add_done_callback(
            lambda done: load.held.close() if self._ended else self._post(lambda: self._arrived(load, done))
        )

    def _fetch(self, load: Load) -> Frame:
        if load.stop.is_set():
            raise CancelledError("Stopped.")
        ref = load.ref

        def tell(words: str) -> None:
            now = time.monotonic()
            if now - load.told >= TOLD:
                load.told, load.message = now, words
                self._post(self._changed)

        path = load.held.enter_context(self.files.file(ref, load.stop, tell))
        foreign = not self.files.is_ours(ref)  # those are read in a process of its own
        file = ImageFile.open(path, ref.title, self.files.scratch, ref.did or ref.url, foreign, load.stop)
        load.held.callback(file.close)
        return file.frame(stop=load.stop)

    # -- in the page's thread ------------------------------------------------------------------------------------
    def _arrived(self, load: Load, done: Future) -> None:
        if self._ended or done.cancelled() or self._loads.get(load.ref.key) is not load:
            load.held.close()
            return
        error = done.exception()
        if error is None:
            frame = done.result()
            load.band = load.band or frame.band
            load.state, load.message = "ready", ""
            try:
                if load.id not in self.frames:
                    frame.id = load.id
                    self.frames.add(frame)
            except TriviewError as full:
                error = full
        if isinstance(error, TriviewError):
            load.state, load.message = "failed", f"{error.message} {error.hint}".strip()
        elif error is not None:
            log.error("an image failed", exc_info=error)
            load.state, load.message = "failed", f"Unexpected failure: {type(error).__name__}: {error}"
        self._changed()

    def _end(self, load: Load) -> None:
        load.stop.set()
        self.frames.close(load.id)
        load.held.close()
