"""What a view needs of a session, over a result that is there: work is done at once, nothing is saved."""

from __future__ import annotations

from concurrent.futures import Future
from types import SimpleNamespace

import param

from portal.look import Look
from portal.table.result import ResultTable


class Desk(param.Parameterized):
    """What the view needs of a session; work is done at once."""

    active = param.String("one")
    look = param.Parameter(Look())
    arrived = param.Integer(0)
    layout = param.String("tri")
    panel = param.Parameter(())
    paged = param.Parameter((0, 100))
    trouble = param.Parameter(())

    def __init__(self, table: ResultTable) -> None:
        super().__init__()
        self._table, self.post = table, lambda call: call()
        self.runner = SimpleNamespace(read=self._read)

    def _read(self, work) -> Future:
        done: Future = Future()
        done.set_result(work())
        return done

    def table(self) -> ResultTable:
        return self._table

    def job(self, key: str) -> None:
        return None

    def change(self, **parts) -> None:
        self.look = self.look._replace(**parts)

    def open_panel(self, what: str, column: str = "") -> None:
        self.panel = (what, column)

    def point_at(self, row: int) -> None:
        self.look = self.look._replace(current=row)
