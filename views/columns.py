"""The panel of columns: which of them the table shows, and in which order."""

from __future__ import annotations

from typing import Any

from portal.session import Session
from portal.table.cells import sky_role
from portal.table.columns import TableMeta
from widgets.columns import ColumnChooser

from .base import View
from .feeds import Answer, Feeds, json_answer


class Columns(View):
    """The chooser, joined to the look of the active result."""

    def __init__(self, session: Session, feeds: Feeds) -> None:
        super().__init__(session, feeds)
        self._picture: tuple[TableMeta | None, tuple[str, ...]] = (None, ())
        self.widget = ColumnChooser(url=self.feed(self._columns), sizing_mode="stretch_both")
        self.take(
            self.widget,
            arranged=lambda asked: session.arrange_columns(asked.verb, asked.columns, asked.text, asked.width),
        )
        self.listen(self.update, "look", "active", "arrived", "panel")
        self.update()

    @property
    def shown(self) -> bool:
        return bool(self.session.panel) and self.session.panel[0] == "columns"

    def refresh(self) -> None:
        table, layout = self.session.table(), self.session.look.columns
        meta = table.meta if table is not None else None
        names = layout.ordered(column.name for column in meta.columns) if meta else ()
        hidden = set(layout.hidden)
        changes: dict[str, Any] = {
            "hidden": [place for place, name in enumerate(names) if name in hidden],
            "frozen": sum(name in set(layout.frozen) for name in names),
            "sky": layout.sky,
            "positions": any(sky_role(column) for column in meta.columns) if meta else False,
            "chosen": self.session.panel[1] if self.shown else "",
        }
        if self._picture != (meta, names):
            self._picture = (meta, names)
            changes["version"] = self.widget.version + 1
        self.widget.param.update(**changes)

    def _columns(self, _: dict[str, str]) -> Answer:
        """All columns in order; runs in a thread."""
        meta, names = self._picture
        by_name = {column.name: column for column in meta.columns} if meta else {}
        return json_answer(
            {
                "columns": [
                    {
                        "name": column.name,
                        "unit": column.unit,
                        "datatype": column.datatype + (f"[{column.arraysize}]" if column.is_array else ""),
                        "ucd": column.ucd,
                        "description": column.description,
                    }
                    for column in (by_name[name] for name in names)
                ]
            }
        )
