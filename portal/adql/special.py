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
    """``ivo_healpix_index(order, ra, dec)``: the leading bits of the table's own pixel of order 29."""
    order, *place = node.expressions
    level = constant(order)
    if level is None or not 0 <= level <= ORDER or level != int(level):
        raise geometry.binding.error(order, f"The order is a whole number from 0 to {ORDER}.")
    point = geometry.shapes.point(place, node) if len(place) == 2 else geometry.shapes.shape(place[0])
    place = geometry.pixels.place_of(point)
    if place is None:
        raise geometry.binding.error(node, "The HEALPix pixel is known only for a table's own position.")
    source, name = place
    want(geometry.binding, source, name)
    return f"(CAST({quote(source.alias)}.{quote(name)} AS BIGINT) >> {2 * (ORDER - int(level))})"
