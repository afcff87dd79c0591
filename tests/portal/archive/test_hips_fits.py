"""FITS tiles of the HiPS: exactly placed, with the coadds' own values; and the footprints as MOCs."""

from __future__ import annotations

import importlib.util
import io
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from astropy import units as u
from astropy.io import fits
from astropy.table import Table
from astropy.wcs import WCS
from astropy_healpix import HEALPix
from mocpy import MOC
from PIL import Image
from reproject import reproject_interp
from reproject.hips import reproject_to_hips

from portal.archive.sample import hips, hipsfits
from portal.archive.sample.coadd import Field
from portal.archive.sample.coverage import coverage, coverage_of_outlines
from portal.archive.sample.geometry import SCALE, Patch, patch_at, patch_of, tract_centre
from portal.archive.sample.hipstiles import LOOK, Tiles
from portal.archive.sample.noise import Noise, brightness_sigma
from portal.archive.sample.render import SkyPixels
from portal.archive.sample.resample import coadd_grain, coadd_spots
from portal.archive.sample.tilegrid import pixel_numbers, pixel_scale
from portal.sky.moc import moc_bytes
from portal.vo.hips import Surveys, parse_list

_spec = importlib.util.spec_from_file_location("sky_fixture", Path(__file__).with_name("sky_fixture.py"))
sky_fixture = sys.modules.setdefault("sky_fixture", importlib.util.module_from_spec(_spec))
_spec.loader.exec_module(sky_fixture)

MIDDLE = (62.003, -37.004)


@pytest.fixture(scope="module")
def crowded(tmp_path_factory: pytest.TempPathFactory) -> SkyPixels:
    return SkyPixels(sky_fixture.write_sky(tmp_path_factory.mktemp("fits"), sky_fixture.crowd(1500, 0.06), 0.06))


def cell(order: int, ra: float = MIDDLE[0], dec: float = MIDDLE[1]) -> int:
    return int(HEALPix(2**order, order="nested").lonlat_to_healpix(ra * u.deg, dec * u.deg))


def tile(sky: SkyPixels, order: int, npix: int, band: str = "r") -> tuple[np.ndarray, fits.Header]:
    with fits.open(io.BytesIO(sky.hips_tile(f"band_{band}", order, npix, "fits"))) as hdus:
        return hdus[0].data.astype(float), hdus[0].header


def coadd_box(sky: SkyPixels, half: int, band: str = "r") -> tuple[np.ndarray, WCS, Patch]:
    """Coadd pixels about the middle as surface brightness, and their WCS."""
    tract, number = patch_at(*MIDDLE)
    patch = patch_of(int(tract[0]), int(number[0]))
    x, y = (int(value) - half for value in patch.to_pixel(*MIDDLE))
    wcs = patch.wcs()
    wcs.wcs.crpix -= [x, y]
    return sky.coadd(band, patch, x, y, 2 * half, 2 * half).image / SCALE**2, wcs, patch


@pytest.mark.parametrize("order", [3, 8, 11])
def test_the_wcs_of_a_tile_is_exact_on_every_face(order: int) -> None:
    rng = np.random.default_rng(order)
    row, column = np.mgrid[:512:73, :512:73]
    grid = HEALPix(2 ** (order + 9), order="nested")
    for face in range(12):
        npix = face * 4**order + int(rng.integers(4**order))
        lon, lat = grid.healpix_to_lonlat(pixel_numbers(npix)[::-1][row, column])
        x, y = WCS(hipsfits.tile_header(order, npix)).world_to_pixel_values(lon.deg, lat.deg)
        assert np.abs(x - column).max() < 1e-6 and np.abs(y - row).max() < 1e-6


def test_headers_are_those_of_a_tile(crowded: SkyPixels) -> None:
    data, header = tile(crowded, 8, cell(8))
    assert data.shape == (512, 512) and header["BITPIX"] == -32 and header["NAXIS"] == 2
    assert (header["ORDER"], header["NPIX"]) == (8, cell(8)) and header["BUNIT"] == "nJy/arcsec2"
    u.Unit(header["BUNIT"])
    # NaN outside the field, and only there.
    wcs = WCS(header)
    yy, xx = np.nonzero(np.isnan(data))
    ra, dec = wcs.pixel_to_world_values(xx, yy)
    assert len(ra) and np.hypot((ra - 62.0) * np.cos(np.radians(37)), dec + 37.0).min() > 0.0599
    assert np.isfinite(data).sum() * pixel_scale(8) ** 2 / 3600**2 < 1.01 * np.pi * 0.06**2


