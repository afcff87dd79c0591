"""Tables of other formats against what astropy and pyarrow wrote: values, nulls, units, UCDs, descriptions."""

import io
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from astropy.io import fits
from astropy.io.votable import from_table
from astropy.table import MaskedColumn, Table
from pyarrow import feather, parquet

from portal.errors import FormatError
from portal.table.columns import Column, TableMeta
from portal.table.foreign.guess import degrees, guess_positions
from portal.table.foreign.kinds import Options
from portal.table.votable_write import votable_bytes
from tests.portal.table.reading import read_here

ID = 1651281746966117377
REAL = Path(__file__).resolve().parents[4] / "shared" / "data" / "real"


def sample(texts: bool = True) -> Table:
    """An astropy table of most types, with nulls."""
    table = Table()
    hole = [False, True, False]
    table["objectId"] = MaskedColumn([ID, 2, ID + 2], mask=hole, dtype="i8", description="Unique id")
    table["ra"] = MaskedColumn([10.5, 11.5, 12.5], unit="deg", mask=[False] * 3)
    table["flux"] = MaskedColumn(np.array([1.5, 2.5, 3.5], "f4"), unit="nJy", mask=hole, description="PSF flux")
    table["n"] = MaskedColumn(np.array([1, 2, 3], "i2"), mask=hole)
    table["flag"] = np.array([True, False, True])
    if texts:
        table["name"] = MaskedColumn(["a", "", "c, d"], mask=hole)
    return table


def written(table: Table, format: str, **more) -> bytes:
    out = io.BytesIO() if format in ("fits", "votable") else io.StringIO()
    table.write(out, format=format, **more)
    return out.getvalue() if isinstance(out, io.BytesIO) else out.getvalue().encode()


def check(meta: TableMeta, table: pa.Table) -> None:
    assert table["objectId"].to_pylist() == [ID, None, ID + 2]
    assert table["ra"].to_pylist() == [10.5, 11.5, 12.5]
    assert table["flux"].to_pylist() == [1.5, None, 3.5]
    assert table["n"].to_pylist() == [1, None, 3]
    assert table["flag"].to_pylist() == [True, False, True]
    assert table["name"].to_pylist() == ["a", None, "c, d"]
    assert meta.column("ra").unit == "deg" and meta.column("flux").unit == "nJy"
    assert meta.column("objectId").datatype == "long"


@pytest.mark.parametrize("form", ["tabledata", "binary2"])
def test_votable(form):
    out = io.BytesIO()
    document = from_table(sample())
    document.to_xml(out, tabledata_format=form)
    kind, meta, table, _ = read_here(out.getvalue(), "a.xml")
    assert kind.label == f"VOTable ({form.upper()})" and kind.parts[0].columns == 6
    if form != "tabledata":  # astropy writes null whole numbers as 0 there and marks them by VALUES
        table = table.set_column(5, "name", [["a", None, "c, d"]])  # and forgets nulls of text
    assert table["objectId"].to_pylist() == [ID, None, ID + 2]
    assert meta.column("objectId").description == "Unique id" and table["flux"].to_pylist() == [1.5, None, 3.5]


def test_votable_of_several_tables_in_one_gzip_file(table_of):
    import gzip

    meta, rows = table_of(3)
    first = b"".join(votable_bytes(meta, rows.to_batches(), "TABLEDATA")).decode()
    inner = first[first.index("<RESOURCE") : first.rindex("</RESOURCE>") + len("</RESOURCE>")]
    second = b"".join(votable_bytes(meta, rows.slice(0, 2).to_batches(), "BINARY2")).decode()
    again = second[second.index("<RESOURCE") : second.rindex("</RESOURCE>") + len("</RESOURCE>")]
    packed = gzip.compress(first.replace(inner, inner + again).encode())
    kind, _, table, _ = read_here(packed, "a.vot.gz")
    assert kind.label == "VOTable (TABLEDATA, BINARY2), gzip" and len(kind.parts) == 2 and table.num_rows == 3
    _, _, table, _ = read_here(packed, "a.vot.gz", Options(part=1))
    assert table.equals(rows.slice(0, 2).cast(table.schema))
    with pytest.raises(FormatError, match="no such table"):
        read_here(packed, options=Options(part=2))


