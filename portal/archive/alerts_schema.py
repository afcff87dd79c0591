"""The schema of our alert packets, in the shape of Rubin's ``lsst.v10_0``: same records, names, types and order.

Written from the columns that the archive serves: a field's documentation is the description of its column. Knows
nothing of values.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import fastavro

from .sample.bands import BANDS

NAMESPACE = "lsst.v10_0"
ABOUT = "Rubin alert packet, schema 10.0, made of a simulated sky: no observation stands behind it."

# Fields in order: name, "=type" unless float, "!" when there is always a value.
_DIA_SOURCE = """
diaSourceId=long! visit=long! detector=int! diaObjectId=long ssObjectId=long parentDiaSourceId=long
midpointMjdTai=double! ra=double! raErr dec=double! decErr ra_dec_Cov x! xErr y! yErr centroid_flag=boolean
apFlux apFluxErr apFlux_flag=boolean apFlux_flag_apertureTruncated=boolean isNegative=boolean snr
psfFlux psfFluxErr psfLnL psfChi2 psfNdata=int
psfFlux_flag=boolean psfFlux_flag_edge=boolean psfFlux_flag_noGoodPixels=boolean
trailFlux trailFluxErr trailRa=double trailRaErr trailDec=double trailDecErr trailLength trailLengthErr
trailAngle trailAngleErr trailChi2 trailNdata=int trail_flag_edge=boolean
dipoleMeanFlux dipoleMeanFluxErr dipoleFluxDiff dipoleFluxDiffErr dipoleLength dipoleAngle dipoleChi2 dipoleNdata=int
scienceFlux scienceFluxErr
forced_PsfFlux_flag=boolean forced_PsfFlux_flag_edge=boolean forced_PsfFlux_flag_noGoodPixels=boolean
templateFlux templateFluxErr ixx iyy ixy ixxPSF iyyPSF ixyPSF
shape_flag=boolean shape_flag_no_pixels=boolean shape_flag_not_contained=boolean shape_flag_parent_source=boolean
extendedness reliability band=string isDipole=boolean dipoleFitAttempted=boolean
timeProcessedMjdTai=double! timeWithdrawnMjdTai=double bboxSize=int
pixelFlags=boolean pixelFlags_bad=boolean pixelFlags_cr=boolean pixelFlags_crCenter=boolean pixelFlags_edge=boolean
pixelFlags_nodata=boolean pixelFlags_nodataCenter=boolean
pixelFlags_interpolated=boolean pixelFlags_interpolatedCenter=boolean pixelFlags_offimage=boolean
pixelFlags_saturated=boolean pixelFlags_saturatedCenter=boolean
pixelFlags_suspect=boolean pixelFlags_suspectCenter=boolean pixelFlags_streak=boolean pixelFlags_streakCenter=boolean
pixelFlags_injected=boolean pixelFlags_injectedCenter=boolean
pixelFlags_injected_template=boolean pixelFlags_injected_templateCenter=boolean glint_trail=boolean
"""
_DIA_FORCED_SOURCE = """
diaForcedSourceId=long! diaObjectId=long! ra=double! dec=double! visit=long! detector=int! psfFlux psfFluxErr
midpointMjdTai=double! scienceFlux scienceFluxErr band=string timeProcessedMjdTai=double! timeWithdrawnMjdTai=double
"""
_MEANS = "@_psfFluxMean @_psfFluxMeanErr @_psfFluxSigma @_psfFluxNdata=int @_fpFluxMean @_fpFluxMeanErr"
_SCIENCE = "@_scienceFluxMean @_scienceFluxMeanErr"
_EXTREMES = "@_psfFluxMin @_psfFluxMax @_psfFluxMaxSlope @_psfFluxErrMean"
_DIA_OBJECT = " ".join(
    [
        "diaObjectId=long! validityStartMjdTai=double! ra=double! raErr dec=double! decErr ra_dec_Cov",
        *(part.replace("@", band) for part in (_MEANS, _SCIENCE, _EXTREMES) for band in BANDS),
        "firstDiaSourceMjdTai=double lastDiaSourceMjdTai=double nDiaSources=int!",
    ]
)
_SS_SOURCE = """
diaSourceId=long! ssObjectId=long! designation=string eclLambda=double! eclBeta=double! galLon=double! galLat=double!
elongation phaseAngle topoRange topoRangeRate helioRange helioRangeRate ephRa=double ephDec=double ephVmag
ephRate ephRateRa ephRateDec ephOffset ephOffsetRa=double ephOffsetDec=double ephOffsetAlongTrack ephOffsetCrossTrack
helio_x helio_y helio_z helio_vx helio_vy helio_vz helio_vtot topo_x topo_y topo_z topo_vx topo_vy topo_vz topo_vtot
diaDistanceRank=int
"""
_ELEMENTS = "a q e i node argperi peri_time yarkovsky srp a1 a2 a3 dt mean_anomaly period mean_motion"
_MPC_ORBITS = " ".join(
    [
        "id=int! designation=string! packed_primary_provisional_designation=string!",
        "unpacked_primary_provisional_designation=string! mpc_orb_jsonb=string created_at=time updated_at=time",
        "orbit_type_int=int u_param=int nopp=int arc_length_total=double arc_length_sel=double",
        "nobs_total=int nobs_total_sel=int",
        *(f"{name}=double" for name in _ELEMENTS.split()),
        *(f"{name}_unc=double" for name in _ELEMENTS.split()),
        "epoch_mjd=double h=double g=double not_normalized_rms=double normalized_rms=double earth_moid=double",
        "fitting_datetime=time",
    ]
)
# Record: its fields, and the served table whose descriptions they take.
RECORDS = {
    "diaSource": (_DIA_SOURCE, "dp2.DiaSource"),
    "diaForcedSource": (_DIA_FORCED_SOURCE, "dp2.ForcedSourceOnDiaObject"),
    "diaObject": (_DIA_OBJECT, "dp2.DiaObject"),
    "ssSource": (_SS_SOURCE, "dp2.SSSource"),
    "mpc_orbits": (_MPC_ORBITS, "dp2.mpc_orbits"),
}
_ZERO = {"long": 0, "int": 0, "float": 0.0, "double": 0.0, "string": "", "boolean": False}
_AVRO = {"time": {"type": "long", "logicalType": "timestamp-micros"}}


@cache
def fields(record: str) -> tuple[tuple[str, str, bool], ...]:
    """(name, type, whether there is always a value) of each field of ``record``."""
    found = []
    for word in RECORDS[record][0].split():
        name, _, kind = word.rstrip("!").partition("=")
        found.append((name, kind or "float", word.endswith("!")))
    return tuple(found)


def alert_schema(about: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    """The schema as JSON; ``about`` gives the descriptions of columns by served table."""
    record = {name: _record(name, about.get(table, {})) for name, (_, table) in RECORDS.items()}
    forced = {"type": "array", "items": record["diaForcedSource"]}
    parts = [
        _field("diaSourceId", "long", True, "Number of the DiaSource that triggered this alert."),
        _field("observation_reason", "string", False, "Why the visit was taken."),
        _field("target_name", "string", False, "What the visit was pointed at."),
        {"name": "diaSource", "type": record["diaSource"]},
        _optional("prvDiaSources", {"type": "array", "items": f"{NAMESPACE}.diaSource"}),
        _optional("prvDiaForcedSources", forced),
        *(_optional(name, record[name]) for name in ("diaObject", "ssSource", "mpc_orbits")),
        *(
            _field(f"cutout{kind}", "bytes", False, f"FITS file of the {kind.lower()} image about the source.")
            for kind in ("Difference", "Science", "Template")
        ),
    ]
    return {"type": "record", "name": f"{NAMESPACE}.alert", "doc": ABOUT, "fields": parts}


def compiled(schema: dict[str, Any]) -> Any:
    """The schema as fastavro writes with it."""
    return fastavro.parse_schema(schema)


def _record(name: str, about: Mapping[str, str]) -> dict[str, Any]:
    parts = [_field(field, kind, always, about.get(field, "")) for field, kind, always in fields(name)]
    return {"type": "record", "name": f"{NAMESPACE}.{name}", "fields": parts}


def _field(name: str, kind: str, always: bool, doc: str) -> dict[str, Any]:
    given = _AVRO.get(kind, kind)
    made: dict[str, Any] = {"name": name, "type": given} if always else _optional(name, given)
    return {**made, "doc": doc} if doc else made


def _optional(name: str, kind: Any) -> dict[str, Any]:
    return {"name": name, "type": ["null", kind], "default": None}


def cleaned(record: str, row: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of ``record`` from a row that has more or fewer columns.

    What is not there or NaN is null, or the zero of its type where the schema wants a value.
    """
    out = {}
    for name, kind, always in fields(record):
        value = row.get(name)
        if value is None or value != value:
            value = _ZERO[kind] if always else None
        out[name] = value
    return out
