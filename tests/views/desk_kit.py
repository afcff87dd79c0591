"""What a view needs of a session, over a result that is there: work is done at once, nothing is saved."""

from __future__ import annotations

from concurrent.futures import Future
from types import SimpleNamespace

import param

from portal.errors import TriviewError
from portal.look import Look
from portal.session import Session
from portal.table.result import ResultTable


class Desk(param.Parameterized):
    """What the view needs of a session; work is done at once."""

    active = param.String("one")
    look = param.Parameter(Look())
    tabs = param.Parameter(())
    arrived = param.Integer(0)
    hovered = param.Integer(-1)
    layout = param.String("tri")
    panel = param.Parameter(())
    paged = param.Parameter((0, 100))
    theme = param.String("light")
    trouble = param.Parameter(())

    def __init__(self, table: ResultTable) -> None:
        super().__init__()
        self._table, self.post = table, lambda call: call()
        self.runner = SimpleNamespace(read=self._read, acquire=self._acquire, release=self._release)
        self.users = 0  # of the table, for a download

    def _read(self, work) -> Future:
        done: Future = Future()
        try:
            done.set_result(work())
        except TriviewError as error:
            done.set_exception(error)
        return done

    def _acquire(self, key: str) -> ResultTable:
        self.users += 1
        return self._table

    def _release(self, key: str) -> None:
        self.users -= 1

    def look_of(self, key: str) -> Look:
        return self.look

    def columns_changed(self, key: str, gone: str = "") -> None:
        self.look = self.look.without_column(gone) if gone else self.look
        self.arrived += 1

    def table(self) -> ResultTable:
        return self._table

    def job(self, key: str) -> None:
        return None

    def change(self, **parts) -> None:
        self.look = self.look._replace(**parts)

    arrange_columns = Session.arrange_columns
    unselect = Session.unselect

    def open_panel(self, what: str, column: str = "") -> None:
        self.panel = (what, column)

    def point_at(self, row: int) -> None:
        self.look = self.look._replace(current=row)
