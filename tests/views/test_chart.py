"""The chart of a result: what is said of an axis stays until the axes change."""

from __future__ import annotations

from concurrent.futures import Future

import numpy as np
import pyarrow as pa

from portal.table.columns import Column, TableMeta
from portal.table.result import ResultTable
from tests.views.desk_kit import Desk
from views.chart import Chart
from views.feeds import Feeds
from widgets import base


def test_what_is_wrong_with_an_axis_outlives_pictures_of_the_axes_before(tmp_path, monkeypatch) -> None:
    (tmp_path / "axes.js").write_text("")
    monkeypatch.setattr(base, "DIST", tmp_path)
    meta = TableMeta((Column("gmag", unit="mag"), Column("rmag", unit="mag"), Column("redshift")))
    values = [np.linspace(0, 1, 50)] * 3
    desk = Desk(ResultTable.from_arrow(tmp_path / "r", meta, pa.table(values, schema=meta.to_schema())))
    read, late = desk.runner.read, []

    def slow(work) -> Future:
        late.append((work, Future()))
        return late[-1][1]

    def come() -> None:
        while late:
            work, done = late.pop(0)
            done.set_result(read(work).result())

    desk.runner.read = slow
    view = Chart(desk, Feeds(1))
    choose = lambda x: view.axes._handle_msg({"gesture": "chosen", "x": x, "y": "rmag"})  # noqa: E731
    desk.arrived += 1
    choose("gmag - nothing")  # before the first picture is there
    come()
    assert view.axes.note == "50 points" and "nothing" in view.axes.error
    # The words take a line, so the frame gets lower and is drawn anew.
    view._draw(True)
    come()
    assert "nothing" in view.axes.error
    choose("gmag - redshift")
    come()
    assert (view.axes.error, view.axes.x) == ("", "gmag - redshift")
    choose("gmag - nothing")
    desk.look = desk.look._replace(x="redshift")  # undone, or another result
    assert view.axes.error == ""
    view.end()
