"""Is the simulated sky like a sky? Locus, counts, noise, colours of the visits, periods, supernovae."""

from __future__ import annotations

from pathlib import Path

import duckdb
import numpy as np
import pytest

from portal.archive.sample import cells, geometry, presets
from portal.archive.sample.forced import plane, unplane
from portal.archive.sample.galaxies import galaxies_in
from portal.archive.sample.lightcurves import CLASSES
from portal.archive.sample.planting import planted_stars
from portal.archive.sample.profiles import aperture_share, effective_width2, second_moments
from portal.archive.sample.render import SkyPixels
from portal.archive.sample.stars import locus_gr, stars_in
from portal.archive.sample.truth import true_sky
from portal.archive.sample.variables import make_variables
from portal.archive.sample.visits import make_visits
from tests.portal.archive.asking import columns


def test_the_cone_of_the_first_query_holds_over_a_thousand_objects(db: duckdb.DuckDBPyConnection) -> None:
    found = columns(db, "SELECT coord_ra, coord_dec, _detect_isPrimary AS p, g_cModelFlux AS g FROM Object")
    near = cells.separation(found["coord_ra"], found["coord_dec"], 62.0, -37.0) < 0.05
    assert (near & found["p"] & np.isfinite(found["g"])).sum() > 1200


def test_stars_lie_on_a_locus(db: duckdb.DuckDBPyConnection) -> None:
    stars = columns(
        db,
        """SELECT g_psfMag - r_psfMag AS gr, r_psfMag - i_psfMag AS ri FROM Object JOIN Truth USING (objectId)
        WHERE class = 'star' AND r_psfMag BETWEEN 16.5 AND 21.5 AND g_psfMag - r_psfMag > 0.15 AND detect_isIsolated""",
    )
    assert len(stars["gr"]) > 20
    blue = stars["ri"] < 0.9
    assert np.median(np.abs(stars["gr"] - locus_gr(stars["ri"]))[blue]) < 0.04


def test_counts_of_stars_and_galaxies() -> None:
    some = cells.cells_of(62.0, -37.0, 0.25)
    area = len(some) * cells.CELL_AREA_DEG2
    r = np.concatenate([31.4 - 2.5 * np.log10(stars_in(3, c)["flux"][:, 2]) for c in some])
    # stars per deg2 brighter than r at galactic latitude -48, loosely
    for limit, expected in ((20.0, 2500), (22.0, 6000), (24.0, 11000)):
        assert 0.6 < (r < limit).sum() / area / expected < 1.5, limit
    i = np.concatenate([31.4 - 2.5 * np.log10(galaxies_in(3, c)["flux"][:, 3]) for c in some])
    assert 1.4e5 < (i < 25.3).sum() / area < 2.2e5
    assert 0.30 < np.log10((i < 24).sum() / (i < 20).sum()) / 4 < 0.40


def test_galaxies_are_fainter_through_a_psf_and_called_extended(db: duckdb.DuckDBPyConnection) -> None:
    rows = columns(
        db,
        """SELECT i_psfFlux / i_cModelFlux AS ratio, refExtendedness AS e, is_pointsource AS point
        FROM Object JOIN Truth USING (objectId) WHERE truth_type < 3 AND i_cModelMag < 22.5 AND i_cModelMag > 16.5
        AND flux_i > 0.8 * i_cModelFlux""",
    )
    assert np.median(rows["ratio"][rows["point"] == 0]) < 0.8
    assert np.median(rows["ratio"][rows["point"] == 1]) == pytest.approx(1.0, abs=0.005)
    assert (rows["e"] == 1 - rows["point"]).mean() > 0.97


