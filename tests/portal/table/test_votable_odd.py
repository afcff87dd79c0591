"""Columns that few services send: arrays of texts, complex numbers, sizes that are not true, nulls inside arrays."""

from __future__ import annotations

import pyarrow as pa
import pytest

from portal.errors import FormatError
from portal.table.columns import Column, TableMeta
from portal.table.export import SERIALIZATIONS, export_stream
from portal.table.formats import FORMATS
from portal.table.result import ResultTable
from portal.table.votable_read import read_votable
from portal.table.votable_write import votable_bytes

HEAD = '<VOTABLE version="1.4"><RESOURCE><TABLE>'
TAIL = "</TABLEDATA></DATA></TABLE></RESOURCE></VOTABLE>"


def read_cells(attributes: str, *cells: str) -> tuple[Column, list]:
    """A column and its values from a TABLEDATA of that one FIELD."""
    rows = "".join(f"<TR><TD>{cell}</TD></TR>" for cell in cells)
    document = f'{HEAD}<FIELD name="c" {attributes}/><DATA><TABLEDATA>{rows}{TAIL}'
    meta, table = read_votable(document.encode())
    return meta.columns[0], table["c"].to_pylist()


@pytest.mark.parametrize(
    ("attributes", "cells", "values"),
    [
        ('datatype="char" arraysize="5x3"', ["applebread     ", "     "], ["apple bread", ""]),
        ('datatype="unicodeChar" arraysize="2x*"', ["ζéab", ""], ["ζé ab", None]),
        ('datatype="floatComplex"', ["1.5 2", ""], ["1.5 2", None]),
        ('datatype="bit" arraysize="8"', ["10110001", "0 0 0 0 0 0 0 1"], None),
        ('datatype="boolean" arraysize="3"', ["T F ?", ""], [[True, False, None], None]),
    ],
)
def test_arrays_of_texts_and_bits_and_complex_numbers(attributes, cells, values) -> None:
    expected = values or [[bool(int(mark)) for mark in cell.replace(" ", "")] for cell in cells]
    assert read_cells(attributes, *cells)[1] == expected


SIZES = [" ", "1 ", "x", "*x2", "3x", "-1", "0", "3 x 2", "abc", "9" * 20, "٣", "**", "1*"]


def test_sizes_that_make_no_sense_do_not_keep_rows_from_being_read_and_saved(tmp_path) -> None:
    kinds = [(size, datatype) for size in SIZES for datatype in ("int", "bit", "char", "doubleComplex")]
    fields = "".join(f'<FIELD name="c{at}" datatype="{b}" arraysize="{a}"/>' for at, (a, b) in enumerate(kinds))
    rows = "".join(f"<TR>{f'<TD>{cell}</TD>' * len(kinds)}</TR>" for cell in ("1", ""))
    meta, table = read_votable(f"{HEAD}{fields}<DATA><TABLEDATA>{rows}{TAIL}".encode())
    result = ResultTable.from_arrow(tmp_path / "r", meta, table)
    for name in SERIALIZATIONS:
        again = read_votable(b"".join(export_stream(result, format=name)))[1]
        for column, kind in zip(table.column_names, kinds):
            got, values = again[column].to_pylist(), table[column].to_pylist()
            assert got[0] == values[0] in (1, [1], [True], True, "1") and not got[1], (name, kind)


def test_every_format_takes_odd_columns(tmp_path) -> None:
    columns = (
        Column("texts", "char", "5x3"),
        Column("pairs", "doubleComplex", "2"),
        Column("wrong", "int", "3"),
        Column("never", "int", "9" * 9),
        Column("short", "char", "2*"),
        Column("flags", "bit", "2x2"),
        Column("ra"),
        Column("dec"),
    )
    rows = [
        ["apple bread", None],
        ["1.0 2.0 3.0 4.0", None],
        [[1, 2], [3]],
        [None, None],
        ["longer", "ζ"],
        [[True, False, True, True], None],
        [1.0, None],
        [2.0, None],
    ]
    meta = TableMeta(columns)
    table = pa.table([pa.array(cells, c.arrow) for cells, c in zip(rows, columns)], schema=meta.to_schema())
    result = ResultTable.from_arrow(tmp_path / "r", meta, table)
    content = {name: b"".join(export_stream(result, format=name)) for name in FORMATS}
    got = read_votable(content["votable"])[1].to_pydict()
    assert [got[column.name] for column in columns] == rows
    assert b"[[true,false],[true,true]]" in content["ecsv"].lower() and b"[1 2]" in content["ipac"]


@pytest.mark.parametrize("serialization", ["BINARY2", "TABLEDATA"])
def test_nulls_inside_arrays_have_a_number_of_their_own(serialization, tmp_path) -> None:
    meta = TableMeta((Column("n", "short", "*"),))
    rows = [[1, None, -32768], [None], None]
    table = pa.table([pa.array(rows, pa.list_(pa.int16()))], ["n"])
    with pytest.raises(FormatError, match="nulls inside arrays"):
        b"".join(votable_bytes(meta, table.to_batches(), serialization))
    result = ResultTable.from_arrow(tmp_path / "r", meta, table)
    name = next(name for name, kind in SERIALIZATIONS.items() if kind == serialization)
    found, got = read_votable(b"".join(export_stream(result, format=name)))
    assert got["n"].to_pylist() == rows and found.columns[0].null == "32767"
