"""Pictures of views, made by the server: against astropy, reproject and plain numpy."""

from __future__ import annotations

import base64
from io import BytesIO

import numpy as np
import pytest
from astropy import visualization as vis
from PIL import Image
from reproject import reproject_interp

from portal.errors import FormatError, LimitError
from portal.image import Frame, Frames
from portal.image.answers import answer
from portal.image.planes import Planes
from tests.portal.image.wcs_kit import tan_sip

GROUND, EMPTY = (11, 13, 18), (51, 20, 41)


class Asking:
    """Frames, and pictures of them as arrays with the bottom row first."""

    def __init__(self, *frames: Frame) -> None:
        self.frames = Frames()
        self.ids = [self.frames.add(frame) for frame in frames]

    def __call__(self, width: int, height: int, **more: str) -> np.ndarray:
        asked = {"ask": "picture", "f": self.ids[0], "width": str(width), "height": str(height), **more}
        content, kind = answer(self.frames, asked)
        assert kind == "image/png"
        return np.asarray(Image.open(BytesIO(content)))[::-1].astype(int)


def noise(seed: int, ny: int = 300, nx: int = 400) -> np.ndarray:
    smooth = np.cumsum(np.random.default_rng(seed).normal(0, 1, (ny, nx)), axis=1)
    return smooth.astype("f4")


def native(x: int, y: int, width: int, height: int) -> str:
    """One pixel a pixel, from the pixel x, y."""
    low, left = y - 0.5, x - 0.5
    return f"{left},{low},{left + width},{low},{left},{low + height}"


def test_stretches_turns_and_colours_are_those_of_astropy() -> None:
    pixels = noise(1)
    pixels[20, 30] = np.nan
    ask = Asking(Frame("a", Planes(pixels)))
    ranks = np.sort((pixels[np.abs(pixels) <= 20] + 20) / 40)
    bent = {
        "linear": vis.LinearStretch(),
        "log": vis.LogStretch(1000),
        "sqrt": vis.SqrtStretch(),
        "squared": vis.SquaredStretch(),
        "asinh": vis.AsinhStretch(0.1),
        "power": vis.PowerDistStretch(1000),
        "histogram": lambda t: np.searchsorted(ranks, t) / len(ranks),
    }
    t = np.clip((pixels[:40, 10:60] + 20) / 40, 0, 1)
    for name, stretch in bent.items():
        found = ask(50, 40, view=native(10, 0, 50, 40), limits="-20,20", stretch=name)
        wanted = np.round(255 * stretch(np.nan_to_num(t)))[..., None]
        away = np.abs(found - wanted).max(axis=-1)
        assert tuple(found[20, 20]) == EMPTY
        away[20, 20] = 0
        assert away.max() <= (3 if name == "histogram" else 1), name  # 256 bins against every value
    # Bias, contrast and a colour map turned round.
    colours = np.random.default_rng(2).integers(0, 256, (256, 3), dtype=np.uint8)
    table = base64.b64encode(colours.tobytes()).decode()
    more = {"limits": "-20,20", "stretch": "linear", "bend": "0.4,2", "map": table, "invert": "1"}
    found = ask(20, 10, view=native(100, 50, 20, 10), **more)
    t = np.clip((np.clip((pixels[50:60, 100:120].astype(float) + 20) / 40, 0, 1) - 0.4) * 2 + 0.5, 0, 1)
    index = np.clip(np.floor((1 - t) * 255 + 0.5 + np.array([-1e-3, 1e-3])[:, None, None]).astype(int), 0, 255)
    assert ((found == colours[index[0]]).all(-1) | (found == colours[index[1]]).all(-1)).all()
    # Turned by 25 degrees, mirrored, two pictured pixels a pixel, over the image's edge.
    a, (width, height) = np.radians(25), (90, 70)
    across, up = -0.5 * width * np.array([np.cos(a), np.sin(a)]), 0.5 * height * np.array([-np.sin(a), np.cos(a)])
    corner = np.array([25.2, 3.1])
    view = ",".join(str(one) for point in (corner, corner + across, corner + up) for one in point)
    found = ask(width, height, view=view, limits="-20,20", stretch="linear")
    for i, j in np.random.default_rng(3).integers(0, [width, height], (300, 2)):
        x, y = np.floor(corner + (i + 0.5) / width * across + (j + 0.5) / height * up + 0.5).astype(int)
        inside = 0 <= x < 400 and 0 <= y < 300
        value = pixels[y, x] if inside else 0
        wanted = np.full(3, np.round(255 * np.clip((value + 20) / 40, 0, 1)))
        wanted = EMPTY if np.isnan(value) else wanted if inside else GROUND
        assert np.abs(found[j, i] - wanted).max() <= 1


