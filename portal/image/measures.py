"""What the viewer asks when something is measured or marked: profiles, statistics, points, grids, regions, files.

Each function takes the frames of the page and the arguments of one question (text; a posted body is ``body``), as in
``answers``. Shapes come as JSON: {"kind", "points", "sizes", "angle"} in pixels from 0.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from portal.errors import FormatError, LimitError
from portal.image import grid, profile, statistics
from portal.image.asked import Asked, box, frame_of, number
from portal.image.frame import Frame
from portal.image.frames import Frames
from portal.image.regions import MOST_REGIONS, MOST_TEXT, PIXEL, SKY, Region, read_regions
from portal.image.regions_write import region_text
from portal.image.save import cutout
from portal.image.shapes import Lie, Shape, to_region, to_shape
from portal.table.foreign.sphere import distance

MOST_POINTS = 10_000  # places asked in one go
MOST_JSON = 4 << 20  # characters of a posted body


def lie_of(frame: Frame) -> Lie:
    """What places regions on a frame; DS9's physical pixels are those of the LSST parent image, counted from 1."""
    lsst = frame.planes.lsst
    return Lie(frame.wcs, (-lsst.x0, -lsst.y0))


def _profile(frames: Frames, asked: Asked) -> Any:
    """``x0``, ``y0``, ``x1``, ``y1``, ``width`` (1), ``plane`` (image), ``out``: mask planes left out."""
    frame = frame_of(frames, asked)
    ends = [(number(asked, f"x{k}"), number(asked, f"y{k}")) for k in (0, 1)]
    mask, bits = left_out(frame, asked)
    found = profile.profile(frame.plane(asked.get("plane", "image")), *ends, number(asked, "width", 1), mask, bits)
    arcsec = None
    if frame.wcs is not None:
        ra, dec = frame.sky_of(found.x, found.y)
        arcsec = plain(distance(ra[0], dec[0], ra, dec) * 3600)
    return {
        "distance": plain(found.distance), "arcsec": arcsec, "value": plain(found.value),
        "count": found.count.tolist(), "x": plain(found.x), "y": plain(found.y), "unit": frame.planes.unit,
    }  # fmt: skip


def _statistics(frames: Frames, asked: Asked) -> Any:
    """``body``: a shape; else ``box``, or all; ``plane`` (image), ``out``: mask planes left out."""
    frame = frame_of(frames, asked)
    shape = Shape.from_json(_json(asked["body"])) if asked.get("body") else None
    mask, bits = left_out(frame, asked)
    pixels = frame.plane(asked.get("plane", "image"))
    found = statistics.statistics(pixels, shape, mask, bits, None if shape else box(asked))
    return {**found, "unit": frame.planes.unit if asked.get("plane", "image") == "image" else ""}


def _points(frames: Frames, asked: Asked) -> Any:
    """``body``: [[x, y], ...]; what is there, as ``answers`` says it for one place, null beside the image."""
    frame, places = frame_of(frames, asked), _json(asked.get("body", "[]"))
    if not isinstance(places, list) or len(places) > MOST_POINTS:
        raise LimitError(f"At most {MOST_POINTS:,} places are read in one go.")
    found = []
    for place in places:
        try:
            x, y = map(float, place)
        except (TypeError, ValueError, OverflowError):
            raise FormatError("A place has two numbers, x and y.") from None
        reading = frame.at(x, y) if math.isfinite(x) and math.isfinite(y) else None
        found.append(reading and reading._asdict())
    return found


def _grid(frames: Frames, asked: Asked) -> Any:
    """``system`` (icrs), ``box`` (all)."""
    frame = frame_of(frames, asked)
    if frame.wcs is None:
        raise FormatError("This image has no sky coordinates, so it has no coordinate grid.")
    part = box(asked) or (0, 0, frame.nx, frame.ny)
    return grid.grid(frame.wcs, tuple(v - 0.5 for v in part), asked.get("system", "icrs"))


