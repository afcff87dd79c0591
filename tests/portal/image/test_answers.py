"""Questions of the viewer, answered."""

from __future__ import annotations

import json

import numpy as np
import pytest

from portal.errors import FormatError
from portal.image import Frame, Frames, Lsst
from portal.image.answers import answer
from portal.image.masks import MaskBit
from portal.image.planes import Planes


def small() -> Frame:
    pixels = np.arange(600 * 700, dtype=np.float32).reshape(600, 700)
    mask = (pixels % 7 == 0).astype(np.int32) << 3
    planes = Planes(pixels, mask, pixels * 2, (MaskBit("CR", 3),), "nJy", "r", Lsst(100, 50))
    return Frame("small", planes)


def test_tiles_hold_the_pixels_that_there_are() -> None:
    frames = Frames()
    id = frames.add(small())

    def ask(**given: object) -> bytes:
        return answer(frames, {"f": id, **{name: str(value) for name, value in given.items()}})[0]

    meta = json.loads(ask(ask="meta"))
    assert (meta["nx"], meta["ny"], meta["levels"], meta["planes"]) == (700, 600, 2, ["image", "mask", "variance"])
    assert meta["masks"] == [{"name": "CR", "bit": 3, "doc": ""}]
    assert meta["lattice"] is None and meta["lsst"] == {"x0": 100, "y0": 50}
    tile = np.frombuffer(ask(ask="tile", level=0, x=1, y=1), "<f4").reshape(88, 188)
    assert tile[0, 0] == 512 * 700 + 512
    binned = np.frombuffer(ask(ask="tile", level=1), "<f4").reshape(300, 350)
    assert binned[3, 5] == np.arange(4200 + 10, 4200 + 12).mean() + 350
    found = json.loads(ask(ask="at", x=9.6, y=2))
    assert found["value"] == 1410 and found["variance"] == 2820 and found["lsst"] == [109.6, 52]
    assert found["names"] == [] and json.loads(ask(ask="at", x=7, y=0))["names"] == ["CR"]
    assert json.loads(ask(ask="at", x=700, y=0)) is None
    with pytest.raises(FormatError, match="no tile"):
        ask(ask="tile", level=2)
    frames.close(id)
    with pytest.raises(FormatError, match="closed"):
        ask(ask="meta")
