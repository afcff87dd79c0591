"""Which columns of a table hold its sky positions, and which the outlines of its images."""

from __future__ import annotations

from collections.abc import Sequence

from portal.table.columns import Column

OUTLINES = ("s_region", "region", "footprint", "stcs", "pointing_footprint")
CORNERS = tuple(f"{corner}{axis}" for corner in ("llc", "lrc", "urc", "ulc") for axis in ("ra", "dec"))
"""Of a detector, as CcdVisit has them: lower left, lower right, upper right, upper left."""
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


def outline_columns(columns: Sequence[Column]) -> tuple[str, ...]:
    """The column of outlines (STC-S or DALI), or eight columns of ra and dec of four corners (degrees), or ()."""
    shaped = [item for item in columns if item.is_text or (item.is_array and item.datatype in ("double", "float"))]
    for item in shaped:
        if item.ucd.lower().startswith("pos.outline") or item.xtype.lower() in ("adql:region", "polygon", "shape"):
            return (item.name,)
    known = {item.name.lower(): item.name for item in reversed(shaped)}
    for name in OUTLINES:
        if name in known:
            return (known[name],)
    numbers = {item.name.lower(): item.name for item in columns if item.is_number}
    return tuple(numbers[name] for name in CORNERS) if all(name in numbers for name in CORNERS) else ()


def band_column(columns: Sequence[Column]) -> str:
    """The column that names the band of an image, or ""."""
    known = {item.name.lower(): item.name for item in columns if item.is_text}
    return next((known[name] for name in ("lsst_band", "band", "filter", "lsst_filter") if name in known), "")


def _by_ucd(columns: Sequence[Column], wanted: str, main: bool) -> str:
    for item in columns:
        words = [word.strip() for word in item.ucd.lower().split(";")]
        # A leading stat.error is the error of a position, not a position.
        if words[0] == wanted and (not main or "meta.main" in words):
            return item.name
    return ""
