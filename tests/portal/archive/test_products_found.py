"""Every kind of image is found by SIA, by ADQL and through DataLink, as pyvo asks for them."""

from __future__ import annotations

from urllib.parse import quote

import numpy as np
import pytest
import pyvo
from astropy import units as u
from astropy.time import Time

from portal.archive.images import COADDS, EXPOSURES, NotFound
from portal.table.votable_read import read_votable

KINDS = (*COADDS, *EXPOSURES)
RA, DEC = 62.0, -37.0


def seen_from(ra: float, dec: float, region: str) -> np.ndarray:
    """Corners of an outline on the plane that touches the sky at a place, degrees."""
    a, d = np.radians(np.array(region.split()[2:], float).reshape(-1, 2) - [ra, 0.0]).T
    d0 = np.radians(dec)
    w = np.sin(d0) * np.sin(d) + np.cos(d0) * np.cos(d) * np.cos(a)
    flat = np.array([np.cos(d) * np.sin(a) / w, (np.cos(d0) * np.sin(d) - np.sin(d0) * np.cos(d) * np.cos(a)) / w])
    return np.degrees(flat.T) if (w > 0).all() else np.full((4, 2), 90.0)


def distance(ra: float, dec: float, region: str) -> float:
    """Degrees from a place to an outline, 0 inside it."""
    here = seen_from(ra, dec, region)
    there = np.roll(here, -1, axis=0)
    turns = here[:, 0] * there[:, 1] - here[:, 1] * there[:, 0]
    if (turns > 0).all() or (turns < 0).all():
        return 0.0
    step = there - here
    along = np.clip(-(here * step).sum(axis=1) / (step**2).sum(axis=1), 0, 1)
    return float(np.hypot(*(here + along[:, None] * step).T).min())


def sync(service, query: str):
    answer = service.sync(query)
    assert answer.status_code == 200, answer.text
    return read_votable(answer.content)[1]


@pytest.fixture(scope="module")
def obscore(service) -> list[dict]:
    return sync(service, "SELECT obs_publisher_did, dataproduct_subtype, s_region, t_min FROM ivoa.ObsCore").to_pylist()


@pytest.fixture(scope="module")
def sia(service) -> pyvo.dal.SIA2Service:
    return pyvo.dal.SIA2Service(f"{service.url}/api/sia/dp1")


@pytest.fixture(scope="module")
def images(service) -> dict[str, str]:
    """An id of each kind of image that holds the middle of the main field."""
    query = (
        "SELECT dataproduct_subtype, MIN(obs_publisher_did) AS did FROM ivoa.ObsCore"
        f" WHERE CONTAINS(POINT('ICRS', {RA}, {DEC}), s_region) = 1 GROUP BY dataproduct_subtype"
    )
    rows = sync(service, query).to_pylist()
    return {row["dataproduct_subtype"].removeprefix("lsst."): row["did"] for row in rows}


def test_all_kinds_are_over_the_field(images) -> None:
    assert set(images) == set(KINDS)


@pytest.mark.parametrize("place", [(RA, DEC), (61.9, -37.1), (38.0, 7.0), (38.11, 6.93)])
def test_a_point_finds_what_holds_it(service, obscore, place) -> None:
    where = f"CONTAINS(POINT('ICRS', {place[0]}, {place[1]}), s_region) = 1"
    query = f"SELECT obs_publisher_did FROM ivoa.ObsCore WHERE {where}"
    found = set(sync(service, query)["obs_publisher_did"].to_pylist())
    assert found == {row["obs_publisher_did"] for row in obscore if distance(*place, row["s_region"]) == 0}
    turned = query.replace("= 1", "= 0")
    assert len(sync(service, turned)) == len(obscore) - len(found)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("circle", [(RA, DEC, 0.001), (62.2, -37.15, 0.08), (38.2, 7.2, 0.1)])
def test_sia_finds_what_touches_a_circle(sia, obscore, kind: str, circle) -> None:
    result = sia.search(pos=(*(value * u.deg for value in circle),), DPSUBTYPE=f"lsst.{kind}")
    want = {
        row["obs_publisher_did"]
        for row in obscore
        if row["dataproduct_subtype"] == f"lsst.{kind}" and distance(*circle[:2], row["s_region"]) <= circle[2]
    }
    assert {row["obs_publisher_did"] for row in result} == want
    assert all(row.access_url.startswith("http") for row in result)


def test_intersects_in_adql(service, obscore) -> None:
    where = "INTERSECTS(CIRCLE('ICRS', 62.2, -37.15, 0.08), s_region) = 1"
    found = sync(service, f"SELECT obs_publisher_did FROM ivoa.ObsCore WHERE {where}")
    want = {row["obs_publisher_did"] for row in obscore if distance(62.2, -37.15, row["s_region"]) <= 0.08}
    assert set(found["obs_publisher_did"].to_pylist()) == want and want


def test_sia_narrows_by_time_band_and_level(sia) -> None:
    some = sia.search(DPSUBTYPE="lsst.visit_image", maxrec=1)[0]
    start, end = some["t_min"], some["t_max"]
    found = sia.search(time=Time((start + end) / 2, format="mjd"), calib_level=2)
    assert {row["lsst_visit"] for row in found} == {some["lsst_visit"]}
    assert len(found) == 9 and {row["calib_level"] for row in found} == {2}
    assert len(sia.search(calib_level=1, band=(some["em_min"], some["em_max"]))) > 0
    assert not sia.search(time=Time(start - 0.01, format="mjd"), calib_level=2, target_name="nowhere")


