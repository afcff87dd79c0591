"""Where the rows that meet a condition must lie, when no single part of it says so.

Several cones joined by OR, limits of right ascension and declination as BETWEEN or as comparisons, and scisql's box
come to ranges of pixels; they are added to the condition, which they leave as it was.
"""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
from sqlglot import exp

from portal.adql.conjuncts import parts_of
from portal.adql.cover import Ranges, cover, merged, unit_vectors
from portal.adql.geometry import Geometry
from portal.adql.nearness import asked
from portal.adql.pixels import Place
from portal.adql.shapes import constant

MAX_BRANCHES = 500  # of an OR; each cone takes half a millisecond to cover
MAX_RANGES = 16  # of all branches together; more cost more to test on each row than they save
_TURNED = {exp.LT: exp.GT, exp.GT: exp.LT, exp.LTE: exp.GTE, exp.GTE: exp.LTE, exp.EQ: exp.EQ}


def pixel_condition(root: exp.Expr, geometry: Geometry) -> str:
    """A condition on pixels, ending in AND, that follows from another one; "" when its parts say as much."""
    parts = parts_of(root)
    found = _rectangles(parts, geometry)
    for part in parts:
        if isinstance(part, exp.Or):
            found |= _either(part, geometry)
        elif asked(part) is not None:
            found |= _scisql_box(part, geometry)
    return "".join(geometry.pixels.ranges(place, ranges) for place, ranges in found.items())


def confined(select: exp.Select, geometry: Geometry) -> dict[str, Ranges]:
    """Pixel ranges, in order, outside of which no row of a table counts, by its full name.

    Only of tables that the whole query names once: every other mention might need the other rows.
    """
    where = select.args.get("where")
    if where is None:
        return {}
    sources = [source for scope in geometry.binding.scopes.values() for source in scope.sources]
    named = Counter(source.table.full_name for source in sources if source.table is not None)
    return {
        source.table.full_name: ranges
        for (source, _), ranges in _implied(where.this, geometry).items()
        if source.table is not None and named[source.table.full_name] == 1
    }


def _implied(root: exp.Expr, geometry: Geometry) -> dict[Place, Ranges]:
    """Every place a condition confines, with its ranges."""
    parts = parts_of(root)
    found = _rectangles(parts, geometry)
    for part in parts:
        if isinstance(part, exp.Or):
            found |= _either(part, geometry)
            continue
        one = geometry.bounds(part)
        found |= {one[0]: one[1]} if one is not None else _scisql_box(part, geometry)
    return found


def _either(node: exp.Or, geometry: Geometry) -> dict[Place, Ranges]:
    """What all branches of an OR confine."""
    branches, stack = [], [node]
    while stack:
        item = stack.pop()
        if isinstance(item, exp.Or):
            stack += [item.expression, item.this]
        elif isinstance(item, exp.Paren) and isinstance(item.this, (exp.Or, exp.Paren)):
            stack.append(item.this)
        else:
            branches.append(item)
    if len(branches) > MAX_BRANCHES:
        return {}
    total: dict[Place, Ranges] | None = None
    for branch in branches:
        found = _implied(branch, geometry)
        total = found if total is None else {place: total[place] + found[place] for place in total if place in found}
        if not total:
            return {}
    return {place: merged(ranges, MAX_RANGES) for place, ranges in (total or {}).items()}


def _rectangles(parts: list[exp.Expr], geometry: Geometry) -> dict[Place, Ranges]:
    """Places whose right ascension and declination both have limits among the parts."""
    limits: dict[tuple[object, str], list[float]] = {}
    for part in parts:
        for column, low, high in _limits(part):
            bound = geometry.binding.columns.get(id(column))
            if bound is None or not bound.whole or not bound.source.places:
                continue
            now = limits.setdefault((bound.source, bound.column.name.lower()), [-math.inf, math.inf])
            now[:] = max(now[0], low), min(now[1], high)
    found = {}
    for source in {source for source, _ in limits}:
        for (ra, dec), pixel in source.places.items():
            one, other = limits.get((source, ra)), limits.get((source, dec))
            if one is None or other is None:
                continue
            west, east = max(one[0], 0.0), min(one[1], 360.0)  # right ascensions are stored from 0 to 360
            south, north = max(other[0], -90.0), min(other[1], 90.0)
            if west > east or south > north:
                found[source, pixel] = []
            elif east - west < 180 and north - south < 90:
                found[source, pixel] = rectangle(west, east, south, north)
    return found


