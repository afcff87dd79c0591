"""Tables sent along with queries: kept, named, found in the ADQL, within limits, sent inline and only when they fit."""

from __future__ import annotations

import time
import weakref

import pyarrow as pa
import pytest

from portal.errors import LimitError, QueryError
from portal.jobs.sending import Sender
from portal.session import Session
from portal.table.columns import Column, TableMeta
from portal.table.votable_read import read_votable
from portal.uploads import Uploads, free_name, names_in
from portal.vo.capabilities import Capabilities, UploadLimits, parse_upload_limits

IDS = [1651281746966117377, 1651281746966117378, 1651281746966117379]
META = TableMeta((Column("objectId", "long", ucd="meta.id;meta.main"), Column("ra", "double", unit="deg")))
BATCH = pa.RecordBatch.from_arrays([pa.array(IDS), pa.array([62.0, None, 62.2])], schema=META.to_schema())


def test_names_are_found_outside_of_strings_and_comments() -> None:
    adql = """SELECT 'TAP_UPLOAD.no' AS x -- TAP_UPLOAD.neither
FROM tap_upload.Mine AS m JOIN "TAP_UPLOAD" . "mine too" /* tap_upload.nor */ JOIN my_tap_upload.other"""
    assert [name for name, _ in names_in(adql)] == ["Mine", "mine too"]
    assert all(adql[at:].startswith(name) for name, at in names_in(adql))


def test_an_upload_is_kept_renamed_replaced_and_removed(tmp_path) -> None:
    uploads = Uploads(tmp_path)
    made = uploads.add("w", "mine", "three.csv", META, [BATCH])
    assert uploads.list("w") == (made,) and made.rows == 3 and made.fields[0].datatype == "long"
    [(found, path)] = uploads.named("w", "SELECT * FROM TAP_UPLOAD.MINE, TAP_UPLOAD.mine")
    assert found == made and read_votable(path.read_bytes())[1].column(0).to_pylist() == IDS
    assert made.bytes == path.stat().st_size
    with pytest.raises(QueryError) as caught:
        uploads.named("w", "SELECT *\nFROM TAP_UPLOAD.yours")
    assert (caught.value.line, caught.value.column, caught.value.length) == (2, 17, 5)
    assert "TAP_UPLOAD.mine" in caught.value.hint
    other = uploads.add("w", "other", "", META, [BATCH])
    with pytest.raises(QueryError):
        uploads.rename("w", other.key, "Mine")
    with pytest.raises(QueryError):
        uploads.rename("w", other.key, "1; DROP")
    again = uploads.add("w", "MINE", "", META, [BATCH, BATCH])
    assert not path.exists() and [item.name for item in uploads.list("w")] == ["other", "MINE"] and again.rows == 6
    uploads.remove("w", other.key)
    assert [item.name for item in uploads.list("w")] == ["MINE"] and uploads.list("v") == ()
    uploads.forget("w")
    assert not list(tmp_path.iterdir())


