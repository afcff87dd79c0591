"""ADQL text to a sqlglot tree: the words ADQL knows, and what was wrong and where when a text is not ADQL.

Only ADQL's own words are keywords and every call is a named call, so columns called ``e``, ``dec`` or ``size`` are
names like any other, and nothing of the SQL dialects that sqlglot can read gets in by this door.
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import NoReturn

from sqlglot import exp
from sqlglot.dialects.dialect import Dialect
from sqlglot.errors import ParseError, TokenError
from sqlglot.parser import Parser
from sqlglot.tokens import Token, Tokenizer, TokenType

from portal.adql.place import place
from portal.errors import QueryError

MAX_LENGTH = 200_000  # characters; a list of 10,000 ids is 200 kB, and parsing takes about 1 s per MB
MAX_TRIALS_LENGTH = 20_000  # longer texts are not parsed again to find what was expected

_WORDS = """ALL AND ASC BETWEEN CASE CROSS DESC DISTINCT ELSE END ESCAPE EXCEPT EXISTS FALSE FROM FULL HAVING ILIKE IN
INNER INTERSECT IS JOIN LEFT LIKE LIMIT NATURAL NOT NULL OFFSET ON OR OUTER RIGHT SELECT THEN TOP TRUE UNION USING WHEN
WHERE WITH"""
WORDS = {word: getattr(TokenType, word) for word in _WORDS.split()}
WORDS |= {"AS": TokenType.ALIAS, "GROUP BY": TokenType.GROUP_BY, "ORDER BY": TokenType.ORDER_BY}
SIGNS = {
    "||": TokenType.DPIPE,
    ">=": TokenType.GTE,
    "<=": TokenType.LTE,
    "<>": TokenType.NEQ,
    "!=": TokenType.NEQ,
}
_MARKS = """VAR IDENTIFIER STRING NUMBER HEX_STRING L_PAREN R_PAREN COMMA DOT PLUS DASH STAR SLASH MOD EQ LT GT AMP PIPE
CARET TILDE SEMICOLON"""
ALLOWED_TOKENS = {*WORDS.values(), *SIGNS.values(), *(getattr(TokenType, name) for name in _MARKS.split())}
# What cannot follow a comma; sqlglot would let "SELECT a, FROM t" pass.
AFTER_NO_COMMA = {TokenType.FROM, TokenType.R_PAREN, TokenType.WHERE, TokenType.COMMA, TokenType.GROUP_BY}
AFTER_NO_COMMA |= {TokenType.ORDER_BY, TokenType.HAVING, TokenType.AND, TokenType.OR}
CURLY = set("‘’‚“”„´`′″")
MAX_DEPTH = 60  # brackets within brackets; sqlglot descends about 15 Python frames for each
CAST_TYPES = {
    "SMALLINT": "short",
    "INTEGER": "int",
    "INT": "int",
    "BIGINT": "long",
    "REAL": "float",
    "FLOAT": "double",
    "DOUBLE": "double",
    "CHAR": "char",
    "VARCHAR": "char",
    "TIMESTAMP": "char",
}


class _Fault(ParseError):
    """Where parsing stopped. ``said`` is true when the message is our own and should be kept."""

    def __init__(self, message: str, token: Token | None, hint: str = "", said: bool = False) -> None:
        super().__init__(message)
        self.token, self.hint, self.said = token, hint, said


class _Tokenizer(Tokenizer):
    KEYWORDS = {**WORDS, **SIGNS}
    HEX_STRINGS = [("0x", ""), ("0X", "")]
    COMMENTS = ["--", ("/*", "*/")]
    COMMANDS: set = set()
    NESTED_COMMENTS = False


class _Parser(Parser):
    FUNCTIONS: dict = {}
    FUNCTION_PARSERS = {"CAST": lambda self: self._parse_adql_cast()}
    NO_PAREN_FUNCTIONS: dict = {}
    NO_PAREN_FUNCTION_PARSERS = {"CASE": lambda self: self._parse_case()}
    STATEMENT_PARSERS: dict = {}
    LAMBDAS: dict = {}
    PLACEHOLDER_PARSERS: dict = {}
    TYPE_LITERAL_PARSERS: dict = {}
    COLUMN_OPERATORS = {TokenType.DOT: None}
    OPERATION_MODIFIERS: set = set()
    UNARY_PARSERS = {
        key: Parser.UNARY_PARSERS[key] for key in (TokenType.PLUS, TokenType.NOT, TokenType.DASH, TokenType.TILDE)
    }
    RANGE_PARSERS = {
        key: Parser.RANGE_PARSERS[key]
        for key in (TokenType.BETWEEN, TokenType.IN, TokenType.IS, TokenType.LIKE, TokenType.ILIKE)
    }
    QUERY_MODIFIER_PARSERS = {
        key: Parser.QUERY_MODIFIER_PARSERS[key]
        for key in (
            TokenType.WHERE,
            TokenType.GROUP_BY,
            TokenType.HAVING,
            TokenType.ORDER_BY,
            TokenType.LIMIT,
            TokenType.OFFSET,
        )
    }
    QUERY_MODIFIER_TOKENS = set(QUERY_MODIFIER_PARSERS)

    def raise_error(self, message: str, token: Token | None = None, hint: str = "", said: bool = False) -> NoReturn:
        # sqlglot sometimes points at the last good token; where reading stopped says more.
        raise _Fault(message, self._curr or None, hint, said)

    def _parse_limit(
        self, this: exp.Expr | None = None, top: bool = False, skip_limit_token: bool = False
    ) -> exp.Expr | None:
        if not top:
            if self._curr and self._curr.token_type == TokenType.LIMIT:
                self.raise_error("ADQL has no LIMIT.", hint="Write SELECT TOP n instead.", said=True)
            return this
        if not self._match(TokenType.TOP):
            return None
        if not self._curr or self._curr.token_type != TokenType.NUMBER or not self._curr.text.isdigit():
            self.raise_error("TOP needs a whole number.", hint="For example SELECT TOP 100 ...", said=True)
        number = self._parse_number()
        return self.expression(exp.Limit(expression=number))

    def _parse_between(self, this: exp.Expr | None) -> exp.Between:
        low = self._parse_bitwise()
        if not self._match(TokenType.AND):
            self.raise_error("Expecting AND")
        return self.expression(exp.Between(this=this, low=low, high=self._parse_bitwise()))

    def _parse_adql_cast(self) -> exp.Expr:
        value = self._parse_disjunction()
        if not value or not self._match(TokenType.ALIAS):
            self.raise_error("Expecting AS")
        token = self._curr
        word = token.text.upper() if token else ""
        if word not in CAST_TYPES:
            self.raise_error(f"CAST has no type {word}.", hint=f"Types are {', '.join(CAST_TYPES)}.", said=True)
        self._advance()
        if word == "DOUBLE":
            self._match_text_seq("PRECISION")
        size = []
        if self._match(TokenType.L_PAREN):
            size = [self._parse_number()]
            self._match_r_paren()
        name = exp.DataType(this=exp.DType.USERDEFINED, kind=word, expressions=[item for item in size if item])
        return self.expression(exp.Cast(this=value, to=name)).update_positions(token)


class ADQL(Dialect):
    """ADQL 2.1 as Rubin's users write it."""

    Tokenizer = _Tokenizer
    Parser = _Parser