def test_tiles_are_those_of_reproject(crowded: SkyPixels, tmp_path: Path) -> None:
    """The same orientation and values as other people's HiPS maker finds from the coadd; flux is conserved."""
    image, wcs, _ = coadd_box(crowded, 200)
    reproject_to_hips(
        (image, wcs),
        coord_system_out="equatorial",
        reproject_function=reproject_interp,
        output_directory=tmp_path / "hips",
        level=11,
    )
    compared, flux, true_flux = 0, 0.0, 0.0
    for path in (tmp_path / "hips" / "Norder11").rglob("Npix*.fits"):
        theirs = fits.getdata(path).astype(float)
        both = np.isfinite(theirs)
        if both.sum() < 3000:
            continue
        ours, header = tile(crowded, 11, int(path.stem[4:]))
        assert np.corrcoef(theirs[both], ours[both])[0, 1] > 0.99
        compared += both.sum()
        flux += ours[both].sum()
        true_flux += theirs[both].sum()
        their_header = fits.getheader(path)
        here, there = (WCS(h).pixel_to_world_values(100, 300) for h in (header, their_header))
        assert np.allclose(here, there, rtol=0, atol=1e-6)
    assert compared > 100_000 and flux == pytest.approx(true_flux, rel=0.005)


@pytest.mark.parametrize("order", [10, 11])
def test_fine_tiles_hold_the_pixels_of_the_coadd(crowded: SkyPixels, order: int) -> None:
    """Light and noise, in any tile; the seam between two tracts too."""
    image, wcs, _ = coadd_box(crowded, 250)
    data, header = tile(crowded, order, cell(order))
    theirs, _ = reproject_interp((image, wcs), header)
    both = np.isfinite(theirs)
    assert both.sum() > 40_000
    assert np.corrcoef(theirs[both], data[both])[0, 1] > 0.99
    difference = (theirs - data)[both] / brightness_sigma()[2]
    assert np.median(np.abs(difference)) < (0.1 if order == 11 else 0.5)


def test_noise_changes_hands_between_tracts() -> None:
    ra, dec = tract_centre(int(patch_at(*MIDDLE)[0][0]))
    step = np.linspace(0.0, 2.0, 4001)
    owners = patch_at(ra + step, np.full_like(step, dec))[0]
    seam = step[np.nonzero(np.diff(owners))[0][0]]
    npix = cell(11, ra + seam, dec)
    spots = coadd_spots(11, npix)
    assert len(spots) == 2 and all(0 < item.mine.sum() < 512**2 for item in spots)
    assert (spots[0].mine ^ spots[1].mine).all()
    lon, lat = HEALPix(2**20, order="nested").healpix_to_lonlat(pixel_numbers(npix))
    owner = patch_at(lon.deg.ravel(), lat.deg.ravel())[0].reshape(512, 512)
    assert np.mean((owner == spots[0].tract) == spots[0].mine) > 0.999
    grain = coadd_grain(Noise(3), "r", spots)
    assert grain.std() == pytest.approx(2 / 3, abs=0.02)  # what bilinear resampling leaves of it


def test_coarse_tiles_conserve_the_light(crowded: SkyPixels) -> None:
    image, wcs, _ = coadd_box(crowded, 250)
    whole = image.sum() * SCALE**2
    corners = wcs.pixel_to_world_values([0, 499, 499, 0], [0, 0, 499, 499])
    for order in (7, 9):
        seen = 0.0
        for npix in MOC.from_polygon(corners[0] * u.deg, corners[1] * u.deg, max_depth=order).flatten().tolist():
            data, header = tile(crowded, order, npix)
            x, y = wcs.world_to_pixel_values(*WCS(header).pixel_to_world_values(*np.mgrid[:512, :512][::-1]))
            inside = (x > -0.5) & (x < 499.5) & (y > -0.5) & (y < 499.5)
            seen += np.nansum(data[inside]) * pixel_scale(order) ** 2
        assert seen == pytest.approx(whole, rel=0.03), order


