"""What others write, read by us: astropy's serializations, services' documents, unusual but legal forms."""

import io
import struct
import warnings
from base64 import b64encode
from pathlib import Path

import numpy as np
import pytest
from astropy.io.votable import from_table
from astropy.table import MaskedColumn, Table

from portal.errors import FormatError, ServiceError
from portal.table.columns import Info
from portal.table.votable_read import VOTableDecoder, read_votable
from portal.table.votable_write import votable_bytes

REAL = Path(__file__).resolve().parents[4] / "shared" / "data" / "real" / "vo"
absent = pytest.mark.skipif(not REAL.is_dir(), reason="the real documents are not beside this checkout")


def astropy_writes(table: Table, how: str) -> bytes:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        file = from_table(table)
        sink = io.BytesIO()
        file.to_xml(sink, tabledata_format=how)
    return sink.getvalue()


def astropy_table() -> Table:
    table = Table()
    table["id"] = np.array([1651281746966117378, 2, -(2**62)], "i8")
    table["n"] = MaskedColumn(np.array([1, 2, 3], "i4"), mask=[False, True, False])
    table["s"] = np.array([-3, 300, 7], "i2")
    table["u"] = np.array([0, 255, 7], "u1")
    table["x"] = MaskedColumn([1.5, -0.0, 62.677324370503854], mask=[False, False, True], unit="deg")
    table["y"] = np.array([0.1, np.inf, -2.5], "f4")
    table["ok"] = np.array([True, False, True])
    table["fixed"] = np.array(["abc", "a", ""])
    table["wide"] = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    return table


@pytest.mark.parametrize("how", ["binary2", "binary", "tabledata"])
def test_what_astropy_writes(how):
    table = astropy_table()
    if how == "binary":
        # There an integer null needs a number that stands for it, which astropy does not choose by itself.
        table["n"] = np.array([1, 2, 3], "i4")
    meta, rows = read_votable(astropy_writes(table, how))
    assert rows["id"].to_pylist() == [1651281746966117378, 2, -(2**62)]
    assert rows["n"].to_pylist() == [1, 2 if how == "binary" else None, 3]
    assert rows["s"].to_pylist() == [-3, 300, 7]
    assert rows["u"].to_pylist() == [0, 255, 7]
    assert rows["x"].to_pylist() == [1.5, -0.0, None]
    assert rows["y"].to_pylist() == [float(np.float32(0.1)), float("inf"), -2.5]
    assert rows["ok"].to_pylist() == [True, False, True]
    assert [item or "" for item in rows["fixed"].to_pylist()] == ["abc", "a", ""]
    assert rows["wide"].to_pylist() == [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]
    assert meta.column("x").unit == "deg"
    assert meta.extra["serialization"] == how.upper()


@absent
@pytest.mark.parametrize(
    ("name", "rows", "columns", "services"),
    [
        ("pyvo_datalink_cutout.xml", 6, 9, 4),
        ("pyvo_datalink_obscore.xml", 3, 34, 1),
        ("pyvo_obscore_image.xml", 10, 36, 0),
        ("pyvo_scs.xml", 1273, 9, 0),
        ("rsp_datalink_calexp.xml", 4, 8, 3),
        ("rsp_sia_selfdescription.xml", 0, 30, 0),
        ("rsp_sia_votable.xml", 1, 12, 0),
    ],
)
def test_documents_of_real_services(name, rows, columns, services):
    from astropy.io.votable import parse

    meta, table = read_votable(REAL / name)
    assert (table.num_rows, table.num_columns, len(meta.services)) == (rows, columns, services)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = parse(str(REAL / name)).get_first_table()
    for ours, field in zip(meta.columns, theirs.fields):
        assert (ours.name, ours.datatype, ours.ucd) == (field.name, field.datatype, field.ucd or "")
        values = np.ma.getdata(theirs.array[field.ID]).tolist() if rows else []
        for got, want in zip(table[ours.name].to_pylist(), values):
            if got is not None and not ours.is_array:
                assert got == want or (got != got and want != want) or got.strip() == want


