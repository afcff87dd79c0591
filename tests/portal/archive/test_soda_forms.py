"""Shapes, pictures, blank surroundings and several cutouts in a job: what goes beyond one circle as FITS."""

from __future__ import annotations

import io
import re

import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.wcs import WCS
from PIL import Image

from portal.archive.params import Parameters, UsageError
from portal.archive.picture import levels
from portal.archive.sample.geometry import patch_of
from portal.archive.stencil import MAX_VERTICES, NoOverlap, Stencil, stencils
from portal.table.votable_read import read_votable

RA, DEC = 62.0, -37.0
HALF = 0.002
SQUARE = f"{RA} {DEC} {RA + HALF} {DEC} {RA + HALF} {DEC + HALF} {RA} {DEC + HALF}"


@pytest.fixture(scope="module")
def dids(service) -> dict[str, str]:
    """An image of three kinds over the middle of the field."""
    query = (
        "SELECT dataproduct_subtype, MIN(obs_publisher_did) AS did FROM ivoa.ObsCore WHERE lsst_band = 'r'"
        f" AND CONTAINS(POINT('ICRS', {RA}, {DEC}), s_region) = 1 GROUP BY dataproduct_subtype"
    )
    rows = read_votable(service.sync(query).content)[1].to_pylist()
    return {row["dataproduct_subtype"].removeprefix("lsst."): row["did"] for row in rows}


def cut(service, **asked) -> io.BytesIO:
    answer = service.http.get("/api/cutout/sync", params=asked)
    assert answer.status_code == 200, answer.text
    return io.BytesIO(answer.content)


def read(text: str) -> Stencil:
    (found,) = stencils(Parameters([("POS", text)]))
    return found


