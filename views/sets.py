"""The panel of sets, joined to the selection of the active result: names, combines and takes out what is marked."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from portal import sets
from portal.errors import QueryError, TriviewError
from portal.look import Look
from portal.narrowing import IDS_COPIED, adql_condition, id_columns, ids_text, narrowed_query
from portal.session import Session
from portal.table.clauses import inverted, selection_sql, words
from portal.table.result import ResultTable
from portal.table.tally import tally
from portal.tabs import find
from widgets.sets import SetsPanel

from .base import View
from .export import file_name, held_answer
from .feeds import Answer, Feeds


class Sets(View):
    """One page's sets."""

    def __init__(self, session: Session, feeds: Feeds) -> None:
        super().__init__(session, feeds)
        self._seen: tuple = ()
        self.widget = SetsPanel(url=self.feed(self._answer), sizing_mode="stretch_both")
        self.take(
            self.widget,
            kept=self._then(lambda look, _: look.with_kept()),
            inverted=self._then(lambda look, _: look._replace(clauses=inverted(look.clauses))),
            cleared=self._then(lambda look, _: look._replace(clauses=())),
            saved=self._then(lambda look, gesture: sets.saved(look, gesture.name)),
            switched=self._then(lambda look, gesture: sets.switched(look, gesture.source, gesture.mode)),
            renamed=self._then(lambda look, gesture: sets.renamed(look, gesture.source, gesture.name)),
            edited=self._then(lambda look, gesture: sets.taken_apart(look, gesture.source)),
            deleted=self._then(lambda look, gesture: sets.deleted(look, gesture.source)),
            copied=lambda _: self._copy(),
            narrowed=lambda gesture: self._narrow(gesture.column),
        )
        self.listen(self.update, "look", "active", "arrived", "panel")
        self.update()

    @property
    def shown(self) -> bool:
        """Hidden panels count nothing; what changed is counted when the panel is opened again."""
        return self.session.panel[:1] == ("sets",)

    # -- the user's hand -----------------------------------------------------------------------------------------
    def _then(self, change: Callable[[Look, object], Look]) -> Callable[[object], None]:
        def act(gesture: object) -> None:
            self.widget.param.update(problem=[], done="")
            self.session.look = change(self.session.look, gesture)

        return act

    def _copy(self) -> None:
        self.widget.param.update(problem=[], done="")
        self.session.new_table()

    def _narrow(self, column: str) -> None:
        session, table, look, query = self.session, self.session.table(), self.session.look, self._query()
        self.widget.param.update(problem=[], done="")
        if table is None:
            return
        written = session.query

        def read() -> str:
            return narrowed_query(written, query, adql_condition(table, look, query, column))

        def then(text: str) -> None:
            session.narrow_query(text)
            session.search = True
            self.widget.done = "The condition is in the query. Undo takes it out again."

        self.run(read, then, slot="narrow")

    # -- texts to take away --------------------------------------------------------------------------------------
    def _query(self) -> str:
        """The query of the active result, also of one that was made from its rows."""
        session, table = self.session, self.session.table()
        row = session.job(session.active)
        if row is not None and row.adql:
            return row.adql
        infos = table.meta.infos if table is not None else ()
        return next((info.value for info in infos if info.name == "QUERY"), "")

    def _answer(self, arguments: dict[str, str]) -> Answer:
        """Ids or a condition as text; runs in a thread."""
        session, key, look = self.session, self.session.active, self.session.look
        # Held for the whole download: the user may close the tab meanwhile.
        table = session.runner.acquire(key) if key else None
        if table is None:
            raise QueryError("There is no result to take rows from.", "Run a query first.")
        tab = find(session.tabs, key)
        return held_answer(
            partial(session.runner.release, key),
            lambda: self._text(table, look, tab.title if tab else "result", arguments),
        )

    def _text(self, table: ResultTable, look: Look, title: str, arguments: dict[str, str]) -> Answer:
        column = arguments.get("column", "")
        if arguments.get("what") == "condition":
            return Answer((adql_condition(table, look, self._query(), column).encode(),), "text/plain;charset=utf-8")
        most = IDS_COPIED if arguments.get("copy") else 0
        lines = ids_text(table, look, column, most)
        headers = () if most else (("Content-Disposition", f'attachment; filename="{file_name(title, column)}.txt"'),)
        return Answer(lines, "text/plain;charset=utf-8", headers)

    def report(self, error: TriviewError) -> None:
        self.widget.param.update(problem=[error.message, error.hint], done="")

    # -- the session's news --------------------------------------------------------------------------------------
    def refresh(self) -> None:
        session, look, table = self.session, self.session.look, self.session.table()
        if table is None:
            self.forget()
            self._seen = ()
            self.widget.param.update(words="", total="", sets=[], columns=[], message=self.nothing())
            return
        self.widget.param.update(words=words(look.clauses), columns=id_columns(table.meta), message="")
        key = (session.active, look.clauses, look.sets, look.filters, look.kept, look.condition, table.n_rows)
        before = self._seen
        # Most news, the current row for one, changes no count.
        if before == key or (before[:-1] == key[:-1] and not self.worth(before[-1], table)):
            return
        self._seen = key
        if before[:-1] != key[:-1]:
            self._show(look, None)
        self.run(lambda: _count(table, look), lambda counts: self._show(look, counts))

    def _show(self, look: Look, counts: tuple[list[int], list[int]] | None) -> None:
        on = {clause.source: clause.mode for clause in look.clauses}
        shown, among = counts or ([], [])
        self.widget.param.update(
            sets=[
                {
                    "source": item.source,
                    "name": item.label,
                    "note": words(item.parts),
                    "mode": on.get(item.source, ""),
                    "count": _of(shown[place], among[place]) if counts else "",
                }
                for place, item in enumerate(look.sets)
            ],
            total=f"{_of(shown[-2], shown[-1])} rows" if counts and look.clauses else "",
        )


def _of(part: int, whole: int) -> str:
    return f"{part:,}" if part == whole else f"{part:,} of {whole:,}"


def _count(table: ResultTable, look: Look) -> tuple[list[int], list[int]]:
    """Rows of every set, of what is marked, and of all: among those the filters show, and in the whole result."""
    predicates = [*(item.sql for item in look.sets), selection_sql(look.clauses), ""]
    where = look.row_view(table.meta).where
    shown = tally(table, predicates, where)
    return shown, tally(table, predicates) if where else shown
