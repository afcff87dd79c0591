"""The drawn light of stars, discs and bulges against GalSim's."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

from portal.archive.sample.coadd import BLUR
from portal.archive.sample.draw import draw_objects, optics

BENCH = Path(__file__).parents[2] / "bench" / "galsim_sky.py"
_spec = importlib.util.spec_from_file_location("galsim_sky", BENCH)
galsim_sky = sys.modules.setdefault("galsim_sky", importlib.util.module_from_spec(_spec))
_spec.loader.exec_module(galsim_sky)

BAND, SEEING, FLUX, HALF = 3, 0.94, 1e5, 90


def ours(shape: np.ndarray) -> np.ndarray:
    """Noiseless light of one object in the middle of a box, north up, east to the left."""
    image = np.zeros((2 * HALF + 1, 2 * HALF + 1))
    place = np.array([[HALF, HALF, -5.0, 0.0, 0.0, 5.0]])
    draw_objects(image, 0, 0, np.array([0]), place, shape[None], BAND, optics(BAND, SEEING), BLUR, 1e-6)
    return image


def theirs(shape: np.ndarray) -> np.ndarray:
    return galsim_sky.profile(shape, FLUX, SEEING).drawImage(nx=2 * HALF + 1, ny=2 * HALF + 1, scale=0.2).array


def row(**columns: float) -> np.ndarray:
    """A row of shapes; red, so that no arms are drawn."""
    shape = np.zeros(11, np.float32)
    shape[:6] = FLUX
    shape[1] = 0.1 * FLUX
    for name, place in (("r_e", 6), ("bulge", 7), ("q", 8), ("pa", 9), ("star", 10)):
        shape[place] = columns.get(name, 1.0 if name == "q" else 0.0)
    return shape


@pytest.mark.parametrize(
    ("shape", "core"),
    [
        (row(star=1.0), 0.003),
        (row(r_e=0.25), 0.015),
        (row(r_e=0.6, q=0.5, pa=30.0), 0.015),
        (row(r_e=1.6, q=0.35, pa=110.0), 0.02),
        (row(r_e=0.3, bulge=1.0, q=0.8, pa=70.0), 0.03),
        (row(r_e=0.8, bulge=1.0, q=0.6, pa=150.0), 0.05),
        (row(r_e=0.9, bulge=0.4, q=0.6, pa=10.0), 0.03),
    ],
    ids=["star", "small disc", "disc", "large disc", "small bulge", "bulge", "both"],
)
def test_light_falls_as_galsim_draws_it(shape: np.ndarray, core: float) -> None:
    a, b = ours(shape), theirs(shape)
    yy, xx = np.mgrid[-HALF : HALF + 1, -HALF : HALF + 1]
    r = np.hypot(xx, yy)
    assert a[HALF, HALF] / b[HALF, HALF] == pytest.approx(1.0, abs=core)
    for radius in (5.0, 10.0, 20.0, 60.0):
        assert a[r < radius].sum() / b[r < radius].sum() == pytest.approx(1.0, abs=0.02)
    bright = b > 0.05 * b.max()
    assert np.abs(a[bright] / b[bright] - 1.0).max() < 0.09
    # The same way round: the difference of the light along and across is the same.
    for image in (a, b):
        image /= image[r < 40].sum()
    near = r < 40
    for moment in (xx * yy, xx**2 - yy**2):
        assert (a * moment)[near].sum() == pytest.approx((b * moment)[near].sum(), rel=0.03, abs=0.3)
