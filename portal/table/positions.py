"""Which two columns of a table hold its sky positions."""

from __future__ import annotations

from collections.abc import Sequence

from portal.table.columns import Column

PAIRS = (("coord_ra", "coord_dec"), ("ra", "dec"), ("ra", "decl"), ("s_ra", "s_dec"))


def position_columns(columns: Sequence[Column]) -> tuple[str, str] | None:
    """Names of right ascension and declination, or None.

    In this order: the pair with UCD ``pos.eq.ra;meta.main``; the first pair with UCD ``pos.eq``; known names.
    """
    numbers = [item for item in columns if item.is_number]
    for main in (True, False):
        pair = _by_ucd(numbers, "pos.eq.ra", main), _by_ucd(numbers, "pos.eq.dec", main)
        if all(pair):
            return pair
    by_name = {item.name.lower(): item.name for item in reversed(numbers)}
    for ra, dec in PAIRS:
        if ra in by_name and dec in by_name:
            return by_name[ra], by_name[dec]
    return None


def _by_ucd(columns: Sequence[Column], wanted: str, main: bool) -> str:
    for item in columns:
        words = [word.strip() for word in item.ucd.lower().split(";")]
        # A leading stat.error is the error of a position, not a position.
        if words[0] == wanted and (not main or "meta.main" in words):
            return item.name
    return ""
