"""The alert service over the tiny sample: packets as Rubin's, causal, streamed, read back by the portal's reader."""

from __future__ import annotations

import asyncio
import base64
import csv
import io
import itertools
import json
import math
from pathlib import Path

import fastavro
import numpy as np
import pytest
from astropy.io import fits
from astropy.io.votable import parse

from portal.archive.alerts import Alerts, message
from portal.archive.alerts_schema import alert_schema
from portal.archive.sample.packets import psf_image
from portal.errors import FormatError
from portal.vo.alerts import STAMPS, Packet, read_message, read_packets
from portal.vo.avro_schema import read_schema

REAL = Path(__file__).resolve().parents[4] / "shared" / "data" / "real" / "alerts"
AVRO = "application/x-avro-ocf"


@pytest.fixture(scope="module")
def alerts(service):
    made = Alerts(service.archive)
    yield made
    made.close()


@pytest.fixture(scope="module")
def night(alerts) -> int:
    return max(alerts.nights(), key=lambda item: item[1])[0]


@pytest.fixture(scope="module")
def file(service, night) -> bytes:
    answer = service.http.get("/api/alerts/night", params={"DAY_OBS": night})
    assert answer.status_code == 200 and answer.headers["Content-Type"] == AVRO
    assert f"alerts-{night}.avro" in answer.headers["Content-Disposition"]
    return answer.content


@pytest.fixture(scope="module")
def packets(file) -> list[Packet]:
    return list(read_packets(file))


def _csv(service, query: str) -> list[dict]:
    return list(csv.DictReader(io.StringIO(service.sync(query, RESPONSEFORMAT="csv").text)))


# --- the packets


@pytest.mark.skipif(not REAL.exists(), reason="the real alerts lie beside the checkout, not in it")
def test_the_schema_has_the_shape_of_rubins() -> None:
    with (REAL / "lsst_v10_0_fakeAlert.avro").open("rb") as stream:
        theirs = json.loads(fastavro.reader(stream).metadata["avro.schema"])
    assert _bare(theirs) == _bare(alert_schema({"dp2.DiaSource": {"ra": "Right ascension."}}))


def _bare(schema):
    """A schema without its documentation."""
    if isinstance(schema, dict):
        return {name: _bare(part) for name, part in schema.items() if name != "doc"}
    return [_bare(part) for part in schema] if isinstance(schema, list) else schema


def test_fastavro_reads_the_night_as_we_do(file, packets, alerts, night) -> None:
    theirs = list(fastavro.reader(io.BytesIO(file)))
    assert [record["diaSourceId"] for record in theirs] == [packet.id for packet in packets] == alerts.of_night(night)
    assert theirs[0]["diaSource"] == packets[0].source
    documented = [
        field.get("doc") for part in alerts.schema["fields"] if part["name"] == "diaSource"
        for field in part["type"]["fields"]
    ]  # fmt: skip
    assert sum(map(bool, documented)) > 80


def test_values_are_those_of_the_tables(service, packets) -> None:
    packet = packets[0]
    (row,) = _csv(service, f"SELECT * FROM dp2.DiaSource WHERE diaSourceId = {packet.id}")
    for name in ("visit", "detector", "diaObjectId"):
        assert int(row[name] or 0) == (packet.source[name] or 0)
    for name in ("ra", "dec", "midpointMjdTai", "reliability", "psfFlux", "psfFluxErr", "snr"):
        assert math.isclose(float(row[name]), packet.source[name], rel_tol=1e-6)
    assert row["band"] == packet.source["band"]
    (image,) = _csv(service, f"SELECT DISTINCT target_name FROM ivoa.ObsCore WHERE lsst_visit = {row['visit']}")
    assert packet.record["target_name"] == image["target_name"] != ""


