"""TAP as clients meet it: pyvo, plain HTTP, formats, limits, errors, jobs, uploads."""

from __future__ import annotations

import io
import threading
import time

import astropy.io.votable
import httpx
import pyarrow.parquet
import pytest
import pyvo

from portal.archive.handler import PIECE_BYTES
from portal.table.votable_read import VOTableDecoder, read_votable

SEED_QUERY = """
SELECT objectId, coord_ra, coord_dec, detect_isPrimary,
       scisql_nanojanskyToAbMag(g_cModelFlux) AS gmag, scisql_nanojanskyToAbMag(i_cModelFlux) AS imag,
       scisql_nanojanskyToAbMag(r_cModelFlux) AS rmag,
       scisql_nanojanskyToAbMagSigma(g_cModelFlux, g_cModelFluxErr) AS gmag_err,
       scisql_nanojanskyToAbMagSigma(i_cModelFlux, i_cModelFluxErr) AS imag_err,
       scisql_nanojanskyToAbMagSigma(r_cModelFlux, r_cModelFluxErr) AS rmag_err
FROM dp02_dc2_catalogs.Object
WHERE CONTAINS(POINT('ICRS', coord_ra, coord_dec), CIRCLE('ICRS', 62.0, -37.0, 0.05)) = 1
  AND detect_isPrimary = 1
"""
CONE = (
    "SELECT objectId, coord_ra FROM dp1.Object"
    " WHERE CONTAINS(POINT('ICRS', coord_ra, coord_dec), CIRCLE('ICRS', 62.0, -37.0, 0.002)) = 1"
)


def message(answer) -> str:
    """The error text of a VOTable, found as any client would."""
    for resource in astropy.io.votable.parse(io.BytesIO(answer.content)).resources:
        for info in resource.infos:
            if info.name == "QUERY_STATUS" and info.value == "ERROR":
                return info.content
    raise AssertionError("no error in the answer")


@pytest.fixture
def tap(service) -> pyvo.dal.TAPService:
    return pyvo.dal.TAPService(service.tap)


def finish(service, job: str) -> str:
    """The phase in which a job ends."""
    for _ in range(60):
        text = service.http.get(f"{job}?WAIT=5").text
        if not any(f">{phase}<" in text for phase in ("PENDING", "QUEUED", "EXECUTING")):
            return service.http.get(f"{job}/phase").text
    raise AssertionError("the job does not end")


def test_the_seed_query(tap) -> None:
    result = tap.run_sync(SEED_QUERY)
    assert len(result) > 1000
    assert result.fieldnames[:2] == ("objectId", "coord_ra")
    table = result.to_table()
    assert table["objectId"].dtype.kind == "i" and int(table["objectId"].max()) > 2**53
    assert str(table["coord_ra"].unit) == "deg" and str(table["gmag"].unit) == "mag"
    assert 10 < float(table["imag"].min()) < 25


def test_binary2_equals_tabledata(service) -> None:
    query = "SELECT TOP 200 * FROM dp1.Object ORDER BY objectId"
    one = read_votable(service.sync(query).content)
    other = read_votable(
        service.sync(query, RESPONSEFORMAT="application/x-votable+xml;serialization=TABLEDATA").content
    )
    assert one[0].columns == other[0].columns and len(one[0].columns) == 1296
    assert one[1].num_rows == 200
    # TABLEDATA cannot tell an empty text from none; all other columns must agree.
    for column in one[0].columns:
        if not column.is_text:
            assert one[1][column.name].to_pylist() == pytest.approx(other[1][column.name].to_pylist(), nan_ok=True)


def test_text_formats_keep_ids(service) -> None:
    query = "SELECT TOP 3 objectId, coord_ra, refExtendedness, g_psfFlux_flag FROM dp1.Object ORDER BY objectId"
    rows = read_votable(service.sync(query).content)[1].to_pylist()
    answer = service.sync(query, RESPONSEFORMAT="csv")
    assert answer.headers["content-type"].startswith("text/csv")
    lines = answer.text.splitlines()
    assert lines[0] == "objectId,coord_ra,refExtendedness,g_psfFlux_flag"
    assert [int(line.split(",")[0]) for line in lines[1:]] == [row["objectId"] for row in rows]
    assert float(lines[1].split(",")[1]) == rows[0]["coord_ra"]
    assert service.sync(query, RESPONSEFORMAT="tsv").text.splitlines()[1].split("\t")[0] == str(rows[0]["objectId"])


