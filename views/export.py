"""How a result leaves the page: the menu of downloads, and the files themselves."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from portal.errors import QueryError, TriviewError
from portal.look import Look, shown_columns
from portal.provenance import SCOPES, export_infos
from portal.session import Session
from portal.table.clauses import selection_sql
from portal.table.engine import Stop
from portal.table.export import export_stream
from portal.table.fits_write import MOST_COLUMNS
from portal.table.formats import FORMATS
from portal.table.result import ResultTable, RowView
from widgets.export import ExportMenu

from .base import View
from .feeds import Answer, Feeds

SAMPLE = 200  # rows written to learn how large a file becomes: 2 ms a format of a usual catalogue
NAME_LIMIT = 80  # characters of a file name


class Measured(NamedTuple):
    """Rows of each scope, and per choice of columns and format the bytes of a file without rows and of one row."""

    rows: dict[str, int]
    sizes: dict[str, dict[str, list[float]]]


class Export(View):
    """The export menu of the active result."""

    def __init__(self, session: Session, feeds: Feeds) -> None:
        super().__init__(session, feeds)
        self._url = self.feed(self._file)
        self.menu = ExportMenu()
        self.take(self.menu, opened=lambda _: self._measure())
        self.listen(self._show, "tabs", "active", "look", "arrived")
        self._show()

    def _show(self) -> None:
        look, table = self.session.look, self.session.table()
        if table is None:
            self.menu.url = ""
            return
        self.menu.param.update(
            url=self._url,
            scopes=[name for name in SCOPES if _offered(name, look)],
            columns=_column_choices(look, table),
            problems=_problems(table, len(shown_columns(look, table.meta))),
            rows={},
            sizes={},
        )

    def _measure(self) -> None:
        table, look = self.session.table(), self.session.look
        if table is not None:
            page = self.session.paged
            self.run(lambda: measure(table, look, page), self._measured)

    def _measured(self, found: Measured) -> None:
        self.menu.param.update(rows=found.rows, sizes=found.sizes)

    def _file(self, arguments: dict[str, str]) -> Answer:
        """The active result as a file; runs in a thread."""
        session, key, look, page = self.session, self.session.active, self.session.look, self.session.paged
        # Held for the whole download: the user may close the tab meanwhile.
        table = session.runner.acquire(key) if key else None
        if table is None:
            raise QueryError("There is no result to save.", "Run a query first.")
        title = next((tab.title for tab in session.tabs if tab.key == key), "result")
        release = partial(session.runner.release, key)
        return held_answer(release, lambda: export_answer(table, look, arguments, title, page))


def held_answer(release: Callable[[], None], make: Callable[[], Answer]) -> Answer:
    """The answer that ``make`` gives, with ``release`` called when it is over or could not be made.

    Its body must be an iterable: ``done`` is not called for bytes.
    """
    try:
        return make()._replace(done=release)
    except BaseException:
        release()
        raise


def export_answer(
    table: ResultTable, look: Look, arguments: dict[str, str], title: str, page: tuple[int, int] = (0, 0)
) -> Answer:
    """A table as a download.

    ``format`` is one of FORMATS, ``scope`` one of SCOPES, ``columns`` "shown" or "all", ``comments`` "1" for ``#``
    lines in CSV and TSV. ``page`` is (first place, rows) of the page of the table. Raises QueryError for anything else.
    """
    form, scope = arguments.get("format", "votable"), arguments.get("scope", "all")
    columns = arguments.get("columns", "all")
    for asked, known in ((form, FORMATS), (scope, SCOPES), (columns, ("shown", "all"))):
        if asked not in known:
            raise QueryError(f"There is no export of {asked!r}.", f"Choose one of {', '.join(known)}.")
    stop = Stop()
    view, rows = _rows(table, look, scope, page, stop)
    parts = export_stream(
        table,
        view,
        form,
        rows,
        columns=shown_columns(look, table.meta) if columns == "shown" else None,
        infos=export_infos(look, table.meta, scope),
        comments=arguments.get("comments") == "1",
        stop=stop,
    )
    name = file_name(title, "" if scope in ("all", "filtered") else scope) + FORMATS[form].ending
    headers = (("Content-Disposition", f'attachment; filename="{name}"'),)
    return Answer(parts, FORMATS[form].type, headers, stop.set)


def file_name(title: str, more: str = "") -> str:
    """A name that every file system takes, from a title."""
    plain = re.sub(r"[^A-Za-z0-9_.-]+", "_", f"{title}_{more}" if more else title)
    return plain.strip("_.")[:NAME_LIMIT] or "result"


def _rows(
    table: ResultTable, look: Look, scope: str, page: tuple[int, int], stop: Stop | None = None
) -> tuple[RowView, np.ndarray | None]:
    """The view of a scope, and its row numbers where it is a page of that view."""
    view = look.row_view(table.meta)
    if scope == "page":
        return view, table.page(view, *page, columns=[], stop=stop)[0]
    if scope == "all":
        return view._replace(where=""), None
    if scope == "marked":
        marked = selection_sql(look.clauses) or "FALSE"
        return view._replace(where=" AND ".join(f"({part})" for part in (view.where, marked) if part)), None
    return view, None


def _offered(scope: str, look: Look) -> bool:
    if scope == "filtered":
        return bool(look.filters or look.kept or look.condition)
    return scope != "marked" or bool(look.clauses)


def _column_choices(look: Look, table: ResultTable) -> list[dict[str, Any]]:
    names = [column.name for column in table.meta.columns]
    shown = list(shown_columns(look, table.meta))
    choices = [{"name": "all", "label": "All", "note": f"{len(names):,}"}]
    if shown and shown != names:
        choices.insert(0, {"name": "shown", "label": "As shown", "note": f"{len(shown):,}"})
    return choices


def _problems(table: ResultTable, shown: int) -> dict[str, dict[str, str]]:
    """Per choice of columns: formats that cannot hold this table, and why."""
    places = {} if table.positions() else {"regions": "no positions", "regions-circles": "no positions"}
    wide = {"fits": f"at most {MOST_COLUMNS} columns"}
    counts = {"shown": shown, "all": len(table.meta.columns)}
    return {name: {**places, **(wide if count > MOST_COLUMNS else {})} for name, count in counts.items()}


def measure(table: ResultTable, look: Look, page: tuple[int, int]) -> Measured:
    """Rows of each scope and what a file without rows, and a row, takes in each format; some rows are written."""
    rows = {"all": table.n_rows}
    for scope in SCOPES:
        if scope != "all" and _offered(scope, look):
            view, numbers = _rows(table, look, scope, page)
            rows[scope] = table.count(view) if numbers is None else len(numbers)
    some = np.linspace(0, max(0, table.n_rows - 1), min(SAMPLE, table.n_rows)).astype(np.uint32)
    some = np.unique(some) if table.n_rows else some[:0]
    shown = shown_columns(look, table.meta)
    problems = _problems(table, len(shown))
    sizes: dict[str, dict[str, list[float]]] = {}
    for choice in (item["name"] for item in _column_choices(look, table)):
        names = shown if choice == "shown" else None
        forms = [form for form in FORMATS if form not in problems[choice]]
        sizes[choice] = {form: _size(table, form, some, names) for form in forms}
    return Measured(rows, sizes)


def _size(table: ResultTable, form: str, some: np.ndarray, names: tuple[str, ...] | None) -> list[float]:
    def written(rows: np.ndarray) -> int:
        return sum(map(len, export_stream(table, format=form, rows=rows, columns=names)))

    try:
        head = written(some[:0])
        return [head, (written(some) - head) / max(1, len(some))]
    except TriviewError:
        return [0, 0]  # the download itself will say what is wrong