def test_nothing_of_later_visits(packets, service) -> None:
    several = [packet for packet in packets if packet.history]
    assert several
    for packet in packets:
        now = packet.source["midpointMjdTai"]
        for row in (*packet.history, *packet.forced):
            assert now - 366 < row["midpointMjdTai"] < now
            assert row["diaObjectId"] == packet.source["diaObjectId"]
        if packet.object:
            assert packet.object["nDiaSources"] == len(packet.history) + 1
            assert packet.object["lastDiaSourceMjdTai"] == packet.object["validityStartMjdTai"] == now
    packet = max(several, key=lambda item: len(item.history))
    band = packet.source["band"]
    mine = [row for row in (*packet.history, packet.source) if row["band"] == band]
    weight = np.array([row["psfFluxErr"] for row in mine]) ** -2.0
    flux = np.array([row["psfFlux"] for row in mine])
    assert packet.object[f"{band}_psfFluxNdata"] == len(mine)
    assert math.isclose(packet.object[f"{band}_psfFluxMean"], (weight * flux).sum() / weight.sum(), rel_tol=1e-5)
    assert math.isclose(packet.object[f"{band}_psfFluxMax"], flux.max(), rel_tol=1e-6)
    count = f"SELECT COUNT(*) AS n FROM dp1.DiaSource WHERE diaObjectId = {packet.source['diaObjectId']}"
    assert int(_csv(service, count)[0]["n"]) >= packet.object["nDiaSources"]


def test_asteroids_bring_their_geometry_and_orbit(service, alerts) -> None:
    found = _csv(service, "SELECT TOP 1 diaSourceId, ssObjectId FROM dp1.SSSource")
    (packet,) = map(Packet, alerts.packets([int(found[0]["diaSourceId"])]))
    assert packet.asteroid["diaSourceId"] == packet.id
    assert packet.asteroid["ssObjectId"] == packet.source["ssObjectId"] == int(found[0]["ssObjectId"])
    assert (
        packet.orbit["designation"] == packet.asteroid["designation"]
        and 0 <= packet.orbit["e"] < 1
        and packet.orbit["q"] > 0.3
    )
    assert packet.object is None and packet.history == [] and packet.forced == []


# --- the stamps


def test_stamps_are_laid_out_as_rubins(packets) -> None:
    packet = packets[0]
    for kind in STAMPS:
        with fits.open(io.BytesIO(packet.record[f"cutout{kind}"])) as hdus:
            hdus.verify("exception")
            assert [hdu.name for hdu in hdus] == ["PRIMARY", "UNCERT", "PSFIMAGE"]
            assert [hdu.shape for hdu in hdus] == [(30, 30), (30, 30), (41, 41)]
            assert [hdu.data.dtype.newbyteorder("=") for hdu in hdus] == ["f4", "f4", "f8"]
            head = hdus[0].header
        x, y = packet.source["x"], packet.source["y"]
        assert abs(head["CRPIX1"] + head["CUTMINX"] - x) < 1 and abs(head["CRPIX2"] + head["CUTMINY"] - y) < 1
        assert head["BUNIT"] == "nJy" and -360 <= head["ROTPA"] <= 360


def test_the_sky_of_a_stamp_is_that_of_the_detector(packets, service) -> None:
    packet = packets[0]
    exposure = service.archive.images.pixels().exposure(packet.source["visit"], packet.source["detector"])
    stamp = packet.stamp("Science")
    x, y = np.meshgrid([0.0, 29.0], [0.0, 29.0])
    place = stamp.wcs.pixel_to_world(x, y)
    across, up = exposure.to_pixel(place.ra.deg, place.dec.deg)
    assert np.abs(across - x - stamp.header["CUTMINX"] - 1).max() < 1e-3
    assert np.abs(up - y - stamp.header["CUTMINY"] - 1).max() < 1e-3


def test_stamps_are_the_pixels_of_the_images(packets, service) -> None:
    packet, pixels = packets[1], service.archive.images.pixels()
    exposure = pixels.exposure(packet.source["visit"], packet.source["detector"])
    science, difference, template = (packet.stamp(kind) for kind in ("Science", "Difference", "Template"))
    x0, y0 = science.header["CUTMINX"] + 1, science.header["CUTMINY"] + 1
    for kind, stamp in (("visit_image", science), ("difference_image", difference)):
        box = pixels.box(kind, exposure, exposure.band, x0, y0, 30, 30)
        assert np.array_equal(stamp.image, box.image, equal_nan=True)
        assert np.array_equal(stamp.variance, box.variance, equal_nan=True)
    assert np.array_equal(template.image, science.image - difference.image, equal_nan=True)
    assert np.nanmin(template.variance) >= 0


