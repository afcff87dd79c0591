"""Which columns of a table hold positions, whatever their names and units, and those positions in ICRS degrees."""

from __future__ import annotations

import re
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from portal.table.columns import Column, TableMeta
from portal.table.foreign.sexagesimal import angle, is_sexagesimal
from portal.table.foreign.sphere import to_icrs

PAIRS = (  # patterns of names without case, the frame they say; the first pair found is taken
    ("coord_?ra", "coord_?dec", "icrs"),
    ("ra_?icrs", "de(?:c|cl)?_?icrs", "icrs"),
    ("ra", "dec?l?", "icrs"),
    ("_?ra_?j?2000", "_?de(?:c|cl)?_?j?2000", "fk5"),
    ("s_ra", "s_dec", "icrs"),
    ("ra_?(?:deg|degrees)", "dec?_?(?:deg|degrees)", "icrs"),
    ("(?:.*_)?ra(?:_?mean)?", "(?:.*_)?dec(?:_?mean)?", "icrs"),
    ("mean_?ra|ra_?mean", "mean_?dec|dec_?mean", "icrs"),
    ("right_?ascension", "declination", "icrs"),
    ("alpha_?j?2000|alpha", "delta_?j?2000|delta", "fk5"),
    ("x_world|alphawin_j2000", "y_world|deltawin_j2000", "icrs"),
    ("ra_?b?1950", "de(?:c|cl)?_?b?1950", "fk4"),
    ("_?ra|raj", "_?dec?|decj", "icrs"),
    ("glon|gal_?lon|gal_?l", "glat|gal_?lat|gal_?b", "galactic"),
    ("l", "b", "galactic"),
    ("elon|ecl_?lon|lambda", "elat|ecl_?lat|beta", "ecliptic"),
)
UCDS = (
    ("pos.eq.ra", "pos.eq.dec", "icrs"),
    ("pos_eq_ra", "pos_eq_dec", "icrs"),
    ("pos.galactic.lon", "pos.galactic.lat", "galactic"),
    ("pos.ecliptic.lon", "pos.ecliptic.lat", "ecliptic"),
)
UNITS = {
    "deg": "deg", "degree": "deg", "degrees": "deg", "d": "deg", "°": "deg", "rad": "rad", "radian": "rad",
    "hourangle": "hourangle", "hour": "hourangle", "hours": "hourangle", "h": "hourangle", "hr": "hourangle",
    "arcsec": "", "arcmin": "", "mas": "", "pix": "", "pixel": "",
}  # fmt: skip
FRAMES = {"icrs": "icrs", "fk5": "fk5", "eq_fk5": "fk5", "fk4": "fk4", "eq_fk4": "fk4"}


class Positions(NamedTuple):
    """The two columns of positions. ``unit`` is deg, hourangle (of ``ra`` only), rad or sexagesimal.

    ``frame`` is icrs, fk5, fk4, galactic or ecliptic; for the last two ``ra`` and ``dec`` name longitude and latitude.
    ``notes`` say in sentences what the guess leans on.
    """

    ra: str
    dec: str
    unit: str = "deg"
    frame: str = "icrs"
    notes: tuple[str, ...] = ()


def guess_positions(meta: TableMeta, sample: pa.Table | None = None) -> Positions | None:
    """The columns of positions by UCD, then by name; None when there are none.

    ``sample`` (some rows, as ``preview`` gives) lets columns of text count when they read as sexagesimal.
    """
    columns = [item for item in meta.columns if _may_be(item, sample)]
    for main in (True, False):
        for ra, dec, frame in UCDS:
            pair = _by_ucd(columns, ra, main), _by_ucd(columns, dec, main)
            if all(pair):
                return _positions(meta, *pair, _frame(meta, pair[0], frame), sample, f"by their UCD ({ra})")
    for ra, dec, frame in PAIRS:
        pair = _by_name(columns, ra), _by_name(columns, dec)
        if all(pair) and pair[0] is not pair[1]:
            return _positions(meta, *pair, _frame(meta, pair[0], frame), sample, "by their names")
    return None


