"""HiPS tiles: everything where the HEALPix grid says, at every order, and nothing outside the field."""

from __future__ import annotations

import importlib.util
import io
import sys
from pathlib import Path

import numpy as np
import pytest
from astropy import units as u
from astropy.io import fits
from astropy_healpix import HEALPix
from mocpy import MOC
from PIL import Image

from portal.archive.sample import hips
from portal.archive.sample.coverage import coverage
from portal.archive.sample.render import SkyPixels
from portal.archive.sample.tilegrid import deinterleave, locate, pixel_numbers, pixel_scale

_spec = importlib.util.spec_from_file_location("sky_fixture", Path(__file__).with_name("sky_fixture.py"))
sky_fixture = sys.modules.setdefault("sky_fixture", importlib.util.module_from_spec(_spec))
_spec.loader.exec_module(sky_fixture)

STAR = (62.0131, -36.9892)
FLUX = 5e6


@pytest.fixture(scope="module")
def one_star(tmp_path_factory: pytest.TempPathFactory) -> SkyPixels:
    rows = [{"ra": STAR[0], "dec": STAR[1], "flux": FLUX}]
    return SkyPixels(sky_fixture.write_sky(tmp_path_factory.mktemp("star"), rows, radius=0.1))


@pytest.fixture(scope="module")
def crowded(tmp_path_factory: pytest.TempPathFactory) -> SkyPixels:
    return SkyPixels(sky_fixture.write_sky(tmp_path_factory.mktemp("tiles"), sky_fixture.crowd(1500, 0.06), 0.06))


def cell(order: int, ra: float = STAR[0], dec: float = STAR[1]) -> int:
    return int(HEALPix(2**order, order="nested").lonlat_to_healpix(ra * u.deg, dec * u.deg))


def light(sky: SkyPixels, order: int, npix: int) -> np.ndarray:
    sources = sky._open()
    return hips.tile_light(sources, "r", order, npix, np.arange(len(sources)))


@pytest.mark.parametrize("order", range(3, 12))
def test_a_star_is_drawn_in_the_pixel_that_holds_it(one_star: SkyPixels, order: int) -> None:
    npix = cell(order)
    image = light(one_star, order, npix)
    brightest = np.unravel_index(image.argmax(), image.shape)
    expected = np.argwhere(pixel_numbers(npix) == cell(order + 9))[0]
    assert np.abs(np.array(brightest) - expected).max() <= 1
    yy, xx = np.mgrid[:512, :512]
    face, x, y = deinterleave(npix, order)
    column, row, _ = locate(*STAR, face, x * 512.0, y * 512.0, 2.0 ** (order + 9))
    if 20 < column < 490 and 20 < row < 490:
        assert (image * xx).sum() / image.sum() == pytest.approx(column, abs=0.1)
        assert (image * yy).sum() / image.sum() == pytest.approx(row, abs=0.1)
        assert image.sum() * pixel_scale(order) ** 2 == pytest.approx(FLUX, rel=0.03)


def test_the_png_shows_the_star_there_too(one_star: SkyPixels) -> None:
    tile = np.asarray(Image.open(io.BytesIO(one_star.hips_tile("color_gri", 9, cell(9)))).convert("L"), float)
    bright = tile > 0.8 * tile.max()
    row, column = (axis.mean() for axis in np.nonzero(bright))
    expected = np.argwhere(pixel_numbers(cell(9)) == cell(18))[0]
    assert abs(row - expected[0]) < 2 and abs(column - expected[1]) < 2


def test_own_projection_is_healpix_everywhere() -> None:
    rng = np.random.default_rng(4)
    for order in (3, 6, 11):
        grid = HEALPix(2 ** (order + 9), order="nested")
        for npix in rng.integers(12 * 4**order, size=60).tolist():
            row, column = rng.integers(512, size=2)
            ra, dec = grid.healpix_to_lonlat(int(pixel_numbers(npix)[row, column]))
            face, x, y = deinterleave(npix, order)
            found = locate(ra.deg, dec.deg, face, x * 512.0, y * 512.0, 2.0 ** (order + 9))
            assert found[:2] == pytest.approx((column, row), abs=1e-6)
            area = abs(found[2][0] * found[2][3] - found[2][1] * found[2][2])
            assert area * pixel_scale(order) ** 2 == pytest.approx(1.0, abs=1e-6)


def test_a_tile_shows_what_its_children_show(crowded: SkyPixels) -> None:
    npix = cell(8, 62.0, -37.0)
    parent = light(crowded, 8, npix)
    children = np.zeros((1024, 1024))
    for child in range(4):
        x, y = child & 1, child >> 1
        children[x * 512 : x * 512 + 512, y * 512 : y * 512 + 512] = light(crowded, 9, 4 * npix + child)
    binned = children.reshape(512, 2, 512, 2).mean(axis=(1, 3))
    smooth = [image.reshape(128, 4, 128, 4).mean(axis=(1, 3)).ravel() for image in (parent, binned)]
    assert np.corrcoef(*smooth)[0, 1] > 0.98
    assert parent.sum() == pytest.approx(binned.sum(), rel=0.01)