def test_the_light_of_a_difference_stamp_is_the_flux_of_its_source(packets) -> None:
    """A PSF fit at the place of the source, in units of its error: catalogue and pixels have noise of their own."""
    pulls = []
    for packet in packets:
        if packet.source["reliability"] < 0.5 or packet.source["isDipole"]:
            continue
        stamp = packet.stamp("Difference")
        good = np.isfinite(stamp.image)
        if good.mean() < 1:
            continue
        dx, dy = stamp.header["CRPIX1"] - 15, stamp.header["CRPIX2"] - 15
        kernel = _shifted(stamp.psf, dx, dy)
        weight = kernel / stamp.variance
        flux, error = (weight * stamp.image).sum() / (weight * kernel).sum(), (weight * kernel).sum() ** -0.5
        pulls.append((flux - packet.source["psfFlux"]) / error)
    assert len(pulls) > 5 and abs(np.median(pulls)) < 1.5
    assert np.abs(pulls).max() < 100


def _shifted(psf: np.ndarray, dx: float, dy: float) -> np.ndarray:
    """The PSF centred ``dx``, ``dy`` from pixel (14, 14) of a stamp, by Fourier's shift theorem."""
    ky, kx = np.fft.fftfreq(41)[:, None], np.fft.fftfreq(41)[None, :]
    turned = np.fft.ifft2(np.fft.fft2(psf) * np.exp(-2j * np.pi * (kx * dx + ky * dy))).real
    return turned[6:36, 6:36]


def test_the_psf_has_its_seeing() -> None:
    image = psf_image(1.0, 0.2)
    assert image.shape == (41, 41) and abs(image.sum() - 1) < 1e-12
    row = image[20]
    half = np.interp(-row.max() / 2, -row[20:], np.arange(21))
    assert abs(2 * half * 0.2 - 1.0) < 0.06  # with the pixel's own width


# --- the service


def test_one_packet_several_packets_and_what_they_are_called(service, packets) -> None:
    ids = [packet.id for packet in packets[:3]]
    one = service.http.get("/api/alerts", params={"ID": ids[0]})
    assert one.headers["Content-Type"] == AVRO and f"alert-{ids[0]}.avro" in one.headers["Content-Disposition"]
    assert [packet.id for packet in read_packets(one.content)] == ids[:1]
    assert service.http.get("/api/alerts", params={"ID": f"LSST-AP-DS-{ids[0]}"}).content == one.content
    several = service.http.get("/api/alerts", params={"ID": [*ids, ids[0]]})
    assert [packet.id for packet in read_packets(several.content)] == ids


def test_json_and_fits(service, packets) -> None:
    packet = max(packets, key=lambda item: len(item.history))
    found = service.http.get("/api/alerts", params={"ID": packet.id, "RESPONSEFORMAT": "json"}).json()
    assert found["diaSource"]["diaSourceId"] == packet.id
    assert base64.b64decode(found["cutoutScience"]) == packet.record["cutoutScience"]
    answer = service.http.get("/api/alerts", params={"ID": packet.id, "RESPONSEFORMAT": "fits"})
    with fits.open(io.BytesIO(answer.content)) as hdus:
        hdus.verify("exception")
        assert [hdu.name for hdu in hdus][1:] == [
            "DIFFIM", "SCIENCE", "TEMPLATE", "DIASOURCE", "FORCEDPHOT", "DIAOBJECT", "SSSOURCE", "MPCORBIT",
        ]  # fmt: skip
        assert hdus["DIASOURCE"].data["diaSourceId"][0] == packet.id
        assert len(hdus["DIASOURCE"].data) == len(packet.history) + 1 and len(hdus["SSSOURCE"].data) == 0
        assert np.array_equal(hdus["SCIENCE"].data, packet.stamp("Science").image, equal_nan=True)
    cut = service.http.get("/api/alerts/cutouts", params={"ID": packet.id})
    with fits.open(io.BytesIO(cut.content)) as hdus:
        assert [hdu.name for hdu in hdus][1:] == ["DIFFIM", "SCIENCE", "TEMPLATE"]


def test_messages_and_the_schema_they_need(service, alerts, packets) -> None:
    schema = service.http.get("/api/alerts/schema", params={"ID": packets[0].id}).json()
    raw = message(next(alerts.packets([packets[0].id])), alerts.schema, 10_00)
    found = read_message(raw, {1000: read_schema(schema)})
    assert found.record == packets[0].record
    with pytest.raises(FormatError):
        read_message(raw[:-3], {1000: read_schema(schema)})