_DIALECT = ADQL()


def parse_adql(text: str) -> exp.Query:
    """The tree of one ADQL query (ADQL 2.1, section 2). Raises QueryError with line, column and what was expected."""
    if len(text) > MAX_LENGTH:
        raise QueryError(
            f"The query has {len(text):,} characters; {MAX_LENGTH:,} are allowed.",
            "Upload long lists of ids or positions as a table and join with it.",
        )
    try:
        return _parse(text)
    except _Fault as fault:
        raise _explain(text, fault) from None


def _parse(text: str) -> exp.Query:
    try:
        tokens = _DIALECT.tokenize(text)
    except TokenError as error:
        start = error.start if error.start is not None else 0
        raise _unclosed(text, start) from None
    while tokens and tokens[-1].token_type == TokenType.SEMICOLON:
        tokens.pop()
    if not tokens:
        raise _Fault("The query is empty.", None, "A query starts with SELECT.", said=True)
    _check_tokens(tokens)
    if tokens[0].token_type not in (TokenType.SELECT, TokenType.WITH, TokenType.L_PAREN):
        near = get_close_matches(tokens[0].text.upper(), ["SELECT", "WITH"], 1, 0.6)
        hint = f"Did you mean {near[0]}?" if near else "Only SELECT queries can be run here."
        raise _Fault("A query starts with SELECT.", tokens[0], hint, said=True)
    parser = _DIALECT.parser()
    try:
        trees = parser.parse(tokens, text)
    except _Fault:
        raise
    except ParseError as error:
        raise _Fault(str(error), None) from None
    except RecursionError:
        raise _Fault("The query is nested too deeply.", None, "Remove some brackets.", said=True) from None
    except (AttributeError, TypeError, ValueError, AssertionError, IndexError, KeyError):
        # sqlglot meets None where a fragment such as "SELECT a FROM" stops short of its operand.
        raise _Fault("cut short", parser._curr or None) from None
    if len(trees) != 1 or not isinstance(trees[0], exp.Query):
        raise _Fault("Only SELECT queries can be run here.", tokens[0], said=True)
    return trees[0]


def _check_tokens(tokens: list[Token]) -> None:
    """What can be seen to be wrong before any structure: foreign signs, a second query, commas too many, depth."""
    depth = 0
    for token, following in zip(tokens, [*tokens[1:], None]):
        kind = token.token_type
        if kind == TokenType.SEMICOLON:
            raise _Fault(
                "Only one query can be sent at a time.", token, "Remove what follows the semicolon.", said=True
            )
        if kind not in ALLOWED_TOKENS:
            raise _Fault(f"{token.text[:40]!r} has no meaning in ADQL.", token, said=True)
        if kind == TokenType.VAR and CURLY & set(token.text):
            raise _Fault("Curly quotes have no meaning in ADQL.", token, "Write straight ones: '...'.", said=True)
        if kind == TokenType.COMMA and (following is None or following.token_type in AFTER_NO_COMMA):
            raise _Fault("comma", following)
        if kind == TokenType.IDENTIFIER and not token.text:
            raise _Fault("A name in double quotes cannot be empty.", token, said=True)
        depth += (kind == TokenType.L_PAREN) - (kind == TokenType.R_PAREN)
        if depth > MAX_DEPTH:
            raise _Fault("The query is nested too deeply.", token, "Remove some brackets.", said=True)