@pytest.mark.parametrize("order", [4, 8, 10, 11])
def test_no_light_is_missed_by_the_search(crowded: SkyPixels, order: int, monkeypatch: pytest.MonkeyPatch) -> None:
    npix = cell(order, 62.0, -37.0)
    monkeypatch.setattr("portal.archive.sample.hipstiles.STORED_ORDER", 0)
    first = SkyPixels(crowded._folder).hips_tile("band_g", order, npix)
    other = SkyPixels(crowded._folder)
    everything = np.arange(len(other._open()))
    monkeypatch.setattr(other._open(), "near", lambda *_: everything)
    assert other.hips_tile("band_g", order, npix) == first


def test_outside_the_field_there_is_nothing(crowded: SkyPixels) -> None:
    assert crowded.hips_tile("color_gri", 9, cell(9, 62.0, -36.5)) is None
    assert crowded.hips_tile("band_r", 2, cell(2)) is None
    assert crowded.hips_tile("band_r", 12, cell(12)) is None
    assert crowded.hips_tile("band_r", 3, 12 * 4**3) is None
    with pytest.raises(KeyError):
        crowded.hips_tile("band_x", 3, 0)


def test_the_edge_is_transparent_and_the_middle_opaque(crowded: SkyPixels) -> None:
    coarse = Image.open(io.BytesIO(crowded.hips_tile("color_gri", 6, cell(6, 62.0, -37.0))))
    assert coarse.mode == "RGBA" and coarse.size == (512, 512)
    alpha = np.asarray(coarse)[..., 3]
    area = (alpha > 0).sum() * pixel_scale(6) ** 2 / 3600**2
    assert 0.2 * np.pi * 0.06**2 < area <= 1.01 * np.pi * 0.06**2
    fine = Image.open(io.BytesIO(crowded.hips_tile("color_gri", 11, cell(11, 62.0, -37.0))))
    assert fine.mode == "RGB"
    assert Image.open(io.BytesIO(crowded.hips_tile("band_i", 11, cell(11, 62.0, -37.0)))).mode == "L"


def test_moc_covers_the_field(crowded: SkyPixels, tmp_path: Path) -> None:
    data = crowded.moc(11)
    (tmp_path / "Moc.fits").write_bytes(data)
    with fits.open(io.BytesIO(data)) as hdus:
        assert hdus[1].header["ORDERING"] in ("NUNIQ", "RANGE")
    moc = MOC.load(tmp_path / "Moc.fits")
    position = np.asarray(crowded._open().position)
    assert moc.contains_lonlat(position[:, 0] * u.deg, position[:, 1] * u.deg).all()
    assert np.pi * 0.06**2 < moc.sky_fraction * 41252.96 < 2.0 * np.pi * 0.06**2
    # A tile is there exactly where the MOC of its order says so, but for the thin rim.
    for npix in coverage(crowded.tiles.fields, 7).flatten().tolist():
        assert crowded.hips_tile("band_g", 7, npix) is not None


def test_tiles_are_stored_and_the_same_again(crowded: SkyPixels) -> None:
    first = crowded.hips_tile("band_z", 7, cell(7, 62.0, -37.0))
    again = SkyPixels(crowded._folder)
    stored = list((crowded._folder / "hips").rglob("band_z/Norder7/Dir*/Npix*.png"))
    assert [path.read_bytes() for path in stored] == [first]
    assert again.hips_tile("band_z", 7, cell(7, 62.0, -37.0)) == first
    stored[0].unlink()
    assert SkyPixels(crowded._folder).hips_tile("band_z", 7, cell(7, 62.0, -37.0)) == first
    assert not list((crowded._folder / "hips").rglob("*.png.*"))


def test_allsky_and_properties(crowded: SkyPixels) -> None:
    sheet = Image.open(io.BytesIO(crowded.allsky("color_gri")))
    assert sheet.size == (27 * 64, 29 * 64)
    npix = cell(3, 62.0, -37.0)
    column, row = npix % 27 * 64, npix // 27 * 64
    alpha = np.asarray(sheet)[..., 3]
    assert alpha[row : row + 64, column : column + 64].max() > 0
    assert set(crowded.surveys) == {"color_gri", *(f"band_{band}" for band in "ugrizy")}
    for survey in crowded.surveys:
        lines = dict(
            (part.strip() for part in line.split("=", 1))
            for line in crowded.hips_properties(survey, "http://127.0.0.1/hips").splitlines()
        )
        assert lines["hips_order"] == "11" and lines["hips_frame"] == "equatorial"
        assert lines["hips_tile_width"] == "512"
        assert lines["hips_tile_format"] == ("png" if survey == "color_gri" else "png fits")
        assert lines["dataproduct_type"] == "image" and lines["creator_did"].startswith("ivo://")
        assert float(lines["moc_sky_fraction"]) > 0
        required = {"obs_title", "hips_version", "hips_release_date", "hips_status"}  # HiPS 1.0, section 4.4.1
        assert required <= lines.keys()


def test_warming_draws_and_stores_nothing(one_star: SkyPixels) -> None:
    before = sorted((one_star._folder / "hips").rglob("*.png"))
    one_star.warm()
    assert sorted((one_star._folder / "hips").rglob("*.png")) == before
