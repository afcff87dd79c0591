"""Computed columns of the active result: the panel that makes, changes and deletes them."""

from __future__ import annotations

from typing import Any

from portal.errors import QueryError, TriviewError
from portal.session import Session
from portal.table.derive import Definition
from portal.table.expression import FUNCTION_NAMES
from portal.table.presets import Preset, filled, presets
from portal.table.preview import Preview, preview
from portal.table.result import ResultTable
from widgets.derive import Derive

from .base import View
from .feeds import Feeds


class DerivePanel(View):
    """The tool panel ``derive``."""

    def __init__(self, session: Session, feeds: Feeds) -> None:
        super().__init__(session, feeds)
        self.widget = Derive(functions=list(FUNCTION_NAMES))
        self.take(self.widget, tried=self._try, saved=self._save, filled=self._fill, dropped=self._drop)
        self.listen(self.update, "active", "arrived")
        self.listen(self.catch_up, "panel")
        self.update()

    @property
    def shown(self) -> bool:
        return self.session.panel[:1] == ("derive",)

    def refresh(self) -> None:
        table = self.session.table()
        if table is None:
            self.forget("preview")
            self.widget.param.update(message=self.nothing(), problem={}, preview={})
            return
        columns = [[item.name, item.unit] for item in table.meta.columns]
        derived = [item.definition._asdict() for item in table.derived]
        offered, lists = _offered(presets(table.meta.columns), self._centre(table))
        self.widget.param.update(message="", columns=columns, derived=derived, lists=lists, presets=offered)

    def _centre(self, table: ResultTable) -> tuple[str, str]:
        """The current row's position, from which separations are likely wanted."""
        place, row = table.positions(), self.session.look.current
        if place is None or not 0 <= row < table.n_rows:
            return "", ""
        cells = table.take([row], place)
        return tuple("" if value.as_py() is None else repr(value.as_py()) for value in (cells[0][0], cells[1][0]))

    def _try(self, gesture: Any) -> None:
        table, said, look = self.session.table(), _definition(gesture), self.session.look
        if table is None:
            return
        old = self._old(table, gesture.old)

        def read() -> tuple[Preview | None, QueryError | None]:
            view = look.row_view(table.meta)
            try:
                return preview(table, said, view, old), None
            except QueryError as error:
                if error.line:
                    return None, error
                # The name is wrong or not there yet; the values can be shown all the same.
                return preview(table, said._replace(name=_unused(table)), view, old), error

        self.run(read, lambda answer: self._show(said, *answer), lambda error: self._wrong(said, error), slot="preview")

    def _show(self, said: Definition, shown: Preview | None, error: QueryError | None) -> None:
        name = said.name.strip() or "value"
        found = (
            {}
            if shown is None
            else {"names": [*shown.names, name], "rows": list(map(list, shown.rows)), "note": _note(shown)}
        )
        problem = {} if error is None or not (error.line or said.name.strip()) else _problem(said, error)
        self.widget.param.update(problem=problem, preview=found)

    def _save(self, gesture: Any) -> None:
        table, said = self.session.table(), _definition(gesture)
        if table is None:
            return
        self.forget("preview")
        old, key = self._old(table, gesture.old), self.session.active

        def write() -> None:
            if old:
                table.change_derived(old, said)
            else:
                table.derive(*said)

        def done(_: None) -> None:
            self.widget.param.update(problem={}, preview={}, saved_count=self.widget.saved_count + 1)
            self.session.columns_changed(key, gone=old if old != said.name.strip() else "")

        self.run(write, done, lambda error: self._wrong(said, error), slot=f"save {old or said.name}")

    def _wrong(self, said: Definition, error: TriviewError) -> None:
        self.widget.problem = _problem(said, error)

    def _fill(self, gesture: Any) -> None:
        table = self.session.table()
        if table is None:
            return
        try:
            said = filled(gesture.key, gesture.inputs, table.meta.columns)
        except QueryError as error:
            self.widget.problem = {"field": "preset", "message": str(error)}
            return
        self.widget.proposal = {**said._asdict(), "n": gesture.n}

    def _drop(self, gesture: Any) -> None:
        table, key = self.session.table(), self.session.active
        if table is None or not self._old(table, gesture.name):
            return
        self.run(
            lambda: table.drop_derived(gesture.name),
            lambda _: self.session.columns_changed(key, gone=gesture.name),
            lambda error: self._wrong(Definition("", ""), error),
            slot=f"drop {gesture.name}",  # the news of one that is deleted must not wait for the next
        )

    @staticmethod
    def _old(table: ResultTable, name: str) -> str:
        """The name, if a computed column still has it: another page may have deleted it."""
        return name if any(item.name == name for item in table.derived) else ""


def _definition(gesture: Any) -> Definition:
    return Definition(*(getattr(gesture, name) for name in Definition._fields))


def _problem(said: Definition, error: TriviewError) -> dict[str, Any]:
    """What is wrong, and where in the text: lines and columns become a place from 0."""
    line, column = getattr(error, "line", 0), getattr(error, "column", 0)
    lines = said.expression.split("\n")
    start = sum(len(text) + 1 for text in lines[: line - 1]) + column - 1 if line else 0
    place = (f"At line {line}, character {column}: " if len(lines) > 1 else f"At character {column}: ") if line else ""
    return {
        "field": "expression" if line else "name",
        "message": f"{place}{error}",
        "text": said.expression,
        "start": start,
        "length": getattr(error, "length", 1),
    }


def _note(shown: Preview) -> str:
    of = f"{shown.read:,} rows" if shown.whole else f"the first {shown.read:,} rows"
    share = f"{shown.nulls:,} null of {of}"
    return f"{shown.kind} · {share}" + (f" · {shown.minimum} to {shown.maximum}" if shown.minimum else "")


def _unused(table: ResultTable) -> str:
    taken, name = {item.name.casefold() for item in table.meta.columns}, "value"
    while name in taken:
        name += "_"
    return name


def _offered(found: list[Preset], centre: tuple[str, str]) -> tuple[list[dict[str, Any]], list[list[str]]]:
    """Presets for the browser; lists of columns that several inputs share go there once."""
    lists: dict[tuple[str, ...], int] = {}
    offered = []
    for item in found:
        free = iter(centre)
        inputs = [
            {
                "label": asked.label,
                "list": lists.setdefault(asked.choices, len(lists)) if asked.choices else None,
                "value": asked.value if asked.choices else next(free, ""),
            }
            for asked in item.inputs
        ]
        offered.append({"key": item.key, "title": item.title, "inputs": inputs})
    return offered, [list(names) for names in lists]
