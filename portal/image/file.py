"""A FITS file on its way to frames: its HDUs, their headers, and the planes of the one that is shown."""

from __future__ import annotations

import shutil
import threading
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from portal.errors import FormatError, TriviewError
from portal.image.apart import read_apart
from portal.image.frame import Frame
from portal.image.headers import Card, Part, cards_of, read_parts
from portal.image.planes import Planes
from portal.image.read import NotOursError, planes_of


class ImageFile:
    """An opened file, to be closed; ``Frames`` does, with the last frame that is from it.

    ``hdus``: {"index", "name", "kind", "shape"} of each HDU, shape as NAXIS1, NAXIS2, ...
    Kinds are image, compressed image, table and empty.
    """

    def __init__(self, title: str, source: str, scratch: Path) -> None:
        self.title, self.source = title, source
        self.hdus: tuple[dict[str, Any], ...] = ()
        self._scratch = scratch
        self._buffer: np.ndarray | None = None
        self._parts: list[Part] = []
        self._path: Path | None = None
        self._cards: list[list[Card]] = []
        self._first: Planes | None = None

    @classmethod
    def open(
        cls,
        content: bytes | Path,
        title: str,
        scratch: Path,
        source: str = "",
        foreign: bool = True,
        stop: threading.Event | None = None,
    ) -> ImageFile:
        """``content``: the bytes of a file, or where it lies (it may go once this returns).

        ``title`` names the image to the user, ``source`` says where it is from. Large planes go to files in
        ``scratch`` that need no deleting. With ``foreign`` a process of its own reads the file; without it (services
        of the site's own choice) so it does only where the file is packed or compressed in a rare way.

        Raises FormatError for what is no image, LimitError for one too large, CancelledError once ``stop`` is set.
        """
        self = cls(title, source, scratch)
        try:
            if not foreign:
                try:
                    self._open_here(content)
                    return self
                except NotOursError:
                    pass
            self._open_apart(content, stop)
            return self
        except BaseException as error:
            self.close()
            if isinstance(error, TriviewError) or not isinstance(error, Exception):
                raise
            # A damaged file shows itself in many ways deep in the FITS library.
            raise FormatError(
                f"{title} is not a FITS image that can be read ({type(error).__name__}: {error}).",
                "The file may be damaged; fetch it again.",
            ) from error

    def frame(self, hdu: int = -1, at: Sequence[int] = (), stop: threading.Event | None = None) -> Frame:
        """A frame of an HDU (-1: the default one), of a cube that of planes ``at``. Raises what ``open`` raises."""
        if self._first is not None and hdu in (-1, self._first.hdu) and not any(at):
            planes = self._first
        elif self._buffer is not None:
            planes = planes_of(self._parts, self._buffer, self._scratch, hdu, at)
        elif self._path is not None:
            planes = read_apart(self._path, self._scratch, hdu, at, stop).planes
        else:
            raise FormatError("The image is closed.", "Open it again.")
        return Frame(self.title, planes, self)

    def cards(self, hdu: int) -> list[Card]:
        """The cards of an HDU. Raises FormatError for an HDU that there is not."""
        if not 0 <= hdu < len(self.hdus):
            raise FormatError(f"The file has no HDU {hdu}.")
        return self._cards[hdu] if self._cards else cards_of(self._parts[hdu].header())

    def close(self) -> None:
        """Frames that are open keep their pixels."""
        if self._path is not None:
            self._path.unlink(missing_ok=True)
        self._path = self._first = self._buffer = None

    def _open_here(self, content: bytes | Path) -> None:
        size = len(content) if isinstance(content, bytes) else content.stat().st_size
        if not size:
            raise FormatError(f"{self.title} is empty.", "Fetch it again.")
        mapped = isinstance(content, Path)
        buffer = np.memmap(content, np.uint8, "r").view(np.ndarray) if mapped else np.frombuffer(content, np.uint8)
        if bytes(buffer[:2]) == b"\x1f\x8b":
            raise NotOursError("gzip")
        self._parts = read_parts(buffer)
        self._first = planes_of(self._parts, buffer, self._scratch)
        self._buffer = buffer
        self.hdus = tuple(part.listed() for part in self._parts)

    def _open_apart(self, content: bytes | Path, stop: threading.Event | None) -> None:
        self._path = self._scratch / f"{uuid.uuid4().hex}.fits"
        if isinstance(content, bytes):
            self._path.write_bytes(content)
        else:
            try:
                self._path.hardlink_to(content)
            except OSError:  # another disk, or one without links
                shutil.copyfile(content, self._path)
        found = read_apart(self._path, self._scratch, stop=stop)
        self._first, self.hdus, self._cards = found.planes, found.hdus, found.cards
