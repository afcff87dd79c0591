"""Answers of services on their way into results: formats, progress, stalls, cuts, and a disk that is full."""

from __future__ import annotations

import gzip
import io
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from astropy.io import fits
from pyarrow import parquet

from portal.table.columns import Info, Service
from portal.table.votable_write import Trailer, votable_bytes
from portal.vo.capabilities import parse_format
from tests.portal.jobs.scripted_tap import IDS, META, votable

ROOT = Path(__file__).resolve().parents[3]
REAL = ROOT.parent / "shared" / "data" / "real" / "vo"


def offers(*forms: tuple[str, str, str]) -> bytes:
    """A capabilities document with output formats (ivo-id, mime, alias)."""
    told = "".join(
        f"<outputFormat ivo-id='ivo://ivoa.net/std/TAPRegExt{name}'><mime>{mime}</mime><alias>{alias}</alias></outputFormat>"
        for name, mime, alias in forms
    )
    return f"<c:capabilities xmlns:c='c'><capability>{told}</capability></c:capabilities>".encode()


VOTABLE = "application/x-votable+xml"
PLAIN, TEXT = ("", VOTABLE, "votable"), ("#output-votable-td", f"{VOTABLE};serialization=TABLEDATA", "votable/td")


@pytest.mark.parametrize(
    "forms, wanted",
    [
        ([], ""),
        ([PLAIN], ""),
        ([PLAIN, TEXT], ""),
        ([TEXT, PLAIN, ("#output-votable-binary2", f"{VOTABLE};serialization=binary2", "votable/b2")],
         f"{VOTABLE};serialization=binary2"),
        ([PLAIN, ("", f"{VOTABLE}; serialization=BINARY2", "b2")], f"{VOTABLE}; serialization=BINARY2"),
        ([("#output-votable-binary2", VOTABLE, "votable"), TEXT], VOTABLE),
        ([PLAIN, ("", f"{VOTABLE};serialization=binary", "votable/b")], f"{VOTABLE};serialization=binary"),
        ([("", "text/csv", "csv"), ("", "application/parquet", "parquet")], "application/parquet"),
        ([("", "text/csv;header=present", "csv"), ("", "application/json", "json")], "text/csv;header=present"),
    ],
)  # fmt: skip
def test_the_cheapest_format_on_offer(forms, wanted) -> None:
    assert parse_format(offers(*forms)) == wanted


@pytest.mark.skipif(not REAL.is_dir(), reason="the real documents are not beside this checkout")
def test_the_cheapest_format_of_a_real_service() -> None:
    found = parse_format((REAL / "pyvo_tap_capabilities.xml").read_bytes())
    assert found == "application/x-votable+xml;serialization=binary2"


def submit(runner):
    return runner.submit("w" * 22, runner.settings.service_url, "SELECT objectId FROM t", 1000, "Query 1")


def test_the_service_is_asked_for_it_and_only_once_what_it_offers(runner, script, finished) -> None:
    script.capabilities = offers(PLAIN, ("#output-votable-binary2", "application/x-b2", "votable/b2"))
    for _ in range(2):
        assert finished(submit(runner)).phase == "COMPLETED"
        script.phases = ["COMPLETED"]
    sent = [form for method, path, form in script.asked if (method, path) == ("POST", "/tap/async")]
    assert [form["RESPONSEFORMAT"] for form in sent] == ["application/x-b2"] * 2
    assert sum(path == "/tap/capabilities" for _, path, _ in script.asked) == 1


def body_of(kind: str) -> tuple[bytes, str]:
    out = io.BytesIO()
    if kind == "fits":
        columns = [
            fits.Column("objectId", "K", array=np.array(IDS)),
            fits.Column("x", "D", unit="deg", array=np.arange(3.0)),
        ]
        fits.HDUList([fits.PrimaryHDU(), fits.BinTableHDU.from_columns(columns)]).writeto(out)
        return out.getvalue(), "application/fits"
    if kind == "parquet":
        footer = b"".join(votable_bytes(META, []))
        rows = pa.table({"objectId": IDS, "x": [0.0, 1.0, 2.0]})
        parquet.write_table(rows.replace_schema_metadata({b"IVOA.VOTable-Parquet.content": footer}), out)
        return out.getvalue(), "application/vnd.apache.parquet"
    return ("objectId,x\n" + "".join(f"{number},{at}.0\n" for at, number in enumerate(IDS))).encode(), "text/csv"


@pytest.mark.parametrize("kind", ["fits", "parquet", "csv"])
def test_services_without_votable(runner, script, finished, kind) -> None:
    script.body, media = body_of(kind)
    script.headers = {"Content-Type": f"{media};header=present"}
    job = finished(submit(runner))
    assert job.phase == "COMPLETED" and job.progress.rows == 3, job.error
    table = runner.acquire(job.key)
    assert table.take(np.arange(3)).to_pydict() == {"objectId": IDS, "x": [0.0, 1.0, 2.0]} and table.complete
    assert {info.name for info in table.meta.infos} >= {"QUERY", "SERVICE"}
    assert kind == "csv" or table.meta.column("x").unit == "deg"
    assert sorted(path.name for path in table.folder.iterdir()) == ["meta.json", "rows.arrows"]
    runner.release(job.key)