def _regions(frames: Frames, asked: Asked) -> Any:
    """``body``: a DS9 region file; its shapes on this frame, with labels and colours, and what was left out."""
    frame = frame_of(frames, asked)
    read = read_regions(asked.get("body", ""))
    lie, shapes, lost = lie_of(frame), [], {}
    for item in read.regions:
        try:
            shape = to_shape(item, lie)
        except FormatError as error:
            lost[str(error)] = lost.get(str(error), 0) + 1
            continue
        shapes.append({**shape.to_json(), **_look(item), "pixel": item.system in PIXEL})
    notes = [*read.notes, *(f"{count:,} left out: {why}" for why, count in lost.items())]
    if not shapes:
        raise FormatError(f"No region of this file lies on the image. {' '.join(notes)}")
    return {"shapes": shapes, "notes": notes}


def _region_file(frames: Frames, asked: Asked) -> Any:
    """``body``: shapes as JSON with labels and colours, ``system`` (icrs); the DS9 region file."""
    frame, items = frame_of(frames, asked), _json(asked.get("body", ""))
    system = asked.get("system", "icrs")
    if system not in (*PIXEL, *SKY.values()):
        raise FormatError(f"Regions are not written in {system[:40]!r}.", f"Use {', '.join((*PIXEL, *SKY.values()))}.")
    if not isinstance(items, list) or not 0 < len(items) <= MOST_REGIONS:
        raise FormatError("There is no region to save." if not items else f"At most {MOST_REGIONS:,} are saved.")
    lie = lie_of(frame)
    regions = [to_region(Shape.from_json(item), lie, system, _like(item)) for item in items]
    return region_text(regions).encode()


def _cutout(frames: Frames, asked: Asked) -> bytes:
    """``box``: a FITS file of all planes of this part."""
    frame = frame_of(frames, asked)
    return cutout(frame, box(asked) or (0, 0, frame.nx, frame.ny))


MEASURES: dict[str, Callable[[Frames, Asked], Any]] = {
    "profile": _profile,
    "statistics": _statistics,
    "points": _points,
    "grid": _grid,
    "regions": _regions,
    "region-file": _region_file,
    "cutout": _cutout,
}


def left_out(frame: Frame, asked: Asked) -> tuple[np.ndarray | None, int]:
    """(mask, bits) of the planes named in ``out``, parted by commas."""
    return mask_bits(frame, [name for name in asked.get("out", "").split(",") if name])


def mask_bits(frame: Frame, names: Iterable[str]) -> tuple[np.ndarray | None, int]:
    """The mask (ny, nx) and the bits of some of its planes. Raises FormatError for a plane that there is not."""
    known = {bit.name: bit.bit for bit in frame.planes.bits}
    bits = 0
    for name in names:
        if name not in known:
            raise FormatError(f"The image has no mask plane {name[:40]!r}.", f"It has {', '.join(known) or 'none'}.")
        bits |= 1 << known[name]
    if not bits:
        return None, 0
    return frame.plane("mask"), bits - (1 << 32) if bits >> 31 else bits  # as int32 holds them


def plain(values: Iterable[float]) -> list[float | None]:
    """For JSON, which has no NaN; nine digits."""
    return [float(f"{value:.9g}") if math.isfinite(value) else None for value in np.asarray(values, float).tolist()]


def _json(text: str) -> Any:
    if len(text) > MOST_JSON:
        raise LimitError("That is too much for one question.")
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise FormatError("The question is not JSON.") from None


def _look(item: Region) -> dict[str, Any]:
    names = ("text", "color", "width", "dash", "symbol", "include", "tags")
    return {name: getattr(item, name) for name in names}


def _like(item: dict[str, Any]) -> Region:
    """Label and colours of a shape from a browser; the writer leaves out what is no colour or symbol."""
    like = Region("", "", ())
    tags = item.get("tags", ())
    width = item.get("width", 1)
    return like._replace(
        text=str(item.get("text", ""))[:MOST_TEXT],
        color=str(item.get("color", like.color)),
        width=min(max(int(width), 1), 10) if isinstance(width, int | float) and math.isfinite(width) else 1,
        dash=bool(item.get("dash")),
        symbol=str(item.get("symbol", like.symbol)),
        include=bool(item.get("include", True)),
        tags=tuple(str(tag)[:MOST_TEXT] for tag in tags[:20]) if isinstance(tags, list) else (),
    )
