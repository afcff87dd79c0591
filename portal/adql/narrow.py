"""A query made narrower: what the columns of its answer are called inside it, and one more condition in its WHERE."""

from __future__ import annotations

import re
from collections.abc import Sequence

from sqlglot import exp

from portal.adql.format import _TOKEN
from portal.adql.functions import find_function
from portal.adql.parse import MAX_LENGTH, WORDS, parse_adql
from portal.errors import LimitError, QueryError

PLAIN = re.compile(r"[A-Za-z]\w*", re.ASCII)
AFTER_WHERE = {"GROUP", "HAVING", "ORDER", "OFFSET"}


def named(name: str) -> str:
    """A column's name in ADQL: between double quotes when it is no plain word."""
    plain = PLAIN.fullmatch(name) and name.upper() not in WORDS
    return name if plain else '"' + name.replace('"', '""') + '"'


def meanings(adql: str, names: Sequence[str]) -> dict[str, str]:
    """For each column of the answer what it is in the query: ``gmag`` may be ``scisql_nanojanskyToAbMag(g_psfFlux)``.

    Columns that a ``*`` brought keep their names. Raises QueryError when the query puts rows together, so that a
    condition on its answer is no condition on the rows it reads.
    """
    tree = parse_adql(adql)
    if not isinstance(tree, exp.Select):
        raise QueryError("The query joins several SELECTs; a condition has no one place in it.")
    if tree.args.get("group") or any(_is_aggregate(node) for item in tree.expressions for node in item.walk()):
        raise QueryError("The query puts rows together (GROUP BY); its rows cannot be chosen in its WHERE.")
    items = [item.this if isinstance(item, exp.Alias) else item for item in tree.expressions]
    if not any(_is_star(item) for item in items) and len(items) == len(names):
        return {name: _text(item) for name, item in zip(names, items)}
    known = {item.alias_or_name: node for item, node in zip(tree.expressions, items) if not _is_star(node)}
    return {name: _text(known[name]) if name in known else named(name) for name in names}


def _text(node: exp.Expr) -> str:
    text = node.sql(normalize_functions=False)
    return text if isinstance(node, exp.Column | exp.Anonymous | exp.Literal | exp.Paren) else f"({text})"


def _is_star(node: exp.Expr) -> bool:
    return isinstance(node, exp.Star) or (isinstance(node, exp.Column) and isinstance(node.this, exp.Star))


def _is_aggregate(node: exp.Expr) -> bool:
    found = find_function(str(node.this)) if isinstance(node, exp.Anonymous) else None
    return found is not None and found.kind == "aggregate"


def with_condition(adql: str, condition: str) -> str:
    """The query with one more condition in its WHERE, all else as it was written.

    Raises QueryError when the text is no single SELECT, LimitError when it would be longer than ADQL may be.
    """
    if not isinstance(parse_adql(adql), exp.Select):
        raise QueryError("The query joins several SELECTs; a condition has no one place in it.")
    start = end = last = -1  # of what follows WHERE; the end of the last word before the next part
    depth, either = 0, False
    for found in _TOKEN.finditer(adql):
        kind, word = found.lastgroup, found.group()
        depth += (kind == "sign") * ((word == "(") - (word == ")"))
        upper = word.upper() if kind == "word" and not depth else ""
        if upper == "WHERE":
            start = found.end()
        elif upper in AFTER_WHERE or (word == ";" and kind == "sign"):
            end = last if end < 0 else end
        elif upper == "OR" and start >= 0 and end < 0:
            either = True
        if kind not in ("space", "comment"):
            last = found.end()
    end = last if end < 0 else end
    if start < 0:
        text = f"{adql[:end]}\nWHERE {condition}{adql[end:]}"
    else:
        old = adql[start:end].strip()
        text = f"{adql[:start]} {f'({old})' if either else old}\n  AND {condition}{adql[end:]}"
    if len(text) > MAX_LENGTH:
        raise LimitError(
            f"The condition has {len(condition):,} characters; a query may have {MAX_LENGTH:,}.",
            "Mark a region with fewer corners, or make a new table and upload it.",
        )
    parse_adql(text)
    return text