def wait_for(true, seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not true() and time.monotonic() < end:
        time.sleep(0.005)
    assert true()


def test_a_service_that_says_nothing_more_does_not_hold_a_job_that_was_stopped(runner, script, finished) -> None:
    script.body = votable(50_000)
    script.cut = len(script.body) // 2
    script.stall.set()
    job = submit(runner)
    wait_for(lambda: job.progress.rows > 0)
    wait_for(lambda: job.progress.bytes >= script.cut)
    runner.cancel(job.key)
    finished(job, 4.0)  # the silence after which a service counts as down is 5 s
    assert job.phase == "ABORTED" and not script.over.is_set()
    table = runner.acquire(job.key)
    # All that had come, also what waited to be decoded.
    assert not table.complete and table.n_rows == job.progress.rows > 24_000
    assert table.take(np.array([table.n_rows - 1]))["x"][0].as_py() == table.n_rows - 1
    runner.release(job.key)


@pytest.mark.parametrize("way", ["length", "nrows", "job", "packed", "nothing"])
def test_progress_is_true_where_anything_is_told(runner, script, finished, way) -> None:
    rows = 40_000
    script.body, script.pause = votable(rows), 0.02
    if way == "nrows":
        script.body = script.body.replace(b"<TABLE", f'<TABLE nrows="{rows}"'.encode(), 1)
    if way == "job":
        script.told = f"<jobInfo><rowCount>{rows}</rowCount></jobInfo>"
    if way == "packed":
        script.body, script.headers = gzip.compress(script.body, 0), {**script.headers, "Content-Encoding": "gzip"}
    script.length = way in ("length", "packed")
    seen = []
    job = submit(runner)
    job.listeners.append(lambda now: seen.append(now.progress))
    finished(job)
    assert job.phase == "COMPLETED" and job.progress.rows == rows and job.progress.fraction == 1.0
    middle = [item.fraction for item in seen if item.text == "Receiving rows" and 0 < item.rows < rows]
    assert middle and middle == sorted(middle)
    assert all(item == -1 for item in middle) if way == "nothing" else all(0 < item < 1 for item in middle)


@pytest.mark.parametrize("length", [True, False])
def test_a_cut_answer_is_an_error_whether_its_length_was_told_or_not(runner, script, finished, length) -> None:
    script.body, script.length = votable(50_000), length
    script.cut = len(script.body) // 2
    job = finished(submit(runner))
    assert job.phase == "ERROR" and ("broke" if length else "too early") in job.error.message
    table = runner.acquire(job.key)
    assert 24_000 < table.n_rows == job.progress.rows < 26_000 and not table.complete
    runner.release(job.key)


def test_all_that_is_said_of_the_table_is_kept(runner, script, finished) -> None:
    from dataclasses import replace

    service = Service("https://example.org/links", "ivo://ivoa.net/std/DataLink#links-1.1", id="links")
    meta = replace(META, services=(service,), coosys=({"ID": "sys", "system": "ICRS", "epoch": "2016.0"},),
                   timesys=({"ID": "t", "timescale": "TAI", "refposition": "TOPOCENTER", "timeorigin": "2400000.5"},),
                   infos=(Info("CITATION", "2026arXiv1", "Cite this"),), description="About")  # fmt: skip
    batch = pa.RecordBatch.from_arrays([pa.array(IDS), pa.array([0.0, 1.0, 2.0])], schema=meta.to_schema())
    columns = (replace(META.columns[0], link="https://example.org/o/${objectId}", utype="src:id"), META.columns[1])
    meta = replace(meta, columns=columns)
    script.body = b"".join(votable_bytes(meta, [batch], "BINARY2", lambda: Trailer(overflow=True)))
    script.body = script.body.replace(b"<TABLE", b"<LINK href='https://example.org/about' title='More'/><TABLE", 1)
    job = finished(submit(runner))
    assert job.overflow
    kept = runner.acquire(job.key).meta
    assert kept.columns == columns and Info("LINK", "https://example.org/about", "More") in kept.infos
    assert kept.overflow and kept.description == "About" and kept.services[0].access_url == service.access_url
    assert (
        kept.coosys == meta.coosys
        and kept.timesys == meta.timesys
        and Info("CITATION", "2026arXiv1", "Cite this") in kept.infos
    )
    runner.release(job.key)


FULL = """
    import resource, sys
    from dataclasses import replace
    from pathlib import Path
    import numpy as np, pyarrow as pa
    from portal.errors import LimitError
    from portal.table.result import ResultTable
    from portal.table.columns import Column, TableMeta

    resource.setrlimit(resource.RLIMIT_FSIZE, (3_000_000, 3_000_000))
    meta = TableMeta((Column("n", "long"), Column("x", "double")))
    result = ResultTable.create(Path(sys.argv[1]), meta)
    added = 0
    try:
        while True:
            n = np.arange(added, added + 40_000)
            result.append(pa.RecordBatch.from_arrays([pa.array(n), pa.array(n / 2)], schema=meta.to_schema()))
            added += 40_000
    except LimitError as error:
        print(error.message)
    result.abandon()
    assert result.n_rows >= added and not result.complete
    rows = result.n_rows
    assert (result.take(np.arange(rows))["n"].to_numpy() == np.arange(rows)).all()
    result.close()
    again = ResultTable.open(Path(sys.argv[1]))
    print(rows, again.n_rows, again.complete)
    assert (again.take(np.arange(again.n_rows))["x"].to_numpy() == np.arange(again.n_rows) / 2).all()
"""


def test_a_full_disk_is_said_and_the_rows_before_it_stay(tmp_path) -> None:
    """The limit on the size of a file stops writing in the middle of a batch, as a full disk does."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(FULL), str(tmp_path / "r")], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    message, counts = done.stdout.splitlines()
    seen, stored, complete = counts.split()
    assert message == "The result cannot be stored: File too large."
    assert int(seen) > int(stored) >= 80_000 and complete == "False"
