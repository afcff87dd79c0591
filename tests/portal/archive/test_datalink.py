"""Service descriptors, links and light curves, followed as pyvo and Firefly follow them."""

from __future__ import annotations

import pytest
import pyvo

from portal.archive.datalink import descriptors
from portal.archive.datalink_queries import timeseries_adql
from portal.archive.params import Parameters, UsageError
from portal.archive.schema.load import load
from portal.table.votable_read import read_votable


@pytest.fixture(scope="module")
def tap(service) -> pyvo.dal.TAPService:
    return pyvo.dal.TAPService(service.tap)


@pytest.fixture(scope="module")
def object_id(service) -> int:
    query = "SELECT objectId FROM dp1.ForcedSource GROUP BY objectId ORDER BY COUNT(*) DESC, objectId"
    return read_votable(service.sync(query, MAXREC="1").content)[1]["objectId"][0].as_py()


def curve(service, **asked) -> tuple:
    answer = service.http.get("/api/datalink/timeseries", params=asked)
    assert answer.status_code == 200, answer.text
    return read_votable(answer.content)


@pytest.mark.parametrize("name", ["objectId", "objectId AS thing"])
def test_a_result_with_object_ids_says_where_light_curves_are(service, name: str) -> None:
    meta, _ = read_votable(service.sync(f"SELECT coord_ra, {name} FROM dp1.Object", MAXREC="2").content)
    (found,) = meta.services
    assert found.access_url == f"{service.url}/api/datalink/timeseries"
    values = {item.name: item for item in found.inputs}
    assert values["id"].ref == meta.columns[1].id and values["id"].datatype == "long"
    assert values["table"].value == "dp1.ForcedSource" and values["join_style"].value == "visit_detector"
    assert values["band"].options == ("all", "u", "g", "r", "i", "z", "y")


def test_no_descriptor_without_its_column(service) -> None:
    meta, _ = read_votable(
        service.sync("SELECT coord_ra, objectId + 0 AS objectId FROM dp1.Object", MAXREC="1").content
    )
    assert meta.services == ()


def test_diaobjects_lead_to_two_tables() -> None:
    found = descriptors(["", "dp02_dc2_catalogs_DiaObject_diaObjectId"], "http://h")
    tables = [item.value for service in found for item in service.inputs if item.name == "table"]
    assert sorted(tables) == ["dp02_dc2_catalogs.DiaSource", "dp02_dc2_catalogs.ForcedSourceOnDiaObject"]
    assert all(item.ref == "col_1" for service in found for item in service.inputs if item.name == "id")


def test_pyvo_follows_the_descriptor(tap, object_id: int) -> None:
    result = tap.run_sync(f"SELECT objectId, coord_ra FROM dp1.Object WHERE objectId = {object_id}")
    (service,) = result.iter_adhocservices()
    answer = pyvo.dal.adhoc.DatalinkQuery.from_resource(result, service).execute()
    assert len(answer.to_table()) > 1


def test_a_light_curve_is_ordered_by_time(service, object_id: int) -> None:
    meta, rows = curve(
        service,
        id=object_id,
        table="dp1.ForcedSource",
        id_column="objectId",
        join_time_column="dp1.CcdVisit.expMidptMJD",
        join_style="visit_detector",
        detail="principal",
    )
    times = rows["expMidptMJD"].to_pylist()
    assert len(times) > 1 and times == sorted(times)
    assert set(rows["objectId"].to_pylist()) == {object_id}
    assert meta.column("psfFlux").unit == "nJy"


def test_the_join_keeps_every_measurement_once(service, object_id: int) -> None:
    asked = {"id": object_id, "table": "dp1.ForcedSource", "id_column": "objectId"}
    alone = curve(service, **asked)[1].num_rows
    visits = curve(service, **asked, join_time_column="dp1.Visit.expMidptMJD", join_style="visit_detector")[1]
    detectors = curve(service, **asked, join_time_column="dp1.CcdVisit.expMidptMJD", join_style="visit_detector")[1]
    old = curve(
        service,
        id=object_id,
        table="dp02_dc2_catalogs.ForcedSource",
        id_column="objectId",
        join_time_column="dp02_dc2_catalogs.CcdVisit.expMidptMJD",
    )[1]
    assert alone == visits.num_rows == detectors.num_rows == old.num_rows
    for one, other in zip(visits["expMidptMJD"].to_pylist(), detectors["expMidptMJD"].to_pylist()):
        assert one == pytest.approx(other, abs=1e-6)


def test_one_band_and_three_details(service, object_id: int) -> None:
    asked = {"id": object_id, "table": "dp1.ForcedSource", "id_column": "objectId"}
    whole = curve(service, **asked)[1]
    band = whole["band"][0].as_py()
    assert curve(service, **asked, band=band)[1].num_rows == whole["band"].to_pylist().count(band)
    widths = [len(curve(service, **asked, detail=detail)[0].columns) for detail in ("full", "principal", "minimal")]
    assert widths == sorted(widths, reverse=True) and widths[0] == 28 and widths[1] == 8


