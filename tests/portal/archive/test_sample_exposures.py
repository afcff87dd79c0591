"""Images of single exposures: any box is a part of the whole, fluxes are those planted, blemishes are marked."""

from __future__ import annotations

import dataclasses
import importlib.util
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from portal.archive.sample.bands import flux_of
from portal.archive.sample.coadd import PLANES, Box
from portal.archive.sample.exposure import Exposure
from portal.archive.sample.geometry import patch_at, patch_of
from portal.archive.sample.render import KINDS, SkyPixels
from portal.archive.sample.steps import steps
from portal.archive.sample.templategrain import TemplateGrain
from portal.archive.sample.visitimage import BIAS, DIFFERENCE_PLANES, GAIN

_spec = importlib.util.spec_from_file_location("exposure_fixture", Path(__file__).with_name("exposure_fixture.py"))
seen = sys.modules.setdefault("exposure_fixture", importlib.util.module_from_spec(_spec))
_spec.loader.exec_module(seen)

EXPOSED = ("visit_image", "difference_image", "raw")
BIT = {name: 1 << bit for name, bit in DIFFERENCE_PLANES.items()}
BOXES = [(1850, 1800, 300, 300), (1020, 1278, 515, 140), (2047, 2303, 2, 3), (0, 0, 40, 1400), (4000, 3700, 72, 300),
         (2480, 1180, 41, 41)]  # fmt: skip


@pytest.fixture(scope="module")
def sky(tmp_path_factory: pytest.TempPathFactory) -> SkyPixels:
    return SkyPixels(seen.write(tmp_path_factory.mktemp("exposures")))


@pytest.fixture(scope="module")
def exposure(sky: SkyPixels) -> Exposure:
    return sky.exposure(seen.VISITS[0], seen.DETECTOR)


@pytest.fixture(scope="module")
def whole(sky: SkyPixels, exposure: Exposure) -> dict[str, Box]:
    return {kind: sky.box(kind, exposure, exposure.band, 0, 0, exposure.nx, exposure.ny) for kind in EXPOSED}


def same(part: Box, whole: Box, x0: int, y0: int, nx: int, ny: int) -> bool:
    return all(
        a.tobytes() == np.ascontiguousarray(b[y0 : y0 + ny, x0 : x0 + nx]).tobytes() for a, b in zip(part, whole)
    )


@pytest.mark.parametrize("kind", EXPOSED)
def test_a_cutout_is_a_part_of_the_whole_bit_for_bit(
    sky: SkyPixels, exposure: Exposure, whole: dict, kind: str
) -> None:
    for box in BOXES:
        assert same(sky.box(kind, exposure, "r", *box), whole[kind], *box), box


def test_threads_and_fresh_processes_see_the_same(sky: SkyPixels, exposure: Exposure, whole: dict) -> None:
    fresh = SkyPixels(sky._folder)
    boxes = [(1500 + 37 * k, 1600 + 11 * k, 150, 150) for k in range(12)]
    kinds = [EXPOSED[k % 3] for k in range(12)]
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda k: fresh.box(kinds[k], exposure, "r", *boxes[k]), reversed(range(12))))
    for box, kind, part in zip(reversed(boxes), reversed(kinds), made):
        assert same(part, whole[kind], *box)


def test_an_exposure_half_outside_of_the_field_keeps_its_pixels(sky: SkyPixels) -> None:
    outer = sky.exposure(seen.VISITS[2], 4)
    far = sky._visit_images().scene(outer, sky.field).far
    assert len(far.pixel) > 100  # the sky goes on where the catalogues end
    big = sky.box("difference_image", outer, "g", 1500, 1000, 1100, 900)
    nothing = (big.mask & BIT["NO_DATA"]) > 0
    assert nothing.any() and not nothing.all() and (np.isnan(big.image) == nothing).all()
    part = sky.box("difference_image", outer, "g", 1900, 1300, 200, 300)
    assert same(part, big, 400, 300, 200, 300)
    ra, dec = outer.to_sky(*np.meshgrid(np.arange(1500, 2600, 100), np.arange(1000, 1900, 100)))
    x, y = (ra - seen.RA) * np.cos(np.radians(dec)), dec - seen.DEC
    inside = np.hypot(x, y) < seen.RADIUS
    assert (inside == ~nothing[::100, ::100]).mean() > 0.97  # but for the curve of the sky
    visit = sky.box("visit_image", outer, "g", 1500, 1000, 1100, 900)
    assert np.isfinite(visit.image).all()


