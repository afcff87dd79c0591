"""The tables served carry Rubin's names, types, units and keys exactly, described in our own words."""

from __future__ import annotations

import json
import re
from pathlib import Path

import duckdb
import pytest

from portal.archive.schema import load
from portal.archive.schema.load import read_schema
from portal.archive.schema.tap_schema import tap_schema
from portal.archive.schema.views import HIDDEN, columns_made, served, view_sql
from portal.archive.schema.words import describe, spaced
from portal.errors import FormatError

FACTS = Path(__file__).parents[4] / "shared" / "data" / "schemas"  # beside the checkout, where there is a copy
FILES = {"dp1": "dp1", "dp02_dc2_catalogs": "dp02_dc2", "dp2": "dp2", "ivoa": "ivoa_obscore"}


def original(schema: str) -> dict:
    path = FACTS / f"{FILES[schema]}.json"
    if not path.exists():
        pytest.skip(f"the original schema {path.name} is not on this machine")
    return json.loads(path.read_text())["schemas"][0]


@pytest.mark.parametrize("schema", FILES)
def test_columns_are_those_of_rubin(schema: str) -> None:
    tables = load()[schema].tables
    facts = original(schema)
    assert list(tables) == [table["name"] for table in facts["tables"]]
    for table in facts["tables"]:
        ours = tables[table["name"]]
        assert ours.table_index == table["table_index"]
        assert list(ours.primary_key) == table["primary_key"]
        assert [
            (c.name, c.datatype, c.arraysize, c.unit, c.ucd, c.utype, c.principal, c.indexed, c.std, c.column_index)
            for c in ours.columns
        ] == [
            (
                c["name"],
                c.get("vot") or c["datatype"],
                c.get("arraysize", ""),
                c.get("unit", ""),
                c.get("ucd", ""),
                c.get("utype", ""),
                c.get("principal", 0),
                c.get("indexed", 0),
                c.get("std", 0),
                c.get("column_index"),
            )
            for c in table["columns"]
        ]
        assert [c.xtype for c in ours.columns] == [c.get("xtype", "") for c in table["columns"]]
        assert [(k.key_id, k.from_table, k.target_table, list(k.columns)) for k in ours.keys] == [
            (k["name"], table["name"], k["ref_table"], list(zip(k["columns"], k["ref_columns"])))
            for k in table["foreign_keys"]
        ]


@pytest.mark.parametrize("schema", FILES)
def test_descriptions_are_our_own(schema: str) -> None:
    for table in original(schema)["tables"]:
        ours = load()[schema].tables[table["name"]]
        assert ours.description != table["description"]
        for column, fact in zip(ours.columns, table["columns"]):
            same = column.description.lower().rstrip(".") == fact["description"].lower().rstrip(".")
            assert not same or len(column.description.split()) <= 3, column  # "Ecliptic latitude" has no other words


def test_sizes() -> None:
    sizes = {name: sum(len(t.columns) for t in schema.tables.values()) for name, schema in load().items()}
    assert sizes == {"dp1": 1838, "dp02_dc2_catalogs": 1534, "dp2": 1970, "ivoa": 36, "sample": 28, "tap_schema": 33}


def test_every_column_is_described_in_words() -> None:
    for schema in load().values():
        for table in schema.tables.values():
            for column in table.columns:
                base = re.sub(r"^[ugrizy]_", "", column.name)
                plain = column.description.partition(",")[0]
                assert (
                    plain != spaced(base)
                    or base.lower() in ("parallax", "mean_anomaly", "mean_motion")
                    or (schema.name == "tap_schema")
                ), f"{table.name}.{column.name} has no words"


def test_descriptions_read_well() -> None:
    assert describe("Object", "{b}_psfFlux", "g") == "Flux of a point source fitted with the PSF model, g band"
    assert describe("Object", "{b}_pixelFlags_crCenter", "r") == (
        "True when the centre lies on pixels hit by a cosmic ray, r band"
    )
    assert describe("DiaObject", "{b}PSFluxMax", "u") == (
        "Largest of the point-source fluxes on difference images, u band"
    )
    assert describe("Nothing", "someNew_thing") == "Some new thing"


