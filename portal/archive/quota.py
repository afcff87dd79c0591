"""What one user may take: queries at once, and rows, bytes and engine seconds in an hour. Kept in memory.

A user is the name that a trusted proxy gives in the header named by TRIVIEW_USER_HEADER, else the client's address.
"""

from __future__ import annotations

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from ..errors import LimitError
from .limits import Limits

HOUR = 3600.0
MOST_USERS = 10_000  # remembered; the one not seen for longest is forgotten
SOON = 2.0  # seconds after which to ask again when only too many queries run


class BusyError(LimitError):
    """A user's share is used up: HTTP 429. ``retry_after`` is the number of seconds to wait."""

    def __init__(self, message: str, hint: str = "", retry_after: float = 60.0) -> None:
        super().__init__(message, hint)
        self.retry_after = max(1, math.ceil(retry_after))


@dataclass
class _Account:
    """One user's queries that run, and what was taken lately: it drains evenly, all of it in an hour."""

    running: int = 0
    at: float = 0.0
    taken: dict[str, float] = field(default_factory=lambda: {"rows": 0.0, "bytes": 0.0, "seconds": 0.0})


class Quota:
    """The shares of all users. Safe to use from any thread."""

    def __init__(self, limits: Limits) -> None:
        self._most = {"rows": limits.user_rows, "bytes": limits.user_bytes, "seconds": limits.user_seconds}
        self._queries = limits.user_queries
        self._accounts: OrderedDict[str, _Account] = OrderedDict()
        self._lock = threading.Lock()

    def check(self, owner: str) -> None:
        """Raises BusyError when ``owner`` has taken all of an hour's rows, bytes or seconds."""
        with self._lock:
            account = self._account(owner)
            for what, most in self._most.items():
                over = account.taken[what] - most
                if over >= 0:
                    raise BusyError(
                        f"You have used the {most:,.0f} {what} of results an hour that one user gets.",
                        "Wait as long as Retry-After says.",
                        (over / most + 0.01) * HOUR,
                    )

    def spend(self, owner: str, rows: int = 0, size: int = 0, seconds: float = 0.0) -> None:
        """Note what an answer to ``owner`` took."""
        with self._lock:
            taken = self._account(owner).taken
            for what, amount in (("rows", rows), ("bytes", size), ("seconds", seconds)):
                taken[what] += amount

    @contextmanager
    def running(self, owner: str) -> Iterator[None]:
        """A synchronous query of ``owner`` for as long as the block lasts. Raises BusyError when there are too many."""
        self.check(owner)
        with self._lock:
            account = self._account(owner)
            if account.running >= self._queries:
                raise BusyError(
                    f"You have {account.running} synchronous queries running.",
                    "Wait for one of them, or send asynchronous jobs: those wait for their turn.",
                    SOON,
                )
            account.running += 1
        try:
            yield
        finally:
            with self._lock:
                account.running -= 1

    def _account(self, owner: str) -> _Account:
        """The account of ``owner``, drained up to now."""
        now = time.monotonic()
        account = self._accounts.pop(owner, None) or _Account(at=now)
        self._accounts[owner] = account
        for what, most in self._most.items():
            account.taken[what] = max(0.0, account.taken[what] - most * (now - account.at) / HOUR)
        account.at = now
        if len(self._accounts) > MOST_USERS:
            idle = next((name for name, item in self._accounts.items() if not item.running and name != owner), None)
            if idle is not None:
                del self._accounts[idle]
        return account
