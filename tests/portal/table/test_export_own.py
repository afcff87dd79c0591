"""What we write, our own readers of files give back: ids, nulls, units, UCDs, descriptions, infos."""

from __future__ import annotations

import pyarrow as pa
import pytest

from portal.table.columns import Column, Info, TableMeta
from portal.table.export import export_stream
from portal.table.formats import FORMATS
from portal.table.result import ResultTable
from tests.portal.table.reading import read_here

ID = 1651281746966117377
COLUMNS = (
    Column("objectId", "long", ucd="meta.id;meta.main", description="The id, it's long"),
    Column("ra", "double", unit="deg", ucd="pos.eq.ra;meta.main"),
    Column("dec", "double", unit="deg", ucd="pos.eq.dec;meta.main"),
    Column("flux", "float", unit="nJy", ucd="phot.flux"),
    Column("n", "short"),
    Column("flag", "boolean"),
    Column("name", "char", "*"),
    Column("curve", "float", "*", unit="nJy"),
)
ROWS = [
    [ID, None, ID + 2],
    [10.5, 11.5, 12.5],
    [-1.25, 2.25, 3.25],
    [1.5, None, 3.25],
    [-32768, None, 32767],
    [True, False, None],
    ["a b", None, 'c,"d" ζ'],
    [[1.5, 2.5], [0.5], [3.5]],
]


@pytest.fixture(scope="module")
def stored(tmp_path_factory) -> ResultTable:
    meta = TableMeta(COLUMNS, name="Object", infos=(Info("QUERY", "SELECT *\nFROM t"),), overflow=True)
    return ResultTable.from_arrow(tmp_path_factory.mktemp("r") / "r", meta, pa.table(ROWS, schema=meta.to_schema()))


@pytest.mark.parametrize("format", [name for name in FORMATS if not name.startswith("regions")])
def test_a_saved_table_is_read_again(stored, format) -> None:
    content = b"".join(export_stream(stored, format=format))
    _, meta, rows, notes = read_here(content, f"a{FORMATS[format].ending}")
    assert notes == [] and rows.column_names == [item.name for item in COLUMNS]
    wanted = dict(zip(rows.column_names, ROWS))
    if format == "fits":
        wanted["name"] = ["a b", None, 'c,"d" ?']
    if format == "ipac":
        wanted["flag"] = ["true", "false", None]
    if format in ("csv", "tsv", "ipac"):
        wanted["curve"] = ["[1.5 2.5]", "[0.5]", "[3.5]"]
    assert {name: rows[name].to_pylist() for name in rows.column_names} == wanted
    if format in ("csv", "tsv"):
        return
    for column in COLUMNS:
        got = meta.column(column.name)
        assert (got.unit, got.ucd, got.description) == (column.unit, column.ucd, column.description)
    query = next(item.value for item in meta.infos if item.name == "QUERY")
    assert query.split() == ["SELECT", "*", "FROM", "t"]
    assert meta.overflow or any(item.value == "OVERFLOW" for item in meta.infos)


@pytest.mark.parametrize("format", ["regions", "regions-circles"])
def test_saved_regions_are_read_again(stored, format) -> None:
    _, _, rows, _ = read_here(b"".join(export_stream(stored, format=format)), "a.reg")
    assert rows["label"].to_pylist() == [str(ID), None, str(ID + 2)]
    assert rows["ra"].to_pylist() == ROWS[1] and rows["dec"].to_pylist() == ROWS[2]
    assert rows["radius"].to_pylist() == pytest.approx([1 / 3600 if format.endswith("circles") else 0] * 3)
