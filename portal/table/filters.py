"""The small language of a column's filter box, turned into an SQL predicate.

``> 5``, ``18..20``, ``in r, i``, ``null``, ``!null``, ``galaxy*``, joined by ``and`` and ``or``.
"""

from __future__ import annotations

import math
import re
from typing import NamedTuple

from portal.errors import QueryError
from portal.table.columns import Column
from portal.table.names import quoted

LENGTH_LIMIT = 10_000  # characters of one filter text
TERM_LIMIT = 500  # comparisons and listed values in one filter text

NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)
JOIN = re.compile(r"\s+(and|or)\s+|\s*(&&|\|\|)\s*", re.IGNORECASE)
OPERATOR = re.compile(r"(>=|<=|!=|<>|==|=|>|<|!)\s*")
RANGE = re.compile(r"\s*\.\.\s*")
LIST = re.compile(r"(not\s+in|in|!in)(\s+|(?=\())", re.IGNORECASE)
TRUTHS = {"true": "TRUE", "t": "TRUE", "1": "TRUE", "false": "FALSE", "f": "FALSE", "0": "FALSE"}


class Term(NamedTuple):
    """A piece of the text and where it begins (from 0)."""

    text: str
    at: int


def column_filter(column: Column, text: str) -> str:
    """SQL predicate for what stands in a column's filter box; "" for an empty one.

    Raises QueryError with the place (``column``, from 1) of what is not understood.
    """
    if not text.strip():
        return ""
    if len(text) > LENGTH_LIMIT:
        raise QueryError(f"A filter of more than {LENGTH_LIMIT:,} characters.", line=1, column=LENGTH_LIMIT)
    if column.is_array:
        return _array(column, Term(text.strip(), len(text) - len(text.lstrip())))
    parts, joins = _split(text)
    if len(parts) > TERM_LIMIT:
        raise QueryError(f"More than {TERM_LIMIT} comparisons in one filter.", line=1, column=1)
    groups, group = [], [_term(column, parts[0])]
    for join, part in zip(joins, parts[1:]):
        predicate = _term(column, part)
        if join:
            group.append(predicate)
        else:
            groups.append(group)
            group = [predicate]
    groups.append(group)
    either = [" AND ".join(group) for group in groups]
    return either[0] if len(either) == 1 else "(" + " OR ".join(either) + ")"


def _split(text: str) -> tuple[list[Term], list[bool]]:
    """Terms, and for each gap whether it is AND. Words inside quotes do not join."""
    hidden = re.sub(r"'(?:[^']|'')*'|\"[^\"]*\"", lambda found: "\0" * len(found.group()), text)
    parts, joins, begin = [], [], 0
    for found in JOIN.finditer(hidden):
        parts.append(_stripped(text, begin, found.start()))
        joins.append((found.group(1) or found.group(2)).lower() in ("and", "&&"))
        begin = found.end()
    parts.append(_stripped(text, begin, len(text)))
    for part in parts:
        if not part.text:
            raise _wrong("A comparison is missing here.", part)
    return parts, joins


def _stripped(text: str, begin: int, end: int) -> Term:
    piece = text[begin:end]
    return Term(piece.strip(), begin + len(piece) - len(piece.lstrip()))


def _term(column: Column, term: Term) -> str:
    name = quoted(column.name)
    word = re.sub(r"\s+", " ", term.text.lower())
    if word in ("null", "= null", "=null", "is null", "empty"):
        return f"{name} IS NULL"
    if word in ("!null", "! null", "!=null", "!= null", "is not null", "not null", "<> null"):
        return f"{name} IS NOT NULL"
    listed = LIST.match(term.text)
    if listed:
        return _list(column, Term(term.text[listed.end() :], term.at + listed.end()), listed.group(1).lower() != "in")
    operator = OPERATOR.match(term.text)
    sign = operator.group(1) if operator else ""
    value = Term(term.text[operator.end() :], term.at + operator.end()) if operator else term
    if not value.text:
        raise _wrong(f"A value is missing after {sign}.", Term(sign, term.at), _expected(column))
    if column.datatype in ("boolean", "bit"):
        return _boolean(column, sign, value)
    if column.is_number:
        return _number(column, sign, value)
    return _text(column, sign, value)


def _number(column: Column, sign: str, value: Term) -> str:
    name = quoted(column.name)
    between = RANGE.search(value.text)
    if between and not sign:
        low = _stripped(value.text, 0, between.start())
        high = _stripped(value.text, between.end(), len(value.text))
        parts = []
        if low.text:
            parts.append(f"{name} >= {_literal(column, Term(low.text, value.at + low.at))}")
        if high.text:
            parts.append(f"{name} <= {_literal(column, Term(high.text, value.at + high.at))}")
        if not parts:
            raise _wrong("A range needs a number.", value, ("18..20",))
        return "(" + " AND ".join([*parts, *_not_nan(column)]) + ")"
    literal = _literal(column, value)
    if sign in ("!=", "<>", "!"):
        return f"{name} <> {literal}"
    if sign in (">", ">="):
        # The engine takes NaN for larger than any number; nobody who asks for > 5 wants it.
        return " AND ".join([f"{name} {sign} {literal}", *_not_nan(column)])
    return f"{name} {sign if sign in ('<', '<=') else '='} {literal}"


