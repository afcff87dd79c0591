"""The contact sheet can be drawn of any sample, also of one that lacks some classes."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from portal.archive.sample.lightcurves import CLASSES
from portal.archive.sample.render import SkyPixels
from portal.chart.bands import STYLES
from tests.gallery import sheet
from tests.gallery.pick import Picks


@pytest.fixture(scope="module")
def picks(sample: Path) -> Picks:
    return Picks(sample)


def test_curves_belong_to_their_class(picks: Picks) -> None:
    found = {name: picks.curve(name) for name in CLASSES if name != "constant"}
    assert found["RRab"] is not None and found["AGN"] is not None
    for name, curve in found.items():
        if curve is not None:
            assert curve.truth["class"] == name
            assert len(curve.mjd) == len(curve.flux) == len(curve.error) == len(curve.band) > 0
            assert (np.diff(curve.mjd) >= 0).all()


def test_the_sheet_is_drawn(picks: Picks, sample: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheet, "PICTURE", (480, 160))
    monkeypatch.setattr(sheet, "DPI", 60)
    with Image.open(io.BytesIO(sheet.draw(picks, SkyPixels(sample)))) as image:
        assert image.size == (660, 792)
        colours = {tuple(colour) for colour in np.unique(np.asarray(image.convert("RGB")).reshape(-1, 3), axis=0)}
    assert (255, 255, 255) in colours
    red = tuple(int(STYLES["r"].light[start : start + 2], 16) for start in (1, 3, 5))
    assert red in colours
