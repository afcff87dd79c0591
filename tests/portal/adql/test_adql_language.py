"""What ADQL means: joins, groups, sets, functions, types, and what is said of the columns of an answer."""

from __future__ import annotations

import numpy as np
import pytest

from portal.adql.compile import Catalog, TableDef, compile_adql
from portal.adql.functions import FUNCTIONS, find_function
from portal.errors import QueryError
from portal.table.columns import Column


def rows(run, text: str) -> list[tuple]:
    return [tuple(row.values()) for row in run(text).to_pylist()]


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("SELECT TOP 2 visit FROM sky.Visit ORDER BY visit DESC", [(9,), (8,)]),
        ("select top 2 VISIT from SKY.visit order by Visit desc;", [(9,), (8,)]),
        ("SELECT visit FROM sky.Visit ORDER BY visit OFFSET 8", [(8,), (9,)]),
        ("SELECT v.visit FROM sky.Visit AS v WHERE v.visit BETWEEN 2 AND 3", [(2,), (3,)]),
        ("SELECT sky.Visit.visit FROM sky.Visit WHERE sky.visit.visit = 4", [(4,)]),
        ("SELECT visit FROM sky.Visit WHERE band='g'AND visit IN (1,2,'3',4)ORDER BY 1", [(2,), (4,)]),
        ("SELECT COUNT(*) AS n, MIN(mjd) a, MAX(mjd) b FROM sky.Visit", [(10, 0.0, 9.0)]),
        ("SELECT band, COUNT(*) AS n FROM sky.Visit GROUP BY band ORDER BY band", [("g", 5), ("r", 5)]),
        ("SELECT band AS filter, SUM(visit) FROM sky.Visit GROUP BY filter ORDER BY filter", [("g", 20), ("r", 25)]),
        ("SELECT band, SUM(visit) s FROM sky.Visit GROUP BY band HAVING s > 20", [("r", 25)]),
        ("SELECT band FROM sky.Visit GROUP BY band HAVING COUNT(*) > 4 ORDER BY MAX(visit) DESC", [("r",), ("g",)]),
        ("SELECT visit, band, COUNT(*) AS n FROM sky.Visit GROUP BY visit ORDER BY visit OFFSET 9", [(9, "r", 1)]),
        ("SELECT FLOOR(mjd / 5) * 5 AS bin, COUNT(*) AS n FROM sky.Visit GROUP BY FLOOR(mjd / 5) ORDER BY bin",
         [(0.0, 5), (5.0, 5)]),
        ("SELECT COUNT(DISTINCT band) AS n FROM sky.Visit", [(2,)]),
        ("SELECT DISTINCT band FROM sky.Visit ORDER BY band DESC", [("r",), ("g",)]),
        ("SELECT a.visit FROM sky.Visit a JOIN sky.Visit b ON a.visit = b.visit + 8 ORDER BY a.visit", [(8,), (9,)]),
        ("SELECT a.visit, b.visit FROM sky.Visit a LEFT OUTER JOIN sky.Visit b ON a.visit = b.visit + 9 "
         "WHERE a.visit > 7 ORDER BY a.visit", [(8, None), (9, 0)]),
        ("SELECT COUNT(*) AS n FROM sky.Visit a, sky.Visit b", [(100,)]),
        ("SELECT COUNT(*) AS n FROM sky.Visit a JOIN sky.Visit b", [(100,)]),
        ("SELECT COUNT(*) AS n FROM sky.Visit a JOIN sky.Visit b USING (band)", [(50,)]),
        ("SELECT COUNT(*) AS n FROM sky.Visit a NATURAL JOIN sky.Visit b", [(10,)]),
        ("SELECT band, a.visit, b.visit FROM sky.Visit a JOIN sky.Visit b USING (band) "
         "WHERE a.visit = 1 AND b.visit = 3",
         [("r", 1, 3)]),
        ("SELECT q.n FROM (SELECT band, COUNT(*) AS n FROM sky.Visit GROUP BY band) AS q WHERE q.band = 'g'", [(5,)]),
        ("WITH g AS (SELECT visit FROM sky.Visit WHERE band = 'g') SELECT COUNT(*) AS n FROM g", [(5,)]),
        ("WITH g (number) AS (SELECT visit FROM sky.Visit) SELECT MAX(number) AS m FROM g AS h", [(9,)]),
        ("WITH Visit AS (SELECT 7 AS visit) SELECT visit FROM Visit", [(7,)]),
        ("SELECT visit FROM sky.Visit WHERE visit < 1 UNION SELECT visit FROM sky.Visit WHERE visit > 8 ORDER BY visit",
         [(0,), (9,)]),
        ("SELECT 1 AS a UNION ALL SELECT 1 AS b", [(1,), (1,)]),
        ("SELECT visit FROM sky.Visit EXCEPT SELECT visit FROM sky.Visit WHERE visit > 0", [(0,)]),
        ("SELECT visit FROM sky.Visit INTERSECT SELECT 3 AS x", [(3,)]),
        ("SELECT visit FROM sky.Visit v WHERE EXISTS (SELECT * FROM sky.Visit w WHERE w.visit = v.visit * 9) "
         "ORDER BY visit", [(0,), (1,)]),
        ("SELECT visit FROM sky.Visit WHERE visit IN (SELECT 9 * visit FROM sky.Visit) ORDER BY visit", [(0,), (9,)]),
        ("SELECT visit FROM sky.Visit WHERE visit = (SELECT MAX(visit) FROM sky.Visit)", [(9,)]),
        ("SELECT CASE WHEN visit < 5 THEN 'low' ELSE 'high' END AS part, COUNT(*) AS n FROM sky.Visit "
         "GROUP BY part ORDER BY part", [("high", 5), ("low", 5)]),
        ("SELECT visit AS v FROM sky.Visit WHERE band LIKE 'G' OR band ILIKE 'G' ORDER BY v * -1 OFFSET 4", [(0,)]),
        ("SELECT visit AS band FROM sky.Visit ORDER BY band DESC OFFSET 9", [(0,)]),
        ("SELECT 7/2 AS half, 7 % 4 AS rest, 0x1F AS hex, 6 & 3 AS bits, -(-2) AS two, 'it''s' AS text, "
         "'a' || 'b' AS ab",
         [(3.5, 3, 31, 2, 2, "it's", "ab")]),
        ("SELECT LOG(EXP(2)) AS a, LOG10(100) AS b, LOG(-1) AS c, SQRT(-1) AS d, 1/0 AS e, ASIN(2) AS f, "
         "MOD(7, 0) AS g",
         [(2.0, 2.0, None, None, None, None, None)]),
        ("SELECT ROUND(2.567, 1) AS a, ROUND(2.5) AS b, TRUNCATE(2.567, 1) AS c, POWER(2, 10) AS d, CEILING(1.2) AS e",
         [(2.6, 3.0, 2.5, 1024.0, 2.0)]),
        ("SELECT CAST('12' AS INTEGER) AS a, CAST(3 AS CHAR) AS b, CAST(1 AS DOUBLE PRECISION) AS c", [(12, "3", 1.0)]),
        ("SELECT LOWER('AB') AS a, UPPER('cd') AS b, CHAR_LENGTH('abc') AS c, SUBSTRING('abc', 2) AS d, "
         "COALESCE(NULL, 'x') AS e", [("ab", "CD", 3, "bc", "x")]),
        ("SELECT COUNT(*) AS n FROM sky.Visit WHERE (visit > 1) IS TRUE AND NOT (visit IS NULL) AND visit IS NOT NULL",
         [(8,)]),
    ],
)  # fmt: skip
def test_queries(run, text, want):
    assert rows(run, text) == want


