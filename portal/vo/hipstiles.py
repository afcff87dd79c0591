"""The relay of HiPS tiles: surveys of other servers, asked with the portal's token, so that browsers ask no one else.

Only surveys of the list, and only the files HiPS 1.0 (section 4) knows. What came is kept in memory for the others
who look at the same sky; the Rubin platform grants a user 1,000 tiles a minute.
"""

from __future__ import annotations

import re
import threading
import time
from collections import OrderedDict
from typing import NamedTuple

from ..errors import LimitError, ServiceError
from .hips import RELAY, Surveys
from .http import Web

TILES_KEPT = 256 << 20  # bytes; some 2,500 pictures of 512 x 512
KEPT_SECONDS = 3600.0  # as long as the Rubin platform lets browsers keep a tile
MISSING_SECONDS = 300.0  # how long a tile that is not there is not asked for again
SECONDS = 60.0  # for one tile: a server that sends a byte now and then would keep a thread for ever
LARGEST = 20 << 20  # a FITS tile of 2048 x 2048 float32 and some room; Moc.fits of a deep survey is as large
PATH = re.compile(
    r"properties|Moc\.fits|Norder\d{1,2}/(?:Allsky\.(?P<all>[a-z]{3,4})|Dir\d{1,18}/Npix\d{1,18}\.(?P<one>[a-z]{3,4}))"
)
TYPES = {
    "png": ("image/png", (b"\x89PNG",)),
    "jpg": ("image/jpeg", (b"\xff\xd8",)),
    "jpeg": ("image/jpeg", (b"\xff\xd8",)),
    "webp": ("image/webp", (b"RIFF",)),
    "fits": ("application/fits", (b"SIMPLE", b"\x1f\x8b")),
}


class Tile(NamedTuple):
    """One file of a survey; ``content`` None when the survey has none of that name."""

    content: bytes | None
    type: str


class Relay:
    """The tiles of all surveys of other servers. Blocking: call in a worker thread; threads may share it."""

    def __init__(self, web: Web, surveys: Surveys, room: int = TILES_KEPT) -> None:
        self.web, self.surveys, self.room = web, surveys, room
        self._kept: OrderedDict[tuple[str, str], tuple[float, Tile]] = OrderedDict()
        self._size = 0
        self._lock = threading.Lock()
        self._under_way: dict[tuple[str, str], threading.Lock] = {}

    def get(self, key: str, path: str) -> Tile:
        """The file ``path`` of the survey ``key``.

        Raises ServiceError when the survey is unknown, its server fails, or what it sends is not what the name says;
        LimitError when it is too large.
        """
        source = self.surveys.source(key)
        if source is None:
            raise ServiceError("There is no such survey or tile.", "Choose a survey under Layers.", status=404)
        return self._file(key, source, path)

    def file(self, url: str, path: str) -> Tile:
        """The file ``path`` of a survey by the address that the page has for it; raises as ``get`` does."""
        key = url.removeprefix(RELAY)
        if key != url:
            return self.get(key, path)
        if all(survey["url"] != url for survey in self.surveys.read()):
            raise ServiceError("There is no such survey.", "Choose one of the list.", status=404)
        return self._file(url, self.surveys.home + url, path)

    def _file(self, key: str, source: str, path: str) -> Tile:
        found = PATH.fullmatch(path)
        if found is None:
            raise ServiceError("There is no such tile.", "Choose a survey under Layers.", status=404)
        with self._lock:
            kept = self._look(key, path)
            if kept is not None:
                return kept
            turn = self._under_way.setdefault((key, path), threading.Lock())
        with turn:  # two who want the same tile: one asks
            with self._lock:
                kept = self._look(key, path)
            if kept is None:
                try:
                    kept = self._ask(f"{source}/{path}", found["all"] or found["one"] or "")
                    self._keep(key, path, kept)
                finally:
                    with self._lock:
                        self._under_way.pop((key, path), None)
        return kept

    def _look(self, key: str, path: str) -> Tile | None:
        entry = self._kept.get((key, path))
        if entry is None:
            return None
        if entry[0] < time.monotonic():
            self._drop(key, path)
            return None
        self._kept.move_to_end((key, path))
        return entry[1]

    def _keep(self, key: str, path: str, tile: Tile) -> None:
        size = len(tile.content or b"") + 200
        seconds = KEPT_SECONDS if tile.content is not None else MISSING_SECONDS
        with self._lock:
            self._drop(key, path)
            self._kept[(key, path)] = (time.monotonic() + seconds, tile)
            self._size += size
            while self._size > self.room and len(self._kept) > 1:
                self._drop(*next(iter(self._kept)))

    def _drop(self, key: str, path: str) -> None:
        entry = self._kept.pop((key, path), None)
        if entry is not None:
            self._size -= len(entry[1].content or b"") + 200

    def _ask(self, url: str, form: str) -> Tile:
        kind, starts = TYPES.get(form, ("text/plain; charset=utf-8", ()))
        if url.endswith("Moc.fits"):
            kind, starts = TYPES["fits"]
        with self.web.stream(url) as answer:
            if answer.status_code in (204, 404, 410):
                return Tile(None, kind)
            if answer.status_code >= 400:
                raise ServiceError(
                    f"The server of the survey answered with status {answer.status_code}.",
                    "It may be busy, or the token may lack the right to read images.",
                    status=answer.status_code,
                    url=url,
                )
            parts, size, end = [], 0, time.monotonic() + SECONDS
            for part in answer.iter_bytes():
                if time.monotonic() > end:
                    raise ServiceError("The server of the survey is too slow.", "Try again later.", url=url)
                size += len(part)
                if size > LARGEST:
                    raise LimitError(f"The tile {url} is larger than {LARGEST >> 20} MiB and was not taken.")
                parts.append(part)
        content = b"".join(parts)
        if starts and not content.startswith(starts):
            raise ServiceError(f"{url} is not the {kind} that its name says.", "The survey is broken there.", url=url)
        if not starts and content.lstrip()[:1] == b"<":
            raise ServiceError(f"{url} is a web page, not a properties file.", "The survey is broken.", url=url)
        return Tile(content, kind)
