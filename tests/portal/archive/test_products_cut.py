"""Pixels of every kind of image over HTTP: cutouts equal the same part of the whole and lie where they should."""

from __future__ import annotations

import io
import threading
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pytest
import pyvo
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.wcs import WCS

from portal.archive.images import COADDS, EXPOSURES
from portal.config import Settings
from portal.table.votable_read import read_votable
from portal.vo import obscore
from portal.vo.http import Web
from portal.vo.images import ImageFiles
from portal.vo.quota import Quota
from portal.vo.soda import Cutouts
from portal.vo.tap import TapService

KINDS = (*COADDS, *EXPOSURES)
PLACES = {"main": (62.0, -37.0), "ecliptic": (38.0, 7.0)}
SMALL, WIDE = 0.002, 0.004  # degrees: 72 and 144 pixels across


def images_at(service, ra: float, dec: float) -> dict[str, dict]:
    """Of each kind an image that holds a place well inside."""
    query = (
        "SELECT dataproduct_subtype, obs_publisher_did, access_url, s_ra, s_dec FROM ivoa.ObsCore"
        f" WHERE CONTAINS(POINT('ICRS', {ra}, {dec}), s_region) = 1 AND lsst_band <> 'u' ORDER BY obs_publisher_did"
    )
    found: dict[str, dict] = {}
    for row in read_votable(service.sync(query).content)[1].to_pylist():
        image = service.archive.images.find(row["obs_publisher_did"])
        grid = service.archive.images.where(image)
        x, y = grid.to_pixel(ra, dec)
        if image.kind not in found and 200 < x < grid.nx - 200 and 200 < y < grid.ny - 200:
            found[image.kind] = row
    assert set(found) == set(KINDS)
    return found


@pytest.fixture(scope="module", params=PLACES)
def images(service, request) -> tuple[tuple[float, float], dict[str, dict]]:
    """A place, and the images there."""
    place = PLACES[request.param]
    return place, images_at(service, *place)


def cut(service, did: str, detail: str = "MaskedImage", **stencil: str) -> fits.HDUList:
    answer = service.http.get("/api/cutout/sync", params={"ID": did, "CUTOUTDETAIL": detail, **stencil})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/fits"
    return fits.open(io.BytesIO(answer.content))


def planes(hdus: fits.HDUList) -> list[str]:
    return [hdu.name for hdu in hdus if hdu.data is not None]


def part_of(small: fits.HDUList, whole: fits.HDUList, name: str) -> np.ndarray:
    """The pixels of ``whole`` that ``small`` shows, found by the WCS alone."""
    ny, nx = small[name].data.shape
    sky = WCS(small[name].header).all_pix2world([[0, 0]], 0)
    x, y = WCS(whole[name].header).all_world2pix(sky, 0)[0]
    assert abs(x - round(x)) < 1e-3 and abs(y - round(y)) < 1e-3
    return whole[name].data[round(y) : round(y) + ny, round(x) : round(x) + nx]


@pytest.mark.parametrize("kind", KINDS)
def test_a_cutout_is_part_of_a_larger_one_and_lies_where_it_was_asked_for(service, images, kind: str) -> None:
    (ra, dec), rows = images
    did = rows[kind]["obs_publisher_did"]
    small = cut(service, did, CIRCLE=f"{ra} {dec} {SMALL}")
    wide = cut(service, did, POS=f"CIRCLE {ra + 0.0011} {dec - 0.0007} {WIDE}")
    assert planes(small) == (["IMAGE"] if kind == "raw" else ["IMAGE", "MASK", "VARIANCE"])
    for name in planes(small):
        assert small[name].data.tobytes() == np.ascontiguousarray(part_of(small, wide, name)).tobytes()
    header = small["IMAGE"].header
    assert header["BUNIT"] == ("adu" if kind == "raw" else "nJy")
    ny, nx = small["IMAGE"].data.shape
    assert abs(nx - 72) <= 2 and abs(ny - 72) <= 2
    x, y = WCS(header).world_to_pixel(SkyCoord(ra, dec, unit="deg"))
    assert abs(x - (nx - 1) / 2) <= 1 and abs(y - (ny - 1) / 2) <= 1
    assert np.isfinite(small["IMAGE"].data).all() and small["IMAGE"].data.std() > 0


@pytest.mark.parametrize("kind", KINDS)
def test_details_and_polygons(service, images, kind: str) -> None:
    (ra, dec), rows = images
    did = rows[kind]["obs_publisher_did"]
    triangle = f"{ra} {dec} {ra + 0.002} {dec} {ra} {dec + 0.002}"
    plain = cut(service, did, "Image", POLYGON=triangle)
    whole = cut(service, did, "Exposure", POS=f"POLYGON {triangle}")
    assert planes(plain) == ["IMAGE"] and planes(whole)[0] == "IMAGE" and (len(planes(whole)) == 3 or kind == "raw")
    assert plain["IMAGE"].data.tobytes() == whole["IMAGE"].data.tobytes()
    edges = WCS(plain["IMAGE"].header).all_world2pix([[ra, dec], [ra + 0.002, dec], [ra, dec + 0.002]], 0)
    ny, nx = plain["IMAGE"].data.shape
    assert (edges.min(axis=0) > -0.6).all() and (edges.max(axis=0) < [nx - 0.4, ny - 0.4]).all()


