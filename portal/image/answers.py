"""What the viewer asks over HTTP, and the answers: ``?ask=<name>&f=<frame>&...``.

``ASKS`` has one function per name; it takes the frames of the page and the arguments (text) and gives bytes, bytes
with their media type, or anything JSON can hold. They raise TriviewErrors, which the page's feed passes on.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

from portal.errors import FormatError
from portal.image.asked import Asked, box, frame_of, number, whole
from portal.image.frames import Frames
from portal.image.measures import MEASURES
from portal.image.picture_asked import picture_asked

BINARY = "application/octet-stream"


def answer(frames: Frames, arguments: Asked) -> tuple[bytes, str]:
    """(content, media type) for one question. Raises FormatError for one that nobody understands."""
    ask = ASKS.get(arguments.get("ask", ""))
    if ask is None:
        raise FormatError(f"There is no question {arguments.get('ask', '')[:40]!r} about images.")
    found = ask(frames, arguments)
    if isinstance(found, bytes):
        return found, BINARY
    if isinstance(found, tuple):
        return found
    return json.dumps(found, allow_nan=False, separators=(",", ":")).encode(), "application/json"


def _meta(frames: Frames, asked: Asked) -> Any:
    return frame_of(frames, asked).meta()


def _tile(frames: Frames, asked: Asked) -> bytes:
    """``plane`` (image), ``level`` (0), ``x``, ``y``: pixels, little-endian, row by row from the bottom.

    ``quick=1``: of the image the only tile of the last level, from some of its rows, where ``meta`` says "quick": a
    first picture in a tenth of the time. Ask again without it for the means of all pixels.
    """
    frame = frame_of(frames, asked)
    if asked.get("quick"):
        found = frame.quick()
    else:
        found = frame.tile(
            asked.get("plane", "image"), whole(asked, "level", 0), whole(asked, "x", 0), whole(asked, "y", 0)
        )
    return found.astype(found.dtype.newbyteorder("<"), copy=False).tobytes()


def _at(frames: Frames, asked: Asked) -> Any:
    """``x``, ``y``: a 0-based pixel; null beside the image."""
    found = frame_of(frames, asked).at(number(asked, "x"), number(asked, "y"))
    return found and found._asdict()


def _cuts(frames: Frames, asked: Asked) -> Any:
    """``kind`` (zscale), ``plane`` (image), ``box``."""
    frame = frame_of(frames, asked)
    return list(frame.cuts(asked.get("kind", "zscale"), asked.get("plane", "image"), box(asked)))


def _histogram(frames: Frames, asked: Asked) -> Any:
    """``low``, ``high`` (all data), ``plane`` (image), ``box``."""
    frame, plane, part = frame_of(frames, asked), asked.get("plane", "image"), box(asked)
    low, high = frame.cuts("minmax", plane, part)
    return frame.histogram(number(asked, "low", low), number(asked, "high", high), plane, part)


def _warp(frames: Frames, asked: Asked) -> Any:
    """``to``: another frame."""
    return frame_of(frames, asked).onto(frame_of(frames, asked, "to"))


def _pixels(frames: Frames, asked: Asked) -> Any:
    """``ra``, ``dec`` (ICRS degrees): the 0-based pixel, null where there is none."""
    x, y = frame_of(frames, asked).pixels_of([number(asked, "ra")], [number(asked, "dec")])
    return [float(x[0]), float(y[0])] if math.isfinite(x[0]) and math.isfinite(y[0]) else None


def _header(frames: Frames, asked: Asked) -> Any:
    """``hdu`` (the frame's own): its cards, [keyword, value, comment] each, all text."""
    cards = frame_of(frames, asked).cards(whole(asked, "hdu", -1))
    return [[name, "FT"[value] if isinstance(value, bool) else str(value), comment] for name, value, comment in cards]


ASKS: dict[str, Callable[[Frames, Asked], Any]] = {
    "meta": _meta,
    "tile": _tile,
    "at": _at,
    "cuts": _cuts,
    "histogram": _histogram,
    "warp": _warp,
    "pixels": _pixels,
    "header": _header,
    "picture": picture_asked,
    **MEASURES,
}