def test_votable_with_fits_inside():
    import base64

    inside = base64.b64encode(written(sample(), "fits")).decode()
    fields = "".join(f'<FIELD name="c{at}" datatype="char" ucd="meta.id" unit="m"/>' for at in range(6))
    data = f'<DATA><FITS><STREAM encoding="base64">{inside}</STREAM></FITS></DATA>'
    text = f"<VOTABLE><RESOURCE><TABLE>{fields}{data}</TABLE></RESOURCE></VOTABLE>"
    _, meta, table, _ = read_here(text, "a.vot")
    assert table["c0"].to_pylist()[0] == ID and meta.columns[0].ucd == "meta.id" and meta.columns[0].datatype == "long"
    for href in ("file:///etc/passwd", "http://127.0.0.1:1/"):
        with pytest.raises(FormatError, match="another file"):
            read_here(text.replace('encoding="base64"', f'href="{href}"'))


def test_fits_tables_by_hdu():
    image = fits.ImageHDU(np.zeros((4, 4), "f4"))
    compressed = fits.CompImageHDU(np.zeros((16, 16), "i2"))
    first, second = fits.table_to_hdu(sample()), fits.table_to_hdu(sample()[:2])
    second.name = "OTHER"
    second.header["TUCD2"], second.header["TCOMM2"] = "pos.eq.ra;meta.main", "Right ascension"
    out = io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(), image, compressed, first, second]).writeto(out)
    kind, meta, table, _ = read_here(out.getvalue(), "a.fits")
    assert [(part.number, part.name, part.rows, part.columns) for part in kind.parts] == [
        (3, "", 3, 6),
        (4, "OTHER", 2, 6),
    ]
    check(meta, table)
    _, meta, table, _ = read_here(out.getvalue(), "a.fits", Options(part=4))
    assert table.num_rows == 2 and meta.name == "OTHER"
    assert (meta.columns[1].ucd, meta.columns[1].description) == ("pos.eq.ra;meta.main", "Right ascension")
    with pytest.raises(FormatError, match="no such table"):
        read_here(out.getvalue(), "a.fits", Options(part=1))


def test_fits_columns_of_every_form():
    rows = 5
    numbers = np.arange(rows)
    columns = [
        fits.Column("L", "L", array=numbers % 2 == 0),
        fits.Column("X", "11X", array=numbers[:, None] > np.arange(11)),
        fits.Column("B", "B", array=numbers.astype("u1")),
        fits.Column("I", "I", array=numbers, null=3),
        fits.Column("UI", "I", bzero=1 << 15, array=(numbers + 65530).astype("u2")),
        fits.Column("UJ", "J", bzero=1 << 31, array=(numbers + 2**32 - 5).astype("u4")),
        fits.Column("UK", "K", bzero=1 << 63, array=(numbers + 5).astype("u8")),
        fits.Column("UKbig", "K", bzero=1 << 63, array=(np.uint64(2**64 - 5) + numbers.astype("u8"))),
        fits.Column("S", "I", array=numbers),
        fits.Column(
            "A", "6A", array=np.array(["a", "bb ", "", "é".encode("latin-1").decode("latin-1"), "f"])[[0, 1, 2, 0, 4]]
        ),
        fits.Column("E3", "6E", dim="(3,2)", array=np.arange(rows * 6, dtype="f4").reshape(rows, 2, 3)),
        fits.Column("C", "C", array=numbers + 1j),
        fits.Column("Z", "0D", array=np.zeros((rows, 0))),
        fits.Column("PD", "PD()", array=np.array([np.arange(n, dtype=float) for n in numbers], dtype=object)),
        fits.Column("PA", "PA()", array=np.array(["x" * n for n in numbers], dtype=object)),
        fits.Column("QJ", "QJ()", array=np.array([np.arange(n, dtype="i4") for n in numbers], dtype=object)),
    ]
    out, hdu = io.BytesIO(), fits.BinTableHDU.from_columns(columns)
    hdu.header["TSCAL9"], hdu.header["TZERO9"] = 0.5, 10
    fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(out)
    _, meta, table, notes = read_here(out.getvalue(), "a.fits")
    got = table.to_pydict()
    assert got["L"] == [True, False, True, False, True] and got["X"][3] == [True] * 3 + [False] * 8
    assert got["B"] == [0, 1, 2, 3, 4] and got["I"] == [0, 1, 2, None, 4]
    assert got["UI"] == [65530, 65531, 65532, 65533, 65534] and got["UJ"][4] == 2**32 - 1
    assert got["UK"] == [5, 6, 7, 8, 9] and got["UKbig"][4] == str(2**64 - 1) and "UKbig" in notes[0]
    assert got["S"] == [10, 10.5, 11, 11.5, 12] and got["A"] == ["a", "bb", None, "a", "f"]
    assert got["E3"][1] == [6, 7, 8, 9, 10, 11] and meta.column("E3").arraysize == "3x2"
    assert got["C"][2] == "2.0 1.0" and got["PD"][3] == [0, 1, 2] and got["QJ"][2] == [0, 1]
    assert got["PA"] == [None, "x", "xx", "xxx", "xxxx"]


