"""The tool panels: beside the views or over the page, one open at a time, each made when first opened."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

import panel as pn

from portal.session import Session

from .base import View
from .columns import Columns
from .combine import Combine
from .derive import DerivePanel
from .feeds import Feeds
from .profile import ProfilePanel
from .row import Row
from .sets import Sets


class Panel(NamedTuple):
    """A tool panel: ``make`` gives a View with an attribute ``widget``; ``place`` is where the page shows it."""

    title: str
    make: Callable[[Session, Feeds], View]
    place: Literal["side", "dialog"] = "side"


PANELS: dict[str, Panel] = {
    "columns": Panel("Columns", Columns),
    "derive": Panel("Computed columns", DerivePanel),
    "profile": Panel("What the columns hold", ProfilePanel),
    "combine": Panel("Join two results", Combine),
    "row": Panel("Row", Row),
    "sets": Panel("Marked rows and sets", Sets),
}
"""By the name that ``session.open_panel`` takes."""


class Drawer(View):
    """Shows the panel that the session says is open. ``side`` and ``dialog`` are what the page's frame holds."""

    def __init__(self, session: Session, feeds: Feeds, panels: dict[str, Panel] | None = None) -> None:
        super().__init__(session, feeds)
        self._panels = PANELS if panels is None else panels
        self._made: dict[str, View] = {}
        self._rooms: dict[str, pn.Column] = {}
        self.side = pn.Column(sizing_mode="stretch_both")
        self.dialog = pn.Column(sizing_mode="stretch_both")
        self.titles = {"side": "", "dialog": ""}
        self.listen(self.update, "panel")

    def refresh(self) -> None:
        what = self.session.panel[0] if self.session.panel else ""
        panel = self._panels.get(what)
        self.titles = {place: panel.title if panel and panel.place == place else "" for place in self.titles}
        if panel is None:
            return
        holder = self.side if panel.place == "side" else self.dialog
        if what not in self._made:
            self._made[what] = panel.make(self.session, self.feeds)
            # Widgets say themselves how they are displayed, which would win over "not visible".
            self._rooms[what] = pn.Column(
                self._made[what].widget, sizing_mode="stretch_both", margin=0, scroll="y-auto"
            )
            # Panel loses what is added before the page has said that it is there: a file may fall on it at once.
            pn.state.onload(lambda room=self._rooms[what]: holder.append(room))
        for name, room in self._rooms.items():
            if self._panels[name].place == panel.place:
                room.visible = name == what

    def end(self) -> None:
        super().end()
        for view in self._made.values():
            view.end()
