"""How an error is told to a client of the archive: what is wrong, where, and what to do."""

from __future__ import annotations

import errno
import sqlite3

from ..errors import LimitError, QueryError, TriviewError

DISK_FULL = "The archive's disk is full."


def told(error: TriviewError) -> str:
    """One text for the client. The place is written so that clients and people find it: (line 2, column 8)."""
    place = f" (line {error.line}, column {error.column})" if isinstance(error, QueryError) and error.line else ""
    message = error.message.rstrip()
    if place and message.endswith("."):
        message, place = message[:-1], f"{place}."
    return f"{message}{place} {error.hint}".strip()


def disk_full(error: BaseException | None) -> LimitError | None:
    """The error to tell instead when ``error`` means that there is no room on disk, else None."""
    full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
    if not full and isinstance(error, sqlite3.OperationalError):
        full = "full" in str(error)
    hint = "Delete jobs that you no longer need, ask for fewer rows, or tell its operator."
    return LimitError(DISK_FULL, hint) if full else None
