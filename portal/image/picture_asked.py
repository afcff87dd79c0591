"""Reading what a picture shall show, from the arguments of ``ask=picture``; see ``picture``."""

from __future__ import annotations

import base64
import binascii
import re

import numpy as np

from portal.errors import FormatError, LimitError
from portal.image.asked import Asked, number, whole
from portal.image.frame import Frame
from portal.image.frames import Frames
from portal.image.picture import STRETCHES, Look, Part, Tint, View, picture, png

MOST_SIDE = 4096
MOST_PIXELS = 1 << 22  # of one picture: as many as a large screen has
FARTHEST = 1e8  # pixels of an image: more than any has
MOST_PLANES = 32


def picture_asked(frames: Frames, asked: Asked) -> tuple[bytes, str]:
    """PNG of one frame, of the difference of two or of three as red, green and blue.

    ``f``: their ids, parted by commas. ``width``, ``height`` (512): pixels. ``view``: for each frame, parted by
    semicolons, x and y of the lower left, lower right and upper left corner of the picture in its pixels (0-based), or
    for those whose ids are in ``warped`` in the pixels of the frame ``lead``, through the sky; without it, all of the
    first frame. ``stretch`` (asinh), ``limits`` or ``cuts`` (99.5), ``bend``: bias and contrast (0.5,1), ``map``: 256
    colours, base64 of their 768 bytes (grey), ``invert``. ``planes``: for each frame mask planes as
    ``bit:rrggbb:opacity``, parted by commas. Of three: ``sky`` (0,0,0), ``weight`` (1,1,1), ``lupton``: stretch and Q
    (5,8). ``ground``, ``empty``: colours beside the images and of pixels without a value.
    """
    width, height = _side(asked, "width"), _side(asked, "height")
    if width * height > MOST_PIXELS:
        raise LimitError(f"A picture has at most {MOST_PIXELS:,} pixels.", "Ask for a smaller one.")
    ids = asked.get("f", "").split(",", 3)
    if len(ids) > 3:
        raise FormatError("A picture shows one, two or three images.")
    shown = [frames.find(id) for id in ids]
    views = _views(asked.get("view", ""), shown, width, height)
    warped = asked.get("warped", "").split(",", 3)
    lead = frames.find(asked["lead"]) if asked.get("lead") else shown[0]
    planes = asked.get("planes", "").split(";", 3) + [""] * 3
    parts = [
        Part(frame, view, lead if id in warped and frame is not lead else None, _tints(text))
        for id, frame, view, text in zip(ids, shown, views, planes)
    ]
    return png(picture(parts, _look(asked, shown[0]), width, height)), "image/png"


def _side(asked: Asked, name: str) -> int:
    side = whole(asked, name, 512)
    if not 1 <= side <= MOST_SIDE:
        raise LimitError(f"The {name} of a picture is 1 to {MOST_SIDE:,} pixels, not {side}.")
    return side


def _views(text: str, shown: list[Frame], width: int, height: int) -> list[View]:
    if not text:
        first = shown[0]
        scale = max(first.nx / width, first.ny / height)
        wide, high = width * scale, height * scale
        return [View(((first.nx - 1 - wide) / 2, (first.ny - 1 - high) / 2), (wide, 0), (0, high))] * len(shown)
    found = []
    for one in text.split(";", 3):
        x, y, x1, y1, x2, y2 = _numbers(one, "view", 6)
        view = View((x, y), (x1 - x, y1 - y), (x2 - x, y2 - y))
        if not view.area > 1e-9 or max(map(abs, (x, y, x1, y1, x2, y2))) > FARTHEST:
            raise FormatError("The corners of the picture enclose nothing that can be drawn.")
        found.append(view)
    if len(found) != len(shown):
        raise FormatError("Each image of a picture needs its own view.")
    return found


def _look(asked: Asked, first: Frame) -> Look:
    stretch = asked.get("stretch", "asinh")
    if stretch not in STRETCHES and stretch != "histogram":
        raise FormatError(f"There is no stretch {stretch[:40]!r}.", f"Use one of {', '.join(STRETCHES)}, histogram.")
    if asked.get("limits"):
        limits = _numbers(asked["limits"], "limits", 2)
    else:
        limits = list(first.cuts(asked.get("cuts", "99.5")))
    lupton = _numbers(asked.get("lupton", "5,8"), "lupton", 2)
    if not (limits[0] < limits[1] and min(lupton) > 0):
        raise FormatError("White must lie above black, and the stretch and Q of three colours above zero.")
    return Look(
        limits=(limits[0], limits[1]),
        stretch=stretch,
        bend=tuple(_numbers(asked.get("bend", "0.5,1"), "bend", 2)),
        colours=_colours(asked.get("map", "")),
        invert=bool(asked.get("invert")),
        sky=tuple(_numbers(asked.get("sky", "0,0,0"), "sky", 3)),
        weight=tuple(_numbers(asked.get("weight", "1,1,1"), "weight", 3)),
        lupton=(lupton[0], lupton[1]),
        ground=_rgb(asked.get("ground", "0b0d12")),
        empty=_rgb(asked.get("empty", "331429")),
    )


def _numbers(text: str, name: str, count: int) -> list[float]:
    parts = text.split(",", count)
    if len(parts) != count:
        raise FormatError(f"{name} has {count} numbers, parted by commas.")
    return [number({name: part or "none"}, name) for part in parts]


def _colours(text: str) -> np.ndarray:
    if not text:
        return np.repeat(np.arange(256, dtype=np.uint8)[:, None], 3, axis=1)
    try:
        found = base64.b64decode(text, validate=True)
    except binascii.Error:
        found = b""
    if len(found) != 768:
        raise FormatError("A colour map is base64 of 256 colours, of three bytes each.")
    return np.frombuffer(found, np.uint8).reshape(256, 3)


def _tints(text: str) -> list[Tint]:
    found = []
    for one in text.split(",", MOST_PLANES) if text else []:
        bit, _, rest = one.partition(":")
        colour, _, opacity = rest.partition(":")
        tint = Tint(
            whole({"bit": bit or "none"}, "bit"), _rgb(colour), number({"opacity": opacity or "none"}, "opacity")
        )
        if not (0 <= tint.bit < MOST_PLANES and 0 <= tint.opacity <= 1):
            raise FormatError("A mask plane is asked for by its bit (0 to 31), colour and opacity (0 to 1).")
        found.append(tint)
    return found


def _rgb(text: str) -> tuple[float, float, float]:
    if not re.fullmatch("[0-9a-fA-F]{6}", text):
        raise FormatError(f"A colour is six hexadecimal digits, not {text[:20]!r}.")
    red, green, blue = (part / 255 for part in bytes.fromhex(text))
    return red, green, blue
