"""One process at a time builds a sample: the others wait, and see how far it is."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

POLL_S = 0.2
TELL_S = 0.3  # progress is written for others at most so often


@contextmanager
def alone(lock: Path, progress: Path, tell: Callable[[str, float], None]) -> Iterator[None]:
    """Hold the lock file while the block runs; it goes when the process does, however that ends.

    While another process holds it, ``tell`` is told what that one has written to ``progress``.
    """
    while True:
        file = lock.open("w")
        while not _taken(file):
            told = _read(progress)
            if told is not None:
                tell(*told)
            time.sleep(POLL_S)
        with suppress(FileNotFoundError):
            if os.stat(lock).st_ino == os.fstat(file.fileno()).st_ino:
                break  # else the one before us has removed the file that we locked
        file.close()
    try:
        yield
    finally:
        lock.unlink(missing_ok=True)
        file.close()


def _taken(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _read(progress: Path) -> tuple[str, float] | None:
    try:
        what, part = json.loads(progress.read_text())
    except (OSError, ValueError):
        return None
    return what, part


def shown(progress: Path, tell: Callable[[str, float], None]) -> Callable[[str, float], None]:
    """``tell`` that also leaves its words in a file, for those who wait."""
    last = 0.0

    def told(what: str, part: float) -> None:
        nonlocal last
        tell(what, part)
        if time.monotonic() > last + TELL_S:
            last = time.monotonic()
            aside = progress.with_suffix(".new")
            aside.write_text(json.dumps([what, part]))
            os.replace(aside, progress)

    return told
