"""The session: the state of one open page, and the verbs that change it.

Views call verbs and listen to parameters; nobody else writes here. What matters is saved in the workspace after every
change, so that the page can be brought back. Knows nothing of widgets; ``post`` brings calls from worker threads to
the thread that owns the page.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any, NamedTuple

import param

from .config import Settings
from .errors import QueryError, ServiceError, TriviewError
from .jobs.history import Stored
from .jobs.job import Job, JobRow
from .jobs.runner import Make, Runner
from .look import Look
from .table.result import ResultTable
from .table.selection import Clause

LAYOUTS = ("tri", "sky-table", "sky-chart", "chart-table", "sky", "chart", "table")
JOBS_SHOWN = 200  # a page's list of jobs; older ones are found in the history


class Tab(NamedTuple):
    """A result in the row of tabs."""

    key: str
    title: str
    phase: str
    rows: int
    overflow: bool
    error: str


class Session(param.Parameterized):
    """One page's state. Parameters hold primitives and tuples only, so equal values do not fire again."""

    query = param.String(doc="ADQL in the editor")
    maxrec = param.Integer(50_000, bounds=(1, None), doc="row limit of the next query")
    jobs = param.ClassSelector(class_=tuple, default=(), doc="JobRow of every job of this page, newest first")
    tabs = param.ClassSelector(class_=tuple, default=(), doc="Tab of every open result")
    active = param.String(doc="key of the result shown, or empty")
    look = param.Parameter(Look(), doc="how the active result is looked at")
    arrived = param.Integer(0, doc="grows as rows of the active result arrive")
    uploads = param.ClassSelector(class_=tuple, default=(), doc="Upload of every table that queries can name")
    layout = param.Selector(default="tri", objects=list(LAYOUTS))
    theme = param.Selector(default="light", objects=["light", "dark"])
    search = param.Boolean(True, doc="whether the search part is open")
    detail = param.Boolean(False, doc="whether light curve and image are open")
    trouble = param.ClassSelector(class_=tuple, default=(), doc="(message, hint) to show at the top, or empty")
    panel = param.ClassSelector(class_=tuple, default=(), doc="(what, column) of the tool panel open, or empty")

    def __init__(
        self, runner: Runner, workspace: str = "", post: Callable[[Callable[[], None]], None] | None = None
    ) -> None:
        super().__init__()
        self.runner = runner
        self.settings: Settings = runner.settings
        self.history = runner.history
        self.post = post or (lambda call: call())
        self._looks: dict[str, Look] = {}
        self._held: dict[str, ResultTable] = {}
        self._counter = 0
        self._save_lock = threading.Lock()
        self._unsaved: dict[str, Any] | None = None
        self._saving = False
        self._ready = False
        self._detail_closed = False
        self.maxrec = self.settings.maxrec
        state = self.history.load(workspace) if workspace else None
        self.fresh = state is None
        self.workspace = workspace if state is not None else self.history.new_workspace()
        self.list_uploads()
        if state:
            self._restore(state)
        self._ready = True

    # -- verbs ---------------------------------------------------------------------------------------------------
    def submit(self, query: str, title: str = "") -> Job:
        """Run a query as a job and show its result as it comes. Raises QueryError when the text is empty."""
        if not query.strip():
            raise QueryError("There is no query to run.", "Write ADQL in the editor, or take an example.", 1, 1)
        self._counter += 1
        job = self.runner.submit(
            self.workspace, self.settings.service_url, query, self.maxrec, title or f"Query {self._counter}"
        )
        with param.parameterized.batch_call_watchers(self):
            self.query = query
            self._adopt(job)
        return job

    def open(self, key: str) -> None:
        """Show a result."""
        if key != self.active and any(tab.key == key for tab in self.tabs):
            self._show(key)

    def open_job(self, job: Job) -> None:
        """Give a job's result a tab of its own and show it (a light curve as a table, an older query)."""
        with param.parameterized.batch_call_watchers(self):
            self._adopt(job)

    def make(self, kind: str, title: str, work: Make) -> Job:
        """Have the portal make a result by itself (``Runner.make``) and show it as it comes."""
        job = self.runner.make(self.workspace, kind, title, work)
        with param.parameterized.batch_call_watchers(self):
            self._adopt(job)
        return job

    def list_uploads(self) -> None:
        """Take the workspace's uploads (TAP_UPLOAD tables) as they are now: one was added, renamed or removed."""
        self.uploads = self.runner.uploads.list(self.workspace)

    def close_result(self, key: str) -> None:
        """Take a result off the page, its job stopped."""
        self.runner.cancel(key)
        rest = tuple(tab for tab in self.tabs if tab.key != key)
        self.history.close_result(key)
        with param.parameterized.batch_call_watchers(self):
            self.tabs = rest
            if self.active == key:
                self._show(rest[-1].key if rest else "")
        if self._held.pop(key, None) is not None:
            self.runner.release(key)

    def change(self, **parts: Any) -> None:
        """Change parts of the look at the active result (sort, filters, x, y)."""
        self.look = self.look._replace(**parts)

    def select(self, clause: Clause) -> None:
        """Mark rows: a clause replaces the earlier one of the same source."""
        self.look = self.look.with_clause(clause)

    def unselect(self, source: str = "") -> None:
        """Take back one source's clause, or the whole selection."""
        self.look = self.look.without_clause(source) if source else self.look._replace(clauses=())

    def keep_selected(self) -> None:
        """Turn the selection into a filter: only its rows are shown, everywhere."""
        look = self.look
        self.look = look._replace(kept=(*look.kept, *look.clauses), clauses=())

    def unkeep(self, place: int) -> None:
        """Take back one filter that was made from a selection."""
        kept = self.look.kept
        self.look = self.look._replace(kept=kept[:place] + kept[place + 1 :])

    def point_at(self, row: int) -> None:
        """Make a row the current one (-1: none); its light curve and image open unless the user closed them."""
        with param.parameterized.batch_call_watchers(self):
            self.look = self.look._replace(current=int(row))
            if row >= 0 and not self._detail_closed:
                self.detail = True

    def toggle(self, part: str) -> None:
        """Open or close the search part or the details."""
        if part == "search":
            self.search = not self.search
        elif part == "detail":
            self._detail_closed = self.detail
            self.detail = not self.detail

    def show(self, layout: str) -> None:
        """Choose the layout."""
        self.layout = layout

    def open_panel(self, what: str, column: str = "") -> None:
        """Open a tool panel (one at a time), perhaps for a column; the same again closes it."""
        self.panel = () if self.panel == (what, column) else (what, column)

    def close_panel(self) -> None:
        self.panel = ()

    def cancel(self, key: str) -> None:
        self.runner.cancel(key)

    # -- reading -------------------------------------------------------------------------------------------------
    def table(self) -> ResultTable | None:
        """The active result's rows, or None when none has come yet."""
        return self._table_of(self.active) if self.active else None

    def _table_of(self, key: str) -> ResultTable | None:
        if key not in self._held:
            table = self.runner.acquire(key)
            if table is None:
                return None
            self._held[key] = table
        return self._held[key]

    def job(self, key: str) -> JobRow | None:
        return next((row for row in self.jobs if row.key == key), None)

    # -- jobs that move ------------------------------------------------------------------------------------------
    def watch_job(self, job: Job, call: Callable[[Job], None]) -> None:
        """Have ``call(job)`` made in the page's thread as the job moves, until the session ends."""
        listener = _Listener(self, call)
        job.listeners.append(listener)
        listener(job)

    def _adopt(self, job: Job) -> None:
        self._looks.setdefault(job.key, Look())
        self.jobs = (job.row(), *(row for row in self.jobs if row.key != job.key))[:JOBS_SHOWN]
        if not any(tab.key == job.key for tab in self.tabs):
            self.tabs = (*self.tabs, _tab(job.row()))
        self._show(job.key)
        self.watch_job(job, self._moved)

    def _moved(self, job: Job) -> None:
        row = job.row()
        if not any(tab.key == job.key for tab in self.tabs):
            return
        with param.parameterized.batch_call_watchers(self):
            self.jobs = tuple(row if old.key == row.key else old for old in self.jobs)
            self.tabs = tuple(_tab(row) if tab.key == row.key else tab for tab in self.tabs)
            if job.key == self.active:
                self.arrived += 1

    def _show(self, key: str) -> None:
        if self.active:
            self._looks[self.active] = self.look
        with param.parameterized.batch_call_watchers(self):
            self.active = key
            self.look = self._looks.get(key, Look())
            self.arrived += 1

    # -- the workspace -------------------------------------------------------------------------------------------
    def _restore(self, state: dict[str, Any]) -> None:
        stored = {item.key: item for item in self.history.results(self.workspace)}
        keys = [key for key in state.get("tabs", []) if key in stored]
        rows, live = [], []
        for key in keys:
            job = self.runner.jobs.get(key)
            rows.append(job.row() if job else _row_of(stored[key]))
            if job is not None and not job.over:
                live.append(job)
        self._looks = {key: Look.from_json(doc) for key, doc in state.get("looks", {}).items() if key in stored}
        self._counter = int(state.get("counter", len(keys)))
        with param.parameterized.batch_call_watchers(self):
            self.query = str(state.get("query", ""))
            self.maxrec = max(1, int(state.get("maxrec", self.maxrec)))
            self.jobs = tuple(reversed(rows))
            self.tabs = tuple(_tab(row) for row in rows)
            self.layout = state.get("layout") if state.get("layout") in LAYOUTS else "tri"
            self.theme = state.get("theme") if state.get("theme") in ("light", "dark") else "light"
            self.search = bool(state.get("search", True))
            self.detail = bool(state.get("detail", False))
            active = state.get("active", "")
            self._show(active if active in keys else (keys[-1] if keys else ""))
        for job in live:
            self.watch_job(job, self._moved)

    @param.depends("query", "maxrec", "tabs", "active", "look", "layout", "theme", "search", "detail", watch=True)
    def _changed(self) -> None:
        """Save the state, the newest only, in a worker thread."""
        if not self._ready:
            return
        if self.active:
            self._looks[self.active] = self.look
        keys = [tab.key for tab in self.tabs]
        state = {
            "query": self.query,
            "maxrec": self.maxrec,
            "tabs": keys,
            "active": self.active,
            "looks": {key: look.to_json() for key, look in self._looks.items() if key in keys},
            "layout": self.layout,
            "theme": self.theme,
            "search": self.search,
            "detail": self.detail,
            "counter": self._counter,
        }
        with self._save_lock:
            self._unsaved = state
            if self._saving:
                return
            self._saving = True
        self.runner.read(self._save)

    def _save(self) -> None:
        while True:
            with self._save_lock:
                state, self._unsaved = self._unsaved, None
                if state is None:
                    self._saving = False
                    return
            self.history.save(self.workspace, state)

    def end(self) -> None:
        """Give back what the page took: listeners and open tables. Jobs go on; the workspace stays."""
        for job in list(self.runner.jobs.values()):
            job.listeners[:] = [item for item in job.listeners if getattr(item, "session", None) is not self]
        for key in list(self._held):
            self._held.pop(key)
            self.runner.release(key)