def test_parquet_keeps_ids_units_and_overflow(service) -> None:
    query = "SELECT objectId, band, psfFlux FROM dp1.ForcedSource"
    answer = service.sync(query, RESPONSEFORMAT="parquet", MAXREC="5")
    table = pyarrow.parquet.read_table(io.BytesIO(answer.content))
    assert table.num_rows == 5 and str(table.schema.field("objectId").type) == "int64"
    footer = pyarrow.parquet.read_metadata(io.BytesIO(answer.content)).metadata
    meta, _ = read_votable(footer[b"IVOA.VOTable-Parquet.content"])
    assert meta.column("psfFlux").unit == "nJy" and meta.overflow


def test_an_empty_result_has_its_columns(service) -> None:
    query = "SELECT objectId, band FROM dp1.ForcedSource WHERE objectId = -1"
    meta, rows = read_votable(service.sync(query).content)
    assert [column.name for column in meta.columns] == ["objectId", "band"] and rows.num_rows == 0
    assert service.sync(query, RESPONSEFORMAT="csv").text.strip() == "objectId,band"


def test_overflow_is_marked(service, tap) -> None:
    meta, rows = read_votable(service.sync("SELECT objectId FROM dp1.Object", MAXREC="7").content)
    assert rows.num_rows == 7 and meta.overflow
    meta, rows = read_votable(service.sync("SELECT TOP 7 objectId FROM dp1.Object", MAXREC="7").content)
    assert rows.num_rows == 7 and not meta.overflow
    assert tap.run_sync("SELECT objectId FROM dp1.Object", maxrec=5).query_status == "OVERFLOW"


def test_maxrec_zero_tells_the_columns(service) -> None:
    meta, rows = read_votable(service.sync("SELECT * FROM dp1.Visit", MAXREC="0").content)
    assert rows.num_rows == 0 and len(meta.columns) == 15


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("SELECT objctId FROM dp1.Object", ("objctId", "objectId", "line 1", "column 8")),
        ("SELECT objectId\nFROM dp1.Objekt", ("dp1.Object", "line 2")),
        ("SELECT FROM WHERE", ("line 1",)),
        ("DROP TABLE dp1.Object", ()),
        ("SELECT * FROM read_csv('/etc/passwd')", ()),
    ],
)
def test_errors_are_votables_with_a_place(service, query: str, words: tuple[str, ...]) -> None:
    answer = service.sync(query)
    assert answer.status_code == 400
    assert answer.headers["content-type"].startswith("application/x-votable+xml")
    assert answer.headers["x-content-type-options"] == "nosniff"
    text = message(answer)
    assert all(word in text for word in words), text


def test_pyvo_raises_the_same_words(tap) -> None:
    with pytest.raises(pyvo.dal.DALQueryError, match="objectId"):
        tap.run_sync("SELECT objctId FROM dp1.Object")


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"LANG": ""}, "LANG is missing"),
        ({"LANG": "SQL"}, "LANG cannot be"),
        ({"MAXREC": "-1"}, "MAXREC"),
        ({"RESPONSEFORMAT": "xlsx"}, "output format"),
        ({"UPLOAD": "t,ftp://elsewhere/x.vot"}, "cannot be fetched"),
        ({"UPLOAD": "t,http://127.0.0.1:9/x.vot"}, "private network"),
        ({"UPLOAD": "t,param:missing"}, "no such part"),
        ({"REQUEST": "getEverything"}, "REQUEST"),
    ],
)
def test_bad_parameters(service, more: dict[str, str], words: str) -> None:
    answer = service.http.post("/api/tap/sync", data={"LANG": "ADQL", "QUERY": CONE, **more})
    assert answer.status_code == 400 and words in message(answer)


def test_a_value_the_engine_refuses_is_the_callers_error(service) -> None:
    answer = service.sync("SELECT CAST(band AS INTEGER) AS b FROM dp1.Visit")
    assert answer.status_code == 400 and message(answer)


def test_time_limit(sample, tmp_path, start_archive, endless) -> None:
    from portal.archive.limits import Limits

    with start_archive(sample, tmp_path, Limits(sync_seconds=0.3)) as slow:
        answer = slow.sync(endless)
        assert answer.status_code == 400 and "longer than its 0.3 s" in message(answer)


def test_foreign_pages_cannot_post(service) -> None:
    answer = service.http.post("/api/tap/sync", data={"QUERY": "x"}, headers={"Origin": "http://evil.example"})
    assert answer.status_code == 403 and "access-control-allow-origin" not in answer.headers


def test_async_by_pyvo(tap) -> None:
    job = tap.submit_job(SEED_QUERY, maxrec=500)
    assert job.phase == "PENDING"
    job.run().wait(timeout=60)
    assert job.phase == "COMPLETED"
    result = job.fetch_result()
    assert len(result) == 500 and result.query_status == "OVERFLOW"
    job.delete()


