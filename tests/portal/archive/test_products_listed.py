"""What ObsCore, Visit and CcdVisit say of every image, against the camera's WCS and astropy's time scales."""

from __future__ import annotations

import uuid
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from astropy.time import Time

from portal.archive.sample import footprints, products
from portal.archive.sample.camera import CCD_X, CCD_Y, COMCAM, LSSTCAM
from portal.archive.sample.geometry import patch_of, patches_of
from portal.archive.sample.obscore import COADDS, EXPOSURES, obscore_columns
from portal.archive.sample.presets import preset
from portal.archive.sample.visits import make_visits

FIELDS = preset("tiny").fields


@pytest.fixture(scope="module", params=["main", "ecliptic", "LSSTCam"])
def listed(request):
    """(field, visits, ObsCore as a table) of a field."""
    field = next((field for field in FIELDS if field.name == request.param), None)
    if field is None:
        field = replace(FIELDS[0], camera=LSSTCAM, visits=3)
    visits = make_visits(field, 7)
    return field, visits, pa.table(obscore_columns(field, 7, visits))


def of_kind(table: pa.Table, kind: str) -> list[dict]:
    return [row for row in table.to_pylist() if row["dataproduct_subtype"] == f"lsst.{kind}"]


def corners(region: str) -> np.ndarray:
    words = region.split()
    assert words[:2] == ["POLYGON", "ICRS"] and len(words) == 10
    return np.array(words[2:], float).reshape(4, 2)


def inside(outline: np.ndarray, ra: float, dec: float) -> bool:
    """Whether a place lies on the same side of all edges, on the plane about it: outlines are a few arcminutes wide."""
    plane = (outline - [ra, dec]) * [np.cos(np.radians(dec)), 1.0]
    x, y = plane.T
    turns = x * np.roll(y, -1) - y * np.roll(x, -1)
    return bool((turns > 0).all() or (turns < 0).all())


def test_every_image_has_its_row(listed) -> None:
    field, visits, table = listed
    assert len(of_kind(table, "visit_image")) == len(visits) * field.camera.detectors
    assert {(row["lsst_visit"], row["lsst_detector"]) for row in of_kind(table, "difference_image")} == {
        (visit, detector) for visit in visits.visit.tolist() for detector in range(field.camera.detectors)
    }
    patches = {(item.tract, item.patch) for item in patches_of(field.ra, field.dec, field.radius_deg)}
    for kind in COADDS:
        found = {(row["lsst_tract"], row["lsst_patch"], row["lsst_band"]) for row in of_kind(table, kind)}
        assert found == {(*place, band) for place in patches for band in "ugrizy"}
    assert len(table) == 3 * len(visits) * field.camera.detectors + 12 * len(patches)


