"""The one tree of errors. Each carries a message for the astronomer and, where there is one, what to do."""

from __future__ import annotations


class TriviewError(Exception):
    """Something a user can be told. ``message`` says what is wrong, ``hint`` what to do about it."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


class QueryError(TriviewError):
    """An ADQL or filter text that cannot be used. ``line`` and ``column`` count from 1; 0 means unknown.

    ``length`` is the number of characters at fault, ``expected`` what could stand there instead.
    """

    def __init__(
        self,
        message: str,
        hint: str = "",
        line: int = 0,
        column: int = 0,
        length: int = 1,
        expected: tuple[str, ...] = (),
    ) -> None:
        super().__init__(message, hint)
        self.line = line
        self.column = column
        self.length = length
        self.expected = expected


class FormatError(TriviewError):
    """A file or stream that is not what it says it is, or that ends too early."""


class LimitError(TriviewError):
    """A limit of time, size or number was reached; the message names the limit and its setting."""


class ServiceError(TriviewError):
    """A remote service refused, failed or could not be reached."""

    def __init__(self, message: str, hint: str = "", status: int = 0, url: str = "") -> None:
        super().__init__(message, hint)
        self.status = status
        self.url = url


class CancelledError(TriviewError):
    """The user stopped it. What had arrived is kept."""
