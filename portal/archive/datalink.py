"""DataLink 1.1: the service descriptors that go with results, and those of the cutouts of an image.

Knows which column leads to which service. The light curves are the Rubin platform's, word for word; it has no
descriptor for the images of a visit. Its descriptor on access_url, which sends clients to the address in the row, is
left out: pyvo cannot follow it, and access_format says the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from ..table.columns import Param, Service
from .cutouts import DETAILS, FORMS, OUTSIDE, STRETCHES

SODA_ID = "ivo://ivoa.net/std/SODA#sync-1.0"
SODA_JOBS_ID = "ivo://ivoa.net/std/SODA#async-1.0"
LINKS_ID = "ivo://ivoa.net/std/DataLink#links-1.0"
TIMESERIES_ID = "lsst://api.data.lsst.cloud/datalink/timeseries#v0.1"
BANDS = ("all", "u", "g", "r", "i", "z", "y")
BEYOND = "Pixels outside the shape: keep, or blank (NaN, NO_DATA in the mask, transparent in PNG)"
CURVE_DETAILS = ("full", "principal", "minimal")
ACCESS_URLS = ("ivoa_ObsCore_access_url", "dp02_dc2_catalogs_ObsCore_access_url")
DATASET_IDS = ("ivoa_ObsCore_obs_publisher_did", "dp02_dc2_catalogs_ObsCore_obs_publisher_did")
ALERT_IDS = tuple(f"{release}_DiaSource_diaSourceId" for release in ("dp1", "dp2", "dp02_dc2_catalogs"))
MEASURED = (
    "Visit", "CcdVisit", "VisitDetector", "Source", "DiaSource", "ForcedSource", "ForcedSourceOnDiaObject",
)  # fmt: skip
WITH_VISITS = tuple(f"{release}_{table}" for release in ("dp1", "dp2") for table in MEASURED)


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
    return (*found, *_images(place, base))


def _images(place: Mapping[str, int], base: str) -> tuple[Service, ...]:
    """The images of the visit that a row was measured on, of its detector when the result tells that too."""
    for table in WITH_VISITS:
        visits = [place[name] for name in (f"{table}_visit", f"{table}_visitId") if name in place]
        if not visits:
            continue
        inputs = [Param("visit", "", "long", ucd="meta.id", ref=f"col_{visits[0]}")]
        if (number := place.get(f"{table}_detector")) is not None:
            inputs.append(Param("detector", "", "long", ucd="meta.id;instr.det", ref=f"col_{number}"))
        words = "Images of the visit" + (" and detector" if len(inputs) > 1 else "")
        return (Service(f"{base}/api/datalink/images", id="images", description=words, inputs=tuple(inputs)),)
    return ()


def cutout_service(name: str, detail: str, base: str) -> Service:
    """The descriptor of the cutout service (SODA 1.0, section 5) that gives the planes ``detail``.

    It is the one of jobs when its ``name`` says async, else the one that answers at once.
    The last five inputs are the archive's own; the Rubin platform has those before.
    """
    about, outline = "ICRS degrees", "phys.angArea;obs"
    shapes = "CIRCLE ra dec radius, POLYGON ra dec ra dec ..., RANGE ra1 ra2 dec1 dec2"
    jobs = "async" in name
    return Service(
        f"{base}/api/cutout/{'jobs' if jobs else 'sync'}",
        SODA_JOBS_ID if jobs else SODA_ID,
        id=name,
        description=f"Cutout service, {detail}{', as a job' if jobs else ''}",
        inputs=(
            Param("ID", "", "char", "*", ucd="meta.id;meta.dataset", ref="primaryID"),
            Param("POLYGON", "", "double", "*", "deg", outline, "", f"RA, Dec of vertices: {about}", (), "polygon"),
            Param("CIRCLE", "", "double", "3", "deg", outline, "", f"RA, Dec, radius: {about}", (), "circle"),
            Param("CUTOUTDETAIL", detail, "char", "*", options=DETAILS),
            Param("POS", "", "char", "*", ucd=outline, description=f"{shapes}: {about}"),
            Param("RESPONSEFORMAT", FORMS[0].media_type, "char", "*", options=tuple(form.media_type for form in FORMS)),
            Param("OUTSIDE", "keep", "char", "*", description=BEYOND, options=OUTSIDE),
            Param("STRETCH", "", "char", "*", description="Of PNG and JPEG; asinh when left out", options=STRETCHES),
            Param("LIMITS", "", "char", "*", description="Black and white of pictures: zscale, minmax, two values"),
        ),
    )


def _timeseries(curve: Curve, number: int, base: str) -> Service:
    def text(name: str, value: str, options: tuple[str, ...] = ()) -> Param:
        return Param(name, value, "char", "*", options=options)

    inputs = [
        Param("id", "", "long", ucd="meta.id", ref=f"col_{number}"),
        text("table", curve.table),
    ]
    if curve.band_column:
        inputs.append(text("band_column", curve.band_column))
    inputs.append(text("id_column", curve.id_column))
    if curve.time:
        inputs.append(text("join_time_column", curve.time))
    if curve.style:
        inputs.append(text("join_style", curve.style))
    inputs += [text("band", "all", BANDS), text("detail", "principal", CURVE_DETAILS)]
    return Service(
        f"{base}/api/datalink/timeseries",
        TIMESERIES_ID,
        id=f"timeseries-{curve.table.replace('.', '-')}",
        name=curve.name,
        description=f"{curve.name} time series",
        inputs=tuple(inputs),
    )
