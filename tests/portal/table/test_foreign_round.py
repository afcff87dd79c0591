"""Every export comes back through the readers of foreign files: rows, ids, nulls, units, UCDs, descriptions."""

import io

import numpy as np
import pytest
from astropy.io import fits

from portal.table.columns import Column, TableMeta
from portal.table.export import export_stream
from portal.table.foreign.kinds import Options
from portal.table.formats import FORMATS
from portal.table.result import ResultTable
from portal.table.votable_write import votable_bytes
from tests.portal.table.reading import read_here

EMPTY_IS_NULL = ("votable-tabledata", "votable-binary", "fits", "ecsv", "ipac")
WITHOUT_WORDS = ("csv", "tsv")


@pytest.fixture(scope="module")
def result(objects, tmp_path_factory):
    meta, table = objects
    made = ResultTable.from_arrow(tmp_path_factory.mktemp("round") / "r", meta, table.slice(0, 300))
    yield made
    made.close()


@pytest.mark.parametrize("format", [name for name, form in FORMATS.items() if form.group != "Regions"])
def test_every_export_comes_back(result, objects, format):
    meta, table = objects[0], objects[1].slice(0, 300)
    options = Options()
    if format in WITHOUT_WORDS:
        options = options._replace(types=tuple((column.name, column.datatype) for column in meta.columns))
    if format == "ipac":  # has no type for true and false
        options = options._replace(types=(("primary", "boolean"), ("flag", "boolean")))
    data = b"".join(export_stream(result, format=format))
    _, back_meta, back, notes = read_here(data, "file", options)
    assert not notes and back.column_names == table.column_names
    for column in meta.columns:
        wanted = table[column.name].to_pylist()
        if format in EMPTY_IS_NULL:
            wanted = [None if cell == "" else cell for cell in wanted]
        if format == "fits":  # ASCII
            wanted = [
                "".join(mark if mark.isascii() else "?" for mark in c) if isinstance(c, str) else c for c in wanted
            ]
        assert back[column.name].to_pylist() == wanted, column.name
        said = back_meta.column(column.name)
        if format not in WITHOUT_WORDS:
            assert (said.unit, said.ucd, said.description) == (column.unit, column.ucd, column.description)


@pytest.mark.parametrize("format", ["regions", "regions-circles"])
def test_regions_come_back_as_positions(result, format):
    _, _, back, notes = read_here(b"".join(export_stream(result, format=format)), "a.reg")
    ra = result.take(list(range(300)), ["coord_ra"])["coord_ra"].to_pylist()
    assert not notes and back["ra"].to_pylist() == pytest.approx(ra, abs=1e-7)


def test_the_votable_of_a_fits_file_describes_its_first_table_only():
    document = b"".join(votable_bytes(TableMeta((Column("mag", "double", unit="mag", ucd="phot.mag"),)), []))
    first = fits.PrimaryHDU(np.frombuffer(document, np.uint8))
    first.header["VOTMETA"] = True
    out = io.BytesIO()
    tables = [fits.BinTableHDU.from_columns([fits.Column(name, "D", array=[1.5])]) for name in ("mag", "flux")]
    fits.HDUList([first, *tables]).writeto(out)
    assert read_here(out.getvalue())[1].columns[0].ucd == "phot.mag"
    other = read_here(out.getvalue(), options=Options(part=2))[1].columns[0]
    assert (other.name, other.unit, other.ucd) == ("flux", "", "")


def test_rings_of_boxes_and_ellipses_go_by_their_outer_edge():
    text = "fk5\nbox(10,0,1d,1d,2d,4d,90)\nellipse(10,0,1d,1d,2d,3d,0)\nbox(10,0,2d,4d)\n"
    rows = read_here(text, "a.reg")[2].to_pylist()
    assert [row["radius"] for row in rows] == pytest.approx([5**0.5, 3, 5**0.5], abs=1e-3)
    turned = np.array(rows[0]["s_region"].split()[2:], float)[1::2]
    assert np.ptp(turned) == pytest.approx(2, abs=0.01)  # the long side of 4 degrees runs east to west
