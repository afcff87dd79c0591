"""Writes engine SQL from the tree of an expression over columns; a node that is not known is an error.

Knows sqlglot's nodes and what each may become, not where the text came from.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from sqlglot import exp

from portal.errors import QueryError
from portal.table.columns import Column
from portal.table.expression_functions import ALIKE, FUNCTIONS, TESTS, TEXTS
from portal.table.names import ROW, quoted

OPENING = "SELECT "  # stands before the text when it is parsed; places in the text count from behind it

ARITHMETIC = {exp.Add: "({} + {})", exp.Sub: "({} - {})", exp.Mul: "({} * {})", exp.Div: "({} / {})"}
SQL_LIMIT = 100_000  # characters: some functions write an argument several times, so nested ones grow without end
COMPARISONS = {exp.EQ: "=", exp.NEQ: "<>", exp.GT: ">", exp.GTE: ">=", exp.LT: "<", exp.LTE: "<="}


FUNCTION_NAMES = tuple(sorted({*FUNCTIONS, *TESTS, *ALIKE, *TEXTS, "row_number"}))


def near_names(word: str, names: Iterable[str], most: int = 5) -> tuple[str, ...]:
    """Names that are probably meant by a word: those that hold it, then those spelled nearly so."""
    folded = {name.casefold(): name for name in names}
    word = word.casefold()
    held = [name for key, name in folded.items() if word in key]
    close = [folded[key] for key in difflib.get_close_matches(word, folded, most, 0.7)]
    return tuple(dict.fromkeys([*held[:most], *close]))[:most]


class Piece(NamedTuple):
    """SQL and what it yields: "int" (exact), "number" (double), "truth" or "text"."""

    sql: str
    kind: str


class Writer:
    """Writes SQL from a tree of known nodes."""

    def __init__(self, text: str, columns: Sequence[Column]) -> None:
        self._text = text
        self._columns = {item.name: item for item in columns}
        self._folded = {item.name.casefold(): item for item in columns}
        self._depth = 0
        self.uses: set[str] = set()
        """Names of the columns met."""

    def write(self, node: exp.Expression) -> Piece:
        self._depth += 1
        if self._depth > 100:
            raise self.wrong(node, "The expression is nested too deeply.")
        try:
            piece = self._write(node)
        finally:
            self._depth -= 1
        if len(piece.sql) > SQL_LIMIT:
            raise self.wrong(node, "Too much is nested here.", ("a computed column for the inner part",))
        return piece

    def _write(self, node: exp.Expression) -> Piece:
        kind = type(node)
        if kind is exp.Paren:
            return self.write(node.this)
        if kind is exp.Column:
            return self._column(node)
        if kind is exp.Literal:
            return self._literal(node)
        if kind is exp.Boolean:
            return Piece("TRUE" if node.this else "FALSE", "truth")
        if kind is exp.Null:
            return Piece("NULL", "number")
        if kind is exp.Neg:
            inner = self.write(node.this)
            if inner.kind == "int" and inner.sql.isdigit():
                return Piece(f"-{inner.sql}", "int")
            return Piece(f"(-{self._double(inner, node)})", "number")
        if kind in ARITHMETIC:
            parts = [self._double(self.write(part), part) for part in (node.this, node.expression)]
            return Piece(ARITHMETIC[kind].format(*parts), "number")
        if kind in (exp.Mod, exp.IntDiv):
            return self._whole(node)
        if kind in COMPARISONS:
            left, right = self._alike(self.write(node.this), self.write(node.expression), node)
            return Piece(f"({left} {COMPARISONS[kind]} {right})", "truth")
        if kind in (exp.And, exp.Or):
            parts = [self._truth(part) for part in (node.this, node.expression)]
            return Piece(f"({parts[0]} {'AND' if kind is exp.And else 'OR'} {parts[1]})", "truth")
        if kind is exp.Not:
            return Piece(f"(NOT {self._truth(node.this)})", "truth")
        if kind is exp.Is and isinstance(node.expression, exp.Null):
            return Piece(f"({self.write(node.this).sql} IS NULL)", "truth")
        if kind is exp.Between and not node.args.get("symmetric"):
            value, low, high = (self.write(node.args[key]) for key in ("this", "low", "high"))
            low_sql, high_sql = self._alike(value, low, node)[1], self._alike(value, high, node)[1]
            return Piece(f"({self._alike(value, low, node)[0]} BETWEEN {low_sql} AND {high_sql})", "truth")
        if kind is exp.In and node.expressions and not node.args.get("query"):
            value = self.write(node.this)
            items = [self._alike(value, self.write(item), node)[1] for item in node.expressions]
            return Piece(f"({value.sql} IN ({', '.join(items)}))", "truth")
        if kind in (exp.Like, exp.ILike):
            return self._like(node)
        if kind is exp.DPipe:
            parts = [self._as_text(part) for part in (node.this, node.expression)]
            return Piece(f"({parts[0]} || {parts[1]})", "text")
        if kind in (exp.Case, exp.If):
            return self._case(node)
        if isinstance(node, (exp.Func, exp.Anonymous, exp.Pow)):
            return self._function(node)
        raise self.wrong(node, "This cannot stand in an expression over columns.")

    # leaves

    def _column(self, node: exp.Column) -> Piece:
        if node.args.get("table") or not isinstance(node.this, exp.Identifier):
            raise self.wrong(node, "Columns are named without a table here.")
        item = self._columns.get(node.name) or self._folded.get(node.name.casefold())
        if item is None:
            raise self.wrong(node, f"There is no column {node.name}.", near_names(node.name, self._columns))
        self.uses.add(item.name)
        if item.is_array:
            raise self.wrong(node, f"Column {item.name} holds arrays, which cannot be computed with.")
        kinds = {"boolean": "truth", "bit": "truth", "float": "number", "double": "number"}
        kind = kinds.get(item.datatype, "int" if item.is_number else "text")
        return Piece(quoted(item.name), kind)

    def _literal(self, node: exp.Literal) -> Piece:
        if node.is_string:
            return Piece("'" + node.this.replace("\0", "").replace("'", "''") + "'", "text")
        text = node.this
        if text.isascii() and text.isdigit() and len(text) <= 38:
            return Piece(text, "int")
        try:
            value = float(text) if "_" not in text else float("nan")
        except ValueError:
            value = float("nan")
        if value != value or value == float("inf"):
            raise self.wrong(node, f"{text} is not a number.")
        exact = repr(value)
        return Piece(exact if "e" in exact else exact + "e0", "number")

    # branches

    def _double(self, piece: Piece, node: exp.Expression) -> str:
        """SQL as a double: whole numbers would overflow, decimals would round."""
        if piece.kind == "number":
            return piece.sql
        if piece.kind == "text":
            raise self.wrong(node, "Text cannot be computed with.")
        return piece.sql + "e0" if piece.sql.isdigit() else f"CAST({piece.sql} AS DOUBLE)"

    def _truth(self, node: exp.Expression) -> str:
        piece = self.write(node)
        if piece.kind != "truth":
            raise self.wrong(node, "A condition is wanted here.", ("a comparison",))
        return piece.sql

    def _alike(self, left: Piece, right: Piece, node: exp.Expression) -> tuple[str, str]:
        """Both sides of a comparison, or an error when text meets numbers. Flags may be compared with 0 and 1."""
        texts = (left.kind == "text") + (right.kind == "text")
        if texts == 1 and "NULL" not in (left.sql, right.sql):
            raise self.wrong(node, "Text is compared with a number.", ("quotes around text",))
        if left.kind == right.kind or texts:
            return left.sql, right.sql
        if "truth" in (left.kind, right.kind):
            return tuple(f"CAST({item.sql} AS INTEGER)" if item.kind == "truth" else item.sql for item in (left, right))
        return left.sql, right.sql

    def _whole(self, node: exp.Expression) -> Piece:
        """Remainder and whole division; exact for whole numbers. By zero gives null."""
        left, right = self.write(node.this), self.write(node.expression)
        sign = "%" if isinstance(node, exp.Mod) else "//"
        if left.kind == right.kind == "int":
            return Piece(f"({left.sql} {sign} nullif({right.sql}, 0))", "int")
        parts = self._double(left, node.this), self._double(right, node.expression)
        if sign == "%":
            return Piece(f"({parts[0]} % {parts[1]})", "number")
        return Piece(f"floor({parts[0]} / {parts[1]})", "number")

    def _like(self, node: exp.Expression) -> Piece:
        value, pattern = self.write(node.this), self.write(node.expression)
        if value.kind != "text" or pattern.kind != "text":
            raise self.wrong(node, "LIKE compares text with a text pattern.")
        word = "LIKE" if isinstance(node, exp.Like) else "ILIKE"
        deny = "NOT " if node.args.get("negate") else ""  # the parser puts NOT inside, unlike that of IN and BETWEEN
        return Piece(f"({value.sql} {deny}{word} {pattern.sql})", "truth")

    def _case(self, node: exp.Expression) -> Piece:
        if isinstance(node, exp.Case) and node.this is not None:
            raise self.wrong(node, "Write CASE WHEN condition THEN value.")
        branches = node.args["ifs"] if isinstance(node, exp.Case) else [node]
        values = [self.write(item.args["true"]) for item in branches]
        other = node.args.get("default") if isinstance(node, exp.Case) else node.args.get("false")
        last = self.write(other) if other is not None else Piece("NULL", "number")
        kinds = {item.kind for item in [*values, last] if item.sql != "NULL"}
        if "text" in kinds and len(kinds) > 1:
            raise self.wrong(node, "The branches give text and numbers.")
        kind = kinds.pop() if len(kinds) == 1 else "number"
        values_sql = [self._double(item, node) if kind == "number" else item.sql for item in [*values, last]]
        sql = "".join(f" WHEN {self._truth(item.this)} THEN {value}" for item, value in zip(branches, values_sql))
        return Piece(f"(CASE{sql} ELSE {values_sql[-1]} END)", kind)

    def _function(self, node: exp.Expression) -> Piece:
        name, arguments = self._call(node)
        if name in TESTS and len(arguments) == 1:
            return Piece(f"{TESTS[name]}({self._double(self.write(arguments[0]), node)})", "truth")
        if name == "row_number" and not arguments:
            return Piece(f"(CAST({quoted(ROW)} AS BIGINT) + 1)", "int")
        if name in TEXTS:
            return self._of_texts(node, name, arguments)
        known = FUNCTIONS.get(name) or ALIKE.get(name)
        if known is None:
            raise self.wrong(node, f"There is no function {name} here.", near_names(name, FUNCTION_NAMES))
        fewest, most, sql = known
        if not fewest <= len(arguments) <= most:
            wanted = str(fewest) if fewest == most else f"{fewest} to {most}"
            raise self.wrong(node, f"{name} takes {wanted} arguments, not {len(arguments)}.")
        if name in ALIKE:
            return self._same(node, sql, [self.write(item) for item in arguments])
        parts = [self._double(self.write(item), item) for item in arguments]
        if name == "round" and len(parts) == 1:
            return Piece(f"round({parts[0]})", "number")
        if name == "round" and isinstance(arguments[1], exp.Literal) and arguments[1].name in {*"0123456789"}:
            return Piece(f"round({parts[0]}, {arguments[1].name})", "number")  # as ADQL can say it too
        return Piece(sql.replace("{*}", ", ".join(parts)) if "{*}" in sql else sql.format(*parts), "number")

    def _same(self, node: exp.Expression, sql: str, pieces: list[Piece]) -> Piece:
        """A function or CASE of values of one kind, whatever kind that is."""
        kinds = {item.kind for item in pieces if item.sql != "NULL"}
        if len(kinds) == 1 and "number" not in kinds:
            return Piece(sql.replace("{*}", ", ".join(item.sql for item in pieces)), kinds.pop())
        return Piece(sql.replace("{*}", ", ".join(self._double(item, node) for item in pieces)), "number")

    def _as_text(self, node: exp.Expression) -> str:
        piece = self.write(node)
        if piece.kind != "text" and piece.sql != "NULL":
            raise self.wrong(node, "Text is wanted here.", ("concat(...)",))
        return piece.sql

    def _of_texts(self, node: exp.Expression, name: str, arguments: list[exp.Expression]) -> Piece:
        kinds, sql, gives = TEXTS[name]
        fewest, kinds = len(kinds.partition("|")[0]), kinds.replace("|", "")
        if not fewest <= len(arguments) <= len(kinds):
            wanted = str(fewest) if fewest == len(kinds) else f"{fewest} to {len(kinds)}"
            raise self.wrong(node, f"{name} takes {wanted} arguments, not {len(arguments)}.")
        parts = []
        for kind, item in zip(kinds, arguments):
            if kind == "n":
                parts.append(f"TRY_CAST({self._double(self.write(item), item)} AS INTEGER)")
            else:
                parts.append(self._as_text(item) if kind == "t" else f"CAST({self.write(item).sql} AS VARCHAR)")
        return Piece(sql.replace("{*}", ", ".join(parts)), gives)

    def _call(self, node: exp.Expression) -> tuple[str, list[exp.Expression]]:
        """The function's name and arguments, whatever shape the parser gave it."""
        if isinstance(node, exp.Anonymous):
            return str(node.this).lower(), list(node.expressions)
        if isinstance(node, exp.Pow):
            return "pow", [node.this, node.expression]
        if isinstance(node, exp.Log):
            if node.expression is None:
                return "log", [node.this]
            base = node.this.this if isinstance(node.this, exp.Literal) else ""
            return {"10": "log10", "2": "log2"}.get(base, "log with a base"), [node.expression]
        arguments: list[exp.Expression] = []
        for key in node.arg_types:
            value = node.args.get(key)
            if isinstance(value, list):
                arguments += value
            elif isinstance(value, exp.Expression):
                arguments.append(value)
            elif value and key not in ("ignore_nulls", "safe", "coalesce"):
                return node.sql_name().lower() + " with options", arguments
        return node.sql_name().lower(), arguments

    def wrong(self, node: exp.Expression, message: str, expected: tuple[str, ...] = ()) -> QueryError:
        """An error at the place of a node."""
        spots = [item.meta for item in node.walk() if "start" in item.meta]
        start = max(0, min((spot["start"] for spot in spots), default=len(OPENING)) - len(OPENING))
        end = max((spot["end"] + 1 for spot in spots), default=len(OPENING) + 1) - len(OPENING)
        before = self._text[:start]
        hint = f"Try {', '.join(expected)}." if expected else ""
        return QueryError(
            message,
            hint,
            line=before.count("\n") + 1,
            column=start - (before.rfind("\n") + 1) + 1,
            length=max(1, end - start),
            expected=expected,
        )
