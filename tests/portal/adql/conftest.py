"""Catalogues for the compiler's tests: a small one with rows, and Rubin's published schemas as empty tables."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from astropy import units as u
from astropy_healpix import core

from portal.adql.compile import Catalog, TableDef, compile_adql
from portal.table.columns import Column

SHARED = Path(__file__).resolve().parents[4] / "shared" / "data"
DUCK = {
    "boolean": "BOOLEAN",
    "short": "SMALLINT",
    "int": "INTEGER",
    "long": "BIGINT",
    "float": "FLOAT",
    "double": "DOUBLE",
    "char": "VARCHAR",
    "unicodeChar": "VARCHAR",
    "timestamp": "VARCHAR",
    "string": "VARCHAR",
    "text": "VARCHAR",
    "byte": "TINYINT",
}
FILES = ("dp1", "dp2", "dp02_dc2", "dp03_10yr", "dp03_1yr", "ivoa_obscore")
PAIRS = (("coord_ra", "coord_dec"), ("ra", "dec"), ("ra", "decl"), ("s_ra", "s_dec"))
TAP_SCHEMA = {
    "schemas": "schema_name description utype schema_index:int",
    "tables": "schema_name table_name table_type description utype table_index:int",
    "columns": "table_name column_name description utype ucd unit datatype arraysize xtype size:int principal:int "
    "indexed:int std:int column_index:int",
    "keys": "key_id from_table target_table description utype",
    "key_columns": "key_id from_column target_column",
}


def make_table(connection: duckdb.DuckDBPyConnection, schema: str, name: str, columns: list[Column]) -> TableDef:
    """An empty table in DuckDB and its definition."""
    engine = f'"{schema}.{name}"'
    names = {column.name.lower() for column in columns}
    position = next((pair for pair in PAIRS if set(pair) <= names), None)
    kinds = [f'"{column.name}" {DUCK[column.datatype]}' for column in columns]
    hidden = ['"_healpix_29" BIGINT'] if position else []
    connection.execute(f"CREATE TABLE {engine} ({', '.join(kinds + hidden)})")
    return TableDef(schema, name, tuple(columns), engine, position, "_healpix_29" if position else None)


@pytest.fixture(scope="session")
def published() -> tuple[duckdb.DuckDBPyConnection, Catalog]:
    """All published tables, empty. Skips when the schemas are not on this machine."""
    if not (SHARED / "schemas").is_dir():
        pytest.skip("the published schemas are not on this machine")
    connection = duckdb.connect()
    tables = []
    for file in FILES:
        for schema in json.loads((SHARED / "schemas" / f"{file}.json").read_text())["schemas"]:
            for table in schema["tables"]:
                parent, _, name = table["name"].rpartition(".")
                columns = [
                    Column(
                        item["name"],
                        "char" if DUCK[item["datatype"]] == "VARCHAR" else item["datatype"],
                        str(item.get("arraysize", "")),
                        item.get("unit", ""),
                        item.get("ucd", ""),
                        item.get("utype", ""),
                    )
                    for item in table["columns"]
                ]
                tables.append(make_table(connection, parent or schema["name"], name, columns))
    for name, text in TAP_SCHEMA.items():
        columns = [
            Column(word.split(":")[0], "int") if ":" in word else Column(word, "char", "*") for word in text.split()
        ]
        tables.append(make_table(connection, "tap_schema", name, columns))
    return connection, Catalog(tables)


@pytest.fixture(scope="session")
def queries() -> list[dict]:
    """The published queries. Skips when they are not on this machine."""
    path = SHARED / "adql" / "queries.jsonl"
    if not path.is_file():
        pytest.skip("the published queries are not on this machine")
    return [json.loads(line) for line in path.read_text().splitlines()]


def pixels(ra: np.ndarray, dec: np.ndarray) -> np.ndarray:
    """Nested HEALPix pixels of order 29."""
    return core.lonlat_to_healpix(ra * u.deg, dec * u.deg, 2**29, order="nested")


def sky_points(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Positions over the whole sky with more near the poles, RA 0, and (62, -37)."""
    rng = np.random.default_rng(seed)
    quarter = count // 4
    ra = rng.uniform(0, 360, count)
    dec = np.degrees(np.arcsin(rng.uniform(-1, 1, count)))
    ra[:quarter] = (62 + rng.normal(0, 1, quarter)) % 360
    dec[:quarter] = -37 + rng.normal(0, 1, quarter)
    dec[quarter : 2 * quarter] = rng.choice([-1, 1], quarter) * (90 - np.abs(rng.normal(0, 1, quarter)))
    ra[2 * quarter : 3 * quarter] = rng.normal(0, 1, quarter) % 360
    dec[2 * quarter : 3 * quarter] = rng.normal(0, 3, quarter)
    return ra, dec


