"""SIA 2.0: images by position, band, time and the like. Its parameters become one ADQL query over ivoa.ObsCore."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from .datalink_web import QueryHandler
from .params import Parameters, UsageError

if TYPE_CHECKING:
    from .app import Archive

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


def sia_adql(asked: Parameters, schemas: object = None) -> str:
    """The query. Values of one parameter are alternatives, parameters narrow each other (SIA 2.0, section 2.1)."""
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
    return "SELECT * FROM ivoa.ObsCore" + (f" WHERE {where}" if where else "")


def _position(text: str) -> str:
    shape, *words = text.split()
    numbers = _numbers(words, text)
    if shape.upper() == "CIRCLE" and len(numbers) == 3:
        return f"INTERSECTS(CIRCLE('ICRS', {_list(numbers)}), s_region) = 1"
    if shape.upper() == "POLYGON" and len(numbers) >= 6 and len(numbers) % 2 == 0:
        return f"INTERSECTS(POLYGON('ICRS', {_list(numbers)}), s_region) = 1"
    if shape.upper() == "RANGE" and len(numbers) == 4:
        ra0, ra1, dec0, dec1 = numbers
        return f"s_ra BETWEEN {ra0!r} AND {ra1!r} AND s_dec BETWEEN {dec0!r} AND {dec1!r}"
    raise UsageError(f"POS={text!r} is not understood.", "Use CIRCLE ra dec radius, in degrees.")


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


def routes(archive: Archive) -> list[tuple]:
    return [(r"/api/sia(?:/dp\w+)?/query/?", QueryHandler, {"archive": archive, "adql_of": sia_adql})]