def test_a_failed_job_tells_why(service, tap) -> None:
    job = tap.submit_job("SELECT objctId FROM dp1.Object")
    job.run().wait(timeout=60)
    assert job.phase == "ERROR"
    with pytest.raises(pyvo.dal.DALQueryError, match="objectId"):
        job.raise_if_error()
    assert "line 1" in message(service.http.get(f"{job.url}/error"))


def test_job_resources(service) -> None:
    made = service.http.post("/api/tap/async", data={"LANG": "ADQL", "QUERY": CONE, "PHASE": "RUN", "RUNID": "r1"})
    assert made.status_code == 303
    job = made.headers["location"]
    assert finish(service, job) == "COMPLETED"
    get = service.http.get
    assert get(f"{job}/executionduration").text == "600"
    assert get(f"{job}/destruction").text.endswith("Z")
    assert get(f"{job}/quote").status_code == get(f"{job}/owner").status_code == 200
    assert b'id="QUERY"' in get(f"{job}/parameters").content and b"result" in get(f"{job}/results").content
    assert b"itemsProcessed" in get(job).content
    answer = get(f"{job}/results/result")
    assert int(answer.headers["content-length"]) == len(answer.content)
    assert read_votable(answer.content)[1].num_rows > 0
    head = service.http.head(f"{job}/results/result")
    assert head.status_code == 200 and head.content == b""
    listed = get("/api/tap/async", params={"LAST": "1", "PHASE": "COMPLETED"}).text
    assert job.rsplit("/")[-1] in listed and listed.count("<uws:jobref") == 1
    assert service.http.delete(job).status_code == 303
    assert get(job).status_code == 404


def test_abort(service, endless) -> None:
    job = service.http.post("/api/tap/async", data={"LANG": "ADQL", "QUERY": endless, "PHASE": "RUN"}).headers[
        "location"
    ]
    while service.http.get(f"{job}/phase").text != "EXECUTING":
        time.sleep(0.02)
    assert service.http.post(f"{job}/phase", data={"PHASE": "ABORT"}).status_code == 303
    assert service.http.get(f"{job}/phase").text == "ABORTED"


def test_a_cone_is_answered_while_endless_queries_run(service, endless) -> None:
    jobs = [
        service.http.post("/api/tap/async", data={"LANG": "ADQL", "QUERY": endless, "PHASE": "RUN"}).headers["location"]
        for _ in range(2)
    ]
    while any(service.http.get(f"{job}/phase").text != "EXECUTING" for job in jobs):
        time.sleep(0.02)
    assert read_votable(service.sync(CONE).content)[1].num_rows > 0
    assert all(service.http.get(f"{job}/phase").text == "EXECUTING" for job in jobs)
    for job in jobs:
        service.http.delete(job)


def test_a_client_that_leaves_frees_the_engine(service, endless) -> None:
    def leave() -> None:
        with pytest.raises(Exception, match="timed out"):
            service.http.post("/api/tap/sync", data={"LANG": "ADQL", "QUERY": endless}, timeout=0.5)

    thread = threading.Thread(target=leave)
    thread.start()
    thread.join()
    for _ in range(500):
        if not service.archive.store._cursors:
            return
        time.sleep(0.01)
    raise AssertionError("the query still runs")


def test_jobs_survive_the_server(sample, tmp_path, start_archive) -> None:
    with start_archive(sample, tmp_path) as first:
        made = first.http.post("/api/tap/async", data={"LANG": "ADQL", "QUERY": CONE, "PHASE": "RUN"})
        job = made.headers["location"].split("/api/")[1]
        assert finish(first, f"/api/{job}") == "COMPLETED"
        first.archive.uws.store.change(job.rsplit("/")[-1], phase="EXECUTING", results=())  # as kill -9 leaves it
    with start_archive(sample, tmp_path) as second:
        assert finish(second, f"/api/{job}") == "COMPLETED"
        assert read_votable(second.http.get(f"/api/{job}/results/result").content)[1].num_rows > 0


def test_rows_arrive_before_the_query_ends(service) -> None:
    decoder = VOTableDecoder()
    with service.http.stream(
        "GET", "/api/tap/sync", params={"LANG": "ADQL", "QUERY": "SELECT * FROM dp1.Object"}
    ) as answer:
        pieces = answer.iter_bytes()
        rows = []
        while not rows:
            rows += decoder.feed(next(pieces))
        for piece in pieces:
            rows += decoder.feed(piece)
    rows += decoder.close()
    assert len(rows) > 1 and sum(batch.num_rows for batch in rows) > 1000


