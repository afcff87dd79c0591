"""Two functions that need the catalogue to be written: IN_UNIT and ivo_healpix_index."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING

from astropy import units
from sqlglot import exp

from portal.adql.cover import ORDER
from portal.adql.geometry import Geometry
from portal.adql.outputs import describe
from portal.adql.places import want
from portal.adql.shapes import constant
from portal.adql.words import number, quote

if TYPE_CHECKING:
    from portal.adql.bind import Binding


@lru_cache(maxsize=1024)
def unit_factor(unit: str, wanted: str) -> float | None:
    """What to multiply a number in one VOUnit with to have it in another; None when they do not go together."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecated spellings are still units
        try:
            return float(units.Unit(unit, format="vounit").to(units.Unit(wanted, format="vounit")))
        except (ValueError, TypeError):
            return None


def in_unit(node: exp.Anonymous, binding: Binding, write: Callable[[exp.Expr], str]) -> str:
    """``IN_UNIT(x, 'unit')`` (ADQL 2.1, section 4.6): a product with a constant."""
    value, wanted = node.expressions
    if not isinstance(wanted, exp.Literal) or not wanted.is_string:
        raise binding.error(node, "IN_UNIT needs a unit in single quotes.", "For example IN_UNIT(ra, 'arcsec').")
    unit = describe(value, binding).unit
    if not unit:
        raise binding.error(value, "The unit of this value is not known.", "IN_UNIT takes columns that have a unit.")
    factor = unit_factor(unit, wanted.this)
    if factor is None:
        raise binding.error(wanted, f"{unit} cannot be turned into {wanted.this!r}.")
    return f"(({write(value)}) * {number(factor)})"


def healpix_index(node: exp.Anonymous, geometry: Geometry) -> str:
    """``ivo_healpix_index(order, ra, dec)``: of a table's own position the leading bits of its pixel of order 29."""
    order, *place = node.expressions
    level = constant(order)
    if level is None or not 0 <= level <= ORDER or level != int(level):
        raise geometry.binding.error(order, f"The order is a whole number from 0 to {ORDER}.")
    point = geometry.shapes.point(place, node) if len(place) == 2 else geometry.shapes.shape(place[0])
    place = geometry.pixels.place_of(point)
    if place is None:
        return _pixel(int(level), geometry.pixels.sql(point.ra), geometry.pixels.sql(point.dec))
    source, name = place
    want(geometry.binding, source, name)
    return f"(CAST({quote(source.alias)}.{quote(name)} AS BIGINT) >> {2 * (ORDER - int(level))})"


def _pixel(order: int, ra: str, dec: str) -> str:
    """SQL of the nested pixel of any position (Górski et al. 2005, section 5 and appendix), degrees."""
    nside = 2**order
    # t: right ascension in quarter turns; z: sine of the declination; s: distance from the pole in units of the cap's.
    turns = f"(((({ra}) % 360) + 360) % 360 / 90)"
    up, down = "CAST(floor(a - b) AS BIGINT)", "CAST(floor(a + b) AS BIGINT)"
    belt = _let(
        _let(
            f"{{'f': CASE WHEN p >> {order} = q >> {order} THEN (p >> {order}) % 4 + 4 "
            f"WHEN p >> {order} < q >> {order} THEN (p >> {order}) % 4 ELSE (q >> {order}) % 4 + 8 END, "
            f"'x': q & {nside - 1}, 'y': {nside - 1} - (p & {nside - 1})}}",
            "q", down,
        ),
        "p", up,
    )  # fmt: skip
    belt = _let(_let(belt, "b", f"{nside} * z * 0.75e0"), "a", f"{nside} * (0.5e0 + t)")
    cap = (
        f"{{'f': CAST(floor(t) AS BIGINT) + CASE WHEN z >= 0 THEN 0 ELSE 8 END, "
        f"'x': CASE WHEN z >= 0 THEN {nside - 1} - q ELSE p END, "
        f"'y': CASE WHEN z >= 0 THEN {nside - 1} - p ELSE q END}}"
    )
    cap = _let(_let(cap, "q", _held("(1 - (t - floor(t))) * s", nside)), "p", _held("(t - floor(t)) * s", nside))
    cap = _let(cap, "s", f"{nside} * sqrt(3e0) * cos(radians({dec})) / sqrt(1 + abs(z))")
    bits = " | ".join(
        f"(((w.x >> {bit}) & 1) << {2 * bit}) | (((w.y >> {bit}) & 1) << {2 * bit + 1})" for bit in range(order)
    )
    whole = f"(w.f << {2 * order}) | {bits}" if order else "w.f"
    face = f"CASE WHEN abs(z) <= 2e0 / 3 THEN {belt} ELSE {cap} END"
    body = _let(_let(_let(whole, "w", face), "z", f"sin(radians({dec}))"), "t", turns)
    return f"(CASE WHEN ({dec}) BETWEEN -90 AND 90 AND ({ra}) IS NOT NULL THEN {body} END)"


def _held(value: str, nside: int) -> str:
    return f"greatest(0, least({nside - 1}, CAST(floor({value}) AS BIGINT)))"


def _let(body: str, name: str, value: str) -> str:
    """A body in which a name stands for a value."""
    return f"list_transform([{value}], lambda {name}: {body})[1]"
