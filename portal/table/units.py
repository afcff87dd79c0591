"""Units as each file format spells them; a unit nobody knows stays as its service wrote it."""

from __future__ import annotations

import warnings
from functools import lru_cache

READ_AS = ("vounit", "fits", "cds", "ogip")
PLAIN = frozenset(("", "deg", "nJy", "mag", "arcsec", "mas", "d", "s", "m", "km/s", "pixel", "adu", "arcmin", "rad"))


@lru_cache(maxsize=4096)
def spelled(unit: str, style: str) -> str:
    """``unit`` in the spelling of ``style``: "vounit" (VOUnits 1.1) or "fits" (FITS 4.0, section 4.3).

    A text that already is a unit of that style comes back unchanged, so does one that is a unit of no style.
    """
    if unit.strip() in PLAIN:
        return unit.strip()
    from astropy import units  # half a second, and only for units that are not everyday ones

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in (style, *(item for item in READ_AS if item != style)):
            try:
                read = units.Unit(unit.strip(), format=name, parse_strict="raise")
                return unit.strip() if name == style else read.to_string(style)
            except (ValueError, TypeError, units.UnitsError):
                continue
    return unit
