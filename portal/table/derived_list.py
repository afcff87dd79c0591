"""The derived columns of one result: adding, changing and dropping one, and keeping them beside the rows.

Kept as text and checked anew when read. A column uses only those before it, so there are no circles.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

from portal.errors import LimitError, QueryError
from portal.table.columns import Column
from portal.table.derive import Definition, Derived, derived_column

DERIVED_FILE = "derived.json"
DERIVED_LIMIT = 200  # columns of one result; each is a line of SQL in every query of it

Columns = tuple[Derived, ...]


def added(derived: Columns, stored: Sequence[Column], said: Definition) -> Columns:
    """With one more. Raises QueryError when it is wrong, LimitError when there are too many."""
    if len(derived) >= DERIVED_LIMIT:
        raise LimitError(f"A result holds at most {DERIVED_LIMIT} computed columns.", "Delete some of them.")
    return (*derived, derived_column(said, stored, derived))


def redefined(derived: Columns, stored: Sequence[Column], old: str, said: Definition) -> Derived:
    """Another definition in the place of ``old``, not looking at the columns that use it."""
    place = _place(derived, old)
    return derived_column(said, stored, derived[:place], [item.column for item in derived[place + 1 :]])


def changed(derived: Columns, stored: Sequence[Column], old: str, said: Definition) -> Columns:
    """With another definition in the place of ``old``; those that use it are checked again.

    Raises KeyError when there is none called ``old``, QueryError when it is wrong or they would be.
    """
    place = _place(derived, old)
    if said.name.strip() != old and (users := users_of(old, derived)):
        raise QueryError(f"{users[0]} is computed from {old}.", f"Keep the name, or change {users[0]} first.")
    out = [*derived[:place], redefined(derived, stored, old, said)]
    for item in derived[place + 1 :]:
        try:
            out.append(derived_column(item.definition, stored, out))
        except QueryError as error:
            raise QueryError(f"{item.name} is computed from {old} and would fail: {error.message}") from None
    return tuple(out)


def dropped(derived: Columns, name: str) -> Columns:
    """Without one. Raises KeyError when there is none of that name, QueryError while others are made of it."""
    place = _place(derived, name)
    if users := users_of(name, derived):
        raise QueryError(f"{users[0]} is computed from {name}.", f"Delete {users[0]} first.")
    return derived[:place] + derived[place + 1 :]


def users_of(name: str, derived: Columns) -> list[str]:
    """Names of the derived columns that are computed from a column."""
    return [item.name for item in derived if name in item.uses]


def load(folder: Path, stored: Sequence[Column]) -> Columns:
    """The columns kept in a result's folder. What can no longer be used is left out; the file stays as it is."""
    try:
        said = [Definition(*map(str, item)) for item in json.loads((folder / DERIVED_FILE).read_text())]
    except (OSError, ValueError, TypeError):
        return ()
    found: Columns = ()
    for item in said[:DERIVED_LIMIT]:
        try:
            found = added(found, stored, item)
        except QueryError:
            continue  # it stood on a column that is gone
    return found


def save(folder: Path, derived: Columns) -> None:
    """Keep the columns in the result's folder. Raises LimitError when they cannot be written."""
    aside = folder / f"{DERIVED_FILE}.new"
    try:
        aside.write_text(json.dumps([item.definition for item in derived]))
        os.replace(aside, folder / DERIVED_FILE)
    except OSError as error:
        raise LimitError(f"The column cannot be kept: {error.strerror}.", "Free some disk space.") from error


def _place(derived: Columns, name: str) -> int:
    for place, item in enumerate(derived):
        if item.name == name:
            return place
    raise KeyError(name)
