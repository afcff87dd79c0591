"""The light curve of the current row: its service descriptor followed as a job, its rows drawn by band."""

from __future__ import annotations

from collections import OrderedDict
from functools import partial

import numpy as np
import panel as pn

from portal.chart.lightcurve import LightCurve, read_curve
from portal.errors import QueryError, TriviewError
from portal.jobs.job import Job
from portal.look import Look
from portal.session import Session
from portal.table.result import ResultTable
from portal.vo.datalink import Call, fill, series_services
from widgets.curvebar import CurveBar
from widgets.export import ExportMenu
from widgets.lightcurve import LightCurveChart

from .base import View
from .export import export_answer, held_answer
from .feeds import Answer, Feeds

KEPT = 40  # curves of one page kept for going back; each is some 100 kB on disk


class Curve(View):
    """One curve at a time. ``_jobs`` holds the jobs of the curves seen, newest last, by address."""

    def __init__(self, session: Session, feeds: Feeds) -> None:
        super().__init__(session, feeds)
        self._jobs: OrderedDict[str, Job] = OrderedDict()
        self._call: Call | None = None
        self._chosen = 0
        self._row: tuple = ()
        self.panel = pn.Column(sizing_mode="stretch_both", margin=0)
        self._chart: LightCurveChart | None = None
        self.export = ExportMenu(url="")
        self._export_url = self.feed(self._export)
        self.bar = CurveBar(export=self.export, sizing_mode="stretch_width")
        self.take(
            self.bar,
            united=lambda gesture: self._unit(gesture.value),
            fluxed=lambda gesture: self._flux(gesture.value),
            served=lambda gesture: self._serve(gesture.place),
            tabled=lambda _: self._open_table(),
        )
        self.listen(self.update, "look", "active", "detail", "arrived")
        self.listen(lambda: self._chart and self._chart.paint(session.theme), "theme")

    @property
    def shown(self) -> bool:
        return self.session.detail

    @property
    def chart(self) -> LightCurveChart:
        """The chart; it is there from the first refresh on."""
        assert self._chart is not None
        return self._chart

    def _take_chart(self, chart: LightCurveChart) -> None:
        if self._chart is None:
            chart.param.update(unit=self.bar.unit, kind=self.bar.kind)
            self._chart = chart
            self.panel[:] = [chart]
        self.refresh()

    # -- the user's hand -----------------------------------------------------------------------------------------
    def _unit(self, unit: str) -> None:
        self.bar.unit = unit
        if self._chart is not None:
            self._chart.unit = unit

    def _flux(self, kind: str) -> None:
        self.bar.kind = kind
        if self._chart is not None:
            self._chart.kind = kind

    def _serve(self, place: int) -> None:
        self._chosen, self._row = place, ()
        self.update()

    def _open_table(self) -> None:
        job = self._jobs.get(self._call.url) if self._call else None
        if job is not None:
            del self._jobs[self._call.url]  # it is a result of the page now, no longer ours to discard
            self.session.open_job(job)

    # -- the session's news --------------------------------------------------------------------------------------
    def refresh(self) -> None:
        session = self.session
        if self._chart is None:
            # Made when first needed, in a thread: its hundred models take 0.2 s, which no other page shall wait for.
            theme = session.theme
            self.run(lambda: LightCurveChart(theme=theme), self._take_chart, slot="chart")
            return
        table, row = session.table(), session.look.current
        if table is None or row < 0:
            self._row = ()
            self._clear("Click a point or a row: its light curve appears here.")
            return
        if (session.active, row) == self._row or row >= table.n_rows:
            return
        self._row = (session.active, row)
        services = series_services(table.meta)
        if not services:
            self._clear(
                "This result offers no time series. Add objectId or diaObjectId of a Rubin table to the SELECT."
            )
            return
        self._chosen = min(self._chosen, len(services) - 1)
        names = [service.description or service.name for service in services]
        self.bar.param.update(series=names, chosen=self._chosen)
        service = services[self._chosen]

        def read() -> Call | None:
            cells = table.take(np.array([row]), None)
            return fill(service, table.meta, {name: cells.column(name)[0].as_py() for name in cells.column_names})

        self.run(read, self._follow)

    def _follow(self, call: Call | None) -> None:
        if call is None:
            self._clear("This row has no id, so there is no time series to fetch.")
            return
        self._call = call
        self.bar.param.update(title=f"{call.id} · {call.title}", ready=False)
        self.export.url = ""
        self.chart.clear()
        self.chart.message("Fetching the time series …")
        job = self._jobs.get(call.url)
        if job is None:
            self._stop_others()
            job = self._jobs[call.url] = self.session.runner.follow(
                self.session.workspace, call.url, f"{call.title} {call.id}"
            )
            self.session.watch_job(job, self._moved)
            self._drop_old()
        else:
            self._jobs.move_to_end(call.url)
            self._moved(job)

    def _moved(self, job: Job) -> None:
        if self._ended or self._call is None or self._jobs.get(self._call.url) is not job:
            return
        if job.phase == "ERROR":
            self._clear(f"The light curve could not be fetched: {job.error}", "error")
            del self._jobs[self._call.url]  # the next click tries again
            self._row = ()
        elif job.phase == "COMPLETED":
            self.run(lambda: self._read(job.key), lambda curve: self._show(job, curve), slot="curve")

    def _read(self, key: str) -> LightCurve:
        runner = self.session.runner
        table = runner.acquire(key)
        if table is None:
            raise QueryError("The rows of this light curve are gone.", "Click the object again.")
        try:
            rows = table.take(np.arange(table.n_rows), None)
            return read_curve(rows, table.meta)
        finally:
            runner.release(key)

    def _show(self, job: Job, curve: LightCurve) -> None:
        if self._call is None or self._jobs.get(self._call.url) is not job:
            return
        self.chart.show_curve(curve, title=self._call.id)
        self.bar.ready = True
        self.export.url = self._export_url

    def _clear(self, words: str, kind: str = "") -> None:
        self._call = None
        self.forget()
        self.forget("curve")
        if self._chart is not None:
            self._chart.clear()
            self._chart.message(words, error=kind == "error")
        self.bar.param.update(title="", ready=False, series=[])
        self.export.url = ""

    def _export(self, arguments: dict[str, str]) -> Answer:
        """The curve's rows as a file; runs in a thread."""
        call = self._call
        job = self._jobs.get(call.url) if call else None
        table: ResultTable | None = self.session.runner.acquire(job.key) if job else None
        if table is None:
            raise QueryError("There is no light curve to save.", "Click an object first.")
        release = partial(self.session.runner.release, job.key)
        return held_answer(release, lambda: export_answer(table, Look(), arguments, f"lightcurve_{call.id}"))

    # -- tidiness ------------------------------------------------------------------------------------------------
    def _stop_others(self) -> None:
        for url, job in list(self._jobs.items()):
            if not job.over:
                del self._jobs[url]
                self.session.runner.discard(job.key)

    def _drop_old(self) -> None:
        while len(self._jobs) > KEPT:
            self.session.runner.discard(self._jobs.popitem(last=False)[1].key)

    def report(self, error: TriviewError) -> None:
        self._clear(f"{error.message} {error.hint}".strip(), "error")

    def end(self) -> None:
        super().end()
        for job in self._jobs.values():
            self.session.runner.discard(job.key)
        self._jobs.clear()
