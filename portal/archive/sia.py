"""SIA 2.0: images by position, band, time and the like. Its parameters become one ADQL query over ivoa.ObsCore."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from ..table.columns import Param, Service, TableMeta
from .capabilities import STANDARD, DocumentHandler, Resource
from .datalink_web import LINKS_TYPE, QueryHandler
from .formats import Format, wanted_format
from .params import Parameters, UsageError
from .query import Bounds, Query
from .stencil import MAX_VERTICES
from .tap import max_rows

if TYPE_CHECKING:
    from .app import Archive

MAX_ROWS = 60_000  # default and ceiling of MAXREC, as on the Rubin platform
TABLES = {"dp02": "dp02_dc2_catalogs.ObsCore"}  # by release; all others share one
RANGES = {
    "BAND": ("em_min", "em_max"),
    "TIME": ("t_min", "t_max"),
    "EXPTIME": ("t_exptime", "t_exptime"),
    "FOV": ("s_fov", "s_fov"),
    "SPATRES": ("s_resolution", "s_resolution"),
    "SPECRP": ("em_res_power", "em_res_power"),
    "TIMERES": ("t_resolution", "t_resolution"),
}
CALIBS = ("0", "1", "2", "3", "4")
POLS = ("I", "Q", "U", "V", "RR", "LL", "RL", "LR", "XX", "YY", "XY", "YX", "POLI", "POLA")
FITS_TYPES = ("application/fits", "image/fits", "fits")
MAX_TESTS = 200_000  # characters of conditions: some thousand positions, which the engine still plans in a second
RESOURCES = (Resource("SIA#query-2.0", "query", "2.0"),)
WORDS = {
    "ID": "obs_publisher_did",
    "COLLECTION": "obs_collection",
    "FACILITY": "facility_name",
    "INSTRUMENT": "instrument_name",
    "DPTYPE": "dataproduct_type",
    "DPSUBTYPE": "dataproduct_subtype",
    "TARGET": "target_name",
}


def sia_adql(asked: Parameters, table: str = "ivoa.ObsCore") -> str:
    """The query. Values of one parameter are alternatives, parameters narrow each other (SIA 2.0, section 2.1).

    Raises UsageError for a value that is not understood.
    """
    tests = []
    if places := asked.all("POS"):
        tests.append(" OR ".join(_position(text) for text in places))
    for name, (low, high) in RANGES.items():
        if values := asked.all(name):
            tests.append(" OR ".join(_overlap(name, text, low, high) for text in values))
    for name, column in WORDS.items():
        if values := asked.all(name):
            tests.append(" OR ".join(f"{column} = '{_quoted(text)}'" for text in values))
    if values := [text for text in asked.all("FORMAT") if text.strip() not in ("*", "")]:
        tests.append(" OR ".join(_format(text.strip()) for text in values))
    if values := asked.all("CALIB"):
        if not all(text.strip() in CALIBS for text in values):
            raise UsageError("CALIB must be a whole number from 0 to 4.")
        tests.append(" OR ".join(f"calib_level = {int(text)}" for text in values))
    if values := asked.all("POL"):
        if wrong := [text for text in values if text.strip().upper() not in POLS]:
            raise UsageError(f"POL cannot be {wrong[0][:40]!r}.", f"Use one of: {', '.join(POLS)}.")
        tests.append("1 = 0")  # no image here tells of polarisation
    if sum(map(len, tests)) > MAX_TESTS:
        raise UsageError("These are too many values for one search.", "Ask for fewer at a time.")
    where = " AND ".join(f"({test})" for test in tests)
    return f"SELECT * FROM {table}" + (f" WHERE {where}" if where else "")


def _format(text: str) -> str:
    """Rows lead to links, and the links to FITS: both are what the images come in."""
    if text.lower() in FITS_TYPES:
        return f"access_format = '{LINKS_TYPE}'"
    return f"access_format = '{_quoted(text)}'"


def _position(text: str) -> str:
    shape, *words = text.split(maxsplit=2 * MAX_VERTICES + 1) or [""]
    if len(words) > 2 * MAX_VERTICES:
        raise UsageError(f"A region may have {MAX_VERTICES} corners and no more.")
    numbers = _numbers(words, text)
    if shape.upper() == "CIRCLE" and len(numbers) == 3:
        return f"INTERSECTS(CIRCLE('ICRS', {_list(numbers)}), s_region) = 1"
    if shape.upper() == "POLYGON" and len(numbers) >= 6 and len(numbers) % 2 == 0:
        return f"INTERSECTS(POLYGON('ICRS', {_list(numbers)}), s_region) = 1"
    if shape.upper() == "RANGE" and len(numbers) == 4:
        return _in_range(*numbers)
    raise UsageError(f"POS={text[:80]!r} is not understood.", "Use CIRCLE ra dec radius, POLYGON or RANGE, in degrees.")


def _in_range(ra0: float, ra1: float, dec0: float, dec1: float) -> str:
    """Whether the circle about an image reaches into a range of coordinates; its limits may be infinite."""
    if ra0 > ra1 or dec0 > dec1:
        raise UsageError("POS=RANGE needs the lower limits first: ra1 ra2 dec1 dec2, in degrees.")
    tests = []
    if math.isfinite(dec0):
        tests.append(f"s_dec + s_fov / 2 >= {dec0!r}")
    if math.isfinite(dec1):
        tests.append(f"s_dec - s_fov / 2 <= {dec1!r}")
    if ra1 - ra0 < 360:
        # An image at RA 359.9 reaches beyond 0: its distance to the middle is taken around the circle.
        reach = "s_fov / (2 * COS(RADIANS(s_dec)))"
        if math.isfinite(ra1 - ra0):
            away = f"ABS(MOD(s_ra - {(ra0 + ra1) / 2!r} + 900, 360) - 180)"
            tests.append(f"{away} <= {(ra1 - ra0) / 2!r} + {reach}")
        elif math.isfinite(ra0):
            tests.append(f"s_ra + {reach} >= {ra0!r}")
        else:
            tests.append(f"s_ra - {reach} <= {ra1!r}")
    return f"({' AND '.join(tests) or '1 = 1'})"


def _overlap(name: str, text: str, low: str, high: str) -> str:
    numbers = _numbers(text.split(), text)
    if len(numbers) not in (1, 2):
        raise UsageError(f"{name} takes one or two numbers, not {text[:80]!r}.")
    tests = []
    if math.isfinite(numbers[-1]):
        tests.append(f"{low} <= {numbers[-1]!r}")
    if math.isfinite(numbers[0]):
        tests.append(f"{high} >= {numbers[0]!r}")
    return f"({' AND '.join(tests) or '1 = 1'})"


def _numbers(words: list[str], text: str) -> list[float]:
    try:
        numbers = [float(word) for word in words]
    except ValueError:
        raise UsageError(f"{text[:80]!r} holds something that is no number.") from None
    if any(map(math.isnan, numbers)):
        raise UsageError(f"{text[:80]!r} holds something that is no number.")
    return numbers


def _list(numbers: list[float]) -> str:
    if not all(map(math.isfinite, numbers)):
        raise UsageError("A region must be made of finite numbers.")
    return ", ".join(map(repr, numbers))


def _quoted(text: str) -> str:
    return text.replace("'", "''")


def described(url: str) -> Service:
    """What the service at ``url`` takes, for answers to MAXREC=0 (SIA 2.0, section 2.1)."""

    def real(name: str, size: str, unit: str, ucd: str, about: str, xtype: str = "") -> Param:
        return Param(name, "", "double", size, unit, ucd, "", about, (), xtype)

    spans = (
        ("BAND", "m", "em.wl", "Wavelength"),
        ("TIME", "d", "time.interval;obs.exposure", "MJD, UTC"),
        ("FOV", "deg", "phys.angSize;instr.fov", "Width of the image"),
        ("SPATRES", "arcsec", "pos.angResolution", "Seeing"),
        ("SPECRP", "", "spect.resolution", "Resolving power"),
        ("EXPTIME", "s", "time.duration;obs.exposure", "Exposure time"),
        ("TIMERES", "s", "time.resolution", "Time resolution"),
    )
    choices = {"CALIB": CALIBS, "DPTYPE": ("image", "cube"), "POL": POLS}
    words = (*WORDS, "CALIB", "POL", "FORMAT")
    inputs = (
        Param("POS", "", "char", "*", ucd="obs.field", description="CIRCLE, POLYGON or RANGE in ICRS degrees"),
        *(real(name, "2", unit, ucd, about, "interval") for name, unit, ucd, about in spans),
        *(Param(name, "", "char", "*", options=choices.get(name, ())) for name in words),
        Param("MAXREC", str(MAX_ROWS), "int", description="Most rows of an answer"),
        Param("RESPONSEFORMAT", "", "char", "*"),
    )
    return Service(url, STANDARD + RESOURCES[0].standard, id="query", description="Image search", inputs=inputs)


class DescribedQuery(Query):
    """A query without rows whose result also says what the service at ``about`` takes."""

    about = ""

    def open(self) -> TableMeta:
        self.meta = super().open()
        self.meta = replace(self.meta, services=(described(self.about), *self.meta.services))
        return self.meta


class SearchHandler(QueryHandler):
    """/api/sia[/<release>]/query"""

    def initialize(self, archive: Archive) -> None:  # type: ignore[override]
        super().initialize(archive, sia_adql)

    async def get(self, release: str | None = None) -> None:
        self.release = release or ""
        await super().get()

    async def post(self, release: str | None = None) -> None:
        await self.get(release)

    def form_of(self, asked: Parameters) -> Format:
        """By RESPONSEFORMAT alone: FORMAT is about the images here."""
        return wanted_format(Parameters([("RESPONSEFORMAT", asked.get("RESPONSEFORMAT"))]))

    def _query(self, asked: Parameters) -> Query:
        rows = max_rows(asked.get("MAXREC"), MAX_ROWS)
        adql = sia_adql(asked, TABLES.get(self.release, "ivoa.ObsCore"))
        bounds = Bounds(rows, self.archive.limits.sync_seconds, self.base)
        if rows:
            return Query(self.archive.store, adql, bounds)
        query = DescribedQuery(self.archive.store, adql, bounds)
        query.about = f"{self.base}/api/sia{f'/{self.release}' if self.release else ''}/query"
        return query


def routes(archive: Archive) -> list[tuple]:
    options = {"archive": archive}
    documents = {"archive": archive, "resources": RESOURCES}
    return [
        (r"/api/sia(?:/(dp\w+))?/query/?", SearchHandler, options),
        (r"/api/(sia(?:/dp\w+)?)/(capabilities|availability)/?", DocumentHandler, documents),
    ]
