"""ADQL laid out anew: clauses on lines of their own, keywords in capitals, every comment and literal as it was.

Works on words, not on the tree, so that a text that is not yet right can be laid out too.
"""

from __future__ import annotations

import re

WIDTH = 100  # lists are broken at commas beyond this column
_TOKEN = re.compile(
    r"""(?P<comment>--[^\n]*|/\*.*?\*/)|(?P<literal>'(?:[^']|'')*'|"(?:[^"]|"")*")|(?P<word>[A-Za-z_$][\w$]*)"""
    r"""|(?P<number>0[xX][0-9A-Fa-f]+|(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)|(?P<sign>\|\||<>|!=|<=|>=|\S)"""
    r"|(?P<space>\s+)",
    re.DOTALL,
)
_WORDS = """SELECT DISTINCT ALL TOP FROM WHERE AND OR NOT IN IS NULL LIKE ILIKE BETWEEN EXISTS CASE WHEN THEN ELSE END
AS ON USING JOIN INNER LEFT RIGHT FULL OUTER CROSS NATURAL GROUP ORDER BY HAVING OFFSET ASC DESC UNION EXCEPT INTERSECT
WITH TRUE FALSE ESCAPE CAST"""
_KEYWORDS = set(_WORDS.split())
_CLAUSES = {"SELECT", "FROM", "WHERE", "GROUP", "HAVING", "ORDER", "OFFSET", "UNION", "EXCEPT", "INTERSECT", "WITH"}
_JOINS = {"JOIN", "INNER", "LEFT", "RIGHT", "FULL", "CROSS", "NATURAL"}
_TIGHT_AFTER = {"(", "."}
_TIGHT_BEFORE = {")", ",", ".", ";"}


def tokens(text: str) -> list[tuple[str, str]]:
    """(kind, text) of every word, sign, literal and comment, in order, keywords in capitals."""
    found = []
    for match in _TOKEN.finditer(text):
        kind, word = match.lastgroup or "sign", match.group()
        if kind == "space":
            continue
        after_dot = bool(found) and found[-1][1] == "."
        if kind == "word" and word.upper() in _KEYWORDS and not after_dot:
            kind, word = "keyword", word.upper()
        found.append((kind, word.rstrip() if kind == "comment" else word))
    return found


def format_adql(text: str) -> str:
    """The query laid out. A text with a quote or a comment left open is given back as it is."""
    words = tokens(text)
    if any(kind == "sign" and word in "'\"" for kind, word in words) or re.search(r"/\*(?!.*\*/)", text, re.DOTALL):
        return text
    laid_out = _Layout(words).text()
    # Whatever the layout did, the words must be the same.
    return laid_out if tokens(laid_out) == words else text


class _Layout:
    """Lines under construction. ``levels`` holds (indent, is a query) for each open bracket."""

    def __init__(self, words: list[tuple[str, str]]) -> None:
        self.words = words
        self.lines: list[str] = []
        self.line = ""
        self.levels: list[tuple[int, bool]] = [(0, True)]
        self.clause = ""
        self.between = self.cases = 0
        self.outside: list[tuple[str, int, int]] = []  # the clause around each query that is open
        self.sign = False  # whether the last word was the sign of a number

    def text(self) -> str:
        for at, (kind, word) in enumerate(self.words):
            self._add(at, kind, word)
        self._break(0)
        return "\n".join(line for line in self.lines if line.strip()) + "\n"

    def _add(self, at: int, kind: str, word: str) -> None:
        indent, query = self.levels[-1]
        before = self.words[at - 1] if at else ("", "")
        following = self.words[at + 1][1].upper() if at + 1 < len(self.words) else ""
        if kind == "comment":
            self._put(word, before)
            if word.startswith("--"):
                self._break(indent + 2)
            return
        if kind == "keyword" and query:
            if word in _CLAUSES:
                self._break(indent)
                self.clause, self.between, self.cases = word, 0, 0
            elif word in _JOINS and before[1] not in _JOINS | {"OUTER"} and self.clause == "FROM":
                self._break(indent + 2)
            elif word in ("AND", "OR") and self.clause in ("WHERE", "HAVING", "FROM") and not self.cases:
                if word == "AND" and self.between:
                    self.between -= 1
                else:
                    self._break(indent + (4 if self.clause == "FROM" else 2))
            self.between += word == "BETWEEN"
            self.cases += (word == "CASE") - (word == "END")
        if word == ")" and len(self.levels) > 1:
            if query:
                self._break(indent - 2)
            indent, _ = self.levels.pop()
            if query:
                self.clause, self.between, self.cases = self.outside.pop()
        self._put(word, before)
        if word == "(":
            inner = following in ("SELECT", "WITH")
            self.levels.append((self._depth() + 2 if inner else indent, inner))
            if inner:
                self.outside.append((self.clause, self.between, self.cases))
        elif word == "," and len(self.line) + self._reach(at) > WIDTH:
            self._break(indent + 2)

    def _put(self, word: str, before: tuple[str, str]) -> None:
        kind, last = before
        tight = not self.line.strip() or last in _TIGHT_AFTER or word in _TIGHT_BEFORE
        if word == "(" and (kind in ("word", "literal") or last == "CAST"):
            tight = True
        if last in ("-", "+") and self.sign:
            tight = True
        # A sign after another sign, a bracket or a keyword belongs to the number that follows.
        self.sign = word in ("-", "+") and (
            kind in ("", "keyword") or last in ("(", ",") or (kind == "sign" and last != ")")
        )
        if self.sign and last in ("-", "+"):
            tight = False
        self.line += word if tight else f" {word}"

    def _depth(self) -> int:
        return len(self.line) - len(self.line.lstrip())

    def _reach(self, at: int) -> int:
        """Characters up to the next comma of the same bracket or the next clause."""
        depth = length = 0
        for kind, word in self.words[at + 1 :]:
            depth += (word == "(") - (word == ")")
            if depth < 0 or (depth == 0 and (word == "," or (kind == "keyword" and word in _CLAUSES))):
                break
            length += len(word) + 1
            if length > WIDTH:
                break
        return length

    def _break(self, indent: int) -> None:
        if self.line.strip():
            self.lines.append(self.line.rstrip())
        self.line = " " * indent
