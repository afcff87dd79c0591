"""What the user did to the look of results, so that it can be taken back and done again. Plain values.

Jobs, queries being written and the current row are no part of it: undo never touches what runs.
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from .look import Look
from .table.clauses import words
from .tabs import Tab

LIMIT = 100  # steps; a look is small, but a list of marked rows can have 2 MB, shared by the steps that have it


class Scene(NamedTuple):
    """The parts of a page that a step changed, at one side of it; None for what it did not touch."""

    look: Look | None = None
    tabs: tuple[Tab, ...] | None = None
    query: str | None = None


class Step(NamedTuple):
    """One thing done. ``words`` name it, ``key`` is the result whose look it changed, "" for none."""

    words: str
    key: str
    before: Scene
    after: Scene


class Undo:
    """The steps done and the steps taken back; a new step forgets the latter."""

    def __init__(self, limit: int = LIMIT) -> None:
        self._done: deque[Step] = deque(maxlen=limit)
        self._undone: list[Step] = []

    def did(self, step: Step) -> None:
        self._done.append(step)
        self._undone.clear()

    def back(self) -> Step | None:
        """The last step, now taken back; None when there is none."""
        if not self._done:
            return None
        self._undone.append(self._done.pop())
        return self._undone[-1]

    def forth(self) -> Step | None:
        """The step taken back last, now done again; None when there is none."""
        if not self._undone:
            return None
        self._done.append(self._undone.pop())
        return self._done[-1]

    @property
    def words(self) -> tuple[str, str]:
        """What back and forth would do, "" for nothing."""
        return (self._done[-1].words if self._done else "", self._undone[-1].words if self._undone else "")


def told(before: Look, after: Look) -> str:
    """What changed between two looks, in a few words; "" when only the current row did, or nothing."""
    was, now = before, after
    if was.sets != now.sets:
        gone = len(now.sets) - len(was.sets)
        return {1: "save set", -1: "delete set"}.get(gone, "change set")
    if was.kept != now.kept:
        return "filter to marked" if len(now.kept) > len(was.kept) else "remove filter"
    if was.clauses != now.clauses:
        if not now.clauses:
            return "clear selection"
        return f"select {words(now.clauses)}"[:60]
    if was.filters != now.filters:
        names = [name for name, _ in set(was.filters) ^ set(now.filters)]
        return f"filter on {names[0]}" if names else "filter"
    if was.sort != now.sort:
        return f"sort by {', '.join(name for name, _ in now.sort)}"[:60] if now.sort else "remove sort"
    if was.condition != now.condition:
        return "condition"
    if (was.x, was.y) != (now.x, now.y):
        return "change axes"
    if was.paint != now.paint:
        return "draw on the sky otherwise"
    if was.columns != now.columns:
        return "arrange columns"
    if was.pinned != now.pinned:
        return "pin a row" if len(now.pinned) >= len(was.pinned) else "let a row go"
    return "" if was._replace(current=0) == now._replace(current=0) else "change view"