@pytest.mark.parametrize(("number", "box"), [(1, (1900, 1900, 90, 60)), (2, (1900, 1300, 80, 80))])
def test_no_light_is_missed_by_the_search(
    sky: SkyPixels, monkeypatch: pytest.MonkeyPatch, number: int, box: tuple[int, int, int, int]
) -> None:
    """In bad seeing and beyond the field too: the star of SAT shines far."""
    exposure = sky.exposure(seen.VISITS[number], seen.DETECTOR)
    if number == 1:
        x, y = (int(value) for value in exposure.to_pixel(*seen.at(0, 1900.0, 1900.0)))
        box = (x + 60, y + 45, 90, 60)
    found = sky.box("visit_image", exposure, exposure.band, *box).image
    scene = sky._visit_images().scene(exposure, sky.field)
    sources, far = np.arange(len(sky._open())), np.arange(len(scene.far.pixel))
    monkeypatch.setattr(sky._open(), "near", lambda *_: sources)
    monkeypatch.setattr(type(scene), "far_near", lambda *_: far)
    assert sky.box("visit_image", exposure, exposure.band, *box).image.tobytes() == found.tobytes()


@pytest.mark.parametrize("kind", ["deep_coadd", "template_coadd"])
def test_coadds_of_both_kinds(sky: SkyPixels, kind: str) -> None:
    tract, number = patch_at(np.array([seen.RA]), np.array([seen.DEC]))
    patch = patch_of(int(tract[0]), int(number[0]))
    box = sky.box(kind, patch, "r", 1400, 1400, 500, 300)
    assert same(sky.box(kind, patch, "r", 1500, 1450, 90, 100), box, 100, 50, 90, 100)
    other = sky.box("template_coadd" if kind == "deep_coadd" else "deep_coadd", patch, "r", 1400, 1400, 500, 300)
    empty = (box.mask | other.mask) == 0
    assert empty.any() and abs(np.corrcoef(box.image[empty], other.image[empty])[0, 1]) < 0.02
    deeper = np.median(other.variance) < np.median(box.variance)
    assert deeper == (kind == "template_coadd")


def test_bad_requests(sky: SkyPixels, exposure: Exposure) -> None:
    patch = patch_of(0, 0)
    for wrong in [(0, 0, 0, 5), (-1, 0, 5, 5), (4070, 0, 3, 5), (0, 3999, 5, 2)]:
        with pytest.raises(ValueError, match="inside"):
            sky.box("visit_image", exposure, "r", *wrong)
    with pytest.raises(ValueError, match="taken in r"):
        sky.box("raw", exposure, "g", 0, 0, 5, 5)
    for kind, where in (("visit_image", patch), ("deep_coadd", exposure), ("calexp", exposure)):
        with pytest.raises(ValueError, match="no "):
            sky.box(kind, where, "r", 0, 0, 5, 5)
    for visit, detector in ((1, 4), (seen.VISITS[0], 9), (seen.VISITS[0], -1)):
        with pytest.raises(KeyError):
            sky.exposure(visit, detector)
    assert set(EXPOSED) < set(KINDS)


def test_stars_have_their_flux(sky: SkyPixels) -> None:
    """Median of isolated stars within 0.5 %, in a visit of good and one of poor seeing."""
    for visit in seen.VISITS[:2]:
        exposure = sky.exposure(visit, seen.DETECTOR)
        ratio, pull = [], []
        for x, y in seen.GRID:
            px, py = (float(v) for v in exposure.to_pixel(*seen.at(0, x, y)))
            if not (30 < px < 4040 and 30 < py < 3970):
                continue
            flux, error = seen.fitted(sky, "visit_image", exposure, px, py)
            ratio.append(flux / 1.5e5)
            pull.append((flux - 1.5e5) / error)
        assert len(ratio) >= 18
        assert np.median(ratio) == pytest.approx(1.0, abs=0.005)
        assert np.median(np.abs(pull)) < 2.0


