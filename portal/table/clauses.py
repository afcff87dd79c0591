"""A selection as clauses: predicates with a label each, joined by and, or, not in the order in which they stand.

``a and b or c`` is read from the left: (a and b) or c. A row is in a clause or it is not: where a predicate is
unknown (a null), the row is outside, and so it is inside of "not". Knows SQL that others have checked.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from portal.errors import LimitError

MODES = {"and": ("AND", False), "or": ("OR", False), "and not": ("AND", True), "or not": ("OR", True)}
"""How a clause joins those before it: (operator, whether the clause is turned over)."""
OPPOSITE = {"and": "or not", "or": "and not", "and not": "or", "or not": "and"}
CLAUSES_LIMIT = 50  # clauses of one selection; more cannot be read as chips, and name a set of rows better
LABEL_LIMIT = 200  # characters of a name
DEPTH_LIMIT = 8  # groups within groups
NAMED = re.compile(r"'(?:[^']|'')*'|\"((?:[^\"]|\"\")+)\"")  # a text, or a name


class Clause(NamedTuple):
    """Rows that a view or a set stands for.

    ``source`` names the view (or ``set:<name>``), ``label`` is for the user, ``sql`` is checked SQL, ``mode`` one of
    MODES. ``shape`` says what was drawn, for those who must say it in another language: ("circle", ra, dec columns,
    ra, dec, radius), ("polygon", ra, dec columns, corners ...), ("lasso", x and y as SQL, corners ...), ("rows",), or
    empty where ``sql`` says it all. ``parts`` are the clauses of which this one is made, if it is a group.
    """

    source: str
    sql: str
    label: str
    mode: str = "and"
    shape: tuple = ()
    parts: tuple[Clause, ...] = ()

    def to_json(self) -> list[Any]:
        parts = [part.to_json() for part in self.parts]
        return [self.source, "" if parts else self.sql, self.label, self.mode, list(self.shape), parts]

    @classmethod
    def from_json(cls, item: Any, depth: int = 0) -> Clause | None:
        """The inverse of ``to_json``, also of the three members of earlier versions; None for what does not fit."""
        if not isinstance(item, list | tuple) or not 3 <= len(item) <= 6 or depth > DEPTH_LIMIT:
            return None
        if not all(isinstance(text, str) for text in item[:3]):
            return None
        mode, shape, inner = (*item[3:], *("and", (), ())[len(item) - 3 :])
        parts = clauses_from_json(inner, depth + 1)
        shape = tuple(shape) if isinstance(shape, list | tuple) else ()
        made = cls(item[0], item[1], item[2], mode if mode in MODES else "and", shape, parts)
        return made._replace(sql=selection_sql(parts)) if parts else made


Selection = tuple[Clause, ...]


def clauses_from_json(items: Any, depth: int = 0) -> Selection:
    """The clauses of a saved list; what does not fit is left out."""
    made = (Clause.from_json(item, depth) for item in (items if isinstance(items, list | tuple) else ()))
    return tuple(clause for clause in made if clause is not None)


def selection_sql(clauses: Iterable[Clause], skip_source: str = "") -> str:
    """All clauses in one predicate; "" for none. A view may skip its own, so that its brush does not cut it."""
    parts = []
    for item in clauses:
        if not item.sql or item.source == skip_source:
            continue
        word, turned = MODES[item.mode]
        parts.append((word, f"(({item.sql}) IS NOT TRUE)" if turned else f"({item.sql})"))
    return joined(parts)


def joined(parts: Iterable[tuple[str, str]]) -> str:
    """(joining word, text) read from the left, with brackets where the word changes; the first word is not said."""
    text = last = ""
    for word, part in parts:
        if not text:
            text = part
        else:
            text = f"({text}) {word} {part}" if last and last != word else f"{text} {word} {part}"
            last = word
    return text


def column_names(sql: str) -> set[str]:
    """Names of the columns in a checked predicate, where they are the only things in double quotes."""
    return {name.replace('""', '"') for name in NAMED.findall(sql) if name}


def words(clauses: Sequence[Clause]) -> str:
    """The selection as a reader says it: "(box or circle) and not lasso"."""
    parts = []
    for item in clauses:
        word, turned = MODES[item.mode]
        label = f"({item.label})" if item.parts and item.label == words(item.parts) and len(clauses) > 1 else item.label
        parts.append((word.lower(), f"not {label}" if turned else label))
    return joined(parts)


def with_clause(clauses: Selection, clause: Clause) -> Selection:
    """The selection after one more gesture.

    A clause of mode "and" takes the place of what its source had said before; any other is added at the end. A clause
    without SQL takes away what its source had said. Raises LimitError beyond 50 clauses.
    """
    added = clause.sql and clause.mode != "and"
    rest = clauses if added else tuple(item for item in clauses if item.source != clause.source)
    if len(rest) >= CLAUSES_LIMIT:
        raise LimitError(
            f"A selection has at most {CLAUSES_LIMIT} parts.", "Save it as a set, then go on from that set."
        )
    return (*rest, clause) if clause.sql else rest


def inverted(clauses: Selection) -> Selection:
    """All other rows: by De Morgan each clause turns over and each join becomes the other one."""
    return tuple(item._replace(mode=OPPOSITE[item.mode]) for item in clauses)


def grouped(clauses: Selection, source: str, label: str = "") -> Clause:
    """The whole selection as one clause; it keeps the parts, so that it can be taken apart again."""
    if len(clauses) == 1 and MODES[clauses[0].mode][1] is False and not label:
        return clauses[0]._replace(mode="and")
    return Clause(source, selection_sql(clauses), label or words(clauses), parts=clauses)


def short(text: str) -> str:
    """A name as it is kept: one line, at most 200 characters."""
    return " ".join(text.split())[:LABEL_LIMIT]