@absent
def test_a_service_descriptor_tells_what_it_wants_from_the_row():
    meta, table = read_votable(REAL / "rsp_datalink_calexp.xml")
    service = meta.services[0]
    assert service.id == "cutout-sync"
    assert service.access_url.endswith("/api/cutout/sync")
    assert service.inputs[0].name == "ID" and service.inputs[0].value.startswith("butler://")
    assert "X-Amz-Signature" in table["access_url"][0].as_py()


def wrap(fields: str, data: str, before: str = "", after: str = "", tail: str = "") -> bytes:
    return (
        '<?xml version="1.0"?><VOTABLE version="1.4"><RESOURCE type="results">'
        f"{before}<TABLE>{fields}<DATA>{data}</DATA></TABLE>{after}</RESOURCE>{tail}</VOTABLE>"
    ).encode()


def binary(fields: str, raw: bytes, kind: str = "BINARY2", **more: str) -> bytes:
    return wrap(fields, f'<{kind}><STREAM encoding="base64">{b64encode(raw).decode()}</STREAM></{kind}>', **more)


def test_unusual_but_legal_table_data():
    data = b"""<?xml version='1.0' encoding='utf-8'?><v:VOTABLE xmlns:v='x'><!-- <STREAM> --><v:RESOURCE><v:TABLE
      name='a>b'><v:FIELD name='n' datatype='int'/><v:FIELD name='t' datatype='char' arraysize='*'>
      <v:DESCRIPTION><![CDATA[<TABLEDATA> is not here]]></v:DESCRIPTION></v:FIELD><v:DATA><v:TABLEDATA>
      <v:TR><v:TD> 5 </v:TD><v:TD>a&lt;b &amp;amp; &#x263a;</v:TD></v:TR><!-- </v:TABLEDATA> -->
      <v:TR ID="x"><v:TD>0x1F</v:TD><v:TD><![CDATA[</TR>]]></v:TD></v:TR><v:TR><v:TD/><v:TD/></v:TR>
      </v:TABLEDATA></v:DATA></v:TABLE></v:RESOURCE></v:VOTABLE>"""
    for size in (1, 7, len(data)):
        decoder, batches = VOTableDecoder(), []
        for start in range(0, len(data), size):
            batches += decoder.feed(data[start : start + size])
        batches += decoder.close()
        rows = [row for batch in batches for row in batch.to_pylist()]
        assert rows == [{"n": 5, "t": "a<b &amp; ☺"}, {"n": 31, "t": "</TR>"}, {"n": None, "t": None}]
        assert decoder.meta.column("t").description == "<TABLEDATA> is not here"


def test_plain_table_data_with_attributes_and_entities():
    fields = '<FIELD name="x" datatype="double"/><FIELD name="t" datatype="char" arraysize="*"/>'
    rows = '<TR ><TD a="1>2">+1.5e3</TD><TD>&quot;&apos;&gt;&#38;lt;</TD></TR><TR >\n<TD >-Inf</TD><TD />\n</TR >'
    found = read_votable(wrap(fields, f"<TABLEDATA>{rows.replace('</TR >', '</TR>')}</TABLEDATA>"))[1].to_pylist()
    assert found == [{"x": 1500.0, "t": "\"'>&lt;"}, {"x": float("-inf"), "t": None}]