def _may_be(column: Column, sample: pa.Table | None) -> bool:
    if column.is_array or UNITS.get(column.unit.strip().lower(), "deg") == "":
        return False
    if column.is_number:
        return column.datatype in ("float", "double", "int", "long", "short")
    return column.is_text and _is_sexagesimal(column, sample)


def _is_sexagesimal(column: Column, sample: pa.Table | None) -> bool:
    if sample is None or column.name not in sample.column_names:
        return False
    cells = [cell for cell in sample[column.name].slice(0, 50).to_pylist() if cell]
    return bool(cells) and all(is_sexagesimal(cell) for cell in cells)


def _by_ucd(columns: list[Column], wanted: str, main: bool) -> Column | None:
    for item in columns:
        words = [word.strip() for word in item.ucd.lower().split(";")]
        # A leading stat.error is the error of a position, not a position.
        old = words[0] == f"{wanted}_main"
        if (words[0] == wanted and (not main or "meta.main" in words)) or old:
            return item
    return None


def _by_name(columns: list[Column], pattern: str) -> Column | None:
    found = [item for item in columns if re.fullmatch(pattern, item.name, re.IGNORECASE)]
    return min(found, key=lambda item: len(item.name)) if found else None


def _frame(meta: TableMeta, column: Column, default: str) -> str:
    for system in meta.coosys:
        if system.get("ID") and system["ID"] == column.ref and default in ("icrs", "fk5", "fk4"):
            return FRAMES.get(system.get("system", "").lower(), default)
    return default


def _positions(meta: TableMeta, ra: Column, dec: Column, frame: str, sample: pa.Table | None, why: str) -> Positions:
    notes = [f"{ra.name} and {dec.name} were found {why}."]
    if ra.is_text or dec.is_text:
        return Positions(ra.name, dec.name, "sexagesimal", frame, (*notes, "They are sexagesimal."))
    unit = UNITS.get(ra.unit.strip().lower(), "")
    if not unit:
        unit = "deg"
        if not ra.unit:
            notes.append("No unit is given; degrees are assumed.")
            if sample is not None and _largest(sample, ra.name) <= 24 and "ra" in ra.name.lower():
                notes.append("All right ascensions shown are at most 24: they may be hours.")
    if frame != "icrs":
        notes.append(f"They are taken to be in {frame.upper() if frame.startswith('fk') else frame} coordinates.")
    return Positions(ra.name, dec.name, unit, frame, tuple(notes))


def _largest(sample: pa.Table, name: str) -> float:
    return pc.max(sample[name]).as_py() or 0.0 if name in sample.column_names else 360.0


def degrees(table: pa.Table, positions: Positions) -> tuple[np.ndarray, np.ndarray]:
    """ICRS (ra, dec) in degrees, float64, NaN where a cell is null or no position."""
    if positions.unit == "sexagesimal":
        ra, dec = (_angles(table[name], at == 0 and positions.frame in ("icrs", "fk5", "fk4"))
                   for at, name in enumerate(positions[:2]))  # fmt: skip
    else:
        ra, dec = (_floats(table[name]) for name in positions[:2])
        if positions.unit == "rad":
            ra, dec = np.degrees(ra), np.degrees(dec)
        elif positions.unit == "hourangle":
            ra = ra * 15.0
    bad = ~(np.isfinite(ra) & np.isfinite(dec) & (np.abs(dec) <= 90))
    ra, dec = np.where(bad, np.nan, ra), np.where(bad, np.nan, dec)
    return to_icrs(ra, dec, positions.frame)


def _floats(column: pa.ChunkedArray) -> np.ndarray:
    return pc.fill_null(pc.cast(column, pa.float64(), safe=False), np.nan).to_numpy()


def _angles(column: pa.ChunkedArray, hours: bool) -> np.ndarray:
    out = np.full(len(column), np.nan)
    if not pa.types.is_string(column.type):
        return _floats(column) * (15.0 if hours else 1.0)
    for at, cell in enumerate(column.to_pylist()):
        try:
            out[at] = angle(cell, hours) if cell else np.nan
        except ValueError:
            continue  # no position: it stays NaN
    return out
