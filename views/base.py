"""What every view shares: listening to the session, reading in threads with the last one winning, reporting errors.

The only place where parameters are watched. Views never touch each other.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import panel as pn
import param

from portal.errors import TriviewError
from portal.session import Session

from .feeds import Feeds

log = logging.getLogger(__name__)


class View:
    """One view of one page. ``panes`` names the panes whose layouts show it; empty means always shown.

    Subclasses write ``refresh()``: bring the widget up to what the session says.
    """

    panes: tuple[str, ...] = ()

    def __init__(self, session: Session, feeds: Feeds) -> None:
        self.session = session
        self.feeds = feeds
        self._watchers: list[tuple[param.Parameterized, Any]] = []
        self._tickets: dict[str, int] = {}
        self._urls: list[str] = []
        self._stale = False
        self._ended = False

    # -- listening -----------------------------------------------------------------------------------------------
    def listen(self, call: Callable[[], None], *names: str) -> None:
        """Have ``call()`` made when one of the session's parameters changes; a failure stays in this view."""
        self._watch(self.session, lambda *_: self._guarded(call), names)

    def take(self, widget: param.Parameterized, **handlers: Callable[[Any], None]) -> None:
        """Have ``handler(gesture)`` called for the user's gestures on a widget."""
        for name, handler in handlers.items():
            self._watch(widget, lambda event, handler=handler: self._guarded(lambda: handler(event.new)), (name,))

    def _watch(self, source: param.Parameterized, call: Callable[..., None], names: tuple[str, ...]) -> None:
        self._watchers.append((source, source.param.watch(call, list(names))))

    def _guarded(self, call: Callable[[], None]) -> None:
        try:
            # One message to the browser for all that a handler changes.
            with pn.io.hold():
                call()
        except TriviewError as error:
            self.report(error)
        except Exception as error:
            # One view's fault must not stop the views after it.
            log.exception("%s failed", type(self).__name__)
            self.report(TriviewError(f"Unexpected failure: {type(error).__name__}: {error}"))

    # -- being shown ---------------------------------------------------------------------------------------------
    @property
    def shown(self) -> bool:
        """Whether the layout shows this view."""
        layout = self.session.layout
        return not self.panes or layout == "tri" or any(pane in layout.split("-") for pane in self.panes)

    def update(self) -> None:
        """Refresh when shown; else remember to when shown again."""
        if self.shown:
            self._stale = False
            self.refresh()
        else:
            self._stale = True

    def catch_up(self) -> None:
        """Refresh if something changed while hidden."""
        if self._stale and self.shown:
            self.update()

    def refresh(self) -> None:
        """Bring the widget up to date; subclasses write this."""

    @staticmethod
    def worth(before: int, table: Any) -> bool:
        """Whether a picture of ``before`` rows should be made anew while rows still come: each half more, and at last.

        Reading all rows at every step would cost as much as the square of their number.
        """
        return table.complete or table.n_rows >= max(1.5 * before, 1)

    # -- reading -------------------------------------------------------------------------------------------------
    def run(
        self,
        read: Callable[[], Any],
        then: Callable[[Any], None],
        failed: Callable[[TriviewError], None] | None = None,
        slot: str = "",
    ) -> None:
        """``read()`` in a thread, then ``then(answer)`` in the page's thread, unless a newer run of this slot began."""
        ticket = self._tickets[slot] = self._tickets.get(slot, 0) + 1

        def arrived(future: Any) -> None:
            self.session.post(lambda: self._arrive(slot, ticket, future, then, failed))

        self.session.runner.read(read).add_done_callback(arrived)

    def forget(self, slot: str = "") -> None:
        """Let the answer of a run under way go unused."""
        self._tickets[slot] = self._tickets.get(slot, 0) + 1

    def _arrive(self, slot: str, ticket: int, future: Any, then: Callable, failed: Callable | None) -> None:
        if self._ended or self._tickets.get(slot) != ticket or future.cancelled():
            return
        error = future.exception()
        if error is None:
            self._guarded(lambda: then(future.result()))
        elif isinstance(error, TriviewError):
            self._guarded(lambda: (failed or self.report)(error))
        else:
            log.error("%s failed", type(self).__name__, exc_info=error)
            words = TriviewError(f"Unexpected failure: {type(error).__name__}: {error}")
            self._guarded(lambda: (failed or self.report)(words))

    # -- telling -------------------------------------------------------------------------------------------------
    def report(self, error: TriviewError) -> None:
        """Show an error where this view shows errors; by default at the top of the page."""
        self.session.trouble = (error.message, error.hint)

    def nothing(self) -> str:
        """Why there are no rows, in words."""
        session = self.session
        if not session.active:
            return "Run a query; its rows appear here."
        job = session.job(session.active)
        if job is None or not job.ended:
            return "Waiting for the first rows …"
        if job.phase == "ERROR":
            return f"The query failed: {job.error}"
        if job.phase == "ABORTED":
            return "The query was stopped before any row came."
        if session.look.filters or session.look.kept or session.look.condition:
            return "No row passes the filters. Remove one to see rows again."
        return "The query gave no rows. Check positions, units and limits in its WHERE part."

    def feed(self, answer: Callable[[dict[str, str]], Any], deep: bool = False) -> str:
        """An address of this page's own where ``answer(arguments)`` is served until the view ends (``Feeds.add``)."""
        url = self.feeds.add(answer, deep)
        self._urls.append(url)
        return url

    def end(self) -> None:
        """Take back every listener and address."""
        self._ended = True
        for source, watcher in self._watchers:
            source.param.unwatch(watcher)
        self._watchers.clear()
        for url in self._urls:
            self.feeds.remove(url)
        self._urls.clear()
