"""Free expressions over a result's columns, checked against a list of what is allowed and rewritten as engine SQL.

The text is parsed, every node must be known, and the SQL is written anew from the tree: nothing of the user's text
reaches the engine as it stands.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from portal.errors import QueryError
from portal.table.columns import Column
from portal.table.expression_sql import FUNCTION_NAMES, OPENING, Writer

__all__ = ["FUNCTION_NAMES", "Checked", "check_any", "check_condition", "check_expression"]

LENGTH_LIMIT = 4_000  # characters; the longest expression seen in Rubin notebooks has 300


class Checked(NamedTuple):
    """An expression as engine SQL; ``kind`` is "int", "number", "truth" or "text"; ``uses`` names its columns."""

    sql: str
    kind: str
    uses: frozenset[str]


def check_any(text: str, columns: Sequence[Column]) -> Checked:
    """An expression of whatever kind. Raises QueryError with line and column of what is wrong."""
    tree, writer = _parsed(text, columns)
    piece = writer.write(tree)
    return Checked(piece.sql, piece.kind, frozenset(writer.uses))


def check_expression(text: str, columns: Sequence[Column]) -> str:
    """Engine SQL of a numeric expression; whole-number columns become doubles inside arithmetic.

    Raises QueryError with line and column of what is wrong.
    """
    tree, writer = _parsed(text, columns)
    piece = writer.write(tree)
    if piece.kind == "text":
        raise writer.wrong(tree, "The expression is text; a chart needs a number.")
    return piece.sql


def check_condition(text: str, columns: Sequence[Column]) -> str:
    """Engine SQL of a condition (comparisons with AND, OR, NOT, IN, BETWEEN, IS NULL, LIKE).

    Identifiers of 64 bits are compared exactly. Raises QueryError with line and column of what is wrong.
    """
    tree, writer = _parsed(text, columns)
    piece = writer.write(tree)
    if piece.kind != "truth":
        raise writer.wrong(tree, "This is no condition.", ("a comparison, such as r_mag < 22",))
    return piece.sql


def _parsed(text: str, columns: Sequence[Column]) -> tuple[exp.Expression, Writer]:
    if not text.strip():
        raise QueryError("The expression is empty.", line=1, column=1)
    if len(text) > LENGTH_LIMIT:
        raise QueryError(f"The expression has more than {LENGTH_LIMIT:,} characters.", line=1, column=LENGTH_LIMIT)
    writer = Writer(text, columns)
    try:
        select = sqlglot.parse(OPENING + text, read="duckdb")
    except SqlglotError as error:
        first = (getattr(error, "errors", None) or [{}])[0]
        line, at = first.get("line") or 1, first.get("col") or 0
        at = max(1, at - len(OPENING) if line == 1 else at)
        what = first.get("highlight") or ""
        message = f"Not understood near {what!r}." if what.strip() else "The expression is not complete."
        raise QueryError(message, line=line, column=at, length=max(1, len(what))) from None
    except RecursionError:
        raise QueryError("The expression is nested too deeply.", line=1, column=1) from None
    tree = select[0] if len(select) == 1 else None
    if not isinstance(tree, exp.Select) or any(value for key, value in tree.args.items() if key != "expressions"):
        raise QueryError("Only an expression can stand here.", "Write it without SELECT, FROM or ;.", 1, 1)
    if len(tree.expressions) != 1:
        raise QueryError("One expression is wanted.", "Commas only stand between arguments.", 1, 1)
    return tree.expressions[0], writer
