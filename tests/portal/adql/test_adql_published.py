"""The queries that Rubin has published, compiled against its published schemas and run on empty tables."""

from __future__ import annotations

import duckdb
import pytest

from portal.adql.check import check
from portal.adql.compile import TableDef, compile_adql
from portal.adql.parse import parse_adql
from portal.errors import QueryError
from portal.table.columns import Column

TEXTS = {"denomination", "mpc_desig1", "mpc_desig2", "name"}
SEED = """SELECT objectId, coord_ra, coord_dec, detect_isPrimary,
       scisql_nanojanskyToAbMag(g_cModelFlux) AS gmag, scisql_nanojanskyToAbMag(i_cModelFlux) AS imag,
       scisql_nanojanskyToAbMag(r_cModelFlux) AS rmag,
       scisql_nanojanskyToAbMagSigma(g_cModelFlux, g_cModelFluxErr) AS gmag_err,
       scisql_nanojanskyToAbMagSigma(i_cModelFlux, i_cModelFluxErr) AS imag_err,
       scisql_nanojanskyToAbMagSigma(r_cModelFlux, r_cModelFluxErr) AS rmag_err
FROM dp02_dc2_catalogs.Object
WHERE CONTAINS(POINT('ICRS', coord_ra, coord_dec), CIRCLE('ICRS', 62.0, -37.0, 0.05)) = 1
  AND detect_isPrimary = 1"""


def uploads(connection: duckdb.DuckDBPyConnection, tables: dict[str, list[str]]) -> dict[str, TableDef]:
    found = {}
    for name, columns in tables.items():
        listed = ", ".join(f'"{item}" {"VARCHAR" if item in TEXTS else "DOUBLE"}' for item in columns)
        connection.execute(f'CREATE OR REPLACE TABLE "upload_{name}" ({listed})')
        described = tuple(Column(item, "char" if item in TEXTS else "double") for item in columns)
        found[name] = TableDef("TAP_UPLOAD", name, described, f'"upload_{name}"')
    return found


def test_all_published_queries_parse(queries):
    assert len(queries) >= 302
    for query in queries:
        if query["expect"] == "ok":
            check(parse_adql(query["adql"]), query["adql"])


def test_published_queries_run_on_the_published_schemas(queries, published):
    connection, catalog = published
    ran = 0
    for query in queries:
        tables = uploads(connection, query.get("uploads") or {})
        if query["expect"] == "error":
            with pytest.raises(QueryError):
                compile_adql(query["adql"], catalog, tables)
            continue
        try:
            compiled = compile_adql(query["adql"], catalog, tables, 1000)
        except QueryError as error:
            # Some are for other services: their schemas are not ours.
            assert error.message.startswith("There is no schema"), (query["id"], error)
            assert error.line > 0
            continue
        answer = connection.sql(compiled.sql).to_arrow_table()
        assert answer.column_names == [column.name for column in compiled.columns]
        for field, column in zip(answer.schema, compiled.columns):
            if column.datatype:
                assert Column(column.name, column.datatype, column.arraysize).arrow == field.type, query["id"]
        ran += 1
    assert ran >= 290


def test_the_seed_query(published):
    connection, catalog = published
    compiled = compile_adql(SEED, catalog, maxrec=50_000)
    assert compiled.bounded and compiled.tables == {"dp02_dc2_catalogs.Object"}
    assert compiled.sql.count("BETWEEN") <= 7 and "LIMIT 50001" in compiled.sql
    found = {column.name: column for column in compiled.columns}
    assert list(found)[4:] == ["gmag", "imag", "rmag", "gmag_err", "imag_err", "rmag_err"]
    assert found["objectId"].source == "dp02_dc2_catalogs_Object_objectId"
    assert (found["gmag"].unit, found["gmag"].ucd) == ("mag", "phot.mag")
    assert found["imag_err"].unit == "mag" and found["coord_ra"].unit == "deg"
    assert connection.sql(compiled.sql).fetchall() == []


def test_tap_schema_in_any_case(published):
    connection, catalog = published
    for text in (
        "SELECT column_name, datatype, description, unit FROM tap_schema.columns WHERE table_name = 'dp1.Object'",
        "SELECT * FROM TAP_SCHEMA.TABLES ORDER BY table_index",
        "SELECT tap_schema.keys.from_table, kc.from_column FROM TAP_SCHEMA.keys JOIN tap_schema.key_columns AS kc "
        "ON kc.key_id = TAP_SCHEMA.keys.key_id",
        'SELECT "size", principal FROM "TAP_SCHEMA"."columns" WHERE principal = 1 AND std = 0',
    ):
        connection.sql(compile_adql(text, catalog).sql).fetchall()


def test_a_star_over_a_wide_table(published):
    connection, catalog = published
    compiled = compile_adql(
        "SELECT * FROM dp1.Object AS o JOIN dp1.ForcedSource AS f ON f.objectId = o.objectId", catalog
    )
    assert len(compiled.columns) > 1300
    assert {"objectId", "objectId_2"} <= {column.name for column in compiled.columns}
    assert connection.sql(compiled.sql).fetchall() == []
