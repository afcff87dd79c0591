"""SIA 2.0: every parameter of the standard, against ObsCore itself, and what it says of itself."""

from __future__ import annotations

import pytest
import pyvo
from astropy import units as u

from portal.archive.params import Parameters, UsageError
from portal.archive.sia import RANGES, WORDS, sia_adql
from portal.table.votable_read import read_votable


@pytest.fixture(scope="module")
def obscore(service) -> list[dict]:
    names = ", ".join(
        dict.fromkeys([*WORDS.values(), "calib_level", *(name for pair in RANGES.values() for name in pair)])
    )
    return read_votable(service.sync(f"SELECT {names} FROM ivoa.ObsCore").content)[1].to_pylist()


def search(service, **asked) -> list[dict]:
    answer = service.http.get("/api/sia/query", params=asked)
    assert answer.status_code == 200, answer.text
    return read_votable(answer.content)[1].to_pylist()


@pytest.mark.parametrize("name", WORDS)
def test_words_are_alternatives(service, obscore, name: str) -> None:
    values = sorted({row[WORDS[name]] for row in obscore if row[WORDS[name]]})[:2]
    found = search(service, **{name: [*values, "nothing such"]})
    assert len(found) == sum(row[WORDS[name]] in values for row in obscore) and (found or not values)


@pytest.mark.parametrize("name", RANGES)
def test_limits(service, obscore, name: str) -> None:
    low, high = RANGES[name]
    values = sorted(row[low] for row in obscore if row[low] is not None)
    middle = values[len(values) // 3] if values else 1.0
    for text, (start, end) in {
        f"{middle!r}": (middle, middle),
        f"-Inf {middle!r}": (float("-inf"), middle),
        f"{middle!r} +Inf": (middle, float("inf")),
    }.items():
        want = [row for row in obscore if row[low] is not None and row[low] <= end and row[high] >= start]
        assert len(search(service, **{name: text})) == len(want)


def test_levels_and_parameters_narrow_each_other(service, obscore) -> None:
    found = search(service, CALIB=["1", "3"], DPSUBTYPE=["lsst.raw", "lsst.visit_image"], DPTYPE="image")
    assert len(found) == sum(row["dataproduct_subtype"] == "lsst.raw" for row in obscore) > 0


def test_format_is_about_the_images(service, obscore) -> None:
    for text in ("*", "application/fits", "application/x-votable+xml;content=datalink"):
        assert len(search(service, FORMAT=text)) == len(obscore)
    assert search(service, FORMAT="image/png") == []


def test_polarisation_finds_nothing(service) -> None:
    assert search(service, POL="I") == []


def test_a_range_over_zero_hours() -> None:
    adql = sia_adql(Parameters([("POS", "RANGE 359 361 -1 1")]))
    assert "360.0" in adql and "COS" in adql


def test_pyvo_reads_what_the_service_takes(service) -> None:
    """MAXREC=0 gives no rows, all columns, and a descriptor of the parameters."""
    answer = pyvo.dal.SIA2Service(f"{service.url}/api/sia/dp1").search(maxrec=0)
    assert len(answer) == 0
    resource = answer.get_adhocservice_by_ivoid("ivo://ivoa.net/std/SIA#query-2.0")
    inputs = {item.name: item for group in resource.groups for item in group.entries}
    standard = {"POS", "BAND", "TIME", "POL", "FOV", "SPATRES", "SPECRP", "EXPTIME", "TIMERES", "ID", "COLLECTION"}
    standard |= {"FACILITY", "FORMAT", "INSTRUMENT", "DPTYPE", "CALIB", "TARGET", "MAXREC", "RESPONSEFORMAT"}
    assert set(inputs) >= standard and inputs["BAND"].unit == u.m
    params = {item.name: item.value for item in resource.params}
    assert params["accessURL"] == f"{service.url}/api/sia/dp1/query"


def test_pyvo_searches_by_shapes(service) -> None:
    sia = pyvo.dal.SIA2Service(f"{service.url}/api/sia/dp1")
    circle = sia.search(pos=(62 * u.deg, -37 * u.deg, 0.01 * u.deg), maxrec=5)
    assert len(circle) == 5 and circle[0].access_url.startswith(service.url)
    square = (61.99, -37.01, 62.01, -37.01, 62.01, -36.99, 61.99, -36.99)
    assert len(sia.search(pos=square, calib_level=3)) > 0
    assert len(sia.search(pos=(61.9, 62.1, -37.1, -36.9), instrument="LSSTComCam")) > 0


@pytest.mark.parametrize("form", ["csv", "application/x-votable+xml;serialization=TABLEDATA"])
def test_other_formats(service, form: str) -> None:
    answer = service.http.get("/api/sia/query", params={"MAXREC": "2", "RESPONSEFORMAT": form})
    assert answer.status_code == 200 and "obs_publisher_did" in answer.text


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("POS", "SQUARE 1 2 3"), ("POS", ""), ("POS", "CIRCLE 1 2 inf"), ("POS", "POLYGON " + "1 2 " * 2000),
        ("BAND", "red"), ("BAND", "1 2 3"), ("TIME", "nan"), ("CALIB", "5"), ("CALIB", "1 OR 1=1"), ("POL", "X"),
        ("MAXREC", "many"), ("RESPONSEFORMAT", "image/gif"),
    ],
)  # fmt: skip
def test_values_that_are_refused(service, name: str, value: str) -> None:
    answer = service.http.post("/api/sia/query", data={name: value})
    assert answer.status_code == 400 and 'name="QUERY_STATUS" value="ERROR"' in answer.text
    assert len(answer.text) < 2000


def test_words_cannot_leave_their_quotes(service) -> None:
    assert search(service, TARGET="' OR 1=1 --") == []


def test_searches_without_end_are_refused() -> None:
    with pytest.raises(UsageError):
        sia_adql(Parameters([("POS", f"CIRCLE {number / 100} 1 0.1") for number in range(9000)]))
