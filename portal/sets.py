"""Sets: selections with a name that stay with their result, to be switched on, combined and used again.

A set is a clause that keeps its parts; its source ``set:<number>`` stays the same when the name changes.
"""

from __future__ import annotations

from .errors import LimitError, QueryError
from .look import Look
from .table.clauses import MODES, Clause, Selection, grouped, short, with_clause

SETS_LIMIT = 100  # sets of one result; a list of more cannot be read
SIZE_LIMIT = 8_000_000  # characters of SQL in the sets of one result: they are written down at every change


def find(look: Look, source: str) -> Clause | None:
    return next((item for item in look.sets if item.source == source), None)


def saved(look: Look, name: str) -> Look:
    """The look with its selection saved as a set, which the selection now is. A set of that name is replaced.

    Raises QueryError without a selection or a name, LimitError beyond 100 sets or 8 MB of them.
    """
    name = short(name)
    if not look.clauses:
        raise QueryError("Nothing is marked.", "Mark rows in the table, on the sky or in the chart first.")
    if not name:
        raise QueryError("A set needs a name.")
    old = next((item.source for item in look.sets if item.label == name), "")
    made = grouped(look.clauses, old or _new_source(look), name)
    rest = tuple(item for item in look.sets if item.source != made.source)
    if len(rest) >= SETS_LIMIT:
        raise LimitError(f"A result has at most {SETS_LIMIT} sets.", "Delete one first.")
    if sum(len(item.sql) for item in (*rest, made)) > SIZE_LIMIT:
        raise LimitError("The sets of this result have grown too large.", "Make a new table of the marked rows.")
    return look._replace(sets=(*rest, made), clauses=(made,))


def _new_source(look: Look) -> str:
    numbers = [int(item.source[4:]) for item in look.sets if item.source[4:].isdigit()]
    return f"set:{max(numbers, default=0) + 1}"


def switched(look: Look, source: str, mode: str = "") -> Look:
    """The look with a set in the selection, joined by ``mode``, or out of it when the mode is empty."""
    clauses: Selection = tuple(item for item in look.clauses if item.source != source)
    chosen = find(look, source)
    if mode in MODES and chosen is not None:
        place = next((n for n, item in enumerate(look.clauses) if item.source == source), len(clauses))
        clauses = with_clause(clauses[:place], chosen._replace(mode=mode)) + clauses[place:]
    return look._replace(clauses=clauses)


def renamed(look: Look, source: str, name: str) -> Look:
    """The look with another name for a set, also where the selection and the filters use it."""
    name = short(name)
    if not name:
        return look

    def with_name(items: Selection) -> Selection:
        return tuple(item._replace(label=name) if item.source == source else item for item in items)

    return look._replace(sets=with_name(look.sets), clauses=with_name(look.clauses), kept=with_name(look.kept))


def deleted(look: Look, source: str) -> Look:
    """The look without a set; what it marks is no longer marked, what it filters stays filtered."""
    rest = tuple(item for item in look.sets if item.source != source)
    return switched(look, source)._replace(sets=rest)


def taken_apart(look: Look, source: str) -> Look:
    """The look with the parts of a set as its selection, to be changed one by one."""
    chosen = find(look, source)
    return look._replace(clauses=chosen.parts) if chosen is not None and chosen.parts else look