def test_the_variance_plane_is_the_variance(sky: SkyPixels, exposure: Exposure, whole: dict) -> None:
    area = (exposure.seeing / 0.2) ** 2 / seen.sharpness("moffat")
    for kind in ("visit_image", "difference_image"):
        box = Box(*(plane[1000:2200, 1000:2200] for plane in whole[kind]))
        empty = (box.mask == 0) & np.isfinite(box.image)
        pull = box.image[empty] / np.sqrt(box.variance[empty])
        assert pull.std() == pytest.approx(1.0, abs=0.01)
        assert abs(np.median(pull)) < 0.02
    # A PSF fit to the background has the depth of CcdVisit.
    assert np.median(whole["visit_image"].variance) * area == pytest.approx((flux_of(24.3) / 5) ** 2, rel=0.01)
    more = np.median(whole["difference_image"].variance) - np.median(whole["visit_image"].variance)
    assert more == pytest.approx(TemplateGrain.variance(exposure), rel=0.02)


def test_differences_share_the_noise_of_their_template(sky: SkyPixels, whole: dict, exposure: Exposure) -> None:
    good = (whole["difference_image"].mask == 0) & (whole["visit_image"].mask == 0)
    template = np.where(good, whole["visit_image"].image - whole["difference_image"].image, 0.0)[1000:1600, 1000:1600]
    ok = good[1000:1600, 1000:1600]
    both = ok[:, 1:] & ok[:, :-1]
    along = (template[:, 1:] * template[:, :-1])[both].mean() / (template[ok] ** 2).mean()
    assert along > 0.3  # neighbours are alike; those of the visit are not
    # At the same places of the sky, what another visit subtracted is alike too.
    twin = dataclasses.replace(exposure, visit=7, rotation=exposure.rotation + 90.0, seeing=0.82)
    images = sky._visit_images()
    here = images._template.box(exposure, 1000, 1000, 256, 256)
    x, y = twin.to_pixel(*exposure.to_sky(*np.meshgrid(np.arange(1000, 1256), np.arange(1000, 1256))))
    x0, y0 = int(x.min()), int(y.min())
    there = images._template.box(twin, x0, y0, int(np.ptp(x)) + 2, int(np.ptp(y)) + 2)
    matched = there[np.rint(y - y0).astype(int), np.rint(x - x0).astype(int)]
    assert np.corrcoef(here.ravel(), matched.ravel())[0, 1] > 0.5


def test_raw_counts_are_the_visit_before_calibration(exposure: Exposure, whole: dict) -> None:
    raw, visit = whole["raw"], whole["visit_image"]
    assert (raw.image == np.round(raw.image)).all() and raw.image.min() >= 0 and raw.image.max() <= 65535
    sky_adu = float(flux_of(exposure.sky)) * 0.04 / exposure.adu
    assert np.median(raw.image) == pytest.approx(BIAS + sky_adu, abs=2)
    raw, visit = (Box(*(plane[1500:2300, 1500:2300] for plane in box)) for box in (raw, visit))
    clean = (visit.mask & (BIT["INTRP"] | BIT["SAT"])) == 0
    back = (raw.image - BIAS - sky_adu) * exposure.adu
    rounded = 0.51 * (exposure.adu + steps("visit_image", exposure, "r")[0])
    assert np.abs(back - visit.image)[clean].max() <= rounded


