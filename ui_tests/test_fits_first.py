"""The first picture of a compressed image: from some of its rows, then from all of its pixels."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from playwright.sync_api import Page

from portal.image import Frame, ImageFile
from ui_tests.fits_kit import Kit, sip_wcs, sky_scene
from widgets.fits import Fits


def test_a_compressed_image_is_seen_before_it_is_unpacked(
    serve: Callable[..., Page], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wcs = sip_wcs(1500, 1400)
    pixels = sky_scene(wcs, 1500, 1400, 4)
    out = BytesIO()
    part = fits.CompImageHDU(pixels, wcs.to_header(relax=True), compression_type="RICE_1", name="IMAGE")
    fits.HDUList([fits.PrimaryHDU(), part]).writeto(out)
    frame = ImageFile.open(out.getvalue(), "compressed", tmp_path, foreign=False).frame()
    before, quick = [], Frame.quick

    def counted(self: Frame) -> np.ndarray:
        before.append(self.planes.image.ready)
        return quick(self)

    monkeypatch.setattr(Frame, "quick", counted)
    kit = Kit(serve)
    told = kit.add(frame)
    kit.open(Fits(url="images", frames=told, width=700, height=500))
    assert before == [False]
    shown = kit.ask("return Array.from([...v.tiles.kept].find(([key]) => key.includes('/image/2/'))[1].data)")
    np.testing.assert_array_equal(np.float32(shown), frame.tile("image", 2, 0, 0).ravel())
