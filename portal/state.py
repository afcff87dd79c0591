"""The state of one open page: what it holds, how it follows jobs, what undo changes, how it is saved and comes back.

The session adds the verbs that views call; nobody else writes here. Parameters are saved in the workspace after every
change. Knows nothing of widgets; ``post`` brings calls from worker threads to the thread that owns the page.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import param

from .config import Settings
from .jobs.history import row_of
from .jobs.job import Job, JobRow
from .jobs.listener import Listener
from .jobs.runner import Runner
from .look import Look
from .saver import Saver
from .table.result import ResultTable
from .tabs import Tab, arranged, find, marks_to_json, tab_of, with_marks
from .undo import Scene, Step, Undo, told
from .vo.obscore import refs_from_json

FACES = ("sky", "image")  # of the sky pane
LAYOUTS = ("tri", "sky-table", "sky-chart", "chart-table", "sky", "chart", "table")
JOBS_SHOWN = 200  # a page's list of jobs; older ones are found in the history


class PageState(param.Parameterized):
    """One page's state. Parameters hold primitives and tuples only, so equal values do not fire again."""

    query = param.String(doc="ADQL in the editor")
    maxrec = param.Integer(50_000, bounds=(1, None), doc="row limit of the next query")
    jobs = param.ClassSelector(class_=tuple, default=(), doc="JobRow of every job of this page, newest first")
    tabs = param.ClassSelector(class_=tuple, default=(), doc="Tab of every open result")
    active = param.String(doc="key of the result shown, or empty")
    look = param.Parameter(Look(), doc="how the active result is looked at")
    paged = param.ClassSelector(class_=tuple, default=(0, 100), doc="(first place, rows) of the page the table shows")
    arrived = param.Integer(0, doc="grows as rows of the active result arrive")
    uploads = param.ClassSelector(class_=tuple, default=(), doc="Upload of every table that queries can name")
    hovered = param.Integer(-1, doc="row under the pointer in the table or on the sky, -1 for none; never saved")
    layout = param.Selector(default="tri", objects=list(LAYOUTS))
    theme = param.Selector(default="light", objects=["light", "dark"])
    search = param.Boolean(True, doc="whether the search part is open")
    detail = param.Boolean(False, doc="whether light curve and image are open")
    face = param.Selector(default="sky", objects=list(FACES), doc="what the sky pane shows; the other one is kept")
    images = param.ClassSelector(class_=tuple, default=(), doc="ImageRef of every image that was opened, in order")
    follow = param.Boolean(True, doc="whether images are those of the current row, rather than those opened")
    linked = param.Boolean(True, doc="whether sky and images share centre and field")
    place = param.ClassSelector(class_=tuple, default=(), doc="(ra, dec, fov, who) last looked at, ICRS deg, or empty")
    trouble = param.ClassSelector(class_=tuple, default=(), doc="(message, hint) to show at the top, or empty")
    undo_words = param.String(doc="what undo would take back, or empty")
    redo_words = param.String(doc="what redo would do again, or empty")
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
        self._lock = threading.Lock()
        self._ended = False
        self._undo = Undo()
        self._seen: tuple[str, Look] = ("", Look())
        self._counter = 0
        self._ready = False
        self._detail_closed = False
        self.maxrec = self.settings.maxrec
        state = self.history.load(workspace) if workspace else None
        self.fresh = state is None
        self.workspace = workspace if state is not None else self.history.new_workspace()
        self._saver = Saver(self.history, self.workspace, runner.read)
        self.list_uploads()
        if state:
            self._restore(state)
        self._ready = True

    # -- reading -------------------------------------------------------------------------------------------------
    def table(self) -> ResultTable | None:
        """The active result's rows, or None when none has come yet."""
        return self.table_of(self.active) if self.active else None

    def table_of(self, key: str) -> ResultTable | None:
        """The rows of an open result, held until it is closed; None when none has come yet."""
        with self._lock:  # threads that answer the page's addresses ask too, also once it has ended
            if key not in self._held and not self._ended:
                table = self.runner.acquire(key)
                if table is not None:
                    self._held[key] = table
            return self._held.get(key)

    def look_of(self, key: str) -> Look:
        """How a result is looked at, also one that is not shown now."""
        return self.look if key == self.active else self._looks.get(key, Look())

    def job(self, key: str) -> JobRow | None:
        return next((row for row in self.jobs if row.key == key), None)

    # -- jobs that move ------------------------------------------------------------------------------------------
    def watch_job(self, job: Job, call: Callable[[Job], None]) -> None:
        """Have ``call(job)`` made in the page's thread as the job moves, until the session ends."""
        listener = Listener(self, self.post, call)
        job.listeners.append(listener)
        listener(job)

    def _adopt(self, job: Job) -> None:
        self._looks.setdefault(job.key, Look())
        self.jobs = (job.row(), *(row for row in self.jobs if row.key != job.key))[:JOBS_SHOWN]
        if find(self.tabs, job.key) is None:
            self.tabs = (*self.tabs, tab_of(job.row(), others=self.tabs))
        self._show(job.key)
        self.watch_job(job, self._moved)

    def _moved(self, job: Job) -> None:
        row = job.row()
        tab = find(self.tabs, job.key)
        with param.parameterized.batch_call_watchers(self):
            if tab is not None:
                row = row._replace(title=tab.title)
                self.tabs = tuple(tab_of(row, old) if old.key == row.key else old for old in self.tabs)
            self.jobs = tuple(row if old.key == row.key else old for old in self.jobs)
            if job.key == self.active:
                self.arrived += 1

    def _show(self, key: str) -> None:
        if self.active:
            self._looks[self.active] = self.look
        with param.parameterized.batch_call_watchers(self):
            self.active = key
            self.hovered = -1
            self._take_look(self._looks.get(key, Look()))
            self.arrived += 1

    def _take_look(self, look: Look) -> None:
        """Another look that is no step of the user's."""
        self._seen = self.active, look
        self.look = look

    # -- undo ----------------------------------------------------------------------------------------------------
    @param.depends("look", watch=True)
    def _noted(self) -> None:
        """Whoever changed the look, and however: what differs from the look before is a step."""
        key, before = self._seen
        self._seen = self.active, self.look
        changed = told(before, self.look) if key == self.active else ""
        if changed:
            tab = find(self.tabs, key)
            title = f" · {tab.title}" if tab is not None and len(self.tabs) > 1 else ""
            self._did(Step(changed + title, key, Scene(before), Scene(self.look)))

    def _did(self, step: Step) -> None:
        self._undo.did(step)
        self.undo_words, self.redo_words = self._undo.words

    def _step(self, key: str, to: Scene, of: Scene) -> None:
        with param.parameterized.batch_call_watchers(self):
            if to.tabs is not None:
                self._rearrange(to.tabs, of.tabs or ())
            if to.look is not None and find(self.tabs, key) is not None:
                self.open(key)
                look, gone = to.look, ()
                if (table := self.table()) is not None:  # computed columns may have been deleted since
                    look, gone = look.fitting(table.meta)
                if gone:
                    self.trouble = (f"Not brought back: {'; '.join(gone)}.", "Its columns are gone or have changed.")
                self._take_look(look._replace(current=self.look.current))
            if to.query is not None and self.query == of.query:
                self.query = to.query
            self.undo_words, self.redo_words = self._undo.words

    def _arrange(self, said: str, tabs: tuple[Tab, ...]) -> None:
        if tabs != self.tabs:
            self._did(Step(said, "", Scene(tabs=self.tabs), Scene(tabs=tabs)))
            self._take_tabs(tabs)

    def _take_tabs(self, tabs: tuple[Tab, ...]) -> None:
        titles = {tab.key: tab.title for tab in tabs}
        with param.parameterized.batch_call_watchers(self):
            self.tabs = tabs
            self.jobs = tuple(row._replace(title=titles.get(row.key, row.title)) for row in self.jobs)

    def _rearrange(self, to: tuple[Tab, ...], of: tuple[Tab, ...]) -> None:
        """Close what ``of`` has and ``to`` has not, the other way round bring back; then names and order of ``to``."""
        there = {tab.key for tab in to}
        for tab in of:
            if tab.key not in there and find(self.tabs, tab.key) is not None:
                self._close(tab.key)
        known = {tab.key for tab in of}
        for tab in to:
            if tab.key not in known and find(self.tabs, tab.key) is None:
                self._reopen(tab)
        self._take_tabs(arranged(self.tabs, to))

    def _close(self, key: str) -> None:
        self.runner.cancel(key)
        self.history.close_result(key)
        place = [tab.key for tab in self.tabs].index(key)
        rest = tuple(tab for tab in self.tabs if tab.key != key)
        with param.parameterized.batch_call_watchers(self):
            self.tabs = rest
            if self.active == key:
                self._show(rest[min(place, len(rest) - 1)].key if rest else "")
        if self._held.pop(key, None) is not None:
            self.runner.release(key)

    def _reopen(self, tab: Tab) -> None:
        job = self.runner.jobs.get(tab.key)
        row = job.row() if job is not None else self.job(tab.key)
        if row is None:
            return
        self.history.close_result(tab.key, False)
        self.tabs = (*self.tabs, tab_of(row, tab))
        self._show(tab.key)

    # -- the workspace -------------------------------------------------------------------------------------------
    def _restore(self, state: dict[str, Any]) -> None:
        stored = {item.key: item for item in self.history.results(self.workspace)}
        keys = [key for key in state.get("tabs", []) if key in stored]
        rows, live = [], []
        for key in keys:
            job = self.runner.jobs.get(key)
            rows.append(job.row() if job else row_of(stored[key]))
            if job is not None and not job.over:
                live.append(job)
        self._looks = {key: Look.from_json(doc) for key, doc in state.get("looks", {}).items() if key in stored}
        self._counter = int(state.get("counter", len(keys)))
        with param.parameterized.batch_call_watchers(self):
            self.query = str(state.get("query", ""))
            self.maxrec = max(1, int(state.get("maxrec", self.maxrec)))
            tabs: tuple[Tab, ...] = ()
            for row in rows:
                tabs = (*tabs, tab_of(row, others=tabs))
            self.tabs = with_marks(tabs, state.get("marks"))
            titles = {tab.key: tab.title for tab in self.tabs}
            self.jobs = tuple(row._replace(title=titles[row.key]) for row in reversed(rows))
            self.layout = state.get("layout") if state.get("layout") in LAYOUTS else "tri"
            self.theme = state.get("theme") if state.get("theme") in ("light", "dark") else "light"
            self.search = bool(state.get("search", True))
            self.detail = bool(state.get("detail", False))
            self.face = state.get("face") if state.get("face") in FACES else "sky"
            self.linked = bool(state.get("linked", True))
            self.images = refs_from_json(state.get("images"))
            self.follow = bool(state.get("follow", True)) or not self.images
            active = state.get("active", "")
            self._show(active if active in keys else (keys[-1] if keys else ""))
        for job in live:
            self.watch_job(job, self._moved)

    @param.depends(
        *("query", "maxrec", "tabs", "active", "look", "layout", "theme", "search", "detail"),
        *("face", "images", "follow", "linked"),
        watch=True,
    )
    def _changed(self) -> None:
        """Save the state."""
        if not self._ready:
            return
        if self.active:
            self._looks[self.active] = self.look
        keys = [tab.key for tab in self.tabs]
        state = {
            "query": self.query,
            "maxrec": self.maxrec,
            "tabs": keys,
            "marks": marks_to_json(self.tabs),
            "active": self.active,
            "looks": {key: look.to_json() for key, look in self._looks.items() if key in keys},
            "layout": self.layout,
            "theme": self.theme,
            "search": self.search,
            "detail": self.detail,
            "face": self.face,
            "images": [ref.to_json() for ref in self.images],
            "follow": self.follow,
            "linked": self.linked,
            "counter": self._counter,
        }
        self._saver.save(state)

    def end(self) -> None:
        """Give back what the page took: listeners and open tables. Jobs go on; the workspace stays."""
        for job in list(self.runner.jobs.values()):
            job.listeners[:] = [item for item in job.listeners if getattr(item, "owner", None) is not self]
        with self._lock:
            self._ended = True
            held, self._held = list(self._held), {}
        for key in held:
            self.runner.release(key)
