"""What a chart puts on its axes: an expression each, its label with unit, its direction and its scale.

Knows the conventions of astronomy: magnitudes grow downwards, right ascension grows to the left, ids are never drawn.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from portal.table.columns import Column, TableMeta

TIME_NAMES = ("expmidptmjd", "midpointmjdtai", "midpointtai", "mjd", "obsstartmjd", "t_min", "time")
RA_NAMES = ("coord_ra", "ra", "s_ra", "raj2000", "ra_icrs")
DEC_NAMES = ("coord_dec", "dec", "decl", "s_dec", "dej2000", "de_icrs")
COUNTERS = re.compile(r"(tract|patch|visit|visitid|detector|row|index|n[A-Z]\w*|\w*flag\w*|\w*count)(_\d)?")
# In mag, yet no brightness: colours, amplitudes, extinctions. Bright is not up for these.
NO_BRIGHTNESS = re.compile(
    r"(?:[ugrizy]_?(?:minus|m)?_?[ugrizy]|.*(?:colou?r|amplitude|extinction).*|ebv|a_?v)", re.IGNORECASE
)
MAGNITUDE = re.compile(r"(\w*_)?\w*mag(nitude)?(_?(ab|auto|psf|lim))?", re.IGNORECASE)
ERROR = re.compile(r"(\w*(err|error|sigma|unc|cov)(_\w+)?|e_\w+)", re.IGNORECASE)
WORDS = re.compile(r'"(?:[^"]|"")*"|[A-Za-z_][\w$]*')
FUNCTIONS = re.compile(r"[A-Za-z_]\w*\s*\(")
FROM_FLUX = re.compile(r"-\s*2\.50*\s*\*\s*log(10)?\s*\(", re.IGNORECASE)


class Axis(NamedTuple):
    """One axis. ``flipped``: its values grow to the left or downwards."""

    expression: str
    label: str
    flipped: bool = False
    log: bool = False


class ChartSpec(NamedTuple):
    """Both axes of a chart."""

    x: Axis
    y: Axis


def chart_spec(meta: TableMeta, x: str, y: str, x_log: bool = False, y_log: bool = False) -> ChartSpec:
    """The axes for two expressions over the table's columns; the expressions are not checked here."""
    return ChartSpec(axis(meta.columns, x, "x", x_log), axis(meta.columns, y, "y", y_log))


def axis(columns: Sequence[Column], expression: str, side: str, log: bool = False) -> Axis:
    """One axis on ``side`` "x" or "y". Magnitudes turn round on y alone, right ascension on x alone."""
    text = expression.strip()
    used = columns_in(text, columns)
    alone = used[0] if len(used) == 1 and bare_name(text) else None
    if side == "x":
        flipped = alone is not None and is_ra(alone)
    else:
        flipped = is_magnitude_expression(text, used)
    unit = alone.unit if alone else unit_of(text, used)
    shown = alone.name if alone else text
    return Axis(text, f"{shown} [{unit}]" if unit else shown, flipped, log)


def default_spec(meta: TableMeta) -> ChartSpec | None:
    """Two columns worth looking at first; None when the table has not two numbers that are not ids.

    In this order: time and flux, two magnitudes, two other measurements, right ascension and declination.
    """
    numbers = [c for c in meta.columns if c.is_number and not is_id(c)]
    measured = [c for c in numbers if not (is_error(c) or is_ra(c) or is_dec(c) or COUNTERS.fullmatch(c.name))]
    times = [c for c in numbers if is_time(c)]
    fluxes = [c for c in measured if is_flux(c)]
    mags = [c for c in measured if is_magnitude(c)]
    ra, dec = [c for c in numbers if is_ra(c)], [c for c in numbers if is_dec(c)]
    if times and fluxes:
        pair = [times[0], fluxes[0]]
    elif times and mags:
        pair = [times[0], mags[0]]
    elif len(mags) >= 2:
        pair = mags[:2]
    elif len(measured) >= 2:
        pair = measured[:2]
    elif ra and dec:
        pair = [ra[0], dec[0]]
    else:
        pair = (measured + [c for c in numbers if c not in measured])[:2]
    if len(pair) < 2:
        return None
    return chart_spec(meta, expression_of(pair[0].name), expression_of(pair[1].name))


def expression_of(name: str) -> str:
    """The column as an expression: quoted unless it is a plain word."""
    return name if re.fullmatch(r"[A-Za-z_]\w*", name) else '"' + name.replace('"', '""') + '"'


def bare_name(text: str) -> str:
    """The name when the expression is nothing but one (quoted) name."""
    if not WORDS.fullmatch(text):
        return ""
    return text[1:-1].replace('""', '"') if text.startswith('"') else text


def columns_in(text: str, columns: Sequence[Column]) -> list[Column]:
    """The columns an expression names, each as often as it is named. Case counts only where names differ by it."""
    exact = {column.name: column for column in columns}
    loose = {column.name.casefold(): column for column in reversed(columns)}
    functions = {match.start() for match in FUNCTIONS.finditer(text)}
    found = []
    for match in WORDS.finditer(text):
        name = bare_name(match[0])
        column = exact.get(name) or loose.get(name.casefold())
        if column and match.start() not in functions:
            found.append(column)
    return found


def is_magnitude_expression(text: str, used: Sequence[Column]) -> bool:
    """Whether the value is a magnitude: one magnitude, perhaps shifted, or made from a flux; a colour is none."""
    if FROM_FLUX.search(text):
        return len(FROM_FLUX.findall(text)) == 1 and not any(is_magnitude(c) for c in used)
    if len(used) != 1 or not is_magnitude(used[0]) or re.search(r"[*/(<>=]", text):
        return False
    return not re.search(r"-\s*$", text[: WORDS.search(text).start()])


def unit_of(text: str, used: Sequence[Column]) -> str:
    """The unit of sums and differences of columns of one unit; of anything else nothing is said."""
    if FROM_FLUX.search(text):
        return "mag"
    units = {column.unit for column in used}
    return units.pop() if len(units) == 1 and not re.search(r"[*/(<>=]", text) else ""


def is_id(column: Column) -> bool:
    whole = column.datatype in ("long", "int", "short", "unsignedByte")
    return column.ucd.startswith("meta.id") or (
        whole and not column.unit and bool(re.search(r"(Id|_id|^id)(_\d)?$|^source_id", column.name))
    )


def is_error(column: Column) -> bool:
    return column.ucd.startswith(("stat.error", "stat.covariance")) or bool(ERROR.fullmatch(column.name))


def is_magnitude(column: Column) -> bool:
    """By UCD, else by unit, else by name (services leave units of computed columns out)."""
    if is_error(column) or column.ucd.startswith("phot.color"):
        return False
    if column.ucd.startswith("phot.mag"):
        return True
    if column.unit:
        return column.unit == "mag" and not NO_BRIGHTNESS.fullmatch(column.name)
    return column.is_number and bool(MAGNITUDE.fullmatch(column.name))


def is_flux(column: Column) -> bool:
    return not is_error(column) and (
        column.ucd.startswith("phot.flux") or (column.unit in ("nJy", "uJy", "mJy", "Jy") and "lux" in column.name)
    )


def is_time(column: Column) -> bool:
    return column.ucd.startswith(("time.epoch", "time.start")) or column.name.lower() in TIME_NAMES


def is_ra(column: Column) -> bool:
    return column.ucd.startswith("pos.eq.ra") or (not column.ucd and column.name.lower() in RA_NAMES)


def is_dec(column: Column) -> bool:
    return column.ucd.startswith("pos.eq.dec") or (not column.ucd and column.name.lower() in DEC_NAMES)