def _limits(node: exp.Expr) -> list[tuple[exp.Column, float, float]]:
    """The limits a condition sets to a column, both included."""
    if isinstance(node, exp.Between):
        low, high = constant(node.args["low"]), constant(node.args["high"])
        if isinstance(node.this, exp.Column) and low is not None and high is not None:
            return [(node.this, low, high)]
        return []
    if type(node) not in _TURNED:
        return []
    column, value, kind = node.this, constant(node.expression), type(node)
    if value is None:
        column, value, kind = node.expression, constant(node.this), _TURNED[kind]
    if not isinstance(column, exp.Column) or value is None:
        return []
    low = value if kind in (exp.GT, exp.GTE, exp.EQ) else -math.inf
    high = value if kind in (exp.LT, exp.LTE, exp.EQ) else math.inf
    return [(column, low, high)]


def _scisql_box(node: exp.Expr, geometry: Geometry) -> dict[Place, Ranges]:
    """``scisql_s2PtInBox`` with constant limits."""
    test = asked(node)
    if test is None or not test.wanted or test.call.name.upper() != "SCISQL_S2PTINBOX":
        return {}
    limits = [constant(item) for item in test.call.expressions[2:]]
    if None in limits:
        return {}
    place = geometry.pixels.place_of(geometry.shapes.point(test.call.expressions[:2], test.call))
    west, south, east, north = limits
    width = (east - west) % 360
    if place is None or width >= 180 or north - south >= 90:
        return {}
    if south > north:
        return {place: []}
    return {place: rectangle(west % 360, west % 360 + width, max(south, -90.0), min(north, 90.0))}


def rectangle(west: float, east: float, south: float, north: float) -> Ranges:
    """Pixel ranges that cover limits of right ascension and declination, degrees; less than 180 by 90 of them."""
    ra, dec = (west + east) / 2, (south + north) / 2
    edge = np.linspace(0, 1, 33)
    border = np.concatenate(
        [unit_vectors(np.full(33, limit), south + edge * (north - south)) for limit in (west, east)]
        + [unit_vectors(west + edge * (east - west), np.full(33, limit)) for limit in (south, north)]
    )
    far = np.linalg.norm(border - unit_vectors(ra, dec), axis=1).max()
    step = max(north - south, east - west) / 32
    radius = math.degrees(2 * math.asin(min(1.0, far / 2))) + step

    def overlap(vectors: np.ndarray, reach: float) -> np.ndarray:
        margin = math.degrees(reach) + 1e-9
        lat = np.degrees(np.arcsin(np.clip(vectors[:, 2], -1, 1)))
        lon = np.degrees(np.arctan2(vectors[:, 1], vectors[:, 0]))
        near = (lat >= south - margin) & (lat <= north + margin)
        # A reach is the wider in right ascension the nearer the pole.
        top = np.minimum(np.abs(lat) + margin, 90.0)
        across = np.abs((lon - ra + 180) % 360 - 180)
        sine = np.sin(min(reach, math.pi / 2)) / np.maximum(np.cos(np.radians(top)), 1e-12)
        wide = np.where((sine >= 1) | (top >= 90), 180.0, np.degrees(np.arcsin(np.minimum(sine, 1.0))))
        return near & (across <= (east - west) / 2 + wide + 1e-9)

    return cover(ra % 360, dec, min(radius, 180.0), overlap)
