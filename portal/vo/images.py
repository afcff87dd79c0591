"""Images of services as FITS files on this disk: whole ones through DataLink, cutouts through SODA 1.0; fetched once.

Knows addresses and quotas; nothing of pixels. Blocking, but for ``start``.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from ..errors import ServiceError
from .datalink import Links, read_links
from .files import fetch_file
from .http import BusyError, Web
from .obscore import ImageRef
from .quota import Quota

THREADS = 8  # most of the time they wait for a service
TRIES = 3  # of a request that was too many
KEPT_LINKS = 500
LINKS_SECONDS = 1800.0  # signed addresses in them are good for an hour
MAGIC = (b"SIMPLE  =", b"XTENSION=", b"\x1f\x8b")  # FITS, or FITS in gzip
GIVEN = re.compile("[0-9a-f]{32}")
Tell = Callable[[str], None]


class ImageFiles:
    """Files of one server. ``most_bytes`` bounds one file, ``room`` all that were fetched: the least used go.

    ``scratch`` is a folder for pixels that are too large for memory; it and halves of files go at the start.
    """

    def __init__(self, web: Web, quota: Quota, folder: Path, most_bytes: int, room: int) -> None:
        self.web, self.quota = web, quota
        self.most_bytes, self._room = most_bytes, room
        self._fetched, self._given, self.scratch = folder / "fetched", folder / "given", folder / "scratch"
        shutil.rmtree(self.scratch, ignore_errors=True)
        for place in (self._fetched, self._given, self.scratch):
            place.mkdir(parents=True, exist_ok=True)
        for half in self._fetched.glob("*.part"):
            half.unlink()
        self._lock = threading.Lock()
        self._locks: dict[Path, threading.Lock] = {}
        self._used: Counter[Path] = Counter()
        self._links: OrderedDict[str, tuple[float, Links]] = OrderedDict()
        self._pool = ThreadPoolExecutor(THREADS, "image")

    def start(self, work: Callable[..., Any], *arguments: Any) -> Future:
        """Run ``work`` in the threads for images, so that waiting for a service holds back nothing else."""
        return self._pool.submit(work, *arguments)

    @contextmanager
    def file(self, ref: ImageRef, stop: threading.Event, tell: Tell, paid: bool = False) -> Iterator[Path]:
        """The image as a FITS file, kept at least as long as the block lasts. ``tell`` gets words about how far it is.

        ``paid``: the quota has been asked already.
        Raises ServiceError when it cannot be had, LimitError when it is too large, CancelledError when stopped.
        """
        path, fetched = self._path(ref), False
        with self._lock:
            self._used[path] += 1
            one_at_a_time = self._locks.setdefault(path, threading.Lock())
        try:
            with one_at_a_time:
                if path.is_file():
                    os.utime(path)
                elif ref.source == "upload":
                    raise ServiceError(f"The file of {ref.title} is no longer here.", "Open it again.")
                else:
                    fetched = True
                    self._fetch(ref, path, stop, tell, paid)
            yield path
        finally:
            with self._lock:
                self._used[path] -= 1
                if not self._used[path]:
                    del self._used[path]
                    self._locks.pop(path, None)
            if fetched:
                self._sweep()

    def drop(self, ref: ImageRef) -> None:
        """Forget a file that was fetched, so that it is fetched anew; one that is in use, or was given, stays."""
        path = self._path(ref)
        with self._lock:
            if ref.source != "upload" and path not in self._used:
                path.unlink(missing_ok=True)

    def is_ours(self, ref: ImageRef) -> bool:
        """Whether the service that the portal is set up for says what the image is."""
        return ref.source == "links" and self.web.is_home(ref.url)

    def has(self, ref: ImageRef) -> bool:
        """Whether the image is here already."""
        return self._path(ref).is_file()

    def links(self, ref: ImageRef) -> Links:
        """The links of an image, asked for once in a while. Raises ServiceError."""
        with self._lock:
            at, found = self._links.get(ref.url, (0.0, None))
        if found is not None and time.monotonic() - at < LINKS_SECONDS:
            return found
        found = read_links(self.web, ref.url)
        with self._lock:
            self._links[ref.url] = (time.monotonic(), found)
            while len(self._links) > KEPT_LINKS:
                self._links.popitem(last=False)
        return found

    def give(self, path: Path, name: str) -> ImageRef:
        """Take a FITS file that the user gave; it is moved here and stays until it is not used for long."""
        digest = hashlib.sha256()
        with path.open("rb") as file:
            while part := file.read(1 << 20):
                digest.update(part)
        key = digest.hexdigest()[:32]
        shutil.move(path, self._given / f"{key}.fits")
        return ImageRef(f"upload|{key}", name[:200], source="upload", url=key)

    def sweep_given(self, days: float) -> None:
        """Delete files that users gave and that nobody has looked at for so long."""
        for path in self._given.iterdir():
            if path.stat().st_mtime < time.time() - days * 86400:
                path.unlink(missing_ok=True)

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)

    # -- fetching ------------------------------------------------------------------------------------------------
    def _path(self, ref: ImageRef) -> Path:
        if ref.source == "upload":
            return self._given / (f"{ref.url}.fits" if GIVEN.fullmatch(ref.url) else "none")
        name = f"{ref.source}|{ref.did or ref.url}|{','.join(map(repr, ref.circle))}"
        return self._fetched / f"{hashlib.sha256(name.encode()).hexdigest()[:32]}.fits"

    def _fetch(self, ref: ImageRef, path: Path, stop: threading.Event, tell: Tell, paid: bool) -> None:
        part = path.with_suffix(".part")

        def far(size: int, total: int) -> None:
            tell(f"{size / 2**20:,.1f}" + (f" of {total / 2**20:,.1f} MiB" if total else " MiB"))

        elsewhere = ref.source == "url"  # whose quota is not that of our service, nor its wish to be left alone
        for left in reversed(range(TRIES)):
            if not paid and not elsewhere:
                self.quota.take(stop, tell)
            paid = False
            tell("Asking …")
            try:
                url = self._address(ref)
                # What a user typed in must not see our token; what our service links to may need it.
                fetch_file(self.web, url, part, self.most_bytes, stop, far, anonymous=elsewhere)
                break
            except BusyError as error:
                if not left or elsewhere:
                    raise
                self.quota.hold(error.seconds)
        with part.open("rb") as file:
            start = file.read(400)
        if not start.startswith(MAGIC):
            part.unlink(missing_ok=True)
            words = start.decode("utf-8", "replace").strip()[:60]
            raise ServiceError(f"The address gave no FITS file but: {words!r}.", "Check it.", url=url)
        part.replace(path)

    def _address(self, ref: ImageRef) -> str:
        if ref.source in ("file", "url"):
            return ref.url
        links = self.links(ref)
        if ref.circle:
            return cutout_address(links, ref)
        for row in links.rows:
            if row.get("semantics") == "#this" and row.get("access_url"):
                return str(row["access_url"])
        raise ServiceError("The archive offers no file of this image.", "Ask for a cutout of it.", url=ref.url)

    def _sweep(self) -> None:
        """Delete the files not used for longest until the rest has room."""
        with self._lock:
            found = []
            for path in self._fetched.glob("*.fits"):
                try:
                    found.append((path.stat().st_mtime, path.stat().st_size, path))
                except FileNotFoundError:
                    continue
            over = sum(size for _, size, _ in found) - self._room
            for _, size, path in sorted(found):
                if over <= 0:
                    return
                if path not in self._used:
                    path.unlink(missing_ok=True)
                    over -= size


def cutout_address(links: Links, ref: ImageRef) -> str:
    """The address of a cutout, with mask and variance where there are any. Raises ServiceError when none is offered."""
    soda = links.soda()
    if soda is None:
        raise ServiceError("The archive offers no cutout service for this image.", "Open the whole image.", url=ref.url)
    fixed = {item.name: item.value for item in soda.inputs if item.value and not item.ref}
    ident = next((str(row["ID"]) for row in links.rows if row.get("ID")), "") or ref.did
    query = {"ID": ident, **fixed, "CIRCLE": " ".join(map(repr, ref.circle))}
    return f"{soda.access_url}{'&' if '?' in soda.access_url else '?'}{urlencode(query)}"
