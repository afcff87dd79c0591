"""Angles as people write them: decimal degrees, ``12:34:56.7``, ``12h34m56.7s``, ``-45d00m00s``, ``12 34 56.7``."""

from __future__ import annotations

import re

PARTS = re.compile(
    r"\s*([+-]?)\s*(\d{1,3})\s*([:hd°\s])\s*(\d{1,2})(?:\s*[:m'′\s]\s*(\d{1,2}(?:\.\d*)?)?\s*[s\"″]?)?\s*",
    re.IGNORECASE,
)
DECIMAL_MINUTES = re.compile(r"\s*([+-]?)\s*(\d{1,3})\s*([:hd°\s])\s*(\d{1,2}\.\d+)\s*[m'′]?\s*", re.IGNORECASE)


def is_sexagesimal(text: str) -> bool:
    """Whether a text is an angle in sixtieths."""
    return PARTS.fullmatch(text) is not None or DECIMAL_MINUTES.fullmatch(text) is not None


def angle(text: str, hours: bool) -> float:
    """The angle in degrees. ``hours``: sixtieths with colons or blanks are of hours. Raises ValueError for no angle."""
    found = PARTS.fullmatch(text) or DECIMAL_MINUTES.fullmatch(text)
    if not found:
        return float(text.strip().rstrip("dD°"))
    sign, whole, mark, minutes = found.groups()[:4]
    seconds = float(found[5] or 0) if found.re is PARTS else 0.0
    if float(minutes) >= 60 or seconds > 60:
        raise ValueError(f"{text!r} has more than 60 minutes or seconds")
    value = int(whole) + float(minutes) / 60 + seconds / 3600
    in_hours = mark.lower() == "h" or (hours and mark.lower() not in "d°")
    return (-value if sign == "-" else value) * (15.0 if in_hours else 1.0)
