"""Exports: the view as it stands, with units, nulls, identifiers and the overflow mark."""

import csv
import io
import shutil
import subprocess
import warnings
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from astropy.io import fits
from astropy.io.votable import parse
from astropy.table import Table

from portal.errors import CancelledError, LimitError, QueryError
from portal.table import export
from portal.table.columns import Column, Info, Service, TableMeta
from portal.table.derive import Definition
from portal.table.engine import Stop
from portal.table.export import CHUNK_BYTES, SERIALIZATIONS, export_stream
from portal.table.formats import FORMATS
from portal.table.result import ResultTable, RowView
from portal.table.votable_read import read_votable

VIEW = RowView((("mag", True),), '"tract" = 1')


@pytest.fixture
def stored(tmp_path, objects):
    meta, table = objects
    meta = replace(
        meta,
        overflow=True,
        infos=(Info("QUERY_STATUS", "OVERFLOW"), Info("release", "DP1")),
        services=(Service("https://example.org/links", "ivo://ivoa.net/std/DataLink#links-1.1", id="dl"),),
    )
    return ResultTable.from_arrow(tmp_path / "r", meta, table)


def whole(*args, **kwargs) -> bytes:
    return b"".join(export_stream(*args, **kwargs))


@pytest.mark.parametrize("format", ["votable", "votable-tabledata"])
def test_votables_hold_the_view(stored, format, monkeypatch):
    monkeypatch.setattr(export, "CHUNK", 100)
    data = whole(stored, VIEW, format, infos=[Info("query", "SELECT a < b")])
    meta, rows = read_votable(data)
    wanted = stored.take(stored.rows(VIEW))
    for name in wanted.column_names:
        texts = pa.types.is_string(wanted[name].type)
        expected = [item or None if texts and format != "votable" else item for item in wanted[name].to_pylist()]
        assert rows[name].to_pylist() == expected, name
    assert meta.overflow and meta.services == stored.meta.services
    assert {Info("release", "DP1"), Info("query", "SELECT a < b")} <= set(meta.infos)
    assert [item.unit for item in meta.columns] == [item.unit for item in stored.meta.columns]
    assert data.index(b"OVERFLOW") > data.index(b"</DATA>")


def test_text_outside_ascii_is_read_by_astropy(stored):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        table = parse(io.BytesIO(whole(stored))).get_first_table()
    assert table.get_field_by_id_or_name("name").datatype == "unicodeChar"
    assert table.get_field_by_id_or_name("band").datatype == "char"
    assert [str(item) for item in table.array["name"]] == [
        item or "" for item in stored.take(np.arange(3000))["name"].to_pylist()
    ]


def test_csv(stored):
    text = whole(stored, VIEW, "csv").decode()
    lines = list(csv.reader(io.StringIO(text, newline="")))
    wanted = stored.take(stored.rows(VIEW))
    assert lines[0] == wanted.column_names and len(lines) == wanted.num_rows + 1
    at = {name: n for n, name in enumerate(lines[0])}
    assert [line[at["objectId"]] for line in lines[1:]] == [str(item) for item in wanted["objectId"].to_pylist()]
    assert [line[at["name"]] for line in lines[1:]] == [item or "" for item in wanted["name"].to_pylist()]
    for line, mag in zip(lines[1:], wanted["mag"].to_pylist()):
        assert (float(line[at["mag"]]) == mag) if mag is not None else line[at["mag"]] == ""


def test_csv_tells_null_from_empty_and_quotes_what_must_be(tmp_path):
    meta = TableMeta((Column("a,b", "char", "*"), Column("x"), Column("v", "int", "*"), Column("k", "boolean")))
    rows = [["", None, 'say "x"', "two\nlines", "a,b", "plain"], [1.5, float("nan"), float("inf"), 1e300, None, -0.0]]
    arrays = [pa.array(rows[0]), pa.array(rows[1]), pa.array([[1, 2], None, [], [3], [4], [5]], pa.list_(pa.int32()))]
    table = pa.table([*arrays, pa.array([True, False, None] * 2)], schema=meta.to_schema())
    result = ResultTable.from_arrow(tmp_path / "r", meta, table)
    assert whole(result, format="csv").decode() == (
        '"a,b",x,v,k\n"",1.5,[1 2],true\n,NaN,,false\n"say ""x""",+Inf,[],\n"two\nlines",1e+300,[3],true\n'
        '"a,b",,[4],false\nplain,-0.0,[5],\n'
    )
    noted = whole(replace_meta(result), format="csv", comments=True, infos=[Info("query", "a\nb")]).decode()
    assert noted.startswith("# query: a b\n# ROWS: 6 of 6 received\n# OVERFLOW")


def replace_meta(result: ResultTable) -> ResultTable:
    result._store.meta = replace(result.meta, overflow=True)
    return result


