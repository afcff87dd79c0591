"""How many rows satisfy each of some predicates, counted in one pass over the columns they use.

Nothing is kept in memory but the counts: 10^8 rows take what reading their columns takes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from portal.table.clauses import Clause, selection_sql
from portal.table.engine import Stop
from portal.table.result import ResultTable


class Counts(NamedTuple):
    """Rows of each clause by itself, of all joined, and of all there are."""

    clauses: tuple[int, ...]
    total: int
    shown: int


def tally(table: ResultTable, predicates: Sequence[str], where: str = "", stop: Stop | None = None) -> list[int]:
    """Rows that satisfy each checked predicate ("" for all), of those that ``where`` keeps."""
    return _counted(table, predicates, "t", where, stop)


def tally_clauses(table: ResultTable, clauses: Sequence[Clause], where: str = "", stop: Stop | None = None) -> Counts:
    """Rows of clauses, each and together, of those that ``where`` keeps. Each predicate is computed once."""
    inner = ", ".join(f"({item.sql}) AS c{place}" for place, item in enumerate(clauses))
    names = [item._replace(sql=f"c{place}") for place, item in enumerate(clauses)]
    cut = f" WHERE ({where})" if where else ""
    predicates = [*(item.sql for item in names), selection_sql(names), ""]
    *each, total, shown = _counted(table, predicates, f"(SELECT {inner or '1'} FROM t{cut})", "", stop)
    return Counts(tuple(each), total, shown)


def _counted(table: ResultTable, predicates: Sequence[str], source: str, where: str, stop: Stop | None) -> list[int]:
    if not predicates:
        return []
    items = (
        f"count(*) FILTER (WHERE ({sql})) AS n{n}" if sql else f"count(*) AS n{n}" for n, sql in enumerate(predicates)
    )
    cut = f" WHERE ({where})" if where else ""
    found = table.now().run(f"SELECT {', '.join(items)} FROM {source}{cut}", stop)
    return [int(column[0].as_py()) for column in found.columns]