def test_bins_are_means_and_masks_unions() -> None:
    pixels, mask = noise(4, 1024, 1200), np.zeros((1024, 1200), "i4")
    mask[np.random.default_rng(5).integers(0, 1024, 900), np.random.default_rng(6).integers(0, 1200, 900)] = -(1 << 31)
    mask[100:103, 50:500] |= 1 << 2
    ask = Asking(Frame("a", Planes(pixels.astype(">f4"), mask)))
    more = {"view": native(8, 16, 1024, 512), "limits": "-60,60", "stretch": "linear"}
    found = ask(256, 128, planes="31:ff0000:0.25,2:00ff00:1", **more)
    blocks = (slice(16, 16 + 512), slice(8, 8 + 1024))
    mean = pixels[blocks].reshape(128, 4, 256, 4).mean(axis=(1, 3), dtype=float)
    union = np.bitwise_or.reduce(np.bitwise_or.reduce(mask[blocks].reshape(128, 4, 256, 4), axis=3), axis=1)
    wanted = np.repeat(255 * np.clip((mean + 60) / 120, 0, 1)[..., None], 3, axis=-1)
    wanted[union & 4 > 0] = [0, 255, 0]
    last = union < 0  # bit 31 is the sign; it comes after bit 2
    wanted[last] = 0.75 * wanted[last] + [0.25 * 255, 0, 0]
    assert 300 < last.sum() < 2000 and np.abs(found - wanted).max() <= 1
    assert ask(600, 512).shape == (512, 600, 3)  # all of it, where nothing else is said


def test_three_colours_and_differences() -> None:
    lead, other = (Frame("a", Planes(noise(k), None, wcs=tan_sip(turn=4 * k))) for k in (7, 8))
    third = Frame("c", Planes(noise(9)))
    ask = Asking(lead, other, third)
    view = ";".join([native(40, 30, 200, 150)] * 3)
    look = {"sky": "1,0,-2", "weight": "1,2,0.5", "lupton": "40,6"}
    found = ask(200, 150, f=",".join(ask.ids), view=view, **look)
    light = [(f.plane("image").astype(float) - s) * w for f, s, w in zip((lead, other, third), (1, 0, -2), (1, 2, 0.5))]
    wanted = vis.make_lupton_rgb(*light, stretch=40, Q=6, minimum=0)[30:180, 40:240]
    assert np.abs(found - wanted).max() <= 1
    # The other one laid by the sky on the first one's pixels, drawn three times as large.
    view = ";".join([native(100, 80, 60, 50)] * 2)
    more = {"f": ",".join(ask.ids[:2]), "view": view, "lead": ask.ids[0], "warped": ask.ids[1]}
    found = ask(180, 150, limits="-40,40", stretch="linear", **more)
    laid = reproject_interp(
        (other.plane("image").astype(float), other.wcs), lead.wcs, shape_out=(300, 400), return_footprint=False
    )
    away = (lead.plane("image") - laid)[80:130, 100:160]
    wanted = 255 * np.clip((away + 40) / 80, 0, 1).repeat(3, axis=0).repeat(3, axis=1)[..., None]
    assert np.isfinite(wanted).all() and np.ptp(wanted) > 100
    assert np.abs(found - wanted).max() < 2
    # One image alone, laid on the pixels of another: each the nearest, as reproject has it but for ties.
    found = ask(400, 300, f=ask.ids[1], view=native(0, 0, 400, 300), lead=ask.ids[0], warped=ask.ids[1],
                limits="-40,40", stretch="linear")  # fmt: skip
    nearest = reproject_interp(
        (other.plane("image").astype(float), other.wcs), lead.wcs, shape_out=(300, 400), order=0, return_footprint=False
    )
    grey = np.round(255 * np.clip((nearest + 40) / 80, 0, 1))
    same = np.where(np.isnan(grey), (found == GROUND).all(-1), np.abs(found[..., 0] - grey) <= 1)
    assert same.mean() > 0.98


@pytest.mark.parametrize(
    "bad",
    [
        {"width": "5000"},
        {"width": "4000", "height": "4000"},
        {"height": "0"},
        {"f": "f1,f1,f1,f1"},
        {"f": "f7"},
        {"view": "1,2,3"},
        {"view": "0,0,1,1,2,2"},
        {"view": "0,0,1e12,0,0,1"},
        {"view": "0,0,nan,0,0,1"},
        {"view": "0,0,9,0,0,9;0,0,9,0,0,9"},
        {"stretch": "upwards"},
        {"limits": "3,1"},
        {"lupton": "0,8"},
        {"map": "A" * 1000},
        {"planes": "40:ff0000:1"},
        {"planes": "1:red:1"},
        {"empty": "#123456"},
        {"warped": "f1", "lead": "f2"},
    ],
)
def test_what_makes_no_picture_is_refused(bad: dict[str, str]) -> None:
    frames = Frames()
    for _ in range(2):
        frames.add(Frame("flat", Planes(np.zeros((20, 30), "f4"))))
    with pytest.raises((FormatError, LimitError)):
        answer(frames, {"ask": "picture", "f": "f1", "width": "40", "height": "30", **bad})


def test_values_beyond_measure_are_drawn() -> None:
    pixels = np.array([[np.inf, -np.inf, 1e300, -1e300, 0, 1]])
    ask = Asking(Frame("odd", Planes(pixels)))
    found = ask(6, 1, view=native(0, 0, 6, 1), limits="0,1", stretch="linear")[0]
    assert [tuple(one) for one in found[:4]] == [EMPTY] * 4  # as floats of four bytes they are infinite
    assert found[4:, 0].tolist() == [0, 255]
    ask(6, 1, f=",".join(ask.ids * 3), weight="1e300,1,-1e300")
