"""Regions and lists of rows as clauses of a selection: predicates that work alike for ten rows or 10^8."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from portal.errors import LimitError, QueryError
from portal.table.clauses import Clause, Selection, selection_sql, with_clause
from portal.table.names import ROW, quoted

__all__ = [
    "Clause", "Selection", "box_clause", "circle_clause", "polygon_clause", "range_clause", "rows_clause",
    "selection_sql", "sky_polygon_clause", "with_clause",
]  # fmt: skip

ROWS_LIMIT = 200_000  # row numbers in one clause: 2 MB of SQL, 0.2 s to read; regions have no such limit
FEW_ROWS = 50
POINTS_LIMIT = 500  # corners of a drawn region; a hand-drawn lasso has 50 to 200
ARCSEC = 1 / 3600


def rows_clause(rows: Sequence[int] | np.ndarray, source: str = "table", label: str = "") -> Clause:
    """Rows by number. Raises LimitError beyond 200,000 separate rows."""
    numbers = np.unique(np.asarray(rows, np.int64))
    if not len(numbers):
        return Clause(source, "FALSE", label or "no rows", shape=("rows",))
    name = quoted(ROW)
    gaps = np.flatnonzero(np.diff(numbers) > 1)
    firsts, lasts = numbers[np.r_[0, gaps + 1]], numbers[np.r_[gaps, len(numbers) - 1]]
    if len(firsts) > ROWS_LIMIT:
        raise LimitError(
            f"{len(numbers):,} rows cannot be selected one by one (at most {ROWS_LIMIT:,}).",
            "Select them by a region of a chart or by a filter.",
        )
    runs = lasts - firsts > 1
    parts = [f"{name} BETWEEN {a} AND {b}" for a, b in zip(firsts[runs], lasts[runs])]
    single = np.unique(np.r_[firsts[~runs], lasts[~runs]])
    if len(single) > FEW_ROWS:
        # A long IN list costs 0.1 ms a number; one text read as a list 0.002 ms.
        parts.append(f"{name} IN (SELECT unnest(CAST('[{','.join(map(str, single))}]' AS UINTEGER[])))")
    elif len(single):
        parts.append(f"{name} IN ({', '.join(map(str, single))})")
    many = f"{len(numbers):,} rows" if len(numbers) > 1 else f"row {numbers[0] + 1:,}"
    return Clause(source, " OR ".join(parts), label or many, shape=("rows",))


def box_clause(
    x_sql: str, y_sql: str, x: tuple[float, float], y: tuple[float, float], source: str = "chart", label: str = ""
) -> Clause:
    """A rectangle of a chart, borders included; ``x_sql`` and ``y_sql`` are checked expressions."""
    x0, x1, y0, y1 = (_number(value) for value in (*sorted(x), *sorted(y)))
    sql = f"{x_sql} BETWEEN {x0} AND {x1} AND {y_sql} BETWEEN {y0} AND {y1}"
    return Clause(source, sql, label or "box")


def range_clause(x_sql: str, x: tuple[float, float], source: str = "chart", label: str = "") -> Clause:
    """A range of one expression, borders included."""
    low, high = (_number(value) for value in sorted(x))
    return Clause(source, f"{x_sql} BETWEEN {low} AND {high}", label or "range")


def polygon_clause(
    x_sql: str, y_sql: str, points: Sequence[tuple[float, float]], source: str = "chart", label: str = ""
) -> Clause:
    """A lasso on a chart (plane, even-odd rule); needs 3 to 500 corners."""
    points = _corners(points)
    xs, ys = zip(*points)
    within = box_clause(x_sql, y_sql, (min(xs), max(xs)), (min(ys), max(ys))).sql
    shape = ("lasso", x_sql, y_sql, *(value for point in points for value in point))
    return Clause(source, _near_first(within, _inside(x_sql, y_sql, points)), label or "lasso", shape=shape)


def circle_clause(
    ra: str, dec: str, centre: tuple[float, float], radius: float, source: str = "sky", label: str = ""
) -> Clause:
    """A cone on the sky: columns ``ra`` and ``dec`` in degrees, centre and radius in degrees, border included."""
    ra0, dec0 = centre
    if not (all(map(math.isfinite, (ra0, dec0, radius))) and abs(dec0) <= 90 and 0 <= radius <= 180):
        raise QueryError("This is no circle on the sky.")
    x, y = quoted(ra), quoted(dec)
    # Haversine keeps its precision down to milliarcseconds, where the cosine rule loses it.
    half = math.sin(math.radians(radius) / 2) ** 2
    sql = (
        f"{y} BETWEEN {_number(dec0 - radius - 1e-9)} AND {_number(dec0 + radius + 1e-9)} AND "
        f"pow(sin(radians({y} - {_number(dec0)}) / 2e0), 2e0) + cos(radians({y})) * {_number(_cos(dec0))} * "
        f"pow(sin(radians({x} - {_number(ra0)}) / 2e0), 2e0) <= {_number(half)}"
    )
    words = label or f"circle {_angle(radius)} at {ra0:.5f} {dec0:+.5f}"
    return Clause(source, sql, words, shape=("circle", ra, dec, float(ra0), float(dec0), float(radius)))


def sky_polygon_clause(
    ra: str, dec: str, corners: Sequence[tuple[float, float]], source: str = "sky", label: str = ""
) -> Clause:
    """A polygon of great circles on the sky, corners in degrees; must fit in 80 degrees around its middle.

    Concave ones too: projected from the centre of the sphere, great circles are straight lines.
    """
    corners = _corners(corners)
    middle = np.mean([_unit(*corner) for corner in corners], axis=0)
    size = float(np.linalg.norm(middle))
    if size < 1e-6:
        raise QueryError("The region is too large.", "Draw one that covers less than half the sky.")
    middle = middle / size
    ra0, dec0 = math.degrees(math.atan2(middle[1], middle[0])), math.degrees(math.asin(middle[2]))
    far = max(math.degrees(math.acos(float(np.clip(np.dot(middle, _unit(*corner)), -1, 1)))) for corner in corners)
    if far > 80:
        raise QueryError("The region is too large.", "Draw one that reaches at most 80 degrees from its middle.")
    x, y = quoted(ra), quoted(dec)
    turn = f"radians({x} - {_number(ra0)})"
    sin0, cos0 = _number(math.sin(math.radians(dec0))), _number(_cos(dec0))
    towards = f"({sin0} * sin(radians({y})) + {cos0} * cos(radians({y})) * cos({turn}))"
    plane_x = f"(cos(radians({y})) * sin({turn}) / {towards})"
    plane_y = f"(({cos0} * sin(radians({y})) - {sin0} * cos(radians({y})) * cos({turn})) / {towards})"
    flat = [_gnomonic(*corner, ra0, dec0) for corner in corners]
    near = _number(math.cos(math.radians(min(far * 1.0001 + 1e-6, 89))))
    low, high = _number(dec0 - far - 1e-6), _number(dec0 + far + 1e-6)
    sql = _near_first(f"{y} BETWEEN {low} AND {high} AND {towards} >= {near}", _inside(plane_x, plane_y, flat))
    shape = ("polygon", ra, dec, *(value for corner in corners for value in corner))
    return Clause(source, sql, label or f"region of {len(corners)} corners", shape=shape)


def _near_first(within: str, inside: str) -> str:
    """A cheap test before a dear one: AND alone computes both for every row in a count or under NOT (2 to 5 times)."""
    return f"{within} AND CASE WHEN {within} THEN {inside} ELSE FALSE END"


def _inside(x_sql: str, y_sql: str, points: Sequence[tuple[float, float]]) -> str:
    """Even-odd rule: an odd number of edges lies to the right of the point."""
    crossings = []
    for (x0, y0), (x1, y1) in zip(points, [*points[1:], points[0]]):
        if y0 == y1:
            continue
        slope = (x1 - x0) / (y1 - y0)
        low, high = min(y0, y1), max(y0, y1)
        crossings.append(
            f"CAST({y_sql} >= {_number(low)} AND {y_sql} < {_number(high)} AND "
            f"{x_sql} < {_number(x0)} + ({y_sql} - {_number(y0)}) * {_number(slope)} AS INTEGER)"
        )
    return f"({' + '.join(crossings)}) % 2 = 1" if crossings else "FALSE"


def _corners(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    points = [(float(x), float(y)) for x, y in points]
    if len(points) > 1 and points[0] == points[-1]:
        points.pop()
    if len(points) < 3:
        raise QueryError("A region needs at least three corners.")
    if len(points) > POINTS_LIMIT:
        raise LimitError(f"The region has {len(points)} corners; at most {POINTS_LIMIT} can be used.")
    if not all(math.isfinite(value) for point in points for value in point):
        raise QueryError("A corner of the region is not a number.")
    return points


def _unit(ra: float, dec: float) -> np.ndarray:
    a, d = math.radians(ra), math.radians(dec)
    return np.array([math.cos(d) * math.cos(a), math.cos(d) * math.sin(a), math.sin(d)])


def _gnomonic(ra: float, dec: float, ra0: float, dec0: float) -> tuple[float, float]:
    a, d, d0 = math.radians(ra - ra0), math.radians(dec), math.radians(dec0)
    towards = math.sin(d0) * math.sin(d) + math.cos(d0) * math.cos(d) * math.cos(a)
    across = math.cos(d) * math.sin(a) / towards
    return across, (math.cos(d0) * math.sin(d) - math.sin(d0) * math.cos(d) * math.cos(a)) / towards


def _cos(degrees: float) -> float:
    return math.cos(math.radians(degrees))


def _number(value: float) -> str:
    """A double as SQL. Infinite borders are allowed, NaN is not."""
    value = float(value)
    if math.isnan(value):
        raise QueryError("A border of the region is not a number.")
    if math.isinf(value):
        return f"CAST('{'-' if value < 0 else ''}inf' AS DOUBLE)"
    text = repr(value)
    return f"({text if 'e' in text else text + 'e0'})"


def _angle(degrees: float) -> str:
    if degrees >= 1:
        return f"{degrees:.3g}°"
    return f"{degrees * 60:.3g}′" if degrees >= 1 / 60 else f"{degrees / ARCSEC:.3g}″"
