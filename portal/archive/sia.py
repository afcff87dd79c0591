"""SIA 2.0: images by position, band, time and the like. Its parameters become one ADQL query over ivoa.ObsCore."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from .datalink_web import QueryHandler
from .handler import ServiceHandler
from .params import Parameters, UsageError
from .query import Bounds, Query
from .tap import max_rows
from .vosi import availability_xml

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
    if values := asked.all("CALIB"):
        if not all(text in ("0", "1", "2", "3", "4") for text in values):
            raise UsageError("CALIB must be a whole number from 0 to 4.")
        tests.append(" OR ".join(f"calib_level = {text}" for text in values))
    if asked.all("POL"):
        raise UsageError("These images hold no polarisation.", "Leave POL out.")
    where = " AND ".join(f"({test})" for test in tests)
    return f"SELECT * FROM {table}" + (f" WHERE {where}" if where else "")


def _position(text: str) -> str:
    shape, *words = text.split()
    numbers = _numbers(words, text)
    if shape.upper() == "CIRCLE" and len(numbers) == 3:
        return f"INTERSECTS(CIRCLE('ICRS', {_list(numbers)}), s_region) = 1"
    if shape.upper() == "POLYGON" and len(numbers) >= 6 and len(numbers) % 2 == 0:
        return f"INTERSECTS(POLYGON('ICRS', {_list(numbers)}), s_region) = 1"
    if shape.upper() == "RANGE" and len(numbers) == 4:
        return _in_range(*numbers)
    raise UsageError(f"POS={text!r} is not understood.", "Use CIRCLE ra dec radius, in degrees.")


def _in_range(ra0: float, ra1: float, dec0: float, dec1: float) -> str:
    """Whether the circle about an image reaches into a range of coordinates; its limits may be infinite."""
    if ra0 > ra1 or dec0 > dec1:
        raise UsageError("POS=RANGE needs the lower limits first: ra1 ra2 dec1 dec2, in degrees.")
    tests = []
    for centre, reach, low, high in (
        ("s_ra", "s_fov / (2 * COS(RADIANS(s_dec)))", ra0, ra1),
        ("s_dec", "s_fov / 2", dec0, dec1),
    ):
        if math.isfinite(low):
            tests.append(f"{centre} + {reach} >= {low!r}")
        if math.isfinite(high):
            tests.append(f"{centre} - {reach} <= {high!r}")
    return f"({' AND '.join(tests) or '1 = 1'})"


def _overlap(name: str, text: str, low: str, high: str) -> str:
    numbers = _numbers(text.split(), text)
    if len(numbers) not in (1, 2):
        raise UsageError(f"{name} takes one or two numbers, not {text!r}.")
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
        raise UsageError(f"{text!r} holds something that is no number.") from None
    if any(map(math.isnan, numbers)):
        raise UsageError(f"{text!r} holds something that is no number.")
    return numbers


def _list(numbers: list[float]) -> str:
    if not all(map(math.isfinite, numbers)):
        raise UsageError("A region must be made of finite numbers.")
    return ", ".join(map(repr, numbers))


def _quoted(text: str) -> str:
    return text.replace("'", "''")


def capabilities_xml(url: str) -> str:
    """VOSI capabilities of one SIA service at ``url``, which ends before /query."""
    one = "<capability standardID='ivo://ivoa.net/std/{0}'><interface role='std' xsi:type='vs:ParamHTTP'{1}>" \
          "<accessURL use='{2}'>{3}</accessURL></interface></capability>"  # fmt: skip
    parts = (
        ("VOSI#capabilities", "", "full", "capabilities"),
        ("VOSI#availability", "", "full", "availability"),
        ("SIA#query-2.0", " version='2.0'", "base", "query"),
    )
    return (
        "<?xml version='1.0' encoding='UTF-8'?>\n"
        "<vosi:capabilities xmlns:vosi='http://www.ivoa.net/xml/VOSICapabilities/v1.0'"
        " xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance'"
        " xmlns:vs='http://www.ivoa.net/xml/VODataService/v1.1'>"
        + "".join(one.format(standard, more, use, escape(f"{url}/{end}")) for standard, more, use, end in parts)
        + "</vosi:capabilities>"
    )


class SearchHandler(QueryHandler):
    """/api/sia[/<release>]/query"""

    def initialize(self, archive: Archive) -> None:  # type: ignore[override]
        super().initialize(archive, sia_adql)

    async def get(self, release: str | None = None) -> None:
        self.release = release or ""
        await super().get()

    async def post(self, release: str | None = None) -> None:
        await self.get(release)

    def _query(self, asked: Parameters) -> Query:
        rows = max_rows(asked.get("MAXREC"), MAX_ROWS)
        adql = sia_adql(asked, TABLES.get(self.release, "ivoa.ObsCore"))
        return Query(self.archive.store, adql, Bounds(rows, self.archive.limits.sync_seconds, self.base))


class DocumentHandler(ServiceHandler):
    """/api/sia[/<release>]/capabilities and /availability"""

    async def get(self, release: str | None, name: str) -> None:
        self.set_header("Content-Type", "text/xml; charset=utf-8")
        url = f"{self.base}/api/sia" + (f"/{release}" if release else "")
        self.write(capabilities_xml(url) if name == "capabilities" else availability_xml(self.archive.up_since))


def routes(archive: Archive) -> list[tuple]:
    options = {"archive": archive}
    return [
        (r"/api/sia(?:/(dp\w+))?/query/?", SearchHandler, options),
        (r"/api/sia(?:/(dp\w+))?/(capabilities|availability)/?", DocumentHandler, options),
    ]
