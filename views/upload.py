"""The upload panel: files become results and tables that queries can name, and queries for many targets."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace

import pyarrow as pa

from portal.errors import LimitError, QueryError, TriviewError
from portal.jobs.job import Job
from portal.look import Look, shown_columns
from portal.session import Session
from portal.table.columns import TableMeta
from portal.table.engine import Stop
from portal.table.foreign.edits import Edit, Edits
from portal.table.foreign.load import load, with_types
from portal.table.result import ResultTable
from portal.uploads import Upload as Kept
from portal.uploads import check_name, free_name
from portal.vo.capabilities import UploadLimits
from portal.vo.files import fetch_file
from portal.vo.images import ImageFiles
from portal.vo.obscore import ImageRef
from portal.vo.schema import SchemaBook
from portal.vo.tap import TapService
from widgets.upload import Loaded, Sought, UploadPanel

from .base import View
from .feeds import Answer, Feeds, json_answer
from .intake import Intakes, Staged
from .preview import Previews, read_options, read_positions
from .targets import described, searchable, target_query

ROWS = 65_536  # taken at once from a result


class Upload(View):
    """One page's uploads."""

    def __init__(
        self, session: Session, feeds: Feeds, intakes: Intakes, book: SchemaBook, images: ImageFiles | None = None
    ) -> None:
        super().__init__(session, feeds)
        self.book, self.images = book, images
        self.service = TapService(session.runner.web, session.settings.service_url)
        self._intakes = intakes
        self._intake_url, self._intake = intakes.open()
        self._previews = Previews(self._intake)
        self._fetching = threading.Event()
        self._sharing = Stop()
        self._loading = ""  # key of the job whose rows are to be named in queries
        self._reports = 0
        self.widget = UploadPanel(
            intake_url=self._intake_url,
            preview_url=self.feed(lambda asked: Answer(self._previews.answer(asked), "application/json")),
            tables_url=self.feed(lambda _: json_answer({"tables": searchable(self.book.read(self.service))})),
            most_bytes=self._intake.most_bytes,
        )
        self.take(
            self.widget,
            fetched=lambda gesture: self._fetch(gesture.url.strip()),
            stopped=lambda _: self._stop(),
            loaded=self._load,
            imaged=lambda gesture: self._show_image(gesture.key),
            shared=lambda gesture: self._share(gesture.key, gesture.name.strip()),
            renamed=lambda gesture: self._change("rename", gesture.key, gesture.name.strip()),
            removed=lambda gesture: self._change("remove", gesture.key),
            sought=self._seek,
        )
        self.listen(self._show, "uploads", "active", "tabs", "look")
        self.run(lambda: session.runner.sender.limits(self.service.url), self._tell_service, self._no_limits, "limits")
        self._show()

    # -- what the panel shows ------------------------------------------------------------------------------------
    def _show(self) -> None:
        session = self.session
        self.widget.uploads = [described(item) for item in session.uploads]
        taken = [item.name for item in session.uploads]
        tabs = sorted((tab for tab in session.tabs if tab.rows), key=lambda tab: tab.key != session.active)
        self.widget.results = [
            {
                "key": tab.key,
                "title": tab.title,
                "note": "the rows shown" if _narrowed(session.look_of(tab.key)) else f"all {tab.rows:,} rows",
                "name": free_name(tab.title, taken),
            }
            for tab in tabs
        ]

    def _tell_service(self, limits: UploadLimits) -> None:
        most = f"at most {limits.bytes / 2**20:,.0f} MiB with a query" if limits.bytes else "of any size"
        words = (
            f"The service takes such tables, {most}."
            if limits.inline
            else "This service takes no tables with queries: targets are written into the query itself."
        )
        self.widget.param.update(service=words, inline=limits.inline)

    def _no_limits(self, error: TriviewError) -> None:
        self.widget.service = "The service does not say what it takes with queries."

    def report(self, error: TriviewError) -> None:
        # The number makes the same words twice two events.
        self._reports += 1
        self.widget.param.update(problem=[error.message, error.hint, self._reports], making="", fetching="")

    # -- files ---------------------------------------------------------------------------------------------------
    def _fetch(self, url: str) -> None:
        self._fetching.set()
        stop = self._fetching = threading.Event()
        self.widget.param.update(problem=[], staged={}, fetching="Asking …")

        def tell(size: int, total: int) -> None:
            words = f"{size / 2**20:,.1f}" + (f" of {total / 2**20:,.1f} MiB" if total else " MiB")
            self.session.post(lambda: stop.is_set() or self.widget.param.update(fetching=words))

        def read() -> Staged:
            path = self._intake.room(0)
            name = fetch_file(self.session.runner.web, url, path, self._intake.most_bytes, stop, tell)
            return self._intake.keep(name, path)

        def then(staged: Staged) -> None:
            stop.set()
            told = {"file": staged.key, "name": staged.name, "bytes": staged.bytes}
            self.widget.param.update(fetching="", staged=told)

        self.run(read, then, slot="fetch")

    def _stop(self) -> None:
        """What the user waits for here ends; what was there before stays."""
        self._give_up()
        self.forget("fetch")
        self.forget("share")
        if self._loading:
            self.session.cancel(self._loading)
        self._loading = ""
        self.widget.param.update(fetching="", making="")

    def _give_up(self) -> None:
        self._fetching.set()
        self._previews.stop()
        self._sharing.set()

    def _load(self, asked: Loaded) -> None:
        """Read a file into a result; the panel closes, or stays when its rows are to be named in queries."""
        self.widget.problem = []
        lists = (asked.columns, asked.names, asked.types, asked.units, asked.descriptions)
        if len({len(item) for item in lists}) != 1:
            raise QueryError("The list of columns did not come whole.", "Try again.")
        if asked.share:
            check_name(asked.share)
        staged = self._intake.get(asked.file)
        edits = Edits(
            tuple(Edit(*item) for item in zip(*lists)), read_positions(asked.ra, asked.dec, asked.unit, asked.frame)
        )
        said = {name: getattr(asked, name) for name in ("format", "delimiter", "header", "encoding")}
        options = with_types(read_options(said)._replace(part=asked.part), asked.found, edits)
        path = self._intake.lend(staged.key)

        def work(job: Job):
            job.progress = job.progress._replace(text="Reading the file")

            def progress(rows: int, fraction: float) -> None:
                job.progress = job.progress._replace(fraction=fraction)

            return load(path, staged.name, options, edits, job.cancelled, progress)

        job = self.session.make("upload", asked.title.strip() or staged.name, work)
        if not asked.share:
            self.session.close_panel()
            return
        self._loading, self.widget.making = job.key, f"Reading {staged.name} …"
        self.session.watch_job(job, lambda now: self._loaded(now, asked.share))

    def _show_image(self, key: str) -> None:
        """Open a FITS file beside the other images; the panel closes."""
        images, staged = self.images, self._intake.get(key)
        if images is None:
            raise TriviewError("This page shows no images.")

        def then(ref: ImageRef) -> None:
            self.session.add_image(ref)
            self.session.close_panel()

        self.run(lambda: images.give(self._intake.lend(key), staged.name), then, slot="image")

    def _loaded(self, job: Job, name: str) -> None:
        """The rows that were to be named in queries are here, or are not."""
        if self._ended or not job.over or self._loading != job.key:
            return
        self._loading = ""
        if job.phase == "COMPLETED":
            self._guarded(lambda: self._share(job.key, name))
        else:
            self.report(job.error or TriviewError("Reading the file was stopped."))

    # -- tables that queries can name ----------------------------------------------------------------------------
    def _share(self, key: str, name: str) -> None:
        """Keep the rows of a result, as filtered and with the columns shown, for queries."""
        check_name(name)
        session, stop = self.session, Stop()
        title = next((tab.title for tab in session.tabs if tab.key == key), "")
        if not title:
            raise QueryError("This result is no longer open.", "Choose another one.")
        look = session.look_of(key)
        self._sharing = stop
        self.widget.param.update(problem=[], making=f"Making TAP_UPLOAD.{name} …")

        def read() -> Kept:
            table = session.runner.acquire(key)
            if table is None:
                raise QueryError("There are no rows yet.", "Wait until some have come.")
            try:
                meta, batches = _rows(table, look, stop)
                return session.runner.uploads.add(session.workspace, name, title, meta, batches, stop)
            finally:
                session.runner.release(key)

        self.run(read, lambda _: self._kept(), slot="share")

    def _kept(self) -> None:
        self.widget.making = ""
        self.session.list_uploads()

    def _change(self, verb: str, key: str, *words: str) -> None:
        session = self.session
        self.widget.problem = []
        self.run(
            lambda: getattr(session.runner.uploads, verb)(session.workspace, key, *words),
            lambda _: session.list_uploads(),
            slot=f"{verb}{key}",
        )

    def _seek(self, asked: Sought) -> None:
        session = self.session
        upload = next((item for item in session.uploads if item.key == asked.key), None)
        if upload is None:
            raise QueryError("This table is no longer here.", "Choose another one.")
        self.widget.problem = []
        path = session.runner.uploads.path(session.workspace, upload.key)

        def read() -> str:
            doc = self.book.read(self.service)
            inside = asked.inside or not self.widget.inline
            return target_query(
                upload, path, doc, asked.table, asked.how, asked.radius, asked.column, asked.target, inside
            )

        def then(text: str) -> None:
            session.query = text
            session.search = True
            session.close_panel()

        self.run(read, then, slot="seek")

    def end(self) -> None:
        """The page has gone: what only it waited for ends, and its files are deleted."""
        super().end()
        self._give_up()
        self._intakes.close(self._intake_url)


def _narrowed(look: Look) -> bool:
    return bool(look.filters or look.kept or look.condition or look.columns.hidden)


def _rows(table: ResultTable, look: Look, stop: Stop) -> tuple[TableMeta, Iterator[pa.RecordBatch]]:
    """The rows a look keeps, in its order, with the columns it shows."""
    names = list(shown_columns(look, table.meta))
    if not names:
        raise LimitError("No column is shown.", "Show at least one.")
    columns = tuple(map(table.meta.column, names))
    # char promises ASCII, and services insist.
    columns = tuple(
        replace(c, datatype="unicodeChar") if c.datatype == "char" and not table.is_ascii(c.name) else c
        for c in columns
    )
    meta = replace(table.meta, columns=columns, services=(), infos=(), params=(), overflow=False)
    rows = table.rows(look.row_view(table.meta), stop)
    total = table.n_rows if rows is None else len(rows)

    def batches() -> Iterator[pa.RecordBatch]:
        for start in range(0, total, ROWS):
            if rows is None:
                part = table.page(look.row_view(table.meta), start, min(ROWS, total - start), names, stop)[1]
            else:
                part = table.take(rows[start : start + ROWS], names)
            yield from part.to_batches()

    return meta, batches()
