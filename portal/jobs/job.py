"""A job: one query or fetch on its way from a service to a result, in UWS 1.1 words."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from ..errors import TriviewError
from ..table.engine import Stop

PHASES = ("PENDING", "QUEUED", "HELD", "SUSPENDED", "EXECUTING", "COMPLETED", "ERROR", "ABORTED", "UNKNOWN", "ARCHIVED")
ENDED = frozenset({"COMPLETED", "ERROR", "ABORTED", "ARCHIVED"})


class Progress(NamedTuple):
    """How far a job is. ``fraction`` is 0..1, or -1 when nobody knows; ``text`` says it in words."""

    rows: int = 0
    bytes: int = 0
    fraction: float = -1.0
    text: str = ""


class JobRow(NamedTuple):
    """What views see of a job: plain values that compare equal when nothing changed."""

    key: str
    title: str
    phase: str
    text: str
    rows: int
    fraction: float
    error: str
    hint: str
    line: int
    column: int
    length: int
    adql: str
    started: float
    seconds: float
    overflow: bool
    kind: str

    @property
    def ended(self) -> bool:
        return self.phase in ENDED


@dataclass
class Job:
    """The state of one job. Written by its worker thread only; readers take ``row()``.

    ``kind`` is "tap" for a query, "link" for a data link followed from a row. ``url`` is the address of the UWS job
    (tap) or of the data (link); it lets a job be taken up again after a restart. ``stop`` goes into long queries of the
    engine over rows; it is set together with ``cancelled``.
    """

    key: str
    workspace: str
    kind: str
    service: str
    adql: str = ""
    title: str = ""
    maxrec: int = 0
    url: str = ""
    phase: str = "PENDING"
    error: TriviewError | None = None
    progress: Progress = Progress()
    overflow: bool = False
    started: float = field(default_factory=time.time)
    ended: float = 0.0
    cancelled: threading.Event = field(default_factory=threading.Event)
    stop: Stop = field(default_factory=Stop)
    hang_up: Callable[[], None] | None = None  # ends the connection its worker waits on
    listeners: list[Callable[[Job], None]] = field(default_factory=list)

    def cancel(self) -> None:
        """Ask the worker to end soon."""
        self.cancelled.set()
        self.stop.set()
        if (hang_up := self.hang_up) is not None:
            hang_up()

    def row(self) -> JobRow:
        """A snapshot for views."""
        error = self.error
        return JobRow(
            self.key,
            self.title,
            self.phase,
            self.progress.text,
            self.progress.rows,
            self.progress.fraction,
            error.message if error else "",
            error.hint if error else "",
            getattr(error, "line", 0),
            getattr(error, "column", 0),
            getattr(error, "length", 0),
            self.adql,
            self.started,
            round((self.ended or time.time()) - self.started, 1),
            self.overflow,
            self.kind,
        )

    @property
    def over(self) -> bool:
        return self.phase in ENDED