def test_a_cutout_says_what_it_was_cut_from(service, images) -> None:
    (ra, dec), rows = images
    for kind, names in (("deep_coadd", {"band", "skymap", "tract", "patch"}), ("raw", {"band", "visit", "detector"})):
        did = rows[kind]["obs_publisher_did"]
        header = cut(service, did, CIRCLE=f"{ra} {dec} {SMALL}")[0].header
        assert header["BTLRNAME"] == kind and did.endswith(header["BTLRUUID"])
        data_id = {header[f"BTLRK{k:03d}"]: header[f"BTLRV{k:03d}"] for k in range(1, len(names) + 1)}
        assert set(data_id) == names and data_id == service.archive.images.find(did).data_id
        assert [header[name] for name in ("ST_TYPE", "ST_RA", "ST_DEC", "ST_RAD")] == ["CIRCLE", ra, dec, SMALL]


@pytest.mark.parametrize("kind", KINDS)
def test_a_stencil_off_the_image(service, images, kind: str) -> None:
    (ra, dec), rows = images
    for place in ((ra + 1.5, dec), (ra, dec + 3), ((ra + 180) % 360, -dec)):
        asked = {"ID": rows[kind]["obs_publisher_did"], "CIRCLE": f"{place[0]} {place[1]} 0.01"}
        answer = service.http.get("/api/cutout/sync", params=asked)
        assert answer.status_code == 422 and answer.text.startswith("NoOverlap: ")


@pytest.mark.parametrize("kind", ["visit_image", "difference_image"])
def test_pyvo_cuts_by_the_descriptor(service, images, kind: str) -> None:
    (ra, dec), rows = images
    links = pyvo.dal.adhoc.DatalinkResults.from_result_url(rows[kind]["access_url"])
    (resource,) = [item for item in links.votable.resources if item.ID == "cutout-sync-maskedimage"]
    query = pyvo.dal.adhoc.SodaQuery.from_resource(
        links, resource, circle=(ra * u.deg, dec * u.deg, SMALL * u.deg), ID=rows[kind]["obs_publisher_did"]
    )
    got = fits.open(io.BytesIO(query.execute_stream().read()))
    same = cut(service, rows[kind]["obs_publisher_did"], CIRCLE=f"{ra} {dec} {SMALL}")
    assert planes(got) == planes(same) and got["IMAGE"].data.tobytes() == same["IMAGE"].data.tobytes()


def test_a_whole_exposure_holds_its_cutouts(service) -> None:
    ra, dec = PLACES["main"]
    row = images_at(service, ra, dec)["visit_image"]
    links = read_votable(service.http.get(row["access_url"]).content)[1].to_pylist()
    (this,) = [link for link in links if link["semantics"] == "#this"]
    content = service.http.get(this["access_url"]).content
    whole = fits.open(io.BytesIO(content))
    again = read_votable(service.http.get(row["access_url"]).content)[1].to_pylist()
    assert [link["content_length"] for link in again if link["semantics"] == "#this"] == [len(content)]
    images = service.archive.images
    images._sizes.clear()  # as after a restart
    assert images.size(images.find(row["obs_publisher_did"])) == len(content)
    assert whole["IMAGE"].data.shape == (4000, 4072)
    small = cut(service, row["obs_publisher_did"], CIRCLE=f"{ra} {dec} {SMALL}")
    for name in ("IMAGE", "MASK", "VARIANCE"):
        assert (part_of(small, whole, name) == small[name].data).all()
    centre = WCS(whole["IMAGE"].header).all_pix2world([[2035.5, 1999.5]], 0)[0]
    assert np.abs(centre - [row["s_ra"], row["s_dec"]]).max() < 1e-7


def test_the_portal_finds_deep_coadds_and_what_belongs_to_them(service, tmp_path: Path) -> None:
    """ObsCore lists a hundred images over an object; the portal's image view asks for six of them."""
    web = Web(Settings(tap_url=service.tap))
    files = ImageFiles(web, Quota(0), tmp_path, 1 << 30, 1 << 30)
    cutouts = Cutouts(files, TapService(web, service.tap))
    try:
        found = cutouts.coadds(62.0, -37.0)
        assert [ref.band for ref in found] == list("ugrizy")
        for ref in found:
            image = service.archive.images.find(ref.did)
            assert image.kind == "deep_coadd" and quote(image.did, safe="") in ref.url
        for ref in found:
            with files.file(ref.cut(62.0, -37.0, 0.001), threading.Event(), print) as path, fits.open(path) as hdus:
                assert hdus["IMAGE"].header["BAND"] == ref.band and "MASK" in hdus and "VARIANCE" in hdus
        # The same query language on both sides: a coadd's visits, a visit's detectors, a patch in all bands.
        coadd = found_row(service, f"obs_publisher_did = '{found[2].did}'")
        visits = rows_of(service, obscore.visits_over(coadd))
        assert visits and {row["lsst_band"] for row in visits} == {"r"}
        assert {row["dataproduct_subtype"] for row in visits} == {"lsst.visit_image"}
        at = rows_of(service, obscore.visits_at(62.0, -37.0))
        assert {row["obs_id"] for row in at if row["lsst_band"] == "r"} <= {row["obs_id"] for row in visits}
        detectors = rows_of(service, obscore.of_visit(visits[0]["lsst_visit"]))
        assert len(detectors) == 9 and visits[0]["obs_id"] in {row["obs_id"] for row in detectors}
        assert [row["lsst_band"] for row in rows_of(service, obscore.bands_of(coadd))] == list("ugrizy")
    finally:
        files.close()


def rows_of(service, adql: str) -> list[dict]:
    return read_votable(service.sync(adql).content)[1].to_pylist()


def found_row(service, where: str) -> dict:
    (row,) = rows_of(service, f"SELECT * FROM ivoa.ObsCore WHERE {where}")
    return row
