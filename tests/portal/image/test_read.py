"""FITS files of many kinds to planes, with astropy as oracle."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from portal.errors import FormatError
from portal.image import Frame, ImageFile
from portal.image.codec import rice_tiles
from portal.image.kernels import mean_of_bins, union_of_bins
from portal.image.plane import row_numbers
from portal.image.tiles import tile
from portal.image.warm import warm

RNG = np.random.default_rng(3)


def written(*hdus: fits.PrimaryHDU | fits.ImageHDU | fits.CompImageHDU | fits.BinTableHDU) -> bytes:
    out = BytesIO()
    first = [] if isinstance(hdus[0], fits.PrimaryHDU) else [fits.PrimaryHDU()]
    fits.HDUList([*first, *hdus]).writeto(out)
    return out.getvalue()


def frame(content: bytes, scratch: Path, **place: object) -> Frame:
    return ImageFile.open(content, "it", scratch, foreign=False).frame(**place)


def scene(ny: int = 130, nx: int = 150) -> np.ndarray:
    pixels = RNG.normal(3, 20, (ny, nx)).astype("f4")
    pixels[5, 7], pixels[40:44, 10:90], pixels[60:63] = np.nan, 0.0, 7.5
    pixels[80, 80] = 3e7  # a range too wide for whole numbers: such tiles are kept as floats
    return pixels


FLOATS = [("RICE_1", {}), ("RICE_1", {"tile_shape": (40, 64)}), ("GZIP_1", {}), ("GZIP_2", {"tile_shape": (130, 33)})]


@pytest.mark.parametrize("dither", [-1, 1, 2])
@pytest.mark.parametrize("method, tiles", FLOATS)
def test_compressed_floats_are_those_of_astropy(method: str, tiles: dict, dither: int, tmp_path: Path) -> None:
    given = {"compression_type": method, "quantize_method": dither, "dither_seed": 9990, **tiles}
    pixels = scene()
    content = written(fits.CompImageHDU(pixels, **given))
    found = frame(content, tmp_path).plane("image")
    with fits.open(BytesIO(content)) as hdus:
        np.testing.assert_array_equal(found, hdus[1].data)
    lossless = written(fits.CompImageHDU(pixels, compression_type="GZIP_2", quantize_level=0, **tiles))
    np.testing.assert_array_equal(frame(lossless, tmp_path).plane("image"), pixels)


@pytest.mark.parametrize("kind", ["u1", "i2", "u2", "i4", "f8"])
def test_whole_numbers_keep_every_digit(kind: str, tmp_path: Path) -> None:
    span = np.iinfo(kind) if kind != "f8" else np.iinfo("i2")
    pixels = RNG.integers(span.min, span.max, (70, 90), dtype=kind if kind != "f8" else "i2", endpoint=True).astype(
        kind
    )
    for method in ("RICE_1", "GZIP_1", "GZIP_2"):
        if kind != "f8":
            content = written(fits.CompImageHDU(pixels, compression_type=method, tile_shape=(30, 90)))
            np.testing.assert_array_equal(frame(content, tmp_path).plane("image"), pixels)
    content = written(fits.ImageHDU(pixels))
    found = frame(content, tmp_path)
    np.testing.assert_array_equal(found.plane("image"), pixels)
    at = found.at(17, 4)
    assert at.value == pixels[4, 17] and float(at.text) == pixels[4, 17]


def test_scaled_and_blank_numbers_become_floats(tmp_path: Path) -> None:
    hdu = fits.ImageHDU(RNG.integers(-90, 90, (20, 30)).astype("i2"))
    hdu.header["BSCALE"], hdu.header["BZERO"], hdu.header["BLANK"] = 0.5, 100.0, -3
    hdu.data[0, 0] = -3
    content = written(hdu)
    content = content.replace(b"BSCALE  =                  1.0", b"BSCALE  =                  0.5")
    with fits.open(BytesIO(content)) as hdus:
        want = hdus[1].data
    np.testing.assert_array_equal(frame(content, tmp_path).plane("image"), want)


def test_a_first_picture_comes_from_some_of_the_rows(tmp_path: Path) -> None:
    pixels = np.add.outer(np.arange(1200), np.arange(1100)).astype("f4")
    content = written(fits.CompImageHDU(pixels, compression_type="RICE_1", quantize_level=-0.5, quantize_method=-1))
    shown = frame(content, tmp_path)
    assert shown.is_quick and "minmax" not in shown.meta()["cuts"]
    before = shown.cuts("99")
    quick = shown.quick()
    assert not shown.planes.image.ready
    rows = pixels[row_numbers(1200, 4)]
    np.testing.assert_allclose(quick, rows.reshape(300, 275, 4).mean(axis=2))
    np.testing.assert_allclose(shown.tile("image", 2, 0, 0), pixels.reshape(300, 4, 275, 4).mean(axis=(1, 3)))
    assert not shown.is_quick and shown.cuts("99") == before
    assert shown.meta()["cuts"]["minmax"] == [0, 1199 + 1099]


def test_the_loops_are_loaded_for_what_files_hold(tmp_path: Path) -> None:
    """``warm`` must compile what is needed, not its like: a first image waits for nothing else."""
    warm()
    before = len(rice_tiles.signatures), len(mean_of_bins.signatures), len(union_of_bins.signatures)
    pixels = scene(600, 100)
    image = fits.CompImageHDU(pixels, compression_type="RICE_1", name="IMAGE")
    mask = fits.CompImageHDU(np.nan_to_num(pixels).astype("i4"), compression_type="RICE_1", name="MASK")
    shown = frame(written(image, mask), tmp_path)
    shown.tile("image", 1, 0, 0), shown.tile("mask", 1, 0, 0)
    for plain in (written(fits.ImageHDU(pixels)), written(fits.ImageHDU(pixels.astype("f8")))):
        frame(plain, tmp_path).tile("image", 1, 0, 0)
    pixels.flags.writeable = False
    tile(pixels, False, 1, 0, 0)
    assert (len(rice_tiles.signatures), len(mean_of_bins.signatures), len(union_of_bins.signatures)) == before


def test_cubes_give_the_plane_that_is_asked_for(tmp_path: Path) -> None:
    cube = RNG.normal(0, 9, (2, 5, 30, 40)).astype("f4")
    header = fits.Header({"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CTYPE3": "FREQ", "CTYPE4": "STOKES"})
    header.update({"CRVAL1": 20.0, "CRVAL2": 3.0, "CDELT1": -1e-3, "CDELT2": 1e-3, "CRPIX1": 20.0, "CRPIX2": 15.0})
    whole = written(fits.ImageHDU(cube, header))
    tiles = {"tile_shape": (1, 3, 8, 40), "compression_type": "GZIP_1", "quantize_level": 0}
    for content in (whole, written(fits.CompImageHDU(cube, header, **tiles))):
        shown = frame(content, tmp_path, at=(4, 1))
        np.testing.assert_array_equal(shown.plane("image"), cube[1, 4])
        assert shown.meta()["cube"] == {
            "axes": [{"name": "FREQ", "size": 5}, {"name": "STOKES", "size": 2}], "at": [4, 1],
        }  # fmt: skip
        assert shown.at(19, 14).ra == pytest.approx(20, abs=1e-12)
        with pytest.raises(FormatError, match="no plane 5, 0"):
            frame(content, tmp_path, at=(5, 0))


def test_any_hdu_can_be_shown_with_what_belongs_to_it(tmp_path: Path) -> None:
    one, two = scene(), scene()
    mask = fits.ImageHDU(np.full((130, 150), 5, "i2"), name="MASK")
    mask.header["MSKN0000"], mask.header["MSKM0000"], mask.header["MSKD0000"] = "CR", 4, "A cosmic ray"
    mask.header["MSKN0001"], mask.header["MSKM0001"] = "SAT", 2
    parts = [
        fits.ImageHDU(one, name="IMAGE"),
        mask,
        fits.ImageHDU(two, name="VARIANCE"),
        fits.ImageHDU(two, name="PSF"),
    ]
    parts.append(fits.BinTableHDU.from_columns([fits.Column("a", "J", array=[1])], name="PSFEX"))
    file = ImageFile.open(written(*parts), "it", tmp_path, foreign=False)
    assert [hdu["name"] for hdu in file.hdus] == ["PRIMARY", "IMAGE", "MASK", "VARIANCE", "PSF", "PSFEX"]
    first = file.frame()
    assert first.names == ("image", "mask", "variance") and first.at(3, 3).names == ("CR",)
    assert first.meta()["masks"][1] == {"name": "CR", "bit": 2, "doc": "A cosmic ray"}
    assert file.frame(hdu=4).names == ("image",) and file.frame(hdu=2).plane("image")[0, 0] == 5
    assert ["EXTNAME", "PSFEX", "extension name"] in first.cards(5)
    for number in (0, 5, 9):
        with pytest.raises(FormatError, match="no image"):
            file.frame(hdu=number)