def test_uploads_of_a_workspace_are_bounded(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("portal.uploads.MOST_BYTES", 3_000)
    monkeypatch.setattr("portal.uploads.MOST_UPLOADS", 2)
    uploads = Uploads(tmp_path)
    uploads.add("w", "a", "", META, [BATCH])
    with pytest.raises(LimitError):
        uploads.add("w", "a", "", META, [BATCH] * 100)
    assert [item.rows for item in uploads.list("w")] == [3]  # the earlier one of that name stays
    assert {path.suffix for path in (tmp_path / "w").iterdir()} == {".vot", ".json"}
    uploads.add("w", "b", "", META, [BATCH])
    with pytest.raises(LimitError):
        uploads.add("w", "c", "", META, [BATCH])

    def meanwhile():
        uploads.remove("w", uploads.list("w")[0].key)
        uploads.add("w", "c", "", META, [BATCH])
        uploads.add("w", "d", "", META, [BATCH])
        yield BATCH

    uploads.remove("w", uploads.list("w")[0].key)
    with pytest.raises(LimitError):
        uploads.add("w", "e", "", META, meanwhile())
    assert {path.stem for path in (tmp_path / "w").glob("*.*t")} == {item.key for item in uploads.list("w")}


@pytest.mark.parametrize(
    "title, name", [("my list.csv", "my_list"), ("/tmp/3c273.vot", "t_3c273"), ("¿?", "targets"), ("a.b", "a_2")]
)
def test_a_name_is_made_of_a_title(title: str, name: str) -> None:
    assert free_name(title, ["A"]) == name


def test_capabilities_tell_what_may_be_sent() -> None:
    said = b"""<cap:capabilities xmlns:cap="http://www.ivoa.net/xml/VOSICapabilities/v1.0"><capability>
    <uploadMethod ivo-id="ivo://ivoa.net/std/TAPRegExt#upload-http"/>%s
    <uploadLimit><default unit="byte">7</default><hard unit="byte">33554432</hard></uploadLimit>
    <uploadLimit><default unit="row">100</default></uploadLimit>
    <outputLimit><hard unit="row">5</hard></outputLimit></capability></cap:capabilities>"""
    inline = b'<uploadMethod ivo-id="ivo://ivoa.net/std/TAPRegExt#upload-inline"/>'
    assert parse_upload_limits(said % inline) == UploadLimits(True, 33_554_432, 100)
    assert parse_upload_limits(said % b"") == UploadLimits(False, 33_554_432, 100)


def test_a_query_goes_out_with_the_tables_it_names(runner, script, finished, post) -> None:
    session = Session(runner, post=post)
    runner.uploads.add(session.workspace, "mine", "", META, [BATCH])
    runner.uploads.add(session.workspace, "other", "", META, [BATCH])
    session.list_uploads()
    assert [item.name for item in session.uploads] == ["mine", "other"]
    job = finished(session.submit("SELECT * FROM TAP_UPLOAD.mine"))
    assert job.phase == "COMPLETED"
    asked = next(form for method, path, form in script.asked if method == "POST" and path == "/tap/async")
    assert asked["UPLOAD"] == "mine,param:mine" and asked["QUERY"] == "SELECT * FROM TAP_UPLOAD.mine"
    assert read_votable(asked["files"]["mine"])[1].column(0).to_pylist() == IDS
    plain = finished(session.submit("SELECT 1"))
    assert plain.phase == "COMPLETED" and "UPLOAD" not in script.asked[-6][2]
    again = Session(runner, session.workspace, post)
    assert again.uploads == session.uploads


def test_what_a_service_would_refuse_is_not_sent(runner, script, finished, post) -> None:
    session = Session(runner, post=post)
    runner.uploads.add(session.workspace, "mine", "", META, [BATCH])
    for limits, words in (
        (UploadLimits(False), "takes no uploaded tables"),
        (UploadLimits(True, 100), "takes 0 MiB"),
        (UploadLimits(True, 0, 2), "takes 2 rows"),
    ):
        runner.sender._known[session.settings.service_url] = Capabilities(limits)
        job = finished(session.submit("SELECT * FROM TAP_UPLOAD.mine"))
        assert job.phase == "ERROR" and words in job.error.message
    job = finished(session.submit("SELECT * FROM TAP_UPLOAD.none"))
    assert isinstance(job.error, QueryError) and job.row().line == 1
    assert not [path for method, path, _ in script.asked if path == "/tap/async"]
    assert isinstance(runner.sender, Sender)
    runner.sender._known.clear()
    for path in runner.uploads.folder.rglob("*.vot"):
        path.unlink()  # as replacing it just now would
    job = finished(session.submit("SELECT * FROM TAP_UPLOAD.mine"))
    assert isinstance(job.error, QueryError) and "just now" in job.error.message


def test_a_result_is_made_by_the_portal_itself(runner, finished, post) -> None:
    session = Session(runner, post=post)

    def work(job):
        job.progress = job.progress._replace(text="Reading")
        return META, iter([BATCH, BATCH])

    job = finished(session.make("upload", "three.csv", work))
    assert job.phase == "COMPLETED" and session.tabs[-1].title == "three.csv" and session.tabs[-1].rows == 6
    assert session.table().take([0, 2], ["objectId"]).column(0).to_pylist() == [IDS[0], IDS[2]]

    def broken(job):
        def rows():
            yield BATCH
            raise LimitError("Too much.")

        return META, rows()

    job = finished(session.make("upload", "broken", broken))
    assert job.phase == "ERROR" and job.error.message == "Too much." and session.table().n_rows == 3
    end = time.monotonic() + 5
    while session._saver.busy and time.monotonic() < end:
        time.sleep(0.005)
    again = Session(runner, session.workspace, post)
    assert [tab.title for tab in again.tabs] == ["three.csv", "broken"]
    assert [row.kind for row in again.jobs] == ["upload", "upload"]


def test_a_job_that_ended_holds_neither_its_rows_nor_its_table(runner, finished) -> None:
    held = []

    def broken(job):
        def rows():
            whole = pa.array(range(1000))
            held.append(weakref.ref(whole))
            yield BATCH
            try:
                raise OSError(whole)
            except OSError:
                raise LimitError("Too much.") from None

        return META, rows()

    job = finished(runner.make("w" * 22, "upload", "broken", broken))
    assert job.error.message == "Too much." and held[0]() is None
    assert not runner._tables and not runner._users
    table = runner.acquire(job.key)
    assert table.n_rows == 3 and not table.complete
    runner.release(job.key)
    assert not runner._tables and not runner._users


def test_uploads_go_with_their_workspace(runner, post) -> None:
    session = Session(runner, post=post)
    runner.uploads.add(session.workspace, "mine", "", META, [BATCH])
    runner.history.sweep(1)
    assert runner.uploads.list(session.workspace)
    runner.history.sweep(-1)
    assert not runner.uploads.list(session.workspace) and not (runner.history.uploads / session.workspace).exists()


def test_what_was_being_made_when_the_server_stopped_is_marked(runner, finished, post) -> None:
    session = Session(runner, post=post)
    job = finished(session.make("upload", "three", lambda job: (META, [BATCH])))
    stored = next(item for item in runner.history.results(session.workspace) if item.key == job.key)
    runner.history.put(stored._replace(phase="EXECUTING"))
    runner.resume()
    [found] = runner.history.results(session.workspace)
    assert found.phase == "ERROR" and "server stopped" in found.error
