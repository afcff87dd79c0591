"""Every output format holds the same rows: nulls, units, ids above 2**53, odd texts, and the mark of an overflow."""

from __future__ import annotations

import importlib.util
import io
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest
from astropy.io import fits
from astropy.io import votable as astropy_votable
from astropy.table import Table

from portal.archive.formats import FORMATS, Format, encoded, wanted_format
from portal.archive.params import Parameters, UsageError
from portal.errors import LimitError
from portal.table.columns import Column, TableMeta
from portal.table.votable_read import read_votable

_spec = importlib.util.spec_from_file_location("answer_fixture", Path(__file__).with_name("answer_fixture.py"))
_module = sys.modules.setdefault("answer_fixture", importlib.util.module_from_spec(_spec))
_spec.loader.exec_module(_module)
Answer, META, ROWS, IDS, TEXTS = _module.Answer, _module.META, _module.ROWS, _module.IDS, _module.TEXTS
BY_NAME = {form.name: form for form in FORMATS}


def written(name: str, **more) -> bytes:
    answer = Answer(**more)
    content = b"".join(encoded(answer, BY_NAME[name]))
    assert answer.closed
    return content


@pytest.mark.parametrize("name", ["votable", "binary", "tabledata"])
def test_votable_keeps_everything(name: str) -> None:
    meta, rows = read_votable(written(name, overflow=True))
    assert meta.overflow and meta.column("flux").unit == "nJy"
    assert rows["objectId"].to_pylist() == IDS
    for column in ("detector", "visit", "byte", "flag"):
        assert rows[column].to_pylist() == ROWS[column].to_pylist()
    assert [text or None for text in rows["band"].to_pylist()] == (
        TEXTS if name == "tabledata" else read_votable(written("votable"))[1]["band"].to_pylist()
    )
    assert rows["mag"].to_pylist() == [0.1, 2.0, None]


def test_binary_is_read_by_others() -> None:
    rows = ROWS.set_column(7, ROWS.schema.field(7), pa.array(["a", None, "c"]))  # astropy wants ASCII in char
    table = astropy_votable.parse_single_table(io.BytesIO(written("binary", rows=rows))).to_table(
        use_names_over_ids=True
    )
    assert [None if np.ma.is_masked(item) else int(item) for item in table["objectId"]] == IDS
    assert [None if np.ma.is_masked(item) else int(item) for item in table["byte"]] == [0, None, 255]


@pytest.mark.filterwarnings("ignore:Column 'flag' contains NULL")
def test_fits_is_read_by_others() -> None:
    content = written("fits", overflow=True)
    with fits.open(io.BytesIO(content)) as hdus:
        hdus.verify("exception")
        header = hdus[1].header
        assert header["QSTATUS"] == "OVERFLOW" and header["TUNIT2"] == "nJy" and header["TUCD1"] == "meta.id;meta.main"
        meta, _ = read_votable(bytes(hdus[0].data))
        assert meta.overflow and [column.name for column in meta.columns] == ROWS.schema.names
    table = Table.read(io.BytesIO(content), hdu=1)
    assert len(content) % 2880 == 0
    assert [None if np.ma.is_masked(item) else int(item) for item in table["objectId"]] == IDS
    assert [None if np.ma.is_masked(item) else int(item) for item in table["byte"]] == [0, None, 255]
    assert [None if np.ma.is_masked(item) else int(item) for item in table["visit"]] == [None, 7, -8]
    assert np.isnan(np.ma.filled(table["flux"], np.nan)[1:]).all() and str(table["flux"].unit) == "nJy"
    texts = ["" if np.ma.is_masked(item) else str(item) for item in table["band"]]
    assert texts[0] == "plain" and texts[2].startswith('q"u<o>t&e,\t\n ')


def test_fits_arrays_and_no_rows() -> None:
    meta = TableMeta((Column("curve", "double", "*"), Column("n", "int", "*"), Column("t", "char", "*")))
    rows = pa.table([[[1.0, 2.0], None, [3.0]], [[1], [2, 3], None], ["", None, "x"]], schema=meta.to_schema())
    table = Table.read(io.BytesIO(written("fits", meta=meta, rows=rows)), hdu=1)
    assert [list(cell) for cell in table["curve"]] == [[1, 2], [], [3]]
    assert [list(cell) for cell in table["n"]] == [[1], [2, 3], []]
    assert list(table["t"].filled("")) == ["", "", "x"]
    assert len(Table.read(io.BytesIO(written("fits", rows=ROWS.slice(0, 0))), hdu=1)) == 0