def test_a_dia_light_curve_has_its_own_times(service) -> None:
    query = "SELECT diaObjectId FROM dp1.DiaSource WHERE diaObjectId > 0 ORDER BY diaObjectId"
    rows = read_votable(service.sync(query, MAXREC="1").content)[1]
    found = curve(service, id=rows["diaObjectId"][0].as_py(), table="dp1.DiaSource", id_column="diaObjectId")[1]
    times = found["midpointMjdTai"].to_pylist()
    assert times and times == sorted(times)


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"id": "x"},
        {"id": str(2**63)},
        {"table": "dp1.ForcedSource; DROP TABLE x"},
        {"table": "dp1.Nothing"},
        {"id_column": "objectId = 1 OR 1"},
        {"band": "q"},
        {"join_time_column": "dp1.CcdVisit.nothing"},
        {"detail": "all"},
        {"join_style": "some"},
    ],
)
def test_bad_requests_are_refused(asked: dict[str, str]) -> None:
    good = {
        "id": "1",
        "table": "dp1.ForcedSource",
        "id_column": "objectId",
        "join_time_column": "dp1.CcdVisit.expMidptMJD",
    }
    values = {**good, **asked} if asked else {"id": "1"}
    with pytest.raises(UsageError):
        timeseries_adql(Parameters(values.items()), load())


def test_links_of_an_image(service, tap) -> None:
    query = "SELECT TOP 1 obs_publisher_did, access_url FROM ivoa.ObsCore WHERE dataproduct_subtype = 'lsst.deep_coadd'"
    result = tap.run_sync(query)
    did, url = result["obs_publisher_did"][0], result["access_url"][0]
    assert url.startswith(f"{service.url}/api/datalink/links?ID=")
    links = pyvo.dal.adhoc.DatalinkResults.from_result_url(url)
    (this,) = [link for link in links if link["semantics"] == "#this"]
    assert this["ID"] == did and this["access_url"].startswith(f"{service.url}/api/obs/")
    assert [link["service_def"] for link in links if link["semantics"] == "#cutout"] == ["cutout-sync", "cutout-async"]
    resource = next(item for item in links.votable.resources if item.ID == "cutout-sync")
    service_def = next(item for item in resource.params if item.name == "accessURL")
    assert service_def.value == f"{service.url}/api/cutout/sync"


def test_an_unknown_image_is_a_row_with_a_fault(service) -> None:
    answer = service.http.get("/api/datalink/links", params={"ID": "ivo://nothing"})
    assert answer.status_code == 200 and "content=datalink" in answer.headers["content-type"]
    _, rows = read_votable(answer.content)
    assert rows["error_message"][0].as_py().startswith("NotFoundFault") and rows["semantics"][0].as_py() == "#this"


def test_cone(service) -> None:
    asked = {"table": "dp1.Object", "ra_col": "coord_ra", "dec_col": "coord_dec"}
    answer = service.http.get("/api/datalink/cone", params={**asked, "ra_val": 62, "dec_val": -37, "radius": 0.01})
    assert read_votable(answer.content)[1].num_rows > 0
    wrong = service.http.get("/api/datalink/cone", params={**asked, "ra_val": "1)", "dec_val": -37, "radius": 0.01})
    assert wrong.status_code == 400


@pytest.mark.parametrize(
    "wrong", [{"ra_val": "nan"}, {"dec_val": "91"}, {"radius": "-1"}, {"radius": "inf"}, {"ra_col": "nothing"}]
)
def test_cones_that_are_none(service, wrong: dict[str, str]) -> None:
    asked = {"table": "dp1.Object", "ra_col": "coord_ra", "dec_col": "coord_dec"}
    asked |= {"ra_val": "62", "dec_val": "-37", "radius": "0.01"} | wrong
    answer = service.http.get("/api/datalink/cone_search", params=asked)
    assert answer.status_code == 400 and 'value="ERROR"' in answer.text


def test_sources_lead_to_the_images_of_their_visit(service, tap) -> None:
    result = tap.run_sync("SELECT TOP 1 sourceId, visit AS v, detector FROM dp1.Source")
    (resource,) = result.iter_adhocservices()
    answer = pyvo.dal.adhoc.DatalinkQuery.from_resource(result[0], resource).execute_stream().read()
    rows = read_votable(answer)[1].to_pylist()
    assert {row["lsst_visit"] for row in rows} == {result["v"][0]} and {row["lsst_detector"] for row in rows} == {
        result["detector"][0]
    }
    kinds = [row["dataproduct_subtype"] for row in rows]
    assert sorted(kinds) == ["lsst.difference_image", "lsst.raw", "lsst.visit_image"]
    whole = service.http.get("/api/datalink/images", params={"visit": int(result["v"][0])})
    assert read_votable(whole.content)[1].num_rows > 3
    assert service.http.get("/api/datalink/images", params={"visit": "9" * 60}).status_code == 400


def test_detections_lead_to_their_alerts(service, tap) -> None:
    result = tap.run_sync("SELECT TOP 1 diaSourceId FROM dp1.DiaSource")
    alert = result.get_adhocservice_by_id("alert")
    query = pyvo.dal.adhoc.DatalinkQuery.from_resource(result[0], alert, RESPONSEFORMAT="json")
    assert f'"diaSourceId": {result["diaSourceId"][0]}' in query.execute_stream().read().decode()