def test_blemishes_are_marked(exposure: Exposure, whole: dict) -> None:
    visit, raw = whole["visit_image"], whole["raw"]
    bits = visit.mask
    edge = (bits & BIT["EDGE"]) > 0
    assert edge[:10].all() and edge[:, -10:].all() and not edge[10:-10, 10:-10].any()
    bad = (bits & BIT["BAD"]) > 0
    assert 1000 < bad.sum() < 80_000 and (raw.image[bad] == BIAS).all()
    assert ((bits[bad] & BIT["INTRP"]) > 0).all() and np.isfinite(visit.image[bad]).all()
    rays = (bits & BIT["CR"]) > 0
    assert 100 < rays.sum() < 3000
    # Cosmic rays stand out of the raw image alone.
    plain = rays & ((bits & (BIT["SAT"] | BIT["BAD"] | BIT["DETECTED"])) == 0)
    assert np.median(raw.image[plain] - np.median(raw.image)) > 200 / GAIN
    assert np.abs(visit.image[plain]).max() < 8 * np.sqrt(visit.variance[plain]).max()
    full = (bits & BIT["SAT"]) > 0
    at_star = full[1880:1921, 1900]
    assert full[1900, 1900] and at_star.all()
    column, row = full[:, 1900].sum(), full[1900].sum()
    assert column > 2 * row > 0  # charge bleeds along the column
    assert raw.image[1900, 1900] > 0.98 * raw.image[full].max()
    assert ((bits & BIT["SUSPECT"]) > 0).any()
    x, y = seen.GRID[3]
    assert bits[round(y), round(x)] & BIT["DETECTED"]
    assert 0.0005 < ((bits & BIT["DETECTED"]) > 0).mean() < 0.1
    assert set(PLANES) < set(DIFFERENCE_PLANES)


def test_a_supernova_stands_in_its_visit_alone(sky: SkyPixels, exposure: Exposure) -> None:
    x, y, flux = seen.SUPERNOVA
    for kind in ("visit_image", "difference_image"):
        found, error = seen.fitted(sky, kind, exposure, x, y)
        assert abs(found - flux) < 4 * error and error < 0.02 * flux
    image = sky.box("difference_image", exposure, "r", 2490, 1190, 21, 21).image
    top = np.unravel_index(np.argmax(image), image.shape)
    assert abs(top[1] + 2490 - x) < 1.6 and abs(top[0] + 1190 - y) < 1.6
    later = sky.exposure(seen.VISITS[1], seen.DETECTOR)
    px, py = (float(v) for v in later.to_pixel(*seen.at(0, x, y)))
    found, error = seen.fitted(sky, "difference_image", later, px, py)
    assert abs(found) < 4.5 * error


def test_an_asteroid_leaves_a_trail(sky: SkyPixels, exposure: Exposure) -> None:
    x, y, flux, rate, angle = seen.ASTEROID
    half = 20
    box = sky.box("difference_image", exposure, "r", int(x) - half, int(y) - half, 2 * half + 1, 2 * half + 1)
    yy, xx = np.mgrid[-half : half + 1, -half : half + 1]
    light = np.where(box.image > 3 * np.sqrt(box.variance), box.image, 0.0).astype(float)
    assert light.sum() == pytest.approx(flux, rel=0.1)
    cx, cy = (light * xx).sum() / light.sum(), (light * yy).sum() / light.sum()
    assert abs(cx) < 0.5 and abs(cy) < 0.5
    xx, yy = xx - cx, yy - cy
    moment = np.array([[(light * xx * xx).sum(), (light * xx * yy).sum()], [0, (light * yy * yy).sum()]]) / light.sum()
    moment[1, 0] = moment[0, 1]
    values, vectors = np.linalg.eigh(moment)
    length = rate * 30 / 86400 * 3600 / 0.2
    assert np.sqrt(12 * (values[1] - values[0])) == pytest.approx(length, rel=0.15)
    # Its direction on the sky.
    ends = exposure.to_sky(x + np.array([0, 50 * vectors[0, 1]]), y + np.array([0, 50 * vectors[1, 1]]))
    east, north = np.diff(ends[0])[0] * np.cos(np.radians(seen.DEC)), np.diff(ends[1])[0]
    assert np.degrees(np.arctan2(east, north)) % 180 == pytest.approx(angle % 180, abs=4)


