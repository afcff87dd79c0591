"""Columns computed from other columns of a result: a name, an expression, and what the column says of itself.

Knows what such a column is and its SQL; the rows themselves are never rewritten.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from portal.errors import QueryError
from portal.table.columns import SQL_TYPES, Column
from portal.table.expression import Checked, check_any
from portal.table.names import ROW, quoted

NAME_LIMIT = 100  # characters; FITS allows 68 and the longest name of a Rubin table has 52
TEXT_LIMIT = 2_000  # characters of unit, UCD or description

NATURAL_KINDS = {"boolean": "truth", "char": "text"}
NATURAL_TYPES = {"int": "long", "number": "double", "truth": "boolean", "text": "char"}


class Definition(NamedTuple):
    """What a user says of a column. ``datatype`` is VOTable's; "" takes what the expression yields."""

    name: str
    expression: str
    unit: str = ""
    ucd: str = ""
    description: str = ""
    datatype: str = ""


@dataclass(frozen=True, slots=True)
class Derived:
    """``text`` as typed, ``sql`` as the engine computes it from ``uses``; ``level`` counts derived columns below it."""

    column: Column
    text: str
    sql: str
    uses: frozenset[str]
    level: int = 0

    @property
    def name(self) -> str:
        return self.column.name

    @property
    def definition(self) -> Definition:
        item = self.column
        return Definition(item.name, self.text, item.unit, item.ucd, item.description, item.datatype)


def derived_column(
    said: Definition, columns: Sequence[Column], earlier: Sequence[Derived] = (), later: Sequence[Column] = ()
) -> Derived:
    """A column checked against the stored ``columns`` and the derived ones before it.

    What cannot be computed (NaN, a number that does not fit, text that is no number) is null. ``later`` are columns
    made after it: their names are taken, and to use them would go round in a circle. Raises QueryError with the place
    in the expression, or without one when anything else is wrong.
    """
    name, known = said.name.strip(), [*columns, *(item.column for item in earlier)]
    _check_name(name, [*known, *later])
    if said.datatype and said.datatype not in SQL_TYPES:
        raise QueryError(f"A column cannot be of type {said.datatype}.", f"Choose one of {', '.join(SQL_TYPES)}.")
    for what, text in (("unit", said.unit), ("UCD", said.ucd), ("description", said.description)):
        if len(text) > TEXT_LIMIT:
            raise QueryError(f"The {what} has more than {TEXT_LIMIT:,} characters.")
    checked = _checked(said.expression, known, [Column(name), *later])
    kind = said.datatype or NATURAL_TYPES[checked.kind]
    words = said.unit.strip(), said.ucd.strip()
    column = Column(name, kind, "*" if kind == "char" else "", *words, description=said.description.strip())
    level = 1 + max((item.level for item in earlier if item.name in checked.uses), default=-1)
    return Derived(column, said.expression.strip(), _typed(checked.sql, checked.kind, kind), checked.uses, level)


def _checked(expression: str, known: Sequence[Column], later: Sequence[Column]) -> Checked:
    try:
        return check_any(expression, known)
    except QueryError as error:
        wrong = error
    try:
        used = check_any(expression, [*known, *later]).uses & {item.name for item in later}
    except QueryError:
        raise wrong from None
    names, place = ", ".join(sorted(used)), (wrong.line, wrong.column, wrong.length)
    message = f"A column cannot be computed from itself or from columns made after it ({names})."
    raise QueryError(message, "Use columns that stand before it.", *place)


def described(item: Derived) -> Column:
    """The column as others see it: without words of its user, its formula describes it."""
    return item.column if item.column.description else replace(item.column, description=f"Computed: {item.text}")


def view_sql(derived: Sequence[Derived]) -> str:
    """A SELECT of the stored rows and the derived columns, which need what they use to be among either; "" for none."""
    source = "stored"
    for level in sorted({item.level for item in derived}):
        items = ", ".join(f"{item.sql} AS {quoted(item.name)}" for item in derived if item.level == level)
        source = f"(SELECT *, {items} FROM {source})"
    return f"SELECT * FROM {source}" if derived else ""


def needed(names: Sequence[str], derived: Sequence[Derived]) -> tuple[list[str], list[Derived]]:
    """Names of the stored columns, and the derived ones, that computing ``names`` takes."""
    wanted, used = set(names), []
    for item in reversed(derived):  # a column only uses those before it
        if item.name in wanted:
            used.append(item)
            wanted |= item.uses
            if ROW in item.sql:
                wanted.add(ROW)
    computed = {item.name for item in used}
    return [name for name in wanted if name not in computed], used[::-1]


def _check_name(name: str, columns: Sequence[Column]) -> None:
    if not name:
        raise QueryError("The column has no name.", "Give it one, such as g_r.")
    if len(name) > NAME_LIMIT:
        raise QueryError(f"The name has more than {NAME_LIMIT} characters.")
    if not name.isprintable() or name.casefold() == ROW:
        raise QueryError("This cannot be the name of a column.", "Use letters, digits and _.")
    taken = {item.name.casefold(): item.name for item in columns}
    if name.casefold() in taken:
        raise QueryError(f"There is a column {taken[name.casefold()]} already.", "Choose another name.")


def _typed(sql: str, kind: str, datatype: str) -> str:
    """The expression as a value of a type; an expression that fails for a row gives null there, not an error."""
    sql_type = SQL_TYPES[datatype]
    if datatype in ("float", "double"):
        return f"nullif(TRY_CAST(TRY({sql}) AS {sql_type}), 'NaN')"
    if kind == NATURAL_KINDS.get(datatype):
        return f"CAST(TRY({sql}) AS {sql_type})"
    return f"TRY_CAST(TRY({sql}) AS {sql_type})"
