"""Reads the schema files: tables, columns in their original order, keys, and the descriptions made for them.

A schema file is read line by line::

    schema dp1
    : what the schema is
    table Object index=10 primary=objectId
    : what one row is
    key fk_name column,... -> Table(column,...)
    double deg ucd=pos.eq.ra * : {b}_ra        type, unit, attributes : names
    bands z u g r i y                          the lines up to "end", once for each band
    piece start ... end                        lines kept for later: bands z : start rest

Attributes: ``ucd= utype= #column_index`` and the words ``* indexed std`` (``*``: principal). Names with ``_flag`` are
plain booleans whatever the line says, unless it says ``exact``: so a measurement and its flags stand on one line.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from portal.archive.schema.words import describe
from portal.errors import FormatError

FOLDER = Path(__file__).parent
NAMES = ("dp1", "dp02_dc2_catalogs", "dp2", "ivoa", "sample", "tap_schema")
FLAG = re.compile(r"_flag(_|$)")
POSITION_NAMES = (("coord_ra", "coord_dec"), ("ra", "dec"), ("ra", "decl"), ("s_ra", "s_dec"))
RESERVED = frozenset({"size"})  # served column names that ADQL needs in quotes


@dataclass(frozen=True, slots=True)
class SchemaColumn:
    """A column as TAP_SCHEMA and FIELD tell of it; datatype and arraysize are VOTable's."""

    name: str
    datatype: str
    arraysize: str = ""
    unit: str = ""
    ucd: str = ""
    utype: str = ""
    xtype: str = ""
    description: str = ""
    principal: int = 0
    indexed: int = 0
    std: int = 0
    column_index: int | None = None


@dataclass(frozen=True, slots=True)
class Key:
    """A known join: pairs of (column of from_table, column of target_table)."""

    key_id: str
    from_table: str
    target_table: str
    columns: tuple[tuple[str, str], ...]
    description: str = ""


@dataclass(frozen=True)
class Table:
    """A table; ``name`` holds the schema too ("dp1.Object"). ``position`` names its RA and Dec, if it has any."""

    name: str
    schema: str
    description: str
    columns: tuple[SchemaColumn, ...]
    keys: tuple[Key, ...] = ()
    primary_key: tuple[str, ...] = ()
    position: tuple[str, str] | None = None
    table_index: int = 0

    @property
    def short(self) -> str:
        return self.name.rpartition(".")[2]

    @property
    def positions(self) -> tuple[tuple[str, str], ...]:
        """Every pair of names under which the position of a row is served, the main one first."""
        names = {column.name for column in self.columns}
        pairs = dict.fromkeys([self.position] if self.position else [])
        return tuple(pairs | dict.fromkeys(pair for pair in POSITION_NAMES if names.issuperset(pair)))


@dataclass(frozen=True)
class Schema:
    name: str
    description: str
    tables: dict[str, Table]


def delimited(name: str) -> str:
    """A column name as TAP_SCHEMA and VOSI tell it: ready to stand in a query (TAP 1.1, section 4)."""
    return f'"{name}"' if name in RESERVED else name


@cache
def load() -> dict[str, Schema]:
    """All schemas by name. FormatError when a file breaks the grammar above."""
    return {name: read_schema("\n".join(path.read_text() for path in files(name)), name) for name in NAMES}


def files(name: str) -> list[Path]:
    """name.txt and, for a long schema, name_more.txt with further tables."""
    return [FOLDER / f"{name}.txt", *sorted(FOLDER.glob(f"{name}_*.txt"))]


def find_table(schemas: Mapping[str, Schema], name: str) -> Table | None:
    """The table called ``schema.name``, in any letter case; None when there is none."""
    tables = (table for schema in schemas.values() for table in schema.tables.values())
    return next((table for table in tables if table.name.lower() == name.lower()), None)


def read_schema(text: str, source: str) -> Schema:
    """One schema from its text; ``source`` names it in the message of a FormatError."""
    lines = joined(text.splitlines())
    schema, about, tables = "", "", {}
    block: list[str] = []

    def finish() -> None:
        if block:
            table = read_table(schema, block)
            tables[table.name] = table

    try:
        for line in lines:
            if line.startswith("schema "):
                schema = line.split()[1]
            elif line.startswith("table "):
                finish()
                block = [line]
            elif block:
                block.append(line)
            elif line.startswith(": "):
                about = line[2:]
            else:
                raise ValueError(f"unexpected line: {line}")
        finish()
    except (ValueError, KeyError, IndexError, StopIteration) as error:
        raise FormatError(f"Schema file {source} cannot be read: {error}") from error
    return Schema(schema, about, tables)