def test_booleans_nulls_and_arrays_as_text():
    fields = (
        '<FIELD name="b" datatype="boolean"/><FIELD name="n" datatype="short"><VALUES null="-99"/></FIELD>'
        '<FIELD name="v" datatype="float" arraysize="*"/><FIELD name="f" datatype="boolean" arraysize="2"/>'
    )
    cells = [("T", "-99", "1 2.5 NaN", "T F"), ("false", "7", "", "1 0"), ("?", "", " 3 ", ""), (" ", "1", "", "")]
    rows = "".join("<TR>" + "".join(f"<TD>{cell}</TD>" for cell in row) + "</TR>" for row in cells)
    got = read_votable(wrap(fields, f"<TABLEDATA>{rows}</TABLEDATA>"))[1].to_pydict()
    assert got["b"] == [True, False, None, None]
    assert got["n"] == [None, 7, None, 1]
    assert got["v"][0][:2] == [1.0, 2.5] and got["v"][1:] == [None, [3.0], None]
    assert got["f"] == [[True, False], [True, False], None, None]


def test_binary2_oddities():
    fields = (
        '<FIELD name="c" datatype="char"/><FIELD name="f" datatype="char" arraysize="4"/>'
        '<FIELD name="w" datatype="unicodeChar" arraysize="2"/><FIELD name="z" datatype="floatComplex"/>'
        '<FIELD name="b" datatype="bit" arraysize="10"/><FIELD name="v" datatype="bit" arraysize="*"/>'
        '<FIELD name="l" datatype="char" arraysize="3x*"/><FIELD name="t" datatype="char" arraysize="*"/>'
    )
    row = b"\0" + b"r" + b"ab\0\0" + "é☄".encode("utf-16-be") + struct.pack(">ff", 1.5, -2) + b"\xa0\x40"
    row += struct.pack(">i", 3) + b"\xa0" + struct.pack(">i", 6) + b"abcd\0\0" + struct.pack(">i", 2) + b"\xe9!"
    null = b"\xff" + row[1:]
    got = read_votable(binary(fields, row + null))[1].to_pylist()
    assert got[0] == {
        "c": "r",
        "f": "ab",
        "w": "é☄",
        "z": "1.5 -2.0",
        "b": [True, False, True, False, False, False, False, False, False, True],
        "v": [True, False, True],
        "l": "abc d",
        "t": "é!",  # not UTF-8, so taken for Latin-1
    }
    assert set(got[1].values()) == {None}


def test_binary_tells_nulls_by_nan_and_by_the_declared_number():
    fields = '<FIELD name="x" datatype="double"/><FIELD name="n" datatype="int"><VALUES null="-1"/></FIELD>'
    raw = struct.pack(">di", 1.5, 7) + struct.pack(">di", float("nan"), -1)
    assert read_votable(binary(fields, raw, "BINARY"))[1].to_pylist() == [{"x": 1.5, "n": 7}, {"x": None, "n": None}]


def test_line_ends_inside_base64():
    raw = b"".join(struct.pack(">Bi", 0, at) for at in range(200))
    text = b64encode(raw).decode()
    lines = "\r\n  ".join(text[at : at + 61] for at in range(0, len(text), 61))
    data = wrap(
        '<FIELD name="n" datatype="int"/>', f"<BINARY2><STREAM encoding='base64'>\n{lines}\n</STREAM></BINARY2>"
    )
    assert read_votable(data)[1]["n"].to_pylist() == list(range(200))


def test_overflow_and_error_may_come_after_the_rows():
    fields, raw = '<FIELD name="n" datatype="int"/>', struct.pack(">Bi", 0, 5)
    late = '<INFO name="QUERY_STATUS" value="OVERFLOW"/>'
    meta, rows = read_votable(binary(fields, raw, before='<INFO name="QUERY_STATUS" value="OK"/>', after=late))
    assert meta.overflow and rows.num_rows == 1
    assert Info("QUERY_STATUS", "OVERFLOW") in meta.infos
    late = '<INFO name="QUERY_STATUS" value="ERROR">worker died</INFO>'
    with pytest.raises(ServiceError, match="worker died"):
        read_votable(binary(fields, raw, after=late))


