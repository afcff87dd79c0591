"""The small language of a column's filter box, turned into an SQL predicate.

``> 5``, ``18..20``, ``in r, i, null``, ``null``, ``!null``, ``galaxy*``, ``like NGC*``, joined by ``and``,
``or``, ``not`` and parentheses. On columns of times as text, dates of any precision: ``2025-01-01..2025-02`` with
its last day.
"""

from __future__ import annotations

import math
import re
from typing import NamedTuple

from portal.errors import QueryError
from portal.table.columns import Column
from portal.table.names import quoted
from portal.table.time_filter import is_time, time_filter

LENGTH_LIMIT = 10_000  # characters of one filter text
TERM_LIMIT = 500  # comparisons and listed values in one filter text

NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)
JOIN = re.compile(r"\s*(?<![^\s)])(and|or)(?![^\s(])\s*|\s*(&&|\|\|)\s*", re.IGNORECASE)
NOT = re.compile(r"(not(?!\s+(in|like|null)\b)(?=[\s(])|!(?=\())\s*", re.IGNORECASE)
LIKE = re.compile(r"(not\s+like|like|!like)\s+(?=\S)", re.IGNORECASE)
DEPTH_LIMIT = 50  # parentheses within parentheses
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
    return _Reader(column, text).whole()


class _Reader:
    """Reads terms joined by and, or, not and parentheses. Words inside quotes do not join."""

    def __init__(self, column: Column, text: str) -> None:
        self._column = column
        self._text = text
        self._hidden = re.sub(r"'(?:[^']|'')*'|\"[^\"]*\"", lambda found: "\1" * len(found.group()), text)
        self._at = 0
        self._terms = 0

    def whole(self) -> str:
        sql = self._either(0)
        if self._at < len(self._text):
            raise _wrong("There is no ( for this ).", Term(")", self._at))
        return sql

    def _either(self, depth: int) -> str:
        """Terms in groups: and binds closer than or."""
        if depth > DEPTH_LIMIT:
            raise _wrong("Too many parentheses within each other.", Term("(", self._at))
        groups = [[self._one(depth)]]
        while found := JOIN.match(self._hidden, self._at):
            self._at = found.end()
            term = self._one(depth)
            if (found.group(1) or found.group(2)).lower() in ("and", "&&"):
                groups[-1].append(term)
            else:
                groups.append([term])
        either = [" AND ".join(group) for group in groups]
        return either[0] if len(either) == 1 else "(" + " OR ".join(either) + ")"

    def _one(self, depth: int) -> str:
        hidden = self._hidden
        self._at += len(hidden[self._at :]) - len(hidden[self._at :].lstrip())
        negated = NOT.match(hidden, self._at)
        if negated:
            self._at = negated.end()
            if depth > DEPTH_LIMIT:
                raise _wrong("Too many not.", Term("not", negated.start()))
            # A row without a value passes no comparison, and none turned round.
            return f"(NOT ({self._one(depth + 1)}))"
        if hidden.startswith("(", self._at):
            opened = self._at
            self._at += 1
            inner = self._either(depth + 1)
            if not hidden.startswith(")", self._at):
                raise _wrong("This ( is not closed.", Term("(", opened))
            self._at += 1
            self._at += len(hidden[self._at :]) - len(hidden[self._at :].lstrip())
            if self._at < len(hidden) and hidden[self._at] != ")" and not JOIN.match(hidden, self._at):
                raise _wrong("and or or is wanted here.", Term(self._text[self._at :].rstrip(), self._at))
            return f"({inner})"
        begin, end = self._at, self._end()
        self._at = end
        term = _stripped(self._text, begin, end)
        if not term.text:
            raise _wrong("A comparison is missing here.", term)
        self._terms += 1
        if self._terms > TERM_LIMIT:
            raise QueryError(f"More than {TERM_LIMIT} comparisons in one filter.", line=1, column=1)
        return _term(self._column, term)

    def _end(self) -> int:
        """Where the term that begins here ends: before the next join, or a ) it did not open."""
        opened, at = 0, self._at
        while at < len(self._hidden):
            mark = self._hidden[at]
            if mark == "(":
                opened += 1
            elif mark == ")":
                if not opened:
                    return at
                opened -= 1
            elif (
                at > self._at
                and mark in " \t\n&|"
                and not self._hidden[at - 1].isspace()
                and JOIN.match(self._hidden, at)
            ):
                return at
            at += 1
        return at


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
    like = LIKE.match(term.text)
    if like and column.is_text:
        pattern = _unquoted(term.text[like.end() :]).replace("%", "*")
        return f"{name} {'ILIKE' if like.group(1).lower() == 'like' else 'NOT ILIKE'} {_pattern(pattern)}"
    operator = OPERATOR.match(term.text)
    sign = operator.group(1) if operator else ""
    value = Term(term.text[operator.end() :], term.at + operator.end()) if operator else term
    if not value.text:
        raise _wrong(f"A value is missing after {sign}.", Term(sign, term.at), _expected(column))
    if column.datatype in ("boolean", "bit"):
        return _boolean(column, sign, value)
    if column.is_number:
        return _number(column, sign, value)
    if is_time(column):
        return time_filter(column, sign, value.text) or _text(column, sign, value)
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
    values, null = [], False
    for item in _items(body):
        if not item.text:
            raise _wrong("A value is missing in the list.", item)
        if item.text.lower() == "null":
            null = True
            continue
        if column.datatype in ("boolean", "bit"):
            if item.text.lower() not in TRUTHS:
                raise _wrong(f"{item.text!r} is not true or false.", item, ("true", "false"))
            values.append(TRUTHS[item.text.lower()])
        else:
            values.append(_literal(column, item) if column.is_number else _string(_unquoted(item.text)))
    if len(values) > TERM_LIMIT:
        raise _wrong(f"More than {TERM_LIMIT} values in the list.", body)
    name, parts = quoted(column.name), []
    if values:
        parts.append(f"{name} {'NOT IN' if negated else 'IN'} ({', '.join(values)})")
    if null:
        parts.append(f"{name} IS {'NOT ' if negated else ''}NULL")
    return parts[0] if len(parts) == 1 else "(" + (" AND " if negated else " OR ").join(parts) + ")"


def _items(body: Term) -> list[Term]:
    """The values of a list; commas inside quotes do not part them."""
    items, begin = [], 0
    for comma in [*re.finditer(r"'(?:[^']|'')*'|\"[^\"]*\"|,", body.text), None]:
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
