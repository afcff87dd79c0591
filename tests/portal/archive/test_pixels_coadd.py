"""Coadd boxes: the same light, noise and mask whichever box is asked for, and fluxes that add up."""

from __future__ import annotations

import importlib.util
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from portal.archive.sample.bands import BANDS, COADD_SEEING, coadd_psf_sigma
from portal.archive.sample.coadd import PLANES, places
from portal.archive.sample.geometry import Patch, patch_at, patch_of
from portal.archive.sample.mixtures import encircled, mixture, sharpness
from portal.archive.sample.render import SkyPixels
from portal.errors import FormatError

_spec = importlib.util.spec_from_file_location("sky_fixture", Path(__file__).with_name("sky_fixture.py"))
sky_fixture = sys.modules.setdefault("sky_fixture", importlib.util.module_from_spec(_spec))
_spec.loader.exec_module(sky_fixture)

RA, DEC = sky_fixture.CENTRE
OLD = {"u": 1e5, "g": 2e5, "r": 1e6, "i": 1e6, "z": 1e6, "y": 1e6}  # too red for spiral arms


def home() -> Patch:
    """The patch that owns the field centre."""
    tract, patch = patch_at(np.array([RA]), np.array([DEC]))
    return patch_of(int(tract[0]), int(patch[0]))


def planted(x: float, y: float, **row: object) -> dict:
    """An object at a pixel of the central patch."""
    ra, dec = home().to_sky(x, y)
    return {"ra": float(ra), "dec": float(dec), **row}


@pytest.fixture(scope="module")
def crowded(tmp_path_factory: pytest.TempPathFactory) -> SkyPixels:
    folder = sky_fixture.write_sky(tmp_path_factory.mktemp("crowd"), sky_fixture.crowd(1200, 0.05))
    return SkyPixels(folder)


@pytest.fixture(scope="module")
def whole(crowded: SkyPixels) -> dict:
    return {band: crowded.coadd(band, home(), 0, 0, 3400, 3400) for band in "gi"}


@pytest.fixture(scope="module")
def sparse(tmp_path_factory: pytest.TempPathFactory) -> SkyPixels:
    rows = [
        planted(1400.3, 1500.8, flux=1e6),
        planted(2000.0, 1500.0, flux=OLD, is_star=False, r_e=1.2, bulge=0.0, q=0.4, pa=30.0),
        planted(1400.0, 2100.0, flux=1e6, is_star=False, r_e=1.2, bulge=1.0, q=0.8, pa=100.0),
        planted(2000.0, 2100.0, flux=3e7),
        planted(1100.0, 1100.0, flux=1e6, is_star=False, r_e=1.5, bulge=0.1, q=0.7, pa=80.0),
    ]
    return SkyPixels(sky_fixture.write_sky(tmp_path_factory.mktemp("sparse"), rows, radius=0.12))


@pytest.mark.parametrize(
    "box",
    [(1500, 1500, 300, 300), (1700, 1650, 1, 1), (1023, 1279, 515, 130), (0, 0, 70, 3400), (1800, 890, 64, 700)],
)
@pytest.mark.parametrize("band", ["g", "i"])
def test_a_cutout_is_a_part_of_the_whole_bit_for_bit(
    crowded: SkyPixels, whole: dict, band: str, box: tuple[int, int, int, int]
) -> None:
    x0, y0, nx, ny = box
    for part, all_of_it in zip(crowded.coadd(band, home(), *box), whole[band]):
        assert part.tobytes() == np.ascontiguousarray(all_of_it[y0 : y0 + ny, x0 : x0 + nx]).tobytes()


def test_neighbouring_patches_agree_where_they_overlap(sparse: SkyPixels) -> None:
    left, right = home(), patch_of(home().tract, home().patch + 1)
    here = sparse.coadd("r", left, 3200, 1500, 200, 300)
    there = sparse.coadd("r", right, 0, 1500, 200, 300)
    assert np.isfinite(here.image).any()
    for a, b in zip(here, there):
        assert a.tobytes() == b.tobytes()


