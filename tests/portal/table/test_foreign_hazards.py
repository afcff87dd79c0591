"""Files made to harm, each refused in words and within bounds; and the process that reads files."""

import gzip
import io
import struct
import threading
import zipfile

import numpy as np
import pyarrow as pa
import pytest
from astropy.io import fits
from astropy.table import Table
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from portal.errors import CancelledError, FormatError, LimitError, TriviewError
from portal.table.foreign import Options, preview, read_file, sniff
from portal.table.foreign.kinds import AS_FOUND, STANDARD
from portal.table.result import ResultTable
from portal.table.votable_write import votable_bytes
from tests.portal.table.reading import read_here

IDS = [1651281746966117377, 1651281746966117378, 1651281746966117379]


def votable(data: str, head: str = "") -> str:
    field = '<FIELD name="n" datatype="int"/>'
    return f"{head}<VOTABLE><RESOURCE><TABLE>{field}<DATA>{data}</DATA></TABLE></RESOURCE></VOTABLE>"


def fits_file(cards: list[str], data: bytes = b"", extension: bool = True) -> bytes:
    def header(lines: list[str]) -> bytes:
        text = "".join(f"{line:80}" for line in [*lines, "END"])
        return text.encode().ljust(-(-len(text) // 2880) * 2880)

    primary = header([f"{'SIMPLE':8}= {'T':>20}", f"{'BITPIX':8}= {8:>20}", f"{'NAXIS':8}= {0:>20}"])
    return primary + (header(cards) + data.ljust(-(-len(data) // 2880) * 2880, b"\0") if extension else b"")


def table_cards(width: int, rows: int, form: str = "J", **more: int | str) -> list[str]:
    said = {"BITPIX": 8, "NAXIS": 2, "NAXIS1": width, "NAXIS2": rows, "PCOUNT": 0, "GCOUNT": 1, "TFIELDS": 1, **more}
    return ["XTENSION= 'BINTABLE'", *(f"{key:8}= {value:>20}" for key, value in said.items()), f"TFORM1  = '{form}'"]


@pytest.mark.parametrize(
    "content, words",
    [
        (votable("<TABLEDATA/>", "<!DOCTYPE x [<!ENTITY a 'b'>]>"), "DOCTYPE"),
        (votable("<TABLEDATA><TR><TD>&a;</TD></TR></TABLEDATA>"), "undefined entity|unknown entity"),
        (votable('<BINARY2><STREAM href="file:///etc/passwd"/></BINARY2>'), "another file"),
        (votable('<BINARY2><STREAM href="http://127.0.0.1:1/"/></BINARY2>'), "another file"),
        (votable("<TABLEDATA><TR><TD>1</TD></TR></TABLEDATA>")[:-40], "too early"),
        (votable("<BINARY2><STREAM encoding='base64'>AAAA</STREAM></BINARY2>"), "inside a row"),
        (fits_file(table_cards(80, 10**9), b"\0" * 100), "announces 1,000,000,000 rows"),
        (fits_file(table_cards(4, -5)), "NAXIS2 = -5"),
        (fits_file(table_cards(4, 10**18)), "announces"),
        (fits_file(table_cards(2, 1), b"\0\0"), "outside its row"),
        (fits_file(table_cards(8, 1, "PD(9)", PCOUNT=8), struct.pack(">ii8x", 2**30, 0)), "outside the FITS table"),
        (fits_file(table_cards(8, 1, "PD(9)", PCOUNT=8), struct.pack(">ii8x", -1, 0)), "outside the FITS table"),
        (fits_file(table_cards(4, 1, "Q")), "not known"),
        (fits_file([], extension=False), "no table"),
        (fits_file(table_cards(4, 1))[:4000], "inside a header"),
        (fits_file(table_cards(4, 1, TFIELDS=999999)), "columns; at most"),
        (b"\x1f\x8b\x08\0\0\0\0\0\0\xff" + b"x" * 50, "cannot be unpacked"),
        (gzip.compress(gzip.compress(b"a,b\n1,2\n")), "packed twice"),
    ],
    ids=range(18),
)
def test_what_a_file_claims_is_not_believed(content, words):
    with pytest.raises(TriviewError, match=words):
        read_here(content)


def test_a_flood_of_cards_and_a_compressed_image_cost_nothing():
    flood = fits_file([*table_cards(4, 1), *(f"HIERARCH K{at} = {at}" for at in range(120_000))])
    with pytest.raises(LimitError, match="longer than 8 MB"):
        read_here(flood)
    out = io.BytesIO()
    images = [
        fits.CompImageHDU(np.zeros((64, 64), "i2")),
        fits.table_to_hdu(Table({"a": [1]})),
    ]
    fits.HDUList([fits.PrimaryHDU(), *images]).writeto(out)
    data = bytearray(out.getvalue())
    # Tiles that would unpack to 400 GB: never opened, the table behind them is read.
    for key in (b"ZNAXIS1 =", b"ZNAXIS2 ="):
        at = data.index(key)
        data[at + 10 : at + 30] = f"{640000:>20}".encode()
    assert read_here(bytes(data))[2].to_pydict() == {"a": [1]}


def test_nrows_is_not_believed():
    text = votable("<TABLEDATA><TR><TD>1</TD></TR></TABLEDATA>").replace("<TABLE>", '<TABLE nrows="99999999999999">')
    kind, _, table, _ = read_here(text)
    assert table.num_rows == 1 and kind.parts[0].rows == 99999999999999


def test_what_is_packed_may_not_grow_without_end(tmp_path):
    bounds = STANDARD._replace(expanded=1 << 20)
    data = b"a,b\n" + b"0,0\n" * 400_000
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.csv", data)
    for content in (gzip.compress(data), packed.getvalue()):
        with pytest.raises(LimitError, match="expands to more than"):
            read_here(content, limits=bounds)
        assert read_here(content)[2].num_rows == 400_000
    with zipfile.ZipFile(packed, "a") as archive:
        archive.writestr("b.csv", b"x")
    with pytest.raises(FormatError, match="holds 2 files"):
        read_here(packed.getvalue())


def test_a_cut_fits_table_gives_its_whole_rows_first(tmp_path):
    out = io.BytesIO()
    fits.HDUList(
        [fits.PrimaryHDU(), fits.BinTableHDU.from_columns([fits.Column("n", "K", array=np.arange(9000))])]
    ).writeto(out)
    file = tmp_path / "cut.fits"
    file.write_bytes(out.getvalue()[: 5760 + 8 * 5000 + 3])
    with pytest.raises(FormatError, match="announces 9,000 rows; the file ends after 5,000"):
        read_file(file, file.name, AS_FOUND, tmp_path / "r")
    kept = ResultTable.open(tmp_path / "r")
    assert kept.n_rows == 5000 and not kept.complete and kept.take(np.array([4999]))["n"][0].as_py() == 4999


SEEDS = {}


def seeds(table_of) -> dict[str, bytes]:
    if not SEEDS:
        meta, table = table_of(20)
        out = io.BytesIO()
        parquet.write_table(table, out)
        SEEDS["parquet"] = out.getvalue()
        out = io.BytesIO()
        with pa.ipc.new_file(out, table.schema) as writer:
            writer.write_table(table)
        SEEDS["arrow"] = out.getvalue()
        out = io.BytesIO()
        columns = [fits.Column("a", "K", array=np.arange(20)), fits.Column("b", "4A", array=["x"] * 20)]
        fits.HDUList([fits.PrimaryHDU(), fits.BinTableHDU.from_columns(columns)]).writeto(out)
        SEEDS["fits"] = out.getvalue()
        SEEDS["ipac"] = b"\\k=1\n|a   |b   |\n|int |char|\n 1    x   \n 2    y   \n"
        SEEDS["ecsv"] = b"# %ECSV 1.0\n# ---\n# datatype:\n# - {name: a, datatype: int64}\na\n1\n2\n"
        SEEDS["regions"] = b"fk5\ncircle(1,2,3)\nbox(10,20,2d,1d,90)\n"
        SEEDS["votable"] = b"".join(votable_bytes(meta, table.to_batches(), "BINARY2"))
    return SEEDS


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(["parquet", "arrow", "fits", "ipac", "ecsv", "regions", "votable"]), st.data())
def test_damaged_files_are_read_or_refused(table_of, kind, data):
    content = bytearray(seeds(table_of)[kind])
    for _ in range(data.draw(st.integers(0, 4))):
        content[data.draw(st.integers(12, len(content) - 1))] = data.draw(st.integers(0, 255))
    content = content[: data.draw(st.integers(len(content) // 2, len(content)))]
    try:
        read_here(bytes(content), "a.dat")
    except TriviewError as error:
        assert error.message
    except (pa.ArrowException, OSError, ValueError, OverflowError, MemoryError, TypeError) as error:
        # Libraries' own words; the reading process turns them into a FormatError.
        assert kind in ("parquet", "arrow"), repr(error)


# The process


def test_a_file_is_read_apart_and_becomes_a_result(tmp_path):
    file = tmp_path / "a.csv"
    file.write_text("objectId,ra\n" + "".join(f"{number},1.5\n" for number in IDS) + "1\n")
    kind = sniff(file, "my table.csv")
    assert (kind.format, kind.parts[0].columns) == ("csv", 2)
    meta, rows, _ = preview(file, "my table.csv", rows=2)
    assert rows["objectId"].to_pylist() == IDS[:2] and meta.columns[0].datatype == "long"
    seen, opened = [], []
    result = read_file(file, "a.csv", Options(types=(("ra", "float"),)), tmp_path / "r",
                       progress=lambda *told: seen.append(told), opened=opened.append)  # fmt: skip
    assert result.complete and result.take(np.array([2]))["objectId"][0].as_py() == IDS[2]
    assert result.meta.column("ra").datatype == "float" and opened == [result] and seen[-1] == (3, 1.0)
    assert [(info.name, info.value) for info in result.meta.infos] == [
        ("NOTE", "1 line was left out for not having 2 cells: line 5 has 1.")
    ]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.csv", "r"]


def test_bounds_of_memory_time_and_rows(tmp_path):
    file = tmp_path / "a.parquet"
    parquet.write_table(pa.table({f"c{at}": np.zeros(200_000) for at in range(40)}), file)  # 64 MB from a few kB
    with pytest.raises(LimitError, match="once it is read"):
        read_file(file, "a", AS_FOUND, tmp_path / "r", limits=STANDARD._replace(rows=45 << 20))
    assert ResultTable.open(tmp_path / "r").n_rows > 0
    with pytest.raises(LimitError, match="too much memory"):
        read_file(file, "a", AS_FOUND, tmp_path / "s", limits=STANDARD._replace(memory=20 << 20))
    with pytest.raises(LimitError, match="took more than 0 s"):
        sniff(file, "a", limits=STANDARD._replace(seconds=0))


def test_a_reader_that_dies_or_is_stopped_leaves_words_and_no_process(tmp_path, monkeypatch):
    file = tmp_path / "a.csv"
    file.write_text("a,b\n" + "1,2\n" * 200_000)
    stop = threading.Event()
    # Stopped as soon as the first rows are there.
    with pytest.raises(CancelledError):
        read_file(file, "a.csv", Options(delimiter=","), tmp_path / "r", stop, progress=lambda *_: stop.set())
    assert ResultTable.open(tmp_path / "r").n_rows > 0
    fake = tmp_path / "fake"
    for script, words in (
        ("kill -SEGV $$", "ended by SIGSEGV"),
        ("echo nonsense that is long enough", "too large"),
        ("true", "with status 0"),
    ):
        fake.write_text(f"#!/bin/sh\n{script}\n")
        fake.chmod(0o755)
        monkeypatch.setattr("portal.table.foreign.apart.sys.executable", str(fake))
        with pytest.raises(FormatError, match=words):
            sniff(file, "a.csv")
    assert not [path for path in tmp_path.iterdir() if path.name.startswith("reading-")]
