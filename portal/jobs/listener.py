"""News of jobs for a page: brought from worker threads to the thread that owns the page."""

from __future__ import annotations

from collections.abc import Callable

from .job import Job


class Listener:
    """One caller's interest in a job; at most one call waits at a time. ``owner`` is who takes it back at its end."""

    def __init__(self, owner: object, post: Callable[[Callable[[], None]], None], call: Callable[[Job], None]) -> None:
        self.owner = owner
        self._post = post
        self._call = call
        self._waiting = False

    def __call__(self, job: Job) -> None:
        if self._waiting:
            return
        self._waiting = True
        self._post(lambda: self._arrive(job))

    def _arrive(self, job: Job) -> None:
        self._waiting = False
        self._call(job)