@pytest.mark.parametrize(
    "text",
    [
        "table T\nlong objectId",
        "schema s\nwhat",
        "schema s\ntable T\nbands u g\nlong : {b}_x",
        "schema s\ntable T\nkey a b",
    ],
)
def test_a_broken_file_is_told(text: str) -> None:
    with pytest.raises(FormatError):
        read_schema(text, "broken")


def test_positions() -> None:
    dp1 = load()["dp1"].tables
    assert dp1["dp1.Object"].position == ("coord_ra", "coord_dec")
    assert dp1["dp1.DiaSource"].positions == (("coord_ra", "coord_dec"), ("ra", "dec"))
    assert load()["dp02_dc2_catalogs"].tables["dp02_dc2_catalogs.Visit"].position == ("ra", "decl")
    assert load()["dp2"].tables["dp2.ForcedSource"].position is None


STORED = {
    "Object": {"objectId", "coord_ra", "coord_dec", "g_psfFlux", "g_psfFluxErr", "g_ra", "g_dec", HIDDEN, "_extra"},
    "ForcedSource": {"objectId", "visit", "detector", "band", "psfFlux"},
    "DiaObject": {"diaObjectId", "ra", "dec", "g_psfFluxMax", "radecMjdTai"},
    "DiaSource": {"diaSourceId", "ra", "dec", "band", "visit", "detector", "psfFlux", "scienceFlux", "midpointMjdTai"},
    "Visit": {"visit", "ra", "dec", "expMidptMJD", "expTime"},
    "CcdVisit": {"visitId", "detector", "psfSigma"},
    "ObsCore": {"obs_collection", "dataproduct_subtype", "lsst_visit", "lsst_detector"},
}
VALUES = {
    "objectId": "9007199254740993::BIGINT",
    "visit": "2024110800245::BIGINT",
    "visitId": "2024110800245::BIGINT",
    "detector": "3::SMALLINT",
    "band": "'g'",
    "g_psfFlux": "360.0::FLOAT",
    "g_psfFluxErr": "3.6::FLOAT",
    "expMidptMJD": "60622.5::DOUBLE",
    "expTime": "30.0::DOUBLE",
    "obs_collection": "'LSST.DP1'",
    "dataproduct_subtype": "'lsst.visit_image'",
}


@pytest.fixture(scope="module")
def engine() -> duckdb.DuckDBPyConnection:
    """One row per stored table, and every served table as a view over them."""
    con = duckdb.connect()
    con.execute("CREATE SCHEMA stored")
    for name, columns in STORED.items():
        cells = ", ".join(f'{VALUES.get(column, "1.5::DOUBLE")} AS "{column}"' for column in sorted(columns))
        con.execute(f'CREATE TABLE stored."{name}" AS SELECT {cells}')
    for schema in load().values():
        if schema.name == "tap_schema":
            continue
        con.execute(f"CREATE SCHEMA {schema.name}")
        for table in schema.tables.values():
            con.execute(f'CREATE VIEW {schema.name}."{table.short}" AS {view_sql(table, STORED)}')
    return con


def one(engine: duckdb.DuckDBPyConnection, sql: str) -> tuple:
    return engine.cursor().execute(sql).fetchall()[0]


def test_every_view_has_every_column_in_its_type(engine: duckdb.DuckDBPyConnection) -> None:
    types = {"VARCHAR": "char", "BIGINT": "long", "INTEGER": "int", "SMALLINT": "short"}
    for schema in load().values():
        if schema.name == "tap_schema":
            continue
        for table in schema.tables.values():
            got = engine.cursor().execute(f'DESCRIBE {schema.name}."{table.short}"').fetchall()
            got = [row for row in got if row[0] != HIDDEN]
            assert [row[0] for row in got] == [column.name for column in table.columns]
            assert [types.get(row[1], row[1].lower()) for row in got] == [c.datatype for c in table.columns]


def test_magnitudes_are_made_from_fluxes(engine: duckdb.DuckDBPyConnection) -> None:
    mag, err = one(engine, "SELECT g_psfMag, g_psfMagErr FROM dp1.Object")
    assert mag == pytest.approx(25.009, abs=1e-3)
    assert err == pytest.approx(0.010857, rel=1e-4)


