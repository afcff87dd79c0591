"""HEALPix pixels of the sample against astropy-healpix."""

from __future__ import annotations

import numpy as np
from astropy import units as u
from astropy_healpix import HEALPix

from portal.archive.sample.cells import LEAF_ORDER, around, leaf_of, separation


def test_pixels_are_those_of_astropy_healpix() -> None:
    rng = np.random.default_rng(3)
    ra, dec = rng.uniform(-20, 380, 200_000), np.degrees(np.arcsin(rng.uniform(-1, 1, 200_000)))
    ra = np.concatenate([ra, [0, 360, 90, 45, 10, 0, 270]])
    dec = np.concatenate([dec, [0, 0, 0, 41.8, 90, -90, -89.999]])
    right = HEALPix(2**LEAF_ORDER, order="nested")
    same = leaf_of(ra, dec) == right.lonlat_to_healpix(ra * u.deg, dec * u.deg)
    assert same.mean() > 1 - 1e-4  # positions on a border may round to either side
    lon, lat = right.healpix_to_lonlat(leaf_of(ra, dec))
    apart = [separation(lon.deg[k], lat.deg[k], ra[k], dec[k]) for k in np.flatnonzero(~same)]
    assert all(angle * 3600 < 0.001 for angle in apart)


def test_a_circle_about_a_place_has_its_radius() -> None:
    for ra, dec in around(np.array([62.0]), np.array([-37.0]), 5.0):
        assert abs(separation(ra, dec, 62.0, -37.0)[0] * 3600 - 5.0) < 1e-3
