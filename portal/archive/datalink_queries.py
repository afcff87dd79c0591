"""The queries behind DataLink services: the light curve of an object, the images of a visit, a cone.

Turns parameters into ADQL, in which every name has been found in the schemas; runs nothing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from .datalink import BANDS, CURVE_DETAILS
from .params import Parameters, UsageError
from .schema.load import Schema, Table, find_table

TIMES = ("expMidptMJD", "midpointMjdTai", "midPointTai", "midpointMjd")
MINIMAL = ("band", "filterName", "psfFlux", "psfFluxErr", "psfDiffFlux", "psfDiffFluxErr", "psFlux", "psFluxErr")


def timeseries_adql(asked: Parameters, schemas: Mapping[str, Schema]) -> str:
    """The query of one light curve, ordered by time. Every name in it has been found in the schemas.

    Raises UsageError for a missing or malformed parameter and for an unknown table or column.
    """
    identifier = _whole(asked.require("id"))
    table = _table(asked.require("table"), schemas)
    id_column = _column(table, asked.require("id_column"))
    band = asked.choice("band", BANDS, "all")
    detail = asked.choice("detail", CURVE_DETAILS, "full")
    columns = [f"s.{name}" for name in _chosen(table, detail, id_column)]
    join = order = ""
    if time := asked.get("join_time_column"):
        name, _, time = time.rpartition(".")
        other = _table(name, schemas)
        time = f"t.{_column(other, time)}"
        style = asked.choice("join_style", ("ccdVisit", "visit_detector"), "ccdVisit")
        join = f" JOIN {other.name} AS t ON {_joined(table, other, style)}"
        columns.insert(0, time)
        order = time
    else:
        known = {column.name for column in table.columns}
        times = [name for name in TIMES if name in known]
        order = f"s.{times[0]}" if times else ""
        if order and order not in columns:
            columns.insert(0, order)
    where = f" WHERE s.{id_column} = {identifier}"
    if band != "all":
        where += f" AND s.{_column(table, asked.get('band_column') or 'band')} = '{band}'"
    return f"SELECT {', '.join(columns)} FROM {table.name} AS s{join}{where}" + (f" ORDER BY {order}" if order else "")


def _joined(table: Table, other: Table, style: str) -> str:
    names = {column.name for column in other.columns}
    visit = "visitId" if "visitId" in names else "visit"
    pairs = (("ccdVisitId", "ccdVisitId"),) if style == "ccdVisit" else (("visit", visit), ("detector", "detector"))
    if style == "visit_detector" and "detector" not in names:
        pairs = pairs[:1]  # a table of whole visits
    return " AND ".join(f"s.{_column(table, here)} = t.{_column(other, there)}" for here, there in pairs)


def _chosen(table: Table, detail: str, id_column: str) -> list[str]:
    every = [column.name for column in table.columns]
    principal = [column.name for column in table.columns if column.principal] or every
    if detail == "full":
        return every
    if detail == "principal":
        return principal
    return [name for name in principal if name == id_column or name in (*MINIMAL, *TIMES)]


def _table(name: str, schemas: Mapping[str, Schema]) -> Table:
    table = find_table(schemas, name)
    if table is None:
        raise UsageError(f"There is no table {name!r} here.", "Name it with its schema, as in dp1.ForcedSource.")
    return table


def _column(table: Table, name: str) -> str:
    for column in table.columns:
        if column.name.lower() == name.lower():
            return column.name
    raise UsageError(f"Table {table.name} has no column {name!r}.")


def _whole(text: str, name: str = "id") -> int:
    try:
        value = int(text[:40])  # int() of a megabyte of digits takes minutes
    except ValueError:
        raise UsageError(f"{name} must be a whole number, not {text[:40]!r}.") from None
    if not -(2**63) <= value < 2**63:
        raise UsageError(f"{name} {text[:40]} does not fit in 64 bits.")
    return value


def images_adql(asked: Parameters, schemas: Mapping[str, Schema]) -> str:
    """The query for the images of a visit, and of a detector when one is given. Raises UsageError."""
    where = f"lsst_visit = {_whole(asked.require('visit'), 'visit')}"
    if asked.get("detector").strip():
        where += f" AND lsst_detector = {_whole(asked.require('detector'), 'detector')}"
    return f"SELECT * FROM ivoa.ObsCore WHERE {where} ORDER BY calib_level, lsst_detector"


def cone_adql(asked: Parameters, schemas: Mapping[str, Schema]) -> str:
    """The query of a cone search by parameters table, ra_col, dec_col, ra_val, dec_val, radius (degrees)."""
    table = _table(asked.require("table"), schemas)
    ra, dec = (_column(table, asked.require(name)) for name in ("ra_col", "dec_col"))
    where = within(ra, dec, *(degrees(asked, name) for name in ("ra_val", "dec_val", "radius")))
    return f"SELECT * FROM {table.name} WHERE {where}"


def degrees(asked: Parameters, name: str) -> float:
    """A parameter that is a finite number. Raises UsageError."""
    text = asked.require(name)
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise UsageError(f"{name} must be a number of degrees, not {text[:40]!r}.")
    return value


def within(ra: str, dec: str, ra0: float, dec0: float, radius: float) -> str:
    """The condition that a position lies in a circle (degrees). Raises UsageError for what is no circle."""
    if not (-90 <= dec0 <= 90 and 0 <= radius <= 180):
        raise UsageError("A declination must lie from -90 to 90 degrees, a radius from 0 to 180.")
    return f"CONTAINS(POINT('ICRS', {ra}, {dec}), CIRCLE('ICRS', {ra0!r}, {dec0!r}, {radius!r})) = 1"
