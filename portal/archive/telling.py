"""How an error is told to a client of the archive: what is wrong, where, and what to do."""

from __future__ import annotations

from ..errors import QueryError, TriviewError


def told(error: TriviewError) -> str:
    """One text for the client. The place is written so that clients and people find it: (line 2, column 8)."""
    place = f" (line {error.line}, column {error.column})" if isinstance(error, QueryError) and error.line else ""
    message = error.message.rstrip()
    if place and message.endswith("."):
        message, place = message[:-1], f"{place}."
    return f"{message}{place} {error.hint}".strip()