def test_threads_see_the_same_pixels(crowded: SkyPixels, whole: dict) -> None:
    with ThreadPoolExecutor(4) as pool:
        boxes = list(pool.map(lambda k: crowded.coadd("g", home(), 1500 + k, 1600, 200, 200).image, range(8)))
    for k, image in enumerate(boxes):
        assert image.tobytes() == np.ascontiguousarray(whole["g"].image[1600:1800, 1500 + k : 1700 + k]).tobytes()


def test_no_light_is_missed_by_the_search(crowded: SkyPixels, monkeypatch: pytest.MonkeyPatch) -> None:
    found = [crowded.coadd(band, home(), 1500, 1600, 90, 120).image for band in BANDS]
    everything = np.arange(len(crowded._open()))
    monkeypatch.setattr(crowded._open(), "near", lambda *_: everything)
    for band, image in zip(BANDS, found):
        assert crowded.coadd(band, home(), 1500, 1600, 90, 120).image.tobytes() == image.tobytes()


def test_types_and_shapes(crowded: SkyPixels) -> None:
    box = crowded.coadd("y", home(), 1600, 1650, 40, 30)
    assert [plane.dtype for plane in box] == [np.float32, np.int32, np.float32]
    assert all(plane.shape == (30, 40) for plane in box)
    for wrong in [(0, 0, 0, 5), (-1, 0, 5, 5), (3390, 0, 11, 5)]:
        with pytest.raises(ValueError, match="inside"):
            crowded.coadd("y", home(), *wrong)
    with pytest.raises(ValueError, match="band"):
        crowded.coadd("gr", home(), 0, 0, 5, 5)


def aperture(sky: SkyPixels, x: float, y: float, radius: float, band: str = "r") -> tuple[float, float, float]:
    """Flux (nJy) and centroid (patch pixels) within ``radius`` pixels."""
    half = int(radius) + 2
    x0, y0 = int(x) - half, int(y) - half
    image = sky.coadd(band, home(), x0, y0, 2 * half + 1, 2 * half + 1).image.astype(float)
    yy, xx = np.mgrid[: 2 * half + 1, : 2 * half + 1]
    inside = np.hypot(xx + x0 - x, yy + y0 - y) <= radius
    flux = image[inside].sum()
    return flux, (image * xx)[inside].sum() / flux + x0, (image * yy)[inside].sum() / flux + y0


def test_a_star_keeps_its_flux_and_place(sparse: SkyPixels) -> None:
    flux, x, y = aperture(sparse, 1400.3, 1500.8, 25)
    assert flux == pytest.approx(1e6, rel=0.005)
    assert abs(x - 1400.3) < 0.02 and abs(y - 1500.8) < 0.02


@pytest.mark.parametrize(("x", "y"), [(2000.0, 1500.0), (1400.0, 2100.0), (1100.0, 1100.0)])
def test_galaxies_keep_their_flux(sparse: SkyPixels, x: float, y: float) -> None:
    assert aperture(sparse, x, y, 75)[0] == pytest.approx(1e6, rel=0.01)


def test_position_angle_runs_from_north_through_east(sparse: SkyPixels) -> None:
    image = sparse.coadd("r", home(), 1960, 1460, 81, 81).image.astype(float)
    yy, xx = np.mgrid[-40:41, -40:41]
    xx_, yy_, xy_ = ((image * part).sum() / image.sum() for part in (xx * xx, yy * yy, xx * yy))
    # East is to the left, so the angle from north through east turns towards negative x.
    angle = np.degrees(0.5 * np.arctan2(-2 * xy_, yy_ - xx_)) % 180
    assert angle == pytest.approx(30.0, abs=2.0)


