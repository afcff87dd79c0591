"""Pixel truth: values, mask names, variances and positions against astropy, on a real and on made images."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.io.fits import Header
from astropy.wcs import WCS
from astropy.wcs.wcs import Sip

from portal.image import Frame, Frames, ImageFile
from portal.image.lattice import pixels_of, plane, sky_lattice, sky_of, warp
from portal.image.planes import Planes
from portal.image.world import celestial, from_plain, plain

HSC = Path(__file__).resolve().parents[4] / "shared/data/real/images/hsc_calexp_small.fits"


def made(ctype: str = "TAN", nx: int = 4072, ny: int = 4000, turn: float = 31.0, dec: float = -37.0) -> WCS:
    """A detector far from the optical axis, with a distortion of some pixels for TAN-SIP."""
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = [f"RA---{ctype}", f"DEC--{ctype}"]
    wcs.wcs.crval, wcs.wcs.crpix = [62.0, dec], [nx / 2 + 100, ny / 2 - 300]
    a = math.radians(turn)
    wcs.wcs.cd = np.array([[-math.cos(a), math.sin(a)], [math.sin(a), math.cos(a)]]) * 0.2 / 3600
    wcs.wcs.radesys = "ICRS"
    if ctype == "TAN-SIP":
        one, two = np.zeros((4, 4)), np.zeros((4, 4))
        one[2, 0], one[1, 1], one[0, 3], two[0, 2], two[1, 1], two[3, 0] = 1e-6, -7e-7, 3e-11, 9e-7, 4e-7, -2e-11
        wcs.sip = Sip(one, two, None, None, wcs.wcs.crpix)
    wcs.wcs.set()
    return wcs


def apart(ra: np.ndarray, dec: np.ndarray, truth: SkyCoord) -> float:
    """The largest separation, mas."""
    return float(SkyCoord(ra, dec, unit="deg").separation(truth.icrs).mas.max())


def by_lattice(found: dict, nx: int, ny: int, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What the viewer makes of a lattice: bilinear, then back from the tangent plane."""
    n = found["n"]
    u, v = (x + 0.5) / nx * (n - 1), (y + 0.5) / ny * (n - 1)
    i, j = np.minimum(u.astype(int), n - 2), np.minimum(v.astype(int), n - 2)
    a, b = u - i, v - j
    xi, eta = (
        (grid[j, i] * (1 - a) + grid[j, i + 1] * a) * (1 - b) + (grid[j + 1, i] * (1 - a) + grid[j + 1, i + 1] * a) * b
        for grid in (np.reshape(found["xi"], (n, n)), np.reshape(found["eta"], (n, n)))
    )
    tangent = WCS(naxis=2)
    tangent.wcs.ctype, tangent.wcs.crval, tangent.wcs.crpix = (
        ["RA---TAN", "DEC--TAN"],
        [found["ra0"], found["dec0"]],
        [1, 1],
    )
    return tangent.wcs_pix2world(xi / 3600, eta / 3600, 0)


@pytest.mark.skipif(not HSC.exists(), reason="the real images lie beside the checkout, not in it")
@pytest.mark.parametrize("foreign", [False, True])
def test_two_hundred_places_of_a_real_image(foreign: bool, tmp_path: Path) -> None:
    shown = ImageFile.open(HSC, "HSC", tmp_path, foreign=foreign).frame()
    with fits.open(HSC) as hdus:
        image, mask, variance = (hdus[k].data for k in (1, 2, 3))
        names = {int(v): k[3:] for k, v in hdus[2].header.items() if k.startswith("MP_")}
        truth = WCS(hdus[1].header)
    places = np.random.default_rng(1).uniform(-0.5, 199.5, (200, 2))
    read = [shown.at(*place) for place in places]
    found = by_lattice(shown.lattice, 200, 200, *places.T)
    for one, (x, y) in zip(read, places):
        row, column = round(y), round(x)
        assert one.value == image[row, column] and one.variance == variance[row, column]
        assert set(one.names) == {name for bit, name in names.items() if int(mask[row, column]) >> bit & 1}
        assert one.fits == (x + 1, y + 1) and one.lsst == (x + 100, y + 100)
    sky = truth.pixel_to_world(*places.T)
    assert apart([one.ra for one in read], [one.dec for one in read], sky) < 0.01
    assert apart(*found, sky) < 1
    back = shown.pixels_of(sky.icrs.ra.deg, sky.icrs.dec.deg)
    np.testing.assert_allclose(back, places.T, atol=1e-3)
    frames = Frames()
    other = frames.choose(frames.add(shown), hdu=3)
    np.testing.assert_array_equal(other.plane("image"), variance)
    assert other.names == ("image",) and other.cards()[6][:2] == ["GCOUNT", 1]
    frames.close()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("ctype", ["TAN", "TAN-SIP", "SIN", "ZEA"])