def test_ids_are_unique_and_made_by_the_seed_alone(listed) -> None:
    field, visits, table = listed
    dids = table["obs_publisher_did"].to_pylist()
    assert len(set(dids)) == len(dids)
    for did in dids[:: len(dids) // 20]:
        assert uuid.UUID(did.rpartition("id=")[2]).version == 4
    assert pa.table(obscore_columns(field, 7, visits)).equals(table)
    assert not set(dids) & set(obscore_columns(field, 8, visits)["obs_publisher_did"].to_pylist())


def test_all_fields_give_the_same_columns(listed) -> None:
    reference = obscore_columns(FIELDS[0], 7, make_visits(FIELDS[0], 7))
    assert pa.table(reference).schema == listed[2].schema


@pytest.mark.parametrize("kind", EXPOSURES)
def test_outlines_are_those_of_the_camera(listed, kind: str) -> None:
    _, visits, table = listed
    rows = of_kind(table, kind)
    row_of = {visit: k for k, visit in enumerate(visits.visit.tolist())}
    edges = np.array([(-0.5, -0.5), (CCD_X - 0.5, -0.5), (CCD_X - 0.5, CCD_Y - 0.5), (-0.5, CCD_Y - 0.5)])
    for row in rows[:: max(1, len(rows) // 9)]:
        i, d = row_of[row["lsst_visit"]], row["lsst_detector"]
        wcs = visits.camera.wcs(visits.ra[i], visits.dec[i], visits.rotation[i], d)
        outline = corners(row["s_region"])
        assert np.abs(outline - wcs.all_pix2world(edges, 0)).max() < 2e-7
        centre = wcs.all_pix2world([[(CCD_X - 1) / 2, (CCD_Y - 1) / 2]], 0)[0]
        assert np.abs(centre - [row["s_ra"], row["s_dec"]]).max() < 1e-9
        assert inside(outline, row["s_ra"], row["s_dec"])
        away = np.hypot(*((outline - centre) * [np.cos(np.radians(centre[1])), 1]).T)
        assert (away <= row["s_fov"] / 2 * 1.002).all() and away.max() > 0.49 * row["s_fov"]
        assert (row["s_xel1"], row["s_xel2"]) == (CCD_X, CCD_Y)


def test_coadds_are_where_their_patches_are(listed) -> None:
    for row in [row for kind in COADDS for row in of_kind(listed[2], kind)]:
        patch = patch_of(row["lsst_tract"], row["lsst_patch"])
        assert row["s_region"] == patch.s_region() and (row["s_ra"], row["s_dec"]) == patch.centre()
        assert inside(corners(row["s_region"]), row["s_ra"], row["s_dec"])


def test_times_are_utc(listed) -> None:
    _, visits, table = listed
    middle = dict(zip(visits.visit.tolist(), Time(visits.mjd, format="mjd", scale="tai").utc.mjd))
    for row in of_kind(table, "visit_image")[::13]:
        assert abs((row["t_min"] + row["t_max"]) / 2 - middle[row["lsst_visit"]]) < 1e-8
        assert abs((row["t_max"] - row["t_min"]) * 86400 - row["t_exptime"]) < 1e-3
        began = Time(row["t_min"], format="mjd").isot
        assert row["obs_title"].endswith(f"{began}Z") and row["obs_id"] in row["obs_title"]
    for row in of_kind(table, "deep_coadd"):
        over = [other for other in of_kind(table, "raw") if other["lsst_band"] == row["lsst_band"]]
        assert row["t_min"] == min((other["t_min"] for other in over), default=None)
        assert row["t_max"] == max((other["t_max"] for other in over), default=None)


def test_levels_bands_and_what_is_null(listed) -> None:
    table = listed[2]
    level = {"raw": 1, "visit_image": 2, "difference_image": 3, "deep_coadd": 3, "template_coadd": 3}
    assert {row["dataproduct_subtype"].removeprefix("lsst."): row["calib_level"] for row in table.to_pylist()} == level
    for row in table.to_pylist()[:: len(table) // 50]:
        coadd = row["dataproduct_subtype"].removeprefix("lsst.") in COADDS
        assert (row["lsst_visit"] is None) == coadd == (row["lsst_detector"] is None)
        assert (row["lsst_tract"] is None) != coadd and (row["lsst_patch"] is None) != coadd
        assert 3e-7 <= row["em_min"] < row["em_max"] <= 1.1e-6 and row["lsst_filter"][0] == row["lsst_band"]
        assert len(row["s_region"]) <= 512 and len(row["obs_publisher_did"]) <= 128 and len(row["lsst_filter"]) <= 10
    deep, template = (of_kind(table, kind)[0]["t_exptime"] for kind in COADDS)
    assert deep > 2 * template > 0


def test_detectors_are_called_as_rubin_calls_them() -> None:
    assert footprints.detector_names(COMCAM) == [f"R22_S{y}{x}" for y in range(3) for x in range(3)]
    wide = footprints.detector_names(LSSTCAM)
    assert len(set(wide)) == 189 and wide[94] == "R22_S11"
    assert not {"R00", "R04", "R40", "R44"} & {name[:3] for name in wide}


def test_corners_of_ccd_visits(listed) -> None:
    field, visits, _ = listed
    rows = {name: np.asarray(values) for name, values in products.ccd_visit_columns(visits, field, 7).items()}
    assert len(rows["detector"]) == len(visits) * field.camera.detectors
    places = {
        "llc": (-0.5, -0.5),
        "lrc": (CCD_X - 0.5, -0.5),
        "urc": (CCD_X - 0.5, CCD_Y - 0.5),
        "ulc": (-0.5, CCD_Y - 0.5),
    }
    for k in range(0, len(rows["detector"]), max(1, len(rows["detector"]) // 7)):
        i = visits.visit.tolist().index(rows["visitId"][k])
        wcs = visits.camera.wcs(visits.ra[i], visits.dec[i], visits.rotation[i], int(rows["detector"][k]))
        for name, at in places.items():
            want = wcs.all_pix2world([at], 0)[0]
            assert np.abs(want - [rows[f"{name}ra"][k], rows[f"{name}dec"][k]]).max() < 1e-9
        assert rows["ccdVisitId"][k] == rows["visitId"][k] * 1000 + rows["detector"][k]
    # Detectors away from the boresight stand at another zenith distance, by at most the camera's radius.
    apart = rows["zenithDistance"] - (90 - visits.altitude)[np.repeat(np.arange(len(visits)), field.camera.detectors)]
    assert 0 < np.abs(apart).max() < field.camera.radius_deg + 0.01