def test_constant_stars_scatter_as_their_errors_say(db: duckdb.DuckDBPyConnection) -> None:
    rows = columns(
        db,
        """WITH alone AS (SELECT objectId FROM Truth GROUP BY objectId HAVING COUNT(*) = 1 AND MAX(is_variable) = 0),
        f AS (SELECT s.* FROM ForcedSource s JOIN alone USING (objectId) JOIN Truth t USING (objectId)
              WHERE t.class = 'star' AND NOT psfFlux_flag AND NOT pixelFlags_saturatedCenter),
        m AS (SELECT objectId, band, SUM(psfFlux / psfFluxErr ** 2) / SUM(1 / psfFluxErr ** 2) AS mean, COUNT(*) AS n
              FROM f GROUP BY ALL)
        SELECT SUM((psfFlux - mean) ** 2 / psfFluxErr ** 2) AS chi2, COUNT(*) - COUNT(DISTINCT band) AS dof,
               SUM((psfDiffFlux / psfDiffFluxErr) ** 2) AS diff, COUNT(psfDiffFlux) AS n
        FROM f JOIN m USING (objectId, band) GROUP BY objectId""",
    )
    assert len(rows["chi2"]) > 60
    assert 0.97 < rows["chi2"].sum() / rows["dof"].sum() < 1.03
    assert 0.97 < rows["diff"].sum() / rows["n"].sum() < 1.03


def test_every_class_is_there_and_supernovae_are_seen(db: duckdb.DuckDBPyConnection) -> None:
    counts = dict(db.execute("SELECT class, COUNT(*) FROM Truth GROUP BY class").fetchall())
    assert {*CLASSES[1:], "star", "galaxy"} <= set(counts)
    seen = db.execute("SELECT COUNT(*) FROM Truth WHERE class = 'SNIa' AND diaObjectId > 0").fetchone()
    assert seen and seen[0] >= 1
    offset = columns(
        db,
        """SELECT 3600 * (d.ra - t.ra) * COS(RADIANS(d.dec)) AS x, 3600 * (d.dec - t.dec) AS y
        FROM Truth t JOIN DiaObject d USING (diaObjectId)""",
    )
    assert np.hypot(offset["x"], offset["y"]).max() < 0.3


def test_dia_statistics_are_those_of_the_sources(db: duckdb.DuckDBPyConnection) -> None:
    rows = db.execute(
        """WITH s AS (SELECT diaObjectId, MIN(psfFlux) AS low, MAX(psfFlux) AS high, MEDIAN(psfFlux) AS middle,
                     COUNT(*) AS n, STDDEV_SAMP(psfFlux) AS sigma,
                     SUM(psfFlux / psfFluxErr ** 2) / SUM(1 / psfFluxErr ** 2) AS mean
                     FROM DiaSource WHERE band = 'r' GROUP BY 1)
        SELECT low - r_psfFluxMin, high - r_psfFluxMax, middle - r_psfFluxPercentile50, n - r_psfFluxNdata,
               (sigma - r_psfFluxSigma) / (1 + sigma), (mean - r_psfFluxMean) / (1 + ABS(mean))
        FROM s JOIN DiaObject USING (diaObjectId)"""
    ).fetchall()
    assert len(rows) > 5
    for row in rows:
        assert all(value is None or abs(value) < 1e-5 for value in row), row
    real, false = db.execute(
        """SELECT MEDIAN(reliability) FILTER (t.diaObjectId IS NOT NULL),
        MEDIAN(reliability) FILTER (t.diaObjectId IS NULL)
        FROM DiaSource s LEFT JOIN (SELECT diaObjectId FROM Truth WHERE diaObjectId > 0) t USING (diaObjectId)"""
    ).fetchone()  # type: ignore[misc]
    assert real > 0.6 > 0.4 > false


def test_visits_are_at_night_and_times_are_in_order() -> None:
    for name in ("tiny", "small", "default"):
        field = presets.PRESETS[name].fields[0]
        visits = make_visits(field, 2026)
        assert len(visits) == field.visits
        assert (np.diff(visits.mjd) > 30 / 86400).all() and (np.diff(visits.visit) > 0).all()
        assert visits.altitude.min() > 30 and visits.airmass.min() >= 1
        assert set(visits.band) == set(range(6))
        assert 0.6 < np.median(visits.seeing) < 1.4
        # time in Chile: no visit between 10 h and 22 h UT
        assert not ((visits.mjd % 1 > 0.45) & (visits.mjd % 1 < 0.95)).any()


