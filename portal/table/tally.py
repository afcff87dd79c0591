"""How many rows satisfy each of some predicates, counted in one pass over the columns they use."""

from __future__ import annotations

from collections.abc import Sequence

from portal.table.engine import Stop
from portal.table.result import ResultTable


def tally(table: ResultTable, predicates: Sequence[str], where: str = "", stop: Stop | None = None) -> list[int]:
    """Rows that satisfy each checked predicate ("" for all), of those that ``where`` keeps.

    Nothing is kept in memory but the counts: 10^8 rows take what reading their columns takes.
    """
    if not predicates:
        return []
    items = [f"count(*) FILTER (WHERE ({sql}))" if sql else "count(*)" for sql in predicates]
    cut = f" WHERE ({where})" if where else ""
    found = table.now().run(f"SELECT {', '.join(items)} FROM t{cut}", stop)
    return [int(column[0].as_py()) for column in found.columns]
