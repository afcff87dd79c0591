"""ECSV (Enhanced Character Separated Values 1.0, astropy): a YAML head in comment lines, then a text table."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from itertools import takewhile
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import yaml

from portal.errors import FormatError
from portal.table.columns import Column, Info, TableMeta
from portal.table.foreign.delimited import Rows, converted
from portal.table.foreign.dialect import Dialect
from portal.table.foreign.encoding import text_of_file
from portal.table.foreign.kinds import Kind, Options, Part
from portal.table.foreign.told import Given, Told, text_of

HEAD_LIMIT = 8 << 20  # characters of YAML: 20,000 columns described at length
DATATYPES = {
    "bool": "boolean", "int8": "short", "int16": "short", "int32": "int", "int64": "long", "uint8": "unsignedByte",
    "uint16": "int", "uint32": "long", "uint64": "char", "float16": "float", "float32": "float", "float64": "double",
    "float128": "double", "string": "char",
}  # fmt: skip
ALIAS = re.compile(r"(?:^|[\s\[{,:-])\*\w")
MOST_ALIASES = 16  # each may stand for a part that holds others: a few lines could name billions of values
SUBTYPE = re.compile(r"(\w+)\[([\d,null ]*)\]")


class _Plain(yaml.SafeLoader):
    """YAML without objects: what a tag asks to be made is read as the plain value it would be made from."""


def _untagged(loader: yaml.Loader, suffix: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    return loader.construct_scalar(node)


_Plain.add_multi_constructor("", _untagged)


def described_in_yaml(lines: Iterable[str]) -> tuple[tuple[Column, ...], dict[str, str]]:
    """(columns, table words) of an astropy table head. Raises FormatError when it is no such head."""
    text = "\n".join(lines)
    if len(text) > HEAD_LIMIT or len(ALIAS.findall(text)) > MOST_ALIASES:
        raise FormatError("The YAML head of the table is too long, or repeats itself too often.")
    try:
        doc = yaml.load(text, _Plain)
        columns = tuple(_column(item) for item in doc["datatype"])
    except (yaml.YAMLError, KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise FormatError(f"The YAML head of the table cannot be understood ({text_of(error)[:120]}).") from None
    said = doc.get("meta") or {}
    said = list(said.items()) if isinstance(said, dict) else [part for part in said if isinstance(part, tuple)]
    words = {str(key): text_of(value) for key, value in said if not str(key).startswith("__")}
    return columns, {**words, "delimiter": str(doc.get("delimiter") or " ")} if "delimiter" in doc else words


def _column(item: dict) -> Column:
    kind = str(item["datatype"])
    datatype, arraysize = DATATYPES.get(kind, "char"), ""
    if found := SUBTYPE.fullmatch(str(item.get("subtype") or "")):
        shape = [part.strip() for part in found[2].split(",") if part.strip()]
        if found[1] in DATATYPES and DATATYPES[found[1]] != "char":
            datatype = DATATYPES[found[1]]
            # numpy's slowest axis comes first, VOTable's last.
            arraysize = "*" if "null" in shape else "x".join(reversed(shape))
    if datatype == "char":
        arraysize = "*"
    said = item.get("meta") or {}
    said = said if isinstance(said, dict) else {}
    return Column(
        text_of(item["name"]), datatype, arraysize, unit=text_of(item.get("unit")),
        description=text_of(item.get("description")), ucd=text_of(said.get("ucd")), utype=text_of(said.get("utype")),
    )  # fmt: skip


def _head(given: Given) -> tuple[TableMeta, Dialect, Rows]:
    text = text_of_file(given, "utf-8")
    size, head = 0, []
    for line in takewhile(lambda line: line.startswith("#"), text.lines()):
        size += len(line)
        if size > HEAD_LIMIT:
            raise FormatError("The YAML head of the table is too long.")
        head.append(line.rstrip("\r\n"))
    yaml_lines = [line[2:] for line in head if line.startswith("# ") and not line.startswith("# %ECSV")]
    columns, words = described_in_yaml(yaml_lines)
    delimiter = words.pop("delimiter", " ")
    if delimiter not in (" ", ","):
        raise FormatError(f"ECSV has a blank or a comma between cells, not {delimiter!r}.")
    meta = TableMeta(columns, infos=tuple(Info(name, value) for name, value in words.items()))
    names = tuple(column.name for column in columns)
    dialect = Dialect(delimiter, True, names, len(head) + 1)
    return meta, dialect, Rows(text.path, text.start, dialect.skip, delimiter, names)


def look(given: Given, options: Options) -> Kind:
    """The columns of the head."""
    meta, dialect, _ = _head(given)
    return Kind("ecsv", "ECSV", (Part(0, meta.name, -1, len(meta.columns)),), (), dialect.delimiter, True, "utf-8")


def read(given: Given, options: Options, told: Told) -> Iterator[pa.RecordBatch]:
    """The rows in the types the head declares; arrays are JSON in their cells."""
    told.meta, _, rows = _head(given)
    for batch in converted(rows, told.meta.columns, 0, told, _lists):
        # An empty text is how ECSV writes null, quoted or not.
        arrays = [_without_empty(array) if pa.types.is_string(array.type) else array for array in batch.columns]
        yield pa.RecordBatch.from_arrays(arrays, schema=batch.schema)


def _without_empty(array: pa.Array) -> pa.Array:
    return pc.if_else(pc.equal(array, ""), pa.scalar(None, pa.string()), array)


def _lists(column: Column, texts: pa.Array) -> pa.Array:
    def flat(value: Any) -> list:
        return [item for part in value for item in flat(part)] if isinstance(value, list) else [value]

    try:
        cells = [None if text is None else flat(json.loads(text)) for text in texts.to_pylist()]
        return pa.array(cells, column.arrow)
    except (ValueError, pa.ArrowException, RecursionError):
        raise FormatError(f"Column {column.name}: a cell is not a JSON array of {column.datatype}.") from None