def test_upload(service, tap) -> None:
    near = tap.run_sync(CONE).to_table()
    rows = tap.run_sync(
        "SELECT o.objectId, o.coord_dec FROM dp1.Object AS o JOIN TAP_UPLOAD.mine AS m ON o.objectId = m.objectId",
        uploads={"mine": near},
    )
    assert set(rows["objectId"]) == set(near["objectId"])
    job = tap.run_async("SELECT COUNT(*) AS n FROM TAP_UPLOAD.mine", uploads={"mine": near})
    assert job["n"][0] == len(near)


def test_uploads_of_other_kinds_join(service) -> None:
    """A CSV of ids, a result of an earlier job by its address, and a table of the archive."""
    ids = service.sync(f"{CONE}", RESPONSEFORMAT="csv").text
    made = service.http.post(
        "/api/tap/async", data={"LANG": "ADQL", "QUERY": CONE, "PHASE": "RUN", "RESPONSEFORMAT": "parquet"}
    )
    job = made.headers["location"]
    assert finish(service, job) == "COMPLETED"
    query = (
        "SELECT o.objectId, l.coord_ra FROM dp1.Object AS o JOIN TAP_UPLOAD.ids AS i ON i.objectId = o.objectId"
        " JOIN TAP_UPLOAD.later AS l ON l.objectId = o.objectId"
    )
    data = {"LANG": "ADQL", "QUERY": query, "UPLOAD": f"ids,param:ids;later,{job}/results/result"}
    answer = service.http.post("/api/tap/sync", data=data, files={"ids": ("ids.csv", ids.encode())})
    meta, rows = read_votable(answer.content)
    assert rows.num_rows == len(ids.splitlines()) - 1
    assert meta.column("coord_ra").unit == "deg"  # the Parquet file told it
    data["UPLOAD"] = f"ids,param:ids;later,{job}/results/none"
    answer = service.http.post("/api/tap/sync", data=data, files={"ids": ("ids.csv", ids.encode())})
    assert answer.status_code == 400 and "no result of a job" in message(answer)


def test_a_client_that_leaves_in_the_middle_of_rows_stops_the_work(service) -> None:
    query = "SELECT a.*, b.objectId AS other FROM dp1.ForcedSource AS a CROSS JOIN dp1.ForcedSource AS b"
    with service.http.stream("GET", "/api/tap/sync", params={"LANG": "ADQL", "QUERY": query}) as answer:
        assert next(answer.iter_bytes())
    for _ in range(500):
        if not service.archive.store._cursors:
            break
        time.sleep(0.01)
    else:
        raise AssertionError("the query still runs")
    account = service.archive.quota._accounts["127.0.0.1"]
    while account.running:
        time.sleep(0.01)
    assert account.taken["bytes"] > 0


def test_progress_of_a_job_counts_rows(service) -> None:
    query = "SELECT objectId FROM dp1.Object"
    made = service.http.post("/api/tap/async", data={"LANG": "ADQL", "QUERY": query, "PHASE": "RUN", "MAXREC": "1"})
    job = made.headers["location"]
    assert finish(service, job) == "COMPLETED"
    text = service.http.get(job).text
    rows = service.archive.store.rows["dp1.Object"]
    assert f"<itemsProcessed>{rows}</itemsProcessed><totalItems>{rows}</totalItems>" in text
    assert "1 rows in the result, cut at MAXREC" in text and "<uws:ownerId>127.0.0.1<" in text


def test_an_upload_that_is_no_votable(service) -> None:
    data = {"LANG": "ADQL", "QUERY": "SELECT * FROM TAP_UPLOAD.t", "UPLOAD": "t,param:t"}
    answer = service.http.post("/api/tap/sync", data=data, files={"t": ("t.vot", b"<html>no</html>")})
    assert answer.status_code == 400 and message(answer)


def test_a_failure_after_the_first_rows_cuts_the_answer(service, monkeypatch) -> None:
    """A client must see a broken answer, not a short one."""

    def broken(query, form, folder):
        yield b"<VOTABLE>".ljust(size)
        raise RuntimeError("the disk is gone")

    monkeypatch.setattr("portal.archive.tap.encoded", broken)
    size = PIECE_BYTES
    with pytest.raises(httpx.RemoteProtocolError):
        service.sync(CONE)
    size = 10  # nothing has left yet: the error can still be told
    assert service.sync(CONE).status_code == 500


def test_numbers_beyond_reason_are_refused(service) -> None:
    assert service.http.get("/api/tap/async", params={"LAST": "9" * 30}).status_code == 400
    assert service.http.get("/api/tap/async", params={"AFTER": "yesterday"}).status_code == 400
    assert service.http.get("/api/tap/async", params={"PHASE": "SOME"}).status_code == 400
