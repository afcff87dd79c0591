"""Every format gives back what went in, as astropy and pyarrow read it: values, nulls, ids, units, descriptions."""

from __future__ import annotations

import io
import math
import re
import warnings

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.feather
import pyarrow.parquet
from astropy.io import fits
from astropy.io.votable import parse
from astropy.table import Table
from hypothesis import example, given, settings
from hypothesis import strategies as st

from portal.table.columns import Column, Info, TableMeta
from portal.table.export import export_stream
from portal.table.formats import FORMATS
from portal.table.result import ResultTable
from portal.table.units import spelled

READ_BACK = [name for name in FORMATS if not name.startswith("regions")]


def written(folder, meta: TableMeta, table: pa.Table, format: str) -> bytes:
    result = ResultTable.from_arrow(folder / format, meta, table)
    try:
        return b"".join(export_stream(result, format=format))
    finally:
        result.delete()


def plain(value: object) -> object:
    """A cell of a foreign table as Python says it; None for null."""
    if value is None or (np.ma.is_masked(value) is True and np.ndim(value) == 0):
        return None
    if isinstance(value, np.ma.MaskedArray | np.ndarray | list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    return value


def read_arrow(table: pa.Table) -> dict[str, list]:
    return {name: table[name].to_pylist() for name in table.column_names}


def read_separated(content: bytes, meta: TableMeta, mark: str) -> dict[str, list]:
    types = {item.name: pa.string() if item.is_array else item.arrow for item in meta.columns}
    table = pa.csv.read_csv(
        io.BytesIO(content),
        parse_options=pa.csv.ParseOptions(delimiter=mark, newlines_in_values=True, ignore_empty_lines=False),
        convert_options=pa.csv.ConvertOptions(
            column_types=types,
            strings_can_be_null=True,
            null_values=[""],
            quoted_strings_can_be_null=len(types) == 1,  # a line of one null is written as "", for no one skips that
        ),
    )
    return read_arrow(table)


def read_astropy(table: Table) -> dict[str, list]:
    return {name: [plain(cell) for cell in table[name]] for name in table.colnames}


def read(format: str, content: bytes, meta: TableMeta) -> dict[str, list]:
    file = io.BytesIO(content)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        match format:
            case "csv" | "tsv":
                return read_separated(content, meta, "," if format == "csv" else "\t")
            case "parquet":
                return read_arrow(pyarrow.parquet.read_table(file))
            case "arrow":
                return read_arrow(pyarrow.feather.read_table(file))
            case "fits":
                return read_astropy(Table.read(file, hdu=1, format="fits"))
            case "ecsv" | "ipac":
                return read_astropy(Table.read(content.decode(), format=f"ascii.{format}"))
            case _:
                table = parse(file).get_first_table()
                return {field.name: [plain(cell) for cell in table.array[field.ID]] for field in table.fields}


def kept(format: str, column: Column, value: object) -> object:
    """The cell as the format can hold it (see portal/table/export.py)."""
    if column.is_text:
        return kept_text(format, value)
    if format in ("parquet", "arrow"):
        return value
    if column.is_array:
        return kept_array(format, column, value)
    if format == "fits" and value is None and column.datatype == "boolean":
        return False  # astropy takes an undefined logical for false, and says so
    if column.datatype in ("float", "double") and format not in ("csv", "tsv", "ecsv", "ipac"):
        return None if value is None or math.isnan(value) else value  # masked, as astropy reads both
    if column.datatype == "boolean" and format == "ipac":
        return None if value is None else str(value).lower()
    return value


def kept_text(format: str, value: str | None) -> str | None:
    if format in ("parquet", "arrow", "csv"):
        return value
    if format == "tsv":
        return value and re.sub("[\t\r\n]", " ", value)
    text = value or ""
    if format == "fits":
        return "".join(mark if mark.isascii() else "?" for mark in text).rstrip(" ") or None
    if format == "ipac":
        return re.sub("[\t\r\n\f\v|]", " ", text).strip() or None
    if format == "votable-tabledata" and not text.strip():
        return ""  # as astropy reads it
    return (text.strip() or None) if format == "ecsv" else text  # astropy takes blanks off, quoted or not


def kept_array(format: str, column: Column, value: list | None) -> object:
    if format in ("csv", "tsv", "ipac"):
        return value if value is None else "[" + " ".join("null" if item is None else str(item) for item in value) + "]"
    return value or []


WORDS = st.text(st.characters(exclude_categories=["C"], exclude_characters="\u2028\u2029\x85"), max_size=9)
CELLS = {
    "long": st.integers(-(2**63), 2**63 - 1) | st.sampled_from([-(2**63), 2**63 - 1, 2**53 + 1]),
    "int": st.integers(-(2**31), 2**31 - 1) | st.sampled_from([-(2**31), 2**31 - 1]),
    "short": st.integers(-(2**15), 2**15 - 1) | st.sampled_from([-(2**15), 2**15 - 1]),
    "unsignedByte": st.integers(0, 255) | st.sampled_from([0, 255]),
    "double": st.floats(),
    "float": st.floats(width=32),
    "boolean": st.booleans(),
    "char": WORDS | st.sampled_from(["null", "", "NaN", "#x", " ", 'say "so"', "a,b", "it's", "--"]),
}


@st.composite
def tables(draw) -> tuple[TableMeta, pa.Table]:
    kinds = draw(st.lists(st.sampled_from([*sorted(CELLS), "int*"]), min_size=1, max_size=6))
    rows = draw(st.integers(0, 12))
    columns = tuple(
        Column(f"c{at}", kind.rstrip("*"), "*" if kind in ("char", "int*") else "") for at, kind in enumerate(kinds)
    )
    arrays = []
    for kind, column in zip(kinds, columns):
        cells = st.lists(CELLS["int"], max_size=4) if kind == "int*" else CELLS[column.datatype]
        arrays.append(pa.array(draw(st.lists(st.none() | cells, min_size=rows, max_size=rows)), column.arrow))
    meta = TableMeta(columns)
    return meta, pa.table(arrays, schema=meta.to_schema())


def same(left: object, right: object) -> bool:
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    return (left is None) == (right is None) and (left == right or (left != left and right != right))


def all_ends(datatype: str) -> tuple[TableMeta, pa.Table]:
    meta = TableMeta((Column("c0", datatype),))
    ends = np.iinfo(meta.columns[0].arrow.to_pandas_dtype())
    return meta, pa.table([pa.array([int(ends.min), None, int(ends.max), 0], meta.columns[0].arrow)], ["c0"])


@settings(deadline=None, max_examples=60)
@example("fits", all_ends("unsignedByte"))
@example("fits", all_ends("long"))
@example("votable-binary", all_ends("unsignedByte"))
@example("votable-binary", all_ends("short"))
@example("votable-binary", all_ends("long"))
@given(st.sampled_from(READ_BACK), tables())
def test_any_table_comes_back(tmp_path_factory, format, made) -> None:
    meta, table = made
    got = read(format, written(tmp_path_factory.mktemp("t"), meta, table, format), meta)
    assert list(got) == table.column_names
    for column in meta.columns:
        wanted = [kept(format, column, cell) for cell in table[column.name].to_pylist()]
        if format in ("csv", "tsv") and len(meta.columns) == 1:
            wanted = [None if cell == "" else cell for cell in wanted]
        if format == "ipac" and column.datatype == "float":
            # A float is read as a double there: the digits are those of the float.
            got[column.name] = [None if cell is None else float(np.float32(cell)) for cell in got[column.name]]
        assert same(got[column.name], wanted), (column, got[column.name], wanted)


def test_units_descriptions_and_the_query_travel(tmp_path) -> None:
    """In each format's own place and spelling, through the readers that know it."""
    said = "Flux of the \"model\", it's 'best' " + "long " * 30 + "end"
    columns = (
        Column("objectId", "long", ucd="meta.id;meta.main", description="Id", utype="a:b"),
        Column("flux", "float", unit="nJy.arcsec**-2", ucd="phot.flux", description=said),
        Column("odd", "double", unit="mag(AB)"),
        Column("naïve", "char", "*", description="ζ é"),
    )
    query = "SELECT objectId\nFROM dp1.Object -- it's ζ " + "x" * 90
    meta = TableMeta(columns, name="Object", infos=(Info("QUERY", query), Info("MAXREC", "2")), overflow=True)
    # astropy stops at a null text in Parquet.
    table = pa.table([[2**53 + 1, None], [1.5, None], [0.1, 2.0], ["ζ", "x"]], schema=meta.to_schema())
    content = {name: written(tmp_path, meta, table, name) for name in READ_BACK}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, kind in {"ecsv": "ascii.ecsv", "fits": "fits", "parquet": "parquet.votable"}.items():
            (file := tmp_path / name).write_bytes(content[name])
            got = Table.read(file, format=kind, **({"hdu": 1} if name == "fits" else {}))
            assert str(got["flux"].unit) == "nJy / arcsec2" and str(got["odd"].unit) == "mag(AB)", name
            if name != "parquet":  # there astropy makes floats of whole numbers with nulls
                assert [plain(cell) for cell in got["objectId"]] == [2**53 + 1, None]
            described = got.meta.get("TCOMM2") if name == "fits" else got["flux"].description
            assert described == said, name
    assert Table.read(content["ecsv"].decode(), format="ascii.ecsv").meta["QUERY"] == query
    header = fits.open(io.BytesIO(content["fits"]))[1].header
    assert header["TUNIT2"] == "nJy.arcsec**-2" and header["TUCD2"] == "phot.flux" and header["QSTATUS"] == "OVERFLOW"
    assert (spelled("1/d", "fits"), spelled("10**-17 erg/s/cm**2", "vounit")) == ("d-1", "1e-17erg.s**-1.cm**-2")
    history = "".join(str(line) for line in header["HISTORY"])
    assert "QUERY: SELECT objectId FROM dp1.Object -- it's ?" in history and "MAXREC: 2" in history
    for name in ("parquet", "arrow"):
        schema = (
            pyarrow.parquet.read_schema(io.BytesIO(content["parquet"]))
            if name == "parquet"
            else (pyarrow.feather.read_table(io.BytesIO(content["arrow"])).schema)
        )
        assert schema.metadata[b"QUERY"].decode() == query and TableMeta.from_schema(schema).overflow
        assert schema.field("flux").metadata[b"unit"] == b"nJy.arcsec**-2"
    text = content["ipac"].decode()
    assert "\\QUERY = \"SELECT objectId FROM dp1.Object -- it's ζ x" in text and "\\QUERY_STATUS = 'OVERFLOW'" in text
    assert "\\col.flux.UCD = 'phot.flux'" in text
