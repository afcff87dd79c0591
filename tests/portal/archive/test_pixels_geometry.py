"""Tracts and patches: one owner for each position, and a WCS that agrees with astropy's."""

from __future__ import annotations

import numpy as np
import pytest

from portal.archive.sample.geometry import PATCH, patch_at, patch_of, patches_of, tract_count


def test_a_position_belongs_to_one_patch_that_contains_it() -> None:
    rng = np.random.default_rng(1)
    ra, dec = rng.uniform(0, 360, 4000), np.degrees(np.arcsin(rng.uniform(-1, 0.97, 4000)))
    tract, patch = patch_at(ra, dec)
    assert tract.dtype == patch.dtype == np.int64
    for a, d, t, p in zip(ra[:400], dec[:400], tract, patch):
        x, y = patch_of(int(t), int(p)).to_pixel(a, d)
        assert 0 <= x < PATCH and 0 <= y < PATCH
    assert tract.max() < tract_count()


def test_the_field_centre_is_the_middle_of_a_patch() -> None:
    tract, patch = patch_at(np.array([62.0]), np.array([-37.0]))
    x, y = patch_of(int(tract[0]), int(patch[0])).to_pixel(62.0, -37.0)
    assert abs(x - PATCH / 2) < 100 and abs(y - PATCH / 2) < 100


def test_patches_of_a_disc_hold_all_its_positions() -> None:
    rng = np.random.default_rng(2)
    r, t = 0.5 * np.sqrt(rng.uniform(size=5000)), rng.uniform(0, 2 * np.pi, 5000)
    dec = -37 + r * np.sin(t)
    ra = 62 + r * np.cos(t) / np.cos(np.radians(dec))
    found = {(p.tract, p.patch) for p in patches_of(62.0, -37.0, 0.51)}
    tract, patch = patch_at(ra, dec)
    assert set(zip(tract.tolist(), patch.tolist())) <= found
    assert len({t for t, _ in found}) == 1
    assert 30 <= len(found) <= 49
    assert len(patches_of(62.0, -37.0, 0.05)) == 1


@pytest.mark.parametrize("position", [(62.0, -37.0), (0.001, 0.0), (359.9, -72.0), (38.0, 7.0)])
def test_wcs_and_own_projection_agree(position: tuple[float, float]) -> None:
    tract, patch = patch_at(np.array([position[0]]), np.array([position[1]]))
    item = patch_of(int(tract[0]), int(patch[0]))
    x, y = np.array([0.0, 3399.0, 12.5]), np.array([0.0, 100.0, 3399.0])
    ra, dec = item.to_sky(x, y)
    wx, wy = item.wcs().wcs_world2pix(ra, dec, 0)
    assert np.allclose(wx, x, atol=1e-6) and np.allclose(wy, y, atol=1e-6)
    back = item.to_pixel(ra, dec)
    assert np.allclose(back[0], x, atol=1e-6) and np.allclose(back[1], y, atol=1e-6)
    assert item.s_region().startswith("POLYGON ICRS ") and len(item.s_region().split()) == 10


def test_a_wrong_number_is_refused() -> None:
    with pytest.raises(ValueError, match="no tract"):
        patch_of(10**6, 0)
    with pytest.raises(ValueError, match="no patch"):
        patch_of(0, 100)
