"""The panel that joins two results, on the session."""

from __future__ import annotations

from typing import Any

from portal.errors import QueryError, TriviewError
from portal.jobs.joined import How, Side, chance_of, joined_of
from portal.session import Session
from portal.table.engine import Stop
from portal.table.joining import KEEPS
from portal.table.match import MODES, Chance
from widgets.combine import CombinePanel

from .base import View
from .feeds import Feeds

KEYS_SHOWN = 300  # columns that can be a key, of one table


class Combine(View):
    """Joins the rows shown of two results; what is filtered out takes no part."""

    def __init__(self, session: Session, feeds: Feeds) -> None:
        super().__init__(session, feeds)
        self._stop = Stop()
        self.widget = CombinePanel(modes=MODES, keeps=KEEPS, estimate={}, css_classes=["tv-combine"])
        self.widget.sizing_mode = "stretch_both"
        self.take(self.widget, estimated=self._estimate, made=self._make, stopped=lambda _: self._forget_estimate())
        self.listen(self.update, "tabs", "active", "look", "panel")
        self.update()

    @property
    def shown(self) -> bool:
        return self.session.panel[:1] == ("combine",)

    def refresh(self) -> None:
        """Tell the panel which results there are; opening their files is for a thread."""
        session = self.session
        self.widget.active = session.active
        tabs = [tab for tab in session.tabs if tab.rows]

        def read() -> list[dict[str, Any]]:
            return [self._described(tab) for tab in tabs]

        self.run(read, self._show, slot="results")

    def _described(self, tab: Any) -> dict[str, Any]:
        table = self.session.runner.acquire(tab.key)
        if table is None:
            return {"key": tab.key, "title": tab.title, "colour": tab.colour, "rows": "", "positions": "", "keys": []}
        try:
            names, columns = table.positions(), table.meta.columns
            view = self.session.look_of(tab.key).row_view(table.meta)
            count = table.count(view)
            shown = f"{count:,} of {table.n_rows:,} rows" if view.where else f"{table.n_rows:,} rows"
        finally:
            self.session.runner.release(tab.key)
        keys = [item for item in columns if item.datatype in ("long", "int", "short") or item.is_text]
        keys = [item for item in keys if not item.is_array]
        keys.sort(key=lambda item: ("meta.id" not in item.ucd, not item.name.lower().endswith("id")))
        return {
            "key": tab.key,
            "title": tab.title,
            "colour": tab.colour,
            "rows": shown,
            "positions": ", ".join(names) if names else "",
            "keys": [{"name": item.name, "text": item.is_text} for item in keys[:KEYS_SHOWN]],
        }

    def _show(self, results: list[dict[str, Any]]) -> None:
        self.widget.results = results

    # -- the user's hand -----------------------------------------------------------------------------------------
    def _question(self, asked: Any) -> tuple[Side, Side, How]:
        sides = []
        for key in (asked.first, asked.second):
            tab = next((tab for tab in self.session.tabs if tab.key == key), None)
            if tab is None:
                raise QueryError("Choose two open results.")
            table = self.session.runner.acquire(key)
            try:
                where = self.session.look_of(key).row_view(table.meta).where if table is not None else ""
            finally:
                if table is not None:
                    self.session.runner.release(key)
            sides.append(Side(key, tab.title, where))
        if asked.left_key or asked.right_key:
            if not (asked.left_key and asked.right_key):
                raise QueryError("Choose a column of each result.")
            return sides[0], sides[1], How(keys=(asked.left_key, asked.right_key))
        try:
            radius = float(asked.radius)
        except ValueError:
            raise QueryError(f"{asked.radius!r} is no radius.", "Write a number of arcseconds, such as 1.") from None
        return sides[0], sides[1], How(radius, asked.mode)

    def _estimate(self, asked: Any) -> None:
        self._forget_estimate()
        first, second, how = self._question(asked)
        stop = self._stop = Stop()
        self.widget.param.update(busy=True, problem="")
        runner = self.session.runner
        self.run(lambda: chance_of(runner, first, second, how, stop), self._show_estimate, slot="estimate")

    def _show_estimate(self, found: Chance) -> None:
        share = f" ({100 * found.false / found.pairs:.1f} %)" if found.pairs else ""
        words = f"{found.pairs:,} pairs; {found.false:,.0f} ± {max(found.scatter, 0.5):,.0f} of them{share} by chance."
        self.widget.param.update(
            busy=False,
            problem="",
            estimate={
                "edges": found.edges.tolist(),
                "found": found.found.tolist(),
                "by_chance": found.by_chance.tolist(),
                "words": words,
                "how": f'The same match with the first sky moved by {found.shift:g}" to four sides.',
            },
        )

    def _make(self, asked: Any) -> None:
        first, second, how = self._question(asked)
        if asked.keep not in KEEPS:
            raise QueryError("Choose which rows to keep.")
        self.widget.problem = ""
        title = f"{first.title} × {second.title}"[:80]
        self.session.make("join", title, joined_of(self.session.runner, first, second, how, asked.keep))

    def _forget_estimate(self) -> None:
        self._stop.set()
        self.forget("estimate")
        self.widget.param.update(busy=False, problem="", estimate={})

    def report(self, error: TriviewError) -> None:
        """Errors stand in the panel, beside the question."""
        self.widget.param.update(busy=False, problem=f"{error.message} {error.hint}".strip())

    def end(self) -> None:
        self._stop.set()
        super().end()
