"""What the contact sheet shows: a rich piece of sky, one detection of each kind, one light curve of each class."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import numpy as np
from scipy.spatial import cKDTree

from portal.archive.sample.coadd import Field
from portal.archive.sample.lightcurves import CLASSES, PERIODIC

# Title, condition on (d: DiaSource, t: Truth of its place), and what is best.
KINDS = (
    ("supernova Ia", "t.class = 'SNIa' AND d.snr BETWEEN 15 AND 80", "abs(t.redshift - 0.15)"),
    ("supernova II", "t.class = 'SNII'", "-d.snr"),
    ("active nucleus", "t.class = 'AGN' AND d.snr < 60", "-d.snr"),
    ("RR Lyrae", "t.class = 'RRab' AND t.mag_r > 17.5 AND d.psfFlux < 0", "-d.snr"),
    ("asteroid", "d._origin = 4", "abs(d.snr - 40)"),
    ("noise peak", "d._origin = 1", "abs(d.snr - 8)"),
    ("dipole", "d._origin = 2 AND d.snr BETWEEN 6 AND 12", "-d.dipoleLength"),
    ("artefact", "d._origin = 3 AND d.snr > 6", "abs(d.snr - 12)"),
)
# Events are drawn as they go in time; the others over their phase.
EVENTS = tuple(name for name in CLASSES if name not in (*PERIODIC, "constant"))
DIFFERENCES = frozenset({"SNIa", "SNII", "SNIbc", "TDE"})


class Curve(NamedTuple):
    """Points of one source: MJD, flux and error (nJy), band of each, and its row of Truth."""

    truth: dict[str, Any]
    mjd: np.ndarray
    flux: np.ndarray
    error: np.ndarray
    band: np.ndarray


class Picks:
    """Chooses from the tables of one sample folder, hidden columns included."""

    def __init__(self, folder: Path) -> None:
        self._tables = folder / "tables"
        self._listed = json.loads((folder / "manifest.json").read_text())["tables"]
        self._engine = duckdb.connect()

    def rows(self, sql: str, *names: str) -> list[dict[str, Any]]:
        """Rows of ``sql``, in which ``{}`` stand for the tables ``names``."""
        sources = (f"read_parquet({[str(self._tables / f) for f in self._listed[name]['files']]})" for name in names)
        answer = self._engine.execute(sql.format(*sources))
        columns = [item[0] for item in answer.description]
        return [dict(zip(columns, row)) for row in answer.fetchall()]

    def rich_place(self, field: Field, radius_deg: float, rim_deg: float) -> tuple[float, float]:
        """Where bright galaxies of a field stand closest together, ICRS degrees, ``rim_deg`` inside it at least."""
        found = self.rows("SELECT ra, dec, mag_r FROM {} WHERE class = 'galaxy' AND mag_r < 21", "Truth")
        ra, dec, mag = (np.array([row[name] for row in found]) for name in ("ra", "dec", "mag_r"))
        place = np.stack([(ra - field.ra) * np.cos(np.radians(field.dec)), dec - field.dec], axis=1)
        inside = np.hypot(*place.T) < max(field.radius - rim_deg, 0.25 * field.radius)
        if not inside.any():
            return field.ra, field.dec
        ra, dec, mag, place = ra[inside], dec[inside], mag[inside], place[inside]
        near = cKDTree(place).query_ball_point(place, radius_deg)
        # Many galaxies rather than one very bright one.
        light = np.sqrt(np.minimum(10 ** (-0.4 * (mag - 21.0)), 20))
        best = int(np.argmax([light[index].sum() for index in near]))
        return float(ra[best]), float(dec[best])

    def detections(self) -> list[tuple[str, dict[str, Any]]]:
        """(title, DiaSource) of each kind the sample has."""
        columns = "d.visit, d.detector, d.band, d.ra, d.dec, d.snr, d.psfFlux, d.reliability"
        out = []
        for title, condition, best in KINDS:
            join = "LEFT JOIN (SELECT * FROM {} WHERE diaObjectId > 0) t ON t.diaObjectId = d.diaObjectId"
            inside = "d.x BETWEEN 60 AND 4010 AND d.y BETWEEN 60 AND 3940 AND d.band IN ('g', 'r', 'i')"
            sql = f"SELECT {columns} FROM {{}} d {join} WHERE {inside} AND ({condition}) ORDER BY {best} LIMIT 1"
            found = self.rows(sql, "DiaSource", "Truth")
            out += [(title, found[0])] if found else []
        return out

    def curve(self, name: str) -> Curve | None:
        """The light curve of the clearest source of a class; None when the sample has none that shows."""
        ident, table, flux = "objectId", "ForcedSource", "psfFlux"
        if name in DIFFERENCES:
            ident, table, flux = "diaObjectId", "ForcedSourceOnDiaObject", "psfDiffFlux"
        known = f"SELECT * FROM {{}} WHERE class = '{name}' AND {ident} > 0"
        points = f"SELECT {ident}, visit, band, {flux} AS flux, {flux}Err AS error FROM {{}} WHERE NOT {flux}_flag"
        sql = f"""
            WITH p AS ({points} AND {ident} IN (SELECT {ident} FROM ({known}))),
            m AS (SELECT {ident}, band, median(flux) AS usual FROM p GROUP BY ALL)
            SELECT {ident}, count(*) AS n, median(abs(flux) / error) AS snr, sum((flux > 5 * error)::INT) AS clear,
                   max(flux / usual) AS rise
            FROM p JOIN m USING ({ident}, band) GROUP BY ALL
        """
        found = self.rows(sql, table, "Truth")
        truth = {row[ident]: row for row in self.rows(known, "Truth")}
        if not found:
            return None
        best = max(found, key=lambda row: _clearness(name, row, truth[row[ident]]))[ident]
        sql = f"{points} AND {ident} = {best}"
        light = self.rows(
            f"SELECT p.*, v.expMidptMJD AS mjd FROM ({sql}) p JOIN {{}} v ON v.visit = p.visit ORDER BY mjd",
            table, "Visit",
        )  # fmt: skip
        columns = (np.array([row[key] for row in light]) for key in ("mjd", "flux", "error", "band"))
        return Curve(truth[best], *columns)


def _clearness(name: str, row: dict[str, Any], truth: dict[str, Any]) -> float:
    """How good a curve is to look at: clear points of an event; else many epochs, small errors, a large change."""
    if name in DIFFERENCES:
        return row["clear"]
    size = row["rise"] if name == "FLARE" else min(np.nan_to_num(truth["amplitude"], nan=1.0), 1.0)
    return row["n"] * np.log(1 + min(row["snr"], 60.0)) * size
