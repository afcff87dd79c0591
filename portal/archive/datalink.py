"""DataLink 1.1: the service descriptors that go with results, the links of an image, the light curve of an object.

Knows which column leads to which service (as on the Rubin platform); runs no query itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from ..table.columns import Param, Service
from .params import Parameters, UsageError
from .schema.load import Schema, Table, find_table

LINKS_ID = "ivo://ivoa.net/std/DataLink#links-1.0"
TIMESERIES_ID = "lsst://api.data.lsst.cloud/datalink/timeseries#v0.1"
BANDS = ("all", "u", "g", "r", "i", "z", "y")
DETAILS = ("full", "principal", "minimal")
ACCESS_URLS = ("ivoa_ObsCore_access_url", "dp02_dc2_catalogs_ObsCore_access_url")
DATASET_IDS = ("ivoa_ObsCore_obs_publisher_did", "dp02_dc2_catalogs_ObsCore_obs_publisher_did")
ALERT_IDS = tuple(f"{release}_DiaSource_diaSourceId" for release in ("dp1", "dp2", "dp02_dc2_catalogs"))
TIMES = ("expMidptMJD", "midpointMjdTai", "midPointTai", "midpointMjd")
MINIMAL = ("band", "filterName", "psfFlux", "psfFluxErr", "psfDiffFlux", "psfDiffFluxErr", "psFlux", "psFluxErr")


class Curve(NamedTuple):
    """One kind of light curve: from which id column, in which table, and how its times are joined."""

    source: str
    name: str
    table: str
    id_column: str
    time: str = ""
    style: str = ""
    band_column: str = ""


def _curves(release: str, detectors: str, style: str, dia_time: str = "", dia_band: str = "") -> tuple[Curve, ...]:
    time = f"{release}.{detectors}.expMidptMJD"
    dia = f"{release}_DiaObject_diaObjectId"
    forced, on_dia = f"{release}.ForcedSource", f"{release}.ForcedSourceOnDiaObject"
    return (
        Curve(f"{release}_Object_objectId", "ForcedSource", forced, "objectId", time, style),
        Curve(dia, "ForcedSourceOnDiaObject", on_dia, "diaObjectId", time, style),
        Curve(dia, "DiaSource", f"{release}.DiaSource", "diaObjectId", dia_time, "", dia_band),
    )


CURVES = (
    *_curves("dp02_dc2_catalogs", "CcdVisit", "", "dp02_dc2_catalogs.CcdVisit.expMidptMJD", "filterName"),
    *_curves("dp1", "CcdVisit", "visit_detector"),
    *_curves("dp2", "VisitDetector", "visit_detector"),
)


def descriptors(sources: Sequence[str], base: str) -> tuple[Service, ...]:
    """Descriptors for a result whose column n (FIELD ID ``col_n``) shows the served column ``sources[n]``."""
    place = {source: number for number, source in reversed(list(enumerate(sources))) if source}
    found = [_timeseries(curve, place[curve.source], base) for curve in CURVES if curve.source in place]
    for number in (place[source] for source in DATASET_IDS if source in place):
        ask = Param("ID", "", "char", "*", ucd="meta.id", ref=f"col_{number}")
        url = f"{base}/api/datalink/links"
        found.append(Service(url, LINKS_ID, id="links", description="Links of the image", inputs=(ask,)))
    for number in (place[source] for source in ALERT_IDS if source in place):
        ask = Param("ID", "", "long", ucd="meta.id", ref=f"col_{number}")
        found.append(Service(f"{base}/api/alerts", id="alert", name="Alert packet", inputs=(ask,)))
    return tuple(found)


def _timeseries(curve: Curve, number: int, base: str) -> Service:
    def text(name: str, value: str, options: tuple[str, ...] = ()) -> Param:
        return Param(name, value, "char", "*", options=options)

    inputs = [
        Param("id", "", "long", ucd="meta.id", ref=f"col_{number}"),
        text("table", curve.table),
        text("id_column", curve.id_column),
    ]
    if curve.band_column:
        inputs.append(text("band_column", curve.band_column))
    if curve.time:
        inputs.append(text("join_time_column", curve.time))
    if curve.style:
        inputs.append(text("join_style", curve.style))
    inputs += [text("band", "all", BANDS), text("detail", "principal", ("full", "principal", "minimal"))]
    return Service(
        f"{base}/api/datalink/timeseries",
        TIMESERIES_ID,
        id=f"timeseries-{curve.table.replace('.', '-')}",
        name=curve.name,
        description=f"{curve.name} time series",
        inputs=tuple(inputs),
    )


def timeseries_adql(asked: Parameters, schemas: Mapping[str, Schema]) -> str:
    """The query of one light curve, ordered by time. Every name in it has been found in the schemas.

    Raises UsageError for a missing or malformed parameter and for an unknown table or column.
    """
    identifier = _whole(asked.require("id"))
    table = _table(asked.require("table"), schemas)
    id_column = _column(table, asked.require("id_column"))
    band = asked.choice("band", BANDS, "all")
    detail = asked.choice("detail", DETAILS, "full")
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


def _whole(text: str) -> int:
    try:
        value = int(text)
    except ValueError:
        raise UsageError(f"id must be a whole number, not {text!r}.") from None
    if not -(2**63) <= value < 2**63:
        raise UsageError(f"id {text} does not fit in 64 bits.")
    return value


def cone_adql(asked: Parameters, schemas: Mapping[str, Schema]) -> str:
    """The query of a cone search by parameters table, ra_col, dec_col, ra_val, dec_val, radius (degrees)."""
    table = _table(asked.require("table"), schemas)
    ra, dec = (_column(table, asked.require(name)) for name in ("ra_col", "dec_col"))
    values = []
    for name in ("ra_val", "dec_val", "radius"):
        try:
            values.append(repr(float(asked.require(name))))
        except ValueError:
            raise UsageError(f"{name} must be a number of degrees.") from None
    circle = f"CIRCLE('ICRS', {', '.join(values)})"
    return f"SELECT * FROM {table.name} WHERE CONTAINS(POINT('ICRS', {ra}, {dec}), {circle}) = 1"
