"""Uploaded tables: every kind with its nulls and units, and everything a hostile one may try."""

from __future__ import annotations

import base64
import gzip
import importlib.util
import io
import shutil
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from astropy.io import fits
from astropy.table import MaskedColumn, Table

from portal.addresses import is_public
from portal.archive.formats import FORMATS, encoded
from portal.archive.params import Parameters, UsageError
from portal.archive.remote import fetch
from portal.archive.uploads import read_table, read_uploads
from portal.errors import FormatError, LimitError, ServiceError
from portal.table.columns import TableMeta

_spec = importlib.util.spec_from_file_location("answer_fixture", Path(__file__).with_name("answer_fixture.py"))
_module = sys.modules.setdefault("answer_fixture", importlib.util.module_from_spec(_spec))
_spec.loader.exec_module(_module)
Answer, ROWS, IDS = _module.Answer, _module.ROWS, _module.IDS


def made(name: str) -> bytes:
    """The three rows of test_formats in one of the archive's own formats."""
    form = next(item for item in FORMATS if item.name == name)
    return b"".join(encoded(Answer(), form))


@pytest.mark.parametrize("name", ["votable", "binary", "tabledata", "csv", "tsv", "fits", "parquet"])
def test_what_the_archive_writes_it_reads(name: str) -> None:
    table = read_table(made(name))
    assert table.column_names == ROWS.column_names
    assert table["objectId"].to_pylist() == IDS and table["objectId"].type == pa.int64()
    for column in ("detector", "visit", "byte", "mag"):
        assert table[column].to_pylist() == ROWS[column].to_pylist()
    if name not in ("csv", "tsv"):
        meta = TableMeta.from_schema(table.schema)
        assert meta.column("flux").unit == "nJy" and meta.column("objectId").ucd == "meta.id;meta.main"


def test_gzip_is_expanded_up_to_a_limit() -> None:
    assert read_table(gzip.compress(made("csv")))["objectId"].to_pylist() == IDS
    with pytest.raises(LimitError, match="expands to more than"):
        read_table(gzip.compress(b"a\n" + b"1" * (200 << 20), 1))
    with pytest.raises(FormatError, match="too early"):
        read_table(gzip.compress(made("csv"))[:-9])


def test_csv_of_people() -> None:
    table = read_table(b'\xef\xbb\xbf# my notes\nname;RA;ra;when\n"a;b";1;2;2025-01-02T03:04:05\n;3;4.5;\n')
    assert table.column_names == ["name", "RA", "ra_1", "when"]  # names differ when case is ignored
    assert table.to_pylist()[0] == {"name": "a;b", "RA": 1, "ra_1": 2.0, "when": "2025-01-02T03:04:05"}
    assert table.to_pylist()[1]["name"] is None and table.to_pylist()[1]["when"] is None
    late = b"x,y\n" + b"1,2\n" * 400_000 + b"1.5,word\n"  # types come from all rows, not from the first ones
    assert [str(kind) for kind in read_table(late).schema.types] == ["double", "string"]
    assert read_table(b"a,b\n").num_rows == 0


def test_fits_of_people() -> None:
    table = Table(
        {
            "unsigned": np.array([0, 2**32 - 1], np.uint32),
            "name": ["a  ", "b"],
            "id": MaskedColumn([5, 6], mask=[False, True], dtype=np.int64),
            "curve": np.array([[1.0, 2.0], [3.0, 4.0]], np.float32),
        }
    )
    out = io.BytesIO()
    table.write(out, format="fits")
    read = read_table(out.getvalue())
    assert read["unsigned"].to_pylist() == [0, 2**32 - 1] and read["name"].to_pylist() == ["a", "b"]
    assert read["id"].to_pylist() == [5, None] and read["curve"].to_pylist() == [[1, 2], [3, 4]]


def test_a_votable_with_its_rows_in_fits() -> None:
    inner = base64.encodebytes(made("fits")).decode()
    fields = "".join(
        f'<FIELD name="{column}" datatype="char" arraysize="*" ucd="u{place}"/>'
        for place, column in enumerate(ROWS.column_names)
    )
    text = (
        '<VOTABLE version="1.3" xmlns="http://www.ivoa.net/xml/VOTable/v1.3"><RESOURCE><TABLE>'
        f'{fields}<DATA><FITS extnum="1"><STREAM encoding="base64">{inner}</STREAM></FITS></DATA>'
        "</TABLE></RESOURCE></VOTABLE>"
    )
    read = read_table(text.encode())
    assert read["objectId"].to_pylist() == IDS and TableMeta.from_schema(read.schema).columns[1].ucd == "u1"
    with pytest.raises(FormatError, match="another file"):
        read_table(text.replace('<STREAM encoding="base64">', '<STREAM encoding="base64" href="file:///x">').encode())