def test_the_stretch_of_the_sky_is_the_derivative_of_its_place() -> None:
    patch, step = patch_of(home().tract, 0), 1e-5
    ra, dec = (float(value) for value in patch.to_sky(100.0, 200.0))
    east = ra + step / np.cos(np.radians(dec))
    found = places(np.array([[ra, dec], [east, dec], [ra, dec + step]]), np.arange(3), patch.ra0, patch.dec0, 0.2)
    assert found[0, :2] == pytest.approx((100 + patch.x0, 200 + patch.y0), abs=1e-6)
    slope = (found[1:, :2] - found[0, :2]) / (step * 3600)
    assert np.allclose(slope.T, found[0, 2:].reshape(2, 2), atol=1e-4)


def test_noise_has_the_depth_of_the_catalogue(sparse: SkyPixels) -> None:
    for k, band in enumerate(BANDS):
        box = sparse.coadd(band, home(), 1650, 1200, 300, 200)
        pull = box.image / np.sqrt(box.variance)
        assert abs(pull.mean()) < 5 / np.sqrt(pull.size)
        assert pull.std() == pytest.approx(1.0, abs=0.02)
        area = COADD_SEEING[k] ** 2 / sharpness("moffat") / 0.04  # noise-equivalent area of the PSF in pixels
        assert np.median(box.variance) * area == pytest.approx(coadd_psf_sigma()[k] ** 2, rel=0.01)


def test_bands_and_places_have_their_own_noise(sparse: SkyPixels) -> None:
    g, r = (sparse.coadd(band, home(), 1650, 1200, 300, 200).image for band in "gr")
    other = sparse.coadd("g", home(), 1650 + 256, 1200, 300, 200).image
    assert abs(np.corrcoef(g.ravel(), r.ravel())[0, 1]) < 0.02
    assert abs(np.corrcoef(g.ravel(), other.ravel())[0, 1]) < 0.02


def test_mask_tells_detected_saturated_and_unobserved(sparse: SkyPixels, whole: dict) -> None:
    detected, saturated, nothing = (1 << PLANES[name] for name in ("DETECTED", "SAT", "NO_DATA"))
    star = sparse.coadd("r", home(), 1380, 1480, 41, 41).mask
    assert star[20, 20] & detected and not star[20, 20] & saturated and not star[0, 0] & detected
    assert sparse.coadd("r", home(), 2000, 2100, 1, 1).mask[0, 0] & saturated
    image, mask, variance = whole["g"]
    assert (np.isnan(image) == ((mask & nothing) > 0)).all() and np.isnan(variance[mask == nothing]).all()
    ra, dec = home().to_sky(*np.meshgrid(np.arange(0, 3400, 50), np.arange(0, 3400, 50)))
    apart = np.hypot((ra - RA) * np.cos(np.radians(dec)), dec - DEC)
    seen = np.isfinite(image[::50, ::50])
    assert seen[apart < 0.0495].all() and not seen[apart > 0.0505].any()


def test_mixtures_hold_the_light_of_their_profiles() -> None:
    for shape in ("exponential", "de_vaucouleurs", "moffat"):
        weight, variance = mixture(shape)
        assert weight.sum() == pytest.approx(1.0) and (weight > 0).all() and (np.diff(variance) > 0).all()
    assert encircled("exponential", 1.0) == pytest.approx(0.5, abs=0.005)
    assert encircled("exponential", 2.0) == pytest.approx(0.848, abs=0.005)
    # Half of the untruncated light: cut at 8 radii the share within one radius is a little more.
    assert encircled("de_vaucouleurs", 1.0) == pytest.approx(0.534, abs=0.01)
    assert encircled("moffat", 0.5) == pytest.approx(0.42, abs=0.01)


def test_a_folder_that_is_no_sample_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="not a sample sky"):
        SkyPixels(tmp_path)
    field = '{"ra": 62, "dec": -37, "radius": 0.1}'
    (tmp_path / "manifest.json").write_text(f'{{"seed": 1, "tables": {{}}, "fields": [{field}]}}')
    with pytest.raises(FormatError, match="no table of objects"):
        SkyPixels(tmp_path).coadd("g", home(), 0, 0, 10, 10)