def joined(lines: Iterable[str]) -> Iterator[str]:
    """Lines without comments and blanks; a line that starts with blanks continues the one before."""
    held = ""
    for line in lines:
        if not line.strip() or line.startswith("#"):
            continue
        if line[0] == " ":
            held += " " + line.strip()
            continue
        if held:
            yield held
        held = line.rstrip()
    if held:
        yield held


def read_table(schema: str, lines: list[str]) -> Table:
    """A table from its lines, the first being "table Name ..."."""
    _, short, *options = lines[0].split()
    option = dict(item.split("=") for item in options)
    name = f"{schema}.{short}"
    about, keys, columns = "", [], []
    pieces: dict[str, list[str]] = {}
    rest = iter(lines[1:])
    for line in rest:
        word, _, tail = line.partition(" ")
        if word == ":":
            about = tail
        elif word == "key":
            keys.append(read_key(schema, name, tail))
        elif word == "piece":
            pieces[tail] = until_end(rest)
        elif word == "bands":
            bands, _, used = tail.partition(" : ")
            body = [part for piece in used.split() for part in pieces[piece]] if used else until_end(rest)
            for band in bands.split():
                for part in body:
                    columns += read_columns(short, part, band)
        else:
            columns += read_columns(short, line)
    return Table(
        name,
        schema,
        about,
        tuple(columns),
        tuple(keys),
        tuple(filter(None, option.get("primary", "").split(","))),
        position_of(columns),
        int(option.get("index", 0)),
    )


def until_end(lines: Iterator[str]) -> list[str]:
    body = []
    while (line := next(lines)) != "end":
        body.append(line)
    return body


def read_key(schema: str, name: str, text: str) -> Key:
    found = re.fullmatch(r"(\S+) (\S+) -> (\w+)\(([\w,]+)\)", text)
    if not found:
        raise ValueError(f"key {text}")
    key, here, target, there = found.groups()
    pairs = tuple(zip(here.split(","), there.split(","), strict=True))
    short = name.rpartition(".")[2]
    about = f"{short} to its {target}: " + " and ".join(f"{a} = {target}.{b}" for a, b in pairs)
    return Key(key, name, f"{schema}.{target}", pairs, about)


def read_columns(short: str, line: str, band: str = "") -> list[SchemaColumn]:
    """The columns of one line; ``{b}`` in names stands for the band."""
    head, found, names = line.partition(" :")
    if not found:
        raise ValueError(f"no colon in: {line}")
    kind, *attributes = head.split()
    exact = False
    facts: dict[str, str | int] = dict(zip(("datatype", "arraysize", "xtype"), votable_type(kind)))
    for item in attributes:
        key, equals, value = item.partition("=")
        if equals and key in ("ucd", "utype"):
            facts[key] = value
        elif item == "exact":
            exact = True
        elif item in ("*", "indexed", "std"):
            facts["principal" if item == "*" else item] = 1
        elif item.startswith("#"):
            facts["column_index"] = int(item[1:])
        else:
            facts["unit"] = item
    return [
        SchemaColumn(
            name=name.replace("{b}", band),
            description=describe(short, name, band),
            **({"datatype": "boolean"} if FLAG.search(name) and not exact else facts),
        )
        for name in names.split()
    ]


def votable_type(kind: str) -> tuple[str, str, str]:
    """(datatype, arraysize, xtype) of a type as written in a schema file."""
    if kind in ("timestamp", "clob"):
        return "char", "*", kind
    datatype, _, size = kind.rstrip("]").partition("[")
    return datatype, size, ""


def position_of(columns: Iterable[SchemaColumn]) -> tuple[str, str] | None:
    """RA and Dec of a table: by the UCD of the main position, else by one of the usual pairs of names."""
    columns = list(columns)
    main = [
        [c.name for c in columns if c.ucd.startswith(f"pos.eq.{axis}") and c.ucd.endswith("meta.main")]
        for axis in ("ra", "dec")
    ]
    if main[0] and main[1]:
        return main[0][0], main[1][0]
    names = {c.name for c in columns}
    return next((pair for pair in POSITION_NAMES if names.issuperset(pair)), None)
