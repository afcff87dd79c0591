"""Links that open the page with something in it: the words Rubin's documentation uses, and our own ``?s=``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from .errors import QueryError

NAME = re.compile(r"^[A-Za-z_][A-Za-z0-9_.]*$")
ANGLE = re.compile(r"^\s*([0-9.]+)\s*(d|deg|m|'|s|\"|)\s*$", re.IGNORECASE)
PER_DEGREE = {"": 1.0, "d": 1.0, "deg": 1.0, "m": 60.0, "'": 60.0, "s": 3600.0, '"': 3600.0}
MAX_ADQL = 100_000


class Link(NamedTuple):
    """What a link asks for: a query to write, whether to run it, where to look (deg). ``problem`` when it is unfit."""

    adql: str = ""
    execute: bool = False
    ra: float | None = None
    dec: float | None = None
    fov: float | None = None
    survey: str = ""
    problem: str = ""


def angle(text: str) -> float:
    """Degrees from ``0.05``, ``0.05d``, ``3m`` (arcmin), ``10s`` (arcsec). Raises QueryError."""
    found = ANGLE.match(text)
    if not found:
        raise QueryError(f"{text!r} is not an angle.", "Write for example 0.05d, 3m or 10s.")
    return float(found[1]) / PER_DEGREE[found[2].lower()]


def read_link(arguments: Mapping[str, str], service: str) -> Link:
    """The link in the arguments of a page's address. Never raises: an unfit link says so in ``problem``."""
    try:
        return _read(arguments, service)
    except (QueryError, ValueError) as error:
        return Link(problem=f"The link cannot be followed: {error}")


def _number(arguments: Mapping[str, str], name: str, low: float, high: float) -> float | None:
    if not arguments.get(name):
        return None
    value = float(arguments[name])
    if not low <= value <= high:
        raise QueryError(f"{name}={arguments[name]} is not between {low:g} and {high:g}.")
    return value


def _read(arguments: Mapping[str, str], service: str) -> Link:
    kind = arguments.get("api", "").lower()
    ra, dec = _number(arguments, "ra", 0, 360), _number(arguments, "dec", -90, 90)
    size = angle(arguments["sr"]) if arguments.get("sr") else None
    if kind == "hips":
        return Link(ra=ra, dec=dec, fov=size, survey=arguments.get("uri", ""))
    if kind != "tap":
        return Link()
    execute = arguments.get("execute", "").lower() in ("true", "1", "yes")
    asked = arguments.get("service", "").rstrip("/")
    # Links in documents name their own platform; elsewhere the query is shown, not run, so that the user decides.
    if asked.startswith("http") and asked != service:
        execute = False
    adql = arguments.get("adql", "")[:MAX_ADQL]
    if not adql and arguments.get("table"):
        adql = _cone(arguments, ra, dec, size)
    return Link(adql, execute and bool(adql), ra, dec, size)


def _cone(arguments: Mapping[str, str], ra: float | None, dec: float | None, size: float | None) -> str:
    table = arguments["table"]
    if "." not in table and arguments.get("schema"):
        table = f"{arguments['schema']}.{table}"
    if not NAME.match(table):
        raise QueryError(f"{table!r} is not the name of a table.")
    adql = f"SELECT *\nFROM {table}"
    if ra is not None and dec is not None:
        columns = ("coord_ra", "coord_dec") if table.endswith((".Object", ".ForcedSource")) else ("ra", "dec")
        adql += (
            f"\nWHERE CONTAINS(POINT('ICRS', {columns[0]}, {columns[1]}),"
            f" CIRCLE('ICRS', {ra!r}, {dec!r}, {size or 0.01!r})) = 1"
        )
    return adql
