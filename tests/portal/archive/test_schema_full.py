"""Every table and column of the real DP1, DP2 and DP0.2 schemas is served, and what is made up says so."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import duckdb
import numpy as np
import pytest

from portal.archive.catalog import Store
from portal.archive.limits import Limits
from portal.archive.schema.load import delimited, load
from portal.archive.schema.standards import additions, standard
from portal.archive.schema.views import columns_made, rules, stored_name
from portal.table.columns import SQL_TYPES

FACTS = Path(__file__).parents[4] / "shared" / "data" / "schemas"  # beside the checkout, where there is a copy
RELEASES = {
    "dp1": ("dp1", "dp1"),
    "dp02": ("dp02_dc2", "dp02_dc2_catalogs"),
    "dp2": ("dp2", "dp2"),
    "obscore": ("ivoa_obscore", "ivoa"),
}
EMPTY = {"dp2.ShearObject", "dp2.IsolatedStarStellarMotions", "dp2.numbered_identifications"}
# Columns that are NULL because nothing in the sample sky stands for them, at most so many of a table; every other
# table has none. A change that loses columns raises these numbers.
NULLS = {
    "ivoa.ObsCore": 1,  # pol_states: nothing is polarized
    "ivoa.ObsPlan": 8,
    "dp1.Object": 131,
    "dp1.Source": 6,
    "dp2.Object": 135,
    "dp2.Source": 6,
    "dp2.VisitDetector": 5,
    "dp2.mpc_orbits": 26,
    "dp2.current_identifications": 2,
    "dp02_dc2_catalogs.Object": 6,
    "dp02_dc2_catalogs.Source": 6,
    "dp02_dc2_catalogs.ForcedSource": 2,
    "dp02_dc2_catalogs.ForcedSourceOnDiaObject": 2,
    "dp02_dc2_catalogs.DiaObject": 1,
    "dp02_dc2_catalogs.DiaSource": 1,
    "dp02_dc2_catalogs.TruthSummary": 2,
}


@pytest.fixture(scope="module")
def store(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    it = Store(sample, tmp_path_factory.mktemp("full") / "x", Limits(async_workers=1))
    yield it
    it.close()


def rows_of(store: Store, table: str, columns: str, more: str = "") -> duckdb.DuckDBPyConnection:
    cursor = store.cursor()
    sql = f'SELECT {columns} FROM "{table}" {more}'
    store.view(cursor, table, sql)
    return cursor.execute(sql)


def one(store: Store, table: str, columns: str, more: str = "") -> dict[str, np.ndarray]:
    return rows_of(store, table, columns, more).fetchnumpy()


def facts(release: str) -> Iterator[tuple[str, list[dict]]]:
    file, schema = RELEASES[release]
    path = FACTS / f"{file}.json"
    if not path.exists():
        pytest.skip(f"the original schema {path.name} is not on this machine")
    for table in json.loads(path.read_text())["schemas"][0]["tables"]:
        yield f"{schema}.{table['name'].rpartition('.')[2]}", table["columns"]


@pytest.mark.parametrize("release", RELEASES)
def test_every_column_of_the_release_is_told_and_can_be_selected(store: Store, release: str) -> None:
    cursor = store.cursor()
    sql = "SELECT column_name, datatype, unit, ucd, description FROM tap_schema.columns WHERE table_name = ?"
    for table, columns in facts(release):
        told = {row[0]: row[1:] for row in cursor.execute(sql, [table]).fetchall()}
        added = {column.name for column in additions()[table].columns} if table in additions() else set()
        assert set(told) == {delimited(column["name"]) for column in columns} | added
        for column in columns:
            datatype, unit, ucd, about = told[delimited(column["name"])]
            kind = "char" if column.get("datatype") in ("string", "text", "timestamp") else column["datatype"]
            assert datatype == (column.get("vot") or kind), (table, column["name"])
            assert (unit or "") == column.get("unit", "") and (ucd or "") == column.get("ucd", ""), column["name"]
            assert about
        names = [column["name"] for column in columns]
        got = rows_of(store, table, ", ".join(f'"{name}"' for name in names), "LIMIT 3")
        assert [item[0] for item in got.description] == names
        kinds = {column.name: SQL_TYPES[column.datatype] for column in store.tables[table].columns}
        assert [str(item[1]) for item in got.description] == [kinds[name] for name in names]
        assert (len(got.fetchall()) > 0) == (table not in EMPTY), table


def test_the_releases_are_the_whole_of_what_is_served(store: Store) -> None:
    wanted = {table for release in RELEASES for table, _ in facts(release)}
    served = {name for name in store.tables if not name.startswith("tap_schema.")}
    assert served == wanted | {"sample.Truth", "ivoa.ObsPlan"}


def test_what_is_not_simulated_says_so(store: Store) -> None:
    """By the data: a column without values or with one value only that does not own up is a lie."""
    counts: dict[str, Counter] = {}
    for name, table in store.tables.items():
        if table.schema == "tap_schema":
            continue
        if stored_name(table, store._stored) is None:
            assert name in EMPTY and table.description.endswith("the table is empty.")
            continue
        made = columns_made(table, store._stored, {"access_url": "''"} if "access_url" in str(table.columns) else {})
        counts[name] = Counter(item.how for item in made.values())
        for column in table.columns:
            owned = "Not simulated: always" in column.description
            assert owned == (made[column.name].how in ("null", "constant")), (name, column.name)
        assert counts[name]["null"] <= NULLS.get(name, 0), (name, [k for k, v in made.items() if v.how == "null"])
    total = sum(counts.values(), Counter())
    assert total["stored"] + total["derived"] > 2 * total["null"] + total["constant"]


def test_constants_that_stand_before_stored_columns_are_true(store: Store) -> None:
    """A rule with "!" hides what is stored: it must say the same, else it hides something simulated."""
    hidden = 0
    for table in store.tables.values():
        source = stored_name(table, store._stored)
        if table.schema != "dp1" or source is None:
            continue
        made = columns_made(table, store._stored)
        same = [c.name for c in table.columns if made[c.name].how == "constant" and c.name in store._stored[source]]
        if not same:
            continue
        tests = ", ".join(f'bool_and("{column}" = {made[column].sql}) AS "{column}"' for column in same)
        cursor = store.cursor()
        row = cursor.execute(f'SELECT {tests} FROM stored."{source}"').fetchone()
        assert all(row), [column for column, right in zip(same, row) if not right]
        hidden += len(same)
    assert hidden >= 30


def test_every_measured_column_is_served(store: Store) -> None:
    """No stored column is forgotten by all schemas; those with an underscore are served by none."""
    shown: dict[str, set[str]] = {}
    for table in store.tables.values():
        if table.schema == "tap_schema" or (source := stored_name(table, store._stored)) is None:
            continue
        made = columns_made(table, store._stored)
        sql = " ".join(item.sql for item in made.values())
        shown.setdefault(source, set()).update(column for column in store._stored[source] if f'"{column}"' in sql)
        shown[source].update(column.name for column in table.columns)
        assert not any(column.name.startswith("_") for column in table.columns)
    helpers = {"SSSource": {"ra", "dec"}}
    for source, columns in store._stored.items():
        public = {column for column in columns if not column.startswith("_")}
        assert public - shown[source] - helpers.get(source, set()) == set(), source


def test_every_rule_is_good_for_something() -> None:
    names = [f"{t.name}.{c.name}" for s in standard(load()).values() for t in s.tables.values() for c in t.columns]
    helpers = ("_fwhm", "_bdE", "_moments_norm", "sersic_cross", "rotation", "localPhotoCalib")
    for rule in rules():
        used = any(rule.pattern.fullmatch(name) for name in names)
        assert used or rule.pattern.pattern.endswith(helpers), rule.pattern.pattern


def test_numbers_made_from_others_make_sense(store: Store) -> None:
    got = one(
        store,
        "dp1.Source",
        "psfFlux, psfFluxErr, calibFlux, ap03Flux, ap12Flux, ap17Flux, ap50Flux, ixx, ixxPSF, extendedness,"
        " footprintArea_value, apFlux_12_0_instFlux, xErr, decErr",
        "WHERE psfFlux > 30 * psfFluxErr",
    )
    star = got["extendedness"] == 0
    assert (got["ap03Flux"] < got["ap12Flux"]).mean() > 0.99 and (got["ap12Flux"] < got["ap17Flux"]).all()
    assert np.median(got["ap50Flux"][star] / got["psfFlux"][star]) == pytest.approx(1.0, abs=0.03)
    assert np.median(got["ixx"][star] / got["ixxPSF"][star]) == pytest.approx(1.0, abs=0.05)
    assert np.median((got["ixx"] / got["ixxPSF"])[~star]) > 1.1
    assert got["footprintArea_value"].min() > 20 and np.isfinite(got["apFlux_12_0_instFlux"].astype(float)).all()
    assert got["xErr"] == pytest.approx(got["decErr"] * 18000, rel=1e-5)


def test_dp2_shapes_are_those_of_dp1(store: Store) -> None:
    names = "i_ixx, i_iyy, i_ixy, sersic_reff_x, sersic_reff_y, sersic_rho, i_bdReD, i_bdE1, i_bdE2, i_cModelFlux"
    dp1 = one(store, "dp1.Object", f"objectId, {names}", "ORDER BY objectId")
    dp2 = one(
        store,
        "dp2.Object",
        "objectId, i_moments_g1, i_moments_g2, i_moments_trace, sersic_reff_major, sersic_reff_minor, sersic_theta,"
        " i_cModel_exp_reff_major, i_cModel_exp_reff_minor, i_cModel_fracDev, deblend_blendId, i_ra",
        "ORDER BY objectId",
    )
    area = dp1["sersic_reff_x"] * dp1["sersic_reff_y"] * np.sqrt(np.maximum(1 - dp1["sersic_rho"] ** 2, 0))
    both = dp2["sersic_reff_major"].astype(float) * dp2["sersic_reff_minor"] / 0.04
    good = np.asarray(area > 0.05)
    assert both[good] == pytest.approx(np.asarray(area)[good], rel=2e-2)
    assert (dp2["sersic_reff_major"] >= dp2["sersic_reff_minor"]).all()
    good = np.isfinite(np.asarray(dp2["i_moments_g1"], float))
    g = np.hypot(dp2["i_moments_g1"], dp2["i_moments_g2"])[good]
    assert good.mean() > 0.5 and (g < 1).mean() > 0.98
    shown = np.isfinite(np.asarray(dp2["i_cModel_exp_reff_minor"], float))
    assert (dp2["i_cModel_exp_reff_minor"] <= dp2["i_cModel_exp_reff_major"] * 1.0001)[shown].all() and shown.any()
    part = np.asarray(dp2["i_cModel_fracDev"], float)
    assert np.nanmin(part) >= 0 and np.nanmax(part) <= 1


def test_units_of_the_releases_are_kept(store: Store) -> None:
    """DP2 tells lengths on difference images in arcsec and trails in degrees, DP1 in pixels and radians."""
    old = one(store, "dp1.DiaSource", "diaSourceId, trailLength, trailAngle, dipoleLength", "ORDER BY diaSourceId")
    new = one(
        store,
        "dp2.DiaSource",
        "diaSourceId, trailLength, trailAngle, dipoleLength, timeProcessedMjdTai, midpointMjdTai, templateFluxErr",
        "ORDER BY diaSourceId",
    )
    assert new["trailLength"] == pytest.approx(0.2 * old["trailLength"])
    assert new["trailAngle"] == pytest.approx(np.degrees(old["trailAngle"]))
    late = new["timeProcessedMjdTai"] - new["midpointMjdTai"]
    assert late.min() > 0 and late.max() < 5 and (new["templateFluxErr"] >= 0).all()


def test_local_calibration_is_that_of_the_image(store: Store) -> None:
    got = one(
        store,
        "dp02_dc2_catalogs.ForcedSource",
        "ccdVisitId, localPhotoCalib, localWcs_CDMatrix_1_1, localWcs_CDMatrix_1_2, localWcs_CDMatrix_2_2",
        "LIMIT 500",
    )
    zero = one(store, "dp02_dc2_catalogs.CcdVisit", "ccdVisitId, zeroPoint")
    of_image = dict(zip(zero["ccdVisitId"].tolist(), zero["zeroPoint"].tolist()))
    expected = [10 ** (0.4 * (31.4 - of_image[image])) for image in got["ccdVisitId"].tolist()]
    assert got["localPhotoCalib"] == pytest.approx(expected, rel=1e-6)
    scale = np.hypot(got["localWcs_CDMatrix_1_1"], got["localWcs_CDMatrix_1_2"])
    assert np.degrees(scale) * 3600 == pytest.approx(0.2, rel=1e-6)


def test_truth_and_orbits_in_every_spelling(store: Store) -> None:
    truth = one(store, "sample.Truth", 'id_truth_type, "class", period, flux_g, ebv', "ORDER BY id_truth_type")
    rubin = one(store, "dp02_dc2_catalogs.TruthSummary", "id_truth_type, flux_g, flux_g_noMW", "ORDER BY id_truth_type")
    assert (truth["id_truth_type"] == rubin["id_truth_type"]).all()
    lit = rubin["flux_g"] > 0
    ratio = (rubin["flux_g_noMW"] / np.where(lit, rubin["flux_g"], 1))[lit]
    assert ratio == pytest.approx(10 ** (0.4 * 3.64 * truth["ebv"][lit]), rel=1e-4)
    assert {"star", "galaxy", "RRab"} <= set(truth["class"].tolist())
    orbits = one(store, "dp1.MPCORB", "mpcDesignation, incl, mpcH", "ORDER BY mpcDesignation")
    other = one(store, "dp2.mpc_orbits", "i, h", "ORDER BY packed_primary_provisional_designation")
    assert len(orbits["incl"]) > 0 and (orbits["incl"] == other["i"]).all()
    assert other["h"] == pytest.approx(orbits["mpcH"])
    seen = one(store, "dp2.SSSource", "helioRange, galLon, helio_x, helio_vx, topo_vtot")
    known = one(store, "dp1.SSSource", "heliocentricDist, galacticL, heliocentricX, heliocentricVX")
    assert np.sort(seen["helioRange"]) == pytest.approx(np.sort(known["heliocentricDist"]))
    assert np.sort(seen["helio_vx"]) == pytest.approx(np.sort(known["heliocentricVX"]) * 1731.456837, rel=1e-4)


def test_notes_stand_in_the_descriptions(store: Store) -> None:
    about = {column.name: column.description for column in store.tables["dp1.Object"].columns}
    assert about["g_ra"].endswith("The sample has one position for all bands.")
    assert about["g_hsm_moments_30"].endswith("Not simulated: always NULL.")
    assert about["deblend_failed"].endswith("Not simulated: always false.")


def test_every_concept_of_the_map_has_values(store: Store) -> None:
    """What a portal looks for in each release (see the map of columns) is there, and not empty."""
    path = FACTS / "column_map.json"
    if not path.exists():
        pytest.skip("the map of columns is not on this machine")
    asked = 0
    for release in json.loads(path.read_text())["releases"].values():
        for role in filter(None, release["roles"].values()):
            table = role.get("table")
            if table not in store.tables:
                continue
            flat = [name for value in role.values() for name in (value if isinstance(value, list) else [value]) if name]
            known = {column.name for column in store.tables[table].columns}
            names = sorted({part for name in flat for band in "ugrizy" if (part := name.replace("{b}", band)) in known})
            counts = ", ".join(f'count("{name}") AS "{name}"' for name in names)
            row = rows_of(store, table, counts).fetchone()
            assert all(row), (table, [name for name, count in zip(names, row) if not count])
            asked += len(names)
    assert asked > 200


def test_dp02_tells_of_images_in_its_own_words(store: Store) -> None:
    path = FACTS / "dp02_obscore.json"
    if not path.exists():
        pytest.skip("the original schema dp02_obscore.json is not on this machine")
    columns = json.loads(path.read_text())["schemas"][0]["tables"][0]["columns"]
    served = {column.name: column for column in store.tables["dp02_dc2_catalogs.ObsCore"].columns}
    for column in columns:
        ours = served[column["name"]]
        told = (ours.datatype, ours.arraysize, ours.unit, ours.ucd, ours.utype)
        assert told == (
            column.get("vot") or column["datatype"],
            *(column.get(key, "") for key in ("arraysize", "unit", "ucd", "utype")),
        )
    got = one(store, "dp02_dc2_catalogs.ObsCore", "DISTINCT dataproduct_subtype, obs_collection")
    assert set(got["obs_collection"]) == {"LSST.DP02"}
    assert {"lsst.deepCoadd_calexp", "lsst.calexp"} <= set(got["dataproduct_subtype"])
