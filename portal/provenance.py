"""What a file says of where its rows come from: which rows of the result, narrowed and ordered how, written by what."""

from __future__ import annotations

from datetime import UTC, datetime

from . import __version__
from .look import Look
from .table.clauses import selection_sql, words
from .table.columns import Info, TableMeta

SQL_LIMIT = 2_000  # characters of a predicate; a lasso of 10,000 rows would fill pages
SCOPES = {
    "all": "all rows",
    "filtered": "rows that pass the filters",
    "marked": "rows selected",
    "page": "rows of one page of the table",
}


def narrowed(look: Look) -> str:
    """The filters of a look as a reader says them; empty for none."""
    parts = [f"{name} {text}" for name, text in look.filters]
    parts += [look.condition] * bool(look.condition.strip())
    parts += [words(look.kept)] * bool(look.kept)
    return "; ".join(parts)


def export_infos(look: Look, meta: TableMeta, scope: str, now: datetime | None = None) -> tuple[Info, ...]:
    """Infos of an export: software, time, scope, and in words and SQL the filter, selection and order.

    Query, service, MAXREC and the time of the query are infos of the result already.
    """
    view = look.row_view(meta)
    order = ", ".join(f"{name} {'descending' if down else 'ascending'}" for name, down in view.sort)
    said = [
        ("SOFTWARE", f"Triview {__version__}", ""),
        ("EXPORTED", (now or datetime.now(UTC)).isoformat(timespec="seconds"), ""),
        ("SCOPE", SCOPES[scope], ""),
        ("FILTER", narrowed(look) if scope != "all" else "", view.where[:SQL_LIMIT]),
        ("SELECTION", words(look.clauses) if scope == "marked" else "", selection_sql(look.clauses)[:SQL_LIMIT]),
        ("ORDER", order, ""),
    ]
    return tuple(Info(name, value, text) for name, value, text in said if value)
