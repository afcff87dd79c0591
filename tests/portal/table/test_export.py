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
from astropy.io.votable import parse

from portal.errors import QueryError
from portal.table import export
from portal.table.columns import Column, Info, Service, TableMeta
from portal.table.export import FORMATS, export_stream
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
        '"a,b",,[4],false\nplain,-0,[5],\n'
    )
    noted = whole(replace_meta(result), format="csv", comments=True, infos=[Info("query", "a\nb")]).decode()
    assert noted.startswith("# query: a b\n# OVERFLOW")


def replace_meta(result: ResultTable) -> ResultTable:
    result._store.meta = replace(result.meta, overflow=True)
    return result


@pytest.mark.parametrize("format", sorted(FORMATS))
def test_chosen_rows_and_columns(stored, format):
    rows = np.array([2999, 0, 5])
    data = whole(stored, format=format, rows=rows, columns=["objectId", "mag"])
    ids = stored.take(rows)["objectId"].to_pylist()
    if format == "csv":
        assert [line.split(",")[0] for line in data.decode().splitlines()] == ["objectId", *map(str, ids)]
    else:
        table = read_votable(data)[1]
        assert table["objectId"].to_pylist() == ids and table.column_names == ["objectId", "mag"]


@pytest.mark.parametrize("format", sorted(FORMATS))
def test_nothing_to_export_is_still_a_file(tmp_path, format):
    for name, columns in (("a", (Column("x"),)), ("b", ())):
        meta = TableMeta(columns)
        result = ResultTable.from_arrow(tmp_path / name, meta, meta.to_schema().empty_table())
        data = whole(result, format=format)
        assert data == ("x\n" if columns else "\n").encode() if format == "csv" else read_votable(data)[1].num_rows == 0


def test_what_cannot_be_exported(stored):
    with pytest.raises(QueryError):
        export_stream(stored, format="xlsx")
    with pytest.raises(QueryError):
        export_stream(stored, columns=["nothing"])


def test_changed_labels_are_exported_as_they_were(tmp_path):
    meta = TableMeta((Column("ra"), Column("RA")))
    result = ResultTable.from_arrow(tmp_path / "r", meta, pa.table({"a": [1.0], "b": [2.0]}))
    assert whole(result, format="csv") == b"ra,RA\n1,2\n"


@pytest.mark.stilts
@pytest.mark.skipif(not shutil.which("stilts"), reason="stilts is not installed")
@pytest.mark.parametrize("format", ["votable", "votable-tabledata"])
def test_votlint_and_a_reader_of_others(stored, tmp_path, format):
    file = tmp_path / "a.vot"
    file.write_bytes(whole(stored, VIEW, format))
    lint = subprocess.run(["stilts", "votlint", str(file)], capture_output=True, text=True, timeout=120)
    assert lint.stdout + lint.stderr == ""
    command = [
        "stilts",
        "tpipe",
        f"in={file}",
        "ifmt=votable",
        "cmd=keepcols objectId",
        "omode=out",
        "ofmt=csv",
        "out=-",
    ]
    told = subprocess.run(command, capture_output=True, text=True, timeout=120).stdout.split()
    assert told[1:] == [str(item) for item in stored.take(stored.rows(VIEW))["objectId"].to_pylist()]
