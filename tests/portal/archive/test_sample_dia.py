"""Difference imaging and the truth behind it: false detections, associations, hidden light, matches."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import duckdb
import numpy as np
import pytest

from portal.archive.sample import presets
from portal.archive.sample.bogus import ARTEFACT, DIPOLE, MOVING, NOISE, REAL, false_events
from portal.archive.sample.camera import CCD_X, CCD_Y
from portal.archive.sample.diaplaces import ASSOCIATE_ARCSEC, THRESHOLD
from portal.archive.sample.forced import ForcedPhotometry, Targets
from portal.archive.sample.objects import find_objects
from portal.archive.sample.supernovae import PEAK
from portal.archive.sample.templates import distance_modulus
from portal.archive.sample.truth import true_sky
from portal.archive.sample.visits import make_visits
from tests.portal.archive.asking import columns


def test_half_of_the_detections_are_false_and_most_of_them_look_it(db: duckdb.DuckDBPyConnection) -> None:
    """27 of 52 public alerts of 2025-12-31 have a reliability under a half."""
    rows = columns(db, "SELECT _origin AS origin, reliability, snr, isDipole, pixelFlags_cr AS cr FROM DiaSource")
    origin, score = rows["origin"], rows["reliability"]
    assert set(origin) == {REAL, NOISE, DIPOLE, ARTEFACT, MOVING}
    false = (origin >= NOISE) & (origin <= ARTEFACT)
    assert 0.4 < false.mean() < 0.6
    assert (score[false] < 0.5).mean() > 0.75 and (score[~false] > 0.5).mean() > 0.85
    assert (score[false] > 0.5).any() and score[~false].std() > 0.05  # no cut parts them
    assert 0.3 < (score < 0.5).mean() < 0.6 and score.min() >= 0 and score.max() <= 1
    assert (rows["isDipole"] == (origin == DIPOLE)).all() and rows["cr"][origin == ARTEFACT].mean() > 0.4
    assert rows["snr"].min() >= THRESHOLD * 0.999


def test_objects_are_the_means_of_their_detections(db: duckdb.DuckDBPyConnection) -> None:
    rows = columns(
        db,
        """WITH s AS (SELECT diaObjectId, COUNT(*) AS n, AVG(ra) AS ra, AVG(dec) AS dec, MAX(midpointMjdTai) AS last
                     FROM DiaSource WHERE diaObjectId > 0 GROUP BY 1)
        SELECT s.n - o.nDiaSources AS n, s.last - o.radecMjdTai AS last, 3600 * (s.dec - o.dec) AS north,
               3600 * (s.ra - o.ra) * COS(RADIANS(o.dec)) AS east FROM s FULL JOIN DiaObject o USING (diaObjectId)""",
    )
    assert (rows["n"] == 0).all() and (rows["last"] == 0).all()
    assert np.hypot(rows["east"], rows["north"]).max() < 1e-3
    spread = columns(
        db,
        """SELECT 3600 * (s.dec - o.dec) AS north, 3600 * (s.ra - o.ra) * COS(RADIANS(o.dec)) AS east,
        3600 * s.decErr AS error FROM DiaSource s JOIN DiaObject o USING (diaObjectId)
        WHERE o.nDiaSources > 5 AND s._origin = 0""",
    )
    assert np.hypot(spread["east"], spread["north"]).max() < 2 * ASSOCIATE_ARCSEC
    assert 0.8 < np.mean((spread["north"] / spread["error"]) ** 2) < 1.2


def test_no_detection_lies_beyond_its_detector(db: duckdb.DuckDBPyConnection) -> None:
    x, y = columns(db, "SELECT x, y FROM DiaSource").values()
    assert x.min() > 0 and y.min() > 0 and x.max() < CCD_X and y.max() < CCD_Y
    twice = db.execute(
        "SELECT COUNT(*) FROM (SELECT 1 FROM DiaSource WHERE diaObjectId > 0 GROUP BY diaObjectId, visit "
        "HAVING COUNT(*) > 1)"
    ).fetchone()
    assert twice == (0,)


def test_a_bright_host_hides_faint_transients() -> None:
    field = presets.PRESETS["tiny"].fields[0]
    visits = make_visits(field, 1)
    photometry = ForcedPhotometry(1, "dia", field, visits)
    flux = np.zeros((2, 6))
    flux[1] = 1e6  # a host of magnitude 16.4
    nowhere = np.zeros(2)
    light, still = np.full(2, -1), np.zeros((1, len(visits)))
    targets = Targets(np.arange(2), nowhere, nowhere, flux, np.full((2, 6), 0.5), light, still)
    made = photometry.measure(targets, np.arange(2), int(photometry.counts(nowhere, nowhere).sum()))
    error = [made["psfDiffFluxErr"][made["target"] == k] for k in (0, 1)]
    assert (error[1] > 1.5 * error[0]).all()


def test_false_detections_do_not_depend_on_tiles() -> None:
    field = presets.PRESETS["small"].fields[1]
    visits = make_visits(field, 6)
    found = find_objects(6, field, true_sky(6, field))
    photometry = ForcedPhotometry(6, "dia", field, visits)
    whole = false_events(6, field, visits, found, photometry)
    parts = [false_events(6, tile, visits, found, photometry) for tile in replace(field, tile_order=9).tiles()]
    assert len(parts) > 2
    for name in ("key", "flux", "x", "visit"):
        assert (np.sort(np.concatenate([part[name] for part in parts])) == np.sort(whole[name])).all()
    assert len(np.unique(np.stack([whole["key"], whole["visit"]]), axis=1).T) == len(whole["key"])


def test_the_hidden_light_is_what_forced_photometry_meets(db: duckdb.DuckDBPyConnection, sample: Path) -> None:
    """Over the errors the difference of measured and hidden change of every varying object is a normal number."""
    visits = columns(db, "SELECT field, index, visit FROM _visits")
    number = {(f, i): v for f, i, v in zip(visits["field"], visits["index"], visits["visit"], strict=True)}
    pulls, kinds = [], set()
    for tid, field, kind, delta, objectId in db.execute(
        "SELECT tid, l.field, kind, delta, t.objectId FROM _light l JOIN Truth t ON t.id = l.tid::VARCHAR "
        "WHERE t.objectId IS NOT NULL AND truth_type = 2"
    ).fetchall():
        change = {number[field, k]: value for k, value in enumerate(delta)}
        for visit, flux, error in db.execute(
            "SELECT visit, psfDiffFlux, psfDiffFluxErr FROM ForcedSource WHERE objectId = ? AND NOT psfDiffFlux_flag",
            [objectId],
        ).fetchall():
            pulls.append((flux - change[visit]) / error)
        kinds.add(kind)
        assert tid > 0
    events = 0
    for field, delta, dia in db.execute(
        "SELECT l.field, delta, t.diaObjectId FROM _light l JOIN Truth t ON t.id = l.tid::VARCHAR "
        "WHERE truth_type = 3 AND render_id = 0 AND t.diaObjectId > 0"
    ).fetchall():
        rows = db.execute(
            "SELECT visit, psfDiffFlux, psfDiffFluxErr FROM ForcedSourceOnDiaObject f WHERE diaObjectId = ? "
            "AND NOT psfDiffFlux_flag AND NOT EXISTS (FROM DiaSource s WHERE s._origin > 0 AND s.visit = f.visit "
            "AND s.diaObjectId = f.diaObjectId)",
            [dia],
        ).fetchall()
        change = {number[field, k]: value for k, value in enumerate(delta)}
        pulls += [(flux - change[visit]) / error for visit, flux, error in rows]
        events += 1
    assert events >= 3
    assert len(pulls) > 300 and {"RRab", "EA", "CV", "AGN", "ULENS"} <= kinds
    assert np.mean(np.square(pulls)) == pytest.approx(1, abs=0.12) and abs(np.mean(pulls)) < 0.12


def test_truth_lists_what_no_object_shows_and_matches_one_to_one(db: duckdb.DuckDBPyConnection) -> None:
    rows = columns(
        db,
        """SELECT t.truth_type AS kind, t.flux_i, m.match_objectId IS NOT NULL AS matched, m.match_count AS n,
        m.match_chisq AS chi2, m.match_candidate AS tried FROM Truth t JOIN MatchesTruth m USING (id_truth_type)""",
    )
    n = len(rows["kind"])
    assert db.execute("SELECT COUNT(*), COUNT(DISTINCT id_truth_type) FROM Truth").fetchone() == (n, n)
    ids = db.execute("SELECT COUNT(match_objectId), COUNT(DISTINCT match_objectId) FROM MatchesTruth").fetchone()
    assert ids and ids[0] == ids[1] == db.execute("SELECT COUNT(*) FROM Object").fetchone()[0]  # type: ignore[index]
    mag = 31.4 - 2.5 * np.log10(np.maximum(rows["flux_i"], 1e-3))
    static, matched = rows["kind"] < 3, rows["matched"]
    bright, faint = static & (mag < 21), static & (mag > 25)
    assert matched[bright].mean() > 0.95 and matched[faint].mean() < 0.5 and faint.sum() > 500
    assert (rows["n"][matched] >= 1).all() and not rows["tried"][~static].any() and not matched[~static].any()
    assert np.isnan(rows["chi2"][~matched]).all() and 1 < np.median(rows["chi2"][matched]) < 2  # two degrees: 1.39


def test_truth_of_events_is_physics(db: duckdb.DuckDBPyConnection) -> None:
    rows = columns(
        db,
        """SELECT e.class AS name, e.redshift AS z, e.t0, e.epoch, e.peak_mag AS mag, h.redshift AS host_z,
        3600 * (e.dec - h.dec) AS north, 3600 * (e.ra - h.ra) * COS(RADIANS(e.dec)) AS east
        FROM Truth e JOIN Truth h ON h.id = e.host_galaxy::VARCHAR WHERE e.truth_type = 3""",
    )
    assert {"SNIa", "SNII", "SNIbc", "TDE"} <= set(rows["name"])
    assert (rows["z"] == rows["host_z"]).all()
    rise = (rows["epoch"] - rows["t0"]) / (1 + rows["z"])
    assert rise.min() > 5 and rise.max() < 40
    assert np.hypot(rows["east"], rows["north"])[rows["name"] == "TDE"].max() < 1e-3
    near = rows["z"] < 0.3
    absolute = rows["mag"] - distance_modulus(rows["z"])
    for name, (mean, width, _, _) in PEAK.items():
        own = absolute[near & (rows["name"] == name)]
        assert (own > mean - 3 * width - 0.5).all() and (own < mean + 3 * width + 2.5).all(), name
    seen = db.execute("SELECT COUNT(*) FROM Truth WHERE truth_type = 3 AND diaObjectId > 0").fetchone()
    assert seen and seen[0] >= 3
