"""Queries that both engines must answer with the same rows: sorted by unique keys, or one row alone."""

from __future__ import annotations

TO_SPARK = {
    "counts": "SELECT COUNT(*) AS n, COUNT(DISTINCT band) AS bands, MIN(psfFlux) AS least, MAX(psfFlux) AS most "
    "FROM dp1.ForcedSource",
    "groups": "SELECT band, COUNT(*) AS n, AVG(psfFlux) AS mean, STDDEV(psfFlux) AS spread, MEDIAN(psfFlux) AS middle, "
    "SUM(psfFlux_flag) AS bad FROM dp1.ForcedSource GROUP BY band ORDER BY band",
    "histogram": "SELECT FLOOR(scisql_nanojanskyToAbMag(psfFlux) * 2) / 2 AS mag, COUNT(*) AS n FROM dp1.Source "
    "GROUP BY FLOOR(scisql_nanojanskyToAbMag(psfFlux) * 2) / 2 ORDER BY mag",
    "sky bins": "SELECT FLOOR(coord_ra * 20) AS x, FLOOR(coord_dec * 20) AS y, COUNT(*) AS n, MAX(objectId) AS last "
    "FROM dp1.Object GROUP BY FLOOR(coord_ra * 20), FLOOR(coord_dec * 20) ORDER BY x, y",
    "pixels": "SELECT ivo_healpix_index(10, coord_ra, coord_dec) AS pixel, COUNT(*) AS n FROM dp1.Object "
    "GROUP BY ivo_healpix_index(10, coord_ra, coord_dec) ORDER BY n DESC, pixel",
    "top": "SELECT TOP 50 objectId, coord_ra, coord_dec, g_psfFlux, g_psfMag, g_psfMag - r_psfMag AS colour, "
    "refExtendedness FROM dp1.Object WHERE g_psfFlux > 300 AND detect_isIsolated = 1 ORDER BY g_psfFlux DESC, objectId",
    "sorted": "SELECT sourceId, visit, detector, ra, dec, psfFlux, psfFluxErr FROM dp1.Source "
    "WHERE psfFlux / psfFluxErr > 20 ORDER BY sourceId",
    "offset": "SELECT objectId, coord_ra FROM dp1.Object WHERE coord_dec IS NOT NULL ORDER BY objectId OFFSET 25",
    "join": "SELECT o.objectId, COUNT(*) AS n, MIN(f.psfFlux) AS least, MAX(f.psfFlux) - MIN(f.psfFlux) AS swing "
    "FROM dp1.Object AS o JOIN dp1.ForcedSource AS f ON f.objectId = o.objectId WHERE o.refExtendedness = 0 "
    "GROUP BY o.objectId HAVING COUNT(*) > 2 ORDER BY n DESC, o.objectId",
    "outer join": "SELECT s.visit, s.detector, COUNT(s.sourceId) AS n, MAX(v.expMidptMJD) AS mjd FROM dp1.Source AS s "
    "LEFT JOIN dp1.Visit AS v ON v.visit = s.visit GROUP BY s.visit, s.detector ORDER BY s.visit, s.detector",
    "near": "SELECT o.objectId, s.sourceId, DISTANCE(POINT(s.ra, s.dec), POINT(o.coord_ra, o.coord_dec)) AS apart "
    "FROM dp1.Object AS o JOIN dp1.Source AS s ON DISTANCE(POINT(s.ra, s.dec), POINT(o.coord_ra, o.coord_dec)) "
    "< 0.0003 WHERE s.psfFlux > 5000 ORDER BY o.objectId, s.sourceId",
    "with": "WITH bright (id, mag) AS (SELECT objectId, r_psfMag FROM dp1.Object WHERE r_psfMag < 23) "
    "SELECT FLOOR(mag) AS bin, COUNT(*) AS n, MIN(id) AS first FROM bright GROUP BY FLOOR(mag) ORDER BY bin",
    "in": "SELECT objectId, tract, patch FROM dp1.Object WHERE objectId IN "
    "(SELECT objectId FROM dp1.ForcedSource WHERE psfFlux > 20000) ORDER BY objectId",
    "union": "SELECT band, visit FROM dp1.Source WHERE psfFlux > 10000 UNION SELECT band, visit FROM dp1.ForcedSource "
    "WHERE psfFlux > 10000 ORDER BY band, visit",
    "except": "SELECT visit FROM dp1.ForcedSource EXCEPT SELECT visit FROM dp1.Source WHERE band = 'r' ORDER BY visit",
    "distinct": "SELECT DISTINCT band, detector FROM dp1.ForcedSource ORDER BY band, detector",
    "texts": "SELECT UPPER(band) || '-' || CAST(visit AS VARCHAR) AS label, CHAR_LENGTH(band) AS n, COUNT(*) AS rows_ "
    "FROM dp1.Source WHERE band LIKE '%' AND band IN ('g', 'r', 'i') GROUP BY band, visit ORDER BY label",
    "case": "SELECT CASE WHEN psfFlux < 0 THEN 'negative' WHEN psfFlux < 1000 THEN 'faint' ELSE 'bright' END AS kind, "
    "COUNT(*) AS n FROM dp1.ForcedSource GROUP BY CASE WHEN psfFlux < 0 THEN 'negative' WHEN psfFlux < 1000 THEN "
    "'faint' ELSE 'bright' END ORDER BY kind",
    "numbers": "SELECT objectId, ROUND(coord_ra, 3) AS r, CEILING(g_psfFlux / 7) AS c, "
    "CAST(r_psfFlux AS INTEGER) AS w, "
    "TRUNCATE(coord_dec, 2) AS t, MOD(objectId, 7) AS m, ABS(coord_dec) AS a, SIGN(r_psfFlux) AS s, "
    "g_psfFlux * 2 + r_psfFlux / 3 AS f, LOG10(r_psfFlux) AS l, BIT_XOR(tract, 3) AS x, "
    "SIN(coord_ra) * COS(coord_dec) AS p, GREATEST(g_psfFlux, r_psfFlux, 0) AS most FROM dp1.Object "
    "WHERE MOD(objectId, 5) = 0 ORDER BY objectId",
    "not in a region": "SELECT COUNT(*) AS n, SUM(psfFlux) AS light FROM dp1.Source WHERE CONTAINS(POINT(ra, dec), "
    "CIRCLE(53, -28, 0.1)) = 0 AND INTERSECTS(POINT(ra, dec), POLYGON(52, -27, 54, -27, 53, -29)) = 0",
    "no rows": "SELECT objectId, g_psfFlux FROM dp1.Object WHERE g_psfFlux > 1e30 ORDER BY objectId",
    "other release": "SELECT ccdVisitId, COUNT(*) AS n FROM dp02_dc2_catalogs.Source GROUP BY ccdVisitId "
    "ORDER BY ccdVisitId",
    "probe": "SELECT 'probe' AS who, 'scan' AS what, objectId, coord_ra, coord_dec, psfFlux FROM "
    "dp02_dc2_catalogs.ForcedSource WHERE psfFlux BETWEEN 300.0 AND 320.0 ORDER BY objectId, psfFlux",
    "alias": "SELECT COUNT(*) AS n, FLOOR(-2.5 * LOG10(r_cModelFlux) + 31.4) AS abMag FROM dp02_dc2_catalogs.Object "
    "WHERE refExtendedness = 0 AND r_cModelFlux > 0.0 GROUP BY abMag ORDER BY abMag",
    "colours": "SELECT FLOOR((g_psfMag - r_psfMag) / 0.2) AS gr, FLOOR((r_psfMag - i_psfMag) / 0.2) AS ri, COUNT(*) "
    "AS n FROM dp1.Object WHERE g_psfFlux > 0 AND r_psfFlux > 0 AND i_psfFlux > 0 GROUP BY gr, ri ORDER BY gr, ri",
    "not null": "SELECT COUNT(ssObjectId) AS n, COUNT(*) AS rows_ FROM dp1.DiaSource WHERE ssObjectId != 0",
    "orbits": "SELECT ssObjectId, mpcDesignation, epoch, q, e, incl, mpcH FROM dp1.MPCORB WHERE q/(1.0-e) > 1.8 AND "
    "q/(1.0-e) < 3.7 AND e < 1.0 AND q > 1.3 ORDER BY ssObjectId",
    "text order": "SELECT TOP 15 mpcDesignation, q FROM dp1.MPCORB ORDER BY mpcDesignation DESC",
    "comma": "SELECT mpc.ssObjectId, mpc.q, mpc.e, sso.numObs FROM dp1.MPCORB AS mpc, dp1.SSObject AS sso WHERE "
    "mpc.ssObjectId = sso.ssObjectId ORDER BY mpc.ssObjectId",
    "three": "SELECT sss.ssObjectId, sss.heliocentricDist, dia.midpointMjdTai, dia.band, sso.numObs FROM "
    "dp1.SSSource AS sss JOIN dp1.DiaSource AS dia ON sss.diaSourceId = dia.diaSourceId JOIN dp1.SSObject AS sso ON "
    "sso.ssObjectId = sss.ssObjectId WHERE dia.ssObjectId > 0 ORDER BY sss.diaSourceId",
    "right join": "SELECT d.diaObjectId, COUNT(f.psfFlux) AS n FROM dp1.ForcedSourceOnDiaObject AS f RIGHT JOIN "
    "dp1.DiaObject AS d ON d.diaObjectId = f.diaObjectId GROUP BY d.diaObjectId ORDER BY d.diaObjectId",
    "full join": "SELECT m.ssObjectId, s.ssObjectId AS other, m.q, s.numObs FROM dp1.MPCORB AS m FULL OUTER JOIN "
    "dp1.SSObject AS s ON s.ssObjectId = m.ssObjectId ORDER BY m.ssObjectId, other",
    "using": "SELECT visit, COUNT(*) AS n, MIN(v.expMidptMJD) AS mjd FROM dp1.Source AS s JOIN dp1.Visit AS v USING "
    "(visit) GROUP BY visit ORDER BY visit",
    "intersect": "SELECT visit, band FROM dp1.Source INTERSECT SELECT visit, band FROM dp1.DiaSource ORDER BY visit, "
    "band",
    "union all": "SELECT band, COUNT(*) AS n FROM dp1.Source GROUP BY band UNION ALL SELECT band, COUNT(*) AS n FROM "
    "dp1.DiaSource GROUP BY band ORDER BY n, band",
    "exists": "SELECT o.objectId FROM dp1.Object AS o WHERE EXISTS (SELECT f.visit FROM dp1.ForcedSource AS f WHERE "
    "f.objectId = o.objectId AND f.psfFlux > 30000) ORDER BY o.objectId",
    "not in": "SELECT COUNT(*) AS n FROM dp1.Object WHERE objectId NOT IN (SELECT objectId FROM dp1.ForcedSource)",
    "scalar": "SELECT COUNT(*) AS n FROM dp1.Object WHERE g_psfFlux > (SELECT AVG(g_psfFlux) FROM dp1.Object)",
    "inner select": "SELECT a.n AS visits, COUNT(*) AS objects FROM (SELECT objectId, COUNT(*) AS n FROM "
    "dp1.ForcedSource GROUP BY objectId) AS a GROUP BY a.n ORDER BY a.n",
    "two with": "WITH a AS (SELECT objectId, AVG(psfFlux) AS mean FROM dp1.ForcedSource WHERE band = 'r' GROUP BY "
    "objectId), b AS (SELECT objectId, r_psfFlux AS flux FROM dp1.Object WHERE r_psfFlux > 500) SELECT a.objectId, "
    "a.mean, b.flux, a.mean / b.flux AS ratio FROM a JOIN b ON a.objectId = b.objectId ORDER BY a.objectId",
    "nulls": "SELECT COUNT(*) AS n, COUNT(g_psfFlux) AS g, SUM(CASE WHEN g_psfFlux IS NULL THEN 1 ELSE 0 END) AS "
    "none, AVG(COALESCE(g_psfFlux, 0)) AS mean FROM dp1.Object WHERE r_psfFlux IS NOT NULL",
    "null order": "SELECT objectId, g_psfFlux FROM dp1.Object WHERE MOD(objectId, 3) = 1 ORDER BY g_psfFlux, "
    "objectId",
    "letters": "SELECT DISTINCT LOWER(band) AS low, SUBSTRING(band, 1, 1) AS first FROM dp1.Source WHERE band ILIKE "
    "'R' OR band NOT IN ('g', 'i') ORDER BY low",
    "powers": "SELECT sourceId, POWER(psfFlux, 2) AS p, SQRT(ABS(psfFlux)) AS q, EXP(-psfFluxErr / 100) AS e, "
    "LOG(psfFluxErr) AS l, ATAN2(ra, dec) AS a, DEGREES(RADIANS(ra)) AS d, PI() AS pi FROM dp1.Source WHERE "
    "MOD(sourceId, 20) = 0 ORDER BY sourceId",
    "bits": "SELECT visitId, BIT_AND(visitId, 255) AS a, BIT_OR(visitId, 4096) AS o, BIT_NOT(detector) AS n, "
    "detector - 5 AS d, MOD(detector - 5, 3) AS m, visitId / 7 AS part FROM dp1.CcdVisit ORDER BY visitId, detector",
    "flags": "SELECT COUNT(*) AS n FROM dp1.Object WHERE detect_isIsolated = 'true' AND NOT (g_psfFlux_flag = 1) OR "
    "r_psfFlux_flag",
    "errors": "SELECT objectId, scisql_nanojanskyToAbMagSigma(r_psfFlux, r_psfFluxErr) AS s, r_psfFlux / "
    "r_psfFluxErr AS sn FROM dp1.Object WHERE r_psfFlux / r_psfFluxErr > 5 AND refExtendedness = 1 ORDER BY objectId",
    "paged": "SELECT TOP 20 objectId, r_psfMag FROM dp1.Object WHERE r_psfMag < 26 ORDER BY 2 DESC, 1 OFFSET 7",
    "distance": "SELECT objectId, DISTANCE(POINT(coord_ra, coord_dec), POINT(53.1, -27.9)) AS apart FROM dp1.Object "
    "WHERE r_psfFlux > 1000 ORDER BY apart, objectId",
    "band of sky": "SELECT COUNT(*) AS n, MIN(coord_ra) AS a, MAX(coord_ra) AS b FROM dp1.Object WHERE coord_dec "
    "BETWEEN -28.2 AND -27.9",
    "casts": "SELECT sourceId, CAST(psfFlux AS BIGINT) AS b, CAST(detector AS DOUBLE) / 3 AS d, CAST(ra AS REAL) AS "
    "r, CAST(visit AS VARCHAR) AS v, CAST(psfFlux AS SMALLINT) AS s FROM dp1.Source WHERE psfFlux BETWEEN -3000 AND "
    "3000 AND MOD(sourceId, 10) = 0 ORDER BY sourceId",
    "last": "SELECT visit, ROUND(AVG(psfFlux), 1) AS mean, MIN(midpointMjdTai) AS begin_, VAR_POP(psfFlux) AS v, "
    "MEDIAN(psfFlux) AS p FROM dp1.DiaSource GROUP BY visit HAVING COUNT(*) > 3 ORDER BY visit",
}  # fmt: skip
# Enough to do for seconds, in a dozen tasks: pairs of every measurement with a few of the objects.
LONG = (
    "SELECT b.objectId, COUNT(*) AS n, MAX(a.flux) AS most FROM "
    "(SELECT objectId, visit, MAX(psfFlux) AS flux FROM dp1.ForcedSource GROUP BY objectId, visit) AS a JOIN "
    "(SELECT objectId, MAX(psfFlux) AS flux FROM dp1.ForcedSource WHERE MOD(objectId, 128) = 0 GROUP BY objectId) AS b "
    "ON a.flux > b.flux / 3 GROUP BY b.objectId ORDER BY b.objectId"
)
TO_DUCK = {
    "cone": "SELECT objectId FROM dp1.Object WHERE CONTAINS(POINT(coord_ra, coord_dec), CIRCLE(53, -28, 0.1)) = 1",
    "polygon": "SELECT COUNT(*) AS n FROM dp1.Source WHERE CONTAINS(POINT(ra, dec), POLYGON(53, -28, 53.1, "
    "-28, 53, -27.9)) = 1",
    "near": "SELECT objectId FROM dp1.Object WHERE DISTANCE(POINT(coord_ra, coord_dec), POINT(53, -28)) < 0.02 "
    "ORDER BY objectId",
    "cone and join": "SELECT o.objectId, COUNT(*) AS n FROM dp1.Object AS o JOIN dp1.ForcedSource AS f ON f.objectId = "
    "o.objectId WHERE CONTAINS(POINT(o.coord_ra, o.coord_dec), CIRCLE(53, -28, 0.01)) = 1 GROUP BY o.objectId",
    "id": "SELECT visit, psfFlux FROM dp1.ForcedSource WHERE objectId = 1",
    "ids": "SELECT band, COUNT(*) AS n FROM dp1.ForcedSource WHERE objectId IN (1, 2, 3) GROUP BY band ORDER BY band",
    "first rows": "SELECT * FROM dp1.Object",
    "schema": "SELECT COUNT(*) AS n FROM tap_schema.columns",
    "random": "SELECT objectId FROM dp1.Object WHERE RAND() < 0.1 ORDER BY objectId",
    "outline": "SELECT COUNT(*) AS n FROM ivoa.ObsCore WHERE AREA(s_region) > 0.01",
}  # fmt: skip