def test_lattices_are_true_to_a_milliarcsecond(ctype: str) -> None:
    wcs, nx, ny = made(ctype), 4072, 4000
    x, y = np.random.default_rng(2).uniform(-0.5, [nx - 0.5, ny - 0.5], (200, 2)).T
    found = sky_lattice(wcs, nx, ny)
    assert apart(*by_lattice(found, nx, ny, x, y), wcs.pixel_to_world(x, y)) < 1
    assert found["north_angle"] == pytest.approx(-31, abs=0.5) and found["scale_arcsec"] == pytest.approx(0.2, rel=0.02)
    again = from_plain(plain(wcs))
    assert apart(*again.all_pix2world(x, y, 0), wcs.pixel_to_world(x, y)) < 0.01


def test_other_frames_and_the_pole() -> None:
    header = Header({"CTYPE1": "GLON-TAN", "CTYPE2": "GLAT-TAN", "CRVAL1": 223.5, "CRVAL2": -54.4, "CRPIX1": 50.0})
    header.update({"CRPIX2": 60.0, "CDELT1": -0.001, "CDELT2": 0.001})
    wcs, why = celestial(header)
    x, y = np.random.default_rng(3).uniform(0, 100, (2, 50))
    found = sky_lattice(wcs, 100, 100)
    assert not why and apart(*by_lattice(found, 100, 100, x, y), wcs.pixel_to_world(x, y)) < 1e-2
    pole = made(nx=400, ny=400, dec=90.0)
    x, y = np.random.default_rng(4).uniform(0, 400, (2, 50))
    found = sky_lattice(pole, 400, 400)
    assert apart(*by_lattice(found, 400, 400, x, y), pole.pixel_to_world(x, y)) < 0.1
    frame = Frame("pole", Planes(np.zeros((400, 400), "f4"), wcs=pole))
    np.testing.assert_allclose(frame.pixels_of(*frame.sky_of(x, y)), [x, y], atol=1e-4)


def test_warps_lead_from_one_image_to_the_other() -> None:
    one, two, nx, ny = made("TAN-SIP", turn=31), made("TAN-SIP", 1000, 900, turn=-60), 1000, 900
    found = warp(one, two, nx, ny)
    inside = np.random.default_rng(5).uniform(0, [nx - 1, ny - 1], (200, 2)).T
    x, y = one.world_to_pixel(two.pixel_to_world(*inside))
    n = found["n"]
    u, v = (x - found["x0"]) / (found["x1"] - found["x0"]), (y - found["y0"]) / (found["y1"] - found["y0"])
    grid = {"n": n, "xi": found["x"], "eta": found["y"]}
    got = _bilinear(grid, u * (n - 1), v * (n - 1))
    np.testing.assert_allclose(got, inside, atol=0.02)
    away = made(dec=60.0)
    assert warp(one, away, nx, ny) is None


