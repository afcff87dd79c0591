"""Simple Cone Search 1.03 as pyvo and stilts ask it."""

from __future__ import annotations

import shutil
import subprocess

import pytest
import pyvo
from astropy import units as u
from astropy.coordinates import SkyCoord

from portal.table.votable_read import read_votable

RA, DEC, SR = 62.0, -37.0, 0.02


def search(service, path: str = "dp1/Object", **asked):
    answer = service.http.get(f"/api/scs/{path}", params={"RA": RA, "DEC": DEC, "SR": SR, **asked})
    assert answer.status_code == 200, answer.text
    return read_votable(answer.content)


def test_pyvo_finds_the_objects_of_a_cone(service) -> None:
    centre = SkyCoord(RA, DEC, unit="deg")
    found = pyvo.dal.SCSService(f"{service.url}/api/scs/dp1/Object?").search(centre, SR * u.deg)
    where = f"CONTAINS(POINT('ICRS', coord_ra, coord_dec), CIRCLE('ICRS', {RA}, {DEC}, {SR})) = 1"
    rows = read_votable(service.sync(f"SELECT objectId FROM dp1.Object WHERE {where}").content)[1]
    assert sorted(str(row.id) for row in found) == sorted(map(str, rows["objectId"].to_pylist())) and len(found) > 5
    assert all(row.pos.separation(centre) < SR * u.deg for row in found)


def test_one_column_each_is_marked_as_the_standard_wants(service) -> None:
    for verb in "123":
        meta, _ = search(service, VERB=verb)
        ucds = [column.ucd for column in meta.columns]
        assert ucds[:3] == ["ID_MAIN", "POS_EQ_RA_MAIN", "POS_EQ_DEC_MAIN"]
        assert meta.columns[0].datatype == "char" and {column.datatype for column in meta.columns[1:3]} == {"double"}
        assert not set(ucds[3:]) & {"ID_MAIN", "POS_EQ_RA_MAIN", "POS_EQ_DEC_MAIN"}


def test_verbosity(service) -> None:
    few, some, every = (len(search(service, VERB=verb)[0].columns) for verb in "123")
    assert few == 3 < some < every and len(search(service)[0].columns) == some


def test_no_radius_asks_for_the_columns(service) -> None:
    meta, rows = search(service, SR=0)
    assert rows.num_rows == 0 and len(meta.columns) > 3


def test_rows_are_bounded_and_it_is_told(service) -> None:
    meta, rows = search(service, MAXREC=2)
    assert rows.num_rows == 2 and meta.overflow


def test_every_listed_table_answers(service) -> None:
    listed = service.http.get("/api/scs").json()["services"]
    names = [item["table"] for item in listed]
    assert {"dp1.Object", "dp1.DiaObject", "dp1.Source", "dp1.DiaSource", "ivoa.ObsCore", "dp2.Object"} <= set(names)
    for item in listed:
        answer = service.http.get(f"{item['url']}RA={RA}&DEC={DEC}&SR=0.001&VERB=1")
        assert answer.status_code == 200, (item, answer.text)
        meta, _ = read_votable(answer.content)
        assert len(meta.columns) == 3


@pytest.mark.parametrize(
    "asked",
    [
        {"RA": ""}, {"RA": "x"}, {"RA": "nan"}, {"DEC": "91"}, {"SR": "-1"}, {"SR": "11"}, {"SR": "inf"}, {"VERB": "4"},
        {"RA": "1000"}, {"MAXREC": "-1"}, {"RESPONSEFORMAT": "gif"}, {"RA": "1); DROP TABLE x"},
    ],
)  # fmt: skip
def test_errors_are_told_as_the_standard_says(service, asked: dict[str, str]) -> None:
    answer = service.http.get("/api/scs/dp1/Object", params={"RA": RA, "DEC": DEC, "SR": SR} | asked)
    assert answer.status_code == 400 and '<INFO ID="Error" name="Error" value=' in answer.text
    assert answer.headers["content-type"].startswith("application/x-votable+xml")


def test_pyvo_tells_the_error(service) -> None:
    with pytest.raises(pyvo.dal.DALQueryError, match=r"There is no cone search of dp1\.Nothing"):
        pyvo.dal.SCSService(f"{service.url}/api/scs/dp1/Nothing?").search((RA, DEC), 0.01)


@pytest.mark.skipif(shutil.which("stilts") is None, reason="stilts is not installed")
def test_votlint_is_content(service, tmp_path) -> None:
    answer = service.http.get("/api/scs/dp1/Object", params={"RA": RA, "DEC": DEC, "SR": SR, "VERB": 2})
    (tmp_path / "cone.vot").write_bytes(answer.content)
    told = subprocess.run(
        ["stilts", "votlint", f"votable={tmp_path / 'cone.vot'}"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert told.returncode == 0 and not (told.stdout + told.stderr).strip(), told.stdout
