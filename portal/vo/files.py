"""A file behind an address: to disk, bounded in size and time; without our token where a user gave the address."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote, urlsplit

from ..errors import CancelledError, LimitError, ServiceError
from .http import Web, busy, error_text, read_small

LONGEST_SECONDS = 600.0  # 1 GiB at 2 MB/s
TOLD_BYTES = 4 << 20  # between two words about how far it is


def fetch_file(
    web: Web,
    url: str,
    path: Path,
    most_bytes: int,
    stop: threading.Event,
    tell: Callable[[int, int], None],
    seconds: float = LONGEST_SECONDS,
    anonymous: bool = True,
) -> str:
    """Write what the address holds to ``path``; returns what to call it. ``tell`` gets (bytes so far, of all or 0).

    ``anonymous``: never with the portal's token. Raises BusyError when the service says to come back later,
    ServiceError when it cannot be had (or is private and not configured), LimitError past a limit, CancelledError when
    ``stop`` is set; ``path`` is gone then.
    """
    until, size, told = time.monotonic() + seconds, 0, 0
    try:
        with web.stream(url, anonymous) as answer, path.open("wb") as file:
            if answer.status_code == 429:
                raise busy(answer, url)
            if answer.status_code >= 400:
                raise ServiceError(error_text(read_small(answer))[:400], "Check the address.", answer.status_code, url)
            length = answer.headers.get("content-length", "")
            total = int(length) if length.isdigit() else 0
            for part in answer.iter_bytes():
                if stop.is_set():
                    raise CancelledError("Stopped.")
                size += len(part)
                if max(size, total) > most_bytes:
                    raise LimitError(
                        f"The file is larger than {most_bytes >> 20:,} MiB, the limit of this portal.",
                        "The operator sets TRIVIEW_UPLOAD_BYTES.",
                    )
                if time.monotonic() > until:
                    raise LimitError(f"The file did not come within {seconds:.0f} s.", "Download it and upload it.")
                file.write(part)
                if size - told >= TOLD_BYTES or not told:
                    told = size
                    tell(size, total)
            return _name(answer.headers.get("content-disposition", ""), str(answer.url))
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def _name(disposition: str, url: str) -> str:
    """The file's name as the service says it, else the last part of the address."""
    found = re.search(r"filename\*=UTF-8''([^;]+)", disposition, re.IGNORECASE)
    if found:
        return unquote(found[1])
    found = re.search(r'filename="?([^";]+)', disposition, re.IGNORECASE)
    return found[1].strip() if found else unquote(urlsplit(url).path.rsplit("/", 1)[-1])
