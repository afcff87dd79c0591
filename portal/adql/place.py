"""Where in the ADQL text a node of the tree stands, and the error that points there."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from sqlglot import exp

from portal.errors import QueryError


def place(text: str, offset: int) -> tuple[int, int]:
    """Line and column, from 1, of a character offset."""
    before = text[:offset]
    return before.count("\n") + 1, offset - (before.rfind("\n") + 1) + 1


def span(node: exp.Expr | None) -> tuple[int, int] | None:
    """First and last character (both counted from 0) of what the parser marked below a node, or of its parents."""
    while node is not None:
        if isinstance(node, (exp.Column, exp.Anonymous, exp.Table)) or not node.meta.get("start"):
            spans = [
                (item.meta["start"], item.meta["end"])
                for item in node.walk()
                if item.meta.get("start") is not None and item.meta.get("end") is not None
            ]
            if isinstance(node, exp.Anonymous) and node.meta.get("start") is not None:
                return node.meta["start"], node.meta["end"]
            if spans:
                return min(start for start, _ in spans), max(end for _, end in spans)
        else:
            return node.meta["start"], node.meta["end"]
        node = node.parent
    return None


def error_at(
    text: str, node: exp.Expr | None, message: str, hint: str = "", expected: Iterable[str] = ()
) -> QueryError:
    """A QueryError that points at a node; line and column are 0 when the node has left no mark."""
    found = span(node)
    if found is None:
        return QueryError(message, hint, expected=tuple(expected))
    line, column = place(text, found[0])
    return QueryError(message, hint, line, column, found[1] - found[0] + 1, tuple(expected))


def nearest(name: str, names: Iterable[str], count: int = 3) -> tuple[str, ...]:
    """The names most like one, whatever their case."""
    known = {item.lower(): item for item in names}
    return tuple(known[item] for item in get_close_matches(name.lower(), known, count, 0.6))


def did_you_mean(names: tuple[str, ...]) -> str:
    """A hint that offers names, or nothing."""
    return f"Did you mean {' or '.join(names)}?" if names else ""
