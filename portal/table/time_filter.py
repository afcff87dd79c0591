"""Comparisons of times held as text (ISO 8601, as xtype timestamp) with dates of any precision.

``2025-02`` means all of that month: ``<= 2025-02`` keeps its last second, ``> 2025-02`` begins in March.
"""

from __future__ import annotations

import re

from portal.table.columns import Column
from portal.table.names import quoted

TIME = re.compile(
    r"\d{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01])([T ]([01]\d|2[0-3])(:[0-5]\d(:([0-5]\d|60)(\.\d{1,9})?)?)?)?)?)?Z?",
    re.ASCII,
)
AFTER = "~"  # sorts after every character of a time: what begins with a time lies before that time + AFTER


def is_time(column: Column) -> bool:
    """Whether a text column holds times: by xtype, or by UCD."""
    said = column.xtype.lower() in ("timestamp", "adql:timestamp", "iso8601") or column.ucd.lower().startswith("time.")
    return column.is_text and said


def time_filter(column: Column, sign: str, text: str) -> str:
    """SQL for a time or a range of times; "" when the text is neither."""
    low, between, high = text.partition("..")
    if between and not sign:
        bounds = [_time(low), _time(high)]
        if (low.strip() and not bounds[0]) or (high.strip() and not bounds[1]) or not any(bounds):
            return ""
        parts = [f"{_value(column)} >= '{bounds[0]}'"] if bounds[0] else []
        parts += [f"{_value(column)} < '{bounds[1]}{AFTER}'"] if bounds[1] else []
        return "(" + " AND ".join(parts) + ")"
    time = _time(text)
    if not time:
        return ""
    value, end = _value(column), f"'{time}{AFTER}'"
    if sign in ("<", ">="):
        return f"{value} {sign} '{time}'"
    if sign in ("<=", ">"):
        return f"{value} {'<' if sign == '<=' else '>='} {end}"
    within = f"({value} >= '{time}' AND {value} < {end})"
    return f"(NOT {within})" if sign in ("!", "!=", "<>") else within


def _time(text: str) -> str:
    """The time as it is written in ISO 8601, "" for anything else. The zone is left out: it ends what is compared."""
    found = TIME.fullmatch(text.strip())
    return found.group().replace(" ", "T").removesuffix("Z") if found else ""


def _value(column: Column) -> str:
    """The column with T between date and time, as some services write a blank."""
    return f"replace({quoted(column.name)}, ' ', 'T')"