def test_sia_rows_are_bounded(service, sia) -> None:
    answer = service.http.get("/api/sia/dp1/query", params={"MAXREC": "3"})
    meta, rows = read_votable(answer.content)
    assert rows.num_rows == 3 and meta.overflow
    empty, none = read_votable(service.http.get("/api/sia/dp1/query", params={"MAXREC": "0"}).content)
    assert none.num_rows == 0 and empty.column("s_region").ucd == "pos.outline;obs.field"
    assert service.http.get("/api/sia/dp1/query", params={"MAXREC": "-1"}).status_code == 400


@pytest.mark.parametrize(
    ("text", "found"),
    [("0 360 -90 90", True), ("61.9 62.1 -inf -30", True), ("30 50 -Inf +Inf", True), ("100 120 -10 10", False)],
)
def test_sia_takes_ranges(service, text: str, found: bool) -> None:
    answer = service.http.get("/api/sia/query", params={"POS": f"RANGE {text}", "MAXREC": "5"})
    assert answer.status_code == 200 and (read_votable(answer.content)[1].num_rows > 0) == found
    wrong = service.http.get("/api/sia/query", params={"POS": "RANGE 62 61 0 1"})
    assert wrong.status_code == 400


def test_sia_of_the_older_release_speaks_its_own_words(service) -> None:
    sia = pyvo.dal.SIA2Service(f"{service.url}/api/sia/dp02")
    found = sia.search(pos=(RA * u.deg, DEC * u.deg, 0.001 * u.deg), DPSUBTYPE="lsst.calexp")
    assert len(found) > 0 and {row["obs_collection"] for row in found} == {"LSST.DP02"}


@pytest.mark.parametrize("kind", KINDS)
def test_links_of_every_kind(service, images, kind: str) -> None:
    links = pyvo.dal.adhoc.DatalinkResults.from_result_url(
        f"{service.url}/api/datalink/links?ID={quote(images[kind], safe='')}"
    )
    rows = [{name: link[name] for name in ("semantics", "access_url", "service_def", "content_type")} for link in links]
    image = service.archive.images.find(images[kind])
    assert [row["access_url"] for row in rows if row["semantics"] == "#this"] == [f"{service.url}/api/obs/{image.file}"]
    assert [row["service_def"] for row in rows if row["semantics"] == "#cutout"] == ["cutout-sync", "cutout-async"]
    kin = {
        row["access_url"].rpartition("/")[2].split("-")[0]: row["semantics"]
        for row in rows
        if row["semantics"] in ("#progenitor", "#derivation") and row["content_type"] == "application/fits"
    }
    assert kin == {
        "raw": {"visit_image": "#derivation"},
        "visit_image": {"raw": "#progenitor", "difference_image": "#derivation"},
        "difference_image": {"visit_image": "#progenitor"},
    }.get(kind, {})
    for row in rows:
        if row["content_type"] == "application/fits" and row["access_url"]:
            other = service.archive.images.of_file(row["access_url"].rpartition("/")[2])
            assert (other.visit, other.detector, other.band) == (image.visit, image.detector, image.band)


@pytest.mark.parametrize(
    ("kind", "made_from"),
    [("deep_coadd", "visit_image"), ("template_coadd", "visit_image"), ("difference_image", "template_coadd")],
)
def test_what_an_image_was_made_from_is_a_table_of_images(service, obscore, images, kind: str, made_from: str) -> None:
    answer = service.http.get("/api/datalink/links", params={"ID": images[kind]})
    rows = read_votable(answer.content)[1].to_pylist()
    (link,) = [row for row in rows if row["content_type"] == "application/x-votable+xml"]
    assert link["semantics"] == "#progenitor"
    found = read_votable(service.http.get(link["access_url"]).content)[1]
    image = service.archive.images.find(images[kind])
    assert set(found["lsst_band"].to_pylist()) == {image.band}
    assert set(found["dataproduct_subtype"].to_pylist()) == {f"lsst.{made_from}"}
    over = [row for row in found.to_pylist() if distance(RA, DEC, row["s_region"]) == 0]
    query = (
        "SELECT COUNT(*) AS n FROM ivoa.ObsCore"
        f" WHERE dataproduct_subtype = 'lsst.{made_from}' AND lsst_band = '{image.band}'"
        f" AND CONTAINS(POINT('ICRS', {RA}, {DEC}), s_region) = 1"
    )
    assert len(over) == sync(service, query)["n"][0].as_py()


def test_links_of_many_images_keep_their_order(service, images) -> None:
    asked = [images["raw"], "ivo://nothing", images["deep_coadd"]]
    answer = service.http.get("/api/datalink/links", params={"ID": asked})
    rows = read_votable(answer.content)[1].to_pylist()
    assert list(dict.fromkeys(row["ID"] for row in rows)) == asked
    assert [row["error_message"] is not None for row in rows if row["ID"] == asked[1]] == [True]


@pytest.mark.parametrize(
    "name",
    ["raw-1-1.fits", "raw-1.fits", "visit_image-2-3-g.fits", "calexp-1-1.fits", "deep_coadd-0-0-w.fits", "x.fits"],
)
def test_files_that_are_not_there(service, name: str) -> None:
    answer = service.http.get(f"/api/obs/{name}")
    assert answer.status_code == 404 and answer.text.startswith("NotFound: ")
    with pytest.raises(NotFound):
        service.archive.images.of_file(name)
