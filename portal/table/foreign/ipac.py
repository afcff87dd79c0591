"""IPAC tables: keywords after backslashes, names, types, units and nulls between bars, cells below their bars."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice, pairwise
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from portal.errors import FormatError
from portal.table.columns import Column, Info, TableMeta
from portal.table.foreign.encoding import Text, text_of_file
from portal.table.foreign.kinds import Kind, Options, Part
from portal.table.foreign.told import Given, Told, text_of
from portal.table.votable_values import text_array

HEAD_LINES = 100_000
BATCH_LINES = 65_536
DATATYPES = {"int": "long", "long": "long", "double": "double", "float": "float", "real": "float", "bool": "boolean"}
"""Types by their names, which may be shortened to a letter. IPAC's int has no stated width: ids stand in it too."""
SAID = {"desc": "description", "shortdescription": "description", "ucd": "ucd", "utype": "utype", "unit": "unit"}


class _Head(NamedTuple):
    meta: TableMeta
    spans: tuple[tuple[int, int], ...]
    nulls: tuple[str, ...]
    lines: int
    text: Text


def _datatype(word: str) -> str:
    word = word.strip().lstrip("-").lower()
    return next((kind for name, kind in DATATYPES.items() if word and name.startswith(word)), "char")


def _head(given: Given, options: Options) -> _Head:
    text = text_of_file(given, options.encoding)
    bars, infos, said, count, starts = [], [], {}, 0, []
    for line in islice(text.lines(), HEAD_LINES):
        line = line.rstrip("\r\n")
        if line.startswith("\\"):
            name, equal, value = line[1:].partition("=")
            name, value = name.strip(), value.strip()
            if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"":
                value = value[1:-1]
            if equal and name.lower().startswith("col."):
                column, _, word = name[4:].rpartition(".")
                said.setdefault(column, {})[SAID.get(word.lower(), "")] = value
            elif equal:
                infos.append(Info(name, value))
            elif line[1:].strip():
                infos.append(Info("COMMENT", line[1:].strip()))
        elif line.startswith("|"):
            bars.append(line)
        else:
            break
        count += 1
    if not bars or len(bars) > 4:
        raise FormatError("The head of the IPAC table has no line with names between bars.")
    starts = [at for at, mark in enumerate(bars[0]) if mark == "|"]
    spans = tuple(pairwise(starts))
    if not spans:
        raise FormatError("The line with names of the IPAC table has only one bar.")
    lines = [[line[a + 1 : b].strip() for a, b in spans] for line in bars] + [[""] * len(spans)] * (4 - len(bars))
    asked = dict(options.types)
    columns = []
    for name, kind, unit in zip(lines[0], lines[1], lines[2]):
        datatype = asked.get(name) or _datatype(kind)
        words = {key: text_of(value) for key, value in said.get(name, {}).items() if key}
        column = Column(name, datatype, "*" if datatype == "char" else "", **{"unit": unit, **words})
        columns.append(column)
    return _Head(TableMeta(tuple(columns), infos=tuple(infos[:1000])), spans, tuple(lines[3]), count, text)


def look(given: Given, options: Options) -> Kind:
    """The columns of the head."""
    head = _head(given, options)
    notes = (head.text.note,) if head.text.note else ()
    return Kind(
        "ipac", "IPAC table", (Part(0, "", -1, len(head.spans)),), notes, encoding=head.text.encoding
    )  # fmt: skip


def read(given: Given, options: Options, told: Told) -> Iterator[pa.RecordBatch]:
    """The rows in the types of the head; cells equal to a column's null, or "null", are null."""
    head = _head(given, options)
    told.meta = head.meta
    if head.text.note:
        told.note(head.text.note)
    schema, long_lines, end = told.meta.to_schema(), 0, head.spans[-1][1]
    lines = islice(head.text.lines(), head.lines, None)
    rows = max(16, min(BATCH_LINES, (64 << 20) // max(end, 1)))
    while part := list(islice(lines, min(rows, told.first or rows))):
        part = [line.rstrip("\r\n") for line in part]
        part = [line for line in part if line.strip() and not line.startswith("\\")]
        long_lines += sum(len(line.rstrip()) > end + 1 for line in part)
        arrays = []
        for column, (a, b), null in zip(told.meta.columns, head.spans, head.nulls):
            last = b == end
            # A last cell may run on; cells begin at the bar's place or after it.
            texts = pa.array([line[a:].strip() if last else line[a:b].strip() for line in part], pa.string())
            nothing = pc.or_(pc.equal(texts, null or "null"), pc.equal(texts, ""))
            if not column.is_text:
                nothing = pc.or_(nothing, pc.equal(pc.utf8_lower(texts), "null"))
            arrays.append(text_array(column, pc.if_else(nothing, pa.scalar(None, pa.string()), texts)))
        yield pa.RecordBatch.from_arrays(arrays, schema=schema)
    if long_lines:
        told.note(f"{long_lines:,} lines are longer than the line of names; their last cells may be mixed up.")