def test_rows_of_dia_sources_lead_to_their_alerts(service) -> None:
    """A service descriptor goes with every result that has diaSourceId (DataLink 1.1, section 4)."""
    answer = service.sync("SELECT TOP 1 ra, diaSourceId FROM dp1.DiaSource", RESPONSEFORMAT="votable")
    votable = parse(io.BytesIO(answer.content))
    found = next(part for part in votable.resources if part.ID == "alert")
    address = next(param.value for param in found.params if param.name == "accessURL")
    (ask,) = found.groups[0].entries
    table = votable.get_first_table()
    column = next(n for n, field in enumerate(table.fields) if ask.ref == field.ID)
    packet = service.http.get(address, params={ask.name: str(table.array[0][column])})
    assert next(read_packets(packet.content)).id == int(table.array[0]["diaSourceId"])


def test_nights(service, alerts) -> None:
    nights = service.http.get("/api/alerts/nights").json()
    total = _csv(service, "SELECT COUNT(*) AS n FROM dp1.DiaSource")[0]["n"]
    assert sum(night["alerts"] for night in nights) == int(total)
    assert all(20200101 < night["day_obs"] < 20400101 for night in nights)
    first = nights[0]["day_obs"]
    assert len(alerts.of_night(first)) == nights[0]["alerts"]


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("/api/alerts", 400, "Parameter ID is missing"),
        ("/api/alerts", 400, "/api/alerts/nights"),
        ("/api/alerts?ID=abc", 400, "not the number"),
        ("/api/alerts?ID=-5", 400, "not the number"),
        ("/api/alerts?ID=99999999999999999999", 400, "not the number"),
        ("/api/alerts?ID=18446744073709551615", 400, "not the number"),
        ("/api/alerts?ID=LSST-AP-DO-5", 400, "not the number"),
        ("/api/alerts?ID=5", 404, "no DiaSource 5"),
        ("/api/alerts?ID=5&RESPONSEFORMAT=json", 404, "no DiaSource 5"),
        ("/api/alerts?ID=5&RESPONSEFORMAT=png", 400, "RESPONSEFORMAT"),
        ("/api/alerts?" + "&".join(f"ID={n}" for n in range(101)), 400, "101 alerts"),
        ("/api/alerts/cutouts?ID=5&ID=6", 400, "one at a time"),
        ("/api/alerts/night", 400, "NIGHT"),
        ("/api/alerts/night?NIGHT=2026-10-03", 400, "not a night"),
        ("/api/alerts/night?NIGHT=19990101", 404, "no alerts of the night"),
    ],
)
def test_wrong_requests_are_told(service, path: str, status: int, said: str) -> None:
    answer = service.http.get(path)
    assert answer.status_code == status and said in answer.text
    assert answer.headers["Content-Type"].startswith("text/plain")
    assert "Content-Disposition" not in answer.headers


def test_a_night_is_made_as_it_is_read(alerts, night) -> None:
    """Not more than one packet is made before it is wanted, and a client that leaves ends the work."""
    stream = alerts.container(alerts.of_night(night))
    first = list(itertools.islice(stream, 2))
    assert len(list(read_packets(b"".join(first)))) == 2
    stream.close()
    other = Alerts.__new__(Alerts)
    other.__dict__.update(alerts.__dict__)
    made = other.container(alerts.of_night(night))
    next(made)
    other._stopped = True
    assert list(made) == []


def test_equal_requests_give_equal_bytes(service, packets) -> None:
    ids = [packet.id for packet in packets[:4]]
    first, again = (service.http.get("/api/alerts", params={"ID": ids}).content for _ in range(2))
    assert first == again


def test_a_client_that_leaves_frees_its_cursor(service, night) -> None:
    before = len(service.archive.store._cursors)

    async def leave() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(service.url.rpartition(":")[2]))
        writer.write(f"GET /api/alerts/night?NIGHT={night} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        await reader.readexactly(2000)
        writer.close()
        for _ in range(200):
            if len(service.archive.store._cursors) <= before:
                return
            await asyncio.sleep(0.05)

    asyncio.run(leave())
    assert len(service.archive.store._cursors) <= before
