"""The Solar System as an astronomer asks for it: TAP queries over the tiny sample."""

from __future__ import annotations

import csv
import io
import json

import pytest

JOINED = """
SELECT s.diaSourceId, d.ra, d.dec, d.band, d.psfFlux, s.ssObjectId, s.phaseAngle, s.heliocentricDist,
       s.topocentricDist, s.residualRa, s.residualDec, o.numObs, m.mpcDesignation, m.q, m.e, m.mpcH
FROM dp1.SSSource AS s
JOIN dp1.DiaSource AS d ON d.diaSourceId = s.diaSourceId
JOIN dp1.SSObject AS o ON o.ssObjectId = s.ssObjectId
JOIN dp1.MPCORB AS m ON m.ssObjectId = s.ssObjectId
"""
SPELLED = """
SELECT s.diaSourceId, s.ssObjectId, s.designation, s.helio_x, s.helio_vx, s.helio_vtot, s.topo_y, s.topo_vtot,
       s.eclLambda, s.galLat, s.ephRa, s.ephOffset, s.ephOffsetRa, s.ephOffsetDec, s.topoRangeRate, s.ephVmag,
       o.nObs, o.MOIDEarth, o.r_H, o.r_slope_fit_failed, o.tisserand_J, b.a, b.i, b.argperi, b.epoch_mjd,
       b.packed_primary_provisional_designation AS packed, b.earth_moid
FROM dp2.SSSource AS s
JOIN dp2.SSObject AS o ON o.ssObjectId = s.ssObjectId
JOIN dp2.mpc_orbits AS b ON b.designation = s.designation
"""


def rows(service, query: str) -> list[dict[str, str]]:
    reply = service.sync(query, RESPONSEFORMAT="csv")
    assert reply.status_code == 200, reply.text
    return list(csv.DictReader(io.StringIO(reply.text)))


def count(service, table: str, where: str = "1 = 1") -> int:
    return int(rows(service, f"SELECT COUNT(*) AS n FROM {table} WHERE {where}")[0]["n"])


def test_every_detection_has_its_orbit(service, sample):
    found = rows(service, JOINED)
    assert len(found) == count(service, "dp1.SSSource") > 10
    assert count(service, "dp1.DiaSource", "ssObjectId > 0") == len(found)
    for row in found:
        assert int(row["ssObjectId"]) > 2**53
        assert int(row["ssObjectId"]).to_bytes(7, "big").decode() == row["mpcDesignation"]
        assert abs(float(row["ra"]) - 38) < 0.06 and abs(float(row["dec"]) - 7) < 0.06
        assert abs(float(row["residualDec"])) < 1 / 3600
    tables = json.loads((sample / "manifest.json").read_text())["tables"]
    assert count(service, "dp1.MPCORB") == tables["MPCORB"]["rows"] >= tables["SSObject"]["rows"] > 5
    of = {}
    for row in found:
        of.setdefault(row["ssObjectId"], []).append(int(row["numObs"]))
    assert all(set(numbers) == {len(numbers)} for numbers in of.values())


def test_spellings_of_the_second_release(service):
    found = rows(service, SPELLED)
    assert len(found) == count(service, "dp2.SSSource") > 10
    first = {row["diaSourceId"]: row for row in rows(service, "SELECT * FROM dp1.SSSource")}
    for row in found:
        other = first[row["diaSourceId"]]
        assert float(row["helio_x"]) == pytest.approx(float(other["heliocentricX"]), rel=1e-6)
        assert float(row["helio_vx"]) == pytest.approx(float(other["heliocentricVX"]) * 1731.4568, rel=1e-5)
        assert 3 < float(row["helio_vtot"]) < 50
        assert float(row["eclLambda"]) == float(other["eclipticLambda"])
        east, north = float(row["ephOffsetRa"]), float(row["ephOffsetDec"])
        assert (east**2 + north**2) ** 0.5 == pytest.approx(float(row["ephOffset"]), abs=1e-4)
        assert 15 < float(row["ephVmag"]) < 27
        assert row["packed"].startswith("L2") and row["designation"].startswith("21")
        assert float(row["epoch_mjd"]) == 61200.0 and 0 <= float(row["i"]) < 90


def test_moving_bodies_are_no_dia_objects(service):
    assert count(service, "dp1.DiaSource", "ssObjectId > 0 AND diaObjectId > 0") == 0
    good = "reliability > 0.5"
    moving, all_ = count(service, "dp1.DiaSource", f"ssObjectId > 0 AND {good}"), count(service, "dp1.SSSource")
    assert moving > 0.8 * all_
