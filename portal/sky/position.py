"""Positions as people write them: degrees or sexagesimal, in ICRS, Galactic, ecliptic or supergalactic coordinates."""

from __future__ import annotations

import re

from ..errors import QueryError

NUMBER = r"[+-]?\d+(?:\.\d*)?"
PAIR = re.compile(rf"({NUMBER})\s*(?:deg|d|°)?\s*[,;\s]\s*({NUMBER})\s*(?:deg|d|°)?")
SEXAGESIMAL = re.compile(r"\d\s*[:hms°'\"]|^\s*\d+\s+\d+\s+\d")
FRAME = re.compile(r"\s+(gal(?:actic)?|sgal|supergalactic|ecl(?:iptic)?|icrs|fk5|j2000)\s*$", re.I)
FRAMES = {"gal": "galactic", "sga": "supergalactic", "sup": "supergalactic", "ecl": "barycentricmeanecliptic"}
LONGEST = 100


def parse_position(text: str) -> tuple[float, float]:
    """(ra, dec) in ICRS degrees from ``62.0 -37.0``, ``04:08:00 -37:00:00`` or with spaces, ``4h8m0s, -37d0m0s``.

    A pair in degrees may name its frame at its end: ``gal``, ``ecl`` (mean ecliptic of J2000), ``sgal``, ``icrs``.
    Raises QueryError when the text is no position.
    """
    from astropy import units as u
    from astropy.coordinates import SkyCoord

    text = text.strip()[: LONGEST + 1]
    plain = text.replace("−", "-")
    named = FRAME.search(plain)
    frame = FRAMES.get(named[1][:3].lower(), "icrs") if named else "icrs"
    plain = plain[: named.start()] if named else plain
    found = PAIR.fullmatch(plain)
    try:
        if found:
            a, b = float(found[1]), float(found[2])
            if abs(b) > 90 or not (-180 if frame != "icrs" else 0) <= a <= 360:
                raise ValueError("out of range")
            if frame == "icrs":
                return a % 360.0, b
            spot = SkyCoord(a, b, unit="deg", frame=frame).icrs
            return float(spot.ra.deg), float(spot.dec.deg)
        if SEXAGESIMAL.search(plain) and frame == "icrs" and len(text) <= LONGEST:
            spot = SkyCoord(plain.replace(",", " "), unit=(u.hourangle, u.deg), frame="icrs")
            return float(spot.ra.deg), float(spot.dec.deg)
    except (ValueError, TypeError):
        pass_on = f"{text!r} is not a position: right ascension is 0 to 360°, declination -90 to 90°."
        raise QueryError(pass_on, "Write for example 62.0 -37.0 or 04:08:00 -37:00:00.") from None
    raise QueryError(
        f"{text!r} is neither a position nor an id of this result.",
        "Write coordinates such as 62.0 -37.0 or 04:08:00 -37:00:00, or an objectId of the result shown.",
    )