def _bilinear(found: dict, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    n = found["n"]
    i, j = np.minimum(u.astype(int), n - 2), np.minimum(v.astype(int), n - 2)
    a, b = u - i, v - j
    grids = [np.array(found[name], float).reshape(n, n) for name in ("xi", "eta")]
    return np.array(
        [
            (g[j, i] * (1 - a) + g[j, i + 1] * a) * (1 - b) + (g[j + 1, i] * (1 - a) + g[j + 1, i + 1] * a) * b
            for g in grids
        ]
    )


BROKEN = [
    {"CD1_2": 1e-4, "CD2_1": 1e-4},
    {"CTYPE1": "RA---XYZ", "CTYPE2": "DEC--XYZ"},
    {"CTYPE2": "DEC--SIN"},
    {"CRVAL2": 1e300},
    {"CUNIT1": "parsec", "CUNIT2": "parsec"},
    {"CTYPE1": "RA---TAN-SIP", "CTYPE2": "DEC--TAN-SIP", "A_ORDER": 3, "A_0_2": 1e-6},
]


@pytest.mark.parametrize("cards", BROKEN)
def test_broken_coordinates_are_left_out_with_a_reason(cards: dict) -> None:
    header = made().to_header()
    for name in ("PC1_1", "PC1_2", "PC2_1", "PC2_2", "CDELT1", "CDELT2"):
        header.pop(name, None)
    header.update({"CD1_1": 1e-4, "CD1_2": 0.0, "CD2_1": 0.0, "CD2_2": 1e-4, **cards})
    wcs, why = celestial(header)
    assert wcs is None and "positions are left out" in why
    assert celestial(Header({"NAXIS": 2})) == (None, "")


def test_planes_of_the_sky_far_apart_have_no_lattice() -> None:
    header = Header({"CTYPE1": "RA---AIT", "CTYPE2": "DEC--AIT", "CRVAL1": 0.0, "CRVAL2": 0.0, "CRPIX1": 180.0})
    header.update({"CRPIX2": 90.0, "CDELT1": -1.0, "CDELT2": 1.0})
    wcs, _ = celestial(header)
    frame = Frame("all sky", Planes(np.zeros((180, 360), "f4"), wcs=wcs))
    assert frame.meta()["lattice"] is None and frame.meta()["bounds"] is None
    assert frame.at(0, 0).ra is None and frame.at(179, 89).dec == pytest.approx(0)
    assert plane(0.0, 0.0, 0.0, 0.0)[2] == 1


@pytest.mark.parametrize(
    ("axes", "frame"), [("G", "galactic"), ("E", "barycentricmeanecliptic"), ("S", "supergalactic")]
)
def test_the_axes_say_the_frame_whatever_radesys_says(axes: str, frame: str) -> None:
    for radesys in ("", "ICRS", "FK5"):
        header = Header({"NAXIS": 2, "CTYPE1": f"{axes}LON-TAN", "CTYPE2": f"{axes}LAT-TAN", "CRVAL1": 40.0,
                         "CRVAL2": 20.0, "CRPIX1": 5.0, "CRPIX2": 5.0, "CDELT1": -1e-4, "CDELT2": 1e-4})  # fmt: skip
        if radesys:
            header["RADESYS"] = radesys
        wcs, note = celestial(header)
        assert not note
        ra, dec = sky_of(wcs, np.array([4.0]), np.array([4.0]))
        assert apart(ra, dec, SkyCoord([40.0], [20.0], unit="deg", frame=frame)) < 0.01
        x, y = pixels_of(wcs, ra, dec)
        assert [x[0], y[0]] == pytest.approx([4, 4], abs=1e-6)


@pytest.mark.parametrize("cards", [{"CTYPE1": "TLON-TAN", "CTYPE2": "TLAT-TAN"}, {"RADESYS": "GAPPT"}])
def test_what_lies_in_no_frame_of_the_sky_has_no_positions(cards: dict) -> None:
    header = Header({"NAXIS": 2, "CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRVAL1": 40.0, "CRVAL2": 20.0,
                     "CRPIX1": 5.0, "CRPIX2": 5.0, "CDELT1": -1e-4, "CDELT2": 1e-4, **cards})  # fmt: skip
    wcs, note = celestial(header)
    assert wcs is None and "positions are left out" in note