@pytest.mark.parametrize("format", ["csv", "tsv", *SERIALIZATIONS])
def test_chosen_rows_and_columns(stored, format):
    rows = np.array([2999, 0, 5])
    data = whole(stored, format=format, rows=rows, columns=["mag", "objectId"])
    ids = stored.take(rows)["objectId"].to_pylist()
    if format in SERIALIZATIONS:
        table = read_votable(data)[1]
        assert table["objectId"].to_pylist() == ids and table.column_names == ["mag", "objectId"]
    else:
        mark = "," if format == "csv" else "\t"
        assert [line.split(mark)[1] for line in data.decode().splitlines()] == ["objectId", *map(str, ids)]


@pytest.mark.parametrize("format", sorted(FORMATS))
def test_nothing_to_export_is_still_a_file(tmp_path, format):
    for name, columns in (("a", (Column("ra"), Column("dec"))), ("b", ())):
        meta = TableMeta(columns)
        result = ResultTable.from_arrow(tmp_path / name, meta, meta.to_schema().empty_table())
        if format.startswith("regions") and not columns:
            continue
        data = whole(result, format=format)
        if format in SERIALIZATIONS:
            assert read_votable(data)[1].num_rows == 0
        elif format in ("csv", "tsv"):
            assert data.decode() == ("ra,dec\n" if columns else "\n").replace(",", "," if format == "csv" else "\t")
        elif format == "fits":
            with fits.open(io.BytesIO(data)) as hdus:
                hdus.verify("exception")
                assert hdus[1].header["NAXIS2"] == 0 and hdus[1].header["TFIELDS"] == len(columns)
        else:
            assert data  # read back in test_export_formats


def test_regions_hold_positions_and_ids(tmp_path):
    columns = (
        Column("objectId", "long", ucd="meta.id;meta.main"),
        Column("coord_ra", "double", unit="deg", ucd="pos.eq.ra;meta.main", ref="sys"),
        Column("coord_dec", "double", unit="deg", ucd="pos.eq.dec;meta.main", ref="sys"),
    )
    meta = TableMeta(columns, coosys=({"ID": "sys", "system": "eq_FK5"},), overflow=True)
    rows = [[2**53 + 1, None, 7], [10.684708, 0.1 + 0.2, float("nan")], [41.26875, -37.0, 1.0]]
    result = ResultTable.from_arrow(tmp_path / "r", meta, pa.table(rows, schema=meta.to_schema()))
    lines = whole(result, format="regions").decode().splitlines()
    assert lines[0] == "# Region file format: DS9 version 4.1" and "fk5" in lines and "# OVERFLOW" in "\n".join(lines)
    assert "point(10.684708,41.26875) # point=circle text={9007199254740993}" in lines
    assert "point(0.30000000000000004,-37) # point=circle text={}" in lines
    assert lines[-1] == "# 1 rows without a position are not here"
    assert 'circle(10.684708,41.26875,1") # text={9007199254740993}' in whole(result, format="regions-circles").decode()


def test_same_rows_are_written_while_more_come(tmp_path, objects):
    meta, table = objects
    result = ResultTable.create(tmp_path / "r", meta)
    result.append(table.to_batches()[0].slice(0, 100))
    parts = export_stream(result, format="fits")
    first = next(parts)
    result.append(table.to_batches()[0].slice(100, 900))
    with fits.open(io.BytesIO(first + b"".join(parts))) as hdus:
        assert hdus[1].data["objectId"].tolist() == table["objectId"].to_pylist()[:100]


def test_a_stopped_export_ends(stored):
    for format in ("fits", "csv"):
        stop = Stop()
        parts = export_stream(stored, VIEW, format, stop=stop)
        next(parts)
        stop.set()
        with pytest.raises(CancelledError):
            list(parts)


def test_a_result_deleted_meanwhile_is_still_written_whole(tmp_path, objects, monkeypatch):
    monkeypatch.setattr(export, "CHUNK", 100)
    result = ResultTable.from_arrow(tmp_path / "r", *objects)
    wanted = whole(result, VIEW, "csv")
    parts = export_stream(result, VIEW, "csv")
    begun = next(parts) + next(parts)
    result.delete()
    assert begun + b"".join(parts) == wanted


def test_wide_rows_come_in_small_pieces(tmp_path):
    meta = TableMeta(tuple(Column(f"c{n}") for n in range(1300)))
    table = pa.table([np.arange(3000.0)] * 1300, schema=meta.to_schema())
    result = ResultTable.from_arrow(tmp_path / "r", meta, table)
    sizes = [len(part) for part in export_stream(result, format="arrow")]
    assert max(sizes) < 1.1 * CHUNK_BYTES and len(sizes) > 2
    with pytest.raises(LimitError, match="at most 999 columns; this result has 1,300"):
        export_stream(result, format="fits")
    assert whole(result, format="fits", columns=["c1", "c1299"])[:6] == b"SIMPLE"


def test_what_cannot_be_exported(stored):
    with pytest.raises(QueryError):
        export_stream(stored, format="xlsx")
    with pytest.raises(QueryError):
        export_stream(stored, columns=["nothing"])


def test_regions_want_positions(tmp_path):
    meta = TableMeta((Column("x"),))
    result = ResultTable.from_arrow(tmp_path / "r", meta, meta.to_schema().empty_table())
    with pytest.raises(QueryError, match="no positions"):
        export_stream(result, format="regions")


