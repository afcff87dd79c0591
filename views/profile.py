"""Profiles and facets of the active result's columns, over the rows that the filters keep."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pyarrow as pa

from portal.errors import CancelledError, TriviewError
from portal.session import Session
from portal.table.cells import cell_texts
from portal.table.columns import Column
from portal.table.engine import Stop
from portal.table.facets import facet_columns, facet_filter, facet_values
from portal.table.histogram import range_text
from portal.table.profile import Profile as Found
from portal.table.profile import profile
from portal.table.result import ResultTable
from widgets.profile import Profile

from .base import View
from .feeds import Answer, Feeds, json_answer

BRIEF_BUDGET = 0.1  # seconds for each of the small histograms; a screen shows a dozen
BRIEF_BINS = 32


class ProfilePanel(View):
    """The tool panel ``profile``."""

    def __init__(self, session: Session, feeds: Feeds) -> None:
        super().__init__(session, feeds)
        self._stop = Stop()
        self._seen: tuple = ()
        self._asked: tuple = ()
        self.widget = Profile(url=self.feed(self._answer))
        self.take(self.widget, opened=self._open, ranged=self._range, ticked=self._tick, cleared=self._clear)
        self.listen(self.update, "look", "active", "arrived", "panel")
        self.update()

    @property
    def shown(self) -> bool:
        return self.session.panel[:1] == ("profile",)

    # -- the user's hand -----------------------------------------------------------------------------------------
    def _open(self, gesture: Any) -> None:
        self.widget.column = gesture.column

    def _range(self, gesture: Any) -> None:
        self._filter(gesture.column, range_text(gesture.kind, gesture.low, gesture.high))

    def _tick(self, gesture: Any) -> None:
        table = self.session.table()
        if table is not None:
            values = [*gesture.values, *([None] if gesture.null else [])]
            self._filter(gesture.column, facet_filter(table.meta.column(gesture.column), values))

    def _clear(self, gesture: Any) -> None:
        self._filter(gesture.column, "")

    def _filter(self, column: str, text: str) -> None:
        self.session.look = self.session.look.with_filter(column, text)

    # -- the session's news --------------------------------------------------------------------------------------
    def update(self) -> None:
        super().update()
        if not self.shown:
            self._stop.set()  # nobody looks at what is being read
            self._asked = ()  # opened again for a column, it shows that column again

    def refresh(self) -> None:
        session, widget = self.session, self.widget
        table, look = session.table(), session.look
        if session.panel != self._asked:
            self._asked = session.panel
            widget.column = session.panel[1]
        if table is None:
            self._seen = ()
            widget.param.update(columns=[], column="", message=self.nothing())
            return
        rows = table.n_rows
        seen = (session.active, rows, look.filters, look.condition, look.kept, table.meaning, len(table.meta.columns))
        old = self._seen
        if (
            old
            and old[0] == seen[0]
            and old[2:] == seen[2:]
            and not self._stop.is_set
            and not self.worth(old[1], table)
        ):
            return
        if seen == old and not self._stop.is_set:
            return
        self._seen = seen
        self._stop.set()
        self._stop = Stop()
        changes: dict[str, Any] = {"filters": dict(look.filters), "version": widget.version + 1, "message": ""}
        columns = [_head(column) for column in table.meta.columns]
        if columns != widget.columns:
            changes["columns"] = columns
        if widget.column and not any(item["name"] == widget.column for item in columns):
            changes["column"] = ""
        widget.param.update(**changes)

    def _answer(self, arguments: dict[str, str]) -> Answer:
        """One profile or facet; runs in a thread."""
        table, stop = self.session.table(), self._stop
        if table is None:
            return json_answer({"stopped": True})
        try:
            return json_answer(self._found(table, stop, arguments))
        except CancelledError:
            return json_answer({"stopped": True})
        except TriviewError as error:
            return json_answer({"problem": str(error)})
        except KeyError:
            return json_answer({"problem": "This column is gone."})

    def _found(self, table: ResultTable, stop: Stop, arguments: dict[str, str]) -> dict[str, Any]:
        look, what, name = self.session.look, arguments.get("what", ""), arguments.get("column", "")
        where = look.row_view(table.meta).where
        if what == "facets":
            return {"columns": facet_columns(table, stop)}
        if what == "facet":
            own = dict(look.filters).get(name, "")
            others = look.with_filter(name, "").row_view(table.meta).where
            values = facet_values(table, name, own, others, stop)
            return {"values": [list(item) for item in values]}
        if what == "brief":
            found = profile(table, name, where, bins=BRIEF_BINS, budget=BRIEF_BUDGET, brief=True, stop=stop)
            return _drawn(table.meta.column(name), found)
        ask = {"log": arguments.get("log") == "1", "exact": arguments.get("exact") == "1"}
        found = profile(table, name, where, **ask, stop=stop)
        return {**_drawn(table.meta.column(name), found), "figures": _figures(table.meta.column(name), found)}

    def end(self) -> None:
        self._stop.set()
        super().end()


def _head(column: Column) -> dict[str, str]:
    kind = column.datatype + (f"[{column.arraysize}]" if column.is_array else "")
    return {
        "name": column.name,
        "unit": column.unit,
        "datatype": kind,
        "ucd": column.ucd,
        "description": column.description,
    }


def _drawn(column: Column, found: Found) -> dict[str, Any]:
    """What is drawn, and the words beside it."""
    low, high = _ends(column, found)
    return {
        "kind": found.kind,
        "rows": found.rows,
        "read": found.read,
        "nulls": found.nulls,
        "low": low,
        "high": high,
        "frequent": [list(item) for item in found.frequent],
        "histogram": found.histogram._asdict() if found.histogram else None,
        "share": f"from {found.read:,} of {found.rows:,} rows ({found.read / found.rows:.1%})"
        if found.read < found.rows
        else "",
    }


def _ends(column: Column, found: Found) -> tuple[str, str]:
    if found.kind != "number":
        return found.minimum, found.maximum
    return tuple(_number(column, float(text)) if text else "" for text in (found.minimum, found.maximum))


def _number(column: Column, value: float) -> str:
    """As a cell of the column reads, as a double: a mean has more digits than its values."""
    return cell_texts(replace(column, datatype="double"), pa.array([value]))[0] or ""


def _figures(column: Column, found: Found) -> list[list[str]]:
    """[name, value] of each figure, in the order in which they are read."""
    part = found.read < found.rows
    out = [["Rows", f"{found.rows:,}"]]
    if part:
        out.append(["Read", f"{found.read:,} ({found.read / found.rows:.1%}), spread evenly"])
    out.append(["Null", _of(found.nulls, found.read)])
    if found.nans:
        out.append(["NaN", _of(found.nans, found.read)])
    if found.infinite:
        out.append(["Infinite", _of(found.infinite, found.read)])
    length = " of length" if found.kind == "array" else ""
    low, high = _ends(column, found)
    if low or high:
        out += [[f"Minimum{length}", low], [f"Maximum{length}", high]]
    identifier = column.ucd.lower().startswith("meta.id")
    if found.kind in ("number", "whole", "array") and not identifier and found.mean is not None:
        out.append([f"Mean{length}", _number(column, found.mean)])
        if found.std is not None:
            out.append([f"Standard deviation{length}", f"{found.std:.6g}"])
        out += [[_quantile(share), _number(column, value)] for share, value in found.quantiles]
    if found.distinct is not None:
        about = "" if found.distinct_exact else ("at least " if part else "about ")
        out.append(["Different values", f"{about}{found.distinct:,}"])
    return out


def _of(count: int, read: int) -> str:
    return f"{count:,} ({count / read:.2%})" if count and read else f"{count:,}"


def _quantile(share: float) -> str:
    return {0.25: "Lower quartile", 0.5: "Median", 0.75: "Upper quartile"}.get(
        share, f"Percentile {share:.0%}".rstrip("%")
    )
