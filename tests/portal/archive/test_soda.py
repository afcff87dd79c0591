"""Cutouts: the right pixels of the right image, and clear words for what cannot be cut."""

from __future__ import annotations

import io

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS

from portal.archive.params import Parameters, UsageError
from portal.archive.sample.geometry import patch_of
from portal.archive.stencil import NoOverlap, stencils
from portal.table.votable_read import read_votable


@pytest.fixture(scope="module")
def did(service) -> str:
    query = (
        "SELECT TOP 1 obs_publisher_did FROM ivoa.ObsCore WHERE dataproduct_subtype = 'lsst.deep_coadd'"
        " AND lsst_band = 'r' AND CONTAINS(POINT('ICRS', 62.0, -37.0), s_region) = 1"
    )
    return read_votable(service.sync(query).content)[1]["obs_publisher_did"][0].as_py()


def test_a_circle(service, did: str) -> None:
    answer = service.http.get("/api/cutout/sync", params={"ID": did, "CIRCLE": "62.0 -37.0 0.002"})
    assert answer.status_code == 200 and answer.headers["content-type"] == "application/fits"
    with fits.open(io.BytesIO(answer.content)) as hdus:
        image = next(hdu for hdu in hdus if hdu.data is not None)
        ny, nx = image.data.shape
        assert abs(nx - 72) <= 2 and abs(ny - 72) <= 2  # 14.4 arcsec of 0.2
        assert image.header["BUNIT"] == "nJy"
        x, y = WCS(image.header).all_world2pix(62.0, -37.0, 0)
        assert abs(x - (nx - 1) / 2) < 1.5 and abs(y - (ny - 1) / 2) < 1.5
        assert np.isfinite(image.data).all()


def test_pos_and_circle_are_the_same_and_masks_come_on_demand(service, did: str) -> None:
    get = service.http.get
    one = get("/api/cutout/sync", params={"ID": did, "CIRCLE": "62.0 -37.0 0.001"}).content
    other = get("/api/cutout/sync", params={"ID": did, "POS": "CIRCLE 62.0 -37.0 0.001"}).content
    assert one == other
    asked = {"id": did, "circle": "62.0 -37.0 0.001", "cutoutdetail": "MaskedImage"}
    with fits.open(io.BytesIO(get("/api/cutout/sync", params=asked).content)) as hdus:
        assert [hdu.name for hdu in hdus][-3:] == ["IMAGE", "MASK", "VARIANCE"]
        assert any(key.startswith("MP_") for key in hdus["MASK"].header)


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({"CIRCLE": "62.0 -37.0 0.001"}, 422),
        ({"ID": "", "CIRCLE": "62.0 -37.0 0.001"}, 404),
        ({"ID": "ivo://nothing", "CIRCLE": "62.0 -37.0 0.001"}, 404),
        ({"ID": "+"}, 422),
        ({"ID": "+", "CIRCLE": "62.0 -37.0"}, 422),
        ({"ID": "+", "CIRCLE": "62.0 -37.0 nan"}, 422),
        ({"ID": "+", "CIRCLE": "62.0 -37.0 0.1", "POS": "CIRCLE 62 -37 0.1"}, 422),
        ({"ID": "+", "POS": "RANGE 1 2 3 4"}, 422),
        ({"ID": "+", "CIRCLE": "10.0 -37.0 0.001"}, 422),
        ({"ID": "+", "CIRCLE": "242.0 37.0 0.001"}, 422),
        ({"ID": "+", "CIRCLE": "62.0 -37.0 0.001", "BAND": "1 2"}, 422),
        ({"ID": "+", "CIRCLE": "62.0 -37.0 0.001", "CUTOUTDETAIL": "All"}, 422),
    ],
)
def test_what_cannot_be_cut(service, did: str, asked: dict[str, str], status: int) -> None:
    values = {name: did if value == "+" else value for name, value in asked.items()}
    answer = service.http.get("/api/cutout/sync", params=values)
    assert answer.status_code == status
    assert answer.headers["content-type"].startswith("text/plain") and len(answer.text) > 10


def test_a_stencil_is_cut_at_the_edge_of_the_image() -> None:
    patch = patch_of(0, 0)
    ra, dec = patch.corners()[0]
    x0, y0, nx, ny = stencils(Parameters([("CIRCLE", f"{ra} {dec} 0.001")]))[0].box(patch)
    assert (x0, y0) == (0, 0) and 15 < nx < 21 and 15 < ny < 21


def test_a_circle_is_round_on_the_sky() -> None:
    for dec in (-89.9, -37.0, 0.0, 89.0):
        ra, d = np.radians(stencils(Parameters([("CIRCLE", f"0.0 {dec} 0.05")]))[0].outline())
        d0 = np.radians(dec)
        away = np.sin((d - d0) / 2) ** 2 + np.cos(d) * np.cos(d0) * np.sin(ra / 2) ** 2
        assert np.degrees(2 * np.arcsin(np.sqrt(away))) == pytest.approx(0.05, rel=1e-6)


def test_polygons() -> None:
    patch = patch_of(1234, 45)
    ra, dec = patch.centre()
    corners = [ra - 0.01, dec - 0.01, ra + 0.01, dec - 0.01, ra, dec + 0.01]
    x0, y0, nx, ny = stencils(Parameters([("POLYGON", " ".join(map(str, corners)))]))[0].box(patch)
    assert abs(ny - 360) < 4 and nx > 10 and x0 > 0 and y0 > 0
    with pytest.raises(UsageError):
        stencils(Parameters([("POLYGON", "1 2 3 4")]))
    with pytest.raises(NoOverlap):
        stencils(Parameters([("CIRCLE", f"{ra + 5} {dec} 0.01")]))[0].box(patch)


def test_a_cutout_job(service, did: str) -> None:
    data = {"ID": did, "CIRCLE": "62.0 -37.0 0.001", "PHASE": "RUN"}
    job = service.http.post("/api/cutout/jobs", data=data).headers["location"]
    assert "COMPLETED" in service.http.get(f"{job}?WAIT=30&PHASE=QUEUED").text or service.http.get(f"{job}?WAIT=30")
    for _ in range(20):
        if service.http.get(f"{job}/phase").text == "COMPLETED":
            break
        service.http.get(f"{job}?WAIT=2")
    assert service.http.get(f"{job}/results/cutout").content.startswith(b"SIMPLE")
    assert not service.http.get(f"{job}/results").text.count("cutout-1")
