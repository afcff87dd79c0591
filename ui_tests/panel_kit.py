"""A tool panel on a page of its own, over a result that is there: no archive, no jobs."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import panel as pn
import param

from portal.look import Look
from portal.table.result import ResultTable
from views.feeds import FeedHandler, Feeds


class Desk(param.Parameterized):
    """What a panel needs of a session."""

    active = param.String("one")
    look = param.Parameter(Look())
    arrived = param.Integer(0)
    panel = param.Parameter(())
    trouble = param.Parameter(())
    layout = param.String("tri")

    def __init__(self, table: ResultTable, panel: tuple[str, str]) -> None:
        super().__init__(panel=panel)
        self._table = table
        self._document = pn.state.curdoc
        self.runner = SimpleNamespace(read=ThreadPoolExecutor(2).submit)

    def post(self, call) -> None:
        self._document.add_next_tick_callback(call)

    def table(self) -> ResultTable:
        return self._table

    def job(self, key: str) -> None:
        return None

    def columns_changed(self, key: str, gone: str = "") -> None:
        if gone:
            self.look = self.look.without_column(gone)
        self.arrived += 1


class PanelPage:
    """``factory`` is what ``serve`` makes the page of; ``desk`` and ``view`` are there once it is open."""

    def __init__(self, make, table: ResultTable, panel: tuple[str, str]) -> None:
        self._make, self._table, self._panel = make, table, panel
        self.feeds = Feeds(2)
        self.routes = [(r"/feed/(.*)", FeedHandler, {"feeds": self.feeds})]

    def factory(self) -> pn.Column:
        self.desk = Desk(self._table, self._panel)
        self.view = self._make(self.desk, self.feeds)
        return pn.Column(self.view.widget, width=360, height=780, scroll=True)