def test_fits_refuses_what_it_cannot_hold() -> None:
    meta = TableMeta(tuple(Column(f"c{number}") for number in range(1000)))
    with pytest.raises(LimitError, match="at most 999 columns"):
        written("fits", meta=meta, rows=meta.to_schema().empty_table())


def test_json() -> None:
    read = json.loads(written("json", overflow=True))
    assert read["overflow"] is True and read["metadata"][1] == {"name": "flux", "datatype": "float", "unit": "nJy"}
    assert [row[0] for row in read["data"]] == [None if item is None else str(item) for item in IDS]
    assert [row[1] for row in read["data"]] == [1.5, None, None]
    assert [row[6:] for row in read["data"]] == [[True, TEXTS[0]], [False, None], [None, TEXTS[2]]]
    assert json.loads(written("json", rows=ROWS.slice(0, 0)))["data"] == []


def test_json_arrays() -> None:
    meta = TableMeta((Column("curve", "double", "*"), Column("n", "int", "*")))
    rows = pa.table([[[1.0, np.nan], None, []], [[1], [2, None], None]], schema=meta.to_schema())
    assert json.loads(written("json", meta=meta, rows=rows))["data"] == [
        [[1, None], [1]],
        [None, [2, None]],
        [[], None],
    ]


@pytest.mark.parametrize("name", ["csv", "tsv"])
def test_text(name: str) -> None:
    options = pa.csv.ParseOptions(delimiter="," if name == "csv" else "\t", newlines_in_values=True)
    read = pa.csv.read_csv(io.BytesIO(written(name)), parse_options=options)
    assert read["objectId"].to_pylist() == IDS and read["flag"].to_pylist() == [True, False, None]
    assert read["band"].to_pylist()[2] == (TEXTS[2] if name == "csv" else 'q"u<o>t&e,   é')


def test_parquet() -> None:
    content = written("parquet", overflow=True)
    assert pyarrow.parquet.read_table(io.BytesIO(content))["objectId"].to_pylist() == IDS
    footer = pyarrow.parquet.read_metadata(io.BytesIO(content)).metadata
    assert read_votable(footer[b"IVOA.VOTable-Parquet.content"])[0].overflow


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        ("votable", "votable"),
        ("text/xml", "votable"),
        ("application/x-votable+xml; serialization=binary2", "votable"),
        ("application/x-votable+xml;serialization=BINARY", "binary"),
        ("VOTABLE/TD", "tabledata"),
        ("text/csv", "csv"),
        ("application/fits", "fits"),
        ("json", "json"),
        ("", "votable"),
    ],
)
def test_names_of_formats(asked: str, name: str) -> None:
    assert wanted_format(Parameters([("RESPONSEFORMAT", asked)])).name == name
    assert wanted_format(Parameters([("format", asked)])).name == name


def test_an_unknown_format_lists_the_known() -> None:
    with pytest.raises(UsageError, match=r"xlsx.*parquet.*fits"):
        wanted_format(Parameters([("RESPONSEFORMAT", "xlsx")]))


@pytest.mark.stilts
@pytest.mark.skipif(not shutil.which("stilts"), reason="stilts is not installed")
def test_stilts_reads_all_and_finds_no_fault(tmp_path: Path) -> None:
    """One start of Java: votlint of each VOTable, then the FITS table with its units by way of a CSV."""
    for name in ("votable", "binary", "tabledata"):
        file = tmp_path / f"{name}.vot"
        file.write_bytes(written(name, overflow=True))
        lint = subprocess.run(["stilts", "votlint", str(file)], capture_output=True, text=True, timeout=120)
        assert lint.returncode == 0 and not lint.stdout + lint.stderr, f"{name}: {lint.stdout}{lint.stderr}"
    file = tmp_path / "result.fits"
    file.write_bytes(written("fits"))
    command = ["stilts", "tpipe", f"in={file}", "ifmt=fits-plus", "cmd=meta name units ucd", "ofmt=csv"]
    found = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert found.returncode == 0, found.stderr
    lines = found.stdout.splitlines()
    assert lines[1].startswith("objectId,,meta.id;meta.main") and lines[2].startswith("flux,nJy"), found.stdout


def test_format_is_a_value() -> None:
    assert isinstance(FORMATS[0], Format) and len({form.name for form in FORMATS}) == len(FORMATS)