class _Listener:
    """Brings a job's news to the page's thread, at most one call waiting at a time."""

    def __init__(self, session: Session, call: Callable[[Job], None]) -> None:
        self.session = session
        self._call = call
        self._waiting = False

    def __call__(self, job: Job) -> None:
        if self._waiting:
            return
        self._waiting = True
        self.session.post(lambda: self._arrive(job))

    def _arrive(self, job: Job) -> None:
        self._waiting = False
        self._call(job)


def _tab(row: JobRow) -> Tab:
    return Tab(row.key, row.title, row.phase, row.rows, row.overflow, row.error)


def _row_of(item: Stored) -> JobRow:
    """A job that ended before this server started, as its history tells it."""
    job = Job(item.key, item.workspace, item.kind, item.service, item.adql, item.title, item.maxrec, item.url)
    job.phase, job.overflow, job.started, job.ended = item.phase, bool(item.overflow), item.started, item.ended
    job.progress = job.progress._replace(rows=item.rows)
    if item.error:
        doc = json.loads(item.error)
        place = (doc.get("line", 0), doc.get("column", 0), doc.get("length", 1))
        kind: type[TriviewError] = QueryError if doc.get("kind") == "query" else ServiceError
        job.error = (
            kind(doc["message"], doc["hint"], *place) if kind is QueryError else kind(doc["message"], doc["hint"])
        )
    return job.row()