def test_picture_and_values_show_the_same(crowded: SkyPixels) -> None:
    npix = cell(9)
    data, _ = tile(crowded, 9, npix, "i")
    grey = np.asarray(Image.open(io.BytesIO(crowded.hips_tile("band_i", 9, npix))).convert("L"), float)[::-1]
    plain = np.isfinite(data) & (grey > 5) & (grey < 250)
    order = np.argsort(data[plain])
    assert (np.diff(grey[plain][order]) > -2).all()  # a curve that only rises


def test_several_fields(crowded: SkyPixels) -> None:
    fields = (crowded.tiles.fields[0], Field(38.0, 7.0, 0.05))
    tiles = Tiles(crowded._folder, fields, crowded._open, crowded._noise)
    assert tiles.tile("band_r", 9, cell(9), "fits") and tiles.tile("band_r", 9, cell(9, 38.0, 7.0), "fits")
    assert tiles.tile("band_r", 9, cell(9, 50.0, -10.0), "fits") is None
    moc = coverage(fields, 11)
    assert moc.contains_lonlat([62.0, 38.0, 50.0] * u.deg, [-37.0, 7.0, -10.0] * u.deg).tolist() == [True, True, False]
    lines = parse_list(tiles.properties("band_r", "http://127.0.0.1/x"))[0]
    assert float(lines["hips_initial_ra"]) == 62.0 and float(lines["moc_sky_fraction"]) == pytest.approx(
        moc.sky_fraction, rel=1e-3
    )
    with fits.open(io.BytesIO(tiles.allsky("band_r", "fits"))) as hdus:
        sheet = hdus[0].data[::-1]  # rows from the top, as the PNG counts them
        for ra, dec in ((62.0, -37.0), (38.0, 7.0)):
            npix = cell(3, ra, dec)
            part = sheet[npix // 27 * 64 :, npix % 27 * 64 :][:64, :64]
            assert np.isfinite(part).any()
        picture = np.asarray(Image.open(io.BytesIO(tiles.allsky("band_r"))))
        assert (np.isfinite(sheet) == (picture[..., -1] > 0)).mean() > 0.9999


def test_properties_are_valid(crowded: SkyPixels) -> None:
    for survey in crowded.surveys:
        lines = parse_list(crowded.hips_properties(survey, "http://127.0.0.1/x"))[0]
        assert lines["moc_access_url"] == "http://127.0.0.1/x/Moc.fits"
        assert 0 < float(lines["hips_initial_fov"]) < 180 and -90 <= float(lines["hips_initial_dec"]) <= 90
        assert float(lines["em_min"]) < float(lines["em_max"]) < 1.1e-6
        assert 0 < float(lines["moc_sky_fraction"]) < 1
        if survey == "color_gri":
            assert lines["dataproduct_subtype"] == "color" and "hips_pixel_cut" not in lines
            continue
        assert lines["hips_pixel_bitpix"] == "-32" and lines["hips_tile_format"].split() == ["png", "fits"]
        low, high = map(float, lines["hips_pixel_cut"].split())
        least, most = map(float, lines["hips_data_range"].split())
        assert least < low < high < most


def test_a_stale_look_goes(tmp_path: Path) -> None:
    sky = SkyPixels(sky_fixture.write_sky(tmp_path, sky_fixture.crowd(20, 0.05), 0.05))
    old = tmp_path / "hips" / "look-1" / "band_r" / "Norder3"
    old.mkdir(parents=True)
    (old / "Allsky.png").write_bytes(b"old")
    sky.hips_tile("band_r", 11, cell(11))
    assert old.exists()  # nothing was stored
    sky.hips_tile("band_r", 8, cell(8))
    assert [item.name for item in (tmp_path / "hips").iterdir()] == [f"look-{LOOK}"]


def test_pictures_have_no_values(crowded: SkyPixels) -> None:
    with pytest.raises(KeyError):
        crowded.hips_tile("color_gri", 9, cell(9), "fits")
    with pytest.raises(KeyError):
        crowded.allsky("color_gri", "fits")
    with pytest.raises(KeyError):
        crowded.hips_tile("band_r", 9, cell(9), "webp")


def test_mocs_in_three_forms() -> None:
    moc = coverage([Field(62.0, -37.0, 0.05)], 11)
    assert MOC.from_fits(io.BytesIO(moc_bytes(moc))) == moc
    assert MOC.from_json(json.loads(moc_bytes(moc, "json"))) == moc
    assert MOC.from_string(moc_bytes(moc, "txt").decode(), "ascii") == moc
    ra, dec = (
        np.array([[359.9, 0.1, 0.1, -0.1], [10, 10.2, 10.2, 10.0]]),
        np.array([[0, 0, 0.2, 0.2], [5, 5, 5.2, 5.2]]),
    )
    union = coverage_of_outlines(ra, dec, 13)
    assert union.contains_lonlat([0.0, 10.1, 5.0] * u.deg, [0.1, 5.1, 5.0] * u.deg).tolist() == [True, True, False]
    assert union.sky_fraction * 41252.96 == pytest.approx(0.08, rel=0.2)


def test_the_service_gives_values(service) -> None:
    near, far = cell(8, 62.0, -37.0), 5
    for npix, sees in ((near, True), (far, False)):
        answer = service.http.get(f"/api/hips/band_g/Norder8/Dir{npix // 10000 * 10000}/Npix{npix}.fits")
        assert answer.status_code == 200 and answer.headers["content-type"] == "application/fits"
        assert answer.headers["content-encoding"] == "gzip"  # and unpacked by the client
        with fits.open(io.BytesIO(answer.content)) as hdus:
            assert np.isfinite(hdus[0].data).any() == sees and hdus[0].header["NPIX"] == npix
    plain = service.http.get(f"/api/hips/band_g/Norder8/Dir0/Npix{far}.fits", headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers and plain.content[:6] == b"SIMPLE"
    preview = service.http.get("/api/hips/band_g/Norder3/Allsky.fits")
    assert preview.status_code == 200 and preview.content[:6] == b"SIMPLE"
    for path in ("color_gri/Norder8/Dir0/Npix5.fits", "color_gri/Norder3/Allsky.fits", "mocs/nothing.fits"):
        assert service.http.get(f"/api/hips/{path}").status_code == 404


def test_the_service_lists_footprints(service) -> None:
    found = service.http.get("/api/hips/mocs").json()
    names = [item["name"] for item in found]
    assert names == ["survey", *(f"{kind}_{band}" for kind in ("band", "visits") for band in "ugrizy")]
    table = Table.read(service.http.get("/api/hips/moc-list.tbl").text, format="ascii.ipac")
    assert list(table["name"]) == names
    for item in found:
        moc = MOC.from_fits(io.BytesIO(service.http.get(item["url"]).content))
        assert moc.sky_fraction == pytest.approx(item["sky_fraction"], rel=1e-3)
        assert MOC.from_string(service.http.get(item["text_url"]).text, "ascii") == moc
        assert moc.contains_lonlat([62.0, 38.0] * u.deg, [-37.0, 7.0] * u.deg).all() or item["name"] == "visits_u"
    for form in ("json", "txt"):
        assert service.http.get(f"/api/hips/band_r/Moc.{form}").status_code == 200


def test_rubin_addresses_lead_to_the_same(service) -> None:
    http = service.http
    for path, same in (
        ("v2/dp1/list", "list"),
        ("v2/dp2/dp2-moc-list.tbl", "moc-list.tbl"),
        ("v2/dp2/color_gri/properties", "color_gri/properties"),
        ("v2/dp1/deep_coadd/band_r/Moc.fits", "band_r/Moc.fits"),
        ("v2/dp02/images/band_r/Norder3/Allsky.png", "band_r/Norder3/Allsky.png"),
    ):
        one, other = http.get(f"/api/hips/{path}"), http.get(f"/api/hips/{same}")
        assert one.status_code == 200 and one.content == other.content
    assert http.get("/api/hips/v2/dp9/list").status_code == 404


def test_the_portal_lists_the_surveys(service) -> None:
    surveys = Surveys(service.http, "/api/hips/list", service.url)
    found = surveys.read()
    assert [item["url"] for item in found] == [f"api/hips/{name}" for name in hips.SURVEYS]
    assert found[0]["name"].startswith("Sample sky, colour")