@pytest.mark.parametrize("patch", [patch_of(1234, 45), patch_of(0, 0), patch_of(1234, 9)])
@pytest.mark.parametrize("shape", ["circle", "polygon", "range", "arc", "concave"])
def test_the_box_is_the_smallest_that_holds_what_is_inside(patch, shape: str) -> None:
    """Against every pixel of a coarse grid: none outside of the box is inside the shape, and the box ends at some."""
    ra, dec = patch.centre()
    wide = 1 / np.cos(np.radians(dec))
    side = 0.05 * wide
    text = {
        "circle": f"CIRCLE {ra + 0.06 * wide} {dec} 0.05",  # over an edge
        "polygon": f"POLYGON {ra} {dec} {ra + 0.3 * wide} {dec - 0.2} {ra + 0.3 * wide} {dec + 0.2}",
        "range": f"RANGE {ra - 0.05 * wide} {ra + 9} {dec - 0.03} {dec + 0.05}",
        "arc": f"CIRCLE {ra} {max(dec - 40, -90)} {min(40, dec + 90) + 0.02}",  # a huge one, its rim across the image
        "concave": f"POLYGON {ra} {dec} {ra + side} {dec - 0.05} {ra} {dec + 0.05} {ra - side} {dec - 0.05}",
    }[shape]
    found = read(text)
    x0, y0, nx, ny = found.box(patch)
    x, y = np.meshgrid(np.arange(0.0, patch.nx, 7), np.arange(0.0, patch.ny, 7))
    inside = found.contains(*patch.to_sky(x, y))
    in_box = (x >= x0) & (x < x0 + nx) & (y >= y0) & (y < y0 + ny)
    assert inside.any() and in_box[inside].all()
    for ends, low, size in ((x[inside], x0, nx), (y[inside], y0, ny)):
        assert ends.min() - low < 60 and low + size - 1 - ends.max() < 60  # a corner may lie between grid points
    some = (x0, y0 + ny // 2, nx, 3)
    where = np.meshgrid(np.arange(x0, x0 + nx), np.arange(some[1], some[1] + 3))
    assert (found.inside(patch, some) == found.contains(*patch.to_sky(*where))).mean() > 0.9999


def test_open_ranges_and_ranges_over_zero() -> None:
    assert read("RANGE 0 360 -inf 5").numbers == (0.0, 360.0, -90.0, 5.0)
    assert read("RANGE -Inf +Inf -Inf +Inf").numbers == (0.0, 360.0, -90.0, 90.0)
    over = read("RANGE 359 361 -1 1")
    assert over.contains(np.array([359.5, 0.5, 2.0, 358.0]), np.zeros(4)).tolist() == [True, True, False, False]
    patch = patch_of(1234, 45)
    assert read("RANGE 0 360 -90 90").box(patch) == (0, 0, patch.nx, patch.ny)
    with pytest.raises(NoOverlap):
        read("RANGE 0 360 80 90").box(patch)


@pytest.mark.parametrize(
    "text",
    [
        "RANGE 2 1 0 1", "RANGE nan 1 0 1", "RANGE 1 2 3", "RANGE 1 2 91 95", "CIRCLE 1 2 0", "CIRCLE 1 95 1",
        "SQUARE 1 2 3", "", "POLYGON 1 2 3 4 5", "CIRCLE 1 2 1e400", "POLYGON " + "1 2 " * (MAX_VERTICES + 1),
        "CIRCLE " + "9" * 400 + " 0 1",
    ],
)  # fmt: skip
def test_stencils_that_are_none(text: str) -> None:
    with pytest.raises(UsageError) as told:
        read(text)
    assert len(str(told.value)) < 400


def test_a_range_is_cut(service, dids) -> None:
    limits = f"{RA} {RA + HALF} {DEC} {DEC + HALF}"
    one = cut(service, ID=dids["deep_coadd"], RANGE=limits).read()
    assert one == cut(service, ID=dids["deep_coadd"], POS=f"RANGE {limits}").read()
    hdus = fits.open(io.BytesIO(one))
    assert hdus[0].header["ST_TYPE"] == "RANGE" and hdus[0].header["ST_RA2"] == RA + HALF
    ny, nx = hdus["IMAGE"].data.shape
    assert abs(ny - 36) <= 2 and abs(nx - 36 * np.cos(np.radians(DEC))) <= 2


def test_what_is_outside_of_the_shape_is_blank_on_request(service, dids) -> None:
    asked = {"ID": dids["deep_coadd"], "CIRCLE": f"{RA} {DEC} {HALF}", "CUTOUTDETAIL": "MaskedImage"}
    kept, blank = fits.open(cut(service, **asked)), fits.open(cut(service, **asked, OUTSIDE="blank"))
    ny, nx = kept["IMAGE"].data.shape
    assert blank["IMAGE"].data.shape == (ny, nx)
    x, y = np.meshgrid(np.arange(nx), np.arange(ny))
    away = WCS(kept["IMAGE"].header).pixel_to_world(x, y).separation(SkyCoord(RA, DEC, unit="deg")).deg
    inside = away <= HALF
    assert 0.7 < inside.mean() < 0.85  # pi / 4
    for name in ("IMAGE", "VARIANCE"):
        assert (np.isfinite(blank[name].data) == inside).all()
        assert (blank[name].data[inside] == kept[name].data[inside]).all()
    bit = 1 << blank["MASK"].header["MP_NO_DATA"]
    assert (((blank["MASK"].data & bit) > 0) == ~inside).all()
    assert (blank["MASK"].data[inside] == kept["MASK"].data[inside]).all()
    assert blank["IMAGE"].header["OUTSIDE"] == "blank" and blank["IMAGE"].verify_checksum() == 1


def test_whole_numbers_are_blank_too(service, dids) -> None:
    raw = fits.open(cut(service, ID=dids["raw"], POLYGON=SQUARE, OUTSIDE="blank"))["IMAGE"]
    assert raw.header["BLANK"] == -(2**31) and 0 < np.isnan(raw.data).mean() < 0.9


@pytest.mark.parametrize(
    ("name", "kind"), [("image/png", "PNG"), ("png", "PNG"), ("image/jpeg", "JPEG"), ("JPG", "JPEG")]
)
def test_a_picture(service, dids, name: str, kind: str) -> None:
    asked = {"ID": dids["deep_coadd"], "CIRCLE": f"{RA} {DEC} {HALF}"}
    answer = service.http.get("/api/cutout/sync", params={**asked, "RESPONSEFORMAT": name})
    assert (
        answer.headers["content-type"] == f"image/{kind.lower()}"
        and f".{kind.lower()}" in answer.headers["content-disposition"]
    )
    shown = Image.open(io.BytesIO(answer.content))
    values = fits.open(cut(service, **asked))["IMAGE"].data
    assert shown.format == kind and shown.size == values.shape[::-1] and shown.mode == "L"
    grey = np.asarray(shown)[::-1].astype(float)
    order = np.argsort(values, axis=None)
    dark, bright = grey.ravel()[order[:500]], grey.ravel()[order[-500:]]
    assert dark.mean() + 60 < bright.mean() and bright.max() > 240


def test_a_picture_is_transparent_outside(service, dids) -> None:
    asked = {"ID": dids["visit_image"], "CIRCLE": f"{RA} {DEC} {HALF}", "OUTSIDE": "blank", "RESPONSEFORMAT": "png"}
    shown = np.asarray(Image.open(cut(service, **asked)))
    assert shown.shape[2] == 2 and set(np.unique(shown[..., 1])) == {0, 255} and shown[0, 0, 1] == 0


def test_stretches_and_limits() -> None:
    image = np.arange(-20.0, 180.0).reshape(10, 20)
    image[0, 0] = np.nan
    for stretch in ("asinh", "linear", "sqrt", "log"):
        made = levels(image, Parameters([("STRETCH", stretch), ("LIMITS", "0 100")]))
        assert np.isnan(made[0, 0]) and np.nanmin(made) == 0 and np.nanmax(made) == pytest.approx(1)
        assert (np.diff(made.ravel()[1:]) >= 0).all()
    assert levels(image, Parameters([("STRETCH", "linear"), ("LIMITS", "minmax")])).ravel()[-1] == 1
    assert np.isnan(levels(np.full((3, 3), np.nan), Parameters())).all()
    assert (levels(np.ones((3, 3)), Parameters()) == 0).all()
    for wrong in (("LIMITS", "5 1"), ("LIMITS", "a b"), ("LIMITS", "nan 1"), ("LIMITS", "some"), ("STRETCH", "cubic")):
        with pytest.raises(UsageError):
            levels(image, Parameters([wrong]))


@pytest.mark.parametrize(
    "more",
    [{"RESPONSEFORMAT": "image/gif"}, {"OUTSIDE": "black"}, {"STRETCH": "x", "RESPONSEFORMAT": "png"}, {"POL": "I"}],
)
def test_options_that_are_not_there(service, dids, more) -> None:
    asked = {"ID": dids["deep_coadd"], "CIRCLE": f"{RA} {DEC} {HALF}"}
    answer = service.http.get("/api/cutout/sync", params={**asked, **more})
    assert answer.status_code == 422 and answer.text.startswith("UsageError: ")


@pytest.mark.parametrize(
    ("name", "value", "status"),
    [
        ("POLYGON", "62 -37 " * 150_000, 422),
        ("CIRCLE", "6" * 1_000_000 + " 1 1", 422),
        ("RESPONSEFORMAT", "x" * 1_000_000, 422),
        ("ID", "ivo://" + "x" * 1_000_000, 404),
    ],
)
def test_a_megabyte_of_a_parameter_is_answered_shortly(service, dids, name: str, value: str, status: int) -> None:
    asked = {"ID": dids["raw"], "CIRCLE": f"{RA} {DEC} {HALF}"}
    if name == "POLYGON":
        del asked["CIRCLE"]
    answer = service.http.post("/api/cutout/sync", data=asked | {name: value})
    assert answer.status_code == status and len(answer.text) < 500


def test_several_at_once_need_a_job(service, dids) -> None:
    asked = {"ID": [dids["raw"], dids["deep_coadd"]], "CIRCLE": f"{RA} {DEC} {HALF}"}
    answer = service.http.get("/api/cutout/sync", params=asked)
    assert answer.status_code == 422 and answer.text.startswith("MultiValuedParamNotSupported: ")
    assert "/api/cutout/jobs" in answer.text


def finished(service, **data) -> tuple[str, str]:
    """A job's address and its phase once it has ended."""
    job = service.http.post("/api/cutout/jobs", data={**data, "PHASE": "RUN"}).headers["location"]
    return job, ended(service, job)


def ended(service, job: str) -> str:
    """The phase of a job that was started, once it has ended."""
    for _ in range(30):
        phase = service.http.get(f"{job}/phase").text
        if phase not in ("QUEUED", "EXECUTING"):
            break
        service.http.get(job, params={"WAIT": "2"})
    return phase


def test_a_job_makes_one_file_for_each_image_and_shape(service, dids) -> None:
    circles = [f"{RA} {DEC} 0.001", f"{RA + 0.001} {DEC} 0.0005"]
    ids = [dids["deep_coadd"], dids["visit_image"], "ivo://nothing"]
    job, phase = finished(service, ID=ids, CIRCLE=circles)
    assert phase == "COMPLETED"
    for number in range(1, 7):
        answer = service.http.get(f"{job}/results/cutout-{number}")
        if number > 4:
            assert answer.text.startswith("NotFound: ") and answer.headers["content-type"].startswith("text/plain")
            continue
        header = fits.open(io.BytesIO(answer.content))[0].header
        assert ids[(number - 1) // 2].endswith(header["BTLRUUID"])
        assert f"{header['ST_RA']} {header['ST_DEC']} {header['ST_RAD']}" == circles[(number - 1) % 2]


def test_parameters_given_later_may_be_several_too(service, dids) -> None:
    job = service.http.post("/api/cutout/jobs", data={"ID": dids["raw"]}).headers["location"]
    service.http.post(f"{job}/parameters", data={"CIRCLE": [f"{RA} {DEC} 0.0005", f"{RA} {DEC} 0.001"]})
    service.http.post(f"{job}/phase", data={"PHASE": "RUN"})
    assert "COMPLETED" in ended(service, job)
    assert re.findall(r'id="([^"]+)"', service.http.get(f"{job}/results").text) == ["cutout-1", "cutout-2"]


def test_jobs_that_cannot_be_done(service, dids) -> None:
    job, phase = finished(service, ID=[dids["raw"], dids["deep_coadd"]], CIRCLE="10 10 0.01")
    assert phase == "ERROR" and "does not overlap" in service.http.get(f"{job}/error").text
    job, phase = finished(service, ID=[dids["raw"]] * 60, CIRCLE=["10 10 0.01", "10 10 0.02"])
    assert phase == "ERROR" and "too many" in service.http.get(f"{job}/error").text
