"""Which surveys the sky view offers and shows, and where a view of the sky begins."""

from __future__ import annotations

from typing import Any

from portal.errors import TriviewError
from portal.session import Session
from portal.vo.hips import Surveys
from widgets.sky import Sky

from .base import View
from .feeds import Feeds


class SurveyChoice(View):
    """The list of surveys joined to the sky view, which chooses among them by itself."""

    def __init__(self, session: Session, feeds: Feeds, sky: Sky, surveys: Surveys) -> None:
        super().__init__(session, feeds)
        self.sky, self.surveys = sky, surveys
        self.listen(self._entitle, "active", "tabs")
        self.run(surveys.read, self._offer, self._without, slot="list")

    def _offer(self, found: list[dict[str, Any]]) -> None:
        self.sky.surveys = found
        if not found or self.sky.survey:
            return
        self.sky.survey = found[0]["url"]
        start = found[0].get("start")
        if start and not self.session.active and self.sky.target is None:
            self.sky.go(*start)

    def _entitle(self) -> None:
        """The words on a saved picture name the result shown."""
        titles = [tab.title for tab in self.session.tabs if tab.key == self.session.active]
        self.sky.title = titles[0] if titles else ""

    def _without(self, error: TriviewError) -> None:
        """The sky stays dark, and everything else on it works."""
        self.sky.trouble = f"{error.message} {error.hint}".strip()

    def open(self, address: str) -> None:
        """Show the survey at an address, as a link asks for it: one of the list or of a host that the list names."""

        def read() -> tuple[dict[str, Any], list[dict[str, Any]]]:
            return self.surveys.find(address), self.surveys.read()

        def opened(answer: tuple[dict[str, Any], list[dict[str, Any]]]) -> None:
            found, known = answer
            self.sky.param.update(surveys=known, survey=found["url"])

        self.run(read, opened, slot="open")