def test_the_sky_does_not_depend_on_the_size_of_the_field() -> None:
    small, tiny = presets.PRESETS["small"].fields[0], presets.PRESETS["tiny"].fields[0]
    a, b = true_sky(5, tiny), true_sky(5, small)
    assert np.isin(a["tid"], b["tid"]).all()
    at = np.argsort(b["tid"])[np.searchsorted(np.sort(b["tid"]), a["tid"])]
    assert (a["flux"] == b["flux"][at]).all() and (a["ra"] == b["ra"][at]).all()
    planted = planted_stars(5, tiny)
    variables = make_variables(5, tiny, a, planted, make_visits(tiny, 5))
    assert len(np.unique(variables.tid)) == len(variables) and np.isfinite(variables.delta).all()


def test_profiles_agree_with_their_definition() -> None:
    one = np.ones(1)
    for bulge in (0.0, 1.0):
        # half of the light of a large round galaxy lies within its half-light radius (a bulge cut off at 8: 0.53)
        assert aperture_share(5 * one, bulge * one, one, 0.1, 5.0)[0] == pytest.approx(0.5, abs=0.04)
    assert effective_width2(np.zeros(1), one, one, np.array([0.9]))[0, 0] == 0
    assert effective_width2(one, 0 * one, one, np.array([0.9]))[0, 0] > 0.5
    xx, yy, xy = second_moments(np.ones(3), np.zeros(3), np.full(3, 0.4), np.array([0.0, 90.0, 45.0]))
    assert yy[0] > xx[0] and xx[1] > yy[1]
    assert xy[2] < 0  # north-east is up and left: x runs west
    ra, dec = unplane(*plane(np.array([62.3]), np.array([-36.6]), 62.0, -37.0), 62.0, -37.0)
    assert ra[0] == pytest.approx(62.3, abs=1e-9) and dec[0] == pytest.approx(-36.6, abs=1e-9)


def test_apertures_on_the_coadd_agree_with_the_catalogue(db: duckdb.DuckDBPyConnection, sample: Path) -> None:
    rows = columns(
        db,
        """SELECT coord_ra, coord_dec, i_ap12Flux AS flux, is_pointsource AS point
        FROM Object JOIN Truth USING (objectId)
        WHERE detect_isIsolated AND i_psfMag BETWEEN 17 AND 21.8 AND truth_type < 3 AND is_variable = 0
        AND flux_i > 0.9 * i_cModelFlux ORDER BY objectId""",
    )
    tract, patch = geometry.patch_at(rows["coord_ra"], rows["coord_dec"])
    ratio = np.full(len(tract), np.nan)
    pixels = SkyPixels(sample)
    for k in range(len(tract)):
        whole = geometry.patch_of(int(tract[k]), int(patch[k]))
        x, y = (float(v[0]) for v in whole.to_pixel(rows["coord_ra"][k : k + 1], rows["coord_dec"][k : k + 1]))
        x0, y0 = round(x) - 15, round(y) - 15
        if min(x0, y0) < 0 or max(x0, y0) > geometry.PATCH - 31:
            continue
        image = pixels.coadd("i", whole, x0, y0, 31, 31)[0]
        radius = np.hypot(*(np.mgrid[:31, :31] - np.array([y - y0, x - x0])[:, None, None]))
        ratio[k] = (image * np.clip(12.5 - radius, 0, 1)).sum() / rows["flux"][k]
    assert np.isfinite(ratio).sum() > 30
    for point in (0, 1):
        assert np.nanmedian(ratio[rows["point"] == point]) == pytest.approx(1.0, abs=0.03)
