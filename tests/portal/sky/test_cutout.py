"""The cutout payload against astropy: pixels, orientation, positions, cuts, and what is refused."""

from __future__ import annotations

import json
from io import BytesIO
from typing import NamedTuple

import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.wcs import WCS

from portal.errors import FormatError
from portal.sky.cutout import cutout_payload

PLANES = {"BAD": 0, "SAT": 1, "DETECTED": 5}


class Read(NamedTuple):
    header: dict
    images: np.ndarray
    masks: np.ndarray | None

    def sky(self, x: float, y: float) -> SkyCoord:
        """The position of a 0-based pixel as the viewer works it out: bilinear in the lattice, then TAN."""
        lattice, n = self.header["lattice"], self.header["lattice"]["n"]
        u = (x + 0.5) / self.header["nx"] * (n - 1)
        v = (y + 0.5) / self.header["ny"] * (n - 1)
        i, j = min(int(u), n - 2), min(int(v), n - 2)
        a, b = u - i, v - j
        grid = np.array([lattice["xi"], lattice["eta"]]).reshape(2, n, n)[:, j : j + 2, i : i + 2]
        xi, eta = (grid * np.outer([1 - b, b], [1 - a, a])).sum(axis=(1, 2)) / 3600
        plane = WCS(naxis=2)
        plane.wcs.ctype = ["RA---TAN", "DEC--TAN"]
        plane.wcs.crval = [lattice["ra0"], lattice["dec0"]]
        plane.wcs.crpix = [1, 1]
        return plane.pixel_to_world(xi, eta)


def read(payload: bytes) -> Read:
    length = int.from_bytes(payload[:4], "little")
    header = json.loads(payload[4 : 4 + length])
    assert length % 4 == 0
    nx, ny, bands = header["nx"], header["ny"], len(header["bands"])
    parts = 2 if header["mask"] else 1
    assert len(payload) == 4 + length + 4 * nx * ny * bands * parts
    images = np.frombuffer(payload, "<f4", nx * ny * bands, 4 + length).reshape(bands, ny, nx)
    masks = None
    if header["mask"]:
        masks = np.frombuffer(payload, "<i4", nx * ny * bands, 4 + length + images.nbytes).reshape(bands, ny, nx)
    return Read(header, images, masks)


def coadd_wcs(cd: tuple = ((-1, 0), (0, 1)), scale: float = 0.2) -> WCS:
    """A patch far from its tract's centre, as coadds have it."""
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.crval = [62.0, -37.0]
    wcs.wcs.crpix = [9000.0, -5000.0]
    wcs.wcs.cd = np.array(cd) * scale / 3600
    return wcs


def image(seed: int = 0, ny: int = 60, nx: int = 80) -> np.ndarray:
    return np.random.default_rng(seed).normal(3, 20, (ny, nx)).astype("f4")


def masked_image(pixels: np.ndarray, wcs: WCS) -> bytes:
    header = wcs.to_header()
    header["BUNIT"] = "nJy"
    mask = fits.ImageHDU((pixels > 40).astype("i4") << 5, wcs.to_header(), name="MASK")
    for plane, bit in PLANES.items():
        mask.header[f"HIERARCH MP_{plane}"] = bit
    parts = [
        fits.PrimaryHDU(),
        fits.ImageHDU(pixels, header, name="IMAGE"),
        mask,
        fits.ImageHDU(np.full_like(pixels, 1e9), wcs.to_header(), name="VARIANCE"),
    ]
    return written(parts)


def written(parts: list) -> bytes:
    out = BytesIO()
    fits.HDUList(parts).writeto(out)
    return out.getvalue()


def test_bands_of_a_masked_image_arrive_whole() -> None:
    wcs = coadd_wcs()
    images = [image(i) for i in range(3)]
    found = read(cutout_payload([(b, masked_image(p, wcs)) for b, p in zip("gri", images)], "A <galaxy>"))
    assert found.header["bands"] == ["g", "r", "i"]
    assert found.header["unit"] == "nJy"
    assert found.header["title"] == "A <galaxy>"
    assert found.header["mask"] == PLANES
    assert found.header["scale_arcsec"] == pytest.approx(0.2, rel=1e-4)
    for given, got, mask in zip(images, found.images, found.masks):
        np.testing.assert_array_equal(given, got)
        np.testing.assert_array_equal(mask & 32 != 0, given > 40)
    low, high = found.header["cuts"][0]
    assert -100 < low < 3 < high < 200


