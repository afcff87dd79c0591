"""Writes IPAC tables: fixed width, type, unit and null of each column in the header, the rest in keywords.

Whole numbers, floats and texts have the types of the format; truth values and arrays are text. The null of a column
is the first of NULLS that is no cell of it. Tabs and ends of lines in texts become blanks.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import pyarrow as pa
import pyarrow.compute as pc

from portal.table.columns import Column, TableMeta
from portal.table.survey import Seen, Survey
from portal.table.text_write import list_texts
from portal.table.votable_pack import joined_rows, number_texts

TYPES = {"short": "int", "unsignedByte": "int", "int": "int", "long": "long", "float": "float", "double": "double"}
WIDTHS = {"float": 15, "double": 24}  # of the longest number that reads back the same
MEMBER = {"boolean": 5, "bit": 5, "unsignedByte": 3, "short": 6, "int": 11, "long": 20, "float": 15, "double": 24}
NULLS = ("null", "NULL", "--", "N/A", "?")
MARKS = "[\t\r\n\f\v|]"


def ipac_bytes(meta: TableMeta, survey: Survey, batches: Iterable[pa.RecordBatch]) -> Iterator[bytes]:
    """The table in pieces; ``survey`` has seen all rows and asked for the words NULLS."""
    columns = [_Laid(column, seen, name) for column, seen, name in zip(meta.columns, survey.seen, _names(meta))]
    keys = [(item.name, f"{item.value} {item.text}") for item in meta.infos]
    keys += [("QUERY_STATUS", "OVERFLOW")] if meta.overflow else []
    keys += [("fixlen", "T"), ("RowsRetrieved", str(survey.rows))]
    keys += [(f"col.{item.name}.ShortDescription", item.column.description) for item in columns]
    keys += [(f"col.{item.name}.UCD", item.column.ucd) for item in columns]
    head = [f"\\{_key(name)} = {_value(value)}" for name, value in keys if value]
    for line in zip(*(item.head() for item in columns)):
        head.append("|" + "|".join(line) + "|")
    yield ("\n".join(head) + "\n").encode()
    for batch in batches if columns else ():
        parts: list = []
        for item, array in zip(columns, batch.columns):
            parts += [" ", item.cells(array)]
        yield joined_rows(pc.binary_join_element_wise(*parts, " \n", ""))


class _Laid:
    """A column with its name, width and null."""

    def __init__(self, column: Column, seen: Seen, name: str) -> None:
        self.column, self.name = column, name
        self.listed = pa.types.is_list(column.arrow)
        self.type = "char" if column.is_array else TYPES.get(column.datatype, "char")
        self.null = next((word for word in NULLS if word not in seen.words), NULLS[0])
        if self.listed:
            inside = seen.longest * (MEMBER.get(column.datatype, 8) + 1) + 1
        elif self.type in WIDTHS:
            inside = WIDTHS[self.type]
        elif self.type != "char":
            inside = max(len(str(seen.least)), len(str(seen.most)))
        else:
            inside = seen.longest if column.arrow == pa.string() else 5
        self.width = max(inside, *(len(text) for text in self._head()))

    def _head(self) -> tuple[str, str, str, str]:
        return self.name, self.type, _plain(self.column.unit).replace("|", " "), self.null

    def head(self) -> list[str]:
        """Name, type, unit and null, each as wide as the column."""
        return [f"{text:<{self.width}}" for text in self._head()]

    def cells(self, array: pa.Array) -> pa.Array:
        """The cells, filled up to the width: texts at the left, numbers at the right."""
        if self.listed:
            texts = list_texts(array, "[", " ", "]", "null")
        elif pa.types.is_string(array.type):
            texts = pc.replace_substring_regex(array, MARKS, " ")
        elif pa.types.is_boolean(array.type):
            texts = pc.cast(array, pa.string())
        else:
            texts = number_texts(array)
        pad = pc.utf8_rpad if self.type == "char" else pc.utf8_lpad
        return pad(pc.fill_null(texts, self.null), self.width)


def _names(meta: TableMeta) -> list[str]:
    """Names of letters, digits and underscores, no two the same whatever their case."""
    out: list[str] = []
    taken: set[str] = set()
    for column in meta.columns:
        stem = name = re.sub(r"\W", "_", column.name, flags=re.ASCII) or "_"
        count = 1
        while name.casefold() in taken:
            count += 1
            name = f"{stem}_{count}"
        taken.add(name.casefold())
        out.append(name)
    return out


def _key(name: str) -> str:
    return re.sub(r"[^\w.]", "_", name, flags=re.ASCII) or "_"


def _value(text: str) -> str:
    """A text on one line in quotes of the kind that it does not have."""
    plain = _plain(text)
    return f"'{plain}'" if "'" not in plain else '"' + plain.replace('"', "'") + '"'


def _plain(text: str) -> str:
    return " ".join(text.split())
