"""The chart: any two columns or expressions of the result, joined to the current row and the marks."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from portal.chart.raster import Points, shade
from portal.chart.spec import ChartSpec, chart_spec, default_spec
from portal.errors import QueryError, TriviewError
from portal.session import Session
from portal.table.cells import cell_texts
from portal.table.expression import check_expression
from portal.table.result import ResultTable
from portal.table.selection import box_clause, polygon_clause, selection_sql
from widgets.axes import Axes
from widgets.chart import Scatter

from .base import View
from .feeds import Feeds

MAX_LABELS = 30_000  # ids sent for hovering: as many as points are drawn one by one


class Cloud(NamedTuple):
    """The points of the chart: ``points`` over the filtered rows, ``rows`` their numbers, ``marked`` their marks."""

    table: ResultTable
    spec: ChartSpec
    sql: tuple[str, str]
    points: Points
    x: np.ndarray
    y: np.ndarray
    rows: np.ndarray
    marked: np.ndarray | None
    key: tuple


class Frame(NamedTuple):
    """What one view of the cloud shows."""

    cloud: Cloud
    x_range: tuple[float, float]
    y_range: tuple[float, float]
    places: np.ndarray | None  # points drawn one by one, by place in the cloud
    labels: list[str]
    image: np.ndarray | None
    marked_image: np.ndarray | None
    shown: int
    current: tuple[float, float] | None


class Chart(View):
    """A scatter or density chart of the active result."""

    panes = ("chart",)

    def __init__(self, session: Session, feeds: Feeds) -> None:
        super().__init__(session, feeds)
        self._cloud: Cloud | None = None
        self._window: tuple | None = None  # (x range, y range, width, height) in view
        self._zoomed = False  # whether the user chose that part; else all points are shown, also those that come
        self._asked: tuple | None = None  # the result and the axes that are asked for
        self._refused = ""  # what is wrong with the text on an axis; no picture of the axes before takes it away
        self.axes = Axes(sizing_mode="stretch_width")
        self.scatter = Scatter(theme=session.theme)
        self.take(self.axes, chosen=self._choose)
        self.take(
            self.scatter,
            ranged=self._zoom,
            tapped=self._tap,
            boxed=self._box,
            lassoed=self._lasso,
            restored=self._reset,
        )
        self.listen(self.update, "look", "arrived", "active")
        self.listen(self.catch_up, "layout")
        self.listen(lambda: self.scatter.paint(session.theme), "theme")

    # -- the user's hand -----------------------------------------------------------------------------------------
    def _choose(self, gesture: Any) -> None:
        table = self.session.table()
        if table is None:
            return
        try:
            for text in (gesture.x, gesture.y):
                check_expression(text, table.meta.columns)
        except QueryError as error:
            self._refused = f"{error.message} {error.hint}".strip()
            self.axes.error = self._refused
            return
        self._refused = self.axes.error = ""
        self._zoomed = False
        self.session.change(x=gesture.x, y=gesture.y)

    def _zoom(self, gesture: Any) -> None:
        if self._window is None:
            return  # nothing has been drawn yet: the frame only tells its size
        self._zoomed = self._zoomed or gesture.zoomed
        if self._zoomed:
            self._window = (gesture.x0, gesture.x1), (gesture.y0, gesture.y1), gesture.width, gesture.height
        else:
            self._window = (*self._window[:2], gesture.width, gesture.height)
        self._draw(not self._zoomed)

    def _reset(self, _: Any) -> None:
        self._zoomed = False
        self._draw(True)

    def _tap(self, gesture: Any) -> None:
        cloud, window = self._cloud, self._window
        if cloud is None or window is None:
            return

        def read() -> int:
            place = cloud.points.nearest(gesture.x, gesture.y, *window)
            return int(cloud.rows[place]) if place >= 0 else -1

        self.run(read, lambda row: self.session.point_at(row) if row >= 0 else None, slot="tap")

    def _box(self, gesture: Any) -> None:
        if self._cloud is not None:
            spec = self._cloud.spec
            label = f"box on {spec.x.expression}, {spec.y.expression}"
            sql = self._cloud.sql
            clause = box_clause(*sql, (gesture.x0, gesture.x1), (gesture.y0, gesture.y1), label=label)
            self.session.select(clause._replace(mode=gesture.mode))

    def _lasso(self, gesture: Any) -> None:
        if self._cloud is not None:
            spec = self._cloud.spec
            label = f"lasso on {spec.x.expression}, {spec.y.expression}"
            step = -(-len(gesture.xs) // 400)
            corners = list(zip(gesture.xs[::step], gesture.ys[::step], strict=True))
            if len(corners) >= 3:
                clause = polygon_clause(*self._cloud.sql, corners, label=label)
                self.session.select(clause._replace(mode=gesture.mode))

    # -- the session's news --------------------------------------------------------------------------------------
    def refresh(self) -> None:
        session = self.session
        table, look = session.table(), session.look
        if table is None:
            self._ask(None)
            self._empty()
            self.axes.param.update(x="", y="", columns=[], note="", error="")
            self.scatter.clear(self.nothing())
            return
        spec = chart_spec(table.meta, look.x, look.y) if look.x and look.y else default_spec(table.meta)
        self._ask((session.active, spec))
        if spec is None:
            self._empty()
            self.axes.param.update(columns=[column.name for column in table.meta.columns], note="")
            self.scatter.clear("This result has no two columns of numbers to draw. Type expressions for x and y.")
            return
        old = self._cloud
        key = (session.active, table.n_rows, (look.filters, look.condition, table.meaning), look.kept, spec)
        if old is not None and old.table is table and old.key[2:] == key[2:] and not self.worth(old.key[1], table):
            key = old.key
        fresh = old is None or old.key[0] != key[0] or old.key[4] != key[4]
        if fresh:
            self._zoomed = False
        names = [column.name for column in table.meta.columns if column.is_number]
        self.axes.param.update(x=spec.x.expression, y=spec.y.expression, columns=names)

        def read() -> Cloud:
            columns = table.meta.columns
            sql = (check_expression(spec.x.expression, columns), check_expression(spec.y.expression, columns))
            marks = selection_sql(look.clauses)
            if old is not None and old.key == key and old.table is table:
                points, x, y, rows = old.points, old.x, old.y, old.rows
            else:
                where = look.row_view(table.meta).where
                x, y = table.numbers(sql, where)
                rows = table.where(where) if where else np.arange(len(x), dtype=np.uint32)
                # Rows may have come between the two answers.
                n = min(len(x), len(y), len(rows))
                x, y, rows = x[:n], y[:n], rows[:n]
                points = Points(x, y, spec.x.log, spec.y.log)
            marked = np.isin(rows, table.where(marks)) if marks else None
            return Cloud(table, spec, sql, points, x, y, rows, marked, key)

        self.run(read, self._take_cloud, self._failed)

    def _ask(self, axes: tuple | None) -> None:
        """Other axes, or those of another result, are asked for: a text that was refused before is gone."""
        if axes != self._asked:
            self._asked = axes
            self._refused = self.axes.error = ""

    def _empty(self) -> None:
        """No cloud any more; what is being read for the last one must not be drawn."""
        self._cloud = None
        self.forget()
        self.forget("draw")

    def _take_cloud(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._draw(not self._zoomed)

    def _draw(self, all_of_it: bool) -> None:
        cloud, window, current = self._cloud, self._window, self.session.look.current
        if cloud is None:
            return
        size = (window[2], window[3]) if window else self.scatter.size

        def read() -> Frame | None:
            ranges = cloud.points.ranges() if all_of_it or window is None else window[:2]
            return _frame(cloud, ranges, size, current) if ranges else None

        self.run(read, lambda frame: self._show(frame, size, all_of_it), self._failed, slot="draw")

    def _show(self, frame: Frame | None, size: tuple[int, int], all_of_it: bool) -> None:
        cloud = self._cloud
        if frame is None:
            self.scatter.clear("These axes have no numbers to draw." if len(cloud.rows) else self.nothing())
            self.axes.param.update(note="", error=self._refused)
            return
        if all_of_it:
            self._window = (frame.x_range, frame.y_range, *size)
            self.scatter.set_axes(cloud.spec, frame.x_range, frame.y_range)
        if frame.places is not None:
            marked = np.zeros(len(frame.places), bool) if cloud.marked is None else cloud.marked[frame.places]
            x, y, rows = cloud.x[frame.places], cloud.y[frame.places], cloud.rows[frame.places]
            self.scatter.show_points(x, y, rows, marked, frame.labels, len(cloud.rows))
        else:
            self.scatter.show_density(frame.image, frame.x_range, frame.y_range, frame.shown, frame.marked_image)
        self.scatter.mark_current(*(frame.current or (None,)))
        how = "points" if frame.places is not None else "points as density"
        without = len(cloud.rows) - frame.shown if all_of_it else 0
        missing = f" · {without:,} without a value" if without > 0 else ""
        cut = " · cut at the row limit" if cloud.table.meta.overflow else ""
        self.axes.param.update(note=f"{frame.shown:,} {how}{missing}{cut}", error=self._refused)

    def _failed(self, error: TriviewError) -> None:
        self.axes.error = f"{error.message} {error.hint}".strip()


def _frame(cloud: Cloud, ranges: tuple, size: tuple[int, int], current: int) -> Frame:
    """The picture of a part of the cloud; runs in a thread."""
    x_range, y_range = ranges
    places = cloud.points.points_in(x_range, y_range)
    image = marked_image = None
    labels: list[str] = []
    if places is not None:
        shown = len(places)
        labels = _labels(cloud, places)
    else:
        counts = cloud.points.density(x_range, y_range, *size)
        shown = int(counts.sum())
        image = shade(counts)
        if cloud.marked is not None:
            marked_image = shade(cloud.points.density_of(np.flatnonzero(cloud.marked), x_range, y_range, *size), "log")
    spot = None
    place = np.searchsorted(cloud.rows, current) if current >= 0 else len(cloud.rows)
    if place < len(cloud.rows) and cloud.rows[place] == current:
        spot = (float(cloud.x[place]), float(cloud.y[place]))
        if not np.isfinite(spot).all():
            spot = None
    return Frame(cloud, x_range, y_range, places, labels, image, marked_image, shown, spot)


def _labels(cloud: Cloud, places: np.ndarray) -> list[str]:
    """The exact id of each point for hovering, as text; the row number (from 1) where there is no id."""
    columns = cloud.table.meta.columns
    ident = next((c for c in columns if c.ucd.startswith("meta.id") and "meta.main" in c.ucd), None)
    ident = ident or next((c for c in columns if c.datatype == "long" and c.name.endswith("Id")), None)
    rows = cloud.rows[places]
    if ident is None or len(rows) > MAX_LABELS:
        return [f"row {row + 1}" for row in rows.tolist()]
    cells = cloud.table.take(rows, [ident.name]).column(0)
    return [f"{ident.name} {text}" for text in cell_texts(ident, cells.combine_chunks())]
