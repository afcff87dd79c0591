"""Our share of a service that counts requests a minute: who asks waits for a turn instead of being refused."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

from ..errors import CancelledError

SPAN = 60.0  # seconds over which a Rubin Science Platform counts
GLANCE = 0.2  # seconds between two looks at whether the user has stopped waiting


class Quota:
    """At most ``most`` requests in any minute, 0 for no limit. Safe from any thread.

    ``spare`` of them are kept for what the user waits for: ``spared`` does not take those.
    """

    def __init__(self, most: int, spare: int = 10, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._spare = min(spare, most - 1)
        self._clock = clock
        self._asked: deque[float] = deque()
        self._until = 0.0
        self._lock = threading.Lock()

    def spared(self) -> float:
        """Seconds until a request that nobody waits for may be made, 0 when now: then it counts as made."""
        return self._turn(self._most - self._spare)

    def take(self, stop: threading.Event, tell: Callable[[str], None]) -> None:
        """Wait for a turn. ``tell`` gets words about the wait. Raises CancelledError when ``stop`` is set."""
        told = -1
        while (wait := self._turn(self._most)) > 0:
            if int(wait) != told:
                told = int(wait)
                tell(f"Waiting {told + 1} s for the quota of the service …")
            if stop.wait(min(wait, GLANCE)):
                break
        if stop.is_set():
            raise CancelledError("Stopped.")

    def hold(self, seconds: float) -> None:
        """Nothing more for so long: the service has said so."""
        with self._lock:
            self._until = max(self._until, self._clock() + seconds)

    def _turn(self, most: int) -> float:
        with self._lock:
            now = self._clock()
            if now < self._until:
                return self._until - now
            if not self._most:
                return 0.0
            while self._asked and self._asked[0] <= now - SPAN:
                self._asked.popleft()
            if len(self._asked) >= most:
                return self._asked[len(self._asked) - most] + SPAN - now
            self._asked.append(now)
            return 0.0