def test_changed_labels_are_exported_as_they_were(tmp_path):
    meta = TableMeta((Column("ra"), Column("RA")))
    result = ResultTable.from_arrow(tmp_path / "r", meta, pa.table({"a": [1.0], "b": [2.0]}))
    assert whole(result, format="csv") == b"ra,RA\n1.0,2.0\n"
    assert b'name="RA"' in whole(result)
    twice = ResultTable.from_arrow(
        tmp_path / "s", TableMeta((Column("ra"), Column("ra"))), pa.table([[1.0], [2.0]], ["a", "b"])
    )
    assert whole(twice, format="csv") == b"ra,ra_1\n1.0,2.0\n", "readers tell columns apart by name"


@pytest.mark.stilts
@pytest.mark.skipif(not shutil.which("stilts"), reason="stilts is not installed")
def test_stilts_finds_no_fault_and_reads_the_same(stored, tmp_path, votlint):
    """votlint of every serialization, then one process that puts what it read of every format side by side."""
    columns = ["objectId", "parentId", "visits", "flux", "flag", "band"]
    kinds = {"fits": "fits-plus", "ecsv": "ecsv", "ipac": "ipac", "csv": "csv"}
    documents, command = [], ["stilts", "tjoin", "fixcols=all", "ofmt=votable-tabledata"]
    for at, format in enumerate([*SERIALIZATIONS, *kinds], 1):
        file = tmp_path / format
        file.write_bytes(whole(stored, VIEW, format, columns=columns))
        command += [f"in{at}={file}", f"ifmt{at}={kinds.get(format, 'votable')}", f"suffix{at}=_{at}"]
        documents += [file.read_bytes()] * (format in SERIALIZATIONS)
    assert votlint(*documents) == ""
    told = subprocess.run([*command, f"nin={at}"], capture_output=True, timeout=120)
    assert told.returncode == 0, told.stderr
    meta, table = read_votable(told.stdout)
    wanted = stored.take(stored.rows(VIEW), columns)
    for number in range(1, at + 1):
        for name in columns:
            got, cells = table[f"{name}_{number}"].to_pylist(), wanted[name].to_pylist()
            if number == at - 1 and name == "flag":  # IPAC has no type for truth values
                got = [None if item is None else item == "true" for item in got]
            if name == "flux":
                got = [None if item is None or item != item else np.float32(item) for item in got]
            assert got == cells, (name, command[3 + 3 * number])
        if number <= 5:  # CSV has no units, and stilts reads no descriptions of IPAC
            ident = meta.column(f"objectId_{number}")
            assert (ident.ucd, ident.description) == ("meta.id;meta.main", "Unique id")
            assert meta.column(f"flux_{number}").unit == "nJy"


def test_a_column_redefined_while_it_is_written_keeps_its_first_cells(tmp_path):
    """FITS rows have the width that the survey found: longer texts would run over what stands behind them."""
    table = pa.table({"name": ["a", "b"], "n": pa.array([7, 8], pa.int32())})
    meta = TableMeta((Column("name", "char", "*"), Column("n", "int")))
    result = ResultTable.from_arrow(tmp_path / "r", meta, table)
    result.derive("made", "upper(name)")
    pieces = export_stream(result, format="fits", columns=["made", "n"])
    head = next(pieces)
    result.change_derived("made", Definition("made", "concat(name, '-', name)"))
    with fits.open(io.BytesIO(head + b"".join(pieces))) as hdus:
        assert hdus[1].data["made"].tolist() == ["A", "B"] and hdus[1].data["n"].tolist() == [7, 8]


def test_csv_marks_whole_numbers_of_float_columns(tmp_path):
    values = [1.0, -0.0, 2.5, 1e20, float("nan"), float("inf"), None]
    table = pa.table(
        {"x": pa.array(values), "f": pa.array([3.0] * 7, pa.float32()), "n": pa.array([1] * 7, pa.int64())}
    )
    meta = TableMeta((Column("x"), Column("f", "float"), Column("n", "long")))
    result = ResultTable.from_arrow(tmp_path / "r", meta, table)
    for format, mark in (("csv", ","), ("tsv", "\t")):
        lines = [line.split(mark) for line in whole(result, format=format).decode().splitlines()[1:]]
        assert [line[0] for line in lines] == ["1.0", "-0.0", "2.5", "1e+20", "NaN", "+Inf", ""]
        assert {line[1] for line in lines} == {"3.0"} and {line[2] for line in lines} == {"1"}


@pytest.mark.filterwarnings("ignore:It is strongly recommended")
def test_fits_names_fit_a_card_and_differ(tmp_path):
    names = ["x" * 90, "x" * 80, "'" * 40, "\u03b1", "\u03b2"]
    result = ResultTable.from_arrow(
        tmp_path / "r", TableMeta(tuple(map(Column, names))), pa.table([[float(n)] for n in range(5)], names=names)
    )
    table = Table.read(io.BytesIO(whole(result, format="fits")), hdu=1, format="fits")
    assert table.colnames == ["x" * 68, "x" * 66 + "_2", "'" * 34, "?", "?_2"]
    assert list(table[0]) == [0, 1, 2, 3, 4]
