"""What DataLink, SODA, SIA and cone search say of themselves, against kept documents and stilts."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from urllib.parse import quote

import pytest
import pyvo
from astropy import units as u

from portal.archive import datalink_web, scs, sia, soda
from portal.archive.capabilities import capabilities_xml
from portal.archive.datalink import CURVES, descriptors
from portal.archive.images import Image
from portal.table.votable_markup import service_xml
from portal.table.votable_read import read_votable
from portal.table.votable_write import votable_bytes

FORM = "application/x-www-form-urlencoded"
GOLDEN = Path(__file__).parent / "golden"
BASE = "https://archive.example"
IMAGE = Image(
    "ivo://org.rubinobs/usdac/lsst-dp1?repo=dp1&id=0f0f", "lsst.visit_image", "visit_image - r - R22_S11", "r", -1, -1,
    2025012300042, 4, 551e-9, 689.1e-9, "POLYGON ICRS 62.1 -37.1 61.9 -37.1 61.9 -36.9 62.1 -36.9",
)  # fmt: skip


class OneImage:
    """An archive of a single image, whole file known."""

    def find_all(self, ids: list[str]) -> dict[str, Image]:
        return {did: IMAGE for did in ids if did == IMAGE.did}

    def size(self, image: Image) -> int:
        return 34_567_890


def links() -> str:
    meta, table = datalink_web.links_table(OneImage(), [IMAGE.did, "ivo://org.rubinobs/none", "17"], BASE)
    return b"".join(votable_bytes(meta, table.to_batches(), "TABLEDATA")).decode()


def curves() -> str:
    named = dict.fromkeys(curve.source for curve in CURVES)
    return "".join(service_xml(item) for source in named for item in descriptors(["", source], BASE))


DOCUMENTS = {
    "links.vot": links,
    "curves.xml": curves,
    "sia.xml": lambda: service_xml(sia.described(f"{BASE}/api/sia/query")),
    "scs_error.vot": lambda: scs.error_document('RA must be a number of degrees, not "a<b".'),
    "soda_capabilities.xml": lambda: capabilities_xml(f"{BASE}/api/cutout", soda.RESOURCES),
    "datalink_capabilities.xml": lambda: capabilities_xml(f"{BASE}/api/datalink", datalink_web.RESOURCES),
    "sia_capabilities.xml": lambda: capabilities_xml(f"{BASE}/api/sia/dp1", sia.RESOURCES),
    "scs_capabilities.xml": lambda: capabilities_xml(f"{BASE}/api/scs/dp1/Object", scs.RESOURCES),
}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_documents_are_as_kept(name: str) -> None:
    """TRIVIEW_GOLDEN=renew writes them anew; the difference is then read in the commit."""
    made, kept = DOCUMENTS[name](), GOLDEN / name
    if os.environ.get("TRIVIEW_GOLDEN") == "renew":
        kept.parent.mkdir(exist_ok=True)
        kept.write_text(made)
    assert made == kept.read_text()


@pytest.mark.parametrize("service_name", ["cutout", "datalink", "sia", "sia/dp1", "scs/dp1/Object"])
def test_services_tell_their_address_and_that_they_are_up(service, service_name: str) -> None:
    told = service.http.get(f"/api/{service_name}/capabilities")
    assert told.headers["content-type"].startswith("text/xml")
    urls = re.findall(r"<accessURL[^>]*>([^<]*)<", told.text)
    assert len(urls) > 2 and all(url.startswith(f"{service.url}/api/{service_name}") for url in urls)
    assert "available>true<" in service.http.get(f"/api/{service_name}/availability").text


@pytest.fixture(scope="module")
def dids(service) -> list[str]:
    query = "SELECT obs_publisher_did AS did FROM ivoa.ObsCore ORDER BY calib_level, obs_publisher_did"
    return read_votable(service.sync(query).content)[1]["did"].to_pylist()


@pytest.mark.skipif(shutil.which("stilts") is None, reason="stilts is not installed")
def test_datalinklint_has_nothing_to_say(service, dids, tmp_path) -> None:
    answer = service.http.get("/api/datalink/links", params={"ID": [dids[0], dids[-1], "ivo://org.rubinobs/none"]})
    (tmp_path / "links.vot").write_bytes(answer.content)
    told = subprocess.run(
        ["stilts", "datalinklint", str(tmp_path / "links.vot")], capture_output=True, text=True, timeout=60, check=False
    )
    assert told.returncode == 0 and not re.search("ERROR|WARNING", told.stdout + told.stderr), told.stdout


def test_pyvo_follows_the_links_of_many_rows(service, dids) -> None:
    """pyvo sends the ids of all rows in its first request."""
    result = pyvo.dal.TAPService(service.tap).run_sync("SELECT TOP 400 obs_publisher_did, access_url FROM ivoa.ObsCore")
    found = [links["ID"][0] for links in result.iter_datalinks()]
    assert sorted(found) == sorted(result["obs_publisher_did"])


def test_too_many_ids_are_told_as_overflow() -> None:
    ids = [f"ivo://org.rubinobs/{number}" for number in range(datalink_web.MAX_IDS + 1)]
    meta, table = datalink_web.links_table(OneImage(), ids, BASE)
    assert meta.overflow and table.num_rows == datalink_web.MAX_IDS
    assert not datalink_web.links_table(OneImage(), ids[1:] * 2, BASE)[0].overflow


def test_no_id_gives_no_rows_and_the_services(service) -> None:
    meta, rows = read_votable(service.http.get("/api/datalink/links").content)
    assert rows.num_rows == 0 and len(meta.services) == 4
    assert service.http.get("/api/datalink/links", params={"RESPONSEFORMAT": "csv"}).status_code == 415


def test_a_link_shows_the_middle_of_an_image(service, dids) -> None:
    _, rows = read_votable(service.http.get("/api/datalink/links", params={"ID": dids[-1]}).content)
    (shown,) = [row for row in rows.to_pylist() if row["semantics"] == "#preview"]
    picture = service.http.get(shown["access_url"].removeprefix(service.url))
    assert picture.headers["content-type"] == shown["content_type"] == "image/jpeg"
    assert picture.content.startswith(b"\xff\xd8")
    assert IMAGE._replace(region="POLYGON ICRS 359.9 1 359.9 3 0.3 3 0.3 1").middle == pytest.approx((0.1, 2))


def test_cutouts_as_a_job_by_their_descriptor(service, dids) -> None:
    links = pyvo.dal.adhoc.DatalinkResults.from_result_url(f"{service.url}/api/datalink/links?ID={quote(dids[-1])}")
    (job,) = [item for item in links.iter_adhocservices() if item.ID == "cutout-async"]
    inputs = {item.name: item.value for item in job.params}
    assert inputs["standardID"] == "ivo://ivoa.net/std/SODA#async-1.0"
    made = service.http.post(inputs["accessURL"], data={"ID": dids[-1], "CIRCLE": "62 -37 0.001"})
    assert made.status_code == 303 and made.headers["location"].startswith(inputs["accessURL"])


def test_more_fields_than_anyone_sends_are_refused(service) -> None:
    answer = service.http.post("/api/datalink/links", content="ID=x&" * 200_000, headers={"Content-Type": FORM})
    assert answer.status_code == 400 and "form" in answer.text and len(answer.text) < 1000


def test_ids_of_the_butler_mean_the_same_image(service, dids) -> None:
    asked = "butler://dp1/" + dids[0].rpartition("id=")[2]
    one, other = (
        read_votable(service.http.get("/api/datalink/links", params={"ID": did}).content)[1].to_pylist()
        for did in (dids[0], asked)
    )
    assert [row["access_url"] for row in one] == [row["access_url"] for row in other]
    assert {row["ID"] for row in other} == {asked}


def test_the_size_of_a_file_is_told_once_it_is_known(service, dids) -> None:
    raw = read_votable(service.http.get("/api/datalink/links", params={"ID": dids[0]}).content)[1].to_pylist()[0]
    image = service.archive.images.find(dids[0])
    service.archive.images._sizes[image.file] = 123  # as after a whole image was sent
    again = read_votable(service.http.get("/api/datalink/links", params={"ID": dids[0]}).content)[1].to_pylist()[0]
    del service.archive.images._sizes[image.file]
    assert raw["content_length"] is None and again["content_length"] == 123


def test_pyvo_cuts_shapes_and_asks_for_pictures(service, dids) -> None:
    links = pyvo.dal.adhoc.DatalinkResults.from_result_url(
        f"{service.url}/api/datalink/links?ID={quote(dids[-1], safe='')}"
    )
    row = next(iter(links))
    image = service.archive.images.find(dids[-1])
    ra, dec = service.archive.images.where(image).centre()
    circle = (ra * u.deg, dec * u.deg, 0.001 * u.deg)
    assert row.processed(circle=circle).read(6) == b"SIMPLE"
    triangle = [ra, dec, ra + 0.001, dec, ra, dec + 0.001] * u.deg
    assert row.processed(polygon=triangle).read(6) == b"SIMPLE"
    limits = [ra, ra + 0.001, dec, dec + 0.001] * u.deg
    assert row.processed(range=limits).read(6) == b"SIMPLE"
    assert row.processed(circle=circle, RESPONSEFORMAT="image/png").read(4) == b"\x89PNG"


@pytest.mark.parametrize("path", ["scs/dp1/Object", "sia/query", "datalink/timeseries", "cutout/sync"])
def test_a_user_gets_a_share_of_these_services_too(service, monkeypatch, path: str) -> None:
    monkeypatch.setattr(service.archive.quota, "_queries", 0)
    answer = service.http.get(f"/api/{path}")
    assert answer.status_code == 429 and int(answer.headers["retry-after"]) > 0
