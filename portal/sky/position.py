"""Positions as people write them: degrees, sexagesimal, galactic; and how they are shown."""

from __future__ import annotations

import re

from ..errors import QueryError

NUMBER = r"[+-]?\d+(?:\.\d*)?"
PAIR = re.compile(
    rf"^\s*({NUMBER})\s*(?:deg|d|°)?\s*[,;\s]\s*({NUMBER})\s*(?:deg|d|°)?\s*(gal|galactic|icrs|fk5|j2000)?\s*$", re.I
)
SEXAGESIMAL = re.compile(r"\d\s*[:hms°'\"]|^\s*\d+\s+\d+\s+\d")


def parse_position(text: str) -> tuple[float, float]:
    """(ra, dec) in ICRS degrees from ``62.0 -37.0``, ``04:08:00 -37:00:00``, ``4h8m0s -37d0m0s`` or ``l b gal``.

    Raises QueryError when the text is no position.
    """
    from astropy import units as u
    from astropy.coordinates import SkyCoord

    found = PAIR.match(text)
    try:
        if found:
            a, b = float(found[1]), float(found[2])
            if (found[3] or "").lower().startswith("gal"):
                spot = SkyCoord(a, b, unit="deg", frame="galactic").icrs
                return float(spot.ra.deg), float(spot.dec.deg)
            if not 0 <= a <= 360 or abs(b) > 90:
                raise ValueError("out of range")
            return a % 360.0, b
        if SEXAGESIMAL.search(text):
            spot = SkyCoord(text, unit=(u.hourangle, u.deg), frame="icrs")
            return float(spot.ra.deg), float(spot.dec.deg)
    except (ValueError, TypeError):
        pass_on = f"{text!r} is not a position: right ascension is 0 to 360°, declination -90 to 90°."
        raise QueryError(pass_on, "Write for example 62.0 -37.0 or 04:08:00 -37:00:00.") from None
    raise QueryError(
        f"{text!r} is neither a position nor an id of this result.",
        "Write coordinates such as 62.0 -37.0 or 04:08:00 -37:00:00, or an objectId of the result shown.",
    )
