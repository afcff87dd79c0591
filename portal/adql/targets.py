"""Queries for many targets: joined with an uploaded table, or with the targets written into the query itself."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from ..errors import LimitError, QueryError
from .reserved import identifier

MOST_CONES = 300  # written into one query; a service takes minutes for more, an upload joins millions
MOST_IDS = 5_000  # 100 kB of ADQL; the longest text of a query here is 200 kB
IDS_PER_LIST = 500  # of one IN (...): short lists keep parsers and planners quick
LINE = 8  # ids on one line


class Source(NamedTuple):
    """A table of the archive to search: its name as in TAP_SCHEMA, positions (deg), columns to ask for."""

    name: str
    ra: str = ""
    dec: str = ""
    columns: tuple[str, ...] = ()


class Targets(NamedTuple):
    """An uploaded table: its name after ``TAP_UPLOAD.``, columns of positions (deg), columns to ask for."""

    name: str
    ra: str = ""
    dec: str = ""
    columns: tuple[str, ...] = ()


def join_by_position(source: Source, targets: Targets, radius: float) -> str:
    """All pairs within ``radius`` degrees, with their separation in arcsec.

    The uploaded point lies in a circle about the catalogue's row: that form is spread over a partitioned catalogue.
    """
    here = f"POINT('ICRS', u.{identifier(targets.ra)}, u.{identifier(targets.dec)})"
    there = f"o.{identifier(source.ra)}, o.{identifier(source.dec)}"
    apart = f"  DISTANCE({here}, POINT('ICRS', {there})) * 3600 AS separation_arcsec"
    mine, theirs = _selected(source, targets)
    rows = [*mine, apart, *theirs]
    return (
        "SELECT\n" + ",\n".join(rows) + f"\nFROM {source.name} AS o\n"
        f"JOIN TAP_UPLOAD.{identifier(targets.name)} AS u\n"
        f"  ON CONTAINS({here}, CIRCLE('ICRS', {there}, {angle(radius)})) = 1"
    )


def join_by_id(source: Source, targets: Targets, column: str, target: str) -> str:
    """All pairs whose ids are equal: ``column`` of the archive's table, ``target`` of the upload."""
    mine, theirs = _selected(source, targets)
    return (
        "SELECT\n" + ",\n".join([*mine, *theirs]) + f"\nFROM {source.name} AS o\n"
        f"JOIN TAP_UPLOAD.{identifier(targets.name)} AS u ON o.{identifier(column)} = u.{identifier(target)}"
    )


def in_list(source: Source, column: str, values: Sequence[object]) -> str:
    """Rows whose id is in a list written out; whole numbers stay numbers, text is quoted.

    Raises LimitError for more than ``MOST_IDS`` different ids, QueryError for none.
    """
    different = list(dict.fromkeys(value for value in values if value is not None))
    _bounded(len(different), MOST_IDS, "ids")
    literals = [literal(value) for value in different]
    lists = []
    for start in range(0, len(literals), IDS_PER_LIST):
        part = literals[start : start + IDS_PER_LIST]
        lines = [", ".join(part[at : at + LINE]) for at in range(0, len(part), LINE)]
        lists.append(f"o.{identifier(column)} IN (\n    " + ",\n    ".join(lines) + ")")
    return _alone(source, "\n  OR ".join(lists))


def cones(source: Source, positions: Iterable[tuple[float | None, float | None]], radius: float) -> str:
    """Rows within ``radius`` degrees of any of the positions (ICRS, deg), each written as a circle.

    Raises LimitError for more than ``MOST_CONES``, QueryError when there is none.
    """
    good = [(ra % 360.0, dec) for ra, dec in positions if _is_place(ra, dec)]
    _bounded(len(good), MOST_CONES, "positions")
    return _alone(source, "\n  OR ".join(circle(source, ra, dec, radius) for ra, dec in dict.fromkeys(good)))


