"""Images against the catalogues of the tiny sample: PSF fluxes of stars, and every listed difference detection."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from scipy.spatial import cKDTree

from portal.archive.sample.bands import COADD_SEEING
from portal.archive.sample.coadd import PLANES
from portal.archive.sample.exposure import read_columns
from portal.archive.sample.geometry import patch_at, patch_of
from portal.archive.sample.render import SkyPixels

_spec = importlib.util.spec_from_file_location("exposure_fixture", Path(__file__).with_name("exposure_fixture.py"))
seen = sys.modules.setdefault("exposure_fixture", importlib.util.module_from_spec(_spec))
_spec.loader.exec_module(seen)

UNUSABLE = sum(1 << PLANES[name] for name in ("SAT", "NO_DATA", "INTRP"))


def columns(sample: Path, name: str, wanted: list[str]) -> dict[str, np.ndarray]:
    table = read_columns(sample, name, wanted)
    # 64-bit ids with holes would become floats.
    whole = {key: values.fill_null(0) if pa.types.is_integer(values.type) else values for key, values in table.items()}
    return {key: values.to_numpy(zero_copy_only=False) for key, values in whole.items()}


@pytest.fixture(scope="module")
def sky(sample: Path) -> SkyPixels:
    return SkyPixels(sample)


@pytest.fixture(scope="module")
def stars(sample: Path) -> dict[str, np.ndarray]:
    """Constant stars of both fields that no neighbour disturbs: truth and what Object says."""
    truth = columns(sample, "Truth", ["objectId", "ra", "dec", "is_variable", "truth_type", "flux_r"])
    found = columns(sample, "Object", ["objectId", "coord_ra", "coord_dec", *(f"{band}_psfFlux" for band in "griz")])
    order = np.argsort(found["objectId"])
    seat = np.searchsorted(found["objectId"][order], truth["objectId"])
    row = order[np.minimum(seat, len(order) - 1)]
    place = np.stack([found["coord_ra"] * np.cos(np.radians(found["coord_dec"])), found["coord_dec"]], axis=1) * 3600
    light = np.stack([found[f"{band}_psfFlux"] for band in "griz"], axis=1)
    near = cKDTree(place).query_ball_point(place[row], 6.0)
    others = [light[[k for k in around if k != own]].sum(axis=0) for around, own in zip(near, row)]
    alone = (np.nan_to_num(others) < 0.01 * light[row]).all(axis=1)
    good = (truth["truth_type"] == 2) & (truth["is_variable"] == 0) & alone
    good &= (found["objectId"][row] == truth["objectId"]) & (truth["flux_r"] > 2e4) & (truth["flux_r"] < 6e5)
    return {
        **{name: values[good] for name, values in truth.items()},
        **{name: values[row][good] for name, values in found.items() if name != "objectId"},
    }


def test_stars_in_coadds_have_the_catalogues_flux(sky: SkyPixels, stars: dict[str, np.ndarray]) -> None:
    ratio = []
    for band in "griz":
        seeing = float(COADD_SEEING["ugrizy".index(band)])
        tracts, patches = patch_at(stars["ra"], stars["dec"])
        for k, (tract, number) in enumerate(zip(tracts.tolist(), patches.tolist())):
            patch = patch_of(tract, number)
            x, y = (float(value) for value in patch.to_pixel(stars["ra"][k], stars["dec"][k]))
            box = sky.box("deep_coadd", patch, band, round(x) - 14, round(y) - 14, 29, 29)
            if not (box.mask & UNUSABLE).any():
                ratio.append(seen.psf_flux(box, seeing, x - round(x), y - round(y))[0] / stars[f"{band}_psfFlux"][k])
    assert len(ratio) > 30
    assert np.median(ratio) == pytest.approx(1.0, abs=0.005)


def test_stars_in_visits_have_their_forced_flux(sky: SkyPixels, sample: Path, stars: dict[str, np.ndarray]) -> None:
    forced = columns(sample, "ForcedSource", ["objectId", "visit", "detector", "psfFlux", "psfFluxErr"])
    place = {ident: k for k, ident in enumerate(stars["objectId"].tolist())}
    rows = np.flatnonzero(np.isin(forced["objectId"], stars["objectId"]))
    ratio, pull = [], []
    images = np.unique(forced["visit"][rows] * 1000 + forced["detector"][rows])[::2]
    for row in rows[np.isin(forced["visit"][rows] * 1000 + forced["detector"][rows], images)]:
        exposure = sky.exposure(int(forced["visit"][row]), int(forced["detector"][row]))
        k = place[int(forced["objectId"][row])]
        x, y = (float(value) for value in exposure.to_pixel(stars["ra"][k], stars["dec"][k]))
        if not (20 < x < exposure.nx - 20 and 20 < y < exposure.ny - 20):
            continue
        box = sky.box("visit_image", exposure, exposure.band, round(x) - 14, round(y) - 14, 29, 29)
        if (box.mask & UNUSABLE).any():
            continue
        flux, error = seen.psf_flux(box, exposure.seeing, x - round(x), y - round(y))
        ratio.append(flux / forced["psfFlux"][row])
        pull.append((flux - forced["psfFlux"][row]) / np.hypot(error, forced["psfFluxErr"][row]))
    assert len(ratio) > 80
    assert np.median(ratio) == pytest.approx(1.0, abs=0.005)
    assert 0.6 < 1.48 * np.median(np.abs(pull)) < 1.5


def test_difference_images_show_what_is_listed(sky: SkyPixels, sample: Path) -> None:
    """PSF photometry at the places of DiaSource: variables, noise peaks, dipoles, artefacts and asteroids."""
    found = columns(
        sample, "DiaSource", ["visit", "detector", "x", "y", "ra", "dec", "psfFlux", "psfFluxErr", "_origin"]
    )
    pulls: dict[int, list[float]] = {}
    # Image by image: what one exposure shows is worked out once.
    images = np.unique(found["visit"] * 1000 + found["detector"])[::4]
    for row in np.flatnonzero(np.isin(found["visit"] * 1000 + found["detector"], images)):
        exposure = sky.exposure(int(found["visit"][row]), int(found["detector"][row]))
        x, y = (float(value) for value in exposure.to_pixel(found["ra"][row], found["dec"][row]))
        assert abs(x - found["x"][row]) < 0.1 and abs(y - found["y"][row]) < 0.1
        if not (20 < x < exposure.nx - 20 and 20 < y < exposure.ny - 20):
            continue
        box = sky.box("difference_image", exposure, exposure.band, round(x) - 14, round(y) - 14, 29, 29)
        if (box.mask & UNUSABLE)[10:19, 10:19].any():
            continue
        flux, error = seen.psf_flux(box, exposure.seeing, x - round(x), y - round(y))
        pull = (flux - found["psfFlux"][row]) / np.hypot(error, found["psfFluxErr"][row])
        pulls.setdefault(int(found["_origin"][row]), []).append(float(pull))
    assert {0, 1, 2, 3} <= set(pulls)
    for origin, values in pulls.items():
        assert abs(np.median(values)) < 1.0, origin
        assert 1.48 * np.median(np.abs(values)) < 1.6 and np.mean(np.abs(values) > 5) < 0.03, origin
