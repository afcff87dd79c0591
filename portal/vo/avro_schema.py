"""Avro schemas of unknown origin: looked through and stripped to their structure before anything is decoded.

fastavro follows any schema: one that is recursive, or has arrays of values without bytes, could fill the memory from
a few hundred bytes. Knows nothing of files and alerts.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import fastavro

from ..errors import FormatError

MAX_SCHEMA_BYTES = 1 << 20  # the schema of Rubin's packets has 41 kB
MAX_FIXED_BYTES = 1 << 20  # of one value of a fixed type: digests have 16 to 64
MAX_TYPES = 5_000  # Rubin's packets have 350
MAX_NAME = 256
MAX_HEIGHT = 12  # records within records; Rubin's packets have four levels

# Fewest bytes of a value on the wire.
_PRIMITIVES = {"boolean": 1, "int": 1, "long": 1, "float": 4, "double": 8, "bytes": 1, "string": 1}
_VALUE_BYTES = 64  # of memory, for any small Python value
_RECORD_BYTES, _FIELD_BYTES = 232, 100  # of memory, for a dict and each of its entries
_NAME = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*", re.ASCII)


class Schema(NamedTuple):
    """A schema that is safe to decode with: its compiled form, and memory bytes that a byte of data may become."""

    parsed: Any
    swell: float


class _Type(NamedTuple):
    """One type while a schema is looked through; ``least`` is the fewest bytes a value takes on the wire."""

    plain: Any
    height: int
    least: int
    swell: float


def read_schema(text: bytes | str | Mapping[str, Any]) -> Schema:
    """The schema in ``text`` (JSON, or JSON already read), with nothing but its structure kept.

    Defaults, documentation and logical types are left out: what is stored is what is read. Raises FormatError for a
    schema that is none, is recursive, or holds types that take no bytes (an array of them could be endless).
    """
    if isinstance(text, bytes | str):
        if len(text) > MAX_SCHEMA_BYTES:
            raise FormatError(f"The Avro schema has {len(text):,} bytes; up to {MAX_SCHEMA_BYTES:,} are read.")
        try:
            text = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise FormatError(f"The Avro schema is not JSON ({type(error).__name__}).") from None
    root = _Reader().type(text, "", 0)
    if not isinstance(root.plain, dict) or root.plain["type"] != "record":
        raise FormatError("The Avro schema does not describe a record.")
    try:
        return Schema(fastavro.parse_schema(root.plain), root.swell)
    except Exception as error:  # other rules of the language, told in fastavro's words
        raise FormatError(f"The Avro schema is not valid: {error}.") from error


class _Reader:
    """Goes through one schema; named types are known by their full name once they are complete."""

    def __init__(self) -> None:
        self._named: dict[str, _Type] = {}
        self._open: set[str] = set()
        self._count = 0

    def type(self, given: Any, space: str, depth: int) -> _Type:
        self._count += 1
        if self._count > MAX_TYPES or depth > 2 * MAX_HEIGHT:
            raise FormatError("The Avro schema is larger or deeper than that of any alert packet.")
        if isinstance(given, str):
            found = self._simple(given, space)
        elif isinstance(given, list):
            found = self._union(given, space, depth)
        elif isinstance(given, dict):
            found = self._complex(given, space, depth)
        else:
            raise FormatError(f"The Avro schema has a type that is none: {str(given)[:40]}.")
        if found.height > MAX_HEIGHT:
            raise FormatError(f"The Avro schema is deeper than {MAX_HEIGHT} levels.")
        return found

    def _simple(self, given: str, space: str) -> _Type:
        if given in _PRIMITIVES:
            return _Type(given, 0, _PRIMITIVES[given], _VALUE_BYTES)
        full = _full_name(given, space)
        if full in self._open:
            raise FormatError(f"The Avro schema is recursive: {full} holds itself.")
        if full not in self._named:
            raise FormatError(f"The Avro schema has an unknown type: {given[:60]}.")
        return self._named[full]._replace(plain=full)

    def _union(self, given: list, space: str, depth: int) -> _Type:
        if not given or any(isinstance(item, list) for item in given):
            raise FormatError("The Avro schema has a union that is empty or holds a union.")
        kinds = [None if item == "null" else self.type(item, space, depth + 1) for item in given]
        plain = ["null" if kind is None else kind.plain for kind in kinds]
        real = [kind for kind in kinds if kind is not None]
        swell = max((kind.swell for kind in real), default=0.0)
        return _Type(plain, max((kind.height for kind in real), default=0), 1, max(swell, _VALUE_BYTES))

    def _complex(self, given: dict, space: str, depth: int) -> _Type:
        kind = given.get("type")
        if isinstance(kind, dict | list) or (isinstance(kind, str) and kind in _PRIMITIVES):
            return self.type(kind, space, depth + 1)
        if kind in ("array", "map"):
            part = "items" if kind == "array" else "values"
            inner = self.type(given.get(part), space, depth + 1)
            swell = inner.swell + _FIELD_BYTES / inner.least
            return _Type({"type": kind, part: inner.plain}, inner.height + 1, 1, max(swell, 2 * _VALUE_BYTES))
        if kind in ("record", "enum", "fixed"):
            full = _full_name(given.get("name"), given.get("namespace") or space)
            if full in self._named or full in self._open:
                raise FormatError(f"The Avro schema describes {full} twice.")
            self._open.add(full)
            made = getattr(self, f"_{kind}")(given, full, depth)
            self._open.discard(full)
            self._named[full] = made
            return made
        raise FormatError(f"The Avro schema has a type that cannot be used here: {str(kind)[:40]}.")

    def _record(self, given: dict, full: str, depth: int) -> _Type:
        fields = given.get("fields")
        if not isinstance(fields, list) or not fields or not all(isinstance(field, dict) for field in fields):
            raise FormatError(f"The Avro record {full} has no fields.")
        names = [_checked(field.get("name")) for field in fields]
        if len(set(names)) != len(names):
            raise FormatError(f"The Avro record {full} has two fields of one name.")
        kinds = [self.type(field.get("type"), full.rpartition(".")[0], depth + 1) for field in fields]
        plain = [{"name": name, "type": kind.plain} for name, kind in zip(names, kinds, strict=True)]
        least = sum(kind.least for kind in kinds)
        swell = max(kind.swell for kind in kinds) + (_RECORD_BYTES + _FIELD_BYTES * len(kinds)) / least
        height = 1 + max(kind.height for kind in kinds)
        return _Type({"type": "record", "name": full, "fields": plain}, height, least, swell)

    def _enum(self, given: dict, full: str, depth: int) -> _Type:
        symbols = given.get("symbols")
        if not isinstance(symbols, list) or not all(isinstance(item, str) for item in symbols):
            raise FormatError(f"The Avro enum {full} has no symbols.")
        return _Type({"type": "enum", "name": full, "symbols": symbols}, 0, 1, _VALUE_BYTES)

    def _fixed(self, given: dict, full: str, depth: int) -> _Type:
        size = given.get("size")
        if not isinstance(size, int) or not 0 < size <= MAX_FIXED_BYTES:
            raise FormatError(f"The Avro type {full} has a size that cannot be.")
        return _Type({"type": "fixed", "name": full, "size": size}, 0, size, _VALUE_BYTES)


def _checked(name: Any) -> str:
    if not isinstance(name, str) or len(name) > MAX_NAME or not _NAME.fullmatch(name):
        raise FormatError(f"The Avro schema has a name that is none: {str(name)[:40]!r}.")
    return name


def _full_name(name: Any, space: Any) -> str:
    name = _checked(name)
    return name if "." in name or not space else f"{_checked(space)}.{name}"