def test_false_detections_are_seen_with_their_flux(sky: SkyPixels, exposure: Exposure) -> None:
    for x, y, flux, *_ in seen.FALSE:
        found, error = seen.fitted(sky, "difference_image", exposure, x, y, 8)
        assert abs(found - flux) < 4 * error and abs(flux) > 10 * error
    x, y, _, _, angle, _ = seen.FALSE[1]
    dx, dy = np.array([np.cos(np.radians(angle)), np.sin(np.radians(angle))]) * 3
    lobes = [seen.fitted(sky, "difference_image", exposure, x + s * dx, y + s * dy, 3)[0] for s in (1, -1)]
    assert lobes[0] > 800 and lobes[1] < -4000  # a dipole has two sides
    negative = sky.box("difference_image", exposure, "r", round(x - dx), round(y - dy), 1, 1).mask
    assert negative[0, 0] & BIT["DETECTED_NEGATIVE"]


def test_the_mask_says_what_the_flags_of_detections_say(sky: SkyPixels, exposure: Exposure) -> None:
    cr, filled = [], []
    for x, y, *_ in seen.FALSE:
        mask = sky.box("difference_image", exposure, "r", round(x) - 5, round(y) - 5, 11, 11).mask
        for found, name in ((cr, "CR"), (filled, "INTRP")):
            bits = (mask & BIT[name]) > 0
            found.append((bool(bits[4:7, 4:7].any()), bool(bits.any())))
    assert cr == [(False, False), (False, False), (False, True)]
    assert filled == [(True, True), (False, False), (False, True)]


def test_a_satellite_crosses_some_visits(sky: SkyPixels, exposure: Exposure) -> None:
    images, visit = sky._visit_images(), 2026010300001
    crossed = 0
    for k in range(400):
        twin = dataclasses.replace(exposure, visit=visit + k)
        rows = images.scene(twin, sky.field).streaks
        crossed += len(rows)
        if len(rows):
            c, s, away, light = rows[0]
            x, y = np.array([1200.0, 1200.0]) + (away - 1200.0 * (c + s)) * np.array([c, s])
            if 300 < x < 3700 and 300 < y < 3700 and light > 1000:
                break
    else:
        pytest.fail("no satellite in 400 visits")
    assert crossed >= 1
    box = int(x) - 120, int(y) - 120, 240, 240
    made = {kind: sky.box(kind, twin, "r", *box) for kind in ("visit_image", "difference_image")}
    part = sky.box("visit_image", twin, "r", box[0] + 77, box[1] + 31, 100, 90)
    assert same(part, made["visit_image"], 77, 31, 100, 90)
    yy, xx = np.mgrid[box[1] : box[1] + 240, box[0] : box[0] + 240]
    off = np.abs(xx * c + yy * s - away)
    marked = (made["visit_image"].mask & BIT["STREAK"]) > 0
    assert marked[off < 2].all() and not marked[off > 31].any()
    along = np.abs((xx - x) * s - (yy - y) * c) < 100
    seen_light = made["difference_image"].image[along & (off < 25)].sum() / 200
    assert seen_light == pytest.approx(light, rel=0.1)


def test_bright_stars_are_out_of_register(sky: SkyPixels, exposure: Exposure) -> None:
    ratio = []
    for x, y in seen.GRID:
        box = sky.box("difference_image", exposure, "r", round(x) - 8, round(y) - 8, 17, 17)
        ratio.append((box.image**2 / box.variance).mean())
        found, error = seen.fitted(sky, "difference_image", exposure, x, y)
        assert abs(found) < 5 * error
    assert np.mean(ratio) > 1.1


def test_wcs_is_the_exposures_own(exposure: Exposure) -> None:
    x, y = np.array([0.0, 4071.0, 2000.3]), np.array([0.0, 3999.0, 50.1])
    ra, dec = exposure.wcs().wcs_pix2world(x, y, 0)
    expected = exposure.to_sky(x, y)
    assert np.allclose(ra, expected[0], atol=1e-9) and np.allclose(dec, expected[1], atol=1e-9)
    back = exposure.to_pixel(ra, dec)
    assert np.allclose(back[0], x, atol=1e-5) and np.allclose(back[1], y, atol=1e-5)
    assert exposure.s_region().startswith("POLYGON ICRS ") and len(exposure.corners()) == 4
    assert np.hypot(exposure.centre()[0] - seen.RA, exposure.centre()[1] - seen.DEC) < 0.01