@pytest.mark.parametrize(
    "cd",
    [
        ((-1, 0), (0, 1)),
        ((1, 0), (0, -1)),
        ((1, 0), (0, 1)),
        ((0, 1), (1, 0)),
        ((0, -1), (1, 0)),
        ((0, 1), (-1, 0)),
        ((-0.98, 0.2), (0.2, 0.98)),
    ],
)
def test_north_is_up_east_left_and_positions_are_exact(cd: tuple) -> None:
    wcs = coadd_wcs(cd)
    pixels = image()
    pixels[12, 65] = 1e6
    found = read(cutout_payload([("r", masked_image(pixels, wcs))], "turned"))
    nx, ny = found.header["nx"], found.header["ny"]
    y, x = np.unravel_index(found.images[0].argmax(), (ny, nx))
    assert found.sky(x, y).separation(wcs.pixel_to_world(65, 12)).mas < 0.01
    for at in np.random.default_rng(1).uniform(0, [nx - 1, ny - 1], (20, 2)):
        exact = found.sky(*at)
        back = wcs.world_to_pixel(exact)
        assert exact.separation(wcs.pixel_to_world(*back)).mas < 0.01
    middle, right, up = found.sky(nx / 2, ny / 2), found.sky(nx - 1, ny / 2), found.sky(nx / 2, ny - 1)
    assert right.ra < middle.ra
    assert up.dec > middle.dec
    angle = found.header["north_angle"]
    assert found.header["north_up"] == (abs(angle) < 2)
    east, north = middle.spherical_offsets_to(found.sky(nx / 2 - 10 * np.sin(np.radians(angle)), ny / 2 + 10))
    if abs(angle) < 2:
        assert abs(east.arcsec) < 0.1 and north.arcsec > 1.9


def test_a_position_moves_the_crosshair() -> None:
    wcs = coadd_wcs(((1, 0), (0, -1)))
    place = wcs.pixel_to_world(20.25, 30.5)
    payload = cutout_payload([("i", masked_image(image(), wcs))], "", (place.ra.deg, place.dec.deg))
    assert read(payload).header["target"] == pytest.approx([79 - 20.25, 59 - 30.5], abs=1e-6)


def test_a_plain_image_without_a_place_on_the_sky() -> None:
    pixels = image()
    pixels[3, 4] = np.nan
    found = read(cutout_payload([("x", written([fits.PrimaryHDU(pixels)]))], "plain"))
    np.testing.assert_array_equal(found.images[0], pixels)
    assert found.header["lattice"] is None and found.header["mask"] is None
    assert found.header["target"] == [39.5, 29.5]


def test_a_compressed_image_is_read() -> None:
    part = fits.CompImageHDU(
        image(), coadd_wcs().to_header(), name="IMAGE", compression_type="GZIP_2", quantize_level=0
    )
    found = read(cutout_payload([("r", written([fits.PrimaryHDU(), part]))], ""))
    np.testing.assert_array_equal(found.images[0], image())
    assert found.header["lattice"]["n"] == 17


@pytest.mark.parametrize("pixels", [np.full((9, 9), np.nan, "f4"), np.zeros((9, 9), "f4")])
def test_empty_images_have_usable_cuts(pixels: np.ndarray) -> None:
    low, high = read(cutout_payload([("r", written([fits.PrimaryHDU(pixels)]))], "")).header["cuts"][0]
    assert high > low


def test_what_is_no_image_is_refused_with_a_reason() -> None:
    good = masked_image(image(), coadd_wcs())
    with pytest.raises(FormatError, match="no image"):
        cutout_payload([], "")
    with pytest.raises(FormatError, match="r image"):
        cutout_payload([("r", b"<VOTABLE/>")], "")
    with pytest.raises(FormatError, match="r image"):
        cutout_payload([("r", good[: len(good) // 2])], "")
    with pytest.raises(FormatError, match="two-dimensional"):
        cutout_payload([("r", written([fits.PrimaryHDU()]))], "")
    with pytest.raises(FormatError, match="cannot be laid"):
        cutout_payload([("g", good), ("r", masked_image(image(ny=50), coadd_wcs()))], "")
    with pytest.raises(FormatError, match="different parts"):
        cutout_payload([("g", good), ("r", masked_image(image(), coadd_wcs(scale=0.3)))], "")


def test_a_file_that_declares_too_much_is_refused_before_it_is_read() -> None:
    header = fits.Header()
    header["SIMPLE"], header["BITPIX"], header["NAXIS"] = True, -32, 2
    header["NAXIS1"], header["NAXIS2"] = 60000, 60000
    content = header.tostring(sep="", endcard=True, padding=True).encode() + b"\0" * 2880
    with pytest.raises(FormatError, match="64"):
        cutout_payload([("r", content)], "")