def test_fits_ascii_table():
    columns = [
        fits.Column("n", "I5", array=[1, -2, 3], ascii=True),
        fits.Column("x", "E12.4", array=[1.5, 2.5, -3e10], ascii=True),
        fits.Column("t", "A4", array=["ab", "", "c d"], ascii=True),
        fits.Column("d", "D20.10", array=[1e100, 0, 1], ascii=True),
    ]
    out = io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(), fits.TableHDU.from_columns(columns)]).writeto(out)
    _, _, table, _ = read_here(out.getvalue(), "a.fits")
    assert table.to_pydict() == {"n": [1, -2, 3], "x": [1.5, 2.5, -3e10], "t": ["ab", None, "c d"], "d": [1e100, 0, 1]}


def test_ecsv():
    table = sample()
    table["spectrum"] = np.arange(6.0).reshape(3, 2)
    table["lists"] = np.array([np.array(item, "i8") for item in ([1], [2, 3], [])], dtype=object)
    table.meta["telescope"] = "Simonyi"
    for delimiter in (" ", ","):
        kind, meta, read, _ = read_here(written(table, "ascii.ecsv", delimiter=delimiter), "a.ecsv")
        assert kind.format == "ecsv"
        check(meta, read)
        assert read["spectrum"].to_pylist()[1] == [2.0, 3.0] and read["lists"].to_pylist() == [[1], [2, 3], []]
        assert meta.column("objectId").description == "Unique id"
        assert [(info.name, info.value) for info in meta.infos] == [("telescope", "Simonyi")]
    bomb = (
        "# %ECSV 1.0\n# ---\n# a: &a [1,1]\n"
        + "".join(f"# b{k}: [*a,*a,*a,*a]\n" for k in range(9))
        + "# datatype: []\nx\n"
    )
    for text in (bomb, "# %ECSV 1.0\n# ---\n# datatype: !!python/object/apply:os.system ['true']\nx\n"):
        with pytest.raises(FormatError):
            read_here(text, "a.ecsv")


def test_ipac():
    text = written(sample(), "ascii.ipac").decode()
    kind, meta, table, _ = read_here("\\fixlen = T\n\\col.ra.UCD = pos.eq.ra\n\\ a comment\n" + text, "a.tbl")
    assert kind.format == "ipac"
    table = table.set_column(4, "flag", [[True, False, True]])  # astropy writes logicals as text
    check(meta, table)
    assert meta.column("ra").ucd == "pos.eq.ra" and [info.name for info in meta.infos] == ["fixlen", "COMMENT"]


def test_parquet_with_what_others_say_of_columns(tmp_path):
    file = tmp_path / "a.parquet"
    plain = pa.table(
        {
            "objectId": pa.array([ID, None, ID + 2]),
            "ra": [10.5, 11.5, 12.5],
            "flux": pa.array([1.5, None, 3.5], pa.float32()),
            "n": pa.array([1, None, 3], pa.int16()),
            "flag": [True, False, True],
            "name": ["a", None, "c, d"],
        }
    )
    described = plain.replace_schema_metadata(
        {
            b"table_meta_yaml": "\n".join(
                [
                    "datatype:",
                    "- {name: ra, unit: deg, datatype: float64}",
                    "- {name: flux, unit: nJy, datatype: float32, description: PSF flux}",
                    "meta: {schema: x}",
                ]
            ).encode()
        }
    )
    parquet.write_table(described, file)
    kind, meta, table, notes = read_here(file, "a.parquet")
    assert (kind.label, kind.parts[0].rows, notes) == ("Parquet", 3, [])
    check(meta, table)
    assert meta.column("flux").description == "PSF flux"
    # VOParquet: a VOTable without rows in the footer.
    said = TableMeta(
        (Column("ra", "double", unit="deg", ucd="pos.eq.ra;meta.main"), Column("flux", "float", unit="nJy"))
    )
    footer = b"".join(votable_bytes(said, [], "BINARY2"))
    parquet.write_table(plain.replace_schema_metadata({b"IVOA.VOTable-Parquet.content": footer}), file)
    _, meta, table, notes = read_here(file, "a.parquet")
    check(meta, table)
    assert meta.column("ra").ucd == "pos.eq.ra;meta.main" and not notes
    parquet.write_table(plain.replace_schema_metadata({b"IVOA.VOTable-Parquet.content": b"<!DOCTYPE x>"}), file)
    assert "footer" in read_here(file, "a.parquet")[3][0]


