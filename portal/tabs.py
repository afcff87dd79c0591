"""The row of tabs: one for each open result, with the colour, name and place the user gave it. Plain values."""

from __future__ import annotations

from collections import Counter
from typing import Any, NamedTuple

from .jobs.job import JobRow
from .table.clauses import short

COLOURS = ("#0077bb", "#ee7733", "#009988", "#ee3377", "#33bbee", "#cc3311", "#998800", "#aa66cc")
"""Told apart by eyes of all kinds, on light and dark ground alike; after the "vibrant" scheme of Paul Tol."""


class Tab(NamedTuple):
    """A result in the row of tabs. ``colour`` (CSS) marks it wherever several results are shown together.

    A ``pinned`` tab stays before the others and is not closed with them.
    """

    key: str
    title: str
    phase: str
    rows: int
    overflow: bool
    error: str
    colour: str = COLOURS[0]
    pinned: bool = False


Tabs = tuple[Tab, ...]


def tab_of(row: JobRow, old: Tab | None = None, others: Tabs = ()) -> Tab:
    """The tab of a job as it stands now; what the user gave to ``old`` stays. A new one takes the rarest colour."""
    if old is not None:
        return old._replace(phase=row.phase, rows=row.rows, overflow=row.overflow, error=row.error)
    return Tab(row.key, row.title, row.phase, row.rows, row.overflow, row.error, free_colour(others))


def free_colour(tabs: Tabs) -> str:
    """The colour that the fewest tabs have, the first of them."""
    used = Counter(tab.colour for tab in tabs)
    return min(COLOURS, key=lambda colour: used[colour])


def find(tabs: Tabs, key: str) -> Tab | None:
    return next((tab for tab in tabs if tab.key == key), None)


def changed(tabs: Tabs, key: str, **parts: Any) -> Tabs:
    """The tabs with one of them changed (title, colour, pinned); an empty title or a strange colour changes nothing."""
    if "title" in parts:
        parts["title"] = short(parts["title"])
        if not parts["title"]:
            return tabs
    if parts.get("colour", COLOURS[0]) not in COLOURS:
        return tabs
    return in_order(tuple(tab._replace(**parts) if tab.key == key else tab for tab in tabs))


def in_order(tabs: Tabs) -> Tabs:
    """Pinned ones first, else as they were."""
    return tuple(sorted(tabs, key=lambda tab: not tab.pinned))


def moved(tabs: Tabs, key: str, place: int) -> Tabs:
    """The tabs with one of them at another place (from 0), as far as pinned ones stay before the others."""
    tab = find(tabs, key)
    if tab is None:
        return tabs
    rest = [item for item in tabs if item.key != key]
    rest.insert(max(0, min(place, len(rest))), tab)
    return in_order(tuple(rest))


def arranged(tabs: Tabs, like: Tabs) -> Tabs:
    """The tabs with the names, colours and order of ``like``; those it does not know come last."""
    places = {tab.key: place for place, tab in enumerate(like)}
    given = [
        tab._replace(title=like[places[tab.key]].title, colour=like[places[tab.key]].colour,
                     pinned=like[places[tab.key]].pinned) if tab.key in places else tab
        for tab in tabs
    ]  # fmt: skip
    return in_order(tuple(sorted(given, key=lambda tab: places.get(tab.key, len(like)))))


def marks_to_json(tabs: Tabs) -> dict[str, list[Any]]:
    """What the user gave to each tab: title, colour, whether it is pinned."""
    return {tab.key: [tab.title, tab.colour, tab.pinned] for tab in tabs}


def with_marks(tabs: Tabs, saved: Any) -> Tabs:
    """The tabs with what was saved of them; a saved state without it, or one that does not fit, changes nothing."""
    for key, item in saved.items() if isinstance(saved, dict) else ():
        if isinstance(item, list) and len(item) == 3 and isinstance(item[0], str) and isinstance(item[2], bool):
            tabs = changed(tabs, key, title=item[0], colour=item[1], pinned=item[2])
    return tabs
