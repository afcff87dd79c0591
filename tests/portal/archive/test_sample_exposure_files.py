"""Files of exposures and coadds as Rubin lays them out, what astropy and the portal read of them, and their cache."""

from __future__ import annotations

import importlib.util
import io
import math
import os
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS

from portal.archive.sample.exposure import Exposure
from portal.archive.sample.geometry import patch_at, patch_of
from portal.archive.sample.render import SkyPixels
from portal.archive.sample.tilecache import DiskCache
from portal.image import ImageFile

_spec = importlib.util.spec_from_file_location("exposure_fixture", Path(__file__).with_name("exposure_fixture.py"))
seen = sys.modules.setdefault("exposure_fixture", importlib.util.module_from_spec(_spec))
_spec.loader.exec_module(seen)

BOX = (1880, 1870, 90, 70)


@pytest.fixture(scope="module")
def sky(tmp_path_factory: pytest.TempPathFactory) -> SkyPixels:
    return SkyPixels(seen.write(tmp_path_factory.mktemp("files")))


@pytest.fixture(scope="module")
def exposure(sky: SkyPixels) -> Exposure:
    return sky.exposure(seen.VISITS[0], seen.DETECTOR)


@pytest.mark.parametrize("kind", ["visit_image", "difference_image"])
def test_layout_of_an_exposure(sky: SkyPixels, exposure: Exposure, kind: str, tmp_path: Path) -> None:
    data = sky.product_fits(kind, exposure, "r", BOX)
    box = sky.box(kind, exposure, "r", *BOX)
    with fits.open(io.BytesIO(data), checksum=True) as hdus:
        hdus.verify("exception")
        assert [hdu.name for hdu in hdus] == ["PRIMARY", "IMAGE", "MASK", "VARIANCE"]
        assert hdus["IMAGE"].header["BUNIT"] == "nJy" and hdus["VARIANCE"].header["BUNIT"] == "nJy**2"
        for name, plane in zip(("IMAGE", "MASK", "VARIANCE"), box):
            assert np.array_equal(hdus[name].data, plane, equal_nan=True)
        planes = {key[3:]: value for key, value in hdus["MASK"].header.items() if key.startswith("MP_")}
        assert (planes["BAD"], planes["SAT"], planes["DETECTED_NEGATIVE"], planes["NO_DATA"]) == (0, 1, 6, 8)
        assert ("SAT_TEMPLATE" in planes) == (kind == "difference_image")
        head = hdus[0].header
        assert (head["VISIT"], head["DETECTOR"], head["BAND"], head["EXPTIME"]) == (exposure.visit, 4, "r", 30.0)
        assert head["INSTRUME"] == "LSSTComCam" and head["DAYOBS"] == "20260101" and head["SEQNUM"] == 41
        assert head["MJD"] == exposure.mjd and head["TIMESYS"] == "TAI"
        assert head["DATE-AVG"].startswith("2026-01-01T02:24") and head["FILTER"] == "r_03"
        assert head["MJD-BEG"] < head["MJD-AVG"] < head["MJD-END"]
        assert head["SIMULATE"] is True
        wcs = WCS(hdus["IMAGE"].header)
        x, y = np.array([0.0, 89.0, 30.5]), np.array([0.0, 69.0, 11.25])
        there = exposure.to_sky(x + BOX[0], y + BOX[1])
        assert np.allclose(wcs.wcs_pix2world(x, y, 0), there, atol=1e-9)
        parent = WCS(hdus["IMAGE"].header, key="A").wcs_pix2world([[0.0, 0.0]], 0)[0]
        assert parent.tolist() == list(BOX[:2]) and hdus["MASK"].header["LTV1"] == -BOX[0]
    assert data == sky.product_fits(kind, exposure, "r", BOX)
    frame = ImageFile.open(data, "a cutout", tmp_path, foreign=False).frame()
    assert frame.meta()["lsst"] == {"x0": BOX[0], "y0": BOX[1]} and frame.unit == "nJy" and frame.band == "r"
    places = np.random.default_rng(0).uniform(-0.5, [89.5, 69.5], (200, 2))
    truth = wcs.all_pix2world(places, 0)
    for (x, y), (ra, dec) in zip(places, truth):  # what the viewer tells is what astropy finds in the file
        found, row, column = frame.at(x, y), round(y), round(x)
        assert (found.value, found.variance) == (box.image[row, column], box.variance[row, column])
        assert set(found.names) == {name for name, bit in planes.items() if box.mask[row, column] >> bit & 1}
        assert math.hypot((found.ra - ra) * math.cos(math.radians(dec)), found.dec - dec) * 3.6e6 < 0.01