def test_parquet_and_arrow_of_every_type(tmp_path):
    import decimal

    table = pa.table(
        {
            "u64": pa.array([1, 2**64 - 1, None], pa.uint64()),
            "u32": pa.array([1, 2**32 - 1, None], pa.uint32()),
            "i8": pa.array([-1, 2, None], pa.int8()),
            "half": pa.array(np.array([1.5, 2, 3], "f2")),
            "date": pa.array([0, 1, None], pa.date32()),
            "time": pa.array([0, 10**6 + 500_000, None], pa.timestamp("us", "UTC")),
            "far": pa.array([0, 2**62, None], pa.timestamp("ms")),
            "dict": pa.array(["g", "r", None]).dictionary_encode(),
            "id20": pa.array([decimal.Decimal(10**19), None, None], pa.decimal128(20, 0)),
            "dec": pa.array([decimal.Decimal("1.25"), None, None], pa.decimal128(5, 2)),
            "none": pa.nulls(3),
            "raw": pa.array([b"ab\0", "é".encode("latin-1"), None], pa.binary()),
            "large": pa.array(["x", "", None], pa.large_string()),
            "list": pa.array([[1, 2], [], None], pa.large_list(pa.int64())),
            "words": pa.array([["a", "b"], [], None]),
            "cube": pa.array([[[1, 2], [3, 4]], [[5, 6], [7, 8]], None], pa.list_(pa.list_(pa.int32(), 2), 2)),
            "lc": pa.array([{"mjd": [1.0], "deep": {"x": 1}}, None, {"mjd": [], "deep": None}]),
            "map": pa.array([[("a", 1)], [], None], pa.map_(pa.string(), pa.int64())),
        }
    )
    file, other = tmp_path / "a.parquet", tmp_path / "a.feather"
    parquet.write_table(table, file)
    feather.write_feather(table, other)
    stream = io.BytesIO()
    with pa.ipc.new_stream(stream, table.schema) as writer:
        writer.write_table(table)
    for source in (file, other, stream.getvalue()):
        _, meta, read, notes = read_here(source, "a.dat")
        got = read.to_pydict()
        assert got["u64"] == ["1", str(2**64 - 1), None] and got["u32"] == [1, 2**32 - 1, None] and got["i8"][0] == -1
        assert got["date"][1] == "1970-01-02" and got["time"][1] == "1970-01-01T00:00:01.500000"
        assert got["far"][1] and got["dict"] == ["g", "r", None] and got["id20"][0] == str(10**19)
        assert got["dec"][0] == 1.25 and got["none"] == [None] * 3 and got["raw"] == ["ab", "é", None]
        assert got["list"] == [[1, 2], [], None] and got["words"] == ["a, b", "", None]
        assert got["cube"] == [[1, 2, 3, 4], [5, 6, 7, 8], None] and meta.column("cube").arraysize == "2x2"
        assert got["lc.mjd"] == [[1.0], None, []] and got["lc.deep.x"] == [1, None, None]
        assert "map" not in got and any("Column map was left out" in note for note in notes)


@pytest.mark.parametrize("form", ["regions", "stcs"])
def test_regions(form):
    if form == "regions":
        text = """# Region file format: DS9 version 4.1
global color=green
fk5
circle(202.5,47.25,10") # text={M 51} color=red
ellipse(13:30:00,-30:00:00,1',30",0)
box(10,20,2d,1d,90); point(0,0) # text="centre"
-polygon(1,1,2,1,2,2)
galactic;circle(0,0,0.5)
image
circle(5,5,3)
vector(1,2,3,4)
"""
    else:
        text = "Circle ICRS GEOCENTER 202.5 47.25 0.0027777778\nPOLYGON ICRS 1 1 2 1 2 2\nCIRCLE('ICRS', 1, 2, 3)\n"
    kind, meta, table, notes = read_here(text, "a.reg" if form == "regions" else "a.txt")
    assert kind.format == "regions" and meta.columns[2].ucd == "pos.eq.ra;meta.main"
    rows = table.to_pylist()
    assert (rows[0]["ra"], rows[0]["dec"], rows[0]["radius"]) == pytest.approx((202.5, 47.25, 10 / 3600), abs=1e-5)
    if form == "stcs":
        assert [row["shape"] for row in rows] == ["circle", "polygon", "circle"] and not notes
        assert rows[2]["s_region"].startswith("CIRCLE ICRS 1.0")
        return
    assert [row["shape"] for row in rows] == ["circle", "ellipse", "box", "point", "polygon", "circle"]
    assert rows[0]["label"] == "M 51" and rows[3]["label"] == "centre"
    assert (rows[1]["ra"], rows[1]["dec"], rows[1]["radius"]) == pytest.approx((202.5, -30, 1 / 60), abs=1e-4)
    corners = np.array(rows[2]["s_region"].split()[2:], float).reshape(-1, 2)
    # Turned by 90 degrees, the long side of 2 degrees runs north to south.
    assert np.ptp(corners[:, 1]) == pytest.approx(2, abs=0.01)
    assert rows[5]["ra"] == pytest.approx(266.405, abs=1e-3) and rows[5]["dec"] == pytest.approx(-28.936, abs=1e-3)
    assert any("image coordinates" in note for note in notes)