@pytest.mark.parametrize(
    "text", ["= 1", "= '1'", "= 'true'", "= 'T'", "> 0.5", "= TRUE", "!= 0", "IN (1)", "IS TRUE", ""]
)
def test_flags_as_users_write_them(run, text):
    want = rows(run, "SELECT COUNT(*) AS n FROM sky.Object")[0][0]
    assert rows(run, f"SELECT COUNT(*) AS n FROM sky.Object WHERE detect_isPrimary {text}")[0][0] == -(-want // 3)
    assert rows(run, "SELECT SUM(detect_isPrimary) AS n FROM sky.Object")[0][0] == -(-want // 3)
    assert rows(run, "SELECT SUM(detect_isPrimary + 1) AS n FROM sky.Object")[0][0] == want + -(-want // 3)


def test_ids_are_exact_and_compared_as_texts_or_numbers(run):
    for value in (2**60 + 1, f"'{2**60 + 1}'"):
        assert rows(run, f"SELECT objectId FROM sky.Object WHERE objectId = {value}") == [(2**60 + 1,)]
    assert rows(run, "SELECT band FROM sky.Object WHERE band = 5") == []


def test_a_thousand_ids_and_a_thousand_ors(run):
    numbers = range(2**60, 2**60 + 2000)
    listed = ", ".join(map(str, numbers))
    assert len(rows(run, f"SELECT objectId FROM sky.Object WHERE objectId IN ({listed})")) == 2000
    ors = " OR ".join(f"objectId = {number}" for number in numbers)
    assert len(rows(run, f"SELECT objectId FROM sky.Object WHERE {ors}")) == 2000


def test_magnitudes(run):
    got = run(
        "SELECT g_cModelFlux AS f, g_cModelFluxErr AS e, scisql_nanojanskyToAbMag(g_cModelFlux) AS m, "
        "scisql_nanojanskyToAbMagSigma(g_cModelFlux, g_cModelFluxErr) AS s, "
        "scisql_abMagToNanojansky(scisql_nanojanskyToAbMag(g_cModelFlux)) AS back FROM sky.Object"
    )
    flux, error = (got[name].to_numpy().astype(float) for name in "fe")
    good = flux > 0
    mags, sigmas, back = (
        np.array([np.nan if x is None else x for x in got[n].to_pylist()]) for n in ("m", "s", "back")
    )
    assert not np.isnan(mags[good]).any() and np.isnan(mags[~good]).all() and np.isnan(sigmas[~good]).all()
    np.testing.assert_allclose(mags[good], 31.4 - 2.5 * np.log10(flux[good]), rtol=1e-12)
    np.testing.assert_allclose(sigmas[good], 2.5 / np.log(10) * error[good] / flux[good], rtol=1e-6)
    np.testing.assert_allclose(back[good], flux[good], rtol=1e-6)
    one = rows(
        run,
        "SELECT scisql_fluxToAbMag(3.6307805477010e-20) AS a, scisql_abMagToFlux(0) AS b, "
        "scisql_dnToAbMag(10, 1000) AS c",
    )[0]
    assert one == pytest.approx((0, 3.6307805477e-20, 5), abs=1e-9)


def test_units_and_pixels(run):
    got = run("SELECT TOP 50 IN_UNIT(coord_ra, 'arcsec') / coord_ra AS f, "
              "ivo_healpix_index(3, coord_ra, coord_dec) AS p, "
              "g_cModelFlux FROM sky.Object")  # fmt: skip
    assert got["f"].to_pylist() == pytest.approx([3600] * 50)
    assert 0 <= min(got["p"].to_pylist()) <= max(got["p"].to_pylist()) < 12 * 64


def described(sky, text: str) -> dict:
    return {column.name: column for column in compile_adql(text, sky[1]).columns}


def test_columns_are_described_through_aliases_subqueries_and_ctes(sky):
    found = described(
        sky,
        "WITH c AS (SELECT objectId AS id, coord_ra, g_cModelFlux FROM sky.Object) "
        "SELECT q.id AS theId, q.coord_ra, q.mag, q.n FROM (SELECT id, coord_ra, "
        "scisql_nanojanskyToAbMag(g_cModelFlux) AS mag, 1 + 1 AS n FROM c) AS q",
    )
    assert list(found) == ["theId", "coord_ra", "mag", "n"]
    assert found["theId"].source == "sky_Object_objectId" and found["theId"].datatype == "long"
    assert found["theId"].ucd == "meta.id;meta.main"
    assert (found["coord_ra"].unit, found["coord_ra"].source) == ("deg", "sky_Object_coord_ra")
    assert (found["mag"].unit, found["mag"].ucd, found["mag"].datatype) == ("mag", "phot.mag", "double")
    assert found["mag"].source == found["n"].source == ""


def test_names_of_outputs(sky):
    names = list(
        described(sky, "SELECT OBJECTID, o.coord_RA AS Ra, COUNT(*), MAX(e), 1 + 1, objectid FROM sky.Object o")
    )
    assert names == ["objectId", "Ra", "count", "max", "col5", "objectId_2"]
    star = list(described(sky, "SELECT *, v.* FROM sky.Visit v"))
    assert star == ["visit", "mjd", "band", "visit_2", "mjd_2", "band_2"]
    merged = list(described(sky, "SELECT * FROM sky.Visit a JOIN sky.Visit b USING (visit)"))
    assert merged == ["visit", "mjd", "band", "mjd_2", "band_2"]


def test_hidden_columns_stay_hidden(sky):
    assert "_healpix_29" not in described(sky, "SELECT * FROM sky.Object")


def test_types_said_are_types_given(sky):
    connection, catalog, _, _ = sky
    text = (
        "SELECT objectId, coord_ra, detect_isPrimary AS p, g_cModelFlux AS f, -g_cModelFlux AS nf, band AS b, "
        "1 AS one, "
        "5000000000 AS big, 2.5 AS x, 'a' AS t, coord_ra > 1 AS c, CAST(e AS REAL) AS r, ABS(g_cModelFlux) AS af, "
        "coord_ra * 2 AS d, LOWER(band) AS lb, CASE WHEN e > 0 THEN 1 ELSE 2 END AS k, "
        "POINT(1, 2) AS pt FROM sky.Object"
    )
    kinds = {"long": "int64", "double": "double", "boolean": "bool", "float": "float", "char": "string", "int": "int32"}
    compiled = compile_adql(text, catalog)
    answer = connection.cursor().sql(compiled.sql).to_arrow_table()
    for column, field in zip(compiled.columns, answer.schema):
        assert column.name == field.name
        if column.datatype:
            want = f"list<child: {kinds[column.datatype]}>" if column.arraysize == "2" else kinds[column.datatype]
            assert str(field.type).replace("l: ", "child: ").replace("item: ", "child: ") == want, column
    text = (
        "SELECT COUNT(*) AS n, SUM(objectId - objectId) AS s, SUM(e) AS x, AVG(visit) AS a FROM sky.Object, sky.Visit"
    )
    totals = compile_adql(text, catalog)
    assert [c.datatype for c in totals.columns] == ["long", "", "double", "double"]


@pytest.mark.parametrize(
    ("condition", "few"),
    [
        ("CONTAINS(POINT(coord_ra, coord_dec), CIRCLE(1, 2, 0.1)) = 1", True),
        ("e > 0 AND (CONTAINS(POINT(coord_ra, coord_dec), CIRCLE(1, 2, 0.1)) = 1)", True),
        ("e > 0 OR CONTAINS(POINT(coord_ra, coord_dec), CIRCLE(1, 2, 0.1)) = 1", False),
        ("DISTANCE(POINT(coord_ra, coord_dec), POINT(1, 2)) < 0.1", True),
        ("CONTAINS(POINT(coord_ra, coord_dec), POLYGON(1, 2, 3, 2, 3, 4)) = 1", True),
        ("CONTAINS(POINT(coord_ra, coord_dec), POLYGON(1, 2, 3, 2, 3, 4)) = 0", False),
        ("CONTAINS(POINT(coord_ra, coord_dec), CIRCLE(1, 2, 0.1)) <> 1", False),
        ("CONTAINS(POINT(coord_ra, coord_dec), CIRCLE(1, 2, 50)) = 1", False),
        ("objectId = 12", True),
        ("objectId IN (1, 2)", True),
        ("objectId > 12", False),
        ("e = 1", False),
    ],
)
def test_bounded(sky, condition, few):
    assert compile_adql(f"SELECT e FROM sky.Object WHERE {condition}", sky[1]).bounded is few


def test_maxrec_leaves_one_row_to_show_the_cut(sky, run):
    assert run("SELECT visit FROM sky.Visit", maxrec=3).num_rows == 4
    assert run("SELECT TOP 2 visit FROM sky.Visit", maxrec=3).num_rows == 2
    assert run("SELECT TOP 9 visit FROM sky.Visit UNION ALL SELECT visit FROM sky.Visit", maxrec=3).num_rows == 4
    assert run("(SELECT visit FROM sky.Visit) ORDER BY visit", maxrec=3)["visit"].to_pylist() == [0, 1, 2, 3]
    assert compile_adql("SELECT visit FROM sky.Visit", sky[1]).tables == {"sky.Visit"}


def test_every_function_is_described_and_compiles(sky):
    connection, catalog, _, _ = sky
    samples = {
        "POINT": "POINT(1, 2)", "CIRCLE": "CIRCLE(1, 2, 3)", "POLYGON": "POLYGON(0, 0, 1, 0, 1, 1)",
        "BOX": "BOX(1, 2, 3, 4)",
        "CONTAINS": "CONTAINS(POINT(1, 2), CIRCLE(1, 2, 3))",
        "INTERSECTS": "INTERSECTS(CIRCLE(1, 2, 3), CIRCLE(1, 2, 3))",
        "DISTANCE": "DISTANCE(1, 2, 3, 4)", "COORD1": "COORD1(POINT(1, 2))", "COORD2": "COORD2(POINT(1, 2))",
        "AREA": "AREA(CIRCLE(1, 2, 3))", "CENTROID": "CENTROID(CIRCLE(1, 2, 3))", "IN_UNIT": "IN_UNIT(coord_ra, 'rad')",
        "COORDSYS": "COORDSYS(POINT(1, 2))", "REGION": "REGION('CIRCLE ICRS 1 2 3')",
        "BIT_AND": "BIT_AND(5, 3)", "BIT_OR": "BIT_OR(5, 3)", "BIT_XOR": "BIT_XOR(5, 3)", "BIT_NOT": "BIT_NOT(5)",
        "scisql_s2CPolyToBin": "scisql_s2PtInCPoly(1, 2, scisql_s2CPolyToBin(0, 0, 9, 0, 9, 9))",
        "IVO_STRING_AGG": "ivo_string_agg(band, ',')", "IVO_NOCASEMATCH": "ivo_nocasematch(band, 'R')",
        "IVO_HASWORD": "ivo_hasword(band, 'r')", "IVO_HASHLIST_HAS": "ivo_hashlist_has(band, 'r')",
        "IVO_HEALPIX_INDEX": "ivo_healpix_index(5, coord_ra, coord_dec)",
        "scisql_s2PtInCPoly": "scisql_s2PtInCPoly(1, 2, 0, 0, 9, 0, 9, 9)",
        "scisql_percentile": "scisql_percentile(e, 50)",
    }  # fmt: skip
    for function in FUNCTIONS:
        assert function.description and function.signature and find_function(function.name.lower()) is function
        text = "'a'" if function.kind == "string" else "e"
        call = samples.get(function.name) or f"{function.name}({', '.join([text] * function.least)})"
        if function.name == "SUBSTRING":
            call = "SUBSTRING('abc', 1, 2)"
        connection.cursor().execute(compile_adql(f"SELECT {call} AS x FROM sky.Object", catalog).sql).fetchmany(1)


def test_uploads_are_named_in_any_case(sky):
    _, catalog, _, _ = sky
    table = catalog.find("SKY.VISIT")
    assert compile_adql("SELECT t.visit FROM tap_upload.MINE AS t", catalog, {"mine": table}).columns[0].name == "visit"
    with pytest.raises(QueryError, match="uploaded"):
        compile_adql("SELECT t.visit FROM TAP_UPLOAD.other AS t", catalog)


def test_the_columns_a_query_reads_are_known(sky):
    text = (
        "SELECT o.objectId AS i, v.mjd FROM sky.Object o JOIN sky.Visit v USING (band) WHERE o.e > 0 AND "
        "CONTAINS(POINT(coord_ra, coord_dec), CIRCLE(1, 2, 3)) = 1"
    )
    assert compile_adql(text, sky[1]).used == {
        "sky.Object": {"objectId", "band", "e", "coord_ra", "coord_dec", "_healpix_29"},
        "sky.Visit": {"mjd", "band"},
    }


FOREIGN = """e q dec size distance date year window format values only sample row at struct"""


@pytest.mark.parametrize("name", FOREIGN.split())
def test_words_of_other_languages_are_names_like_any_other(name):
    column = Column(name, "double")
    catalog = Catalog([TableDef("s", "t", (column,), "t"), TableDef("s", f"{name}s", (column,), "u")])
    text = (
        f"SELECT {name}.{name} AS {name} FROM s.t {name} JOIN s.{name}s b ON {name}.{name} = b.{name} ORDER BY {name}"
    )
    sql = compile_adql(text, catalog).sql
    assert f'"{name}"."{name}" AS "{name}" FROM t AS "{name}" INNER JOIN u AS "b" ON' in sql and "ORDER BY 1" in sql