def test_other_releases_spell_the_same_rows_their_way(engine: duckdb.DuckDBPyConnection) -> None:
    assert one(engine, "SELECT objectId, detect_isPrimary, g_decl FROM dp02_dc2_catalogs.Object") == (
        9007199254740993,
        True,
        1.5,
    )
    assert one(engine, "SELECT gPSFluxMax, decl, radecTai FROM dp02_dc2_catalogs.DiaObject") == (1.5, 1.5, 1.5)
    assert one(engine, "SELECT ccdVisitId, filterName, totFlux, coord_dec FROM dp02_dc2_catalogs.DiaSource") == (
        2024110800245003,
        "g",
        1.5,
        1.5,
    )
    assert one(engine, "SELECT obs_collection, dataproduct_subtype FROM dp02_dc2_catalogs.ObsCore") == (
        "LSST.DP02",
        "lsst.calexp",
    )
    assert one(engine, "SELECT visitId, detector FROM dp2.VisitDetector") == (2024110800245, 3)
    assert one(engine, "SELECT forcedSourceId FROM dp02_dc2_catalogs.ForcedSource")[0] > 0


def test_times_are_written_out(engine: duckdb.DuckDBPyConnection) -> None:
    assert one(engine, "SELECT expMidpt, obsStart FROM dp1.Visit") == (
        "2024-11-08T12:00:00.000",
        "2024-11-08T11:59:45.000",
    )


def test_flags_are_false_and_the_unknown_is_null(engine: duckdb.DuckDBPyConnection) -> None:
    assert one(engine, "SELECT g_psfFlux_flag, g_pixelFlags_bad, g_kronFlux FROM dp1.Object") == (False, False, None)
    assert engine.cursor().execute("SELECT count(*) FROM dp1.SSObject").fetchall() == [(0,)]


def test_the_sky_pixel_passes_through() -> None:
    dp1 = load()["dp1"].tables
    assert view_sql(dp1["dp1.Object"], STORED).rstrip().endswith(f'"{HIDDEN}" FROM stored."Object"')
    assert "_extra" not in view_sql(dp1["dp1.Object"], STORED)
    only = view_sql(dp1["dp1.Object"], STORED, only=["objectId"])
    assert only == 'SELECT CAST("objectId" AS BIGINT) AS "objectId" FROM stored."Object"'


def test_what_is_not_simulated_says_so() -> None:
    schemas = served(load(), STORED, extra=["access_url"])
    columns = {c.name: c.description for c in schemas["dp1"].tables["dp1.Object"].columns}
    assert columns["g_kronFlux"].endswith("Not simulated: always NULL.")
    assert columns["g_psfFlux_flag"].endswith("Not simulated: always false.")
    assert "Not simulated" not in columns["g_psfMag"]
    assert schemas["dp1"].tables["dp1.SSObject"].description.endswith("the table is empty.")
    images = {c.name: c.description for c in schemas["ivoa"].tables["ivoa.ObsCore"].columns}
    assert "Not simulated" not in images["access_url"]


def test_a_circle_of_rules_ends() -> None:
    table = load()["dp1"].tables["dp1.Visit"]
    made = columns_made(table, {"Visit": {"visit"}})
    assert made["altitude"].how == made["zenithDistance"].how == "null"


def test_tap_schema_holds_all() -> None:
    tables = tap_schema(load())
    assert tables["columns"].num_rows == 1838 + 1534 + 1970 + 36 + 28 + 33
    assert (
        len(set(tables["columns"]["table_name"].to_pylist())) == tables["tables"].num_rows == 12 + 12 + 16 + 1 + 1 + 5
    )
    assert set(tables["schemas"]["schema_name"].to_pylist()) == set(load())
    ids = tables["keys"]["key_id"].to_pylist()
    assert len(ids) == len(set(ids)) == len(set(tables["key_columns"]["key_id"].to_pylist()))
    about = load()["tap_schema"].tables
    for name, table in tables.items():
        assert table.column_names == [column.name for column in about[f"tap_schema.{name}"].columns]
