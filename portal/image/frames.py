"""The frames of one page, by id."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator, Sequence

from portal.errors import FormatError, LimitError
from portal.image.frame import Frame

MOST = 64  # frames of a page; a grid shows 24 at a time
BUDGET = (
    8 << 30
)  # bytes of pixels of a page, a grid of 24 whole exposures twice over if all are read; they lie in files


class Frames:
    """Frames of one page; any thread may ask."""

    def __init__(self, budget: int = BUDGET) -> None:
        self._budget = budget
        self._frames: dict[str, Frame] = {}
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()

    def add(self, frame: Frame) -> str:
        """Takes a frame in and gives its id (its own, when it has one). Raises LimitError when full."""
        with self._lock:
            if len(self._frames) >= MOST:
                raise LimitError(f"{MOST} images are open; that is the most.", "Close some of them.")
            self._check(sum(one.nbytes for one in self._frames.values()) + frame.nbytes)
            frame.id = frame.id or f"f{next(self._numbers)}"
            self._frames[frame.id] = frame
        return frame.id

    def find(self, id: str) -> Frame:
        """Raises FormatError for a frame that is closed or never was."""
        frame = self._frames.get(id)
        if frame is None:
            raise FormatError("This image is closed.", "Open it again.")
        return frame

    def choose(
        self, id: str, hdu: int = -1, at: Sequence[int] | None = None, stop: threading.Event | None = None
    ) -> Frame:
        """Shows another HDU of the frame's file (-1: the same), or of its cube the plane ``at``, under the same id.

        Reads the file, and blocks. Raises FormatError for an HDU or plane that there is not, LimitError when full.
        """
        old = self.find(id)
        number = old.planes.hdu if hdu < 0 else hdu
        new = old.file.frame(number, at or (), stop)
        new.id, new.title = id, old.title
        with self._lock:
            if self._frames.get(id) is not old:
                raise FormatError("This image is closed.", "Open it again.")
            self._check(sum(one.nbytes for one in self._frames.values()) - old.nbytes + new.nbytes)
            self._frames[id] = new
        return new

    def close(self, id: str | None = None) -> None:
        """Lets go of one frame, or of all, and of files that no frame is from any more."""
        with self._lock:
            gone = [self._frames.pop(one, None) for one in ([id] if id is not None else list(self._frames))]
            kept = [frame.file for frame in self._frames.values()]
        for frame in gone:
            if frame is not None and frame.file not in kept:
                frame.file.close()

    def _check(self, size: int) -> None:
        if size > self._budget:
            raise LimitError(
                f"The images of this page would take more than {self._budget / 2**30:.3g} GiB.",
                "Close some of them, or ask for cutouts.",
            )

    def __contains__(self, id: str) -> bool:
        return id in self._frames

    def __iter__(self) -> Iterator[Frame]:
        return iter(list(self._frames.values()))

    def __len__(self) -> int:
        return len(self._frames)
