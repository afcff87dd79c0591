"""Files that are wrong, too large or made to do harm: a clear message, and the portal goes on."""

from __future__ import annotations

import errno
import gzip
import json
import os
import threading
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from portal.errors import CancelledError, FormatError, LimitError, TriviewError
from portal.image import Frame, Frames, ImageFile
from portal.image.answers import answer
from portal.image.apart import Limits, read_apart
from portal.image.planes import Planes

RNG = np.random.default_rng(8)


def written(*hdus: object) -> bytes:
    out = BytesIO()
    fits.HDUList([fits.PrimaryHDU(), *hdus]).writeto(out, output_verify="ignore")
    return out.getvalue()


def here(content: bytes | Path, scratch: Path) -> Frame:
    return ImageFile.open(content, "it", scratch, foreign=False).frame()


def header_only(**cards: object) -> bytes:
    """An HDU whose header promises pixels that are not there."""
    header = fits.Header([("SIMPLE", True), ("BITPIX", -32), ("NAXIS", 2), ("NAXIS1", 100), ("NAXIS2", 100)])
    header.update(cards)
    return header.tostring().encode()


def flood() -> bytes:
    cards = b"".join(b"HISTORY nothing to see here".ljust(80) for _ in range(110_000))
    return header_only().replace(b"END     ", cards + b"END     ")[: 2880 + len(cards)]


def squeezed(side: int) -> bytes:
    """A tile-compressed image of ``side`` x ``side`` that says so in a few kB: all its tiles are the same bytes."""
    content = bytearray(written(fits.CompImageHDU(np.zeros((64, 64), "i4"), compression_type="RICE_1")))
    for name in (b"ZNAXIS1", b"ZNAXIS2"):
        at = content.index(name.ljust(8) + b"=")
        content[at + 10 : at + 30] = str(side).rjust(20).encode()
    return bytes(content)


SMALL = fits.ImageHDU(RNG.normal(0, 1, (30, 40)).astype("f4"))
WRONG = {
    "no FITS": (b"<html>please log in</html>" * 200, "does not begin with SIMPLE"),
    "cut": (written(SMALL)[:7000], "ends early: 1,240 of 4,800 bytes"),
    "empty": (b"", "is empty"),
    "80 GB promised": (header_only(NAXIS1=100_000, NAXIS2=200_000), "100,000 × 200,000 pixels"),
    "endless axis": (header_only(NAXIS1=10**17, NAXIS2=10**17), "pixels"),
    "negative axis": (header_only(NAXIS1=-5), "NAXIS1 = -5"),
    "no such type": (header_only(BITPIX=-16), "ends early|BITPIX"),
    "one dimension": (written(fits.ImageHDU(np.zeros(900, "f4"))), "one-dimensional"),
    "table only": (written(fits.BinTableHDU.from_columns([fits.Column("a", "J", array=[1])])), "open it as a table"),
    "header flood": (flood(), "longer than|more than"),
    "more tiles than the file has": (squeezed(60_000), "60,000 × 60,000"),
    "tiles of another size": (squeezed(128), "not as many tiles"),
}


@pytest.mark.parametrize("what", WRONG)
def test_wrong_files_are_refused_with_a_reason(what: str, tmp_path: Path) -> None:
    content, words = WRONG[what]
    with pytest.raises((FormatError, LimitError), match=words):
        here(content, tmp_path).plane("image")


def test_a_sparse_file_of_ten_gigabytes_costs_nothing(tmp_path: Path) -> None:
    path = tmp_path / "sparse.fits"
    path.write_bytes(header_only(NAXIS1=50_000, NAXIS2=50_000))
    with path.open("r+b") as file:
        file.truncate(2880 + 10_000_000_000)
    with pytest.raises(LimitError, match="50,000 × 50,000 pixels") as caught:
        here(path, tmp_path)
    assert "cutout" in caught.value.hint


def test_damaged_tiles_raise_and_never_crash(tmp_path: Path) -> None:
    hdu = fits.CompImageHDU(RNG.normal(0, 50, (64, 80)).astype("f4"), compression_type="RICE_1", tile_shape=(16, 80))
    good = written(hdu)
    failed = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        content = np.frombuffer(good, np.uint8).copy()
        at = rng.integers(5760, content.size, 12) if seed % 2 else rng.integers(2880, content.size, 3)
        content[at] = rng.integers(0, 256, at.size)
        try:
            assert here(content.tobytes(), tmp_path).plane("image").shape
        except TriviewError:
            failed += 1
    assert failed