def parquet(table: pa.Table, **more) -> bytes:
    out = io.BytesIO()
    pyarrow.parquet.write_table(table, out, **more)
    return out.getvalue()


def test_parquet_of_people() -> None:
    table = pa.table(
        {
            "small": pa.array([-5, None], pa.int8()),
            "band": pa.array(["r", None]).dictionary_encode(),
            "when": pa.array([0, 10**6], pa.timestamp("us")),
            "price": pa.array(["1.5", None], pa.string()).cast(pa.decimal128(5, 2)),
        }
    )
    read = read_table(parquet(table))
    assert read.to_pylist()[0] == {"small": -5, "band": "r", "when": "1970-01-01T00:00:00.000000", "price": 1.5}
    with pytest.raises(FormatError, match="Column who holds values of type struct"):
        read_table(parquet(pa.table({"who": [{"a": 1}]})))


def header(**cards: int | str | bool) -> bytes:
    """A FITS header block that says what it likes."""
    lines = [
        f"{key:<8}= {f'{value!r:>20}' if not isinstance(value, bool) else 'T'.rjust(20)}"
        for key, value in cards.items()
    ]
    text = "".join(f"{line:<80}" for line in [*lines, "END"])
    return (text + " " * (-len(text) % 2880)).encode()


PRIMARY = header(SIMPLE=True, BITPIX=8, NAXIS=0, EXTEND=True)


@pytest.mark.parametrize(
    ("rows", "width", "words"), [(10**9, 80, "says it has"), (10**7, 80, "larger than the file"), (10**9, 0, "rows of")]
)
def test_fits_that_claims_more_than_it_has(rows: int, width: int, words: str) -> None:
    table = header(
        XTENSION="BINTABLE", BITPIX=8, NAXIS=2, NAXIS1=width, NAXIS2=rows, PCOUNT=0, GCOUNT=1, TFIELDS=1,
        TTYPE1="a", TFORM1=f"{width}A",
    )  # fmt: skip
    with pytest.raises(FormatError, match=words):
        read_table(PRIMARY + table)


def test_fits_without_a_table() -> None:
    out = io.BytesIO()
    fits.PrimaryHDU(np.zeros((4, 4))).writeto(out)
    with pytest.raises(FormatError, match="holds no table"):
        read_table(out.getvalue())


def test_a_parquet_bomb_and_a_broken_one() -> None:
    same = pa.DictionaryArray.from_arrays(pa.array(np.zeros(700_000, np.int32)), pa.array(["x" * 1000]))
    bomb = parquet(pa.table({"a": same}), store_schema=False)
    assert len(bomb) < 1 << 20
    with pytest.raises(FormatError, match=r"more than 512 MiB|too much memory"):
        read_table(bomb)
    good = parquet(ROWS)
    with pytest.raises(FormatError):
        read_table(good[:200] + b"\xff" * 60 + good[260:])


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x89PNG\r\n\x1a\n\0\0",
        b"<html>no</html>",
        b"a,b\n1,2,3\n",
        b"\xff\xfa,\xfe\n1,2\n",
        b'<!DOCTYPE x [<!ENTITY a "b">]><VOTABLE><RESOURCE/></VOTABLE>',
        b"PAR1",
        b"SIMPLE  =                    T",
        b",".join([b"c"] * 6000) + b"\n",
        b'<VOTABLE version="1.3"><RESOURCE><TABLE nrows="9999999999"><FIELD name="a" datatype="int"/><DATA><BINARY>'
        b'<STREAM href="http://127.0.0.1/x"/></BINARY></DATA></TABLE></RESOURCE></VOTABLE>',
    ],
)
def test_what_is_no_table_is_refused_in_words(content: bytes) -> None:
    with pytest.raises((FormatError, LimitError)) as caught:
        read_table(content)
    assert caught.value.message