def test_raw_files_are_whole_counts(sky: SkyPixels, exposure: Exposure) -> None:
    with fits.open(io.BytesIO(sky.product_fits("raw", exposure, "r", BOX)), checksum=True) as hdus:
        assert [hdu.name for hdu in hdus] == ["PRIMARY", "IMAGE"]
        assert hdus["IMAGE"].header["BUNIT"] == "adu" and hdus["IMAGE"].header["BITPIX"] == 32
        assert np.array_equal(hdus["IMAGE"].data, sky.box("raw", exposure, "r", *BOX).image)
        assert "one amplifier" in hdus[0].header.comments["NAMPS"] and hdus[0].header["GAIN"] == 1.6


def test_cards_of_a_template(sky: SkyPixels) -> None:
    tract, number = patch_at(np.array([seen.RA]), np.array([seen.DEC]))
    patch = patch_of(int(tract[0]), int(number[0]))
    with fits.open(io.BytesIO(sky.product_fits("template_coadd", patch, "i", BOX))) as hdus:
        head = hdus[0].header
        assert (head["DATASET"], head["NINPUTS"], head["TRACT"]) == ("template_coadd", 16, patch.tract)
        assert hdus["IMAGE"].header["LTV1"] == -(patch.x0 + BOX[0])


def test_a_whole_image_is_compressed_and_holds_its_cutouts(sky: SkyPixels, exposure: Exposure) -> None:
    data = sky.product_fits("visit_image", exposure, "r")
    with fits.open(io.BytesIO(data), disable_image_compression=True) as hdus:
        assert [hdu.header.get("ZCMPTYPE") for hdu in hdus[1:]] == ["RICE_1", "GZIP_2", "RICE_1"]
    assert len(data) < 60e6
    x0, y0, nx, ny = BOX
    part = sky.box("visit_image", exposure, "r", *BOX)
    with fits.open(io.BytesIO(data)) as hdus:
        assert hdus["IMAGE"].shape == (4000, 4072)
        for name, plane in zip(("IMAGE", "MASK", "VARIANCE"), part):
            assert np.array_equal(hdus[name].section[y0 : y0 + ny, x0 : x0 + nx], plane, equal_nan=True)
        assert hdus["IMAGE"].header["BUNIT"] == "nJy" and hdus["MASK"].header["MP_SAT"] == 1
    kept = list((sky._folder / "images").rglob("*.fits"))
    assert len(kept) == 1 and kept[0].read_bytes() == data
    kept[0].write_bytes(b"from the cache")
    assert sky.product_fits("visit_image", exposure, "r") == b"from the cache"


def test_the_cache_forgets_what_was_unused_the_longest(tmp_path: Path) -> None:
    cache = DiskCache(tmp_path / "c", "look-2", 10_000)
    for k in range(12):
        cache.put(f"kind/{k}.fits", bytes(1000))
        path = tmp_path / "c" / "look-2" / "kind" / f"{k}.fits"
        if path.exists():
            os.utime(path, (k, k))
        if k >= 3:
            assert cache.get("kind/3.fits") is not None  # used all the time
    left = sorted(int(path.stem) for path in (tmp_path / "c").rglob("*.fits"))
    assert 3 in left and 11 in left and 0 not in left and len(left) <= 10
    cache.put("huge", bytes(5000))
    assert cache.get("huge") is None and cache.get("never") is None


def test_the_cache_drops_other_looks_and_dead_writers(tmp_path: Path) -> None:
    old = tmp_path / "look-1" / "a.fits"
    old.parent.mkdir()
    old.write_bytes(b"old")
    stale = tmp_path / "look-2" / "b.fits.123.part"
    stale.parent.mkdir()
    stale.write_bytes(b"half")
    os.utime(stale, (1, 1))
    DiskCache(tmp_path, "look-2", 1000).put("a.fits", b"new")
    assert not old.exists() and not stale.exists()
    assert DiskCache(tmp_path, "look-2", 1000).get("a.fits") == b"new"


def test_the_cache_is_shared_and_a_full_disk_costs_no_answer(tmp_path: Path) -> None:
    caches = [DiskCache(tmp_path / "s", "v", 40_000) for _ in range(4)]

    def work(cache: DiskCache) -> None:
        for k in range(60):
            cache.put(f"d{k % 7}/{k}", bytes([k]) * 1000)
            found = cache.get(f"d{k % 7}/{k}")
            assert found is None or found == bytes([k]) * 1000

    threads = [threading.Thread(target=work, args=(cache,)) for cache in caches]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(path.stat().st_size for path in (tmp_path / "s").rglob("*") if path.is_file()) <= 45_000
    blocked = tmp_path / "file"
    blocked.write_bytes(b"")
    DiskCache(blocked, "v", 1000).put("a", b"x")
    assert DiskCache(blocked, "v", 1000).get("a") is None