def _not_nan(column: Column) -> list[str]:
    return [f"NOT isnan({quoted(column.name)})"] if column.datatype in ("float", "double") else []


def _literal(column: Column, value: Term) -> str:
    """A number as SQL; whole numbers stay whole, so that identifiers are compared digit by digit."""
    text = value.text
    if not NUMBER.fullmatch(text):
        raise _wrong(f"{text!r} is not a number.", value, _expected(column))
    if re.fullmatch(r"[+-]?[0-9]{1,38}", text):
        return text.lstrip("+")
    if not math.isfinite(float(text)):
        raise _wrong(f"{text} is too large a number.", value)
    # float32 columns hold 0.1 as its nearest float32; compare in that precision so that = finds it.
    kind = "FLOAT" if column.datatype == "float" and abs(float(text)) < 3e38 else "DOUBLE"
    return f"CAST('{float(text)!r}' AS {kind})"


def _boolean(column: Column, sign: str, value: Term) -> str:
    truth = TRUTHS.get(value.text.lower())
    if truth is None or sign not in ("", "=", "==", "!=", "<>", "!"):
        raise _wrong(f"{value.text!r} is not true or false.", value, ("true", "false", "null"))
    return f"{quoted(column.name)} {'<>' if sign in ('!=', '<>', '!') else '='} {truth}"


def _text(column: Column, sign: str, value: Term) -> str:
    name = quoted(column.name)
    bare = _unquoted(value.text)
    if sign in (">", ">=", "<", "<="):
        return f"{name} {sign} {_string(bare)}"
    if sign in ("!=", "<>", "!"):
        return f"{name} NOT ILIKE {_pattern(bare)}" if "*" in bare else f"{name} <> {_string(bare)}"
    if "*" in bare:
        return f"{name} ILIKE {_pattern(bare)}"
    if sign:
        return f"{name} = {_string(bare)}"
    between = RANGE.search(bare)
    if between and between.start() and between.end() < len(bare) and bare == value.text:
        return f"{name} BETWEEN {_string(bare[: between.start()])} AND {_string(bare[between.end() :])}"
    # A word alone is looked for anywhere, as one does while typing; quotes ask for the whole.
    return f"{name} = {_string(bare)}" if bare != value.text else f"{name} ILIKE {_pattern(f'*{bare}*')}"


def _list(column: Column, body: Term, negated: bool) -> str:
    text = body.text.strip()
    if text.startswith("(") and text.endswith(")"):
        inner = body.text.index("(") + 1
        body = Term(body.text[inner : body.text.rindex(")")], body.at + inner)
    values = []
    for item in _items(body):
        if not item.text:
            raise _wrong("A value is missing in the list.", item)
        if column.datatype in ("boolean", "bit"):
            if item.text.lower() not in TRUTHS:
                raise _wrong(f"{item.text!r} is not true or false.", item, ("true", "false"))
            values.append(TRUTHS[item.text.lower()])
        else:
            values.append(_literal(column, item) if column.is_number else _string(_unquoted(item.text)))
    if len(values) > TERM_LIMIT:
        raise _wrong(f"More than {TERM_LIMIT} values in the list.", body)
    return f"{quoted(column.name)} {'NOT IN' if negated else 'IN'} ({', '.join(values)})"


def _items(body: Term) -> list[Term]:
    """The values of a list; commas inside quotes do not part them."""
    items, begin = [], 0
    for comma in [*re.finditer(r"'(?:[^']|'')*'|,", body.text), None]:
        if comma is None or comma.group() == ",":
            item = _stripped(body.text, begin, comma.start() if comma else len(body.text))
            items.append(Term(item.text, body.at + item.at))
            begin = comma.end() if comma else begin
    return items


def _array(column: Column, term: Term) -> str:
    word = term.text.lower().replace(" ", "")
    if word in ("null", "!null"):
        return f"{quoted(column.name)} IS {'NOT ' if word[0] == '!' else ''}NULL"
    raise _wrong("A column of arrays can only be asked for null or !null.", term, ("null", "!null"))


def _unquoted(text: str) -> str:
    if len(text) > 1 and text[0] == text[-1] == "'":
        return text[1:-1].replace("''", "'")
    if len(text) > 1 and text[0] == text[-1] == '"':
        return text[1:-1]
    return text


def _string(text: str) -> str:
    return "'" + text.replace("\0", "").replace("'", "''") + "'"


def _pattern(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_").replace("*", "%")
    return f"{_string(escaped)} ESCAPE '\\'"


def _expected(column: Column) -> tuple[str, ...]:
    if column.is_number:
        return ("a number", "> 5", "18..20", "in 1, 2", "null", "!null")
    return ("a text", "text*", "in a, b", "null", "!null")


def _wrong(message: str, term: Term, expected: tuple[str, ...] = ()) -> QueryError:
    hint = "Try " + ", ".join(expected) + "." if expected else ""
    return QueryError(message, hint, line=1, column=term.at + 1, length=max(1, len(term.text)), expected=expected)