def test_mocs_are_named_and_not_read():
    for text in ("3/1-5 7\n4/12", json.dumps({"3": [1, 2], "4": [7]}), "s29/1 2 3"):
        with pytest.raises(FormatError, match="coverage map"):
            read_here(text)


@pytest.mark.parametrize(
    "content, words",
    [
        (b"<!DOCTYPE html><html></html>", "web page"),
        (b"\x89HDF\r\n", "HDF5"),
        (b'{"a": 1}', "JSON"),
        (b"%PDF-1.4", "PDF"),
        (b"\x00\x01\x02binary", "no kind"),
        (b"PAR1xxxx", "Parquet"),
        (b"ARROW1\0\0x", "Arrow"),
    ],
)
def test_what_is_not_read_is_named(content, words):
    with pytest.raises(FormatError, match=words):
        read_here(content)


def positions(*columns: Column, rows: dict | None = None, **more):
    meta = TableMeta(columns, **more)
    sample = None if rows is None else pa.table(rows)
    return guess_positions(meta, sample), sample


def test_positions_are_guessed_by_ucd_then_name():
    number = lambda name, **more: Column(name, "double", **more)  # noqa: E731
    found, _ = positions(
        number("ra"), number("dec"), number("x", ucd="pos.eq.ra;meta.main"), number("y", ucd="pos.eq.dec;meta.main")
    )
    assert found[:4] == ("x", "y", "deg", "icrs")
    found, _ = positions(number("e_RA", unit="mas"), number("RA_ICRS", unit="deg"), number("DE_ICRS", unit="deg"))
    assert found[:3] == ("RA_ICRS", "DE_ICRS", "deg")
    found, sample = positions(
        number("GLON", unit="deg"), number("GLAT", unit="deg"), rows={"GLON": [0.0], "GLAT": [0.0]}
    )
    assert found.frame == "galactic" and degrees(sample, found)[0][0] == pytest.approx(266.405, abs=1e-3)
    found, sample = positions(
        number("RAJ2000", unit="hourangle"), number("DEJ2000"), rows={"RAJ2000": [1.0], "DEJ2000": [95.0]}
    )
    assert found.unit == "hourangle" and np.isnan(degrees(sample, found)[0][0])
    text = {"ra": ["04:10:00", None, "04:00:xx"], "dec": ["-37:15:00", "1 2 3", "-1 0 0"]}
    columns = [Column("ra", "char", "*"), Column("dec", "char", "*")]
    assert positions(*columns)[0] is None
    found, _ = positions(*columns, rows={"ra": ["04:10:00"], "dec": ["-37:15:00"]})
    ra, dec = degrees(pa.table(text), found)
    assert found.unit == "sexagesimal" and (ra[0], dec[0]) == pytest.approx((62.5, -37.25)) and np.isnan(ra[1:]).all()
    assert positions(number("flux"), number("mag"))[0] is None


@pytest.mark.skipif(not REAL.is_dir(), reason="the real files lie beside the checkout, not in it")
def test_every_real_file_is_read_or_refused_in_words():
    read = {}
    for file in sorted((REAL / "vo").iterdir()):
        try:
            kind, meta, table, _ = read_here(file, file.name)
        except FormatError as error:
            assert "Not a VOTable" in error.message
            continue
        read[file.name] = table.num_rows
        if kind.format == "votable":
            theirs = Table.read(file, format="votable", table_id=0) if table.num_rows else ()
            assert len(theirs) == table.num_rows
            again = b"".join(votable_bytes(meta, table.to_batches(), "BINARY2"))
            assert str(read_here(again, "again.vot")[2].to_pydict()) == str(table.to_pydict())
    assert read["pyvo_scs.xml"] == 1273 and read["xmatch_tables.csv"] == 13328 and len(read) == 8
    for file in sorted((REAL / "hats").iterdir()):
        assert read_here(file, file.name)[2].num_rows == parquet.read_metadata(file).num_rows