def test_other_encodings():
    fields = '<FIELD name="t" datatype="char" arraysize="*"/>'
    text = wrap(fields, "<TABLEDATA><TR><TD>é</TD></TR></TABLEDATA>").decode()
    latin = text.replace('version="1.0"', 'version="1.0" encoding="ISO-8859-1"').encode("latin-1")
    wide = text.replace('version="1.0"', 'version="1.0" encoding="UTF-16"').encode("utf-16")
    for data in (text.encode(), latin, wide, b"\xef\xbb\xbf" + text.encode()):
        assert read_votable(data)[1]["t"].to_pylist() == ["é"]


def test_the_first_rows_come_early_and_batches_grow(table_of):
    meta, table = table_of(60_000)
    data = b"".join(votable_bytes(meta, table.to_batches()))
    decoder, sizes, first_at = VOTableDecoder(), [], None
    for start in range(0, len(data), 4096):
        for batch in decoder.feed(data[start : start + 4096]):
            sizes.append(batch.num_rows)
            first_at = start if first_at is None else first_at
    sizes += [batch.num_rows for batch in decoder.close()]
    assert sum(sizes) == 60_000
    assert sizes[0] <= 1000 and first_at < 20_000
    assert max(sizes) > 2000


def test_names_that_differ_only_by_case_or_not_at_all():
    names = ["ra", "RA", "ra", "", "ra_1", "__row__", 'a "b"', "Straße"]
    fields = "".join(f"<FIELD name='{name}' datatype='unsignedByte'/>" for name in names)
    meta, rows = read_votable(binary(fields, b"\0" + bytes(range(8))))
    got = [item.name for item in meta.columns]
    assert got == ["ra", "RA_2", "ra_3", "column_4", "ra_1", "__row___1", 'a "b"', "Straße"]
    assert len({name.casefold() for name in got}) == 8
    assert meta.extra["label.RA_2"] == "RA" and rows["RA_2"].to_pylist() == [1]


def test_rows_of_the_first_table_with_data_outside_meta_resources():
    data = b"""<VOTABLE><RESOURCE type="meta" utype="adhoc:service"><PARAM name="accessURL" value="http://a/b"
      datatype="char" arraysize="*"/><TABLE><FIELD name="no" datatype="int"/><DATA><TABLEDATA><TR><TD>9</TD></TR>
      </TABLEDATA></DATA></TABLE></RESOURCE><RESOURCE><TABLE><FIELD name="empty" datatype="int"/></TABLE><TABLE>
      <FIELD name="n" datatype="int"/><DATA><TABLEDATA><TR><TD>1</TD></TR></TABLEDATA></DATA></TABLE><TABLE>
      <FIELD name="second" datatype="int"/><DATA><TABLEDATA><TR><TD>2</TD></TR></TABLEDATA></DATA></TABLE></RESOURCE>
      </VOTABLE>"""
    meta, rows = read_votable(data)
    assert rows.to_pydict() == {"n": [1]} and meta.services[0].access_url == "http://a/b"


def test_tables_without_rows_or_without_columns():
    fields = '<FIELD name="n" datatype="int"/>'
    for data in (
        wrap(fields, "<TABLEDATA/>"),
        wrap(fields, "<TABLEDATA></TABLEDATA>"),
        wrap(fields, "<BINARY2><STREAM encoding='base64'></STREAM></BINARY2>"),
        wrap(fields, "<BINARY2><STREAM encoding='base64'/></BINARY2>"),
        wrap(fields, ""),
        b"<VOTABLE><RESOURCE><TABLE>" + fields.encode() + b"</TABLE></RESOURCE></VOTABLE>",
    ):
        meta, rows = read_votable(data)
        assert rows.num_rows == 0 and rows.column_names == ["n"] == [item.name for item in meta.columns]
    assert read_votable(b"<VOTABLE/>")[1].num_columns == 0
    assert read_votable(wrap("", "<TABLEDATA></TABLEDATA>"))[1].num_columns == 0
    with pytest.raises(FormatError):
        read_votable(binary("", b"abc"))
