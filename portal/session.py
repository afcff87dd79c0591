"""The session of one open page: the verbs that change its state.

Views call verbs and listen to the parameters of ``PageState``; nobody else writes there. Whatever a verb changes in the
look of a result or in the row of tabs can be undone; jobs go on.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import param

from .errors import LimitError, QueryError
from .jobs.job import Job
from .jobs.part import part_of
from .jobs.runner import Make
from .look import Look
from .narrowing import marked_view
from .state import FACES, LAYOUTS, PageState
from .table.clauses import Clause, words
from .table.columns import Info
from .tabs import changed, find, moved
from .undo import Scene, Step
from .vo.obscore import MOST_IMAGES, ImageRef

__all__ = ["FACES", "LAYOUTS", "Session"]


class Session(PageState):
    """One page, as its views use it."""

    # -- jobs and results ----------------------------------------------------------------------------------------
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
        """Take a result off the page, its job stopped. Undo brings it back with the rows that had come."""
        tab, before = find(self.tabs, key), self.tabs
        if tab is None:
            return
        self._close(key)
        self._did(Step(f"close {tab.title}", "", Scene(tabs=before), Scene(tabs=self.tabs)))

    def close_others(self, key: str) -> None:
        """Take all results off the page but one and those that are pinned."""
        before = self.tabs
        with param.parameterized.batch_call_watchers(self):
            if any(tab.key == self.active and not tab.pinned for tab in before):
                self.open(key)  # first, else each of the others would be shown, and read, before it goes
            for tab in before:
                if tab.key != key and not tab.pinned:
                    self._close(tab.key)
        if self.tabs != before:
            self._did(Step("close other results", "", Scene(tabs=before), Scene(tabs=self.tabs)))

    def change_tab(self, key: str, **parts: Any) -> None:
        """Rename, pin or colour a result (title, pinned, colour)."""
        self._arrange(f"{'rename' if 'title' in parts else 'mark'} result", changed(self.tabs, key, **parts))

    def move_tab(self, key: str, place: int) -> None:
        """Put a result at another place in the row of tabs (from 0); pinned ones stay first."""
        self._arrange("move result", moved(self.tabs, key, place))

    def change(self, **parts: Any) -> None:
        """Change parts of the look at the active result (sort, filters, x, y)."""
        self.look = self.look._replace(**parts)

    def arrange_columns(self, verb: str, columns: Sequence[str], text: str = "", width: int = 0) -> None:
        """Lay the columns of the active result out in another way (``Arrangement.act``); nothing without a result."""
        table = self.table()
        if table is not None:
            names = [column.name for column in table.meta.columns]
            self.change(columns=self.look.columns.act(names, verb, columns, text, width))

    def columns_changed(self, key: str, gone: str = "") -> None:
        """A result has other columns than before; nothing may go on asking for the one that is ``gone``."""
        if key != self.active:  # the user has gone on to another result meanwhile
            if gone and key in self._looks:
                self._looks[key] = self._looks[key].without_column(gone)
            return
        with param.parameterized.batch_call_watchers(self):
            if gone:
                self.look = self.look.without_column(gone)
            self.arrived += 1

    def select(self, clause: Clause) -> None:
        """Mark rows: a clause takes the place of what its source marked before, or joins it by its mode."""
        self.look = self.look.with_clause(clause)

    def unselect(self, source: str = "") -> None:
        """Take back one source's clause, or the whole selection."""
        self.look = self.look.without_clause(source) if source else self.look._replace(clauses=())

    def keep_selected(self) -> None:
        """Turn the selection into a filter: only its rows are shown, everywhere."""
        self.look = self.look.with_kept()

    def unkeep(self, place: int) -> None:
        """Take back one filter that was made from a selection."""
        kept = self.look.kept
        self.look = self.look._replace(kept=kept[:place] + kept[place + 1 :])

    def new_table(self) -> Job:
        """Copy the marked rows that are shown, in their order, into a result of their own.

        Raises QueryError when nothing is marked.
        """
        look, tab, table = self.look, find(self.tabs, self.active), self.table()
        if tab is None or table is None:
            raise QueryError("There is no result to take rows from.", "Run a query first.")
        view, said = marked_view(look, table.meta), words(look.clauses)
        infos = (Info("SELECTION", said, f"Rows marked in {tab.title}"),)
        work = part_of(self.runner, self.active, view, infos)
        job = self.make("part", f"{tab.title}: {said}"[:80], work)
        self._take_look(Look(x=look.x, y=look.y, columns=look.columns))
        return job

    def narrow_query(self, query: str) -> None:
        """Put a query into the editor that undo can take out again."""
        step = Step("condition in the query", "", Scene(query=self.query), Scene(query=query))
        self.query = query
        self._did(step)

    def undo(self) -> None:
        """Take back the last thing done to the look of a result or to the row of tabs."""
        step = self._undo.back()
        if step is not None:
            self._step(step.key, step.before, step.after)

    def redo(self) -> None:
        """Do again what was taken back last."""
        step = self._undo.forth()
        if step is not None:
            self._step(step.key, step.after, step.before)

    def point_at(self, row: int) -> None:
        """Make a row the current one (-1: none); its light curve and image open unless the user closed them."""
        with param.parameterized.batch_call_watchers(self):
            self.look = self.look._replace(current=int(row))
            if row >= 0 and not self._detail_closed:
                self.detail = True

    # -- images --------------------------------------------------------------------------------------------------
    def show_images(self, refs: Sequence[ImageRef]) -> None:
        """Open these images in place of those that were open, and turn the sky pane to them.

        Raises LimitError when they are more than a page shows.
        """
        if len(refs) > MOST_IMAGES:
            raise LimitError(f"{len(refs)} images are too many for one page; it shows {MOST_IMAGES}.", "Mark fewer.")
        with param.parameterized.batch_call_watchers(self):
            self.images, self.follow, self.face = tuple(refs), not refs, "image"

    def add_image(self, ref: ImageRef) -> None:
        """Open one more image beside those that are open. Raises LimitError when there are too many."""
        self.show_images((*(item for item in self.images if item.key != ref.key), ref))

    def close_image(self, key: str) -> None:
        """Take one opened image away; without any the current row's are shown."""
        with param.parameterized.batch_call_watchers(self):
            self.images = tuple(ref for ref in self.images if ref.key != key)
            self.follow = self.follow or not self.images

    def follow_row(self, on: bool) -> None:
        """Show the current row's images, or again those that were opened."""
        self.follow = on or not self.images

    def look_at(self, ra: float, dec: float, fov: float, who: str) -> None:
        """Note where a view ("sky" or "image") has been moved to: ICRS degrees, ``fov`` its width."""
        self.place = (ra, dec, fov, who)

    def turn(self, face: str) -> None:
        """Choose what the sky pane shows; in a layout without it, it comes back."""
        with param.parameterized.batch_call_watchers(self):
            self.face = face
            if "sky" not in self.layout and self.layout != "tri":
                self.layout = "tri"

    # -- the page ------------------------------------------------------------------------------------------------
    def toggle(self, part: str) -> None:
        """Open or close the search part or the details; link or unlink sky and images."""
        if part == "search":
            self.search = not self.search
        elif part == "detail":
            self._detail_closed = self.detail
            self.detail = not self.detail
        elif part == "linked":
            self.linked = not self.linked

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