def test_upload_parameters() -> None:
    def never(url: str) -> bytes:
        raise AssertionError(url)

    files = {"p": b"a\n1\n", "q": b"b\n2\n"}
    tables = read_uploads(Parameters([("UPLOAD", "One,param:p;two,param:q")], files), never, 100)
    assert {name: table.column_names for name, table in tables.items()} == {"one": ["a"], "two": ["b"]}
    for text in ("x", "9x,param:p", "x,param:none", "x,file:///etc/passwd", "x,param:p;X,param:q"):
        with pytest.raises(UsageError):
            read_uploads(Parameters([("UPLOAD", text)], files), never, 100)
    with pytest.raises(LimitError, match="larger than"):
        read_uploads(Parameters([("UPLOAD", "x,param:p;y,param:q")], files), never, 7)
    with pytest.raises(FormatError, match="uploaded table 'x' cannot be used"):
        read_uploads(Parameters([("UPLOAD", "x,param:p")], {"p": b""}), never, 100)


class _Page(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/loop":
            self.send_response(302)
            self.send_header("Location", "/loop")
            self.end_headers()
        elif self.path == "/drip":
            self.send_response(200)
            self.end_headers()
            ended = self.server.ended
            while not ended.wait(0.02):
                try:
                    self.wfile.write(b"a")
                except OSError:
                    return
        elif self.path == "/inside":
            self.send_response(302)
            self.send_header("Location", "http://169.254.169.254/latest")
            self.end_headers()
        else:
            self.send_response(200 if self.path == "/t.csv" else 404)
            self.end_headers()
            self.wfile.write(b"a\n1\n")

    def log_message(self, *words: object) -> None:
        """Quiet."""


@pytest.fixture
def page() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Page)
    server.ended = threading.Event()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"127.0.0.1:{server.server_port}"
    server.ended.set()
    server.shutdown()
    server.server_close()


def test_fetching_is_bounded(page: str) -> None:
    allowed = frozenset([page])
    assert fetch(f"http://{page}/t.csv", 100, allowed) == b"a\n1\n"
    for path, most, error, words in (
        ("t.csv", 2, LimitError, "larger than"),
        ("none", 100, ServiceError, "status 404"),
        ("loop", 100, ServiceError, "Too many redirects"),
        ("drip", 1 << 20, LimitError, "took longer"),
        ("inside", 100, ServiceError, "private network"),
    ):
        with pytest.raises(error, match=words):
            fetch(f"http://{page}/{path}", most, allowed, seconds=0.3)
    with pytest.raises(ServiceError, match="private network"):
        fetch(f"http://{page}/t.csv", 100)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_https_is_checked_against_the_authorities_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server with a certificate of an authority of our own: read when that one is known, else refused in words."""
    key, signed = tmp_path / "key.pem", tmp_path / "signed.pem"
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-days",
        "2",
    ]
    command += ["-keyout", str(key), "-out", str(signed), "-subj", "/CN=localhost"]
    subprocess.run([*command, "-addext", "subjectAltName=DNS:localhost"], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(signed, key)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Page)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    port = server.server_port
    allowed = frozenset([f"localhost:{port}", f"127.0.0.1:{port}"])
    monkeypatch.setenv("SSL_CERT_FILE", str(signed))
    assert fetch(f"https://localhost:{port}/t.csv", 100, allowed) == b"a\n1\n"
    with pytest.raises(ServiceError, match="IP address mismatch"):  # it is signed for another name
        fetch(f"https://127.0.0.1:{port}/t.csv", 100, allowed)
    monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(ServiceError, match=r"certificate verify failed.*Check the address"):
        fetch(f"https://localhost:{port}/t.csv", 100, allowed)
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost/x",
        "http://127.1/x",
        "http://2130706433/x",
        "http://[::1]/x",
        "http://[::ffff:10.0.0.1]/x",
        "http://169.254.169.254/latest",
        "http://0.0.0.0/",
        "http://user@example.org/x",
        "http://",
        "http://h:99999/",
        "file:///etc/passwd",
        "http://127.0.0.1/a b",
    ],
)
def test_addresses_that_are_not_fetched(url: str) -> None:
    with pytest.raises(ServiceError):
        fetch(url, 100)


def test_public_addresses() -> None:
    assert is_public("8.8.8.8") and is_public("2606:4700::1")
    assert not any(is_public(item) for item in ("64:ff9b::7f00:1", "2002:7f00:1::", "fe80::1%eth0", "224.0.0.1", "::"))
