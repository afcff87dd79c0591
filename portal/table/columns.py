"""What a column and a table say of themselves (VOTable 1.4 terms), and how that rides on an Arrow schema.

Knows nothing of where rows come from or how they are drawn.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, field, replace

import pyarrow as pa

ARROW_OF = {
    "boolean": pa.bool_(),
    "bit": pa.bool_(),
    "unsignedByte": pa.uint8(),
    "short": pa.int16(),
    "int": pa.int32(),
    "long": pa.int64(),
    "float": pa.float32(),
    "double": pa.float64(),
    "char": pa.string(),
    "unicodeChar": pa.string(),
}
SQL_TYPES = {
    "boolean": "BOOLEAN",
    "unsignedByte": "UTINYINT",
    "short": "SMALLINT",
    "int": "INTEGER",
    "long": "BIGINT",
    "float": "FLOAT",
    "double": "DOUBLE",
    "char": "VARCHAR",
}
"""VOTable datatype: the engine's type of a single value."""
DATATYPE_OF = {
    pa.bool_(): "boolean",
    pa.uint8(): "unsignedByte",
    pa.int8(): "short",
    pa.int16(): "short",
    pa.uint16(): "int",
    pa.int32(): "int",
    pa.uint32(): "long",
    pa.int64(): "long",
    pa.uint64(): "long",
    pa.float16(): "float",
    pa.float32(): "float",
    pa.float64(): "double",
    pa.string(): "char",
    pa.large_string(): "char",
}
META_KEY = b"votable"
SHAPE = re.compile(r"(?:[0-9]{1,9}x){0,8}(?:[0-9]{1,9}\*?|\*)")
"""An arraysize as VOTable writes it: numbers joined by x, the last of which may be followed or replaced by ``*``."""


@dataclass(frozen=True, slots=True)
class Column:
    """One FIELD. ``datatype`` and ``arraysize`` are VOTable's; ``null`` is the VALUES null as written.

    ``link`` is the href of its LINK, where ``${name}`` stands for the row's value of a column.
    """

    name: str
    datatype: str = "double"
    arraysize: str = ""
    unit: str = ""
    ucd: str = ""
    utype: str = ""
    xtype: str = ""
    description: str = ""
    id: str = ""
    ref: str = ""
    null: str = ""
    link: str = ""

    @property
    def is_text(self) -> bool:
        return self.datatype in ("char", "unicodeChar")

    @property
    def is_array(self) -> bool:
        """More than one value in a cell (text of any length is one value)."""
        if not self.arraysize or self.arraysize == "1":
            return False
        return not self.is_text or "x" in self.arraysize

    @property
    def is_number(self) -> bool:
        return self.datatype in ("unsignedByte", "short", "int", "long", "float", "double") and not self.is_array

    @property
    def arrow(self) -> pa.DataType:
        """The Arrow type of a cell. Complex numbers and arrays of text are held as text."""
        kind = ARROW_OF.get(self.datatype, pa.string())
        if self.is_array and not self.is_text and kind != pa.string():
            return pa.list_(kind)
        return kind

    def as_dict(self) -> dict[str, str]:
        """All that is said, by name. Tables have thousands of columns: ``dataclasses.asdict`` copies for seconds."""
        return {name: getattr(self, name) for name in self.__slots__}

    def to_arrow(self) -> pa.Field:
        return pa.field(self.name, self.arrow, nullable=True, metadata={META_KEY: json.dumps(self.as_dict()).encode()})

    @classmethod
    def from_arrow(cls, item: pa.Field) -> Column:
        """The column described by an Arrow field: our own metadata, else what the type tells."""
        if item.metadata and META_KEY in item.metadata:
            return replace(cls(**json.loads(item.metadata[META_KEY])), name=item.name)
        kind, arraysize = item.type, ""
        if pa.types.is_list(kind) or pa.types.is_large_list(kind):
            kind, arraysize = kind.value_type, "*"
        if pa.types.is_decimal(kind):
            return cls(item.name, "double", arraysize)
        if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
            return cls(item.name, "char", "*", xtype="timestamp")
        name = DATATYPE_OF.get(kind, "char")
        return cls(item.name, name, "*" if name == "char" else arraysize)


@dataclass(frozen=True, slots=True)
class Info:
    """An INFO element: name, value and its text."""

    name: str
    value: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class Param:
    """A PARAM element, also an input of a service descriptor. ``ref`` names a FIELD ID; ``options`` allowed values."""

    name: str
    value: str = ""
    datatype: str = "char"
    arraysize: str = ""
    unit: str = ""
    ucd: str = ""
    ref: str = ""
    description: str = ""
    options: tuple[str, ...] = ()
    xtype: str = ""


@dataclass(frozen=True, slots=True)
class Service:
    """A service descriptor (DataLink 1.1, section 4): where to ask, and with what from the row."""

    access_url: str
    standard_id: str = ""
    resource_identifier: str = ""
    id: str = ""
    name: str = ""
    description: str = ""
    inputs: tuple[Param, ...] = ()
    params: tuple[Param, ...] = ()


@dataclass(frozen=True)
class TableMeta:
    """A TABLE with all that surrounds it. ``overflow`` is true when the service cut the rows (QUERY_STATUS=OVERFLOW).

    ``coosys`` and ``timesys`` hold the attributes of COOSYS and TIMESYS elements as written.
    """

    columns: tuple[Column, ...]
    name: str = ""
    description: str = ""
    infos: tuple[Info, ...] = ()
    params: tuple[Param, ...] = ()
    services: tuple[Service, ...] = ()
    coosys: tuple[dict[str, str], ...] = ()
    timesys: tuple[dict[str, str], ...] = ()
    overflow: bool = False
    extra: dict[str, str] = field(default_factory=dict)

    def column(self, name: str) -> Column:
        """The column of that name; raises KeyError when there is none."""
        for item in self.columns:
            if item.name == name:
                return item
        raise KeyError(name)

    def to_schema(self) -> pa.Schema:
        """An Arrow schema that carries everything said here."""
        doc = asdict(replace(self, columns=()))
        del doc["columns"]
        return pa.schema([c.to_arrow() for c in self.columns], metadata={META_KEY: json.dumps(doc).encode()})

    @classmethod
    def from_schema(cls, schema: pa.Schema) -> TableMeta:
        """The inverse of ``to_schema``; a foreign schema gives what its types tell."""
        columns = tuple(Column.from_arrow(item) for item in schema)
        if not schema.metadata or META_KEY not in schema.metadata:
            return cls(columns)
        doc = json.loads(schema.metadata[META_KEY])

        def params(items: list[dict]) -> tuple[Param, ...]:
            return tuple(Param(**{**item, "options": tuple(item["options"])}) for item in items)

        return cls(
            columns,
            name=doc["name"],
            description=doc["description"],
            infos=tuple(Info(**item) for item in doc["infos"]),
            params=params(doc["params"]),
            services=tuple(
                Service(**{**item, "inputs": params(item["inputs"]), "params": params(item["params"])})
                for item in doc["services"]
            ),
            coosys=tuple(doc["coosys"]),
            timesys=tuple(doc["timesys"]),
            overflow=doc["overflow"],
            extra=doc["extra"],
        )


def fixed_length(arraysize: str) -> int:
    """The number of elements of a fixed arraysize such as ``3`` or ``2x3``."""
    length = 1
    for part in arraysize.split("x"):
        length *= int(part)
    return length
