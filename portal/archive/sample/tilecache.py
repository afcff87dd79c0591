"""Files that took long to make, kept on disk up to a number of bytes; the ones unused the longest go first.

Any number of threads and processes may share a folder: files appear whole, by renaming, and may vanish at any time.
"""

from __future__ import annotations

import os
import shutil
import time
import uuid
from contextlib import suppress
from pathlib import Path
from threading import Lock

ASIDE = ".part"  # ends the names of files being written
STALE_S = 3600.0  # a file aside that is older was left by a process that died
CHECK_SHARE = 0.05  # of the limit: written since the last look, after which the folder is measured again


class DiskCache:
    """Bytes by key (any text that is a relative path) under ``home/version``; other versions are removed.

    A disk that refuses costs speed, never an answer.
    """

    def __init__(self, home: Path, version: str, limit: int) -> None:
        self._home, self._folder, self._limit = Path(home), Path(home) / version, limit
        self._written = limit  # so that the first file put measures what is there
        self._lock = Lock()
        self._swept = False

    def get(self, key: str) -> bytes | None:
        """The bytes kept, or None. Marks them as used."""
        path = self._folder / key
        try:
            data = path.read_bytes()
            os.utime(path)
        except OSError:
            return None
        return data

    def put(self, key: str, data: bytes) -> None:
        """Keep bytes; too large ones are not."""
        if len(data) > self._limit // 4:
            return
        self._sweep()
        path = self._folder / key
        aside = path.with_name(f"{path.name}.{uuid.uuid4().hex}{ASIDE}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            aside.write_bytes(data)
            os.replace(aside, path)
        except OSError:  # read-only or full
            _remove(aside)
            return
        with self._lock:
            self._written += len(data)
            due = self._written > CHECK_SHARE * self._limit
            if due:
                self._written = 0
        if due:
            self._shrink()

    def _shrink(self) -> None:
        """Remove the files unused the longest until nine tenths of the limit are left."""
        found = []
        for folder, _, names in os.walk(self._folder):
            for name in names:
                path = Path(folder) / name
                try:
                    state = path.stat()
                except OSError:  # another process removed it
                    continue
                if name.endswith(ASIDE) and time.time() - state.st_mtime > STALE_S:
                    _remove(path)
                elif not name.endswith(ASIDE):
                    found.append((state.st_mtime_ns, state.st_size, path))
        total = sum(size for _, size, _ in found)
        if total <= self._limit:
            return
        for _, size, path in sorted(found):
            if total <= 0.9 * self._limit:
                break
            _remove(path)
            total -= size

    def _sweep(self) -> None:
        """Once, before the first file: what other versions kept goes."""
        with self._lock:
            swept, self._swept = self._swept, True
        if swept or not self._home.is_dir():
            return
        for other in self._home.iterdir():
            if other.name != self._folder.name:
                shutil.rmtree(other, ignore_errors=True)


def _remove(path: Path) -> None:
    with suppress(OSError):  # gone already, or a disk that refuses
        path.unlink()