def circle(source: Source, ra: float, dec: float, radius: float) -> str:
    """A condition: the source's rows within ``radius`` of a position; all in degrees."""
    return f"CONTAINS({_point(source)}, CIRCLE('ICRS', {angle(ra)}, {angle(dec)}, {angle(radius)})) = 1"


def polygon(source: Source, corners: Sequence[tuple[float, float]]) -> str:
    """A condition: the source's rows inside a polygon of (ra, dec) corners in degrees. Raises QueryError."""
    if len(corners) < 3 or not all(_is_place(ra, dec) for ra, dec in corners):
        raise QueryError("A polygon needs three corners or more, each a position.")
    places = ", ".join(f"{angle(ra % 360.0)}, {angle(dec)}" for ra, dec in corners)
    return f"CONTAINS({_point(source)}, POLYGON('ICRS', {places})) = 1"


def regions(source: Source, texts: Iterable[str | None]) -> str:
    """Rows inside any of the regions, STC-S circles and polygons (ICRS, deg). Raises LimitError, QueryError."""
    conditions = [_region(source, text) for text in texts if text and text.strip()]
    _bounded(len(conditions), MOST_CONES, "regions")
    return _alone(source, "\n  OR ".join(dict.fromkeys(conditions)))


def _region(source: Source, text: str) -> str:
    words = text.replace(",", " ").split()
    numbers = words[1:] if len(words) % 2 == (words[0].upper() == "POLYGON") else words[2:]
    try:
        values = [float(word) for word in numbers]
    except ValueError:
        values = []
    if words[0].upper() == "CIRCLE" and len(values) == 3 and _is_place(*values[:2]) and 0 < values[2] <= 180:
        return circle(source, values[0] % 360.0, *values[1:])
    if words[0].upper() == "POLYGON" and len(values) >= 6:
        return polygon(source, list(zip(values[::2], values[1::2])))
    raise QueryError(
        f"{text[:80]!r} is neither a circle nor a polygon in ICRS degrees.",
        "Leave such regions out, by a filter, and use the rest.",
    )


def literal(value: object) -> str:
    """A value as ADQL writes it."""
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, int | float):
        return repr(value)
    return "'" + str(value).replace("'", "''") + "'"


def angle(value: float) -> str:
    """Degrees with the digits that matter and no exponent, which some services cannot read."""
    text = f"{value:.9f}".rstrip("0")
    return text + "0" if text.endswith(".") else text


def _is_place(ra: float | None, dec: float | None) -> bool:
    return ra is not None and dec is not None and math.isfinite(ra) and math.isfinite(dec) and abs(dec) <= 90.0


def _bounded(number: int, most: int, what: str) -> None:
    if number == 0:
        raise QueryError(f"There are no {what} to search for.", "Look whether the cells of those columns are empty.")
    if number > most:
        raise LimitError(
            f"{number:,} {what} are too many to write into a query; at most {most:,} are.",
            "Filter the list to fewer rows, or use a service that takes uploads.",
        )


def _point(source: Source) -> str:
    return f"POINT('ICRS', o.{identifier(source.ra)}, o.{identifier(source.dec)})"


def _alone(source: Source, condition: str) -> str:
    rows = [f"  o.{identifier(name)}" for name in source.columns] or ["  o.*"]
    return "SELECT\n" + ",\n".join(rows) + f"\nFROM {source.name} AS o\nWHERE {condition}"


def _selected(source: Source, targets: Targets) -> tuple[list[str], list[str]]:
    """Columns of both tables; a name of the upload that the archive's table has too gets ``_u`` behind it."""
    taken = {name.lower() for name in source.columns} | {"separation_arcsec"}
    rows = []
    for name in targets.columns:
        alias = name
        while alias.lower() in taken:
            alias += "_u"
        taken.add(alias.lower())
        rows.append(f"  u.{identifier(name)}" + (f" AS {identifier(alias)}" if alias != name else ""))
    return rows, [f"  o.{identifier(name)}" for name in source.columns] or ["  o.*"]
