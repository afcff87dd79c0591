"""Writes the state of a page into its workspace: in a worker thread, the newest only."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any

from .jobs.history import History

log = logging.getLogger(__name__)


class Saver:
    """Keeps one page. ``read`` runs a call in a worker thread."""

    def __init__(self, history: History, workspace: str, read: Callable[..., Any]) -> None:
        self._history, self._workspace, self._read = history, workspace, read
        self._lock = threading.Lock()
        self._waiting: dict[str, Any] | None = None
        self.busy = False

    def save(self, state: dict[str, Any]) -> None:
        """Have this state (JSON values) written soon, in place of one that still waits."""
        with self._lock:
            self._waiting = state
            if self.busy:
                return
            self.busy = True
        self._read(self._write)

    def _write(self) -> None:
        while True:
            with self._lock:
                state, self._waiting = self._waiting, None
                if state is None:
                    self.busy = False
                    return
            try:
                self._history.save(self._workspace, state)
            except Exception:
                # The disk is full, say. The page lives on, and its next change is written again.
                log.exception("the state of a page could not be written")
