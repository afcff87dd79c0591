"""Statistics and histogram of the pixels in a shape."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from portal.errors import FormatError, LimitError
from portal.image.cuts import FARTHEST
from portal.image.shapes import Shape

MOST_PIXELS = 1 << 26  # of the box around a shape: a whole 8k x 8k mosaic; more would take gigabytes
PERCENTS = (1, 5, 16, 25, 75, 84, 95, 99)
MOST_CROSSINGS = 1 << 32  # edges of a polygon times the pixels of the rows they meet: some ten seconds
BINS = 128
STRIP = 1 << 20  # pixels looked at in one go

Box = tuple[int, int, int, int]


@np.errstate(over="ignore", invalid="ignore")
def statistics(
    pixels: np.ndarray, shape: Shape | None, mask: np.ndarray | None = None, leave_out: int = 0, box: Box | None = None
) -> dict[str, Any]:
    """What is known of the pixels (ny, nx) whose centres are in a shape, or of a ``box`` (x0, y0, x1, y1, ends out).

    Left out are pixels that are not finite (``not_finite``) and those with a bit of ``leave_out`` in ``mask``
    (``masked``). ``outside`` is the part of the shape's box that lies beside the image, in pixels. ``std`` is that of
    the sample (n - 1). Numbers that do not exist are None. Raises FormatError for shapes without an inside, and
    LimitError above 67 million pixels.
    """
    values, counted, first = values_in(pixels, shape, mask, leave_out, box)
    n = len(values)
    found: dict[str, Any] = {"n": n, **counted, "unit": ""}
    names = ("sum", "mean", "median", "std", "min", "max", "mad_std")
    if not n:
        return {
            **found, **dict.fromkeys(names), "percentiles": {}, "min_at": None, "max_at": None, "histogram": None,
        }  # fmt: skip
    values64 = values.astype(np.float64)
    try:
        total = math.fsum(values64) if n < 10_000 else float(values64.sum())
    except OverflowError:
        total = math.inf
    median = float(np.median(values64))
    low, high = int(np.argmin(values)), int(np.argmax(values))
    found |= {
        "sum": total,
        "mean": total / n,
        "median": median,
        "std": float(values64.std(ddof=1)) if n > 1 else None,
        "mad_std": float(np.median(np.abs(values64 - median))) * 1.482602218505602,
        "min": float(values64[low]),
        "max": float(values64[high]),
        "min_at": first(low),
        "max_at": first(high),
        "percentiles": dict(zip(map(str, PERCENTS), np.percentile(values64, PERCENTS).tolist())),
        "histogram": histogram(values64),
    }
    found["percentiles"] = {name: _finite(value) for name, value in found["percentiles"].items()}
    return found | {name: _finite(found[name]) for name in names}


def _finite(value: float | None) -> float | None:
    """Sums and spreads of fills such as 1.8e308 are beyond the largest number."""
    return value if value is not None and math.isfinite(value) else None


def histogram(values: np.ndarray, low: float | None = None, high: float | None = None) -> dict[str, Any]:
    """Counts in 128 equal bins from ``low`` to ``high`` (all of the values when not given)."""
    low = float(values.min()) if low is None else low
    high = float(values.max()) if high is None else high
    low, high = max(low, -FARTHEST), min(high, FARTHEST)
    if not high > low:
        low, high = low - 0.5, high + 0.5
    counts, _ = np.histogram(values, BINS, (low, high))
    return {"low": low, "high": high, "counts": counts.tolist()}


def values_in(
    pixels: np.ndarray, shape: Shape | None, mask: np.ndarray | None, leave_out: int, box: Box | None
) -> tuple[np.ndarray, dict[str, int], Any]:
    """(values that count, how many do not and why, a function from their place in ``values`` to the pixel x, y)."""
    ny, nx = pixels.shape
    if shape is not None:
        if shape.kind not in ("circle", "annulus", "ellipse", "box", "polygon"):
            raise FormatError(f"A {shape.kind} has no inside.", "Draw a circle, an ellipse, a box or a polygon.")
        wx0, wy0, wx1, wy1 = shape.bounds
        wanted = math.floor(wx0 + 0.5), math.floor(wy0 + 0.5), math.floor(wx1 + 0.5) + 1, math.floor(wy1 + 0.5) + 1
    else:
        wanted = box or (0, 0, nx, ny)
    x0, y0 = min(nx, max(0, wanted[0])), min(ny, max(0, wanted[1]))
    x1, y1 = max(x0, min(nx, wanted[2])), max(y0, min(ny, wanted[3]))  # empty for a shape beside the image
    if (x1 - x0) * (y1 - y0) > MOST_PIXELS:
        raise LimitError(f"Statistics are taken of at most {MOST_PIXELS:,} pixels.", "Choose a smaller part.")
    if shape is not None and shape.crossings(x0, y0, x1, y1) > MOST_CROSSINGS:
        raise LimitError("The polygon goes to and fro too often to be measured.", "Draw one with fewer corners.")
    counted = {"masked": 0, "not_finite": 0, "pixels": 0, "beside": 0}
    parts, places = [], []
    columns = np.arange(x0, x1)
    step = max(1, STRIP // max(1, len(columns)))
    for at in range(y0, y1, step):
        rows = np.arange(at, min(y1, at + step))
        held = np.ones((len(rows), len(columns)), bool)
        if shape is not None:
            held = shape.inside(columns[None, :], rows[:, None])
        part = np.asarray(pixels[at : at + len(rows), x0:x1])
        counted["pixels"] += int(held.sum())
        if mask is not None and leave_out:
            bad = (np.asarray(mask[at : at + len(rows), x0:x1]) & leave_out) != 0
            counted["masked"] += int((held & bad).sum())
            held &= ~bad
        good = np.isfinite(part)
        counted["not_finite"] += int((held & ~good).sum())
        held &= good
        parts.append(part[held])
        places.append(np.flatnonzero(held) + (at - y0) * len(columns))
    if shape is not None:
        counted["beside"] = _beside(shape, wanted, (x0, y0, x1, y1))
    values = np.concatenate(parts) if parts else np.empty(0)
    where = np.concatenate(places) if places else np.empty(0, int)

    def place(number: int) -> tuple[int, int]:
        row, column = divmod(int(where[number]), len(columns))
        return x0 + column, y0 + row

    return values, counted, place


def _beside(shape: Shape, wanted: Box, here: Box) -> int:
    """Pixels of the shape that the image does not have; -1 when there are too many to count."""
    if wanted == here:
        return 0
    width, height = wanted[2] - wanted[0], wanted[3] - wanted[1]
    if width * height > MOST_PIXELS or shape.crossings(*wanted) > MOST_CROSSINGS:
        return -1
    count, step = 0, max(1, STRIP // max(1, width))
    columns = np.arange(wanted[0], wanted[2])
    across = (columns >= here[0]) & (columns < here[2])
    for at in range(wanted[1], wanted[3], step):
        rows = np.arange(at, min(wanted[3], at + step))
        within = across[None, :] & ((rows >= here[1]) & (rows < here[3]))[:, None]
        count += int((shape.inside(columns[None, :], rows[:, None]) & ~within).sum())
    return count