@pytest.fixture(scope="session")
def sky() -> tuple[duckdb.DuckDBPyConnection, Catalog, np.ndarray, np.ndarray]:
    """A small catalogue with rows: sky.Object (20,000 positions sorted by pixel) and sky.Visit, sky.ObsCore."""
    ra, dec = sky_points(20_000, 1)
    order = np.argsort(pixels(ra, dec))
    ra, dec = ra[order], dec[order]
    count = len(ra)
    rng = np.random.default_rng(2)
    flux = rng.uniform(-100, 5000, count).astype(np.float32)
    rows = pa.table(
        {
            "objectId": pa.array(2**60 + np.arange(count), pa.int64()),
            "coord_ra": ra,
            "coord_dec": dec,
            "detect_isPrimary": pa.array(np.arange(count) % 3 == 0),
            "g_cModelFlux": pa.array(flux),
            "g_cModelFluxErr": pa.array(np.abs(flux) / 10 + 1, pa.float32()),
            "band": pa.array(np.array(["u", "g", "r"])[np.arange(count) % 3]),
            "e": pa.array(rng.uniform(0, 1, count)),
            "_healpix_29": pixels(ra, dec),
        }
    )
    connection = duckdb.connect()
    connection.register("rows", rows)
    connection.execute('CREATE TABLE "sky.Object" AS FROM rows ORDER BY _healpix_29')
    connection.execute(
        'CREATE TABLE "sky.Visit" AS SELECT i AS visit, i * 1.0::DOUBLE AS mjd, '
        "CASE i % 2 WHEN 0 THEN 'g' ELSE 'r' END AS band FROM range(10) t(i)"
    )
    columns = (
        Column("objectId", "long", ucd="meta.id;meta.main", description="Id"),
        Column("coord_ra", "double", unit="deg", ucd="pos.eq.ra;meta.main"),
        Column("coord_dec", "double", unit="deg", ucd="pos.eq.dec;meta.main"),
        Column("detect_isPrimary", "boolean"),
        Column("g_cModelFlux", "float", unit="nJy"),
        Column("g_cModelFluxErr", "float", unit="nJy"),
        Column("band", "char", "*"),
        Column("e", "double"),
    )
    table = TableDef("sky", "Object", columns, '"sky.Object"', ("coord_ra", "coord_dec"), "_healpix_29")
    visit = TableDef(
        "sky", "Visit", (Column("visit", "long"), Column("mjd", "double", unit="d"), Column("band", "char", "*")),
        '"sky.Visit"',
    )  # fmt: skip
    connection.execute('CREATE TABLE "sky.ObsCore" (obs_id VARCHAR, s_region VARCHAR)')
    outlines = (Column("obs_id", "char", "*"), Column("s_region", "char", "*"))
    obscore = TableDef("sky", "ObsCore", outlines, '"sky.ObsCore"')
    return connection, Catalog([table, visit, obscore]), ra, dec


@pytest.fixture
def run(sky):
    """Compile and run a query on the small catalogue: ``run(text)`` gives an Arrow table."""

    def go(text: str, **options) -> pa.Table:
        connection, catalog, _, _ = sky
        return connection.cursor().sql(compile_adql(text, catalog, **options).sql).to_arrow_table()

    return go