def test_an_image_without_a_value_is_shown_as_such(tmp_path: Path) -> None:
    frames = Frames()
    id = frames.add(here(written(fits.ImageHDU(np.full((40, 50), np.nan, "f4"))), tmp_path))
    meta = json.loads(answer(frames, {"ask": "meta", "f": id})[0])
    assert meta["notes"] == ["No pixel of the image has a value."] and meta["cuts"]["zscale"] == [0, 1]
    assert json.loads(answer(frames, {"ask": "at", "f": id, "x": "3", "y": "4"})[0])["value"] is None
    assert answer(frames, {"ask": "tile", "f": id})[0] == np.full((40, 50), np.nan, "<f4").tobytes()
    assert json.loads(answer(frames, {"ask": "histogram", "f": id})[0])["of"] == 0


def test_fills_at_the_end_of_all_numbers_are_told_of_in_numbers(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).choice([-1.797e308, 1.797e308, 1.0], (50, 50))
    frames = Frames()
    asked = {"f": frames.add(here(written(fits.ImageHDU(pixels)), tmp_path))}
    meta = json.loads(answer(frames, {"ask": "meta", **asked})[0])
    assert all(low < high for low, high in meta["cuts"].values())
    assert json.loads(answer(frames, {"ask": "histogram", **asked})[0])["of"] == 2500
    known = json.loads(answer(frames, {"ask": "statistics", **asked})[0])
    assert known["n"] == 2500 and known["max"] == 1.797e308 and known["median"] == 1 and known["std"] is None


def test_foreign_files_are_read_in_a_process_that_is_limited(tmp_path: Path) -> None:
    pixels = RNG.integers(0, 900, (64, 64)).astype("i4")
    content = written(fits.CompImageHDU(pixels, compression_type="HCOMPRESS_1", hcomp_scale=0))
    file = ImageFile.open(gzip.compress(content), "packed", tmp_path)  # gzip, and a code only the library knows
    assert (file.frame().plane("image") == pixels).all() and file.hdus[1]["kind"] == "compressed image"
    assert ["ZCMPTYPE", "HCOMPRESS_1"] not in [card[:2] for card in file.cards(1)]
    file.close()
    assert not list(tmp_path.iterdir())
    path = tmp_path / "bomb.fits"
    path.write_bytes(gzip.compress(header_only(NAXIS1=16_000, NAXIS2=16_000) + bytes(80 << 20), 9))
    with pytest.raises(LimitError, match="expands to more than"):
        read_apart(path, tmp_path)
    with pytest.raises(LimitError, match="more than 0 s"):
        read_apart(path, tmp_path, limits=Limits(seconds=0))
    stop = threading.Event()
    stop.set()
    with pytest.raises(CancelledError):
        read_apart(path, tmp_path, stop=stop)
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_is_told_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    shown = here(written(fits.CompImageHDU(np.zeros((1100, 1100), "i4"), compression_type="RICE_1")), tmp_path)
    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(LimitError, match="5 MiB of pixels"):
        shown.plane("image")
    monkeypatch.undo()
    assert not shown.plane("image").any()  # once there is room again


def test_a_page_holds_so_many_images(tmp_path: Path) -> None:
    frames = Frames(budget=3_000_000)
    first = frames.add(Frame("one", Planes(np.zeros((600, 600), "f4"))))
    with pytest.raises(LimitError, match="would take more than"):
        frames.add(Frame("two", Planes(np.zeros((600, 900), "f4"))))
    file = ImageFile.open(written(SMALL, fits.ImageHDU(np.ones((5, 6), "f4"))), "it", tmp_path, foreign=False)
    id = frames.add(file.frame())
    assert frames.choose(id, hdu=2).nx == 6 and frames.find(id).plane("image")[0, 0] == 1
    with pytest.raises(FormatError, match="not read from a file"):
        frames.choose(first)
    frames.close()
    assert not len(frames)
    with pytest.raises(FormatError, match="closed"):
        file.frame()
