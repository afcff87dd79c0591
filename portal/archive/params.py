"""Request parameters as DALI wants them: case-insensitive names, from the query string and three kinds of body.

Multipart is read here and not by tornado: STILTS and TOPCAT put a legal empty line before the first boundary,
which tornado 6.6 refuses.
"""

from __future__ import annotations

from collections.abc import Iterable
from email.message import Message
from urllib.parse import parse_qsl

from ..errors import FormatError, TriviewError

MAX_FIELDS = 100_000  # pyvo asks for the links of all rows of a result at once; bounds the work of a hostile body
MAX_PARTS = 256  # of a multipart body: more uploads than any client sends


class UsageError(TriviewError):
    """A parameter is missing, repeated or malformed: the caller's mistake (HTTP 400)."""


class Parameters:
    """Names and values in the order received; ``files`` holds uploaded parts by name, as sent."""

    def __init__(self, pairs: Iterable[tuple[str, str]] = (), files: dict[str, bytes] | None = None) -> None:
        self._values: dict[str, list[str]] = {}
        self.files = files or {}
        for name, value in pairs:
            self._values.setdefault(name.upper(), []).append(value)

    def __contains__(self, name: str) -> bool:
        return name.upper() in self._values

    def all(self, name: str) -> list[str]:
        """Every value given for ``name``."""
        return self._values.get(name.upper(), [])

    def get(self, name: str, default: str = "") -> str:
        """The one value of ``name``; raises UsageError when it was given more than once with different values."""
        values = self.all(name)
        if len(set(values)) > 1:
            raise UsageError(f"Parameter {name.upper()} was given {len(values)} times.", "Give it once.")
        return values[0] if values else default

    def require(self, name: str) -> str:
        """The one value of ``name``; raises UsageError when it is missing or empty."""
        value = self.get(name).strip()
        if not value:
            raise UsageError(f"Parameter {name.upper()} is missing.")
        return value

    def choice(self, name: str, options: tuple[str, ...], default: str) -> str:
        """The value of ``name`` as one of ``options``, whatever its letter case."""
        value = self.get(name, default) or default
        for option in options:
            if option.lower() == value.lower():
                return option
        raise UsageError(f"{name} cannot be {value!r}.", f"Use one of: {', '.join(options)}.")

    def pairs(self) -> list[tuple[str, str]]:
        """All (NAME, value), names in capitals."""
        return [(name, value) for name, values in self._values.items() for value in values]


def read_parameters(query: str, content_type: str, body: bytes) -> Parameters:
    """Parameters of one request. Raises FormatError for a body that is not what its type says."""
    try:
        pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=MAX_FIELDS)
    except ValueError as error:
        raise FormatError(f"The query string cannot be read: {error}.") from None
    kind = content_type.split(";")[0].strip().lower()
    if not body:
        return Parameters(pairs)
    if kind == "multipart/form-data":
        fields, files = parse_multipart(body, content_type)
        return Parameters(pairs + fields, files)
    if kind in ("application/x-www-form-urlencoded", ""):
        try:
            text = body.decode("utf-8")
            pairs += parse_qsl(text, keep_blank_values=True, max_num_fields=MAX_FIELDS)
        except (UnicodeDecodeError, ValueError) as error:
            raise FormatError(f"The form in the request cannot be read: {error}.") from None
        return Parameters(pairs)
    raise UsageError(
        f"A request body of type {kind!r} is not understood.",
        "Send application/x-www-form-urlencoded or multipart/form-data.",
    )


def parse_multipart(body: bytes, content_type: str) -> tuple[list[tuple[str, str]], dict[str, bytes]]:
    """Fields and files of a multipart/form-data body (RFC 7578), any preamble and epilogue skipped."""
    boundary = _header_option(content_type, "boundary")
    if not boundary:
        raise FormatError("The multipart request names no boundary.")
    mark = b"\r\n--" + boundary.encode("latin-1")
    pieces = (b"\r\n" + body).split(mark, MAX_PARTS + 2)
    if len(pieces) > MAX_PARTS + 2:
        raise FormatError(f"The multipart request has more than {MAX_PARTS} parts.")
    if len(pieces) < 2 or not pieces[-1].startswith(b"--"):
        raise FormatError("The multipart request ends before its closing boundary.")
    fields: list[tuple[str, str]] = []
    files: dict[str, bytes] = {}
    for piece in pieces[1:-1]:
        head, blank, content = piece.partition(b"\r\n\r\n")
        if not blank:
            raise FormatError("A part of the multipart request has no headers.")
        disposition = _disposition(head)
        name = _header_option(disposition, "name")
        if not name:
            raise FormatError("A part of the multipart request has no name.")
        if _header_option(disposition, "filename") is not None:
            files[name] = content
        else:
            fields.append((name, content.decode("utf-8", "replace")))
    return fields, files


def _disposition(head: bytes) -> str:
    for line in head.decode("utf-8", "replace").split("\r\n"):
        name, _, value = line.partition(":")
        if name.strip().lower() == "content-disposition":
            return value.strip()
    return ""


def _header_option(value: str, name: str) -> str | None:
    message = Message()
    message["content-type"] = value
    found = message.get_param(name)
    return str(found) if found is not None else None
