"""Reading the arguments of a question about images."""

from __future__ import annotations

import math
from collections.abc import Mapping

from portal.errors import FormatError
from portal.image.frame import Frame
from portal.image.frames import Frames

Asked = Mapping[str, str]


def frame_of(frames: Frames, asked: Asked, name: str = "f") -> Frame:
    return frames.find(asked.get(name, ""))


def number(asked: Asked, name: str, default: float | None = None) -> float:
    """A finite number among the arguments. Raises FormatError."""
    text = asked.get(name, "")
    if not text and default is not None:
        return default
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise FormatError(f"{name} = {text[:40]!r} is not a number.")
    return value


def whole(asked: Asked, name: str, default: int | None = None) -> int:
    value = number(asked, name, default)
    if value != int(value):
        raise FormatError(f"{name} = {value:g} is not a whole number.")
    return int(value)


def box(asked: Asked) -> tuple[int, int, int, int] | None:
    """``box=x0,y0,x1,y1``: pixels from 0, the last ones not included; None for all."""
    text = asked.get("box", "")
    if not text:
        return None
    parts = [whole({"box": part}, "box") for part in text.split(",")[:5]]
    if len(parts) != 4:
        raise FormatError("A box has four numbers: x0,y0,x1,y1.")
    return parts[0], parts[1], parts[2], parts[3]
