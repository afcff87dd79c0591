"""Writes CSV (RFC 4180), TSV and ECSV 1.0, batch by batch, in UTF-8.

Numbers have the digits that read back the same; a whole number in a column of floats ends in ``.0``, or readers would
take the column for integers. In CSV and TSV a null is empty and an empty text is ``""``; ECSV
knows no difference between the two. TSV has no place for tabs and ends of lines: they become blanks.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from portal.table.columns import Column, TableMeta, fixed_length
from portal.table.names import labels
from portal.table.votable_pack import joined_rows, number_texts

ECSV_TYPES = {
    "boolean": "bool",
    "bit": "bool",
    "unsignedByte": "uint8",
    "short": "int16",
    "int": "int32",
    "long": "int64",
    "float": "float32",
    "double": "float64",
}
UNPRINTABLE = re.compile("[^\t\n\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")


def separated_bytes(
    meta: TableMeta, batches: Iterable[pa.RecordBatch], separator: str = ",", comments: bool = False
) -> Iterator[bytes]:
    """A header line and the rows. ``comments`` puts infos and the overflow mark in ``#`` lines before them.

    Most readers take such lines for rows, so they are not there unless asked for.
    """
    notes = [f"# {item.name}: {item.value} {item.text}" for item in meta.infos] if comments else []
    if comments and meta.overflow:
        notes.append("# OVERFLOW: the service cut this result; there are more rows")
    yield "".join(" ".join(note.split()) + "\n" for note in notes).encode()
    yield (separator.join(_quoted(name, separator) for name in labels(meta)) + "\n").encode()
    for batch in batches if meta.columns else ():
        yield _lines([cell_texts(array, separator) for array in batch.columns], separator)


def cell_texts(array: pa.Array, separator: str) -> pa.Array:
    """The cells of a column as they stand between separators; null is empty."""
    if pa.types.is_list(array.type):
        return pc.fill_null(list_texts(array, "[", " ", "]", ""), "")
    if pa.types.is_string(array.type):
        if separator == "\t":
            array = pc.replace_substring_regex(array, "[\t\r\n]", " ")
        return pc.fill_null(_quoted_texts(array, f'["\r\n{separator}]'), "")
    if pa.types.is_floating(array.type):
        return pc.fill_null(_float_texts(array), "")
    return pc.fill_null(pc.cast(array, pa.string()), "")


def _float_texts(array: pa.Array) -> pa.Array:
    texts = number_texts(array)
    if pc.any(pc.equal(pc.floor(array), array)).as_py():
        texts = pc.replace_substring_regex(texts, r"^(-?\d+)$", r"\1.0")
    return texts


def list_texts(array: pa.ListArray, opening: str, between: str, closing: str, null: str) -> pa.Array:
    """Array cells as text, a null inside as ``null``; null cells stay null."""
    flat = array.flatten()
    texts = pc.cast(flat, pa.string()) if pa.types.is_boolean(flat.type) else number_texts(flat)
    ends = np.r_[0, np.cumsum(np.asarray(pc.fill_null(pc.list_value_length(array), 0)))]
    cells = pa.ListArray.from_arrays(pa.array(ends, pa.int32()), pc.fill_null(texts, null))
    out = pc.binary_join_element_wise(opening, pc.binary_join(cells, between), closing, "")
    return pc.if_else(array.is_valid(), out, pa.scalar(None, pa.string()))


def _quoted_texts(array: pa.Array, odd: str) -> pa.Array:
    """Texts in quotes where ``odd`` matches, and where they are empty."""
    asked = pc.or_(pc.match_substring_regex(array, odd), pc.equal(array, ""))
    if pc.any(asked).as_py():
        quoted = pc.binary_join_element_wise('"', pc.replace_substring(array, '"', '""'), '"', "")
        array = pc.if_else(asked, quoted, array)
    return array


def _quoted(name: str, separator: str) -> str:
    if separator == "\t":
        name = re.sub("[\t\r\n]", " ", name)
    return '"' + name.replace('"', '""') + '"' if any(mark in name for mark in f'"\r\n{separator}') else name


def _lines(cells: list[pa.Array], separator: str) -> bytes:
    if len(cells) == 1:
        # Readers skip empty lines.
        cells = [pc.if_else(pc.equal(cells[0], ""), '""', cells[0])]
    parts: list = []
    for texts in cells:
        parts += [separator, texts]
    return joined_rows(pc.binary_join_element_wise(*parts[1:], "\n", ""))


# ECSV (Astropy Proposal for Enhancement 6)


def ecsv_bytes(meta: TableMeta, batches: Iterable[pa.RecordBatch]) -> Iterator[bytes]:
    """Columns and infos in YAML behind ``#``, then a header line and the rows, separated by commas.

    Arrays are JSON. Names are those of the engine, which are unique; readers refuse others.
    """
    yield "".join(f"# {line}\n" for line in ["%ECSV 1.0", "---", *ecsv_header(meta)]).encode()
    yield (",".join(_quoted(item.name, ",") for item in meta.columns) + "\n").encode()
    for batch in batches if meta.columns else ():
        yield _lines([_ecsv_cells(column, array) for column, array in zip(meta.columns, batch.columns)], ",")


def ecsv_header(meta: TableMeta) -> list[str]:
    """The lines of the YAML header; a quoted JSON text is a YAML text as well."""
    lines = ["delimiter: ','", "datatype:" if meta.columns else "datatype: []"]
    for column in meta.columns:
        lines += [f"- {line}" if at == 0 else f"  {line}" for at, line in enumerate(_ecsv_column(column))]
    infos = [(item.name, f"{item.value} {item.text}".strip()) for item in meta.infos]
    infos += [("name", meta.name)] * bool(meta.name) + [("description", meta.description)] * bool(meta.description)
    if meta.overflow:
        infos.append(("QUERY_STATUS", "OVERFLOW"))
    if infos:
        # A later value of the same name stands: YAML wants keys once.
        lines += ["meta:", *(f"  {_yaml(name)}: {_yaml(value)}" for name, value in dict(infos).items())]
    return lines


def _ecsv_column(column: Column) -> Iterator[str]:
    kind = ECSV_TYPES.get(column.datatype, "string")
    yield f"name: {_yaml(column.name)}"
    if column.is_array and kind != "string":
        fixed = "null"
        if not column.arraysize.endswith("*"):
            # The last dimension of numpy varies first in VOTable.
            fixed = ",".join(reversed(column.arraysize.split("x")))
        yield "datatype: string"
        yield f"subtype: {_yaml(f'{kind}[{fixed}]')}"
    else:
        yield f"datatype: {kind}"
    for key, value in (("unit", column.unit), ("description", column.description)):
        if value:
            yield f"{key}: {_yaml(value)}"
    more = {key: getattr(column, key) for key in ("ucd", "utype", "xtype") if getattr(column, key)}
    if more:
        yield "meta: {" + ", ".join(f"{key}: {_yaml(value)}" for key, value in more.items()) + "}"


def _yaml(text: str) -> str:
    """A text in double quotes; marks that YAML does not take as they are, escaped."""
    quoted = json.dumps(text, ensure_ascii=False)
    return UNPRINTABLE.sub(lambda found: f"\\U{ord(found[0]):08x}", quoted)


def _ecsv_cells(column: Column, array: pa.Array) -> pa.Array:
    if pa.types.is_list(array.type):
        return pc.fill_null(_quoted_texts(_json_lists(column, array), '[",]'), "")
    if pa.types.is_boolean(array.type):
        return pc.fill_null(pc.if_else(array, "True", "False"), "")
    if pa.types.is_floating(array.type):
        return pc.fill_null(pc.cast(array, pa.string()), "")
    return cell_texts(array, ",")


def _json_lists(column: Column, array: pa.ListArray) -> pa.Array:
    flat = list_texts(array, "[", ",", "]", "null")
    for word, name in (("+Inf", "Infinity"), ("-Inf", "-Infinity")):
        flat = pc.replace_substring(flat, word, name)
    if column.arraysize.endswith("*"):
        return flat
    # A null of fixed size is an array of nulls: readers want every cell to have that size.
    flat = pc.fill_null(flat, "[" + ",".join(["null"] * fixed_length(column.arraysize)) + "]")
    inner = [int(part) for part in column.arraysize.split("x")[:-1]]
    if not inner:
        return flat
    return pa.array([_nested(text[1:-1].split(","), inner) for text in flat.to_pylist()], pa.string())


def _nested(items: list[str], inner: list[int]) -> str:
    """JSON of an array whose first dimensions (that vary first) are ``inner``."""
    for size in inner:
        items = [f"[{','.join(items[at : at + size])}]" for at in range(0, len(items), size)]
    return f"[{','.join(items)}]"
