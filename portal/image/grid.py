"""Lines of equal longitude and latitude over a part of an image, in any of four coordinate systems.

The lines are made by astropy's WCS, so that they lie where the pixels lie also on distorted images.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from astropy.wcs import WCS

from portal.errors import FormatError
from portal.image.lattice import pixels_of, sky_of
from portal.table.foreign.sphere import from_icrs, to_icrs

SYSTEMS = {"icrs": "ICRS", "galactic": "Galactic", "ecliptic": "Ecliptic", "supergalactic": "Supergalactic"}
LINES = 7  # about as many lines each way: enough to read a place from, few enough to see the image
SAMPLES = 33  # places asked a side to find what part of the sky is seen
POINTS = 65  # a line; between them it is straight to far less than a pixel
# Steps in degrees: of arc, and of hours (a second of time is 15 arcseconds).
ARC = [unit * k for unit in (1 / 3600, 1 / 60) for k in (1, 2, 5, 10, 20, 30)] + [1, 2, 5, 10, 15, 30, 45, 90]
ARC = [k / 3600 for k in (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5)] + ARC
TIME = [15 * step for step in (*ARC[:21], 1, 2, 3, 6)]
DECIMAL = [f * 10.0**e for e in range(-7, 2) for f in (1, 2, 5)] + [15, 30, 45, 90]


def grid(wcs: WCS, box: tuple[float, float, float, float], system: str = "icrs") -> dict[str, Any]:
    """Lines over the pixels ``box`` = (x0, y0, x1, y1), counted from 0.

    {"system", "name", "lines": [{"axis": "lon" or "lat", "value" (degrees), "label", "points": [[x, y], ...]}, ...]};
    a line that leaves the projection comes in pieces. Raises FormatError for another system and where there is no sky.
    """
    if system not in SYSTEMS:
        raise FormatError(f"There is no grid in {system[:40]!r}.", f"Choose one of {', '.join(SYSTEMS)}.")
    x0, y0, x1, y1 = box
    if not (x0 < x1 and y0 < y1 and x1 - x0 < 1e7 and y1 - y0 < 1e7):
        raise FormatError("A grid needs a part of the image to lie on.")
    px, py = np.meshgrid(np.linspace(x0, x1, SAMPLES), np.linspace(y0, y1, SAMPLES))
    lon, lat = from_icrs(*sky_of(wcs, px.ravel(), py.ravel()), system)
    good = np.isfinite(lon) & np.isfinite(lat)
    if not good.any():
        raise FormatError("This part of the image lies on no sky.")
    lon, lat = lon[good], lat[good]
    low, high = float(lat.min()), float(lat.max())
    for pole in (90.0, -90.0):
        if _holds_pole(wcs, pole, system, box):
            low, high = min(low, pole), max(high, pole)
    round_pole = max(abs(low), abs(high)) >= 90.0
    middle = math.degrees(math.atan2(np.sin(np.radians(lon)).mean(), np.cos(np.radians(lon)).mean()))
    away = (lon - middle + 180.0) % 360.0 - 180.0
    west, east = (middle - 180.0, middle + 180.0) if round_pole else (middle + away.min(), middle + away.max())
    lat_step = _step(high - low, ARC if system == "icrs" else DECIMAL)
    lon_step = _step(east - west, TIME if system == "icrs" else DECIMAL)
    over = (high - low) / 20, (east - west) / 20  # lines reach beyond the box, so that they cross its edges
    lats = np.linspace(max(-90.0, low - over[0]), min(90.0, high + over[0]), POINTS)
    lons = np.linspace(west - over[1], east + over[1], POINTS if not round_pole else 4 * POINTS)
    lines = []
    for value in _multiples(west, east, lon_step, most=None if not round_pole else 360.0):
        lines += _line(wcs, system, box, "lon", value, np.full(POINTS, value), lats, lon_step)
    for value in _multiples(low, high, lat_step):
        if abs(value) < 90.0:
            lines += _line(wcs, system, box, "lat", value, lons, np.full(len(lons), value), lat_step)
    return {"system": system, "name": SYSTEMS[system], "lines": lines}


def label(value: float, step: float, axis: str, system: str) -> str:
    """How a line is called: hours and degrees in sixtieths for ICRS, degrees elsewhere; no more digits than needed."""
    if system != "icrs":
        digits = max(0, -math.floor(math.log10(step) + 1e-9))
        text = f"{value % 360 if axis == 'lon' else value:{'+' if axis == 'lat' else ''}.{digits}f}°"
        return text.replace("-", "−")
    hours = axis == "lon"
    unit, parts = (15.0, ("h", "m", "s")) if hours else (1.0, ("°", "′", "″"))
    amount, each = (value % 360.0 if hours else abs(value)) / unit, step / unit
    digits = max(0, -math.floor(math.log10(each * 3600) + 1e-6))
    seconds = round(amount * 3600, digits)
    if hours:
        seconds %= 86400
    whole, seconds = divmod(seconds, 3600)
    minutes, seconds = divmod(seconds, 60)
    text = f"{'' if hours else '−' if value < 0 else '+'}{int(whole):02d}{parts[0]}"
    if each < 1 - 1e-9:
        text += f"{int(minutes):02d}{parts[1]}"
    if each < 1 / 60 - 1e-9:
        text += f"{seconds:0{3 + digits if digits else 2}.{digits}f}{parts[2]}"
    return text


def _line(
    wcs: WCS, system: str, box: tuple, axis: str, value: float, lon: np.ndarray, lat: np.ndarray, step: float
) -> list[dict[str, Any]]:
    x, y = pixels_of(wcs, *to_icrs(lon, lat, system))
    width, height = box[2] - box[0], box[3] - box[1]
    with np.errstate(invalid="ignore"):
        near = (x > box[0] - width) & (x < box[2] + width) & (y > box[1] - height) & (y < box[3] + height)
    # A jump across the image is where the projection is cut, not a line.
    jump = np.hypot(np.diff(x, prepend=x[:1]), np.diff(y, prepend=y[:1])) > 2 * max(width, height)
    near &= ~jump
    ends = np.flatnonzero(np.diff(np.concatenate([[0], near.astype(np.int8), [0]])))
    called = label(value, step, axis, system)
    found = []
    for start, end in ends.reshape(-1, 2):
        if end - start > 1:
            points = np.round(np.column_stack([x[start:end], y[start:end]]), 3).tolist()
            found.append({"axis": axis, "value": value % 360 if axis == "lon" else value, "label": called,
                          "points": points})  # fmt: skip
    return found


def _holds_pole(wcs: WCS, pole: float, system: str, box: tuple) -> bool:
    x, y = pixels_of(wcs, *to_icrs(np.array([0.0]), np.array([pole]), system))
    return bool(box[0] <= x[0] <= box[2] and box[1] <= y[0] <= box[3])


def _step(extent: float, steps: list[float]) -> float:
    return next((step for step in steps if extent / step <= LINES), steps[-1])


def _multiples(low: float, high: float, step: float, most: float | None = None) -> list[float]:
    first, last = math.floor(low / step), math.ceil(high / step)
    values = [k * step for k in range(first, last + 1)]
    return values[: round(most / step)] if most else values
