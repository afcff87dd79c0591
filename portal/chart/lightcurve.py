"""A light curve out of the rows of a forced-photometry or difference-detection table: one curve per band.

Knows the names Rubin gives to times, fluxes and bands, and how a flux in nJy becomes an AB magnitude or a limit.
No row is dropped silently: what cannot be placed is counted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from portal.chart.bands import order_of
from portal.errors import FormatError
from portal.table.columns import Column, TableMeta

ZERO_POINT = 31.4
"""AB magnitude of 1 nJy."""
POGSON = 2.5 / np.log(10.0)
"""1.0857: error of a magnitude per relative error of the flux."""
DETECTION = 5.0
"""Below this signal to noise a magnitude is shown as a limit."""

TIMES = ("expmidptmjd", "midpointmjdtai", "midpointtai", "obsstartmjd", "mjd", "time")
BAND_NAMES = ("band", "filtername", "lsst_band", "filter", "physical_filter")
BAND_UCDS = ("meta.id;instr.filter", "meta.id;instr.bandpass", "instr.filter", "instr.bandpass")
IDS = ("objectid", "diaobjectid", "ssobjectid")
UNIT_NJY = {"": 1.0, "nJy": 1.0, "uJy": 1e3, "mJy": 1e6, "Jy": 1e9}

DIRECT, DIFFERENCE = "direct", "difference"
FORCED_FLUXES = {DIRECT: ("psfflux", "scienceflux", "totflux", "apflux", "flux"), DIFFERENCE: ("psfdiffflux",)}
# Among detections on difference images the plain name means the difference.
DETECTED_FLUXES = {DIRECT: ("scienceflux", "totflux"), DIFFERENCE: ("psfflux", "psflux", "apflux")}
DETECTION_IDS = ("diasourceid", "scienceflux", "totflux")


class Magnitudes(NamedTuple):
    """``limit`` marks values that are 5-sigma lower limits (fainter than); NaN where neither can be given."""

    mag: np.ndarray
    err: np.ndarray
    limit: np.ndarray


@dataclass(frozen=True)
class BandCurve:
    """One band, in order of time. ``mjd`` in days (TAI), ``flux`` and ``err`` in nJy, ``row`` in the source table."""

    band: str
    mjd: np.ndarray
    flux: np.ndarray
    err: np.ndarray
    visit: tuple[str, ...]
    flagged: np.ndarray
    row: np.ndarray

    def magnitudes(self) -> Magnitudes:
        return to_mag(self.flux, self.err)


@dataclass(frozen=True)
class Series:
    """One flux of an object in all its bands. ``unplaced`` rows had no time or no flux of this kind."""

    flux_name: str
    bands: tuple[BandCurve, ...]
    unplaced: int = 0

    @property
    def n(self) -> int:
        return sum(band.mjd.size for band in self.bands)


@dataclass(frozen=True)
class LightCurve:
    """One object: its fluxes on the visit images ("direct"), on difference images ("difference"), or both."""

    object_id: str
    series: dict[str, Series]

    @property
    def n(self) -> int:
        return max((series.n for series in self.series.values()), default=0)


def to_mag(flux: np.ndarray, err: np.ndarray) -> Magnitudes:
    """AB magnitudes of fluxes in nJy: 31.4 − 2.5 log10(f), error 1.0857 σ/f.

    A flux of 0 or less, or of S/N below 5, becomes a limit: the magnitude of the larger of 5 σ and the flux.
    """
    flux, err = np.asarray(flux, np.float64), np.asarray(err, np.float64)
    known = np.isfinite(err) & (err > 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        limit = np.where(known, ~(flux >= DETECTION * err), ~(flux > 0)) & np.isfinite(flux)
        bright = np.where(limit, np.where(known, np.maximum(DETECTION * err, flux), np.nan), flux)
        mag = ZERO_POINT - 2.5 * np.log10(bright)
        sigma = np.where(limit | ~known, np.nan, POGSON * err / flux)
    return Magnitudes(mag, sigma, limit)


def flux_columns(meta: TableMeta) -> dict[str, str]:
    """The flux column of each kind the table has: "direct", "difference"."""
    numbers = {c.name.lower(): c.name for c in meta.columns if c.is_number}
    wanted = DETECTED_FLUXES if any(name in numbers for name in DETECTION_IDS) else FORCED_FLUXES
    found = {kind: next((numbers[name] for name in names if name in numbers), "") for kind, names in wanted.items()}
    if not any(found.values()):
        found[DIRECT] = next(
            (
                c.name
                for c in meta.columns
                if c.is_number and (c.ucd.startswith("phot.flux") or c.name.endswith("Flux"))
            ),
            "",
        )
    return {kind: name for kind, name in found.items() if name}


def read_curve(table: pa.Table, meta: TableMeta | None = None) -> LightCurve:
    """The curve of the rows of one object. Rows without band come under "?".

    FormatError when the table has no column of times or none of fluxes.
    """
    meta = meta or TableMeta.from_schema(table.schema)
    time = find(meta, TIMES, ("time.epoch", "time.start"))
    if time is None:
        raise FormatError("This table has no time column.", "A light curve needs one like expMidptMJD.")
    fluxes = flux_columns(meta)
    if not fluxes:
        raise FormatError("This table has no flux column.", "A light curve needs one like psfFlux or psfDiffFlux.")
    names = {c.name.lower(): c for c in meta.columns}
    band = find(meta, BAND_NAMES, BAND_UCDS)
    visit = names.get("visit") or names.get("visitid") or names.get("ccdvisitid")
    mjd = numbers_of(table, time.name)
    bands = np.array(texts_of(table, band.name) if band else ["?"] * table.num_rows, dtype=object)
    visits = texts_of(table, visit.name) if visit else [""] * table.num_rows
    series = {kind: read_series(table, meta.column(flux), names, mjd, bands, visits) for kind, flux in fluxes.items()}
    return LightCurve(id_of(table, names), series)


def read_series(
    table: pa.Table,
    flux: Column,
    names: dict[str, Column],
    mjd: np.ndarray,
    bands: np.ndarray,
    visits: list[str],
) -> Series:
    """One flux column with its error and flag, if it has them, split by band and put in order of time."""
    error, flag = names.get(f"{flux.name.lower()}err"), names.get(f"{flux.name.lower()}_flag")
    values = numbers_of(table, flux.name) * UNIT_NJY.get(flux.unit, 1.0)
    sigma = np.full(values.size, np.nan)
    if error:
        sigma = numbers_of(table, error.name) * UNIT_NJY.get(error.unit, 1.0)
    flagged = truth_of(table, flag.name) if flag else np.zeros(values.size, bool)
    placed = np.isfinite(mjd) & np.isfinite(values)
    curves = []
    for name in sorted(set(bands[placed]), key=order_of):
        rows = np.flatnonzero(placed & (bands == name))
        rows = rows[np.argsort(mjd[rows], kind="stable")]
        seen = tuple(visits[row] for row in rows)
        curves.append(BandCurve(name, mjd[rows], values[rows], sigma[rows], seen, flagged[rows], rows))
    return Series(flux.name, tuple(curves), int(values.size - placed.sum()))


def find(meta: TableMeta, names: tuple[str, ...], ucds: tuple[str, ...]) -> Column | None:
    """A column by one of the names (case does not count, the first name wins), else by the beginning of its UCD."""
    by_name = {column.name.lower(): column for column in reversed(meta.columns)}
    for name in names:
        if name in by_name:
            return by_name[name]
    return next((column for column in meta.columns if column.ucd.startswith(ucds)), None)


def numbers_of(table: pa.Table, name: str) -> np.ndarray:
    """The column as float64, nulls as NaN."""
    return pc.cast(table[name], pa.float64()).to_numpy(zero_copy_only=False).astype(np.float64)


def truth_of(table: pa.Table, name: str) -> np.ndarray:
    """The column as booleans, nulls as False; a number is true when it is not 0."""
    values = table[name]
    if not pa.types.is_boolean(values.type):
        values = pc.not_equal(pc.cast(values, pa.float64()), 0.0) if not pa.types.is_string(values.type) else None
    if values is None:
        return np.zeros(table.num_rows, bool)
    return pc.fill_null(values, False).to_numpy(zero_copy_only=False).astype(bool)


def texts_of(table: pa.Table, name: str) -> list[str]:
    """The column as text, whole numbers exact, nulls as "?"."""
    return [text.strip() or "?" for text in pc.fill_null(pc.cast(table[name], pa.string()), "?").to_pylist()]


def id_of(table: pa.Table, names: dict[str, Column]) -> str:
    """The object's identifier as text when all rows have the same, else ""."""
    for name in IDS:
        if name in names and table.num_rows:
            found = pc.unique(table[names[name].name].combine_chunks())
            return str(found[0].as_py()) if len(found) == 1 and found[0].is_valid else ""
    return ""