def _unclosed(text: str, start: int) -> _Fault:
    """The quote or comment that never ends: the first one, read from the left."""
    closing, at, opened = "", 0, start
    while at < len(text):
        if closing:
            end = text.find(closing, at)
            if end < 0:
                break
            at, closing = end + len(closing), ""
            continue
        for sign, close in (("'", "'"), ('"', '"'), ("--", "\n"), ("/*", "*/")):
            if text.startswith(sign, at):
                opened, closing, at = at, close, at + len(sign)
                break
        else:
            at += 1
    names = {"'": "text in single quotes", '"': "name in double quotes", "*/": "comment"}
    if closing not in names:
        return _Fault(f"The character {text[start : start + 1]!r} cannot stand here.", _token(text, start), said=True)
    sign = "/*" if closing == "*/" else closing
    return _Fault(f"This {names[closing]} is not closed.", _token(text, opened), f"Its {sign} starts here.", said=True)


def _token(text: str, start: int) -> Token:
    return Token(TokenType.VAR, text[start : start + 1], 1, 1, start, start)


_TRIALS = (
    ("a column or expression", "zz"),
    (",", ","),
    ("FROM", "FROM"),
    ("a table", "zz.zz"),
    ("AND", "AND"),
    (")", ")"),
    ("(", "("),
    ("=", "="),
    ("an operator", "+"),
    ("BY", "BY"),
    ("ON", "ON"),
    ("AS", "AS"),
    ("THEN", "THEN"),
    ("END", "END"),
    ("JOIN", "JOIN"),
    ("SELECT", "SELECT"),
)
# What other languages write, and a bracket too many.
_FOREIGN = {"==": "Equality is written =.", "&&": "Write AND.", ")": "There is no ( that it closes."}
_MISSPELLED = [*WORDS, "GROUP", "ORDER", "BY"]


def _explain(text: str, fault: _Fault) -> QueryError:
    """A QueryError for a fault; what was expected is found by trying what would have let the parser go on."""
    token = fault.token
    start = token.start if token else len(text.rstrip().rstrip(";").rstrip())
    length = max(1, token.end - token.start + 1) if token else 1
    line, column = place(text, start)
    if fault.said:
        if token is None:
            line = column = 0
        return QueryError(str(fault), fault.hint, line, column, length)
    found = text[start : start + length] if token else ""
    message = f"Unexpected {found[:40]!r}." if found else "The query ends too early."
    if len(text) > MAX_TRIALS_LENGTH:
        return QueryError(message, "", line, column, length)
    corrected = _spelling(text, start)
    if corrected:
        at, word, right = corrected
        line, column = place(text, at)
        return QueryError(f"Unexpected {word!r}.", f"Did you mean {right}?", line, column, len(word), (right,))
    expected = tuple(name for name, trial in _TRIALS if _goes_on(text, start, trial, bool(token)))
    if expected[:1] == ("a column or expression",):
        # Where a number cannot stand, only a name of a table can.
        expected = expected[:1] if _goes_on(text, start, "1", bool(token)) else ("a table",)
    hint = f"Expected {' or '.join(expected[:4])}." if expected else _FOREIGN.get(found, "")
    hint = _FOREIGN.get(text[start - 1 : start + 1], hint) if found else hint
    return QueryError(message, hint, line, column, length, expected)


def _reach(text: str) -> int:
    """How far a text parses: the offset of its fault, or past its end when there is none."""
    try:
        _parse(text)
    except _Fault as fault:
        return fault.token.start if fault.token else len(text)
    return len(text) + 1


def _goes_on(text: str, start: int, trial: str, inside: bool) -> bool:
    changed = f"{text[:start]} {trial} {text[start:]}"
    reach = _reach(changed)
    return reach > (start + len(trial) + 2 if inside else len(changed))


def _spelling(text: str, start: int) -> tuple[int, str, str] | None:
    """A misspelled keyword at the fault or in the two words before it: where, the word, the right one."""
    try:
        tokens = [token for token in _DIALECT.tokenize(text) if token.start <= start]
    except TokenError:
        return None
    for token in reversed(tokens[-3:]):
        word = text[token.start : token.end + 1]
        if token.token_type != TokenType.VAR or len(word) < 2 or word.upper() in WORDS:
            continue
        for right in get_close_matches(word.upper(), _MISSPELLED, 2, 0.7):
            changed = text[: token.start] + right + text[token.end + 1 :]
            shift = len(right) - len(word)
            if _reach(changed) > start + shift + 1:
                return token.start, word, right
    return None
